//! Gates, operations and effects as sentences. Each wait is said with its bound.

use super::words::{grouped, names, names_of, span};
use crate::execute::journal::Effect;
use crate::plan::model::{Action, Gate, HandOver, MemberAction, Moment, Operation, Step, Undo};
use crate::spec::model::OnFailure;
use crate::units::MemberName;

/// What a gate waits for. A member that is the `subject` of the step is not named, so that the same words stand for
/// the same thing in every step.
pub fn gate(gate: &Gate, subject: Option<&MemberName>) -> String {
    let whose = |member: &MemberName| if Some(member) == subject { String::new() } else { format!("{member}: ") };
    let within = span(gate.within());
    match gate {
        Gate::AllHealthy { .. } => format!("all members healthy and no alarm, within {within}"),
        Gate::OneLeader { .. } => format!("all see one leader, within {within}"),
        Gate::MemberList { members, .. } => {
            format!("the member list is still these {}, within {within}", members.len())
        }
        Gate::QuorumWithout { member, .. } => {
            format!("{}the others hold quorum without it, healthy and caught up, within {within}", whose(member))
        }
        Gate::RunsVersion { member, version, sha256, .. } => {
            format!("{}runs {version} (sha256 {}), within {within}", whose(member), sha256.short())
        }
        Gate::CaughtUp { member, entries, .. } => {
            format!("{}at most {} raft entries behind the leader, within {within}", whose(member), grouped(entries.0))
        }
        Gate::Soak { .. } => format!("all stay healthy for {within}"),
        Gate::V2Settle { size, source, .. } => {
            format!("{within} for v2 data of {size} to settle ({source})")
        }
        Gate::ClusterVersion { minor, .. } => {
            format!("every member says that the cluster version is {minor}, within {within}")
        }
        Gate::StorageReadable { minor, .. } => {
            format!("every member's storage is of version {minor}, which older binaries read, within {within}")
        }
        Gate::Serving { members, .. } => {
            format!("{} healthy, with a leader among them, within {within}", names(members))
        }
        Gate::DeclaredMembers { names: declared, .. } => {
            format!("the member list is {}, as declared, within {within}", names(declared))
        }
    }
}

pub fn gates(gates: &[Gate], subject: Option<&MemberName>) -> String {
    joined(gates.iter().map(|one| gate(one, subject)))
}

/// Items of a list in one paragraph.
pub fn joined(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(" · ")
}

/// What is going to be done on a member's host.
pub fn operation(operation: &Operation, action: Option<&MemberAction>) -> String {
    match operation {
        Operation::HandOver { how: HandOver::MoveLeader } => {
            "if it leads then: hand leadership to another healthy member (MoveLeader)".to_owned()
        }
        Operation::HandOver { how: HandOver::AtStop } => {
            "if it leads then: etcd hands leadership over as it stops".to_owned()
        }
        Operation::HandOver { how: HandOver::None } => {
            "if it leads then: an election follows, this version cannot hand over".to_owned()
        }
        Operation::Stop { timeout } => format!("stop it, within {}", span(*timeout)),
        Operation::CopyDataDir { from, wal_dir, size } => {
            let wal = wal_dir.as_ref().map(|dir| format!(" and {dir}")).unwrap_or_default();
            format!("copy {from}{wal} ({size}) beside itself, as {from}.quorate-RUN-vVERSION: the rollback point")
        }
        Operation::SwapBinary => match action {
            Some(MemberAction { binary, from, to, .. }) if from > to => {
                let old = binary.old_sha256.map(|sha| format!(" {} ->", sha.short())).unwrap_or_default();
                format!("put the binary of {to} back at {} (sha256{old} {})", binary.path, binary.new_sha256.short())
            }
            Some(MemberAction { binary, .. }) => {
                let old = binary.old_sha256.map(|sha| format!(" {} ->", sha.short())).unwrap_or_default();
                format!("put the new binary at {} (sha256{old} {})", binary.path, binary.new_sha256.short())
            }
            None => "put the new binary in place".to_owned(),
        },
        Operation::RewriteSettings => match action.and_then(|action| action.settings.as_ref()) {
            Some(change) => {
                let each = change
                    .files
                    .iter()
                    .map(|file| format!("{} (sha256 {} -> {})", file.path, file.before.short(), file.after.short()));
                format!("change {}, as shown below", each.collect::<Vec<_>>().join(" and "))
            }
            None => "change the files that set its options".to_owned(),
        },
        Operation::Start { timeout } => format!("start it, within {}", span(*timeout)),
        Operation::LeaveCluster => match action.and_then(|action| action.readd.as_ref()?.readded()) {
            Some((_, _, before)) => {
                format!("once all others are well: remove it from the list of members, by its id {}", before.id)
            }
            None => "once all others are well: remove it from the list of members".to_owned(),
        },
        Operation::JoinCluster => match action.and_then(|action| action.readd.as_ref()?.readded()) {
            Some((_, _, before)) => {
                format!("add it to the list again, as a new member, with {}", before.peer_urls.join(" and "))
            }
            None => "add it to the list again, as a new member".to_owned(),
        },
        Operation::SetDataAside => match action.and_then(|action| action.readd.as_ref()?.readded()) {
            Some((_, place, _)) => {
                let wal = place.wal_dir.as_ref().map(|dir| format!(" and {dir}")).unwrap_or_default();
                format!("move {0}{wal} aside to {0}.quorate-replaced-RUN; an empty one takes the place", place.data_dir)
            }
            None => "move its data aside; an empty place takes its place".to_owned(),
        },
        Operation::StartJoining { timeout } => format!(
            "start it, this once with --initial-cluster-state=existing and the list of members as it is then, within {}; its \
             configuration stays as it is",
            span(*timeout)
        ),
    }
}

