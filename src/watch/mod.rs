//! Watch: looks on a schedule, serves what the last look saw, and tells when something changed.
//!
//! In come a way to look, a schedule, where to listen; out go metrics, a page, notices. Looks never overlap, and nothing
//! of them is kept but the last one: memory does not grow with time. When to look and what is to be told is decided by
//! pure functions ([`schedule`], [`change`]); this room knows nothing of hosts and changes nothing.

pub mod change;
mod schedule;
mod send;
mod serve;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::drift::Drift;
use crate::spec::model::DriftPolicy;
use crate::units::{ClusterName, Span};
use change::Told;
use send::Sender;

/// A look is given up after this: each of its waits is bounded as well.
const LONGEST_LOOK: Duration = Duration::from_secs(300);

/// What came of a look.
#[derive(Debug, Clone)]
pub struct Look {
    /// `None` where the spec could not be read.
    pub cluster: Option<ClusterName>,
    /// Whom to tell; `None` where the spec could not be read: then whom the last one named.
    pub policy: Option<DriftPolicy>,
    /// What was found, or why nobody could look, in a sentence.
    pub drift: Result<Drift, String>,
}

/// The last look, and what is counted since the start.
#[derive(Debug, Clone)]
pub struct Last {
    pub cluster: Option<ClusterName>,
    pub drift: Result<Drift, String>,
    pub took: Duration,
    pub at: OffsetDateTime,
    pub counts: Counts,
}

/// Since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub looks: u64,
    pub failed_looks: u64,
    pub notices: u64,
    pub failed_notices: u64,
}

/// What the pages are made of; by the loop, for whoever asks.
#[derive(Debug, Default)]
struct Shown {
    last: Mutex<Option<(Last, Instant)>>,
}

impl Shown {
    fn last(&self) -> Option<(Last, Instant)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error(
        "{address}: cannot be listened on: {reason}\n  do: name an address of this machine and a port that is free"
    )]
    Listen { address: SocketAddr, reason: std::io::Error },
    #[error(
        "no HTTP client can be made: {reason}\n  do: see whether this machine has certificates of authorities (ca-certificates)"
    )]
    Client { reason: String },
}

/// When to look, and where to show it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub every: Span,
    pub listen: Option<SocketAddr>,
}

/// Looks, shows and tells until `stop` has a value. `tell` gets every look, for the log.
pub async fn run(
    options: Options,
    look: impl AsyncFn() -> Look,
    tell: impl Fn(&Last, &[String]),
    mut stop: watch::Receiver<Option<String>>,
) -> Result<(), WatchError> {
    let shown = Arc::new(Shown::default());
    let server = match options.listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await.map_err(|reason| WatchError::Listen { address, reason })?;
            Some(tokio::spawn(serve::serve(listener, shown.clone(), options.every)))
        }
        None => None,
    };
    let ended = tokio::select! {
        ended = looks(options.every, &look, &tell, &shown) => ended,
        // A sender that is gone asks for the end as well.
        _ = stop.wait_for(Option::is_some) => Ok(()),
    };
    if let Some(server) = server {
        server.abort();
    }
    ended
}

async fn looks(
    every: Span,
    look: &impl AsyncFn() -> Look,
    tell: &impl Fn(&Last, &[String]),
    shown: &Shown,
) -> Result<(), WatchError> {
    let sender = Sender::new()?;
    let mut counts = Counts::default();
    let mut policy = DriftPolicy::default();
    let mut told = Told::default();
    loop {
        let began = Instant::now();
        let looked = tokio::time::timeout(LONGEST_LOOK, look()).await.unwrap_or_else(|_| Look {
            cluster: None,
            policy: None,
            drift: Err(format!("the look was not done after {} s", LONGEST_LOOK.as_secs())),
        });
        counts.looks += 1;
        counts.failed_looks += u64::from(looked.drift.is_err());
        policy = looked.policy.unwrap_or(policy);
        let cluster = looked.cluster.or_else(|| told.cluster.clone());
        let at = OffsetDateTime::now_utc();
        let mut last = Last { cluster, drift: looked.drift, took: began.elapsed(), at, counts };
        // Shown before anybody is told: whoever is told may come and look.
        *shown.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((last.clone(), Instant::now()));
        let problems = sender.tell(&policy, &mut told, &last, every, &mut counts).await;
        last.counts = counts;
        tell(&last, &problems);
        *shown.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((last, Instant::now()));
        let pause = schedule::pause(every, began.elapsed(), schedule::random());
        tokio::time::sleep(pause).await;
    }
}
