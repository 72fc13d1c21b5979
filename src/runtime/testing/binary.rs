//! Keep, swap, and swap back.

use futures_util::future::join_all;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::{Bench, digest_of, is_root, program};
use crate::runtime::*;
use crate::units::{Sha256, Version};

const OLD: Version = Version::new(3, 1, 20);

struct Binaries {
    path: String,
    staged: String,
    old: Sha256,
    new: Sha256,
}

fn binaries(bench: &Bench) -> Binaries {
    let old = program(&bench.path("bin/etcd"), "old build");
    let new = program(&bench.path("store/3.2.32/etcd"), "new build");
    Binaries { path: bench.text("bin/etcd"), staged: bench.text("store/3.2.32/etcd"), old, new }
}

impl Binaries {
    fn swap(&self) -> Swap {
        Swap::to_staged(&self.path, &self.staged, self.old, self.new)
    }

    fn now(&self) -> Sha256 {
        digest_of(self.path.as_ref())
    }
}

fn nothing_half_done(bench: &Bench) {
    for folder in ["bin", "store/3.1.20"] {
        for entry in fs::read_dir(bench.path(folder)).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.contains("quorate-new") && !name.contains("part"), "{folder}/{name}");
        }
    }
}

// faults: H2
#[tokio::test]
async fn a_file_is_replaced_in_one_rename_and_keeps_its_owner_and_mode() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    fs::set_permissions(&b.path, fs::Permissions::from_mode(0o710)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&b.path, Some(12345), Some(54321)).unwrap();
    }
    let before = fs::metadata(&b.path).unwrap();
    let prepared = prepare_swap(&bench.host, &b.swap(), None).await.unwrap();
    assert_eq!(prepared.target, SwapTarget::File);
    assert_eq!(b.now(), b.old, "preparing changes nothing");
    assert_eq!(commit_swap(&bench.host, &prepared).await.unwrap(), SwapState::Swapped);
    assert_eq!(b.now(), b.new);
    let after = fs::metadata(&b.path).unwrap();
    assert_eq!((before.uid(), before.gid(), before.mode()), (after.uid(), after.gid(), after.mode()));
    nothing_half_done(&bench);
    // Again, from any point.
    assert_eq!(commit_swap(&bench.host, &prepared).await.unwrap(), SwapState::Already);
    let (state, prepared) = swap_binary(&bench.host, &b.swap()).await.unwrap();
    assert_eq!((state, prepared.already), (SwapState::Already, true));
}

// faults: H2
#[tokio::test]
async fn a_link_is_pointed_elsewhere_and_back() {
    let bench = Bench::new().await;
    let mut b = binaries(&bench);
    fs::create_dir_all(bench.path("link")).unwrap();
    symlink("../bin/etcd", bench.path("link/etcd")).unwrap();
    b.path = bench.text("link/etcd");
    let kept = keep_binary(&bench.host, &b.path, b.old, &bench.text("store"), &OLD).await.unwrap();
    let (state, prepared) = swap_binary(&bench.host, &b.swap()).await.unwrap();
    assert_eq!(state, SwapState::Swapped);
    let SwapTarget::Link { old_target } = prepared.target else { panic!("it is a link") };
    assert_eq!(old_target, "../bin/etcd");
    assert_eq!(fs::read_link(&b.path).unwrap().to_str().unwrap(), b.staged);
    assert_eq!(digest_of(&bench.path("bin/etcd")), b.old, "what the link led to is left as it is");

    let mut back = SwapBack {
        path: b.path.clone(),
        kept: kept.path.clone(),
        old_target: Some(old_target),
        old: b.old,
        new: b.new,
    };
    assert_eq!(swap_back(&bench.host, &back).await.unwrap(), SwapState::Swapped);
    assert_eq!(fs::read_link(&b.path).unwrap().to_str().unwrap(), "../bin/etcd");
    // What it led to is gone: the kept one is used.
    swap_binary(&bench.host, &b.swap()).await.unwrap();
    fs::remove_file(bench.path("bin/etcd")).unwrap();
    back.old_target = Some("../bin/etcd".to_owned());
    assert_eq!(swap_back(&bench.host, &back).await.unwrap(), SwapState::Swapped);
    assert_eq!(fs::read_link(&b.path).unwrap().to_str().unwrap(), kept.path);
}

