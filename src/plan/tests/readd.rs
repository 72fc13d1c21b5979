//! The rung 2.3 -> 3.0: members that have run 3.0 leave the cluster and join it again. The way up with that as its way back, the
//! way back, and what a run that was cut off in it has left.

use insta::assert_snapshot;

use super::builders::*;
use super::rollback::{Back, back, kept, member_of, mixed, with_note};
use crate::observe::inventory::Seen;
use crate::plan::model::{Action, Gate, Kind, Operation, Plan, Replacement, ReplacementKind, Undo};
use crate::units::MemberId;

fn up() -> Situation {
    healthy("2.3.8").to("3.0.17")
}

fn words(operations: &[Operation]) -> Vec<&'static str> {
    let word = |operation: &Operation| match operation {
        Operation::HandOver { .. } => "hand-over",
        Operation::Stop { .. } => "stop",
        Operation::CopyDataDir { .. } => "copy",
        Operation::SwapBinary => "swap",
        Operation::RewriteSettings => "rewrite",
        Operation::Start { .. } => "start",
        Operation::LeaveCluster => "leave",
        Operation::JoinCluster => "join",
        Operation::SetDataAside => "aside",
        Operation::StartJoining { .. } => "start-joining",
    };
    operations.iter().map(word).collect()
}

/// By member, what is done to it.
fn done(plan: &Plan) -> Vec<(String, Vec<&'static str>)> {
    let of = |action: &crate::plan::model::MemberAction| (action.member.to_string(), words(&action.operations));
    plan.steps().filter_map(member_of).map(of).collect()
}

const READDED: [&str; 5] = ["leave", "swap", "join", "aside", "start-joining"];

#[test]
fn each_step_up_says_how_its_member_would_be_added_again() {
    let plan = up().plan().unwrap();
    let actions: Vec<_> = plan.steps().filter_map(member_of).collect();
    assert_eq!(actions.len(), 3);
    for (number, action) in actions.iter().enumerate() {
        let readd = action.readd.as_ref().unwrap();
        let (name, place, before) = readd.readded().unwrap();
        assert_eq!((name, &readd.from, &readd.to), (&action.member, &version("3.0.17"), &version("2.3.8")), "{number}");
        assert_eq!(before.peer_urls.len(), 1);
        let binary = place.binary.as_ref().unwrap();
        assert_eq!((binary.new_sha256, binary.old_sha256), (etcd_digest("2.3.8"), Some(etcd_digest("3.0.17"))));
        assert!(action.readds().is_none(), "a step up does not do it");
    }
    assert!(plan.steps().filter(|step| matches!(step.action, Action::Member(_))).all(|step| step.undo == Undo::Readd));
}

#[test]
fn the_plan_says_what_the_way_back_is_and_costs() {
    assert_snapshot!(up().planned());
}

#[test]
fn other_rungs_know_nothing_of_it() {
    let plan = healthy("3.1.20").to("3.2.32").plan().unwrap();
    assert!(plan.steps().filter_map(member_of).all(|action| action.readd.is_none()));
    let back = back(mixed("3.1.20", "3.2.32")).plan();
    assert!(back.steps().filter_map(member_of).all(|action| action.readd.is_none()));
}

#[test]
fn a_member_that_could_not_be_added_again_is_told_before_the_first_stop() {
    let discovered = up().option("m2", "discovery", "https://discovery.etcd.io/x");
    assert_snapshot!(discovered.refused("way-back-by-adding-again"));
    back(mixed("2.3.8", "3.0.17").option("m1", "discovery-srv", "example.com")).refused(&["way-back-by-adding-again"]);
}

#[test]
fn a_member_that_relies_on_the_old_default_ports_is_told_what_changes() {
    let without = up().facts("m2", |facts| facts.options.retain(|option| option.name != "listen-client-urls"));
    let plan = without.plan().unwrap();
    let warned = plan.warnings.iter().find(|note| note.rule == "default-port-4001-gone").unwrap();
    assert!(warned.text.contains("m2") || warned.member == Some(name("m2")), "{warned:?}");
    assert!(up().plan().unwrap().warnings.iter().all(|note| !note.rule.starts_with("default-port")));
}

#[test]
fn two_of_three_leave_and_join_again_one_by_one_and_the_leader_last() {
    let there = mixed("2.3.8", "3.0.17");
    let plan = back(there.clone()).plan();
    let readded = [&["hand-over", "stop"][..], &READDED].concat();
    assert_eq!(done(&plan), [("m1".to_owned(), readded.clone()), ("m3".to_owned(), readded)]);
    // They get new ids: no gate goes by the list as it was.
    let gates: Vec<&Gate> = plan.steps().flat_map(|step| step.before.iter().chain(&step.after)).collect();
    assert!(gates.iter().all(|gate| !matches!(gate, Gate::MemberList { .. })));
    assert!(gates.iter().filter(|gate| matches!(gate, Gate::DeclaredMembers { .. })).count() >= 4);
    assert_snapshot!(back(there).planned());
}

/// One that was swapped, and never started with it: its data is that of 2.3.
#[test]
fn a_member_that_has_not_run_the_new_binary_only_gets_its_old_one_back() {
    let there = mixed("2.3.8", "3.0.17").stopped_with_new_binary("m3");
    let untouched = there.clone().facts("m3", |facts| facts.data_dir.db_size = None);
    let of_m3 = |there: Situation| done(&back(there).plan()).into_iter().find(|(name, _)| name == "m3").unwrap().1;
    assert_eq!(of_m3(untouched), ["swap", "start"]);
    let touched = there.facts("m3", |facts| facts.data_dir.db_size = Some(crate::units::Bytes::mebi(1)));
    assert_eq!(of_m3(touched), READDED);
}

