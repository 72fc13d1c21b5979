//! One minor down, or several: from a completed cluster, from whatever a way that was cut off leaves, and the change of mind.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::inventory::OptionSource;
use crate::plan::model::{Action, Kind, Plan};
use crate::plan::{climb, wanted_releases};
use crate::spec::model::{HoldPoint, Verify};
use crate::units::{Minor, Version};

/// The steps that are about the way, and who is stopped, in order.
fn course(plan: &Plan) -> Vec<String> {
    let course = plan.steps().filter_map(|step| match &step.action {
        Action::EnableDowngrade(order) => Some(format!("down to {}", order.to)),
        Action::CancelDowngrade(order) => Some(format!("not to {}", order.to)),
        Action::Member(action) if action.only_starts() => Some(format!("start {}", action.member)),
        Action::Member(action) => Some(format!("{} {} -> {}", action.member, action.from, action.to)),
        _ => None,
    });
    course.collect()
}

fn legs(plan: &Plan) -> Vec<String> {
    let later = plan.later.iter().map(|later| later.to.to_string());
    std::iter::once(plan.summary.to.to_string()).chain(later).collect()
}

fn down() -> Situation {
    healthy("3.7.1").to("3.6.14").by(&["3.7.1"])
}

/// The cluster version has come down, and all members run the newer release.
fn told() -> Situation {
    down().told_down_to("3.6").cluster_at("3.6")
}

#[test]
fn one_minor_down() {
    assert_snapshot!(down().planned());
}

#[test]
fn down_to_a_version_that_has_no_such_call() {
    let plan = healthy("3.6.14").to("3.5.33").by(&["3.6.14"]).plan().unwrap();
    assert_eq!(
        (plan.kind, plan.rungs[0].from, plan.rungs[0].to),
        (Kind::Downgrade, Some(Minor::new(3, 6)), Minor::new(3, 5))
    );
    assert_eq!(course(&plan), ["down to 3.5", "m1 3.6.14 -> 3.5.33", "m3 3.6.14 -> 3.5.33", "m2 3.6.14 -> 3.5.33"]);
}

#[test]
fn two_minors_down() {
    let plan = healthy("3.7.1").to("3.5.33").by(&["3.6.14", "3.7.1"]).plan().unwrap();
    assert_eq!((plan.kind, legs(&plan)), (Kind::Downgrade, vec!["3.6.14".to_owned(), "3.5.33".to_owned()]));
    assert_eq!(plan.later[0].rung.from, Some(Minor::new(3, 6)));
    assert_eq!(
        crate::view::last_line(&plan).split(". ").next(),
        Some("Plan: 3 members to take down; then 1 rung more, down to 3.5.33")
    );
    let mut first = plan.clone();
    assert!(first.stop_at(Minor::new(3, 6)) && first.later.is_empty());
    let mut nothing = plan;
    assert!(nothing.stop_at(Minor::new(3, 7)) && nothing.is_empty());
    assert_eq!(
        crate::view::last_line(&nothing),
        "No changes down to 3.7. Cluster prod: 3 members at 3.7.1; 3.5.33 is declared."
    );
}

