//! `quorate completion`: what a shell needs to complete command lines.
//!
//! The scripts are written here, from the definition of the command line, and not by a library: options are offered as
//! the documents write them, with one dash, and completed after a blank as well as after `=`. Each shell's own words
//! stand in `script.bash`, `script.zsh` and `script.fish`; the tables in them are made from clap's definition. Ids and
//! names are not in them: quorate is asked for those as somebody types (`candidates.rs`).

use std::ffi::OsString;

use clap::{Arg, Command};

use super::args::{CompletionArgs, Shell, command};
use super::context::Screen;
use super::exit::Exit;
use crate::view::Output;

mod bash;
mod candidates;
mod fish;
mod zsh;

pub use candidates::asked;

pub fn run(args: &CompletionArgs, screen: &Screen) -> Exit {
    screen.out.write(&script(args.shell));
    Exit::Success
}

/// What may stand next on a line. A shell that asks is never told of an error.
pub fn answer(line: &[OsString]) -> Exit {
    Output::stdout().write(&candidates::text(line));
    Exit::Success
}

fn script(shell: Shell) -> String {
    let places = places();
    match shell {
        Shell::Bash => bash::script(&places),
        Shell::Zsh => zsh::script(&places),
        Shell::Fish => fish::script(&places),
    }
}

/// A place on the command line: after `quorate`, after `quorate plan`, after `quorate backup list`.
struct Place {
    /// `backup list`; empty after `quorate`.
    path: String,
    /// Each with what it does.
    commands: Vec<(String, String)>,
    options: Vec<Choice>,
    /// What stands here without a dash, where that is no command.
    argument: Option<Value>,
}

/// An option: its name without dashes, and the value it takes.
struct Choice {
    name: String,
    about: String,
    value: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    File,
    Folder,
    OneOf(Vec<String>),
    /// The name of a command, and of a command of it.
    Commands,
    /// An id or a name: quorate is asked which there are.
    Asked,
    /// The same, or a folder.
    AskedOrFolder,
    /// Nothing that could be offered.
    Free,
}

fn places() -> Vec<Place> {
    let mut top = command();
    top.build();
    let mut places = Vec::new();
    add(&top, "", &mut places);
    places
}

fn add(command: &Command, path: &str, places: &mut Vec<Place>) {
    // What stands below `help` is the tree of all commands again.
    let is_help = command.get_name() == "help";
    let inner: Vec<&Command> = if is_help { Vec::new() } else { command.get_subcommands().collect() };
    places.push(Place {
        path: path.to_owned(),
        commands: inner.iter().map(|inner| (inner.get_name().to_owned(), first_line(inner.get_about()))).collect(),
        options: command.get_opts().chain(flags(command)).filter_map(choice).collect(),
        argument: match (is_help, path) {
            (true, "help") => Some(Value::Commands),
            (true, _) => {
                Some(Value::OneOf(command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect()))
            }
            // Not all that the help calls so is one that is there already.
            (false, "explain") => Some(Value::Asked),
            (false, _) => command.get_positionals().next().map(value),
        },
    });
    for inner in inner {
        add(inner, format!("{path} {}", inner.get_name()).trim_start(), places);
    }
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional() && !takes_value(arg))
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn choice(arg: &Arg) -> Option<Choice> {
    let name = arg.get_long()?.to_owned();
    Some(Choice { name, about: first_line(arg.get_help()), value: takes_value(arg).then(|| value(arg)) })
}

/// By the name that the help gives it.
fn value(arg: &Arg) -> Value {
    let choices = arg.get_possible_values();
    if !choices.is_empty() {
        return Value::OneOf(choices.iter().map(|choice| choice.get_name().to_owned()).collect());
    }
    match arg.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str) {
        Some("FILE" | "PLANFILE") => Value::File,
        Some("FOLDER") => Value::Folder,
        Some("ID") => Value::Asked,
        Some("BACKUP") => Value::AskedOrFolder,
        Some("COMMAND") => Value::Commands,
        _ => Value::Free,
    }
}

fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Where a shell's script knows an option by its name alone: a name takes a value everywhere or nowhere. `-out` is a
/// file of most commands, and a folder of `man`; who is offered files is offered folders as well.
fn options_with_values(places: &[Place]) -> Vec<(&str, &Value)> {
    let mut all: Vec<(&str, &Value)> = Vec::new();
    for option in places.iter().flat_map(|place| &place.options) {
        if let Some(value) = &option.value
            && !all.iter().any(|(name, _)| *name == option.name)
        {
            all.push((&option.name, value));
        }
    }
    all
}

/// The names of options whose values are such.
fn names_of(places: &[Place], wanted: impl Fn(&Value) -> bool) -> Vec<&str> {
    options_with_values(places).into_iter().filter(|(_, value)| wanted(value)).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_means_the_same_wherever_it_stands() {
        let places = places();
        for option in places.iter().flat_map(|place| &place.options) {
            let known = options_with_values(&places).into_iter().find(|(name, _)| *name == option.name);
            let known = known.map(|(_, value)| value);
            let is_path = |value: Option<&Value>| matches!(value, Some(Value::File | Value::Folder));
            let (a_file, here) = (known == Some(&Value::File), option.value.as_ref());
            assert!(known == here || a_file && is_path(here), "-{}: {known:?}, {here:?}", option.name);
        }
    }

    #[test]
    fn all_commands_and_options_are_offered_with_one_dash() {
        let marker = regex::Regex::new("@[A-Z_]+@").unwrap();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for word in ["plan", "prune", "detailed-exitcode", "chdir", "var-file"] {
                assert!(script.contains(word), "{shell:?} lacks {word}");
            }
            assert!(!script.contains("--detailed-exitcode"), "{script}");
            assert!(script.contains(candidates::WORD), "{shell:?} asks for no ids");
            assert!(!marker.is_match(&script), "a table is missing: {script}");
        }
    }

    #[test]
    fn values_are_known_by_the_names_that_the_help_gives_them() {
        let places = places();
        let of = |name: &str| options_with_values(&places).into_iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!((of("out"), of("chdir"), of("cluster")), (&Value::File, &Value::Folder, &Value::Free));
        let at = |path: &str| places.iter().find(|place| place.path == path).unwrap();
        assert_eq!(at("help").argument, Some(Value::Commands));
        assert_eq!(at("show").argument, Some(Value::File));
        for asked in ["runs show", "report", "backup verify", "explain"] {
            assert_eq!(at(asked).argument, Some(Value::Asked), "{asked}");
        }
        assert_eq!(at("restore").argument, Some(Value::AskedOrFolder));
        assert!(matches!(&at("completion").argument, Some(Value::OneOf(shells)) if shells.len() == 3));
        assert!(at("backup").commands.iter().any(|(name, _)| name == "verify"));
    }
}
