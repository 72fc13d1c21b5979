//! Status and drift as they are shown; and that no name that comes from a host or a spec breaks out of its place.

use std::time::Duration;

use console::measure_text_width;
use insta::assert_snapshot;
use time::OffsetDateTime;

use super::drift::{drift_json, drift_junit, drift_markdown, drift_text};
use super::metrics::{Looked, drift_metrics};
use super::status::{status_json, status_text};
use super::*;
use crate::drift::status::{self, Status};
use crate::drift::tests::told;
use crate::drift::{CertificateEnd, Drift};
use crate::plan::tests::builders::*;
use crate::units::RaftIndex;

const WIDTHS: [usize; 3] = [60, 100, 200];

/// Things that would do something in a terminal, HTML, XML, Markdown, JSON or a metric's label.
const HOSTILE: &str = "x\u{1b}[2J\u{202e}\"'<script>&]]>|`*_[a](b)\\\n\u{0}\u{fffe}@all{}";

fn at_all_widths(render: impl Fn(Style) -> String) -> String {
    WIDTHS.map(|width| format!("{:=<width$}\n{}", format!("{width} columns "), render(Style::plain(width)))).join("\n")
}

fn drifted() -> Drift {
    told(
        healthy("3.1.20")
            .to("3.2.32")
            .setting("quota-backend-bytes", "8589934592")
            .runs("m1", "3.2.32")
            .unit("m2", |unit| unit.file_state = "disabled".to_owned())
            .facts("m1", |facts| facts.certificates = vec![certificate("cert-file", &["10.0.0.11"])])
            .unreachable("m3"),
    )
    .drift()
}

fn status_of(situation: &Situation) -> Status {
    status::of(&situation.cluster, &situation.inventory, &KNOWLEDGE, OffsetDateTime::UNIX_EPOCH)
}

fn well() -> Status {
    status_of(&healthy("3.5.33").every_etcd(|etcd| {
        etcd.raft_applied_index = Some(RaftIndex(24_310));
        etcd.db_size_in_use = Some(crate::units::Bytes::mebi(12));
    }))
}

fn unwell() -> Status {
    status_of(&healthy("3.5.33").down("m1").unreachable("m3").alarm("NOSPACE", 2))
}

#[test]
fn status_of_a_cluster_that_is_well() {
    assert_snapshot!(at_all_widths(|style| status_text(&well(), style)));
}

#[test]
fn status_of_a_cluster_that_is_not() {
    assert_snapshot!(at_all_widths(|style| status_text(&unwell(), style)));
}

#[test]
fn drift_of_a_cluster_in_pieces() {
    assert_snapshot!(at_all_widths(|style| drift_text(&drifted(), style)));
}

#[test]
fn no_drift() {
    assert_snapshot!(drift_text(&told(healthy("3.5.33")).drift(), Style::plain(100)));
}

#[test]
fn drift_for_other_readers() {
    let at = OffsetDateTime::from_unix_timestamp(1_767_323_045).unwrap();
    let parts = [
        drift_markdown(&drifted()),
        drift_junit(&drifted()),
        drift_metrics("prod", Looked::Seen(&drifted()), Duration::from_millis(412), at),
        drift_metrics("prod", Looked::Failed, Duration::from_millis(10_003), at),
    ];
    assert_snapshot!(parts.join("\n========\n\n"));
}

#[test]
fn json_of_status_and_drift() {
    let text = |value: serde_json::Value| serde_json::to_string_pretty(&value).unwrap();
    let (status, drift) = (status_json(&unwell()), drift_json(&drifted()));
    assert_eq!((&status["type"], &status["well"], &drift["type"]), (&"status".into(), &false.into(), &"drift".into()));
    assert_eq!(drift["count"], drift["drift"]["findings"].as_array().unwrap().len());
    assert_snapshot!(format!("{}\n{}", text(status), text(drift)));
}

