//! The v2 key space: `etcdctl backup` of a live data directory, pulled to the controller, and the proof that it can be
//! restored and holds what the live cluster held.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sha2::Digest as _;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::archive::{self, Contents, Into, PACKED_LIMIT};
use super::manifest::{Check, V2_ARCHIVE, V2Content};
use super::network::Network;
use super::take::Outcome;
use super::trial::{Release, Start, Trial};
use super::{BackupError, Progress, Request, V2Part, folder, v2_compare, v3};
use crate::etcd::{Consistency, EtcdError, V2Tree};
use crate::host::{Command, Output, Privilege};
use crate::spec::model::Verify;
use crate::units::{Bytes, Sha256};

/// For the backup on the host and its way here.
const PULL: Duration = Duration::from_secs(30 * 60);
/// `etcdctl` reads a log that etcd writes: it may catch half a record, and then fails.
const TOOL_ATTEMPTS: u32 = 3;
/// Progress is told in steps of this many bytes.
const STEP: u64 = 256 * 1024;

/// Makes the backup in a private folder, sends it to standard output, removes it, whatever happens. The member's
/// folders are shown to etcdctl through links: before 2.3 it cannot be told of a separate log directory. From 3.3 on it
/// makes a v3 database that holds no key (observed 3.3.27); those of 3.0 to 3.2 make none, and a restore wants none.
const PULL_SCRIPT: &str = r#"
etcdctl=$1 data=$2 wal=$3
umask 077
tmp=$(mktemp -d /var/tmp/quorate-backup.XXXXXX) || exit 70
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM
mkdir "$tmp/from" "$tmp/from/member" || exit 70
ln -s "$data/member/snap" "$tmp/from/member/snap" || exit 70
ln -s "${wal:-$data/member/wal}" "$tmp/from/member/wal" || exit 70
ETCDCTL_API=2 "$etcdctl" backup --data-dir "$tmp/from" --backup-dir "$tmp/to" >&2 || exit 71
[ -d "$tmp/to/member/wal" ] || exit 72
rm -f -- "$tmp/to/member/snap/db" || exit 70
{ tar -C "$tmp/to" -cf - member || : >"$tmp/failed"; } | gzip -1 || exit 73
[ ! -e "$tmp/failed" ] || exit 73
"#;
const TOOL_FAILED: i32 = 71;

/// A v2 backup on disk.
pub(super) struct Pulled {
    size: Bytes,
    sha256: Sha256,
    pub contents: Contents,
    looks: Option<Looks>,
}

/// The live keys before and after the backup was made.
struct Looks {
    before: V2Tree,
    after: V2Tree,
}

impl Pulled {
    pub(super) fn content(&self) -> V2Content {
        V2Content { size: self.size, sha256: self.sha256, snap_index: self.contents.snap_index, keys: None }
    }
}

/// Barrier, backup on the host, pull.
pub(super) async fn pull(request: &Request<'_>, part: V2Part<'_>, dir: &Path) -> Result<Pulled, BackupError> {
    let client = request.source.client;
    let Some(etcdctl) = request.tools.host_etcdctl else {
        return Err(BackupError::NoHostTool { host: request.source.host.label().to_owned() });
    };
    let path = dir.join(V2_ARCHIVE);
    let before = look(request).await?;
    // Without it the last acknowledged write is missing on 3.x: its commit is not in the log yet.
    client.v2_barrier().await?;
    let mut attempt = 0;
    let (size, sha256) = loop {
        attempt += 1;
        let mut file = Counted::create(&path, request).await?;
        let args = ["-c", PULL_SCRIPT, "quorate-v2-backup", etcdctl, part.data_dir, part.wal_dir.unwrap_or_default()];
        let mut command = Command::new("sh", &args).deadline(PULL);
        command.privilege = Privilege::Elevated;
        let output = request.source.host.receive(&command, &mut file, PACKED_LIMIT).await?;
        if output.success() {
            break file.finish(&path).await?;
        }
        if output.status != Some(TOOL_FAILED) || attempt == TOOL_ATTEMPTS {
            return Err(pull_error(&output));
        }
        tokio::fs::remove_file(&path).await.map_err(|error| BackupError::file(&path, &error))?;
    };
    let after = look(request).await?;
    let contents = archive::read(&path, Into::Nothing).await?;
    let looks = before.zip(after).map(|(before, after)| Looks { before, after });
    Ok(Pulled { size, sha256, contents, looks })
}

