//! Several steps at once: which, what is foreseen of the later ones, what stands in their way.

use insta::assert_snapshot;

use super::builders::*;
use crate::plan::model::{Action, Kind, Plan};
use crate::units::{Bytes, Minor, Version};

/// The versions that a plan leads through.
fn legs(plan: &Plan) -> Vec<String> {
    let later = plan.later.iter().map(|later| later.to.to_string());
    std::iter::once(plan.summary.to.to_string()).chain(later).collect()
}

fn from_3_1_to_3_4() -> Situation {
    healthy("3.1.20").to("3.4.45").by(&["3.2.32", "3.3.27"])
}

#[test]
fn three_rungs_up() {
    assert_snapshot!(from_3_1_to_3_4().planned());
}

#[test]
fn each_rung_has_its_own_steps_and_the_plan_keeps_what_was_declared() {
    let plan = from_3_1_to_3_4().plan().unwrap();
    assert_eq!(legs(&plan), ["3.2.32", "3.3.27", "3.4.45"]);
    assert_eq!(plan.declared.version, version("3.4.45"));
    assert_eq!(plan.releases.len(), 3);
    for later in &plan.later {
        let members = later.rung.steps.iter().filter(|step| matches!(step.action, Action::Member(_)));
        assert_eq!(members.count(), 3, "{}", later.to);
        assert!(later.rung.steps.iter().any(|step| matches!(step.action, Action::Backup(_))), "{}", later.to);
        assert!(later.rung.no_return.is_some(), "{}", later.to);
    }
}

#[test]
fn a_rung_that_was_begun_is_finished_first_with_the_release_that_was_begun() {
    let begun = from_3_1_to_3_4().runs("m1", "3.2.31").by(&["3.2.31"]);
    assert_eq!(legs(&begun.plan().unwrap()), ["3.2.31", "3.3.27", "3.4.45"]);
}

#[test]
fn a_release_on_the_way_may_be_named() {
    let named = from_3_1_to_3_4().by(&["3.3.26"]).declared(|cluster| {
        cluster.via.insert(Minor::new(3, 3), version("3.3.26"));
    });
    assert_eq!(legs(&named.plan().unwrap()), ["3.2.32", "3.3.26", "3.4.45"]);
}

/// With authentication on, 3.3 asks for 3.2.31.
fn with_an_old_patch() -> Situation {
    healthy("3.2.20").to("3.3.27").by(&["3.2.32"]).with_a_user().every_etcd(|etcd| etcd.auth_enabled = Some(true))
}

#[test]
fn a_patch_that_the_rung_demands_comes_first() {
    let plan = with_an_old_patch().plan().unwrap();
    assert_eq!(legs(&plan), ["3.2.32", "3.3.27"]);
    assert_eq!(plan.rungs[0].from, Some(Minor::new(3, 2)));
    // Half way up, the rung is refused as it was before: no member goes back.
    with_an_old_patch().runs("m1", "3.3.27").refused_by(&["patch-3.2.31-with-auth"; 2]);
}

#[test]
fn a_bad_release_on_the_way_is_refused_before_anything_starts() {
    let old = healthy("3.3.27").to("3.5.33").by(&["3.4.20"]).declared(|cluster| {
        cluster.via.insert(Minor::new(3, 4), version("3.4.20"));
    });
    assert_snapshot!(old.refused("release-known"));
}

#[test]
fn what_stands_in_the_way_of_a_later_rung_is_told_before_the_first() {
    let rare = healthy("3.4.45").to("3.6.14").by(&["3.5.33"]).option("m2", "snapshot-count", "1000000");
    assert_snapshot!(rare.refused("leftover-v2-entries-3.6"));
}

#[test]
fn an_option_that_a_later_release_does_not_know() {
    let option = healthy("3.3.27").to("3.5.33").by(&["3.4.45"]).option("m2", "debug", "true");
    assert_snapshot!(option.refused("option-removed"));
}

