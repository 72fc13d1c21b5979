//! Rollback points.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use super::{Bench, digest_of, is_root};
use crate::runtime::*;
use crate::units::{Bytes, ClusterId, RaftIndex, Sha256, Version};

const DEADLINE: Duration = Duration::from_secs(60);

fn request() -> CopyRequest {
    CopyRequest {
        member: "m1".parse().unwrap(),
        run: "01J-run_1".into(),
        version: Version::new(3, 1, 20),
        raft_index: Some(RaftIndex(77)),
        cluster_id: Some(ClusterId(0xc0ffee)),
        taken_at: "2026-01-02T03:04:05Z".into(),
    }
}

fn data(bench: &Bench) -> Site {
    let site = bench.stand_in("true");
    let data = Path::new(&site.data_dir);
    fs::write(data.join("member/snap/db"), vec![7u8; 300_000]).unwrap();
    fs::write(data.join("member/wal/0000000000000000-0000000000000000.wal"), "wal").unwrap();
    fs::set_permissions(data, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(data.join("member/snap/db"), fs::Permissions::from_mode(0o600)).unwrap();
    site
}

/// Path, owner, mode, time and digest of everything below a folder.
fn picture(folder: &Path) -> Vec<(String, u32, u32, i64, i64, Option<Sha256>)> {
    let mut seen = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            let content = facts.is_file().then(|| digest_of(&path));
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            seen.push((name, facts.uid(), facts.mode(), facts.mtime(), facts.mtime_nsec(), content));
            if facts.is_dir() {
                folders.push(path);
            }
        }
    }
    seen.sort();
    seen
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_copy_is_exact_and_lies_beside_with_a_note() {
    let bench = Bench::new().await;
    let site = data(&bench);
    if is_root() {
        std::os::unix::fs::chown(Path::new(&site.data_dir).join("member/snap/db"), Some(4321), Some(4321)).unwrap();
    }
    let point = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap();
    assert_eq!(point.path, format!("{}.quorate-01J-run_1-v3.1.20", site.data_dir));
    assert!(point.copied && point.size >= Bytes(300_000), "{point:?}");
    assert_eq!(picture(site.data_dir.as_ref()), picture(point.path.as_ref()));
    assert_eq!(fs::metadata(&point.path).unwrap().mode() & 0o7777, 0o700);
    let note: serde_json::Value = serde_json::from_slice(&fs::read(format!("{}.json", point.path)).unwrap()).unwrap();
    assert_eq!((note["member"].as_str(), note["raft_index"].as_u64()), (Some("m1"), Some(77)));
    assert_eq!(note["cluster_id"].as_str(), Some("c0ffee"));
    let files = |folder: &str| std::fs::read_dir(Path::new(&point.path).join(folder)).map_or(0, Iterator::count);
    assert_eq!(note["files"].as_u64(), Some((files("member/wal") + files("member/snap")) as u64));
    flush_rollback_point(&bench.host, &point).await.unwrap();
    assert_eq!(
        names(&bench.path("run/m1")),
        ["args", "data", "data.quorate-01J-run_1-v3.1.20", "data.quorate-01J-run_1-v3.1.20.json", "etcd"]
    );
}

/// What etcd does with its log: 64 MB are reserved, and written from the front.
fn reserve(wal: &Path) {
    let made = std::process::Command::new("fallocate").args(["-l", "64000000"]).arg(wal).status().unwrap();
    assert!(made.success(), "fallocate: {made}");
    let mut file = fs::OpenOptions::new().write(true).open(wal).unwrap();
    std::io::Write::write_all(&mut file, &[7; 123_457]).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"in the middle", 31_000_001).unwrap();
    file.sync_all().unwrap();
}

#[tokio::test]
async fn what_a_log_file_only_reserves_stays_a_hole_in_the_copy() {
    let bench = Bench::new().await;
    let mut site = data(&bench);
    let elsewhere = bench.path("wal of m1");
    fs::create_dir(&elsewhere).unwrap();
    let names = ["0000000000000000-0000000000000000.wal", "0000000000000001-0000000000000100.wal"];
    for name in names {
        reserve(&Path::new(&site.data_dir).join("member/wal").join(name));
        reserve(&elsewhere.join(name));
    }
    site.wal_dir = Some(elsewhere.to_str().unwrap().to_owned());
    let point = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap();
    let wal_path = point.wal_path.unwrap();
    assert_eq!(picture(site.data_dir.as_ref()), picture(point.path.as_ref()));
    assert_eq!(picture(&elsewhere), picture(wal_path.as_ref()));
    for folder in [Path::new(&point.path).join("member/wal"), wal_path.into()] {
        let taken = fs::metadata(folder.join(names[1])).unwrap().blocks() * 512;
        assert!(taken < 8_000_000, "{taken} bytes in {}", folder.display());
    }
}

