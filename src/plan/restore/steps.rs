//! The steps of a restore: everything that takes time while the members still run; then all stop, each one's data is
//! replaced by renames, all start, and what they hold is compared with the backup.

use std::collections::BTreeMap;

use crate::knowledge::RestoreMeans;
use crate::observe::inventory::MemberFacts;
use crate::plan::model::{
    Action, BinaryChange, CreateAction, Gate, ReleasePin, ReplaceAction, Replacement, ReplacementPhase, RestoreAction,
    RestoreMember, RestoreSource, Step, StepId, Undo,
};
use crate::plan::restore::under_way;
use crate::plan::survey::Survey;
use crate::plan::{Input, create, estimate, layout};
use crate::units::{MemberName, Sha256, Span, Version};

/// What the steps are made of, all decided.
pub struct Ingredients<'a> {
    pub input: &'a Input<'a>,
    pub survey: &'a Survey<'a>,
    pub backup: &'a RestoreSource,
    pub means: RestoreMeans,
    /// Of the run whose restore is finished.
    pub id: Option<String>,
    pub members: BTreeMap<MemberName, RestoreMember>,
    pub binaries: BTreeMap<MemberName, BinaryChange>,
    pub to_make: Vec<CreateAction>,
    pub replacement: Replacement,
    pub pins: &'a BTreeMap<String, &'a ReleasePin>,
}

/// All of them, numbered.
pub fn steps(from: &Ingredients<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if under_way::replaces(&from.replacement) {
        make_ready(from, &mut steps);
        stop_and_replace(from, &mut steps);
    }
    start_and_prove(from, &mut steps);
    for (number, step) in (1..).zip(&mut steps) {
        step.id = StepId(number);
    }
    steps
}

fn step(action: Action, why: &str, undo: Undo, estimate: Span) -> Step {
    Step { id: StepId(0), action, why: why.to_owned(), before: Vec::new(), after: Vec::new(), undo, estimate }
}

/// Nothing here is noticed by a client.
fn make_ready(from: &Ingredients<'_>, steps: &mut Vec<Step>) {
    let cluster = from.input.cluster;
    let size = from.pins.values().map(|pin| crate::plan::upgrade::release_size(pin)).max().unwrap_or_default();
    let programs = programs(from);
    if !programs.is_empty() {
        let folder = layout::store(&cluster.runtime);
        steps.push(step(
            Action::Stage { version: cluster.version.clone(), members: names(from), folder, programs },
            "what the next steps need of the release that is restored to is on all hosts, checked",
            Undo::NothingToUndo,
            estimate::transfer(size),
        ));
    }
    for create in &from.to_make {
        steps.push(step(
            Action::CreateMember(Box::new(create.clone())),
            "nothing is there yet: the member is made, and not started before it has its data",
            Undo::RemoveCreated,
            Span::from_secs(1),
        ));
    }
    let changed: Vec<MemberName> = from.binaries.keys().cloned().collect();
    if !changed.is_empty() {
        steps.push(step(
            Action::Preflight { version: cluster.version.clone(), members: changed.clone() },
            "an option that this version does not know would keep the member from starting",
            Undo::NothingToUndo,
            Span::from_secs(1),
        ));
        steps.push(step(
            Action::Prepare { members: changed },
            "the binary that runs now is kept, and the change of it is one rename",
            Undo::NothingToUndo,
            estimate::read(size),
        ));
    }
    let why = match from.means {
        RestoreMeans::ForceNewCluster => {
            "a whole cluster is made of the backup on this machine, and compared with it key by key; each member's data is \
             then sent to its host, all while the members still run"
        }
        _ => "every member is restored from the same file, with a new cluster id, while the members still run",
    };
    steps.push(step(
        Action::LayRestored(Box::new(RestoreAction {
            id: from.id.clone(),
            backup: from.backup.id.clone(),
            version: cluster.version.clone(),
            means: from.means,
            members: from.members.clone(),
        })),
        why,
        Undo::NothingToUndo,
        estimate::backup(from.backup.size(), crate::spec::model::Verify::Restore),
    ));
}

/// What is used on the hosts: the tool that restores, a binary that takes the place of another, all for a new member.
fn programs(from: &Ingredients<'_>) -> Vec<String> {
    if !from.to_make.is_empty() {
        return create::programs(from.input.releases);
    }
    let mut programs = Vec::new();
    if !from.binaries.is_empty() {
        programs.push("etcd".to_owned());
    }
    if from.means != RestoreMeans::ForceNewCluster {
        programs.push(from.means.tool().to_owned());
    }
    programs
}

