//! Whole: all members go back to their rollback points, together. The one safe order: all stopped; a note beside every data
//! directory; all data moved aside and all copies put in place; then exactly a quorum that holds the longest log, together,
//! until it serves; then the others, one by one. Started in any other way, members may differ without a word.
//!
//! What an interrupted run left is finished from the note alone.

use std::collections::BTreeMap;

use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    Action, BinaryChange, DataCopy, Gate, MemberAction, MemberReplacement, Moment, Operation, REPLACEMENT_FORMAT,
    Refusal, ReplaceAction, Replacement, ReplacementKind, ReplacementPhase, Role, Step, Undo,
};
use crate::plan::rollback::ground::{self, Ground};
use crate::plan::rollback::{PointSet, Rollback, RollbackInput, assemble, points};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::Way;
use crate::plan::upgrade::{CAUGHT_UP_ENTRIES, Numbered};
use crate::plan::{estimate, hosts, replacing};
use crate::spec::model::{Cluster, OnFailure};
use crate::units::{MemberName, Sha256, Version};

/// From the points that are there.
pub fn begin(
    from: &RollbackInput<'_>,
    survey: &Survey<'_>,
    ground: &Ground,
    to: &Version,
    mut findings: Findings,
) -> Result<Rollback, Vec<Refusal>> {
    let set = match points::find(survey, to) {
        Ok(set) => set,
        Err(why) => {
            refuse_points(to, &why, &mut findings);
            return Err(findings.refusals);
        }
    };
    hosts_ready(from, survey, &mut findings);
    let members = replacements(from, survey, &set, &mut findings);
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    let quorum = set.members.len() / 2 + 1;
    let names: Vec<MemberName> = set.members.iter().map(|(name, _)| name.clone()).collect();
    let replacement = Replacement {
        format: REPLACEMENT_FORMAT,
        kind: ReplacementKind::Rollback,
        id: None,
        phase: ReplacementPhase::Replacing,
        from: ground.newest.clone(),
        to: to.clone(),
        source: set.runs().join(", "),
        first: names.iter().take(quorum).cloned().collect(),
        then: names.iter().skip(quorum).cloned().collect(),
        member_list: survey.serving().next().map(|(_, etcd)| etcd.members.clone()).unwrap_or_default(),
        members,
    };
    warn_of_loss(&set, ground, &mut findings);
    let steps = steps(from.input.cluster, survey, &replacement);
    let plan = assemble(from, survey, (&ground.newest, to), findings, steps, clients(&set));
    Ok(Rollback::Plan(Box::new(plan)))
}

/// What an interrupted run began.
pub fn finish(from: &RollbackInput<'_>, survey: &Survey<'_>, note: &Replacement) -> Result<Rollback, Vec<Refusal>> {
    let mut findings = Findings::default();
    for member in &survey.members {
        fits(member, note, &mut findings);
    }
    if note.members.len() != survey.members.len() {
        replacing::refuse_wrong(&["the note speaks of other members than the spec declares".to_owned()], &mut findings);
    }
    if let Some(asked) = from.asked.to.as_ref().filter(|asked| **asked != note.to) {
        refuse_other_target(asked, note, &mut findings);
    }
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    findings.warn(
        "replacement-under-way",
        None,
        format!(
            "run {} was cut off while the data of all members was being replaced: this finishes it, to {}",
            note.id.as_deref().unwrap_or("?"),
            note.to
        ),
        None,
    );
    let steps = steps(from.input.cluster, survey, note);
    let clients = vec!["no service until the last steps: members are down, or are not all back yet".to_owned()];
    Ok(Rollback::Plan(Box::new(assemble(from, survey, (&note.from, &note.to), findings, steps, clients))))
}

