//! Large, deep and hostile texts: an error or correct work, in bounded time and memory, on a small stack.

use std::time::{Duration, Instant};

use super::super::{format, scan};
use super::{Fixture, setting};

/// Far above what any of these takes, far below what a mistake would take.
const BOUND: Duration = Duration::from_secs(20);

fn summaries(fixture: &Fixture) -> Vec<String> {
    let start = Instant::now();
    let found = fixture.errors().into_iter().map(|error| error.summary).collect();
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    found
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = 10_000;
    let texts = [
        "[".repeat(deep),
        format!("x = {}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}1{}", "(".repeat(deep), ")".repeat(deep)),
        format!("x = {}", "{ a = ".repeat(deep)),
        format!("x = {}", "\"${".repeat(deep)),
        format!("x = \"{}\"", "%{ if true }".repeat(deep)),
        format!("x = {}1", "-".repeat(deep)),
        format!("x = {}true", "!".repeat(deep)),
        format!("x = {}1", "1 + ".repeat(deep)),
        format!("x = {}1", "true ? 1 : ".repeat(deep)),
        format!("x = a{}", "[0]".repeat(deep)),
        format!("x = a{}", ".b".repeat(deep)),
        format!("x = {}1{}", "f(".repeat(deep), ")".repeat(deep)),
        format!("x = <<A\n{}", "${<<A\n".repeat(deep)),
        "b {\n".repeat(deep),
        "b {\n".repeat(deep) + &"}\n".repeat(deep),
        "/*".repeat(deep),
        "{".repeat(deep),
    ];
    for text in texts {
        let found = summaries(&Fixture::new(&text));
        assert!(!found.is_empty(), "{}", &text[..40.min(text.len())]);
        let _ = format(&text);
    }
}

#[test]
fn what_is_as_deep_as_allowed_works_on_a_small_stack() {
    let deep = 40;
    let worker = std::thread::Builder::new().stack_size(512 * 1024);
    let handle = worker.spawn(move || {
        let brackets = setting(&format!("length({}1{})", "[".repeat(deep), "]".repeat(deep)));
        assert_eq!(brackets.cluster().settings["x"], "1");
        let operators = setting(&format!("{}1", "1 + ".repeat(120)));
        assert_eq!(operators.cluster().settings["x"], "121");
        let templates = setting(&format!("{}1{}", "\"a${".repeat(deep / 2), "}\"".repeat(deep / 2)));
        assert!(templates.cluster().settings["x"].ends_with("a1"));
        let text = format!("x = {}1{}\n", "[".repeat(deep), "]".repeat(deep));
        assert_eq!(format(&text), Ok(text));
    });
    handle.unwrap().join().unwrap();
}

#[test]
fn more_levels_than_the_parser_takes_are_refused_and_not_run() {
    for text in [
        format!("{}true", "!".repeat(100)),
        format!("{}1", "true ? 1 : ".repeat(100)),
        format!("{}1", "1 + ".repeat(200)),
    ] {
        assert!(summaries(&setting(&text)).iter().any(|summary| summary.contains("too")), "{text}");
    }
}

#[test]
fn values_cannot_grow_without_end() {
    let doubling: String = (1..60).map(|n| format!("  a{n} = \"${{local.a{0}}}${{local.a{0}}}\"\n", n - 1)).collect();
    let texts = Fixture::new(&format!("locals {{\n  a0 = \"xxxxxxxxxxxxxxxx\"\n{doubling}}}\n"));
    assert_eq!(summaries(&texts), ["The spec takes too much to evaluate"]);
    let lists: String = (1..60).map(|n| format!("  a{n} = [local.a{0}, local.a{0}]\n", n - 1)).collect();
    let lists = Fixture::new(&format!("locals {{\n  a0 = []\n{lists}}}\n"));
    assert_eq!(summaries(&lists), ["The spec takes too much to evaluate"]);
    let loops = setting("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]]");
    assert_eq!(summaries(&loops), ["The spec takes too much to evaluate"]);
    let empty_loops = setting(
        "\"%{ for a in range(1000) }%{ for b in range(1000) }%{ for c in range(1000) }%{ endfor }%{ endfor }%{ endfor }\"",
    );
    assert_eq!(summaries(&empty_loops), ["The spec takes too much to evaluate"]);
    let tried = setting("can([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]])");
    assert_eq!(summaries(&tried), ["The spec takes too much to evaluate"]);
    let tried = setting("try([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]], 1)");
    assert!(!summaries(&tried).is_empty());
    let replaced = setting(
        "length(replace(join(\"\", [for x in range(1000) : \"aaaaaaaaaaaaaaaaaaaa\"]), \"a\", join(\"\", [for x in range(1000) : \"bbbbbbbb\"])))",
    );
    assert_eq!(summaries(&replaced), ["replace() failed"]);
}

