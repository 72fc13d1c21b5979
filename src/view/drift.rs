//! What is not as it is declared, or not well, for people and for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::escape::escape;
use super::json::JSON_FORMAT;
use super::page::{Page, Style, Tone, cell};
use super::words::{count, whole_second};
use crate::drift::{Drift, Finding, Outcome, Severity};
use crate::watch::Last;

const LABEL: usize = 10;

#[must_use]
pub fn drift_json(drift: &Drift) -> Value {
    json!({ "type": "drift", "format": JSON_FORMAT, "count": drift.findings.len(), "drift": drift })
}

#[must_use]
pub fn drift_text(drift: &Drift, style: Style) -> String {
    let mut page = Page::new(style);
    let tone = match (drift.is_none(), drift.count(Severity::Critical)) {
        (true, _) => Tone::Good,
        (false, 0) => Tone::Warn,
        (false, _) => Tone::Bad,
    };
    page.text(0, tone, &headline(drift));
    if let Some(run) = &drift.under_way {
        page.text(
            2,
            Tone::Warn,
            &format!("Run {run} goes on right now: what it changes is neither as it was nor as it will be."),
        );
    }
    for (place, finding) in drift.findings.iter().enumerate() {
        page.blank();
        write_finding(&mut page, place + 1, finding);
    }
    if !drift.is_none() {
        page.blank();
    }
    page.text(0, Tone::Plain, &tally(drift));
    for (why, checks) in not_made(drift) {
        page.row(2, &[cell(Tone::Faint, "not made", LABEL)], Tone::Faint, &format!("{}: {why}", checks.join(", ")));
    }
    if let Some(first) = drift.findings.first() {
        let several = drift.findings.iter().any(|finding| finding.check != first.check);
        let (of, other) = if several { ("each", ", and so on") } else { ("it", "") };
        page.text(0, Tone::Faint, &format!("More about {of}: quorate explain {}{other}", first.check.name()));
    }
    page.finish()
}

/// In one sentence.
pub(super) fn headline(drift: &Drift) -> String {
    if drift.is_none() {
        return format!("Cluster {}: no drift. It is as declared, at {}.", drift.cluster, drift.declared);
    }
    let critical = match drift.count(Severity::Critical) {
        0 => String::new(),
        number => format!(", {number} of them critical"),
    };
    format!("Cluster {}: drift. {}{critical}.", drift.cluster, count(drift.findings.len(), "finding", "findings"))
}

/// How many checks there were, and how they came out.
pub(super) fn tally(drift: &Drift) -> String {
    let of = |wanted: fn(&Outcome) -> bool| drift.checks.iter().filter(|made| wanted(&made.outcome)).count();
    let mut parts = vec![format!("{} hold", of(|outcome| *outcome == Outcome::Holds))];
    match of(|outcome| *outcome == Outcome::Found) {
        0 => {}
        found => parts.push(format!("{found} found something")),
    }
    match of(|outcome| matches!(outcome, Outcome::NotMade { .. })) {
        0 => {}
        not_made => parts.push(format!("{not_made} could not be made")),
    }
    format!(
        "{}: {}. Looked at {}.",
        count(drift.checks.len(), "check", "checks"),
        parts.join(", "),
        whole_second(&drift.looked_at)
    )
}

/// The checks that could not be made, by the reason.
pub(super) fn not_made(drift: &Drift) -> BTreeMap<String, Vec<String>> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for made in &drift.checks {
        let Outcome::NotMade { why } = &made.outcome else { continue };
        let whose = made.member.as_ref().map(|member| format!("{member}: ")).unwrap_or_default();
        let checks = reasons.entry(format!("{whose}{why}")).or_default();
        checks.push(made.check.name().to_owned());
    }
    reasons
}

/// Whom a finding is about.
pub(super) fn whom(finding: &Finding) -> String {
    match (&finding.member, &finding.host) {
        (Some(member), Some(host)) => format!("{member} on {host}"),
        (Some(member), None) => member.to_string(),
        (None, _) => "the whole cluster".to_owned(),
    }
}

pub(super) fn write_finding(page: &mut Page, number: usize, finding: &Finding) {
    let tone = match finding.severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warn,
    };
    let title = format!("{}: {} ({})", whom(finding), finding.check.name(), finding.severity.word());
    page.row(2, &[cell(tone, &number.to_string(), 4)], Tone::Strong, &title);
    for (label, text) in [("declared", &finding.declared), ("found", &finding.found), ("do", &finding.todo)] {
        page.row(6, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, text);
    }
}

