//! Rollback points: a member's data directory as it was when it was stopped, beside it on the same disk. Put back all
//! together, and started in the one safe order, they take a cluster back.

use std::time::Duration;

use crate::host::Host;
use crate::units::{Bytes, ClusterId, MemberName, RaftIndex, Version};

use super::answer::ask;
use super::error::RuntimeError;
use super::scripts;
use super::site::Site;

/// To put a large copy on a slow disk.
const FLUSH_DEADLINE: Duration = Duration::from_secs(1800);

/// What a rollback point is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    pub member: MemberName,
    /// Id of the run that takes it.
    pub run: String,
    /// Version that the member had until now.
    pub version: Version,
    pub raft_index: Option<RaftIndex>,
    /// Of the cluster that the member is of: a point goes back only together with those of the same one.
    pub cluster_id: Option<ClusterId>,
    /// RFC 3339 in UTC, for people.
    pub taken_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackPoint {
    /// `DATA.quorate-RUN-vVERSION`; the note is beside it, with `.json` after the name.
    pub path: String,
    pub wal_path: Option<String>,
    pub size: Bytes,
    pub took: Duration,
    /// False when an equal copy of this run was there already.
    pub copied: bool,
}

impl CopyRequest {
    /// What is added to the name of the data directory, after `.quorate-`.
    fn suffix(&self) -> Result<String, RuntimeError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.run.is_empty() || self.run.len() > 64 || !self.run.chars().all(plain) {
            let value = self.run.chars().take(80).collect();
            return Err(RuntimeError::Value { what: "run id", value, rule: "is not made of letters, digits, - and _" });
        }
        Ok(format!("{}-v{}", self.run, self.version))
    }

    /// The script adds how many files of log and snapshots the copy has.
    fn note(&self) -> String {
        serde_json::json!({
            "format": 1,
            "member": self.member,
            "run": self.run,
            "version": self.version,
            "taken_at": self.taken_at,
            "raft_index": self.raft_index,
            "cluster_id": self.cluster_id,
        })
        .to_string()
    }
}

/// Copies the data of a stopped member. Owner, modes, times and attributes are kept; blocks are shared where the file
/// system can. Refuses while a process has the data open. An equal copy of the same run is kept; one that is older than
/// the data is made again. Not flushed: see [`flush_rollback_point`].
pub async fn copy_data_dir(
    host: &Host,
    site: &Site,
    request: &CopyRequest,
    deadline: Duration,
) -> Result<RollbackPoint, RuntimeError> {
    let wal = site.wal_dir.as_deref().unwrap_or_default();
    let args = [site.data_dir.as_str(), wal, &request.suffix()?, &request.note()];
    let answer = ask(host, scripts::COPY_DATA, &args, deadline).await?;
    Ok(RollbackPoint {
        path: answer.need("path")?.to_owned(),
        wal_path: answer.get("wal-path").map(str::to_owned),
        size: Bytes(answer.need_number::<u64>("size")?.saturating_mul(1024)),
        took: answer.span("took")?,
        copied: answer.need("copied")? == "yes",
    })
}

/// Puts a copy on the disk, so that it outlives a power cut. For when the member is up again: nobody waits for it then.
pub async fn flush_rollback_point(host: &Host, point: &RollbackPoint) -> Result<(), RuntimeError> {
    let mut folders = vec![point.path.as_str()];
    folders.extend(point.wal_path.as_deref());
    ask(host, scripts::FLUSH, &folders, FLUSH_DEADLINE).await.map(drop)
}
