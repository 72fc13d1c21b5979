//! The rules behind errors that end a command before there is a plan, or while its run is on. `quorate explain NAME`
//! shows them; the rules that refuse a plan are the planner's.

use super::error::SessionError;
use crate::state::StateError;
use crate::units::{Rule, RuleKind};

const fn rule(name: &'static str, what: &'static str, why: &'static str, fix: &'static str) -> Rule {
    Rule { name, kind: RuleKind::Command, what, why, fix }
}

/// What the file of a saved plan is held to.
pub const PLAN_FILE: &str = "saved-plan-whole";

/// By name.
pub const RULES: &[Rule] = &[
    rule(
        "backup-proven",
        "A backup counts when it was read again, and, unless the spec says otherwise, restored on trial and compared.",
        "One that cannot be restored is found out on the day on which it is needed.",
        "See what the check says, mend it, and run `quorate backup` again; nothing was changed meanwhile.",
    ),
    rule(
        "backup-restorable",
        "What is restored is whole: its files are as its manifest says, and a trial of it serves what it holds.",
        "Data that is put in the place of a cluster's own must not turn out to be cut short.",
        "Take another: `quorate backup list` shows those that are kept, `quorate backup verify all` reads each again.",
    ),
    rule(
        "host-lock",
        "All hosts are locked by one run, and stay so while it changes something.",
        "Two runs at once, of two specs or from two machines, could each stop a member and believe that the others serve.",
        "Wait until the other has ended, or end it there; a lock goes with its connection, also after kill -9.",
    ),
    rule(
        "journal-sound",
        "The journal of a run is as it was written.",
        "What was done to a cluster is not guessed from a file that somebody changed.",
        "Leave the file as it is; `quorate plan` looks at what is there, and shows what is left to do.",
    ),
    rule(
        "modules-sound",
        "Every file of the folder that `modules` names can be read, and says what such a file may say.",
        "Decisions rest on it; a fact that is read wrong is a wrong decision.",
        "Correct the file, or take it away: then the built-in one counts.",
    ),
    rule(
        "release-at-hand",
        "The release whose tools take, try or restore a backup can be had, with its digest.",
        "A backup that cannot be tried is not known to be one.",
        "Check the `release` blocks, or put the release where one of them points.",
    ),
    rule(
        "saved-plan-holds",
        "A saved plan is done while the cluster is the one that it was made for: members, versions, binaries, options, \
         units, certificates.",
        "What was read and approved is what is done, or nothing is.",
        "Make a new one: `quorate plan -out=FILE`.",
    ),
    rule(
        PLAN_FILE,
        "A saved plan is whole, as it was written, and of this quorate's format.",
        "One that was cut short or edited says other things than those that somebody read and approved.",
        "Make a new one: `quorate plan -out=FILE`.",
    ),
    rule(
        "something-seen",
        "At least one host of the cluster can be looked at.",
        "Where nothing is seen, nothing can be said.",
        "See that `ssh` reaches the hosts as the spec says: user, port, key, `become`.",
    ),
    rule(
        "state-lock",
        "One run at a time uses a state folder.",
        "Two would write one journal, and neither could be trusted.",
        "Wait until the other has ended, or end it there; `quorate unlock` takes away the record of a holder on another \
         machine, once you have looked there.",
    ),
];

/// The rule that an error is about, where there is one.
pub(super) fn of(error: &SessionError) -> Option<&'static str> {
    Some(match error {
        SessionError::Stale(_) => "saved-plan-holds",
        SessionError::State(StateError::Locked { .. } | StateError::LockedElsewhere { .. }) => "state-lock",
        SessionError::State(StateError::Journal { .. }) => "journal-sound",
        SessionError::Knowledge(_) | SessionError::Template(_) => "modules-sound",
        SessionError::NothingSeen { .. } => "something-seen",
        SessionError::NoTools { .. } => "release-at-hand",
        SessionError::BackupFailed { .. } => "backup-proven",
        SessionError::NotRestorable(_) => "backup-restorable",
        SessionError::HostLocked { .. } | SessionError::HostsNotLocked { .. } => "host-lock",
        // The spec's errors and the refusals name their own; the others are about one file, one host, one argument.
        SessionError::Spec(_)
        | SessionError::Refused(_)
        | SessionError::Cluster(_)
        | SessionError::State(StateError::Io { .. } | StateError::NoRun { .. })
        | SessionError::Execute(_)
        | SessionError::Import(_)
        | SessionError::Scratch { .. }
        | SessionError::NotConnected { .. }
        | SessionError::NoClient { .. }
        | SessionError::BackupStopped { .. }
        | SessionError::BackupMissing
        | SessionError::Backup(_)
        | SessionError::NotLocked => return None,
    })
}