/// The text, the file and what holds the names of one look, with a hostile one in every place.
fn hostile() -> Drift {
    let mut drift = drifted();
    drift.looked_at = HOSTILE.to_owned();
    drift.under_way = Some(HOSTILE.to_owned());
    for finding in &mut drift.findings {
        finding.host = Some(HOSTILE.to_owned());
        for text in [&mut finding.declared, &mut finding.found, &mut finding.todo] {
            *text = HOSTILE.to_owned();
        }
    }
    for made in &mut drift.checks {
        if let crate::drift::Outcome::NotMade { why } = &mut made.outcome {
            *why = HOSTILE.to_owned();
        }
    }
    drift.certificates.push(CertificateEnd {
        member: name("m1"),
        option: HOSTILE.to_owned(),
        path: HOSTILE.to_owned(),
        not_after: "2026-02-20T00:00:00Z".to_owned(),
    });
    drift
}

#[test]
fn nothing_hidden_reaches_the_reader() {
    let mut status = unwell();
    for member in &mut status.members {
        for text in [&mut member.host, &mut member.address] {
            *text = HOSTILE.to_owned();
        }
        for text in [&mut member.unwell, &mut member.runs_by, &mut member.binary, &mut member.data_dir] {
            *text = Some(HOSTILE.to_owned());
        }
        member.alarms = vec![HOSTILE.to_owned()];
    }
    let drift = hostile();
    let texts = [
        status_text(&status, Style::plain(100)),
        json_line(&status_json(&status)),
        drift_text(&drift, Style::plain(100)),
        json_line(&drift_json(&drift)),
        drift_markdown(&drift),
        drift_junit(&drift),
        drift_metrics(HOSTILE, Looked::Seen(&drift), Duration::ZERO, OffsetDateTime::UNIX_EPOCH),
    ];
    for text in texts {
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text}");
    }
}

#[test]
fn markdown_keeps_its_table() {
    let text = drift_markdown(&hostile());
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 3);
    for row in rows {
        assert_eq!(row.matches('|').count(), 7, "{row}");
        assert!(!row.contains("<script") && !row.contains("@all"), "{row}");
    }
}

/// Strict enough for what is written here: elements are closed in their order, nothing raw stands in between.
#[test]
fn junit_stays_xml() {
    let text = drift_junit(&hostile());
    let mut open = Vec::new();
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    while let Some((before, after)) = rest.split_once('<') {
        assert!(!before.contains('>'), "{before}");
        let (tag, behind) = after.split_once('>').unwrap();
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert!(!tag.contains('<'));
        rest = behind;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    for entity in text.split('&').skip(1) {
        let name = entity.split(';').next().unwrap();
        assert!(["amp", "lt", "gt", "quot", "apos"].contains(&name), "{name}");
    }
}

/// By the rules of the text format: each line a comment, or a name, labels in quotes with three escapes, and a number.
#[test]
fn metrics_stay_one_a_line() {
    let text = drift_metrics(HOSTILE, Looked::Seen(&hostile()), Duration::ZERO, OffsetDateTime::UNIX_EPOCH);
    let line = regex::Regex::new(
        r#"^[a-z_]+\{[a-z_]+="([^"\\]|\\\\|\\"|\\n)*"(,[a-z_]+="([^"\\]|\\\\|\\"|\\n)*")*\} -?[0-9]+(\.[0-9]+)?$"#,
    );
    let line = line.unwrap();
    for text in text.lines().filter(|text| !text.starts_with("# ")) {
        assert!(line.is_match(text), "{text}");
    }
    assert!(text.ends_with('\n'));
}

#[test]
fn lines_are_as_wide_as_the_page() {
    for width in [60, 80, 100, 200] {
        for text in [status_text(&unwell(), Style::plain(width)), drift_text(&drifted(), Style::plain(width))] {
            for line in text.lines() {
                let has_long_word = line.split(' ').any(|word| measure_text_width(word) > width / 3);
                assert!(measure_text_width(line) <= width || has_long_word, "{width}: {line}");
            }
        }
    }
}
