//! Snapshots of the v3 key space: streamed from a member, and checked as files.
//!
//! A snapshot is the member's bbolt file and, after it, the SHA-256 of it: so its size is 32 more than a multiple of
//! 512. Files come back from disks and people later on, so each way of being wrong has its own error.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::Digest as _;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::client::Client;
use super::error::EtcdError;
use super::grpc::{self, pb};
use super::stream::Fault;
use super::v3::origin;
use crate::units::{Bytes, Sha256};

/// The digest at the end.
const TRAILER: usize = 32;
/// bbolt writes whole sectors.
const SECTOR: u64 = 512;
/// What must arrive within each window of a stream, unless it ends.
const LEAST_PROGRESS: Bytes = Bytes(16 * 1024);
/// The file must hold at least its two meta pages.
const SMALLEST: u64 = 2 * 1024;
pub(super) const CALL: &str = "Snapshot";

/// What a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SnapshotFacts {
    /// With the digest at its end.
    pub size: Bytes,
    /// Of the database: what stands at the end of the file.
    pub sha256: Sha256,
}

/// Why a file is not a good snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFileError {
    #[error("{path}: cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("{path}: {size} bytes are too few for a snapshot")]
    TooSmall { path: PathBuf, size: u64 },
    #[error(
        "{path}: no digest at its end ({size} bytes, a multiple of {SECTOR}): a copied database file, not a saved snapshot"
    )]
    NoDigest { path: PathBuf, size: u64 },
    #[error(
        "{path}: cut short, or more was written to it: {size} bytes are not whole sectors of {SECTOR} bytes and a digest of {TRAILER}"
    )]
    Cut { path: PathBuf, size: u64 },
    #[error("{path}: not what etcd sent: the digest at its end is {told}, its content has {computed}")]
    Damaged { path: PathBuf, told: Sha256, computed: Sha256 },
    #[error("{path}: whole, but its content is not a bbolt database")]
    NotADatabase { path: PathBuf },
    #[error("{path}: a good snapshot, but another one: its digest is {found}, {expected} was recorded")]
    AnotherSnapshot { path: PathBuf, found: Sha256, expected: Sha256 },
}

/// Digests a snapshot as it comes, in pieces of any size, holding the last 32 bytes back.
#[derive(Default)]
struct Trailed {
    hash: sha2::Sha256,
    held: Vec<u8>,
    size: u64,
}

impl Trailed {
    fn take(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        self.held.extend_from_slice(piece);
        let sure = self.held.len().saturating_sub(TRAILER);
        self.hash.update(&self.held[..sure]);
        self.held.drain(..sure);
    }

    /// The digest that was told (`None`: not even 32 bytes came) and the one that was computed.
    fn finish(self) -> (Option<Sha256>, Sha256) {
        let told = <[u8; TRAILER]>::try_from(self.held.as_slice()).ok().map(Sha256);
        (told, Sha256(self.hash.finalize().into()))
    }
}

/// Notices a stream that goes too slowly to ever end.
pub(super) struct Pace {
    window: Duration,
    since: Instant,
    received: u64,
}

impl Pace {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, since: Instant::now(), received: 0 }
    }

    pub(super) fn took(&mut self, bytes: usize) {
        self.received += bytes as u64;
        if self.received >= LEAST_PROGRESS.0 {
            self.received = 0;
            self.since = Instant::now();
        }
    }

    pub(super) async fn bound<T>(
        &self,
        endpoint: &str,
        request: &str,
        next: impl Future<Output = T>,
    ) -> Result<T, EtcdError> {
        tokio::time::timeout_at(self.since + self.window, next).await.map_err(|_| EtcdError::Stalled {
            endpoint: endpoint.to_owned(),
            request: request.to_owned(),
            received: Bytes(self.received),
            least: LEAST_PROGRESS,
            window: self.window,
        })
    }
}

/// Called with the bytes so far and the size that the member announced.
pub type SnapshotProgress<'a> = &'a (dyn Fn(Bytes, Bytes) + Send + Sync);

