//! The v3 key space: snapshot, and the proof that it can be restored and holds what the live cluster holds.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::manifest::{Check, SNAPSHOT, V3Content};
use super::take::Outcome;
use super::trial::{Release, Start, Trial};
use super::{BackupError, Progress, Request, V3Compare, V3Part, folder};
use crate::etcd::snapshot::{self, SnapshotFacts};
use crate::etcd::{EtcdError, KeyDigest};
use crate::units::{Bytes, RaftIndex, Revision};

/// The digest at the end of a snapshot, which is not part of the database.
const TRAILER: u64 = 32;
/// Progress is told in steps of this many bytes.
const STEP: u64 = 256 * 1024;

/// A snapshot on disk.
pub(super) struct Saved {
    facts: SnapshotFacts,
    /// It holds this revision at least.
    at_least: Revision,
    /// Every raft snapshot up to this index was on the member's disk, with its db, before this was taken.
    pub applied: RaftIndex,
}

impl Saved {
    pub(super) fn content(&self) -> V3Content {
        V3Content { size: self.facts.size, sha256: self.facts.sha256, revision: self.at_least, keys: None }
    }
}

/// Streams a snapshot into the folder.
pub(super) async fn save(
    request: &Request<'_>,
    part: V3Part,
    dir: &Path,
    checks: &mut Vec<Check>,
) -> Result<Saved, BackupError> {
    let client = request.source.client;
    let applied = client.status().await?.raft_index;
    // Of this very member, and after it everything acknowledged is in it.
    let at_least = client.linearizable_read().await?;
    if let Some(wanted) = part.not_older_than
        && at_least < wanted
    {
        let member = request.source.name.to_string();
        return Err(BackupError::TooOld { member, found: at_least, wanted });
    }
    let path = dir.join(SNAPSHOT);
    let mut file = folder::create_file(&path).await?;
    let told = AtomicU64::new(0);
    let progress = |done: Bytes, of: Bytes| {
        if done == of || done.0 >= told.load(Ordering::Relaxed) + STEP {
            told.store(done.0, Ordering::Relaxed);
            (request.progress)(Progress::Snapshot { done, of });
        }
    };
    let facts = client.snapshot(&mut file, &progress).await?;
    file.sync_all().await.map_err(|error| BackupError::file(&path, &error))?;
    // Read back: what counts is what is on the disk.
    let stored = snapshot::verify(&path, Some(facts.sha256)).await?;
    checks.push(Check {
        what: "snapshot hash".to_owned(),
        result: format!("{} bytes, SHA-256 {} as etcd sent it", stored.size.0, stored.sha256),
    });
    checks.push(Check {
        what: "snapshot age".to_owned(),
        result: format!(
            "holds revision {at_least} at least{}",
            part.not_older_than.map(|wanted| format!(", {wanted} is wanted")).unwrap_or_default()
        ),
    });
    Ok(Saved { facts, at_least, applied })
}

/// Restores it, starts it, compares it. [`Outcome::Again`] where the live cluster no longer knows the revision.
pub(super) async fn prove(
    request: &Request<'_>,
    part: V3Part,
    release: &Release,
    dir: &Path,
    saved: &Saved,
) -> Result<Outcome<(V3Content, Vec<Check>)>, BackupError> {
    (request.progress)(Progress::Restoring);
    let size = saved.facts.size;
    let data_dir = dir.join("trial-v3");
    release.restore_snapshot(&dir.join(SNAPSHOT), &data_dir, size).await?;
    let trial = Trial::start(release, &data_dir, size, Start::Plain).await?;
    (request.progress)(Progress::Comparing);
    let compared = compare(request, part, &trial, saved).await;
    trial.stop().await;
    let removed = tokio::fs::remove_dir_all(&data_dir).await;
    let outcome = compared?;
    removed.map_err(|error| BackupError::file(&data_dir, &error))?;
    // The restore of some releases was caught changing the file it reads.
    snapshot::verify(&dir.join(SNAPSHOT), Some(saved.facts.sha256)).await?;
    Ok(outcome)
}

