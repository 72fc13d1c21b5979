//! Rungs of a healthy cluster, and those that are half done.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::inventory::SnapFile;
use crate::units::{Bytes, RaftIndex, Revision};

#[test]
fn from_3_1_to_3_2() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").planned());
}

#[test]
fn from_2_1_to_2_2() {
    assert_snapshot!(healthy("2.1.3").to("2.2.5").planned());
}

#[test]
fn a_cluster_that_holds_v2_and_v3_keys_gets_both_backups() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").v2_data(310, Bytes::mebi(2)).planned());
}

#[test]
fn where_hash_kv_is_known_members_are_compared_before_and_after() {
    assert_snapshot!(healthy("3.3.27").to("3.4.45").planned());
}

#[test]
fn nothing_to_do() {
    assert_snapshot!(healthy("3.2.32").planned());
}

#[test]
fn nothing_to_do_needs_no_release() {
    assert_snapshot!(healthy("3.2.32").nowhere("https://mirror.example: connection refused").planned());
}

#[test]
fn a_patch_is_no_rung() {
    assert_snapshot!(healthy("3.2.20").to("3.2.32").planned());
}

#[test]
fn m1_is_done_two_are_left() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").runs("m1", "3.2.32").planned());
}

#[test]
fn only_the_leader_is_left() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").runs("m1", "3.2.32").runs("m3", "3.2.32").planned());
}

#[test]
fn all_are_done_and_the_cluster_version_has_not_moved() {
    let done = NAMES.iter().fold(healthy("3.1.20").to("3.2.32"), |done, member| done.runs(member, "3.2.32"));
    // Nothing of the release is needed any more.
    assert_snapshot!(done.nowhere("https://mirror.example: connection refused").planned());
}

// faults: H8
#[test]
fn the_new_binary_is_in_place_and_the_process_is_old() {
    assert_snapshot!(healthy("3.1.20").to("3.2.32").binary_swapped("m1").planned());
}

#[test]
fn the_new_binary_is_in_place_and_the_release_is_not_at_hand_yet() {
    let swapped = healthy("3.1.20").to("3.2.32").binary_swapped("m1").nowhere("not looked for yet");
    let refusals = swapped.plan().unwrap_err();
    let rules: Vec<&str> = refusals.iter().map(|refusal| refusal.rule.as_str()).collect();
    assert_eq!(rules, ["release-available"]);
}

#[test]
fn a_file_that_somebody_put_there_is_never_thrown_away_by_a_swap() {
    let other = |declared: &str| {
        healthy("3.1.20").to(declared).facts("m1", |facts| {
            facts.binary.version = Some(version("3.1.19"));
            facts.binary.sha256 = Some(etcd_digest("3.1.19"));
        })
    };
    assert_snapshot!(other("3.2.32").refused("binary-on-disk"));
    // Also where nothing is to be upgraded: the next restart would start it.
    other("3.1.20").refused("binary-on-disk");
}

/// Found by the simulation: a host rebooted in the middle of a swap, the controller died, and the spec went back to the release
/// that still runs.
#[test]
fn a_file_that_a_run_left_there_is_told_as_that() {
    let turned = healthy("3.1.20").to("3.2.32").binary_swapped("m1").to("3.1.20");
    let turned = turned.host("m1", |host| {
        host.staged.insert(version("3.2.32"), etcd_digest("3.2.32"));
    });
    assert_snapshot!(turned.refused("binary-on-disk"));
}

/// Old binaries are kept where new ones are staged: that one of them is in place does not say who put it there.
#[test]
fn an_old_binary_that_is_kept_and_in_place_is_told_as_that() {
    let back = healthy("3.2.32").to("3.2.32").facts("m1", |facts| {
        facts.binary.sha256 = Some(etcd_digest("3.1.20"));
        facts.binary.version = Some(version("3.1.20"));
    });
    let back = back.host("m1", |host| {
        host.staged.insert(version("3.1.20"), etcd_digest("3.1.20"));
    });
    assert_snapshot!(back.refused("binary-on-disk"));
}

#[test]
fn the_releases_are_on_the_hosts_already() {
    let staged = healthy("3.1.20").to("3.2.32").every_host(|host| {
        host.staged.insert(version("3.2.32"), etcd_digest("3.2.32"));
    });
    assert_snapshot!(staged.planned());
}

// faults: E9
#[test]
fn sixty_megabytes_of_v2_data_settle_two_minutes() {
    assert_snapshot!(healthy("2.1.3").to("2.2.5").v2_data(64_210, Bytes::mebi(60)).planned());
}

// faults: E9
#[test]
fn a_hundred_and_twenty_megabytes_of_v2_data_settle_twice_what_the_spec_says() {
    let much = healthy("2.1.3").to("2.2.5").v2_data(130_000, Bytes::mebi(120));
    assert_snapshot!(much.declared(|cluster| cluster.rollout.v2_settle = "3m".parse().unwrap()).planned());
}

/// 3.5.26 and later replay the whole log into a database that was never written, and take members for removed ones.
#[test]
fn a_database_that_was_never_written_stops_the_rung_to_3_5() {
    let with = |revision, snap: Option<u64>| {
        let newest = snap.map(|index| SnapFile { size: Bytes(20_000), index: RaftIndex(index) });
        healthy("3.4.23")
            .to("3.5.33")
            .every_etcd(|etcd| etcd.revision = Some(Revision(revision)))
            .every_facts(|facts| facts.data_dir.newest_snap = newest.clone())
    };
    assert_snapshot!(with(1, None).refused("members-taken-for-removed"));
    with(2, None).plan().unwrap();
    with(1, Some(100_001)).plan().unwrap();
}

// faults: E1
#[test]
fn data_that_only_the_v2_api_ever_wrote_stops_the_rung_to_3_2() {
    let v2_only = healthy("3.1.10").to("3.2.32").v2_data(310, Bytes::mebi(2)).every_etcd(|etcd| {
        etcd.revision = Some(crate::units::Revision(1));
        etcd.v3_keys = Some(0);
    });
    assert_snapshot!(v2_only.refused("v2-only-data-3.2"));
}
