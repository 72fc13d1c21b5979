//! Each member on its host: does it run, is it what is declared, would it come back.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::drift::cluster::agreed_list;
use crate::drift::judge::{Judge, Judged, Words, one};
use crate::drift::memory::shown;
use crate::drift::status::quota;
use crate::drift::{CertificateEnd, Check, Input};
use crate::observe::inventory::{
    CertificateFacts, EtcdFacts, EtcdProcess, HostFacts, MemberFacts, NOT_ASKED, NOT_LET_IN, OptionFact, UnitFacts,
};
use crate::plan::QUOTA_SHARE_PERCENT;
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::spec::model::{Runtime, Systemd};
use crate::units::Version;

pub fn check(input: &Input<'_>, survey: &Survey<'_>, member: &Surveyed<'_>, judge: &mut Judge) {
    let mut take = |check, judged| judge.take(check, Some(member.view), judged);
    take(Check::HostReachable, host_reachable(member));
    take(Check::MemberFound, found(member));
    take(Check::MemberHasData, has_data(member));
    take(Check::MemberRunning, running(member));
    take(Check::MemberAnswers, answers(member));
    take(Check::MemberAsked, asked(member));
    take(Check::LetIn, let_in(member));
    take(Check::MembersHealthy, healthy(member));
    take(Check::MemberNamed, named(member));
    take(Check::MemberListed, listed(survey, member));
    take(Check::QuotaRoom, quota_room(input, member));
    take(Check::VersionAsDeclared, version(input, member));
    take(Check::BinaryOnDisk, binary_on_disk(member));
    take(Check::BinaryOfRelease, binary_of_release(input, member));
    match &input.cluster.runtime {
        Runtime::Systemd(systemd) => {
            take(Check::UnitLoaded, unit_loaded(member));
            take(Check::UnitReloaded, unit_reloaded(member));
            take(Check::UnitEnabled, unit_enabled(member));
            take(Check::MemberInUnit, in_unit(systemd, member));
        }
        Runtime::Process(_) => take(Check::MemberInFolder, in_folder(member)),
    }
    take(Check::SettingsAsDeclared, settings(input, member));
    take(Check::DataDirAsDeclared, data_dir(input, member));
    take(Check::NextStart, next_start(member));
    take(Check::CertificateReadable, certificates(member, readable));
    take(Check::CertificateValid, certificates(member, valid));
    take(Check::CertificateLasts, certificates(member, |certificate| lasts(input, certificate)));
}

/// When the certificates of all members end.
pub fn certificate_ends(survey: &Survey<'_>) -> Vec<CertificateEnd> {
    let of = |member: &Surveyed<'_>| {
        let known = member.facts().into_iter().flat_map(|facts| &facts.certificates);
        let known = known.filter(|certificate| !certificate.not_after.is_empty());
        known
            .map(|certificate| CertificateEnd {
                member: member.view.name.clone(),
                option: certificate.option.clone(),
                path: certificate.path.clone(),
                not_after: certificate.not_after.clone(),
            })
            .collect::<Vec<_>>()
    };
    survey.members.iter().flat_map(of).collect()
}

fn host<'a>(member: &Surveyed<'a>) -> Result<&'a HostFacts, String> {
    member.host().ok_or_else(|| "its host cannot be seen".to_owned())
}

fn facts<'a>(member: &Surveyed<'a>) -> Result<&'a MemberFacts, String> {
    host(member)?;
    member.facts().ok_or_else(|| "the member is not found on its host".to_owned())
}

fn etcd<'a>(member: &Surveyed<'a>) -> Result<&'a EtcdFacts, String> {
    facts(member)?;
    member.etcd().ok_or_else(|| "etcd does not answer".to_owned())
}

fn process<'a>(member: &Surveyed<'a>) -> Option<&'a EtcdProcess> {
    member.host()?.processes.iter().find(|process| process.is_declared_member)
}

fn host_reachable(member: &Surveyed<'_>) -> Judged {
    match member.standing {
        Standing::HostUnknown { why } => one(Some(Words::new("its host can be looked at", why))),
        _ => Ok(Vec::new()),
    }
}

fn found(member: &Surveyed<'_>) -> Judged {
    let host = host(member)?;
    if !matches!(member.standing, Standing::Absent { .. }) {
        return Ok(Vec::new());
    }
    let others: Vec<String> = host
        .processes
        .iter()
        .map(|process| {
            format!("pid {} of {} runs {}", process.pid, process.unit.as_deref().unwrap_or("no unit"), process.exe)
        })
        .collect();
    let mut seen = vec!["no unit, process or folder of this member".to_owned()];
    seen.extend(others);
    seen.extend(host.notes.iter().cloned());
    one(Some(Words::new("the member is on its host", seen.join("; "))))
}

