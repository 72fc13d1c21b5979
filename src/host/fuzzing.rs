//! Door for [`crate::fuzzing`]: what a login on a host prints around the answers.

use super::connect_errors::{Trouble, explain, explain_not_started};
use super::error::{last_line, shown};
use super::framing::{Mark, MarkFinder, Progress};
use crate::fuzzing::harmless;
use crate::spec::model::{Become, Ssh};
use crate::units::Span;

/// What the mark finder has at the end: the command's first bytes, or none where it never started.
fn find(pieces: &[&[u8]]) -> (Option<Vec<u8>>, Vec<u8>) {
    let mut finder = MarkFinder::new(&Mark::fixed("quorate-00ff"));
    let mut found: Option<Vec<u8>> = None;
    for piece in pieces {
        match (&mut found, piece) {
            (Some(bytes), piece) => bytes.extend_from_slice(piece),
            (None, piece) => match finder.feed(piece) {
                Progress::Waiting => {}
                Progress::Flooded => break,
                Progress::Started { process, first } => {
                    assert!(process.is_none_or(|process| process.group > 1));
                    found = Some(first);
                }
            },
        }
    }
    (found, finder.noise().to_vec())
}

fn fit(trouble: &Trouble) {
    harmless(&trouble.reason);
    harmless(&trouble.fix);
    assert!(trouble.reason.len() < 8 * 1024);
}

/// A stream with the mark somewhere, or nowhere: cut in two anywhere, it means the same.
pub fn stream(bytes: &[u8]) {
    let Some((&cut, bytes)) = bytes.split_first() else { return };
    // Noise without an end is given up on: where, hangs on the pieces.
    if bytes.len() < 4096 {
        let (one, other) = bytes.split_at(usize::from(cut).min(bytes.len()));
        assert_eq!(find(&[bytes]), find(&[one, other]), "cut at {cut}");
    }
    let (_, noise) = find(&[bytes]);
    for become_ in [Become::No, Become::Sudo] {
        fit(&explain_not_started(become_, Some(1), &noise, bytes));
    }
    harmless(&shown(bytes));
    if let Some(line) = last_line(bytes) {
        harmless(&line);
    }
    let ssh = Ssh {
        destination: "10.0.0.11".to_owned(),
        user: None,
        port: Some(2222),
        identity_file: None,
        config_file: None,
        known_hosts_file: None,
        connect_timeout: Span::from_secs(10),
        reconnect_for: Span::from_secs(30),
        become_: Become::No,
    };
    fit(&explain(&ssh, &String::from_utf8_lossy(bytes)));
}
