//! The locks of a command that changes something: one in the state, and one on every host, taken before anything is
//! looked at, so that what is planned is still so when it is done.

use futures_util::future::join_all;

use crate::execute::locks::Locks;
use crate::host::{Host, HostLock, LockError, LockRequest};
use crate::plan::layout;
use crate::session::connect::Hosts;
use crate::session::run::controller;
use crate::session::{Session, SessionError};
use crate::spec::model::Connection;
use crate::state::{Holder, State, new_id};

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
        self.lock(command, Some(new_id()))
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

    /// One lock a connection and place, the first of them first: of two that begin at the same moment one gets all.
    pub(super) async fn lock_hosts(&self, hosts: &Hosts) -> Result<HostLocks, SessionError> {
        let Some(lock) = &self.lock else { return Ok(HostLocks::default()) };
        let (folder, name) = layout::lock(&self.cluster.runtime);
        let wanted = LockRequest { folder, name, record: lock.holder.line() };
        let mut different: Vec<(&Connection, &Host)> = Vec::new();
        let mut members: Vec<_> = self.cluster.members.iter().collect();
        members.sort_by_key(|member| &member.name);
        for member in members {
            // A host that cannot be reached is a fact; what that means is for the plan to say.
            let Some(Ok(host)) = hosts.get(&member.name) else { continue };
            if !different.iter().any(|(connection, _)| **connection == member.connection) {
                different.push((&member.connection, host));
            }
        }
        let mut locks: Vec<HostLock> = Vec::new();
        let mut missing = Vec::new();
        let (first, others) = different.split_at(different.len().min(1));
        for group in [first, others] {
            for result in join_all(group.iter().map(|(_, host)| host.lock(&wanted))).await {
                match result {
                    Ok(lock) => locks.push(lock),
                    // Two names of one host: the lock there is ours already.
                    Err(LockError::Taken { record, .. }) if record == wanted.record => {}
                    Err(error @ LockError::Taken { .. }) => return Err(taken(error)),
                    Err(error) => missing.push(error.to_string()),
                }
            }
        }
        Ok(HostLocks { held: Locks::new(locks), missing })
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
