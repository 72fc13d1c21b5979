//! Mutations: each breaks one promise on purpose, in what the planner or the engine gives, or in the controller around
//! them. The product holds no switch for them. A simulation that does not find them proves nothing.

use crate::execute::engine::Directive;
use crate::execute::journal::{Ending, GateStage};
use crate::observe::inventory::{DataDirFacts, Inventory, Seen};
use crate::plan::model::{Action, Gate, HandOver, Operation, Plan, ReplacementPhase, Step, StepId};
use crate::sim::Work;
use crate::sim::controller::Command;
use crate::sim::world::Release;
use crate::units::{RaftIndex, Version};

macro_rules! mutations {
    ($($(#[doc = $what:literal])* $variant:ident = ($name:literal, $work:ident, [$($promise:literal),+]),)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutation {
            $($(#[doc = $what])* $variant,)+
        }

        impl Mutation {
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What the seeds are about in which it is looked for.
            pub fn work(self) -> Work {
                match self {
                    $(Self::$variant => Work::$work,)+
                }
            }

            /// What is broken, for people.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($what,)*),)+
                }
            }

            /// The promises by which it may be found.
            pub fn found_by(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($promise),+],)+
                }
            }
        }
    };
}

mutations! {
    /// the planner leaves out the gate on quorum
    NoQuorumGate = ("no-quorum-gate", Upgrade, ["quorum"]),
    /// the planner leaves out the gate on health
    NoHealthGate = ("no-health-gate", Upgrade, ["quorum", "step-done", "left-down", "done-is-done"]),
    /// the planner leaves out the gate on the list of members
    NoListGate = ("no-list-gate", Upgrade, ["quorum"]),
    /// the engine skips the gates after a member
    NoGatesAfter = ("no-gates-after", Upgrade, ["step-done"]),
    /// the engine skips the gates before a member
    NoGatesBefore = ("no-gates-before", Upgrade, ["quorum"]),
    /// the planner leaves out the backup
    NoBackup = ("no-backup", Upgrade, ["backup-first"]),
    /// the backup is taken and not verified
    BackupNotVerified = ("backup-not-verified", Upgrade, ["backup-first"]),
    /// a backup that is older than the plan is accepted
    OldBackup = ("old-backup", Upgrade, ["backup-first"]),
    /// the planner takes the leader first
    LeaderFirst = ("leader-first", Upgrade, ["leader-last"]),
    /// the leader is stopped without handing over
    NoHandOver = ("no-hand-over", Upgrade, ["hand-over"]),
    /// putting a member back does nothing and says that it worked
    PutBackSwallowed = ("put-back-swallowed", Upgrade, ["left-down"]),
    /// the planner leaves out what a member's files become with the new binary
    SettingsForgotten = ("settings-forgotten", Upgrade, ["settings-belong"]),
    /// the old binary is put back, and what the member's files were is not
    SettingsStay = ("settings-stay", Upgrade, ["settings-belong"]),
    /// the engine goes on where the spec says to hold
    HoldIgnored = ("hold-ignored", Upgrade, ["hold"]),
    /// the planner leaves out the rollback points
    NoRollbackPoint = ("no-rollback-point", Upgrade, ["rollback-point"]),
    /// the data directory is copied while the member runs
    CopyWhileItRuns = ("copy-while-it-runs", Upgrade, ["rollback-point"]),
    /// the old binaries are not kept before the first stop
    NoPrepare = ("no-prepare", Upgrade, ["way-back"]),
    /// the planner leaves out the raft snapshots that 3.6 and 3.7 need
    NoRaftSnapshots = ("no-raft-snapshots", Upgrade, ["log-readable"]),
    /// the planner does not wait for the cluster version at the end of a rung
    NoVersionGate = ("no-version-gate", Upgrade, ["done-is-done", "one-rung"]),
    /// the planner takes members over a minor version
    StepsOver = ("steps-over", Upgrade, ["one-rung"]),
    /// the planner believes that the cluster version has moved before it has
    VersionForged = ("version-forged", Upgrade, ["one-rung", "done-is-done", "finishes"]),
    /// the planner does not bring up what an earlier run left down
    DownIsForgotten = ("down-is-forgotten", Upgrade, ["one-at-a-time", "finishes", "quorum", "left-down", "done-is-done"]),
    /// members that are done are taken through it again, without the look at what they run right before the stop
    DoneAgain = ("done-again", Upgrade, ["no-needless-restart", "finishes"]),
    /// a stop that a person asks for ends the run at once
    StopAtOnce = ("stop-at-once", Upgrade, ["left-down"]),
    /// the engine starts a member only after the next one is stopped
    TwoAtOnce = ("two-at-once", Upgrade, ["one-at-a-time", "left-down", "quorum", "step-done"]),
    /// what was seen before the controller stood still is believed
    OldLooks = ("old-looks", Upgrade, ["quorum"]),
    /// a resumed engine has forgotten the journal's last entry
    LastEntryForgotten = ("last-entry-forgotten", Upgrade, ["fold"]),
    /// two controllers are let in at once
    LockIgnored = ("lock-ignored", Upgrade, ["one-controller", "one-at-a-time"]),
    /// the engine puts the old binary back after the cluster version has moved
    PutBackTooLate = ("put-back-too-late", Upgrade, ["too-late", "finishes"]),
    /// rollback points are put back in order, and nobody waits until the first ones have caught up
    PointsWithoutCatchUp = ("points-without-catch-up", Upgrade, ["nothing-lost", "points-put-back"]),
    /// rollback points are put back and all members started at once
    PointsAllAtOnce = ("points-all-at-once", Upgrade, ["nothing-lost", "points-put-back"]),
    /// the old binaries are put back one by one after the cluster version has moved
    SwapBackTooLate = ("swap-back-too-late", Rollback, ["too-late"]),
    /// the planner takes the oldest rollback point for the newest
    OldestFirst = ("oldest-first", Rollback, ["nothing-lost", "same-data"]),
    /// when the rollback points are in place, all members are started at once
    WholeAllAtOnce = ("whole-all-at-once", Rollback, ["nothing-lost", "same-data"]),
    /// the planner leaves one member its data
    OneKeepsItsData = ("one-keeps-its-data", Rollback, ["all-or-nothing"]),
    /// putting other data in place does nothing and says that it worked
    ReplaceSwallowed = ("replace-swallowed", Rollback, ["all-or-nothing", "data-too-new"]),
    /// data that is replaced is not kept
    ReplacedDeleted = ("replaced-deleted", Rollback, ["kept-aside"]),
    /// the hosts are never told that the first quorum has served
    NoJoiningNote = ("no-joining-note", Rollback, ["kept-once-served", "finishes"]),
    /// the planner does not see that data is being replaced
    NoteIgnored = ("note-ignored", Rollback, ["only-its-own"]),
    /// where not all members stop, those that did stay down
    StopAllHalfway = ("stop-all-halfway", Rollback, ["left-down"]),
    /// one member is restored from something else, and nobody compares
    RestoresAnother = ("restores-another", Restore, ["as-in-backup", "nothing-lost"]),
    /// a stop that a person asks for is honored while all members are down
    StopWhileDown = ("stop-while-down", Rollback, ["left-down"]),
    /// on the way down nobody waits for the members' storage
    NoStorageGate = ("no-storage-gate", Descent, ["down-in-order"]),
    /// the way down is gone without telling etcd
    NotToldToGoDown = ("not-told-to-go-down", Descent, ["down-in-order", "too-late"]),
    /// a cancelled downgrade is believed where etcd answers success
    CancelBelieved = ("cancel-believed", Descent, ["finishes"]),
}

