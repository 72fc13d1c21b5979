//! Hosts: can each host take what the plan will put on it, and is the way its member is run one that can be stopped
//! and started safely?

use std::collections::BTreeSet;

use crate::observe::inventory::{EtcdProcess, HostFacts, MemberFacts, OptionFact, UnitFacts};
use crate::plan::findings::{Findings, Words};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::Way;
use crate::spec::model::{Cluster, Runtime, Systemd, Toggle};
use crate::units::{Bytes, Span};

/// What is left free on a file system beyond what is put there.
const HEADROOM: Bytes = Bytes::mebi(64);

/// Checks all hosts. `release_size` is what staging puts on a host.
pub fn check(cluster: &Cluster, survey: &Survey<'_>, way: &Way, release_size: Bytes, findings: &mut Findings) {
    let before = findings.refusals.len();
    let copies = takes_rollback_points(cluster, survey, way);
    for member in &survey.members {
        // A member that is done is not touched again: its disk is no concern of this plan.
        if way.left.contains(&member.view.name) {
            disk(member, release_size, copies, findings);
            binary(member, findings);
            next_start(member, findings);
        }
        match &cluster.runtime {
            Runtime::Systemd(systemd) => unit(cluster, systemd, member, findings),
            Runtime::Process(_) => process(member, findings),
        }
        certificates(member, findings);
    }
    if findings.refusals.len() == before {
        findings.pass("hosts-ready", room(survey));
    }
}

/// What the spec declares of members that exist, held against what they have.
pub fn check_declared(cluster: &Cluster, survey: &Survey<'_>, findings: &mut Findings) {
    for member in &survey.members {
        settings(cluster, member, findings);
        binary_in_place(member, findings);
    }
}

/// A member that runs on, while the file that it was started from is gone, does not come back from its next restart.
fn binary_in_place(member: &Surveyed<'_>, findings: &mut Findings) {
    let (Standing::Serving { facts, .. } | Standing::Silent { facts, .. }) = member.standing else {
        return;
    };
    if facts.binary.size.is_some() {
        return;
    }
    let process = member.host().and_then(|host| host.processes.iter().find(|process| process.is_declared_member));
    let copy = process.map_or_else(
        || "put the binary that it runs back at that path".to_owned(),
        |process| format!("on that host, `cp /proc/{}/exe {}`, with the owner it had", process.pid, facts.binary.path),
    );
    findings.refuse(
        "binary-on-disk",
        Some(member.view),
        Words {
            seen: format!("{} runs, and its binary {} is not there", member.view.name, facts.binary.path),
            must: "the file that a member is started from is the one that it runs, or the one that is declared"
                .to_owned(),
            fix: format!("while it still runs: {copy}; then plan again"),
        },
        None,
    );
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
    let need = Bytes(release_size.0.saturating_mul(2).saturating_add(HEADROOM.0));
    if let Some(free) = member.host().and_then(|host| host.store_free)
        && free < need
    {
        refuse_space(member, "disk-store", "where releases are staged and kept", free, need, findings);
    }
}