async fn compare(
    request: &Request<'_>,
    part: V3Part,
    trial: &Trial,
    saved: &Saved,
) -> Result<Outcome<(V3Content, Vec<Check>)>, BackupError> {
    let restored = trial.client.status().await.map_err(BackupError::of_copy)?.revision;
    if restored < saved.at_least {
        return Err(BackupError::Differs {
            what: "revision",
            restored: restored.to_string(),
            live: format!("{} before the snapshot", saved.at_least),
        });
    }
    let mut content = V3Content { revision: restored, ..saved.content() };
    if part.compare == V3Compare::HashKv {
        match same_hash(request, trial, restored).await? {
            HashVerdict::Equal(check) => return Ok(Outcome::Done((content, vec![check]))),
            HashVerdict::Gone => return Ok(Outcome::Again("compacted the revision of the snapshot away")),
            HashVerdict::NotComparable => {}
        }
    }
    let Outcome::Done(digest) = same_digest(request, trial, restored).await? else {
        return Ok(Outcome::Again("compacted the revision of the snapshot away"));
    };
    let check = Check {
        what: format!("trial restore, all keys at revision {restored}"),
        result: format!("{} keys, digest {} as on the live cluster", digest.keys, digest.digest.short()),
    };
    content.keys = Some(digest);
    Ok(Outcome::Done((content, vec![check])))
}

enum HashVerdict {
    Equal(Check),
    /// Compacted meanwhile, or one side has no HashKV: hashes say nothing.
    NotComparable,
    /// The live cluster has compacted that revision away.
    Gone,
}

async fn same_hash(request: &Request<'_>, trial: &Trial, at: Revision) -> Result<HashVerdict, BackupError> {
    let restored = match trial.client.hash_kv(at).await {
        Ok(hash) => hash,
        Err(error) if error.is_unsupported() => return Ok(HashVerdict::NotComparable),
        Err(error) => return Err(BackupError::of_copy(error)),
    };
    let live = match request.source.client.hash_kv(at).await {
        Ok(hash) => hash,
        Err(error) if error.is_unsupported() => return Ok(HashVerdict::NotComparable),
        Err(EtcdError::Compacted { .. }) => return Ok(HashVerdict::Gone),
        Err(error) => return Err(error.into()),
    };
    if live.compact_revision != restored.compact_revision {
        return Ok(HashVerdict::NotComparable);
    }
    if live.hash != restored.hash {
        return Err(BackupError::Differs {
            what: "HashKV",
            restored: format!("{:08x} at revision {at}", restored.hash),
            live: format!("{:08x}", live.hash),
        });
    }
    Ok(HashVerdict::Equal(Check {
        what: format!("trial restore, HashKV at revision {at}"),
        result: format!("{:08x} as on the live cluster", live.hash),
    }))
}

async fn same_digest(request: &Request<'_>, trial: &Trial, at: Revision) -> Result<Outcome<KeyDigest>, BackupError> {
    let restored = match trial.client.digest_at(Some(at)).await {
        Ok(digest) => digest,
        Err(error) => return Err(BackupError::of_copy(error)),
    };
    let live = match request.source.client.digest_at(Some(at)).await {
        Ok(digest) => digest,
        Err(EtcdError::Compacted { .. }) => return Ok(Outcome::Again("compacted the revision of the snapshot away")),
        Err(error) => return Err(error.into()),
    };
    if live == restored {
        return Ok(Outcome::Done(restored));
    }
    let told = |digest: &KeyDigest| format!("{} keys, digest {} at revision {at}", digest.keys, digest.digest.short());
    Err(BackupError::Differs { what: "keys", restored: told(&restored), live: told(&live) })
}

/// The database of a saved snapshot, without the digest at its end, as `member/snap/db` of a data directory.
pub(super) async fn place_db(dir: &Path, data_dir: &Path, saved: &Saved) -> Result<(), BackupError> {
    let (from, to) = (dir.join(SNAPSHOT), data_dir.join("member/snap/db"));
    if let Some(parent) = to.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(|error| BackupError::file(parent, &error))?;
    }
    copy_database(&from, &to, saved.facts.size).await
}

/// The database in a snapshot of so many bytes, without the digest at its end.
pub(super) async fn copy_database(from: &Path, to: &Path, size: Bytes) -> Result<(), BackupError> {
    let source = tokio::fs::File::open(from).await.map_err(|error| BackupError::file(from, &error))?;
    let mut source = source.take(size.0.saturating_sub(TRAILER));
    let mut file = folder::create_file(to).await?;
    tokio::io::copy(&mut source, &mut file).await.map_err(|error| BackupError::file(to, &error))?;
    file.flush().await.map_err(|error| BackupError::file(to, &error))
}