fn has_data(member: &Surveyed<'_>) -> Judged {
    facts(member)?;
    let Standing::NeverStarted { facts } = member.standing else { return Ok(Vec::new()) };
    one(Some(Words::new(
        "the member has its data",
        format!("it is configured, with no member data in {}", facts.data_dir.path),
    )))
}

fn running(member: &Surveyed<'_>) -> Judged {
    let facts = facts(member)?;
    if !matches!(member.standing, Standing::Stopped { .. } | Standing::NeverStarted { .. }) {
        return Ok(Vec::new());
    }
    let state = match member.host().and_then(|host| host.unit.as_ref()) {
        Some(unit) => format!("; {} is {} ({})", unit.name, unit.active_state, unit.sub_state),
        None => String::new(),
    };
    one(Some(Words::new("the member runs", format!("no process of {} runs{state}", facts.binary.path))))
}

fn answers(member: &Surveyed<'_>) -> Judged {
    facts(member)?;
    match member.standing {
        Standing::Silent { why, .. } if !why.starts_with(NOT_ASKED) && !why.starts_with(NOT_LET_IN) => {
            one(Some(Words::new("a member that runs answers", why)))
        }
        Standing::Stopped { .. } | Standing::NeverStarted { .. } => Err("it does not run".to_owned()),
        _ => Ok(Vec::new()),
    }
}

fn asked(member: &Surveyed<'_>) -> Judged {
    facts(member)?;
    match member.standing {
        Standing::Silent { why, .. } if why.starts_with(NOT_ASKED) => {
            one(Some(Words::new("a member that runs can be asked", why)))
        }
        Standing::Stopped { .. } | Standing::NeverStarted { .. } => Err("it does not run".to_owned()),
        _ => Ok(Vec::new()),
    }
}

fn let_in(member: &Surveyed<'_>) -> Judged {
    facts(member)?;
    let seen = match member.standing {
        Standing::Silent { why, .. } => match why.strip_prefix(NOT_LET_IN) {
            Some(seen) => Some(seen.to_owned()),
            None => return Err("etcd does not answer".to_owned()),
        },
        Standing::Serving { etcd, .. } => etcd.denied.clone(),
        _ => return Err("it does not run".to_owned()),
    };
    one(seen.map(|seen| Words::new("the member lets us ask", seen)))
}

fn healthy(member: &Surveyed<'_>) -> Judged {
    let said = etcd(member)?.unhealthy.as_ref();
    one(said.map(|said| Words::new("the member is healthy", format!("it says {said}"))))
}

fn named(member: &Surveyed<'_>) -> Judged {
    let etcd = etcd(member)?;
    let own = etcd.members.iter().find(|listed| listed.id == etcd.member_id).map_or("", |listed| listed.name.as_str());
    let name = member.view.name.as_str();
    one((!own.is_empty() && own != name).then(|| Words::new(name, format!("{own} ({}) to etcd", etcd.member_id))))
}

fn listed(survey: &Survey<'_>, member: &Surveyed<'_>) -> Judged {
    let list = agreed_list(survey)?;
    if member.etcd().is_some_and(|etcd| survey.is_stranger(etcd)) {
        return Err("it serves another cluster".to_owned());
    }
    let name = member.view.name.as_str();
    let is_listed = match member.etcd() {
        Some(etcd) => list.iter().any(|listed| listed.id == etcd.member_id),
        None => list.iter().any(|listed| listed.name == name),
    };
    one((!is_listed).then(|| Words::new(format!("{name} is a member"), "it is not in the cluster's list of members")))
}

fn quota_room(input: &Input<'_>, member: &Surveyed<'_>) -> Judged {
    let etcd = etcd(member)?;
    let (Some(size), Some(quota)) = (etcd.db_size, quota(member, input.knowledge)) else { return Ok(Vec::new()) };
    let percent = u128::from(size.0) * 100 / u128::from(quota.0.max(1));
    one((percent >= u128::from(QUOTA_SHARE_PERCENT)).then(|| {
        Words::new(
            format!("a database below {QUOTA_SHARE_PERCENT} % of its quota of {quota}"),
            format!("{size}, {percent} %"),
        )
    }))
}

