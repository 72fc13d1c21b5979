//! Holds JSON that quorate writes against the schemas in docs/reference/schema. Included by the tests of the view, by
//! those of the command line, and by the tool that the scripts call: all that a test sees goes through here. Files of
//! quorate's own go through here as well, the manifest of a backup by the name of its schema.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// The schemas that were asked for already. They are many, and a test needs few.
static COMPILED: Mutex<BTreeMap<String, (boon::Schemas, boon::SchemaIndex)>> = Mutex::new(BTreeMap::new());

/// What is wrong with an object, by the schema of its `type`.
#[allow(dead_code, reason = "not all that include this file have such objects")]
pub fn fault(value: &Value) -> Option<String> {
    let Some(name) = value.get("type").and_then(Value::as_str) else { return Some("it has no type".to_owned()) };
    fault_by(name, value)
}

/// What is wrong with an object, by the schema of that name.
pub fn fault_by(name: &str, value: &Value) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/reference/schema/{name}.json"));
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if !compiled.contains_key(name) {
        let Ok(text) = std::fs::read_to_string(&path) else { return Some(format!("there is no {}", path.display())) };
        compiled.insert(name.to_owned(), compile(&text, name));
    }
    let (schemas, index) = &compiled[name];
    schemas.validate(value, *index).err().map(|error| format!("{error:#}"))
}

fn compile(text: &str, name: &str) -> (boon::Schemas, boon::SchemaIndex) {
    let schema: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}.json: {error}"));
    let place = format!("https://quorate.invalid/{name}.json");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource(&place, schema).unwrap_or_else(|error| panic!("{name}.json: {error:#}"));
    let index = compiler.compile(&place, &mut schemas).unwrap_or_else(|error| panic!("{name}.json: {error:#}"));
    (schemas, index)
}
