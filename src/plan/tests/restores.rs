//! Restores: from each kind of backup, onto what is there, onto nothing, and after an earlier try was cut off.

use std::path::Path;

use insta::assert_snapshot;

use super::builders::*;
use crate::execute::engine::effects;
use crate::execute::journal::Effect;
use crate::plan::model::{
    Action, Plan, Proof, Refusal, Replacement, ReplacementPhase, RestoreSource, SavedV2, SavedV3,
};
use crate::plan::restore::{Begin, RestoreInput, plan};
use crate::plan::{CutOffCreation, Input};
use crate::runtime::Templates;
use crate::units::{Bytes, Revision, Sha256};
use crate::view::{Style, refusals_text};

pub(super) const RUN: &str = "20260103T000000Z-0badcafe";

/// A backup that was taken of a version, with v3 keys where that has them.
pub(super) fn backup(of: &str) -> RestoreSource {
    let of = version(of);
    RestoreSource {
        id: "20260101T020304Z-5eed5eed".to_owned(),
        path: "/srv/quorate/.quorate/backups/20260101T020304Z-5eed5eed".into(),
        cluster: "prod".parse().unwrap(),
        taken_at: "2026-01-01T02:03:04Z".to_owned(),
        member: name("m2"),
        proof: Proof::Trial,
        v3: (of >= version("3.0.0")).then(|| SavedV3 {
            size: Bytes::mebi(20),
            revision: Revision(12_000),
            keys: Some((2_400, Sha256::of(b"keys"))),
            hash_kv: None,
        }),
        v2: None,
        version: of,
    }
}

pub(super) fn with_v2(of: &str) -> RestoreSource {
    let v2 = SavedV2 { size: Bytes::mebi(2), keys: Some((310, Sha256::of(b"v2 keys"))) };
    RestoreSource { v2: Some(v2), ..backup(of) }
}

/// A restore in a situation: by default nothing lies packed.
pub(super) struct Wanted {
    pub(super) situation: Situation,
    backup: RestoreSource,
    pub(super) begin: Begin,
    packed: bool,
}

pub(super) fn restore(situation: Situation, backup: RestoreSource) -> Wanted {
    Wanted { situation, backup, begin: Begin::GoOn, packed: false }
}

impl Wanted {
    pub(super) fn plan(&self) -> Result<Plan, Vec<Refusal>> {
        plan(&RestoreInput {
            input: Input {
                cluster: &self.situation.cluster,
                state_dir: Path::new("/srv/quorate/.quorate"),
                modules_dir: None,
                templates: &Templates::default(),
                inventory: &self.situation.inventory,
                knowledge: &KNOWLEDGE,
                releases: &self.situation.releases,
                missing_releases: &self.situation.missing,
                held: None,
                creation: CutOffCreation::NotKnown,
            },
            backup: &self.backup,
            begin: self.begin,
            packed: &|_| self.packed,
        })
    }

    fn planned(&self) -> String {
        match self.plan() {
            Ok(plan) => told(&plan),
            Err(refusals) => panic!("{}", refusals_text("prod", &refusals, Style::plain(100))),
        }
    }

    #[track_caller]
    pub(super) fn refused(&self, rule: &str) -> String {
        let refusals = self.plan().expect_err("a plan was made");
        assert!(refusals.iter().any(|refusal| refusal.rule == rule), "{refusals:?}");
        refusals_text("prod", &refusals, Style::plain(100))
    }

    /// As the notes on the hosts have it once a run of this plan was cut off; all members are down.
    pub(super) fn cut_off(mut self, phase: ReplacementPhase) -> Self {
        let plan = self.plan().unwrap();
        let note = plan.replacement().cloned().unwrap();
        let note = Replacement { id: Some(RUN.to_owned()), phase, ..note };
        let text = serde_json::to_string(&note).unwrap();
        for member in NAMES {
            self.situation = self.situation.down(member).facts(member, |facts| {
                facts.data_dir.replacing = Some(text.clone());
            });
        }
        self
    }
}

/// What the steps do, by the names that a saved plan has.
fn verbs(plan: &Plan) -> Vec<String> {
    let kind = |action: &Action| serde_json::to_value(action).unwrap()["type"].as_str().unwrap().to_owned();
    plan.steps().map(|step| kind(&step.action)).collect()
}

