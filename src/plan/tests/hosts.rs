//! Disks, units, processes and certificates.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::inventory::{Device, NextStart, Seen};
use crate::plan::basis;
use crate::spec::model::Toggle;
use crate::units::Bytes;

fn rung() -> Situation {
    healthy("3.1.20").to("3.2.32")
}

// faults: H1
#[test]
fn no_room_to_stage() {
    assert_snapshot!(rung().host("m3", |host| host.store_free = Some(Bytes::mebi(30))).refused("disk-store"));
}

// faults: H1
#[test]
fn no_room_beside_the_binary() {
    let full = rung().facts("m3", |facts| facts.binary.free = Some(Bytes::mebi(10)));
    assert_snapshot!(full.refused("disk-binary"));
}

// faults: H1
#[test]
fn no_room_for_a_rollback_point() {
    let full = rung().facts("m3", |facts| facts.data_dir.free = Bytes::mebi(100));
    assert_snapshot!(full.refused("disk-rollback-point"));
}

/// All places of m3 on one file system.
fn on_one_disk(free: Bytes) -> Situation {
    rung().host("m3", |host| {
        let device = Some(Device(0x803));
        (host.store_free, host.store_device) = (Some(free), device);
        (host.scratch_free, host.scratch_device) = (Some(free), device);
        let facts = host.member.as_mut().unwrap();
        (facts.binary.free, facts.binary.device) = (Some(free), device);
        (facts.data_dir.free, facts.data_dir.device) = (free, device);
    })
}

// faults: H1
#[test]
fn each_has_room_and_all_together_have_none() {
    // 61 MB of releases, 31 MB beside the binary, 186 MB of a copy, 64 MB to spare.
    assert_snapshot!(on_one_disk(Bytes::mebi(300)).refused("disk-room"));
    on_one_disk(Bytes::mebi(400)).planned();
}

// faults: H1
#[test]
fn room_on_the_host_for_a_v2_backup() {
    let mut full = on_one_disk(Bytes::mebi(400)).every_etcd(|etcd| etcd.v2_keys = Some(5)).host("m3", |host| {
        host.member.as_mut().unwrap().data_dir.db_size = None;
    });
    for view in &mut full.inventory.members {
        if let Seen::Known(etcd) = &mut view.etcd {
            etcd.leader = Some(member_id(3));
        }
    }
    assert_snapshot!(full.refused("disk-room"));
}

#[test]
fn members_that_share_a_host_share_its_disk() {
    let mut shared = rung();
    for view in &mut shared.inventory.members {
        view.host_label = "this machine".to_owned();
        if let Seen::Known(host) = &mut view.host {
            let facts = host.member.as_mut().unwrap();
            (facts.data_dir.free, facts.data_dir.device) = (Bytes::mebi(400), Some(Device(0x803)));
        }
    }
    // One copy fits, three do not.
    assert_snapshot!(shared.refused("disk-room"));
}

#[test]
fn no_room_for_a_rollback_point_where_none_is_taken() {
    let done = rung().runs("m3", "3.2.32").facts("m3", |facts| facts.data_dir.free = Bytes::mebi(100));
    done.planned();
    let patch = healthy("3.2.20").to("3.2.32").facts("m3", |facts| facts.data_dir.free = Bytes::mebi(100));
    patch.planned();
}

#[test]
fn rollback_points_are_off() {
    assert_snapshot!(rung().declared(|cluster| cluster.rollback_points.enabled = Toggle::Off).planned());
}

#[test]
fn a_data_directory_is_too_large_for_a_rollback_point() {
    let large = rung().declared(|cluster| cluster.rollback_points.max_size = Bytes::mebi(1024));
    assert_snapshot!(large.facts("m3", |facts| facts.data_dir.size = Bytes::mebi(1500)).planned());
}

// faults: H6
#[test]
fn the_unit_is_masked() {
    assert_snapshot!(rung().unit("m3", |unit| unit.load_state = "masked".to_owned()).refused("unit-loaded"));
}

// faults: H6
#[test]
fn the_unit_was_changed_and_not_read_again() {
    assert_snapshot!(rung().unit("m3", |unit| unit.need_daemon_reload = true).refused("unit-reloaded"));
}

// faults: H3 H6
#[test]
fn the_unit_is_not_enabled_and_stops_too_soon() {
    let unit = rung().unit("m3", |unit| {
        unit.file_state = "disabled".to_owned();
        unit.timeout_stop_us = Some(10_000_000);
    });
    assert_snapshot!(unit.planned());
}

// faults: H7
#[test]
fn the_process_runs_in_another_unit() {
    // As observe sees it: the declared unit's process is none of those that look like etcd.
    let elsewhere = rung().host("m3", |host| {
        host.processes[0].unit = Some("etcd-old.service".to_owned());
        host.processes[0].is_declared_member = false;
    });
    assert_snapshot!(elsewhere.refused("member-in-unit"));
}

#[test]
fn a_member_answers_and_no_process_is_seen() {
    assert_snapshot!(rung().host("m3", |host| host.processes.clear()).refused("member-in-unit"));
}

