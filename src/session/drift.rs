//! One look that changes nothing: what is there, and what of it is not as it is declared.

use time::OffsetDateTime;

use crate::artifact::{Platform, in_cache};
use crate::backup;
use crate::drift::status::{self, Status};
use crate::drift::{self, Drift, LastRun, Memory, NewestBackup, RunOutcome};
use crate::execute::journal::{Ending, Entry};
use crate::observe::inventory::Inventory;
use crate::plan::declared_releases;
use crate::plan::model::{Kind, ReleasePin};
use crate::session::records::cluster_of;
use crate::session::releases::pin;
use crate::session::{Session, SessionError, run_under_way};
use crate::spec::model::Toggle;
use crate::state::StoredRun;
use crate::units::Advised;

/// So many runs are looked through for the newest that was to change the cluster: those of others, and backups, lie
/// between.
const MOST_RUNS: usize = 200;

impl Session {
    /// Each member as it is.
    pub async fn status(&self) -> Result<Status, SessionError> {
        let inventory = self.look_once(Toggle::Off).await?;
        let status = status::of(&self.cluster, &inventory, &self.modules.knowledge, OffsetDateTime::now_utc());
        if status.is_blind() { Err(self.blind(&inventory)) } else { Ok(status) }
    }

    /// What is not as it is declared, or not well. Nothing is fetched for it: what is held against a release is held
    /// against the one in the cache.
    pub async fn drift(&self) -> Result<Drift, SessionError> {
        let inventory = self.look_once(self.drift.compare_hashes).await?;
        let releases = self.releases_in_cache(&inventory).await?;
        let drift = drift::find(&drift::Input {
            cluster: &self.cluster,
            policy: &self.drift,
            inventory: &inventory,
            knowledge: &self.modules.knowledge,
            releases: &releases,
            memory: &self.remembered(),
            now: OffsetDateTime::now_utc(),
        });
        if drift.is_blind() { Err(self.blind(&inventory)) } else { Ok(drift) }
    }

    pub(super) async fn look_once(&self, hashes: Toggle) -> Result<Inventory, SessionError> {
        let live = self.look(hashes).await?;
        let inventory = live.observation.inventory.clone();
        live.close().await;
        Ok(inventory)
    }

    fn blind(&self, inventory: &Inventory) -> SessionError {
        // What to do about each is said once, for all.
        let seen = |why: &str| Advised::of(why).seen;
        let why =
            inventory.members.iter().filter_map(|view| Some(format!("{}: {}", view.name, seen(view.host.why()?))));
        SessionError::NothingSeen { cluster: self.cluster.name.clone(), why: why.collect() }
    }

    async fn releases_in_cache(&self, inventory: &Inventory) -> Result<Vec<ReleasePin>, SessionError> {
        let cache = self.state.cache_dir()?;
        let mut found = Vec::new();
        for (version, arch) in declared_releases(&self.cluster, inventory) {
            let release = in_cache(&self.cluster.releases, &version, &Platform::linux(&arch), &cache).await;
            found.extend(release.as_ref().map(pin));
        }
        Ok(found)
    }

    fn remembered(&self) -> Memory {
        let newest_backup = backup::list(&self.cluster.backup.dir).map_err(|error| error.to_string()).map(|listing| {
            let own = listing.complete.into_iter().filter(|kept| kept.manifest.cluster == self.cluster.name);
            let newest = own.max_by(|one, other| one.manifest.taken_at.cmp(&other.manifest.taken_at));
            newest.map(|kept| NewestBackup { id: kept.manifest.id, taken_at: kept.manifest.taken_at })
        });
        Memory { last_run: self.last_changing_run().map_err(|error| error.told().seen), newest_backup }
    }

    /// A run that cannot be read could be of this cluster, and could have changed it.
    fn last_changing_run(&self) -> Result<Option<LastRun>, SessionError> {
        let under_way = run_under_way(&self.state)?;
        for id in self.state.run_ids()?.into_iter().rev().take(MOST_RUNS) {
            let run = match self.state.run(&id) {
                Ok(run) => run,
                Err(error) => {
                    let reason = SessionError::from(error).told().seen;
                    return Ok(Some(LastRun { id, outcome: RunOutcome::Unreadable { reason } }));
                }
            };
            let is_other = cluster_of(&run).is_some_and(|name| name != self.cluster.name);
            let is_backup = run.plan.as_ref().is_ok_and(|plan| plan.kind == Kind::Backup);
            if !is_other && !is_backup {
                let outcome = outcome(&run, under_way.as_deref() == Some(id.as_str()));
                return Ok(Some(LastRun { id, outcome }));
            }
        }
        Ok(None)
    }
}

fn outcome(run: &StoredRun, is_under_way: bool) -> RunOutcome {
    match run.journal.lines.last().map(|line| &line.entry) {
        Some(Entry::RunEnded { ending }) => match ending {
            Ending::Succeeded => RunOutcome::Succeeded,
            Ending::Held { .. } => RunOutcome::Held,
            Ending::Interrupted { signal } => RunOutcome::Interrupted { signal: signal.clone() },
            Ending::Failed { reason, .. } => RunOutcome::Failed { reason: reason.clone() },
        },
        _ if is_under_way => RunOutcome::UnderWay,
        _ => RunOutcome::Died,
    }
}
