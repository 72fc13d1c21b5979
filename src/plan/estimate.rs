//! Estimate: how long steps take, by the sizes seen. For people; nothing is decided by it.

use crate::plan::model::{Gate, Operation};
use crate::spec::model::Verify;
use crate::units::{Bytes, Span};

/// A start, from the command to a healthy member, for a small database.
pub const START: Span = Span::from_secs(2);

/// The cluster version moves within one interval of the leader's look at all versions (4 to 5 s).
pub const VERSION_MOVES: Span = Span::from_secs(4);

/// What is over as soon as it was asked for.
pub const SHORT: Span = Span::from_secs(1);

/// Rates that a modest host and network reach, in bytes a second.
const NETWORK: u64 = 50 * 1024 * 1024;
const DISK: u64 = 150 * 1024 * 1024;

fn at_rate(size: Bytes, rate: u64) -> Span {
    Span::from_secs(size.0.div_ceil(rate))
}

fn sum(spans: impl IntoIterator<Item = Span>) -> Span {
    spans.into_iter().map(Span::duration).sum::<std::time::Duration>().into()
}

pub fn transfer(size: Bytes) -> Span {
    sum([Span::from_secs(1), at_rate(size, NETWORK)])
}

pub fn read(size: Bytes) -> Span {
    sum([Span::from_secs(1), at_rate(size, DISK)])
}

pub fn backup(size: Bytes, verify: Verify) -> Span {
    match verify {
        Verify::Hash => transfer(size),
        Verify::Restore => sum([transfer(size), read(size), read(size), START]),
    }
}

/// One member: its operations, then the waits that are certain.
pub fn member(operations: &[Operation], after: &[Gate]) -> Span {
    let operations = operations.iter().map(|operation| match operation {
        Operation::HandOver { .. } | Operation::SwapBinary | Operation::SetDataAside | Operation::RewriteSettings => {
            Span::default()
        }
        Operation::LeaveCluster | Operation::JoinCluster => SHORT,
        Operation::Stop { .. } => Span::from_secs(1),
        Operation::CopyDataDir { size, .. } => at_rate(*size, DISK),
        Operation::Start { .. } | Operation::StartJoining { .. } => START,
    });
    let waits = after.iter().map(|gate| match gate {
        Gate::Soak { span } => *span,
        Gate::V2Settle { span, .. } => *span,
        _ => Span::default(),
    });
    let longest_wait = waits.max().unwrap_or_default();
    sum(operations.chain([longest_wait]))
}

/// All steps, one after the other.
pub fn total<'a>(steps: impl Iterator<Item = &'a crate::plan::model::Step>) -> Span {
    sum(steps.map(|step| step.estimate))
}
