//! The way back: while versions are mixed, after completion, and when an earlier rollback was cut off.

use std::path::Path;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::builders::*;
use crate::observe::inventory::*;
use crate::plan::model::{
    Action, Kind, Operation, Plan, Refusal, Replacement, ReplacementKind, ReplacementPhase, Step,
};
use crate::plan::rollback::{Asked, BackupTaken, By, LastRun, Rollback, RollbackInput, plan as plan_rollback};
use crate::plan::{CutOffCreation, Input, plan_backup};
use crate::runtime::Templates;
use crate::units::{ClusterId, RaftIndex, Revision};
use crate::view::{Style, choices_text, refusals_text};

/// What is there, and what is asked for.
#[derive(Clone)]
pub struct Back {
    there: Situation,
    last: Option<LastRun>,
    asked: Asked,
}

pub fn back(there: Situation) -> Back {
    Back { there, last: None, asked: Asked::default() }
}

impl Back {
    pub fn by_points(mut self) -> Self {
        self.asked.by = By::Points;
        self
    }

    fn to(mut self, release: &str) -> Self {
        self.asked.to = Some(version(release));
        self
    }

    /// The state knows the run.
    pub(super) fn after_run(mut self, from: &str, to: &str) -> Self {
        let binaries = self.there.inventory.members.iter().map(|view| (view.name.clone(), etcd_digest(from))).collect();
        self.last = Some(LastRun {
            run: "20260102T030000Z-aaaaaaaa".to_owned(),
            from: version(from),
            to: version(to),
            binaries,
            backup: Some(BackupTaken {
                id: "20260102T030000Z-aaaaaaaa".to_owned(),
                dir: "/srv/prod/.quorate/backups/20260102T030000Z-aaaaaaaa".to_owned(),
                taken_at: "2026-01-02T03:00:05.000Z".to_owned(),
                revision: Some(Revision(17_900)),
            }),
        });
        self
    }

    pub(super) fn result(&self) -> Result<Rollback, Vec<Refusal>> {
        let input = Input {
            cluster: &self.there.cluster,
            state_dir: Path::new("/srv/prod/.quorate"),
            modules_dir: None,
            templates: &Templates::default(),
            inventory: &self.there.inventory,
            knowledge: &KNOWLEDGE,
            releases: &[],
            missing_releases: &[],
            held: None,
            creation: CutOffCreation::NotKnown,
        };
        plan_rollback(&RollbackInput { input, last: self.last.as_ref(), asked: &self.asked })
    }

    #[track_caller]
    pub fn plan(&self) -> Plan {
        match self.result() {
            Ok(Rollback::Plan(plan)) => *plan,
            Ok(other) => panic!("{other:?}"),
            Err(refusals) => panic!("{}", refusals_text("prod", &refusals, Style::plain(100))),
        }
    }

    #[track_caller]
    pub fn planned(&self) -> String {
        told(&self.plan())
    }