fn version(input: &Input<'_>, member: &Surveyed<'_>) -> Judged {
    let (declared, runs) = (&input.cluster.version, &etcd(member)?.server_version);
    one((runs != declared).then(|| Words::new(declared.to_string(), runs.to_string())))
}

/// What a restart would start is what runs.
fn binary_on_disk(member: &Surveyed<'_>) -> Judged {
    let binary = &facts(member)?.binary;
    let Some(process) = process(member) else { return Err("it does not run".to_owned()) };
    let runs = match (member.etcd(), process.exe_sha256) {
        (Some(etcd), Some(digest)) => format!("{}, sha256 {}", etcd.server_version, digest.short()),
        (Some(etcd), None) => etcd.server_version.to_string(),
        (None, digest) => {
            digest.map_or_else(|| "what the process runs".to_owned(), |digest| format!("sha256 {}", digest.short()))
        }
    };
    let declared = format!("{} is what the process runs ({runs})", binary.path);
    if binary.size.is_none() {
        let copy = format!(
            "while it still runs, on that host: cp /proc/{}/exe {}, with the owner it had",
            process.pid, binary.path
        );
        return one(Some(Words::new(declared, "the file is not there").todo(copy)));
    }
    let (Some(file), Some(running)) = (binary.sha256, process.exe_sha256) else {
        return Err("the digest of the file, or of the process, cannot be taken".to_owned());
    };
    let version = binary.version.as_ref().map_or_else(|| "of no version".to_owned(), Version::to_string);
    one((file != running).then(|| Words::new(declared, format!("the file is {version}, sha256 {}", file.short()))))
}

/// Only what says that it is the declared version is held against the release: another version is told by itself.
fn binary_of_release(input: &Input<'_>, member: &Surveyed<'_>) -> Judged {
    let (host, facts, declared) = (host(member)?, facts(member)?, &input.cluster.version);
    let pin = input.releases.iter().find(|pin| pin.version == *declared && pin.arch == host.arch);
    let Some(release) = pin.and_then(|pin| pin.binaries.get("etcd")) else {
        return Err(format!(
            "etcd {declared} for linux-{} is not in the cache, and nothing is fetched for a look",
            host.arch
        ));
    };
    let running = process(member).and_then(|process| process.exe_sha256);
    let running = running.filter(|_| member.etcd().is_some_and(|etcd| etcd.server_version == *declared));
    let file = facts.binary.sha256.filter(|_| facts.binary.version.as_ref() == Some(declared));
    if running.is_none() && file.is_none() {
        return Err(format!("neither what it runs nor its file is {declared}"));
    }
    let wrong = [("the process runs", running), ("the file is", file)];
    let wrong: Vec<String> = wrong
        .into_iter()
        .filter_map(|(what, digest)| Some((what, digest?)))
        .filter(|(_, digest)| *digest != release.sha256)
        .map(|(what, digest)| format!("{what} sha256 {}", digest.short()))
        .collect();
    one((!wrong.is_empty()).then(|| {
        Words::new(
            format!("etcd {declared}, sha256 {}", release.sha256.short()),
            format!("{}: {}", facts.binary.path, wrong.join(", ")),
        )
    }))
}

fn unit<'a>(member: &Surveyed<'a>) -> Result<&'a UnitFacts, String> {
    host(member)?.unit.as_ref().ok_or_else(|| "systemd does not answer on its host".to_owned())
}

fn unit_loaded(member: &Surveyed<'_>) -> Judged {
    let host = host(member)?;
    if !host.systemd {
        let found = format!("systemd is not what runs {}", host.hostname);
        return one(Some(Words::new("the member's unit can be started", found)));
    }
    let unit = unit(member)?;
    one((unit.load_state != "loaded")
        .then(|| Words::new(format!("{} can be started", unit.name), format!("it is {}", unit.load_state))))
}

fn unit_reloaded(member: &Surveyed<'_>) -> Judged {
    let unit = unit(member)?;
    one(unit.need_daemon_reload.then(|| {
        Words::new(
            format!("systemd has read {} as it is on disk", unit.name),
            "it was changed on disk and not read again",
        )
    }))
}

fn unit_enabled(member: &Surveyed<'_>) -> Judged {
    let unit = unit(member)?;
    one((unit.file_state == "disabled").then(|| {
        Words::new(format!("{} is enabled", unit.name), "it is disabled: after a reboot the member stays down")
    }))
}

