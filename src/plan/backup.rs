//! Backup: what is taken, from whom, and how it is proved; before a rung, and at a person's wish.

use std::collections::BTreeSet;

use crate::knowledge::{Feature, KeySpace, Knowledge};
use crate::observe::inventory::EtcdFacts;
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    Action, BackupAction, Kind, PLAN_FORMAT, Plan, Refusal, Rung, Step, StepId, Summary, Undo, V2Backup, V3Backup,
};
use crate::plan::survey::{Survey, Surveyed};
use crate::plan::target::Way;
use crate::plan::{Input, basis, estimate as estimates, health, layout, replacing, settle};
use crate::spec::model::{Cluster, Verify};
use crate::units::{Bytes, Span, Version};

/// A backup that is planned alone.
pub struct PlannedBackup {
    /// Releases that it needs, by version and architecture.
    pub wanted: BTreeSet<(Version, String)>,
    /// `None` until those are at hand.
    pub plan: Option<Plan>,
}

/// What is backed up before a rung to `tools`, or at a person's wish with the tools of that release. `None` when nobody
/// serves.
pub fn action(cluster: &Cluster, survey: &Survey<'_>, knowledge: &Knowledge, tools: &Version) -> Option<BackupAction> {
    let source = source(survey)?;
    let (etcd, facts) = (source.etcd()?, source.facts()?);
    let features = knowledge.features(&etcd.server_version);
    let rules: Vec<_> = knowledge.backup_rules(&etcd.server_version).collect();
    let v3 = rules.iter().any(|rule| rule.saves == KeySpace::V3).then(|| V3Backup {
        not_older_than: survey.serving_together().filter_map(|(_, etcd)| etcd.revision).max().unwrap_or_default(),
        compare_by_hash_kv: features.has(Feature::HashKv) && knowledge.features(tools).has(Feature::HashKv),
    });
    // Without v3 the v2 keys are all there is: an empty key space is backed up as well.
    let holds_v2 = v3.is_none() || etcd.v2_keys.is_some_and(|keys| keys > 0);
    let v2 = (holds_v2 && rules.iter().any(|rule| rule.saves == KeySpace::V2)).then(|| V2Backup {
        data_dir: facts.data_dir.path.clone(),
        wal_dir: facts.data_dir.wal_dir.clone(),
        size: settle::v2_size(facts),
    });
    Some(BackupAction { member: source.view.name.clone(), verify: cluster.backup.verify, v3, v2, tools: tools.clone() })
}

/// The release whose tools prove the backup before a rung: on the way down that which wrote the data, where it is restored.
pub fn tools<'w>(cluster: &Cluster, way: &'w Way) -> &'w Version {
    match cluster.backup.verify {
        Verify::Restore if way.goes_down() => &way.from,
        Verify::Restore | Verify::Hash => &way.to,
    }
}

/// What takes the v2 backup on the member's host.
pub fn host_program(action: &BackupAction) -> Option<String> {
    action.v2.is_some().then(|| "etcdctl".to_owned())
}

/// Keys of the v2 API that nobody here can save are a reason not to begin.
pub fn check(cluster: &Cluster, survey: &Survey<'_>, knowledge: &Knowledge, findings: &mut Findings) {
    trial_lets_in(cluster, survey, findings);
    let lost = |etcd: &EtcdFacts| {
        let saved = knowledge.backup_rules(&etcd.server_version).any(|rule| rule.saves == KeySpace::V2);
        etcd.v2_keys.unwrap_or_default() > 0 && !saved
    };
    let Some((view, etcd)) = survey.serving().find(|(_, etcd)| lost(etcd)) else {
        return;
    };
    findings.refuse(
        "v2-backup-possible",
        None,
        Words {
            seen: format!(
                "{} keys of the v2 API on {}, which runs {}",
                etcd.v2_keys.unwrap_or_default(),
                view.name,
                etcd.server_version
            ),
            must: "everything that the cluster holds is backed up before the first stop".to_owned(),
            fix: "this version of quorate backs up v2 keys of members up to 3.2: migrate or remove them first"
                .to_owned(),
        },
        None,
    );
}

/// A restored copy has the users of the live cluster, and is reached without TLS: nobody is known to it by a certificate.
fn trial_lets_in(cluster: &Cluster, survey: &Survey<'_>, findings: &mut Findings) {
    let by_certificate = cluster.client.login.is_none()
        && survey.serving().any(|(_, etcd)| etcd.auth_enabled == Some(true) && etcd.denied.is_none());
    match cluster.backup.verify {
        Verify::Restore if by_certificate => findings.refuse(
            "trial-let-in",
            None,
            Words {
                seen:
                    "authentication is on, the spec has no `user`, and the trial restore of the backup knows nobody by \
                       a certificate"
                        .to_owned(),
                must: "the restored copy of a backup lets quorate read its keys, to compare them".to_owned(),
                fix: "set `user` and `password` in the `client` block, of a user with the role root, or verify = \
                      \"hash\" in the `backup` block: no trial restore then"
                    .to_owned(),
            },
            None,
        ),
        Verify::Restore | Verify::Hash => {}
    }
}

/// The leader has everything that was acknowledged; without one, any member that serves the cluster is better than none.
fn source<'a>(survey: &Survey<'a>) -> Option<Surveyed<'a>> {
    let leader = survey.leader();
    let is_one_of_it = |etcd: &EtcdFacts| survey.cluster_id() == Some(etcd.cluster_id);
    let mut serving = survey.members.iter().filter(|member| member.etcd().is_some_and(is_one_of_it));
    survey.members.iter().find(|member| Some(&member.view.name) == leader).or_else(|| serving.next()).copied()
}

