//! Opens a kept backup for a restore: found by its id or its folder, its files compared with its manifest.

use std::path::{Path, PathBuf};

use super::manifest::{self, Kept, Manifest, SNAPSHOT, V2_ARCHIVE};
use super::{BackupError, verify_stored};
use crate::units::{Bytes, Sha256};

/// A backup whose files are what its manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub kept: Kept,
    pub snapshot: Option<BackupFile>,
    pub v2_archive: Option<BackupFile>,
}

/// A file of it, with the digest of all its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    pub path: PathBuf,
    pub size: Bytes,
    pub sha256: Sha256,
}

/// `which` is an id in `dir`, or the path of a backup's folder.
pub async fn open(dir: &Path, which: &str) -> Result<Opened, BackupError> {
    let kept = locate(dir, which)?;
    verify_stored(&kept).await?;
    let file = async |name: &str, is_there: bool| {
        if !is_there {
            return Ok(None);
        }
        let path = kept.path.join(name);
        let (size, sha256) = manifest::file_digest(&path).await?;
        Ok::<_, BackupError>(Some(BackupFile { path, size, sha256 }))
    };
    let snapshot = file(SNAPSHOT, kept.manifest.v3.is_some()).await?;
    let v2_archive = file(V2_ARCHIVE, kept.manifest.v2.is_some()).await?;
    if snapshot.is_none() && v2_archive.is_none() {
        let reason = "its manifest names nothing to restore".to_owned();
        return Err(BackupError::Damaged { path: kept.path, reason });
    }
    Ok(Opened { kept, snapshot, v2_archive })
}

fn locate(dir: &Path, which: &str) -> Result<Kept, BackupError> {
    let path = Path::new(which);
    if which.contains('/') || (path.is_dir() && !dir.join(which).is_dir()) {
        let path = std::path::absolute(path).map_err(|error| BackupError::file(path, &error))?;
        let manifest = Manifest::read(&path)?;
        return Ok(Kept { path, manifest });
    }
    let listing = manifest::list(dir)?;
    let ids: Vec<String> = listing.complete.iter().map(|kept| kept.manifest.id.clone()).collect();
    listing.find(which)?.ok_or_else(|| BackupError::NoSuch {
        which: which.chars().take(100).flat_map(char::escape_debug).collect(),
        dir: dir.to_owned(),
        there: if ids.is_empty() { "none".to_owned() } else { ids.join(", ") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_there_is_told_with_what_is() {
        let root = tempfile::tempdir().unwrap();
        let error = open(root.path(), "20261121T000000Z-00000000").await.unwrap_err().to_string();
        assert!(error.contains("20261121T000000Z-00000000") && error.contains("none"), "{error}");
        assert!(open(root.path(), "").await.is_err());
        assert!(open(root.path(), "../etc").await.is_err());
        assert!(open(root.path(), "/nowhere").await.is_err());
        assert!(open(root.path(), "\u{1b}[31m").await.unwrap_err().to_string().contains("\\u{1b}"));
    }
}
