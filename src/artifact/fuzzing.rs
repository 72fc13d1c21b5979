//! Doors for [`crate::fuzzing`]: archives and records that somebody else might have made.

use std::path::Path;

use super::platform::{HEADER, check_program};
use super::unpack::{self, Limits, Refusal};
use super::wanted::find_in_sums;
use super::{Platform, cache};
use crate::fuzzing::{fit_to_be_shown, harmless, scratch};
use crate::units::{Bytes, Version};
use crate::view::{Style, error_text};

const VERSION: Version = Version::new(3, 5, 33);
const TOP: &str = "etcd-v3.5.33-linux-amd64";

/// Small enough for many runs a second, large enough that everything happens.
const LIMITS: Limits = Limits { program: Bytes::mebi(1), unpacked: Bytes::mebi(4), entries: 200 };

/// Only etcd's programs come out of a release, as plain files.
pub fn archive(packed: &[u8], into: &Path) {
    let path = scratch("packed").join("release.tar.gz");
    std::fs::write(&path, packed).expect("a file can be written");
    let file = std::fs::File::open(&path).expect("it is there");
    let result = unpack::unpack(file, TOP, &Platform::linux("amd64"), into, LIMITS);
    for entry in std::fs::read_dir(into).expect("it is there").flatten() {
        let name = entry.file_name();
        assert!(unpack::PROGRAMS.iter().any(|(program, _)| name == *program), "{name:?}");
        assert!(entry.file_type().expect("it is there").is_file(), "{name:?}");
        assert!(entry.metadata().expect("it is there").len() <= LIMITS.program.0 + 128 * 1024);
    }
    match result {
        Ok(found) => {
            for binary in found.values() {
                let bytes = std::fs::read(&binary.path).expect("it was unpacked");
                assert_eq!(crate::units::Sha256::of(&bytes), binary.sha256);
                assert_eq!(check_program(&bytes[..HEADER], &Platform::linux("amd64")), Ok(()));
            }
        }
        Err(Refusal::Content(why)) => fit_to_be_shown(&error_text(&why, &[], Style::plain(80))),
        Err(Refusal::Local(error)) => panic!("{error}"),
    }
}

/// The record of a release in the cache; its programs hold `x`.
pub fn record(text: &[u8]) {
    let place = scratch("cache").join("release");
    std::fs::create_dir(&place).expect("a folder can be made");
    for (name, _) in unpack::PROGRAMS {
        std::fs::write(place.join(name), b"x").expect("a file can be written");
    }
    std::fs::write(place.join("release.json"), text).expect("a file can be written");
    if let Some(release) = cache::load(&place, &VERSION, &Platform::linux("amd64")) {
        let place = place.canonicalize().expect("it is there");
        assert!(release.binaries.iter().all(|(name, binary)| binary.path == place.join(name)));
        assert!(release.binaries.values().all(|binary| binary.sha256 == crate::units::Sha256::of(b"x")));
    }
}

/// What a mirror serves as `SHA256SUMS`, and the head of a program.
pub fn sums(text: &[u8]) {
    if let Err(what) = check_program(&text[..text.len().min(HEADER)], &Platform::linux("amd64")) {
        harmless(&what);
    }
    let text = String::from_utf8_lossy(text);
    if let Some(digest) = find_in_sums(&text, "etcd-v3.5.33-linux-amd64.tar.gz") {
        assert!(text.to_ascii_lowercase().contains(&digest.to_string()), "{text:?}");
    }
}
