//! The manifest of a backup, and the folder of backups: list, prune, check again.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BackupError, folder};
use crate::etcd::{KeyDigest, snapshot};
use crate::spec::model::Verify;
use crate::units::{Bytes, ClusterId, ClusterName, MemberId, MemberName, RaftIndex, Revision, Sha256, Version};

pub(super) const FILE: &str = "manifest.json";
/// Its digest, as `sha256sum` writes and checks it. Older backups have none.
const SUM: &str = "manifest.json.sha256";
pub(super) const SNAPSHOT: &str = "snapshot.db";
pub(super) const V2_ARCHIVE: &str = "v2.tar.gz";
const FORMAT: u32 = 1;
/// Most bytes of a manifest that are read.
const LARGEST: u64 = 1024 * 1024;

/// Most bytes that are read of the file with its digest.
const DIGEST_LINE: u64 = 200;

/// What a backup holds and how that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// That of the run that took it, and the name of its folder.
    pub id: String,
    /// Its name in the spec.
    pub cluster: ClusterName,
    pub cluster_id: ClusterId,
    /// Taken from.
    pub member: MemberName,
    pub member_id: MemberId,
    pub server_version: Version,
    pub cluster_version: Option<Version>,
    /// The release that took it and restored it.
    pub tools_version: Version,
    /// RFC 3339, UTC.
    pub taken_at: String,
    pub duration_ms: u64,
    pub verify: Verify,
    /// The member's raft index just before: the backup holds at least what was applied up to it.
    pub raft_index: RaftIndex,
    pub v3: Option<V3Content>,
    pub v2: Option<V2Content>,
    pub checks: Vec<Check>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct V3Content {
    pub size: Bytes,
    /// Of the database: what stands at the end of the file.
    pub sha256: Sha256,
    /// Of the restored copy; without a trial restore, the one that it holds at least.
    pub revision: Revision,
    /// Of the restored copy, where all keys were read.
    pub keys: Option<KeyDigest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2Content {
    pub size: Bytes,
    /// Of the file.
    pub sha256: Sha256,
    /// The newest raft snapshot inside, if there is one. It starts only with the db of the v3 snapshot beside it.
    pub snap_index: Option<RaftIndex>,
    /// Of the restored copy.
    pub keys: Option<KeyDigest>,
}

/// One check that was made, and how it came out. A check that fails leaves no backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub what: String,
    pub result: String,
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.result)
    }
}

impl Kept {
    /// What can be seen without reading all of it: whether its files are there, of the size that they had.
    fn files_there(&self) -> Result<(), BackupError> {
        let parts = [
            (SNAPSHOT, self.manifest.v3.as_ref().map(|part| part.size)),
            (V2_ARCHIVE, self.manifest.v2.as_ref().map(|part| part.size)),
        ];
        for (name, size) in parts {
            let Some(size) = size else { continue };
            let path = self.path.join(name);
            let found = path.metadata().map_err(|error| BackupError::damaged(&path, &error))?.len();
            if found != size.0 {
                let reason = format!("damaged: {found} bytes; {} were written", size.0);
                return Err(BackupError::Damaged { path, reason });
            }
        }
        Ok(())
    }
}

impl Manifest {
    /// What stands in `format`. A manifest with another is not read.
    pub const FORMAT: u32 = FORMAT;

    /// Of all files.
    #[must_use]
    pub fn size(&self) -> Bytes {
        let v3 = self.v3.as_ref().map_or(0, |part| part.size.0);
        Bytes(v3 + self.v2.as_ref().map_or(0, |part| part.size.0))
    }

    pub(super) async fn write(&self, dir: &Path) -> Result<(), BackupError> {
        let path = dir.join(FILE);
        let wrong = |error: std::io::Error| BackupError::file(&path, &error);
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| wrong(error.into()))?;
        text.push(b'\n');
        write_whole(&path, &text).await?;
        let sum = format!("{}  {FILE}\n", Sha256::of(&text));
        write_whole(&dir.join(SUM), sum.as_bytes()).await
    }

    pub(super) fn read(dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(FILE);
        let wrong = |reason: String| BackupError::Damaged { path: path.clone(), reason };
        let size = path.metadata().map_err(|error| wrong(error.to_string()))?.len();
        if size > LARGEST {
            return Err(wrong(format!("{size} bytes are too many for a manifest")));
        }
        let text = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        as_written(&text, &dir.join(SUM)).map_err(&wrong)?;
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(&text).map_err(|error| wrong(format!("not a manifest: {error}")))?;
        if head.format != FORMAT {
            return Err(wrong(format!("format {}, this version of quorate reads format {FORMAT}", head.format)));
        }
        serde_json::from_slice(&text).map_err(|error| wrong(format!("not a manifest: {error}")))
    }
}

async fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let wrong = |error: std::io::Error| BackupError::file(path, &error);
    let mut file = folder::create_file(path).await?;
    file.write_all(bytes).await.map_err(wrong)?;
    file.sync_all().await.map_err(wrong)
}

/// Whether a manifest is what was written. Its files are held against it, so it has to be right itself.
fn as_written(text: &[u8], sum: &Path) -> Result<(), String> {
    let name = sum.display();
    let mut said = Vec::new();
    match std::fs::File::open(sum).and_then(|file| file.take(DIGEST_LINE).read_to_end(&mut said)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("its digest cannot be read: {name}: {error}")),
        Ok(_) => {}
    }
    let said = String::from_utf8_lossy(&said);
    let is = Sha256::of(text);
    match said.split_whitespace().next().and_then(|word| word.parse::<Sha256>().ok()) {
        None => Err(format!("{name} holds no digest")),
        Some(was) if was != is => Err(format!("it was changed since it was written: SHA-256 {is}; {name} says {was}")),
        Some(_) => Ok(()),
    }
}

/// A backup on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub path: PathBuf,
    pub manifest: Manifest,
}

/// What a folder of backups holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// Oldest first.
    pub complete: Vec<Kept>,
    pub broken: Vec<Broken>,
}

/// A folder among the backups that is none, or none any more.
#[derive(Debug)]
pub struct Broken {
    /// The folder's name: the id of the backup that it may have been.
    pub id: String,
    pub error: BackupError,
}

impl Listing {
    /// The complete backup of that id, if there is one; the error of a broken one.
    pub fn find(self, id: &str) -> Result<Option<Kept>, BackupError> {
        if let Some(broken) = self.broken.into_iter().find(|broken| broken.id == id) {
            return Err(broken.error);
        }
        Ok(self.complete.into_iter().find(|kept| kept.manifest.id == id))
    }
}

/// Reads all manifests. A folder that is not there holds none.
pub fn list(dir: &Path) -> Result<Listing, BackupError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Listing::default()),
        Err(error) => return Err(BackupError::file(dir, &error)),
    };
    let mut listing = Listing::default();
    for entry in entries {
        let entry = entry.map_err(|error| BackupError::file(dir, &error))?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let id = entry.file_name().to_string_lossy().into_owned();
        match read_kept(path, &id) {
            Ok(kept) => listing.complete.push(kept),
            Err(error) => listing.broken.push(Broken { id, error }),
        }
    }
    listing.complete.sort_by(|one, other| {
        (&one.manifest.taken_at, &one.manifest.id).cmp(&(&other.manifest.taken_at, &other.manifest.id))
    });
    Ok(listing)
}

/// The backup in a folder of that name.
fn read_kept(path: PathBuf, id: &str) -> Result<Kept, BackupError> {
    let manifest = Manifest::read(&path)?;
    if manifest.id != id {
        let reason = format!("its manifest is of {}", crate::etcd::shown(manifest.id.as_bytes()));
        return Err(BackupError::Damaged { path, reason });
    }
    let kept = Kept { path, manifest };
    kept.files_there()?;
    Ok(kept)
}

/// Whether a folder could be a backup: its manifest is not read.
#[must_use]
pub fn has_manifest(dir: &Path) -> bool {
    dir.join(FILE).is_file()
}

/// The complete backup of that id, if there is one: for a run that goes on after the controller died.
pub fn find(dir: &Path, id: &str) -> Result<Option<Kept>, BackupError> {
    Ok(list(dir)?.complete.into_iter().find(|kept| kept.manifest.id == id))
}

