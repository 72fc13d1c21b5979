//! What programs read. Every object has a `type`, and a `format` that is raised when an old reader would misread it.

use serde::Serialize;
use serde_json::{Value, json};

use super::escape::escape_json;
use crate::plan::model::{Plan, Refusal};

#[cfg(test)]
#[path = "../../tests/docs/validate.rs"]
pub(crate) mod validate;

/// Format of everything in this file.
pub const JSON_FORMAT: u32 = 1;

/// A plan and what it comes to.
#[must_use]
pub fn plan_json(plan: &Plan) -> Value {
    json!({
        "type": "plan",
        "format": JSON_FORMAT,
        "cluster": plan.cluster,
        "changes": !plan.is_empty(),
        "members_changed": plan.members_changed(),
        "sha256": plan.digest(),
        "plan": plan,
    })
}

/// Every reason why there is no plan, sorted.
#[must_use]
pub fn refusals_json(cluster: &str, refusals: &[Refusal]) -> Value {
    let mut reasons: Vec<&Refusal> = refusals.iter().collect();
    reasons.sort();
    json!({
        "type": "refused",
        "format": JSON_FORMAT,
        "cluster": cluster,
        "count": reasons.len(),
        "refusals": reasons,
    })
}

/// A saved plan that no longer fits.
#[must_use]
pub fn stale_json(differences: &[String]) -> Value {
    json!({
        "type": "stale",
        "format": JSON_FORMAT,
        "rule": super::refusal::STALE,
        "count": differences.len(),
        "differences": differences,
    })
}

/// Any other error, and the rule behind it, where there is one.
#[must_use]
pub fn error_json(message: &str, todo: &[String], rule: Option<&str>) -> Value {
    json!({ "type": "error", "format": JSON_FORMAT, "rule": rule, "message": message, "todo": todo })
}

/// One object on one line, with its line break, safe on a terminal.
#[must_use]
pub fn json_line(value: &impl Serialize) -> String {
    #[cfg(test)]
    tests::hold_to_its_schema(value);
    // Only maps with keys that are not strings, and sealed secrets, do not serialize: none is shown.
    match serde_json::to_string(value) {
        Ok(text) => escape_json(&text) + "\n",
        Err(error) => {
            escape_json(&error_json(&format!("cannot be shown as JSON: {error}"), &[], None).to_string()) + "\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All JSON that tests of the rooms see is as the schemas in docs/reference/schema say.
    pub fn hold_to_its_schema(value: &impl Serialize) {
        let value = serde_json::to_value(value).unwrap();
        // What goes to an Alertmanager is a list, in the form that it asks for.
        if value.is_object()
            && let Some(why) = validate::fault(&value)
        {
            panic!("not as its schema says: {why}\n{value}");
        }
    }

    #[test]
    #[should_panic(expected = "not as its schema says")]
    fn what_no_schema_knows_is_found() {
        let _ = json_line(
            &json!({ "type": "error", "format": JSON_FORMAT, "rule": null, "message": "m", "todo": [], "more": 1 }),
        );
    }
}
