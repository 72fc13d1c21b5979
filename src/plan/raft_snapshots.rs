//! Raft snapshots before a rung: whether the rung asks for them, of whom, and how many raft no-ops that takes.

use std::collections::BTreeMap;

use crate::knowledge::{Cure, Hazard, Knowledge};
use crate::plan::findings::{Findings, Words};
use crate::plan::model::RaftSnapshots;
use crate::plan::survey::{Survey, Surveyed};
use crate::plan::target::Way;
use crate::units::{MemberName, RaftIndex, Span, Version};

/// More no-ops than this are not made: with such a snapshot-count a restart is the cheaper way.
pub const MOST_NO_OPS: u64 = 500_000;

/// No-ops a second that a modest cluster does (measured: 2,300 to 12,800), for the estimate.
const RATE: u64 = 2_300;

/// What the whole step may take: so many times the estimate, and not less than this.
const PATIENCE: u64 = 10;
const LEAST_BOUND: u64 = 300;

/// The hazard of the rung that is cleared by raft snapshots, if it has one.
fn hazard<'k>(knowledge: &'k Knowledge, way: &'k Way) -> Option<(&'k Hazard, &'k str)> {
    let rung = knowledge.rung(way.live_minor(), way.to.minor())?;
    rung.hazards_for(&way.to).find_map(|hazard| match &hazard.cure {
        Cure::RaftSnapshotByNoOps { snapshot_count_option } => Some((hazard, snapshot_count_option.as_str())),
        _ => None,
    })
}

/// What has to be done for these members before the first of them gets the new version.
pub fn needed(
    knowledge: &Knowledge,
    way: &Way,
    survey: &Survey<'_>,
    to_change: &[Surveyed<'_>],
) -> Option<RaftSnapshots> {
    let (hazard, option) = hazard(knowledge, way)?;
    let open = to_change.iter().filter(|member| is_open(member, way));
    let members: BTreeMap<MemberName, u64> = open
        .filter_map(|member| Some((member.view.name.clone(), snapshot_count(knowledge, member, option)?)))
        .collect();
    if members.is_empty() {
        return None;
    }
    let no_ops = survey.members.iter().filter_map(|member| {
        let count = *members.get(&member.view.name)?;
        let applied = member.etcd().and_then(|etcd| etcd.raft_applied_index.or(etcd.raft_index)).unwrap_or_default();
        let newest = member.facts().and_then(|facts| facts.data_dir.newest_snap.as_ref()).map(|snap| snap.index);
        Some(until_next(newest, count, applied))
    });
    let no_ops = no_ops.max().unwrap_or_default();
    // A snapshot that is taken before the step begins leaves the whole way to the next one.
    let most = members.values().max().copied().unwrap_or_default();
    let within = Span::from_secs((most / RATE).saturating_mul(PATIENCE).max(LEAST_BOUND));
    Some(RaftSnapshots { hazard: hazard.fact.name.clone(), members, no_ops, within })
}

/// Those that run the new version already have it behind them.
fn is_open(member: &Surveyed<'_>, way: &Way) -> bool {
    member.etcd().is_none_or(|etcd| etcd.server_version < way.to)
}

/// Entries until a member takes its next raft snapshot: one more than its snapshot-count since the last, which cannot be
/// ahead of what it has applied.
#[must_use]
pub fn until_next(newest: Option<RaftIndex>, snapshot_count: u64, applied: RaftIndex) -> u64 {
    let last = newest.map_or(0, |index| index.0.min(applied.0));
    last.saturating_add(snapshot_count).saturating_add(1).saturating_sub(applied.0)
}

pub fn estimate(snapshots: &RaftSnapshots) -> Span {
    Span::from_secs(snapshots.no_ops / RATE + 1)
}

/// Refuses where the cure cannot be had.
pub fn check(
    hazard: &Hazard,
    option: &str,
    (knowledge, way): (&Knowledge, &Way),
    survey: &Survey<'_>,
    findings: &mut Findings,
) {
    for member in survey.members.iter().filter(|member| is_open(member, way)) {
        let Some(count) = snapshot_count(knowledge, member, option).filter(|count| *count > MOST_NO_OPS) else {
            continue;
        };
        findings.refuse(
            &hazard.fact.name,
            Some(member.view),
            Words {
                seen: format!("{option} is {count}: so many raft entries lie between two raft snapshots"),
                must: hazard.fact.what.clone(),
                fix: format!(
                    "set {option} to 10000 on {} and restart it, one member after the other; then plan again: quorate \
                     clears up to {MOST_NO_OPS} entries by raft no-ops",
                    member.view.name
                ),
            },
            hazard.fact.sources.first().map(ToString::to_string).as_deref(),
        );
    }
}

/// What counts for the member; the default of its version where it is not set, is 0 (etcd takes the default then), or cannot
/// be read: a member that runs has some.
fn snapshot_count(knowledge: &Knowledge, member: &Surveyed<'_>, option: &str) -> Option<u64> {
    let facts = member.facts()?;
    let version: &Version = match member.etcd() {
        Some(etcd) => &etcd.server_version,
        None => facts.binary.version.as_ref()?,
    };
    let flag = knowledge.flag(option)?;
    let set = facts.option(option).and_then(|set| go_uint(&set.value)).filter(|count| *count > 0);
    set.or_else(|| flag.default(version).and_then(go_uint))
}

/// A number as Go's flag package reads it: decimal, or after 0x, 0o, 0b, 0; underscores between digits.
fn go_uint(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase().replace('_', "");
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x', ..] => (&text[2..], 16),
        [b'0', b'o', ..] => (&text[2..], 8),
        [b'0', b'b', ..] => (&text[2..], 2),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text.as_str(), 10),
    };
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::go_uint;

    #[test]
    fn numbers_are_read_as_go_does() {
        for (text, number) in [
            ("100000", Some(100_000)),
            (" 0x186A0 ", Some(100_000)),
            ("100_000", Some(100_000)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("0b101", Some(5)),
            ("0", Some(0)),
            ("", None),
            ("0x", None),
            ("many", None),
            ("-1", None),
        ] {
            assert_eq!(go_uint(text), number, "{text}");
        }
    }
}
