//! What a run writes down: one JSON object a line, written and fsynced before the effect it announces.
//!
//! The same entries drive the engine, and are the events that the view shows.

use serde::{Deserialize, Serialize};

use crate::execute::availability::Answers;
use crate::plan::model::{Operation, StepId};
use crate::units::{Advised, Bytes, MemberId, MemberName, Minor, RaftIndex, Revision, Sha256, Version};

/// Format of a journal line.
pub const JOURNAL_FORMAT: u32 = 1;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub format: u32,
    /// From 1, without gaps.
    pub seq: u64,
    /// RFC 3339, UTC; for people. Nothing is decided by it.
    pub at: String,
    #[serde(flatten)]
    pub entry: Entry,
}

/// What happened, or is about to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    RunStarted {
        run: String,
        cluster: String,
        plan: Sha256,
        who: String,
        controller: String,
        pid: u32,
    },
    /// The gates before a step hold. `leader` is who led at that moment, `at_target` which other members ran the minor
    /// already that the step's member is to have.
    ReadyFor {
        step: StepId,
        leader: Option<MemberName>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at_target: Vec<MemberName>,
        waited_ms: u64,
    },
    /// About to do this.
    Intent {
        step: StepId,
        effect: Effect,
    },
    Outcome {
        step: StepId,
        effect: Effect,
        result: EffectResult,
        took_ms: u64,
    },
    /// The gates after a step hold: it is done.
    StepDone {
        step: StepId,
        leader: Option<MemberName>,
        waited_ms: u64,
    },
    /// The member was put back on its old binary, and serves.
    StepUndone {
        step: StepId,
        leader: Option<MemberName>,
        waited_ms: u64,
    },
    /// Gates did not hold within their bound.
    GateFailed {
        step: StepId,
        stage: GateStage,
        reasons: Vec<String>,
        /// The members that keep the gates from holding.
        culprits: Vec<MemberName>,
        /// Those of them that do not serve as they should; the others only list other members than was planned for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unwell: Vec<MemberName>,
        /// Those of them whose process is known to be gone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dead: Vec<MemberName>,
        /// The newest cluster version that a member told: whether there is still a way back by the old binary.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster_version: Option<Minor>,
        waited_ms: u64,
    },
    /// A stop was asked for (Ctrl-C, SIGTERM).
    StopRequested {
        signal: String,
    },
    /// A lock on a host is gone: somebody else could be at work there. What is in hand is brought to a safe end.
    LockLost {
        reason: String,
    },
    /// What clients met: at the end of a step, during it; at the end of the run, without a step, during all of it.
    Availability {
        step: Option<StepId>,
        answers: Answers,
    },
    /// No member answered for longer than the spec bears (`slo`). What is in hand is brought to a safe end.
    StallTooLong {
        /// The step in hand when that was seen.
        step: Option<StepId>,
        /// How long it was when this was written.
        stalled_ms: u64,
        bound_ms: u64,
    },
    RunEnded {
        ending: Ending,
    },
}

