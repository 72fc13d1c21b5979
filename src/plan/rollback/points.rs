//! Rollback points: which of those on the hosts belong together, and in which order they may be started.

use std::collections::BTreeSet;

use crate::observe::inventory::RollbackPointFacts;
use crate::plan::rollback::PointSet;
use crate::plan::survey::{Survey, Surveyed};
use crate::units::{ClusterId, Version};

/// The points of one version, of all members; or which members have none.
///
/// Each member gives the newest that it has. They may be of several runs: an upgrade that was cut off and gone on with
/// leaves some of the first run. That is as good: what makes them safe is that each is what its member was when it was
/// stopped, and that the one with the longest log is started first. But all must be of one cluster, and of the one that
/// runs: a restore makes another one, whose members would not talk to each other, and whose indexes say nothing here. And
/// where the newest cannot be used no older one steps in for it: it would lack what the others say was acknowledged.
pub fn find(survey: &Survey<'_>, version: &Version) -> Result<PointSet, Vec<String>> {
    let cluster = cluster_of(survey, version);
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for member in &survey.members {
        match newest(member, version, cluster) {
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
    let now = survey.serving_together().filter_map(|(_, etcd)| etcd.raft_index).max();
    let lost = longest.zip(now).map(|(then, now)| now.0.saturating_sub(then.0));
    Ok(PointSet { version: version.clone(), members: found, lost })
}

/// The cluster whose points may be used: the one that members serve; where none does, that of the point that was taken
/// last.
fn cluster_of(survey: &Survey<'_>, version: &Version) -> Option<ClusterId> {
    survey.cluster_id().or_else(|| {
        let points = survey.members.iter().flat_map(|member| of_version(member, version));
        points.max_by(|a, b| a.taken_at.cmp(&b.taken_at)).and_then(|point| point.cluster_id)
    })
}

fn of_version<'a>(member: &Surveyed<'a>, version: &Version) -> impl Iterator<Item = &'a RollbackPointFacts> {
    let points = member.facts().map(|facts| facts.data_dir.rollback_points.as_slice()).unwrap_or_default();
    points.iter().filter(|point| point.member == member.view.name && point.version == *version)
}

fn newest<'a>(
    member: &Surveyed<'a>,
    version: &Version,
    cluster: Option<ClusterId>,
) -> Result<&'a RollbackPointFacts, String> {
    let name = &member.view.name;
    let Some(data) = member.facts().map(|facts| &facts.data_dir) else {
        return Err(format!("{name}: nothing was seen of it"));
    };
    let other_cluster = |point: &RollbackPointFacts| {
        point.cluster_id.zip(cluster).and_then(|(of, now)| (of != now).then_some((of, now)))
    };
    let by_time = |a: &&RollbackPointFacts, b: &&RollbackPointFacts| a.taken_at.cmp(&b.taken_at);
    let Some(point) = of_version(member, version).filter(|point| other_cluster(point).is_none()).max_by(by_time) else {
        let other = of_version(member, version).max_by(by_time);
        return Err(match other.and_then(|point| Some((point, other_cluster(point)?))) {
            Some((point, (of, now))) => format!(
                "{name}: {} is of cluster {of}, and the cluster is {now} now: it was restored since, and a member would \
                 not talk to the others",
                point.path
            ),
            None => format!("{name}: no rollback point of {version} beside {}", data.path),
        });
    };
    if point.changed_since {
        return Err(format!("{name}: {} was written to after it was taken", point.path));
    }
    if data.outer_wal_dir().is_some() && point.wal_path.is_none() {
        return Err(format!("{name}: {} has no copy of the WAL directory", point.path));
    }
    if !point.is_whole() {
        let then = point.files_then.unwrap_or_default();
        return Err(format!(
            "{name}: {} has {} files of log and snapshots; it had {then} when it was taken",
            point.path, point.files
        ));
    }
    Ok(point)
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
