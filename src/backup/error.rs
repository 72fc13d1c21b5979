//! Why a backup was not taken. Every message says which check failed, with what was seen on both sides.

use std::path::PathBuf;

use crate::etcd::EtcdError;
use crate::etcd::snapshot::SnapshotFileError;
use crate::host::HostError;
use crate::units::{Advised, ClusterId, MemberName, Revision, Version};

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Etcd(#[from] EtcdError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    SnapshotFile(#[from] SnapshotFileError),
    #[error("{path}: {reason}\n  do: see that the folder of the backups is there, writable, with room on its disk")]
    File { path: PathBuf, reason: String },
    #[error(
        "{path}: {reason}\n  do: use another backup (`quorate backup list` shows which there are), and find out what changed this one"
    )]
    Damaged { path: PathBuf, reason: String },
    #[error("{path}: there is a backup of that name already")]
    AlreadyThere { path: PathBuf },
    #[error("\"{id}\" cannot name a backup: use letters, digits, '-', '_' and '.'")]
    Id { id: String },
    #[error("nothing to back up was asked for")]
    Nothing,
    #[error("no etcdctl is known on {host} to take the v2 backup with\n  do: stage the release first")]
    NoHostTool { host: String },
    #[error("{member} belongs to cluster {found}, the backup is for cluster {expected}")]
    AnotherCluster { member: String, found: ClusterId, expected: ClusterId },
    #[error(
        "{member} is at revision {found}, the backup must hold revision {wanted}\n  do: check that {member} follows the leader, then try again"
    )]
    TooOld { member: String, found: Revision, wanted: Revision },
    #[error(
        "{program} does not run on this machine: {reason}\n  do: set verify = \"hash\" in the `backup` block (no trial restore), or run quorate on a machine like the members'"
    )]
    CannotRun { program: PathBuf, reason: String },
    #[error("{program} is etcd {found}, the trial restore was planned with {expected}")]
    WrongRelease { program: PathBuf, found: String, expected: Version },
    #[error("`{command}` failed ({status}): {said}")]
    Tool { command: String, status: String, said: String },
    #[error("the restored copy did not come up under etcd {version}: {reason}\n{log}")]
    TrialStart { version: Version, reason: String, log: String },
    #[error("the restored copy is not the live cluster: {what}: restored {restored}, live {live}")]
    Differs { what: &'static str, restored: String, live: String },
    #[error("the restored v2 keys are not the live ones: {problem}")]
    V2Differs { problem: String },
    #[error("the v2 backup is not usable: {problem}")]
    Archive { problem: String },
    #[error(
        "the restored copy does not let us read it: {said}\n  do: its users and passwords are those of the time of the backup: set that `user` and `password` in the `client` block, or verify = \"hash\" in the `backup` block (no trial restore)"
    )]
    AuthInTrial { said: String },
    #[error(
        "there is no backup {which} in {dir}; there is: {there}\n  do: name one of these, or the path of a backup's folder"
    )]
    NoSuch { which: String, dir: PathBuf, there: String },
    #[error("a cluster could not be made of the v2 backup: {member} under etcd {version}: {reason}\n{log}")]
    Assembly { member: MemberName, version: Version, reason: String, log: String },
    #[error("{attempts} attempts, and each time the cluster {meanwhile}\n  do: try again when it is quieter")]
    TooBusy { attempts: u32, meanwhile: &'static str },
}

impl BackupError {
    /// What a restored copy answered. It has the users of its time.
    pub(super) fn of_copy(error: EtcdError) -> Self {
        match error {
            EtcdError::Denied { .. } => Self::AuthInTrial { said: Advised::of(&error.to_string()).seen },
            other => Self::Etcd(other),
        }
    }

    pub(super) fn file(path: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Self::File { path: path.into(), reason: error.to_string() }
    }

    /// Of a backup that was complete once.
    pub(super) fn damaged(path: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Self::Damaged { path: path.into(), reason: error.to_string() }
    }
}
