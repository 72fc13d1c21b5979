//! The locks of a run on its hosts, looked at before each effect.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::host::HostLock;

/// One for each host and place. All go when the last clone is dropped.
#[derive(Debug, Clone, Default)]
pub struct Locks(Arc<Vec<HostLock>>);

impl Locks {
    #[must_use]
    pub fn new(locks: Vec<HostLock>) -> Self {
        Self(Arc::new(locks))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all are held; else which is not, and why.
    pub async fn check(&self) -> Result<(), String> {
        let checks = self.0.iter().map(async |lock| {
            lock.check().await.map_err(|why| format!("the lock on {} ({}) is lost: {why}", lock.host(), lock.path()))
        });
        join_all(checks).await.into_iter().collect()
    }

    /// Lets them go, and waits until the hosts have. Where somebody else still holds them, they go later.
    pub async fn release(self) {
        let Ok(locks) = Arc::try_unwrap(self.0) else { return };
        join_all(locks.into_iter().map(HostLock::release)).await;
    }
}
