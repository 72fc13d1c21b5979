//! A JSON Schema (draft 2020-12) for each JSON output, and for each file that other programs may read, made from the types in
//! the source and their documentation.
//!
//!     QUORATE_WRITE_REFERENCE=1 cargo test --test docs
//!
//! writes them into docs/reference/schema; without, the test fails where one is not current. That they say the truth is
//! shown elsewhere: every JSON that a test sees is validated against them (`tests/docs/validate.rs`), and so are the files.

mod shape;
mod source;
#[path = "../validate.rs"]
mod validate;

use quorate::backup::Manifest;
use quorate::plan::model::PLAN_FORMAT;
use quorate::view::JSON_FORMAT;
use serde_json::{Value, json};

use crate::pages::root;
use crate::reference::Written;
use shape::Shapes;
use source::{Described, Source};

const FOLDER: &str = "docs/reference/schema";

fn schemas() -> Vec<(String, Value)> {
    let source = Source::read();
    let described = source.types.iter().filter_map(|one| Some((one, source::described(one.attributes())?)));
    let whole = |(one, described): (&source::Type, Described)| {
        let mut shapes = Shapes::new(&source);
        let (name, mut schema) = match described {
            Described::Output(name) => (name.clone(), shapes.output(one, &name, JSON_FORMAT)),
            Described::File(name) => (name.clone(), shapes.file(one, &name, format_of(&name))),
        };
        let fields = schema.as_object_mut().unwrap();
        fields.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".to_owned(), json!(name));
        if !shapes.known.is_empty() {
            fields.insert("$defs".to_owned(), json!(shapes.known));
        }
        (name, schema)
    };
    described.map(whole).collect()
}

/// What a file has in `format` now.
fn format_of(file: &str) -> u32 {
    match file {
        "quorate-plan" => PLAN_FORMAT,
        "backup-manifest" => Manifest::FORMAT,
        _ => panic!("{file}: a file without a format"),
    }
}

#[test]
fn the_schemas_are_current() {
    let mut written = Written::default();
    for (name, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        written.file(&format!("{FOLDER}/{name}.json"), &text);
    }
    let files = std::fs::read_dir(root().join(FOLDER)).unwrap().count();
    assert_eq!(files, schemas().len(), "{FOLDER} has a schema of something that is not written");
    written.check();
}

/// Each can be compiled, asks for what is always there, and lets nothing in that it does not name.
#[test]
fn a_schema_lets_nothing_through_that_it_does_not_name() {
    for (name, _) in schemas() {
        let fault = validate::fault_by(&name, &json!({ "type": name, "format": 1, "no_such_field": 1 })).unwrap();
        assert!(fault.contains("missing properties") && fault.contains("no_such_field"), "{name}: {fault}");
    }
}

/// A name of `"type": "…"` in the view without a schema would be an output that nobody described.
#[test]
fn every_output_has_a_schema() {
    let source = Source::read();
    let known: Vec<String> =
        source.types.iter().filter_map(|one| source::described(one.attributes())?.output()).collect();
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("src/view")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for rest in text.split("\"type\": \"").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(known.iter().any(|known| known == name), "{}: no schema for {name}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, known.len(), "an output without a place in the view, or two of one name");
}