/// The older release does not read what the newer one wrote: who restores the backup on trial has to be the newer.
#[test]
fn the_release_that_runs_is_needed_for_the_trial_restore() {
    let without = healthy("3.7.1").to("3.6.14");
    assert_snapshot!(without.refused("release-available"));
    let by_hash = without.declared(|cluster| cluster.backup.verify = Verify::Hash);
    assert_eq!(by_hash.plan().unwrap().kind, Kind::Downgrade);
    let wanted = |situation: &Situation| {
        let wanted = wanted_releases(&situation.cluster, &situation.inventory, &KNOWLEDGE);
        wanted.into_iter().map(|(version, _)| version.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(wanted(&healthy("3.7.1").to("3.5.33")), ["3.5.33", "3.6.14", "3.7.1"]);
    assert_eq!(wanted(&by_hash), ["3.6.14"]);
    assert_eq!(wanted(&healthy("3.6.14").to("3.7.1")), ["3.7.1"]);
}

#[test]
fn told_to_go_down_and_no_member_is_there_yet() {
    let plan = told().plan().unwrap();
    assert_eq!(course(&plan), ["m1 3.7.1 -> 3.6.14", "m3 3.7.1 -> 3.6.14", "m2 3.7.1 -> 3.6.14"]);
    // Told, and the cluster version has not moved yet: to be told again is nothing, and it is waited for.
    let at_once = down().told_down_to("3.6").plan().unwrap();
    assert_eq!(course(&at_once)[0], "down to 3.6");
}

#[test]
fn some_members_are_down_already() {
    let some = || told().runs("m1", "3.6.14").told_down_to("3.6");
    assert_snapshot!(some().planned());
    assert_eq!(course(&some().plan().unwrap()), ["m3 3.7.1 -> 3.6.14", "m2 3.7.1 -> 3.6.14"]);
    // A leader of 3.5 ends what etcd was told as soon as it leads: the way is the same.
    let early = healthy("3.6.14").to("3.5.33").by(&["3.6.14"]).cluster_at("3.5").runs("m1", "3.5.33");
    assert_eq!(course(&early.plan().unwrap()), ["m3 3.6.14 -> 3.5.33", "m2 3.6.14 -> 3.5.33"]);
}

#[test]
fn all_members_are_down_already() {
    let all = healthy("3.6.14");
    assert_eq!(all.plan().unwrap().kind, Kind::NothingToDo);
    // The leader has not ended it yet: it is done all the same.
    assert_eq!(all.told_down_to("3.6").plan().unwrap().kind, Kind::NothingToDo);
}

#[test]
fn the_next_leg_begins_while_the_one_before_is_still_enabled() {
    let plan = healthy("3.6.14").to("3.5.33").by(&["3.6.14"]).told_down_to("3.6").plan().unwrap();
    assert_eq!(course(&plan)[0], "down to 3.5");
}

#[test]
fn a_change_of_mind_before_the_first_member() {
    let back = told().to("3.7.1");
    assert_snapshot!(back.planned());
    let plan = back.plan().unwrap();
    assert_eq!((plan.kind, course(&plan)), (Kind::Upgrade, vec!["not to 3.6".to_owned()]));
    // The cluster version has not moved yet.
    let early = healthy("3.7.1").told_down_to("3.6").plan().unwrap();
    assert_eq!(course(&early), ["not to 3.6"]);
}

#[test]
fn a_change_of_mind_in_the_middle() {
    let back = told().runs("m1", "3.6.14").told_down_to("3.6").to("3.7.1");
    assert_eq!(course(&back.plan().unwrap()), ["not to 3.6", "m1 3.6.14 -> 3.7.1"]);
    // Cancelled, and thought better of once more.
    let again = told().runs("m1", "3.6.14").every_etcd(|etcd| etcd.downgrade_to = None);
    assert_eq!(course(&again.plan().unwrap()), ["m3 3.7.1 -> 3.6.14", "m2 3.7.1 -> 3.6.14"]);
}

#[test]
fn further_down_from_the_middle() {
    let further = told().runs("m1", "3.6.14").told_down_to("3.6").to("3.5.33").by(&["3.6.14", "3.7.1"]);
    let plan = further.plan().unwrap();
    assert_eq!(legs(&plan), ["3.6.14", "3.5.33"]);
    assert_eq!(course(&plan), ["m3 3.7.1 -> 3.6.14", "m2 3.7.1 -> 3.6.14"]);
}

#[test]
fn a_member_that_is_down_in_the_middle_is_started_on_what_it_has() {
    let on_newer = told().down("m3");
    assert_eq!(course(&on_newer.plan().unwrap())[0], "start m3");
    let on_older = told().stopped_with_new_binary("m3").host("m3", |host| {
        host.staged.insert(version("3.7.1"), etcd_digest("3.7.1"));
    });
    let plan = on_older.plan().unwrap();
    assert_eq!(course(&plan), ["start m3", "m1 3.7.1 -> 3.6.14", "m2 3.7.1 -> 3.6.14"]);
    // The newer binary, which is kept, is put back should it not come up.
    let started = plan.steps().find_map(|step| match &step.action {
        Action::Member(action) if action.only_starts() => Some(action.clone()),
        _ => None,
    });
    let started = started.unwrap();
    assert_eq!((started.from, started.binary.old_sha256), (version("3.7.1"), Some(etcd_digest("3.7.1"))));
}

#[test]
fn an_older_binary_is_not_started_before_the_cluster_version_has_come_down() {
    assert_snapshot!(down().stopped_with_new_binary("m3").refused("binary-on-disk"));
}

/// Found by the simulation: the last member of a way up was down with the newer binary in place, and a lower version declared.
#[test]
fn where_the_cluster_version_is_about_to_move_the_way_up_is_finished_first() {
    let moving = down().cluster_at("3.6");
    let plan = moving.plan().unwrap();
    assert_eq!((plan.kind, legs(&plan)), (Kind::Upgrade, vec!["3.7.1".to_owned(), "3.6.14".to_owned()]));
    assert!(course(&plan).is_empty());
    assert_eq!(plan.later[0].rung.from, Some(Minor::new(3, 7)));
    let last_line = crate::view::last_line(&plan);
    assert!(last_line.starts_with("Plan: no member is changed; then 1 rung more, down to 3.6.14"), "{last_line}");
    let waits = moving.down("m2").every_etcd(|etcd| etcd.leader = Some(member_id(1)));
    assert_eq!(course(&waits.plan().unwrap()), ["start m2"]);
    let further = down().cluster_at("3.6").to("3.5.33").by(&["3.6.14", "3.7.1"]);
    assert_eq!(legs(&further.plan().unwrap()), ["3.7.1", "3.6.14", "3.5.33"]);
}

#[test]
fn told_to_go_further_down_than_declared() {
    let elsewhere = healthy("3.7.1").to("3.6.14").by(&["3.7.1"]).told_down_to("3.5");
    elsewhere.refused("downgrade-under-way");
}

#[test]
fn a_newer_patch_than_the_declared_one_stays() {
    let newer = told().runs("m1", "3.6.14").told_down_to("3.6").to("3.6.13").by(&["3.7.1"]);
    newer.refused("no-step-down");
}

#[test]
fn what_etcd_has_no_way_down_to() {
    assert_snapshot!(healthy("3.7.1").to("3.4.45").by(&["3.7.1"]).refused("no-step-down"));
    healthy("3.5.33").to("3.4.45").refused("no-step-down");
    healthy("3.6.14").to("3.4.45").refused("no-step-down");
}

/// Which minors can be gone down is knowledge; over all pairs, no other is.
#[test]
fn only_rungs_that_etcd_has_a_call_for_are_gone_down() {
    let minors = KNOWLEDGE.minors();
    for (low, to) in minors.iter().enumerate() {
        for from in minors.iter().skip(low + 1) {
            let (Some(running), Some(declared)) = (KNOWLEDGE.latest(*from), KNOWLEDGE.latest(*to)) else { continue };
            let situation = healthy(&running.to_string()).to(&declared.to_string());
            let legs = climb::legs(&situation.cluster, &situation.inventory, &KNOWLEDGE);
            let way: Vec<Minor> = legs.iter().map(Version::minor).collect();
            let below: Vec<Minor> = minors.iter().rev().copied().filter(|minor| minor < from && minor >= to).collect();
            let has_calls = below
                .iter()
                .zip(std::iter::once(from).chain(&below))
                .all(|(to, from)| KNOWLEDGE.rung(*to, *from).is_some_and(|rung| rung.downgrade_api().is_some()));
            if has_calls {
                assert_eq!(way, below, "{running} to {declared}");
            } else {
                assert_eq!(legs, std::slice::from_ref(declared));
                situation.refused("no-step-down");
            }
        }
    }
}

#[test]
fn feature_gates_and_options_that_the_older_version_does_not_know() {
    let gates = down().option("m2", "feature-gates", "FastLeaseKeepAlive=true,LeaseCheckpoint=true");
    assert_snapshot!(gates.refused("feature-gates-3.6"));
    down().option("m2", "feature-gates", "LeaseCheckpoint=true").planned();
    let below = || healthy("3.6.14").to("3.5.33").by(&["3.6.14"]);
    assert_snapshot!(below().option("m2", "feature-gates", "InitialCorruptCheck=true").refused("option-removed"));
    let renamed = below().option("m1", "compact-hash-check-time", "1m").refused("option-removed");
    assert!(renamed.contains("--experimental-compact-hash-check-time=1m"), "{renamed}");
    // In a config file it is ignored without a word.
    let source =
        OptionSource::ConfigFile { key: "watch-progress-notify-interval".to_owned(), yaml_type: "string".to_owned() };
    let ignored = below().option_from("m1", "watch-progress-notify-interval", "10m", source).planned();
    assert!(ignored.contains("option-without-effect"), "{ignored}");
}

#[test]
fn it_can_be_held_before_the_last_member() {
    let held = down().declared(|cluster| cluster.rollout.hold_before = Some(HoldPoint::NoReturn)).planned();
    assert!(held.contains("the run stops here (hold_before = \"no-return\")"), "{held}");
}
