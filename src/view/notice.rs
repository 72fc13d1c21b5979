//! What is sent when something changed: to a webhook, and to an Alertmanager.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::drift::{headline, whom};
use super::json::JSON_FORMAT;
use crate::drift::{Drift, Finding, Severity};
use crate::watch::change::{Change, Key, Sight};

/// The change, for a webhook. `text` is one line for people, as chat programs take it.
#[must_use]
pub fn change_json(cluster: &str, at: OffsetDateTime, drift: Option<&Drift>, change: &Change) -> Value {
    let (sight, why) = match &change.sight {
        Sight::AsBefore => ("as-before", None),
        Sight::Lost { why } => ("lost", Some(why)),
        Sight::Back => ("back", None),
    };
    json!({
        "type": "drift-change",
        "format": JSON_FORMAT,
        "cluster": cluster,
        "at": moment(at),
        "text": line(cluster, drift, change),
        "sight": sight,
        "why": why,
        "appeared": change.appeared,
        "gone": change.gone,
        "count": drift.map(|drift| drift.findings.len()),
    })
}

fn line(cluster: &str, drift: Option<&Drift>, change: &Change) -> String {
    let Some(drift) = drift else {
        let why = match &change.sight {
            Sight::Lost { why } => why.as_str(),
            Sight::AsBefore | Sight::Back => "not known why",
        };
        return format!("Cluster {cluster}: cannot be looked at: {why}");
    };
    let named = |findings: &[Finding]| {
        let each = findings.iter().map(|finding| format!("{}: {}", whom(finding), finding.check.name()));
        each.collect::<Vec<_>>().join(", ")
    };
    let mut text = headline(drift);
    if !change.appeared.is_empty() {
        text.push_str(&format!(" New: {}.", named(&change.appeared)));
    }
    if !change.gone.is_empty() {
        text.push_str(&format!(" Gone: {}.", named(&change.gone)));
    }
    text
}

/// One alert of an Alertmanager.
pub enum Alert<'a> {
    Finding {
        finding: &'a Finding,
        since: &'a str,
    },
    /// Nobody could look.
    Blind {
        why: &'a str,
        since: &'a str,
    },
}

/// As `POST /api/v2/alerts` takes them. Those that are over end now; the others when nobody has told of them again for
/// `holds`.
#[must_use]
pub fn alerts_json(
    cluster: &str,
    at: OffsetDateTime,
    active: &[Alert<'_>],
    over: &[Alert<'_>],
    holds: Duration,
) -> Value {
    let until = at.checked_add(holds).unwrap_or(at);
    let active = active.iter().map(|alert| alert_json(cluster, alert, until));
    let over = over.iter().map(|alert| alert_json(cluster, alert, at));
    Value::Array(active.chain(over).collect())
}

fn alert_json(cluster: &str, alert: &Alert<'_>, until: OffsetDateTime) -> Value {
    let ends = moment(until);
    match alert {
        Alert::Blind { why, since } => json!({
            "labels": { "alertname": "QuorateLookFailed", "cluster": cluster, "severity": Severity::Critical.word() },
            "annotations": { "summary": format!("cluster {cluster} cannot be looked at"), "found": why },
            "startsAt": since,
            "endsAt": ends,
        }),
        Alert::Finding { finding, since } => {
            let Key { check, member, subject } = Key::of(finding);
            let mut labels = json!({
                "alertname": "QuorateDrift",
                "cluster": cluster,
                "check": check.name(),
                "severity": finding.severity.word(),
            });
            // An empty label is none.
            if let Some(member) = member {
                labels["member"] = json!(member);
            }
            if !subject.is_empty() {
                labels["subject"] = json!(subject);
            }
            json!({
                "labels": labels,
                "annotations": {
                    "summary": format!("{}: {}", whom(finding), check.name()),
                    "declared": finding.declared,
                    "found": finding.found,
                    "todo": finding.todo,
                },
                "startsAt": since,
                "endsAt": ends,
            })
        }
    }
}

fn moment(at: OffsetDateTime) -> String {
    // Fails for years beyond 9999 only.
    at.format(&Rfc3339).unwrap_or_default()
}
