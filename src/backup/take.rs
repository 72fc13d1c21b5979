//! One backup from beginning to end.

use std::path::{Path, PathBuf};
use std::time::Instant;

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::folder::PartDir;
use super::manifest::{self, Check, Manifest, SNAPSHOT, V2_ARCHIVE, V2Content, V3Content};
use super::trial::Release;
use super::{BackupError, Request, V2Part, V3Part, v2, v3};
use crate::etcd::VersionAnswer;
use crate::spec::model::Verify;
use crate::units::{MemberId, RaftIndex};

/// How often a backup is begun again because the cluster moved on in a way that leaves nothing to compare.
const ATTEMPTS: u32 = 3;

/// Work that a busy cluster can make void without anything being wrong.
pub(super) enum Outcome<T> {
    Done(T),
    /// What the cluster did meanwhile.
    Again(&'static str),
}

/// A backup that was taken and has passed its checks.
#[derive(Debug)]
pub struct Taken {
    pub path: PathBuf,
    pub manifest: Manifest,
    /// Ids of older backups that were removed.
    pub pruned: Vec<String>,
    /// Why older ones could not be removed. The new one is good all the same.
    pub prune_problem: Option<BackupError>,
}

/// Who answers, and how far it is.
struct Identity {
    version: VersionAnswer,
    member_id: MemberId,
    raft_index: RaftIndex,
}

/// What a backup holds, with the checks it has passed.
struct Parts {
    v3: Option<V3Content>,
    v2: Option<V2Content>,
    checks: Vec<Check>,
}

/// Takes one backup. On an error there is none, and nothing of it is left.
pub async fn take(request: &Request<'_>) -> Result<Taken, BackupError> {
    let started = Instant::now();
    let part = PartDir::create(request.dir, request.id)?;
    let identity = identify(request).await?;
    let release = match request.verify {
        Verify::Restore => Some(Release::find(&request.tools).await?),
        Verify::Hash => None,
    };
    let parts = collect(request, release.as_ref(), part.path()).await?;
    let manifest = Manifest {
        format: Manifest::FORMAT,
        id: request.id.to_owned(),
        cluster: request.cluster.clone(),
        cluster_id: request.source.cluster_id,
        member: request.source.name.clone(),
        member_id: identity.member_id,
        server_version: identity.version.server,
        cluster_version: identity.version.cluster,
        tools_version: request.tools.version.clone(),
        taken_at: rfc3339(request.now),
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        verify: request.verify,
        raft_index: identity.raft_index,
        v3: parts.v3,
        v2: parts.v2,
        checks: parts.checks,
    };
    manifest.write(part.path()).await?;
    let path = part.keep()?;
    let (pruned, prune_problem) = match manifest::prune(request.dir, request.cluster, request.keep, request.needed) {
        Ok(pruned) => (pruned, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    Ok(Taken { path, manifest, pruned, prune_problem })
}

fn rfc3339(now: OffsetDateTime) -> String {
    // Whole seconds, so that the texts sort as the times do. Fails only for years that RFC 3339 cannot say.
    let now = now.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(now);
    now.format(&Rfc3339).unwrap_or_default()
}

async fn identify(request: &Request<'_>) -> Result<Identity, BackupError> {
    let client = request.source.client;
    let version = client.version().await?;
    let member = request.source.name.to_string();
    if request.v3.is_none() && request.v2.is_none() {
        return Err(BackupError::Nothing);
    }
    let (found, member_id, raft_index) = if request.v3.is_some() {
        let status = client.status().await?;
        (status.cluster_id, status.member_id, status.raft_index)
    } else {
        let status = client.v2_status().await?;
        (status.cluster_id, status.member_id, status.raft_index)
    };
    if found != request.source.cluster_id {
        return Err(BackupError::AnotherCluster { member, found, expected: request.source.cluster_id });
    }
    Ok(Identity { version, member_id, raft_index })
}

async fn collect(request: &Request<'_>, release: Option<&Release>, dir: &Path) -> Result<Parts, BackupError> {
    let mut meanwhile = "";
    for _ in 0..ATTEMPTS {
        match attempt(request, release, dir).await? {
            Outcome::Done(parts) => return Ok(parts),
            Outcome::Again(what) => meanwhile = what,
        }
        for name in [SNAPSHOT, V2_ARCHIVE] {
            let path = dir.join(name);
            match tokio::fs::remove_file(&path).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(BackupError::file(&path, &error));
                }
                _ => {}
            }
        }
    }
    Err(BackupError::TooBusy { attempts: ATTEMPTS, meanwhile })
}

/// The snapshot first: the db in it must not be older than the raft snapshot in the v2 backup, nor newer than its end
/// (etcd skips v3 entries up to the index that the db says it has).
async fn attempt(request: &Request<'_>, release: Option<&Release>, dir: &Path) -> Result<Outcome<Parts>, BackupError> {
    let mut parts = Parts { v3: None, v2: None, checks: Vec::new() };
    let mut saved = None;
    if let Some(part) = request.v3 {
        let taken = v3::save(request, part, dir, &mut parts.checks).await?;
        parts.v3 = Some(taken.content());
        saved = Some((part, taken));
    }
    let mut pulled = None;
    if let Some(part) = request.v2 {
        match pull(request, part, dir, saved.as_ref(), &mut parts).await? {
            Outcome::Done(taken) => pulled = Some(taken),
            Outcome::Again(what) => return Ok(Outcome::Again(what)),
        }
    }
    let Some(release) = release else { return Ok(Outcome::Done(parts)) };
    if let Some((part, saved)) = &saved {
        match v3::prove(request, *part, release, dir, saved).await? {
            Outcome::Done((content, checks)) => {
                parts.v3 = Some(content);
                parts.checks.extend(checks);
            }
            Outcome::Again(what) => return Ok(Outcome::Again(what)),
        }
    }
    if let Some(pulled) = &pulled {
        let db = saved.as_ref().map(|(_, saved)| saved);
        let (content, checks) = v2::prove(request, release, dir, pulled, db).await?;
        parts.v2 = Some(content);
        parts.checks.extend(checks);
    }
    Ok(Outcome::Done(parts))
}

async fn pull(
    request: &Request<'_>,
    part: V2Part<'_>,
    dir: &Path,
    saved: Option<&(V3Part, v3::Saved)>,
    parts: &mut Parts,
) -> Result<Outcome<v2::Pulled>, BackupError> {
    let pulled = v2::pull(request, part, dir).await?;
    if let Some((_, saved)) = saved
        && let Outcome::Again(what) = v2::fits(&pulled, saved)
    {
        return Ok(Outcome::Again(what));
    }
    let content = pulled.content();
    let logs = pulled.contents.wal_files;
    let newest = content
        .snap_index
        .map_or_else(|| "no raft snapshot".to_owned(), |index| format!("newest raft snapshot at index {index}"));
    parts.checks.push(Check {
        what: "v2 backup, archive".to_owned(),
        result: format!(
            "whole, SHA-256 {}, {logs} log {}, {newest}",
            content.sha256.short(),
            if logs == 1 { "file" } else { "files" }
        ),
    });
    parts.v2 = Some(content);
    Ok(Outcome::Done(pulled))
}
