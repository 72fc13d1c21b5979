//! Members that serve another cluster than the others: nothing is done to them, and nothing is told from them. And who counts
//! towards quorum.

use std::path::Path;

use super::builders::*;
use super::readd;
use super::restores::{Wanted, backup, restore};
use super::rollback::{back, completed, kept, mixed};
use crate::plan::findings::Findings;
use crate::plan::model::{Action, BackupAction, CheckOutcome, Refusal, ReplacementPhase};
use crate::plan::restore::Begin;
use crate::plan::survey::Survey;
use crate::plan::{CutOffCreation, Input, health, plan_backup};
use crate::runtime::Templates;
use crate::units::{ClusterId, Revision};

/// m1 and m2 serve a cluster of their own each, and m3 is down: which is the declared one cannot be told.
fn tied(version: &str) -> Situation {
    healthy(version).stranger("m1").stranger("m2").down("m3")
}

fn backed_up(there: &Situation) -> Result<BackupAction, Vec<Refusal>> {
    let planned = plan_backup(&Input {
        cluster: &there.cluster,
        state_dir: Path::new("/srv/prod/.quorate"),
        modules_dir: None,
        templates: &Templates::default(),
        inventory: &there.inventory,
        knowledge: &KNOWLEDGE,
        releases: &there.releases,
        missing_releases: &[],
        held: None,
        creation: CutOffCreation::NotKnown,
    })?;
    let plan = planned.plan.unwrap();
    let action = plan.steps().find_map(|step| match &step.action {
        Action::Backup(action) => Some(action.clone()),
        _ => None,
    });
    assert!(plan.summary.revision <= Some(Revision(18_231)), "{:?}", plan.summary);
    Ok(action.unwrap())
}

#[test]
fn an_upgrade_is_refused_for_that_alone() {
    healthy("3.1.20").to("3.2.32").stranger("m3").refused("one-cluster");
    healthy("3.1.20").to("3.2.32").stranger("m1").down("m3").refused("one-cluster");
    tied("3.1.20").to("3.2.32").refused("one-cluster");
}

#[test]
fn no_way_back_takes_a_stranger_along() {
    back(mixed("3.1.20", "3.2.32").stranger("m1")).refused(&["one-cluster"]);
    back(mixed("3.1.20", "3.2.32").stranger("m1").down("m3")).refused(&["one-cluster"]);
    let completed = completed("3.1.20", "3.2.32").stranger("m1");
    back(completed.clone()).after_run("3.1.20", "3.2.32").refused(&["one-cluster"]);
    let told = back(completed).after_run("3.1.20", "3.2.32").by_points().refused(&["one-cluster"]);
    assert!(told.contains("m1 belongs to cluster bad"), "{told}");
}

#[test]
fn a_member_is_not_added_again_while_a_stranger_might_be_asked_to() {
    let (there, _) = readd::cut_off();
    assert!(there.plan().is_ok());
    back(there.clone().stranger("m1")).refused(&["one-cluster"]);
    there.stranger("m1").refused("one-cluster");
}

#[test]
fn a_restore_does_not_begin_on_a_stranger() {
    let told = restore(healthy("3.2.32").stranger("m1"), backup("3.2.32")).refused("one-cluster");
    assert!(told.contains("where they are right, stop the member"), "{told}");
    restore(tied("3.2.32"), backup("3.2.32")).refused("one-cluster");
    // Stopped, its data is moved aside as that of the others.
    assert!(restore(healthy("3.2.32").stranger("m1").down("m1"), backup("3.2.32")).plan().is_ok());
}

/// One of them may serve its new data, and another its old.
#[test]
fn a_restore_that_was_cut_off_is_finished_whatever_members_serve() {
    let up_as_stranger = |mut wanted: Wanted| {
        for member in ["m1", "m2"] {
            *wanted.situation.view(member) = healthy("3.2.32").stranger("m1").view(member).clone();
        }
        // Its cluster has the same names, elsewhere.
        wanted.situation = wanted.situation.etcd("m1", |etcd| {
            etcd.members = (1..=3).map(listed).collect();
            for listed in &mut etcd.members {
                listed.peer_urls = vec!["http://192.0.2.1:2380".to_owned()];
            }
        });
        wanted
    };
    for begin in [Begin::GoOn, Begin::Anew] {
        let mut wanted = restore(healthy("3.2.32"), backup("3.2.32")).cut_off(ReplacementPhase::Replacing);
        wanted.begin = begin;
        let wanted = up_as_stranger(wanted);
        let plan = wanted.plan().unwrap();
        let text = serde_json::to_string(&plan.rungs).unwrap();
        assert!(text.contains("http://10.0.0.13:2380") && !text.contains("192.0.2.1"), "peer URLs of the stranger");
    }
}

