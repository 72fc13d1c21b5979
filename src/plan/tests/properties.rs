//! What holds of every plan, whatever the cluster is like.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::builders::*;
use super::random::situation;
use crate::plan::model::{Action, Gate, Kind, MemberAction, Operation, Plan, Step, Undo};
use crate::view::{Style, plan_text, refusals_text};

fn stops(step: &Step) -> Option<&MemberAction> {
    match &step.action {
        Action::Member(action) => {
            let stop = action.operations.iter().any(|operation| matches!(operation, Operation::Stop { .. }));
            stop.then_some(action)
        }
        _ => None,
    }
}

fn voters(plan: &Plan) -> usize {
    plan.basis.member_list.iter().filter(|member| !member.is_learner).count()
}

/// Promises that can be read off a plan; each is one of those of the design.
fn check(plan: &Plan) -> Result<(), TestCaseError> {
    for rung in &plan.rungs {
        let stop_at = rung.steps.iter().position(|step| stops(step).is_some());
        if let Some(first) = stop_at {
            prop_assert!(voters(plan) >= 3, "a member is stopped and there are {} voters", voters(plan));
            let backup = rung.steps.iter().position(|step| matches!(step.action, Action::Backup(_)));
            prop_assert!(backup.is_some_and(|backup| backup < first), "no backup before the first stop");
            finished(&rung.steps)?;
        }
        if let Some(from) = rung.from {
            let goes_down = KNOWLEDGE.rung_down_from(from).is_some_and(|known| known.from == rung.to);
            prop_assert_eq!(goes_down && plan.kind != Kind::Rollback, plan.kind == Kind::Downgrade);
            prop_assert!(
                from == rung.to || goes_down || KNOWLEDGE.next_minor(from) == Some(rung.to),
                "a rung from {from} to {}",
                rung.to
            );
        }
    }
    let mut stopped = BTreeSet::new();
    for step in plan.steps() {
        for gate in step.before.iter().chain(&step.after) {
            prop_assert!(!gate.within().is_zero(), "a gate without a bound: {gate:?}");
        }
        if let Action::Member(action) = &step.action {
            well_formed(action, step)?;
        }
        if let Some(action) = stops(step) {
            prop_assert!(stopped.insert(&action.member), "{} is stopped twice", action.member);
        }
    }
    nothing_waits_for_a_member_that_is_down(plan)?;
    prop_assert_eq!(&serde_json::from_str::<Plan>(&serde_json::to_string(plan).unwrap()).unwrap(), plan);
    Ok(())
}

/// A gate that asks all members stands only where all of them are up.
fn nothing_waits_for_a_member_that_is_down(plan: &Plan) -> Result<(), TestCaseError> {
    let basis = plan.basis.members.iter().filter(|(_, member)| member.server_version.is_none());
    let mut down: BTreeSet<_> = basis.map(|(name, _)| name.clone()).collect();
    let asks_all =
        |gates: &[Gate]| gates.iter().any(|gate| matches!(gate, Gate::AllHealthy { .. } | Gate::OneLeader { .. }));
    for step in plan.steps() {
        prop_assert!(down.is_empty() || !asks_all(&step.before), "step {:?} waits for {:?}", step.id, down);
        match &step.action {
            Action::Member(action) => {
                down.remove(&action.member);
            }
            Action::StartTogether { .. } => down.clear(),
            _ => {}
        }
        prop_assert!(down.is_empty() || !asks_all(&step.after), "after step {:?} {:?} are down", step.id, down);
    }
    Ok(())
}

/// The last step, but for a comparison, waits for the cluster version.
fn finished(steps: &[Step]) -> Result<(), TestCaseError> {
    let last = steps.iter().rev().find(|step| !matches!(step.action, Action::CompareData { .. }));
    let Some(Step { action: Action::Finish { minor, .. }, after, .. }) = last else {
        return Err(TestCaseError::fail(format!("the rung ends with {last:?}")));
    };
    let waits = after.iter().any(|gate| matches!(gate, Gate::ClusterVersion { minor: gate, .. } if gate == minor));
    prop_assert!(waits, "the end does not wait for the cluster version");
    Ok(())
}

