//! Members that serve another cluster than the others: what is judged of the cluster is judged without them.

use crate::drift::Check;
use crate::drift::Outcome;
use crate::drift::status::{Quorum, Role, Status};
use crate::drift::tests::{status_of, told};
use crate::observe::inventory::Alarm;
use crate::plan::tests::builders::*;
use crate::units::{ClusterId, Revision};
use crate::view::{Style, status_text};

const DECLARED: ClusterId = ClusterId(0xc0ff_ee00);

fn why(status: &Status, member: usize) -> &str {
    status.members[member].unwell.as_deref().unwrap_or_default()
}

fn checks(status: &Status) -> Vec<Check> {
    status.wrong.iter().map(|finding| finding.check).collect()
}

#[test]
fn one_among_members_that_are_well() {
    let with_alarm = healthy("3.5.33").stranger("m1").etcd("m1", |etcd| {
        etcd.alarms = vec![Alarm { member: etcd.member_id, kind: "NOSPACE".to_owned() }];
    });
    let status = status_of(&with_alarm);
    assert_eq!(status.quorum, Some(Quorum { voters: 3, needed: 2, serving: 2, may_fail: Some(0) }));
    assert_eq!((status.cluster_id, status.leader.as_ref()), (Some(DECLARED), Some(&name("m2"))));
    assert_eq!(status.cluster_version, Some(version("3.5.0")));
    assert_eq!(status.revision, Some(Revision(18_231)), "not that of the stranger");
    let [m1, m2, m3] = status.members.as_slice() else { panic!("{:?}", status.members) };
    assert_eq!([m1.role, m2.role, m3.role], [Role::Stranger, Role::Leader, Role::Follower]);
    // Its log is another one.
    assert_eq!([m1.behind_leader, m2.behind_leader, m3.behind_leader], [None, Some(0), Some(0)]);
    assert_eq!(m1.alarms, ["NOSPACE"]);
    assert_eq!(why(&status, 0), "its data is of another cluster: it serves bad, and the declared one is c0ffee00");
    assert_eq!((&m2.unwell, &m3.unwell), (&None, &None));
    let text = status_text(&status, Style::plain(100));
    assert!(text.contains("m1  STRANGER   etcd 3.5.33 · serves another cluster · alarm NOSPACE"), "{text}");
    // That is all there is to say: its leader, its list, its alarm and its version are not the cluster's.
    assert_eq!(checks(&status), [Check::OneCluster]);
    let older = with_alarm.etcd("m1", |etcd| etcd.cluster_version = Some(version("3.4.0")));
    let found = told(older).finds(&[Check::OneCluster]);
    assert_eq!(found[0].found, "m1 belongs to bad, m2 belongs to c0ffee00, m3 belongs to c0ffee00");
}

#[test]
fn one_beside_the_last_member_of_a_cluster_that_has_lost_quorum() {
    // The other way round the stranger comes last in the spec.
    for (stranger, last, down) in [(0, 1, "m3"), (2, 1, "m1")] {
        let there = healthy("3.5.33").stranger(&format!("m{}", stranger + 1)).down(down);
        let status = status_of(&there);
        assert_eq!(status.quorum, Some(Quorum { voters: 3, needed: 2, serving: 1, may_fail: None }));
        assert_eq!((status.cluster_id, status.leader.as_ref()), (Some(DECLARED), None));
        assert!(why(&status, stranger).starts_with("its data is of another cluster"), "{status:?}");
        assert_eq!(status.members[last].unwell, None, "it may hold the good data");
        let found = told(there).finds(&[Check::OneCluster, Check::OneLeader, Check::MemberRunning]);
        let of = |check| found.iter().find(|finding| finding.check == check).unwrap().found.as_str();
        assert_eq!(of(Check::OneLeader), "1 of 3 voters answer, which is no quorum; m2 sees m2");
    }
}

#[test]
fn one_whose_cluster_has_the_same_names_is_known_by_its_peer_urls() {
    let there = healthy("3.5.33").stranger("m1").down("m3").etcd("m1", |etcd| {
        etcd.members = (1..=3).map(listed).collect();
        for listed in &mut etcd.members {
            listed.peer_urls = vec![format!("http://192.0.2.{}:2380", listed.id.0 % 256)];
        }
    });
    let status = status_of(&there);
    assert_eq!((status.cluster_id, status.members[0].role), (Some(DECLARED), Role::Stranger));
    assert_eq!((status.quorum.map(|quorum| quorum.may_fail), why(&status, 1)), (Some(None), ""));
}

#[test]
fn where_it_cannot_be_told_which_cluster_is_the_declared_one_nobody_is_blamed() {
    let there = healthy("3.5.33").stranger("m1").stranger("m2").down("m3");
    let status = status_of(&there);
    assert_eq!((status.quorum, status.cluster_id, &status.leader, status.revision), (None, None, &None, None));
    assert_eq!(why(&status, 0), "it serves bad, others serve bae: which is the declared cluster cannot be told");
    assert_eq!(why(&status, 1), "it serves bae, others serve bad: which is the declared cluster cannot be told");
    assert!(status.members.iter().all(|member| member.role != Role::Stranger && member.behind_leader.is_none()));
    let text = status_text(&status, Style::plain(100));
    assert!(text.contains("it cannot be told whether it has a quorum"), "{text}");
    assert!(text.contains("cannot be told: members serve different clusters"), "{text}");
    assert!(!text.contains("UNHEALTHY") && !text.contains("STRANGER"), "{text}");
    let told = told(there);
    told.finds(&[Check::OneCluster, Check::MemberRunning]);
    let drift = told.drift();
    for check in [Check::OneLeader, Check::MemberListAgreed, Check::MemberListed, Check::OneVersion] {
        let made = drift.checks.iter().find(|made| made.check == check).unwrap();
        assert!(
            matches!(&made.outcome, Outcome::NotMade { why } if why.contains("which of them is the declared one")),
            "{made:?}"
        );
    }
    // The strangers of one cluster are more than the one of the other.
    let more = healthy("3.5.33").stranger("m1").stranger("m2").etcd("m2", |etcd| etcd.cluster_id = ClusterId(0xbad));
    assert_eq!(status_of(&more).cluster_id, Some(ClusterId(0xbad)));
}

#[test]
fn learners_are_no_voters_in_what_is_said_of_quorum() {
    let is_learner = |there: Situation| {
        let there = there.every_etcd(|etcd| etcd.members[2].is_learner = true);
        there.etcd("m3", |etcd| etcd.is_learner = true)
    };
    let found = told(is_learner(healthy("3.5.33")).down("m1")).finds(&[
        Check::OneLeader,
        Check::NoLearner,
        Check::MemberRunning,
    ]);
    let leader = found.iter().find(|finding| finding.check == Check::OneLeader).unwrap();
    assert!(leader.found.starts_with("1 of 2 voters answer, which is no quorum; "), "{leader:?}");
}
