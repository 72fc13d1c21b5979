//! Doors for [`crate::fuzzing`]: backups that come from a host or from a disk.

use std::collections::BTreeMap;
use std::path::Path;

use super::archive::{self, Contents};
use super::manifest::{self, Manifest};
use super::v2_compare::{Compared, compare};
use super::{BackupError, decide_pruning, list};
use crate::etcd::V2Tree;
use crate::fuzzing::{fit_to_be_shown, harmless, scratch};
use crate::view::{Style, error_text};

fn shown(error: &BackupError) {
    fit_to_be_shown(&error_text(&error.to_string(), &[], Style::plain(80)));
}

/// Only a log and raft snapshots come out of a v2 backup, under names of ours.
pub fn archive(packed: &[u8], into: &Path) {
    let listed = archive::read_from(packed, None);
    let unpacked = archive::read_from(packed, Some(into));
    match (&listed, &unpacked) {
        (Ok(listed), Ok(unpacked)) => assert_eq!(listed, unpacked),
        (Ok(Contents { .. }), Err(error)) | (Err(error), _) => shown(error),
    }
    for kind in ["wal", "snap"] {
        let folder = into.join("member").join(kind);
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().expect("names are of ours");
            let (stem, extension) = name.split_once('.').expect("names are of ours");
            assert!(extension == kind && stem.len() == 33 && entry.file_type().is_ok_and(|kind| kind.is_file()));
        }
    }
    let top: Vec<_> = std::fs::read_dir(into).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    assert!(top.is_empty() || top == ["member"], "{top:?}");
}

/// A manifest in the folder of a backup. It is listed when it says that it is of that folder, and pruned with it alone.
pub fn manifest(text: &[u8]) {
    let dir = scratch("backups");
    let id = serde_json::from_slice::<Manifest>(text).map_or_else(|_| "b1".to_owned(), |manifest| manifest.id);
    let name = Path::new(&id).components().collect::<Vec<_>>();
    let plain = matches!(name.as_slice(), [std::path::Component::Normal(_)]) && id.len() < 200 && !id.contains('\0');
    let folder = dir.join("kept").join(if plain { id.as_str() } else { "b1" });
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    std::fs::write(folder.join(manifest::FILE), text).expect("a file can be written");
    std::fs::write(dir.join("beside"), b"beside").expect("a file can be written");
    let listing = list(&dir.join("kept")).expect("a folder can be listed");
    for broken in &listing.broken {
        shown(&broken.error);
    }
    for kept in &listing.complete {
        let written = serde_json::to_vec(&kept.manifest).expect("a manifest is written as JSON");
        assert_eq!(serde_json::from_slice::<Manifest>(&written).expect("and read back"), kept.manifest);
        let _ = kept.manifest.size();
    }
    let Some(kept) = listing.complete.first().cloned() else { return };
    let cluster = kept.manifest.cluster.clone();
    let pruning = decide_pruning(listing, &cluster, 0, &BTreeMap::new());
    assert!(pruning.remove.is_empty(), "the newest always stays");
    match super::folder::remove(&dir.join("kept"), &kept.manifest.id) {
        Ok(()) => assert!(!folder.exists()),
        Err(error) => shown(&error),
    }
    assert!(dir.join("beside").exists() && dir.join("kept").exists());
}

/// Whether a restored v2 key space is the live one, of three as they were told.
pub fn compare_trees(before: &V2Tree, after: &V2Tree, restored: &V2Tree) {
    if let Err(why) = compare(before, after, restored) {
        harmless(&why);
    }
    let whole = V2Tree { index: u64::MAX, nodes: after.nodes.clone() };
    let equal = whole.nodes.len() as u64;
    assert_eq!(compare(&whole, &whole, &whole), Ok(Compared { equal, changed_meanwhile: 0, expired: 0 }));
}
