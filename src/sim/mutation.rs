//! Mutations: each breaks one promise on purpose, in what the planner or the engine gives, or in the controller around
//! them. The product holds no switch for them. A simulation that does not find them proves nothing.

use crate::execute::engine::Directive;
use crate::execute::journal::{Ending, GateStage};
use crate::observe::inventory::{Inventory, Seen};
use crate::plan::model::{Action, Gate, HandOver, Operation, Plan, Step, StepId};
use crate::units::Version;

macro_rules! mutations {
    ($($(#[doc = $what:literal])* $variant:ident = ($name:literal, [$($promise:literal),+]),)+) => {
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
    NoQuorumGate = ("no-quorum-gate", ["quorum"]),
    /// the planner leaves out the gate on health
    NoHealthGate = ("no-health-gate", ["quorum", "step-done", "left-down", "done-is-done"]),
    /// the planner leaves out the gate on the list of members
    NoListGate = ("no-list-gate", ["quorum"]),
    /// the engine skips the gates after a member
    NoGatesAfter = ("no-gates-after", ["step-done"]),
    /// the engine skips the gates before a member
    NoGatesBefore = ("no-gates-before", ["quorum"]),
    /// the planner leaves out the backup
    NoBackup = ("no-backup", ["backup-first"]),
    /// the backup is taken and not verified
    BackupNotVerified = ("backup-not-verified", ["backup-first"]),
    /// a backup that is older than the plan is accepted
    OldBackup = ("old-backup", ["backup-first"]),
    /// the planner takes the leader first
    LeaderFirst = ("leader-first", ["leader-last"]),
    /// the leader is stopped without handing over
    NoHandOver = ("no-hand-over", ["hand-over"]),
    /// putting a member back does nothing and says that it worked
    PutBackSwallowed = ("put-back-swallowed", ["left-down"]),
    /// the engine goes on where the spec says to hold
    HoldIgnored = ("hold-ignored", ["hold"]),
    /// the planner leaves out the rollback points
    NoRollbackPoint = ("no-rollback-point", ["rollback-point"]),
    /// the data directory is copied while the member runs
    CopyWhileItRuns = ("copy-while-it-runs", ["rollback-point"]),
    /// the old binaries are not kept before the first stop
    NoPrepare = ("no-prepare", ["way-back"]),
    /// the planner leaves out the raft snapshots that 3.6 and 3.7 need
    NoRaftSnapshots = ("no-raft-snapshots", ["log-readable"]),
    /// the planner does not wait for the cluster version at the end of a rung
    NoVersionGate = ("no-version-gate", ["done-is-done", "one-rung"]),
    /// the planner takes members over a minor version
    StepsOver = ("steps-over", ["one-rung"]),
    /// the planner believes that the cluster version has moved before it has
    VersionForged = ("version-forged", ["one-rung", "done-is-done", "finishes"]),
    /// the planner does not bring up what an earlier run left down
    DownIsForgotten = ("down-is-forgotten", ["one-at-a-time", "finishes", "quorum", "left-down", "done-is-done"]),
    /// members that are done are taken through it again, without the look at what they run right before the stop
    DoneAgain = ("done-again", ["no-needless-restart", "finishes"]),
    /// a stop that a person asks for ends the run at once
    StopAtOnce = ("stop-at-once", ["left-down"]),
    /// the engine starts a member only after the next one is stopped
    TwoAtOnce = ("two-at-once", ["one-at-a-time", "left-down", "quorum", "step-done"]),
    /// what was seen before the controller stood still is believed
    OldLooks = ("old-looks", ["quorum"]),
    /// a resumed engine has forgotten the journal's last entry
    LastEntryForgotten = ("last-entry-forgotten", ["fold"]),
    /// two controllers are let in at once
    LockIgnored = ("lock-ignored", ["one-controller", "one-at-a-time"]),
    /// the engine puts the old binary back after the cluster version has moved
    PutBackTooLate = ("put-back-too-late", ["too-late", "finishes"]),
    /// rollback points are put back in order, and nobody waits until the first ones have caught up
    PointsWithoutCatchUp = ("points-without-catch-up", ["nothing-lost", "points-put-back"]),
    /// rollback points are put back and all members started at once
    PointsAllAtOnce = ("points-all-at-once", ["nothing-lost", "points-put-back"]),
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

fn only_starts(step: &Step) -> bool {
    matches!(&step.action, Action::Member(action) if action.operations.len() == 1)
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
            _ => {}
        }
    }

    /// What was seen, forged before the planner gets it.
    pub fn change_inventory(self, inventory: &mut Inventory) {
        if self != Self::VersionForged {
            return;
        }
        let seen = inventory.members.iter().filter_map(|view| view.etcd.known());
        let Some(newest) = seen.map(|etcd| etcd.server_version.minor()).max() else { return };
        for view in &mut inventory.members {
            if let Seen::Known(etcd) = &mut view.etcd {
                etcd.cluster_version = Some(Version::new(newest.major(), newest.number(), 0));
            }
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
            (Self::StopAtOnce, _) if stop_asked => Directive::End(Ending::Interrupted { signal: "SIGINT".to_owned() }),
            (_, directive) => directive,
        }
    }
}
