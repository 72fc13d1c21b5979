//! The v2 backup as it travels: a tar.gz of `member/snap/*.snap` and `member/wal/*.wal`. It comes from a host, so
//! nothing else is accepted in it: no links, no other names, no more than the limits.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use super::BackupError;
use crate::etcd::shown;
use crate::units::{Bytes, RaftIndex};

/// Most bytes that a v2 backup may have, packed and unpacked.
pub(super) const PACKED_LIMIT: Bytes = Bytes::mebi(4 * 1024);
const UNPACKED_LIMIT: Bytes = Bytes::mebi(16 * 1024);
const MOST_FILES: u32 = 10_000;

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Contents {
    pub wal_files: u32,
    /// Of the newest `.snap`.
    pub snap_index: Option<RaftIndex>,
}

/// Whether an archive is only read, or also unpacked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Into<'a> {
    Nothing,
    Folder(&'a Path),
}

/// Reads an archive to its end.
pub(super) async fn read(archive: &Path, into: Into<'_>) -> Result<Contents, BackupError> {
    let archive = archive.to_owned();
    let folder = match into {
        Into::Nothing => None,
        Into::Folder(folder) => Some(folder.to_owned()),
    };
    tokio::task::spawn_blocking(move || {
        let file = File::open(&archive).map_err(|error| BackupError::file(&archive, &error))?;
        read_from(BufReader::new(file), folder.as_deref())
    })
    .await
    .map_err(|error| unusable(error.to_string()))?
}

fn unusable(problem: impl std::convert::Into<String>) -> BackupError {
    BackupError::Archive { problem: problem.into() }
}

pub(super) fn read_from(packed: impl Read, folder: Option<&Path>) -> Result<Contents, BackupError> {
    let broken = |error: std::io::Error| unusable(format!("not a whole tar.gz: {error}"));
    let mut unpacked = GzDecoder::new(packed).take(UNPACKED_LIMIT.0);
    let mut contents = Contents::default();
    let mut files = 0;
    if let Some(folder) = folder {
        // Both are needed, also where one has nothing in it: 2.x does not start without `snap`.
        for name in ["member/snap", "member/wal"] {
            let path = folder.join(name);
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|error| BackupError::file(&path, &error))?;
        }
    }
    {
        let mut tar = tar::Archive::new(&mut unpacked);
        for entry in tar.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            files += 1;
            if files > MOST_FILES {
                return Err(unusable(format!("more than {MOST_FILES} files")));
            }
            let name = entry.path_bytes().into_owned();
            let kind = entry.header().entry_type();
            match place(&entry.path().map_err(broken)?) {
                Some(Place::Folder) if kind.is_dir() => {}
                Some(Place::Wal(path)) if kind.is_file() => {
                    contents.wal_files += 1;
                    store(&mut entry, folder, &path)?;
                }
                Some(Place::Snap(path, index)) if kind.is_file() => {
                    contents.snap_index = contents.snap_index.max(Some(index));
                    store(&mut entry, folder, &path)?;
                }
                _ => return Err(unusable(format!("it holds {}, which etcdctl does not put there", shown(&name)))),
            }
        }
    }
    // To the end: only there is the checksum of all of it.
    std::io::copy(&mut unpacked, &mut std::io::sink()).map_err(broken)?;
    if unpacked.limit() == 0 {
        return Err(unusable(format!("more than {UNPACKED_LIMIT} unpacked")));
    }
    if contents.wal_files == 0 {
        return Err(unusable("it holds no write-ahead log"));
    }
    Ok(contents)
}

enum Place {
    Folder,
    Wal(PathBuf),
    Snap(PathBuf, RaftIndex),
}

/// Where an entry belongs; `None` for everything that does not belong there.
fn place(path: &Path) -> Option<Place> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_str()?),
            _ => return None,
        }
    }
    match parts.as_slice() {
        [] | ["member"] | ["member", "snap" | "wal"] => Some(Place::Folder),
        ["member", "wal", name] => {
            let (sequence, index) = hex_pair(name.strip_suffix(".wal")?)?;
            Some(Place::Wal(format!("member/wal/{sequence:016x}-{index:016x}.wal").into()))
        }
        ["member", "snap", name] => {
            let (term, index) = hex_pair(name.strip_suffix(".snap")?)?;
            let path = format!("member/snap/{term:016x}-{index:016x}.snap").into();
            Some(Place::Snap(path, RaftIndex(index)))
        }
        _ => None,
    }
}

