//! Errors in a spec: which rule, file, line, column, snippet, what to do; all at once. Where miette says code, it is the rule.

use std::fmt::Write as _;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, Severity};
use serde_json::{Value, json};

use super::escape::escape_lines;
use super::page::{Color, NARROWEST, Style, Tone, WIDEST, paint};
use super::refusal::more_about;
use super::words::count;

/// All reports, and how many there are.
///
/// The reports quote files, so they are laid out without colour, escaped as a whole, and coloured line by line after.
#[must_use]
pub fn diagnostics_text<'a>(diagnostics: impl IntoIterator<Item = &'a dyn Diagnostic>, style: Style) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(style.width.clamp(NARROWEST, WIDEST))
        .with_links(false);
    let (mut out, mut errors, mut warnings, mut rules) = (String::new(), 0, 0, Vec::new());
    for diagnostic in diagnostics {
        match severity(diagnostic) {
            Severity::Error => errors += 1,
            Severity::Warning | Severity::Advice => warnings += 1,
        }
        let rule = diagnostic.code().map(|rule| rule.to_string());
        let mut report = String::new();
        if handler.render_report(&mut report, diagnostic).is_err() {
            report = format!("  {diagnostic}");
        }
        out.push_str(&colored(&escape_lines(report.trim_end()), rule.as_deref(), style.color));
        out.push('\n');
        rules.extend(rule);
    }
    let _ = writeln!(out, "{}", total(errors, warnings));
    out + &more_about(rules.iter().map(String::as_str), style)
}

fn total(errors: usize, warnings: usize) -> String {
    match (errors, warnings) {
        (0, 0) => "The spec is valid.".to_owned(),
        (0, w) => format!("The spec is valid, with {}.", count(w, "warning", "warnings")),
        (e, 0) => format!("{} in the spec.", count(e, "error", "errors")),
        (e, w) => format!("{} and {} in the spec.", count(e, "error", "errors"), count(w, "warning", "warnings")),
    }
}

fn severity(diagnostic: &dyn Diagnostic) -> Severity {
    diagnostic.severity().unwrap_or(Severity::Error)
}

/// The first line is the rule, where there is one.
fn colored(report: &str, rule: Option<&str>, color: Color) -> String {
    let mut out = String::with_capacity(report.len());
    for (number, line) in report.lines().enumerate() {
        let start = line.trim_start();
        let tone = match start.chars().next() {
            _ if number == 0 && rule.is_some() => Tone::Strong,
            Some('×') => Tone::Bad,
            Some('⚠') => Tone::Warn,
            Some('☞') => Tone::Name,
            Some('╭' | '╰') => Tone::Faint,
            _ if start.starts_with("help:") => Tone::Name,
            _ => Tone::Plain,
        };
        out.push_str(&paint(color, tone, line));
        out.push('\n');
    }
    out
}

/// The same for programs, in the shape of `terraform validate -json`.
#[must_use]
pub fn diagnostics_json<'a>(diagnostics: impl IntoIterator<Item = &'a dyn Diagnostic>) -> Value {
    let diagnostics: Vec<&dyn Diagnostic> = diagnostics.into_iter().collect();
    let errors = diagnostics.iter().filter(|one| severity(**one) == Severity::Error).count();
    json!({
        "type": "diagnostics",
        "format": super::json::JSON_FORMAT,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": diagnostics.len() - errors,
        "diagnostics": diagnostics.iter().map(|one| one_json(*one)).collect::<Vec<_>>(),
    })
}

fn one_json(diagnostic: &dyn Diagnostic) -> Value {
    json!({
        "severity": match severity(diagnostic) {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        },
        "rule": diagnostic.code().map(|rule| rule.to_string()),
        "summary": diagnostic.to_string(),
        "help": diagnostic.help().map(|help| help.to_string()),
        "labels": labels(diagnostic),
    })
}

/// Where each label points: lines and columns from 1.
fn labels(diagnostic: &dyn Diagnostic) -> Vec<Value> {
    let Some(labels) = diagnostic.labels() else { return Vec::new() };
    let place = |label: miette::LabeledSpan| {
        let mut value = json!({ "text": label.label() });
        let contents = diagnostic.source_code().and_then(|code| code.read_span(label.inner(), 0, 0).ok());
        if let Some(contents) = contents {
            value["file"] = json!(contents.name());
            value["line"] = json!(contents.line() + 1);
            value["column"] = json!(contents.column() + 1);
        }
        value
    };
    labels.map(place).collect()
}
