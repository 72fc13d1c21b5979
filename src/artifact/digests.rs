//! Digests of large files on this machine, kept from command to command. A file is known by its print: where it lies, its
//! size, and its times, of which nobody but the system sets the last.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::units::Sha256;

/// Device, inode, size, and the times of content and of anything, as seconds and nanoseconds.
type Print = (u64, u64, u64, i64, i64, i64, i64);

const KEPT: &str = "digests.json";

/// The form of what is kept. Another number is another quorate's: all is read again.
const FORM: u32 = 1;

/// Most files that are remembered, and most bytes of what is kept of them.
const MOST_FILES: usize = 64;
const MOST_KEPT: u64 = 256 * 1024;

/// A file can be written to twice within one tick of the clock that its times are taken from.
const TICK: Duration = Duration::from_millis(20);

/// What this process knows: the same large files are asked for several times in one command.
pub(super) static DIGESTS: Digests = Digests::new();

pub(super) struct Digests(Mutex<Known>);

struct Known {
    files: BTreeMap<PathBuf, (Print, Sha256)>,
    /// The cache whose record was taken in.
    read_from: Option<PathBuf>,
    /// Something is known that is not in that record.
    grown: bool,
}

#[derive(Serialize, Deserialize)]
struct Record {
    form: u32,
    files: Vec<(PathBuf, Print, Sha256)>,
}

impl Digests {
    const fn new() -> Self {
        Self(Mutex::new(Known { files: BTreeMap::new(), read_from: None, grown: false }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what earlier commands have kept in this cache. What cannot be read is computed again.
    pub(super) fn recall(&self, cache: &Path) {
        let mut known = self.known();
        if known.read_from.as_deref() == Some(cache) {
            return;
        }
        known.read_from = Some(cache.to_owned());
        let mut text = String::new();
        let read = File::open(cache.join(KEPT)).and_then(|file| file.take(MOST_KEPT).read_to_string(&mut text));
        let record = read.ok().and_then(|_| serde_json::from_str::<Record>(&text).ok());
        for (path, print, digest) in
            record.filter(|record| record.form == FORM).map(|record| record.files).unwrap_or_default()
        {
            known.files.entry(path).or_insert((print, digest));
        }
    }

    /// Keeps what is known for later commands, where it has grown. To lose it costs time, nothing else.
    pub(super) fn keep(&self, cache: &Path) {
        let mut known = self.known();
        if !known.grown {
            return;
        }
        known.grown = false;
        let files = known.files.iter().map(|(path, (print, digest))| (path.clone(), *print, *digest)).collect();
        drop(known);
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(KEPT).suffix(".part").tempfile_in(cache)?;
            file.write_all(&serde_json::to_vec(&Record { form: FORM, files })?)?;
            file.persist(cache.join(KEPT)).map_err(|error| error.error)?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "digests are not kept");
        }
    }

    /// The digest of a file. One that was not changed since it was read is not read again.
    pub(super) fn of(&self, path: &Path) -> io::Result<Sha256> {
        let mut file = File::open(path)?;
        let print = print_of(&file.metadata()?);
        if let Some((_, digest)) = self.known().files.get(path).filter(|(before, _)| *before == print) {
            return Ok(*digest);
        }
        let digest = read_digest(&mut file)?;
        let after = file.metadata()?;
        // Only of a file that nobody wrote to meanwhile, nor could have without that its times tell.
        if print_of(&after) == print && is_older_than_a_tick(&after) {
            let mut known = self.known();
            if known.files.len() >= MOST_FILES {
                known.files.clear();
            }
            known.files.insert(path.to_owned(), (print, digest));
            known.grown = true;
        }
        Ok(digest)
    }
}

fn print_of(meta: &Metadata) -> Print {
    (meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec())
}

fn is_older_than_a_tick(meta: &Metadata) -> bool {
    let changed = u64::try_from(meta.ctime()).ok().zip(u32::try_from(meta.ctime_nsec()).ok());
    let changed =
        changed.and_then(|(seconds, nanos)| SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos)));
    changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > TICK)
}

fn read_digest(file: &mut File) -> io::Result<Sha256> {
    let mut hasher = sha2::Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Sha256(hasher.finalize().into())),
            length => hasher.update(&piece[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_kept_until_its_file_changes() {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("etcd");
        std::fs::write(&path, "one").unwrap();
        std::thread::sleep(TICK * 2);
        let first = Digests::new();
        let digest = first.of(&path).unwrap();
        first.keep(cache.path());
        // What is kept is believed: another digest in it is told.
        let kept = std::fs::read_to_string(cache.path().join(KEPT)).unwrap();
        assert!(kept.contains(&digest.to_string()), "{kept}");
        let other = Sha256([7; 32]);
        std::fs::write(cache.path().join(KEPT), kept.replace(&digest.to_string(), &other.to_string())).unwrap();
        let second = Digests::new();
        second.recall(cache.path());
        assert_eq!(second.of(&path).unwrap(), other);
        // Of the same size, at another time.
        std::fs::write(&path, "two").unwrap();
        let changed = second.of(&path).unwrap();
        assert!(changed != other && changed != digest);
        for damaged in ["", "{}", &kept[..kept.len() / 2], &kept.replace("\"form\":1", "\"form\":2")] {
            std::fs::write(cache.path().join(KEPT), damaged).unwrap();
            let third = Digests::new();
            third.recall(cache.path());
            assert_eq!(third.of(&path).unwrap(), changed);
        }
    }

    #[test]
    fn a_file_of_this_moment_is_read_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("etcd");
        std::fs::write(&path, "one").unwrap();
        let (digests, meta) = (Digests::new(), std::fs::metadata(&path).unwrap());
        digests.of(&path).unwrap();
        assert!(is_older_than_a_tick(&meta) || digests.known().files.is_empty());
    }
}