fn well_formed(action: &MemberAction, step: &Step) -> Result<(), TestCaseError> {
    let of = |wanted: fn(&Operation) -> bool| action.operations.iter().filter(|operation| wanted(operation)).count();
    let stops = of(|operation| matches!(operation, Operation::Stop { .. }));
    let starts = of(|operation| matches!(operation, Operation::Start { .. }));
    prop_assert!(stops <= 1 && starts == 1, "{:?}", action.operations);
    prop_assert!(matches!(action.operations.last(), Some(Operation::Start { .. })), "a member is left down");
    let runs = |gate: &Gate| match gate {
        Gate::RunsVersion { member, version, .. } => *member == action.member && *version == action.to,
        _ => false,
    };
    prop_assert!(step.after.iter().any(runs), "nobody looks what {} runs then", action.member);
    let all_healthy = step.after.iter().any(|gate| matches!(gate, Gate::AllHealthy { .. }));
    prop_assert!(all_healthy || stops == 0, "nobody looks how the others are");
    if of(|operation| matches!(operation, Operation::SwapBinary)) > 0 {
        let wanted = if action.readd.is_some() { Undo::Readd } else { Undo::SwapBack };
        prop_assert_eq!(&step.undo, &wanted);
    }
    if stops == 1 && action.from.minor() > action.to.minor() {
        let (minor, gates) = (action.to.minor(), &step.before);
        let cluster = gates.iter().any(|gate| matches!(gate, Gate::ClusterVersion { minor: at, .. } if *at == minor));
        let storage = gates.iter().any(|gate| matches!(gate, Gate::StorageReadable { minor: at, .. } if *at == minor));
        prop_assert!(cluster && storage, "{} is taken down, and nobody looks whether that can be", action.member);
    }
    if stops == 1 {
        let quorum = |gate: &Gate| matches!(gate, Gate::QuorumWithout { member, .. } if *member == action.member);
        prop_assert!(step.before.iter().any(quorum), "{} is stopped without a look at quorum", action.member);
    }
    Ok(())
}

/// Somewhere on the hosts is data of etcd.
fn holds_data(situation: &Situation) -> bool {
    situation.inventory.members.iter().filter_map(|view| view.host.known()).any(|host| {
        host.member.as_ref().is_some_and(|facts| facts.data_dir.has_member)
            || host.data_without_member.as_ref().is_some_and(|data| data.has_member)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_keeps_the_promises(situation in situation()) {
        match situation.plan() {
            Ok(plan) => {
                check(&plan)?;
                prop_assert!(plan.kind != Kind::Create || !holds_data(&situation), "data is there, and it is created");
                prop_assert_eq!(plan.kind == Kind::NothingToDo, plan.is_empty());
                prop_assert!(!plan_text(&plan, Style::plain(100)).is_empty());
            }
            Err(refusals) => {
                prop_assert!(!refusals.is_empty());
                for refusal in &refusals {
                    let words = [&refusal.seen, &refusal.must, &refusal.fix];
                    prop_assert!(words.iter().all(|words| !words.is_empty()), "{:?}", refusal);
                }
                prop_assert!(!refusals_text("prod", &refusals, Style::plain(100)).is_empty());
            }
        }
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(situation in situation()) {
        let bytes = |situation: &Situation| match situation.plan() {
            Ok(plan) => serde_json::to_string(&plan).unwrap(),
            Err(refusals) => serde_json::to_string(&refusals).unwrap(),
        };
        prop_assert_eq!(bytes(&situation), bytes(&situation.clone()));
    }

    /// No wish of a spec makes a plan for a cluster that cannot be seen as a whole.
    #[test]
    fn a_host_that_is_not_seen_is_never_planned_over(situation in situation(), number in 0..7_usize) {
        let name = situation.inventory.members[number % situation.inventory.members.len()].name.to_string();
        prop_assert!(situation.unreachable(&name).plan().is_err());
    }
}

/// The properties above would hold of refusals alone.
#[test]
fn random_situations_are_neither_all_planned_nor_all_refused() {
    let mut runner = TestRunner::deterministic();
    let strategy = situation();
    let mut kinds = [0; 4];
    for _ in 0..1_000 {
        let situation = strategy.new_tree(&mut runner).unwrap().current();
        let kind = match situation.plan() {
            Ok(plan) if plan.kind == Kind::NothingToDo => 0,
            Ok(plan) if plan.kind == Kind::Create => 1,
            Ok(_) => 2,
            Err(_) => 3,
        };
        kinds[kind] += 1;
    }
    let [nothing, create, upgrade, refused] = kinds;
    assert!(nothing > 10 && create > 5 && upgrade > 150 && refused > 150, "{kinds:?}");
}