#[tokio::test]
async fn the_old_binary_is_kept_and_put_back() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    let store = bench.text("store");
    let kept = keep_binary(&bench.host, &b.path, b.old, &store, &OLD).await.unwrap();
    assert_eq!(kept, Kept { path: format!("{store}/3.1.20/etcd"), copied: true });
    assert!(!keep_binary(&bench.host, &b.path, b.old, &store, &OLD).await.unwrap().copied);
    assert_eq!(find_kept(&bench.host, b.old, &store, &OLD).await.unwrap().as_ref(), Some(&kept.path));
    assert_eq!(find_kept(&bench.host, b.new, &store, &OLD).await.unwrap(), None);
    swap_binary(&bench.host, &b.swap()).await.unwrap();
    let back = SwapBack { path: b.path.clone(), kept: kept.path, old_target: None, old: b.old, new: b.new };
    assert_eq!(swap_back(&bench.host, &back).await.unwrap(), SwapState::Swapped);
    assert_eq!(b.now(), b.old);
    assert_eq!(swap_back(&bench.host, &back).await.unwrap(), SwapState::Already);
    nothing_half_done(&bench);
}

#[tokio::test]
async fn preparing_keeps_the_old_binary_and_the_swap_leaves_it_alone() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    let store = bench.text("store");
    let keep = Keep { store: &store, version: &OLD };
    let prepared = prepare_swap(&bench.host, &b.swap(), Some(&keep)).await.unwrap();
    let kept = prepared.kept.clone().unwrap();
    assert_eq!(kept, format!("{store}/3.1.20/etcd"));
    assert_eq!(digest_of(kept.as_ref()), b.old);
    assert_eq!(commit_swap(&bench.host, &prepared).await.unwrap(), SwapState::Swapped);
    assert_eq!((b.now(), digest_of(kept.as_ref())), (b.new, b.old));
    // Writing to the new file does not reach the kept one. The staged one may be the same file: its digest tells.
    fs::write(&b.path, "written over").unwrap();
    assert_eq!(digest_of(kept.as_ref()), b.old);
    let back = SwapBack { path: b.path.clone(), kept, old_target: None, old: b.old, new: b.new };
    fs::remove_file(&b.path).unwrap();
    swap_back(&bench.host, &back).await.unwrap();
    let error = swap_binary(&bench.host, &b.swap()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Digest, .. }), "{error}");
}

/// Members of one host whose binaries are names of one file, made ready at the same time, with nothing in the store yet.
#[tokio::test]
async fn one_file_under_several_names_is_kept_by_all_at_once() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    let names: Vec<String> = (0..8).map(|number| format!("{}-{number}", b.path)).collect();
    for name in &names {
        fs::hard_link(&b.path, name).unwrap();
    }
    let store = bench.text("store");
    for _ in 0..5 {
        let kept =
            join_all(names.iter().map(async |name| keep_binary(&bench.host, name, b.old, &store, &OLD).await)).await;
        for kept in kept {
            assert_eq!(digest_of(kept.unwrap().path.as_ref()), b.old);
        }
        nothing_half_done(&bench);
        fs::remove_dir_all(&store).unwrap();
    }
}

#[tokio::test]
async fn a_kept_binary_that_was_written_over_is_not_taken_for_the_old_one() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    let store = bench.text("store");
    let keep = Keep { store: &store, version: &OLD };
    prepare_swap(&bench.host, &b.swap(), Some(&keep)).await.unwrap();
    fs::write(&b.path, "written over in place").unwrap();
    assert_eq!(find_kept(&bench.host, b.old, &store, &OLD).await.unwrap(), None);
    let error = prepare_swap(&bench.host, &b.swap(), Some(&keep)).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Digest, .. }), "{error}");
}

