//! Gates on made-up looks at three members: m1 and m3 follow, m2 leads.

use std::time::Duration;

use crate::execute::gates::{Judgement, Look, judge, no_way_back};
use crate::execute::readd::is_held_back;
use crate::observe::inventory::{Alarm, EtcdFacts, ListedMember, Seen};
use crate::plan::model::{
    BinaryChange, Gate, MemberAction, REPLACEMENT_FORMAT, Replacement, ReplacementKind, ReplacementPhase, Role,
};
use crate::spec::model::OnFailure;
use crate::units::{ClusterId, MemberId, MemberName, Minor, RaftIndex, RaftTerm, Sha256, Span, Version};

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

fn listed() -> Vec<ListedMember> {
    let one = |id: u64| ListedMember {
        id: MemberId(id),
        name: format!("m{id}"),
        peer_urls: vec![format!("http://10.0.0.1{id}:2380")],
        client_urls: Vec::new(),
        is_learner: false,
    };
    (1..=3).map(one).collect()
}

fn facts(id: u64) -> EtcdFacts {
    EtcdFacts {
        member_id: MemberId(id),
        cluster_id: ClusterId(7),
        server_version: Version::new(3, 2, 32),
        cluster_version: Some(Version::new(3, 1, 0)),
        storage_version: None,
        downgrade_to: None,
        unhealthy: None,
        leader: Some(MemberId(2)),
        raft_term: Some(RaftTerm(3)),
        raft_index: Some(RaftIndex(5000)),
        raft_applied_index: None,
        revision: None,
        db_size: None,
        db_size_in_use: None,
        is_learner: false,
        members: listed(),
        alarms: Vec::new(),
        v2_keys: None,
        v3_keys: None,
        hash_kv: None,
        auth_enabled: None,
        denied: None,
    }
}

fn look() -> Look {
    let members = (1..=3).map(|id| (name(&format!("m{id}")), Seen::Known(facts(id)))).collect();
    Look { members, ..Look::default() }
}

fn change(look: &mut Look, member: &str, change: impl FnOnce(&mut EtcdFacts)) {
    if let Some(Seen::Known(facts)) = look.members.get_mut(&name(member)) {
        change(facts);
    }
}

fn silent(look: &mut Look, member: &str) {
    look.members.insert(name(member), Seen::Unknown { why: "connection refused".to_owned() });
}

const WITHIN: Span = Span::from_secs(60);

fn judged(gate: Gate, look: &Look) -> Judgement {
    judge(&[gate], look, Duration::ZERO)
}

fn blames(judgement: &Judgement, members: &[&str]) {
    let blamed: Vec<_> = judgement.culprits.iter().map(MemberName::as_str).collect();
    assert_eq!(blamed, members, "{:?}", judgement.waiting);
}

#[test]
fn all_gates_hold_of_a_cluster_that_is_well() {
    let gates = [
        Gate::AllHealthy { within: WITHIN },
        Gate::OneLeader { within: WITHIN },
        Gate::MemberList { members: listed(), within: WITHIN },
        Gate::QuorumWithout { member: name("m1"), within: WITHIN },
        Gate::CaughtUp { member: name("m1"), entries: RaftIndex(500), within: WITHIN },
        Gate::ClusterVersion { minor: Minor::new(3, 1), within: WITHIN },
        Gate::DeclaredMembers { names: ["m1", "m2", "m3"].map(name).to_vec(), within: WITHIN },
    ];
    let judgement = judge(&gates, &look(), Duration::ZERO);
    assert!(judgement.holds(), "{:?}", judgement.waiting);
    assert_eq!(look().leader(), Some(&name("m2")));
}

#[test]
fn a_member_is_not_stopped_while_another_is_unhealthy() {
    let mut look = look();
    change(&mut look, "m3", |facts| facts.unhealthy = Some("no leader".to_owned()));
    blames(&judged(Gate::AllHealthy { within: WITHIN }, &look), &["m3"]);
    // Without m1 only m2 would serve: no quorum of three.
    blames(&judged(Gate::QuorumWithout { member: name("m1"), within: WITHIN }, &look), &["m1"]);
}

