//! What the driver tells while it works. The view turns these into a terminal, lines, or JSON; nothing else prints.

use serde::{Deserialize, Serialize};

use crate::execute::journal::Line;
use crate::plan::model::StepId;
use crate::units::{Bytes, MemberName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A line of the journal was written.
    Journal(Line),
    /// Gates are being judged and do not hold yet.
    Waiting { step: StepId, for_what: Vec<String>, waited_ms: u64, bound_ms: u64 },
    /// Bytes are moving.
    Progress { step: StepId, member: Option<MemberName>, what: String, done: Bytes, total: Option<Bytes> },
    /// Log lines of the time of the run that nobody expected.
    UnexpectedLog { member: MemberName, lines: Vec<String>, left_out: u64 },
    /// How members answered in the last seconds, for a terminal: twice a second. JSON has the `availability` entries of the
    /// journal instead.
    Strip { members: Vec<MemberStrip> },
    /// Something a person should know that changes nothing.
    Notice { text: String },
}

/// The last seconds of one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStrip {
    pub member: MemberName,
    /// One letter for each `cell_ms`, the newest last; which, is told at the strip of a whole run.
    pub letters: String,
    pub cell_ms: u64,
    /// How long its last answer took.
    pub took_ms: Option<u64>,
    /// How long ago that was.
    pub silent_ms: Option<u64>,
}
