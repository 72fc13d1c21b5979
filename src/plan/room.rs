//! Room: do the disks of each host take all that the plan will put on them? What shares a file system is summed up.

use std::collections::BTreeMap;

use crate::observe::inventory::Device;
use crate::plan::findings::{Findings, Words};
use crate::plan::hosts::{rollback_point_size, takes_rollback_points};
use crate::plan::model::BinaryChange;
use crate::plan::survey::{Survey, Surveyed};
use crate::plan::target::Way;
use crate::plan::{Input, backup, layout};
use crate::runtime::FIRST_LOG;
use crate::spec::model::Toggle;
use crate::units::{Bytes, MemberName};

/// What is left free on a file system beyond what is put there.
const HEADROOM: Bytes = Bytes::mebi(64);

/// Something that will take room on a host.
struct Claim<'a> {
    member: &'a Surveyed<'a>,
    rule: &'static str,
    /// Where it is put, as in "the file system of …".
    place: String,
    /// What it is, as in "16 MB for …".
    purpose: String,
    size: Bytes,
    free: Bytes,
    device: Option<Device>,
}

/// A file system of a host. One that was not told of stands for each place by itself.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum FileSystem<'a> {
    Known { host: &'a str, device: Device },
    OfPlace { number: usize },
}

/// Checks the hosts of members that are not done. `release_size` is what a release takes.
pub fn check(input: &Input<'_>, survey: &Survey<'_>, way: &Way, release_size: Bytes, findings: &mut Findings) {
    let mut claims = Vec::new();
    let copies = takes_rollback_points(input.cluster, survey, way);
    let left = || survey.members.iter().filter(|member| way.left.contains(&member.view.name));
    for member in left() {
        store(input, member, release_size, &mut claims);
        beside_the_binary(member, release_size, &mut claims);
        if copies == Toggle::On {
            rollback_point(member, &mut claims);
        } else {
            next_start(member, &mut claims);
        }
    }
    if !way.left.is_empty() {
        backup_scratch(input, survey, &mut claims);
    }
    hold(claims, findings);
}

/// Checks the hosts of members that are to be made.
pub fn check_store(input: &Input<'_>, survey: &Survey<'_>, release_size: Bytes, findings: &mut Findings) {
    let mut claims = Vec::new();
    for member in &survey.members {
        store(input, member, release_size, &mut claims);
        first_start(member, &mut claims);
    }
    hold(claims, findings);
}

/// Checks the hosts of a restore: `beside` is what it takes beside each data directory.
pub fn check_restore(
    input: &Input<'_>,
    survey: &Survey<'_>,
    (release_size, beside): (Bytes, Bytes),
    binaries: &BTreeMap<MemberName, BinaryChange>,
    findings: &mut Findings,
) {
    let mut claims = Vec::new();
    for member in &survey.members {
        store(input, member, release_size, &mut claims);
        if binaries.contains_key(&member.view.name) {
            beside_the_binary(member, release_size, &mut claims);
        }
        let Some(data) = member.facts().map(|facts| &facts.data_dir) else { continue };
        claims.push(Claim {
            member,
            rule: "room-for-restore",
            place: data.path.clone(),
            purpose: "the backup, what is restored of it, and etcd's first log".to_owned(),
            size: beside,
            free: data.free,
            device: data.device,
        });
    }
    hold(claims, findings);
}

/// The release that is staged, and the old binary that is kept: once for all members that share a folder on a host.
fn store<'a>(input: &Input<'_>, member: &'a Surveyed<'a>, release_size: Bytes, claims: &mut Vec<Claim<'a>>) {
    let Some((host, free)) = member.host().and_then(|host| Some((host, host.store_free?))) else { return };
    let is_claimed =
        claims.iter().any(|claim| claim.rule == "disk-store" && claim.member.view.host_label == member.view.host_label);
    if is_claimed {
        return;
    }
    claims.push(Claim {
        member,
        rule: "disk-store",
        place: layout::store(&input.cluster.runtime),
        purpose: "releases that are staged and kept".to_owned(),
        size: Bytes(release_size.0.saturating_mul(2)),
        free,
        device: host.store_device,
    });
}

fn beside_the_binary<'a>(member: &'a Surveyed<'a>, release_size: Bytes, claims: &mut Vec<Claim<'a>>) {
    let Some((binary, free)) = member.facts().and_then(|facts| Some((&facts.binary, facts.binary.free?))) else {
        return;
    };
    claims.push(Claim {
        member,
        rule: "disk-binary",
        place: binary.path.clone(),
        purpose: format!("the new binary beside {}", binary.path),
        size: release_size,
        free,
        device: binary.device,
    });
}

fn rollback_point<'a>(member: &'a Surveyed<'a>, claims: &mut Vec<Claim<'a>>) {
    let Some(facts) = member.facts() else { return };
    let size = rollback_point_size(facts);
    claims.push(Claim {
        member,
        rule: "disk-rollback-point",
        place: facts.data_dir.path.clone(),
        purpose: format!("a copy of {} ({size}, with some room)", facts.data_dir.path),
        // It grows until its member is stopped.
        size: Bytes(size.0.saturating_add(size.0 / 10)),
        free: facts.data_dir.free,
        device: facts.data_dir.device,
    });
}

