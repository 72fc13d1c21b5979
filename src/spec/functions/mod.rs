//! Functions, by the names and with the habits of Terraform's. All are pure but `file` and `fileexists`, which read
//! below or beside the directory of the spec, bounded.

mod collections;
mod convert;
mod encoding;
mod files;
mod network;
mod numbers;
mod strings;

use std::collections::BTreeMap;
use std::path::Path;

use super::diagnostic::Failed;
use super::eval::{Cx, Outcome};
use super::rule::SpecRule;
use super::source::Site;
use super::value::{Number, Value};

/// The longest text that one call may make.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// A function: its name, how many arguments it takes, and what it does.
pub struct Function {
    pub name: &'static str,
    pub at_least: usize,
    /// `None` for any number.
    pub at_most: Option<usize>,
    run: fn(&mut Call) -> Result<Value, Wrong>,
}

const fn function(
    name: &'static str,
    at_least: usize,
    at_most: Option<usize>,
    run: fn(&mut Call) -> Result<Value, Wrong>,
) -> Function {
    Function { name, at_least, at_most, run }
}

/// The arguments of one call, without marks of secrecy: the result is marked by the caller.
pub struct Call<'a> {
    arguments: Vec<Value>,
    dir: &'a Path,
}

/// Why a call failed, and which argument is to blame. The text never repeats an argument: it may be secret.
pub struct Wrong {
    argument: Option<usize>,
    detail: String,
}

fn wrong(argument: usize, detail: impl Into<String>) -> Wrong {
    Wrong { argument: Some(argument), detail: detail.into() }
}

fn tables() -> impl Iterator<Item = &'static Function> {
    strings::ALL
        .iter()
        .chain(collections::ALL)
        .chain(convert::ALL)
        .chain(encoding::ALL)
        .chain(files::ALL)
        .chain(network::ALL)
        .chain(numbers::ALL)
}

pub fn find(name: &str) -> Option<&'static Function> {
    tables().find(|function| function.name == name)
}

/// All names, and the two that the evaluator knows itself.
pub fn names() -> impl Iterator<Item = &'static str> {
    tables().map(|function| function.name).chain(["try", "can"])
}

/// Calls a function; what is wrong is reported at the argument that it is about.
pub fn call(function: &Function, arguments: Vec<Value>, sites: &[Site], whole: Site, cx: &mut Cx) -> Outcome {
    let count = arguments.len();
    if count < function.at_least || function.at_most.is_some_and(|most| count > most) {
        let detail = format!("{}() takes {}; here it has {count}.", function.name, expected_count(function));
        return Err(cx.reports.error(SpecRule::Expression, whole, "Wrong number of arguments", detail));
    }
    let mut call = Call { arguments, dir: cx.dir };
    (function.run)(&mut call).map_err(|why| {
        let site = why.argument.and_then(|index| sites.get(index)).copied().unwrap_or(whole);
        report(function, site, why, cx)
    })
}

fn report(function: &Function, site: Site, why: Wrong, cx: &mut Cx) -> Failed {
    cx.reports.error(SpecRule::Expression, site, format!("{}() failed", function.name), why.detail)
}

fn expected_count(function: &Function) -> String {
    let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
    match (function.at_least, function.at_most) {
        (least, None) => format!("at least {least} {}", plural(least)),
        (least, Some(most)) if least == most => format!("{most} {}", plural(most)),
        (least, Some(most)) => format!("{least} to {most} arguments"),
    }
}

impl Call<'_> {
    fn count(&self) -> usize {
        self.arguments.len()
    }

    fn take(&mut self, index: usize) -> Value {
        self.arguments.get_mut(index).map_or(Value::Null, |argument| std::mem::replace(argument, Value::Null))
    }

    fn take_all(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.arguments)
    }

    fn type_of(&self, index: usize) -> &'static str {
        self.arguments.get(index).map_or("null", Value::type_name)
    }

    fn needs(&self, index: usize, what: &str) -> Wrong {
        wrong(index, format!("A {what} is needed here; this is a {}.", self.type_of(index)))
    }

    fn text(&self, index: usize) -> Result<String, Wrong> {
        self.arguments.get(index).and_then(Value::to_text).ok_or_else(|| self.needs(index, "string"))
    }

    fn number(&self, index: usize) -> Result<Number, Wrong> {
        self.arguments.get(index).and_then(Value::to_number).ok_or_else(|| self.needs(index, "number"))
    }

    fn whole(&self, index: usize) -> Result<i128, Wrong> {
        self.number(index)?.as_whole().ok_or_else(|| wrong(index, "A whole number is needed here."))
    }

    fn list(&mut self, index: usize) -> Result<Vec<Value>, Wrong> {
        match self.arguments.get(index) {
            Some(Value::List(_) | Value::Set(_)) => match self.take(index) {
                Value::List(items) | Value::Set(items) => Ok(items),
                _ => Ok(Vec::new()),
            },
            _ => Err(self.needs(index, "list")),
        }
    }

    fn texts(&mut self, index: usize) -> Result<Vec<String>, Wrong> {
        let items = self.list(index)?;
        let texts: Option<Vec<String>> = items.iter().map(Value::to_text).collect();
        texts.ok_or_else(|| wrong(index, "A list of strings is needed here; one element is none."))
    }

    fn map(&mut self, index: usize) -> Result<BTreeMap<String, Value>, Wrong> {
        match self.arguments.get(index) {
            Some(Value::Map(_)) => match self.take(index) {
                Value::Map(items) => Ok(items),
                _ => Ok(BTreeMap::new()),
            },
            _ => Err(self.needs(index, "map")),
        }
    }
}

/// Refuses a text before it is made, when it would be too long.
fn affordable(bytes: usize) -> Result<(), Wrong> {
    if bytes <= MAX_TEXT {
        return Ok(());
    }
    let limit = MAX_TEXT / 1024 / 1024;
    Err(Wrong { argument: None, detail: format!("The result would be longer than {limit} MB.") })
}

fn strings_to_list(texts: impl IntoIterator<Item = String>) -> Value {
    Value::List(texts.into_iter().map(Value::String).collect())
}
