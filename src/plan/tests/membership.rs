//! Who is a member, by the spec, by the cluster, and by the hosts.

use insta::assert_snapshot;

use super::builders::*;
use crate::units::ClusterId;

// faults: E8
#[test]
fn a_learner() {
    assert_snapshot!(healthy("3.4.45").to("3.5.33").learner().refused("no-learner"));
}

// faults: E8
#[test]
fn a_member_that_was_added_and_never_started() {
    let added = healthy("3.1.20").to("3.2.32").also_listed(|fourth| fourth.name = String::new());
    assert_snapshot!(added.refused("member-started"));
}

// faults: E8
#[test]
fn a_member_that_the_spec_does_not_declare() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").also_listed(|_| {}).refused("member-declared"));
}

// faults: E8
#[test]
fn a_declared_member_that_the_cluster_has_removed() {
    let removed = healthy("3.1.20").to("3.2.32").down("m3").every_etcd(|etcd| etcd.members.truncate(2));
    assert_snapshot!(removed.refused("member-listed"));
}

// faults: E8
#[test]
fn two_members_of_one_name() {
    let twice = healthy("3.1.20").to("3.2.32").also_listed(|fourth| fourth.name = "m1".to_owned());
    assert_snapshot!(twice.refused("member-names-unique"));
}

#[test]
fn members_of_two_clusters() {
    let stranger = healthy("3.1.20").to("3.2.32").etcd("m3", |etcd| {
        etcd.cluster_id = ClusterId(0xbad);
        etcd.members = vec![listed(3)];
        etcd.leader = Some(member_id(3));
    });
    assert_snapshot!(stranger.refused("one-cluster"));
}

#[test]
fn members_tell_different_lists() {
    let cut_off = healthy("3.1.20").to("3.2.32").etcd("m3", |etcd| etcd.members.push(listed(4)));
    assert_snapshot!(cut_off.refused("member-list-agreed"));
}

#[test]
fn a_declared_member_whose_data_is_gone() {
    let gone = healthy("3.1.20").to("3.2.32").down("m3").facts("m3", |facts| facts.data_dir.has_member = false);
    assert_snapshot!(gone.refused("member-has-data"));
}

#[test]
fn a_declared_member_that_is_not_on_its_host() {
    let absent = healthy("3.1.20").to("3.2.32").down("m3").host("m3", |host| {
        host.member = None;
        host.unit = None;
    });
    assert_snapshot!(absent.refused("member-found"));
}

#[test]
fn a_member_that_cannot_be_recognized_on_its_host() {
    let wrapped = healthy("3.1.20").to("3.2.32").down("m3").host("m3", |host| {
        host.member = None;
        host.notes =
            vec!["the config file /etc/etcd.yml cannot be read: the member's options are not known".to_owned()];
    });
    assert_snapshot!(wrapped.refused("member-found"));
}

#[test]
fn two_members_are_too_few() {
    assert_snapshot!(of_members("3.1.20", 2).to("3.2.32").refused("quorum-without-member"));
}

#[test]
fn one_member_is_too_few() {
    assert_snapshot!(of_members("3.1.20", 1).to("3.2.32").refused("quorum-without-member"));
}

#[test]
fn five_members() {
    assert_snapshot!(of_members("3.1.20", 5).to("3.2.32").planned());
}

#[test]
fn a_label_that_is_not_the_name_that_etcd_knows() {
    let renamed = healthy("3.1.20").to("3.2.32").every_etcd(|etcd| {
        for listed in etcd.members.iter_mut().filter(|listed| listed.id == member_id(2)) {
            listed.name = "h2".to_owned();
        }
    });
    assert_snapshot!(renamed.refused("member-named"));
    // Also where there is nothing to do.
    let mut same = renamed;
    same = same.to("3.1.20");
    same.refused("member-named");
}

#[test]
fn two_addresses_that_were_swapped() {
    let swapped = healthy("3.1.20").to("3.2.32").every_etcd(|etcd| {
        for listed in &mut etcd.members {
            listed.name = match listed.name.as_str() {
                "m1" => "m2".to_owned(),
                "m2" => "m1".to_owned(),
                other => other.to_owned(),
            };
        }
    });
    assert_snapshot!(swapped.refused_by(&["member-named", "member-named"]));
}