/// A new data directory, on a file system that was told of.
fn first_start<'a>(member: &'a Surveyed<'a>, claims: &mut Vec<Claim<'a>>) {
    let data = member.host().and_then(|host| host.data_without_member.as_ref());
    let Some(data) = data.filter(|data| data.device.is_some()) else { return };
    claims.push(Claim {
        member,
        rule: "disk-data",
        place: data.path.clone(),
        purpose: format!("etcd's first log in {}", data.path),
        size: FIRST_LOG,
        free: data.free,
        device: data.device,
    });
}

/// What is to spare anyway: etcd begins a log file of 64 MB when it is started.
fn next_start<'a>(member: &'a Surveyed<'a>, claims: &mut Vec<Claim<'a>>) {
    let Some(data) = member.facts().map(|facts| &facts.data_dir) else { return };
    claims.push(Claim {
        member,
        rule: "disk-data",
        place: data.path.clone(),
        purpose: format!("the next start in {}", data.path),
        size: Bytes(0),
        free: data.free,
        device: data.device,
    });
}

/// Where `etcdctl backup` puts the v2 backup before it is pulled: the raft snapshot and the WAL once more.
fn backup_scratch<'a>(input: &Input<'_>, survey: &'a Survey<'a>, claims: &mut Vec<Claim<'a>>) {
    let Some(action) = backup::action(input.cluster, survey, input.knowledge, &input.cluster.version) else { return };
    let member = survey.members.iter().find(|member| member.view.name == action.member && action.v2.is_some());
    let Some((member, facts, host)) = member.and_then(|member| Some((member, member.facts()?, member.host()?))) else {
        return;
    };
    let (Some(free), data) = (host.scratch_free, &facts.data_dir) else { return };
    let all = rollback_point_size(facts);
    claims.push(Claim {
        member,
        rule: "disk-backup",
        place: "/var/tmp".to_owned(),
        purpose: "the v2 backup until it is pulled".to_owned(),
        size: Bytes(all.0.saturating_sub(data.db_size.unwrap_or_default().0)),
        free,
        device: host.scratch_device,
    });
}

fn hold(claims: Vec<Claim<'_>>, findings: &mut Findings) {
    let before = findings.refusals.len();
    let mut shared: BTreeMap<FileSystem<'_>, Vec<&Claim<'_>>> = BTreeMap::new();
    for (number, claim) in claims.iter().enumerate() {
        let file_system = match claim.device {
            Some(device) => FileSystem::Known { host: &claim.member.view.host_label, device },
            None => FileSystem::OfPlace { number },
        };
        shared.entry(file_system).or_default().push(claim);
    }
    let mut tightest: Option<(Bytes, Bytes)> = None;
    for claims in shared.values() {
        let needed = needed(claims);
        // Told at slightly different moments: the least counts.
        let free = claims.iter().map(|claim| claim.free).min().unwrap_or_default();
        if free < needed {
            refuse(claims, free, needed, findings);
        }
        let spare = |(free, needed): (Bytes, Bytes)| free.0.saturating_sub(needed.0);
        if tightest.is_none_or(|known| spare((free, needed)) < spare(known)) {
            tightest = Some((free, needed));
        }
    }
    if let Some((free, needed)) = tightest.filter(|_| findings.refusals.len() == before) {
        findings
            .pass("disk-room", format!("disks have room: where it is least, {needed} are needed and {free} are free"));
    }
}

fn needed(claims: &[&Claim<'_>]) -> Bytes {
    Bytes(claims.iter().fold(HEADROOM.0, |sum, claim| sum.saturating_add(claim.size.0)))
}

fn refuse(claims: &[&Claim<'_>], free: Bytes, needed: Bytes, findings: &mut Findings) {
    let Some(first) = claims.first() else { return };
    let rule = if claims.len() == 1 { first.rule } else { "disk-room" };
    let mut places: Vec<&str> = claims.iter().map(|claim| claim.place.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    let each: Vec<String> = claims
        .iter()
        .map(|claim| match claims.iter().any(|other| other.member.view.name != claim.member.view.name) {
            true => format!("{} for {} of {}", claim.size, claim.purpose, claim.member.view.name),
            false => format!("{} for {}", claim.size, claim.purpose),
        })
        .collect();
    let mut fix = "free some space on that file system".to_owned();
    if claims.iter().any(|claim| claim.rule == "disk-rollback-point") {
        fix.push_str(
            "; `quorate clean` may have some to free; or set `rollback_points { enabled = false }` in the spec: then the way back after completion is the \
             backup alone",
        );
    }
    if claims.iter().any(|claim| claim.rule == "room-for-restore") {
        fix.push_str("; older folders there that end in .quorate-… may be what takes it (`quorate clean`)");
    }
    findings.refuse(
        rule,
        Some(first.member.view),
        Words {
            seen: format!("{free} free on the file system of {}", places.join(", ")),
            must: format!("{needed} are free there: {}, and {HEADROOM} to spare", each.join(", ")),
            fix,
        },
        None,
    );
}
