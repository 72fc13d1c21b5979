//! A backup restored beside a member's data directory, with a stand-in for the tool.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{Bench, digest_of, is_root};
use crate::runtime::*;
use crate::units::{Bytes, MemberName};

const ID: &str = "20261121T120000Z-0a1b2c3d";

/// Makes what `snapshot restore` makes; it writes down what it was told.
const TOOL: &str = r#"#!/bin/sh
[ "$1 $2 $4" = "snapshot restore --data-dir" ] || exit 1
[ "$ETCDCTL_API" = 3 ] || exit 1
mkdir -p "$5/member/snap" "$5/member/wal" || exit 1
cp "$3" "$5/member/snap/db"
printf '%s\n' "$@" >"$5/member/wal/0.wal"
"#;

struct Wanted {
    site: Site,
    file: PathBuf,
    tool: String,
    peers: Vec<(MemberName, Vec<String>)>,
    name: MemberName,
}

fn wanted(bench: &Bench, tool: &str) -> Wanted {
    let site = bench.stand_in("true");
    let file = bench.path("snapshot");
    fs::write(&file, vec![3u8; 100_000]).unwrap();
    let path = bench.path("tool");
    fs::write(&path, tool).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let name: MemberName = "m1".parse().unwrap();
    let peers = vec![(name.clone(), vec!["http://10.0.0.11:2380".to_owned()])];
    Wanted { site, file, tool: path.to_str().unwrap().to_owned(), peers, name }
}

impl Wanted {
    fn request<'a>(&'a self, from: RestoreFrom<'a>) -> RestoreRequest<'a> {
        let size = Bytes(fs::metadata(&self.file).unwrap().len());
        RestoreRequest { id: ID, user: None, from, file: &self.file, size, sha256: digest_of(&self.file) }
    }

    fn snapshot(&self) -> RestoreRequest<'_> {
        let identity = Identity { name: &self.name, initial_cluster: &self.peers, token: "quorate-restore-1" };
        self.request(RestoreFrom::Snapshot { tool: &self.tool, identity, unsupported_arch: None })
    }

    fn below(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{}{name}", self.site.data_dir))
    }
}