/// With the last one off the list, all that are left run 3.0, and the cluster version moves.
#[test]
fn the_last_member_that_3_0_has_touched_has_no_such_way_back() {
    let there = mixed("2.3.8", "3.0.17").stopped_with_new_binary("m2").without_leader();
    let there = there.every_etcd(|etcd| {
        etcd.unhealthy = None;
        etcd.leader = Some(member_id(1));
    });
    let touched = there.clone().facts("m2", |facts| facts.data_dir.db_size = Some(crate::units::Bytes::mebi(1)));
    assert_snapshot!(back(touched).after_run("2.3.8", "3.0.17").refused(&["way-back-by-adding-again"]));
    // Untouched, it comes back as it was, and the others then leave one by one.
    let untouched = there.facts("m2", |facts| facts.data_dir.db_size = None);
    let all: Vec<String> =
        done(&back(untouched).after_run("2.3.8", "3.0.17").plan()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(all, ["m2", "m3", "m1"]);
}

/// A way back was cut off: m3 is down, and its note lies beside its data.
pub(super) fn cut_off() -> (Situation, Replacement) {
    let there = mixed("2.3.8", "3.0.17");
    let plan = back(there.clone()).plan();
    let of_m3 = plan.steps().filter_map(member_of).find(|action| action.member == name("m3")).unwrap();
    let note =
        Replacement { id: Some("20260102T040000Z-bbbbbbbb".to_owned()), ..of_m3.readd.as_deref().unwrap().clone() };
    let there = there.runs("m1", "2.3.8").stopped_with_new_binary("m3");
    (with_note(there, &note, &["m3"]), note)
}

fn not_listed(there: Situation) -> Situation {
    there.every_etcd(|etcd| etcd.members.retain(|listed| listed.name != "m3"))
}

#[test]
fn whatever_was_cut_off_is_finished_first_by_rollback_and_by_apply() {
    let (removed, _) = cut_off();
    let removed = not_listed(removed);
    let added = removed.clone().every_etcd(|etcd| {
        let mut new = etcd.members[0].clone();
        new.id = MemberId(77);
        new.name = String::new();
        new.peer_urls = vec!["http://10.0.0.13:2380".to_owned()];
        etcd.members.push(new);
    });
    let empty = added.clone().facts("m3", |facts| facts.data_dir.has_member = false);
    for there in [cut_off().0, removed.clone(), added, empty] {
        let by_rollback = back(there.clone()).plan();
        assert_eq!(done(&by_rollback), [("m3".to_owned(), READDED.to_vec())]);
        assert_eq!(by_rollback.kind, Kind::Rollback);
        let by_apply = there.plan().unwrap();
        assert_eq!(done(&by_apply), done(&by_rollback));
        assert_eq!(by_apply.readding().unwrap().id.as_deref(), Some("20260102T040000Z-bbbbbbbb"));
    }
    assert_snapshot!(removed.planned());
}

#[test]
fn one_that_has_joined_only_loses_its_note() {
    let (_, note) = cut_off();
    let joined = kept(healthy("2.3.8").to("3.0.17"), "2.3.8").every_etcd(|etcd| {
        etcd.members.iter_mut().filter(|listed| listed.name == "m3").for_each(|listed| listed.id = MemberId(77));
    });
    let joined = joined.etcd("m3", |etcd| etcd.member_id = MemberId(77));
    let plan = with_note(joined, &note, &["m3"]).plan().unwrap();
    assert_eq!(done(&plan), [("m3".to_owned(), vec!["start-joining"])]);
}

#[test]
fn one_that_runs_the_newer_release_still_is_stopped_first() {
    let (_, note) = cut_off();
    let plan = with_note(mixed("2.3.8", "3.0.17"), &note, &["m3"]).plan().unwrap();
    assert_eq!(done(&plan), [("m3".to_owned(), [&["stop"][..], &READDED].concat())]);
}

#[test]
fn nobody_is_finished_while_another_is_down_or_nobody_holds_the_version_back() {
    let (there, _) = cut_off();
    back(there.clone().down("m1")).refused(&["members-healthy"]);
    there.clone().down("m1").refused("members-healthy");
    let alone = there.runs("m1", "3.0.17").runs("m2", "3.0.17");
    assert_snapshot!(back(alone).refused(&["way-back-by-adding-again"]));
}

#[test]
fn a_note_that_does_not_fit_is_not_acted_on() {
    let (there, note) = cut_off();
    let wrong = |change: &dyn Fn(&mut Replacement)| -> Back {
        let mut note = note.clone();
        change(&mut note);
        back(with_note(there.clone(), &note, &["m3"]))
    };
    let place = |note: &mut Replacement| note.members.remove(&name("m3")).unwrap();
    wrong(&|note| {
        let mut place = place(note);
        place.data_dir = "/etc".to_owned();
        note.members.insert(name("m3"), place);
    })
    .refused(&["replacement-note"]);
    wrong(&|note| {
        let mut place = place(note);
        place.binary.as_mut().unwrap().staged = "/bin/sh".to_owned();
        note.members.insert(name("m3"), place);
    })
    .refused(&["replacement-note"]);
    wrong(&|note| note.member_list.clear()).refused(&["replacement-note"]);
    wrong(&|note| note.member_list[0].peer_urls.clear()).refused(&["replacement-note"]);
    wrong(&|note| note.from = version("2.3.9")).refused(&["replacement-note"]);
    assert!(matches!(there.inventory.members[2].etcd, Seen::Unknown { .. }));
    assert_eq!(note.kind, ReplacementKind::Readd);
}
