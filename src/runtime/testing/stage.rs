//! Staging, and the new binary's own flag parser.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

use super::{Bench, digest_of, program};
use crate::host::Sent;
use crate::runtime::*;
use crate::units::Version;

const NEW: Version = Version::new(3, 2, 32);

#[tokio::test]
async fn a_release_is_staged_once_and_its_digests_are_checked() {
    let bench = Bench::new().await;
    let programs: Vec<Program> = ["etcd", "etcdctl"]
        .into_iter()
        .map(|name| {
            let local = bench.path(&format!("cache/{name}"));
            let digest = program(&local, name);
            Program { name: name.into(), local, digest }
        })
        .collect();
    let sent = Mutex::new(Vec::new());
    let progress = |name: &str, _| sent.lock().unwrap().push(name.to_owned());
    let staged = stage(&bench.host, &bench.text("store"), &NEW, &programs, &progress).await.unwrap();
    assert!(staged.iter().all(|one| matches!(one.sent, Sent::Whole(_))), "{staged:?}");
    let paths: Vec<&str> = staged.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, [bench.text("store/3.2.32/etcd"), bench.text("store/3.2.32/etcdctl")]);
    assert!(sent.lock().unwrap().contains(&"etcdctl".to_owned()));
    assert_eq!(fs::metadata(paths[0]).unwrap().permissions().mode() & 0o7777, 0o755);
    // Again: it is there, nothing is sent, and nothing is said to be.
    sent.lock().unwrap().clear();
    let again = stage(&bench.host, &bench.text("store"), &NEW, &programs, &progress).await.unwrap();
    assert!(again.iter().all(|one| one.sent == Sent::AlreadyThere), "{again:?}");
    assert!(sent.lock().unwrap().is_empty());

    fs::write(paths[1], "broken").unwrap();
    let missing = bench.text("store/3.2.32/etcdutl");
    let digests = check_staged(&bench.host, &[paths[0], paths[1], &missing]).await.unwrap();
    assert_eq!(digests, [Some(programs[0].digest), Some(digest_of(paths[1].as_ref())), None]);
    assert_ne!(digests[1], Some(programs[1].digest));
}

fn try_out(bench: &Bench, script: &str, args: &[&str]) -> Preflight {
    let binary = bench.path("new/etcd");
    fs::create_dir_all(binary.parent().unwrap()).unwrap();
    fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    Preflight {
        binary: binary.to_str().unwrap().to_owned(),
        user: None,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        unsupported_arch: Some("arm64".into()),
        wanted: NEW,
    }
}

#[tokio::test]
async fn arguments_reach_the_new_binary_as_they_are_and_no_environment_of_ours_does() {
    let bench = Bench::new().await;
    let script =
        "for word; do echo \"<$word>\"; done >\"${0%/*}/args\"; env >\"${0%/*}/env\"; echo 'etcd Version: 3.2.32'";
    let hostile = ["--name=a b", "--data-dir", "/x$(id)`id`;*", "'\"\\", "", "-x"];
    let outcome = preflight(&bench.host, &try_out(&bench, script, &hostile)).await.unwrap();
    assert!(matches!(outcome, PreflightOutcome::Accepted { .. }), "{outcome:?}");
    let seen = fs::read_to_string(bench.path("new/args")).unwrap();
    let wanted: Vec<String> =
        ["--version"].iter().chain(&hostile).chain(&["--version"]).map(|word| format!("<{word}>")).collect();
    assert_eq!(seen.lines().collect::<Vec<_>>(), wanted);
    let environment = fs::read_to_string(bench.path("new/env")).unwrap();
    let etcd: Vec<_> = environment.lines().filter(|line| line.starts_with("ETCD")).collect();
    assert_eq!(etcd, ["ETCD_UNSUPPORTED_ARCH=arm64"]);
    assert!(!environment.contains("CARGO"));
}

// faults: H9
#[tokio::test]
async fn what_the_new_binary_refuses_or_cannot_do_is_told_apart() {
    let bench = Bench::new().await;
    let usage = "echo 'flag provided but not defined: -enable-v2' >&2; echo Usage: >&2; exit 2";
    let outcome = preflight(&bench.host, &try_out(&bench, usage, &["--enable-v2"])).await.unwrap();
    let complaint = "flag provided but not defined: -enable-v2".to_owned();
    assert_eq!(outcome, PreflightOutcome::Rejected { code: 2, complaint });

    let other = preflight(&bench.host, &try_out(&bench, "echo 'etcd Version: 3.2.31'", &[])).await.unwrap();
    assert_eq!(other, PreflightOutcome::WrongVersion { printed: "3.2.31".into() });

    let wrong_arch = try_out(&bench, "", &[]);
    fs::write(&wrong_arch.binary, b"\x7fELF not really").unwrap();
    let outcome = preflight(&bench.host, &wrong_arch).await.unwrap();
    assert!(matches!(outcome, PreflightOutcome::NotRunnable { .. }), "{outcome:?}");

    fs::set_permissions(&wrong_arch.binary, fs::Permissions::from_mode(0o644)).unwrap();
    let error = preflight(&bench.host, &wrong_arch).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::NotExecutable, .. }), "{error}");

    for arg in ["--version=false", "-version=0"] {
        let dangerous = try_out(&bench, "", &[arg]);
        assert!(matches!(preflight(&bench.host, &dangerous).await, Err(RuntimeError::Value { .. })));
    }
}

// faults: H2
#[tokio::test]
async fn a_file_system_without_execution_is_noticed() {
    if !super::is_root() {
        return; // mounting needs root
    }
    let bench = Bench::new().await;
    let small = super::SmallDisk::mount(&bench.path("small"), "1m,noexec");
    let mut wanted = try_out(&bench, "echo 'etcd Version: 3.2.32'", &[]);
    fs::copy(&wanted.binary, small.path.join("etcd")).unwrap();
    wanted.binary = small.path.join("etcd").to_str().unwrap().to_owned();
    match preflight(&bench.host, &wanted).await {
        Ok(PreflightOutcome::NotRunnable { said, .. }) => assert!(said.contains("Permission denied"), "{said}"),
        Err(RuntimeError::Refused { refusal: Refusal::NotExecutable, seen, .. }) => {
            assert!(seen.contains("noexec"), "{seen}")
        }
        other => panic!("{other:?}"),
    }
}