/// How long it takes, by the sizes seen.
pub fn estimate(action: &BackupAction, survey: &Survey<'_>) -> Span {
    let db = survey.serving_together().filter_map(|(_, etcd)| etcd.db_size).max().filter(|_| action.v3.is_some());
    let v2 = action.v2.as_ref().and_then(|v2| v2.size);
    estimates::backup(Bytes(db.unwrap_or_default().0.saturating_add(v2.unwrap_or_default().0)), action.verify)
}

/// Plans one backup now. A cluster that is not well can be backed up as long as one member serves.
pub fn plan(input: &Input<'_>) -> Result<PlannedBackup, Vec<Refusal>> {
    let under_way = replacing::refusals(input.inventory);
    if !under_way.is_empty() {
        return Err(under_way);
    }
    let survey = Survey::of(input.inventory);
    let mut findings = Findings::default();
    if !health::let_in(&survey, &mut findings) {
        return Err(findings.refusals);
    }
    trial_lets_in(input.cluster, &survey, &mut findings);
    // Without the strangers there is one to back up, unless it cannot be told which members are those.
    if survey.cluster_id().is_none() {
        health::one_cluster(&survey, &mut findings);
    }
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    let Some(live) = survey.serving_together().map(|(_, etcd)| etcd.server_version.clone()).min() else {
        refuse_silent(&survey, &mut findings);
        return Err(findings.refusals);
    };
    let declared = &input.cluster.version;
    let near = declared.minor() == live.minor() || input.knowledge.next_minor(live.minor()) == Some(declared.minor());
    let tools = if near { declared.clone() } else { live.clone() };
    let Some((action, source)) = action(input.cluster, &survey, input.knowledge, &tools).zip(source(&survey)) else {
        refuse_silent(&survey, &mut findings);
        return Err(findings.refusals);
    };
    let arch = source.host().map(|host| host.arch.clone()).unwrap_or_default();
    let wanted = BTreeSet::from([(tools.clone(), arch)]);
    let plan = (!input.releases.is_empty()).then(|| assemble(input, &survey, action, live, tools));
    Ok(PlannedBackup { wanted, plan })
}

fn refuse_silent(survey: &Survey<'_>, findings: &mut Findings) {
    let seen: Vec<_> = survey
        .members
        .iter()
        .map(|member| {
            format!("{}: {}", member.view.name, member.view.etcd.why().unwrap_or("its configuration was not found"))
        })
        .collect();
    findings.refuse(
        "member-answers",
        None,
        Words {
            seen: seen.join("; "),
            must: "one member serves: a backup is taken from it".to_owned(),
            fix: "start a member, or copy the data directory of a stopped one by hand".to_owned(),
        },
        None,
    );
}

fn assemble(input: &Input<'_>, survey: &Survey<'_>, action: BackupAction, live: Version, tools: Version) -> Plan {
    let takes = estimate(&action, survey);
    let mut steps = Vec::new();
    if action.v2.is_some() {
        steps.push(Step {
            id: StepId(1),
            action: Action::Stage {
                version: tools.clone(),
                members: vec![action.member.clone()],
                folder: layout::store(&input.cluster.runtime),
                programs: host_program(&action).into_iter().collect(),
            },
            why: "etcdctl takes the v2 backup on the member's host".to_owned(),
            before: Vec::new(),
            after: Vec::new(),
            undo: Undo::NothingToUndo,
            estimate: estimates::transfer(Bytes::default()),
        });
    }
    let why = match action.verify {
        Verify::Restore => "taken and proved by a trial restore",
        Verify::Hash => "taken, its digest checked",
    };
    steps.push(Step {
        id: StepId(if action.v2.is_some() { 2 } else { 1 }),
        action: Action::Backup(action),
        why: why.to_owned(),
        before: Vec::new(),
        after: Vec::new(),
        undo: Undo::NothingToUndo,
        estimate: takes,
    });
    let any = survey.serving_together().next().map(|(_, etcd)| etcd);
    Plan {
        format: PLAN_FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        kind: Kind::Backup,
        cluster: input.cluster.name.clone(),
        state_dir: input.state_dir.to_owned(),
        modules_dir: input.modules_dir.map(std::path::Path::to_owned),
        declared: Cluster { client: input.cluster.client.sealed(), ..input.cluster.clone() },
        basis: basis::of(input.inventory),
        summary: Summary {
            from: Some(live.clone()),
            to: live.clone(),
            members: survey.members.len(),
            leader: survey.leader().cloned(),
            db_size: survey.serving_together().filter_map(|(_, etcd)| etcd.db_size).max(),
            v2_keys: any.and_then(|etcd| etcd.v2_keys),
            v3_keys: any.and_then(|etcd| etcd.v3_keys),
            revision: survey.serving_together().filter_map(|(_, etcd)| etcd.revision).max(),
            estimate: takes,
        },
        releases: input.releases.to_vec(),
        rungs: vec![Rung {
            from: None,
            to: live.minor(),
            steps,
            no_return: None,
            clients: Vec::new(),
            advisories: Vec::new(),
        }],
        later: Vec::new(),
        checks: Vec::new(),
        warnings: Vec::new(),
    }
}
