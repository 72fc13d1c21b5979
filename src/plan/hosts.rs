//! Hosts: is the way each member is run one that can be stopped and started safely?

use std::collections::BTreeSet;
use std::time::Duration;

use crate::knowledge::Knowledge;
use crate::observe::inventory::{EtcdProcess, HostFacts, MemberFacts, OptionFact, UnitFacts};
use crate::plan::findings::{Findings, Words};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::Way;
use crate::spec::model::{Cluster, Runtime, Systemd, Toggle};
use crate::units::{Bytes, Span};

/// Checks all hosts.
pub fn check(cluster: &Cluster, survey: &Survey<'_>, way: &Way, knowledge: &Knowledge, findings: &mut Findings) {
    let before = findings.refusals.len();
    for member in &survey.members {
        // A member that is done is not touched again.
        if way.left.contains(&member.view.name) {
            binary(member, findings);
            next_start(member, findings);
        }
        match &cluster.runtime {
            Runtime::Systemd(systemd) => unit(cluster, systemd, member, knowledge, findings),
            Runtime::Process(_) => process(member, findings),
        }
        certificates(member, findings);
    }
    if findings.refusals.len() == before {
        findings.pass("hosts-ready", "units or processes found, certificates hold");
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

fn unit(cluster: &Cluster, systemd: &Systemd, member: &Surveyed<'_>, knowledge: &Knowledge, findings: &mut Findings) {
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
    stop_timeout(cluster, unit, member, knowledge, findings);
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

/// systemd kills what has not stopped in time: no less than etcd may take by itself (`stop_bound` in the knowledge).
fn stop_timeout(
    cluster: &Cluster,
    unit: &UnitFacts,
    member: &Surveyed<'_>,
    knowledge: &Knowledge,
    findings: &mut Findings,
) {
    let rule = &knowledge.timing().stop;
    let fair = Span::from(rule.deadline(election_timeout(member, knowledge)));
    let Some(timeout) = unit.timeout_stop_us.map(|microseconds| Span::from_millis(microseconds / 1000)) else {
        return;
    };
    if timeout < fair {
        findings.warn(
            "stop-timeout",
            Some(&member.view.name),
            format!(
                "{} kills etcd {timeout} after it was asked to stop; handing over leadership may take longer. Set \
                 TimeoutStopSec to {fair} or more (rollout.stop_timeout is {})",
                unit.name, cluster.rollout.stop_timeout
            ),
            rule.fact.sources.first().map(ToString::to_string).as_deref(),
        );
    }
}

fn election_timeout(member: &Surveyed<'_>, knowledge: &Knowledge) -> Duration {
    let version = member.etcd().map(|etcd| &etcd.server_version);
    let version = version.or_else(|| member.facts()?.binary.version.as_ref());
    let set = member.facts().and_then(|facts| facts.option("election-timeout")).map(|option| option.value.as_str());
    let value = knowledge.flag("election-timeout").zip(version).and_then(|(flag, at)| flag.effective(set, at));
    Duration::from_millis(value.and_then(|value| value.trim().parse().ok()).unwrap_or_default())
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
                    must: "a member can read the certificates and keys that it uses, and they fit: else a restart would fail"
                        .to_owned(),
                    fix: "put the files right (owner, mode, content), or correct the path".to_owned(),
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
