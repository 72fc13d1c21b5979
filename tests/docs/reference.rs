//! Pages of the reference that are made from the code.
//!
//!     QUORATE_WRITE_REFERENCE=1 cargo test --test docs
//!
//! writes them; without, the test fails where a page says something else than the code.

use std::fmt::Write as _;
use std::fs;

use quorate::cli::{MEANINGS, definition, examples_of};
use quorate::knowledge::{FactKind, Knowledge};
use quorate::units::RuleKind;
use quorate::view::all_rules;

use crate::pages::root;

const WRITE: &str = "QUORATE_WRITE_REFERENCE";
const MADE: &str = "Made from the code by `QUORATE_WRITE_REFERENCE=1 cargo test --test docs`; a test holds it there.";

/// Holds files against what the code says, or writes them.
#[derive(Default)]
pub struct Written {
    outdated: Vec<String>,
}

impl Written {
    pub fn file(&mut self, name: &str, text: &str) {
        let path = root().join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return;
        }
        if std::env::var_os(WRITE).is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            self.outdated.push(name.to_owned());
        }
    }

    pub fn check(self) {
        let how = format!("{WRITE}=1 cargo test --test docs");
        assert!(self.outdated.is_empty(), "not as the code is: {}\nwritten by: {how}", self.outdated.join(", "));
    }
}

#[test]
fn the_pages_are_current() {
    let mut written = Written::default();
    written.file("docs/reference/exit-codes.md", &exit_codes());
    written.file("docs/reference/command-line.md", &command_line());
    written.file("docs/reference/rules.md", &rules());
    written.check();
}

fn exit_codes() -> String {
    let mut page = format!("# Exit codes\n\n{MADE}\n\n| code | meaning |\n|---|---|\n");
    for row in MEANINGS {
        let codes: Vec<String> = row.codes.iter().map(ToString::to_string).collect();
        let _ = writeln!(page, "| {} | {} |", codes.join(", "), cell(row.meaning));
    }
    page.push_str(
        "\nWhere standard output cannot be written (a full disk), a command whose result is what it prints ends with 1. Of `apply`, \
         `backup`,\n`rollback` and `restore` the code stays that of the work; standard error says it. A reader that goes away \
         (`| head`) is no error.\n",
    );
    page
}

/// Everything that the command line takes, as the help has it.
fn command_line() -> String {
    let mut page = format!(
        "# Command line\n\n{MADE}\nWhat each command does, and how, is in [commands](commands.md). `-chdir`, `-no-color` and \
         `-help` are options of every\ncommand, and stand under `quorate` only.\n\n"
    );
    let mut top = definition().disable_help_subcommand(true);
    top.build();
    command(&top, "", &mut page);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn command(command: &clap::Command, path: &str, page: &mut String) {
    let name = format!("quorate {path}").trim_end().to_owned();
    let _ = writeln!(page, "## {name}\n");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(page, "{}.\n", cell(about.trim_end_matches('.')));
    let inner: Vec<&clap::Command> = command.get_subcommands().collect();
    if !inner.is_empty() {
        page.push_str("| command | what it does |\n|---|---|\n");
        for inner in &inner {
            let about = inner.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(page, "| [`{0}`](#{1}) | {2} |", inner.get_name(), anchor(&name, inner), cell(&about));
        }
        page.push('\n');
    }
    let arguments: Vec<&clap::Arg> = command.get_arguments().filter(|arg| path.is_empty() || !is_of_all(arg)).collect();
    if !arguments.is_empty() {
        page.push_str("| argument | meaning |\n|---|---|\n");
        for arg in arguments {
            let _ = writeln!(page, "| `{}` | {} |", written(arg), meaning(arg));
        }
        page.push('\n');
    }
    page.push_str("```sh\n");
    for example in examples_of(path) {
        let _ = writeln!(page, "# {}\n{}", example.what, example.line);
    }
    page.push_str("```\n\n");
    for inner in inner {
        self::command(inner, format!("{path} {}", inner.get_name()).trim_start(), page);
    }
}

fn anchor(above: &str, inner: &clap::Command) -> String {
    format!("{above} {}", inner.get_name()).replace(' ', "-")
}

fn is_of_all(arg: &clap::Arg) -> bool {
    ["chdir", "no_color", "help", "version"].contains(&arg.get_id().as_str())
}

/// `-out=FILE`, `[PLANFILE]`, `ID`.
fn written(arg: &clap::Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    match (arg.get_long(), value.filter(|_| arg.get_action().takes_values())) {
        (Some(long), Some(value)) => format!("-{long}={value}"),
        (Some(long), None) => match arg.get_short() {
            Some(short) => format!("-{short}, -{long}"),
            None => format!("-{long}"),
        },
        (None, value) => {
            let value = value.unwrap_or_else(|| arg.get_id().to_string());
            if arg.is_required_set() { value } else { format!("[{value}]") }
        }
    }
}

fn meaning(arg: &clap::Arg) -> String {
    // Options as the documents write them; clap knows them with two dashes only.
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace("'--", "'-");
    let mut text = cell(&help);
    if !text.ends_with(['.', '?']) {
        text.push('.');
    }
    let choices: Vec<String> =
        arg.get_possible_values().iter().map(|choice| format!("`{}`", choice.get_name())).collect();
    if !choices.is_empty() && arg.get_action().takes_values() {
        let _ = write!(text, " One of {}.", choices.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        let _ = write!(text, " Without it: {}.", defaults.join(", "));
    }
    text
}

/// Every name that a plan, a refusal, a journal or an error shows.
fn rules() -> String {
    let mut page = format!(
        "# Rules\n\n{MADE}\n`quorate explain NAME` says the same, and of each fact of etcd why it holds and where it is from; \
         `quorate explain`\nlists options of etcd as well.\n\n"
    );
    for (kind, title, about) in [
        (RuleKind::Check, "Of plans", "Held to before there is a plan: refused, warned of, or passed."),
        (RuleKind::Gate, "Gates", "Waited for during a run, each within a bound."),
        (RuleKind::Drift, "Of `drift` and `status`", "Beside those of plans that they share."),
        (RuleKind::Spec, "Of specs", "Errors and warnings of a spec, and of what is given to its variables."),
        (RuleKind::Command, "Of commands", "Errors that end a command."),
    ] {
        let _ = writeln!(page, "## {title}\n\n{about}\n\n| name | what holds | why | what to do |\n|---|---|---|---|");
        for rule in all_rules().filter(|rule| rule.kind == kind) {
            let _ =
                writeln!(page, "| `{}` | {} | {} | {} |", rule.name, cell(rule.what), cell(rule.why), cell(rule.fix));
        }
        page.push('\n');
    }
    let knowledge = Knowledge::load(None).unwrap();
    page.push_str("## Facts of etcd\n\nWhat decisions rest on, from [`modules/etcd`](knowledge.md).\n\n| name | kind | what |\n|---|---|---|\n");
    for name in knowledge.names() {
        let Some(found) = knowledge.explain(name).filter(|found| found.kind != FactKind::Option) else { continue };
        let Some(fact) = found.fact else { continue };
        let kind = serde_json::to_value(found.kind).unwrap();
        let _ = writeln!(page, "| `{name}` | {} | {} |", kind.as_str().unwrap_or_default(), cell(&fact.what));
    }
    page
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
