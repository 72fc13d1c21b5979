//! Collects what checks come to.

use crate::drift::{Check, Finding, Made, Outcome};
use crate::observe::inventory::MemberView;
use crate::units::Advised;

/// The words of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What in the member it is about, where a check may find several: an option, a file, another member.
    pub subject: String,
    pub declared: String,
    pub found: String,
    /// In place of what the rule says is to be done.
    pub todo: Option<String>,
}

impl Words {
    pub fn new(declared: impl Into<String>, found: impl Into<String>) -> Self {
        Self { subject: String::new(), declared: declared.into(), found: found.into(), todo: None }
    }

    pub fn about(self, subject: impl ToString) -> Self {
        Self { subject: subject.to_string(), ..self }
    }

    pub fn todo(self, what: impl Into<String>) -> Self {
        Self { todo: Some(what.into()), ..self }
    }
}

/// What a check comes to: what it found, which may be nothing; or why it could not be made.
pub type Judged = Result<Vec<Words>, String>;

/// A check that asks for one thing.
pub fn one(words: Option<Words>) -> Judged {
    Ok(words.into_iter().collect())
}

#[derive(Debug, Default)]
pub struct Judge {
    checks: Vec<Made>,
    findings: Vec<Finding>,
}

impl Judge {
    /// `view`: the member that it is about; of the cluster without.
    pub fn take(&mut self, check: Check, view: Option<&MemberView>, judged: Judged) {
        let outcome = match judged {
            Err(why) => Outcome::NotMade { why: Advised::of(&why).seen },
            Ok(words) if words.is_empty() => Outcome::Holds,
            Ok(words) => {
                self.findings.extend(words.into_iter().map(|words| finding(check, view, words)));
                Outcome::Found
            }
        };
        self.checks.push(Made { check, member: view.map(|view| view.name.clone()), outcome });
    }

    pub fn finish(self) -> (Vec<Made>, Vec<Finding>) {
        (self.checks, self.findings)
    }
}

fn finding(check: Check, view: Option<&MemberView>, words: Words) -> Finding {
    // Who saw it may know better what to do about it than the rule does.
    let Advised { seen, advice } = Advised::of(&words.found);
    let todo =
        if advice.is_empty() { words.todo.unwrap_or_else(|| check.rule().fix.to_owned()) } else { advice.join("; ") };
    Finding {
        check,
        severity: check.severity(),
        member: view.map(|view| view.name.clone()),
        subject: words.subject,
        host: view.map(|view| view.host_label.clone()),
        declared: words.declared,
        found: seen,
        todo,
    }
}
