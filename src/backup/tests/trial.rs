//! The trial itself: it ends with whoever started it, shows its log, and dials nobody.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::network::Network;
use super::super::trial::{Release, Start, Trial};
use super::super::*;
use super::{Api, listens_on, version_of, write};
use crate::etcd::Consistency;
use crate::etcd::testing::{RealMember, eventually, release, serve};

/// Process ids of everything that has this text in its arguments, ourselves excepted.
fn processes_with(text: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| {
            let args = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            args.windows(text.len()).any(|part| part == text.as_bytes())
        })
        .collect()
}

#[tokio::test]
async fn a_trial_ends_with_whoever_started_it() {
    let Some(tools) = release("3.2.32") else { return };
    let root = tempfile::tempdir().unwrap();
    let data_dir = root.path().join("data");
    let version = version_of(&tools);
    let listens_on = listens_on(&version);
    let tools = Tools { version: &version, host_etcdctl: None, local_release_dir: &tools, listens_on, login: None };
    let found = Release::find(&tools).await.unwrap();
    let marker = data_dir.to_str().unwrap().to_owned();
    let trial = Trial::start(&found, &data_dir, Bytes(0), Start::Plain).await.unwrap();
    assert_eq!(processes_with(&marker).len(), 3, "keeper, its watch, and etcd");
    // Not stopped: as when the controller is killed, all that happens is that its ends of the pipes close.
    drop(trial);
    eventually("gone", Duration::from_secs(10), || async {
        let left = processes_with(&marker);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    let trial = Trial::start(&found, &data_dir, Bytes(0), Start::Plain).await.unwrap();
    trial.stop().await;
    assert!(processes_with(&marker).is_empty());
}

#[tokio::test]
async fn a_trial_that_does_not_start_shows_its_log() {
    let Some(tools) = release("3.2.32") else { return };
    let root = tempfile::tempdir().unwrap();
    let data_dir = root.path().join("data");
    std::fs::create_dir_all(data_dir.join("member/wal")).unwrap();
    std::fs::write(data_dir.join("member/wal/0000000000000000-0000000000000000.wal"), "no log").unwrap();
    let version = version_of(&tools);
    let listens_on = listens_on(&version);
    let tools = Tools { version: &version, host_etcdctl: None, local_release_dir: &tools, listens_on, login: None };
    let found = Release::find(&tools).await.unwrap();
    let Err(error) = Trial::start(&found, &data_dir, Bytes(0), Start::Plain).await else { panic!("it started") };
    let text = error.to_string();
    assert!(matches!(&error, BackupError::TrialStart { .. }), "{text}");
    assert!(text.contains("it ended (exit status: ") && text.lines().count() > 2, "{text}");
}

/// How often somebody dials a peer that a member remembers.
struct OldPeer {
    url: String,
    dialed: Arc<AtomicU64>,
}

impl OldPeer {
    async fn listen() -> Self {
        let dialed = Arc::new(AtomicU64::new(0));
        let count = dialed.clone();
        let port = serve(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        })
        .await;
        Self { url: format!("http://127.0.0.1:{port}"), dialed }
    }

    fn dialed(&self) -> u64 {
        self.dialed.load(Ordering::SeqCst)
    }
}

/// A v2 backup of a member of a cluster that has `peer` as its second member.
async fn backup_that_remembers(tools: &Path, peer: &OldPeer, into: &Path) {
    let mut member = RealMember::start(tools, &[]).await;
    write(&member.client(), Api::V2, "key", 1).await;
    let endpoint = format!("http://127.0.0.1:{}", member.place.client_port);
    let etcdctl = |args: &[&str]| {
        let mut command = std::process::Command::new(tools.join("etcdctl"));
        let output = command.env("ETCDCTL_API", "2").args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    etcdctl(&["--endpoint", &endpoint, "member", "add", "m2", &peer.url]);
    eventually("the live member dials its new peer", Duration::from_secs(30), || {
        std::future::ready(if peer.dialed() > 0 { Ok(()) } else { Err("not yet") })
    })
    .await;
    member.kill();
    let data_dir = member.place.data_dir.to_str().unwrap();
    etcdctl(&["backup", "--data-dir", data_dir, "--backup-dir", into.to_str().unwrap()]);
}

/// Most copies that are started to see one dial its old peers.
const CONTROLS: usize = 8;

async fn dials_nobody(tools: &str) {
    let Some(tools) = release(tools) else { return };
    let (version, root, peer) = (version_of(&tools), tempfile::tempdir().unwrap(), OldPeer::listen().await);
    let listens_on = listens_on(&version);
    let network = Network::apart(listens_on).await;
    if let Network::Shared { why } = &network {
        println!("skipped: no network of its own can be had here: {why}");
        return;
    }
    let places = [root.path().join("apart"), root.path().join("shared")];
    backup_that_remembers(&tools, &peer, &places[0]).await;
    let copied = std::process::Command::new("cp").arg("-a").args(&places).status().unwrap();
    assert!(copied.success());
    let found = Tools { version: &version, host_etcdctl: None, local_release_dir: &tools, listens_on, login: None };
    let found = Release::find(&found).await.unwrap();
    let before = peer.dialed();
    let trial = Trial::start(&found, &places[0], Bytes(0), Start::ForceNewCluster { network: &network }).await.unwrap();
    assert_eq!(trial.client.v2_tree(Consistency::Linearizable).await.unwrap().digest().keys, 1);
    trial.stop().await;
    assert_eq!(peer.dialed(), before, "a copy in a network of its own reached its old peer");
    // The control: the same copy in the network of this machine does dial it. It has but a moment for that, so it may take
    // more than one.
    let network = Network::Shared { why: "the control".to_owned() };
    for _ in 0..CONTROLS {
        let copy = root.path().join("control");
        assert!(std::process::Command::new("cp").arg("-a").args([&places[1], &copy]).status().unwrap().success());
        let trial = Trial::start(&found, &copy, Bytes(0), Start::ForceNewCluster { network: &network }).await.unwrap();
        trial.stop().await;
        std::fs::remove_dir_all(&copy).unwrap();
        if peer.dialed() > before {
            return;
        }
    }
    panic!("the control dialed nobody: this test proves nothing");
}

#[tokio::test]
async fn a_restored_copy_of_2_2_dials_no_old_peer() {
    dials_nobody("2.2.5").await;
}

#[tokio::test]
async fn a_restored_copy_of_3_2_dials_no_old_peer() {
    dials_nobody("3.2.32").await;
}
