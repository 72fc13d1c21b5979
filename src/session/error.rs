//! What a command can come to other than what it was asked for.

use super::rules::CommandRule;
use crate::backup::BackupError;
use crate::etcd::EtcdError;
use crate::execute::ExecuteError;
use crate::host::HostError;
use crate::import::ImportError;
use crate::knowledge::KnowledgeError;
use crate::plan::model::Refusal;
use crate::runtime::RuntimeError;
use crate::spec::Diagnostics;
use crate::state::StateError;
use crate::units::{Advised, ClusterName, MemberName};

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("the spec is not valid")]
    Spec(Diagnostics),
    #[error("the plan is refused")]
    Refused(Vec<Refusal>),
    /// A saved plan is no longer for the cluster that is there.
    #[error("the plan was made for another state of the cluster: {}", .0.join("; "))]
    Stale(Vec<String>),
    /// No cluster, or which one is not clear.
    #[error("{0}")]
    Cluster(String),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// A template of the user's own.
    #[error(transparent)]
    Template(RuntimeError),
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// Of a look that is to tell what is there.
    #[error("no host of cluster {cluster} can be looked at: {}", .why.join("; "))]
    NothingSeen { cluster: ClusterName, why: Vec<String> },
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("the folder for temporary files cannot be written to: {reason}")]
    Scratch { reason: std::io::Error },
    #[error("{member}: {why}")]
    NotConnected { member: MemberName, why: String },
    #[error("{member}: its client port is not known: {why}")]
    NoClient { member: MemberName, why: String },
    #[error("the release that takes or tries the backup is not at hand: {}", .missing.join("; "))]
    NoTools { missing: Vec<String> },
    #[error("no backup was taken: {reason}")]
    BackupFailed { reason: String, todo: Vec<String> },
    #[error("stopped by {signal}; no backup was kept")]
    BackupStopped { signal: String },
    #[error("the run ended without a backup")]
    BackupMissing,
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A backup that was to be restored: its files, or the trial of it.
    #[error(transparent)]
    NotRestorable(BackupError),
    /// Somebody else is at work on a host.
    #[error("{host}: somebody else is at work on this host ({path}): {holder}")]
    HostLocked { host: String, path: String, holder: String },
    /// Hosts that cannot be locked, or whose lock was lost.
    #[error("not all hosts can be locked against a second run: {}", .missing.join("; "))]
    HostsNotLocked { missing: Vec<String> },
    #[error("this is a bug in quorate: a run was to begin without the lock of its state")]
    NotLocked,
}

/// What is said to a person: what was seen, and what to do about it; that is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub seen: String,
    pub todo: Vec<String>,
}

impl SessionError {
    /// The advice that the error came with; else what holds for errors of its kind.
    #[must_use]
    pub fn told(&self) -> Told {
        let Advised { seen, advice: mut todo } = Advised::of(&self.to_string());
        if let Self::BackupFailed { todo: of_run, .. } = self {
            todo.extend(of_run.iter().cloned());
        }
        if todo.is_empty() {
            todo.push(self.advice().to_owned());
        }
        Told { seen, todo }
    }

    /// What `explain` says more about. None of what names its own: what is wrong with a spec, and refusals.
    #[must_use]
    pub fn rule(&self) -> Option<CommandRule> {
        super::rules::of(self)
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Spec(_) => "correct the spec; `quorate validate` shows all that is wrong with it",
            Self::Refused(_) => "do what each refusal says, then plan again",
            Self::Stale(_) => "make a new plan: quorate plan -out=FILE",
            Self::Cluster(_) => "name one of the spec's clusters: -cluster=NAME",
            Self::State(error) => of_state(error),
            Self::Knowledge(_) => {
                "correct that file of the folder that `modules` names in the quorate block, or take it away: then the \
                 built-in one counts"
            }
            Self::Template(error) => of_runtime(error),
            Self::Execute(error) => of_execute(error),
            Self::NothingSeen { .. } => "see that `ssh` reaches the hosts as the spec says, then run it again",
            Self::Import(_) => {
                "mend what is named, or name the hosts, the unit (-unit) and the account (-user, -sudo) that are meant"
            }
            Self::Scratch { .. } => "make room there, or set TMPDIR",
            Self::NotConnected { .. } => "see that `ssh` reaches the host as the spec says, then run it again",
            Self::NoClient { .. } => {
                "see that the member's configuration can be read on its host, or set `client_url` in its member block"
            }
            Self::NoTools { .. } => "check the `release` blocks, or put the release where one of them points",
            Self::BackupFailed { .. } => "see what the check says, mend it, then run `quorate backup` again",
            Self::BackupStopped { .. } => "run `quorate backup` again",
            Self::Backup(error) => of_backup(error),
            Self::NotRestorable(error) => of_restore(error),
            Self::HostLocked { .. } => {
                "wait until that has ended, or end it there (Ctrl-C brings it to a safe end); the lock goes with its \
                 connection, also after kill -9"
            }
            Self::HostsNotLocked { .. } => {
                "see that every host is reached and lets its lock be made, then run it again"
            }
            Self::NotLocked => "please report it, with the command",
            Self::BackupMissing => "see the run's journal below runs/ of the state directory; then run it again",
        }
    }
}

