//! What the checks found: refusals, warnings, and what came out well. All of it, not the first only.

use crate::observe::inventory::MemberView;
use crate::plan::model::{Check, CheckOutcome, Note, Refusal};
use crate::units::{Advised, MemberName};

/// Collects while the planner looks.
#[derive(Debug, Default)]
pub struct Findings {
    pub refusals: Vec<Refusal>,
    pub checks: Vec<Check>,
    pub warnings: Vec<Note>,
}

/// The words of a refusal, in the order in which a person reads them.
pub struct Words {
    pub seen: String,
    pub must: String,
    pub fix: String,
}

/// `m1 is`, `m1 and m2 are`.
pub fn whom(names: &[MemberName], one: &str, many: &str) -> String {
    match names {
        [] => format!("nobody {one}"),
        [only] => format!("{only} {one}"),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(MemberName::as_str).collect();
            format!("{} and {last} {many}", most.join(", "))
        }
    }
}

impl Findings {
    pub fn refuse(&mut self, rule: &str, view: Option<&MemberView>, words: Words, source: Option<&str>) {
        // Who saw it may know better what to do about it than the rule does.
        let Advised { seen, advice } = Advised::of(&words.seen);
        let fix = if advice.is_empty() { words.fix } else { format!("{}; then plan again", advice.join("; ")) };
        let refusal = Refusal {
            rule: rule.to_owned(),
            member: view.map(|view| view.name.clone()),
            host: view.map(|view| view.host_label.clone()),
            seen,
            must: words.must,
            fix,
            source: source.map(str::to_owned),
            diff: Vec::new(),
        };
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    /// Beside the last refusal: what quorate would do about it, if it were allowed to.
    pub fn propose(&mut self, instead: &str, diff: impl Iterator<Item = String>) {
        if let Some(refusal) = self.refusals.last_mut() {
            refusal.fix.push_str(instead);
            refusal.diff.extend(diff);
        }
    }

    pub fn pass(&mut self, rule: &str, text: impl Into<String>) {
        self.check(rule, CheckOutcome::Passed, text.into());
    }

    pub fn later(&mut self, rule: &str, text: impl Into<String>) {
        self.check(rule, CheckOutcome::Later, text.into());
    }

    pub fn warn(&mut self, rule: &str, member: Option<&MemberName>, text: impl Into<String>, source: Option<&str>) {
        let text = text.into();
        self.warnings.push(Note {
            rule: rule.to_owned(),
            member: member.cloned(),
            text,
            source: source.map(str::to_owned),
        });
    }

    fn check(&mut self, rule: &str, outcome: CheckOutcome, text: String) {
        self.checks.push(Check { rule: rule.to_owned(), outcome, text });
    }
}
