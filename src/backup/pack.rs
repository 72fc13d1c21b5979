//! A data directory packed for its way to a host.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::manifest::file_digest;
use super::{BackupError, archive};
use crate::units::{Bytes, Sha256};

/// A tar.gz of `member/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    pub path: PathBuf,
    pub size: Bytes,
    pub sha256: Sha256,
    /// What it takes when it is unpacked.
    pub unpacked: Bytes,
}

/// Packs `member/` of a data directory that nobody uses, into a new file.
pub(super) async fn pack(data_dir: &Path, to: &Path) -> Result<Packed, BackupError> {
    let (from, path) = (data_dir.to_owned(), to.to_owned());
    let work =
        tokio::task::spawn_blocking(move || pack_into(&from, &path).map_err(|error| BackupError::file(&path, &error)));
    let unpacked =
        work.await.map_err(|error| BackupError::File { path: to.to_owned(), reason: error.to_string() })??;
    let (size, sha256) = file_digest(to).await?;
    if size > archive::PACKED_LIMIT {
        return Err(BackupError::File { path: to.to_owned(), reason: format!("{size} are more than can be sent") });
    }
    Ok(Packed { path: to.to_owned(), size, sha256, unpacked })
}

fn pack_into(data_dir: &Path, to: &Path) -> std::io::Result<Bytes> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    tar.mode(tar::HeaderMode::Deterministic);
    tar.follow_symlinks(false);
    tar.append_dir_all("member", data_dir.join("member"))?;
    let mut file = tar.into_inner()?.finish()?;
    file.flush()?;
    file.sync_all()?;
    size_of(&data_dir.join("member")).map(Bytes)
}

fn size_of(folder: &Path) -> std::io::Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        size += if facts.is_dir() { size_of(&entry.path())? } else { facts.len() };
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_packed_is_member_and_nothing_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        std::fs::create_dir_all(data.join("member/snap")).unwrap();
        std::fs::create_dir_all(data.join("member/wal")).unwrap();
        std::fs::write(data.join("member/wal/0.wal"), vec![0; 100_000]).unwrap();
        std::fs::write(data.join("beside"), "x").unwrap();
        let packed = pack(&data, &root.path().join("m1.tar.gz")).await.unwrap();
        assert!(packed.unpacked == Bytes(100_000) && packed.size < Bytes(10_000), "{packed:?}");
        let bytes = std::fs::read(&packed.path).unwrap();
        assert_eq!(packed.sha256, Sha256::of(&bytes));
        let mut names: Vec<String> = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()))
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        names.sort();
        assert_eq!(names, ["member/", "member/snap", "member/wal", "member/wal/0.wal"]);
    }
}