/// A note came from a host: its paths are only used where they are those that were seen.
fn fits(member: &Surveyed<'_>, note: &Replacement, findings: &mut Findings) {
    let (name, Some(facts)) = (&member.view.name, member.facts()) else {
        let why = member.view.host.why().unwrap_or("nothing of the member was found");
        findings.refuse(
            "host-reachable",
            Some(member.view),
            Words {
                seen: why.to_owned(),
                must: "every host can be looked at: the data of all members is replaced together".to_owned(),
                fix: "make the host reachable by `ssh` as the spec says, then run it again".to_owned(),
            },
            None,
        );
        return;
    };
    let Some(planned) = note.members.get(name) else {
        replacing::refuse_wrong(&[format!("the note does not speak of {name}")], findings);
        return;
    };
    let data = &facts.data_dir;
    let is_point = |copy: &DataCopy| {
        data.rollback_points.iter().any(|point| point.path == copy.data && point.wal_path == copy.wal)
    };
    let mut wrong = |what: &str| replacing::refuse_wrong(&[format!("{name}: {what}")], findings);
    if planned.data_dir != data.path || planned.wal_dir.as_ref() != data.outer_wal_dir() {
        wrong("the note speaks of another data directory than the one that is configured");
    }
    if note.phase == ReplacementPhase::Replacing && !planned.copy_of.as_ref().is_some_and(is_point) {
        wrong("the rollback point that the note speaks of is not there");
    }
    if planned.binary.as_ref().is_some_and(|binary| binary.path != facts.binary.path) {
        wrong("the note speaks of another binary than the one that is configured");
    }
}

fn refuse_other_target(asked: &Version, note: &Replacement, findings: &mut Findings) {
    findings.refuse(
        "rollback-target",
        None,
        Words {
            seen: format!("-to {asked}; a rollback to {} is under way", note.to),
            must: "what was begun is finished first".to_owned(),
            fix: "`quorate rollback`, without -to".to_owned(),
        },
        None,
    );
}

fn refuse_points(to: &Version, why: &[String], findings: &mut Findings) {
    findings.refuse(
        "rollback-points",
        None,
        Words {
            seen: why.join("; "),
            must: format!(
                "every member has a rollback point of {to}: no member may keep data that has seen the newer version"
            ),
            fix: "restore a backup instead: `quorate restore BACKUP`".to_owned(),
        },
        None,
    );
}

/// Units, certificates, what would be started: the same as before any stop.
fn hosts_ready(from: &RollbackInput<'_>, survey: &Survey<'_>, findings: &mut Findings) {
    let cluster = from.input.cluster;
    let left = survey.members.iter().map(|member| member.view.name.clone()).collect();
    let way = Way { from: cluster.version.clone(), to: cluster.version.clone(), left, cluster_version_behind: false };
    hosts::check(cluster, survey, &way, from.input.knowledge, findings);
}

fn replacements(
    from: &RollbackInput<'_>,
    survey: &Survey<'_>,
    set: &PointSet,
    findings: &mut Findings,
) -> BTreeMap<MemberName, MemberReplacement> {
    let mut members = BTreeMap::new();
    for (name, point) in &set.members {
        let Some(member) = survey.members.iter().find(|member| member.view.name == *name) else { continue };
        let (Some(facts), Some(binary)) = (member.facts(), ground::back(from, member, &set.version, findings)) else {
            continue;
        };
        members.insert(
            name.clone(),
            MemberReplacement {
                data_dir: facts.data_dir.path.clone(),
                wal_dir: facts.data_dir.outer_wal_dir().cloned(),
                copy_of: Some(DataCopy { data: point.path.clone(), wal: point.wal_path.clone() }),
                size: hosts::rollback_point_size(facts),
                binary: Some(binary),
            },
        );
    }
    members
}

fn warn_of_loss(set: &PointSet, ground: &Ground, findings: &mut Findings) {
    let entries = match set.lost {
        Some(entries) => format!("up to {entries} entries of the raft log"),
        None => "how many is not known".to_owned(),
    };
    findings.warn(
        "writes-lost",
        None,
        format!(
            "every write since the newest rollback point ({}) is lost: {entries}. What is lost stays on each host, in the \
             data directory that is moved aside; no {} can read it",
            set.taken_last(),
            set.version
        ),
        None,
    );
    if set.runs().len() > 1 {
        findings.warn(
            "rollback-points",
            None,
            format!("the rollback points are of {} runs: {}", set.runs().len(), set.runs().join(", ")),
            None,
        );
    }
    if !ground.all_serve {
        findings.warn("members-down", None, format!("not all members answer: {}", ground.each), None);
    }
}

