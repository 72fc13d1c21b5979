//! Performs a plan over open connections.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;

use crate::artifact::Release;
use crate::etcd::Client;
use crate::execute::availability::Quiet;
use crate::execute::journal::Ending;
use crate::execute::world::{MemberWorld, World, facts_of, site};
use crate::execute::{Controller, ExecuteError, StopSignal, execute};
use crate::plan::model::Plan;
use crate::session::plan::Live;
use crate::session::{Events, Session, SessionError, records};
use crate::state::Run;
use crate::units::MemberName;

/// A run that has ended.
pub struct Ran {
    pub run: Run,
    pub ending: Ending,
}

impl Session {
    /// Performs the plan, journaled below the state directory.
    pub async fn execute(
        &self,
        plan: &Plan,
        live: &Live,
        stop: StopSignal,
        events: Events<'_>,
    ) -> Result<Ran, SessionError> {
        tracing::debug!("the run begins");
        let lock = self.lock.as_ref().ok_or(SessionError::NotLocked)?;
        if !live.locks.missing.is_empty() {
            return Err(SessionError::HostsNotLocked { missing: live.locks.missing.clone() });
        }
        let run = match &lock.holder.run {
            Some(id) if !self.state.run_ids()?.contains(id) => self.state.begin_run_as(id, plan)?,
            _ => self.state.begin_run(plan)?,
        };
        let world = self.world(live)?;
        let ending = execute(plan, &world, &run, &controller(), stop, events).await?;
        Ok(Ran { run, ending })
    }

    fn world(&self, live: &Live) -> Result<World, SessionError> {
        let mut members = BTreeMap::new();
        for declared in &self.cluster.members {
            members.insert(declared.name.clone(), self.member_world(live, &declared.name)?);
        }
        let by_version =
            |release: &Release| ((release.version.clone(), release.platform.arch.clone()), release.dir.clone());
        Ok(World {
            cluster: self.cluster.clone(),
            knowledge: self.modules.knowledge.clone(),
            members,
            release_dirs: live.found.releases.iter().map(by_version).collect(),
            scratch_dir: self.state.scratch_dir()?,
            restore: live.restore.clone(),
            needed_backups: records::needed_runs_of(&self.state, &self.cluster.name)?.why,
            locks: live.locks.held.clone(),
        })
    }

    fn member_world(&self, live: &Live, name: &MemberName) -> Result<MemberWorld, SessionError> {
        let inventory = &live.observation.inventory;
        let host = match live.hosts.get(name) {
            Some(Ok(host)) => host.clone(),
            Some(Err(why)) => {
                return Err(SessionError::NotConnected { member: name.clone(), why: why.clone() });
            }
            None => return Err(ExecuteError::UnknownMember { member: name.clone() }.into()),
        };
        let facts = facts_of(inventory, name);
        let seen = inventory.member(name).and_then(|view| view.host.known());
        let process = seen.and_then(|host| host.processes.iter().find(|process| process.is_declared_member));
        Ok(MemberWorld {
            client: client(live, name)?,
            host,
            arch: seen.map(|host| host.arch.clone()).unwrap_or_default(),
            site: site(&self.cluster, name, facts)?,
            user: process.map(|process| process.user.clone()),
            facts: facts.cloned(),
            quiet: Quiet::default(),
        })
    }
}

fn client(live: &Live, name: &MemberName) -> Result<Client, SessionError> {
    live.observation.clients.get(name).cloned().ok_or_else(|| {
        let why = live.observation.inventory.member(name).and_then(|view| view.etcd.why()).unwrap_or("not looked at");
        SessionError::NoClient { member: name.clone(), why: why.to_owned() }
    })
}

/// Who runs this, where: for the journal.
pub(super) fn controller() -> Controller {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let account = || {
        let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
        let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
        let line = accounts.lines().find(|line| line.split(':').nth(2) == Some(uid.as_str()))?;
        line.split(':').next().map(str::to_owned)
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let who = variable("SUDO_USER").or_else(account).or_else(|| variable("USER"));
    Controller { who: who.unwrap_or_else(|| "unknown".to_owned()), host }
}
