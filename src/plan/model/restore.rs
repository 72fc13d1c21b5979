//! What a restore of a whole cluster has beside what it shares with a rollback ([`super::replace`]): the backup, and the data
//! directories that are made of it while the members still run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::knowledge::RestoreMeans;
use crate::observe::inventory::HashKv;
use crate::units::{Bytes, ClusterName, MemberName, Revision, Sha256, Version};

/// A backup whose files are what its manifest says, and what it was found to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSource {
    pub id: String,
    /// Its folder on the controller.
    pub path: PathBuf,
    pub cluster: ClusterName,
    /// RFC 3339, UTC.
    pub taken_at: String,
    /// Whom it was taken from, and what that ran.
    pub member: MemberName,
    pub version: Version,
    pub proof: Proof,
    pub v3: Option<SavedV3>,
    pub v2: Option<SavedV2>,
}

/// How it is known what the backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It was restored and started in a scratch place, with the release that it is restored to.
    Trial,
    /// By its manifest: the spec says `verify = "hash"`, or the release is not at hand yet.
    Manifest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedV3 {
    pub size: Bytes,
    /// Without a trial restore, the one that it holds at least.
    pub revision: Revision,
    /// Number and digest of all keys, where they were read.
    pub keys: Option<(u64, Sha256)>,
    pub hash_kv: Option<HashKv>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedV2 {
    pub size: Bytes,
    pub keys: Option<(u64, Sha256)>,
}

impl RestoreSource {
    /// Of all files.
    pub fn size(&self) -> Bytes {
        let v2 = self.v2.as_ref().map_or(0, |v2| v2.size.0);
        Bytes(self.v3.as_ref().map_or(0, |v3| v3.size.0).saturating_add(v2))
    }
}

/// Make a data directory for each member out of the backup, beside its own, on all hosts at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreAction {
    /// As in [`super::Replacement::id`]; part of the new cluster's token.
    pub id: Option<String>,
    pub backup: String,
    /// Whose tools do it.
    pub version: Version,
    pub means: RestoreMeans,
    pub members: BTreeMap<MemberName, RestoreMember>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreMember {
    pub data_dir: String,
    pub wal_dir: Option<String>,
    pub peer_urls: Vec<String>,
    /// Whom the data shall belong to where there is no data directory yet.
    pub user: Option<String>,
}
