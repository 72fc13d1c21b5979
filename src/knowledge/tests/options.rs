//! Options by version are those of etcd's own sources.

use std::collections::BTreeSet;

use super::super::{ConfigRuleKind, FlagState, Knowledge, OptionChangeKind, Replacement};
use super::{knowledge, version};
use crate::units::{Minor, Version};

/// One line of `testdata/flags.txt` for one minor: `P@3.3.23=300`.
struct Cell {
    state: char,
    since: Option<Version>,
    default: Option<String>,
}

fn cell(text: &str) -> Cell {
    let (head, default) = match text.split_once('=') {
        Some((head, default)) => (head, Some(default.to_owned())),
        None => (text, None),
    };
    let (state, since) = match head.split_once('@') {
        Some((state, since)) => (state, Some(version(since))),
        None => (head, None),
    };
    Cell { state: state.chars().next().unwrap(), since, default }
}

/// The minors of a run: `3.3`, `3.4..3.8`.
fn minors(run: &str, all: &[Minor]) -> Vec<Minor> {
    let (first, last) = run.split_once("..").unwrap_or((run, run));
    let (first, last): (Minor, Minor) = (first.parse().unwrap(), last.parse().unwrap());
    all.iter().copied().filter(|minor| (first..=last).contains(minor)).collect()
}

fn check(knowledge: &Knowledge, name: &str, minor: Minor, expected: Option<&Cell>) {
    let newest = Version::new(minor.major(), minor.number(), 999);
    let first = Version::new(minor.major(), minor.number(), 0);
    let flag = knowledge.flag(name).unwrap_or_else(|| panic!("{name} is missing"));
    let Some(cell) = expected else {
        for version in [first, newest] {
            assert!(matches!(flag.state(&version), FlagState::Absent { .. }), "{name} in {version}");
        }
        return;
    };
    let state = match flag.state(&newest) {
        FlagState::Accepted => 'P',
        FlagState::Deprecated { .. } => 'D',
        FlagState::Ignored => 'I',
        FlagState::Absent { .. } | FlagState::Unknown => '-',
    };
    assert_eq!(state, cell.state, "{name} in {minor}");
    assert_eq!(flag.default(&newest).map(str::to_owned), cell.default, "default of {name} in {minor}");
    let begins = cell.since.clone().unwrap_or(first);
    assert!(!matches!(flag.state(&begins), FlagState::Absent { .. }), "{name} in {begins}");
    if let Some(before) = begins.patch().checked_sub(1) {
        let before = Version::new(minor.major(), minor.number(), before);
        assert!(matches!(flag.state(&before), FlagState::Absent { .. }), "{name} in {before}");
    }
}

#[test]
fn are_those_of_the_table_made_from_the_sources() {
    let knowledge = knowledge();
    let mut all: Vec<Minor> = knowledge.minors().to_vec();
    all.push(Minor::new(3, 8));
    let mut seen = BTreeSet::new();
    for line in include_str!("../testdata/flags.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split(" | ");
        let mut head = parts.next().unwrap().split(' ');
        let (name, env, kind) = (head.next().unwrap(), head.next().unwrap(), head.next().unwrap());
        let flag = knowledge.flag(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(flag.env, env);
        assert_eq!(serde_json::to_value(flag.kind).unwrap(), kind);
        seen.insert(name);
        let mut known: BTreeSet<Minor> = BTreeSet::new();
        for run in parts {
            let (range, text) = run.split_once(' ').unwrap();
            let cell = cell(text);
            for minor in minors(range, &all) {
                check(&knowledge, name, minor, Some(&cell));
                known.insert(minor);
            }
        }
        for minor in all.iter().filter(|minor| !known.contains(minor)) {
            check(&knowledge, name, *minor, None);
        }
    }
    assert_eq!(seen.len(), 177);
    assert_eq!(knowledge.flags().len(), seen.len());
}

#[test]
fn an_option_that_is_gone_says_what_to_write_instead() {
    let knowledge = knowledge();
    let state = knowledge.flag_state("experimental-corrupt-check-time", &version("3.7.1"));
    let FlagState::Absent { gone_after, instead, .. } = state else { panic!("{state:?}") };
    assert_eq!(gone_after, Some(Minor::new(3, 6)));
    assert_eq!(instead, Some(&Replacement::Renamed { to: "corrupt-check-time".to_owned() }));
    let state = knowledge.flag_state("pre-vote", &version("3.3.27"));
    assert!(matches!(state, FlagState::Absent { gone_after: None, comes_with: Some(minor), .. } if minor == "3.4"));
    assert_eq!(knowledge.flag_state("no-such-option", &version("3.3.27")), FlagState::Unknown);
    let gate = knowledge.flag("experimental-initial-corrupt-check").unwrap().replacement.as_ref();
    assert_eq!(gate, Some(&Replacement::FeatureGate { gate: "InitialCorruptCheck".to_owned() }));
}

#[test]
fn every_option_that_goes_has_a_word_about_it() {
    let knowledge = knowledge();
    for pair in knowledge.minors().windows(2) {
        let (from, to) = (&knowledge.line(pair[0]).unwrap().latest, &knowledge.line(pair[1]).unwrap().latest);
        for change in
            knowledge.option_changes(from, to).iter().filter(|change| change.change == OptionChangeKind::Removed)
        {
            let flag = knowledge.flag(change.flag).unwrap();
            assert!(flag.replacement.is_some() || flag.advice.is_some(), "{} goes with {to}", flag.name);
        }
    }
}

#[test]
fn a_step_changes_what_the_sources_say() {
    let knowledge = knowledge();
    let changes = |from: &str, to: &str| {
        let list = knowledge.option_changes(&version(from), &version(to));
        list.iter()
            .map(|change| format!("{} {}", change.flag, serde_json::to_string(&change.change).unwrap()))
            .collect::<Vec<_>>()
    };
    insta::assert_snapshot!("options_3_1_to_3_2", changes("3.1.20", "3.2.32").join("\n"));
    insta::assert_snapshot!("options_2_1_to_2_2", changes("2.1.3", "2.2.5").join("\n"));
}

#[test]
fn rules_hold_from_the_version_that_brings_them() {
    let knowledge = knowledge();
    let names =
        |text: &str| knowledge.config_rules(&version(text)).map(|rule| rule.fact.name.clone()).collect::<BTreeSet<_>>();
    let ips = "listen-urls-are-ips".to_owned();
    assert!(!names("3.1.20").contains(&ips) && names("3.2.0").contains(&ips));
    let target = version("3.2.32");
    let rule = knowledge.config_rules(&target).find(|rule| rule.fact.name == ips).unwrap();
    let options = vec!["listen-client-urls".to_owned(), "listen-peer-urls".to_owned()];
    assert_eq!(rule.rule, ConfigRuleKind::UrlHostsAreIps { options });
    assert!(names("3.4.11").contains("data-dir-mode-0700") && !names("3.4.13").contains("data-dir-mode-0700"));
}