fn beside(site: &Site) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(Path::new(&site.data_dir).parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("data"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_snapshot_is_restored_beside_the_data_with_its_owner_and_mode() {
    let bench = Bench::new().await;
    let wanted = wanted(&bench, TOOL);
    fs::set_permissions(&wanted.site.data_dir, fs::Permissions::from_mode(0o750)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&wanted.site.data_dir, Some(4321), Some(4322)).unwrap();
    }
    fs::write(Path::new(&wanted.site.data_dir).join("etcd.yml"), "name: m1").unwrap();
    // Of an earlier run that was killed: no note speaks of them.
    fs::create_dir(wanted.below(".quorate-restoring-old")).unwrap();
    fs::create_dir(wanted.below(".quorate-in-old")).unwrap();
    let laid = restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap();
    let path = wanted.below(&format!(".quorate-in-{ID}"));
    assert_eq!(laid.path, path.to_str().unwrap());
    assert!(!laid.already && laid.size >= Bytes(100_000), "{laid:?}");
    assert_eq!(beside(&wanted.site), ["data".to_owned(), format!("data.quorate-in-{ID}")]);
    assert_eq!(fs::read(path.join("member/snap/db")).unwrap(), vec![3u8; 100_000]);
    let facts = fs::metadata(&path).unwrap();
    assert_eq!(facts.mode() & 0o7777, 0o750);
    if is_root() {
        let inside = fs::metadata(path.join("member/snap/db")).unwrap();
        assert_eq!((facts.uid(), facts.gid(), inside.uid(), inside.gid()), (4321, 4322, 4321, 4322));
    }
    let told = fs::read_to_string(path.join("member/wal/0.wal")).unwrap();
    for words in [
        "--name\nm1\n",
        "--initial-cluster\nm1=http://10.0.0.11:2380\n",
        "--initial-cluster-token\nquorate-restore-1\n",
        "--initial-advertise-peer-urls\nhttp://10.0.0.11:2380\n",
    ] {
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(fs::read_to_string(path.join("etcd.yml")).unwrap(), "name: m1");
    let again = restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap();
    assert!(again.already);
    assert_eq!(again.path, laid.path);
}

#[tokio::test]
async fn what_a_note_may_speak_of_is_left_alone() {
    let bench = Bench::new().await;
    let wanted = wanted(&bench, TOOL);
    fs::create_dir(wanted.below(".quorate-in-old")).unwrap();
    fs::write(wanted.below(".quorate-replacing"), "{}").unwrap();
    restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap();
    assert!(wanted.below(".quorate-in-old").exists());
}

#[tokio::test]
async fn a_wal_directory_of_its_own_is_laid_beside_itself() {
    let bench = Bench::new().await;
    let mut wanted = wanted(&bench, TOOL);
    let wal = bench.text("wal-disk/wal");
    fs::create_dir_all(&wal).unwrap();
    wanted.site.wal_dir = Some(wal.clone());
    restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap();
    assert!(Path::new(&format!("{wal}.quorate-in-{ID}/0.wal")).exists());
    let data = wanted.below(&format!(".quorate-in-{ID}"));
    assert!(data.join("member/snap/db").exists() && !data.join("member/wal").exists());
}

#[tokio::test]
async fn a_wal_directory_that_leads_into_the_data_is_refused_but_where_it_belongs() {
    let bench = Bench::new().await;
    let mut wanted = wanted(&bench, TOOL);
    fs::create_dir_all(Path::new(&wanted.site.data_dir).join("old-wal")).unwrap();
    fs::create_dir_all(Path::new(&wanted.site.data_dir).join("member/wal")).unwrap();
    for (leads, accepted) in [("old-wal", false), ("member/wal", true)] {
        let link = bench.path(&format!("link-{accepted}"));
        std::os::unix::fs::symlink(Path::new(&wanted.site.data_dir).join(leads), &link).unwrap();
        wanted.site.wal_dir = Some(link.to_str().unwrap().to_owned());
        let result = restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await;
        assert_eq!(result.is_ok(), accepted, "{leads}: {result:?}");
    }
}

#[tokio::test]
async fn a_tool_that_fails_leaves_nothing_that_could_be_taken_for_data() {
    let bench = Bench::new().await;
    let wanted = wanted(&bench, "#!/bin/sh\necho 'Error: expected sha256 [1], got [2]' >&2; exit 1\n");
    let error = restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap_err().to_string();
    assert!(error.contains("expected sha256"), "{error}");
    assert!(!wanted.below(&format!(".quorate-in-{ID}")).exists());
    assert!(Path::new(&wanted.site.data_dir).join("member/snap").exists());
}

#[tokio::test]
async fn a_packed_data_directory_is_unpacked_and_a_broken_one_is_refused() {
    let bench = Bench::new().await;
    let wanted = wanted(&bench, TOOL);
    let error = restore_beside(&bench.host, &wanted.site, &wanted.request(RestoreFrom::DataDir), &|_| {}).await;
    assert!(matches!(error, Err(RuntimeError::Refused { .. })), "{error:?}");
    assert!(!wanted.below(&format!(".quorate-in-{ID}")).exists());

    let inside = bench.path("made/member");
    fs::create_dir_all(inside.join("snap")).unwrap();
    fs::create_dir_all(inside.join("wal")).unwrap();
    fs::write(inside.join("wal/0.wal"), "wal").unwrap();
    let packed = std::process::Command::new("tar")
        .args(["-C", &bench.text("made"), "-czf", wanted.file.to_str().unwrap(), "member"])
        .status();
    assert!(packed.unwrap().success());
    let laid = restore_beside(&bench.host, &wanted.site, &wanted.request(RestoreFrom::DataDir), &|_| {}).await.unwrap();
    assert_eq!(fs::read_to_string(Path::new(&laid.path).join("member/wal/0.wal")).unwrap(), "wal");
    assert_eq!(beside(&wanted.site).len(), 2);
}

#[tokio::test]
async fn where_nothing_is_yet_the_folder_is_made_beside_what_will_be() {
    let bench = Bench::new().await;
    let wanted = wanted(&bench, TOOL);
    fs::remove_dir_all(&wanted.site.data_dir).unwrap();
    let laid = restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap();
    assert_eq!(fs::metadata(laid.path).unwrap().mode() & 0o7777, 0o700);
}

#[tokio::test]
async fn too_little_room_is_told_before_anything_is_sent() {
    if !is_root() {
        return;
    }
    let bench = Bench::new().await;
    let disk = super::SmallDisk::mount(&bench.path("run"), "1m");
    let wanted = wanted(&bench, TOOL);
    let error = restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::NoSpace, .. }), "{error}");
    drop(disk);
}

#[tokio::test]
async fn where_a_disk_is_mounted_at_the_data_directory_what_is_in_it_is_made() {
    if !is_root() {
        return;
    }
    let bench = Bench::new().await;
    let wanted = wanted(&bench, TOOL);
    let disk = super::SmallDisk::mount(wanted.site.data_dir.as_ref(), "200m");
    fs::create_dir(Path::new(&wanted.site.data_dir).join("member")).unwrap();
    let laid = restore_beside(&bench.host, &wanted.site, &wanted.snapshot(), &|_| {}).await.unwrap();
    assert_eq!(laid.path, format!("{}/member.quorate-in-{ID}", wanted.site.data_dir));
    assert!(Path::new(&laid.path).join("snap/db").exists() && Path::new(&laid.path).join("wal/0.wal").exists());
    drop(disk);
}
