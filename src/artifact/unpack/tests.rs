//! Archives that somebody might serve, by mistake or on purpose.

use std::io::{Seek, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::Header;

use super::super::platform::tests::elf;
use super::*;

const TOP: &str = "etcd-v3.5.33-linux-amd64";

fn program(arch: &str) -> Vec<u8> {
    [elf(arch), vec![0xab; 50_000]].concat()
}

/// An archive's entries, written as they are given: no path is made safe on the way.
struct Tar(Vec<u8>);

impl Tar {
    /// What upstream ships: documents, a folder, three programs.
    fn good() -> Self {
        let mut tar = Self(Vec::new());
        tar.add(&format!("{TOP}/"), EntryType::Directory, b"");
        tar.add(&format!("{TOP}/README.md"), EntryType::Regular, b"read me");
        tar.link(&format!("{TOP}/Documentation/README.md"), EntryType::Symlink, "docs.md");
        for (name, _) in PROGRAMS {
            tar.add(&format!("{TOP}/{name}"), EntryType::Regular, &program("amd64"));
        }
        tar
    }

    fn add(&mut self, path: &str, kind: EntryType, content: &[u8]) -> &mut Self {
        self.raw(path, kind, "", content, content.len() as u64)
    }

    fn link(&mut self, path: &str, kind: EntryType, target: &str) -> &mut Self {
        self.raw(path, kind, target, b"", 0)
    }

    fn raw(&mut self, path: &str, kind: EntryType, target: &str, content: &[u8], size: u64) -> &mut Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o755);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn gzip(&self) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.0).unwrap();
        encoder.write_all(&[0; 1024]).unwrap();
        encoder.finish().unwrap()
    }
}

/// Unpacks `bytes`; the folder is given back so that what was written can be looked at.
fn try_unpack(bytes: &[u8], limits: Limits) -> (tempfile::TempDir, Result<BTreeMap<String, Binary>, String>) {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("a/b/into");
    std::fs::create_dir_all(&into).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let result = unpack(file, TOP, &Platform::linux("amd64"), &into, limits).map_err(|refusal| match refusal {
        Refusal::Content(reason) => reason,
        Refusal::Local(error) => panic!("{error}"),
    });
    (dir, result)
}

fn refusal(tar: &Tar) -> String {
    let (dir, result) = try_unpack(&tar.gzip(), Limits::default());
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        assert_eq!(entry.unwrap().file_name(), "a", "nothing is written beside the folder");
    }
    result.unwrap_err()
}

#[test]
fn takes_the_programs_and_nothing_else() {
    let (dir, result) = try_unpack(&Tar::good().gzip(), Limits::default());
    let found = result.unwrap();
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["etcd", "etcdctl", "etcdutl"]);
    assert_eq!(found["etcd"].sha256, Sha256::of(&program("amd64")));
    assert_eq!(found["etcd"].size, Bytes(program("amd64").len() as u64));
    let into = dir.path().join("a/b/into");
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 3);
    assert_eq!(std::fs::read(into.join("etcd")).unwrap(), program("amd64"));
}

#[test]
fn an_older_release_has_no_etcdutl() {
    let mut tar = Tar(Vec::new());
    tar.add(&format!("./{TOP}/etcd"), EntryType::Regular, &program("amd64"));
    tar.add(&format!("./{TOP}/etcdctl"), EntryType::Regular, &program("amd64"));
    assert_eq!(try_unpack(&tar.gzip(), Limits::default()).1.unwrap().len(), 2);
}

// faults: H9
#[test]
fn paths_that_lead_out_are_refused() {
    for path in ["/etc/passwd", "../evil", &format!("{TOP}/../../evil"), &format!("{TOP}/../{TOP}/etcd"), ".."] {
        let reason = refusal(Tar::good().add(path, EntryType::Regular, b"evil"));
        assert!(reason.contains("leads out of its folder"), "{path}: {reason}");
    }
}

// faults: H9
#[test]
fn links_and_devices_are_never_programs() {
    for (kind, target) in [
        (EntryType::Symlink, "/bin/sh"),
        (EntryType::Symlink, "../../../../bin/sh"),
        (EntryType::Link, "/etc/passwd"),
        (EntryType::Directory, ""),
        (EntryType::GNUSparse, ""),
    ] {
        let mut tar = Tar(Vec::new());
        let reason = refusal(tar.link(&format!("{TOP}/etcd"), kind, target));
        assert!(reason.contains("not a plain file") || reason.contains("damaged"), "{kind:?}: {reason}");
    }
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let reason = refusal(Tar::good().link(&format!("{TOP}/dev"), kind, ""));
        assert!(reason.contains("device"), "{reason}");
    }
    // A link first, and then a file "through" it: the link is never made.
    let mut tar = Tar(Vec::new());
    tar.link(&format!("{TOP}/sub"), EntryType::Symlink, "/tmp");
    tar.add(&format!("{TOP}/sub/etcd"), EntryType::Regular, b"evil");
    assert!(refusal(&tar).contains("holds no etcd"));
}

// faults: H9
#[test]
fn another_version_or_platform_inside_is_refused() {
    let mut tar = Tar(Vec::new());
    let reason = refusal(tar.add("etcd-v3.5.32-linux-amd64/etcd", EntryType::Regular, &program("amd64")));
    assert!(reason.contains("etcd-v3.5.32-linux-amd64") && reason.contains(TOP), "{reason}");
    let mut tar = Tar(Vec::new());
    let reason = refusal(tar.add("etcd", EntryType::Regular, &program("amd64")));
    assert!(reason.contains("everything should be below"), "{reason}");
    let mut tar = Tar(Vec::new());
    let reason = refusal(tar.add(&format!("{TOP}/etcd"), EntryType::Regular, &program("arm64")));
    assert_eq!(reason, "etcd is a program for arm64, not for amd64");
    let mut tar = Tar(Vec::new());
    let reason = refusal(tar.add(&format!("{TOP}/etcd"), EntryType::Regular, b"#!/bin/sh\n"));
    assert_eq!(reason, "etcd is a script");
}

