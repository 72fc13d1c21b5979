//! From the command line to the spec: what `validate` and `fmt` ask.

use std::path::Path;

use super::context::{Context, VariableInput};
use super::failure::Failure;
use crate::spec::{self, Diagnostic, Diagnostics, GivenOnLine, Inputs, Loaded};

/// Reads and checks the spec; talks to no host.
pub fn load(context: &Context) -> Result<Loaded, Failure> {
    let inputs = inputs(context)?;
    spec::load(&context.dir, &inputs).map_err(|Diagnostics(found)| failure(found))
}

/// What is wrong with a spec.
pub fn failure(found: Vec<Diagnostic>) -> Failure {
    Failure::Spec(reports(found))
}

/// The text of one file in the usual form. `name` is for messages.
pub fn format(name: &str, text: &str) -> Result<String, Failure> {
    spec::format(text).map_err(|mut wrong| {
        if let Some(place) = &mut wrong.place {
            place.file = name.to_owned();
        }
        failure(vec![wrong])
    })
}

/// As the view takes them. Files below the current folder are called as a person there calls them.
pub fn reports(mut found: Vec<Diagnostic>) -> Vec<miette::Report> {
    // Only for messages: without it, names stay as long as they are.
    let here = std::env::current_dir().unwrap_or_default();
    for place in found.iter_mut().filter_map(|one| one.place.as_mut()) {
        if let Ok(short) = Path::new(&place.file).strip_prefix(&here) {
            place.file = short.display().to_string();
        }
    }
    found.into_iter().map(miette::Report::new).collect()
}

/// What was given to the variables of the spec.
pub fn inputs(context: &Context) -> Result<Inputs, Failure> {
    inputs_of(&context.inputs, context.environment.clone())
}

/// The same, of what a command line gives and an environment.
pub fn inputs_of(given: &[VariableInput], env: Vec<(String, String)>) -> Result<Inputs, Failure> {
    let mut inputs = Inputs { env, ..Inputs::default() };
    let mut values = 0;
    for input in given {
        inputs.given.push(match input {
            VariableInput::File(path) => GivenOnLine::File(path.clone()),
            VariableInput::Value(text) => {
                values += 1;
                match text.split_once('=') {
                    Some((name, value)) if !name.trim().is_empty() => {
                        GivenOnLine::Value { name: name.trim().to_owned(), value: value.to_owned() }
                    }
                    // The text could be a secret without its name: it is not shown.
                    _ => return Err(Failure::Usage(format!("-var number {values} is not of the form NAME=VALUE"))),
                }
            }
        });
    }
    Ok(inputs)
}
