//! The whole of what is done to one member, with real etcd as a plain process.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Bench, digest_of, until};
use crate::etcd::testing::free_port;
use crate::runtime::*;
use crate::spec::model::Runtime;
use crate::units::Version;

const LONG: Duration = Duration::from_secs(30);

/// The folder of VERSION/etcd that tests may use, if there is one.
pub(super) fn releases() -> Option<Vec<(Version, PathBuf)>> {
    let dir = std::env::var_os("QUORATE_TEST_ETCD")?;
    let mut found: Vec<(Version, PathBuf)> = std::fs::read_dir(dir)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let etcd = entry.path().join("etcd");
            etcd.is_file().then_some((version, etcd))
        })
        .collect();
    found.sort();
    Some(found)
}

pub(super) fn program(local: &Path) -> Program {
    Program { name: "etcd".into(), local: local.to_owned(), digest: digest_of(local) }
}

#[tokio::test]
async fn a_real_member_is_made_upgraded_and_taken_back() {
    let Some(releases) = releases() else {
        eprintln!("skipped: QUORATE_TEST_ETCD is not set");
        return;
    };
    for pair in releases.windows(2) {
        upgrade_one(&pair[0], &pair[1]).await;
    }
}

async fn upgrade_one((old_version, old): &(Version, PathBuf), (new_version, new): &(Version, PathBuf)) {
    let bench = Bench::new().await;
    let runtime = Runtime::Process(bench.runtime());
    let store = store_dir(&runtime).unwrap();
    let quiet = |_: &str, _| {};
    stage(&bench.host, &store, old_version, &[program(old)], &quiet).await.unwrap();
    stage(&bench.host, &store, new_version, &[program(new)], &quiet).await.unwrap();
    let (client, peer) = (free_port(), free_port());
    let url = |port: u16| vec![format!("http://127.0.0.1:{port}")];
    let spec = CreateSpec {
        name: "m1".parse().unwrap(),
        runtime,
        version: old_version.clone(),
        data_dir: None,
        listen_client_urls: url(client),
        advertise_client_urls: url(client),
        listen_peer_urls: url(peer),
        advertise_peer_urls: url(peer),
        initial_cluster: vec![("m1".parse().unwrap(), url(peer).remove(0))],
        token: "runtime-test".into(),
        settings: BTreeMap::new(),
        environment: BTreeMap::new(),
        unit_template: None,
    };
    let site = create(&bench.host, &spec, &Templates::default()).await.unwrap();
    let staged = staged_path(&store, new_version, "etcd");

    let mut try_out = Preflight {
        binary: staged.clone(),
        user: None,
        args: member_args(&spec).unwrap(),
        unsupported_arch: None,
        wanted: new_version.clone(),
    };
    let accepted = preflight(&bench.host, &try_out).await.unwrap();
    assert!(matches!(accepted, PreflightOutcome::Accepted { .. }), "{new_version}: {accepted:?}");
    try_out.args.push("--no-such-flag=1".into());
    let rejected = preflight(&bench.host, &try_out).await.unwrap();
    assert!(
        matches!(&rejected, PreflightOutcome::Rejected { code: 2, complaint } if complaint.contains("no-such-flag")),
        "{new_version}: {rejected:?}"
    );

    begin(&bench, &site, client).await;
    let error = copy_data_dir(&bench.host, &site, &request(old_version), LONG).await.unwrap_err();
    assert!(
        matches!(error, RuntimeError::Refused { refusal: Refusal::Busy, .. }),
        "{old_version} holds its data: {error}"
    );

    let (old_digest, new_digest) = (digest_of(old), digest_of(new));
    let kept = keep_binary(&bench.host, &site.binary, old_digest, &store, old_version).await.unwrap();
    assert!(!kept.copied, "it is staged already");
    let swap = Swap::to_staged(&site.binary, &staged, old_digest, new_digest);
    let prepared = prepare_swap(&bench.host, &swap, None).await.unwrap();

    let began = Instant::now();
    end(&bench, &site).await;
    let gone = began.elapsed();
    commit_swap(&bench.host, &prepared).await.unwrap();
    let swapped = began.elapsed();
    let outcome = start(&bench.host, &site, Duration::ZERO).await.unwrap();
    assert!(matches!(outcome, StartOutcome::Running(_)), "{new_version}: {outcome:?}");
    let started = began.elapsed();
    eprintln!("{old_version} -> {new_version}: gone {gone:?}, swapped {swapped:?}, started {started:?}");
    reachable(client).await;
    assert_runs(&bench, &site, new).await;

    end(&bench, &site).await;
    let point = copy_data_dir(&bench.host, &site, &request(new_version), LONG).await.unwrap();
    eprintln!("copy of {} in {:?}", point.size, point.took);
    let back =
        SwapBack { path: site.binary.clone(), kept: kept.path, old_target: None, old: old_digest, new: new_digest };
    swap_back(&bench.host, &back).await.unwrap();
    assert_eq!(digest_of(site.binary.as_ref()), old_digest);
    remove_created(&bench.host, &site).await.unwrap();
}

fn request(version: &Version) -> CopyRequest {
    CopyRequest {
        member: "m1".parse().unwrap(),
        run: "r1".into(),
        version: version.clone(),
        raft_index: None,
        cluster_id: None,
        taken_at: "2026-01-02T03:04:05Z".into(),
    }
}

async fn begin(bench: &Bench, site: &Site, client: u16) {
    let outcome = start(&bench.host, site, Duration::ZERO).await.unwrap();
    assert!(matches!(outcome, StartOutcome::Running(_)), "{outcome:?}");
    reachable(client).await;
    // Some versions listen before they make their data.
    let wal = Path::new(&site.data_dir).join("member/wal");
    until("etcd has its data", async || std::fs::read_dir(&wal).ok()?.flatten().next()).await;
}

async fn reachable(client: u16) {
    let address = SocketAddr::from(([127, 0, 0, 1], client));
    until("etcd listens", async || TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()).await;
}

async fn end(bench: &Bench, site: &Site) {
    let outcome = stop(&bench.host, site, LONG, Room::Whatever).await.unwrap();
    assert!(matches!(outcome, StopOutcome::Stopped { exit: Some(exit), .. } if exit.is_clean()), "{outcome:?}");
}

async fn assert_runs(bench: &Bench, site: &Site, local: &Path) {
    let MemberNow::Running(now) = is_running(&bench.host, site, Digest::Compute).await.unwrap() else {
        panic!("it does not run")
    };
    assert_eq!(now.exe_sha256, Some(digest_of(local)));
    assert!(!now.exe_replaced);
}
