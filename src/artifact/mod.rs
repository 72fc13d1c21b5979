//! Artifact: gets releases of etcd, and vouches for what it got.
//!
//! In come the declared sources, a version and a platform; out goes a [`Release`]: programs in the cache, with their
//! digests and how they were checked; or an error that lists each source and what was seen there. An archive's digest
//! is compared before it is unpacked, only etcd's own programs are taken out of it, and they are for the platform that
//! was asked for. This room never runs what it fetched, and knows nothing of hosts and plans.

mod cache;
mod digests;
mod error;
mod fetch;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzzing;
mod platform;
mod search;
#[cfg(test)]
mod tests;
mod unpack;
mod wanted;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use error::{ArtifactError, Attempt};
pub use platform::Platform;

use self::digests::DIGESTS;
use self::fetch::Bounds;
use self::search::Search;
use self::unpack::Limits;
use crate::spec::model::ReleaseSource;
use crate::units::{Bytes, Sha256, Version};

/// A release on this machine, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub version: Version,
    pub platform: Platform,
    /// The folder in the cache. Absolute.
    pub dir: PathBuf,
    /// By name: `etcd`, `etcdctl`, and `etcdutl` where the release has it.
    pub binaries: BTreeMap<String, Binary>,
    /// Where it came from: a URL, without user, password and query.
    pub source: String,
    /// Of the archive; `None` when the source was a folder.
    pub archive_sha256: Option<Sha256>,
    pub checked: Checked,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binary {
    pub path: PathBuf,
    pub sha256: Sha256,
    pub size: Bytes,
}

/// By what the archive was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checked {
    /// By a digest in the spec or in quorate's own knowledge.
    Pinned,
    /// By a `SHA256SUMS` file that the source has.
    Sums,
    /// By nothing: what came first is trusted, and from then on nothing else is.
    FirstUse,
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    pub done: Bytes,
    /// Where the source says how much it is.
    pub total: Option<Bytes>,
}

/// Reads a release that is in the cache, so that [`resolve`] has its digests at hand later in the same process. For while
/// something else is waited for.
pub async fn warm_up(sources: &[ReleaseSource], version: &Version, platform: &Platform, cache: &Path) {
    // What cannot be read is told when it is needed.
    let _ = in_cache(sources, version, platform, cache).await;
}

/// The release, if it is in the cache and one of `sources` still vouches for it. Nothing is fetched.
pub async fn in_cache(
    sources: &[ReleaseSource],
    version: &Version,
    platform: &Platform,
    cache: &Path,
) -> Option<Release> {
    let (bounds, client) = (Bounds::default(), OnceLock::new());
    let search = Search { version, platform, cache, client, bounds, limits: Limits::default() };
    let found = search.in_cache(sources).await;
    DIGESTS.keep(cache);
    found
}

/// Gets a release: from the cache, or from the first of `sources` that has it. `known` gives the digest of an upstream
/// file by its name, where quorate's own knowledge has it.
pub async fn resolve(
    sources: &[ReleaseSource],
    version: &Version,
    platform: &Platform,
    cache: &Path,
    known: impl Fn(&str) -> Option<Sha256>,
    progress: &(dyn Fn(Fetched) + Send + Sync),
) -> Result<Release, ArtifactError> {
    let bounds = Bounds::default();
    let search = Search { version, platform, cache, client: OnceLock::new(), bounds, limits: Limits::default() };
    let found = search.run(sources, &known, progress).await;
    DIGESTS.keep(cache);
    found
}
