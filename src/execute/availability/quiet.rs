//! Keeping the probe away from a member while that is stopped: an open connection makes newer versions wait a second, which
//! the members' clients would feel.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::etcd::Client;

/// Between the probe of one member and whoever stops that member.
#[derive(Clone)]
pub struct Quiet(Arc<Shared>);

struct Shared {
    away: watch::Sender<bool>,
    /// The probe's own, once there is a probe.
    client: Mutex<Option<Client>>,
}

impl Default for Quiet {
    fn default() -> Self {
        Self(Arc::new(Shared { away: watch::Sender::new(false), client: Mutex::new(None) }))
    }
}

impl Quiet {
    /// The probe begins; it asks only while the value is false, and drops a try as soon as it is true.
    pub(super) fn begin(&self, client: &Client) -> watch::Receiver<bool> {
        *self.0.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        self.0.away.subscribe()
    }

    /// When it returns, the probe has no connection to the member, and makes none for as long as the answer lives.
    pub async fn keep_away(&self) -> Away {
        self.0.away.send_replace(true);
        let away = Away(self.clone());
        let client = self.0.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(client) = client {
            client.close().await;
        }
        away
    }
}

/// The probe keeps away.
#[must_use]
pub struct Away(Quiet);

impl Drop for Away {
    fn drop(&mut self) {
        self.0.0.away.send_replace(false);
    }
}
