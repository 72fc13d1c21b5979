//! Requirements: what the rung demands by `modules/etcd`, held against what was seen.

use crate::knowledge::{
    Affected, Change, Check, Cure, Downgrade, Hazard, HazardKind, Knowledge, Requirement, Rung, Severity, When,
};
use crate::observe::inventory::EtcdFacts;
use crate::plan::findings::{Findings, Words};
use crate::plan::raft_snapshots;
use crate::plan::survey::{Survey, Surveyed};
use crate::plan::target::Way;

/// Holds every requirement, hazard and silent change of a rung against the cluster.
pub fn check(rung: &Rung, way: &Way, survey: &Survey<'_>, knowledge: &Knowledge, findings: &mut Findings) {
    for requirement in rung.requirements_for(&way.to) {
        one(requirement, way, survey, findings);
    }
    for hazard in rung.hazards_for(&way.to) {
        hazard_of(hazard, (knowledge, way), survey, findings);
    }
    for change in rung.changes_for(&way.to) {
        silent_change(change, survey, findings);
    }
}

/// The same of a way down.
pub fn check_down(downgrade: &Downgrade, way: &Way, survey: &Survey<'_>, findings: &mut Findings) {
    for requirement in downgrade.requirements.iter().filter(|requirement| requirement.targets.contains(&way.to)) {
        one(requirement, way, survey, findings);
    }
}

fn one(requirement: &Requirement, way: &Way, survey: &Survey<'_>, findings: &mut Findings) {
    match &requirement.check {
        Check::MinimumPatch { at_least, when } => {
            if !applies(*when, survey) {
                return;
            }
            for member in &survey.members {
                if let Some(etcd) = member.etcd()
                    && etcd.server_version.minor() == way.live_minor()
                    && etcd.server_version < *at_least
                {
                    broken(
                        requirement,
                        Some(member),
                        format!("{} runs {}", member.view.name, etcd.server_version),
                        findings,
                    );
                }
            }
        }
        Check::OptionOff { option } => {
            for member in &survey.members {
                if let Some(set) = member.facts().and_then(|facts| facts.option(option))
                    && set.value != "false"
                {
                    broken(
                        requirement,
                        Some(member),
                        format!("{option} is \"{}\" on {}", set.value, member.view.name),
                        findings,
                    );
                }
            }
        }
        Check::AuthFrozen {} | Check::AuthDisabled {} => {
            if survey.serving().any(|(_, etcd)| etcd.auth_enabled == Some(true)) {
                broken(requirement, None, "authentication is enabled".to_owned(), findings);
            }
        }
        Check::NoV2Content {} => {
            if let Some(keys) = v2_keys(survey) {
                broken(requirement, None, format!("the cluster holds {keys} keys of the v2 API"), findings);
            }
        }
        Check::V2UsersSetOption { option } => {
            let Some(keys) = v2_keys(survey) else { return };
            for member in &survey.members {
                let set = member.facts().and_then(|facts| facts.option(option));
                if member.facts().is_some() && set.is_none_or(|set| set.value == "false") {
                    let seen = format!("{keys} keys of the v2 API, and {option} is not set on {}", member.view.name);
                    broken(requirement, Some(member), seen, findings);
                }
            }
        }
        // What the health checks, the way, the options and the steps themselves see to on every rung.
        Check::OneMinorBelow {}
        | Check::AllMembersHealthy {}
        | Check::NoAlarms {}
        | Check::EveryListedMemberAnswers {}
        | Check::MembershipFrozen {}
        | Check::BackupBeforeFirstStop {}
        | Check::RollbackPointOfEachMember {}
        | Check::OptionsAccepted {}
        | Check::NoLearners {} => {}
    }
}

pub fn applies(when: When, survey: &Survey<'_>) -> bool {
    match when {
        When::Always => true,
        When::AuthEnabled => survey.serving().any(|(_, etcd)| etcd.auth_enabled != Some(false)),
        When::HasLearners => survey.serving().any(|(_, etcd)| etcd.members.iter().any(|member| member.is_learner)),
    }
}

fn v2_keys(survey: &Survey<'_>) -> Option<u64> {
    survey.serving().filter_map(|(_, etcd)| etcd.v2_keys).max().filter(|keys| *keys > 0)
}

fn broken(requirement: &Requirement, member: Option<&Surveyed<'_>>, seen: String, findings: &mut Findings) {
    let fact = &requirement.fact;
    let source = fact.sources.first().map(ToString::to_string);
    match requirement.severity {
        Severity::Refuse => findings.refuse(
            &fact.name,
            member.map(|member| member.view),
            Words {
                seen,
                must: fact.what.clone(),
                fix: fact.fix.clone().or_else(|| fact.why.clone()).unwrap_or_else(|| "see the source".to_owned()),
            },
            source.as_deref(),
        ),
        Severity::Warn => findings.warn(
            &fact.name,
            member.map(|member| &member.view.name),
            format!("{seen}. {}", fact.what),
            source.as_deref(),
        ),
    }
}

