//! Saved plans as other programs read them: each kind of plan, saved to a file, is as docs/reference/schema says.

use std::collections::BTreeSet;

use serde_json::Value;

use super::builders::*;
use super::restores::{backup, restore, with_v2};
use super::rollback::{back, completed, mixed};
use crate::plan::file::{load, save};
use crate::plan::model::{Kind, Plan};
use crate::units::Sha256;
use crate::view::{let_through, validate};

/// The name of the schema, and the `type` of the file.
const SCHEMA: &str = "quorate-plan";

fn saved(plan: &Plan) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan");
    save(plan, &path).unwrap();
    assert_eq!(load(&path).unwrap(), *plan);
    let text = std::fs::read_to_string(&path).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    // As the schema says of it: of `plan` as it stands in the file.
    let of_plan = text.trim_end().strip_suffix('}').unwrap().split_once(",\"plan\":").unwrap().1;
    assert_eq!(whole["sha256"], Sha256::of(of_plan.as_bytes()).to_string());
    whole
}

fn climb() -> Plan {
    healthy("3.1.20").to("3.4.45").by(&["3.2.32", "3.3.27"]).plan().unwrap()
}

fn back_by_points() -> Plan {
    back(completed("3.1.20", "3.2.32")).after_run("3.1.20", "3.2.32").by_points().plan()
}

#[test]
fn each_kind_is_as_its_schema_says() {
    let plans = [
        (Kind::NothingToDo, healthy("3.1.20").plan().unwrap()),
        (Kind::Create, empty_hosts("3.5.33").plan().unwrap()),
        (Kind::Create, empty_hosts("3.2.32").processes().plan().unwrap()),
        (Kind::Upgrade, healthy("3.1.20").to("3.2.32").plan().unwrap()),
        (Kind::Upgrade, healthy("2.3.8").to("3.0.17").plan().unwrap()),
        (Kind::Upgrade, climb()),
        (Kind::Downgrade, healthy("3.7.1").to("3.6.14").by(&["3.7.1"]).plan().unwrap()),
        (Kind::Rollback, back(mixed("3.1.20", "3.2.32")).plan()),
        (Kind::Rollback, back_by_points()),
        (Kind::Restore, restore(healthy("3.2.32"), backup("3.2.32")).plan().unwrap()),
        (Kind::Restore, restore(healthy("3.1.20"), with_v2("3.1.20")).plan().unwrap()),
    ];
    for (kind, plan) in plans {
        assert_eq!(plan.kind, kind);
        assert_eq!(validate::fault(&saved(&plan)), None, "{kind:?}");
    }
}

/// A field that no plan has is not let through anywhere; one may be missing only where it is the key of a map, or left out
/// when there is nothing to say.
#[test]
fn a_plan_with_a_field_too_many_or_too_few_is_none() {
    let plans = [climb(), back_by_points(), restore(healthy("3.1.20"), with_v2("3.1.20")).plan().unwrap()];
    let through: BTreeSet<String> = plans.iter().flat_map(|plan| let_through(SCHEMA, &saved(plan))).collect();
    insta::assert_debug_snapshot!(through);
}
