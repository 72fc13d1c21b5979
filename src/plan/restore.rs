//! Restore: a whole cluster from a backup, at a person's wish. What may be restored to what is knowledge; what is there
//! now is moved aside, and what an earlier try left is finished.

use std::collections::BTreeMap;

use crate::knowledge::{KeySpace, RestoreMeans, RestoreRule};
use crate::observe::inventory::MemberFacts;
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    BinaryChange, CreateAction, Kind, MemberReplacement, PLAN_FORMAT, Plan, Proof, Refusal, ReleasePin, Replacement,
    ReplacementKind, ReplacementPhase, RestoreMember, RestoreSource, Rung, Summary,
};
use crate::plan::replacing::{Notes, notes, noun, refuse_wrong};
use crate::plan::restore_steps::{Ingredients, steps};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::upgrade::release_size;
use crate::plan::{Input, basis, create, estimate, layout, pins, room, target};
use crate::runtime::room_for_restore;
use crate::spec::model::{Cluster, Runtime};
use crate::units::{Bytes, MemberName, Version};

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
    let under_way = under_way(from, &mut findings);
    target::known_release(input.cluster, input.knowledge, &mut findings);
    let means = means(from, &mut findings);
    let pins = pins(input, &survey, &mut findings);
    let to_make = to_make(input, &survey, &mut findings);
    if let (Some(note), Some(made)) = (&under_way, to_make.first()) {
        lost_while_starting(note, made, from.backup, &mut findings);
    }
    let members = members(from, &survey, &mut findings);
    let binaries = binaries(input, &survey, &pins, &mut findings);
    let release = pins.values().map(|pin| release_size(pin)).max().unwrap_or_default();
    room::check_store(input, &survey, release, &mut findings);
    room_beside(&survey, backup, &mut findings);
    let (Some(means), true) = (means, findings.refusals.is_empty()) else { return Err(findings.refusals) };
    say_what_is_lost(from, &survey, &mut findings);
    let under_way = under_way.filter(|note| can_go_on(from, note, means));
    let ingredients = Ingredients {
        input,
        survey: &survey,
        backup,
        means,
        id: under_way.as_ref().and_then(|note| note.id.clone()),
        replacement: replacement(from, &survey, under_way.as_ref(), &members, &binaries),
        members,
        binaries,
        to_make,
        pins: &pins,
    };
    let steps = steps(&ingredients);
    Ok(assemble(from, &survey, findings, steps, &pins))
}

/// The restore that is to be finished, if one is.
fn under_way(from: &RestoreInput<'_>, findings: &mut Findings) -> Option<Replacement> {
    if from.begin == Begin::Anew {
        return None;
    }
    let note = match notes(from.input.inventory) {
        Notes::None => return None,
        Notes::Wrong(why) => {
            refuse_wrong(&why, findings);
            return None;
        }
        Notes::One(note) => *note,
    };
    let to = &from.input.cluster.version;
    if note.kind == ReplacementKind::Restore && note.source == from.backup.id && note.to == *to {
        return Some(note);
    }
    findings.refuse(
        "replacement-under-way",
        None,
        Words {
            seen: format!(
                "{} of {} to {} is under way, begun by run {}",
                noun(&note),
                note.source,
                note.to,
                note.id.as_deref().unwrap_or("?")
            ),
            must: format!("what was begun is finished before a restore of {} to {to}", from.backup.id),
            fix: format!(
                "finish it (`{}`), or give it up: `quorate restore -anew {}` moves aside whatever is there",
                note.kind.command(),
                from.backup.id
            ),
        },
        None,
    );
    None
}