/// Each says by itself what to do.
fn of_state(_: &StateError) -> &'static str {
    LOOK_AGAIN
}

fn of_execute(error: &ExecuteError) -> &'static str {
    match error {
        ExecuteError::Runtime(error) => of_runtime(error),
        ExecuteError::Etcd(error) => of_etcd(error),
        ExecuteError::State(error) => of_state(error),
        ExecuteError::Backup(error) => of_backup(error),
        ExecuteError::NoCluster => "plan again while a member answers",
        ExecuteError::UnknownMember { .. } | ExecuteError::WrongStep { .. } => {
            "make a new plan: this one is not of this spec"
        }
        ExecuteError::MayNotStopAll | ExecuteError::Note { .. } => {
            "report this: quorate plans such a step only for a rollback or a restore, and a note always serializes"
        }
        ExecuteError::NoBackup { .. } => "run `quorate restore BACKUP`: a restore is planned and done in one go",
        ExecuteError::NoRelease { .. } => "check the `release` blocks, then make a new plan",
        ExecuteError::NotSeen { .. } => "see that the host is reached, then plan again",
        ExecuteError::OldBinaryGone { .. } => "put the binary that the member runs back at its path, then plan again",
        ExecuteError::NoHeir { .. } => "bring the other members to health, then run `quorate apply` again",
        ExecuteError::NoWayBack { .. } => {
            "see in its log why the new binary did not serve; `quorate plan` shows what is left"
        }
        ExecuteError::WayBackNotKnown { .. } => {
            "see that the other members are reached, then run `quorate apply` again"
        }
        ExecuteError::LeaderNotSeen { .. } => "see why the members agree on no leader, then run `quorate apply` again",
        ExecuteError::StillLeads { .. } => {
            "move leadership by hand (etcdctl move-leader), then run `quorate apply` again"
        }
        ExecuteError::NoReadding { .. } => "make a new plan: this one does not say how the member is added again",
        ExecuteError::OthersUnwell { .. } => "bring the other members to health, then run `quorate apply` again",
        ExecuteError::NotHeldBack { .. } => {
            "see in its log why the new binary did not serve, and mend that; `quorate apply` then finishes the upgrade"
        }
        ExecuteError::StillListed { .. } | ExecuteError::NotListed { .. } => {
            "see that the other members agree on a leader; then `quorate apply` looks at the list, and goes on"
        }
        ExecuteError::NotJoined { .. } | ExecuteError::HasLeft { .. } => {
            "see its log; `quorate apply` or `quorate rollback` looks at what is there, and goes on"
        }
        ExecuteError::WouldNotStop { .. } => "see in its log what it waits for; then run `quorate apply` again",
    }
}

const LOOK_AGAIN: &str = "run `quorate plan`: it looks at what is there now, and shows what is left";

fn of_runtime(error: &RuntimeError) -> &'static str {
    match error {
        RuntimeError::Host(error) => of_host(error),
        RuntimeError::Refused { refusal, .. } => refusal.fix(),
        RuntimeError::Answer { .. } => LOOK_AGAIN,
        RuntimeError::Value { .. } => "correct it in the spec",
        RuntimeError::Template { .. } => "correct the template, or remove it to use the built-in one",
    }
}

fn of_host(_: &HostError) -> &'static str {
    "see that the host is up and reached by `ssh` as the spec says; then run it again: it looks at what is there"
}

fn of_etcd(error: &EtcdError) -> &'static str {
    match error {
        EtcdError::Dial { .. } | EtcdError::Deadline { .. } | EtcdError::Stalled { .. } | EtcdError::Broken { .. } => {
            "see whether the member runs and what its log says; then run it again"
        }
        EtcdError::NoQuorum { .. } => "see with `quorate plan` which members are down, and bring them up",
        EtcdError::Tls { .. } | EtcdError::Denied { .. } => "check the `client` block of the spec",
        EtcdError::Sink { .. } => "see that the disk of the controller has room, then run it again",
        EtcdError::V2NotServed { .. } | EtcdError::Unsupported { .. } => {
            "see which version the member runs, then plan again"
        }
        EtcdError::TooLarge { .. }
        | EtcdError::Malformed { .. }
        | EtcdError::HttpStatus { .. }
        | EtcdError::Compacted { .. }
        | EtcdError::Refused { .. }
        | EtcdError::Snapshot { .. } => "see that etcd is what answers there, and its log; then run it again",
    }
}

