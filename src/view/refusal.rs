//! Why there is no plan, and other reasons to stop before the first step: all of them at once.

use super::page::{Page, Style, Tone, cell};
use super::step::diff_tone;
use super::words::count;
use crate::plan::model::Refusal;

const LABEL: usize = 8;
/// The rule that a saved plan is held to.
pub(super) const STALE: &str = "saved-plan-holds";

/// Every reason why there is no plan.
#[must_use]
pub fn refusals_text(cluster: &str, refusals: &[Refusal], style: Style) -> String {
    let mut page = Page::new(style);
    let mut reasons: Vec<&Refusal> = refusals.iter().collect();
    reasons.sort();
    page.text(0, Tone::Bad, &format!("Refused: there is no safe plan for cluster {cluster}."));
    for (place, refusal) in reasons.iter().enumerate() {
        page.blank();
        write_refusal(&mut page, place + 1, refusal);
    }
    page.blank();
    let last = format!("{} Nothing was changed.", sentence(refusals.len()));
    page.text(0, Tone::Strong, &last);
    page.finish() + &more_about(reasons.iter().map(|reason| reason.rule.as_str()), style)
}

/// Where to read on: the first of the rules, and that there are others. Nothing where there is none.
#[must_use]
pub fn more_about<'a>(rules: impl IntoIterator<Item = &'a str>, style: Style) -> String {
    let mut rules = rules.into_iter();
    let Some(first) = rules.next() else { return String::new() };
    let (of, other) = if rules.any(|rule| rule != first) { ("each", ", and so on") } else { ("it", "") };
    let mut page = Page::new(style);
    page.text(0, Tone::Faint, &format!("More about {of}: quorate explain {first}{other}"));
    page.finish()
}

fn sentence(number: usize) -> String {
    format!("{} to refuse, listed above.", count(number, "reason", "reasons"))
}

fn write_refusal(page: &mut Page, number: usize, refusal: &Refusal) {
    let whom = match (&refusal.member, &refusal.host) {
        (Some(member), Some(host)) => format!("{member} on {host}"),
        (Some(member), None) => member.to_string(),
        (None, Some(host)) => host.clone(),
        (None, None) => "the whole cluster".to_owned(),
    };
    let number = number.to_string();
    page.row(2, &[cell(Tone::Bad, &number, 4)], Tone::Strong, &format!("{whom}: {}", refusal.rule));
    for (label, text) in [("seen", &refusal.seen), ("must", &refusal.must), ("do", &refusal.fix)] {
        page.row(6, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, text);
    }
    for line in &refusal.diff {
        page.verbatim(6 + LABEL, diff_tone(line), line);
    }
    if let Some(source) = &refusal.source {
        page.row(6, &[cell(Tone::Faint, "source", LABEL)], Tone::Faint, source);
    }
}

/// A saved plan that no longer fits what is there.
#[must_use]
pub fn stale_text(differences: &[String], style: Style) -> String {
    let mut page = Page::new(style);
    page.text(0, Tone::Bad, "Refused: the saved plan was made for another state of the cluster.");
    page.blank();
    for difference in differences {
        page.row(2, &[cell(Tone::Warn, "-", 2)], Tone::Plain, difference);
    }
    page.blank();
    let last = format!(
        "{} since the plan was made. Nothing was changed. Make a new one: quorate plan -out=FILE",
        count(differences.len(), "difference", "differences")
    );
    page.text(0, Tone::Strong, &last);
    page.finish() + &more_about([STALE], style)
}

/// An error with a rule behind it, which `explain` knows.
#[must_use]
pub fn ruled_error_text(message: &str, todo: &[String], rule: &str, style: Style) -> String {
    let mut page = Page::new(style);
    page.text(2, Tone::Faint, &format!("More about it: quorate explain {rule}"));
    error_text(message, todo, style) + &page.finish()
}

/// An error with what to do about it.
#[must_use]
pub fn error_text(message: &str, todo: &[String], style: Style) -> String {
    let mut page = Page::new(style);
    let mut lines = message.lines();
    page.row(0, &[cell(Tone::Bad, "Error:", 7)], Tone::Plain, lines.next().unwrap_or("no message"));
    for line in lines {
        page.text(2, Tone::Plain, line);
    }
    for what in todo {
        page.row(2, &[cell(Tone::Strong, "do:", 4)], Tone::Plain, what);
    }
    page.finish()
}
