//! What was kept of runs and backups: read, and put together.

use std::collections::BTreeMap;
use std::path::Path;

use crate::backup::{self, Kept, Listing, Pruning};
use crate::execute::journal::{Detail, EffectResult, Ending, Entry};
use crate::plan::leftovers::{NeededRuns, PastRun, is_complete, needed_runs};
use crate::session::{Records, Session, SessionError, run_under_way};
use crate::spec::model::Cluster;
use crate::state::{State, StateError, StoredRun};
use crate::units::ClusterName;

/// A run, or why it cannot be read.
pub struct Recorded {
    pub id: String,
    pub run: Result<StoredRun, StateError>,
    /// It goes on right now.
    pub is_under_way: bool,
}

/// A folder that is no backup, or none any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenBackup {
    /// The folder's name.
    pub id: String,
    pub why: String,
}

/// Backups of one cluster.
pub struct Backups {
    pub cluster: ClusterName,
    pub complete: Vec<Kept>,
    pub broken: Vec<BrokenBackup>,
    /// What runs may still need, and why.
    pub needed: BTreeMap<String, String>,
}

impl Records {
    /// All runs of the chosen clusters, oldest first.
    pub fn runs(&self) -> Result<Vec<Recorded>, SessionError> {
        let under_way = run_under_way(&self.state)?;
        let ids = self.state.run_ids()?;
        let all = ids.into_iter().map(|id| Recorded {
            run: self.state.run(&id),
            is_under_way: under_way.as_deref() == Some(id.as_str()),
            id,
        });
        Ok(all.filter(|recorded| self.concerns(recorded)).collect())
    }

    pub fn run(&self, id: &str) -> Result<Recorded, SessionError> {
        let run = self.state.run(id)?;
        let is_under_way = run_under_way(&self.state)?.as_deref() == Some(id);
        Ok(Recorded { id: id.to_owned(), run: Ok(run), is_under_way })
    }

    /// One that cannot be read could be of any cluster.
    fn concerns(&self, recorded: &Recorded) -> bool {
        let cluster = recorded.run.as_ref().ok().and_then(cluster_of);
        // A cluster that is declared no more has a history as well, unless one was named.
        self.clusters.len() != 1
            || self.named.is_none()
            || cluster.is_none_or(|name| self.named.as_ref() == Some(&name))
    }

    pub fn backups(&self) -> Result<Vec<Backups>, SessionError> {
        self.clusters.iter().map(|cluster| backups_of(&self.state, cluster)).collect()
    }
}

/// The backups that a run took and that are still kept, by its journal.
pub fn kept_backups(run: &StoredRun) -> Vec<Kept> {
    let taken = run.journal.lines.iter().filter_map(|line| match &line.entry {
        Entry::Outcome { result: EffectResult::Done { detail: Detail::Backup { id, dir, .. } }, .. } => Some((id, dir)),
        _ => None,
    });
    let found = taken.filter_map(|(id, dir)| backup::find(Path::new(dir).parent()?, id).ok().flatten());
    found.collect()
}

impl Session {
    /// For what is told of a run after its end.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What pruning would come to now.
    pub fn pruning(&self) -> Result<Pruning, SessionError> {
        let policy = &self.cluster.backup;
        let listing = list(&policy.dir)?;
        let needed = needed_runs_of(&self.state, &self.cluster.name)?.why;
        Ok(backup::decide_pruning(listing, &self.cluster.name, policy.keep, &needed))
    }

    /// Prunes.
    pub fn prune(&self) -> Result<(), SessionError> {
        let policy = &self.cluster.backup;
        let needed = needed_runs_of(&self.state, &self.cluster.name)?.why;
        backup::prune(&policy.dir, &self.cluster.name, policy.keep, &needed).map(drop).map_err(SessionError::from)
    }
}

fn backups_of(state: &State, cluster: &Cluster) -> Result<Backups, SessionError> {
    let listing = list(&cluster.backup.dir)?;
    Ok(Backups {
        cluster: cluster.name.clone(),
        complete: listing.complete.into_iter().filter(|kept| kept.manifest.cluster == cluster.name).collect(),
        broken: listing.broken.into_iter().map(|one| BrokenBackup { id: one.id, why: one.error.to_string() }).collect(),
        needed: needed_runs_of(state, &cluster.name)?.why,
    })
}

fn list(dir: &Path) -> Result<Listing, SessionError> {
    Ok(backup::list(dir)?)
}

/// Runs of a cluster that may still be needed. A run that cannot be read could be one of them.
pub(super) fn needed_runs_of(state: &State, cluster: &ClusterName) -> Result<NeededRuns, SessionError> {
    let mut newest_first = Vec::new();
    for id in state.run_ids()?.into_iter().rev() {
        let past = match state.run(&id) {
            Ok(run) if cluster_of(&run).is_some_and(|name| name != *cluster) => continue,
            Ok(run) => PastRun::new(&id, run.plan.as_ref().ok(), has_succeeded(&run)),
            Err(_) => PastRun::new(&id, None, false),
        };
        newest_first.push(past);
        if is_complete(&newest_first) {
            break;
        }
    }
    Ok(needed_runs(&newest_first))
}

pub(super) fn cluster_of(run: &StoredRun) -> Option<ClusterName> {
    match run.journal.lines.first().map(|line| &line.entry) {
        Some(Entry::RunStarted { cluster, .. }) => cluster.parse().ok(),
        _ => run.plan.as_ref().ok().map(|plan| plan.cluster.clone()),
    }
}

fn has_succeeded(run: &StoredRun) -> bool {
    let last = run.journal.lines.last().map(|line| &line.entry);
    matches!(last, Some(Entry::RunEnded { ending: Ending::Succeeded }))
}