#[test]
fn a_member_is_not_stopped_while_another_is_silent() {
    let mut look = look();
    silent(&mut look, "m3");
    assert!(!judged(Gate::QuorumWithout { member: name("m1"), within: WITHIN }, &look).holds());
    blames(&judged(Gate::AllHealthy { within: WITHIN }, &look), &["m3"]);
}

// faults: N6 E9
#[test]
fn a_member_that_lags_far_behind_does_not_count_for_quorum() {
    let mut look = look();
    change(&mut look, "m3", |facts| facts.raft_index = Some(RaftIndex(100)));
    let judgement = judged(Gate::QuorumWithout { member: name("m1"), within: WITHIN }, &look);
    assert!(judgement.culprits.contains(&name("m3")), "{:?}", judgement.waiting);
    blames(&judged(Gate::CaughtUp { member: name("m3"), entries: RaftIndex(500), within: WITHIN }, &look), &["m3"]);
}

// faults: E9
#[test]
fn the_applied_index_counts_where_it_is_known() {
    let mut look = look();
    change(&mut look, "m1", |facts| facts.raft_applied_index = Some(RaftIndex(10)));
    assert!(!judged(Gate::CaughtUp { member: name("m1"), entries: RaftIndex(500), within: WITHIN }, &look).holds());
}

// faults: E8
#[test]
fn a_learner_is_no_voter() {
    let mut look = look();
    for member in ["m1", "m2", "m3"] {
        change(&mut look, member, |facts| facts.members[2].is_learner = true);
    }
    // Two voters: without one of them the other is no quorum.
    assert!(!judged(Gate::QuorumWithout { member: name("m1"), within: WITHIN }, &look).holds());
}

// faults: N6 E6
#[test]
fn two_leaders_or_none_are_not_one() {
    let mut look = look();
    change(&mut look, "m3", |facts| facts.leader = Some(MemberId(1)));
    assert!(!judged(Gate::OneLeader { within: WITHIN }, &look).holds());
    for member in ["m1", "m2", "m3"] {
        change(&mut look, member, |facts| facts.leader = None);
    }
    assert!(!judged(Gate::OneLeader { within: WITHIN }, &look).holds());
}

/// A member that finds no leader, while a quorum agrees on one, is the one that is not well: only so is it put back.
#[test]
fn who_sees_another_leader_than_a_quorum_is_to_blame() {
    let mut look = look();
    change(&mut look, "m3", |facts| facts.leader = None);
    blames(&judged(Gate::OneLeader { within: WITHIN }, &look), &["m3"]);
    silent(&mut look, "m1");
    blames(&judged(Gate::OneLeader { within: WITHIN }, &look), &["m1", "m2", "m3"]);
}

fn action_on_m1() -> MemberAction {
    let digest = Sha256::of(b"x");
    let binary = BinaryChange {
        path: "/usr/bin/etcd".to_owned(),
        old_sha256: Some(digest),
        new_sha256: digest,
        staged: String::new(),
        kept: String::new(),
    };
    MemberAction {
        member: name("m1"),
        role: Role::Follower,
        from: Version::new(3, 1, 20),
        to: Version::new(3, 2, 32),
        binary,
        operations: Vec::new(),
        on_failure: OnFailure::RollbackMember,
        readd: None,
        settings: None,
    }
}

fn way_back_of_m1(look: &Look) -> Option<String> {
    no_way_back(&action_on_m1(), look).map(|error| error.to_string())
}

/// A follower may be behind: where all others may run the new minor, only the leader knows that the old binary would stay up.
#[test]
fn there_is_a_way_back_only_while_the_cluster_version_is_known_to_be_the_old_one() {
    let mut look = look();
    silent(&mut look, "m1");
    assert_eq!(way_back_of_m1(&look), None);
    // The leader is not seen; the other one runs the new minor, and tells the old cluster version.
    silent(&mut look, "m2");
    assert!(way_back_of_m1(&look).unwrap().contains("not known"));
    // It runs the old minor: the cluster version cannot have moved.
    change(&mut look, "m3", |facts| facts.server_version = Version::new(3, 1, 20));
    assert_eq!(way_back_of_m1(&look), None);
    change(&mut look, "m3", |facts| facts.cluster_version = Some(Version::new(3, 2, 0)));
    assert!(way_back_of_m1(&look).unwrap().contains("has moved to 3.2"));
}

