//! The raft snapshots of a member: files that etcd writes by itself, whose name says how far they reach.

use std::time::Duration;

use super::answer::ask;
use super::error::RuntimeError;
use super::scripts;
use super::site::Site;
use crate::host::Host;
use crate::units::RaftIndex;

/// For a look into one folder, and through one file of it.
const LOOK_DEADLINE: Duration = Duration::from_secs(60);

/// The newest raft snapshot of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaftSnapshot {
    pub index: RaftIndex,
    /// Keys of the v2 API are in it, whether the member serves that API or not.
    pub has_v2_keys: bool,
}

/// `None` where the member never took one.
pub async fn newest_raft_snapshot(host: &Host, site: &Site) -> Result<Option<RaftSnapshot>, RuntimeError> {
    let answer = ask(host, scripts::NEWEST_SNAP, &[&site.data_dir], LOOK_DEADLINE).await?;
    let index = answer.get("snap").and_then(RaftIndex::of_snap_file);
    Ok(index.map(|index| RaftSnapshot { index, has_v2_keys: answer.get("v2-keys").is_some() }))
}