impl Client {
    /// Streams a snapshot into `sink`, and checks size and digest. On an error `sink` holds something useless.
    pub async fn snapshot(
        &self,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        progress: SnapshotProgress<'_>,
    ) -> Result<SnapshotFacts, EtcdError> {
        let endpoint = &self.inner.endpoint;
        let (mut stream, fault) = self.begin_snapshot().await?;
        let sink_error = |error: std::io::Error| EtcdError::Sink {
            endpoint: endpoint.label.clone(),
            request: CALL.to_owned(),
            reason: error.to_string(),
        };
        let mut pace = Pace::new(endpoint.deadline);
        let mut trailed = Trailed::default();
        let mut announced = None;
        while let Some(piece) = pace
            .bound(&endpoint.label, CALL, stream.message())
            .await?
            .map_err(|status| grpc::explain(endpoint, &fault, CALL, &status))?
        {
            let total = announced.get_or_insert_with(|| {
                piece.remaining_bytes.saturating_add(piece.blob.len() as u64).saturating_add(TRAILER as u64)
            });
            pace.took(piece.blob.len());
            trailed.take(&piece.blob);
            if trailed.size > *total {
                return Err(self.not_whole(format!("{} bytes were announced, {} came", total, trailed.size)));
            }
            sink.write_all(&piece.blob).await.map_err(sink_error)?;
            progress(Bytes(trailed.size), Bytes(*total));
        }
        sink.flush().await.map_err(sink_error)?;
        self.judge(trailed, announced.unwrap_or(0))
    }

    pub(super) async fn begin_snapshot(&self) -> Result<(tonic::Streaming<pb::SnapshotResponse>, Fault), EtcdError> {
        self.begin(CALL, pb::SnapshotRequest {}, self.inner.endpoint.deadline, |channel, request| async move {
            pb::maintenance_client::MaintenanceClient::with_origin(channel, origin()).snapshot(request).await
        })
        .await
    }

    fn judge(&self, trailed: Trailed, announced: u64) -> Result<SnapshotFacts, EtcdError> {
        let size = trailed.size;
        if size != announced {
            return Err(self.not_whole(format!("{announced} bytes were announced, {size} came")));
        }
        if size < SMALLEST || size % SECTOR != TRAILER as u64 {
            return Err(self.not_whole(format!("{size} bytes are no database and a digest")));
        }
        match trailed.finish() {
            (Some(told), computed) if told == computed => Ok(SnapshotFacts { size: Bytes(size), sha256: told }),
            (told, computed) => {
                let told = told.map_or_else(|| "missing".to_owned(), |told| told.to_string());
                Err(self.not_whole(format!("the digest that etcd sent is {told}, what came has {computed}")))
            }
        }
    }

    fn not_whole(&self, problem: String) -> EtcdError {
        let (endpoint, request) = (self.inner.endpoint.label.clone(), CALL.to_owned());
        EtcdError::Snapshot { endpoint, request, problem }
    }
}

/// Reads a snapshot file from end to end. `expected` is the digest that was recorded when it was taken, if known.
pub async fn verify(path: &Path, expected: Option<Sha256>) -> Result<SnapshotFacts, SnapshotFileError> {
    let unreadable =
        |error: std::io::Error| SnapshotFileError::Unreadable { path: path.to_owned(), reason: error.to_string() };
    let path = path.to_owned();
    let mut file = tokio::fs::File::open(&path).await.map_err(unreadable)?;
    let size = file.metadata().await.map_err(unreadable)?.len();
    if size < SMALLEST {
        return Err(SnapshotFileError::TooSmall { path, size });
    }
    match size % SECTOR {
        0 => return Err(SnapshotFileError::NoDigest { path, size }),
        rest if rest == TRAILER as u64 => {}
        _ => return Err(SnapshotFileError::Cut { path, size }),
    }
    let mut trailed = Trailed::default();
    let mut head = Vec::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut piece).await.map_err(unreadable)?;
        if read == 0 {
            break;
        }
        if head.is_empty() {
            head.extend_from_slice(&piece[..read.min(64)]);
        }
        trailed.take(&piece[..read]);
    }
    if trailed.size != size {
        return Err(SnapshotFileError::Cut { path, size: trailed.size });
    }
    let (told, computed) = trailed.finish();
    let told = told.unwrap_or(Sha256([0; 32]));
    if told != computed {
        return Err(SnapshotFileError::Damaged { path, told, computed });
    }
    if !is_bbolt(&head) {
        return Err(SnapshotFileError::NotADatabase { path });
    }
    match expected {
        Some(expected) if expected != told => Err(SnapshotFileError::AnotherSnapshot { path, found: told, expected }),
        _ => Ok(SnapshotFacts { size: Bytes(size), sha256: told }),
    }
}

