//! Upgrade: the steps of one rung, in order.

use std::collections::BTreeMap;

use crate::knowledge::{Feature, Features, Knowledge, Rung};
use crate::observe::inventory::{ListedMember, MemberFacts};
use crate::observe::settings::SettingsChange;
use crate::plan::backup;
use crate::plan::estimate;
use crate::plan::findings::whom;
use crate::plan::hosts::{rollback_point_size, takes_rollback_points};
use crate::plan::layout;
use crate::plan::model::{
    Action, BinaryChange, DowngradeOrder, Gate, HandOver, MemberAction, Moment, Operation, ReleasePin, Role, Step,
    StepId, Undo,
};
use crate::plan::raft_snapshots;
use crate::plan::readd;
use crate::plan::settings;
use crate::plan::settle;
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::Way;
use crate::spec::model::{Cluster, OnFailure, Toggle};
use crate::units::{Bytes, MemberName, Minor, RaftIndex, Sha256, Span, Version};

/// How near to the leader's raft index a restarted member must be before the next one is stopped. Smaller than the
/// distance at which etcd would send a snapshot instead of entries, and more than a busy cluster moves between two looks.
pub const CAUGHT_UP_ENTRIES: RaftIndex = RaftIndex(500);

/// Milliseconds that a look of the leader at a downgrade may take beyond its interval.
const MARGIN_OF_A_LOOK: u64 = 1_000;

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
    if from.survey.has_quorum() {
        bring_up_stopped(from, &mut steps);
    } else {
        bring_up_together(from, &mut steps);
    }
    if !to_change.is_empty() {
        let members: Vec<_> = to_change.iter().map(|member| member.view.name.clone()).collect();
        stage(from, &members, &mut steps);
        preflight(from, &members, &mut steps);
        prepare(from, &to_change, &mut steps);
        take_raft_snapshots(from, &to_change, &mut steps);
        if from.cluster.rollout.compare_hashes == Toggle::On && features.has(Feature::HashKv) {
            compare(Moment::BeforeFirstStop, from, &mut steps);
        }
        backup(from, &mut steps);
    }
    tell_etcd(from, &mut steps);
    for member in &to_change {
        member_step(from, member, &mut steps);
    }
    finish(from, &mut steps);
    if from.cluster.rollout.compare_hashes == Toggle::On && from.knowledge.features(&from.way.to).has(Feature::HashKv) {
        compare(Moment::AtTheEnd, from, &mut steps);
    }
    steps.list
}

/// Steps, numbered as they come.
#[derive(Default)]
pub struct Numbered {
    pub list: Vec<Step>,
}

impl Numbered {
    pub fn push(&mut self, action: Action, why: String, gates: (Vec<Gate>, Vec<Gate>), undo: Undo, estimate: Span) {
        let id = StepId(u32::try_from(self.list.len()).unwrap_or(u32::MAX).saturating_add(1));
        let (before, after) = gates;
        self.list.push(Step { id, action, why, before, after, undo, estimate });
    }
}

/// Members whose binary is to be changed: those that are down first, then followers in the order of the spec, the leader
/// last.
fn order<'a>(from: &Ingredients<'a>) -> Vec<Surveyed<'a>> {
    let leader = from.survey.leader();
    let mut members: Vec<_> =
        from.survey.members.iter().copied().filter(|member| is_to_change(member, from.way)).collect();
    members.sort_by_key(|member| match role(member, leader) {
        Role::Down => 0,
        Role::Follower => 1,
        Role::Leader => 2,
    });
    members
}

/// As it stands when the plan is made.
fn role(member: &Surveyed<'_>, leader: Option<&MemberName>) -> Role {
    match member.standing {
        Standing::Serving { .. } if leader == Some(&member.view.name) => Role::Leader,
        Standing::Serving { .. } => Role::Follower,
        _ => Role::Down,
    }
}

/// Whether the plan puts a binary in place of the member's: not where it only has to be started.
pub fn is_to_change(member: &Surveyed<'_>, way: &Way) -> bool {
    let only_to_start = stopped(member).is_some_and(|(_, version, _)| *version == way.to);
    way.left.contains(&member.view.name) && !only_to_start
}

