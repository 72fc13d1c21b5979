//! Why there is no release to install. Every message names the source and what was seen there.

use std::fmt;
use std::path::PathBuf;

use super::Platform;
use crate::units::Version;

#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("etcd {version} for {platform}: no source has it{}\n  do: {}", list(.attempts), what_to_do(.attempts))]
    NoSource { version: Version, platform: Platform, attempts: Vec<Attempt> },
    /// A source serves something that must not be installed. The sources after it are not asked: somebody has to look.
    #[error("{source_name}: refused: {reason}\n  do: {fix}")]
    Refused { source_name: String, reason: String, fix: String },
    #[error("there are no etcd releases for {0}: known are linux on amd64, arm64, ppc64le, s390x, 386 and arm")]
    UnknownPlatform(Platform),
    #[error("{}: {reason}", .path.display())]
    Cache { path: PathBuf, reason: String },
}

/// One source, and what was seen there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub source: String,
    pub seen: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.seen)
    }
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().map(|attempt| format!("\n  {attempt}")).collect()
}

fn what_to_do(attempts: &[Attempt]) -> &'static str {
    if attempts.is_empty() {
        "declare where it comes from: a `release` block with a `url`"
    } else {
        "see that the version exists and a source can be reached, or declare another: a `release` block with a `url`, \
         which may be a file:// path"
    }
}