/// The gates of every step that stand in the way are taken out.
fn without(plan: &mut Plan, gone: impl Fn(&Gate) -> bool) {
    for step in steps(plan) {
        step.before.retain(|gate| !gone(gate));
        step.after.retain(|gate| !gone(gate));
    }
}

fn steps(plan: &mut Plan) -> impl Iterator<Item = &mut Step> {
    plan.rungs.iter_mut().flat_map(|rung| &mut rung.steps)
}

fn operations(plan: &mut Plan) -> impl Iterator<Item = &mut Vec<Operation>> {
    steps(plan).filter_map(|step| match &mut step.action {
        Action::Member(action) => Some(&mut action.operations),
        _ => None,
    })
}

fn leave_out(plan: &mut Plan, gone: impl Fn(&Step) -> bool) {
    for rung in &mut plan.rungs {
        rung.steps.retain(|step| !gone(step));
    }
}

/// The first member once more, right before the end.
fn done_again(plan: &mut Plan) {
    for rung in &mut plan.rungs {
        let first = rung.steps.iter().find(|step| matches!(step.action, Action::Member(_)) && !only_starts(step));
        let end = rung.steps.iter().position(|step| matches!(step.action, Action::Finish { .. }));
        if let (Some(mut again), Some(end)) = (first.cloned(), end) {
            again.id = StepId(1000);
            rung.steps.insert(end, again);
        }
    }
}