#[tokio::test]
async fn another_build_of_the_same_version_is_kept_beside_the_staged_one() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    let store = bench.text("store");
    let staged = program(&bench.path("store/3.1.20/etcd"), "upstream's build");
    let kept = keep_binary(&bench.host, &b.path, b.old, &store, &OLD).await.unwrap();
    assert_eq!(kept.path, format!("{store}/3.1.20/etcd.{}", b.old.short()));
    assert_eq!(digest_of(&bench.path("store/3.1.20/etcd")), staged);
    assert_eq!(find_kept(&bench.host, b.old, &store, &OLD).await.unwrap(), Some(kept.path));
}

#[tokio::test]
async fn a_binary_that_somebody_else_replaced_is_not_touched() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    let refused = |error: &RuntimeError| matches!(error, RuntimeError::Refused { refusal: Refusal::Digest, .. });
    let prepared = prepare_swap(&bench.host, &b.swap(), None).await.unwrap();
    let other = program(&bench.path("bin/etcd"), "a third build");
    let error = commit_swap(&bench.host, &prepared).await.unwrap_err();
    assert!(refused(&error), "{error}");
    assert!(refused(&prepare_swap(&bench.host, &b.swap(), None).await.unwrap_err()));
    assert!(refused(&keep_binary(&bench.host, &b.path, b.old, &bench.text("store"), &OLD).await.unwrap_err()));
    assert_eq!(b.now(), other);
    nothing_half_done(&bench);
}

#[tokio::test]
async fn what_was_prepared_is_checked_again_where_it_is_not_as_it_was() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    let prepared = prepare_swap(&bench.host, &b.swap(), None).await.unwrap();
    fs::write(bench.path("bin/.etcd.quorate-new"), "torn").unwrap();
    let error = commit_swap(&bench.host, &prepared).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Digest, .. }), "{error}");
    discard_swap(&bench.host, &b.path).await.unwrap();
    discard_swap(&bench.host, &b.path).await.unwrap();
    let error = commit_swap(&bench.host, &prepared).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::NotPrepared, .. }), "{error}");
    assert_eq!(b.now(), b.old);
    // It may have been a second name of the staged file.
    program(b.staged.as_ref(), "new build");
    // A touched old file with the same content is still the old file.
    let prepared = prepare_swap(&bench.host, &b.swap(), None).await.unwrap();
    program(&bench.path("bin/etcd"), "old build");
    assert_eq!(commit_swap(&bench.host, &prepared).await.unwrap(), SwapState::Swapped);
}

// faults: H9
#[tokio::test]
async fn a_staged_file_with_another_digest_never_gets_in_place() {
    let bench = Bench::new().await;
    let b = binaries(&bench);
    program(&bench.path("store/3.2.32/etcd"), "flipped");
    let error = swap_binary(&bench.host, &b.swap()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Digest, .. }), "{error}");
    assert_eq!(b.now(), b.old);
    nothing_half_done(&bench);
}

// faults: H1
#[tokio::test]
async fn a_full_disk_is_found_before_the_stop_and_leaves_nothing_behind() {
    if !is_root() {
        return; // a small file system can only be mounted by root
    }
    let bench = Bench::new().await;
    let mut b = binaries(&bench);
    let small = super::SmallDisk::mount(&bench.path("small"), "200k");
    fs::copy(&b.path, small.path.join("etcd")).unwrap();
    fs::set_permissions(small.path.join("etcd"), fs::Permissions::from_mode(0o755)).unwrap();
    b.path = small.path.join("etcd").to_str().unwrap().to_owned();
    let error = prepare_swap(&bench.host, &b.swap(), None).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::NoSpace, .. }), "{error}");
    let names: Vec<_> = fs::read_dir(&small.path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["etcd"]);
    assert_eq!(b.now(), b.old);
}

struct Swapped {
    b: Binaries,
    back: SwapBack,
}

