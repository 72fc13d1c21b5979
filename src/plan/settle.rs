//! Settle: the guides' wait after each member of a cluster with much v2 data.

use crate::observe::inventory::MemberFacts;
use crate::plan::model::Gate;
use crate::plan::survey::Surveyed;
use crate::plan::upgrade::Ingredients;
use crate::units::{Bytes, Span};

/// How much v2 data a member holds, as the guides estimate it: the size of its newest raft snapshot. Before the first
/// one, everything is in the WAL still.
pub fn v2_size(facts: &MemberFacts) -> Option<Bytes> {
    facts.data_dir.newest_snap.as_ref().map(|snap| snap.size).or(facts.data_dir.wal_size)
}

/// The wait for this member, where the rung asks for one.
pub fn gate(from: &Ingredients<'_>, member: &Surveyed<'_>) -> Option<Gate> {
    let holds_v2 = from.survey.serving().any(|(_, etcd)| etcd.v2_keys.is_some_and(|keys| keys > 0));
    if !holds_v2 || !from.way.is_rung() {
        return None;
    }
    let size = v2_size(member.facts()?)?;
    let rule = from.knowledge.timing().settle(&from.way.to)?;
    let by_the_guide = rule.wait_for(size)?;
    // What the spec sets stands for the guide's shorter wait; the longer one keeps its proportion.
    let declared = from.cluster.rollout.v2_settle;
    let span = if by_the_guide > rule.wait {
        let times = by_the_guide.duration().as_secs_f64() / rule.wait.duration().as_secs_f64().max(1.0);
        Span::from(declared.duration().mul_f64(times))
    } else {
        declared
    };
    if span.is_zero() {
        return None;
    }
    let source = rule.fact.sources.first().map(ToString::to_string).unwrap_or_default();
    Some(Gate::V2Settle { span, size, source })
}