fn disk(member: &Surveyed<'_>, release_size: Bytes, copies: Toggle, findings: &mut Findings) {
    store(member, release_size, findings);
    let Some(facts) = member.facts() else {
        return;
    };
    let swap_need = Bytes(release_size.0.saturating_add(HEADROOM.0));
    if let Some(free) = facts.binary.free
        && free < swap_need
    {
        refuse_space(member, "disk-binary", &format!("of {}", facts.binary.path), free, swap_need, findings);
    }
    // What etcd needs for a log file when it is started.
    if copies == Toggle::Off && facts.data_dir.free < HEADROOM {
        refuse_space(
            member,
            "disk-data",
            &format!("of {}", facts.data_dir.path),
            facts.data_dir.free,
            HEADROOM,
            findings,
        );
    }
    if copies == Toggle::On {
        let size = rollback_point_size(facts);
        let need = Bytes(size.0.saturating_add(size.0 / 10).saturating_add(HEADROOM.0));
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

/// The size of a rollback point of a member: its data directory, and its WAL where that is elsewhere.
pub fn rollback_point_size(facts: &MemberFacts) -> Bytes {
    let wal = facts.data_dir.wal_size.filter(|_| facts.data_dir.wal_dir.is_some()).unwrap_or_default();
    Bytes(facts.data_dir.size.0.saturating_add(wal.0))
}

/// Whether members leave rollback points: all of those that are to be changed, or none, since they are of use only all
/// together.
pub fn takes_rollback_points(cluster: &Cluster, survey: &Survey<'_>, way: &Way) -> Toggle {
    let wanted = cluster.rollback_points.enabled == Toggle::On && way.is_rung();
    if wanted && too_large_for_rollback_points(cluster, survey, way).is_empty() { Toggle::On } else { Toggle::Off }
}

/// Members whose data is above the limit of the spec, and how large it is.
pub fn too_large_for_rollback_points<'s>(
    cluster: &Cluster,
    survey: &'s Survey<'_>,
    way: &Way,
) -> Vec<(&'s Surveyed<'s>, Bytes)> {
    let left = survey.members.iter().filter(|member| way.left.contains(&member.view.name));
    left.filter_map(|member| Some((member, rollback_point_size(member.facts()?))))
        .filter(|(_, size)| *size > cluster.rollback_points.max_size)
        .collect()
}

/// What would be started must be something that can be told: a member that is down is started on it.
fn binary(member: &Surveyed<'_>, findings: &mut Findings) {
    let Standing::Stopped { facts } = member.standing else {
        return;
    };
    if facts.binary.version.is_none() || facts.binary.sha256.is_none() {
        findings.refuse(
            "member-binary",
            Some(member.view),
            Words {
                seen: format!("{} is down, and {} is not there or does not run", member.view.name, facts.binary.path),
                must: "the binary of a member that is down says its version: what wrote its data is known".to_owned(),
                fix: "put the release there that the other members run, start the member, then plan again".to_owned(),
            },
            None,
        );
    }
}

/// What the next start takes into account besides the new binary.
fn next_start(member: &Surveyed<'_>, findings: &mut Findings) {
    let Some((facts, next)) = member.facts().and_then(|facts| Some((facts, facts.next_start.as_ref()?))) else {
        return;
    };
    let set = |options: &[OptionFact]| -> BTreeSet<String> {
        let effective = options.iter().filter(|option| option.effective);
        effective.map(|option| format!("{}={}", option.name, option.value)).collect()
    };
    let (now, then) = (set(&facts.options), set(&next.options));
    let listed = |options: Vec<&String>| match options.as_slice() {
        [] => "nothing".to_owned(),
        options => options.iter().map(|option| option.as_str()).collect::<Vec<_>>().join(", "),
    };
    findings.warn(
        "next-start",
        Some(&member.view.name),
        format!(
            "its configuration was changed since it was started: the restart brings {} and drops {}",
            listed(then.difference(&now).collect()),
            listed(now.difference(&then).collect())
        ),
        None,
    );
}

/// A member that answers is run by the process that its folder names.
fn process(member: &Surveyed<'_>, findings: &mut Findings) {
    if let Standing::Serving { facts, running: None, .. } = member.standing {
        findings.refuse(
            "member-in-folder",
            Some(member.view),
            Words {
                seen: format!("{} answers, and no process of {} runs", member.view.name, facts.binary.path),
                must: "the member is run from its folder: stopping that process stops the member".to_owned(),
                fix: "check `dir` in the runtime block, and the member's client URL".to_owned(),
            },
            None,
        );
    }
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
    if let Standing::Serving { running, .. } = member.standing
        && running.is_none_or(|process| process.unit.as_deref() != Some(unit.name.as_str()))
    {
        let seen = match running {
            Some(process) => of_unit(process),
            None => others(member.host()),
        };
        refuse(
            "member-in-unit",
            format!("{} answers, and {} does not run it: {seen}", member.view.name, unit.name),
            "the member is run by the declared unit: stopping the unit stops the member",
            format!("check `unit` in the runtime block (it says \"{}\"), and the member's address", systemd.unit),
        );
    }
}

fn of_unit(process: &EtcdProcess) -> String {
    format!(
        "etcd with pid {} ({}) belongs to {}",
        process.pid,
        process.exe,
        process.unit.as_deref().unwrap_or("no unit")
    )
}

fn others(host: Option<&HostFacts>) -> String {
    let seen: Vec<String> = host.iter().flat_map(|host| &host.processes).map(of_unit).collect();
    if seen.is_empty() { "no process on this host looks like etcd".to_owned() } else { seen.join("; ") }
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
                "{} kills etcd {} after it was asked to stop; handing over leadership may take longer. Set \
                 TimeoutStopSec to 30 s or more (rollout.stop_timeout is {})",
                unit.name,
                Span::from_millis(timeout / 1000),
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