/// What pruning comes to.
#[derive(Debug, Default)]
pub struct Pruning {
    /// Oldest first.
    pub remove: Vec<Kept>,
    /// With the reason.
    pub keep: Vec<(Kept, String)>,
}

/// Decides what goes of the backups of `cluster`: all but the newest `keep`, the newest that was restored on trial, and
/// those that a run may still need (`needed`: id and why).
#[must_use]
pub fn decide_pruning(
    listing: Listing,
    cluster: &ClusterName,
    keep: u32,
    needed: &BTreeMap<String, String>,
) -> Pruning {
    let of_cluster: Vec<_> = listing.complete.into_iter().filter(|kept| &kept.manifest.cluster == cluster).collect();
    let too_many = of_cluster.len().saturating_sub(keep.max(1) as usize);
    let restored = of_cluster.iter().rposition(|kept| kept.manifest.verify == Verify::Restore);
    let mut pruning = Pruning::default();
    for (place, kept) in of_cluster.into_iter().enumerate() {
        if let Some(why) = needed.get(&kept.manifest.id) {
            pruning.keep.push((kept, why.clone()));
        } else if place >= too_many {
            pruning.keep.push((kept, format!("one of the newest {keep}")));
        } else if Some(place) == restored {
            pruning.keep.push((kept, "the newest that was restored on trial".to_owned()));
        } else {
            pruning.remove.push(kept);
        }
    }
    pruning
}

/// Removes what [`decide_pruning`] says. Returns the ids.
pub fn prune(
    dir: &Path,
    cluster: &ClusterName,
    keep: u32,
    needed: &BTreeMap<String, String>,
) -> Result<Vec<String>, BackupError> {
    let mut removed = Vec::new();
    for kept in decide_pruning(list(dir)?, cluster, keep, needed).remove {
        folder::remove(dir, &kept.manifest.id)?;
        removed.push(kept.manifest.id);
    }
    Ok(removed)
}

/// Reads the files of a kept backup again and compares them with its manifest.
pub async fn verify_stored(kept: &Kept) -> Result<(), BackupError> {
    if let Some(v3) = &kept.manifest.v3 {
        snapshot::verify(&kept.path.join(SNAPSHOT), Some(v3.sha256)).await?;
    }
    if let Some(v2) = &kept.manifest.v2 {
        let path = kept.path.join(V2_ARCHIVE);
        let (size, found) = file_digest(&path).await?;
        if (size, found) != (v2.size, v2.sha256) {
            let reason =
                format!("damaged: {} bytes, SHA-256 {found}; {} bytes, {} were written", size.0, v2.size.0, v2.sha256);
            return Err(BackupError::Damaged { path, reason });
        }
    }
    Ok(())
}

pub(super) async fn file_digest(path: &Path) -> Result<(Bytes, Sha256), BackupError> {
    let wrong = |error: std::io::Error| BackupError::file(path, &error);
    let mut file = tokio::fs::File::open(path).await.map_err(wrong)?;
    let (mut hash, mut size, mut piece) = (sha2::Sha256::new(), 0, vec![0; 256 * 1024]);
    loop {
        let read = file.read(&mut piece).await.map_err(wrong)?;
        if read == 0 {
            return Ok((Bytes(size), Sha256(hash.finalize().into())));
        }
        hash.update(&piece[..read]);
        size += read as u64;
    }
}

