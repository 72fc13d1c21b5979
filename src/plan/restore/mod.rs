//! Restore: a whole cluster from a backup, at a person's wish. What may be restored to what is knowledge; what is there
//! now is moved aside, and what an earlier try left is finished.
//!
//! `members` says where each one's data goes and what it will run; `under_way` what an earlier try left, and what the note
//! will say; `steps` makes the steps of all that.

mod members;
mod steps;
mod under_way;

use std::collections::BTreeMap;

use crate::knowledge::{Feature, KeySpace, RestoreMeans, RestoreRule};
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    CheckOutcome, Kind, PLAN_FORMAT, Plan, Proof, Refusal, ReleasePin, RestoreSource, Rung, Step, Summary,
};
use crate::plan::replacing::Notes;
use crate::plan::survey::{Standing, Survey};
use crate::plan::target::{Direction, Way};
use crate::plan::upgrade::release_size;
use crate::plan::{Input, basis, estimate, health, hosts, pins, replacing, room, target};
use crate::runtime::room_for_restore;
use crate::spec::model::Cluster;
use crate::units::{Bytes, Version};

/// What a restore is planned from, beside what every plan is.
#[derive(Clone, Copy)]
pub struct RestoreInput<'a> {
    pub input: Input<'a>,
    pub backup: &'a RestoreSource,
    pub begin: Begin,
    /// Data directories of that run lie packed on the controller: it made a cluster out of a v2 backup.
    pub packed: &'a dyn Fn(&str) -> bool,
}

/// What becomes of a restore, or a rollback, that an earlier run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It is finished.
    GoOn,
    /// It is begun again with this backup.
    Anew,
}

/// Makes the plan, or says every reason why there is none.
pub fn plan(from: &RestoreInput<'_>) -> Result<Plan, Vec<Refusal>> {
    let (input, backup) = (&from.input, from.backup);
    let survey = Survey::of(input.inventory);
    let mut findings = Findings::default();
    let under_way = under_way::find(from, &mut findings);
    // While one is under way some may serve their new data and some their old. Else a stranger's data is not moved aside: the
    // spec may have the address of another cluster.
    if replacing::notes(input.inventory) == Notes::None {
        health::one_cluster(&survey, &mut findings);
    }
    target::known_release(input.cluster, input.knowledge, &mut findings);
    let means = means(from, &mut findings);
    let pins = pins(input, &survey, &mut findings);
    hosts_ready(input, &survey, &mut findings);
    let to_make = members::to_make(input, &survey, &mut findings);
    let members = members::members(from, &survey, &mut findings);
    let binaries = members::binaries(input, &survey, &pins, &mut findings);
    if let Some(note) = &under_way {
        under_way::check(note, from, &survey, (&members, &to_make), &mut findings);
    }
    if under_way.as_ref().is_none_or(under_way::replaces) {
        let release = pins.values().map(|pin| release_size(pin)).max().unwrap_or_default();
        let beside = room_for_restore(backup.size());
        room::check_restore(input, &survey, (release, beside), &binaries, &mut findings);
    }
    let (Some(means), true) = (means, findings.refusals.is_empty()) else { return Err(findings.refusals) };
    say_what_is_lost(from, &survey, &mut findings);
    members::say_who_stays(input, &survey, &mut findings);
    let under_way = under_way.filter(|note| under_way::can_go_on(from, note, means));
    let ingredients = steps::Ingredients {
        input,
        survey: &survey,
        backup,
        means,
        id: under_way.as_ref().and_then(|note| note.id.clone()),
        replacement: under_way::replacement(from, &survey, under_way.as_ref(), &members, &binaries),
        members,
        binaries,
        to_make,
        pins: &pins,
    };
    let steps = steps::steps(&ingredients);
    Ok(assemble(from, &survey, findings, steps, &pins))
}

/// Units, certificates, the next start: whatever would keep a member from coming back is found before one is stopped.
fn hosts_ready(input: &Input<'_>, survey: &Survey<'_>, findings: &mut Findings) {
    if survey.members.iter().all(|member| member.facts().is_none()) {
        return;
    }
    // Of members that are down, what they are started on is judged with the change of it.
    let up = survey.members.iter().filter(|member| !matches!(member.standing, Standing::Stopped { .. }));
    let to = &input.cluster.version;
    let left = up.map(|member| member.view.name.clone()).collect();
    let way = Way {
        from: to.clone(),
        to: to.clone(),
        left,
        cluster_version_behind: false,
        direction: Direction::Up,
        told_down_to: None,
    };
    hosts::check(input.cluster, survey, &way, input.knowledge, findings);
}

/// By which means the backup gets to the declared version.
fn means(from: &RestoreInput<'_>, findings: &mut Findings) -> Option<RestoreMeans> {
    let (knowledge, backup, to) = (from.input.knowledge, from.backup, &from.input.cluster.version);
    // With v2 keys in it, one way makes both: the database of the v3 part goes along.
    let saves = if backup.v2.is_some() { KeySpace::V2 } else { KeySpace::V3 };
    if let Some(rule) = knowledge.restore_rule(saves, &backup.version, to) {
        findings.pass("restore-known", format!("{}: {}", rule.fact.name, rule.fact.what));
        return Some(rule.means);
    }
    let ways: Vec<&RestoreRule> = knowledge.restore_rules(saves, &backup.version).collect();
    let into: Vec<String> = ways.iter().map(|rule| rule.into.to_string()).collect();
    let what = if saves == KeySpace::V2 { "v2 keys" } else { "v3 keys" };
    findings.refuse(
        "restore-known",
        None,
        Words {
            seen: format!("{to} is declared; the backup {} holds {what} of {}", backup.id, backup.version),
            must: "a backup is only restored to a version that is known to take it".to_owned(),
            fix: match into.as_slice() {
                [] => format!("restore it by hand: no way is known for {what} of {}", backup.version.minor()),
                into => format!("declare a version of {}", into.join(", ")),
            },
        },
        ways.first().and_then(|rule| rule.fact.sources.first()).map(ToString::to_string).as_deref(),
    );
    None
}

