//! Every piece of a spec in the documents is valid: whole ones as they are, parts put into a whole one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::pages::{Code, Page, pages};

/// What a part of a cluster is put into.
const CLUSTER: &str = "cluster \"prod\" {\n  @\n}\n";
const VERSION: &str = "version = \"3.5.33\"\n";
const MEMBERS: &str = "member \"m1\" { address = \"10.0.0.11\" }\n";
/// What stands beside clusters.
const OUTERMOST: [&str; 4] = ["variable ", "locals ", "quorate ", "cluster "];

/// A spec out of a piece of one: what is left out there (`…`) is left out here, what is missing for a whole is added.
fn whole(piece: &str) -> String {
    let piece: String = piece.lines().filter(|line| line.trim() != "…").map(|line| format!("{line}\n")).collect();
    let begins = |word: &str| piece.lines().any(|line| line.starts_with(word));
    let mut text = if OUTERMOST.iter().any(|word| begins(word)) { piece.clone() } else { CLUSTER.replace('@', &piece) };
    if !text.lines().any(|line| line.starts_with("cluster ")) {
        text.push_str(&CLUSTER.replace('@', ""));
    }
    let (mut missing, has) = (String::new(), |word: &str| text.lines().any(|line| line.trim_start().starts_with(word)));
    if !has("version ") {
        missing.push_str(VERSION);
    }
    if !has("member ") {
        missing.push_str(MEMBERS);
    }
    let inside = text.find("cluster ").and_then(|at| Some(at + text[at..].find('{')? + 1)).unwrap();
    text.insert_str(inside, &format!("\n{missing}"));
    for name in variables(&text) {
        if !text.contains(&format!("variable \"{name}\"")) {
            text.push_str(&format!(
                "variable \"{name}\" {{\n  default = \"https://example.net\"\n  sensitive = true\n}}\n"
            ));
        }
    }
    text
}

fn variables(text: &str) -> Vec<String> {
    let end = |rest: &str| rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
    text.split("var.")
        .skip(1)
        .map(|rest| &rest[..end(rest)])
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Errors, and warnings as well.
fn fault(spec: &str, folder: &Path) -> Option<String> {
    std::fs::write(folder.join("cluster.hcl"), spec).unwrap();
    std::fs::create_dir_all(folder.join("modules")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("QUORATE_VAR_etcd_password", "x")
        .args(["validate", "-no-color"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (!output.status.success() || text.contains("warning")).then_some(text)
}

fn hcl(page: &Page) -> Vec<Code> {
    page.code().into_iter().filter(|code| code.block && code.language == "hcl").collect()
}

#[test]
fn every_spec_in_the_documents_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages() {
        for code in hcl(&page) {
            seen += 1;
            if let Some(why) = fault(&whole(&code.text), folder.path()) {
                wrong.push(format!("{}:{}: {why}\n{}", page.name, code.line, whole(&code.text)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(seen > 12, "only {seen} specs were found: are they read?");
}

#[test]
fn every_example_is_valid() {
    let mut seen = 0;
    for entry in std::fs::read_dir(crate::pages::root().join("examples")).unwrap() {
        let spec = entry.unwrap().path().join("cluster.hcl");
        let Ok(text) = std::fs::read_to_string(&spec) else { continue };
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(fault(&text, folder.path()), None, "{}", spec.display());
        seen += 1;
    }
    assert!(seen > 3);
}

/// What looks like a spec and is not marked as one would never be looked at.
#[test]
fn no_spec_in_the_documents_goes_unmarked() {
    let blocks =
        ["cluster", "member", "connection", "runtime", "release", "client", "rollout", "backup", "drift", "variable"];
    let is_begin = |line: &str| {
        let line = line.trim();
        let first = line.split(' ').next().unwrap_or_default();
        line.ends_with('{') && blocks.contains(&first)
    };
    for page in pages() {
        for code in page.code().into_iter().filter(|code| code.block && !code.language.starts_with("hcl")) {
            let line = code.text.lines().find(|line| is_begin(line));
            assert_eq!(line, None, "{}:{}: mark it as ```hcl", page.name, code.line);
        }
    }
}

#[test]
fn facts_in_the_documents_are_as_the_knowledge_has_them() {
    let mut seen = 0;
    for page in pages() {
        for code in page.code().into_iter().filter(|code| code.language == "hcl fact") {
            let body: hcl_edit::structure::Body =
                code.text.parse().unwrap_or_else(|error| panic!("{}: {error}", page.name));
            for block in body.blocks() {
                let label = block.labels.first().unwrap().as_str();
                let knowledge = quorate::knowledge::Knowledge::load(None).unwrap();
                assert!(knowledge.explain(label).is_some(), "{}:{}: {label} is not known", page.name, code.line);
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn a_wrong_piece_is_found() {
    let folder = tempfile::tempdir().unwrap();
    assert!(fault(&whole("rollout { no_such = 1 }\n"), folder.path()).is_some());
    assert_eq!(fault(&whole("rollout { soak = \"1s\" }\n"), folder.path()), None);
}
