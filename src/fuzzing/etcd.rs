//! What etcd, or something in its place, answers; and the snapshots that it gives.

use crate::etcd::fuzzing as doors;
use crate::etcd::snapshot::SnapshotFileError;
use crate::units::{Bytes, Sha256};
use crate::view::{Style, error_text};

use super::{choose, fit_to_be_shown, parts, scratch};

/// Bodies of answers: 0 `/version`, 1 `/health`, 2 `/v2/members`, 3 `/v2/stats/self`, 4 a refusal, 5 up to three v2 trees.
pub fn etcd_answers(bytes: &[u8]) {
    match choose(bytes, 6) {
        Some((5, texts)) => {
            let parts = parts(texts);
            let trees: Option<Vec<_>> = parts.iter().map(|text| doors::v2_tree(text)).collect();
            if let Some([one, others @ ..]) = trees.as_deref() {
                let after = others.first().unwrap_or(one);
                crate::backup::fuzzing::compare_trees(one, after, others.get(1).unwrap_or(after));
            }
        }
        Some((kind, body)) => doors::answer(kind, body),
        None => {}
    }
}

/// What comes through an open connection to a client port: 0 HTTP/1 answers as they are, 1 HTTP/2 frames as they are, 2 gRPC
/// messages, 3 a gRPC status. The second byte says what is asked.
pub fn connections(bytes: &[u8]) {
    let _ = answered(bytes);
}

/// The same; whether there was an answer.
pub(super) fn answered(bytes: &[u8]) -> bool {
    let Some((kind, rest)) = choose(bytes, 4) else { return false };
    let Some((&question, content)) = rest.split_first() else { return false };
    let question = question.wrapping_sub(b'0');
    let answers = parts(content);
    match kind {
        0 => doors::ask_http(question, &answers),
        1 => doors::ask_grpc(question, content.to_vec()),
        2 => doors::ask_grpc(question, doors::messages(&answers)),
        _ => doors::ask_grpc(question, doors::status(content)),
    }
}

/// A snapshot file: 0 as it is, 1 with its digest written here.
pub fn snapshot(bytes: &[u8]) {
    let Some((kind, content)) = choose(bytes, 2) else { return };
    let path = scratch("snapshot").join("snapshot.db");
    let mut file = content.to_vec();
    if kind == 1 {
        // Whole sectors, then the digest.
        file.resize(file.len().next_multiple_of(512).max(2048), 0);
        file.extend_from_slice(&super::files::digest(&file));
    }
    std::fs::write(&path, &file).expect("a file can be written");
    let verify = |expected| doors::block_on(crate::etcd::snapshot::verify(&path, expected));
    match verify(None) {
        Ok(facts) => {
            let (content, told) = file.split_at(file.len() - 32);
            assert_eq!((facts.size, &facts.sha256.0[..]), (Bytes(file.len() as u64), told));
            assert_eq!(facts.sha256, Sha256::of(content));
            assert_eq!(verify(Some(facts.sha256)).ok(), Some(facts));
            let another = verify(Some(Sha256([0; 32])));
            assert!(matches!(another, Err(SnapshotFileError::AnotherSnapshot { .. })));
            // Any byte of it counts.
            let at = usize::from(content[0]) * 7 % file.len();
            file[at] ^= 1;
            std::fs::write(&path, &file).expect("a file can be written");
            assert!(verify(None).is_err());
        }
        Err(error) => fit_to_be_shown(&error_text(&error.to_string(), &[], Style::plain(80))),
    }
}