fn hazard_of(hazard: &Hazard, (knowledge, way): (&Knowledge, &Way), survey: &Survey<'_>, findings: &mut Findings) {
    let fact = &hazard.fact;
    let source = fact.sources.first().map(ToString::to_string);
    match &hazard.hazard {
        HazardKind::SnapshotAheadOfDatabase { refused_by } => {
            let never_written = |member: &Surveyed<'_>| {
                let snap = member.facts().and_then(|facts| facts.data_dir.newest_snap.as_ref());
                // Snapshots that a version of `refused_by` made itself have their database: it commits that first.
                let unwritten = |etcd: &EtcdFacts| {
                    etcd.revision.is_some_and(|revision| revision.0 <= 1) && !refused_by.contains(&etcd.server_version)
                };
                snap.is_some() && member.etcd().is_some_and(unwritten)
            };
            let found = survey.members.iter().filter(|member| never_written(member));
            let names: Vec<&str> = found.map(|member| member.view.name.as_str()).collect();
            if names.is_empty() {
                not_known_yet(hazard, survey, findings);
                return;
            }
            findings.refuse(
                &fact.name,
                None,
                Words {
                    seen: format!(
                        "nothing was ever written through the v3 API, and there is a raft snapshot on {}",
                        names.join(", ")
                    ),
                    must: fact.what.clone(),
                    fix: fact.fix.clone().unwrap_or_else(|| {
                        "put one key through the v3 API and delete it again, then plan again".to_owned()
                    }),
                },
                source.as_deref(),
            );
        }
        HazardKind::LogReplayedIntoDatabase => {
            let whole_log = |member: &&Surveyed<'_>| {
                let has_snap = member.facts().is_none_or(|facts| facts.data_dir.newest_snap.is_some());
                let is_old = |etcd: &EtcdFacts| etcd.server_version.minor() < way.to.minor();
                let unwritten = |etcd: &EtcdFacts| etcd.revision.is_some_and(|revision| revision.0 <= 1);
                !has_snap && member.etcd().is_some_and(|etcd| is_old(etcd) && unwritten(etcd))
            };
            let found = survey.members.iter().filter(whole_log);
            let names: Vec<&str> = found.map(|member| member.view.name.as_str()).collect();
            if names.is_empty() {
                return;
            }
            findings.refuse(
                &fact.name,
                None,
                Words {
                    seen: format!(
                        "nothing was ever written through the v3 API, and there is no raft snapshot on {}",
                        names.join(", ")
                    ),
                    must: fact.what.clone(),
                    fix: fact.fix.clone().unwrap_or_default(),
                },
                source.as_deref(),
            );
        }
        HazardKind::V2EntriesInWal { .. } => match &hazard.cure {
            // A step of its own clears them, whether there are any or not.
            Cure::RaftSnapshotByNoOps { snapshot_count_option } => {
                raft_snapshots::check(hazard, snapshot_count_option, (knowledge, way), survey, findings);
            }
            Cure::V3WriteOnOldVersion | Cure::PatchFirst { .. } | Cure::Abstain => findings.refuse(
                &fact.name,
                None,
                Words {
                    seen: "whether the WALs of the members hold v2 entries is not known".to_owned(),
                    must: fact.what.clone(),
                    fix: fact.fix.clone().unwrap_or_else(|| "see the source".to_owned()),
                },
                source.as_deref(),
            ),
        },
        HazardKind::NewRaftEntry { option } => {
            for member in &survey.members {
                if member.facts().and_then(|facts| facts.option(option)).is_some_and(|set| set.value != "false") {
                    findings.warn(&fact.name, Some(&member.view.name), fact.what.clone(), source.as_deref());
                }
            }
        }
        // Membership is frozen by a gate of every step, and old patches are refused by a requirement of their own.
        HazardKind::MembershipStoresDiffer { .. }
        | HazardKind::MemberAddedWhileMixed
        | HazardKind::LeasesExpireDifferently => {}
    }
}

/// On the way up from a version without the v3 API: what is written by then is for the clients to say.
fn not_known_yet(hazard: &Hazard, survey: &Survey<'_>, findings: &mut Findings) {
    let is_open = |member: &&Surveyed<'_>| {
        let snap = member.facts().and_then(|facts| facts.data_dir.newest_snap.as_ref());
        snap.is_some() && member.etcd().is_some_and(|etcd| etcd.revision.is_none())
    };
    let open: Vec<&str> = survey.members.iter().filter(is_open).map(|member| member.view.name.as_str()).collect();
    if open.is_empty() {
        return;
    }
    let fix = hazard.fact.fix.as_deref().unwrap_or_default();
    findings.warn(
        &hazard.fact.name,
        None,
        format!(
            "{} What will have been written by then is not known now, and there is a raft snapshot on {}; without a write \
             through v3 the climb ends before this rung. {fix}",
            hazard.fact.what,
            open.join(", ")
        ),
        hazard.fact.sources.first().map(ToString::to_string).as_deref(),
    );
}

fn silent_change(change: &Change, survey: &Survey<'_>, findings: &mut Findings) {
    let sets = |member: &Surveyed<'_>, options: &[String]| {
        member.facts().is_some_and(|facts| options.iter().any(|option| facts.option(option).is_some()))
    };
    let affected = |member: &Surveyed<'_>| match &change.affects {
        Affected::EveryMember {} => true,
        Affected::MembersWithout { options } => member.facts().is_some() && !sets(member, options),
        Affected::MembersWith { options } => sets(member, options),
        Affected::MembersWithConfigFile {} => member.facts().is_some_and(|facts| facts.config_file.is_some()),
        Affected::MembersWithoutRaftSnapshot {} => {
            member.facts().is_some_and(|facts| facts.data_dir.has_member && facts.data_dir.newest_snap.is_none())
        }
        Affected::MembersWithPeerTls {} => sets(member, &["peer-cert-file".to_owned(), "peer-auto-tls".to_owned()]),
        Affected::V2Users {} => v2_keys(survey).is_some(),
    };
    let names: Vec<String> =
        survey.members.iter().filter(|member| affected(member)).map(|member| member.view.name.to_string()).collect();
    if names.is_empty() {
        return;
    }
    let whom = if names.len() == survey.members.len() { "all members".to_owned() } else { names.join(", ") };
    let source = change.fact.sources.first().map(ToString::to_string);
    findings.warn(&change.fact.name, None, format!("{} ({whom})", change.fact.what), source.as_deref());
}
