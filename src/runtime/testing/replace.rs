//! Other data in the place of a member's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Bench, SmallDisk, is_root};
use crate::runtime::*;

const DEADLINE: Duration = Duration::from_secs(60);
const ID: &str = "01J-run_2";
const NOTE: &str = r#"{"format":1,"id":"01J-run_2"}"#;

/// A member with data, and a rollback point beside it.
struct Member {
    bench: Bench,
    data: String,
    point: String,
    wal: Option<(String, String)>,
}

fn write(path: &str, text: &str) {
    fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| format!("{path}: {error}"))
}

impl Member {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let data = bench.text("m1/data");
        Self::at(bench, data)
    }

    fn at(bench: Bench, data: String) -> Self {
        let point = format!("{data}.quorate-01J-run_1-v3.1.20");
        write(&format!("{data}/member/snap/db"), "new");
        write(&format!("{data}/member/wal/0.wal"), "new");
        write(&format!("{point}/member/snap/db"), "old");
        write(&format!("{point}/member/wal/0.wal"), "old");
        write(&format!("{point}.json"), "{}");
        Self { bench, data, point, wal: None }
    }

    fn with_wal(mut self) -> Self {
        let wal = self.bench.text("fast/wal");
        let point = format!("{wal}.quorate-01J-run_1-v3.1.20");
        write(&format!("{wal}/0.wal"), "new");
        write(&format!("{point}/0.wal"), "old");
        write(&format!("{}.json", self.point), "{}");
        self.wal = Some((wal, point));
        self
    }

    fn to(&self) -> DataPaths<'_> {
        DataPaths { data: &self.data, wal: self.wal.as_ref().map(|(wal, _)| wal.as_str()) }
    }

    fn from(&self) -> DataPaths<'_> {
        DataPaths { data: &self.point, wal: self.wal.as_ref().map(|(_, point)| point.as_str()) }
    }

    async fn lay(&self) -> Result<Laid, RuntimeError> {
        lay_ready(&self.bench.host, self.to(), ID, self.from(), DEADLINE).await
    }

    async fn mark(&self) {
        mark_replacement(&self.bench.host, self.to(), NOTE).await.unwrap();
    }

    async fn replace(&self) -> Result<Replaced, RuntimeError> {
        replace_data(&self.bench.host, self.to(), ID).await
    }

    fn db(&self, beside: &str) -> String {
        read(&format!("{}{beside}/member/snap/db", self.data))
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, RuntimeError>) -> Refusal {
    match result {
        Err(RuntimeError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_old_data_takes_the_place_and_the_new_is_kept() {
    let member = Member::new().await;
    assert!(member.lay().await.unwrap().copied);
    assert_eq!((member.db("").as_str(), member.db(".quorate-in-01J-run_2").as_str()), ("new", "old"));
    assert!(!member.lay().await.unwrap().copied, "it lies ready already");
    member.mark().await;
    assert_eq!(read(&format!("{}.quorate-replacing", member.data)), format!("{NOTE}\n"));
    let replaced = member.replace().await.unwrap();
    assert!(replaced.replaced);
    assert_eq!(replaced.aside, format!("{}.quorate-replaced-01J-run_2", member.data));
    assert_eq!((member.db("").as_str(), member.db(".quorate-replaced-01J-run_2").as_str()), ("old", "new"));
    assert_eq!(read(&format!("{}/member/snap/db", member.point)), "old", "the point stays as it is");
    assert!(!member.replace().await.unwrap().replaced, "it is done already");
    // A look at the copy once more: it is in place and was not run on.
    assert!(!member.lay().await.unwrap().copied);
    unmark_replacement(&member.bench.host, member.to()).await.unwrap();
    unmark_replacement(&member.bench.host, member.to()).await.unwrap();
    let mut names: Vec<_> = fs::read_dir(member.bench.path("m1"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "data",
            "data.quorate-01J-run_1-v3.1.20",
            "data.quorate-01J-run_1-v3.1.20.json",
            "data.quorate-replaced-01J-run_2"
        ]
    );
}

#[tokio::test]
async fn cut_off_between_the_two_renames_it_goes_on() {
    let member = Member::new().await;
    member.lay().await.unwrap();
    member.mark().await;
    fs::rename(&member.data, format!("{}.quorate-replaced-01J-run_2", member.data)).unwrap();
    assert!(member.replace().await.unwrap().replaced);
    assert_eq!((member.db("").as_str(), member.db(".quorate-replaced-01J-run_2").as_str()), ("old", "new"));
}

#[tokio::test]
async fn a_member_that_ran_on_the_copy_gets_a_new_one() {
    let member = Member::new().await;
    member.lay().await.unwrap();
    member.mark().await;
    member.replace().await.unwrap();
    write(&format!("{}/member/snap/db", member.data), "ran on");
    assert!(member.lay().await.unwrap().copied);
    let replaced = member.replace().await.unwrap();
    assert_eq!(replaced.aside, format!("{}.quorate-replaced-01J-run_2", member.data));
    assert_eq!(member.db(""), "old");
    assert_eq!(member.db(".quorate-replaced-01J-run_2"), "new");
    assert_eq!(member.db(".quorate-replaced-01J-run_2.2"), "ran on");
}

#[tokio::test]
async fn a_wal_directory_of_its_own_goes_along() {
    let member = Member::new().await.with_wal();
    let (wal, point) = member.wal.clone().unwrap();
    member.lay().await.unwrap();
    assert_eq!(read(&format!("{wal}.quorate-in-01J-run_2/0.wal")), "old");
    member.mark().await;
    // Cut off when the WAL was replaced and the data was not.
    fs::rename(&wal, format!("{wal}.quorate-replaced-01J-run_2")).unwrap();
    fs::rename(format!("{wal}.quorate-in-01J-run_2"), &wal).unwrap();
    assert!(member.replace().await.unwrap().replaced);
    assert_eq!((member.db("").as_str(), read(&format!("{wal}/0.wal")).as_str()), ("old", "old"));
    assert_eq!(read(&format!("{wal}.quorate-replaced-01J-run_2/0.wal")), "new");
    assert_eq!(read(&format!("{point}/0.wal")), "old");
}

#[tokio::test]
async fn where_nothing_was_there_an_empty_folder_says_so() {
    let member = Member::new().await;
    member.lay().await.unwrap();
    member.mark().await;
    fs::remove_dir_all(&member.data).unwrap();
    assert!(member.replace().await.unwrap().replaced);
    assert_eq!(member.db(""), "old");
    assert_eq!(fs::read_dir(format!("{}.quorate-replaced-01J-run_2", member.data)).unwrap().count(), 0);
    assert!(!member.replace().await.unwrap().replaced);
}

#[tokio::test]
async fn a_data_directory_behind_a_link_is_replaced_where_it_really_is() {
    let mut member = Member::new().await;
    let real = member.data.clone();
    symlink(&real, member.bench.path("alias")).unwrap();
    member.data = member.bench.text("alias");
    member.lay().await.unwrap();
    member.mark().await;
    assert!(PathBuf::from(format!("{real}.quorate-replacing")).exists());
    let replaced = member.replace().await.unwrap();
    assert_eq!(replaced.aside, format!("{real}.quorate-replaced-01J-run_2"));
    assert_eq!(member.db(""), "old");
    assert!(fs::symlink_metadata(&member.data).unwrap().is_symlink());
}

#[tokio::test]
async fn where_a_disk_is_mounted_what_is_in_it_is_replaced() {
    if !is_root() {
        return; // a file system can only be mounted by root
    }
    let bench = Bench::new().await;
    let disk = SmallDisk::mount(&bench.path("m1/data"), "10m");
    let data = disk.path.to_str().unwrap().to_owned();
    let member = Member::at(bench, data);
    member.lay().await.unwrap();
    member.mark().await;
    let replaced = member.replace().await.unwrap();
    assert_eq!(replaced.aside, format!("{}/member.quorate-replaced-01J-run_2", member.data));
    assert_eq!(member.db(""), "old");
    assert_eq!(read(&format!("{}/member.quorate-replaced-01J-run_2/snap/db", member.data)), "new");
    assert!(!member.replace().await.unwrap().replaced);
    assert!(!member.lay().await.unwrap().copied);
    unmark_replacement(&member.bench.host, member.to()).await.unwrap();
}

#[tokio::test]
async fn what_is_not_right_is_refused_before_anything_is_moved() {
    let member = Member::new().await;
    assert_eq!(refusal(member.replace().await), Refusal::NotPrepared, "no note");
    member.mark().await;
    assert_eq!(refusal(member.replace().await), Refusal::NotPrepared, "nothing lies ready");
    fs::remove_file(format!("{}.quorate-replacing", member.data)).unwrap();
    member.lay().await.unwrap();
    member.mark().await;
    let held = fs::File::open(format!("{}/member/snap/db", member.data)).unwrap();
    held.lock().unwrap();
    assert_eq!(refusal(member.replace().await), Refusal::Busy);
    drop(held);
    assert_eq!(member.db(""), "new");

    let used = Member::new().await;
    fs::File::options()
        .append(true)
        .open(format!("{}/member/snap/db", used.point))
        .unwrap()
        .set_modified(std::time::SystemTime::now() + Duration::from_secs(5))
        .unwrap();
    assert_eq!(refusal(used.lay().await), Refusal::Changed);
    let bare = Member::new().await;
    fs::remove_file(format!("{}.json", bare.point)).unwrap();
    assert_eq!(refusal(bare.lay().await), Refusal::Missing);
    fs::remove_dir_all(&bare.point).unwrap();
    assert_eq!(refusal(bare.lay().await), Refusal::Missing);
    assert!(!Path::new(&format!("{}.quorate-in-01J-run_2", bare.data)).exists());
    for bad in ["", "../x", "a b", &"x".repeat(65)] {
        assert!(
            matches!(replace_data(&bare.bench.host, bare.to(), bad).await, Err(RuntimeError::Value { .. })),
            "{bad}"
        );
    }
    let long = "x".repeat(200_000);
    assert!(matches!(mark_replacement(&bare.bench.host, bare.to(), &long).await, Err(RuntimeError::Value { .. })));
}

/// A member that is started without its log begins a cluster of its own, and takes others into it.
#[tokio::test]
async fn a_point_that_lacks_its_log_is_refused_before_anything_is_moved() {
    let member = Member::new().await.with_wal();
    write(&format!("{}.json", member.point), r#"{"format":1,"files":3}"#);
    write(&format!("{}/member/wal/1.wal", member.point), "old");
    assert!(matches!(refusal(member.lay().await), Refusal::Changed), "four files");
    fs::remove_dir_all(format!("{}/member/wal", member.point)).unwrap();
    assert!(matches!(refusal(member.lay().await), Refusal::Changed), "two files");
    write(&format!("{}.json", member.point), r#"{"format":1,"files":2}"#);
    assert!(member.lay().await.unwrap().copied);
}

#[tokio::test]
async fn copies_of_runs_that_never_began_make_room() {
    let member = Member::new().await;
    let left = format!("{}.quorate-in-another-run", member.data);
    write(&format!("{left}/member/snap/db"), "old");
    write(&format!("{}.part.quorate-in-01J-run_2/member/snap/db", member.data), "half");
    // While a replacement is under way, nothing of it is thrown away.
    member.mark().await;
    member.lay().await.unwrap();
    assert!(Path::new(&left).exists());
    fs::remove_file(format!("{}.quorate-replacing", member.data)).unwrap();
    member.lay().await.unwrap();
    assert!(!Path::new(&left).exists());
    assert!(!Path::new(&format!("{}.part.quorate-in-01J-run_2", member.data)).exists());
}

#[tokio::test]
async fn what_a_member_has_is_set_aside_and_an_empty_place_of_the_same_owner_takes_its_place() {
    let member = Member::new().await;
    let host = &member.bench.host;
    let before = look_at_data(host, member.to(), ID).await.unwrap();
    assert!(before.holds_data && before.has_database && !before.set_aside);
    // Without the note nobody would know whose the empty place is.
    assert!(set_data_aside(host, member.to(), ID).await.unwrap_err().to_string().contains("note"));
    mark_replacement(host, member.to(), NOTE).await.unwrap();
    let mode = |path: &str| std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap());
    fs::set_permissions(&member.data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let aside = set_data_aside(host, member.to(), ID).await.unwrap().unwrap();
    assert_eq!(aside, format!("{}.quorate-replaced-{ID}", member.data));
    assert_eq!(read(&format!("{aside}/member/snap/db")), "new");
    assert_eq!((fs::read_dir(&member.data).unwrap().count(), mode(&member.data) & 0o777), (0, 0o700));
    // Once more: nothing is there, and nothing is done.
    assert_eq!(set_data_aside(host, member.to(), ID).await.unwrap(), None);
    let after = look_at_data(host, member.to(), ID).await.unwrap();
    assert!(!after.holds_data && !after.has_database && after.set_aside);
}

#[tokio::test]
async fn what_was_begun_in_that_place_goes_aside_as_well_and_so_does_a_wal_of_its_own() {
    let member = Member::new().await.with_wal();
    let host = &member.bench.host;
    mark_replacement(host, member.to(), NOTE).await.unwrap();
    set_data_aside(host, member.to(), ID).await.unwrap().unwrap();
    let wal = member.wal.as_ref().unwrap().0.clone();
    assert_eq!(read(&format!("{wal}.quorate-replaced-{ID}/0.wal")), "new");
    assert_eq!(fs::read_dir(&wal).unwrap().count(), 0);
    write(&format!("{wal}/0.wal"), "begun");
    set_data_aside(host, member.to(), ID).await.unwrap().unwrap();
    assert_eq!(read(&format!("{wal}.quorate-replaced-{ID}.2/0.wal")), "begun");
    assert_eq!(read(&format!("{wal}.quorate-replaced-{ID}/0.wal")), "new");
}

#[tokio::test]
async fn a_move_aside_that_was_cut_off_between_two_renames_is_finished() {
    let member = Member::new().await;
    let host = &member.bench.host;
    mark_replacement(host, member.to(), NOTE).await.unwrap();
    fs::create_dir(format!("{}.quorate-in-{ID}", member.data)).unwrap();
    fs::rename(&member.data, format!("{}.quorate-replaced-{ID}", member.data)).unwrap();
    let aside = set_data_aside(host, member.to(), ID).await.unwrap().unwrap();
    assert_eq!(read(&format!("{aside}/member/snap/db")), "new");
    assert_eq!(fs::read_dir(&member.data).unwrap().count(), 0);
}
