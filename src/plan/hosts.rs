//! Hosts: can each host take what the plan will put on it, and is the way its member is run one that can be stopped
//! and started safely?

use crate::observe::inventory::{MemberFacts, UnitFacts};
use crate::plan::findings::{Findings, Words};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::spec::model::{Cluster, Ownership, Runtime, Systemd, Toggle};
use crate::units::Bytes;

/// What is left free on a file system beyond what is put there.
const HEADROOM: Bytes = Bytes::mebi(64);

/// Checks all hosts. `release_size` is what staging puts on a host.
pub fn check(cluster: &Cluster, survey: &Survey<'_>, release_size: Bytes, findings: &mut Findings) {
    let before = findings.refusals.len();
    for member in &survey.members {
        disk(cluster, member, release_size, findings);
        match &cluster.runtime {
            Runtime::Systemd(systemd) => unit(cluster, systemd, member, findings),
            Runtime::Process(_) => {}
        }
        settings(cluster, member, findings);
        certificates(member, findings);
    }
    if findings.refusals.len() == before {
        findings.pass("hosts-ready", room(survey));
    }
}

/// The least free space of all hosts, for the head of a plan.
fn room(survey: &Survey<'_>) -> String {
    let least = survey.members.iter().filter_map(|member| member.facts().map(|facts| facts.data_dir.free)).min();
    match least {
        Some(free) => format!("units or processes found, disks have room (at least {free} free)"),
        None => "units or processes found".to_owned(),
    }
}

/// Whether hosts have room for a release, where there is no member yet.
pub fn check_room(survey: &Survey<'_>, release_size: Bytes, findings: &mut Findings) {
    for member in &survey.members {
        store(member, release_size, findings);
    }
}

fn store(member: &Surveyed<'_>, release_size: Bytes, findings: &mut Findings) {
    // Staged once, the old binary kept once, and once more beside the binary for the moment of the swap.
    let need = Bytes(release_size.0 * 2 + HEADROOM.0);
    if let Some(free) = member.host().and_then(|host| host.store_free)
        && free < need
    {
        refuse_space(member, "disk-store", "where releases are staged and kept", free, need, findings);
    }
}

fn disk(cluster: &Cluster, member: &Surveyed<'_>, release_size: Bytes, findings: &mut Findings) {
    store(member, release_size, findings);
    let Some(facts) = member.facts() else {
        return;
    };
    let swap_need = Bytes(release_size.0 + HEADROOM.0);
    if let Some(free) = facts.binary.free
        && free < swap_need
    {
        refuse_space(member, "disk-binary", &format!("of {}", facts.binary.path), free, swap_need, findings);
    }
    if let Some(size) = rollback_point_size(cluster, facts) {
        let need = Bytes(size.0 + size.0 / 10 + HEADROOM.0);
        if facts.data_dir.free < need {
            findings.refuse(
                "disk-rollback-point",
                Some(member.view),
                Words {
                    seen: format!("{} free on the file system of {}", facts.data_dir.free, facts.data_dir.path),
                    must: format!("a copy of the data directory ({size}) fits beside it, with some room: {need}"),
                    fix:
                        "free some space, or set `rollback_points { enabled = false }` in the spec: then the way back \
                          after completion is the backup alone"
                            .to_owned(),
                },
                None,
            );
        }
    }
}

fn refuse_space(member: &Surveyed<'_>, rule: &str, place: &str, free: Bytes, need: Bytes, findings: &mut Findings) {
    findings.refuse(
        rule,
        Some(member.view),
        Words {
            seen: format!("{free} free on the file system {place}"),
            must: format!("at least {need} free there"),
            fix: "free some space on that file system".to_owned(),
        },
        None,
    );
}

/// The size of the rollback point that will be made of a member; `None` when none will.
pub fn rollback_point_size(cluster: &Cluster, facts: &MemberFacts) -> Option<Bytes> {
    let size = Bytes(
        facts.data_dir.size.0
            + facts.data_dir.wal_size.filter(|_| facts.data_dir.wal_dir.is_some()).map_or(0, |size| size.0),
    );
    (cluster.rollback_points.enabled == Toggle::On && size <= cluster.rollback_points.max_size).then_some(size)
}

fn unit(cluster: &Cluster, systemd: &Systemd, member: &Surveyed<'_>, findings: &mut Findings) {
    let Some(host) = member.host() else {
        return;
    };
    if !host.systemd {
        findings.refuse(
            "systemd-there",
            Some(member.view),
            Words {
                seen: format!("systemd is not what runs {}", host.hostname),
                must: "the runtime \"systemd\" needs systemd as the init system of the host".to_owned(),
                fix: "declare the runtime that the host has".to_owned(),
            },
            None,
        );
        return;
    }
    let Some(unit) = &host.unit else {
        return;
    };
    unit_state(systemd, unit, member, findings);
    stop_timeout(cluster, unit, member, findings);
    if unit.file_state == "disabled" {
        findings.warn(
            "unit-enabled",
            Some(&member.view.name),
            format!(
                "{} is not enabled on {}: after a reboot of the host the member stays down",
                unit.name, host.hostname
            ),
            None,
        );
    }
}

