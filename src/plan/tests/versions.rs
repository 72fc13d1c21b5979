//! What may be declared over what is there, and the releases it takes.

use insta::assert_snapshot;

use super::builders::*;

/// The rung that was begun is finished first.
#[test]
fn a_member_two_minors_behind() {
    let behind = healthy("3.1.20").to("3.2.32").by(&["3.1.20"]).runs("m3", "3.0.17");
    let behind = behind.every_etcd(|etcd| etcd.cluster_version = Some(version("3.0.0")));
    assert_snapshot!(behind.planned());
}

#[test]
fn a_member_newer_than_declared() {
    let newer = healthy("3.1.20").to("3.2.31").runs("m3", "3.2.32");
    assert_snapshot!(newer.refused("no-step-down"));
}

#[test]
fn a_member_of_a_minor_that_is_neither() {
    let astray = healthy("3.1.20").to("3.1.20").runs("m3", "3.2.32");
    assert_snapshot!(astray.refused("members-near-cluster-version"));
}

#[test]
fn a_downgrade() {
    assert_snapshot!(healthy("3.2.32").to("3.1.20").refused("no-step-down"));
}

#[test]
fn an_older_patch() {
    assert_snapshot!(healthy("3.2.32").to("3.2.31").refused("no-step-down"));
}

#[test]
fn a_minor_that_nobody_knows() {
    assert_snapshot!(healthy("3.1.20").to("3.9.0").refused("release-known"));
}

#[test]
fn a_release_that_is_known_to_be_bad() {
    assert_snapshot!(healthy("3.1.20").to("3.2.0").refused("release-known"));
}

#[test]
fn a_pre_release() {
    assert_snapshot!(healthy("3.1.20").to("3.2.0-rc.1").refused("release-known"));
}

#[test]
fn a_release_that_cannot_be_had() {
    let nowhere = healthy("3.1.20").to("3.2.32").nowhere("https://mirror.example/etcd-v3.2.32-linux-amd64.tar.gz: 404");
    assert_snapshot!(nowhere.refused("release-available"));
}

#[test]
fn hosts_of_two_architectures_and_a_release_for_one() {
    let mixed = healthy("3.1.20").to("3.2.32").host("m3", |host| host.arch = "arm64".to_owned());
    assert_snapshot!(mixed.nowhere_for("arm64").refused("release-available"));
}

#[test]
fn a_checksum_that_nothing_vouches_for() {
    let mut first = healthy("3.1.20").to("3.2.32");
    first.releases[0].checked = "first-use".to_owned();
    assert_snapshot!(first.planned());
}

impl Situation {
    fn nowhere_for(mut self, arch: &str) -> Self {
        self.missing = vec![format!("https://mirror.example has no etcd 3.2.32 for linux-{arch}")];
        self
    }
}