fn data_dirs(inventory: &mut Inventory) -> impl Iterator<Item = &mut DataDirFacts> {
    inventory.members.iter_mut().filter_map(|view| match &mut view.host {
        Seen::Known(host) => Some(&mut host.member.as_mut()?.data_dir),
        Seen::Unknown { .. } => None,
    })
}

fn has_moved(inventory: &Inventory, releases: &[Release]) -> bool {
    let first = releases.first().map(|release| release.version.minor());
    let told = inventory.members.iter().filter_map(|view| view.etcd.known()?.cluster_version.as_ref());
    told.map(Version::minor).max() > first
}

fn forge_version(inventory: &mut Inventory, of: &Version) {
    let minor = of.minor();
    for view in &mut inventory.members {
        if let Seen::Known(etcd) = &mut view.etcd {
            etcd.cluster_version = Some(Version::new(minor.major(), minor.number(), 0));
        }
    }
}

/// Not the quorum with the newest copy first.
fn start_all_at_once(plan: &mut Plan) {
    let Some(replacement) = plan.replacement().cloned() else { return };
    for step in steps(plan) {
        if let Action::StartTogether { members } = &mut step.action {
            *members = replacement.members.keys().cloned().collect();
        }
    }
    let joins =
        |step: &Step| matches!(&step.action, Action::MarkReplacement(note) if note.phase == ReplacementPhase::Joining);
    leave_out(plan, |step| joins(step) || matches!(step.action, Action::Member(_)));
}

fn only_starts(step: &Step) -> bool {
    matches!(&step.action, Action::Member(action) if action.only_starts())
}