#[test]
fn what_is_missing_or_there_twice_is_named() {
    assert_eq!(refusal(&Tar(Vec::new())), "it holds no etcd");
    let mut tar = Tar(Vec::new());
    assert_eq!(refusal(tar.add(&format!("{TOP}/etcd"), EntryType::Regular, &program("amd64"))), "it holds no etcdctl");
    let twice = refusal(Tar::good().add(&format!("{TOP}/etcd"), EntryType::Regular, &program("amd64")));
    assert_eq!(twice, "it holds etcd twice");
}

#[test]
fn size_bombs_are_stopped_early() {
    let limits = Limits { program: Bytes(100_000), unpacked: Bytes(1_000_000), entries: 20 };
    let mut tar = Tar(Vec::new());
    tar.add(&format!("{TOP}/etcd"), EntryType::Regular, &[program("amd64"), vec![0; 100_000]].concat());
    assert!(try_unpack(&tar.gzip(), limits).1.unwrap_err().contains("larger than"));

    let mut tar = Tar::good();
    tar.add(&format!("{TOP}/zeros"), EntryType::Regular, &vec![0; 2_000_000]);
    assert!(try_unpack(&tar.gzip(), limits).1.unwrap_err().contains("far larger"));

    // Zeros after the last entry.
    let mut tar = Tar::good();
    tar.0.resize(tar.0.len() + 3_000_000, 0);
    assert!(try_unpack(&tar.gzip(), limits).1.unwrap_err().contains("far larger"));

    // A long name that never ends.
    let mut tar = Tar(Vec::new());
    tar.add("././@LongLink", EntryType::GNULongName, &vec![b'a'; 3_000_000]);
    assert!(try_unpack(&tar.gzip(), limits).1.unwrap_err().contains("far larger"));

    let mut tar = Tar::good();
    for number in 0..30 {
        tar.add(&format!("{TOP}/doc{number}"), EntryType::Regular, b"");
    }
    assert!(try_unpack(&tar.gzip(), limits).1.unwrap_err().contains("more than 20 entries"));

    // More is announced than there is.
    let mut tar = Tar(Vec::new());
    tar.raw(&format!("{TOP}/etcd"), EntryType::Regular, "", &program("amd64"), u64::from(u32::MAX));
    assert!(try_unpack(&tar.gzip(), Limits::default()).1.unwrap_err().contains("damaged"));
}

// faults: H9
#[test]
fn an_archive_that_was_cut_or_changed_is_never_taken() {
    let good = Tar::good().gzip();
    for cut in (0..good.len()).step_by(97).chain([good.len() - 1, good.len() - 8]) {
        assert!(try_unpack(&good[..cut], Limits::default()).1.is_err(), "cut at {cut}");
    }
    // From the tenth byte on: gzip's header has fields that mean nothing (time, system).
    let digests = |found: BTreeMap<String, Binary>| found.into_values().map(|binary| binary.sha256).collect::<Vec<_>>();
    let whole = digests(try_unpack(&good, Limits::default()).1.unwrap());
    let mut refused = 0;
    for at in (10..good.len()).step_by(41) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        match try_unpack(&flipped, Limits::default()).1 {
            Err(_) => refused += 1,
            // Deflate can say the same in another way: a run copied from two bytes back, not from one.
            Ok(found) => assert_eq!(digests(found), whole, "flipped at {at}"),
        }
    }
    assert!(refused > 10);
    for garbage in [&b""[..], b"<!DOCTYPE html><html>not found</html>", &[0; 4096], &[0x1f, 0x8b, 8, 0]] {
        assert!(try_unpack(garbage, Limits::default()).1.is_err());
    }
}

#[test]
fn a_folder_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (from, into) = (dir.path().join("from"), dir.path().join("into"));
    for folder in [&from, &into] {
        std::fs::create_dir(folder).unwrap();
    }
    let take = || {
        let _ = std::fs::remove_dir_all(&into);
        std::fs::create_dir(&into).unwrap();
        match take_folder(&from, &Platform::linux("amd64"), &into, Limits::default()) {
            Ok(found) => Ok(found.len()),
            Err(Refusal::Content(reason)) => Err(reason),
            Err(Refusal::Local(error)) => panic!("{error}"),
        }
    };
    assert_eq!(take(), Err("it holds no etcd".into()));
    std::fs::write(from.join("etcd"), program("amd64")).unwrap();
    std::fs::create_dir(from.join("etcdctl")).unwrap();
    assert_eq!(take(), Err("etcdctl is not a file".into()));
    std::fs::remove_dir(from.join("etcdctl")).unwrap();
    std::fs::write(from.join("etcdctl"), program("arm64")).unwrap();
    assert_eq!(take(), Err("etcdctl is a program for arm64, not for amd64".into()));
    std::fs::write(from.join("etcdctl"), program("amd64")).unwrap();
    assert_eq!(take(), Ok(2));
}

/// For tests of the room: a whole archive as upstream has it.
pub fn good_archive() -> Vec<u8> {
    Tar::good().gzip()
}
