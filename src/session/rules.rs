//! The rules behind errors that end a command before there is a plan, or while its run is on. `quorate explain NAME`
//! shows them; the rules that refuse a plan are the planner's, those of a spec the spec's.

use super::error::SessionError;
use crate::execute::ExecuteError;
use crate::state::StateError;
use crate::units::{RuleKind, rules};

rules! {
    /// What a command is held to.
    CommandRule of RuleKind::Command;
    Approved: "approved",
        "Nothing is changed before somebody has approved of it: at a terminal, or beforehand.",
        "What is done to a cluster is what somebody has seen and wanted.",
        "Answer `yes` at a terminal; without one, `quorate plan -out=FILE`, read it with `quorate show FILE`, then `quorate apply FILE`.";
    BackupProven: "backup-proven",
        "A backup counts when it was read again, and, unless the spec says otherwise, restored on trial and compared.",
        "One that cannot be restored is found out on the day on which it is needed.",
        "See what the check says, mend it, and run `quorate backup` again; nothing was changed meanwhile.";
    BackupRestorable: "backup-restorable",
        "What is restored is whole: its files are as its manifest says, and a trial of it serves what it holds.",
        "Data that is put in the place of a cluster's own must not turn out to be cut short.",
        "Take another: `quorate backup list` shows those that are kept, `quorate backup verify all` reads each again.";
    ClusterChosen: "cluster-chosen",
        "It is clear which cluster of a spec is meant.",
        "Of several, the wrong one would be changed.",
        "Name one that the spec declares: -cluster=NAME.";
    CommandLine: "command-line",
        "The options and arguments of a command fit together, and name what there is.",
        "What was meant is never guessed.",
        "`quorate help COMMAND` shows what it takes, with examples.";
    FileUsable: "file-usable",
        "A file or folder that a command reads or writes is there for it: of the right kind, with the rights, with room on its disk.",
        "A result that is not all there is none, and nothing else is ever written over.",
        "See that the path, its owner, mode and disk are right, or name another.";
    HostLock: "host-lock",
        "All hosts are locked by one run, and stay so while it changes something.",
        "Two runs at once, of two specs or from two machines, could each stop a member and believe that the others serve.",
        "Wait until the other has ended, or end it there; a lock goes with its connection, also after kill -9.";
    IdKnown: "id-known",
        "A run or a backup that is named is one that is kept.",
        "Another one never stands in for it.",
        "`quorate runs` and `quorate backup list` show what is kept.";
    ImportClear: "import-clear",
        "All hosts that are named for an import can be looked at, and what is seen there is one cluster.",
        "Where they contradict each other, a spec would be a guess.",
        "Mend what is named, or name the hosts, the unit (-unit) and the account (-user, -sudo) that are meant.";
    JournalSound: "journal-sound",
        "The journal of a run is as it was written.",
        "What was done to a cluster is not guessed from a file that somebody changed.",
        "Leave the file as it is; `quorate plan` looks at what is there, and shows what is left to do.";
    MachineFit: "machine-fit",
        "The machine that quorate runs on gives it what every program gets: threads, signals, ports.",
        "Nothing is begun that could not be ended safely.",
        "See what is named, and the limits of this user (ulimit -a); then run it again.";
    MemberReached: "member-reached",
        "The host of a member that a command is to talk to is reached, and its client port is known.",
        "What is not seen is not assumed.",
        "See that `ssh` reaches the host as the spec says; where the port is not found there, set `client_url` in the member block.";
    ModulesSound: "modules-sound",
        "Every file of the folder that `modules` names can be read, and says what such a file may say.",
        "Decisions rest on it; a fact that is read wrong is a wrong decision.",
        "Correct the file, or take it away: then the built-in one counts.";
    ReleaseAtHand: "release-at-hand",
        "The release whose tools take, try or restore a backup can be had, with its digest.",
        "A backup that cannot be tried is not known to be one.",
        "Check the `release` blocks, or put the release where one of them points.";
    SavedPlanHolds: "saved-plan-holds",
        "A saved plan is done while the cluster is the one that it was made for: members, versions, binaries, options, \
         units, certificates.",
        "What was read and approved is what is done, or nothing is.",
        "Make a new one: `quorate plan -out=FILE`.";
    SavedPlanWhole: "saved-plan-whole",
        "A saved plan is whole, as it was written, and of this quorate's format.",
        "One that was cut short or edited says other things than those that somebody read and approved.",
        "Make a new one: `quorate plan -out=FILE`.";
    SomethingSeen: "something-seen",
        "At least one host of the cluster can be looked at.",
        "Where nothing is seen, nothing can be said.",
        "See that `ssh` reaches the hosts as the spec says: user, port, key, `become`.";
    StateLock: "state-lock",
        "One run at a time uses a state folder.",
        "Two would write one journal, and neither could be trusted.",
        "Wait until the other has ended, or end it there; `quorate unlock` takes away the record of a holder on another \
         machine, once you have looked there.";
    StateUsable: "state-usable",
        "The state folder can be read and written to, with room on its disk.",
        "Nothing is done that cannot be recorded.",
        "See its owner, mode and disk, or name another: `path` of the state block.";
    StepDone: "step-done",
        "Each step of a run is done, or the run ends there.",
        "The next one would be done to a cluster that nobody has planned for.",
        "Do what is named; then `quorate plan` looks at what is there, and shows what is left.";
}

