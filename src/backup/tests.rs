//! Backups of real etcd members that are written to all the while. Needs `QUORATE_TEST_ETCD`; skipped without it.

mod refused;
mod trial;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use super::*;
use crate::etcd::snapshot::SnapshotFileError;
use crate::etcd::testing::{RealMember, release};
use crate::spec::model::{Become, Connection};

/// A member, and everything a request needs besides.
static NONE: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();

struct Scene {
    member: RealMember,
    client: Client,
    host: Host,
    root: tempfile::TempDir,
    dir: PathBuf,
    release_dir: PathBuf,
    host_etcdctl: PathBuf,
    tools: Version,
    cluster: ClusterName,
    name: MemberName,
    cluster_id: ClusterId,
}

fn version_of(dir: &Path) -> Version {
    dir.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

impl Scene {
    async fn new(live: &Path, tools: &Path, options: &[&str]) -> Self {
        let member = RealMember::start(live, options).await;
        let client = member.client();
        let cluster_id = client.v2_status().await.map(|status| status.cluster_id);
        let cluster_id = match cluster_id {
            Ok(id) => id,
            Err(_) => client.status().await.unwrap().cluster_id,
        };
        let local = Connection::Local { become_: Become::No };
        let host = Host::connect(&local, Path::new("/nonexistent")).await.unwrap();
        let root = tempfile::tempdir().unwrap();
        Self {
            member,
            client,
            host,
            dir: root.path().join("backups"),
            root,
            release_dir: tools.to_owned(),
            host_etcdctl: tools.join("etcdctl"),
            tools: version_of(tools),
            cluster: "prod".parse().unwrap(),
            name: "m1".parse().unwrap(),
            cluster_id,
        }
    }

    async fn take<'a>(&'a self, id: &'a str, change: impl FnOnce(&mut Request<'a>)) -> Result<Taken, BackupError> {
        let mut request = Request {
            cluster: &self.cluster,
            id,
            dir: &self.dir,
            keep: 3,
            needed: &NONE,
            verify: Verify::Restore,
            source: Source { name: &self.name, host: &self.host, client: &self.client, cluster_id: self.cluster_id },
            v3: Some(V3Part { not_older_than: None, compare: V3Compare::Digest }),
            v2: None,
            tools: Tools {
                version: &self.tools,
                host_etcdctl: self.host_etcdctl.to_str(),
                local_release_dir: &self.release_dir,
                listens_on: listens_on(&self.tools),
                login: None,
            },
            now: OffsetDateTime::UNIX_EPOCH,
            progress: &|_| {},
        };
        change(&mut request);
        let taken = take(&request).await?;
        manifest::as_its_schema_says(&taken.path);
        Ok(taken)
    }

    fn nothing_is_left(&self) {
        let left: Vec<_> = std::fs::read_dir(&self.dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Writes unique keys until it is told to stop; returns how many were acknowledged.
struct Writer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Api {
    V2,
    V3,
}

impl Writer {
    fn start(client: &Client, api: Api) -> Self {
        let (stop, client) = (Arc::new(AtomicBool::new(false)), client.clone());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                write(&client, api, "busy", count).await;
                // One key that changes all the time, besides the unique ones.
                write(&client, api, "same", 0).await;
                count += 1;
            }
            count
        });
        Self { stop, task }
    }

    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn write(client: &Client, api: Api, name: &str, number: u64) {
    let value = format!("value-{number}");
    match api {
        Api::V2 => client.v2_put(&format!("/app/{name}-{number}"), &value).await.unwrap(),
        Api::V3 => drop(client.put(format!("{name}-{number}").as_bytes(), value.as_bytes()).await.unwrap()),
    }
}

fn files(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            entry.file_name().into_string().unwrap()
        })
        .collect();
    names.sort();
    names
}

