//! An SSH connection that is made again when it was lost: for a bounded time, by one of its users for all of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::connect_errors::Trouble;
use super::ssh::SshLink;
use crate::spec::model::Ssh;

/// The pause after the first try that failed; it doubles up to [`SLOWEST_TRY`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const SLOWEST_TRY: Duration = Duration::from_secs(3);

pub(super) struct Reconnecting {
    ssh: Ssh,
    socket_dir: PathBuf,
    link: RwLock<Arc<SshLink>>,
    /// Held by who is connecting.
    turn: Mutex<()>,
}

impl Reconnecting {
    pub(super) async fn connect(ssh: &Ssh, socket_dir: &Path) -> Result<Self, Trouble> {
        let link = SshLink::connect(ssh, socket_dir).await?;
        Ok(Self {
            ssh: ssh.clone(),
            socket_dir: socket_dir.to_owned(),
            link: RwLock::new(Arc::new(link)),
            turn: Mutex::new(()),
        })
    }

    pub(super) fn current(&self) -> Arc<SshLink> {
        Arc::clone(&self.link.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Connects again in place of `lost`, unless somebody did so meanwhile. The error is that of the last try, and says for
    /// how long it was tried.
    pub(super) async fn again(&self, lost: &Arc<SshLink>) -> Result<(), Trouble> {
        let _turn = self.turn.lock().await;
        if !Arc::ptr_eq(&self.current(), lost) {
            return Ok(());
        }
        let (begun, bound) = (Instant::now(), self.ssh.reconnect_for);
        let mut pause = FIRST_PAUSE;
        loop {
            match SshLink::connect(&self.ssh, &self.socket_dir).await {
                Ok(link) => {
                    *self.link.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(link);
                    return Ok(());
                }
                Err(mut trouble) if begun.elapsed() + pause >= bound.duration() => {
                    trouble.reason = format!("for {bound} it could not be made again: {}", trouble.reason);
                    return Err(trouble);
                }
                Err(trouble) => tracing::debug!("not connected again yet: {}", trouble.reason),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SLOWEST_TRY);
        }
    }
}
