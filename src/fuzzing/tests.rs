//! The kept corpora, run as plain tests; and that the targets get as far as they say.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

#[test]
fn what_is_kept_of_each_corpus_holds() {
    for (target, _) in TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpus().join(target)).unwrap_or_else(|error| panic!("{target}: {error}")) {
            let path = entry.unwrap().path();
            // Said before, so that a failure names its input.
            println!("{}", path.display());
            run(target, &std::fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{target} has no corpus");
    }
}

#[test]
fn each_target_has_a_corpus_and_a_program() {
    let names = |folder: &str| -> BTreeSet<String> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(folder);
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("targets"), targets.iter().map(|name| format!("{name}.rs")).collect());
}

#[test]
fn texts_of_one_input_stand_between_lines() {
    assert_eq!(parts(b"a\n=====\nb\n=====\n"), [&b"a"[..], b"b", b""]);
    assert_eq!(parts(b""), [b""]);
    assert_eq!(choose(b"1x", 3), Some((1, &b"x"[..])));
    assert_eq!(choose(b"", 3), None);
}

#[test]
fn what_must_not_be_shown_is_found() {
    for text in ["\u{1b}[2J", "a\u{202e}b", "a\tb"] {
        assert!(std::panic::catch_unwind(|| fit_to_be_shown(text)).is_err(), "{text:?}");
        assert!(std::panic::catch_unwind(|| harmless(text)).is_err(), "{text:?}");
    }
}
