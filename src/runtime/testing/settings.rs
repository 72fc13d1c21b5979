//! Files that set options: ready beside the old ones, in place by one rename, kept, and back, wherever it was cut off.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;

use super::{Bench, is_root};
use crate::observe::settings::{FileEdit, SettingsFile, SettingsKind};
use crate::runtime::*;

const OLD: &str = "--name=m1\n--debug\n--data-dir=/srv/a b\\c $X\n";
const NEW: &str = "--name=m1\n--log-level=debug\n--data-dir=/srv/a b\\c $X\n";

fn edit(path: &str, old: &str, new: &str) -> FileEdit {
    let file = SettingsFile { path: path.to_owned(), kind: SettingsKind::Arguments, text: old.to_owned() };
    FileEdit::of(&file, new).unwrap()
}

fn keep(bench: &Bench) -> KeepSettings {
    KeepSettings { path: bench.text("store/3.4.23/settings.m1.0123"), note: "{\"a\": \"it's $HOME\"}".to_owned() }
}

/// A file of these lines, which nobody else may read.
fn file(bench: &Bench, text: &str) -> String {
    let path = bench.text("args");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    path
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

fn nothing_beside(bench: &Bench) {
    assert!(!bench.path(".args.quorate-new").exists());
}

#[tokio::test]
async fn the_new_file_takes_the_place_of_the_old_one_which_is_kept_with_its_mode() {
    let bench = Bench::new().await;
    let path = file(&bench, OLD);
    let (edit, keep) = (edit(&path, OLD, NEW), keep(&bench));
    assert_eq!(ready_settings(&bench.host, &edit, &keep).await.unwrap(), SettingsState::Ready);
    assert_eq!(read(&path), OLD, "while it runs nothing changes");
    assert_eq!(place_settings(&bench.host, &edit, &keep).await.unwrap(), SettingsState::Changed);
    assert_eq!(read(&path), NEW);
    assert_eq!(read(&keep.path), OLD);
    assert_eq!(read(&format!("{}.json", keep.path)).trim_end(), keep.note);
    for path in [&path, &keep.path] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640, "{path}");
    }
    assert_eq!(place_settings(&bench.host, &edit, &keep).await.unwrap(), SettingsState::Already);
    let back = edit.reversed();
    assert_eq!(put_settings_back(&bench.host, &back, &keep.path).await.unwrap(), SettingsState::Changed);
    assert_eq!(read(&path), OLD);
    assert_eq!(put_settings_back(&bench.host, &back, &keep.path).await.unwrap(), SettingsState::Already);
    nothing_beside(&bench);
}

#[tokio::test]
async fn what_a_controller_that_died_has_left_is_gone_on_from() {
    let bench = Bench::new().await;
    let path = file(&bench, OLD);
    let (edit, keep) = (edit(&path, OLD, NEW), keep(&bench));
    // Nothing was made ready; or half of it was.
    for half in [None, Some("--name=m1\n--lo")] {
        fs::write(&path, OLD).unwrap();
        if let Some(half) = half {
            fs::write(bench.path(".args.quorate-new"), half).unwrap();
        }
        assert_eq!(place_settings(&bench.host, &edit, &keep).await.unwrap(), SettingsState::Changed);
        assert_eq!(read(&path), NEW);
        nothing_beside(&bench);
    }
    // It was put in place, and the file that lay ready was left.
    fs::write(bench.path(".args.quorate-new"), NEW).unwrap();
    assert_eq!(place_settings(&bench.host, &edit, &keep).await.unwrap(), SettingsState::Already);
    nothing_beside(&bench);
}

#[tokio::test]
async fn a_file_that_somebody_has_changed_stays() {
    let bench = Bench::new().await;
    let path = file(&bench, "--name=m1\n--debug=false\n");
    let edit = edit(&path, OLD, NEW);
    for tried in [
        ready_settings(&bench.host, &edit, &keep(&bench)).await,
        place_settings(&bench.host, &edit, &keep(&bench)).await,
        put_settings_back(&bench.host, &edit.reversed(), "/nothing").await,
    ] {
        assert!(matches!(tried, Err(RuntimeError::Refused { refusal: Refusal::Digest, .. })), "{tried:?}");
    }
    assert_eq!(read(&path), "--name=m1\n--debug=false\n");
    assert!(!bench.path("store").exists(), "nothing was kept of it");
    fs::remove_file(&path).unwrap();
    let tried = place_settings(&bench.host, &edit, &keep(&bench)).await;
    assert!(matches!(tried, Err(RuntimeError::Refused { refusal: Refusal::Missing, .. })), "{tried:?}");
}

#[tokio::test]
async fn what_a_link_leads_to_changes_and_the_link_stays() {
    let bench = Bench::new().await;
    let path = file(&bench, OLD);
    let link = bench.text("link");
    symlink(&path, &link).unwrap();
    place_settings(&bench.host, &edit(&link, OLD, NEW), &keep(&bench)).await.unwrap();
    assert_eq!(read(&path), NEW);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[tokio::test]
async fn putting_back_needs_no_room_on_the_disk() {
    if !is_root() {
        return; // a small file system can only be mounted by root
    }
    let bench = Bench::new().await;
    let small = super::SmallDisk::mount(&bench.path("small"), "4m");
    let on_disk = |name: &str| small.path.join(name).to_str().unwrap().to_owned();
    fs::write(on_disk("args"), OLD).unwrap();
    let edit = edit(&on_disk("args"), OLD, NEW);
    let keep = KeepSettings { path: on_disk("store/settings.m1.0123"), note: String::new() };
    place_settings(&bench.host, &edit, &keep).await.unwrap();
    let filled = std::process::Command::new("sh")
        .args(["-c", "cat /dev/zero >\"$1\"", "sh", &on_disk("filler")])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!filled.success(), "the disk is full");
    let back = put_settings_back(&bench.host, &edit.reversed(), &keep.path).await;
    assert_eq!(back.unwrap(), SettingsState::Changed);
    assert_eq!(read(&on_disk("args")), OLD);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Lines as the shell reads and writes them are those that the plan was made from: with and without a last line break.
    #[test]
    fn a_host_makes_of_a_file_what_the_plan_says(
        old in proptest::collection::vec("[ab\\\\ \t\r'\"$%*-]{0,3}", 0..9),
        new in proptest::collection::vec("[ab\\\\ \t\r'\"$%*-]{0,3}", 0..9),
    ) {
        let (old, new) = (old.join("\n"), new.join("\n"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let made = runtime.block_on(async {
            let bench = Bench::new().await;
            let path = file(&bench, &old);
            let edit = edit(&path, &old, &new);
            place_settings(&bench.host, &edit, &keep(&bench)).await.unwrap();
            let made = read(&path);
            put_settings_back(&bench.host, &edit.reversed(), "/nothing").await.unwrap();
            (made, read(&path))
        });
        prop_assert_eq!(made, (new, old));
    }
}
