//! Status and drift as they are shown; and that no name that comes from a host or a spec breaks out of its place.

use std::time::Duration;

use console::measure_text_width;
use insta::assert_snapshot;
use time::OffsetDateTime;

use super::*;
use crate::drift::status::{self, Status};
use crate::drift::tests::told;
use crate::drift::{CertificateEnd, Drift};
use crate::plan::tests::builders::*;
use crate::units::{RaftIndex, Span};
use crate::watch::{Counts, Last, change};

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

fn last(drift: Result<Drift, String>) -> Last {
    let counts = Counts { looks: 3, failed_looks: 1, notices: 2, failed_notices: 1 };
    let at = OffsetDateTime::from_unix_timestamp(1_767_323_045).unwrap();
    Last { cluster: Some("prod".parse().unwrap()), drift, took: Duration::from_millis(412), at, counts }
}

#[test]
fn the_page_and_the_log_of_the_service() {
    let every = Span::from_secs(900);
    let (found, failed) = (last(Ok(drifted())), last(Err("no route to host".to_owned())));
    let parts = [
        page_html(Some(&found), every),
        page_html(Some(&failed), every),
        page_html(None, every),
        look_text(&found, Style::plain(100)),
        look_text(&failed, Style::plain(100)),
        watch_metrics(Some(&failed)),
        watch_metrics(None),
    ];
    assert_snapshot!(parts.join("\n========\n\n"));
}

#[test]
fn notices() {
    let (before, now) = (told(healthy("3.5.33").down("m3")).drift(), drifted());
    let at = OffsetDateTime::from_unix_timestamp(1_767_323_045).unwrap();
    let heard = change::heard(&change::Heard::default(), Ok(&before));
    let change = change::change(&heard, Ok(&now));
    let lost = change::change(&heard, Err("no route"));
    let since = "2026-01-01T00:00:00Z";
    let active: Vec<Alert<'_>> = now.findings.iter().map(|finding| Alert::Finding { finding, since }).collect();
    let over = [Alert::Finding { finding: &before.findings[0], since }, Alert::Blind { why: "no route", since }];
    let all = [
        change_json("prod", at, Some(&now), &change),
        change_json("prod", at, None, &lost),
        alerts_json("prod", at, &active, &over, time::Duration::minutes(35)),
    ];
    assert_snapshot!(all.map(|one| serde_json::to_string_pretty(&one).unwrap()).join("\n"));
}

/// The elements are those of the page itself, whatever the names say.
#[test]
fn a_name_makes_no_html() {
    let page = page_html(Some(&last(Ok(hostile()))), Span::from_secs(900));
    let honest = page_html(Some(&last(Ok(drifted()))), Span::from_secs(900));
    let tags = |text: &str| -> std::collections::BTreeSet<String> {
        text.split('<').skip(1).map(|part| part.split(['>', ' ']).next().unwrap().to_owned()).collect()
    };
    assert!(tags(&page).is_superset(&tags(&honest)));
    assert!(!tags(&page).contains("script") && !page.contains("<script"), "{page}");
    assert!(!page.chars().any(|c| c != '\n' && is_hidden(c)));
    let failed = page_html(Some(&last(Err(HOSTILE.to_owned()))), Span::from_secs(900));
    assert!(!tags(&failed).contains("script"), "{failed}");
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
