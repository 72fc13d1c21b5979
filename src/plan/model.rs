//! A plan as data: what will be done, on whom, why, what must hold before and after, and what undoes it.

mod replace;
mod restore;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::observe::inventory::ListedMember;
use crate::observe::settings::SettingsChange;
use crate::runtime::CreateSpec;
use crate::spec::model::{Cluster, HoldPoint, OnFailure, Verify};
use crate::units::{
    Bytes, ClusterId, ClusterName, MemberId, MemberName, Minor, RaftIndex, Revision, Sha256, Span, Version,
};

pub use replace::{
    DataCopy, MemberReplacement, REPLACEMENT_FORMAT, ReplaceAction, Replacement, ReplacementKind, ReplacementPhase,
};

pub use restore::{Proof, RestoreAction, RestoreMember, RestoreSource, SavedV2, SavedV3};

/// The format of a saved plan. One that does not match is refused.
pub const PLAN_FORMAT: u32 = 1;

/// What will be done to one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub format: u32,
    /// Version of quorate that made it.
    pub made_by: String,
    pub kind: Kind,
    pub cluster: ClusterName,
    /// Where the run of this plan is kept on the controller.
    pub state_dir: PathBuf,
    /// The user's own folder of knowledge and templates, where the spec names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules_dir: Option<PathBuf>,
    /// What was declared; inline certificates and keys are replaced by their digests.
    pub declared: Cluster,
    /// Everything the decisions rest on. The plan is refused when it no longer holds.
    pub basis: Basis,
    pub summary: Summary,
    /// Releases that are put on hosts, by version and architecture.
    pub releases: Vec<ReleasePin>,
    /// One for each rung; empty when there is nothing to do. A creation is one rung without a `from`.
    pub rungs: Vec<Rung>,
    /// The rungs that follow until the declared version is reached. Each is planned again, on a fresh look, when its turn
    /// comes; what stands in the way of one of them refuses the whole plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Foreseen>,
    /// What was checked before, and how it came out.
    pub checks: Vec<Check>,
    pub warnings: Vec<Note>,
}

/// A rung as it will be, by what is there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    pub from: Version,
    pub to: Version,
    /// Its steps are numbered by themselves.
    pub rung: Rung,
    pub estimate: Span,
}

impl Plan {
    /// The version that the last of its rungs leads to.
    pub fn goal(&self) -> &Version {
        self.later.last().map_or(&self.summary.to, |last| &last.to)
    }

    /// Leaves out what comes after this minor: all of it, where the cluster is there already. `false`: no rung leads to it.
    pub fn stop_at(&mut self, minor: Minor) -> bool {
        let there = self.summary.from.clone().filter(|from| from.minor() == minor);
        if let Some(there) =
            there.filter(|_| self.summary.to.minor() != minor && self.basis.cluster_version == Some(minor))
            && self.basis.members.values().all(|member| member.server_version.as_ref() == Some(&there))
        {
            self.kind = Kind::NothingToDo;
            self.rungs.clear();
            self.later.clear();
            self.releases.clear();
            self.summary.to = there;
            self.summary.estimate = Span::default();
            return true;
        }
        if self.summary.to.minor() == minor && self.later.first().is_none_or(|next| next.to.minor() != minor) {
            self.later.clear();
            return true;
        }
        let Some(place) = self.later.iter().rposition(|later| later.to.minor() == minor) else { return false };
        self.later.truncate(place + 1);
        true
    }

    pub fn is_empty(&self) -> bool {
        self.rungs.iter().all(|rung| rung.steps.is_empty())
    }