fn stop_and_replace(from: &Ingredients<'_>, steps: &mut Vec<Step>) {
    let rollout = &from.input.cluster.rollout;
    let there: Vec<MemberName> = from
        .survey
        .members
        .iter()
        .filter(|member| member.facts().is_some())
        .map(|member| member.view.name.clone())
        .collect();
    if !there.is_empty() {
        steps.push(step(
            Action::StopAll { members: there, timeout: rollout.stop_timeout },
            "no member with the old data may serve beside members with the restored one",
            Undo::StopAgain,
            Span::from_secs(1),
        ));
    }
    steps.push(step(
        Action::MarkReplacement(Box::new(from.replacement.clone())),
        "whoever looks from here on sees what is under way, and that only it may go on",
        Undo::MoveBack,
        Span::from_secs(1),
    ));
    for (name, replacement) in &from.replacement.members {
        let replacement = crate::plan::model::MemberReplacement {
            // Where the binary is in place already, nothing is left to change.
            binary: from.binaries.get(name).cloned(),
            ..replacement.clone()
        };
        steps.push(step(
            Action::ReplaceData(Box::new(ReplaceAction {
                member: name.clone(),
                id: from.id.clone(),
                from: version_of(from, name),
                to: from.replacement.to.clone(),
                replacement,
            })),
            "what was there is moved aside and stays; the restored data takes its place, by renames",
            Undo::MoveBack,
            Span::from_secs(1),
        ));
    }
    steps.push(step(
        Action::MarkReplacement(Box::new(Replacement {
            phase: ReplacementPhase::Starting,
            ..from.replacement.clone()
        })),
        "all have their restored data: no member is started before",
        Undo::MoveBack,
        Span::from_secs(1),
    ));
}

fn version_of(from: &Ingredients<'_>, name: &MemberName) -> Version {
    let member = from.survey.members.iter().find(|member| member.view.name == *name);
    let running = member.and_then(|member| member.etcd()).map(|etcd| etcd.server_version.clone());
    let on_disk = || member.and_then(|member| member.facts()).and_then(|facts| facts.binary.version.clone());
    running.or_else(on_disk).unwrap_or_else(|| from.replacement.from.clone())
}

fn start_and_prove(from: &Ingredients<'_>, steps: &mut Vec<Step>) {
    let rollout = &from.input.cluster.rollout;
    let (within, all) = (rollout.ready_timeout, names(from));
    let mut start = step(
        Action::StartTogether { members: all.clone() },
        "they hold the same, and need each other to serve",
        Undo::StopAgain,
        estimate::START,
    );
    start.after.extend(all.iter().filter_map(|name| {
        let (member, version) = (name.clone(), from.replacement.to.clone());
        Some(Gate::RunsVersion { member, version, sha256: binary_of(from, name)?, within })
    }));
    start.after.extend([
        Gate::AllHealthy { within },
        Gate::OneLeader { within },
        Gate::DeclaredMembers { names: all, within },
    ]);
    steps.push(start);
    let (version, minor) = (from.replacement.to.clone(), from.replacement.to.minor());
    let mut finish = step(
        Action::Finish { version, minor },
        "the cluster version is decided, on every member",
        Undo::NothingToUndo,
        estimate::VERSION_MOVES,
    );
    finish.after.push(Gate::ClusterVersion { minor, within: rollout.version_timeout });
    steps.push(finish);
    steps.push(step(
        Action::CompareRestored { backup: Box::new(from.backup.clone()) },
        "each member holds what the backup holds, no more and no less",
        Undo::NothingToUndo,
        estimate::read(from.backup.size()),
    ));
    steps.push(step(
        Action::EndReplacement { members: from.replacement.members.clone() },
        "the restore is complete: other commands may go on",
        Undo::NothingToUndo,
        Span::from_secs(1),
    ));
}

/// What the member will run: what is put there, or what is there already.
fn binary_of(from: &Ingredients<'_>, name: &MemberName) -> Option<Sha256> {
    if let Some(change) = from.binaries.get(name) {
        return Some(change.new_sha256);
    }
    let member = from.survey.members.iter().find(|member| member.view.name == *name)?;
    let on_disk = member.facts().and_then(|facts: &MemberFacts| facts.binary.sha256);
    let arch = &member.host()?.arch;
    on_disk.or_else(|| Some(from.pins.get(arch)?.binaries.get("etcd")?.sha256))
}

fn names(from: &Ingredients<'_>) -> Vec<MemberName> {
    from.input.cluster.members.iter().map(|member| member.name.clone()).collect()
}
