//! Each situation that a cluster may be in, and what is found of it.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::drift::status::{self, Role, Status};
use crate::drift::{Check, Drift, Finding, Input, LastRun, Memory, NewestBackup, Outcome, RunOutcome, Severity, find};
use crate::observe::inventory::{NOT_ASKED, NOT_LET_IN, NextStart, Seen};
use crate::plan::model::Replacement;
use crate::plan::tests::builders::*;
use crate::spec::model::{DriftPolicy, Toggle};
use crate::units::{Bytes, ClusterId, RaftIndex, Sha256};
use crate::view::fixtures::whole_rollback;

/// What drift is told from, beside the situation itself.
pub(crate) struct Told {
    pub situation: Situation,
    pub policy: DriftPolicy,
    pub memory: Memory,
}

pub(crate) fn told(situation: Situation) -> Told {
    let memory = Memory { last_run: Ok(None), newest_backup: Ok(None) };
    Told { situation, policy: DriftPolicy::default(), memory }
}

impl Told {
    fn last_run(mut self, outcome: RunOutcome) -> Self {
        self.memory.last_run = Ok(Some(LastRun { id: "20260101T000000Z-a".to_owned(), outcome }));
        self
    }

    fn backup(mut self, taken_at: &str) -> Self {
        let (id, taken_at) = ("20251231T000000Z-b".to_owned(), taken_at.to_owned());
        self.memory.newest_backup = Ok(Some(NewestBackup { id, taken_at }));
        self
    }

