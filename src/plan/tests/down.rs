//! Members that are down, and clusters that are not well.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::inventory::Seen;
use crate::plan::model::Action;
use crate::units::Bytes;

#[test]
fn a_member_down_on_its_old_binary_is_brought_up_first() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").down("m3").planned());
}

#[test]
fn a_member_down_on_the_new_binary_is_started() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").stopped_with_new_binary("m1").planned());
}

#[test]
fn a_member_down_on_the_new_binary_goes_back_to_the_one_that_was_kept() {
    let kept = healthy("3.1.20").to("3.2.32").stopped_with_new_binary("m1").host("m1", |host| {
        host.staged.insert(version("3.1.20"), etcd_digest("3.1.20"));
        host.staged.insert(version("3.2.32"), etcd_digest("3.2.32"));
    });
    assert_snapshot!(kept.planned());
}

#[test]
fn two_of_five_are_down() {
    assert_snapshot!(of_members("3.1.20", 5).to("3.2.32").down("m1").stopped_with_new_binary("m3").planned());
}

#[test]
fn a_member_down_where_nothing_is_to_be_upgraded_is_started() {
    // To start it takes nothing of the release.
    assert_snapshot!(healthy("3.2.32").down("m1").nowhere("https://mirror.example: connection refused").planned());
}

#[test]
fn a_member_down_and_nobody_knows_what_its_binary_is() {
    let unknown = healthy("3.1.20").to("3.2.32").down("m1").facts("m1", |facts| {
        facts.binary.version = None;
        facts.binary.sha256 = None;
    });
    assert_snapshot!(unknown.refused("member-binary"));
}

#[test]
fn two_members_down_are_started_together() {
    let one = healthy("3.1.20").to("3.2.32").without_leader().down("m1").down("m3");
    assert_snapshot!(one.planned());
}

#[test]
fn a_leader_without_quorum_is_none() {
    // m2 led, and says that it still does.
    let one = healthy("2.1.1").to("2.2.5").down("m1").down("m3");
    let plan = one.plan().unwrap();
    assert_eq!(plan.summary.leader, None);
    let first = plan.steps().next().unwrap();
    assert!(matches!(&first.action, Action::StartTogether { members } if *members == [name("m1"), name("m3")]));
    assert!(!one.planned().contains("m2 as leader"));
}

#[test]
fn two_members_down_where_nothing_is_to_be_upgraded() {
    assert_snapshot!(healthy("3.2.32").without_leader().down("m1").down("m3").planned());
}

#[test]
fn one_member_down_and_one_silent_leave_no_leader() {
    let mut one = healthy("3.1.20").to("3.2.32").without_leader().down("m1");
    one.view("m3").etcd = Seen::Unknown { why: "http://10.0.0.13:2379: no answer within 5s".to_owned() };
    one.refused_by(&["member-answers"]);
}

#[test]
fn all_members_down() {
    let none = NAMES.iter().fold(healthy("3.1.20").to("3.2.32"), |none, member| none.down(member));
    assert_snapshot!(none.refused("cluster-answers"));
}

// faults: N5
#[test]
fn a_process_that_does_not_answer() {
    let mut silent = healthy("3.1.20").to("3.2.32");
    silent.view("m3").etcd = Seen::Unknown { why: "http://10.0.0.13:2379: no answer within 5s".to_owned() };
    assert_snapshot!(silent.refused("member-answers"));
}

#[test]
fn the_leader_does_not_answer() {
    let mut silent = healthy("3.1.20").to("3.2.32");
    silent.view("m2").etcd = Seen::Unknown { why: "http://10.0.0.12:2379: no answer within 5s".to_owned() };
    assert_snapshot!(silent.refused("member-answers"));
}

// faults: N3
#[test]
fn the_host_of_a_member_is_unreachable() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").unreachable("m3").refused("host-reachable"));
}

// faults: N3
#[test]
fn the_host_of_the_leader_is_unreachable() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").unreachable("m2").refused("host-reachable"));
}

// faults: N3
#[test]
fn no_host_is_reachable() {
    let none = NAMES.iter().fold(healthy("3.1.20").to("3.2.32"), |none, member| none.unreachable(member));
    assert_snapshot!(none.refused_by(&["host-reachable"; 3]));
}

// faults: E6
#[test]
fn there_is_no_leader() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").without_leader().refused("one-leader"));
}

// faults: N6
#[test]
fn members_disagree_on_the_leader() {
    let split = healthy("3.1.20").to("3.2.32").etcd("m3", |etcd| etcd.leader = Some(member_id(1)));
    assert_snapshot!(split.refused("one-leader"));
}

#[test]
fn a_member_is_unhealthy() {
    let ill = healthy("3.1.20").to("3.2.32").etcd("m3", |etcd| etcd.unhealthy = Some("{\"health\": \"false\"}".into()));
    assert_snapshot!(ill.refused("members-healthy"));
}

// faults: E6
#[test]
fn there_is_no_space_left_in_the_quota() {
    let full = healthy("3.3.27").to("3.4.45").alarm("NOSPACE", 2);
    // From 3.3 on a member with an alarm in the cluster says that it is not healthy: that follows from the alarm.
    let full = full.every_etcd(|etcd| etcd.unhealthy = Some("{\"health\":\"false\"}".to_owned()));
    assert_snapshot!(full.refused("no-alarm"));
}

// faults: E6
#[test]
fn a_member_is_corrupt() {
    assert_snapshot!(healthy("3.3.27").to("3.4.45").alarm("CORRUPT", 3).refused("no-alarm"));
}

// faults: E6
#[test]
fn the_quota_is_nearly_full() {
    let nearly = healthy("3.1.20").to("3.2.32").etcd("m1", |etcd| etcd.db_size = Some(Bytes::mebi(2000)));
    assert_snapshot!(nearly.refused("quota-room"));
}

#[test]
fn the_data_of_members_differs() {
    let differs = healthy("3.3.27").to("3.4.45").etcd("m3", |etcd| etcd.hash_kv.as_mut().unwrap().hash = 0xdead);
    assert_snapshot!(differs.refused("data-equal"));
}

#[test]
fn members_answer_different_cluster_versions() {
    let moving = healthy("3.1.20").to("3.2.32").etcd("m3", |etcd| etcd.cluster_version = Some(version("3.2.0")));
    assert_snapshot!(moving.refused("cluster-version-decided"));
}

#[test]
fn the_cluster_version_is_not_decided() {
    let young = healthy("3.1.20").to("3.2.32").every_etcd(|etcd| etcd.cluster_version = None);
    assert_snapshot!(young.refused("cluster-version-decided"));
}

/// Found by the simulation: somebody had put a later release there, and it was started on the data of an older one.
#[test]
fn a_member_down_on_a_release_that_is_not_on_the_way() {
    let astray = |release: &str| {
        let down = healthy("3.1.20").to("3.2.32").down("m3");
        down.facts("m3", |facts| {
            facts.binary.version = Some(version(release));
            facts.binary.sha256 = Some(etcd_digest(release));
        })
    };
    assert_snapshot!(astray("3.5.33").refused("binary-on-disk"));
    astray("3.0.17").refused("binary-on-disk");
    astray("3.1.19").planned();
    astray("3.2.31").planned();
}