/// Where those that serve hold no quorum, one member alone would wait for it in vain: all that are down are started at
/// once, each on the binary that is in place.
fn bring_up_together(from: &Ingredients<'_>, steps: &mut Numbered) {
    let down: Vec<_> = from.survey.stopped().filter_map(|member| Some((member.view, stopped(&member)?))).collect();
    let members: Vec<MemberName> = down.iter().map(|(view, _)| view.name.clone()).collect();
    if members.is_empty() {
        return;
    }
    for member in from.survey.stopped() {
        lay_settings_first(from, &member, steps);
    }
    let rollout = &from.cluster.rollout;
    let each = down.iter().flat_map(|(view, (_, version, sha256))| served_gates(from, &view.name, version, *sha256));
    let mut after: Vec<Gate> = each.collect();
    after.extend(all_well(from));
    if !rollout.soak.is_zero() {
        after.push(Gate::Soak { span: rollout.soak });
    }
    let why = format!(
        "{} down, and those that serve hold no quorum: nothing goes on before they are up, and none of them can be \
         healthy alone",
        whom(&members, "is", "are")
    );
    let estimate = estimate::member(&[Operation::Start { timeout: rollout.ready_timeout }], &after);
    steps.push(Action::StartTogether { members }, why, (Vec::new(), after), Undo::StopAgain, estimate);
}

/// Who is started together with others gets the settings of its binary by a step of its own, before.
fn lay_settings_first(from: &Ingredients<'_>, member: &Surveyed<'_>, steps: &mut Numbered) {
    let Some((facts, version, sha256)) = stopped(member) else { return };
    let Some(settings) = settings_for_start(from, member, version) else { return };
    let old = kept_binary(from, member).filter(|_| *version == from.way.to);
    let path = &facts.binary.path;
    let action = MemberAction {
        member: member.view.name.clone(),
        role: Role::Down,
        from: old.map_or_else(|| version.clone(), |(version, _)| version),
        to: version.clone(),
        binary: BinaryChange {
            path: path.clone(),
            old_sha256: None,
            new_sha256: sha256,
            staged: path.clone(),
            kept: path.clone(),
        },
        operations: vec![Operation::RewriteSettings],
        on_failure: OnFailure::Halt,
        readd: None,
        settings: Some(settings),
    };
    let why = format!("{} is down, and its options are not those of the {version} that is in place", action.member);
    steps.push(Action::Member(action), why, (Vec::new(), Vec::new()), Undo::NothingToUndo, estimate::SHORT);
}

/// Members that an interrupted run, or somebody, left down are brought up before anything else, on the binary that is in
/// place: no other step begins, and no backup is taken, before all members are healthy.
fn bring_up_stopped(from: &Ingredients<'_>, steps: &mut Numbered) {
    let mut down = from.survey.members.iter().filter_map(|member| Some((member, stopped(member)?))).peekable();
    while let Some((member, (facts, version, sha256))) = down.next() {
        let name = member.view.name.clone();
        let is_new = *version == from.way.to;
        // Up again where etcd was told to go down: the storage of one that was down may be the newer one's still, which no
        // older binary reads.
        let may_go_back = is_new && (from.way.goes_down() || from.way.told_down_to.is_none());
        let old = if may_go_back { kept_binary(from, member) } else { None };
        let runs = old.as_ref().map_or(version, |(version, _)| version);
        let change = settings_for_start(from, member, version);
        let operations = start_on(change.as_ref(), from);
        let settings = match &old {
            Some((old, _)) => settings::with_written_before(member, old, change),
            None => change,
        };
        let action = MemberAction {
            member: name.clone(),
            role: Role::Down,
            from: runs.clone(),
            to: version.clone(),
            binary: BinaryChange {
                path: facts.binary.path.clone(),
                old_sha256: old.as_ref().map(|(_, sha256)| *sha256),
                new_sha256: sha256,
                staged: facts.binary.path.clone(),
                kept: old.as_ref().map_or_else(
                    || facts.binary.path.clone(),
                    |(version, _)| layout::staged(&from.cluster.runtime, version, "etcd"),
                ),
            },
            operations,
            on_failure: from.cluster.rollout.on_failure,
            readd: None,
            settings,
        };
        let action = with_way_back(from, member, action);
        let mut after = served_gates(from, &name, version, sha256);
        // While others are still down, all cannot be healthy.
        if down.peek().is_none() {
            after.extend(all_well(from));
            if !from.cluster.rollout.soak.is_zero() {
                after.push(Gate::Soak { span: from.cluster.rollout.soak });
            }
        }
        let why = if !facts.data_dir.has_member {
            format!("{name} was made and has never served: it only has to be started")
        } else if is_new {
            format!("{name} is down, with {version} in place already: it only has to be started")
        } else {
            format!("{name} is down; the rung begins with all members healthy")
        };
        let undo = match (&old, &action.readd) {
            (Some(_), Some(_)) => Undo::Readd,
            (Some(_), None) => Undo::SwapBack,
            (None, _) => Undo::StopAgain,
        };
        let estimate = estimate::member(&action.operations, &after);
        steps.push(Action::Member(action), why, (Vec::new(), after), undo, estimate);
    }
}