#[test]
fn deep_chains_of_locals_do_not_recurse() {
    let chain: String = (1..5_000).map(|n| format!("  a{n} = local.a{}\n", n - 1)).collect();
    let head = "cluster \"p\" {\n  version = local.a4999\n  member \"m\" { address = \"a\" }\n}\n";
    let fixture = Fixture::new(&format!("{head}locals {{\n  a0 = \"3.2.32\"\n{chain}}}\n"));
    assert_eq!(fixture.cluster().version.to_string(), "3.2.32");
    let nested: String = (1..5_000).map(|n| format!("  a{n} = [local.a{}]\n", n - 1)).collect();
    let fixture = Fixture::new(&format!("locals {{\n  a0 = []\n{nested}}}\n"));
    assert_eq!(summaries(&fixture), ["Nested too deep"]);
    let circle: String = (0..5_000).map(|n| format!("  a{n} = local.a{}\n", (n + 1) % 5_000)).collect();
    assert_eq!(summaries(&Fixture::new(&format!("locals {{\n{circle}}}\n"))), ["Locals in a circle"]);
}

#[test]
fn large_files_are_read_up_to_the_limit() {
    let line = "  # a comment that takes some space, again and again\n";
    let padding = line.repeat(3_900_000 / line.len());
    let fixture = Fixture::new(&format!(
        "{padding}cluster \"p\" {{\n  version = \"3.2.32\"\n  member \"m\" {{ address = \"a\" }}\n}}\n"
    ));
    let start = Instant::now();
    assert_eq!(fixture.cluster().version.to_string(), "3.2.32");
    assert!(start.elapsed() < BOUND);
    let one_line = Fixture::new(&format!("x = \"{}\" y", "a".repeat(3_900_000)));
    let errors = one_line.errors();
    assert!(errors.iter().all(|error| error.place.as_ref().is_none_or(|place| place.snippet.len() < 1000)));
}

#[test]
fn many_errors_are_counted_and_not_all_shown() {
    let members: String = (0..1_000).map(|n| format!("  member \"m{n}\" {{ address = \"{n}\" }}\n")).collect();
    let errors = Fixture::new(&format!("cluster \"p\" {{\n  version = \"3.2.32\"\n{members}}}\n")).errors();
    assert_eq!(errors.len(), 101);
    assert_eq!(errors[100].summary, "900 more");
    let broken = "x = = 1\n".repeat(1_000);
    assert!(summaries(&Fixture::new(&broken)).len() <= 21);
    assert!(scan::scan(&"'".repeat(100_000)).faults.len() <= 20);
}

#[test]
fn a_named_pipe_is_not_waited_for() {
    let fixture = Fixture::empty();
    let path = fixture.path().join("main.hcl");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let errors = fixture.errors();
    assert_eq!(errors[0].detail, "It is not a regular file.");
}

#[test]
fn an_error_at_a_wide_last_character_has_a_place() {
    for text in ["ዘ\"\"a\u{10a38}", "a = 1 é", "a \u{10a38}", "é", "a = \"é\" = é"] {
        assert!(summaries(&Fixture::new(text)).iter().all(|summary| !summary.is_empty()), "{text}");
    }
}