// faults: E6
#[test]
fn an_alarm_is_the_fault_of_the_member_it_is_about() {
    let mut look = look();
    for member in ["m1", "m2", "m3"] {
        let alarm = Alarm { member: MemberId(3), kind: "NOSPACE".to_owned() };
        change(&mut look, member, |facts| facts.alarms.push(alarm));
    }
    let judgement = judged(Gate::AllHealthy { within: WITHIN }, &look);
    blames(&judgement, &["m3"]);
    assert_eq!(judgement.waiting, ["alarm NOSPACE on m3"]);
}

// faults: E7
#[test]
fn a_changed_member_list_is_told_with_the_difference() {
    let mut look = look();
    change(&mut look, "m2", |facts| facts.members[0].peer_urls = vec!["http://10.9.9.9:2380".to_owned()]);
    let judgement = judged(Gate::MemberList { members: listed(), within: WITHIN }, &look);
    blames(&judgement, &["m2"]);
    assert!(judgement.waiting[0].contains("10.9.9.9") && judgement.waiting[0].contains("10.0.0.11"));
}

#[test]
fn announced_client_urls_are_no_part_of_who_is_a_member() {
    let mut look = look();
    change(&mut look, "m1", |facts| facts.members[0].client_urls = vec!["http://10.0.0.11:2379".to_owned()]);
    assert!(judged(Gate::MemberList { members: listed(), within: WITHIN }, &look).holds());
}

#[test]
fn a_member_runs_a_version_when_it_says_so_and_its_process_is_that_binary() {
    let sha256 = Sha256::of(b"3.2.32");
    let gate = |version: &str| Gate::RunsVersion {
        member: name("m1"),
        version: version.parse().unwrap(),
        sha256,
        within: WITHIN,
    };
    let mut look = look();
    assert!(!judged(gate("3.2.32"), &look).holds(), "what its process runs was not seen");
    look.running.insert(name("m1"), Sha256::of(b"another"));
    assert!(!judged(gate("3.2.32"), &look).holds());
    look.running.insert(name("m1"), sha256);
    assert!(judged(gate("3.2.32"), &look).holds());
    assert!(!judged(gate("3.1.20"), &look).holds());
}

#[test]
fn a_process_that_is_gone_is_not_waited_for() {
    let mut look = look();
    silent(&mut look, "m1");
    look.dead.insert(name("m1"));
    let gate = Gate::RunsVersion {
        member: name("m1"),
        version: Version::new(3, 2, 32),
        sha256: Sha256::of(b"x"),
        within: WITHIN,
    };
    assert!(judged(gate, &look).hopeless);
}

// faults: E14
#[test]
fn the_cluster_version_has_to_move_on_every_member() {
    let mut look = look();
    for member in ["m1", "m2"] {
        change(&mut look, member, |facts| facts.cluster_version = Some(Version::new(3, 2, 0)));
    }
    let gate = Gate::ClusterVersion { minor: Minor::new(3, 2), within: WITHIN };
    blames(&judged(gate, &look), &["m3"]);
}

#[test]
fn a_soak_counts_only_while_all_the_rest_holds() {
    let gates = [Gate::AllHealthy { within: WITHIN }, Gate::Soak { span: Span::from_secs(10) }];
    let half = judge(&gates, &look(), Duration::from_secs(5));
    assert!(!half.holds() && half.culprits.is_empty());
    assert!(judge(&gates, &look(), Duration::from_secs(10)).holds());
    let mut look = look();
    silent(&mut look, "m2");
    assert!(!judge(&gates, &look, Duration::from_secs(10)).holds());
}

/// Three members of 3.7.1 in a cluster that was taken down to 3.6.
fn on_the_way_down() -> Look {
    let mut look = look();
    for member in ["m1", "m2", "m3"] {
        change(&mut look, member, |facts| {
            facts.server_version = Version::new(3, 7, 1);
            facts.cluster_version = Some(Version::new(3, 6, 0));
            facts.storage_version = Some(Version::new(3, 6, 0));
            facts.downgrade_to = Some(Minor::new(3, 6));
        });
    }
    look
}