/// What a member that is down lacks for the binary that is in place: an interrupted run has swapped that and no more, or the
/// binary that it had is back and its files are not.
fn settings_for_start(from: &Ingredients<'_>, member: &Surveyed<'_>, version: &Version) -> Option<SettingsChange> {
    if *version == from.way.to {
        settings::change(from.cluster, from.way, member, from.knowledge)
    } else {
        settings::back(member, version)
    }
}

/// A start, after what it takes.
pub fn start_on(settings: Option<&SettingsChange>, from: &Ingredients<'_>) -> Vec<Operation> {
    let start = Operation::Start { timeout: from.cluster.rollout.ready_timeout };
    settings.map(|_| Operation::RewriteSettings).into_iter().chain([start]).collect()
}

/// A member that waits to be started: no process, and a binary that says its version.
fn stopped<'a>(member: &Surveyed<'a>) -> Option<(&'a MemberFacts, &'a Version, Sha256)> {
    let Standing::Stopped { facts } = member.standing else {
        return None;
    };
    Some((facts, facts.binary.version.as_ref()?, facts.binary.sha256?))
}

/// The binary that an interrupted run kept on the member's host: the newest one of the minor that the rung leads from.
fn kept_binary(from: &Ingredients<'_>, member: &Surveyed<'_>) -> Option<(Version, Sha256)> {
    let kept = member.host()?.staged.iter().rev();
    let is_older = |version: &Version| from.way.goes_down() || *version < from.way.to;
    let (version, sha256) =
        kept.into_iter().find(|(version, _)| version.minor() == from.way.live_minor() && is_older(version))?;
    Some((version.clone(), *sha256))
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
    let for_backup = backup::action(from.cluster, from.survey, from.knowledge, backup::tools(from.cluster, from.way))
        .and_then(|action| backup::host_program(&action));
    steps.push(
        Action::Stage {
            version: from.way.to.clone(),
            members: members.to_vec(),
            folder: layout::store(&from.cluster.runtime),
            programs: std::iter::once("etcd".to_owned()).chain(for_backup).collect(),
        },
        why.to_owned(),
        (Vec::new(), Vec::new()),
        Undo::NothingToUndo,
        if staged { Span::from_secs(1) } else { estimate::transfer(size) },
    );
}

