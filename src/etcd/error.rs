//! What goes wrong between quorate and an etcd member. Every message names the endpoint, what was asked, and what was
//! seen; texts that came from outside are cut and escaped before they get here.

use std::time::Duration;

use crate::units::{Bytes, Revision};

/// Most characters of a foreign text that an error shows.
const SHOWN: usize = 160;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EtcdError {
    #[error("{endpoint}: nothing answers: {reason}")]
    Dial { endpoint: String, reason: String },
    #[error("{endpoint}: no TLS connection: {problem}\n  do: {fix}")]
    Tls { endpoint: String, problem: String, fix: String },
    #[error("{endpoint}: {request}: no full answer within {deadline:?}")]
    Deadline { endpoint: String, request: String, deadline: Duration },
    #[error(
        "{endpoint}: {request}: no answer within {deadline:?} to a read that a majority of the members has to confirm: \
         there may be no quorum\n  do: see with `quorate plan` which members are down, and bring them up"
    )]
    NoQuorum { endpoint: String, request: String, deadline: Duration },
    #[error("{endpoint}: {request}: the answer stalled: {received} in {window:?}, at least {least} are expected")]
    Stalled { endpoint: String, request: String, received: Bytes, least: Bytes, window: Duration },
    #[error("{endpoint}: {request}: the connection broke: {reason}")]
    Broken { endpoint: String, request: String, reason: String },
    #[error("{endpoint}: {request}: the answer is longer than {most}, the most that is read of it")]
    TooLarge { endpoint: String, request: String, most: Bytes },
    #[error("{endpoint}: {request}: expected {expected}, got {seen}")]
    Malformed { endpoint: String, request: String, expected: &'static str, seen: String },
    #[error("{endpoint}: {request}: HTTP status {status}: {said}")]
    HttpStatus { endpoint: String, request: String, status: u16, said: String },
    #[error(
        "{endpoint}: {request}: this member does not serve the v2 API (HTTP 404): it is off (enable-v2) or the version has none"
    )]
    V2NotServed { endpoint: String, request: String },
    #[error("{endpoint}: {request}: this version of etcd has no such call")]
    Unsupported { endpoint: String, request: String },
    /// `to`: whom, and what etcd says to that.
    #[error("{endpoint}: {request}: denied to {to}\n  do: {fix}")]
    Denied { endpoint: String, request: String, denial: Denial, to: String, fix: String },
    #[error("{endpoint}: {request}: revision {revision} has been compacted away")]
    Compacted { endpoint: String, request: String, revision: Revision },
    #[error("{endpoint}: {request}: etcd answers: {said} ({code})")]
    Refused { endpoint: String, request: String, code: String, said: String },
    #[error("{endpoint}: {request}: cannot write what it sends: {reason}")]
    Sink { endpoint: String, request: String, reason: String },
    #[error("{endpoint}: {request}: the snapshot is not whole: {problem}")]
    Snapshot { endpoint: String, request: String, problem: String },
}

/// What a client lacks that is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It said of no user.
    NoUser,
    /// There is no such user, or the password is another one. Which of the two etcd keeps to itself.
    WrongLogin,
    /// The token is of before: the member has forgotten it, or users were changed since.
    StaleToken,
    /// The user may not do this.
    NotPermitted,
}

impl EtcdError {
    /// The member answers, and its version has no such call: a fact about the version, not a fault.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. } | Self::V2NotServed { .. })
    }

    /// Of a read that a majority has to confirm: etcd gives none, rather than an answer that says why.
    #[must_use]
    pub(super) fn of_quorum_read(self) -> Self {
        match self {
            Self::Deadline { endpoint, request, deadline } => Self::NoQuorum { endpoint, request, deadline },
            other => other,
        }
    }

    /// Of a request for this revision: tells one that is compacted from other refusals.
    #[must_use]
    pub(super) fn about(self, revision: Revision) -> Self {
        match self {
            Self::Refused { endpoint, request, said, .. } if said.contains("has been compacted") => {
                Self::Compacted { endpoint, request, revision }
            }
            other => other,
        }
    }

    /// Nothing at all answered: the member is down, or the way to it is.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Dial { .. } | Self::Broken { .. } | Self::Deadline { .. } | Self::NoQuorum { .. })
    }
}

/// A foreign text as it is fit for a message: cut, on one line, control characters and bidi marks escaped.
#[must_use]
pub(crate) fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    // Four bytes is the longest character: decoding more than this many bytes never shows more characters.
    let cut = &bytes[..bytes.len().min(SHOWN * 4)];
    let text = String::from_utf8_lossy(cut);
    let mut out = String::from("\"");
    let mut count = 0;
    for character in text.chars().take(SHOWN) {
        // `escape_debug` leaves printable characters alone and escapes controls, format and unassigned characters.
        out.extend(character.escape_debug());
        count += 1;
    }
    out.push('"');
    if count == SHOWN || cut.len() < bytes.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_cut_and_escaped() {
        assert_eq!(shown(b""), "nothing");
        assert_eq!(shown(b"a\nb\x1b[31m"), r#""a\nb\u{1b}[31m""#);
        assert_eq!(shown("\u{202e}x".as_bytes()), r#""\u{202e}x""#);
        assert_eq!(shown(&[0xff, 0xfe]), "\"\u{fffd}\u{fffd}\"");
        let long = shown(&vec![b'x'; 1_000_000]);
        assert!(long.ends_with('…') && long.chars().count() < SHOWN + 4, "{}", long.len());
    }
}