impl Mutation {
    /// What the planner gives, broken.
    pub fn change(self, plan: &mut Plan) {
        match self {
            Self::NoQuorumGate => without(plan, |gate| matches!(gate, Gate::QuorumWithout { .. })),
            Self::NoHealthGate => {
                without(plan, |gate| matches!(gate, Gate::AllHealthy { .. } | Gate::QuorumWithout { .. }));
            }
            Self::NoListGate => without(plan, |gate| matches!(gate, Gate::MemberList { .. })),
            Self::NoGatesBefore => steps(plan).for_each(|step| step.before.clear()),
            Self::NoVersionGate => without(plan, |gate| matches!(gate, Gate::ClusterVersion { .. })),
            Self::NoBackup => leave_out(plan, |step| matches!(step.action, Action::Backup(_))),
            Self::NoRaftSnapshots => leave_out(plan, |step| matches!(step.action, Action::TakeRaftSnapshots(_))),
            Self::NoPrepare => leave_out(plan, |step| matches!(step.action, Action::Prepare { .. })),
            Self::DownIsForgotten => leave_out(plan, only_starts),
            Self::DoneAgain => done_again(plan),
            Self::LeaderFirst => {
                // The engine would put it off as well: it is told that nobody leads.
                plan.summary.leader = None;
                for rung in &mut plan.rungs {
                    rung.steps.sort_by_key(|step| match &step.action {
                        Action::Member(action) if action.role == crate::plan::model::Role::Leader => 1,
                        Action::Member(_) => 2,
                        Action::Finish { .. } | Action::CompareData { .. } => 3,
                        _ => 0,
                    });
                }
            }
            Self::NoHandOver => {
                for operations in operations(plan) {
                    for operation in operations {
                        if let Operation::HandOver { how } = operation {
                            *how = HandOver::None;
                        }
                    }
                }
            }
            Self::HoldIgnored => {
                for rung in &mut plan.rungs {
                    rung.no_return = None;
                }
            }
            Self::NoRollbackPoint => operations(plan)
                .for_each(|operations| operations.retain(|one| !matches!(one, Operation::CopyDataDir { .. }))),
            Self::SettingsForgotten => operations(plan)
                .for_each(|operations| operations.retain(|one| !matches!(one, Operation::RewriteSettings))),
            Self::CopyWhileItRuns => operations(plan).for_each(|operations| {
                let copy = operations.iter().position(|one| matches!(one, Operation::CopyDataDir { .. }));
                let stop = operations.iter().position(|one| matches!(one, Operation::Stop { .. }));
                if let (Some(copy), Some(stop)) = (copy, stop) {
                    operations.swap(copy, stop);
                }
            }),
            Self::TwoAtOnce => {
                for operations in operations(plan).filter(|operations| operations.len() > 1) {
                    operations.retain(|one| !matches!(one, Operation::Start { .. }));
                }
                steps(plan).for_each(|step| {
                    step.after.clear();
                    step.before.clear();
                });
            }
            Self::NoStorageGate => without(plan, |gate| matches!(gate, Gate::StorageReadable { .. })),
            Self::NotToldToGoDown => {
                leave_out(plan, |step| matches!(step.action, Action::EnableDowngrade(_)));
                without(plan, |gate| matches!(gate, Gate::StorageReadable { .. } | Gate::ClusterVersion { .. }));
            }
            Self::SwapBackTooLate => without(plan, |gate| matches!(gate, Gate::ClusterVersion { .. })),
            Self::WholeAllAtOnce => start_all_at_once(plan),
            Self::OneKeepsItsData => {
                let replaced = |step: &Step| matches!(step.action, Action::ReplaceData(_));
                let last = plan.steps().filter(|step| replaced(step)).last().map(|step| step.id);
                leave_out(plan, |step| Some(step.id) == last);
            }
            Self::NoJoiningNote => leave_out(
                plan,
                |step| matches!(&step.action, Action::MarkReplacement(note) if note.phase == ReplacementPhase::Joining),
            ),
            _ => {}
        }
    }

    /// What was seen, forged before the planner gets it.
    pub fn change_inventory(self, inventory: &mut Inventory, command: Command, releases: &[Release]) {
        match (self, command) {
            (Self::VersionForged, _) => {
                let seen = inventory.members.iter().filter_map(|view| view.etcd.known());
                let newest = seen.map(|etcd| etcd.server_version.clone()).max();
                newest.iter().for_each(|newest| forge_version(inventory, newest));
            }
            // One member less seems to be done: where all are, it is about to move.
            (Self::SwapBackTooLate, Command::Rollback(_)) if has_moved(inventory, releases) => {
                releases.iter().take(1).for_each(|first| forge_version(inventory, &first.version));
                if let (Some(first), Some(view)) = (releases.first(), inventory.members.first_mut())
                    && let Seen::Known(etcd) = &mut view.etcd
                {
                    etcd.server_version = first.version.clone();
                }
            }
            (Self::OldestFirst, _) => data_dirs(inventory).for_each(|data| {
                for point in &mut data.rollback_points {
                    point.raft_index = point.raft_index.map(|index| RaftIndex(u64::MAX - index.0));
                }
            }),
            (Self::NoteIgnored, _) => data_dirs(inventory).for_each(|data| data.replacing = None),
            _ => {}
        }
    }

    /// What the engine says, broken.
    pub fn change_directive<'p>(self, directive: Directive<'p>, stop_asked: bool) -> Directive<'p> {
        match (self, directive) {
            (Self::NoGatesAfter, Directive::Await { step, stage: GateStage::After, gates })
                if matches!(step.action, Action::Member(_)) =>
            {
                let gates = gates.into_iter().filter(|_| false).collect();
                Directive::Await { step, stage: GateStage::After, gates }
            }
            (Self::StopWhileDown, Directive::Perform { step, .. })
                if stop_asked && matches!(step.action, Action::ReplaceData(_)) =>
            {
                Directive::End(Ending::Interrupted { signal: "SIGINT".to_owned() })
            }
            (Self::StopAtOnce, _) if stop_asked => Directive::End(Ending::Interrupted { signal: "SIGINT".to_owned() }),
            (_, directive) => directive,
        }
    }
}
