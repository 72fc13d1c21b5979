//! Small things that commands say.

use std::path::Path;

use serde_json::{Value, json};

use super::backups::BackupSummary;
use super::escape::{escape, escape_lines};
use super::json::JSON_FORMAT;
use super::page::{Page, Style, Tone, paint};
use super::plan::last_line;
use crate::plan::model::{PLAN_FORMAT, Plan};
use crate::units::shell_words;

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 3;

/// After a plan: how to do exactly that.
#[must_use]
pub fn saved_text(plan: &Plan, file: Option<&Path>, again: &Again, style: Style) -> String {
    let mut page = Page::new(style);
    match file {
        Some(path) => {
            page.blank();
            page.text(0, Tone::Plain, &format!("Saved to {}. To do exactly this:", path.display()));
            again.write(&mut page);
        }
        None if !plan.is_empty() => {
            page.blank();
            page.text(0, Tone::Faint, "Nothing was changed. To do this:");
            again.write(&mut page);
            page.text(0, Tone::Faint, "To save it and do exactly this later: the same plan with -out=FILE");
        }
        None => {}
    }
    page.finish()
}

/// A command to be typed next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    pub words: Vec<String>,
    /// Variables to be given as they were: their values are not shown.
    pub untold: Vec<String>,
}

impl Again {
    /// As a shell takes it.
    #[must_use]
    pub fn command(&self) -> String {
        shell_words(&self.words)
    }

    /// For the middle of a sentence.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!("`{}`{}", self.command(), self.rest())
    }

    /// Another command on the same spec: what is given to this one alone is left out.
    #[must_use]
    pub fn as_command(&self, name: &str) -> Self {
        let (options, rest) = match self.words.iter().position(|word| !word.starts_with('-') && word != "quorate") {
            Some(place) => (&self.words[..place], &self.words[place + 1..]),
            None => (self.words.as_slice(), [].as_slice()),
        };
        let mut words = options.to_vec();
        words.push(name.to_owned());
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            if word == "-var" {
                words.extend([word.clone()].into_iter().chain(rest.next().cloned()));
            } else if word.starts_with('-') && !word.starts_with("-until=") {
                words.push(word.clone());
            }
        }
        Self { words, untold: self.untold.clone() }
    }

    /// Advice that names the bare command, with the options that were given: without them the spec may say another thing.
    #[must_use]
    pub fn told_in(&self, advice: &str) -> String {
        let named =
            ["apply", "rollback", "restore"].into_iter().find(|name| self.words.iter().any(|word| word == name));
        let (Some(name), true) = (named, self.words.len() > 2) else { return advice.to_owned() };
        let mut told = String::new();
        let mut rest = advice;
        while let Some((before, after)) = rest.split_once(&format!("`quorate {name}")) {
            let Some((argument, behind)) = after.split_once('`') else { break };
            told.push_str(before);
            // Of a restore the backup is named; anything else is another command.
            if argument.is_empty() || (name == "restore" && argument.starts_with(' ') && !argument.contains(" -")) {
                told.push_str(&self.in_words());
            } else {
                told.push_str(&format!("`quorate {name}{argument}`"));
            }
            rest = behind;
        }
        told + rest
    }

    fn rest(&self) -> String {
        match self.untold.as_slice() {
            [] => String::new(),
            names => format!(" (and -var {} as given; sensitive, so not shown)", names.join(", -var ")),
        }
    }

    fn write(&self, page: &mut Page) {
        page.verbatim(2, Tone::Strong, &escape(&self.command()));
        if !self.untold.is_empty() {
            page.text(2, Tone::Faint, self.rest().trim());
        }
    }
}

impl Default for Again {
    fn default() -> Self {
        Self { words: vec!["quorate".to_owned(), "apply".to_owned()], untold: Vec::new() }
    }
}

/// Before a saved plan is done.
#[must_use]
pub fn applying_text(plan: &Plan, file: &Path, style: Style) -> String {
    let mut page = Page::new(style);
    page.text(
        0,
        Tone::Strong,
        &format!("Cluster {}, as saved in {}: {}", plan.cluster, file.display(), last_line(plan)),
    );
    page.finish()
}

/// Where the report of a run is.
#[must_use]
pub fn report_text(path: &Path, style: Style) -> String {
    let mut page = Page::new(style);
    super::summary::row(&mut page, "report", &path.display().to_string());
    page.finish()
}

