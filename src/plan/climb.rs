//! Climb: the way to a version several steps up, or down. What comes first is planned; the rungs after it are foreseen, from
//! what the members will be by then, so that whatever stands in the way of a later one is known before anything starts.

use std::borrow::Cow;

use crate::knowledge::{Check, Knowledge, Rung as KnownRung};
use crate::observe::inventory::{EtcdFacts, EtcdProcess, HostFacts, Inventory, MemberView, Seen};
use crate::plan::hosts::rollback_point_size;
use crate::plan::model::{Foreseen, Plan, Refusal};
use crate::plan::requirements::applies;
use crate::plan::settings;
use crate::plan::survey::Survey;
use crate::plan::{Input, descent, leg, sealed, upgrade};
use crate::settings::rewrite;
use crate::spec::model::{Cluster, SettingsPolicy, Toggle, Verify};
use crate::units::{Bytes, MemberName, Minor, Version};

/// The versions that are taken one after the other, the declared one last. It is alone where it is one step away, or where
/// there is no way to it: what is wrong then is found when it is planned.
///
/// Of a minor in between it is the release that members run already, else the one that the spec names (`via`), else the latest
/// patch that is known. Where a rung demands a newer patch of the minor it leads from, that one comes first.
pub fn legs(cluster: &Cluster, inventory: &Inventory, knowledge: &Knowledge) -> Vec<Version> {
    let declared = &cluster.version;
    let survey = Survey::of(inventory);
    let legs = climb(cluster, &survey, knowledge).or_else(|| descend(cluster, &survey, knowledge));
    legs.unwrap_or_else(|| vec![declared.clone()])
}

/// Releases that are needed on the way down beside those that it leads to: the one that runs now restores the first backup on
/// trial, and the later backups are restored by those that were gone down to.
pub fn tools_on_the_way_down(cluster: &Cluster, inventory: &Inventory, knowledge: &Knowledge) -> Option<Version> {
    let survey = Survey::of(inventory);
    let live = survey.agreed(|etcd| etcd.cluster_version.clone())??.minor();
    let first = legs(cluster, inventory, knowledge).into_iter().next()?;
    let rung = descent::rung(first.minor(), live, &survey, knowledge)?;
    (cluster.backup.verify == Verify::Restore).then(|| descent::leaves(rung, &survey))
}

/// As far down as etcd's own call leads. Members that are above the cluster version come down to it first; where all are,
/// and it is about to follow them, that comes before.
fn descend(cluster: &Cluster, survey: &Survey<'_>, knowledge: &Knowledge) -> Option<Vec<Version>> {
    let declared = &cluster.version;
    let live = survey.agreed(|etcd| etcd.cluster_version.clone())??.minor();
    let above = descent::rung(live, live, survey, knowledge);
    let mut minor = above.map_or(live, |rung| rung.to);
    let mut legs = Vec::new();
    legs.extend(
        above.filter(|rung| descent::about_to_move(live, rung, survey)).map(|rung| descent::leaves(rung, survey)),
    );
    while minor > declared.minor() {
        let next = knowledge.rung_down_from(minor)?.from;
        let to =
            if next == declared.minor() { declared.clone() } else { version_of(next, cluster, survey, knowledge)? };
        legs.push(to);
        minor = next;
    }
    (legs.last() == Some(declared)).then_some(legs)
}

fn climb(cluster: &Cluster, survey: &Survey<'_>, knowledge: &Knowledge) -> Option<Vec<Version>> {
    let declared = &cluster.version;
    let mut minor = survey.agreed(|etcd| etcd.cluster_version.clone())??.minor();
    let mut legs: Vec<Version> = Vec::new();
    while minor < declared.minor() {
        let next = knowledge.next_minor(minor)?;
        let to =
            if next == declared.minor() { declared.clone() } else { version_of(next, cluster, survey, knowledge)? };
        // Later on, the spec may name what is too old: then the rung after it is refused.
        if legs.is_empty()
            && let Some(rung) = knowledge.rung(minor, next)
        {
            legs.extend(patch_first(rung, minor, &to, cluster, survey, knowledge));
        }
        legs.push(to);
        minor = next;
    }
    (legs.last() == Some(declared)).then_some(legs)
}