#[test]
fn a_release_on_the_way_that_cannot_be_had() {
    let mut lacks = healthy("3.1.20").to("3.3.27");
    lacks.missing = vec!["https://mirror.example/etcd-v3.2.32-linux-amd64.tar.gz: 404".to_owned()];
    assert_snapshot!(lacks.refused("release-available"));
    // Where a member runs it already, no other one will do.
    let mut half_way = healthy("3.1.20").to("3.3.27").runs("m1", "3.2.32");
    half_way.missing = lacks.missing.clone();
    let refusal = half_way.plan().unwrap_err().into_iter().find(|refusal| refusal.rule == "release-available").unwrap();
    assert!(refusal.fix.contains("it has to be 3.2.32") && !refusal.fix.contains("via"), "{}", refusal.fix);
}

#[test]
fn disks_have_to_hold_what_all_rungs_keep() {
    let room = |free| from_3_1_to_3_4().facts("m2", |facts| facts.data_dir.free = free);
    let one = room(Bytes::mebi(1024 * 1024)).plan().unwrap();
    let size = one.steps().find_map(|step| match &step.action {
        Action::Member(action) if action.member == name("m2") => {
            action.operations.iter().find_map(|operation| match operation {
                crate::plan::model::Operation::CopyDataDir { size, .. } => Some(*size),
                _ => None,
            })
        }
        _ => None,
    });
    let size = size.unwrap().0;
    let enough_for_all = (1..40).find(|times| room(Bytes(size * times)).plan().is_ok()).unwrap();
    let alone = healthy("3.1.20").to("3.2.32");
    let enough_for_one = (1..40)
        .find(|times| alone.clone().facts("m2", |facts| facts.data_dir.free = Bytes(size * times)).plan().is_ok());
    assert_eq!(enough_for_all, enough_for_one.unwrap() + 2);
}

#[test]
fn a_member_that_is_down_is_foreseen_to_be_up() {
    let down = from_3_1_to_3_4().down("m3").plan().unwrap();
    assert_eq!(legs(&down), ["3.2.32", "3.3.27", "3.4.45"]);
    let starts =
        |plan: &Plan| plan.steps().any(|step| matches!(&step.action, Action::Member(action) if action.only_starts()));
    assert!(starts(&down));
}

#[test]
fn until_leaves_out_what_comes_after() {
    let until = |minor: Minor| {
        let mut plan = from_3_1_to_3_4().plan().unwrap();
        plan.stop_at(minor).then(|| legs(&plan))
    };
    assert_eq!(until(Minor::new(3, 2)).unwrap(), ["3.2.32"]);
    assert_eq!(until(Minor::new(3, 3)).unwrap(), ["3.2.32", "3.3.27"]);
    assert_eq!(until(Minor::new(3, 4)).unwrap().len(), 3);
    assert_eq!(until(Minor::new(3, 0)), None);
    // A patch first: the minor is reached by the rung after it.
    let mut patched = with_an_old_patch().plan().unwrap();
    assert!(patched.stop_at(Minor::new(3, 2)));
    assert_eq!(legs(&patched), ["3.2.32"]);
}

#[test]
fn until_the_minor_that_is_there_already_nothing_is_done() {
    let mut plan = from_3_1_to_3_4().plan().unwrap();
    assert!(plan.stop_at(Minor::new(3, 1)) && plan.is_empty() && plan.later.is_empty());
    assert_eq!(plan.kind, Kind::NothingToDo);
    assert_eq!(
        crate::view::last_line(&plan),
        "No changes up to 3.1. Cluster prod: 3 members at 3.1.20; 3.4.45 is declared."
    );
    // Half way to another patch of it, it is not done.
    let mut mixed = from_3_1_to_3_4().runs("m3", "3.1.19").plan().unwrap();
    assert!(!mixed.stop_at(Minor::new(3, 1)));
}

