//! Backup: takes one backup of one cluster, proves that it is good, keeps it, and prunes older ones; opens a kept one
//! for a restore, and finds out what it holds.
//!
//! In comes a [`Request`]: an open host and an etcd client of the member to take it from, what to take, and where the
//! tools are. Out comes a folder `DIR/ID` on the controller with `snapshot.db` and/or `v2.tar.gz` and a
//! `manifest.json` that says what was taken and which checks were made. The folder appears under its name only when
//! all checks have passed: whatever fails or dies on the way leaves nothing that could be taken for a backup.
//!
//! What is compared holds for a cluster that is written to all the while: the v3 key space at one revision, and the v2
//! key space by the rules of [`v2_compare`]. This room never stops, changes or restores the cluster itself.
//!
//! v2 on 3.0 to 3.2 needs the v3 snapshot as well. `etcdctl backup` leaves out `member/snap/db`, and a 3.1.17+ or 3.2
//! that finds a `.snap` and no db panics ("recovering backend from snapshot error"; seen with 3.1.20 and 3.2.32 after
//! 10,000 entries, with and without v3 keys). With the db of a v3 snapshot that was taken after that `.snap` was
//! written, both start and hold all v2 and v3 keys.

mod archive;
mod assemble;
mod error;
mod examine;
mod folder;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzzing;
mod manifest;
mod network;
mod open;
mod pack;
pub mod packed_set;
mod relay;
mod removed;
mod take;
mod trial;
mod v2;
pub mod v2_compare;
mod v3;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use time::OffsetDateTime;

pub use assemble::{Assembled, Assembly, assemble};
pub use error::BackupError;
pub use examine::{Examined, ExaminedV3, examine};
pub use folder::{orphans, remove_orphan};
pub use manifest::{
    Broken, Check, Kept, Listing, Manifest, Pruning, V2Content, V3Content, decide_pruning, find, has_manifest, list,
    prune, verify_stored,
};
pub use open::{BackupFile, Opened, open};
pub use pack::Packed;
pub use relay::relay_if_asked;
pub use removed::removed_members;
pub use take::{Taken, take};

use crate::etcd::{Client, Login};
use crate::host::Host;
use crate::spec::model::Verify;
use crate::units::{Bytes, ClusterId, ClusterName, MemberName, Revision, Version};

/// One backup to take.
pub struct Request<'a> {
    pub cluster: &'a ClusterName,
    /// Names the folder; sorts by time.
    pub id: &'a str,
    /// Where backups are kept, on the controller.
    pub dir: &'a Path,
    /// How many complete backups of this cluster stay, this one included.
    pub keep: u32,
    /// Backups that stay beyond that, and why: runs may still need them.
    pub needed: &'a BTreeMap<String, String>,
    pub verify: Verify,
    pub source: Source<'a>,
    /// The v3 key space: always for 3.x.
    pub v3: Option<V3Part>,
    /// The v2 key space. Up to 3.2: later `etcdctl` changes what it backs up.
    pub v2: Option<V2Part<'a>>,
    pub tools: Tools<'a>,
    pub now: OffsetDateTime,
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// The member that the backup is taken from.
pub struct Source<'a> {
    pub name: &'a MemberName,
    pub host: &'a Host,
    pub client: &'a Client,
    /// What the plan was made for; another cluster that answers at that address is refused.
    pub cluster_id: ClusterId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V3Part {
    /// The snapshot must hold this revision.
    pub not_older_than: Option<Revision>,
    pub compare: V3Compare,
}

/// How a restored copy is compared with the live cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum V3Compare {
    /// Live member and release both have HashKV (3.3+). Where the live cluster was compacted meanwhile: as below.
    HashKv,
    /// By a digest over all keys at the restored revision.
    Digest,
}

#[derive(Debug, Clone, Copy)]
pub struct V2Part<'a> {
    /// On the host.
    pub data_dir: &'a str,
    pub wal_dir: Option<&'a str>,
}

/// One release's binaries.
pub struct Tools<'a> {
    pub version: &'a Version,
    /// `etcdctl` of it on the member's host; for v2 only.
    pub host_etcdctl: Option<&'a str>,
    /// A folder on the controller with `etcd`, `etcdctl` and, from 3.6, `etcdutl`; for `Verify::Restore` only.
    pub local_release_dir: &'a Path,
    /// Where the restored copy listens.
    pub listens_on: TrialListens,
    /// Whom a restored copy is asked as: it has the users of the cluster that it is of.
    pub login: Option<Login>,
}

/// Where a restored copy listens, by what its release can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialListens {
    /// On a socket in a private folder.
    UnixSocket,
    Loopback,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Snapshot { done: Bytes, of: Bytes },
    V2 { done: Bytes },
    Restoring,
    Comparing,
}