fn version_of(minor: Minor, cluster: &Cluster, survey: &Survey<'_>, knowledge: &Knowledge) -> Option<Version> {
    let running = survey.serving().map(|(_, etcd)| &etcd.server_version).filter(|version| version.minor() == minor);
    running.max().or_else(|| best(minor, cluster, knowledge)).cloned()
}

fn best<'a>(minor: Minor, cluster: &'a Cluster, knowledge: &'a Knowledge) -> Option<&'a Version> {
    cluster.via.get(&minor).or_else(|| knowledge.latest(minor))
}

/// The patch that all members have to be brought to before the rung, where it demands one.
fn patch_first(
    rung: &KnownRung,
    minor: Minor,
    to: &Version,
    cluster: &Cluster,
    survey: &Survey<'_>,
    knowledge: &Knowledge,
) -> Option<Version> {
    let needed = rung.requirements_for(to).filter_map(|requirement| match &requirement.check {
        Check::MinimumPatch { at_least, when } if applies(*when, survey) => Some(at_least),
        _ => None,
    });
    let needed = needed.max()?;
    let mut versions = survey.serving().map(|(_, etcd)| &etcd.server_version);
    // Half way up already: the rung is what has to be finished.
    let is_whole = survey.serving().all(|(_, etcd)| etcd.server_version.minor() == minor);
    let patch = best(minor, cluster, knowledge)?;
    (is_whole && versions.any(|version| version < needed) && patch >= needed).then(|| patch.clone())
}

/// Plans the first leg, and foresees the others.
pub fn plan(input: &Input<'_>, legs: &[Version]) -> Result<Plan, Vec<Refusal>> {
    let mut inventory = Cow::Borrowed(input.inventory);
    let mut first: Option<Plan> = None;
    let mut refusals: Vec<Refusal> = Vec::new();
    for (place, to) in legs.iter().enumerate() {
        let cluster = Cluster { version: to.clone(), ..input.cluster.clone() };
        let held = input.held.filter(|_| place == 0);
        match leg(&Input { cluster: &cluster, inventory: &inventory, held, ..*input }) {
            Ok(next) => match &mut first {
                None => first = Some(next),
                Some(plan) => foresee(plan, next),
            },
            // Whatever else is wrong now: what would be wrong later is told when it is mended.
            Err(why) if place == 0 && why.iter().any(|refusal| refusal.rule != "release-available") => return Err(why),
            Err(why) => {
                refusals.extend(why.into_iter().map(|refusal| on_the_way(refusal, legs, place, input.inventory)))
            }
        }
        inventory = Cow::Owned(after(&cluster, &inventory, input));
    }
    match first {
        Some(mut plan) if refusals.is_empty() => {
            plan.declared = sealed(input.cluster);
            Ok(plan)
        }
        _ => Err(refusals),
    }
}

/// What is said of a later rung names it; where a release on the way cannot be had, so does what can be named in its place.
fn on_the_way(refusal: Refusal, legs: &[Version], place: usize, inventory: &Inventory) -> Refusal {
    if refusal.rule == "release-available" {
        let Some(between) = legs.get(place).filter(|_| place + 1 < legs.len()) else { return refusal };
        let minor = between.minor();
        let mut running = inventory.members.iter().filter_map(|view| view.etcd.known());
        let fix = match running.any(|etcd| etcd.server_version == *between) {
            true => format!("{}; it has to be {between}, as there are members that run it already", refusal.fix),
            false => {
                format!(
                    "{}; or name another release of {minor} for the way: via = {{ \"{minor}\" = \"…\" }}",
                    refusal.fix
                )
            }
        };
        return Refusal { fix, ..refusal };
    }
    let Some(before) = place.checked_sub(1).and_then(|before| legs.get(before)) else { return refusal };
    Refusal {
        seen: format!("on the way from {before} to {}: {}", legs[place], refusal.seen),
        fix: format!("{}; or declare {before}, to stop before this rung", refusal.fix),
        ..refusal
    }
}

fn foresee(plan: &mut Plan, next: Plan) {
    let summary = next.summary;
    for rung in next.rungs {
        let from = summary.from.clone().unwrap_or_else(|| summary.to.clone());
        plan.later.push(Foreseen { from, to: summary.to.clone(), estimate: summary.estimate, rung });
    }
    for warning in next.warnings {
        if !plan.warnings.contains(&warning) {
            plan.warnings.push(warning);
        }
    }
}

