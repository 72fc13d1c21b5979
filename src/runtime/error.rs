//! What goes wrong with a member on its host. Every message names the host, what was seen and what to do.

use std::fmt;

use crate::host::HostError;

#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host was asked, and what it has does not allow the operation. Nothing was changed, or what was begun was undone.
    #[error("{host}: {operation}: {refusal}: {seen}\n  do: {}", .refusal.fix())]
    Refused { host: String, operation: &'static str, refusal: Refusal, seen: String },
    /// The script did not give a whole answer; what it did is not known.
    #[error("{host}: {operation}: no whole answer came back ({reason}); it said: {stderr}")]
    Answer { host: String, operation: &'static str, reason: String, stderr: String },
    /// A value that must not get into a script, a path or a unit file.
    #[error("{what} {value:?} {rule}")]
    Value { what: &'static str, value: String, rule: &'static str },
    #[error("template {name}: {reason}\n  do: correct the template, or remove it to use the built-in one")]
    Template { name: String, reason: String },
}

/// Why a host's state does not allow an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Something that must be there is not.
    Missing,
    /// Something that must not be there is.
    Exists,
    /// A process still uses it.
    Busy,
    /// The file is neither what it was nor what it should become.
    Digest,
    NoSpace,
    ReadOnly,
    Permission,
    NotExecutable,
    Masked,
    LinkInside,
    Capabilities,
    NotPrepared,
    /// A copy that was to stay as it is was written to.
    Changed,
    /// A command failed for another reason; it is in what was seen.
    Failed,
}

impl Refusal {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "missing" => Self::Missing,
            "exists" => Self::Exists,
            "busy" => Self::Busy,
            "digest" => Self::Digest,
            "no-space" => Self::NoSpace,
            "read-only" => Self::ReadOnly,
            "permission" => Self::Permission,
            "not-executable" => Self::NotExecutable,
            "masked" => Self::Masked,
            "link-inside" => Self::LinkInside,
            "capabilities" => Self::Capabilities,
            "not-prepared" => Self::NotPrepared,
            "changed" => Self::Changed,
            "failed" => Self::Failed,
            _ => return None,
        })
    }

    /// What a person does about it.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Missing => "check that the path or unit in the spec is the one on the host",
            Self::Exists => "look at what is there; remove it if nobody needs it, or adopt it",
            Self::Busy => "find out what that process is, and stop it",
            Self::Digest => "somebody else replaced this file: find out who, then plan again",
            Self::NoSpace => "free space there, then run it again",
            Self::ReadOnly => "see why the file system is read-only (dmesg), and mount it writable",
            Self::Permission => "give the connection the right to do this (become = \"sudo\"), or change the owner",
            Self::NotExecutable => "see the mode of the file and whether its file system is mounted noexec",
            Self::Masked => "systemctl unmask it",
            Self::LinkInside => "replace the link by what it leads to, or use --wal-dir: a copy would not hold it",
            Self::Capabilities => {
                "give them to the unit instead (AmbientCapabilities=), and remove them with setcap -r"
            }
            Self::NotPrepared => "run it again: what was made ready before the stop is gone",
            Self::Changed => "somebody has used that copy: it is no point to go back to any more",
            Self::Failed => "see what the host said",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "not there",
            Self::Exists => "there already",
            Self::Busy => "in use",
            Self::Digest => "not the file that was expected",
            Self::NoSpace => "no space left",
            Self::ReadOnly => "read-only",
            Self::Permission => "not permitted",
            Self::NotExecutable => "cannot be executed",
            Self::Masked => "masked",
            Self::LinkInside => "a symbolic link inside the data",
            Self::Capabilities => "has file capabilities",
            Self::NotPrepared => "not made ready",
            Self::Changed => "changed since",
            Self::Failed => "failed",
        })
    }
}
