//! Upgrade: the steps of one rung, in order.

use std::collections::BTreeMap;

use crate::knowledge::{Feature, Features, Knowledge};
use crate::observe::inventory::{ListedMember, MemberFacts};
use crate::plan::backup;
use crate::plan::estimate;
use crate::plan::hosts::rollback_point_size;
use crate::plan::layout;
use crate::plan::model::{
    Action, BinaryChange, Gate, HandOver, MemberAction, Moment, Operation, ReleasePin, Role, Step, StepId, Undo,
};
use crate::plan::settle;
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::Way;
use crate::spec::model::{Cluster, Toggle};
use crate::units::{Bytes, MemberName, RaftIndex, Sha256, Span, Version};

/// How near to the leader's raft index a restarted member must be before the next one is stopped. Smaller than the
/// distance at which etcd would send a snapshot instead of entries, and more than a busy cluster moves between two looks.
const CAUGHT_UP_ENTRIES: RaftIndex = RaftIndex(500);

/// Everything that the steps are made from.
pub struct Ingredients<'a> {
    pub cluster: &'a Cluster,
    pub survey: &'a Survey<'a>,
    pub knowledge: &'a Knowledge,
    pub way: &'a Way,
    /// The target's release, by architecture.
    pub releases: &'a BTreeMap<String, &'a ReleasePin>,
}

/// The steps of the rung.
pub fn steps(from: &Ingredients<'_>) -> Vec<Step> {
    let mut steps = Numbered::default();
    let to_change = order(from);
    let features = from.knowledge.features(&from.way.from);
    if !to_change.is_empty() {
        let members: Vec<_> = to_change.iter().map(|member| member.view.name.clone()).collect();
        bring_up_stopped(from, &mut steps);
        stage(from, &members, &mut steps);
        preflight(from, &members, &mut steps);
        prepare(from, &to_change, &mut steps);
        if from.cluster.rollout.compare_hashes == Toggle::On && features.has(Feature::HashKv) {
            compare(Moment::BeforeFirstStop, from, &mut steps);
        }
        backup(from, &mut steps);
        for member in &to_change {
            member_step(from, member, &mut steps);
        }
    }
    finish(from, &mut steps);
    if from.cluster.rollout.compare_hashes == Toggle::On && from.knowledge.features(&from.way.to).has(Feature::HashKv) {
        compare(Moment::AtTheEnd, from, &mut steps);
    }
    steps.list
}

#[derive(Default)]
struct Numbered {
    list: Vec<Step>,
}

impl Numbered {
    fn push(&mut self, action: Action, why: String, gates: (Vec<Gate>, Vec<Gate>), undo: Undo, estimate: Span) {
        let id = StepId(u32::try_from(self.list.len()).unwrap_or(u32::MAX).saturating_add(1));
        let (before, after) = gates;
        self.list.push(Step { id, action, why, before, after, undo, estimate });
    }
}

/// Members that are not done: those that are down first, then followers in the order of the spec, the leader last.
fn order<'a>(from: &Ingredients<'a>) -> Vec<Surveyed<'a>> {
    let leader = from.survey.leader();
    let mut members: Vec<_> =
        from.survey.members.iter().copied().filter(|member| from.way.left.contains(&member.view.name)).collect();
    members.sort_by_key(|member| match role(member, leader) {
        Role::Down => 0,
        Role::Follower => 1,
        Role::Leader => 2,
    });
    members
}

fn role(member: &Surveyed<'_>, leader: Option<&MemberName>) -> Role {
    match member.standing {
        Standing::Serving { .. } if leader == Some(&member.view.name) => Role::Leader,
        Standing::Serving { .. } => Role::Follower,
        _ => Role::Down,
    }
}

/// A member that an interrupted run, or somebody, left down on its old binary is brought up before anything else: the
/// rung begins with all members healthy.
fn bring_up_stopped(from: &Ingredients<'_>, steps: &mut Numbered) {
    for member in &from.survey.members {
        let Some((facts, version)) = stopped_on_old_binary(member, &from.way.to) else {
            continue;
        };
        let Some(sha256) = facts.binary.sha256 else {
            continue;
        };
        let name = member.view.name.clone();
        let action = MemberAction {
            member: name.clone(),
            role: Role::Down,
            from: version.clone(),
            to: version.clone(),
            binary: BinaryChange {
                path: facts.binary.path.clone(),
                old_sha256: None,
                new_sha256: sha256,
                staged: facts.binary.path.clone(),
                kept: facts.binary.path.clone(),
            },
            operations: vec![Operation::Start { timeout: from.cluster.rollout.ready_timeout }],
            on_failure: from.cluster.rollout.on_failure,
        };
        let mut after = served_gates(from, &name, &version, sha256);
        after.extend(all_well(from));
        steps.push(
            Action::Member(action),
            format!("{name} is down; the rung begins with all members healthy"),
            (Vec::new(), after),
            Undo::NothingToUndo,
            estimate::START,
        );
    }
}

