//! Lines that real members wrote are told apart: ordinary rolls are quiet, known troubles are named.

use std::collections::BTreeSet;

use super::super::{Knowledge, LogLevel, LogMoment, LogVerdict};
use super::{knowledge, version};

const ROLLS: [(&str, &str); 3] = [
    ("2.1.1 to 2.2.5", include_str!("../testdata/roll-2.1-2.2.log")),
    ("3.1.20 to 3.2.32", include_str!("../testdata/roll-3.1-3.2.log")),
    ("the other rungs", include_str!("../testdata/roll-others.log")),
];

fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').unwrap())
}

fn expected<'a>(knowledge: &'a Knowledge, member: &str, line: &str) -> &'a super::super::LogPattern {
    match knowledge.classify_log_line(&version(member), line) {
        LogVerdict::Expected(pattern) => pattern,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn an_ordinary_roll_shows_nothing_unexpected() {
    let knowledge = knowledge();
    for (roll, text) in ROLLS {
        let mut loud = Vec::new();
        for (member, line) in lines(text) {
            match knowledge.classify_log_line(&version(member), line) {
                LogVerdict::Unexpected(level) => loud.push(format!("{level:?} {member} {line}")),
                LogVerdict::Trouble(pattern) => loud.push(format!("{} {member} {line}", pattern.fact.name)),
                LogVerdict::Expected(_) | LogVerdict::Success(_) | LogVerdict::Ordinary => {}
            }
        }
        assert!(loud.is_empty(), "{roll}:\n{}", loud.join("\n"));
    }
}

#[test]
fn a_roll_shows_what_was_reached() {
    let knowledge = knowledge();
    for (roll, text) in &ROLLS[..2] {
        let reached: BTreeSet<&str> = lines(text)
            .filter_map(|(member, line)| match knowledge.classify_log_line(&version(member), line) {
                LogVerdict::Success(pattern) => Some(pattern.fact.name.as_str()),
                _ => None,
            })
            .collect();
        assert!(reached.contains("member-published"), "{roll}");
        assert!(reached.contains("cluster-version-updated"), "{roll}");
    }
}

#[test]
fn mixed_versions_are_told_from_a_member_that_is_down() {
    let knowledge = knowledge();
    for (member, line, moment) in [
        (
            "2.1.1",
            "2015/09/02 10:00:05 etcdserver: the etcd version 2.1.2+git is not up-to-date",
            LogMoment::MixedVersions,
        ),
        (
            "2.1.1",
            "2015/09/02 10:00:05 etcdserver: member 6e3bd23ae5f1eae0 has a higher version &{2.2.0 2.1.0}",
            LogMoment::MixedVersions,
        ),
        (
            "2.2.5",
            "2015-09-02 10:00:42.691384 W | rafthttp: the connection to peer 6e3bd23ae5f1eae0 is unhealthy",
            LogMoment::MixedVersions,
        ),
        (
            "3.1.20",
            "2017-04-27 10:00:21.073 W | etcdserver: the local etcd version 3.1.7 is not up-to-date",
            LogMoment::MixedVersions,
        ),
        (
            "3.1.20",
            "2017-04-27 10:00:31.693 E | rafthttp: failed to dial 6d4f535bae3ab960 on stream Message (dial tcp [::1]:2380: getsockopt: connection refused)",
            LogMoment::MemberDown,
        ),
        (
            "2.1.1",
            "2015/09/02 10:00:35 rafthttp: failed to write a8266ecf031671f3 on pipeline (dial tcp [::1]:12380: getsockopt: connection refused)",
            LogMoment::MemberDown,
        ),
        (
            "3.6.14",
            r#"{"level":"warn","ts":"2026-11-30T15:55:02Z","msg":"remotes server has mismatching etcd version","target-version":"3.6.0"}"#,
            LogMoment::MixedVersions,
        ),
    ] {
        assert_eq!(expected(&knowledge, member, line).moment, moment, "{line}");
    }
}

// faults: E1
#[test]
fn a_known_trouble_is_named_with_its_cause() {
    let knowledge = knowledge();
    for (member, line, cause) in [
        (
            "3.2.32",
            "2026-11-21 09:00:00.000001 C | etcdserver: recovering backend from snapshot error: failed to find database snapshot file (snap: snapshot file doesn't exist)",
            "v2-only-data-3.2",
        ),
        (
            "3.2.32",
            "2026-11-21 09:00:00.000001 C | etcdmain: error verifying flags, expected IP in URL for binding (http://host:2380).",
            "listen-urls-are-ips",
        ),
        (
            "3.6.14",
            r#"{"level":"panic","msg":"detected disallowed v2 WAL for stage --v2-deprecation=write-only"}"#,
            "leftover-v2-entries-3.6",
        ),
        (
            "3.7.1",
            r#"{"level":"panic","msg":"unmarshal should never fail","error":"proto: cannot parse invalid wire-format data"}"#,
            "leftover-v2-entries-3.7",
        ),
        ("3.4.23", "flag provided but not defined: -ca-file", "options-accepted"),
    ] {
        let verdict = knowledge.classify_log_line(&version(member), line);
        let LogVerdict::Trouble(pattern) = verdict else { panic!("{line}: {verdict:?}") };
        assert_eq!(pattern.cause.as_deref(), Some(cause), "{line}");
    }
}

#[test]
fn what_nobody_knows_is_unexpected_by_its_level() {
    let knowledge = knowledge();
    let of = |member: &str, line: &str| match knowledge.classify_log_line(&version(member), line) {
        LogVerdict::Unexpected(level) => Some(level),
        _ => None,
    };
    assert_eq!(
        of("3.2.32", "2026-11-21 09:00:00.1 W | wal: sync duration of 2.3s, expected less than 1s"),
        Some(LogLevel::Warning)
    );
    assert_eq!(of("3.2.32", "2026-11-21 09:00:00.1 I | wal: segmented"), None);
    assert_eq!(of("3.5.33", r#"{"level":"error","msg":"something new"}"#), Some(LogLevel::Error));
    assert_eq!(of("2.1.1", "2026/11/21 09:00:00 wal: sync failed"), Some(LogLevel::Unmarked));
    assert_eq!(of("2.1.1", "2026/11/21 09:00:00 wal: segmented"), None);
}

#[test]
fn lines_of_any_kind_are_survived() {
    let knowledge = knowledge();
    let long = format!("2026-11-21 09:00:00.1 W | {}", "ä".repeat(100_000));
    for line in ["", "\u{1b}[31m", "{\"level\":\"", "\0\0", long.as_str()] {
        for member in ["2.1.1", "3.2.32", "3.7.1", "9.9.9"] {
            let _ = knowledge.classify_log_line(&version(member), line);
        }
    }
    assert!(matches!(
        knowledge.classify_log_line(&version("3.2.32"), &long),
        LogVerdict::Unexpected(LogLevel::Warning)
    ));
}
