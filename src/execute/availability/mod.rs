//! Availability: what a client of the cluster meets while a run works on it.
//!
//! All through a run one small request after the other goes through every member's client URL, at a bounded rate; what came of
//! each, and when, is kept here as counts, in bounded memory. [`record`] is the pure part: tries in, figures out. [`probe`] asks,
//! beside the driver, over connections of its own. It never disturbs: its errors are no errors of the run, it keeps no run from
//! ending, and it lets go of a member that is about to be stopped ([`quiet`]).
//!
//! **A stall** of the cluster is the time from one answer, through whichever member, to the next: what a client notices that
//! asks the next member when one does not answer. The writing client of the benchmarks counts alike. A stall of one member is
//! the time from one answer of it to the next. What is before the first answer is none; one that goes on is as long as it has
//! lasted so far. The pauses that the probe itself makes are in it, so figures of a pause between two tries (200 ms for one
//! member, by default) say nothing. Time in which the controller stood still, and nobody was asked, does not count.

mod histogram;
pub mod probe;
mod quiet;
mod record;
mod strip;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::spec::model::Probe;
use crate::units::MemberName;

pub use quiet::{Away, Quiet};
pub use record::{Cause, Record, Stalled};
pub use strip::Mark;

/// How clients were served, during one step or all of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// What was asked.
    pub probe: Probe,
    /// Through all members together; its stall is the longest time in which no member answered.
    pub cluster: Measured,
    /// Through each; its stall is the longest time in which this member did not answer.
    pub members: BTreeMap<MemberName, Measured>,
    /// Of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip: Option<Strip>,
}

/// Figures of many tries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub tries: u64,
    /// How many of them were not answered; all causes together.
    pub errors: u64,
    pub causes: Causes,
    /// Half of the answers took no longer than this.
    pub p50_ms: Option<u64>,
    pub p99_ms: Option<u64>,
    /// The longest stall.
    pub stall_ms: u64,
    /// When it began, since the run did; null where there was no stall.
    pub stalled_at_ms: Option<u64>,
}

/// Why tries were not answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Causes {
    /// Nothing listens, or the connection broke.
    pub unreachable: u64,
    /// No answer in time.
    pub late: u64,
    /// etcd answered with an error.
    pub refused: u64,
}

/// Answers over time, by member: one letter for each span of `cell_ms`, from the begin of the run on. The worst of the span
/// counts: `.` answered, `o` after 100 ms or more, `O` after 500 ms or more, `x` not answered, `-` not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strip {
    pub cell_ms: u64,
    pub members: BTreeMap<MemberName, String>,
}