    /// Whether something of a release is put on a host.
    pub fn releases_needed(&self) -> bool {
        self.steps().any(|step| matches!(step.action, Action::Stage { .. }))
    }

    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.rungs.iter().flat_map(|rung| &rung.steps)
    }

    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps().find(|step| step.id == id)
    }

    /// The digest of the whole plan: what a run refers to.
    pub fn digest(&self) -> Sha256 {
        // A plan holds only strings, numbers, lists and maps with string keys: it always serializes.
        Sha256::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The member that a backup is taken from, if one is.
    pub fn backup_member(&self) -> Option<MemberName> {
        self.steps().find_map(|step| match &step.action {
            Action::Backup(action) => Some(action.member.clone()),
            _ => None,
        })
    }

    /// The backup that is restored, where one is.
    pub fn restored_from(&self) -> Option<&RestoreSource> {
        self.steps().find_map(|step| match &step.action {
            Action::CompareRestored { backup } => Some(backup.as_ref()),
            _ => None,
        })
    }

    /// How many members are created, started, or changed.
    pub fn members_changed(&self) -> usize {
        let mut members = BTreeSet::new();
        for step in self.steps() {
            match &step.action {
                Action::Member(action) => members.extend([&action.member]),
                Action::CreateMember(action) => members.extend([&action.member]),
                Action::StartTogether { members: started } => members.extend(started),
                Action::ReplaceData(action) => members.extend([&action.member]),
                _ => {}
            }
        }
        members.len()
    }

    /// The words of the command, after `quorate`, that finishes a run of this plan, should it be cut short.
    pub fn finished_by(&self) -> Vec<String> {
        let word = match self.kind {
            Kind::NothingToDo | Kind::Create | Kind::Upgrade | Kind::Downgrade => "apply",
            Kind::Backup => "backup",
            Kind::Rollback => "rollback",
            Kind::Restore => "restore",
        };
        let backup = self.restored_from().map(|backup| {
            // By its id it is found in the folder of the spec alone.
            let is_kept = backup.path == self.declared.backup.dir.join(&backup.id);
            if is_kept { backup.id.clone() } else { backup.path.display().to_string() }
        });
        std::iter::once(word.to_owned()).chain(backup).collect()
    }

    /// The replacement of all data directories, where this plan does or finishes one.
    pub fn replacement(&self) -> Option<&Replacement> {
        self.steps().find_map(|step| match &step.action {
            Action::MarkReplacement(replacement) => Some(replacement.as_ref()),
            _ => None,
        })
    }

    /// The re-adding that the plan finishes, or begins first.
    pub fn readding(&self) -> Option<&Replacement> {
        self.steps().find_map(|step| match &step.action {
            Action::Member(action) => action.readds(),
            _ => None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    NothingToDo,
    Create,
    Upgrade,
    /// One minor down, by etcd's own call for it.
    Downgrade,
    /// A backup alone.
    Backup,
    /// Back to the version that members had before.
    Rollback,
    /// The whole cluster from a backup.
    Restore,
}

impl Kind {
    /// Whether all members may be stopped at once: only where a person asked for just that.
    pub fn may_stop_all(self) -> bool {
        matches!(self, Self::Rollback | Self::Restore)
    }
}

/// The facts a plan was decided on. Leadership is not among them: it moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    pub cluster_id: Option<ClusterId>,
    /// `None` while etcd has not decided it, and where nothing exists yet.
    pub cluster_version: Option<Minor>,
    /// Sorted by id.
    pub member_list: Vec<ListedMember>,
    pub members: BTreeMap<MemberName, MemberBasis>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberBasis {
    pub host: String,
    pub arch: String,
    pub member_id: Option<MemberId>,
    pub server_version: Option<Version>,
    /// Digest of what runs, when something does.
    pub running_sha256: Option<Sha256>,
    pub binary_path: Option<String>,
    /// Digest of the file that would be started next.
    pub binary_sha256: Option<Sha256>,
    pub options_sha256: Option<Sha256>,
    pub unit_sha256: Option<Sha256>,
    /// Over its certificates and keys. Plans that were saved before there was this do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates_sha256: Option<Sha256>,
    /// Over the files that set its options, as the next start reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_sha256: Option<Sha256>,
    pub data_dir: Option<String>,
}

/// The cluster as it was when the plan was made, for the head of a rendered plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub from: Option<Version>,
    pub to: Version,
    pub members: usize,
    pub leader: Option<MemberName>,
    pub db_size: Option<Bytes>,
    pub v2_keys: Option<u64>,
    pub v3_keys: Option<u64>,
    pub revision: Option<Revision>,
    /// How long it will take, by the sizes seen; for people.
    pub estimate: Span,
}

/// A release as it will be used: everything that runs is pinned by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasePin {
    pub version: Version,
    pub arch: String,
    pub source: String,
    /// Of the archive, when there was one.
    pub archive_sha256: Option<Sha256>,
    /// How the digest was known: `pinned`, `sums`, `first-use`.
    pub checked: String,
    /// By program: `etcd`, `etcdctl`, `etcdutl`.
    pub binaries: BTreeMap<String, PinnedBinary>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedBinary {
    pub sha256: Sha256,
    pub size: Bytes,
}

/// One rung of the ladder, or the creation of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    pub from: Option<Minor>,
    pub to: Minor,
    pub steps: Vec<Step>,
    /// The step that completes the rung: before it the old binaries can be put back; after it `after` holds.
    pub no_return: Option<NoReturn>,
    /// What clients will notice, and what they have to know of the new version.
    pub clients: Vec<String>,
    pub advisories: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoReturn {
    /// The last member that is changed: whichever that is at the time.
    pub before_last_member: bool,
    pub up_to_there: String,
    pub after: String,
    pub source: String,
    pub hold: Option<HoldPoint>,
    /// Why the run goes past the hold that the spec declares; `None`: it stops there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<GoesOn>,
}

/// Why a run does not stop at the hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum GoesOn {
    /// The newest run of this cluster was held before the very member that is left.
    WasHeld { run: String },
    /// Who is left is down, with the new binary in place: nobody is stopped.
    OnlyStarts,
}

/// Steps are numbered from 1 in the order of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    pub action: Action,
    pub why: String,
    /// All must hold before the first effect.
    pub before: Vec<Gate>,
    /// All must hold before the step counts as done.
    pub after: Vec<Gate>,
    pub undo: Undo,
    /// How long it will take, by the sizes seen; for people.
    pub estimate: Span,
}

