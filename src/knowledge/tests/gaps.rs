//! Each kind of gap in the data is found, and the message says where it is.

use super::super::{Knowledge, KnowledgeError, ReleaseStanding};
use super::version;
use crate::units::Minor;

/// Loads the built-in data with these files over it.
fn with(files: &[(&str, &str)]) -> Result<Knowledge, KnowledgeError> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Knowledge::load(Some(folder.path()))
}

fn built_in(path: &str) -> String {
    super::super::files::built_in().remove(path).unwrap()
}

#[track_caller]
fn refused(files: &[(&str, &str)], words: &[&str]) {
    let error = with(files).map(|_| ()).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in: {error}");
    }
}

const NOTE: &str = "note \"of-mine\" {\n  what = \"x\"\n  sources = [\"observed 3.2.32\"]\n}\n";

#[test]
fn a_file_of_the_users_own_is_added() {
    let knowledge = with(&[("mine.hcl", NOTE)]).unwrap();
    assert_eq!(knowledge.explain("of-mine").unwrap().fact.unwrap().what, "x");
}

#[test]
fn a_rung_that_is_not_there() {
    refused(&[("rungs/3.1-3.2.hcl", "")], &["rung \"3.1\" \"3.2\"", "the ladder has a gap"]);
}

#[test]
fn a_rung_without_its_rollback_rule() {
    let text = built_in("rungs/3.1-3.2.hcl");
    let at = text.find("  rollback ").unwrap();
    let text = format!("{}}}\n", &text[..at]);
    refused(
        &[("rungs/3.1-3.2.hcl", &text)],
        &["rungs/3.1-3.2.hcl: rung \"3.1\" \"3.2\"", "exactly one `rollback` block is needed; 0 found"],
    );
}

#[test]
fn a_fact_without_a_source() {
    refused(&[("mine.hcl", "note \"n\" {\n  what = \"x\"\n}\n")], &["mine.hcl: note \"n\": `sources` is missing"]);
    let odd = "note \"n\" {\n  what = \"x\"\n  sources = [\"somewhere\"]\n}\n";
    refused(&[("mine.hcl", odd)], &["mine.hcl: note \"n\": `sources`", "is not a source"]);
}

#[test]
fn a_name_that_is_taken() {
    let text = NOTE.replace("of-mine", "leader-last");
    refused(&[("mine.hcl", &text)], &["the name \"leader-last\" is taken by mine.hcl"]);
}

#[test]
fn an_expression_that_does_not_compile() {
    let log = r#"log "l" {
  in = "all"
  class = "trouble"
  regex = "(unclosed"
  what = "x"
  sources = ["observed 3.2.32"]
}"#;
    refused(&[("mine.hcl", log)], &["mine.hcl: log \"l\": `regex`", "unclosed group"]);
}

#[test]
fn a_range_that_is_inverted_or_names_no_minor() {
    let log = |range: &str| {
        format!(
            "log \"l\" {{\n  in = \"{range}\"\n  class = \"trouble\"\n  regex = \"x\"\n  what = \"x\"\n  sources = [\"observed 3.2.32\"]\n}}\n"
        )
    };
    refused(&[("mine.hcl", &log("3.4..3.2"))], &["mine.hcl: log \"l\"", "is inverted"]);
    refused(&[("mine.hcl", &log("4.1+"))], &["names 4.1, which has no `minor` block"]);
}

#[test]
fn a_minor_without_its_releases() {
    let releases = built_in("releases.hcl");
    let from = releases.find("minor \"3.1\"").unwrap();
    let to = releases.find("minor \"3.2\"").unwrap();
    let text = format!("{}{}", &releases[..from], &releases[to..]);
    refused(&[("releases.hcl", &text)], &["names 3.1, which has no `minor` block", "rung \"3.1\" \"3.2\""]);
}

#[test]
fn a_defect_whose_cure_is_no_cure() {
    let text = built_in("releases.hcl").replace("use_instead = \"3.2.32\"", "use_instead = \"3.2.0\"");
    refused(&[("releases.hcl", &text)], &["minor \"3.2\" > defect \"defect-3.2.0\"", "no good release of 3.2"]);
}

#[test]
fn a_feature_that_the_code_asks_for_and_the_data_lacks() {
    let text = built_in("features.hcl").replace("feature \"hash-kv\"", "feature \"hash-kvx\"");
    refused(
        &[("features.hcl", &text)],
        &["feature \"hash-kvx\": no feature of this name", "feature \"hash-kv\": the block is missing"],
    );
}