    fn policy(mut self, change: impl FnOnce(&mut DriftPolicy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub(crate) fn drift(&self) -> Drift {
        find(&Input {
            cluster: &self.situation.cluster,
            policy: &self.policy,
            inventory: &self.situation.inventory,
            knowledge: &KNOWLEDGE,
            releases: &self.situation.releases,
            memory: &self.memory,
            now: now(),
        })
    }

    /// The findings, which are of these checks and no others.
    #[track_caller]
    pub(super) fn finds(&self, checks: &[Check]) -> Vec<Finding> {
        let drift = self.drift();
        let mut found: Vec<Check> = drift.findings.iter().map(|finding| finding.check).collect();
        let mut wanted = checks.to_vec();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{:#?}", drift.findings);
        for made in &drift.checks {
            let has = drift.findings.iter().any(|finding| finding.check == made.check && finding.member == made.member);
            assert_eq!(has, made.outcome == Outcome::Found, "{made:?}");
        }
        for finding in &drift.findings {
            assert!(
                !finding.declared.is_empty() && !finding.found.is_empty() && !finding.todo.is_empty(),
                "{finding:?}"
            );
        }
        drift.findings
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::parse("2026-01-02T03:04:05Z", &Rfc3339).unwrap()
}

#[track_caller]
fn finds(situation: Situation, checks: &[Check]) -> Finding {
    told(situation).finds(checks).first().cloned().unwrap()
}

pub(super) fn status_of(situation: &Situation) -> Status {
    status::of(&situation.cluster, &situation.inventory, &KNOWLEDGE, now())
}

#[test]
fn a_cluster_as_declared_has_no_drift() {
    for version in ["2.1.1", "2.3.8", "3.1.20", "3.5.33"] {
        let drift = told(healthy(version)).drift();
        assert!(drift.is_none() && !drift.is_blind(), "{:#?}", drift.findings);
        let unmade: Vec<_> = drift.checks.iter().filter(|made| !matches!(made.outcome, Outcome::Holds)).collect();
        assert!(unmade.is_empty(), "{unmade:?}");
    }
    assert!(told(healthy("3.5.33").processes()).drift().checks.iter().all(|made| made.check != Check::UnitEnabled));
}

#[test]
fn another_version_than_the_declared_one() {
    let found = finds(healthy("3.1.20").to("3.2.32"), &[Check::VersionAsDeclared; 3]);
    assert_eq!((found.declared.as_str(), found.found.as_str()), ("3.2.32", "3.1.20"));
    let mixed = healthy("3.1.20").to("3.2.32").runs("m1", "3.2.32");
    finds(mixed, &[Check::OneVersion, Check::VersionAsDeclared, Check::VersionAsDeclared]);
}

#[test]
fn a_cluster_version_that_has_not_moved() {
    let behind = healthy("3.2.32").every_etcd(|etcd| etcd.cluster_version = Some(version("3.1.0")));
    let found = finds(behind, &[Check::ClusterVersionFollows]);
    assert_eq!(found.declared, "cluster version 3.2, which all members run");
    assert_eq!(found.found, "all say 3.1");
    let open = healthy("3.2.32").etcd("m2", |etcd| etcd.cluster_version = None);
    assert!(finds(open, &[Check::ClusterVersionFollows]).found.contains("m2 says that it is not decided"));
}

#[test]
fn a_file_that_is_not_what_the_process_runs() {
    let found = finds(healthy("3.1.20").to("3.2.32").binary_swapped("m2").to("3.1.20"), &[Check::BinaryOnDisk]);
    assert!(found.found.starts_with("the file is 3.2.32") && found.declared.contains("3.1.20"), "{found:?}");
    assert_eq!(found.member, Some(name("m2")));
    let gone = healthy("3.1.20").facts("m1", |facts| {
        facts.binary.size = None;
        facts.binary.sha256 = None;
        facts.binary.version = None;
    });
    let found = finds(gone, &[Check::BinaryOnDisk]);
    assert!(found.todo.contains("cp /proc/700/exe /usr/bin/etcd"), "{found:?}");
}

#[test]
fn a_program_that_is_not_the_one_of_the_release() {
    let other = Sha256::of(b"built by somebody");
    let patched = healthy("3.5.33")
        .host("m3", |host| host.processes[0].exe_sha256 = Some(other))
        .facts("m3", |facts| facts.binary.sha256 = Some(other));
    let found = finds(patched.clone(), &[Check::BinaryOfRelease]);
    assert!(found.found.contains("the process runs sha256") && found.found.contains("the file is"), "{found:?}");
    // What is not known is not said to hold.
    let drift = told(patched.nowhere("not in the cache")).drift();
    assert!(drift.is_none());
    let made = drift.checks.iter().find(|made| made.check == Check::BinaryOfRelease).unwrap();
    assert!(matches!(&made.outcome, Outcome::NotMade { why } if why.contains("not in the cache")), "{made:?}");
}

#[test]
fn units_that_are_not_as_they_should_be() {
    let masked = healthy("3.5.33").unit("m1", |unit| unit.load_state = "masked".to_owned());
    let stale = healthy("3.5.33").unit("m1", |unit| unit.need_daemon_reload = true);
    let disabled = healthy("3.5.33").unit("m1", |unit| unit.file_state = "disabled".to_owned());
    for (situation, check, word) in [
        (masked, Check::UnitLoaded, "it is masked"),
        (stale, Check::UnitReloaded, "not read again"),
        (disabled, Check::UnitEnabled, "after a reboot"),
    ] {
        let found = finds(situation, &[check]);
        assert!(found.found.contains(word), "{found:?}");
    }
    let by_hand = healthy("3.5.33").host("m1", |host| host.processes[0].unit = None);
    assert!(finds(by_hand, &[Check::MemberInUnit]).found.contains("pid 700 belongs to no unit"));
    let no_systemd = healthy("3.5.33").host("m1", |host| {
        host.systemd = false;
        host.unit = None;
    });
    assert!(finds(no_systemd, &[Check::UnitLoaded]).found.contains("systemd is not what runs db1"));
    let elsewhere = healthy("3.5.33").processes().host("m2", |host| host.processes.clear());
    assert!(finds(elsewhere, &[Check::MemberInFolder]).found.contains("no such process runs"));
}

#[test]
fn settings_that_the_process_does_not_run_with() {
    let set = healthy("3.5.33").setting("quota-backend-bytes", "8589934592").option("m1", "quota-backend-bytes", "1");
    let told = told(set.option("m2", "quota-backend-bytes", "8589934592"));
    // One byte is a quota that is full as well.
    let found = told.finds(&[Check::SettingsAsDeclared, Check::SettingsAsDeclared, Check::QuotaRoom]);
    let texts: Vec<_> = found.iter().map(|finding| finding.found.as_str()).collect();
    assert!(
        texts.contains(&"quota-backend-bytes = \"1\"") && texts.contains(&"quota-backend-bytes is not set"),
        "{texts:?}"
    );
    let moved = healthy("3.5.33").declared(|cluster| cluster.members[0].data_dir = Some("/srv/etcd".to_owned()));
    assert_eq!(finds(moved, &[Check::DataDirAsDeclared]).declared, "/srv/etcd");
}

#[test]
fn a_configuration_that_was_changed_and_not_taken_up() {
    let changed = healthy("3.5.33").facts("m1", |facts| {
        let mut options = facts.options.clone();
        options.push(argument("auto-compaction-retention", "1"));
        facts.next_start = Some(NextStart { args: Vec::new(), options });
    });
    let found = finds(changed, &[Check::NextStart]);
    assert!(found.found.contains("brings auto-compaction-retention=1 and drops nothing"), "{found:?}");
}

#[test]
fn a_member_list_that_is_not_the_declared_one() {
    let found = finds(healthy("3.5.33").also_listed(|_| ()), &[Check::MemberDeclared]);
    assert!(found.found.contains("m4") && found.declared == "the members are m1, m2, m3", "{found:?}");
    finds(healthy("3.5.33").learner(), &[Check::NoLearner, Check::MemberDeclared]);
    finds(healthy("3.5.33").also_listed(|fourth| fourth.name.clear()), &[Check::MemberStarted]);
    let same_name = healthy("3.5.33").also_listed(|fourth| fourth.name = "m1".to_owned());
    finds(same_name, &[Check::MemberNamesUnique, Check::MemberDeclared]);
    let removed = healthy("3.5.33").every_etcd(|etcd| etcd.members.retain(|listed| listed.name != "m3"));
    assert_eq!(finds(removed, &[Check::MemberListed]).member, Some(name("m3")));
    let differ = healthy("3.5.33").etcd("m1", |etcd| etcd.members.truncate(2));
    finds(differ, &[Check::MemberListAgreed]);
    let swapped = healthy("3.5.33").every_etcd(|etcd| etcd.members[0].name = "db-a".to_owned());
    assert!(finds(swapped, &[Check::MemberNamed]).found.starts_with("db-a ("));
    finds(healthy("3.5.33").etcd("m1", |etcd| etcd.cluster_id = ClusterId(7)), &[Check::OneCluster]);
}

#[test]
fn members_that_are_not_well() {
    let found = finds(healthy("3.5.33").down("m3"), &[Check::MemberRunning]);
    assert!(
        found.found.contains("etcd.service is inactive (dead)") && found.severity == Severity::Critical,
        "{found:?}"
    );
    let found = finds(healthy("3.5.33").unreachable("m3"), &[Check::HostReachable]);
    assert!(found.found.contains("no route to host"), "{found:?}");
    let absent = healthy("3.5.33").down("m1").host("m1", |host| host.member = None);
    finds(absent, &[Check::MemberFound]);
    let empty = healthy("3.5.33").down("m1").facts("m1", |facts| facts.data_dir.has_member = false);
    finds(empty, &[Check::MemberHasData, Check::MemberRunning]);
    let said = healthy("3.5.33").etcd("m1", |etcd| etcd.unhealthy = Some("{\"health\":\"false\"}".to_owned()));
    finds(said, &[Check::MembersHealthy]);
    let silent = |why: &str| {
        let mut situation = healthy("3.5.33");
        situation.view("m1").etcd = Seen::Unknown { why: why.to_owned() };
        situation
    };
    finds(silent("connection refused"), &[Check::MemberAnswers]);
    finds(silent(&format!("{NOT_ASKED}/k cannot be read")), &[Check::MemberAsked]);
    finds(silent(&format!("{NOT_LET_IN}a certificate is wanted")), &[Check::LetIn]);
    finds(healthy("3.5.33").etcd("m1", |etcd| etcd.denied = Some("permission denied".to_owned())), &[Check::LetIn]);
}

#[test]
fn a_cluster_that_is_not_well() {
    let found = finds(healthy("3.5.33").alarm("NOSPACE", 2), &[Check::NoAlarm]);
    assert_eq!(found.found, "NOSPACE on m2");
    let torn = healthy("3.5.33").etcd("m1", |etcd| etcd.leader = None);
    assert!(finds(torn, &[Check::OneLeader]).found.contains("m1 sees no leader"));
    let lost = healthy("3.5.33").down("m2").down("m3");
    let found = finds(lost, &[Check::OneLeader, Check::MemberRunning, Check::MemberRunning]);
    assert!(found.found.contains("1 of 3 voters answer, which is no quorum"), "{found:?}");
    let full = healthy("3.5.33").every_etcd(|etcd| etcd.db_size = Some(Bytes::mebi(2040)));
    assert!(finds(full, &[Check::QuotaRoom; 3]).found.contains("99 %"));
    let torn = healthy("3.5.33").etcd("m1", |etcd| etcd.hash_kv.as_mut().unwrap().hash = 1);
    finds(torn.clone().alarm("CORRUPT", 1), &[Check::NoAlarm]);
    told(torn).policy(|policy| policy.compare_hashes = Toggle::On).finds(&[Check::DataEqual]);
    let noted = healthy("3.5.33").facts("m1", |facts| facts.data_dir.replacing = Some("torn".to_owned()));
    finds(noted, &[Check::ReplacementUnderWay]);
}

#[test]
fn while_data_is_replaced_nothing_is_to_be_started_by_hand() {
    let id = Some("20260102T040000Z-bbbbbbbb".to_owned());
    let note = Replacement { id, ..whole_rollback().replacement().unwrap().clone() };
    let text = serde_json::to_string(&note).unwrap();
    let mut there = healthy("3.5.33").down("m2").down("m3");
    for member in ["m1", "m2"] {
        there = there.facts(member, |facts| facts.data_dir.replacing = Some(text.clone()));
    }
    let drift = told(there).drift();
    assert!(drift.findings.iter().any(|finding| finding.check == Check::MemberRunning));
    for finding in &drift.findings {
        if finding.check == Check::ReplacementUnderWay {
            assert!(finding.found.contains("20260102T040000Z-bbbbbbbb"), "{finding:?}");
            assert!(finding.todo.contains("`quorate rollback`"), "{finding:?}");
        } else {
            assert!(finding.todo.contains("do not start it by hand"), "{finding:?}");
        }
    }
}

#[test]
fn certificates_that_end_soon() {
    let with = |not_after: &str, valid: bool| {
        healthy("3.5.33").facts("m1", |facts| {
            let mut own = certificate("cert-file", &["10.0.0.11"]);
            own.not_after = not_after.to_owned();
            own.valid_now = valid;
            facts.certificates = vec![own];
        })
    };
    let found = finds(with("2026-01-20T00:00:00Z", true), &[Check::CertificateLasts]);
    assert!(found.found.contains("in 17 days") && found.declared.contains("30d"), "{found:?}");
    assert!(told(with("2026-02-20T00:00:00Z", true)).drift().is_none());
    told(with("2026-02-20T00:00:00Z", true))
        .policy(|policy| policy.certificates = "60d".parse().unwrap())
        .finds(&[Check::CertificateLasts]);
    finds(with("2026-01-01T00:00:00Z", false), &[Check::CertificateValid]);
    // Authorities of which one has expired and another holds.
    assert!(told(with("2026-01-01T00:00:00Z", true)).drift().is_none());
    let unreadable = with("2026-02-20T00:00:00Z", true)
        .facts("m1", |facts| facts.certificates[0].problem = Some("it is not there".to_owned()));
    finds(unreadable, &[Check::CertificateReadable]);
    assert_eq!(told(with("2026-02-20T00:00:00Z", true)).drift().certificates[0].not_after, "2026-02-20T00:00:00Z");
}

#[test]
fn backups_that_are_too_old_where_the_spec_says_how_old_they_may_be() {
    let daily = |told: Told| told.policy(|policy| policy.backup = Some("1d".parse().unwrap()));
    assert!(told(healthy("3.5.33")).drift().is_none());
    assert!(daily(told(healthy("3.5.33")).backup("2026-01-01T12:00:00Z")).drift().is_none());
    let found = daily(told(healthy("3.5.33")).backup("2025-12-30T03:04:05Z")).finds(&[Check::BackupRecent]);
    assert!(found[0].found.ends_with("3 days ago"), "{found:?}");
    let none = daily(told(healthy("3.5.33"))).finds(&[Check::BackupRecent]);
    assert_eq!(none[0].found, "no backup of this cluster");
    daily(told(healthy("3.5.33")).backup("yesterday")).finds(&[Check::BackupRecent]);
    let mut unreadable = daily(told(healthy("3.5.33")));
    unreadable.memory.newest_backup = Err("permission denied".to_owned());
    unreadable.finds(&[Check::BackupRecent]);
}

#[test]
fn a_run_that_was_not_finished_as_long_as_the_cluster_is_not_as_declared() {
    let half = || told(healthy("3.1.20").to("3.2.32").runs("m1", "3.2.32"));
    let rest = [Check::OneVersion, Check::VersionAsDeclared, Check::VersionAsDeclared];
    let open = [&rest[..], &[Check::RunFinished]].concat();
    let failed = || RunOutcome::Failed { reason: "m2 did not come up".to_owned() };
    for outcome in [
        RunOutcome::Held,
        RunOutcome::Interrupted { signal: "SIGINT".to_owned() },
        failed(),
        RunOutcome::Died,
        RunOutcome::Unreadable { reason: "line 3".to_owned() },
    ] {
        half().last_run(outcome).finds(&open);
    }
    half().last_run(RunOutcome::Succeeded).finds(&rest);
    let under_way = half().last_run(RunOutcome::UnderWay);
    under_way.finds(&rest);
    assert!(under_way.drift().under_way.is_some());
    // Somebody finished it by hand, or declares again what was there before.
    assert!(told(healthy("3.2.32")).last_run(failed()).drift().is_none());
    let mut unreadable = half();
    unreadable.memory.last_run = Err("permission denied".to_owned());
    unreadable.finds(&open);
}

#[test]
fn where_nothing_is_seen_nothing_is_said_to_hold() {
    let blind = told(healthy("3.5.33").unreachable("m1").unreachable("m2").unreachable("m3")).drift();
    assert!(blind.is_blind() && !blind.is_none());
    let holds: Vec<_> =
        blind.checks.iter().filter(|made| made.outcome == Outcome::Holds).map(|made| made.check).collect();
    assert_eq!(holds, [Check::RunFinished]);
    let one = told(healthy("3.5.33").unreachable("m1")).drift();
    assert!(!one.is_blind());
    let of_it = one.checks.iter().filter(|made| made.member == Some(name("m1")) && made.check != Check::MemberListed);
    assert!(of_it.clone().count() > 15);
    assert!(of_it.skip(1).all(|made| matches!(made.outcome, Outcome::NotMade { .. })));
}

#[test]
fn urgent_findings_come_first() {
    let drift = told(healthy("3.1.20").to("3.2.32").down("m3")).drift();
    let severities: Vec<Severity> = drift.findings.iter().map(|finding| finding.severity).collect();
    assert!(severities.windows(2).all(|pair| pair[0] >= pair[1]), "{severities:?}");
    assert_eq!(drift.count(Severity::Critical), 1);
}

#[test]
fn a_status_tells_each_member_and_what_they_are_together() {
    let well = status_of(&healthy("3.5.33").etcd("m1", |etcd| {
        etcd.raft_index = Some(RaftIndex(24_300));
        etcd.raft_applied_index = Some(RaftIndex(24_298));
    }));
    assert!(well.is_well() && !well.is_blind());
    assert_eq!(well.leader, Some(name("m2")));
    let quorum = |status: &Status| status.quorum.unwrap();
    assert_eq!((quorum(&well).voters, quorum(&well).needed, quorum(&well).may_fail), (3, 2, Some(1)));
    let m1 = &well.members[0];
    assert_eq!((m1.role, m1.not_applied, m1.behind_leader), (Role::Follower, Some(2), Some(10)));
    assert_eq!(m1.quota, Some(Bytes(2 << 30)));
    assert_eq!(m1.runs_by.as_deref(), Some("etcd.service, active (running), enabled"));
    // What is only not as declared is no matter of health.
    assert!(status_of(&healthy("3.1.20").to("3.2.32")).is_well());
    let down = status_of(&healthy("3.5.33").down("m3"));
    assert_eq!((down.members[2].role, quorum(&down).may_fail, down.is_well()), (Role::Down, Some(0), false));
    let lost = status_of(&healthy("3.5.33").down("m3").down("m2"));
    assert_eq!((quorum(&lost).may_fail, lost.leader), (None, None));
    let blind = status_of(&healthy("3.5.33").unreachable("m1").unreachable("m2").unreachable("m3"));
    assert!(blind.is_blind());
    assert_eq!((quorum(&blind).voters, quorum(&blind).serving, quorum(&blind).may_fail), (3, 0, None));
    // Versions without a database have no quota, and no raft index of v3.
    assert_eq!(status_of(&healthy("2.3.8")).members[0].quota, None);
}
