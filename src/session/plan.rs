//! From a look at the cluster to a plan, and from a saved plan to a cluster that is still the one it was made for.

use time::OffsetDateTime;

use crate::artifact::{Platform, warm_up};
use crate::execute::world::RestoreWorld;
use crate::observe::{Observation, ObserveOptions, SeenFiles, observe};
use crate::plan::model::Plan;
use crate::plan::{Input, basis, plan, replacing, sealed, wanted_releases};
use crate::session::connect::Hosts;
use crate::session::locks::HostLocks;
use crate::session::releases::{Found, get};
use crate::session::{Events, Session, SessionError};
use crate::spec::model::Toggle;
use crate::state::new_id;
use crate::units::Span;

/// The bound of each exchange with a host while looking, and of each request to etcd.
const PROBE_DEADLINE: Span = Span::from_secs(30);
const ETCD_DEADLINE: Span = Span::from_secs(5);

/// Open connections, and what was seen over them.
pub struct Live {
    pub(super) hosts: Hosts,
    pub(super) observation: Observation,
    pub(super) found: Found,
    /// The backup that is restored, where one is.
    pub(super) restore: Option<RestoreWorld>,
    pub(super) locks: HostLocks,
}

/// A plan, and what it was made over.
pub struct Planned {
    pub plan: Plan,
    pub live: Live,
}

impl Live {
    /// How many exchanges each host had so far, by its label.
    pub fn round_trips(&self) -> Vec<(String, u64)> {
        let mut seen: Vec<(String, u64)> = self
            .hosts
            .values()
            .filter_map(|host| host.as_ref().ok())
            .map(|host| (host.label().to_owned(), host.round_trips()))
            .collect();
        seen.sort();
        seen.dedup();
        seen
    }

    /// Lets the locks go, and closes all connections.
    pub async fn close(self) {
        self.locks.held.release().await;
        for host in self.hosts.into_values().flatten() {
            host.close().await;
        }
    }
}

impl Session {
    /// Looks at the cluster, gets the releases that are needed, and plans.
    pub async fn plan(&self, events: Events<'_>) -> Result<Planned, SessionError> {
        // Most hosts are what this machine is: what is in the cache for it is read while they are connected to.
        let cache = self.state.cache_dir()?;
        let platform = Platform::of_controller();
        let (live, ()) = tokio::join!(
            self.look(self.cluster.rollout.compare_hashes),
            warm_up(&self.cluster.releases, &self.cluster.version, &platform, &cache),
        );
        let mut live = live?;
        let (held, creation) = (self.held(), self.creation());
        let inventory = &live.observation.inventory;
        let input = |found: &Found| (found.pins(), found.missing.clone());
        let decide = |(pins, missing): (Vec<_>, Vec<_>)| {
            plan(&Input {
                cluster: &self.cluster,
                state_dir: self.state.dir(),
                modules_dir: self.modules.dir.as_deref(),
                templates: &self.modules.templates,
                inventory,
                knowledge: &self.modules.knowledge,
                releases: &pins,
                missing_releases: &missing,
                held: held.as_ref(),
                creation,
            })
        };
        // Nothing is fetched for a plan that would be refused for other reasons, or that has nothing to do.
        let first = decide(input(&Found::default()));
        let wanted = wanted_releases(&self.cluster, inventory, &self.modules.knowledge);
        let refusals = match first {
            Ok(plan) if plan.releases_needed() => Vec::new(),
            Ok(plan) => return Ok(Planned { plan, live }),
            Err(refusals) => refusals.into_iter().filter(|refusal| refusal.rule != "release-available").collect(),
        };
        if !refusals.is_empty() {
            return Err(SessionError::Refused(refusals));
        }
        tracing::debug!("getting the releases");
        let found = get(self, wanted, events).await?;
        tracing::debug!("planning");
        match decide(input(&found)) {
            Ok(plan) => {
                live.found = found;
                Ok(Planned { plan, live })
            }
            Err(refusals) => Err(SessionError::Refused(refusals)),
        }
    }

    /// Looks again, for a saved plan; refuses when what it was decided on is no longer so.
    pub async fn reopen(&self, saved: &Plan, events: Events<'_>) -> Result<Live, SessionError> {
        if saved.declared != sealed(&self.cluster) {
            return Err(SessionError::Stale(vec![
                "the spec declares something else than the plan was made from".to_owned(),
            ]));
        }
        let mut live = self.look(Toggle::Off).await?;
        let mut differences = basis::differences(&saved.basis, &basis::of(&live.observation.inventory));
        differences.extend(replacing::differs(saved, &live.observation.inventory));
        if !differences.is_empty() {
            return Err(SessionError::Stale(differences));
        }
        let wanted = saved.releases.iter().map(|pin| (pin.version.clone(), pin.arch.clone()));
        live.found = get(self, wanted, events).await?;
        let now = live.found.pins();
        let changed: Vec<String> = saved
            .releases
            .iter()
            .filter(|pin| {
                !now.iter().any(|other| {
                    other.version == pin.version && other.arch == pin.arch && other.binaries == pin.binaries
                })
            })
            .map(|pin| {
                format!(
                    "etcd {} for {} is no longer the release that was planned ({})",
                    pin.version,
                    pin.arch,
                    live.found.missing.join("; ")
                )
            })
            .collect();
        if changed.is_empty() { Ok(live) } else { Err(SessionError::Stale(changed)) }
    }

    pub(super) async fn look(&self, hashes: Toggle) -> Result<Live, SessionError> {
        tracing::debug!("connecting to the hosts");
        let (hosts, locks) = self.connect().await?;
        tracing::debug!("connected; looking at hosts and members");
        let seen_files = SeenFiles::read(&self.state.seen_files());
        let options = ObserveOptions {
            knowledge: &self.modules.knowledge,
            seen_files: &seen_files,
            now: OffsetDateTime::now_utc(),
            nonce: new_id(),
            probe_deadline: PROBE_DEADLINE.duration(),
            etcd_deadline: ETCD_DEADLINE.duration(),
            hashes,
        };
        let observation = observe(&self.cluster, &hosts, &options).await;
        let next = seen_files.clone().with(&observation.seen_files);
        if next != seen_files {
            self.state.keep_seen_files(&next.text());
        }
        self.remember_that_it_serves(&observation.inventory);
        Ok(Live { hosts, observation, found: Found::default(), restore: None, locks })
    }
}
