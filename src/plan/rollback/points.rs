//! Rollback points: which of those on the hosts belong together, and in which order they may be started.

use std::collections::BTreeSet;

use crate::observe::inventory::RollbackPointFacts;
use crate::plan::rollback::PointSet;
use crate::plan::survey::{Survey, Surveyed};
use crate::units::Version;

/// The points of one version, of all members; or which members have none.
///
/// Each member gives the newest that it has. They may be of several runs: an upgrade that was cut off and gone on with
/// leaves some of the first run. That is as good: what makes them safe is that each is what its member was when it was
/// stopped, and that the one with the longest log is started first.
pub fn find(survey: &Survey<'_>, version: &Version) -> Result<PointSet, Vec<String>> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for member in &survey.members {
        match newest(member, version) {
            Ok(point) => found.push((member.view.name.clone(), point.clone())),
            Err(why) => missing.push(why),
        }
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    // The longest log first; where indexes are equal or not known, the one that was taken last.
    found.sort_by(|(_, a), (_, b)| (b.raft_index, &b.taken_at).cmp(&(a.raft_index, &a.taken_at)));
    let longest = found.first().and_then(|(_, point)| point.raft_index);
    let now = survey.serving().filter_map(|(_, etcd)| etcd.raft_index).max();
    let lost = longest.zip(now).map(|(then, now)| now.0.saturating_sub(then.0));
    Ok(PointSet { version: version.clone(), members: found, lost })
}

fn newest<'a>(member: &Surveyed<'a>, version: &Version) -> Result<&'a RollbackPointFacts, String> {
    let name = &member.view.name;
    let Some(data) = member.facts().map(|facts| &facts.data_dir) else {
        return Err(format!("{name}: nothing was seen of it"));
    };
    let of_version = || data.rollback_points.iter().filter(|point| point.member == *name && point.version == *version);
    let usable = of_version()
        .filter(|point| !point.changed_since && (data.outer_wal_dir().is_none() || point.wal_path.is_some()))
        .max_by(|a, b| a.taken_at.cmp(&b.taken_at));
    match (usable, of_version().next()) {
        (Some(point), _) => Ok(point),
        (None, Some(point)) if point.changed_since => {
            Err(format!("{name}: {} was written to after it was taken", point.path))
        }
        (None, Some(point)) => Err(format!("{name}: {} has no copy of the WAL directory", point.path)),
        (None, None) => Err(format!("{name}: no rollback point of {version} beside {}", data.path)),
    }
}

/// The version below this one of which all members have a point; of several, the one that was taken last.
pub fn newest_version_below(survey: &Survey<'_>, below: &Version) -> Option<Version> {
    let versions: BTreeSet<&Version> = survey
        .members
        .iter()
        .filter_map(Surveyed::facts)
        .flat_map(|facts| &facts.data_dir.rollback_points)
        .map(|point| &point.version)
        .filter(|version| *version < below)
        .collect();
    let sets = versions.into_iter().filter_map(|version| find(survey, version).ok());
    sets.max_by(|a, b| a.taken_last().cmp(b.taken_last())).map(|set| set.version)
}
