//! What is run on a host.

use std::time::Duration;

use crate::units::Bytes;

/// Most bytes of standard output that are kept of one command.
pub const OUTPUT_LIMIT: Bytes = Bytes::mebi(16);

/// Most bytes of standard error that are kept of one command: its end.
pub const STDERR_LIMIT: usize = 64 * 1024;

/// One command: a program and its arguments, never shell text. It runs with `LC_ALL=C`.
///
/// It is over when it has ended and its standard output and error are closed. A program that stays in the background
/// must have them redirected, or its starter runs into the deadline.
#[derive(Debug, Clone)]
pub struct Command {
    pub program: String,
    pub args: Vec<String>,
    pub privilege: Privilege,
    pub stdin: Vec<u8>,
    pub deadline: Duration,
}

/// As whom a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// As the user that logged in.
    Login,
    /// As the connection's `become` says: through `sudo -n`, or as the login user where none is declared.
    Elevated,
}

impl Command {
    pub fn new(program: &str, args: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            privilege: Privilege::Elevated,
            stdin: Vec::new(),
            deadline: Duration::from_secs(30),
        }
    }

    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    #[must_use]
    pub fn privilege(mut self, privilege: Privilege) -> Self {
        self.privilege = privilege;
        self
    }

    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }
}

/// A constant POSIX sh script, part of this program. Values reach it only as arguments.
///
/// Its standard input is `/dev/null`. It is read whole before its first line runs, so a connection that is cut while
/// it is sent runs nothing of it.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// For messages: `probe`, `swap`, …
    pub name: &'static str,
    pub text: &'static str,
    pub privilege: Privilege,
    pub deadline: Duration,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; 127 when the program was not found; `None` when a signal ended it. (Some login shells turn a signal
    /// into a code of 128 and the signal's number.)
    pub status: Option<i32>,
    pub stdout: Vec<u8>,
    /// The end of it, at most 64 KiB.
    pub stderr: Vec<u8>,
}

impl Output {
    pub fn success(&self) -> bool {
        self.status == Some(0)
    }
}