/// One look of many, for a log: a line, and one for each finding.
#[must_use]
pub fn look_text(last: &Last, style: Style) -> String {
    let mut page = Page::new(style);
    let at = last.at.replace_nanosecond(0).unwrap_or(last.at).format(&Rfc3339).unwrap_or_default();
    let at = &[cell(Tone::Faint, &at, at.len() + 1)];
    match &last.drift {
        Err(why) => page.row(0, at, Tone::Bad, &format!("cannot look: {why}")),
        Ok(drift) => {
            page.row(0, at, if drift.is_none() { Tone::Good } else { Tone::Warn }, &headline(drift));
            for finding in &drift.findings {
                page.text(2, Tone::Plain, &format!("{}: {}: {}", whom(finding), finding.check.name(), finding.found));
            }
        }
    }
    page.finish()
}

/// For a pull request or a chat: one table, declared and found side by side.
#[must_use]
pub fn drift_markdown(drift: &Drift) -> String {
    let mut out = format!("### {}\n\n", markdown(&headline(drift)));
    if let Some(run) = &drift.under_way {
        out.push_str(&format!("Run {} goes on right now.\n\n", markdown(run)));
    }
    if !drift.is_none() {
        out.push_str("| severity | where | check | declared | found | what to do |\n|---|---|---|---|---|---|\n");
        for finding in &drift.findings {
            let cells = [
                finding.severity.word(),
                &whom(finding),
                finding.check.name(),
                &finding.declared,
                &finding.found,
                &finding.todo,
            ];
            out.push_str(&format!("| {} |\n", cells.map(markdown).join(" | ")));
        }
        out.push('\n');
    }
    out.push_str(&format!("{}\n", markdown(&tally(drift))));
    for (why, checks) in not_made(drift) {
        out.push_str(&format!("- not made: {}: {}\n", checks.join(", "), markdown(&why)));
    }
    out
}

/// Text that Markdown takes for nothing else, in one line, also inside a table.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in escape(text).chars() {
        match c {
            // HTML is Markdown as well, and a backslash does not keep every reader from it.
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' => out.push_str("&#124;"),
            // A mention of somebody.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// As JUnit writes it, for CI: each check a test case, the members as classes.
#[must_use]
pub fn drift_junit(drift: &Drift) -> String {
    let count = |wanted: fn(&Outcome) -> bool| drift.checks.iter().filter(|made| wanted(&made.outcome)).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        drift.checks.len(),
        count(|outcome| *outcome == Outcome::Found),
        count(|outcome| matches!(outcome, Outcome::NotMade { .. })),
    );
    let name = xml(&format!("drift of {}", drift.cluster));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{name}\" {counts}>\n  \
         <testsuite name=\"{name}\" {counts} timestamp=\"{}\">\n",
        xml(&drift.looked_at)
    );
    for made in &drift.checks {
        let class = match &made.member {
            Some(member) => format!("{}.{member}", drift.cluster),
            None => drift.cluster.to_string(),
        };
        let head = format!("    <testcase name=\"{}\" classname=\"{}\"", made.check.name(), xml(&class));
        match &made.outcome {
            Outcome::Holds => out.push_str(&format!("{head}/>\n")),
            Outcome::NotMade { why } => {
                out.push_str(&format!("{head}><skipped message=\"{}\"/></testcase>\n", xml(why)))
            }
            Outcome::Found => {
                let own = drift
                    .findings
                    .iter()
                    .filter(|finding| finding.check == made.check && finding.member == made.member);
                out.push_str(&format!("{head}>\n"));
                // One check is one test case: readers take the first failure for all of it.
                let own: Vec<&Finding> = own.collect();
                let message = own.iter().map(|finding| finding.found.as_str()).collect::<Vec<_>>().join("; ");
                let severity = own.first().map_or("", |finding| finding.severity.word());
                out.push_str(&format!("      <failure message=\"{}\" type=\"{severity}\">", xml(&message)));
                let told = own.iter().map(|finding| {
                    format!(
                        "declared: {}\nfound: {}\ndo: {}\n",
                        escape(&finding.declared),
                        escape(&finding.found),
                        escape(&finding.todo)
                    )
                });
                out.push_str(&xml_lines(&told.collect::<Vec<_>>().join("\n")));
                out.push_str("</failure>\n    </testcase>\n");
            }
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// For an attribute or an element, in one line. Control characters, which XML has no way to write, are written out.
fn xml(text: &str) -> String {
    xml_lines(&escape(text))
}

/// Text that is escaped line by line already.
fn xml_lines(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Not a character of XML.
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
