//! The constant wrapper around every command, and the mark it prints first.
//!
//! A login shell's rc file, a banner or sudo may print before the command does. The wrapper prints a random mark on
//! both streams right before it becomes the command: what came before is noise, what comes after is the command's.
//! A mark that never came means that the command never started, and the noise says why.

use super::command::Privilege;
use crate::spec::model::Become;

/// `sh -c WRAPPER sh MARK PROGRAM ARGS…`. The mark's line on standard output carries `/proc/PID/stat`, by which the
/// process can be found and ended later. No quote, backslash, newline or `!` stands in it, so any login shell passes it.
const WRAPPER: &str = "LC_ALL=C; export LC_ALL; { read -r s < /proc/$$/stat; } 2> /dev/null; \
    echo \"$1 $s\"; echo \"$1\" >&2; shift; exec \"$@\"";

/// Ends the process group of a command that was not done in time: TERM, and KILL two seconds later. Arguments: process
/// id, its start time (a process id that was given to somebody else since is left alone), process group.
pub(super) const STOP: &str = "[ -r /proc/$1/stat ] || exit 0; read -r s < /proc/$1/stat; s=${s##*) }; \
    set -- \"$1\" \"$2\" \"$3\" $s; [ \"${23}\" = \"$2\" ] || exit 0; kill -TERM \"-$3\"; i=0; \
    while [ $i -lt 20 ] && kill -0 \"-$3\" 2> /dev/null; do sleep 0.1; i=$((i+1)); done; \
    kill -KILL \"-$3\" 2> /dev/null; exit 0";

/// Most bytes that a login shell may print before the command starts.
const NOISE_LIMIT: usize = 64 * 1024;

/// Most bytes of the line that the mark is on: `/proc/PID/stat` has a few hundred.
const MARK_LINE_LIMIT: usize = 4096;

/// A word that nothing else on a host will print.
#[derive(Debug, Clone)]
pub(super) struct Mark(String);

impl Mark {
    pub(super) fn new() -> std::io::Result<Self> {
        let mut bytes = [0; 12];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(format!("quorate-{}", hex::encode(bytes))))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn fixed(word: &str) -> Self {
        Self(word.to_owned())
    }
}

/// The words to be run for a command.
pub(super) fn words(become_: Become, privilege: Privilege, mark: &Mark, program: &str, args: &[&str]) -> Vec<String> {
    prefixed(become_, privilege, &[&["sh", "-c", WRAPPER, "sh", mark.text(), program][..], args].concat())
}

/// `words`, run as the account that the privilege asks for.
pub(super) fn prefixed(become_: Become, privilege: Privilege, words: &[&str]) -> Vec<String> {
    let sudo: &[&str] = match (become_, privilege) {
        (Become::Sudo, Privilege::Elevated) => &["env", "LC_ALL=C", "sudo", "-n", "--"],
        _ => &[],
    };
    sudo.iter().chain(words).map(|word| (*word).to_owned()).collect()
}

/// A started process, as its host knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteProcess {
    pub pid: u32,
    pub group: u32,
    /// Clock ticks since boot.
    pub started: u64,
}

impl RemoteProcess {
    /// Reads a line of `/proc/PID/stat` (proc(5)): fields 1, 5 and 22; the name in field 2 may hold anything.
    pub(super) fn parse(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        let (_, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split_ascii_whitespace();
        let group: u32 = fields.nth(2)?.parse().ok()?;
        let started = fields.nth(16)?.parse().ok()?;
        // Group 0 or 1 would make the `kill` in STOP reach far more than the command.
        (group > 1).then_some(Self { pid: pid.trim().parse().ok()?, group, started })
    }
}

/// What a stream has shown so far.
#[derive(Debug)]
pub(super) enum Progress {
    /// The mark has not come yet.
    Waiting,
    /// It just came: the bytes after it are the command's first.
    Started { process: Option<RemoteProcess>, first: Vec<u8> },
    /// More noise than is accepted.
    Flooded,
}

/// Finds the mark in a stream that comes in pieces.
#[derive(Debug)]
pub(super) struct MarkFinder {
    mark: Vec<u8>,
    seen: Vec<u8>,
}

impl MarkFinder {
    pub(super) fn new(mark: &Mark) -> Self {
        Self { mark: mark.0.as_bytes().to_vec(), seen: Vec::new() }
    }