async fn look(request: &Request<'_>) -> Result<Option<V2Tree>, EtcdError> {
    match request.verify {
        Verify::Restore => request.source.client.v2_tree(Consistency::Linearizable).await.map(Some),
        Verify::Hash => Ok(None),
    }
}

fn pull_error(output: &Output) -> BackupError {
    let command = match output.status {
        Some(70) => "making a folder below /var/tmp on the host",
        Some(72) => "etcdctl backup (it made no backup)",
        Some(73) => "packing the backup on the host",
        _ => "etcdctl backup",
    };
    let status = output.status.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
    let tail = &output.stderr[output.stderr.len().saturating_sub(400)..];
    BackupError::Tool { command: command.to_owned(), status, said: crate::etcd::shown(tail) }
}

/// Unpacks it, starts it, compares all keys. With `db`, the snapshot of the same member, on 3.x.
pub(super) async fn prove(
    request: &Request<'_>,
    release: &Release,
    dir: &Path,
    pulled: &Pulled,
    db: Option<&v3::Saved>,
) -> Result<(V2Content, Vec<Check>), BackupError> {
    let mut content = pulled.content();
    let Some(looks) = &pulled.looks else { return Ok((content, Vec::new())) };
    (request.progress)(Progress::Restoring);
    let data_dir = dir.join("trial-v2");
    archive::read(&dir.join(V2_ARCHIVE), Into::Folder(&data_dir)).await?;
    let mut size = pulled.size;
    if let Some(saved) = db {
        v3::place_db(dir, &data_dir, saved).await?;
        size = Bytes(size.0 + saved.content().size.0);
    }
    let network = Network::apart(release.listens_on).await;
    let trial = Trial::start(release, &data_dir, size, Start::ForceNewCluster { network: &network }).await?;
    (request.progress)(Progress::Comparing);
    let restored = trial.client.v2_tree(Consistency::Linearizable).await;
    trial.stop().await;
    let removed = tokio::fs::remove_dir_all(&data_dir).await;
    let restored = restored.map_err(BackupError::of_copy)?;
    removed.map_err(|error| BackupError::file(&data_dir, &error))?;
    let compared = v2_compare::compare(&looks.before, &looks.after, &restored)
        .map_err(|problem| BackupError::V2Differs { problem })?;
    let check = Check {
        what: "trial restore, all v2 keys and directories".to_owned(),
        result: format!(
            "{} as on the live cluster; {} changed meanwhile; {} expired; hidden ones cannot be listed; restored {}",
            compared.equal,
            compared.changed_meanwhile,
            compared.expired,
            network.describe()
        ),
    };
    content.keys = Some(restored.digest());
    Ok((content, vec![check]))
}

/// Where the raft snapshot in the backup is newer than the v3 snapshot, the two do not start together.
pub(super) fn fits(pulled: &Pulled, saved: &v3::Saved) -> Outcome<()> {
    match pulled.contents.snap_index {
        Some(index) if index > saved.applied => Outcome::Again("took a raft snapshot of its own in between"),
        _ => Outcome::Done(()),
    }
}

/// A file that is digested and counted as it is written.
struct Counted<'a> {
    file: tokio::fs::File,
    hash: sha2::Sha256,
    size: u64,
    told: u64,
    request: &'a Request<'a>,
}

impl<'a> Counted<'a> {
    async fn create(path: &Path, request: &'a Request<'a>) -> Result<Self, BackupError> {
        let file = folder::create_file(path).await?;
        Ok(Self { file, hash: sha2::Sha256::new(), size: 0, told: 0, request })
    }

    async fn finish(mut self, path: &Path) -> Result<(Bytes, Sha256), BackupError> {
        let wrong = |error: std::io::Error| BackupError::file(path, &error);
        self.file.flush().await.map_err(wrong)?;
        self.file.sync_all().await.map_err(wrong)?;
        (self.request.progress)(Progress::V2 { done: Bytes(self.size) });
        Ok((Bytes(self.size), Sha256(self.hash.finalize().into())))
    }
}

impl AsyncWrite for Counted<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.file).poll_write(cx, bytes))?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        if self.size >= self.told + STEP {
            self.told = self.size;
            (self.request.progress)(Progress::V2 { done: Bytes(self.size) });
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}