#[test]
fn words_that_are_not_known() {
    let attribute = NOTE.replace("what", "colour = 1\n  what");
    refused(&[("mine.hcl", &attribute)], &["note \"of-mine\": `colour` is not known here"]);
    refused(&[("mine.hcl", "remark \"x\" {}")], &["mine.hcl: remark \"x\": a block `remark` is not known here"]);
    let rule = built_in("config-rules.hcl").replace("\"url-hosts-are-ips\"", "\"url-hosts-are-nice\"");
    refused(&[("config-rules.hcl", &rule)], &["config_rule \"listen-urls-are-ips\"", "unknown variant"]);
    let parameter =
        built_in("rungs/3.2-3.3.hcl").replace("at_least = \"3.2.31\"\n    when", "atleast = \"3.2.31\"\n    when");
    refused(&[("rungs/3.2-3.3.hcl", &parameter)], &["requirement \"patch-3.2.31-with-auth\"", "atleast"]);
}

#[test]
fn references_that_lead_nowhere() {
    let rule = built_in("config-rules.hcl").replace("option  = \"logger\"", "option  = \"loger\"");
    refused(&[("config-rules.hcl", &rule)], &["logger-not-capnslog", "names the option \"loger\""]);
    let every = built_in("rungs/every.hcl").replace("= \"unsafe-no-fsync\"", "= \"unsafe-fsync\"");
    refused(&[("rungs/every.hcl", &every)], &["fsync-is-on", "names the option \"unsafe-fsync\""]);
    let change = built_in("rungs/3.1-3.2.hcl").replace("[\"snapshot-count\"]", "[\"snap-count\"]");
    refused(&[("rungs/3.1-3.2.hcl", &change)], &["snapshot-count-100000", "names the option \"snap-count\""]);
    let log = built_in("logs/trouble.hcl").replace("cause   = \"v2-only-data-3.2\"", "cause   = \"v2-only\"");
    refused(&[("logs/trouble.hcl", &log)], &["database-snapshot-missing", "no fact is named \"v2-only\""]);
}

#[test]
fn a_way_down_that_is_named_and_not_described() {
    let text = built_in("rungs/3.1-3.2.hcl").replace("[\"rollback-points\"", "[\"downgrade-api\", \"rollback-points\"");
    refused(&[("rungs/3.1-3.2.hcl", &text)], &["do not name the same way down"]);
}

#[test]
fn text_that_is_no_hcl() {
    refused(&[("mine.hcl", "note \"x\" {")], &["mine.hcl: "]);
    refused(&[("mine.hcl", "note \"x\" {\n  what = nothing.there\n}\n")], &["mine.hcl: note \"x\": `what`"]);
}

#[test]
fn all_problems_come_at_once() {
    let error = with(&[("mine.hcl", "remark \"x\" {}"), ("rungs/3.1-3.2.hcl", "")]).map(|_| ()).unwrap_err();
    let KnowledgeError::Data { problems, .. } = error else { panic!("{error}") };
    assert!(problems.len() >= 2);
}

#[test]
fn a_folder_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = Knowledge::load(Some(&folder.path().join("none"))).map(|_| ()).unwrap_err();
    assert!(matches!(error, KnowledgeError::Folder { .. }));
}

#[test]
fn a_new_minor_is_a_change_of_data() {
    let releases = built_in("releases.hcl")
        .replace("\"3.8.0-alpha.0\"", "\"3.8.0\"")
        .replace("support = \"pre-release\"", "support = \"supported\"");
    let rung = built_in("rungs/3.6-3.7.hcl")
        .replace("rung \"3.6\" \"3.7\"", "rung \"3.7\" \"3.8\"")
        .replace("-3.7\" {", "-3.8\" {")
        .replace("\"downgrade-3.7-3.6\"", "\"downgrade-3.8-3.7\"")
        .replace("patch-3.6.11", "patch-3.7.1")
        .replace("\"3.6.11\"", "\"3.7.1\"");
    let rung: String = rung
        .lines()
        .map(|line| {
            match line.trim_start().strip_prefix("change \"").or(line.trim_start().strip_prefix("advisory \"")) {
                Some(_) => line.replacen(" \"", " \"of-3.8-", 1),
                None => line.to_owned(),
            }
        })
        .collect::<Vec<_>>()
        .join("\n");
    let knowledge = with(&[("releases.hcl", &releases), ("rungs/3.7-3.8.hcl", &rung)]).unwrap();
    assert_eq!(knowledge.next_minor(Minor::new(3, 7)), Some(Minor::new(3, 8)));
    assert!(knowledge.rung(Minor::new(3, 7), Minor::new(3, 8)).is_some());
    assert_eq!(knowledge.standing(&version("3.8.0")), ReleaseStanding::Latest);
}