    pub(super) fn feed(&mut self, piece: &[u8]) -> Progress {
        let from = self.seen.len().saturating_sub(self.mark.len() + MARK_LINE_LIMIT);
        self.seen.extend_from_slice(piece);
        let window = &self.seen[from..];
        let Some(at) = window.windows(self.mark.len()).position(|part| part == self.mark) else {
            return if self.seen.len() > NOISE_LIMIT { Progress::Flooded } else { Progress::Waiting };
        };
        let line = &window[at + self.mark.len()..];
        let Some(end) = line.iter().position(|&b| b == b'\n') else {
            return if line.len() > MARK_LINE_LIMIT { Progress::Flooded } else { Progress::Waiting };
        };
        let process = std::str::from_utf8(&line[..end]).ok().and_then(|stat| RemoteProcess::parse(stat.trim()));
        let first = line[end + 1..].to_vec();
        self.seen.truncate(from + at);
        Progress::Started { process, first }
    }

    /// What came before the mark.
    pub(super) fn noise(&self) -> &[u8] {
        &self.seen
    }
}

/// Wraps a script's text so that the shell reads all of it before it runs any of it, and nothing in it can read the
/// rest of the script as its input. Nothing of it is left unread, wherever it exits: some shells read byte by byte, and in
/// a session that stays the next script's arguments come behind it.
pub(super) fn whole_script(text: &str) -> Vec<u8> {
    format!("{{\n{{\n{text}\n}} </dev/null\nexit\n}}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "123 (a) b) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9876 1 2 3";

    #[test]
    fn finds_the_mark_wherever_the_stream_is_cut() {
        let mark = Mark("quorate-00ff".into());
        let stream = format!("Welcome!\nno newlinequorate-00ff {STAT}\n\u{0}payload\n").into_bytes();
        for cut in 0..stream.len() {
            let mut finder = MarkFinder::new(&mark);
            let mut got = Vec::new();
            let mut found = None;
            for piece in [&stream[..cut], &stream[cut..]] {
                if found.is_some() {
                    got.extend_from_slice(piece);
                } else if let Progress::Started { process, first } = finder.feed(piece) {
                    found = process;
                    got = first;
                }
            }
            assert_eq!(found, Some(RemoteProcess { pid: 123, group: 77, started: 9876 }), "cut at {cut}");
            assert_eq!(got, b"\0payload\n");
            assert_eq!(finder.noise(), b"Welcome!\nno newline");
        }
    }

    #[test]
    fn endless_noise_is_given_up_on() {
        let mut finder = MarkFinder::new(&Mark("quorate-00ff".into()));
        let mut rounds = 0;
        while matches!(finder.feed(&[b'x'; 1000]), Progress::Waiting) {
            rounds += 1;
            assert!(rounds < 100);
        }
        assert!(rounds >= 60);
    }

    #[test]
    fn a_process_group_that_is_not_the_commands_own_is_never_taken() {
        assert_eq!(RemoteProcess::parse("5 (sh) S 1 1 1 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 9 1"), None);
        assert_eq!(RemoteProcess::parse(""), None);
        assert_eq!(RemoteProcess::parse("5 (sh"), None);
    }

    #[test]
    fn only_elevated_commands_go_through_sudo() {
        let mark = Mark("m".into());
        let starts =
            |become_, privilege| words(become_, privilege, &mark, "true", &[]).iter().any(|word| word == "sudo");
        assert!(starts(Become::Sudo, Privilege::Elevated));
        assert!(!starts(Become::Sudo, Privilege::Login));
        assert!(!starts(Become::No, Privilege::Elevated));
    }
}