/// A member that has data, no process, and a binary that is not yet the target's.
pub fn stopped_on_old_binary<'a>(member: &Surveyed<'a>, to: &Version) -> Option<(&'a MemberFacts, Version)> {
    let Standing::Stopped { facts } = member.standing else {
        return None;
    };
    let version = facts.binary.version.clone()?;
    (version != *to).then_some((facts, version))
}

fn stage(from: &Ingredients<'_>, members: &[MemberName], steps: &mut Numbered) {
    let size = from.releases.values().map(|pin| release_size(pin)).max().unwrap_or_default();
    let staged = members.iter().all(|name| {
        let host = from.survey.members.iter().find(|member| member.view.name == *name).and_then(Surveyed::host);
        host.is_some_and(|host| {
            let wanted = from.releases.get(&host.arch).and_then(|pin| pin.binaries.get("etcd"));
            wanted.is_some() && host.staged.get(&from.way.to) == wanted.map(|binary| &binary.sha256)
        })
    });
    let why = if staged {
        "the release is on all hosts already; its digests are checked again"
    } else {
        "the new binaries are on all hosts, checked, before anything is stopped"
    };
    steps.push(
        Action::Stage {
            version: from.way.to.clone(),
            members: members.to_vec(),
            folder: layout::store(&from.cluster.runtime),
        },
        why.to_owned(),
        (Vec::new(), Vec::new()),
        Undo::NothingToUndo,
        if staged { Span::from_secs(1) } else { estimate::transfer(size) },
    );
}

/// What a release takes on a host's disk.
pub fn release_size(pin: &ReleasePin) -> Bytes {
    Bytes(pin.binaries.values().map(|binary| binary.size.0).sum())
}

fn preflight(from: &Ingredients<'_>, members: &[MemberName], steps: &mut Numbered) {
    steps.push(
        Action::Preflight { version: from.way.to.clone(), members: members.to_vec() },
        "a binary that does not accept a member's arguments is found while all members run".to_owned(),
        (Vec::new(), Vec::new()),
        Undo::NothingToUndo,
        Span::from_secs(1),
    );
}

fn prepare(from: &Ingredients<'_>, to_change: &[Surveyed<'_>], steps: &mut Numbered) {
    let new = |member: &Surveyed<'_>| {
        let pin = member.host().and_then(|host| from.releases.get(&host.arch))?;
        Some(pin.binaries.get("etcd")?.sha256)
    };
    let swapped = |member: &&Surveyed<'_>| {
        let binary = member.running_sha256().or(member.facts().and_then(|facts| facts.binary.sha256));
        binary != new(member)
    };
    let members: Vec<_> = to_change.iter().filter(swapped).map(|member| member.view.name.clone()).collect();
    if members.is_empty() {
        return;
    }
    steps.push(
        Action::Prepare { members },
        "the way back is there before a step is taken; and while a member is down, its swap is one rename".to_owned(),
        (Vec::new(), Vec::new()),
        Undo::NothingToUndo,
        Span::from_secs(1),
    );
}

fn compare(moment: Moment, from: &Ingredients<'_>, steps: &mut Numbered) {
    let why = match moment {
        Moment::BeforeFirstStop => "members that differ already are found before one is stopped",
        Moment::AtTheEnd => "all members hold the same data",
    };
    let size = from.survey.serving().filter_map(|(_, etcd)| etcd.db_size).max().unwrap_or_default();
    steps.push(
        Action::CompareData { moment },
        why.to_owned(),
        (all_well(from), Vec::new()),
        Undo::NothingToUndo,
        estimate::read(size),
    );
}

fn backup(from: &Ingredients<'_>, steps: &mut Numbered) {
    let Some(action) = backup::action(from.cluster, from.survey, from.knowledge, &from.way.to) else {
        return;
    };
    let estimate = backup::estimate(&action, from.survey);
    steps.push(
        Action::Backup(action),
        "nothing that was acknowledged is lost, whatever comes: the backup is verified before the first stop"
            .to_owned(),
        (all_well(from), Vec::new()),
        Undo::NothingToUndo,
        estimate,
    );
}

fn member_step(from: &Ingredients<'_>, member: &Surveyed<'_>, steps: &mut Numbered) {
    let leader = from.survey.leader();
    let (Some(facts), Some(host)) = (member.facts(), member.host()) else {
        return;
    };
    let Some(new) = from.releases.get(&host.arch).and_then(|pin| pin.binaries.get("etcd")) else {
        return;
    };
    let name = member.view.name.clone();
    let role = role(member, leader);
    let runs = running_version(member, from);
    let to = &from.way.to;
    let rollout = &from.cluster.rollout;
    let binary = BinaryChange {
        path: facts.binary.path.clone(),
        old_sha256: member.running_sha256().or(facts.binary.sha256).filter(|old| *old != new.sha256),
        new_sha256: new.sha256,
        staged: layout::staged(&from.cluster.runtime, to, "etcd"),
        kept: layout::staged(&from.cluster.runtime, &runs, "etcd"),
    };
    let operations = operations(from, member, facts, &runs, new.sha256);
    let mut before = all_well_but_down(from, member);
    if role != Role::Down {
        before.push(Gate::QuorumWithout { member: name.clone(), within: rollout.gate_timeout });
    }
    let mut after = served_gates(from, &name, to, new.sha256);
    after.extend(all_well(from));
    if let Some(settle) = settle::gate(from, member) {
        after.push(settle);
    }
    if !rollout.soak.is_zero() {
        after.push(Gate::Soak { span: rollout.soak });
    }
    let why = match role {
        Role::Down => "it is down already: it comes first".to_owned(),
        Role::Follower => "a follower: stopping it costs no election".to_owned(),
        Role::Leader => "the leader goes last: one change of leadership, not several".to_owned(),
    };
    let estimate = estimate::member(&operations, &after);
    let action = MemberAction {
        member: name,
        role,
        from: runs,
        to: to.clone(),
        binary,
        operations,
        on_failure: rollout.on_failure,
    };
    steps.push(Action::Member(action), why, (before, after), Undo::SwapBack, estimate);
}