/// Members of one cluster come from one assembly. Where those of the run that began it are gone, it is begun anew.
fn can_go_on(from: &RestoreInput<'_>, note: &Replacement, means: RestoreMeans) -> bool {
    let id = note.id.as_deref().unwrap_or_default();
    means != RestoreMeans::ForceNewCluster || note.phase == ReplacementPhase::Starting || (from.packed)(id)
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

/// Members that are not there at all, as a creation would make them.
fn to_make(input: &Input<'_>, survey: &Survey<'_>, findings: &mut Findings) -> Vec<CreateAction> {
    let mut absent = Vec::new();
    for member in &survey.members {
        match member.standing {
            Standing::HostUnknown { why } => findings.refuse(
                "host-reachable",
                Some(member.view),
                Words {
                    seen: why.to_owned(),
                    must: "every host is reached: all members are restored, or none".to_owned(),
                    fix: "bring the host back, or declare the member at another address".to_owned(),
                },
                None,
            ),
            Standing::Absent { host } => {
                let left = create::leftovers(input.cluster, host);
                if !create::is_managed(input.cluster) || !left.is_empty() {
                    let seen =
                        if left.is_empty() { "nothing of this member is there".to_owned() } else { left.join(", ") };
                    findings.refuse(
                        "member-found",
                        Some(member.view),
                        Words {
                            seen,
                            must:
                                "a member that is restored is there (`adopt = true`: quorate makes none), or its host \
                                   is empty and quorate makes it (`adopt = false`)"
                                    .to_owned(),
                            fix: "install etcd there as on the other hosts, or clear what is left of it".to_owned(),
                        },
                        None,
                    );
                } else {
                    absent.push(&member.view.name);
                }
            }
            _ => {}
        }
    }
    if absent.is_empty() {
        return Vec::new();
    }
    let actions = create::actions(input, survey, findings);
    actions.into_iter().filter(|action| absent.contains(&&action.member)).collect()
}

/// Once members were started, the others may have taken writes: a member that is gone has no data to come back with.
fn lost_while_starting(note: &Replacement, made: &CreateAction, backup: &RestoreSource, findings: &mut Findings) {
    if note.phase == ReplacementPhase::Replacing {
        return;
    }
    findings.refuse(
        "member-found",
        None,
        Words {
            seen: format!("all members had their restored data, and of {} nothing is there any more", made.member),
            must: "a restore that was begun is finished with the members that it was begun with".to_owned(),
            fix: format!("begin it again: `quorate restore -anew {}`", backup.id),
        },
        None,
    );
}

/// Where each member's data goes, and who it will be.
fn members(
    from: &RestoreInput<'_>,
    survey: &Survey<'_>,
    findings: &mut Findings,
) -> BTreeMap<MemberName, RestoreMember> {
    let cluster = from.input.cluster;
    let mut members = BTreeMap::new();
    for member in &survey.members {
        let name = &member.view.name;
        let facts = member.facts();
        if let Some(own) = facts.and_then(|facts| facts.option("name")).filter(|own| own.value != name.as_str()) {
            findings.refuse(
                "member-name",
                Some(member.view),
                Words {
                    seen: format!("it is started with the name {}", own.value),
                    must: "a restored member bears the name that it is declared with".to_owned(),
                    fix: format!("declare it as member \"{}\"", own.value),
                },
                None,
            );
        }
        let made = create::data_home(cluster, name);
        let data_dir = facts.map(|facts| facts.data_dir.path.clone()).or(made);
        let Some(data_dir) = data_dir else { continue };
        members.insert(
            name.clone(),
            RestoreMember {
                data_dir,
                wal_dir: facts.and_then(|facts| facts.data_dir.wal_dir.clone()),
                peer_urls: peer_urls(cluster, survey, member),
                user: match &cluster.runtime {
                    Runtime::Systemd(systemd) if facts.is_none() => Some(systemd.user.clone()),
                    _ => None,
                },
            },
        );
    }
    members
}

/// As the cluster has them; of one that is down, as it is started; of one that is not there, as it will be.
fn peer_urls(cluster: &Cluster, survey: &Survey<'_>, member: &Surveyed<'_>) -> Vec<String> {
    let name = member.view.name.as_str();
    let listed = survey.serving().flat_map(|(_, etcd)| &etcd.members).find(|listed| listed.name == name);
    if let Some(listed) = listed.filter(|listed| !listed.peer_urls.is_empty()) {
        return listed.peer_urls.clone();
    }
    let option = |facts: &MemberFacts| Some(facts.option("initial-advertise-peer-urls")?.value.clone());
    match member.facts().and_then(option) {
        Some(urls) => urls.split(',').map(|url| url.trim().to_owned()).collect(),
        None => cluster
            .members
            .iter()
            .filter(|declared| declared.name == member.view.name)
            .map(|declared| create::peer_url(cluster, declared))
            .collect(),
    }
}

/// Members whose file is of another version than the declared one.
fn binaries(
    input: &Input<'_>,
    survey: &Survey<'_>,
    pins: &BTreeMap<String, &ReleasePin>,
    findings: &mut Findings,
) -> BTreeMap<MemberName, BinaryChange> {
    let to = &input.cluster.version;
    let mut changes = BTreeMap::new();
    for member in &survey.members {
        let (Some(facts), Some(host)) = (member.facts(), member.host()) else { continue };
        if facts.binary.version.as_ref() == Some(to) {
            continue;
        }
        let new = pins.get(&host.arch).and_then(|pin| pin.binaries.get("etcd"));
        let (Some(old), Some(version)) = (facts.binary.sha256, &facts.binary.version) else {
            findings.refuse(
                "binary-on-disk",
                Some(member.view),
                Words {
                    seen: format!("{} is no etcd that runs there", facts.binary.path),
                    must: format!("the file that the member is started from is known before {to} takes its place"),
                    fix: format!("put an etcd of {to} there"),
                },
                None,
            );
            continue;
        };
        let Some(new) = new else { continue };
        changes.insert(
            member.view.name.clone(),
            BinaryChange {
                path: facts.binary.path.clone(),
                old_sha256: Some(old),
                new_sha256: new.sha256,
                staged: layout::staged(&input.cluster.runtime, to, "etcd"),
                kept: layout::staged(&input.cluster.runtime, version, "etcd"),
            },
        );
    }
    changes
}

fn room_beside(survey: &Survey<'_>, backup: &RestoreSource, findings: &mut Findings) {
    let need = room_for_restore(backup.size());
    for member in &survey.members {
        let Some(facts) = member.facts().filter(|facts| facts.data_dir.free < need) else { continue };
        findings.refuse(
            "room-for-restore",
            Some(member.view),
            Words {
                seen: format!("{} are free beside {}", facts.data_dir.free, facts.data_dir.path),
                must: format!("{need}: the backup, what is restored of it, and etcd's first log, beside what is there"),
                fix: "free space there; older folders that end in .quorate-… may be what takes it".to_owned(),
            },
            None,
        );
    }
    findings.pass("room-for-restore", format!("{need} fit beside each data directory"));
}

fn say_what_is_lost(from: &RestoreInput<'_>, survey: &Survey<'_>, findings: &mut Findings) {
    let backup = from.backup;
    let now = survey.serving().filter_map(|(_, etcd)| etcd.revision).max();
    let behind = match (now, &backup.v3) {
        (Some(now), Some(v3)) if now > v3.revision => format!(": {} revisions", now.0 - v3.revision.0),
        _ => String::new(),
    };
    findings.warn(
        "restore-loses-writes",
        None,
        format!("everything that was written since {} is not in the restored cluster{behind}", backup.taken_at),
        None,
    );
    if backup.v3.is_some() {
        let bump = from.input.knowledge.features(&from.input.cluster.version);
        let advice = if bump.has(crate::knowledge::Feature::BumpRevision) {
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
    if backup.cluster != from.input.cluster.name {
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

/// What the note will say; where one is there, the very same.
fn replacement(
    from: &RestoreInput<'_>,
    survey: &Survey<'_>,
    under_way: Option<&Replacement>,
    members: &BTreeMap<MemberName, RestoreMember>,
    binaries: &BTreeMap<MemberName, BinaryChange>,
) -> Replacement {
    if let Some(note) = under_way {
        return note.clone();
    }
    let to = from.input.cluster.version.clone();
    let of = |(name, member): (&MemberName, &RestoreMember)| {
        let replacement = MemberReplacement {
            data_dir: member.data_dir.clone(),
            wal_dir: member.wal_dir.clone(),
            size: from.backup.size(),
            copy_of: None,
            binary: binaries.get(name).cloned(),
        };
        (name.clone(), replacement)
    };
    Replacement {
        format: crate::plan::model::REPLACEMENT_FORMAT,
        kind: ReplacementKind::Restore,
        id: None,
        phase: ReplacementPhase::Replacing,
        from: version_there(survey).unwrap_or_else(|| to.clone()),
        to,
        source: from.backup.id.clone(),
        // They hold the same, to the last bit: none must wait for another.
        first: members.keys().cloned().collect(),
        then: Vec::new(),
        member_list: Vec::new(),
        members: members.iter().map(of).collect(),
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
    steps: Vec<crate::plan::model::Step>,
    pins: &BTreeMap<String, &ReleasePin>,
) -> Plan {
    let input = &from.input;
    let any = survey.serving().next().map(|(_, etcd)| etcd);
    let to = input.cluster.version.clone();
    let mut checks = findings.checks;
    checks.sort_by_key(|check| check.outcome != crate::plan::model::CheckOutcome::Passed);
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
        checks,
        warnings: findings.warnings,
    }
}
