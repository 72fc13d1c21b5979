//! The raft snapshots of a member: files that etcd writes by itself, whose name says how far they reach.

use std::time::Duration;

use super::answer::ask;
use super::error::RuntimeError;
use super::scripts;
use super::site::Site;
use crate::host::Host;
use crate::units::RaftIndex;

/// For a look into one folder.
const LOOK_DEADLINE: Duration = Duration::from_secs(30);

/// How far the newest raft snapshot of a member reaches; `None` where it never took one.
pub async fn newest_raft_snapshot(host: &Host, site: &Site) -> Result<Option<RaftIndex>, RuntimeError> {
    let answer = ask(host, scripts::NEWEST_SNAP, &[&site.data_dir], LOOK_DEADLINE).await?;
    Ok(answer.get("snap").and_then(RaftIndex::of_snap_file))
}