fn unit_state(systemd: &Systemd, unit: &UnitFacts, member: &Surveyed<'_>, findings: &mut Findings) {
    let mut refuse = |rule: &str, seen: String, must: &str, fix: String| {
        findings.refuse(rule, Some(member.view), Words { seen, must: must.to_owned(), fix }, None);
    };
    match unit.load_state.as_str() {
        "loaded" => {}
        "masked" => refuse(
            "unit-loaded",
            format!("{} is masked", unit.name),
            "the member's unit can be started",
            format!("`systemctl unmask {}`, if that is meant", unit.name),
        ),
        state if !matches!(member.standing, Standing::Absent { .. }) => refuse(
            "unit-loaded",
            format!("{} is \"{state}\"", unit.name),
            "the member's unit is there and can be read",
            format!("check `unit` in the runtime block (it says \"{}\")", systemd.unit),
        ),
        _ => {}
    }
    if unit.need_daemon_reload {
        refuse(
            "unit-reloaded",
            format!("{} was changed on disk and systemd has not read it again", unit.name),
            "what systemd would start is what is on disk",
            "see what changed, then `systemctl daemon-reload`, and plan again".to_owned(),
        );
    }
    if let Standing::Serving { running: Some(process), .. } = member.standing
        && process.unit.as_deref() != Some(unit.name.as_str())
        && systemd.ownership == Ownership::Adopted
    {
        refuse(
            "member-in-unit",
            format!(
                "the member's process {} belongs to {}, not to {}",
                process.pid,
                process.unit.as_deref().unwrap_or("no unit"),
                unit.name
            ),
            "the member is run by the declared unit: stopping the unit stops the member",
            format!("check `unit` in the runtime block (it says \"{}\")", systemd.unit),
        );
    }
}

/// etcd may take up to 2 * (request timeout + 2 * election timeout) to stop in order (knowledge: stop behavior).
fn stop_timeout(cluster: &Cluster, unit: &UnitFacts, member: &Surveyed<'_>, findings: &mut Findings) {
    let least_us = 30_000_000;
    if let Some(timeout) = unit.timeout_stop_us
        && timeout < least_us
    {
        findings.warn(
            "stop-timeout",
            Some(&member.view.name),
            format!(
                "{} kills etcd {} s after it was asked to stop; handing over leadership may take longer. Set \
                 TimeoutStopSec to 30 s or more ({} allows {})",
                unit.name,
                timeout / 1_000_000,
                cluster.name,
                cluster.rollout.stop_timeout
            ),
            None,
        );
    }
}

fn settings(cluster: &Cluster, member: &Surveyed<'_>, findings: &mut Findings) {
    let Some(facts) = member.facts() else {
        return;
    };
    for (name, declared) in &cluster.settings {
        let live = facts.option(name).map(|option| option.value.as_str());
        if live != Some(declared.as_str()) {
            findings.refuse(
                "settings-as-declared",
                Some(member.view),
                Words {
                    seen: format!("{name} is {} on {}", live.map_or_else(|| "not set".to_owned(), |value| format!("\"{value}\"")), member.view.name),
                    must: format!("the spec declares {name} = \"{declared}\"; this version of quorate does not change options of a member that exists"),
                    fix: "set it where the member is configured and restart it, or take it out of `settings`".to_owned(),
                },
                None,
            );
        }
    }
    if let (Some(wanted), actual) = (declared_data_dir(cluster, member), &facts.data_dir.path)
        && wanted != actual
    {
        findings.refuse(
            "data-dir-as-declared",
            Some(member.view),
            Words {
                seen: format!("{} keeps its data in {actual}", member.view.name),
                must: format!("the spec says data_dir = \"{wanted}\""),
                fix: "correct data_dir in the spec, or leave it out".to_owned(),
            },
            None,
        );
    }
}

fn declared_data_dir<'c>(cluster: &'c Cluster, member: &Surveyed<'_>) -> Option<&'c str> {
    cluster.members.iter().find(|declared| declared.name == member.view.name)?.data_dir.as_deref()
}

fn certificates(member: &Surveyed<'_>, findings: &mut Findings) {
    let Some(facts) = member.facts() else {
        return;
    };
    for certificate in &facts.certificates {
        if let Some(problem) = &certificate.problem {
            findings.refuse(
                "certificate-readable",
                Some(member.view),
                Words {
                    seen: format!("{} ({}): {problem}", certificate.path, certificate.option),
                    must: "the certificates that a member uses can be read: a restart would fail on one that cannot"
                        .to_owned(),
                    fix: "put the certificate right, or correct its path".to_owned(),
                },
                None,
            );
        } else if !certificate.valid_now {
            findings.refuse(
                "certificate-valid",
                Some(member.view),
                Words {
                    seen: format!(
                        "{} ({}) is valid from {} to {}",
                        certificate.path, certificate.option, certificate.not_before, certificate.not_after
                    ),
                    must: "certificates are valid now: a restarted member would not be let in by its peers".to_owned(),
                    fix: "renew the certificate first".to_owned(),
                },
                None,
            );
        }
    }
}
