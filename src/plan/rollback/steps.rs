//! The steps that replace the data of a whole cluster and bring it up again, from the phase that the hosts are in.

use crate::plan::estimate;
use crate::plan::model::{
    Action, BinaryChange, Gate, MemberAction, Moment, Operation, ReplaceAction, Replacement, ReplacementPhase, Role,
    Step, Undo,
};
use crate::plan::survey::{Standing, Survey};
use crate::plan::upgrade::{CAUGHT_UP_ENTRIES, Numbered};
use crate::spec::model::{Cluster, OnFailure};
use crate::units::{MemberName, Sha256};

/// All of it from the phase that the hosts are in.
pub fn steps(cluster: &Cluster, survey: &Survey<'_>, replacement: &Replacement) -> Vec<Step> {
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
        ReplacementPhase::Joining => "what the quorum has taken in since is not thrown away any more, whatever happens",
    };
    let action = Action::MarkReplacement(Box::new(Replacement { phase, ..replacement.clone() }));
    push(steps, action, why, Undo::NothingToUndo, Vec::new());
}

/// Members that are to be started: all, unless a run was cut off while it did.
fn start(cluster: &Cluster, survey: &Survey<'_>, replacement: &Replacement, steps: &mut Numbered) {
    let rollout = &cluster.rollout;
    let resumed = replacement.phase != ReplacementPhase::Replacing;
    let joins = replacement.phase == ReplacementPhase::Joining;
    let up = |name: &MemberName| resumed && has_process(survey, name);
    // Once the first quorum has served, whoever runs may lead it: also one that was to be started later.
    let others_up = replacement.then.iter().filter(|name| joins && up(name));
    let mut serving: Vec<MemberName> = replacement.first.iter().chain(others_up).cloned().collect();
    let runs = |name: &MemberName| {
        let sha256 = digest(replacement, name)?;
        let (member, version) = (name.clone(), replacement.to.clone());
        Some(Gate::RunsVersion { member, version, sha256, within: rollout.ready_timeout })
    };
    let down: Vec<MemberName> = replacement.first.iter().filter(|name| !up(name)).cloned().collect();
    if !down.is_empty() {
        let mut after: Vec<Gate> = replacement.first.iter().filter_map(runs).collect();
        after.push(Gate::Serving { members: serving.clone(), within: rollout.ready_timeout });
        push(
            steps,
            Action::StartTogether { members: down },
            "exactly a quorum, and the longest log is in it: nobody else can win the election, so nothing of it is lost",
            Undo::StopAgain,
            after,
        );
    }
    mark(replacement, ReplacementPhase::Joining, steps);
    if let Some(step) = steps.list.last_mut() {
        step.before = vec![Gate::Serving { members: serving.clone(), within: rollout.ready_timeout }];
    }
    for name in &replacement.then {
        if !serving.contains(name) {
            serving.push(name.clone());
        }
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
            readd: None,
            settings: None,
        };
        let takes = estimate::member(&action.operations, &after);
        let why = "its log is shorter: it takes what the others have, and could not have led them".to_owned();
        steps.push(Action::Member(action), why, (Vec::new(), after), Undo::StopAgain, takes);
    }
}

/// Whether its process is there, whether it answers or not.
pub fn has_process(survey: &Survey<'_>, name: &MemberName) -> bool {
    let member = survey.members.iter().find(|member| member.view.name == *name);
    member.is_some_and(|member| matches!(member.standing, Standing::Serving { .. } | Standing::Silent { .. }))
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
    well.push(Gate::DeclaredMembers { names: replacement.members.keys().cloned().collect(), within });
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