/// What will be there when all members run the cluster's version and the cluster version has moved.
fn after(cluster: &Cluster, inventory: &Inventory, input: &Input<'_>) -> Inventory {
    let survey = Survey::of(inventory);
    let answer = survey.serving().next().map(|(_, etcd)| etcd);
    let members = inventory.members.iter().map(|view| member_after(cluster, view, answer, input)).collect();
    Inventory { members, ..inventory.clone() }
}

fn member_after(cluster: &Cluster, view: &MemberView, answer: Option<&EtcdFacts>, input: &Input<'_>) -> MemberView {
    let mut view = view.clone();
    settings_after(cluster, &mut view, input.knowledge);
    // Who is down now is brought up before anything else: it will answer as the others do.
    if let (Seen::Unknown { .. }, Some(answer)) = (&view.etcd, answer) {
        let id = answer.members.iter().find(|member| member.name == view.name.as_str()).map(|member| member.id);
        view.etcd = Seen::Known(EtcdFacts { member_id: id.unwrap_or(answer.member_id), ..answer.clone() });
    }
    if let Seen::Known(etcd) = &mut view.etcd {
        etcd.server_version = cluster.version.clone();
        let minor = cluster.version.minor();
        etcd.cluster_version = Some(Version::new(minor.major(), minor.number(), 0));
        etcd.hash_kv = None;
        // A downgrade that has led there is ended by etcd itself.
        etcd.downgrade_to = None;
    }
    let Seen::Known(host) = &mut view.host else { return view };
    let pin = input.releases.iter().find(|pin| pin.version == cluster.version && pin.arch == host.arch);
    let digest = pin.and_then(|pin| pin.binaries.get("etcd")).map(|binary| binary.sha256);
    let staged = pin.map(upgrade::release_size).unwrap_or_default();
    host.store_free = host.store_free.map(|free| less(free, staged));
    if let Some(digest) = digest {
        host.staged.insert(cluster.version.clone(), digest);
    }
    if !host.processes.iter().any(|process| process.is_declared_member) {
        runs_after(&view.name, host);
    }
    for process in host.processes.iter_mut().filter(|process| process.is_declared_member) {
        process.exe_sha256 = digest;
        process.exe_replaced = false;
    }
    if let Some(facts) = &mut host.member {
        facts.binary.version = Some(cluster.version.clone());
        facts.binary.sha256 = digest;
        if cluster.rollback_points.enabled == Toggle::On {
            facts.data_dir.free = less(facts.data_dir.free, rollback_point_size(facts));
        }
    }
    view
}

/// On the way up, what the version does not accept is rewritten by then, where that is allowed.
fn settings_after(cluster: &Cluster, view: &mut MemberView, knowledge: &Knowledge) {
    let runs = view.etcd.known().map(|etcd| etcd.server_version.clone());
    let allowed = cluster.rollout.settings == SettingsPolicy::Rewrite;
    if !allowed || runs.as_ref().is_some_and(|runs| *runs > cluster.version) {
        return;
    }
    let Seen::Known(HostFacts { member: Some(facts), .. }) = &mut view.host else { return };
    let rewritten = rewrite(&settings::at_start(facts), runs.as_ref(), &cluster.version, knowledge);
    if rewritten.change.is_some() {
        *facts = rewritten.after;
    }
}

/// The process of a member that is down now.
fn runs_after(name: &MemberName, host: &mut HostFacts) {
    let Some(facts) = &host.member else { return };
    let pid = 0;
    if let Some(unit) = &mut host.unit {
        "active".clone_into(&mut unit.active_state);
        "running".clone_into(&mut unit.sub_state);
        unit.main_pid = Some(pid);
    }
    if let Some(managed) = &mut host.managed {
        managed.pid = Some(pid);
    }
    host.processes.push(EtcdProcess {
        pid,
        started: 0,
        exe: facts.binary.path.clone(),
        exe_replaced: false,
        exe_sha256: None,
        unit: host.unit.as_ref().map(|unit| unit.name.clone()),
        user: facts.data_dir.owner.clone(),
        data_dir: Some(facts.data_dir.path.clone()),
        name: Some(name.to_string()),
        is_declared_member: true,
    });
}

fn less(free: Bytes, taken: Bytes) -> Bytes {
    Bytes(free.0.saturating_sub(taken.0))
}