/// What a release takes on a host's disk.
pub fn release_size(pin: &ReleasePin) -> Bytes {
    Bytes(pin.binaries.values().fold(0, |sum, binary| sum.saturating_add(binary.size.0)))
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

/// After all that may still be refused, and before the backup: it takes its time.
fn take_raft_snapshots(from: &Ingredients<'_>, to_change: &[Surveyed<'_>], steps: &mut Numbered) {
    let Some(needed) = raft_snapshots::needed(from.knowledge, from.way, from.survey, to_change) else {
        return;
    };
    let estimate = raft_snapshots::estimate(&needed);
    steps.push(
        Action::TakeRaftSnapshots(needed),
        format!(
            "entries of the v2 store may be left in the logs of the members: {} could not read them, and would end at its \
             start",
            from.way.to
        ),
        (all_well(from), all_well(from)),
        Undo::NothingToUndo,
        estimate,
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
    let Some(action) = backup::action(from.cluster, from.survey, from.knowledge, backup::tools(from.cluster, from.way))
    else {
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

/// Down: to go down, before the first member gets the older binary. Up again: not to, before the cluster version can follow.
fn tell_etcd(from: &Ingredients<'_>, steps: &mut Numbered) {
    let way = from.way;
    let within = from.cluster.rollout.version_timeout;
    if way.goes_down() && way.cluster_version_behind {
        let to = way.to.minor();
        let why = format!(
            "the cluster version comes down first, while all members run {}: else a {to} binary would end at its start",
            way.live_minor()
        );
        let mut after = all_well(from);
        after.extend(ready_to_go_down(from));
        let action = Action::EnableDowngrade(DowngradeOrder { to, fact: fact_of_way_down(from, to), within });
        steps.push(action, why, (all_well(from), after), Undo::CancelDowngrade, estimate::VERSION_MOVES);
    } else if let Some(to) = way.told_down_to.filter(|_| way.cancels()) {
        let why = format!(
            "etcd was told to go down to {to}: as long as that holds, the cluster version stays there, whatever members run"
        );
        let action = Action::CancelDowngrade(DowngradeOrder { to, fact: fact_of_way_down(from, to), within });
        // It may have come down before it was cancelled: nobody is taken two minors above it.
        let mut after = all_well(from);
        after.push(Gate::ClusterVersion { minor: way.live_minor(), within });
        steps.push(action, why, (all_well(from), after), Undo::EnableDowngrade, estimate::SHORT);
    }
}

fn fact_of_way_down(from: &Ingredients<'_>, to: Minor) -> String {
    let rung = from.knowledge.next_minor(to).and_then(|above| from.knowledge.rung_down_from(above));
    rung.and_then(Rung::downgrade_api).map(|downgrade| downgrade.fact.name.clone()).unwrap_or_default()
}

/// What lets an older binary start: of the cluster as a whole, and of the storage of each member that is above it.
fn ready_to_go_down(from: &Ingredients<'_>) -> [Gate; 2] {
    let (minor, within) = (from.way.to.minor(), from.cluster.rollout.version_timeout);
    [Gate::ClusterVersion { minor, within }, Gate::StorageReadable { minor, within }]
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
    // Who is down was brought up by a step of its own, before this one.
    let role = match role(member, leader) {
        Role::Down => Role::Follower,
        role => role,
    };
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
    let settings = settings::change(from.cluster, from.way, member, from.knowledge);
    let operations = operations(from, facts, &runs, new.sha256, settings.as_ref());
    let mut before = all_well(from);
    before.push(Gate::QuorumWithout { member: name.clone(), within: rollout.gate_timeout });
    if from.way.goes_down() {
        before.extend(ready_to_go_down(from));
    }
    let mut after = served_gates(from, &name, to, new.sha256);
    after.extend(all_well(from));
    if let Some(settle) = settle::gate(from, member) {
        after.push(settle);
    }
    if !rollout.soak.is_zero() {
        after.push(Gate::Soak { span: rollout.soak });
    }
    let mut why = match role {
        Role::Leader => "the leader goes last: one change of leadership, not several".to_owned(),
        Role::Follower | Role::Down => "a follower: stopping it costs no election".to_owned(),
    };
    if let (Some(running), Some(file)) = (member.running_sha256(), facts.binary.sha256)
        && running != file
    {
        let is = facts.binary.version.as_ref().map_or_else(|| "another binary".to_owned(), ToString::to_string);
        why.push_str(&format!(
            "; somebody has replaced its binary while it ran: {} is {is} by now, the process still runs {runs}",
            binary.path
        ));
    }
    let estimate = estimate::member(&operations, &after);
    let action = MemberAction {
        member: name,
        role,
        from: runs,
        to: to.clone(),
        binary,
        operations,
        on_failure: rollout.on_failure,
        readd: None,
        settings,
    };
    let action = with_way_back(from, member, action);
    let undo = if action.readd.is_some() { Undo::Readd } else { Undo::SwapBack };
    steps.push(Action::Member(action), why, (before, after), undo, estimate);
}

/// Where a swap of the binary is no way back, the step says which is.
fn with_way_back(from: &Ingredients<'_>, member: &Surveyed<'_>, action: MemberAction) -> MemberAction {
    let by_readding = readd::is_way_back(from.knowledge, action.from.minor(), action.to.minor());
    let back = readd::Back { from: &action.to, to: &action.from, binary: readd::reversed(&action.binary) };
    let readd = if by_readding { readd::note(from.survey, member, back) } else { None };
    MemberAction { readd, ..action }
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
    facts: &MemberFacts,
    runs: &Version,
    new: Sha256,
    settings: Option<&SettingsChange>,
) -> Vec<Operation> {
    let rollout = &from.cluster.rollout;
    let start = Operation::Start { timeout: rollout.ready_timeout };
    let file_is_new = facts.binary.sha256 == Some(new);
    let mut operations = Vec::new();
    operations.push(Operation::HandOver { how: hand_over(&from.knowledge.features(runs)) });
    operations.push(Operation::Stop { timeout: rollout.stop_timeout });
    if takes_rollback_points(from.cluster, from.survey, from.way) == Toggle::On {
        operations.push(Operation::CopyDataDir {
            from: facts.data_dir.path.clone(),
            wal_dir: facts.data_dir.wal_dir.clone(),
            size: rollback_point_size(facts),
        });
    }
    if !file_is_new {
        operations.push(Operation::SwapBinary);
    }
    operations.extend(settings.map(|_| Operation::RewriteSettings));
    operations.push(start);
    operations
}

/// What a version can do about leadership before it is stopped.
pub fn hand_over(features: &Features) -> HandOver {
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

fn member_list(from: &Ingredients<'_>) -> Vec<ListedMember> {
    from.survey.serving().next().map(|(_, etcd)| etcd.members.clone()).unwrap_or_default()
}

/// That one member serves what it should, and has caught up.
pub fn served_gates(from: &Ingredients<'_>, name: &MemberName, version: &Version, sha256: Sha256) -> Vec<Gate> {
    let rollout = &from.cluster.rollout;
    vec![
        Gate::RunsVersion { member: name.clone(), version: version.clone(), sha256, within: rollout.ready_timeout },
        Gate::CaughtUp { member: name.clone(), entries: CAUGHT_UP_ENTRIES, within: rollout.catch_up_timeout },
    ]
}

fn finish(from: &Ingredients<'_>, steps: &mut Numbered) {
    let mut after = all_well(from);
    after.push(Gate::ClusterVersion { minor: from.way.to.minor(), within: from.cluster.rollout.version_timeout });
    after.extend(until_etcd_ends_it(from).map(|span| Gate::Soak { span }));
    let why = if from.way.goes_down() {
        "every member runs the lower version: that, and not that etcd says so, is what completes the way down"
    } else if from.way.cluster_version_behind || from.way.cancels() {
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
        if from.way.cluster_version_behind && !from.way.goes_down() {
            estimate::VERSION_MOVES
        } else {
            Span::default()
        },
    );
}

/// On the way down: until the leader has looked once more, and ended the downgrade. 3.5 does not tell whether it has; who went
/// up again before would find the cluster version held down.
fn until_etcd_ends_it(from: &Ingredients<'_>) -> Option<Span> {
    const OPTIONS: [&str; 2] = ["downgrade-check-time", "experimental-downgrade-check-time"];
    if !from.way.goes_down() {
        return None;
    }
    let by_default = OPTIONS.iter().filter_map(|option| from.knowledge.flag(option)?.default(&from.way.to));
    let set =
        from.survey.members.iter().filter_map(Surveyed::facts).flat_map(|facts| {
            OPTIONS.iter().filter_map(|option| facts.option(option)).map(|option| option.value.as_str())
        });
    let longest = by_default.chain(set).filter_map(|text| text.parse::<Span>().ok()).max()?;
    let millis = u64::try_from(longest.duration().as_millis()).unwrap_or(u64::MAX);
    Some(Span::from_millis(millis.saturating_add(MARGIN_OF_A_LOOK)))
}

/// The end at another version than the way's, and what else holds then.
pub fn finish_at(from: &Ingredients<'_>, version: &Version, (why, well): (&str, Vec<Gate>), steps: &mut Numbered) {
    let mut after = well;
    after.push(Gate::ClusterVersion { minor: version.minor(), within: from.cluster.rollout.version_timeout });
    let action = Action::Finish { version: version.clone(), minor: version.minor() };
    steps.push(action, why.to_owned(), (Vec::new(), after), Undo::NothingToUndo, Span::default());
}