fn clients(set: &PointSet) -> Vec<String> {
    vec![
        "no service from the stop of all members until the first quorum is up: about 5 s for a small cluster"
            .to_owned(),
        format!("writes since {} are gone, also acknowledged ones", set.taken_last()),
        "revisions and indexes go back and are used again: whoever keeps one (watches, caches) has to read anew"
            .to_owned(),
    ]
}

/// All of it from the phase that the hosts are in.
fn steps(cluster: &Cluster, survey: &Survey<'_>, replacement: &Replacement) -> Vec<Step> {
    let mut steps = Numbered::default();
    if replacement.phase == ReplacementPhase::Replacing {
        make_ready(survey, replacement, &mut steps);
        replace(cluster, replacement, &mut steps);
        mark(replacement, ReplacementPhase::Starting, &mut steps);
    }
    start(cluster, survey, replacement, &mut steps);
    end(cluster, survey, replacement, &mut steps);
    steps.list
}

fn make_ready(survey: &Survey<'_>, replacement: &Replacement, steps: &mut Numbered) {
    let members: Vec<MemberName> = replacement.members.keys().cloned().collect();
    let size = replacement.members.values().map(|member| member.size).max().unwrap_or_default();
    push(
        steps,
        Action::Preflight { version: replacement.to.clone(), members: members.clone() },
        "options that the old binary does not know are found before a member is stopped",
        Undo::NothingToUndo,
        Vec::new(),
    );
    push(
        steps,
        Action::ReadyData { id: replacement.id.clone(), members: replacement.members.clone() },
        "while the members run: the points themselves are not used up, and no time is lost on copies later",
        Undo::NothingToUndo,
        Vec::new(),
    );
    if let Some(step) = steps.list.last_mut() {
        step.estimate = estimate::read(size);
    }
    let swapped: Vec<MemberName> = survey
        .members
        .iter()
        .filter(|member| {
            let change = replacement.members.get(&member.view.name).and_then(|planned| planned.binary.as_ref());
            change.is_some_and(|change| {
                member.facts().is_some_and(|facts| Some(change.new_sha256) != facts.binary.sha256)
            })
        })
        .map(|member| member.view.name.clone())
        .collect();
    if !swapped.is_empty() {
        push(
            steps,
            Action::Prepare { members: swapped },
            "the kept binaries are checked and laid beside the new ones",
            Undo::NothingToUndo,
            Vec::new(),
        );
    }
}

fn replace(cluster: &Cluster, replacement: &Replacement, steps: &mut Numbered) {
    let members: Vec<MemberName> = replacement.members.keys().cloned().collect();
    push(
        steps,
        Action::StopAll { members, timeout: cluster.rollout.stop_timeout },
        "all or nothing: no member may keep data that has seen the newer version",
        Undo::StopAgain,
        Vec::new(),
    );
    mark(replacement, ReplacementPhase::Replacing, steps);
    for (name, member) in &replacement.members {
        push(
            steps,
            Action::ReplaceData(Box::new(ReplaceAction {
                member: name.clone(),
                id: replacement.id.clone(),
                from: replacement.from.clone(),
                to: replacement.to.clone(),
                replacement: member.clone(),
            })),
            "two renames and a swap: nothing is deleted",
            Undo::MoveBack,
            Vec::new(),
        );
    }
}

fn mark(replacement: &Replacement, phase: ReplacementPhase, steps: &mut Numbered) {
    let why = match phase {
        ReplacementPhase::Replacing => {
            "whatever happens from here on, the next look knows what is under way: it is finished, or refused"
        }
        ReplacementPhase::Starting => "from here on members are started, and no longer replaced",
    };
    let action = Action::MarkReplacement(Box::new(Replacement { phase, ..replacement.clone() }));
    push(steps, action, why, Undo::NothingToUndo, Vec::new());
}