/// What a step does. Closed: the engine matches it exhaustively.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Action {
    /// Put programs of a release beside what is there, on several hosts at once. Nothing that runs is touched.
    Stage {
        version: Version,
        members: Vec<MemberName>,
        folder: String,
        /// Those that a later step uses on the host; the rest would only cost time and room.
        programs: Vec<String>,
    },
    /// Run the new binary's own flag parser on each member's real arguments.
    Preflight {
        version: Version,
        members: Vec<MemberName>,
    },
    /// Keep each member's old binary, and lay the new one beside it, so that a swap is one rename. Nothing that runs is
    /// touched.
    Prepare {
        members: Vec<MemberName>,
    },
    Backup(BackupAction),
    /// Ask all members for `HashKV` at one revision and compare.
    CompareData {
        moment: Moment,
    },
    /// Raft no-ops until each of these members has taken a raft snapshot that covers all that is in its log when the step
    /// begins. Nothing of the data changes.
    TakeRaftSnapshots(RaftSnapshots),
    /// Tell etcd to go down one minor (`downgrade validate`, then `enable`): the leader takes the cluster version down, and
    /// each member the version of its storage. No member is stopped.
    EnableDowngrade(DowngradeOrder),
    /// Take that back (`downgrade cancel`): once all members run the newer minor, the cluster version goes up again.
    CancelDowngrade(DowngradeOrder),
    /// Stop, swap, start one member.
    Member(MemberAction),
    CreateMember(Box<CreateAction>),
    /// Start members that were just made, at once: none can be healthy alone.
    StartTogether {
        members: Vec<MemberName>,
    },
    /// Lay a copy of each member's rollback point beside its data directory. Nothing that runs is touched, and the point
    /// itself stays as it is.
    ReadyData {
        /// As in [`Replacement::id`].
        id: Option<String>,
        members: BTreeMap<MemberName, MemberReplacement>,
    },
    /// Stop all members at the same time. Only in a plan whose [`Kind::may_stop_all`]. Where one does not stop, those that
    /// did are started again.
    StopAll {
        members: Vec<MemberName>,
        timeout: Span,
    },
    /// Write the note beside every data directory, on all hosts: before the first is replaced, and again, with the next
    /// phase, before the first member is started.
    MarkReplacement(Box<Replacement>),
    /// Make each member's data directory out of a backup, beside its own. Nothing that runs is touched.
    LayRestored(Box<RestoreAction>),
    /// Other data in the place of one stopped member's.
    ReplaceData(Box<ReplaceAction>),
    /// Every member holds what the backup holds.
    CompareRestored {
        backup: Box<RestoreSource>,
    },
    /// Remove the notes: all members serve.
    EndReplacement {
        members: BTreeMap<MemberName, MemberReplacement>,
    },
    /// Nothing is done; the gates of the step are what completes the rung.
    Finish {
        version: Version,
        minor: Minor,
    },
}