/// The rule that an error is about. Refusals and the spec's errors name their own, each of them one.
pub(super) fn of(error: &SessionError) -> Option<CommandRule> {
    Some(match error {
        SessionError::Spec(_) | SessionError::Refused(_) => return None,
        SessionError::Stale(_) => CommandRule::SavedPlanHolds,
        SessionError::Cluster(_) => CommandRule::ClusterChosen,
        SessionError::State(error) | SessionError::Execute(ExecuteError::State(error)) => of_state(error),
        SessionError::Knowledge(_) | SessionError::Template(_) => CommandRule::ModulesSound,
        SessionError::Execute(ExecuteError::Backup(_))
        | SessionError::BackupFailed { .. }
        | SessionError::BackupStopped { .. }
        | SessionError::BackupMissing
        | SessionError::Backup(_) => CommandRule::BackupProven,
        SessionError::Execute(_) => CommandRule::StepDone,
        SessionError::NothingSeen { .. } => CommandRule::SomethingSeen,
        SessionError::Import(_) => CommandRule::ImportClear,
        SessionError::Scratch { .. } => CommandRule::FileUsable,
        SessionError::NotConnected { .. } | SessionError::NoClient { .. } => CommandRule::MemberReached,
        SessionError::NoTools { .. } => CommandRule::ReleaseAtHand,
        SessionError::NotRestorable(_) => CommandRule::BackupRestorable,
        SessionError::HostLocked { .. } | SessionError::HostsNotLocked { .. } => CommandRule::HostLock,
        SessionError::NotLocked => CommandRule::StateLock,
    })
}

fn of_state(error: &StateError) -> CommandRule {
    match error {
        StateError::Io { .. } => CommandRule::StateUsable,
        StateError::Journal { .. } => CommandRule::JournalSound,
        StateError::NoRun { .. } => CommandRule::IdKnown,
        StateError::Locked { .. } | StateError::LockedElsewhere { .. } => CommandRule::StateLock,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// One that is left over would be explained to nobody.
    #[test]
    fn each_rule_is_one_that_some_error_names() {
        let mut code = String::new();
        for room in ["src/session", "src/cli"] {
            for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(room)).unwrap() {
                code += &std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            }
        }
        for rule in CommandRule::ALL {
            assert!(code.contains(&format!("CommandRule::{rule:?}")), "no error names {}", rule.name());
        }
        assert!(CommandRule::ALL.iter().map(|rule| rule.name()).eq(RULES.iter().map(|rule| rule.name)));
    }
}
