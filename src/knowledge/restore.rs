//! Which release a backup may be restored to, and by which means.

use serde::{Deserialize, Serialize};

use super::backup::KeySpace;
use super::block::Reader;
use super::error::Problem;
use super::fact::Fact;
use super::versions::Versions;

/// A way to make a cluster of what was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreRule {
    #[serde(flatten)]
    pub fact: Fact,
    /// What ran where the backup was taken.
    pub of: Versions,
    /// What the restored cluster will run.
    pub into: Versions,
    pub saves: KeySpace,
    pub means: RestoreMeans,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreMeans {
    EtcdctlSnapshotRestore,
    /// Which took its place in 3.5.
    EtcdutlSnapshotRestore,
    /// One member from the log of one; the others are added to it.
    ForceNewCluster,
}

impl RestoreMeans {
    /// The program of the release that does it on a host.
    #[must_use]
    pub const fn tool(self) -> &'static str {
        match self {
            Self::EtcdctlSnapshotRestore => "etcdctl",
            Self::EtcdutlSnapshotRestore => "etcdutl",
            Self::ForceNewCluster => "etcd",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    of: Versions,
    into: Versions,
    saves: KeySpace,
    means: RestoreMeans,
}

impl RestoreRule {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let Body { of, into, saves, means } = reader.rest()?;
        if (saves == KeySpace::V2) != (means == RestoreMeans::ForceNewCluster) {
            return Err(reader.problem("`force-new-cluster` is the means for v2 keys, and for nothing else"));
        }
        reader.done()?;
        Ok(Self { fact, of, into, saves, means })
    }
}