async fn backs_up_v3(live: &str, tools: &str, compare: V3Compare, expected: &str) {
    let (Some(live), Some(tools)) = (release(live), release(tools)) else { return };
    let scene = Scene::new(&live, &tools, &[]).await;
    for number in 0..200 {
        write(&scene.client, Api::V3, "key", number).await;
    }
    let wanted = scene.client.linearizable_read().await.unwrap();
    let writer = Writer::start(&scene.client, Api::V3);
    let part = V3Part { not_older_than: Some(wanted), compare };
    let taken = scene.take("b1", |request| request.v3 = Some(part)).await.unwrap();
    let written = writer.stop().await;
    assert!(written > 0);
    let v3 = taken.manifest.v3.as_ref().unwrap();
    assert!(v3.revision >= wanted);
    assert_eq!(files(&taken.path), ["manifest.json", "manifest.json.sha256", "snapshot.db"]);
    assert_eq!(std::fs::metadata(&taken.path).unwrap().permissions().mode() & 0o777, 0o700);
    let checks: Vec<_> = taken.manifest.checks.iter().map(ToString::to_string).collect();
    assert!(
        checks.iter().any(|check| check.contains(expected) && check.contains("as on the live cluster")),
        "{checks:?}"
    );
    println!("{checks:#?} in {} ms", taken.manifest.duration_ms);

    let kept = list(&scene.dir).unwrap().complete.remove(0);
    assert_eq!(kept.manifest, taken.manifest);
    verify_stored(&kept).await.unwrap();
    let file = taken.path.join("snapshot.db");
    let mut content = std::fs::read(&file).unwrap();
    content[12_345] ^= 4;
    std::fs::write(&file, content).unwrap();
    let error = verify_stored(&kept).await.unwrap_err();
    assert!(matches!(error, BackupError::SnapshotFile(SnapshotFileError::Damaged { .. })), "{error}");
}

#[tokio::test]
async fn v3_of_3_1_restored_under_3_2_by_a_digest_of_all_keys() {
    backs_up_v3("3.1.20", "3.2.32", V3Compare::Digest, "all keys at revision").await;
}

#[tokio::test]
async fn v3_of_3_3_restored_under_3_4_by_hash_kv() {
    backs_up_v3("3.3.27", "3.4.23", V3Compare::HashKv, "HashKV at revision").await;
}

#[tokio::test]
async fn v3_of_3_5_restored_under_3_6_by_etcdutl() {
    backs_up_v3("3.5.33", "3.6.14", V3Compare::HashKv, "HashKV at revision").await;
}

#[tokio::test]
async fn where_one_side_has_no_hash_kv_all_keys_are_read() {
    backs_up_v3("3.2.32", "3.2.32", V3Compare::HashKv, "all keys at revision").await;
}

async fn backs_up_v2(live: &str, tools: &str, with_snap: bool) {
    let (Some(live), Some(tools)) = (release(live), release(tools)) else { return };
    let snapshot_count = if with_snap { "1500" } else { "100000" };
    let scene = Scene::new(&live, &tools, &["--snapshot-count", snapshot_count]).await;
    for number in 0..if with_snap { 1600 } else { 100 } {
        write(&scene.client, Api::V2, "key", number).await;
    }
    let data_dir = scene.member.place.data_dir.to_str().unwrap();
    let writer = Writer::start(&scene.client, Api::V2);
    let part = V2Part { data_dir, wal_dir: None };
    let taken = scene
        .take("b1", |request| {
            request.v3 = None;
            request.v2 = Some(part);
        })
        .await
        .unwrap();
    assert!(writer.stop().await > 0);
    let v2 = taken.manifest.v2.as_ref().unwrap();
    assert_eq!(v2.snap_index.is_some(), with_snap);
    assert_eq!(files(&taken.path), ["manifest.json", "manifest.json.sha256", "v2.tar.gz"]);
    assert!(v2.keys.as_ref().unwrap().keys >= if with_snap { 1600 } else { 100 });
    println!("{:#?}", taken.manifest.checks);
    let kept = list(&scene.dir).unwrap().complete.remove(0);
    verify_stored(&kept).await.unwrap();
    let file = taken.path.join("v2.tar.gz");
    let mut content = std::fs::read(&file).unwrap();
    content.pop();
    std::fs::write(&file, content).unwrap();
    assert!(verify_stored(&kept).await.unwrap_err().to_string().contains("damaged"));
}

#[tokio::test]
async fn v2_of_2_1_restored_under_2_2() {
    backs_up_v2("2.1.1", "2.2.5", false).await;
}

#[tokio::test]
async fn v2_of_2_1_with_a_raft_snapshot() {
    backs_up_v2("2.1.1", "2.2.5", true).await;
}

#[tokio::test]
async fn v2_of_2_2_restored_under_2_3() {
    backs_up_v2("2.2.5", "2.3.8", true).await;
}

