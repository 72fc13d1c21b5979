//! Releases that were fetched and checked before: one folder each, made whole and then given its name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::digests::DIGESTS;
use super::{Platform, Release};
use crate::units::Version;

/// The format of `release.json`. Another number is another quorate's: the release is fetched again.
const FORMAT: u32 = 1;

const RECORD: &str = "release.json";

/// Most bytes of a record: it has about one thousand.
const RECORD_LIMIT: u64 = 64 * 1024;

const UNFINISHED: &str = ".new-";

/// What an interrupted fetch left is removed after this long.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// How often a release that is in the way is moved aside.
const MOST_TRIES: u32 = 5;

#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    release: Release,
}

/// Where a release has its place.
pub(super) fn place(cache: &Path, version: &Version, platform: &Platform) -> PathBuf {
    cache.join("releases").join(format!("{version}-{}-{}", platform.os, platform.arch))
}

/// A folder to prepare a release in, on the same file system; it goes with its owner.
pub(super) fn workshop(cache: &Path) -> io::Result<TempDir> {
    let releases = cache.join("releases");
    std::fs::create_dir_all(&releases)?;
    // Paths in a release are absolute: it is used from other folders than it was fetched from.
    let releases = releases.canonicalize()?;
    sweep(&releases);
    tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(releases)
}

fn sweep(releases: &Path) {
    for entry in std::fs::read_dir(releases).into_iter().flatten().flatten() {
        let old = || entry.metadata().and_then(|meta| meta.modified()).map(|made| made.elapsed());
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED)
            && matches!(old(), Ok(Ok(age)) if age > ABANDONED)
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The release in the cache, if it is there and every byte of it is as it was recorded.
pub(super) fn load(place: &Path, version: &Version, platform: &Platform) -> Option<Release> {
    let place = place.canonicalize().ok()?;
    let mut text = String::new();
    File::open(place.join(RECORD)).ok()?.take(RECORD_LIMIT).read_to_string(&mut text).ok()?;
    let Record { format: FORMAT, mut release } = serde_json::from_str(&text).ok()? else { return None };
    if (&release.version, &release.platform) != (version, platform) {
        return None;
    }
    for (name, binary) in &mut release.binaries {
        if !super::unpack::PROGRAMS.iter().any(|(program, _)| program == name) {
            return None;
        }
        binary.path = place.join(name);
        if DIGESTS.of(&binary.path).ok()? != binary.sha256 {
            tracing::warn!(path = %binary.path.display(), "a cached program is not what was fetched; fetching it again");
            return None;
        }
    }
    release.dir = place;
    Some(release)
}

/// Gives a prepared release its place. `prepared` is the folder with the programs. Whoever comes second takes what the
/// first one left, if that is good.
pub(super) fn install(prepared: &Path, place: &Path, mut release: Release) -> io::Result<Release> {
    release.dir = place.to_path_buf();
    for (name, binary) in &mut release.binaries {
        binary.path = place.join(name);
    }
    let record = Record { format: FORMAT, release };
    let file = File::create(prepared.join(RECORD))?;
    serde_json::to_writer_pretty(&file, &record)?;
    file.sync_all()?;
    std::fs::set_permissions(prepared, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let Record { release, .. } = record;
    let mut tries = 0;
    while let Err(error) = std::fs::rename(prepared, place) {
        // Somebody was quicker.
        if load(place, &release.version, &release.platform).is_some_and(|there| same(&there, &release)) {
            return Ok(release);
        }
        // What is there is not what is wanted now: it makes room, in one move. Another may do the same right now.
        tries += 1;
        if tries > MOST_TRIES {
            return Err(error);
        }
        let aside = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(parent(place))?;
        match std::fs::rename(place, aside.path().join("old")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    File::open(parent(place))?.sync_all()?;
    Ok(release)
}

fn same(one: &Release, other: &Release) -> bool {
    one.source == other.source
        && one.checked == other.checked
        && one.archive_sha256 == other.archive_sha256
        && one.binaries.len() == other.binaries.len()
        && one.binaries.iter().all(|(name, binary)| other.binaries.get(name).is_some_and(|b| b.sha256 == binary.sha256))
}

fn parent(place: &Path) -> &Path {
    place.parent().unwrap_or(place)
}