/// From any minor to any other: each minor once, in order, and each version of its own minor.
#[test]
fn every_climb_goes_one_minor_at_a_time() {
    let minors = KNOWLEDGE.minors();
    for (low, from) in minors.iter().enumerate() {
        for to in minors.iter().skip(low + 1) {
            let (Some(running), Some(declared)) = (KNOWLEDGE.latest(*from), KNOWLEDGE.latest(*to)) else { continue };
            let situation = healthy(&running.to_string()).to(&declared.to_string());
            let legs = crate::plan::climb::legs(&situation.cluster, &situation.inventory, &KNOWLEDGE);
            let climbed: Vec<Minor> = legs.iter().map(Version::minor).collect();
            let expected: Vec<Minor> = minors.iter().copied().filter(|minor| minor > from && minor <= to).collect();
            assert_eq!(climbed, expected, "{running} to {declared}");
        }
    }
}

/// The no-ops that a plan makes, by rung, and of how many members.
fn cleared(plan: &Plan) -> Vec<(u64, usize)> {
    let later = plan.later.iter().flat_map(|foreseen| &foreseen.rung.steps);
    let all = plan.steps().chain(later).filter_map(|step| match &step.action {
        Action::TakeRaftSnapshots(snapshots) => Some((snapshots.no_ops, snapshots.members.len())),
        _ => None,
    });
    all.collect()
}

#[test]
fn what_3_6_and_3_7_cannot_read_is_cleared_before_them() {
    // The last raft snapshot is at 20,002, and 24,310 entries are applied.
    assert_eq!(cleared(&healthy("3.5.33").to("3.6.14").plan().unwrap()), [(95_693, 3)]);
    assert_eq!(cleared(&healthy("3.6.14").to("3.7.1").plan().unwrap()), [(5_693, 3)]);
    assert_eq!(cleared(&healthy("3.4.45").to("3.5.33").plan().unwrap()), []);
    // Each member has its own count; the longest way counts.
    let counted = healthy("3.5.33").to("3.6.14").option("m1", "snapshot-count", "500000");
    assert_eq!(cleared(&counted.plan().unwrap()), [(495_693, 3)]);
    // Whoever runs the new version has it behind them.
    let mixed = healthy("3.5.33").to("3.6.14").runs("m1", "3.6.14");
    assert_eq!(cleared(&mixed.plan().unwrap())[0].1, 2);
    // One that is down is brought up before, and its log is cleared as those of the others.
    let down = healthy("3.5.33").to("3.6.14").down("m3");
    assert_eq!(cleared(&down.plan().unwrap())[0].1, 3);
}

/// Whether it will have been is for the clients: it is told, and not refused.
#[test]
fn from_2_3_on_it_is_told_that_something_has_to_be_written_through_v3_on_the_way() {
    let climb = healthy("2.3.8").to("3.1.20").by(&["3.0.17"]);
    let without = climb.clone().every_facts(|facts| facts.data_dir.newest_snap = None);
    let warned = |plan: &Plan| plan.warnings.iter().any(|note| note.rule == "v2-only-data-3.1");
    assert!(!warned(&without.plan().unwrap()));
    let with = climb.v2_data(1204, Bytes::mebi(1));
    let plan = with.plan().unwrap();
    assert_eq!(legs(&plan), ["3.0.17", "3.1.20"]);
    assert!(warned(&plan));
}

#[test]
fn a_log_that_nobody_has_cut_since_2_x_is_told_before_3_5() {
    let climb = healthy("3.4.45").to("3.5.33");
    let warned =
        |there: Situation| there.plan().unwrap().warnings.iter().any(|note| note.rule == "log-from-before-3.0");
    assert!(warned(climb.clone().facts("m2", |facts| facts.data_dir.newest_snap = None)));
    let snap = |facts: &mut crate::observe::inventory::MemberFacts| {
        let index = crate::units::RaftIndex(9);
        facts.data_dir.newest_snap = Some(crate::observe::inventory::SnapFile { size: Bytes::mebi(1), index });
    };
    assert!(!warned(climb.every_facts(snap)));
}