/// Nothing of the member is on its host any more.
fn absent(mut situation: Situation, member: &str) -> Situation {
    let nobody = empty_hosts("3.5.33").view(member).etcd.clone();
    situation.view(member).etcd = nobody;
    situation.host(member, |host| {
        host.member = None;
        host.unit = None;
        host.processes.clear();
    })
}

#[test]
fn from_a_snapshot() {
    assert_snapshot!(restore(healthy("3.2.32"), backup("3.2.32")).planned());
}

#[test]
fn back_to_the_version_before_an_upgrade() {
    assert_snapshot!(restore(healthy("3.2.32").to("3.1.20"), backup("3.1.20")).planned());
}

#[test]
fn from_v2_and_v3_together() {
    assert_snapshot!(restore(healthy("3.1.20"), with_v2("3.1.20")).planned());
}

#[test]
fn from_a_v2_backup() {
    assert_snapshot!(restore(healthy("2.1.3"), with_v2("2.1.3")).planned());
}

#[test]
fn on_empty_hosts() {
    assert_snapshot!(restore(empty_hosts("3.5.33"), backup("3.5.33")).planned());
}

#[test]
fn one_host_is_new() {
    let situation = absent(healthy("3.5.33").managed(), "m3");
    let plan = restore(situation, backup("3.5.33")).plan().unwrap();
    let made: Vec<_> = plan
        .steps()
        .filter_map(|step| match &step.action {
            Action::CreateMember(create) => Some(create.member.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(made, [name("m3")]);
    let replaced = plan.steps().filter(|step| matches!(step.action, Action::ReplaceData(_))).count();
    assert_eq!(replaced, 3);
}

#[test]
fn a_host_is_new_and_quorate_makes_no_members() {
    assert_snapshot!(restore(absent(healthy("3.5.33"), "m3"), backup("3.5.33")).refused("member-found"));
}

#[test]
fn a_host_that_is_not_reached() {
    assert_snapshot!(restore(healthy("3.5.33").unreachable("m3"), backup("3.5.33")).refused("host-reachable"));
}

#[test]
fn all_members_are_down() {
    let down = NAMES.iter().fold(healthy("3.2.32"), |down, member| down.down(member));
    let plan = restore(down, backup("3.2.32")).plan().unwrap();
    assert_eq!(plan.summary.from, Some(version("3.2.32")));
    assert!(verbs(&plan).contains(&"stop-all".to_owned()), "a member may be started by somebody meanwhile");
}

#[test]
fn a_version_that_must_not_have_it() {
    assert_snapshot!(restore(healthy("3.6.14").to("3.5.33"), backup("3.6.14")).refused("restore-known"));
    restore(healthy("3.7.1").to("3.6.14"), backup("3.7.1")).refused("restore-known");
    restore(healthy("3.3.27"), with_v2("3.2.32")).refused("restore-known");
    restore(healthy("2.1.3"), with_v2("2.2.5")).refused("restore-known");
}

#[test]
fn too_little_room() {
    let full = healthy("3.2.32").facts("m1", |facts| facts.data_dir.free = Bytes::mebi(100));
    assert_snapshot!(restore(full, backup("3.2.32")).refused("room-for-restore"));
}

#[test]
fn what_another_clusters_backup_costs_is_no_number_of_revisions() {
    let lost = |situation: Situation, cluster: &str| {
        let source = RestoreSource { cluster: cluster.parse().unwrap(), ..backup("3.2.32") };
        let plan = restore(situation, source).plan().unwrap();
        let note = plan.warnings.iter().find(|note| note.rule == "restore-loses-writes").unwrap();
        note.text.clone()
    };
    let foreign = lost(healthy("3.2.32"), "staging");
    assert_eq!(foreign, "all that is there now is replaced by what cluster staging held");
    let down = healthy("3.2.32").down("m1").down("m2").down("m3");
    assert_eq!(lost(down, "staging"), foreign);
    assert!(lost(healthy("3.2.32"), "prod").contains("revisions"));
    // Where there is nothing, nothing is replaced.
    assert!(lost(empty_hosts("3.5.33"), "staging").contains("since 2026-01-01"));
}

#[test]
fn a_backup_that_was_not_tried_says_so() {
    let source = RestoreSource { proof: Proof::Manifest, ..backup("3.2.32") };
    let plan = restore(healthy("3.2.32"), source).plan().unwrap();
    assert!(plan.warnings.iter().any(|note| note.rule == "backup-not-tried"), "{:?}", plan.warnings);
}

#[test]
fn cut_off_while_data_was_replaced_it_goes_on_under_the_same_id() {
    let wanted = restore(healthy("3.2.32"), backup("3.2.32")).cut_off(ReplacementPhase::Replacing);
    let plan = wanted.plan().unwrap();
    assert_eq!(plan.replacement().unwrap().id.as_deref(), Some(RUN));
    for step in plan.steps() {
        match &step.action {
            Action::LayRestored(action) => assert_eq!(action.id.as_deref(), Some(RUN)),
            Action::ReplaceData(action) => assert_eq!(action.id.as_deref(), Some(RUN)),
            _ => {}
        }
    }
}

#[test]
fn cut_off_while_members_were_started_nothing_is_replaced_again() {
    let wanted = restore(healthy("3.2.32"), backup("3.2.32")).cut_off(ReplacementPhase::Starting);
    assert_eq!(verbs(&wanted.plan().unwrap()), ["start-together", "finish", "compare-restored", "end-replacement"]);
}

#[test]
fn whatever_phase_members_are_started_in_they_are_only_started() {
    for phase in [ReplacementPhase::Starting, ReplacementPhase::Joining] {
        let mut wanted = restore(healthy("3.1.20"), with_v2("3.1.20")).cut_off(phase);
        // Nothing is laid any more: neither what was packed nor room for it is asked for.
        wanted.situation = wanted.situation.facts("m1", |facts| facts.data_dir.free = Bytes::mebi(1));
        let plan = wanted.plan().unwrap();
        assert_eq!(verbs(&plan), ["start-together", "finish", "compare-restored", "end-replacement"]);
        wanted.situation = absent(wanted.situation, "m3");
        wanted.refused("member-found");
    }
}

#[test]
fn a_note_that_speaks_of_other_folders_is_not_acted_on() {
    let elsewhere = |change: fn(&mut Replacement)| {
        let mut wanted = restore(healthy("3.2.32"), backup("3.2.32")).cut_off(ReplacementPhase::Replacing);
        for member in NAMES {
            wanted.situation = wanted.situation.facts(member, |facts| {
                let mut note: Replacement = serde_json::from_str(facts.data_dir.replacing.as_deref().unwrap()).unwrap();
                change(&mut note);
                facts.data_dir.replacing = Some(serde_json::to_string(&note).unwrap());
            });
        }
        wanted
    };
    let m2 = |note: &mut Replacement| note.members.get_mut(&name("m2")).unwrap().data_dir = "/etc".to_owned();
    assert_snapshot!(elsewhere(m2).refused("replacement-note"));
    let wal = |note: &mut Replacement| note.members.get_mut(&name("m3")).unwrap().wal_dir = Some("/home".to_owned());
    elsewhere(wal).refused("replacement-note");
    let fewer = |note: &mut Replacement| drop(note.members.remove(&name("m1")));
    elsewhere(fewer).refused("replacement-note");
    let mut anew = elsewhere(m2);
    anew.begin = Begin::Anew;
    assert!(anew.plan().is_ok(), "what it says is no matter then");
    let hostile = |note: &mut Replacement| note.source = "x; rm -rf /".to_owned();
    let told = elsewhere(hostile).refused("replacement-under-way");
    assert!(told.contains("`quorate restore BACKUP`"), "{told}");
}

#[test]
fn a_wal_directory_goes_along_where_it_is_told_apart_from_the_data() {
    let with_wal = |wal: &str| {
        let wal = wal.to_owned();
        restore(healthy("3.2.32").facts("m1", |facts| facts.data_dir.wal_dir = Some(wal.clone())), backup("3.2.32"))
    };
    let laid = |wal: &str| {
        let plan = with_wal(wal).plan().unwrap();
        plan.replacement().unwrap().members[&name("m1")].wal_dir.clone()
    };
    assert_eq!(laid("/wal").as_deref(), Some("/wal"));
    assert_eq!(laid("/var/lib/etcd/member/wal"), None);
    assert_snapshot!(with_wal("/var/lib/etcd/wal").refused("wal-dir"));
}

#[test]
fn a_host_that_would_not_start_its_member_again_is_found_before_any_stop() {
    let masked = healthy("3.2.32").host("m1", |host| {
        if let Some(unit) = &mut host.unit {
            unit.load_state = "masked".to_owned();
        }
    });
    restore(masked, backup("3.2.32")).refused("unit-loaded");
}

#[test]
fn a_member_that_is_not_declared_is_told_of() {
    let situation = healthy("3.2.32").every_etcd(|etcd| {
        let mut fourth = etcd.members[0].clone();
        fourth.name = "m4".to_owned();
        etcd.members.push(fourth);
    });
    let plan = restore(situation, backup("3.2.32")).plan().unwrap();
    assert!(plan.warnings.iter().any(|note| note.rule == "member-not-declared"), "{:?}", plan.warnings);
}

#[test]
fn what_finishes_a_restore_names_its_backup() {
    let mut wanted = restore(healthy("3.2.32"), backup("3.2.32"));
    assert_eq!(
        wanted.plan().unwrap().finished_by(),
        ["restore", "/srv/quorate/.quorate/backups/20260101T020304Z-5eed5eed"]
    );
    wanted.situation.cluster.backup.dir = "/srv/quorate/.quorate/backups".into();
    assert_eq!(wanted.plan().unwrap().finished_by(), ["restore", "20260101T020304Z-5eed5eed"]);
}

#[test]
fn cut_off_without_what_was_packed_a_v2_restore_begins_again() {
    let mut wanted = restore(healthy("3.1.20"), with_v2("3.1.20")).cut_off(ReplacementPhase::Replacing);
    assert_eq!(wanted.plan().unwrap().replacement().unwrap().id, None);
    wanted.packed = true;
    assert_eq!(wanted.plan().unwrap().replacement().unwrap().id.as_deref(), Some(RUN));
}

#[test]
fn another_backup_waits_until_the_first_is_finished_or_given_up() {
    let mut wanted = restore(healthy("3.2.32"), backup("3.2.32")).cut_off(ReplacementPhase::Starting);
    wanted.backup.id = "20260102T000000Z-00000000".to_owned();
    assert_snapshot!(wanted.refused("replacement-under-way"));
    wanted.begin = Begin::Anew;
    let plan = wanted.plan().unwrap();
    assert_eq!(plan.replacement().unwrap().id, None);
    assert!(verbs(&plan).contains(&"replace-data".to_owned()));
}

#[test]
fn nothing_else_is_planned_while_a_restore_is_under_way() {
    let wanted = restore(healthy("3.2.32"), backup("3.2.32")).cut_off(ReplacementPhase::Replacing);
    assert_snapshot!(wanted.situation.refused("replacement-under-way"));
}

#[test]
fn everything_that_takes_time_is_done_while_all_members_run() {
    for source in [backup("3.1.20"), with_v2("3.1.20")] {
        let plan = restore(healthy("3.2.32").to("3.1.20"), source).plan().unwrap();
        let effects: Vec<Effect> = plan.steps().flat_map(effects).collect();
        let at = |wanted: &Effect| effects.iter().position(|effect| effect == wanted);
        let stop = at(&Effect::StopAll).unwrap();
        for early in [Effect::Preflight, Effect::Prepare, Effect::LayRestored] {
            assert!(at(&early).unwrap() < stop, "{early:?}");
        }
        assert!(at(&Effect::AssembleData).is_none_or(|made| made < at(&Effect::LayRestored).unwrap()));
        let after: Vec<&Effect> = effects[stop..].iter().collect();
        let starts = after.iter().position(|effect| **effect == Effect::StartTogether).unwrap();
        let replaced = after[..starts].iter().filter(|effect| matches!(effect, Effect::ReplaceData { .. })).count();
        assert_eq!(replaced, 3, "no member is started before all are replaced");
        assert!(after[starts..].iter().all(|effect| !matches!(effect, Effect::ReplaceData { .. })));
    }
}

#[test]
fn the_same_input_gives_the_same_plan() {
    let digest = |begin| {
        let wanted = Wanted { begin, ..restore(healthy("3.2.32"), backup("3.2.32")) };
        wanted.plan().unwrap().digest()
    };
    assert_eq!(digest(Begin::GoOn), digest(Begin::GoOn));
    assert_eq!(digest(Begin::GoOn), digest(Begin::Anew), "where nothing is under way there is nothing to give up");
}