#[tokio::test]
async fn an_equal_copy_is_kept_and_an_older_one_made_again() {
    let bench = Bench::new().await;
    let site = data(&bench);
    let first = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap();
    assert!(!copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap().copied);
    // It ran on and was stopped again, in the same run.
    fs::write(Path::new(&site.data_dir).join("member/wal/0000000000000000-0000000000000000.wal"), "more").unwrap();
    let second = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap();
    assert!(second.copied);
    assert_eq!(first.path, second.path);
    assert_eq!(picture(site.data_dir.as_ref()), picture(second.path.as_ref()));
}

#[tokio::test]
async fn a_part_of_an_interrupted_copy_is_replaced() {
    let bench = Bench::new().await;
    let site = data(&bench);
    let part = format!("{}.part.quorate-01J-run_1-v3.1.20", site.data_dir);
    fs::create_dir_all(format!("{part}/member/junk")).unwrap();
    let point = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap();
    assert!(!Path::new(&part).exists());
    assert_eq!(picture(site.data_dir.as_ref()), picture(point.path.as_ref()));
}

#[tokio::test]
async fn a_wal_directory_of_its_own_is_copied_beside_itself() {
    let bench = Bench::new().await;
    let mut site = data(&bench);
    fs::create_dir_all(bench.path("fast/wal")).unwrap();
    fs::write(bench.path("fast/wal/0.wal"), "w").unwrap();
    site.wal_dir = Some(bench.text("fast/wal"));
    let point = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap();
    let wal = point.wal_path.unwrap();
    assert_eq!(wal, format!("{}.quorate-01J-run_1-v3.1.20", bench.text("fast/wal")));
    assert_eq!(picture(&bench.path("fast/wal")), picture(wal.as_ref()));
    // Inside the data directory it is part of the copy.
    site.wal_dir = Some(format!("{}/member/wal", site.data_dir));
    assert_eq!(copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap().wal_path, None);
}

#[tokio::test]
async fn a_data_directory_behind_a_link_is_copied_where_it_really_is() {
    let bench = Bench::new().await;
    let mut site = data(&bench);
    let real = site.data_dir.clone();
    symlink(&real, bench.path("alias")).unwrap();
    site.data_dir = bench.text("alias");
    let point = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap();
    assert_eq!(point.path, format!("{real}.quorate-01J-run_1-v3.1.20"));
}

#[tokio::test]
async fn refuses_while_the_data_is_locked_or_not_whole() {
    let bench = Bench::new().await;
    let mut site = data(&bench);
    let copy = async |site: &Site| match copy_data_dir(&bench.host, site, &request(), DEADLINE).await {
        Err(RuntimeError::Refused { refusal, seen, .. }) => (refusal, seen),
        other => panic!("{other:?}"),
    };
    for file in ["member/snap/db", "member/wal/0000000000000000-0000000000000000.wal"] {
        let held = fs::File::open(Path::new(&site.data_dir).join(file)).unwrap();
        held.lock().unwrap();
        let (refusal, seen) = copy(&site).await;
        assert_eq!(refusal, Refusal::Busy);
        assert!(seen.contains(&format!("process {}", std::process::id())), "{seen}");
    }
    symlink("/etc", Path::new(&site.data_dir).join("member/elsewhere")).unwrap();
    assert_eq!(copy(&site).await.0, Refusal::LinkInside);
    fs::remove_file(Path::new(&site.data_dir).join("member/elsewhere")).unwrap();
    site.data_dir = bench.text("run");
    assert_eq!(copy(&site).await.0, Refusal::Missing);
    assert!(!bench.path("run.quorate-01J-run_1-v3.1.20").exists());
    let mut bad = request();
    bad.run = "../x".into();
    assert!(matches!(copy_data_dir(&bench.host, &site, &bad, DEADLINE).await, Err(RuntimeError::Value { .. })));
}

// faults: H1
#[tokio::test]
async fn a_full_disk_leaves_no_part_behind() {
    if !is_root() {
        return; // a small file system can only be mounted by root
    }
    let bench = Bench::new().await;
    let mut site = data(&bench);
    let small = super::SmallDisk::mount(&bench.path("small"), "500k");
    let status = std::process::Command::new("cp").arg("-a").arg(&site.data_dir).arg(&small.path).status().unwrap();
    assert!(status.success());
    site.data_dir = small.path.join("data").to_str().unwrap().to_owned();
    let error = copy_data_dir(&bench.host, &site, &request(), DEADLINE).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::NoSpace, .. }), "{error}");
    assert_eq!(names(&small.path), ["data"]);
}
