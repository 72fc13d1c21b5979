//! How strict a schema is, for tests.

use std::collections::BTreeSet;

use serde_json::Value;

use super::json::validate;

/// What a schema lets through of a whole that holds, with each field left out in turn, and with one more field in each
/// object: `-summary.leader` may be missing, `+basis.members` may hold whatever else there is. Elements of a list are
/// told apart by their `type`.
pub(crate) fn let_through(schema: &str, whole: &Value) -> BTreeSet<String> {
    let mut places = Vec::new();
    objects_of(whole, String::new(), String::new(), &mut places);
    let (mut seen, mut let_through) = (BTreeSet::new(), BTreeSet::new());
    let mut holds = |what: String, change: &dyn Fn(&mut Value)| {
        if seen.insert(what.clone()) {
            let mut changed = whole.clone();
            change(&mut changed);
            assert_ne!(changed, *whole, "{what}");
            if validate::fault_by(schema, &changed).is_none() {
                let_through.insert(what);
            }
        }
    };
    for (place, pointer) in &places {
        let at = |value: &mut Value, change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            change(value.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap());
        };
        holds(format!("+{place}"), &|value| at(value, &|object| drop(object.insert("no_such_field".into(), 1.into()))));
        for field in whole.pointer(pointer).and_then(Value::as_object).unwrap().keys() {
            holds(format!("-{place}.{field}"), &|value| at(value, &|object| drop(object.remove(field))));
        }
    }
    let_through
}

/// Each object, by a name for people and by its JSON pointer.
fn objects_of(value: &Value, place: String, pointer: String, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str).map(|kind| format!("({kind})"));
            let place = place + &kind.unwrap_or_default();
            into.push((place.clone(), pointer.clone()));
            for (name, inner) in fields {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                objects_of(inner, format!("{place}.{name}"), format!("{pointer}/{escaped}"), into);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                objects_of(item, format!("{place}[]"), format!("{pointer}/{at}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