/// The new binary is in place, the old one kept.
async fn swapped(bench: &Bench) -> Swapped {
    let b = binaries(bench);
    let store = bench.text("store");
    let prepared = prepare_swap(&bench.host, &b.swap(), Some(&Keep { store: &store, version: &OLD })).await.unwrap();
    commit_swap(&bench.host, &prepared).await.unwrap();
    let kept = prepared.kept.unwrap();
    let back = SwapBack { path: b.path.clone(), kept, old_target: None, old: b.old, new: b.new };
    Swapped { b, back }
}

#[tokio::test]
async fn the_old_binary_is_put_back_where_there_is_no_file_any_more() {
    let bench = Bench::new().await;
    let Swapped { b, back } = swapped(&bench).await;
    fs::remove_file(&b.path).unwrap();
    assert_eq!(swap_back(&bench.host, &back).await.unwrap(), SwapState::Swapped);
    assert_eq!(b.now(), b.old);
    assert_eq!(fs::metadata(&b.path).unwrap().mode() & 0o777, 0o755);
    // The same where it was a link.
    fs::remove_file(&b.path).unwrap();
    let link = SwapBack { old_target: Some("../gone/etcd".to_owned()), ..back.clone() };
    assert_eq!(swap_back(&bench.host, &link).await.unwrap(), SwapState::Swapped);
    assert_eq!(fs::read_link(&b.path).unwrap().to_str().unwrap(), back.kept);
    nothing_half_done(&bench);
}

#[tokio::test]
async fn a_file_that_somebody_else_put_there_is_not_taken_away_by_a_put_back() {
    let bench = Bench::new().await;
    let Swapped { b, back } = swapped(&bench).await;
    let other = program(&bench.path("bin/etcd"), "a third build");
    let error = swap_back(&bench.host, &back).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Digest, .. }), "{error}");
    assert_eq!(b.now(), other);
}

#[tokio::test]
async fn a_kept_binary_that_is_damaged_is_never_put_back() {
    let bench = Bench::new().await;
    let Swapped { b, back } = swapped(&bench).await;
    fs::write(&back.kept, "torn").unwrap();
    let error = swap_back(&bench.host, &back).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Digest, .. }), "{error}");
    assert_eq!(b.now(), b.new);
}

// faults: H1
#[tokio::test]
async fn putting_back_needs_no_room_on_the_disk() {
    if !is_root() {
        return; // a small file system can only be mounted by root
    }
    let bench = Bench::new().await;
    let small = super::SmallDisk::mount(&bench.path("small"), "4m");
    let on_disk = |name: &str| small.path.join(name).to_str().unwrap().to_owned();
    let old = program(&small.path.join("etcd"), "old build");
    let new = program(&bench.path("staged/etcd"), "new build");
    let swap = Swap::to_staged(&on_disk("etcd"), &bench.text("staged/etcd"), old, new);
    let store = on_disk("store");
    let prepared = prepare_swap(&bench.host, &swap, Some(&Keep { store: &store, version: &OLD })).await.unwrap();
    commit_swap(&bench.host, &prepared).await.unwrap();
    let kept = prepared.kept.unwrap();
    // The account of the service owns the file; the kept one is what it was.
    for owner in [0, 12345] {
        std::os::unix::fs::chown(on_disk("etcd"), Some(owner), Some(owner)).unwrap();
        let filled = std::process::Command::new("sh")
            .args(["-c", "cat /dev/zero >\"$1\"", "sh", &on_disk("filler")])
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(!filled.success(), "the disk is full");
        let back = SwapBack { path: on_disk("etcd"), kept: kept.clone(), old_target: None, old, new };
        assert_eq!(swap_back(&bench.host, &back).await.unwrap(), SwapState::Swapped);
        assert_eq!(digest_of(on_disk("etcd").as_ref()), old);
        fs::remove_file(on_disk("filler")).unwrap();
        let prepared = prepare_swap(&bench.host, &swap, None).await.unwrap();
        commit_swap(&bench.host, &prepared).await.unwrap();
    }
}