/// What a member runs, or, if it is down, what its file is.
fn running_version(member: &Surveyed<'_>, from: &Ingredients<'_>) -> Version {
    member
        .etcd()
        .map(|etcd| etcd.server_version.clone())
        .or_else(|| member.facts().and_then(|facts| facts.binary.version.clone()))
        .unwrap_or_else(|| from.way.from.clone())
}

fn operations(
    from: &Ingredients<'_>,
    member: &Surveyed<'_>,
    facts: &MemberFacts,
    runs: &Version,
    new: Sha256,
) -> Vec<Operation> {
    let rollout = &from.cluster.rollout;
    let start = Operation::Start { timeout: rollout.ready_timeout };
    let file_is_new = facts.binary.sha256 == Some(new);
    let stopped = matches!(member.standing, Standing::Stopped { .. });
    // A member that is down on its old binary was brought up by a step of its own, before this one.
    if stopped && file_is_new {
        return vec![start];
    }
    let mut operations = Vec::new();
    operations.push(Operation::HandOver { how: hand_over(&from.knowledge.features(runs)) });
    operations.push(Operation::Stop { timeout: rollout.stop_timeout });
    if let Some(size) = rollback_point_size(from.cluster, facts)
        && from.way.is_rung()
    {
        operations.push(Operation::CopyDataDir {
            from: facts.data_dir.path.clone(),
            wal_dir: facts.data_dir.wal_dir.clone(),
            size,
        });
    }
    if !file_is_new {
        operations.push(Operation::SwapBinary);
    }
    operations.push(start);
    operations
}

fn hand_over(features: &Features) -> HandOver {
    if features.has(Feature::MoveLeader) {
        HandOver::MoveLeader
    } else if features.has(Feature::HandsOverAtStop) {
        HandOver::AtStop
    } else {
        HandOver::None
    }
}

/// The gates that hold of the cluster as a whole between two steps.
pub fn all_well(from: &Ingredients<'_>) -> Vec<Gate> {
    let within = from.cluster.rollout.gate_timeout;
    let members = member_list(from);
    vec![Gate::AllHealthy { within }, Gate::OneLeader { within }, Gate::MemberList { members, within }]
}

/// The same, where the member in hand is known to be down: only quorum without it can be asked for.
fn all_well_but_down(from: &Ingredients<'_>, member: &Surveyed<'_>) -> Vec<Gate> {
    let down_on_new =
        matches!(member.standing, Standing::Stopped { .. }) && stopped_on_old_binary(member, &from.way.to).is_none();
    if down_on_new {
        let within = from.cluster.rollout.gate_timeout;
        return vec![Gate::QuorumWithout { member: member.view.name.clone(), within }];
    }
    all_well(from)
}

fn member_list(from: &Ingredients<'_>) -> Vec<ListedMember> {
    from.survey.serving().next().map(|(_, etcd)| etcd.members.clone()).unwrap_or_default()
}

fn served_gates(from: &Ingredients<'_>, name: &MemberName, version: &Version, sha256: Sha256) -> Vec<Gate> {
    let rollout = &from.cluster.rollout;
    vec![
        Gate::RunsVersion { member: name.clone(), version: version.clone(), sha256, within: rollout.ready_timeout },
        Gate::CaughtUp { member: name.clone(), entries: CAUGHT_UP_ENTRIES, within: rollout.catch_up_timeout },
    ]
}

fn finish(from: &Ingredients<'_>, steps: &mut Numbered) {
    let mut after = all_well(from);
    after.push(Gate::ClusterVersion { minor: from.way.to.minor(), within: from.cluster.rollout.version_timeout });
    let why = if from.way.cluster_version_behind {
        "the upgrade counts when the cluster version has moved on every member: until then the cluster speaks the \
         older version"
    } else {
        "all members serve, and the list of members is as it was"
    };
    steps.push(
        Action::Finish { version: from.way.to.clone(), minor: from.way.to.minor() },
        why.to_owned(),
        (Vec::new(), after),
        Undo::NothingToUndo,
        if from.way.cluster_version_behind { estimate::VERSION_MOVES } else { Span::default() },
    );
}
