//! What the spec says of how to go about it.

use insta::assert_snapshot;

use super::builders::*;
use crate::plan::Held;
use crate::plan::model::{Action, Gate, GoesOn, Step};
use crate::spec::model::{HoldPoint, OnFailure, Toggle, Verify};
use crate::units::{ClusterId, Span};

fn rung() -> Situation {
    healthy("3.1.20").to("3.2.32")
}

#[test]
fn hold_before_the_point_of_no_return() {
    let hold = rung().declared(|cluster| cluster.rollout.hold_before = Some(HoldPoint::NoReturn));
    assert_snapshot!(hold.planned());
}

#[test]
fn a_bound_for_what_clients_are_put_through_stands_among_what_they_notice() {
    let told = |situation: &Situation| situation.plan().unwrap().rungs[0].clients.clone();
    let bound = rung().declared(|cluster| cluster.rollout.availability.max_stall = Some(Span::from_secs(2)));
    let line = told(&bound).into_iter().find(|line| line.contains("max_stall")).unwrap();
    assert!(line.starts_with("when no member answers for longer than 2s"), "{line}");
    assert!(!told(&rung()).iter().any(|line| line.contains("max_stall")));
}

/// What the last member's plan says of the hold.
fn hold_of(situation: &Situation) -> Option<GoesOn> {
    let plan = situation.plan().unwrap();
    plan.rungs[0].no_return.clone().unwrap().goes_on
}

/// m2 is left.
fn nearly_done() -> Situation {
    let held = rung().declared(|cluster| cluster.rollout.hold_before = Some(HoldPoint::NoReturn));
    held.runs("m1", "3.2.32").runs("m3", "3.2.32")
}

fn held_before(situation: &Situation, member: &str) -> Held {
    let plan = situation.plan().unwrap();
    let is_it = |step: &&Step| matches!(&step.action, Action::Member(action) if action.member.as_str() == member);
    let before = plan.steps().find(is_it).unwrap().id;
    Held::of("20260102T150405Z-00000001", &plan, before).unwrap()
}

#[test]
fn a_run_that_was_held_there_goes_on() {
    let mut left = nearly_done();
    left.held = Some(held_before(&left, "m2"));
    assert!(left.planned().contains("run 20260102T150405Z-00000001 was held here"), "{}", left.planned());
    assert!(matches!(hold_of(&left), Some(GoesOn::WasHeld { .. })));
}

#[test]
fn a_run_that_was_never_held_stops_before_the_last_member_also_when_it_begins_with_it() {
    let left = nearly_done();
    assert!(left.planned().contains("the run stops here"));
    assert_eq!(hold_of(&left), None);
}

#[test]
fn a_hold_before_another_member_or_of_another_cluster_counts_for_nothing() {
    let mut left = nearly_done();
    left.held = Some(held_before(&nearly_done().runs("m2", "3.2.32").runs("m3", "3.1.20"), "m3"));
    assert_eq!(hold_of(&left), None);
    left.held = Some(held_before(&nearly_done().every_etcd(|etcd| etcd.cluster_id = ClusterId(7)), "m2"));
    assert_eq!(hold_of(&left), None);
    left.held = Some(held_before(&left, "m2"));
    assert_eq!(hold_of(&left.runs("m1", "3.1.20")), None);
}

#[test]
fn a_last_member_that_is_down_on_the_new_binary_is_started_without_a_hold() {
    let held = rung().declared(|cluster| cluster.rollout.hold_before = Some(HoldPoint::NoReturn));
    let down = held.runs("m2", "3.2.32").runs("m3", "3.2.32").stopped_with_new_binary("m1");
    assert_eq!(hold_of(&down), Some(GoesOn::OnlyStarts));
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