/// `0000000000000002-0000000000002711`.
fn hex_pair(text: &str) -> Option<(u64, u64)> {
    let (one, other) = text.split_once('-')?;
    let number = |text: &str| {
        let plain = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        if plain { u64::from_str_radix(text, 16).ok() } else { None }
    };
    Some((number(one)?, number(other)?))
}

fn store(entry: &mut impl Read, folder: Option<&Path>, name: &Path) -> Result<(), BackupError> {
    let Some(folder) = folder else {
        // Read to its end all the same: that is what shows whether it is whole.
        return std::io::copy(entry, &mut std::io::sink())
            .map(drop)
            .map_err(|error| unusable(format!("not a whole tar.gz: {error}")));
    };
    let path = folder.join(name);
    let wrong = |error: std::io::Error| BackupError::file(&path, &error);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(wrong)?;
    std::io::copy(entry, &mut file).map(drop).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use tar::{EntryType, Header};

    use super::*;

    const WAL: &str = "member/wal/0000000000000000-0000000000000000.wal";
    const SNAP: &str = "member/snap/0000000000000002-0000000000002711.snap";

    /// A name is written as it is, which the library's own builder refuses to do.
    fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (name, kind, content) in entries {
            let mut header = Header::new_ustar();
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            tar.extend_from_slice(header.as_bytes());
            tar.extend_from_slice(content);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar.resize(tar.len() + 1024, 0);
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(&tar).unwrap();
        gz.finish().unwrap()
    }

    fn good() -> Vec<u8> {
        packed(&[
            ("member/", EntryType::Directory, b""),
            ("./member/wal/", EntryType::Directory, b""),
            (WAL, EntryType::Regular, &[7; 3000]),
            (SNAP, EntryType::Regular, b"snap"),
        ])
    }

    fn problem(packed: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let error = read_from(packed, Some(folder.path())).unwrap_err();
        assert!(matches!(error, BackupError::Archive { .. }), "{error}");
        error.to_string()
    }

    #[test]
    fn unpacks_what_etcdctl_makes() {
        let folder = tempfile::tempdir().unwrap();
        let contents = read_from(good().as_slice(), Some(folder.path())).unwrap();
        assert_eq!(contents, Contents { wal_files: 1, snap_index: Some(RaftIndex(0x2711)) });
        assert_eq!(std::fs::read(folder.path().join(WAL)).unwrap(), [7; 3000]);
        assert_eq!(std::fs::read(folder.path().join(SNAP)).unwrap(), b"snap");
        assert_eq!(read_from(good().as_slice(), None).unwrap(), contents);
    }

    #[test]
    fn refuses_everything_else() {
        let wal = (WAL, EntryType::Regular, &b"wal"[..]);
        for (name, kind) in [
            ("../escape", EntryType::Regular),
            ("/etc/cron.d/x", EntryType::Regular),
            ("member/wal/../../escape", EntryType::Regular),
            ("member/wal/evil", EntryType::Regular),
            ("member/wal/0-0.wal", EntryType::Regular),
            ("member/snap/db", EntryType::Regular),
            (SNAP, EntryType::Symlink),
            ("member/wal/0000000000000001-0000000000000000.wal", EntryType::Link),
            ("member/snap", EntryType::Symlink),
            ("member/wal/0000000000000001-0000000000000000.wal", EntryType::Fifo),
            (WAL, EntryType::Directory),
        ] {
            let text = problem(&packed(&[wal, (name, kind, b"")]));
            assert!(text.contains("it holds"), "{name}: {text}");
        }
        assert!(problem(&packed(&[])).contains("no write-ahead log"));
        assert!(problem(b"").contains("not a whole tar.gz"));
        assert!(problem(b"<html>").contains("not a whole tar.gz"));
    }

    #[test]
    fn a_file_that_is_there_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wal = (WAL, EntryType::Regular, &b"wal"[..]);
        assert!(read_from(packed(&[wal, wal]).as_slice(), Some(folder.path())).is_err());
    }

    proptest! {
        #[test]
        fn any_cut_is_noticed(at in 0usize..1000) {
            let good = good();
            prop_assume!(at < good.len());
            prop_assert!(read_from(&good[..at], None).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
            gz.write_all(&bytes).unwrap();
            prop_assert!(read_from(gz.finish().unwrap().as_slice(), None).is_err());
            prop_assert!(read_from(bytes.as_slice(), None).is_err());
        }
    }
}
