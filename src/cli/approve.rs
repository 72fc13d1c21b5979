//! The question before a cluster is touched. Only 'yes' will be accepted.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use super::context::{Context, Format, Screen};
use super::failure::Failure;
use crate::view::{Output, TerminalKind};

/// More than anybody types for an answer.
const LONGEST_ANSWER: u64 = 1024;

/// Refuses where nobody can be asked: before hosts are looked at.
pub fn can_ask(screen: &Screen, command: &str) -> Result<(), Failure> {
    let why = if screen.format == Format::Json {
        "-json leaves no place for a question"
    } else if !std::io::stdin().is_terminal() {
        "standard input is not a terminal, so nobody can be asked"
    } else if question_goes_to(screen).is_none() {
        "neither standard output nor standard error is a terminal, so nobody can be asked"
    } else {
        return Ok(());
    };
    let read = match command {
        // Its plan rests on a trial of the backup, and is not saved.
        "restore" => "run it on a terminal: it shows the plan, and asks".to_owned(),
        "rollback" => saved_plan(" -rollback"),
        _ => saved_plan(""),
    };
    Err(Failure::Other {
        message: format!("{command} needs somebody to approve the plan: {why}"),
        todo: vec![read, format!("or approve beforehand whatever is planned: quorate {command} -auto-approve")],
    })
}

fn saved_plan(option: &str) -> String {
    format!("read the plan, then apply exactly it: quorate plan{option} -out=FILE, then quorate apply FILE")
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

/// Asks, and waits for the answer.
pub fn ask(context: &Context, cluster: &str, command: &str) -> Result<(), Failure> {
    let out = question_goes_to(&context.screen).unwrap_or(&context.screen.err);
    out.write(&crate::view::question_text(cluster, context.screen.style()));
    let mut answer = String::new();
    // An answer that is not text is not 'yes'.
    let read = std::io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer);
    out.write("\n");
    if read.is_ok() && is_yes(&answer) {
        return Ok(());
    }
    Err(Failure::other(format!("{command} was not approved: nothing was changed")))
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
