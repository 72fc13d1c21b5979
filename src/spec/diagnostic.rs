//! What is wrong with a spec, where, and what to do: collected while reading, shown when everything was read.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use super::rule::SpecRule;
use super::source::{Site, Sources};
use super::text;

/// More errors than this are counted, not shown.
const MAX_SHOWN: usize = 100;
/// What stands in place of a secret.
pub const REDACTED: &str = "(sensitive value)";
/// Secrets shorter than this are not searched for in messages: every other word would be one.
const SHORTEST_SECRET: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}{summary}", place_prefix(.place.as_deref()))]
pub struct Diagnostic {
    pub severity: Severity,
    /// What it is about: `quorate explain` says more under this name.
    pub rule: SpecRule,
    /// A few words: what is wrong.
    pub summary: String,
    /// What was seen, which rule, what to do.
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Box<Place>>,
}

/// Where in which file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
    /// The lines in question, cut to what fits a screen; empty where they may hold a secret.
    pub snippet: String,
    /// How many characters were cut from the start of the snippet.
    #[serde(skip)]
    pub(super) window: usize,
    /// The bytes of the snippet that the diagnostic is about.
    #[serde(skip)]
    pub(super) label: Range<usize>,
}

fn place_prefix(place: Option<&Place>) -> String {
    place.map(|place| format!("{}:{}:{}: ", place.file, place.line, place.column)).unwrap_or_default()
}

/// Everything that is wrong with a spec: at least one error, warnings as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, diagnostic) in self.0.iter().enumerate() {
            if count > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

/// The snippet as miette reads it: line and column numbers are those of the file it was cut from.
impl miette::SourceCode for Place {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let inner = self.snippet.as_str().read_span(span, context_lines_before, context_lines_after)?;
        let column =
            if inner.line() == 0 && inner.column() > 0 { inner.column() + self.window } else { inner.column() };
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.file.clone(),
            inner.data(),
            *inner.span(),
            inner.line() + self.line - 1,
            column,
            inner.line_count(),
        )))
    }
}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.rule.name()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.detail.is_empty()).then(|| Box::new(&self.detail) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        let place = self.place.as_deref()?;
        (!place.snippet.is_empty()).then_some(place as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let place = self.place.as_deref()?;
        let label = miette::LabeledSpan::new_with_span(None, place.label.clone());
        (!place.snippet.is_empty()).then(|| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = _>>)
    }
}

/// What was found so far. Errors that follow from others can be left out when those are known.
#[derive(Debug, Default)]
pub struct Reports {
    reports: Vec<Report>,
    /// Part of the text could not be read: what seems to be missing may be in that part.
    incomplete: bool,
}

#[derive(Debug, Clone)]
struct Report {
    severity: Severity,
    rule: SpecRule,
    summary: String,
    detail: String,
    site: Option<Site>,
}

/// Says that something failed, and that the reason is in the reports already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

impl Reports {
    pub fn error(
        &mut self,
        rule: SpecRule,
        site: Site,
        summary: impl Into<String>,
        detail: impl Into<String>,
    ) -> Failed {
        self.push(Severity::Error, rule, Some(site), (summary.into(), detail.into()))
    }

    /// An error that is not in any file: a variable of the command line or the environment.
    pub fn error_outside(&mut self, rule: SpecRule, summary: impl Into<String>, detail: impl Into<String>) -> Failed {
        self.push(Severity::Error, rule, None, (summary.into(), detail.into()))
    }

    /// An error that says that something is not there. It may be in a part that could not be read.
    pub fn missing(
        &mut self,
        rule: SpecRule,
        site: Site,
        summary: impl Into<String>,
        detail: impl Into<String>,
    ) -> Failed {
        if self.incomplete { Failed } else { self.error(rule, site, summary, detail) }
    }

    pub fn warning(
        &mut self,
        rule: SpecRule,
        site: Option<Site>,
        summary: impl Into<String>,
        detail: impl Into<String>,
    ) {
        self.push(Severity::Warning, rule, site, (summary.into(), detail.into()));
    }

    fn push(
        &mut self,
        severity: Severity,
        rule: SpecRule,
        site: Option<Site>,
        (summary, detail): (String, String),
    ) -> Failed {
        self.reports.push(Report { severity, rule, summary, detail, site });
        Failed
    }

    pub fn mark_incomplete(&mut self) {
        self.incomplete = true;
    }

    pub fn count(&self) -> usize {
        self.reports.len()
    }

    /// Forgets what was reported after `count`: for `try()` and `can()`.
    pub fn forget_after(&mut self, count: usize) {
        self.reports.truncate(count);
    }

    pub fn has_errors(&self) -> bool {
        self.reports.iter().any(|report| report.severity == Severity::Error)
    }

    /// Everything, in the order of the files, with secrets taken out.
    pub fn finish(mut self, sources: &Sources, secrets: &[String]) -> Vec<Diagnostic> {
        self.reports.sort_by_key(|report| (report.severity, report.site));
        self.reports.dedup_by(|a, b| a.site == b.site && a.summary == b.summary && a.detail == b.detail);
        let dropped = self.reports.len().saturating_sub(MAX_SHOWN);
        self.reports.truncate(MAX_SHOWN);
        let mut shown: Vec<Diagnostic> = self
            .reports
            .into_iter()
            .map(|report| Diagnostic {
                severity: report.severity,
                rule: report.rule,
                summary: redact(text::plain(&report.summary), secrets),
                detail: redact(text::plain(&report.detail), secrets),
                place: report.site.map(|site| Box::new(redact_place(sources.place(site), secrets))),
            })
            .collect();
        if dropped > 0 {
            shown.push(Diagnostic {
                severity: Severity::Error,
                rule: SpecRule::Limits,
                summary: format!("{dropped} more"),
                detail: format!("Only the first {MAX_SHOWN} are shown. Fix these, then look again."),
                place: None,
            });
        }
        shown
    }
}

fn redact(text: String, secrets: &[String]) -> String {
    let mut text = text;
    for secret in secrets.iter().filter(|secret| secret.chars().count() >= SHORTEST_SECRET) {
        // A message may quote only the start of a long value, or show its control characters as numbers.
        for form in [secret.clone(), text::plain(secret), text::quoted(secret).trim_matches(['"', '…']).to_owned()] {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), REDACTED);
            }
        }
    }
    text
}

/// A snippet that holds a secret is not shown at all: its label would tell the length.
fn redact_place(mut place: Place, secrets: &[String]) -> Place {
    let lines_of = |secret: &String| secret.lines().map(str::to_owned).collect::<Vec<_>>();
    let holds_one = secrets
        .iter()
        .flat_map(lines_of)
        .filter(|line| line.chars().count() >= SHORTEST_SECRET)
        .any(|line| place.snippet.contains(line.trim()));
    if holds_one {
        place.snippet.clear();
        place.window = 0;
        place.label = 0..0;
    }
    place
}