/// bbolt's first page: 16 bytes of page header, then the magic number in the byte order of the member's machine.
fn is_bbolt(head: &[u8]) -> bool {
    const MAGIC: u32 = 0xED0C_DAED;
    let Some(magic) = head.get(16..20).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()) else { return false };
    u32::from_le_bytes(magic) == MAGIC || u32::from_be_bytes(magic) == MAGIC
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole_snapshot() -> Vec<u8> {
        let mut content = vec![7u8; 8192];
        content[16..20].copy_from_slice(&0xED0C_DAEDu32.to_le_bytes());
        let digest = sha2::Sha256::digest(&content);
        content.extend_from_slice(&digest);
        content
    }

    async fn judge(content: &[u8], expected: Option<Sha256>) -> Result<SnapshotFacts, SnapshotFileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snapshot.db");
        std::fs::write(&path, content).unwrap();
        verify(&path, expected).await
    }

    #[tokio::test]
    async fn each_kind_of_damage_has_its_own_error() {
        let good = whole_snapshot();
        let facts = judge(&good, None).await.unwrap();
        assert_eq!(facts.size, Bytes(8192 + 32));

        let mut flipped = good.clone();
        flipped[5000] ^= 1;
        assert!(matches!(judge(&flipped, None).await, Err(SnapshotFileError::Damaged { .. })));
        let mut wrong_digest = good.clone();
        wrong_digest[8192] ^= 1;
        assert!(matches!(judge(&wrong_digest, None).await, Err(SnapshotFileError::Damaged { .. })));
        assert!(matches!(judge(&good[..8000], None).await, Err(SnapshotFileError::Cut { .. })));
        assert!(matches!(judge(&good[..8192], None).await, Err(SnapshotFileError::NoDigest { .. })));
        assert!(matches!(judge(&good[..4096 + 32], None).await, Err(SnapshotFileError::Damaged { .. })));
        assert!(matches!(judge(&[], None).await, Err(SnapshotFileError::TooSmall { .. })));
        let other = Some(Sha256([1; 32]));
        assert!(matches!(judge(&good, other).await, Err(SnapshotFileError::AnotherSnapshot { .. })));

        let mut text = vec![b'x'; 4096];
        let digest = sha2::Sha256::digest(&text);
        text.extend_from_slice(&digest);
        assert!(matches!(judge(&text, None).await, Err(SnapshotFileError::NotADatabase { .. })));
        let nowhere = verify(Path::new("/nowhere/snapshot.db"), None).await;
        assert!(matches!(nowhere, Err(SnapshotFileError::Unreadable { .. })));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_digest(
            content in prop::collection::vec(any::<u8>(), 0..300),
            cuts in prop::collection::vec(1usize..50, 0..40),
        ) {
            let mut trailed = Trailed::default();
            let mut rest = content.as_slice();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                trailed.take(piece);
                rest = after;
            }
            trailed.take(rest);
            prop_assert_eq!(trailed.size, content.len() as u64);
            let (told, computed) = trailed.finish();
            let border = content.len().saturating_sub(TRAILER);
            let digest: [u8; 32] = sha2::Sha256::digest(&content[..border]).into();
            prop_assert_eq!(computed, Sha256(digest));
            prop_assert_eq!(told.is_some(), content.len() >= TRAILER);
            if let Some(told) = told {
                prop_assert_eq!(told.0.as_slice(), &content[border..]);
            }
        }
    }
}
