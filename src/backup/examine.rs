//! What a kept backup holds, found out by restoring it on trial with the release that it is to be restored to: nothing is
//! restored for good that does not start.

use std::path::Path;

use super::network::Network;
use super::open::Opened;
use super::trial::{Release, Start, Trial};
use super::{BackupError, Manifest, Tools, archive, v3};
use crate::etcd::{Consistency, KeyDigest, V2Tree};
use crate::observe::inventory::HashKv;
use crate::units::{Bytes, Revision};

/// What every restored member must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    pub v3: Option<ExaminedV3>,
    /// `None` also where there was no trial.
    pub v2: Option<V2Tree>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExaminedV3 {
    pub revision: Revision,
    /// Every key was read. `None` where there was no trial and the manifest has none.
    pub keys: Option<KeyDigest>,
    /// Of the restored copy, where the release has it.
    pub hash_kv: Option<HashKv>,
}

impl Examined {
    /// What its manifest says, without a trial.
    #[must_use]
    pub fn by_manifest(manifest: &Manifest) -> Self {
        let v3 = manifest.v3.as_ref();
        let v3 = v3.map(|v3| ExaminedV3 { revision: v3.revision, keys: v3.keys.clone(), hash_kv: None });
        Self { v3, v2: None }
    }
}

/// Restores it on trial in `scratch`.
pub async fn examine(opened: &Opened, tools: &Tools<'_>, scratch: &Path) -> Result<Examined, BackupError> {
    let release = Release::find(tools).await?;
    let place = tempfile::Builder::new()
        .prefix("examine-")
        .tempdir_in(scratch)
        .map_err(|error| BackupError::file(scratch, &error))?;
    let v3 = examine_v3(opened, &release, place.path()).await?;
    let v2 = examine_v2(opened, &release, place.path()).await?;
    Ok(Examined { v3, v2 })
}

async fn examine_v3(opened: &Opened, release: &Release, place: &Path) -> Result<Option<ExaminedV3>, BackupError> {
    let Some(snapshot) = &opened.snapshot else { return Ok(None) };
    let data_dir = place.join("v3");
    release.restore_snapshot(&snapshot.path, &data_dir, snapshot.size).await?;
    let trial = Trial::start(release, &data_dir, snapshot.size, Start::Plain).await?;
    let read = read_v3(&trial).await;
    trial.stop().await;
    let removed = tokio::fs::remove_dir_all(&data_dir).await;
    let examined = read?;
    removed.map_err(|error| BackupError::file(&data_dir, &error))?;
    let told = opened.kept.manifest.v3.as_ref();
    if let Some(keys) = told.and_then(|told| told.keys.as_ref())
        && Some((keys.keys, keys.digest)) != examined.keys.as_ref().map(|keys| (keys.keys, keys.digest))
    {
        let shown = |keys: &KeyDigest| format!("{} keys, digest {}", keys.keys, keys.digest.short());
        return Err(BackupError::Differs {
            what: "keys",
            restored: examined.keys.as_ref().map(shown).unwrap_or_default(),
            live: format!("{} when it was taken", shown(keys)),
        });
    }
    Ok(Some(examined))
}

async fn read_v3(trial: &Trial) -> Result<ExaminedV3, BackupError> {
    let revision = trial.client.status().await.map_err(BackupError::of_copy)?.revision;
    let keys = trial.client.digest_at(Some(revision)).await.map_err(BackupError::of_copy)?;
    let hash_kv = match trial.client.hash_kv(revision).await {
        Ok(hash) => Some(hash),
        Err(error) if error.is_unsupported() => None,
        Err(error) => return Err(BackupError::of_copy(error)),
    };
    Ok(ExaminedV3 { revision, keys: Some(keys), hash_kv })
}

async fn examine_v2(opened: &Opened, release: &Release, place: &Path) -> Result<Option<V2Tree>, BackupError> {
    let Some(packed) = &opened.v2_archive else { return Ok(None) };
    let data_dir = place.join("v2");
    let size = unpack(opened, &data_dir).await?;
    let network = Network::apart(release.listens_on).await;
    let trial =
        Trial::start(release, &data_dir, Bytes(size.0 + packed.size.0), Start::ForceNewCluster { network: &network })
            .await?;
    let read = trial.client.v2_tree(Consistency::Linearizable).await;
    trial.stop().await;
    let removed = tokio::fs::remove_dir_all(&data_dir).await;
    let tree = read.map_err(BackupError::of_copy)?;
    removed.map_err(|error| BackupError::file(&data_dir, &error))?;
    Ok(Some(tree))
}

/// The v2 backup as a data directory, with the database of the snapshot in it where there is one. Its size, about.
pub(super) async fn unpack(opened: &Opened, data_dir: &Path) -> Result<Bytes, BackupError> {
    let Some(packed) = &opened.v2_archive else { return Ok(Bytes::default()) };
    archive::read(&packed.path, archive::Into::Folder(data_dir)).await?;
    let mut size = packed.size;
    if let Some(snapshot) = &opened.snapshot {
        v3::copy_database(&snapshot.path, &data_dir.join("member/snap/db"), snapshot.size).await?;
        size = Bytes(size.0 + snapshot.size.0);
    }
    Ok(size)
}
