//! What a saved v3 database says of members: which of those that the cluster has it takes for removed ones.
//!
//! etcd keeps removed members in a bucket of their own, the id in hexadecimal and the word "removed", which lie one after
//! the other in the file (etcd `server/mvcc/buckets`, bbolt's leaf pages). A member of the cluster never stands there, for an
//! id is not used again: so it is enough to look for the two together, wherever in the file.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use super::BackupError;
use super::manifest::SNAPSHOT;
use crate::units::MemberId;

const WORD: &[u8] = b"removed";
/// Digits of an id, at most.
const MOST_DIGITS: usize = 16;
const CHUNK: usize = 1 << 20;

/// Those of `members` that the snapshot of a backup in `dir` takes for removed ones.
pub async fn removed_members(dir: &Path, members: &[MemberId]) -> Result<Vec<MemberId>, BackupError> {
    let (path, members) = (dir.join(SNAPSHOT), members.to_vec());
    let searched = path.clone();
    let task = tokio::task::spawn_blocking(move || search(std::fs::File::open(&searched)?, &members, CHUNK));
    let found = task.await.map_err(std::io::Error::other).and_then(|found| found);
    found.map_err(|error| BackupError::file(&path, &error))
}

fn search(mut file: impl Read, members: &[MemberId], chunk: usize) -> std::io::Result<Vec<MemberId>> {
    let keys: Vec<(MemberId, String)> = members.iter().map(|member| (*member, format!("{:x}", member.0))).collect();
    let word = memchr::memmem::Finder::new(WORD);
    let overlap = MOST_DIGITS + WORD.len();
    let mut found = BTreeSet::new();
    let mut bytes = vec![0; chunk + overlap];
    let mut held = 0;
    loop {
        let read = file.read(&mut bytes[held..])?;
        if read == 0 {
            return Ok(found.into_iter().collect());
        }
        let filled = held + read;
        for at in word.find_iter(&bytes[..filled]) {
            let before = &bytes[..at];
            found.extend(keys.iter().filter(|(_, key)| before.ends_with(key.as_bytes())).map(|(member, _)| *member));
        }
        held = filled.min(overlap);
        bytes.copy_within(filled - held..filled, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let most = self.1.min(into.len());
            self.0.read(&mut into[..most])
        }
    }

    #[test]
    fn members_that_are_taken_for_removed_ones_are_found_wherever_they_stand() {
        let members = [MemberId(0xe985_8ccb_664c_aba9), MemberId(0x500d_c23f_b06a_eed9), MemberId(0xabc)];
        let mut file = vec![7; 5000];
        file.extend(b"62837767155440e1removede9858ccb664caba9removed");
        file.extend([0; 300]);
        file.extend(b"500dc23fb06aeed9 removed, abcremove");
        for (chunk, step) in [(1 << 20, usize::MAX), (64, usize::MAX), (64, 1), (1, 3)] {
            assert_eq!(search(Slow(&file, step), &members, chunk).unwrap(), [members[0]], "{chunk} {step}");
        }
        assert_eq!(search(&b""[..], &members, 64).unwrap(), []);
    }
}
