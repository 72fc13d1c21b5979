//! The locks of a command that changes something: one in the state, and one on every host, taken before anything is
//! looked at, so that what is planned is still so when it is done.

use crate::execute::locks::Locks;
use crate::host::{Host, HostLock, LockError, LockPlace, LockRequest};
use crate::plan::layout;
use crate::session::connect::{Hosts, connect_each};
use crate::session::run::controller;
use crate::session::{Session, SessionError};
use crate::spec::model::Connection;
use crate::state::{Holder, State};

/// What is held on hosts, and on which hosts it could not be.
#[derive(Debug, Default)]
pub struct HostLocks {
    pub held: Locks,
    /// Each in a sentence.
    pub missing: Vec<String>,
}

impl Session {
    /// For a command that makes a run. Everything that is looked at from now on is looked at under locks.
    pub fn lock_for_run(&mut self, command: &str) -> Result<(), SessionError> {
        let run = self.state.next_run_id()?;
        self.lock(command, Some(run))
    }

    /// For a command that changes something without a run.
    pub fn lock_for_task(&mut self, command: &str) -> Result<(), SessionError> {
        self.lock(command, None)
    }

    fn lock(&mut self, command: &str, run: Option<String>) -> Result<(), SessionError> {
        let lock = self.state.lock(this_process(command, run.as_deref()))?;
        // Nobody else writes any more.
        self.state.repair_journals()?;
        self.lock = Some(lock);
        Ok(())
    }

    /// Who held the state before, and died without giving it back.
    pub fn left_by(&self) -> Option<&Holder> {
        self.lock.as_ref()?.left_by.as_ref()
    }

    /// Connects, and takes one lock a connection and place, each as soon as its host is connected to. The first member's
    /// decides: of two that begin at the same moment one gets all.
    pub(super) async fn connect(&self) -> Result<(Hosts, HostLocks), SessionError> {
        let (folder, name) = layout::lock(&self.cluster.runtime);
        let first = self.cluster.members.iter().min_by_key(|member| &member.name).map(|member| &member.connection);
        let take = async |connection: &Connection, host: &Host| {
            let Some(lock) = &self.lock else { return Ok(None) };
            let place = if Some(connection) == first { LockPlace::First } else { LockPlace::Other };
            let (folder, name) = (folder.clone(), name.clone());
            let wanted = LockRequest { folder, name, record: lock.holder.line(), place };
            match host.lock(&wanted).await {
                Ok(lock) => Ok(Some(Ok(lock))),
                // Two names of one host: the lock there is ours already.
                Err(LockError::Taken { record, .. }) if record == wanted.record => Ok(None),
                Err(error @ LockError::Taken { .. }) => Err(taken(error)),
                Err(error) => Ok(Some(Err(error.to_string()))),
            }
        };
        // A host that cannot be reached is a fact; what that means is for the plan to say.
        let (hosts, results) = connect_each(&self.cluster, &self.state.socket_dir()?, take).await?;
        let (mut held, mut missing): (Vec<HostLock>, Vec<String>) = (Vec::new(), Vec::new());
        for result in results.into_iter().flatten() {
            match result {
                Ok(lock) => held.push(lock),
                Err(why) => missing.push(why),
            }
        }
        Ok((hosts, HostLocks { held: Locks::new(held), missing }))
    }
}

/// For the `unlock` command and others that only look.
pub fn this_process(command: &str, run: Option<&str>) -> Holder {
    let controller = controller();
    Holder::this_process(&controller.who, &controller.host, command, run)
}

/// Whether a holder is a process of this machine.
pub fn is_here(holder: &Holder) -> bool {
    holder.is_of_machine(&controller().host)
}

/// The run that goes on right now in this state, if one does.
pub fn run_under_way(state: &State) -> Result<Option<String>, SessionError> {
    Ok(match state.look_at_lock()? {
        crate::state::LockSeen::Held(Some(holder)) => holder.run,
        _ => None,
    })
}

fn taken(error: LockError) -> SessionError {
    let LockError::Taken { host, path, record } = error else {
        return SessionError::HostsNotLocked { missing: vec![error.to_string()] };
    };
    // It is what a host says: it is shown as a record, or not at all.
    let holder =
        Holder::read(&record).map_or_else(|| "by whom it does not say".to_owned(), |holder| holder.to_string());
    SessionError::HostLocked { host, path, holder }
}
