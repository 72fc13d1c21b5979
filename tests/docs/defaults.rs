//! Defaults on the page of the spec are those of the reader: who writes one down declares the same as who leaves it out.

use std::fs;

use quorate::spec::{Inputs, load};

use crate::pages::root;

struct Row {
    /// The block that it stands in: `rollout`, `connection "ssh"`.
    block: String,
    attribute: String,
    default: String,
}

/// Rows of tables below a heading of a block inside `cluster`, whose third cell is a value as a spec would have it.
fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/reference/spec.md")).unwrap();
    let (mut block, mut found) = (String::new(), Vec::new());
    for line in page.lines() {
        if line.starts_with('#') {
            block = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`')).unwrap_or_default().to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", attribute, _, default, ..] = cells[..] else { continue };
        let code = |cell: &str| {
            cell.strip_prefix('`')?.strip_suffix('`').filter(|text| !text.contains('`')).map(str::to_owned)
        };
        let (Some(attribute), Some(default)) = (code(attribute), code(default)) else { continue };
        let is_value =
            default.starts_with(['"', '{']) || default.parse::<f64>().is_ok() || default.parse::<bool>().is_ok();
        if !block.is_empty() && is_value {
            found.push(Row { block: block.clone(), attribute, default });
        }
    }
    found
}

/// What a spec with this block declares.
fn declared(block: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let member = if block.starts_with("member") { "" } else { "  member \"m1\" { address = \"10.0.0.11\" }\n" };
    let spec = format!("cluster \"prod\" {{\n  version = \"3.5.33\"\n{member}  {block}\n}}\n");
    fs::write(folder.path().join("cluster.hcl"), &spec).unwrap();
    let loaded = load(folder.path(), &Inputs::default()).unwrap_or_else(|error| panic!("{error}\n{spec}"));
    // Paths below the folder are the same wherever that is.
    format!("{:?}", loaded.spec.clusters[0]).replace(folder.path().to_str().unwrap(), ".")
}

#[test]
fn who_writes_a_default_down_declares_the_same_as_who_leaves_it_out() {
    let rows = rows();
    assert!(rows.len() > 18, "only {} defaults were found: are they read?", rows.len());
    for Row { block, attribute, default } in rows {
        let fixed = match block.as_str() {
            "member \"NAME\"" => continue,
            "runtime \"process\"" => "dir = \"/srv/etcd\"\n",
            _ => "",
        };
        let without = declared(&format!("{block} {{\n{fixed}}}"));
        let with = declared(&format!("{block} {{\n{fixed}{attribute} = {default}\n}}"));
        assert_eq!(with, without, "{block}: {attribute} = {default}");
    }
}

#[test]
fn another_value_is_not_the_default() {
    assert_ne!(declared("rollout {\n soak = \"11s\"\n}"), declared("rollout {\n}"));
    assert_ne!(declared("backup {\n keep = 8\n}"), declared("backup {\n}"));
}
