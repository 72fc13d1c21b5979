//! What is run on a host.

use std::time::Duration;

use crate::units::Bytes;

/// Most bytes of standard output that are kept of one command.
pub const OUTPUT_LIMIT: Bytes = Bytes::mebi(16);

/// One command: a program and its arguments, never shell text.
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
}

/// A constant POSIX sh script, part of this program. Values reach it only as arguments.
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
    /// Exit code; `None` when a signal ended it.
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