#[must_use]
pub fn report_json(run: &str, path: &Path, bytes: usize) -> Value {
    json!({ "type": "report", "format": JSON_FORMAT, "run": run, "path": path.display().to_string(), "bytes": bytes })
}

/// The run is over, whatever becomes of its report.
#[must_use]
pub fn report_failed_text(why: &str, style: Style) -> String {
    let mut page = Page::new(style);
    let why = why.split("\n  do: ").next().unwrap_or_default();
    let text = format!("Warning: the report of the run is not written: {why}. Later: quorate report");
    page.text(0, Tone::Warn, &text);
    page.finish()
}

/// The question before something is touched; the answer is typed after it.
#[must_use]
pub fn question_text(question: &str, what: &str, style: Style) -> String {
    let mut page = Page::new(style);
    page.blank();
    page.text(0, Tone::Strong, question);
    page.text(2, Tone::Plain, what);
    page.text(2, Tone::Plain, "Only 'yes' will be accepted to approve.");
    page.blank();
    page.finish() + "  " + &paint(style.color, Tone::Strong, "Enter a value:") + " "
}

/// What `fmt` says of a file that it changed, or would.
#[must_use]
pub fn changed_file_text(name: &str) -> String {
    escape(name) + "\n"
}

/// What changes in a file, as `diff -u` shows it.
#[must_use]
pub fn diff_text(name: &str, old: &str, new: &str, style: Style) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let text = diff.unified_diff().context_radius(CONTEXT_LINES).header(name, name).to_string();
    let mut out = String::new();
    for line in escape_lines(&text).lines() {
        let tone = match line.as_bytes().first() {
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            Some(b'@') => Tone::Faint,
            _ => Tone::Plain,
        };
        out.push_str(&paint(style.color, tone, line));
        out.push('\n');
    }
    out
}

#[must_use]
pub fn backup_json(backup: &BackupSummary) -> Value {
    json!({ "type": "backup", "format": JSON_FORMAT, "backup": backup })
}

#[must_use]
pub fn version_text() -> String {
    format!("quorate {}\n", env!("CARGO_PKG_VERSION"))
}

#[must_use]
pub fn version_json() -> Value {
    json!({
        "type": "version",
        "format": JSON_FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "plan_format": PLAN_FORMAT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_command_is_given_what_both_take() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        for (apply, rollback) in [
            (
                "quorate -chdir=prod apply -var a=1 -cluster=main -until=3.4",
                "quorate -chdir=prod rollback -var a=1 -cluster=main",
            ),
            ("quorate apply plan.json -var-file=f", "quorate rollback -var-file=f"),
            ("quorate apply", "quorate rollback"),
        ] {
            let again = Again { words: words(apply), untold: Vec::new() };
            assert_eq!(again.as_command("rollback").command(), rollback);
        }
    }

    #[test]
    fn advice_names_the_command_with_the_options_that_were_given() {
        let words = ["quorate", "apply", "-var", "release=3.2.32"].map(str::to_owned).to_vec();
        let again = Again { words, untold: vec!["token".to_owned()] };
        assert_eq!(
            again.told_in("then `quorate apply` again; `quorate plan` shows what is left"),
            "then `quorate apply -var release=3.2.32` (and -var token as given; sensitive, so not shown) again; \
             `quorate plan` shows what is left"
        );
        let words = ["quorate", "restore", "b1", "-var", "x=y"].map(str::to_owned).to_vec();
        let again = Again { words, untold: Vec::new() };
        assert_eq!(again.told_in("`quorate restore b1` again, and `"), "`quorate restore b1 -var x=y` again, and `");
        assert_eq!(Again::default().told_in("then `quorate apply` again"), "then `quorate apply` again");
    }

    #[test]
    fn a_diff_shows_what_changes_and_no_escape_codes() {
        let text = diff_text("a.hcl", "a  = 1\nb = \"\u{1b}[2J\"\n", "a = 1\nb = \"\u{1b}[2J\"\n", Style::plain(80));
        assert_eq!(text, "--- a.hcl\n+++ a.hcl\n@@ -1,2 +1,2 @@\n-a  = 1\n+a = 1\n b = \"\\u{1b}[2J\"\n");
        assert_eq!(diff_text("a.hcl", "same\n", "same\n", Style::plain(80)), "");
    }
}