#[test]
fn the_storage_of_every_member_has_to_come_down() {
    let gate = || Gate::StorageReadable { minor: Minor::new(3, 6), within: WITHIN };
    let mut look = on_the_way_down();
    assert!(judged(gate(), &look).holds());
    change(&mut look, "m3", |facts| facts.storage_version = Some(Version::new(3, 7, 0)));
    blames(&judged(gate(), &look), &["m3"]);
    // A newer member that does not say is not taken for one that is down; an older one has no storage above it.
    change(&mut look, "m3", |facts| facts.storage_version = None);
    blames(&judged(gate(), &look), &["m3"]);
    change(&mut look, "m3", |facts| facts.server_version = Version::new(3, 6, 14));
    assert!(judged(gate(), &look).holds());
    silent(&mut look, "m1");
    blames(&judged(gate(), &look), &["m1"]);
}

#[test]
fn a_cluster_version_that_is_kept_down_says_by_what() {
    let judgement = judged(Gate::ClusterVersion { minor: Minor::new(3, 7), within: WITHIN }, &on_the_way_down());
    assert!(judgement.waiting[0].contains("told to go down to 3.6"), "{:?}", judgement.waiting);
}

#[test]
fn a_newer_binary_can_always_be_put_back() {
    let mut look = on_the_way_down();
    for member in ["m1", "m2", "m3"] {
        change(&mut look, member, |facts| facts.leader = None);
    }
    let action = MemberAction { from: Version::new(3, 7, 1), to: Version::new(3, 6, 14), ..action_on_m1() };
    assert!(no_way_back(&action, &look).is_none());
    // Who is counted as done already, when it is asked whether a member is the last.
    change(&mut look, "m3", |facts| facts.server_version = Version::new(3, 6, 14));
    assert_eq!(look.others_at(&action).collect::<Vec<_>>(), [&name("m3")]);
}

/// m1 is to leave, and to join again with 3.1.
fn readding_m1() -> Replacement {
    Replacement {
        format: REPLACEMENT_FORMAT,
        kind: ReplacementKind::Readd,
        id: None,
        phase: ReplacementPhase::Replacing,
        from: Version::new(3, 2, 32),
        to: Version::new(3, 1, 20),
        source: String::new(),
        first: Vec::new(),
        then: Vec::new(),
        member_list: listed(),
        members: [].into(),
    }
}

#[test]
fn nobody_leaves_to_join_with_an_older_minor_unless_another_member_holds_the_version_back() {
    let (m1, note) = (name("m1"), readding_m1());
    let mut seen = look();
    // Without m1 all that are left run 3.2.
    assert!(!is_held_back(&note, &m1, &seen));
    // That m1 itself runs 3.1 helps nobody.
    change(&mut seen, "m1", |facts| facts.server_version = Version::new(3, 1, 20));
    assert!(!is_held_back(&note, &m1, &seen));
    change(&mut seen, "m3", |facts| facts.server_version = Version::new(3, 1, 20));
    assert!(is_held_back(&note, &m1, &seen));
    // One that does not answer is not known to.
    let mut silent = seen.clone();
    silent.members.insert(name("m3"), Seen::Unknown { why: "no answer".to_owned() });
    assert!(!is_held_back(&note, &m1, &silent));
    // It has moved already.
    change(&mut seen, "m2", |facts| facts.cluster_version = Some(Version::new(3, 2, 0)));
    assert!(!is_held_back(&note, &m1, &seen));
}

#[test]
fn who_leads_the_others_is_asked_of_the_others_alone() {
    let mut seen = look();
    change(&mut seen, "m1", |facts| facts.leader = None);
    assert_eq!(seen.leader_of_others(&name("m1")), Some(&name("m2")));
    // The one that led is the one that goes.
    assert_eq!(seen.leader_of_others(&name("m2")), None);
    change(&mut seen, "m3", |facts| facts.leader = None);
    assert_eq!(seen.leader_of_others(&name("m1")), None);
}
