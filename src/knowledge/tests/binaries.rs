//! Options by version are those of the programs themselves: each one is given to each real etcd's own flag parser.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::{FlagKind, FlagState};
use super::knowledge;
use crate::etcd::testing;

/// `etcd ARGUMENTS --version` reads the arguments, and starts nothing (etcdmain/config.go, `parse`). What it refuses; warnings of
/// options without effect may come before.
fn complaint(etcd: &Path, arguments: &[String]) -> Option<String> {
    let output = Command::new(etcd).args(arguments).arg("--version").env_clear().stdin(Stdio::null()).output().unwrap();
    if output.status.success() {
        return None;
    }
    let text = [output.stderr, output.stdout].concat();
    let text = String::from_utf8_lossy(&text);
    let refusal = text.lines().find(|line| line.starts_with("flag provided but") || line.starts_with("invalid "));
    Some(refusal.unwrap_or_else(|| panic!("{}: {text}", etcd.display())).to_owned())
}

fn is_unknown(complaint: &str) -> bool {
    complaint.contains("flag provided but not defined")
}

/// One that its type takes; etcd's own types take what they like.
fn argument(name: &str, kind: FlagKind) -> String {
    let value = match kind {
        FlagKind::Bool => "true",
        FlagKind::Duration => "1s",
        FlagKind::Int | FlagKind::Int64 | FlagKind::Uint | FlagKind::Uint64 => "1",
        FlagKind::String | FlagKind::Value | FlagKind::Ignored => "x",
    };
    format!("--{name}={value}")
}

/// Those that it says itself that it does not know; all others get past the parser.
fn unknown_of(etcd: &Path, mut arguments: Vec<String>) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    while let Some(complaint) = complaint(etcd, &arguments) {
        // `flag provided but not defined: -x`, or `invalid value "x" for flag -x: …`: the last word with a dash names it.
        let named = complaint.split([' ', ':']).rfind(|word| word.starts_with('-')).unwrap_or_default();
        let name = named.trim_start_matches('-').to_owned();
        let before = arguments.len();
        arguments.retain(|argument| !argument.starts_with(&format!("--{name}=")));
        assert_eq!(arguments.len() + 1, before, "{}: {complaint}", etcd.display());
        if is_unknown(&complaint) {
            unknown.insert(name);
        }
    }
    unknown
}

/// What its help names: lines such as `  --name 'default'`.
fn named_by_help(etcd: &Path) -> BTreeSet<String> {
    let output = Command::new(etcd).arg("--help").env_clear().stdin(Stdio::null()).output().unwrap();
    let text = [output.stderr, output.stdout].concat();
    let of_line = |line: &str| {
        let option = line.trim_start().strip_prefix('-')?.trim_start_matches('-');
        let name: String = option.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        (line.starts_with([' ', '\t']) && !name.is_empty()).then_some(name)
    };
    String::from_utf8_lossy(&text).lines().filter_map(of_line).collect()
}

fn the_parser_agrees(text: &str) {
    let Some(release) = testing::release(text) else { return };
    let etcd: PathBuf = release.join("etcd");
    let (knowledge, version) = (knowledge(), super::version(text));
    let (mut accepted, mut absent) = (Vec::new(), BTreeSet::new());
    for flag in knowledge.flags().iter().filter(|flag| !["version", "help", "h"].contains(&flag.name.as_str())) {
        match flag.state(&version) {
            FlagState::Absent { .. } | FlagState::Unknown => {
                absent.insert(flag.name.clone());
            }
            FlagState::Accepted | FlagState::Deprecated { .. } | FlagState::Ignored => {
                accepted.push(argument(&flag.name, flag.kind));
            }
        }
    }
    assert!(accepted.len() > 30 && absent.len() > 20, "{} and {}", accepted.len(), absent.len());
    assert_eq!(unknown_of(&etcd, accepted), BTreeSet::new(), "said to be options of {text}");
    let known_after_all: Vec<_> = absent
        .iter()
        .filter(|name| !complaint(&etcd, &[format!("--{name}=1")]).is_some_and(|complaint| is_unknown(&complaint)))
        .collect();
    assert_eq!(known_after_all, Vec::<&String>::new(), "said to be no options of {text}");
    // 3.7.1 describes two that it no longer knows.
    let not_told: Vec<_> = named_by_help(&etcd)
        .into_iter()
        .filter(|name| !["h", "help", "version"].contains(&name.as_str()))
        .filter(|name| matches!(knowledge.flag_state(name, &version), FlagState::Absent { .. } | FlagState::Unknown))
        .filter(|name| !complaint(&etcd, &[format!("--{name}=1")]).is_some_and(|complaint| is_unknown(&complaint)))
        .collect();
    assert_eq!(not_told, Vec::<String>::new(), "in the help of {text}, and not known here");
}

macro_rules! the_parser_agrees {
    ($($name:ident $version:literal)*) => {$(
        #[test]
        fn $name() {
            the_parser_agrees($version);
        }
    )*};
}

the_parser_agrees! {
    options_of_2_1 "2.1.1"
    options_of_2_2 "2.2.5"
    options_of_2_3 "2.3.8"
    options_of_3_0 "3.0.17"
    options_of_3_1 "3.1.20"
    options_of_3_2 "3.2.32"
    options_of_3_3 "3.3.27"
    options_of_3_4 "3.4.23"
    options_of_3_5 "3.5.33"
    options_of_3_6 "3.6.14"
    options_of_3_7 "3.7.1"
}
