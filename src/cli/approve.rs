//! The question before a cluster is touched. Only 'yes' will be accepted.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use super::context::{Context, Format, Screen};
use super::failure::Failure;
use crate::session::CommandRule;
use crate::view::{Output, TerminalKind};

/// More than anybody types for an answer.
const LONGEST_ANSWER: u64 = 1024;

/// Refuses where nobody can be asked: `apply` before hosts are looked at.
pub fn can_ask(screen: &Screen, command: &str) -> Result<(), Failure> {
    let back = if command == "rollback" { " -rollback" } else { "" };
    let todo = [
        format!("read the plan, then apply exactly it: quorate plan{back} -out=FILE, then quorate apply FILE"),
        format!("or approve beforehand whatever is planned: quorate {command} -auto-approve"),
    ];
    can_ask_for(&format!("{command} needs somebody to approve the plan"), &todo, screen)
}

/// The same, for another question.
pub fn can_ask_for(need: &str, todo: &[impl AsRef<str>], screen: &Screen) -> Result<(), Failure> {
    let why = if screen.format == Format::Json {
        "-json leaves no place for a question"
    } else if !std::io::stdin().is_terminal() {
        "standard input is not a terminal, so nobody can be asked"
    } else if question_goes_to(screen).is_none() {
        "neither standard output nor standard error is a terminal, so nobody can be asked"
    } else {
        return Ok(());
    };
    Err(Failure::Ruled {
        rule: CommandRule::Approved,
        message: format!("{need}: {why}"),
        todo: todo.iter().map(|what| what.as_ref().to_owned()).collect(),
    })
}

fn question_goes_to(screen: &Screen) -> Option<&Output> {
    if std::io::stdout().is_terminal() {
        Some(&screen.out)
    } else if std::io::stderr().is_terminal() || screen.err_terminal.kind == TerminalKind::Live {
        Some(&screen.err)
    } else {
        None
    }
}

/// Asks about a plan, and waits for the answer.
pub fn ask(context: &Context, cluster: &str, command: &str) -> Result<(), Failure> {
    let what = format!("Quorate will do what is described above, on cluster \"{cluster}\".");
    ask_whether("Do you want to perform these actions?", &what, command, &context.screen)
}

/// Asks a question of which only 'yes' is an answer.
pub fn ask_whether(question: &str, what: &str, command: &str, screen: &Screen) -> Result<(), Failure> {
    let out = question_goes_to(screen).unwrap_or(&screen.err);
    out.write(&crate::view::question_text(question, what, screen.style()));
    let mut answer = String::new();
    // An answer that is not text is not 'yes'.
    let read = std::io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer);
    out.write("\n");
    if read.is_ok() && is_yes(&answer) {
        return Ok(());
    }
    Err(Failure::Ruled {
        rule: CommandRule::Approved,
        message: format!("{command} was not approved: nothing was changed"),
        todo: Vec::new(),
    })
}

fn is_yes(answer: &str) -> bool {
    answer.strip_suffix('\n').unwrap_or(answer).trim_end_matches('\r') == "yes"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("yes\n") && is_yes("yes\r\n") && is_yes("yes"));
        for no in ["", "\n", "y\n", "Yes\n", "YES\n", "yes please\n", "yes yes\n", "no\n", " yes\n", "yes \n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