/// Holds the file in a backup's folder against its schema.
#[cfg(test)]
#[track_caller]
pub(super) fn as_its_schema_says(dir: &Path) -> serde_json::Value {
    let text = std::fs::read(dir.join(FILE)).unwrap();
    let whole = serde_json::from_slice(&text).unwrap();
    assert_eq!(crate::view::validate::fault_by("backup-manifest", &whole), None);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(id: &str, cluster: &str, taken_at: &str) -> Manifest {
        Manifest {
            format: FORMAT,
            id: id.to_owned(),
            cluster: cluster.parse().unwrap(),
            cluster_id: ClusterId(0xc1),
            member: "m1".parse().unwrap(),
            member_id: MemberId(0xa1),
            server_version: Version::new(3, 1, 20),
            cluster_version: Some(Version::new(3, 1, 0)),
            tools_version: Version::new(3, 2, 32),
            taken_at: taken_at.to_owned(),
            duration_ms: 1200,
            verify: Verify::Restore,
            raft_index: RaftIndex(77),
            v3: None,
            v2: None,
            checks: vec![Check { what: "hash".to_owned(), result: "as sent".to_owned() }],
        }
    }

    async fn put(dir: &Path, manifest: &Manifest) {
        let path = dir.join(&manifest.id);
        std::fs::create_dir(&path).unwrap();
        manifest.write(&path).await.unwrap();
    }

    #[tokio::test]
    async fn keeps_the_newest_of_each_cluster() {
        let root = tempfile::tempdir().unwrap();
        for (id, cluster, hour) in [("a", "prod", 1), ("d", "prod", 4), ("b", "prod", 2), ("c", "test", 3)] {
            put(root.path(), &manifest(id, cluster, &format!("2026-11-21T0{hour}:00:00Z"))).await;
        }
        std::fs::create_dir(root.path().join("not-a-backup")).unwrap();
        std::fs::create_dir(root.path().join("e")).unwrap();
        std::fs::write(root.path().join("e/manifest.json"), "{\"format\":").unwrap();
        let prod = "prod".parse().unwrap();
        let none = BTreeMap::new();
        assert_eq!(prune(root.path(), &prod, 2, &none).unwrap(), ["a"]);
        let listing = list(root.path()).unwrap();
        let left: Vec<_> = listing.complete.iter().map(|kept| kept.manifest.id.as_str()).collect();
        assert_eq!(left, ["b", "c", "d"]);
        assert_eq!(listing.broken.len(), 2, "what is broken is neither counted nor removed");
        assert_eq!(prune(root.path(), &prod, 0, &none).unwrap(), ["b"], "the newest always stays");
        assert_eq!(find(root.path(), "c").unwrap().unwrap().manifest.cluster.as_str(), "test");
        assert!(find(root.path(), "a").unwrap().is_none());
        assert!(root.path().join("d/manifest.json").exists() && root.path().join("e").exists());
    }

    fn find_in(dir: &Path, id: &str) -> Result<Option<Kept>, BackupError> {
        list(dir).unwrap().find(id)
    }

    #[tokio::test]
    async fn a_manifest_that_was_changed_is_none() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), &manifest("a", "prod", "2026-11-21T01:00:00Z")).await;
        let (path, sum) = (root.path().join("a/manifest.json"), root.path().join("a/manifest.json.sha256"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"m1\"", "\"m2\"")).unwrap();
        let listing = list(root.path()).unwrap();
        assert!(listing.complete.is_empty());
        assert!(listing.broken[0].error.to_string().contains("it was changed since it was written"), "{listing:?}");
        let said = find_in(root.path(), "a").unwrap_err().to_string();
        assert!(said.contains("it was changed since it was written") && said.contains("use another backup"), "{said}");
        assert!(find_in(root.path(), "b").unwrap().is_none());
        std::fs::write(&sum, "what?").unwrap();
        assert!(list(root.path()).unwrap().broken[0].error.to_string().contains("holds no digest"));
        // One of before there were digests.
        std::fs::remove_file(&sum).unwrap();
        assert_eq!(list(root.path()).unwrap().complete.len(), 1);
    }

    fn of_v3() -> V3Content {
        let keys = KeyDigest { revision: Some(Revision(18)), keys: 12, digest: Sha256::of(b"keys") };
        V3Content { size: Bytes(20_480), sha256: Sha256::of(b"db"), revision: Revision(18), keys: Some(keys) }
    }

    fn of_v2() -> V2Content {
        let keys = KeyDigest { revision: None, keys: 3, digest: Sha256::of(b"v2") };
        V2Content { size: Bytes(512), sha256: Sha256::of(b"tar"), snap_index: Some(RaftIndex(7)), keys: Some(keys) }
    }

    #[tokio::test]
    async fn a_manifest_is_as_its_schema_says() {
        let root = tempfile::tempdir().unwrap();
        let bare = || manifest("a", "prod", "2026-11-21T01:00:00Z");
        let no_keys = V2Content { snap_index: None, keys: None, ..of_v2() };
        for (id, v3, v2) in [
            ("v3", Some(of_v3()), None),
            ("v3-hash", Some(V3Content { keys: None, ..of_v3() }), None),
            ("v2", None, Some(of_v2())),
            ("v2-hash", None, Some(no_keys)),
            ("both", Some(of_v3()), Some(of_v2())),
        ] {
            put(root.path(), &Manifest { id: id.to_owned(), cluster_version: None, v3, v2, ..bare() }).await;
            as_its_schema_says(&root.path().join(id));
        }
        // Nothing else is: each field is always there, and there is no other.
        let whole = as_its_schema_says(&root.path().join("both"));
        assert_eq!(crate::view::let_through("backup-manifest", &whole), std::collections::BTreeSet::new());
        for (field, wrong) in [("format", 2.into()), ("raft_index", "77".into()), ("verify", "none".into())] {
            let mut whole = whole.clone();
            whole[field] = wrong;
            assert!(crate::view::validate::fault_by("backup-manifest", &whole).is_some(), "{field}");
        }
    }

    /// So that pruning does not keep it in place of one that is whole.
    #[tokio::test]
    async fn a_backup_whose_files_are_not_there_is_broken() {
        let root = tempfile::tempdir().unwrap();
        let v2 = V2Content { size: Bytes(3), sha256: Sha256::of(b"abc"), snap_index: None, keys: None };
        put(root.path(), &Manifest { v2: Some(v2), ..manifest("a", "prod", "2026-11-21T01:00:00Z") }).await;
        let broken = || list(root.path()).unwrap().broken.first().map(|broken| broken.error.to_string());
        assert!(broken().unwrap().contains("v2.tar.gz"));
        std::fs::write(root.path().join("a/v2.tar.gz"), "ab").unwrap();
        assert!(broken().unwrap().contains("damaged: 2 bytes; 3 were written"), "{:?}", broken());
        std::fs::write(root.path().join("a/v2.tar.gz"), "abc").unwrap();
        assert_eq!(broken(), None);
    }

    #[tokio::test]
    async fn what_a_run_may_still_need_is_never_pruned() {
        let root = tempfile::tempdir().unwrap();
        let prod = "prod".parse().unwrap();
        for (id, verify) in [
            ("a", Verify::Restore),
            ("b", Verify::Restore),
            ("c", Verify::Restore),
            ("d", Verify::Hash),
            ("e", Verify::Hash),
        ] {
            let manifest = manifest(id, "prod", &format!("2026-11-21T01:00:00Z-{id}"));
            put(root.path(), &Manifest { verify, ..manifest }).await;
        }
        let needed = BTreeMap::from([("a".to_owned(), "its run has not finished".to_owned())]);
        let pruning = decide_pruning(list(root.path()).unwrap(), &prod, 1, &needed);
        let kept: Vec<_> = pruning.keep.iter().map(|(kept, why)| (kept.manifest.id.as_str(), why.as_str())).collect();
        assert_eq!(
            kept,
            [
                ("a", "its run has not finished"),
                ("c", "the newest that was restored on trial"),
                ("e", "one of the newest 1")
            ]
        );
        assert_eq!(prune(root.path(), &prod, 1, &needed).unwrap(), ["b", "d"]);
        assert!(prune(root.path(), &prod, 1, &needed).unwrap().is_empty());
    }

    #[tokio::test]
    async fn refuses_manifests_that_are_not_its_own() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), &manifest("a", "prod", "2026-11-21T01:00:00Z")).await;
        std::fs::rename(root.path().join("a"), root.path().join("renamed")).unwrap();
        put(root.path(), &Manifest { format: 2, ..manifest("b", "prod", "2026-11-21T01:00:00Z") }).await;
        std::fs::create_dir(root.path().join("c")).unwrap();
        std::fs::write(root.path().join("c/manifest.json"), vec![b' '; 2_000_000]).unwrap();
        let listing = list(root.path()).unwrap();
        assert!(listing.complete.is_empty());
        let mut said: Vec<_> = listing.broken.iter().map(|broken| broken.error.to_string()).collect();
        said.sort();
        assert!(said[0].contains("format 2"), "{said:?}");
        assert!(said[1].contains("too many"), "{said:?}");
        assert!(said[2].contains("its manifest is of \"a\""), "{said:?}");
        assert!(list(&root.path().join("nowhere")).unwrap().complete.is_empty());
    }
}