#[test]
fn the_host_has_no_systemd() {
    assert_snapshot!(rung().host("m3", |host| host.systemd = false).refused("systemd-there"));
}

#[test]
fn the_next_start_would_use_other_arguments() {
    let changed = rung().facts("m3", |facts| {
        let mut options = facts.options.clone();
        options.push(argument("snapshot-count", "5000"));
        let mut args = facts.args.clone();
        args.push("--snapshot-count=5000".to_owned());
        facts.next_start = Some(NextStart { args, options });
    });
    assert_snapshot!(changed.planned());
}

#[test]
fn a_declared_setting_differs() {
    assert_snapshot!(rung().setting("quota-backend-bytes", "8589934592").refused_by(&["settings-as-declared"; 3]));
}

#[test]
fn a_declared_setting_differs_and_the_version_does_not() {
    let same = healthy("3.2.32").setting("snapshot-count", "5000");
    same.refused_by(&["settings-as-declared"; 3]);
}

#[test]
fn a_declared_data_directory_differs() {
    let other = rung().declared(|cluster| cluster.members[0].data_dir = Some("/data/etcd".to_owned()));
    assert_snapshot!(other.refused("data-dir-as-declared"));
}

fn with_peer_tls(ip_addresses: &[&str]) -> Situation {
    let addresses: Vec<String> = ip_addresses.iter().map(|&ip| ip.to_owned()).collect();
    rung().every_facts(|facts| {
        facts.options.push(argument("peer-cert-file", "/etc/etcd/pki/peer.crt"));
        let own = facts.options.iter().find(|option| option.name == "listen-peer-urls").unwrap().value.clone();
        let own = own.trim_start_matches("http://").trim_end_matches(":2380").to_owned();
        let mut certificate = certificate("peer-cert-file", &[]);
        certificate.ip_addresses = addresses.clone();
        certificate.ip_addresses.push(if own == "10.0.0.13" { "10.9.9.9".to_owned() } else { own });
        facts.certificates = vec![certificate];
    })
}

// faults: H10
#[test]
fn a_peer_certificate_without_the_address_of_its_host() {
    assert_snapshot!(with_peer_tls(&["127.0.0.1"]).refused("peer-certificates-name-hosts"));
}

// faults: H10
#[test]
fn an_expired_certificate() {
    let expired = rung().facts("m3", |facts| {
        let mut certificate = certificate("cert-file", &["10.0.0.13"]);
        certificate.valid_now = false;
        certificate.not_after = "2025-12-31T23:59:59Z".to_owned();
        facts.certificates = vec![certificate];
    });
    assert_snapshot!(expired.refused("certificate-valid"));
}

// faults: H10
#[test]
fn a_certificate_that_cannot_be_read() {
    let unreadable = rung().facts("m3", |facts| {
        let mut certificate = certificate("cert-file", &[]);
        certificate.problem = Some("it is no PEM certificate".to_owned());
        facts.certificates = vec![certificate];
    });
    assert_snapshot!(unreadable.refused("certificate-readable"));
}

#[test]
fn a_plan_rests_on_the_certificates_as_they_are() {
    let with = |digest: &str| {
        let digest = etcd_digest(digest);
        rung().facts("m3", |facts| {
            let mut certificate = certificate("cert-file", &["10.0.0.13"]);
            certificate.sha256 = Some(digest);
            facts.certificates = vec![certificate];
        })
    };
    let (planned, changed) = (with("one").plan().unwrap().basis, with("other").plan().unwrap().basis);
    assert_eq!(basis::differences(&planned, &planned), Vec::<String>::new());
    let differences = basis::differences(&planned, &changed);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].starts_with("m3: certificates and keys was sha256 "), "{differences:?}");
}

#[test]
fn the_binary_of_a_member_that_runs_is_gone() {
    let gone = |situation: Situation| {
        situation.facts("m2", |facts| {
            facts.binary.version = None;
            facts.binary.sha256 = None;
            facts.binary.size = None;
        })
    };
    assert_snapshot!(gone(rung()).refused("binary-on-disk"));
    // Also where nothing is to be upgraded: the next restart would not come back.
    gone(healthy("3.2.32")).refused("binary-on-disk");
}

#[test]
fn no_room_to_start_again_where_no_rollback_point_is_taken() {
    let off = rung().declared(|cluster| cluster.rollback_points.enabled = Toggle::Off);
    off.facts("m3", |facts| facts.data_dir.free = Bytes::mebi(20)).refused("disk-data");
}

#[test]
fn what_a_host_says_to_do_stands_where_a_person_looks_for_it() {
    let mut away = rung().unreachable("m3");
    away.view("m3").host =
        Seen::Unknown { why: "h3: cannot connect: no route\n  do: see that the host is up".to_owned() };
    let refusals = away.plan().unwrap_err();
    assert_eq!(
        (refusals[0].seen.as_str(), refusals[0].fix.as_str()),
        ("h3: cannot connect: no route", "see that the host is up; then plan again")
    );
}