    #[track_caller]
    fn nothing(&self) -> String {
        match self.result() {
            Ok(Rollback::Nothing(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn choices(&self) -> String {
        match self.result() {
            Ok(Rollback::Choices(choices)) => choices_text(&choices, Style::plain(100)),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn refused(&self, rules: &[&str]) -> String {
        let refusals = match self.result() {
            Ok(other) => panic!("{other:?}"),
            Err(refusals) => refusals,
        };
        let text = refusals_text("prod", &refusals, Style::plain(100));
        let seen: Vec<&str> = refusals.iter().map(|refusal| refusal.rule.as_str()).collect();
        assert_eq!(seen, rules, "{text}");
        text
    }
}

/// m1 and m3 are done, the old binary is kept on every host.
pub fn mixed(from: &str, to: &str) -> Situation {
    kept(healthy(from).to(to), from).runs("m1", to).runs("m3", to)
}

pub(super) fn kept(situation: Situation, release: &str) -> Situation {
    situation.every_host(|host| {
        host.staged.insert(version(release), etcd_digest(release));
    })
}

/// All run the new version, the cluster version has moved, each member has its point: m2 was stopped last.
pub fn completed(from: &str, to: &str) -> Situation {
    points(kept(healthy(to), from), from, &[("m1", 21, 24_000), ("m3", 22, 24_100), ("m2", 23, 24_200)])
}

/// Rollback points: member, second at which it was taken, raft index.
fn points(mut situation: Situation, release: &str, taken: &[(&str, u32, u64)]) -> Situation {
    for (member, second, index) in taken {
        situation = situation.facts(member, |facts| {
            let run = "20260102T030000Z-aaaaaaaa";
            facts.data_dir.rollback_points.push(RollbackPointFacts {
                path: format!("{}.quorate-{run}-v{release}", facts.data_dir.path),
                wal_path: facts.data_dir.wal_dir.as_ref().map(|wal| format!("{wal}.quorate-{run}-v{release}")),
                member: name(member),
                run: run.to_owned(),
                version: version(release),
                taken_at: format!("2026-01-02T03:01:{second}.000Z"),
                raft_index: Some(RaftIndex(*index)),
                cluster_id: Some(ClusterId(0xc0ff_ee00)),
                changed_since: false,
                files: 3,
                files_then: Some(3),
            });
        });
    }
    situation
}

/// An earlier run was cut off in this phase: its note lies beside the data of these members.
fn cut_off(situation: Situation, phase: ReplacementPhase, members: &[&str]) -> Situation {
    let plan = back(situation.clone()).by_points().plan();
    let note =
        Replacement { id: Some("20260102T040000Z-bbbbbbbb".to_owned()), phase, ..plan.replacement().unwrap().clone() };
    with_note(situation, &note, members)
}

pub(super) fn with_note(mut situation: Situation, note: &Replacement, members: &[&str]) -> Situation {
    let text = serde_json::to_string(note).unwrap();
    for member in members {
        situation = situation.facts(member, |facts| facts.data_dir.replacing = Some(text.clone()));
    }
    situation
}

fn all_down(situation: Situation) -> Situation {
    NAMES.iter().fold(situation, |situation, member| situation.down(member))
}

#[test]
fn two_of_three_are_put_back() {
    assert_snapshot!(back(mixed("3.1.20", "3.2.32")).planned());
}

#[test]
fn the_leader_goes_last_and_an_election_follows_where_it_cannot_hand_over() {
    // m2 leads, and is done; m1 is not.
    let there = kept(healthy("2.1.3").to("2.2.5"), "2.1.3").runs("m2", "2.2.5").runs("m3", "2.2.5");
    assert_snapshot!(back(there).planned());
}

#[test]
fn a_member_that_is_down_on_the_new_binary_goes_first() {
    let there = mixed("3.1.20", "3.2.32").stopped_with_new_binary("m3");
    assert_snapshot!(back(there).planned());
}

#[test]
fn where_the_new_binary_took_the_quorum_away_the_first_that_is_put_back_brings_it_again() {
    let there = mixed("3.1.20", "3.2.32").stopped_with_new_binary("m1").stopped_with_new_binary("m3").without_leader();
    let plan = back(there.clone()).plan();
    let changed: Vec<&str> = plan.steps().filter_map(member_of).map(|action| action.member.as_str()).collect();
    assert_eq!(changed, ["m1", "m3"]);
    // Of five, with four down, one more is not enough.
    let five = kept(of_members("3.1.20", 5).to("3.2.32"), "3.1.20");
    let five = ["m1", "m3", "m4", "m5"].iter().fold(five, |five, member| five.stopped_with_new_binary(member));
    back(five.without_leader()).refused(&["one-leader"]);
    // Nobody is down: why there is no leader is not known.
    back(
        mixed("3.1.20", "3.2.32")
            .without_leader()
            .etcd("m1", |etcd| etcd.unhealthy = None)
            .etcd("m3", |etcd| etcd.unhealthy = None),
    )
    .refused(&["one-leader"]);
}

#[test]
fn a_member_that_runs_and_does_not_answer_is_stopped_and_put_back() {
    let mut there = mixed("3.1.20", "3.2.32");
    there.view("m3").etcd = Seen::Unknown { why: "connection refused".to_owned() };
    let plan = back(there).plan();
    let first = plan.steps().find_map(member_of).unwrap();
    assert_eq!(first.member.as_str(), "m3");
    assert!(matches!(first.operations[..], [Operation::Stop { .. }, Operation::SwapBinary, Operation::Start { .. }]));
}

pub(super) fn member_of(step: &Step) -> Option<&crate::plan::model::MemberAction> {
    match &step.action {
        Action::Member(action) => Some(action),
        _ => None,
    }
}

#[test]
fn where_there_is_nothing_to_go_back_to_a_member_that_is_down_is_started_all_the_same() {
    let plan = back(kept(healthy("3.1.20"), "3.1.20").down("m1")).plan();
    let changed: Vec<(&str, usize)> =
        plan.steps().filter_map(member_of).map(|action| (action.member.as_str(), action.operations.len())).collect();
    assert_eq!(changed, [("m1", 1)]);
}

#[test]
fn a_member_that_is_down_on_the_old_binary_is_only_started() {
    let there = kept(healthy("3.1.20").to("3.2.32"), "3.1.20").runs("m3", "3.2.32").down("m1");
    let plan = back(there).plan();
    let changed: Vec<(&str, usize)> =
        plan.steps().filter_map(member_of).map(|action| (action.member.as_str(), action.operations.len())).collect();
    assert_eq!(changed, [("m1", 1), ("m3", 4)]);
}

#[test]
fn a_patch_goes_back_whatever_the_cluster_version() {
    let there = kept(healthy("3.2.32"), "3.2.30");
    let plan = back(there.clone()).after_run("3.2.30", "3.2.32").plan();
    assert_eq!(plan.kind, Kind::Rollback);
    assert_eq!(plan.steps().filter_map(member_of).count(), 3);
    // Without a state, nobody knows that 3.2.30 was there before.
    assert!(back(there.clone()).nothing().contains("-to VERSION"));
    assert_eq!(back(there).to("3.2.30").plan().steps().filter_map(member_of).count(), 3);
}

#[test]
fn there_is_nothing_to_go_back_to() {
    assert!(back(healthy("3.1.20")).nothing().contains("all members run 3.1.20"));
    assert!(back(healthy("3.1.20")).after_run("3.1.20", "3.2.32").nothing().contains("3.1.20 already"));
    assert!(back(healthy("3.1.20")).to("3.1.20").nothing().contains("3.1.20 already"));
}

#[test]
fn the_cluster_version_may_move_at_any_moment() {
    let there = kept(NAMES.iter().fold(healthy("3.1.20"), |there, member| there.runs(member, "3.2.32")), "3.1.20");
    assert_snapshot!(back(there.clone()).after_run("3.1.20", "3.2.32").refused(&["cluster-version-about-to-move"]));
    // With one down it cannot.
    let plan = back(there.down("m1")).after_run("3.1.20", "3.2.32").plan();
    assert_eq!(plan.steps().filter_map(member_of).count(), 3);
}

#[test]
fn what_would_lose_writes_is_refused_where_nothing_has_to_be_lost() {
    let there = points(mixed("3.1.20", "3.2.32"), "3.1.20", &[("m1", 1, 1), ("m2", 2, 2), ("m3", 3, 3)]);
    assert_snapshot!(back(there).by_points().refused(&["points-needed"]));
}

#[test]
fn refusals_of_a_swap_back() {
    let there = mixed("3.1.20", "3.2.32");
    back(there.clone().unreachable("m2")).refused(&["host-reachable"]);
    back(there.clone().to("3.3.27")).to("3.3.27").refused(&["rollback-target"]);
    back(there.clone().runs("m1", "3.1.19")).refused(&["rollback-target"]);
    back(there.clone().alarm("NOSPACE", 1)).refused(&["no-alarm"]);
    back(there.clone().host("m3", |host| host.staged.clear())).refused(&["old-binary-kept"]);
    back(there.clone().every_etcd(|etcd| etcd.cluster_version = None)).refused(&["cluster-version-decided"]);
    back(all_down(there)).refused(&["cluster-answers"]);
    back(kept(healthy("3.3.27"), "3.1.20")).to("3.1.20").refused(&["one-minor-at-a-time"]);
}

#[test]
fn another_build_of_the_old_version_is_found_under_its_digest() {
    let there = mixed("3.1.20", "3.2.32");
    let mut back = back(there).after_run("3.1.20", "3.2.32");
    let digest = crate::units::Sha256::of(b"another build");
    back.last.as_mut().unwrap().binaries.insert(name("m1"), digest);
    let plan = back.plan();
    let m1 = plan.steps().filter_map(member_of).find(|action| action.member.as_str() == "m1").unwrap();
    assert_eq!(m1.binary.new_sha256, digest);
    assert_eq!(m1.binary.staged, format!("/usr/local/lib/quorate/3.1.20/etcd.{}", &digest.to_string()[..8]));
}

#[test]
fn after_completion_a_person_chooses() {
    assert_snapshot!(back(completed("3.1.20", "3.2.32")).after_run("3.1.20", "3.2.32").choices());
}

#[test]
fn after_completion_with_neither_points_nor_a_backup() {
    let there = completed("3.1.20", "3.2.32").facts("m2", |facts| facts.data_dir.rollback_points.clear());
    let mut back = back(there).after_run("3.1.20", "3.2.32");
    back.last.as_mut().unwrap().backup = None;
    assert_snapshot!(back.choices());
}

#[test]
fn where_etcd_has_a_way_down_it_is_named() {
    assert_snapshot!(back(completed("3.5.33", "3.6.14")).choices());
}

#[test]
fn all_members_go_back_to_their_points() {
    assert_snapshot!(back(completed("3.1.20", "3.2.32")).after_run("3.1.20", "3.2.32").by_points().planned());
}

#[test]
fn points_of_a_cluster_that_is_down_are_right_as_well() {
    let plan = back(all_down(completed("3.1.20", "3.2.32"))).by_points().plan();
    assert_eq!(shape(&plan), WHOLE);
}

/// A restore makes another cluster of the members: what their data was before belongs to no life of it.
#[test]
fn points_from_before_a_restore_are_no_way_back() {
    let restored = completed("3.1.20", "3.2.32").every_etcd(|etcd| etcd.cluster_id = ClusterId(7));
    let said = back(restored.clone()).to("3.1.20").by_points().refused(&["rollback-points"]);
    assert!(said.contains("the cluster is 7 now"), "{said}");
    // Upgraded again after it: the new points are, but not with an old one among them.
    let again = points(restored, "3.1.20", &[("m1", 51, 30), ("m3", 52, 31), ("m2", 53, 32)]);
    let of_now = |facts: &mut MemberFacts| facts.data_dir.rollback_points[1].cluster_id = Some(ClusterId(7));
    let again = again.facts("m1", of_now).facts("m2", of_now).facts("m3", of_now);
    let plan = back(again.clone()).to("3.1.20").by_points().plan();
    let copies: Vec<String> = plan
        .replacement()
        .unwrap()
        .members
        .values()
        .filter_map(|one| Some(one.copy_of.as_ref()?.data.clone()))
        .collect();
    assert_eq!(copies.len(), 3);
    let lost = again.clone().facts("m3", |facts| drop(facts.data_dir.rollback_points.remove(1)));
    back(lost.clone()).to("3.1.20").by_points().refused(&["rollback-points"]);
    // Also where nobody serves, who could say which cluster it is.
    back(all_down(lost)).to("3.1.20").by_points().refused(&["rollback-points"]);
    // The newest cannot be used: the older one of the same cluster does not step in for it.
    let older = points(completed("3.1.20", "3.2.32"), "3.1.20", &[("m1", 51, 25_000)])
        .facts("m1", |facts| facts.data_dir.rollback_points[1].changed_since = true);
    assert!(back(older).to("3.1.20").by_points().refused(&["rollback-points"]).contains("written to"));
}

#[test]
fn refusals_of_rollback_points() {
    let there = completed("3.1.20", "3.2.32");
    let without = there.clone().facts("m2", |facts| facts.data_dir.rollback_points.clear());
    assert_snapshot!(back(without).to("3.1.20").by_points().refused(&["rollback-points"]));
    let changed = there.clone().facts("m1", |facts| facts.data_dir.rollback_points[0].changed_since = true);
    assert!(back(changed).to("3.1.20").by_points().refused(&["rollback-points"]).contains("written to"));
    let cut = there.clone().facts("m1", |facts| facts.data_dir.rollback_points[0].files = 0);
    assert!(back(cut).to("3.1.20").by_points().refused(&["rollback-points"]).contains("it had 3 when it was taken"));
    let foreign = there.clone().facts("m1", |facts| facts.data_dir.rollback_points[0].member = name("m9"));
    back(foreign).to("3.1.20").by_points().refused(&["rollback-points"]);
    let no_wal = there.clone().facts("m1", |facts| facts.data_dir.wal_dir = Some("/wal".to_owned()));
    assert!(back(no_wal).to("3.1.20").by_points().refused(&["rollback-points"]).contains("WAL"));
    back(there.clone().host("m3", |host| host.staged.clear())).by_points().refused(&["old-binary-kept"]);
    back(there.clone().unreachable("m2")).by_points().refused(&["host-reachable"]);
    back(there.unit("m1", |unit| unit.load_state = "masked".to_owned())).by_points().refused(&["unit-loaded"]);
}

#[test]
fn the_longest_log_is_in_the_first_quorum_also_where_it_was_not_taken_last() {
    let there = kept(healthy("3.2.32"), "3.1.20");
    let there = points(there, "3.1.20", &[("m1", 21, 24_900), ("m3", 22, 24_100), ("m2", 23, 24_200)]);
    let plan = back(there).by_points().plan();
    let replacement = plan.replacement().unwrap();
    assert_eq!(replacement.first, [name("m1"), name("m2")]);
    assert_eq!(replacement.then, [name("m3")]);
}

const WHOLE: [&str; 15] = [
    "preflight",
    "ready",
    "prepare",
    "stop-all",
    "mark",
    "replace",
    "replace",
    "replace",
    "mark",
    "start-together",
    "mark",
    "start",
    "finish",
    "compare",
    "end",
];

fn shape(plan: &Plan) -> Vec<&'static str> {
    let word = |step: &Step| match &step.action {
        Action::Preflight { .. } => "preflight",
        Action::ReadyData { .. } => "ready",
        Action::Prepare { .. } => "prepare",
        Action::StopAll { .. } => "stop-all",
        Action::MarkReplacement(_) => "mark",
        Action::ReplaceData(_) => "replace",
        Action::StartTogether { .. } => "start-together",
        Action::Member(_) => "start",
        Action::Finish { .. } => "finish",
        Action::CompareData { .. } => "compare",
        Action::EndReplacement { .. } => "end",
        other => panic!("{other:?}"),
    };
    plan.steps().map(word).collect()
}

#[test]
fn a_replacement_that_was_cut_off_is_finished_and_nothing_else_is_planned() {
    let there = cut_off(all_down(completed("3.1.20", "3.2.32")), ReplacementPhase::Replacing, &["m1"]);
    assert_snapshot!(there.refused("replacement-under-way"));
    let backup = plan_backup(&Input {
        cluster: &there.cluster,
        state_dir: Path::new("/srv"),
        modules_dir: None,
        templates: &Templates::default(),
        inventory: &there.inventory,
        knowledge: &KNOWLEDGE,
        releases: &[],
        missing_releases: &[],
        held: None,
        creation: CutOffCreation::NotKnown,
    });
    assert_eq!(backup.err().unwrap()[0].rule, "replacement-under-way");
    // Without -points, without -to, without a state: the note says it all.
    let plan = back(there.clone()).plan();
    assert_eq!(shape(&plan), WHOLE);
    assert_eq!(plan.replacement().unwrap().id.as_deref(), Some("20260102T040000Z-bbbbbbbb"));
    // The data of one host is between two renames: there is none right now.
    let between = there.facts("m2", |facts| facts.data_dir.has_member = false);
    assert_eq!(shape(&back(between).plan()), WHOLE);
}

#[test]
fn a_start_that_was_cut_off_goes_on_with_those_that_are_down() {
    let down = cut_off(all_down(completed("3.1.20", "3.2.32")), ReplacementPhase::Starting, &NAMES);
    assert_eq!(shape(&back(down).plan()), ["start-together", "mark", "start", "finish", "compare", "end"]);
    // Told to some, not to all: then nobody was started.
    let half = cut_off(all_down(completed("3.1.20", "3.2.32")), ReplacementPhase::Starting, &["m1", "m2"]);
    let other = cut_off(all_down(completed("3.1.20", "3.2.32")), ReplacementPhase::Replacing, &["m3"]);
    let text = other.inventory.members[2].host.known().unwrap().member.clone().unwrap().data_dir.replacing;
    let half = half.facts("m3", |facts| facts.data_dir.replacing = text.clone());
    assert_eq!(shape(&back(half).plan()), WHOLE);
    // One of the first quorum runs already, its answer is not waited for: only the other is started.
    let up = |phase| {
        let there = cut_off(completed("3.1.20", "3.2.32"), phase, &NAMES);
        NAMES.iter().fold(there, |there, member| there.runs(member, "3.1.20"))
    };
    let starting = up(ReplacementPhase::Starting);
    let mut one = starting.clone().down("m1").down("m3");
    one.view("m2").etcd = Seen::Unknown { why: "connection refused".to_owned() };
    let plan = back(one).plan();
    assert_eq!(shape(&plan), ["start-together", "mark", "start", "finish", "compare", "end"]);
    assert!(
        plan.steps().any(|step| matches!(&step.action, Action::StartTogether { members } if *members == [name("m3")]))
    );
    // The first quorum runs.
    assert_eq!(shape(&back(starting.clone().down("m1")).plan()), ["mark", "start", "finish", "compare", "end"]);
    // Somebody who is not of it runs, and it has never served: all over again, with fresh copies for those who ran.
    let again: Vec<&str> = WHOLE.into_iter().filter(|word| *word != "prepare").collect();
    assert_eq!(shape(&back(starting.clone().down("m2")).plan()), again);
    assert_eq!(shape(&back(starting.clone()).plan()), again);
    // Once it has served, nothing is thrown away any more.
    let joining = up(ReplacementPhase::Joining);
    assert_eq!(shape(&back(joining.clone().down("m2")).plan()), ["start-together", "mark", "finish", "compare", "end"]);
    // Only the notes are left, on one host.
    let up = joining;
    let last = up.facts("m1", |facts| facts.data_dir.replacing = None);
    let last = last.facts("m2", |facts| facts.data_dir.replacing = None);
    assert_eq!(shape(&back(last).plan()), ["mark", "finish", "compare", "end"]);
}

#[test]
fn a_saved_plan_is_not_applied_while_something_else_is_under_way() {
    use crate::plan::replacing::differs;
    let there = completed("3.1.20", "3.2.32");
    let fresh = back(there.clone()).by_points().plan();
    assert_eq!(differs(&fresh, &there.inventory), None);
    let under_way = cut_off(there.clone(), ReplacementPhase::Replacing, &["m2"]);
    assert!(differs(&fresh, &under_way.inventory).unwrap().contains("a rollback to 3.1.20 is under way"));
    let finishing = back(under_way.clone()).plan();
    assert_eq!(differs(&finishing, &under_way.inventory), None);
    assert!(differs(&finishing, &there.inventory).unwrap().contains("no longer under way"));
    assert_eq!(fresh.members_changed(), 3);
}

#[test]
fn notes_that_do_not_fit_are_not_acted_on() {
    let there = cut_off(all_down(completed("3.1.20", "3.2.32")), ReplacementPhase::Replacing, &NAMES);
    let text = there.inventory.members[0].host.known().unwrap().member.clone().unwrap().data_dir.replacing.unwrap();
    let note: Replacement = serde_json::from_str(&text).unwrap();
    let wrong = |change: &dyn Fn(&mut Replacement)| {
        let mut note = note.clone();
        change(&mut note);
        with_note(there.clone(), &note, &NAMES)
    };
    let garbage = there.clone().facts("m2", |facts| facts.data_dir.replacing = Some("{".to_owned()));
    back(garbage.clone()).refused(&["replacement-note"]);
    garbage.refused("replacement-note");
    back(wrong(&|note| note.format = 9)).refused(&["replacement-note"]);
    back(wrong(&|note| note.id = None)).refused(&["replacement-note"]);
    let mut other = note.clone();
    other.id = Some("another".to_owned());
    back(with_note(there.clone(), &other, &["m3"])).refused(&["replacement-note"]);
    // It came from a host: paths that are not those of the member are not used.
    back(wrong(&|note| note.members.get_mut(&name("m2")).unwrap().data_dir = "/etc".to_owned()))
        .refused(&["replacement-note"]);
    back(wrong(&|note| note.members.get_mut(&name("m2")).unwrap().copy_of.as_mut().unwrap().data = "/etc".to_owned()))
        .refused(&["replacement-note"]);
    back(wrong(&|note| {
        note.members.get_mut(&name("m2")).unwrap().binary.as_mut().unwrap().path = "/bin/sh".to_owned()
    }))
    .refused(&["replacement-note"]);
    back(wrong(&|note| drop(note.members.remove(&name("m2"))))).refused(&["replacement-note", "replacement-note"]);
    back(there.clone()).to("3.0.17").refused(&["rollback-target"]);
    back(wrong(&|note| note.kind = ReplacementKind::Restore)).refused(&["replacement-under-way"]);
    back(there.unreachable("m3")).refused(&["host-reachable"]);
}

proptest! {
    /// Of any number of members, with whatever indexes: exactly a quorum first, the longest log in it, nobody twice,
    /// nobody left out; all are stopped and marked before the first is replaced, and replaced before one is started.
    #[test]
    fn the_one_safe_order(indexes in proptest::collection::vec(1u64..1000, 3..8)) {
        let names: Vec<String> = (1..=indexes.len()).map(|number| format!("m{number}")).collect();
        let taken: Vec<(&str, u32, u64)> =
            names.iter().zip(&indexes).enumerate().map(|(at, (name, index))| (name.as_str(), 10 + at as u32, *index)).collect();
        let there = points(kept(of_members("3.2.32", indexes.len()), "3.1.20"), "3.1.20", &taken);
        let plan = back(there).by_points().plan();
        let replacement = plan.replacement().unwrap();
        prop_assert_eq!(replacement.first.len(), indexes.len() / 2 + 1);
        let longest = indexes.iter().max().unwrap();
        let holds_it = |member: &crate::units::MemberName| taken.iter().any(|(name, _, index)| *name == member.as_str() && index == longest);
        prop_assert!(replacement.first.iter().any(holds_it));
        let mut all: Vec<_> = replacement.first.iter().chain(&replacement.then).map(ToString::to_string).collect();
        all.sort();
        prop_assert_eq!(&all, &names);
        let shape = shape(&plan);
        let at = |word: &str| shape.iter().position(|seen| *seen == word).unwrap();
        let last = |word: &str| shape.iter().rposition(|seen| *seen == word).unwrap();
        prop_assert!(at("ready") < at("stop-all") && at("stop-all") < at("mark") && at("mark") < at("replace"));
        let marks: Vec<usize> = (0..shape.len()).filter(|place| shape[*place] == "mark").collect();
        let [_, starting, joining] = marks[..] else { panic!("{marks:?}") };
        prop_assert!(last("replace") < starting && starting < at("start-together"));
        prop_assert!(at("start-together") < joining && joining < at("start") && last("start") < at("compare") && at("compare") < at("end"));
        prop_assert_eq!(shape.iter().filter(|word| **word == "replace").count(), indexes.len());
        prop_assert_eq!(shape.iter().filter(|word| **word == "start").count(), replacement.then.len());
    }
}

/// Going down is the declared version's business, and so is going up again.
#[test]
fn a_way_down_is_not_what_a_rollback_undoes() {
    let middle = healthy("3.7.1").to("3.6.14").cluster_at("3.6").runs("m1", "3.6.14").told_down_to("3.6");
    assert_snapshot!(back(middle.clone()).after_run("3.7.1", "3.6.14").refused(&["downgrade-under-way"]));
    back(middle).by_points().refused(&["downgrade-under-way"]);
    // A leader of 3.5 has ended what etcd was told: the run says so.
    let early = healthy("3.6.14").to("3.5.33").cluster_at("3.5").runs("m1", "3.5.33");
    back(early).after_run("3.6.14", "3.5.33").refused(&["downgrade-under-way"]);
    let done = back(healthy("3.6.14").told_down_to("3.6")).after_run("3.7.1", "3.6.14").nothing();
    assert!(done.contains("declare version = \"3.7.1\""), "{done}");
}

#[test]
fn of_a_completed_upgrade_etcds_own_way_down_is_named_with_its_command() {
    assert_snapshot!(back(completed("3.6.14", "3.7.1")).after_run("3.6.14", "3.7.1").choices());
}