/// How a step is undone, and what a failure does by itself.
pub fn undo(step: &Step) -> String {
    match (&step.undo, &step.action) {
        (Undo::NothingToUndo, Action::Member(action)) if action.readds().is_some() => {
            "none: once it has left, it is a new member, and what it had is kept aside, of no use to the cluster; up again is a \
             new upgrade"
                .to_owned()
        }
        (Undo::NothingToUndo, _) => "nothing to undo: nothing that runs is changed".to_owned(),
        (Undo::SwapBack, Action::Member(MemberAction { binary, on_failure, settings, .. })) => {
            let files = settings.as_ref().map_or("", |_| ", change its files back,");
            let first = format!("put {} back{files} and start it", binary.kept);
            match on_failure {
                OnFailure::RollbackMember => {
                    format!("{first}; done at once if the member does not come up, then the run halts")
                }
                OnFailure::Halt => format!(
                    "{first}; by hand, for a failure halts the run and leaves the member as it is (on_failure = \"halt\")"
                ),
            }
        }
        (Undo::CancelDowngrade, _) => {
            "declare the version that runs now and apply: that tells etcd not to (`downgrade cancel`), and the cluster \
             version goes up again"
                .to_owned()
        }
        (Undo::EnableDowngrade, _) => {
            "declare the lower version and apply: etcd is told again to go down (`downgrade enable`)".to_owned()
        }
        (Undo::Readd, Action::Member(MemberAction { binary, on_failure, from, .. })) => {
            let first = format!(
                "once it has run: it leaves the cluster, its data is moved aside, {} is put back, and it joins again, empty; not \
                 where no other member runs {}",
                binary.kept,
                from.minor()
            );
            match on_failure {
                OnFailure::RollbackMember => {
                    format!("{first}; done at once if the member does not come up, then the run halts")
                }
                OnFailure::Halt => format!("{first}; by `quorate rollback`, for a failure halts the run (on_failure = \"halt\")"),
            }
        }
        (Undo::Readd, _) => "it leaves the cluster and joins it again, empty".to_owned(),
        (Undo::SwapBack, _) => "put the old binary back and start it".to_owned(),
        (Undo::StopAgain, Action::StopAll { .. }) => "start them again: nothing was replaced yet".to_owned(),
        (Undo::StopAgain, Action::Member(_)) => "stop it again".to_owned(),
        (Undo::StopAgain, _) => "stop them again".to_owned(),
        (Undo::MoveBack, _) => "nothing is deleted: what was moved aside is whole, and can be moved back".to_owned(),
        (Undo::RemoveCreated, _) => "remove what was created".to_owned(),
    }
}

/// The kind of a step in one word, for the left edge.
pub fn verb(action: &Action) -> &'static str {
    match action {
        Action::Stage { .. } => "stage",
        Action::Preflight { .. } => "preflight",
        Action::Prepare { .. } => "prepare",
        Action::Backup(_) => "backup",
        Action::CompareData { .. } => "compare",
        Action::TakeRaftSnapshots(_) => "clear log",
        Action::EnableDowngrade(_) => "downgrade",
        Action::CancelDowngrade(_) => "cancel",
        Action::Member(member) if member.only_starts() => "start",
        Action::Member(member) if member.from == member.to => "restart",
        Action::Member(_) => "member",
        Action::CreateMember(_) => "create",
        Action::StartTogether { .. } => "start",
        Action::ReadyData { .. } => "lay ready",
        Action::LayRestored(_) => "restore",
        Action::CompareRestored { .. } => "compare",
        Action::StopAll { .. } => "stop all",
        Action::MarkReplacement(_) => "mark",
        Action::ReplaceData(_) => "replace",
        Action::EndReplacement { .. } => "unmark",
        Action::Finish { .. } => "finish",
    }
}