fn of_backup(error: &BackupError) -> &'static str {
    match error {
        BackupError::Etcd(error) => of_etcd(error),
        BackupError::Host(error) => of_host(error),
        BackupError::File { .. } => "see that the disk of the controller has room and the folder can be written to",
        BackupError::Assembly { .. } => {
            "nothing was stopped yet: see in its log what kept etcd from it, then run it again"
        }
        BackupError::Damaged { .. } => "use another backup: `quorate backup list` shows which there are",
        BackupError::AlreadyThere { .. } => "run it again: the next one gets a name of its own",
        BackupError::TrialStart { .. } | BackupError::Differs { .. } | BackupError::V2Differs { .. } => {
            "do not go on: take another backup (`quorate backup`), and find out why this one is not the live cluster"
        }
        _ => "take another backup (`quorate backup`) and see whether it comes out the same",
    }
}

/// Nothing was stopped yet, and what is wrong is the backup, or this machine.
fn of_restore(error: &BackupError) -> &'static str {
    match error {
        BackupError::Host(_) | BackupError::Etcd(_) => of_backup(error),
        BackupError::File { .. } => "see that the backup is there, whole and readable: quorate backup verify ID",
        BackupError::Tool { .. } => {
            "see that the disk of this machine has room for what is restored on trial; else restore another backup: \
             `quorate backup list` shows what is kept"
        }
        _ => {
            "restore another backup: `quorate backup list` shows what is kept, `quorate backup verify ID` reads it again"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Diagnostics;

    fn one_of_each() -> Vec<SessionError> {
        let member = || "m1".parse().unwrap();
        let io = || std::io::Error::other("no space left on device");
        let etcd = EtcdError::Dial { endpoint: "m1".to_owned(), reason: "refused".to_owned() };
        vec![
            SessionError::Spec(Diagnostics(Vec::new())),
            SessionError::Refused(Vec::new()),
            SessionError::Stale(vec!["m1: version was 3.1.20, is 3.2.32".to_owned()]),
            SessionError::Cluster("the spec declares no cluster".to_owned()),
            SessionError::State(StateError::Io {
                path: "/x".into(),
                action: "cannot be written",
                reason: io(),
                fix: "free some space",
            }),
            SessionError::State(StateError::Journal { path: "/x".into(), line: 3, reason: "torn".to_owned() }),
            SessionError::Knowledge(KnowledgeError::Folder { dir: "/x".into(), why: "not there".to_owned() }),
            SessionError::Template(RuntimeError::Template { name: "x.j2".to_owned(), reason: "line 2".to_owned() }),
            SessionError::Execute(ExecuteError::NoCluster),
            SessionError::Execute(ExecuteError::Etcd(etcd)),
            SessionError::Execute(ExecuteError::NoHeir { member: member() }),
            SessionError::Execute(ExecuteError::Backup(BackupError::AuthInTrial { said: "denied".to_owned() })),
            SessionError::Execute(ExecuteError::Backup(BackupError::Nothing)),
            SessionError::Execute(ExecuteError::NoBackup { wanted: "b1".to_owned(), opened: None }),
            SessionError::NotRestorable(BackupError::Archive { problem: "torn".to_owned() }),
            SessionError::NotRestorable(BackupError::Damaged { path: "/x".into(), reason: "cut short".to_owned() }),
            SessionError::NotRestorable(BackupError::File { path: "/x".into(), reason: "not there".to_owned() }),
            SessionError::NothingSeen { cluster: "prod".parse().unwrap(), why: vec!["m1: no route".to_owned()] },
            SessionError::Import(crate::import::ImportError(vec!["m1: no route".to_owned()])),
            SessionError::Scratch { reason: io() },
            SessionError::NotConnected { member: member(), why: "no route\n  do: start it".to_owned() },
            SessionError::NoClient { member: member(), why: "not looked at".to_owned() },
            SessionError::NoTools { missing: vec!["404".to_owned()] },
            SessionError::BackupFailed { reason: "it differs".to_owned(), todo: Vec::new() },
            SessionError::BackupStopped { signal: "SIGINT".to_owned() },
            SessionError::BackupMissing,
        ]
    }

    #[test]
    fn every_error_says_what_was_seen_and_what_to_do() {
        for error in one_of_each() {
            let Told { seen, todo } = error.told();
            assert!(!seen.is_empty() && !seen.contains("do:"), "{error:?}: {seen}");
            assert!(!todo.is_empty() && todo.iter().all(|what| what.len() > 5 && !what.contains('\n')), "{todo:?}");
        }
    }

    /// Refusals and the spec's errors name their own.
    #[test]
    fn every_error_names_a_rule() {
        for error in one_of_each() {
            let names_its_own = matches!(error, SessionError::Spec(_) | SessionError::Refused(_));
            assert_eq!(error.rule().is_none(), names_its_own, "{error:?}");
        }
    }

    #[test]
    fn advice_that_an_error_brings_is_taken() {
        let error = SessionError::NotConnected {
            member: "m1".parse().unwrap(),
            why: "no route\n  do: start the host\n  do: or name another".to_owned(),
        };
        let told = Told {
            seen: "m1: no route".to_owned(),
            todo: vec!["start the host".to_owned(), "or name another".to_owned()],
        };
        assert_eq!(error.told(), told);
    }
}
