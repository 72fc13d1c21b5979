//! What the spec says of how to go about it.

use insta::assert_snapshot;

use super::builders::*;
use crate::plan::model::{Action, Gate};
use crate::spec::model::{HoldPoint, OnFailure, Toggle, Verify};
use crate::units::Span;

fn rung() -> Situation {
    healthy("3.1.20").to("3.2.32")
}

#[test]
fn hold_before_the_point_of_no_return() {
    let hold = rung().declared(|cluster| cluster.rollout.hold_before = Some(HoldPoint::NoReturn));
    assert_snapshot!(hold.planned());
}

#[test]
fn without_a_soak() {
    let plan = rung().declared(|cluster| cluster.rollout.soak = Span::default()).plan().unwrap();
    assert!(plan.steps().all(|step| !step.after.iter().any(|gate| matches!(gate, Gate::Soak { .. }))));
}

#[test]
fn halt_on_failure_and_a_backup_by_hash_alone() {
    let halt = rung().declared(|cluster| {
        cluster.rollout.on_failure = OnFailure::Halt;
        cluster.backup.verify = Verify::Hash;
    });
    assert_snapshot!(halt.planned());
}

#[test]
fn hashes_are_not_compared_where_that_is_switched_off() {
    let off = healthy("3.3.27").to("3.4.45").declared(|cluster| cluster.rollout.compare_hashes = Toggle::Off);
    let plan = off.plan().unwrap();
    assert!(plan.steps().all(|step| !matches!(step.action, Action::CompareData { .. })));
}