/// A step in a few words, for progress and messages: `member m1`.
pub fn title(action: &Action) -> String {
    let whom = match action {
        Action::Stage { version, .. } | Action::Preflight { version, .. } => version.to_string(),
        Action::Prepare { members } => names(members),
        Action::Backup(backup) => format!("from {}", backup.member),
        Action::CompareData { moment: Moment::BeforeFirstStop } => "before the first stop".to_owned(),
        Action::CompareData { moment: Moment::AtTheEnd } => "at the end".to_owned(),
        Action::TakeRaftSnapshots(snapshots) => names_of(&snapshots.members),
        Action::EnableDowngrade(order) => format!("to {}", order.to),
        Action::CancelDowngrade(order) => format!("downgrade to {}", order.to),
        Action::Member(member) => member.member.to_string(),
        Action::CreateMember(create) => create.member.to_string(),
        Action::StartTogether { members } | Action::StopAll { members, .. } => names(members),
        Action::ReadyData { members, .. } | Action::EndReplacement { members } => names_of(members),
        Action::LayRestored(restore) => restore.backup.clone(),
        Action::CompareRestored { backup } => format!("with {}", backup.id),
        Action::MarkReplacement(replacement) => names_of(&replacement.members),
        Action::ReplaceData(replace) => replace.member.to_string(),
        Action::Finish { minor, .. } => minor.to_string(),
    };
    format!("{} {whom}", verb(action))
}

/// An effect that is under way: the member it is on, if it is on one, and what is done.
pub fn effect<'a>(effect: &'a Effect, action: Option<&Action>) -> (Option<&'a MemberName>, String) {
    let member_action = match action {
        Some(Action::Member(member)) => Some(member),
        _ => None,
    };
    match effect {
        Effect::Stage => (None, "put the release on the hosts".to_owned()),
        Effect::Prepare => (None, "keep the old binaries, lay the new ones beside them".to_owned()),
        Effect::Preflight => (None, "try each member's options on the new binary".to_owned()),
        Effect::Backup => (None, "take and verify the backup".to_owned()),
        Effect::TakeRaftSnapshots => (None, "raft no-ops until each member takes a raft snapshot".to_owned()),
        Effect::EnableDowngrade => (None, "tell etcd to go down".to_owned()),
        Effect::CancelDowngrade => (None, "tell etcd not to go down any more".to_owned()),
        Effect::CompareData => (None, "compare the data of all members".to_owned()),
        Effect::Operate { member, operation: what } => (Some(member), operation(what, member_action)),
        Effect::Create { member } => (Some(member), "create it".to_owned()),
        Effect::StartTogether => match action {
            Some(Action::StartTogether { members }) => (None, format!("start {}, all at once", names(members))),
            _ => (None, "start members, all at once".to_owned()),
        },
        Effect::ReadyData => (None, "lay copies of the rollback points ready".to_owned()),
        Effect::AssembleData => (None, "make a cluster of the backup, on this machine".to_owned()),
        Effect::LayRestored => (None, "restore the backup beside each data directory".to_owned()),
        Effect::CompareRestored => (None, "compare each member with the backup".to_owned()),
        Effect::StopAll => (None, "stop all members at once".to_owned()),
        Effect::MarkReplacement => (None, "write the note beside every data directory".to_owned()),
        Effect::ReplaceData { member } => {
            (Some(member), "move its data aside, and what lies ready in its place".to_owned())
        }
        Effect::ReplaceBinary { member } => {
            (Some(member), "put the binary in place that belongs to the data".to_owned())
        }
        Effect::EndReplacement => (None, "remove the notes".to_owned()),
        Effect::PutBack { member } => (Some(member), "put the old binary back and start it".to_owned()),
    }
}

/// An effect as a noun, for what came of it.
pub fn effect_name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Stage => "staging",
        Effect::Preflight => "preflight",
        Effect::Prepare => "preparing the swaps",
        Effect::Backup => "backup",
        Effect::CompareData => "comparison",
        Effect::TakeRaftSnapshots => "clearing the raft logs",
        Effect::EnableDowngrade => "enabling the downgrade",
        Effect::CancelDowngrade => "cancelling the downgrade",
        Effect::Operate { operation, .. } => match operation {
            Operation::HandOver { .. } => "hand-over",
            Operation::Stop { .. } => "stop",
            Operation::CopyDataDir { .. } => "rollback point",
            Operation::SwapBinary => "swap",
            Operation::Start { .. } | Operation::StartJoining { .. } => "start",
            Operation::LeaveCluster => "leaving the cluster",
            Operation::JoinCluster => "joining the cluster",
            Operation::SetDataAside => "setting data aside",
            Operation::RewriteSettings => "changing the settings",
        },
        Effect::Create { .. } => "creation",
        Effect::StartTogether => "start at once",
        Effect::ReadyData => "laying data ready",
        Effect::AssembleData => "making a cluster of the backup",
        Effect::LayRestored => "restoring beside",
        Effect::CompareRestored => "comparison with the backup",
        Effect::StopAll => "stop of all",
        Effect::MarkReplacement => "note",
        Effect::ReplaceData { .. } => "replacing data",
        Effect::ReplaceBinary { .. } => "replacing the binary",
        Effect::EndReplacement => "removing the notes",
        Effect::PutBack { .. } => "putting the old binary back",
    }
}