fn say_what_is_lost(from: &RestoreInput<'_>, survey: &Survey<'_>, findings: &mut Findings) {
    let backup = from.backup;
    let is_foreign = backup.cluster != from.input.cluster.name;
    let now = survey.serving().filter_map(|(_, etcd)| etcd.revision).max();
    let behind = match (now, &backup.v3) {
        (Some(now), Some(v3)) if now > v3.revision => format!(": {} revisions", now.0 - v3.revision.0),
        _ => String::new(),
    };
    let is_something_there = survey.members.iter().any(|member| match member.standing {
        Standing::HostUnknown { .. } => true,
        Standing::Absent { host } => host.data_without_member.as_ref().is_some_and(|data| data.has_member),
        _ => member.facts().is_some_and(|facts| facts.data_dir.has_member),
    });
    // Revisions of two clusters have nothing to do with each other.
    let lost = match is_foreign && is_something_there {
        true => format!("all that is there now is replaced by what cluster {} held", backup.cluster),
        false => {
            format!("everything that was written since {} is not in the restored cluster{behind}", backup.taken_at)
        }
    };
    findings.warn("restore-loses-writes", None, lost, None);
    if backup.v3.is_some() {
        let bump = from.input.knowledge.features(&from.input.cluster.version);
        let advice = if bump.has(Feature::BumpRevision) {
            "; where watchers keep caches (Kubernetes), restart them, or restore by hand with --bump-revision and \
             --mark-compacted"
        } else {
            "; restart watchers that keep caches"
        };
        findings.warn(
            "revisions-go-back",
            None,
            format!("clients connect anew, and watchers see revisions go back{advice}"),
            None,
        );
    }
    let v2_keys = survey.serving().filter_map(|(_, etcd)| etcd.v2_keys).max().unwrap_or_default();
    if backup.v2.is_none() && v2_keys > 0 {
        findings.warn(
            "v2-keys-not-in-backup",
            None,
            format!("the cluster holds {v2_keys} keys of the v2 API; the backup holds none"),
            None,
        );
    }
    if is_foreign {
        findings.warn("backup-of-another-cluster", None, format!("the backup is of cluster {}", backup.cluster), None);
    }
    if backup.proof == Proof::Manifest {
        findings.warn(
            "backup-not-tried",
            None,
            "verify = \"hash\": the backup was not restored on trial before this plan was made",
            None,
        );
    }
}

/// What runs there, or was to be started.
pub fn version_there(survey: &Survey<'_>) -> Option<Version> {
    let running = survey.serving().map(|(_, etcd)| etcd.server_version.clone()).max();
    running.or_else(|| survey.members.iter().filter_map(|member| member.facts()?.binary.version.clone()).max())
}

fn assemble(
    from: &RestoreInput<'_>,
    survey: &Survey<'_>,
    findings: Findings,
    steps: Vec<Step>,
    pins: &BTreeMap<String, &ReleasePin>,
) -> Plan {
    let input = &from.input;
    let any = survey.serving().next().map(|(_, etcd)| etcd);
    let to = input.cluster.version.clone();
    let mut checks = findings.checks;
    checks.sort_by_key(|check| check.outcome != CheckOutcome::Passed);
    let db_size: Option<Bytes> = survey.serving().filter_map(|(_, etcd)| etcd.db_size).max();
    Plan {
        format: PLAN_FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        kind: Kind::Restore,
        cluster: input.cluster.name.clone(),
        state_dir: input.state_dir.to_owned(),
        modules_dir: input.modules_dir.map(std::path::Path::to_owned),
        declared: Cluster { client: input.cluster.client.sealed(), ..input.cluster.clone() },
        basis: basis::of(input.inventory),
        summary: Summary {
            from: version_there(survey),
            to: to.clone(),
            members: survey.members.len(),
            leader: survey.leader().cloned(),
            db_size,
            v2_keys: any.and_then(|etcd| etcd.v2_keys),
            v3_keys: any.and_then(|etcd| etcd.v3_keys),
            revision: survey.serving().filter_map(|(_, etcd)| etcd.revision).max(),
            estimate: estimate::total(steps.iter()),
        },
        releases: pins.values().map(|pin| (*pin).clone()).collect(),
        rungs: vec![Rung {
            from: None,
            to: to.minor(),
            steps,
            no_return: None,
            clients: vec![
                "not served from the step that stops all members until they are started: some seconds, more for a large \
                 database"
                    .to_owned(),
                "connections break, watches and leases of before are gone, and clients connect anew".to_owned(),
            ],
            advisories: Vec::new(),
        }],
        later: Vec::new(),
        checks,
        warnings: findings.warnings,
    }
}
