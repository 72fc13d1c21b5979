//! Drift as Prometheus reads it: the text format, for a node exporter's folder or for `/metrics`.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::escape::escape;
use crate::drift::{Drift, Outcome, Severity};
use crate::watch::Last;

/// What came of a look, for metrics.
#[derive(Debug, Clone, Copy)]
pub enum Looked<'a> {
    Seen(&'a Drift),
    /// It could not be taken.
    Failed,
}

/// All metrics of one cluster. `took` is how long the look was, `at` when it ended.
#[must_use]
pub fn drift_metrics(cluster: &str, looked: Looked<'_>, took: Duration, at: OffsetDateTime) -> String {
    let mut page = Metrics { out: String::new(), cluster: label(cluster) };
    page.head("quorate_drift_up", "1 if the last look could be taken, else 0.");
    page.line("quorate_drift_up", "", if matches!(looked, Looked::Seen(_)) { "1" } else { "0" });
    page.head("quorate_drift_looked_at_seconds", "When the last look ended, in seconds since 1970.");
    page.line("quorate_drift_looked_at_seconds", "", &at.unix_timestamp().to_string());
    page.head("quorate_drift_look_duration_seconds", "How long the last look took.");
    page.line("quorate_drift_look_duration_seconds", "", &format!("{:.3}", took.as_secs_f64()));
    if let Looked::Seen(drift) = looked {
        page.seen(drift);
    }
    page.out
}

/// Metrics of the service: the last look, and what is counted since the start. Before the first look there are only the
/// counters, which stand at 0.
#[must_use]
pub fn watch_metrics(last: Option<&Last>) -> String {
    let counts = last.map(|last| last.counts).unwrap_or_default();
    let cluster = last.and_then(|last| last.cluster.as_ref()).map_or("", |cluster| cluster.as_str());
    let mut out = match last {
        Some(last) => {
            let seen = last.drift.as_ref().map_or(Looked::Failed, Looked::Seen);
            drift_metrics(cluster, seen, last.took, last.at)
        }
        None => String::new(),
    };
    for (name, help, value) in [
        ("quorate_drift_looks_total", "Looks since the start.", counts.looks),
        ("quorate_drift_looks_failed_total", "Looks that could not be taken.", counts.failed_looks),
        ("quorate_drift_notices_total", "Notices to a webhook or an Alertmanager since the start.", counts.notices),
        ("quorate_drift_notices_failed_total", "Notices that did not get through.", counts.failed_notices),
    ] {
        out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"));
    }
    out
}

struct Metrics {
    out: String,
    cluster: String,
}

impl Metrics {
    fn head(&mut self, name: &str, help: &str) {
        self.out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
    }

    fn line(&mut self, name: &str, labels: &str, value: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        self.out.push_str(&format!("{name}{{cluster=\"{}\"{comma}{labels}}} {value}\n", self.cluster));
    }

    fn seen(&mut self, drift: &Drift) {
        self.head("quorate_drift_findings", "Findings of the last look, by severity.");
        for severity in [Severity::Critical, Severity::Warning] {
            let labels = format!("severity=\"{}\"", severity.word());
            self.line("quorate_drift_findings", &labels, &drift.count(severity).to_string());
        }
        self.head(
            "quorate_drift_finding",
            "Findings of the last look, by check and member; member is empty for the whole cluster.",
        );
        for made in drift.checks.iter().filter(|made| made.outcome == Outcome::Found) {
            let member = made.member.as_ref().map(|member| label(member.as_str())).unwrap_or_default();
            let own =
                drift.findings.iter().filter(|finding| finding.check == made.check && finding.member == made.member);
            let labels = format!(
                "check=\"{}\",severity=\"{}\",member=\"{member}\"",
                made.check.name(),
                made.check.severity().word()
            );
            self.line("quorate_drift_finding", &labels, &own.count().to_string());
        }
        self.head("quorate_drift_checks", "Checks of the last look, by how they came out.");
        let word_of = |outcome: &Outcome| match outcome {
            Outcome::Holds => "holds",
            Outcome::Found => "found",
            Outcome::NotMade { .. } => "not-made",
        };
        for word in ["holds", "found", "not-made"] {
            let number = drift.checks.iter().filter(|made| word_of(&made.outcome) == word).count();
            self.line("quorate_drift_checks", &format!("outcome=\"{word}\""), &number.to_string());
        }
        self.head("quorate_drift_run_under_way", "1 while a run changes the cluster, else 0.");
        self.line("quorate_drift_run_under_way", "", if drift.under_way.is_some() { "1" } else { "0" });
        self.head(
            "quorate_certificate_not_after_seconds",
            "When a certificate of a member ends, in seconds since 1970.",
        );
        for end in &drift.certificates {
            let Some(at) = seconds(&end.not_after) else { continue };
            let labels = format!(
                "member=\"{}\",option=\"{}\",path=\"{}\"",
                label(end.member.as_str()),
                label(&end.option),
                label(&end.path)
            );
            self.line("quorate_certificate_not_after_seconds", &labels, &at.to_string());
        }
        if let Some(at) = drift.newest_backup.as_deref().and_then(seconds) {
            self.head("quorate_backup_newest_seconds", "When the newest backup was taken, in seconds since 1970.");
            self.line("quorate_backup_newest_seconds", "", &at.to_string());
        }
    }
}

fn seconds(moment: &str) -> Option<i64> {
    Some(OffsetDateTime::parse(moment, &Rfc3339).ok()?.unix_timestamp())
}

/// The value of a label: hidden characters are written out, the three that the format knows are escaped.
fn label(text: &str) -> String {
    escape(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
