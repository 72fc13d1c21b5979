//! Choices: what is possible once the cluster version has moved, and what each way costs.

use serde::{Deserialize, Serialize};

use crate::knowledge::{Rung, WayBack};
use crate::observe::inventory::RollbackPointFacts;
use crate::plan::rollback::ground::Ground;
use crate::plan::rollback::{BackupTaken, RollbackInput, points};
use crate::plan::survey::Survey;
use crate::units::{ClusterName, MemberName, Minor, Version};

/// The ways back of a completed upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    pub cluster: ClusterName,
    pub from: Version,
    pub to: Version,
    pub cluster_version: Minor,
    /// Why the old binaries cannot simply be put back.
    pub no_swap: String,
    pub source: String,
    /// The rollback points of all members, or which members have none.
    pub points: Result<PointSet, Vec<String>>,
    /// The backup of the run that completed the upgrade.
    pub restore: Option<BackupTaken>,
    /// etcd itself has a way down, and how that goes.
    pub downgrade: Option<String>,
    /// The version to declare, for `apply` to take that way. `None`: it is not one that quorate takes.
    pub declare: Option<Version>,
}

/// The points of all members, the longest log first: the order in which they are started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointSet {
    pub version: Version,
    pub members: Vec<(MemberName, RollbackPointFacts)>,
    /// Entries of the raft log since the newest of them: the writes among these are lost. `None`: not known.
    pub lost: Option<u64>,
}

impl PointSet {
    /// When the last of them was taken.
    pub fn taken_last(&self) -> &str {
        self.members.iter().map(|(_, point)| point.taken_at.as_str()).max().unwrap_or_default()
    }

    /// The runs that took them.
    pub fn runs(&self) -> Vec<&str> {
        let mut runs: Vec<&str> = self.members.iter().map(|(_, point)| point.run.as_str()).collect();
        runs.sort_unstable();
        runs.dedup();
        runs
    }
}

pub fn of(from: &RollbackInput<'_>, survey: &Survey<'_>, ground: &Ground, to: &Version, rung: &Rung) -> Choices {
    Choices {
        cluster: from.input.cluster.name.clone(),
        from: ground.newest.clone(),
        to: to.clone(),
        cluster_version: rung.to,
        no_swap: rung.rollback.fact.what.clone(),
        source: rung.rollback.fact.sources.first().map(ToString::to_string).unwrap_or_default(),
        points: points::find(survey, to),
        restore: from.last.filter(|last| last.from == *to).and_then(|last| last.backup.clone()),
        downgrade: downgrade(rung),
        declare: rung.downgrade_api().map(|_| to.clone()),
    }
}

fn downgrade(rung: &Rung) -> Option<String> {
    let own = |way: &WayBack| matches!(way, WayBack::DowngradeApi | WayBack::NextVersionCompatible);
    rung.rollback.after_completion.iter().any(own).then_some(())?;
    rung.downgrade.as_ref().map(|downgrade| downgrade.fact.what.clone())
}
