//! By which means the data of a version is saved, and what the means needs.

use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::error::Problem;
use super::fact::Fact;
use super::versions::Versions;

/// A way to save what a cluster holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupRule {
    #[serde(flatten)]
    pub fact: Fact,
    pub versions: Versions,
    pub saves: KeySpace,
    pub means: BackupMeans,
    /// Versions on which the backup misses acknowledged writes without a barrier before it.
    pub barrier_needed: Option<Versions>,
    /// What the barrier is: so many quorum reads through the member that is backed up.
    pub barrier_reads: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySpace {
    V2,
    V3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupMeans {
    /// The Snapshot call of the v3 API; what it sends carries its own digest.
    Snapshot,
    /// `etcdctl backup` of the data directory of a running member.
    EtcdctlBackup,
    /// `etcdutl backup`, which took its place in 3.5.
    EtcdutlBackup,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(rename = "in")]
    versions: Versions,
    saves: KeySpace,
    means: BackupMeans,
    barrier_needed: Option<Versions>,
    #[serde(default)]
    barrier_reads: u32,
}

impl BackupRule {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let Body { versions, saves, means, barrier_needed, barrier_reads } = reader.rest()?;
        if barrier_needed.is_some() != (barrier_reads > 0) {
            return Err(reader.problem("`barrier_needed` and `barrier_reads` go together"));
        }
        reader.done()?;
        Ok(Self { fact, versions, saves, means, barrier_needed, barrier_reads })
    }
}