#[test]
fn a_backup_is_taken_from_the_declared_cluster() {
    // Without a leader, the first that serves it.
    let last = healthy("3.5.33").stranger("m1").down("m3");
    let both = healthy("3.5.33").stranger("m1");
    for there in [last, both] {
        let action = backed_up(&there).unwrap();
        assert_eq!(action.member, name("m2"));
        assert_eq!(action.v3.unwrap().not_older_than, Revision(18_231));
    }
    let refusals = backed_up(&tied("3.5.33")).unwrap_err();
    assert_eq!(refusals.iter().map(|refusal| refusal.rule.as_str()).collect::<Vec<_>>(), ["one-cluster"]);
}

#[test]
fn the_declared_cluster_is_that_of_most_then_that_whose_list_names_most() {
    let of = |there: &Situation| Survey::of(&there.inventory).cluster_id();
    let declared = Some(ClusterId(0xc0ff_ee00));
    assert_eq!(of(&healthy("3.5.33")), declared);
    assert_eq!(of(&healthy("3.5.33").stranger("m1")), declared);
    assert_eq!(of(&healthy("3.5.33").stranger("m1").stranger("m2")), declared, "three of one each");
    assert_eq!(of(&healthy("3.5.33").stranger("m1").down("m2").down("m3")), Some(ClusterId(0xbad)), "nobody else");
    assert_eq!(of(&tied("3.5.33")), None);
    assert_eq!(of(&healthy("3.5.33").down("m1").down("m2").down("m3")), None);
    // Renamed by now: by peer URLs it names them all.
    let renamed = healthy("3.5.33").stranger("m1").down("m3").etcd("m2", |etcd| {
        etcd.members.iter_mut().for_each(|listed| listed.name = format!("db-{}", listed.name));
    });
    assert_eq!(of(&renamed), declared);
    let nobody_serves_it = Survey::of(&tied("3.5.33").inventory).serving_together().count();
    assert_eq!(nobody_serves_it, 0);
}

fn one_leader(there: &Situation) -> (Option<String>, bool) {
    let mut findings = Findings::default();
    health::check(&there.cluster, &Survey::of(&there.inventory), &KNOWLEDGE, &mut findings);
    let later =
        findings.checks.iter().find(|check| check.rule == "one-leader" && check.outcome != CheckOutcome::Passed);
    let refused = findings.refusals.iter().any(|refusal| refusal.rule == "one-leader");
    (later.map(|check| check.text.clone()), refused)
}

#[test]
fn learners_do_not_count_towards_quorum() {
    let m3_learns = |there: Situation| {
        there.every_etcd(|etcd| etcd.members[2].is_learner = true).etcd("m3", |etcd| etcd.is_learner = true)
    };
    let there = m3_learns(healthy("3.5.33"));
    let (later, refused) = one_leader(&there.clone().down("m1"));
    let later = later.unwrap();
    assert!(!refused && later.starts_with("1 of 2 voters serve, which is no quorum and no leader: m1 is"), "{later}");
    // With the learner that is down there is still no quorum.
    assert_eq!(one_leader(&there.unreachable("m1").down("m3").without_leader()), (None, true));
    // Of four voters one serves, and the learner: the first that is put back does not make three.
    let five = kept(of_members("3.5.33", 5).to("3.6.14"), "3.5.33");
    let five = five.every_etcd(|etcd| etcd.members[4].is_learner = true).etcd("m5", |etcd| etcd.is_learner = true);
    let five = ["m1", "m3", "m4"].iter().fold(five, |five, member| five.stopped_with_new_binary(member));
    let told = back(five).refused(&["no-learner", "one-leader"]);
    assert!(told.contains("1 of 4 voters serve; a quorum is 3"), "{told}");
}