fn in_unit(systemd: &Systemd, member: &Surveyed<'_>) -> Judged {
    unit(member)?;
    let Standing::Serving { running, .. } = member.standing else { return Err("etcd does not answer".to_owned()) };
    let runs_it = running.and_then(|process| process.unit.as_deref());
    if runs_it == Some(systemd.unit.as_str()) {
        return Ok(Vec::new());
    }
    let found = match running {
        Some(process) => format!("pid {} belongs to {}", process.pid, runs_it.unwrap_or("no unit")),
        None => "it answers, and no process of the unit runs".to_owned(),
    };
    one(Some(Words::new(format!("the member is run by {}", systemd.unit), found)))
}

fn in_folder(member: &Surveyed<'_>) -> Judged {
    let facts = facts(member)?;
    let Standing::Serving { running, .. } = member.standing else { return Err("etcd does not answer".to_owned()) };
    one(running.is_none().then(|| {
        Words::new(format!("the member is run from {}", facts.binary.path), "it answers, and no such process runs")
    }))
}

fn settings(input: &Input<'_>, member: &Surveyed<'_>) -> Judged {
    let facts = facts(member)?;
    let differing = input.cluster.settings.iter().filter_map(|(name, declared)| {
        let live = facts.option(name).map(|option| option.value.as_str());
        (live != Some(declared.as_str())).then(|| {
            let found = live.map_or_else(|| format!("{name} is not set"), |value| format!("{name} = \"{value}\""));
            Words::new(format!("{name} = \"{declared}\""), found).about(name)
        })
    });
    Ok(differing.collect())
}

fn data_dir(input: &Input<'_>, member: &Surveyed<'_>) -> Judged {
    let facts = facts(member)?;
    let declared = input.cluster.members.iter().find(|declared| declared.name == member.view.name);
    let wanted =
        declared.and_then(|declared| declared.data_dir.as_ref()).filter(|wanted| **wanted != facts.data_dir.path);
    one(wanted.map(|wanted| Words::new(wanted, facts.data_dir.path.as_str())))
}

fn next_start(member: &Surveyed<'_>) -> Judged {
    let facts = facts(member)?;
    let Some(next) = &facts.next_start else { return Ok(Vec::new()) };
    let set = |options: &[OptionFact]| -> BTreeSet<String> {
        let effective = options.iter().filter(|option| option.effective);
        effective.map(|option| format!("{}={}", option.name, option.value)).collect()
    };
    let (now, then) = (set(&facts.options), set(&next.options));
    let listed = |options: Vec<&String>| match options.as_slice() {
        [] => "nothing".to_owned(),
        options => options.iter().map(|option| option.as_str()).collect::<Vec<_>>().join(", "),
    };
    let found = format!(
        "its configuration was changed since it was started: a restart brings {} and drops {}",
        listed(then.difference(&now).collect()),
        listed(now.difference(&then).collect())
    );
    one(Some(Words::new("a restart starts the member as it runs", found)))
}

fn certificates(member: &Surveyed<'_>, judge: impl Fn(&CertificateFacts) -> Option<Words>) -> Judged {
    let certificates = facts(member)?.certificates.iter();
    Ok(certificates.filter_map(|one| Some(judge(one)?.about(&one.option))).collect())
}

fn of(certificate: &CertificateFacts) -> String {
    format!("{} ({})", certificate.path, certificate.option)
}

fn readable(certificate: &CertificateFacts) -> Option<Words> {
    let problem = certificate.problem.as_ref()?;
    Some(Words::new(
        "the member can read its certificates and keys, and they fit",
        format!("{}: {problem}", of(certificate)),
    ))
}

fn valid(certificate: &CertificateFacts) -> Option<Words> {
    (certificate.problem.is_none() && !certificate.valid_now).then(|| {
        let found =
            format!("{} is valid from {} to {}", of(certificate), certificate.not_before, certificate.not_after);
        Words::new("certificates are valid now", found)
    })
}

/// Of several authorities in one file the first may have expired while another holds: that is no news.
fn lasts(input: &Input<'_>, certificate: &CertificateFacts) -> Option<Words> {
    let bound = input.policy.certificates;
    let end = OffsetDateTime::parse(&certificate.not_after, &Rfc3339).ok().filter(|_| certificate.valid_now)?;
    let left = std::time::Duration::try_from(end - input.now).ok()?;
    (left <= bound.duration()).then(|| {
        let found = format!("{} ends at {}, in {}", of(certificate), certificate.not_after, shown(left));
        Words::new(format!("certificates last longer than {bound}"), found)
    })
}