/// Members that are to be started: all, unless a run was cut off while it did.
fn start(cluster: &Cluster, survey: &Survey<'_>, replacement: &Replacement, steps: &mut Numbered) {
    let rollout = &cluster.rollout;
    let resumed = replacement.phase == ReplacementPhase::Starting;
    let up = |name: &MemberName| {
        let member = survey.members.iter().find(|member| member.view.name == *name);
        resumed && member.is_some_and(|member| matches!(member.standing, Standing::Serving { .. }))
    };
    let runs = |name: &MemberName| {
        let sha256 = digest(replacement, name)?;
        let (member, version) = (name.clone(), replacement.to.clone());
        Some(Gate::RunsVersion { member, version, sha256, within: rollout.ready_timeout })
    };
    if !replacement.first.iter().all(up) {
        let mut after: Vec<Gate> = replacement.first.iter().filter_map(runs).collect();
        after.push(Gate::Serving { members: replacement.first.clone(), within: rollout.ready_timeout });
        push(
            steps,
            Action::StartTogether { members: replacement.first.clone() },
            "exactly a quorum, and the longest log is in it: nobody else can win the election, so nothing of it is lost",
            Undo::StopAgain,
            after,
        );
    }
    let mut serving = replacement.first.clone();
    for name in &replacement.then {
        serving.push(name.clone());
        let Some(sha256) = digest(replacement, name).filter(|_| !up(name)) else { continue };
        let mut after: Vec<Gate> = runs(name).into_iter().collect();
        after.push(Gate::CaughtUp {
            member: name.clone(),
            entries: CAUGHT_UP_ENTRIES,
            within: rollout.catch_up_timeout,
        });
        after.push(Gate::Serving { members: serving.clone(), within: rollout.ready_timeout });
        let path = binary(replacement, name).map_or_else(String::new, |binary| binary.path.clone());
        let action = MemberAction {
            member: name.clone(),
            role: Role::Down,
            from: replacement.to.clone(),
            to: replacement.to.clone(),
            binary: BinaryChange {
                old_sha256: None,
                new_sha256: sha256,
                staged: path.clone(),
                kept: path.clone(),
                path,
            },
            operations: vec![Operation::Start { timeout: rollout.ready_timeout }],
            on_failure: OnFailure::Halt,
        };
        let takes = estimate::member(&action.operations, &after);
        let why = "its log is shorter: it takes what the others have, and could not have led them".to_owned();
        steps.push(Action::Member(action), why, (Vec::new(), after), Undo::StopAgain, takes);
    }
}

fn binary<'r>(replacement: &'r Replacement, name: &MemberName) -> Option<&'r BinaryChange> {
    replacement.members.get(name)?.binary.as_ref()
}

fn digest(replacement: &Replacement, name: &MemberName) -> Option<Sha256> {
    binary(replacement, name).map(|binary| binary.new_sha256)
}

fn end(cluster: &Cluster, survey: &Survey<'_>, replacement: &Replacement, steps: &mut Numbered) {
    let rollout = &cluster.rollout;
    let within = rollout.gate_timeout;
    let mut well = vec![Gate::AllHealthy { within }, Gate::OneLeader { within }];
    if !replacement.member_list.is_empty() {
        well.push(Gate::MemberList { members: replacement.member_list.clone(), within });
    }
    let minor = replacement.to.minor();
    let mut after = well.clone();
    after.push(Gate::ClusterVersion { minor, within: rollout.version_timeout });
    if !rollout.soak.is_zero() {
        after.push(Gate::Soak { span: rollout.soak });
    }
    push(
        steps,
        Action::Finish { version: replacement.to.clone(), minor },
        "all members serve, and the cluster version is the old one again",
        Undo::NothingToUndo,
        after,
    );
    let size = survey.serving().filter_map(|(_, etcd)| etcd.db_size).max().unwrap_or_default();
    steps.push(
        Action::CompareData { moment: Moment::AtTheEnd },
        "the proof that the order was right: all members hold the same data".to_owned(),
        (well, Vec::new()),
        Undo::NothingToUndo,
        estimate::read(size),
    );
    push(
        steps,
        Action::EndReplacement { members: replacement.members.clone() },
        "all is done: other commands may work on the cluster again",
        Undo::NothingToUndo,
        Vec::new(),
    );
}

fn push(steps: &mut Numbered, action: Action, why: &str, undo: Undo, after: Vec<Gate>) {
    let takes = match &action {
        Action::StartTogether { .. } => estimate::START,
        Action::Finish { .. } => estimate::member(&[], &after),
        _ => estimate::SHORT,
    };
    steps.push(action, why.to_owned(), (Vec::new(), after), undo, takes);
}
