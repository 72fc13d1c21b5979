//! Takes the programs out of an archive, and nothing else. What else the archive holds is never written anywhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use sha2::Digest;
use tar::{Archive, EntryType};

use super::platform::{HEADER, check_program};
use super::{Binary, Platform};
use crate::units::{Bytes, Sha256};

/// The programs of a release, and whether each release has it (`etcdutl` came with 3.5).
pub(super) const PROGRAMS: [(&str, Presence); 3] =
    [("etcd", Presence::Always), ("etcdctl", Presence::Always), ("etcdutl", Presence::Perhaps)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Perhaps,
}

/// What unpacking may cost. Tests set smaller ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// One program: those of etcd have 10 to 30 MB.
    pub program: Bytes,
    /// Everything that is in the archive, unpacked.
    pub unpacked: Bytes,
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { program: Bytes::mebi(256), unpacked: Bytes::mebi(768), entries: 10_000 }
    }
}

/// Why nothing was taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What is wrong with what the source serves.
    Content(String),
    /// What went wrong on this machine.
    Local(io::Error),
}

/// Unpacks the programs of the .tar.gz in `archive` into `into`; `top` is the one folder it must consist of.
pub(super) fn unpack(
    archive: File,
    top: &str,
    platform: &Platform,
    into: &Path,
    limits: Limits,
) -> Result<BTreeMap<String, Binary>, Refusal> {
    let broken = |error: io::Error| Refusal::Content(format!("the archive is damaged: {error}"));
    let stream = Bounded { inner: GzDecoder::new(io::BufReader::new(archive)), left: limits.unpacked.0 };
    let mut archive = Archive::new(stream);
    let mut found = BTreeMap::new();
    for (count, entry) in archive.entries().map_err(broken)?.enumerate() {
        if count >= limits.entries {
            return Err(Refusal::Content(format!("it has more than {} entries", limits.entries)));
        }
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        let kind = entry.header().entry_type();
        let Some(program) = program_at(&path, kind, top).map_err(Refusal::Content)? else { continue };
        if found.contains_key(program) {
            return Err(Refusal::Content(format!("it holds {program} twice")));
        }
        let binary = store(&mut entry, program, platform, into, limits.program)?;
        found.insert(program.to_owned(), binary);
    }
    // To the end, so that gzip's own checksum is compared.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    check_complete(&found).map_err(Refusal::Content)?;
    Ok(found)
}

/// Takes the programs of a folder on this machine.
pub(super) fn take_folder(
    folder: &Path,
    platform: &Platform,
    into: &Path,
    limits: Limits,
) -> Result<BTreeMap<String, Binary>, Refusal> {
    let mut found = BTreeMap::new();
    for (program, _) in PROGRAMS {
        let unreadable = |error: io::Error| Refusal::Content(format!("{program} cannot be read: {error}"));
        let mut file = match File::open(folder.join(program)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(error)),
        };
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(Refusal::Content(format!("{program} is not a file")));
        }
        found.insert(program.to_owned(), store(&mut file, program, platform, into, limits.program)?);
    }
    check_complete(&found).map_err(Refusal::Content)?;
    Ok(found)
}

fn check_complete(found: &BTreeMap<String, Binary>) -> Result<(), String> {
    match PROGRAMS.iter().find(|(program, presence)| *presence == Presence::Always && !found.contains_key(*program)) {
        Some((program, _)) => Err(format!("it holds no {program}")),
        None => Ok(()),
    }
}

/// Which program an entry is; `None` for documents and folders; an error for what no release of etcd holds.
fn program_at(path: &Path, kind: EntryType, top: &str) -> Result<Option<&'static str>, String> {
    let shown = || path.display().to_string().chars().flat_map(char::escape_debug).take(200).collect::<String>();
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str().ok_or_else(|| format!("{}: not UTF-8", shown()))?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) | Component::ParentDir => {
                return Err(format!("it holds \"{}\", a path that leads out of its folder", shown()));
            }
        }
    }
    if matches!(kind, EntryType::Char | EntryType::Block | EntryType::Fifo) {
        return Err(format!("it holds \"{}\", which is a device or a pipe", shown()));
    }
    // Headers for the whole archive have no place in it.
    if kind == EntryType::XGlobalHeader || names.is_empty() {
        return Ok(None);
    }
    if names[0] != top {
        return Err(format!(
            "it holds \"{}\", where everything should be below \"{top}\": another version or platform?",
            shown()
        ));
    }
    let program = match names[1..] {
        [name] => PROGRAMS.iter().map(|(program, _)| *program).find(|program| *program == name),
        _ => None,
    };
    match (program, kind) {
        (Some(_), EntryType::Regular | EntryType::Continuous) | (None, _) => Ok(program),
        (Some(program), _) => Err(format!("{program} in it is not a plain file but a link, a folder or the like")),
    }
}

/// Copies one program, checks what it is, and returns its digest.
fn store(
    source: &mut dyn Read,
    program: &str,
    platform: &Platform,
    into: &Path,
    most: Bytes,
) -> Result<Binary, Refusal> {
    let path = into.join(program);
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path).map_err(Refusal::Local)?;
    let mut head = Vec::with_capacity(HEADER);
    let mut hasher = sha2::Sha256::new();
    let mut piece = vec![0; 128 * 1024];
    let mut size = 0;
    loop {
        let length = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Refusal::Content(format!("{program} is damaged: {error}"))),
        };
        let piece = &piece[..length];
        size += length as u64;
        if size > most.0 {
            return Err(Refusal::Content(format!("{program} is larger than {most}, which none of etcd's is")));
        }
        head.extend(piece.iter().take(HEADER - head.len()));
        hasher.update(piece);
        file.write_all(piece).map_err(Refusal::Local)?;
    }
    check_program(&head, platform).map_err(|what| Refusal::Content(format!("{program} is {what}")))?;
    // The umask may have taken bits away.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(Refusal::Local)?;
    file.sync_all().map_err(Refusal::Local)?;
    Ok(Binary { path, sha256: Sha256(hasher.finalize().into()), size: Bytes(size) })
}

/// Ends with an error, not quietly, when more comes out than is accepted.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(length as u64)
            .ok_or_else(|| io::Error::other("unpacked, it is far larger than any release of etcd"))?;
        Ok(length)
    }
}

#[cfg(test)]
pub(super) mod tests;
