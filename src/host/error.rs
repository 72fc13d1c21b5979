//! What goes wrong between quorate and a host. Every message names the host and what was tried.

use std::time::Duration;

use super::connect_errors::Trouble;

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// No connection could be made. Nothing was run.
    #[error("{host}: cannot connect: {reason}\n  do: {fix}")]
    Connect { host: String, reason: String, fix: String },
    /// Logged in, but the account cannot run commands as declared: no shell, no sudo. Nothing was run.
    #[error("{host}: `{command}` was not run: {reason}\n  do: {fix}")]
    Access { host: String, command: String, reason: String, fix: String },
    /// The connection was lost while the command ran, and made again; what was left of the command there was told to
    /// end. What it did is not known: run it again if it can be, or look before deciding anything.
    #[error("{host}: the connection was lost during `{command}`: {reason}")]
    Interrupted { host: String, command: String, reason: String },
    /// The connection is gone, and could not be made again in time. Whether the command did anything is not known.
    #[error(
        "{host}: the connection was lost during `{command}`: {reason}\n  do: see that the host is up and reachable, then \
         go on"
    )]
    Lost { host: String, command: String, reason: String },
    /// The command was told to end, where that was possible. Whether it took effect is not known.
    #[error("{host}: `{command}` did not end, or left its output open, within {deadline:?}")]
    Deadline { host: String, command: String, deadline: Duration },
    #[error("{host}: `{command}` printed more than is accepted")]
    TooMuchOutput { host: String, command: String },
    /// Nothing was run.
    #[error("{host}: cannot start `{command}`: {reason}")]
    Start { host: String, command: String, reason: String },
    #[error("{host}: nothing answers on {address}:{port}: {reason}")]
    Dial { host: String, address: String, port: u16, reason: String },
    #[error("{host}: {path}: {reason}")]
    Transfer { host: String, path: String, reason: String },
}

/// Why a connection went, and why it could not be made again.
pub(super) fn not_again(reason: &str, trouble: &Trouble) -> String {
    format!("{reason}; {}", trouble.reason)
}

/// Text that a host sent, made safe to show: one line, no control characters, no marks that turn the direction of
/// writing, at most 300 characters.
pub(super) fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    let mut line = String::new();
    for c in text.trim().chars().take(MOST) {
        match c {
            '\r' => {}
            '\n' => line.push_str(" / "),
            '\t' => line.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' => {
                line.extend(c.escape_unicode());
            }
            c if c.is_control() => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

/// The last line of `bytes` that says anything, made safe to show.
pub(super) fn last_line(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|&b| b == b'\n').rev().find(|line| !line.trim_ascii().is_empty())?;
    Some(shown(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_cannot_move_the_cursor() {
        assert_eq!(shown(b"a\x1b[2Jb\r\nc\xff"), "a\\u{1b}[2Jb / c\u{fffd}");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(shown(&[b'x'; 1000]).len(), 300);
        assert_eq!(last_line(b"one\ntwo\n \n").as_deref(), Some("two"));
        assert_eq!(last_line(b"\n"), None);
    }
}