/// What etcd is told about going down, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DowngradeOrder {
    /// The minor that the cluster goes down to.
    pub to: Minor,
    /// The fact of `modules/etcd` that says how.
    pub fact: String,
    /// For etcd to answer, and to have done it.
    pub within: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftSnapshots {
    /// The hazard of the rung that they clear.
    pub hazard: String,
    /// By member: entries between two raft snapshots, as it is configured.
    pub members: BTreeMap<MemberName, u64>,
    /// As many no-ops as it takes, by what was seen; for people.
    pub no_ops: u64,
    /// For all of it.
    pub within: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    BeforeFirstStop,
    AtTheEnd,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupAction {
    pub member: MemberName,
    pub verify: Verify,
    /// A snapshot of the v3 key space, not older than this revision.
    pub v3: Option<V3Backup>,
    pub v2: Option<V2Backup>,
    /// The release whose tools take and restore it.
    pub tools: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct V3Backup {
    pub not_older_than: Revision,
    /// How the restored copy is compared: the live version has `HashKV`, or all keys are read.
    pub compare_by_hash_kv: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2Backup {
    pub data_dir: String,
    pub wal_dir: Option<String>,
    /// Estimated; for people.
    pub size: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAction {
    pub member: MemberName,
    pub role: Role,
    pub from: Version,
    pub to: Version,
    pub binary: BinaryChange,
    /// In this order, each journaled.
    pub operations: Vec<Operation>,
    pub on_failure: OnFailure,
    /// How the member gets back to the older minor where its data cannot go with it: it leaves the cluster, and joins it
    /// again, empty. On the way up that is the way back; on the way back it is what the operations do. Also the note that lies
    /// beside its data meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readd: Option<Box<Replacement>>,
    /// Its files become these while it is down; and what they were again where it is put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsChange>,
}

impl MemberAction {
    /// The re-adding that this step performs or finishes.
    pub fn readds(&self) -> Option<&Replacement> {
        let begins = |operation: &Operation| matches!(operation, Operation::StartJoining { .. });
        self.readd.as_deref().filter(|_| self.operations.iter().any(begins))
    }

    /// The member is down and only has to be started, on the binary that is in place.
    pub fn only_starts(&self) -> bool {
        !self.operations.iter().any(|operation| matches!(operation, Operation::Stop { .. } | Operation::SwapBinary))
    }
}

/// As seen when the plan was made; the order among members is decided again by who leads at the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Follower,
    Leader,
    Down,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryChange {
    /// The path that is started.
    pub path: String,
    pub old_sha256: Option<Sha256>,
    pub new_sha256: Sha256,
    /// Where the new one was staged.
    pub staged: String,
    /// Where the old one is kept.
    pub kept: String,
}

/// One effect on a member's host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Operation {
    /// Where the version can and the member leads at that moment: leadership goes to another healthy voter.
    HandOver {
        how: HandOver,
    },
    Stop {
        timeout: Span,
    },
    /// The data directory as it is while the member is stopped, copied beside it as `FROM.quorate-RUN-vVERSION`.
    CopyDataDir {
        from: String,
        wal_dir: Option<String>,
        size: Bytes,
    },
    SwapBinary,
    /// The files that set its options, after the binary: what is cut off between the two is the new binary with the old
    /// settings, and any look at the member shows what they lack.
    RewriteSettings,
    Start {
        timeout: Span,
    },
    /// The note is written beside its data; then a healthy peer takes it off the list of members, by its id.
    LeaveCluster,
    /// A healthy peer adds it to the list again, with the same peer URLs, as a new member.
    JoinCluster,
    /// What it had is moved aside; an empty data directory takes the place.
    SetDataAside,
    /// Started as a member that joins a cluster that is there, whatever its configuration says of that; the configuration
    /// stays as it is. Once it answers, the note is removed.
    StartJoining {
        timeout: Span,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandOver {
    /// `MoveLeader` is called before the stop.
    MoveLeader,
    /// etcd hands over by itself when it is stopped.
    AtStop,
    /// The version cannot: an election follows.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAction {
    pub member: MemberName,
    pub version: Version,
    pub binary_path: String,
    pub staged_dir: String,
    pub data_dir: String,
    pub args: Vec<String>,
    /// The account it runs as (systemd).
    pub user: Option<String>,
    /// The unit file as it will be written (systemd).
    pub unit_file: Option<String>,
    /// What all of this is made from.
    pub spec: CreateSpec,
}

/// Something that must hold. Judged by [`crate::execute`] on fresh observations, by pure functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Gate {
    /// Every member answers, says it is healthy, and no alarm is raised.
    AllHealthy { within: Span },
    /// All see the same leader.
    OneLeader { within: Span },
    /// The member list is this one, on every member.
    MemberList { members: Vec<ListedMember>, within: Span },
    /// Without this member the other voters hold quorum, all healthy and caught up.
    QuorumWithout { member: MemberName, within: Span },
    /// The member runs this binary and says so.
    RunsVersion { member: MemberName, version: Version, sha256: Sha256, within: Span },
    /// The member's raft index is at most `entries` behind the leader's.
    CaughtUp { member: MemberName, entries: RaftIndex, within: Span },
    /// All stay healthy for so long.
    Soak { span: Span },
    /// The guides' wait for large v2 data.
    V2Settle { span: Span, size: Bytes, source: String },
    /// The cluster version has moved, on every member.
    ClusterVersion { minor: Minor, within: Span },
    /// Members that still run a newer minor have brought their storage down to this one, which older binaries read.
    StorageReadable { minor: Minor, within: Span },
    /// These members answer, are healthy, and see one leader that is among them. The others may be down.
    Serving { members: Vec<MemberName>, within: Span },
    /// The created cluster's members are the declared ones.
    DeclaredMembers { names: Vec<MemberName>, within: Span },
}

impl Gate {
    /// The bound of the wait.
    pub fn within(&self) -> Span {
        match self {
            Self::AllHealthy { within }
            | Self::OneLeader { within }
            | Self::MemberList { within, .. }
            | Self::QuorumWithout { within, .. }
            | Self::RunsVersion { within, .. }
            | Self::CaughtUp { within, .. }
            | Self::ClusterVersion { within, .. }
            | Self::StorageReadable { within, .. }
            | Self::Serving { within, .. }
            | Self::DeclaredMembers { within, .. } => *within,
            Self::Soak { span } | Self::V2Settle { span, .. } => *span,
        }
    }
}

/// What undoes a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Undo {
    /// Nothing was changed that anybody uses.
    NothingToUndo,
    /// Put the old binary back and start it.
    SwapBack,
    /// `downgrade cancel`: what the plan to the version before does.
    CancelDowngrade,
    /// `downgrade enable` again.
    EnableDowngrade,
    /// Stop what was started.
    StopAgain,
    /// Remove what was created.
    RemoveCreated,
    /// The data that was moved aside is whole: it can be moved back while all members are down.
    MoveBack,
    /// The member leaves the cluster, and joins it again with the old binary and an empty data directory.
    Readd,
}

/// How a check before the first step came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name of the rule.
    pub rule: String,
    pub outcome: CheckOutcome,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    Passed,
    /// Cannot be known before the step that finds out.
    Later,
    Warning,
}

/// A sentence with the stable name of what it comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    pub rule: String,
    pub member: Option<MemberName>,
    pub text: String,
    pub source: Option<String>,
}

/// Why there is no plan: one of possibly many reasons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable name of the rule.
    pub rule: String,
    pub member: Option<MemberName>,
    pub host: Option<String>,
    /// What was seen.
    pub seen: String,
    /// What must hold.
    pub must: String,
    /// What to do.
    pub fix: String,
    pub source: Option<String>,
    /// What quorate would change in files, if the spec allowed it: as `diff -u` shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<String>,
}