/// Both key spaces of a member with a raft snapshot: without the db, what is restored would panic at its start.
async fn backs_up_both(live: &str, tools: &str, v3_keys: u64, busy: Api) {
    let (Some(live), Some(tools)) = (release(live), release(tools)) else { return };
    let scene = Scene::new(&live, &tools, &["--snapshot-count", "3000"]).await;
    for number in 0..3100 {
        write(&scene.client, Api::V2, "key", number).await;
    }
    for number in 0..v3_keys {
        write(&scene.client, Api::V3, "key", number).await;
    }
    let data_dir = scene.member.place.data_dir.to_str().unwrap();
    let writer = Writer::start(&scene.client, busy);
    let taken = scene.take("b1", |request| request.v2 = Some(V2Part { data_dir, wal_dir: None })).await.unwrap();
    assert!(writer.stop().await > 0);
    assert_eq!(files(&taken.path), ["manifest.json", "manifest.json.sha256", "snapshot.db", "v2.tar.gz"]);
    let (v2, v3) = (taken.manifest.v2.unwrap(), taken.manifest.v3.unwrap());
    assert!(v2.snap_index.is_some());
    assert!(v2.keys.unwrap().keys >= 3100 && v3.keys.unwrap().keys >= v3_keys);
    println!("{:#?}", taken.manifest.checks);
}

#[tokio::test]
async fn both_of_3_1_without_v3_keys() {
    backs_up_both("3.1.20", "3.2.32", 0, Api::V2).await;
}

#[tokio::test]
async fn both_of_3_1_with_v3_keys() {
    backs_up_both("3.1.20", "3.2.32", 50, Api::V3).await;
}

/// From 3.3 on etcdctl puts a database into a v2 backup.
#[tokio::test]
async fn both_of_3_2_with_the_tools_of_3_3() {
    backs_up_both("3.2.32", "3.3.27", 50, Api::V2).await;
}

#[tokio::test]
async fn a_log_folder_of_its_own() {
    let (Some(live), Some(tools)) = (release("2.2.5"), release("2.2.5")) else { return };
    let wal = tempfile::tempdir().unwrap();
    let wal_dir = wal.path().join("wal");
    let wal_dir = wal_dir.to_str().unwrap();
    let scene = Scene::new(&live, &tools, &["--wal-dir", wal_dir]).await;
    write(&scene.client, Api::V2, "key", 1).await;
    let data_dir = scene.member.place.data_dir.to_str().unwrap();
    let taken = scene
        .take("b1", |request| {
            request.v3 = None;
            request.v2 = Some(V2Part { data_dir, wal_dir: Some(wal_dir) });
        })
        .await
        .unwrap();
    assert_eq!(taken.manifest.v2.unwrap().keys.unwrap().keys, 1);
}

#[tokio::test]
async fn a_raft_snapshot_in_between_is_noticed() {
    let (Some(live), Some(tools)) = (release("3.1.20"), release("3.2.32")) else { return };
    let scene = Scene::new(&live, &tools, &["--snapshot-count", "5"]).await;
    for number in 0..20 {
        write(&scene.client, Api::V2, "key", number).await;
    }
    let data_dir = scene.member.place.data_dir.to_str().unwrap();
    let writer = Writer::start(&scene.client, Api::V2);
    let result = scene.take("b1", |request| request.v2 = Some(V2Part { data_dir, wal_dir: None })).await;
    writer.stop().await;
    let error = result.unwrap_err();
    assert!(matches!(&error, BackupError::TooBusy { attempts: 3, .. }), "{error}");
    scene.nothing_is_left();
}

#[tokio::test]
async fn by_hash_alone_no_release_is_needed_and_older_ones_are_pruned() {
    let Some(live) = release("3.1.20") else { return };
    let mut scene = Scene::new(&live, &live, &[]).await;
    scene.release_dir = "/nowhere".into();
    write(&scene.client, Api::V3, "key", 1).await;
    for (id, seconds) in [("b1", 0), ("b2", 5), ("b3", 10)] {
        let taken = scene
            .take(id, |request| {
                request.verify = Verify::Hash;
                request.keep = 2;
                request.now += time::Duration::seconds(seconds);
            })
            .await
            .unwrap();
        assert_eq!(taken.pruned, if id == "b3" { vec!["b1".to_owned()] } else { Vec::new() });
        assert_eq!(taken.manifest.v3.unwrap().keys, None);
    }
    let again = scene.take("b3", |request| request.verify = Verify::Hash).await.unwrap_err();
    assert!(matches!(again, BackupError::AlreadyThere { .. }), "{again}");
}

fn listens_on(version: &Version) -> TrialListens {
    let knowledge = crate::knowledge::Knowledge::embedded().unwrap();
    if knowledge.features(version).has(crate::knowledge::Feature::UnixClientSockets) {
        TrialListens::UnixSocket
    } else {
        TrialListens::Loopback
    }
}