impl Entry {
    /// Whether it has to be on the disk, with all before it, before anything goes on. What a run sees on its way is there by the
    /// time the next effect is announced: it changes nothing until then.
    pub fn is_kept_at_once(&self) -> bool {
        match self {
            Self::ReadyFor { .. } | Self::Outcome { .. } | Self::StepDone { .. } | Self::Availability { .. } => false,
            Self::RunStarted { .. }
            | Self::Intent { .. }
            | Self::StepUndone { .. }
            | Self::GateFailed { .. }
            | Self::StopRequested { .. }
            | Self::LockLost { .. }
            | Self::StallTooLong { .. }
            | Self::RunEnded { .. } => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateStage {
    Before,
    After,
    /// While a member is put back on its old binary.
    Undo,
}

/// One thing that the driver does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    Stage,
    Preflight,
    Prepare,
    Backup,
    CompareData,
    TakeRaftSnapshots,
    /// `downgrade validate` and `enable`.
    EnableDowngrade,
    /// `downgrade cancel`.
    CancelDowngrade,
    Operate {
        member: MemberName,
        operation: Operation,
    },
    Create {
        member: MemberName,
    },
    StartTogether,
    /// Lay copies of the rollback points ready, on all hosts.
    ReadyData,
    /// Make a whole cluster of a v2 backup, on the controller.
    AssembleData,
    /// Restore the backup beside each data directory, on all hosts.
    LayRestored,
    CompareRestored,
    StopAll,
    /// Write the note beside every data directory.
    MarkReplacement,
    /// Move a stopped member's data aside, and what lies ready in its place.
    ReplaceData {
        member: MemberName,
    },
    /// The binary that belongs to the data.
    ReplaceBinary {
        member: MemberName,
    },
    EndReplacement,
    /// Stop whatever the failed start left, put the old binary back, start it.
    PutBack {
        member: MemberName,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum EffectResult {
    Done {
        detail: Detail,
    },
    /// There was nothing to do: it was so already, or does not apply.
    Skipped {
        why: String,
    },
    /// All that the step does to its member is so already: nothing more of it is done, and its gates say the rest.
    AlreadyDone {
        why: String,
    },
    /// What is there is not what was planned for: it was not begun, and nothing was changed by it.
    Refused {
        reason: String,
        todo: Vec<String>,
    },
    Failed {
        reason: String,
        log: Vec<String>,
        /// What to do about it, where that is known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        todo: Vec<String>,
    },
}

impl EffectResult {
    /// By an error's text: what was seen, and what to do.
    pub fn failed(error: &str, log: Vec<String>) -> Self {
        let Advised { seen, advice } = Advised::of(error);
        Self::Failed { reason: seen, log, todo: advice }
    }
}

/// What is worth remembering of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Detail {
    Nothing,
    Staged {
        bytes: Bytes,
        already_there: u32,
    },
    Preflight {
        accepted: Vec<(MemberName, u32)>,
    },
    Backup {
        id: String,
        dir: String,
        size: Bytes,
        revision: Option<Revision>,
        checks: Vec<String>,
    },
    DataEqual {
        revision: Revision,
        hash: u32,
        members: u32,
    },
    /// All keys were read from every member, where the version has no `HashKV`.
    KeysEqual {
        members: u32,
        v3: Option<KeysCompared>,
        v2: Option<KeysCompared>,
    },
    /// How far the newest raft snapshot of each member reaches now.
    RaftSnapshots {
        no_ops: u64,
        reached: Vec<(MemberName, RaftIndex)>,
    },
    /// etcd goes down to this minor, by what its members say.
    DowngradeEnabled {
        to: Minor,
    },
    /// It was to go down to this minor, and is not any more, by what its members say.
    DowngradeCancelled {
        to: Minor,
    },
    HandedOver {
        to: MemberName,
    },
    /// Where each old binary is kept.
    Prepared {
        kept: Vec<(MemberName, String)>,
    },
    Stopped {
        took_ms: u64,
    },
    RollbackPoint {
        path: String,
        size: Bytes,
        raft_index: Option<RaftIndex>,
    },
    Swapped {
        path: String,
        version: Version,
    },
    /// Files that set options of the member.
    Rewritten {
        paths: Vec<String>,
    },
    Started {
        pid: u32,
    },
    /// Copies that lie ready, by member.
    DataReady {
        size: Bytes,
        already: u32,
    },
    /// A cluster was made of a v2 backup: how much goes to each host, packed.
    Assembled {
        members: u32,
        size: Bytes,
    },
    /// What each member holds is what the backup holds.
    AsInBackup {
        members: u32,
        revision: Option<Revision>,
        v3: Option<KeysCompared>,
        v2: Option<KeysCompared>,
    },
    AllStopped {
        took_ms: u64,
    },
    /// Where a member's data was moved to.
    Replaced {
        aside: String,
    },
    /// It is in nobody's list of members any more.
    LeftCluster {
        id: MemberId,
    },
    /// It is in every list, under a new id.
    JoinedCluster {
        id: MemberId,
    },
    /// It left, and has joined again, empty, with its old binary: the id that it had, and where its data was moved to.
    Readded {
        was: MemberId,
        aside: String,
    },
}

/// How much of one kind of keys was compared, and what came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysCompared {
    pub keys: u64,
    pub digest: Sha256,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
pub enum Ending {
    Succeeded,
    /// Stopped where the spec said `hold_before`.
    Held {
        before: StepId,
    },
    /// Stopped at a person's wish, at a safe place.
    Interrupted {
        signal: String,
    },
    Failed {
        step: Option<StepId>,
        reason: String,
        rolled_back: Option<MemberName>,
        todo: Vec<String>,
    },
}
