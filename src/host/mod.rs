//! Host: talks to one machine, by SSH or locally. Commands are argument lists; nothing that comes from a spec or a
//! host is ever pasted into shell text. This room knows nothing of etcd and nothing of plans.

mod command;
mod error;

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use command::{Command, Output, Privilege, Script};
pub use error::HostError;

use crate::spec::model::Connection;
use crate::units::{Bytes, Sha256};

/// A byte stream to something that listens on a host, as seen from that host.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// An open connection to one machine. Cheap to clone; the connection closes when the last clone is gone.
#[derive(Clone)]
pub struct Host {}

impl Host {
    /// Opens the one connection that everything else goes through. Sockets go into `socket_dir` (0700).
    pub async fn connect(connection: &Connection, socket_dir: &Path) -> Result<Self, HostError> {
        let _ = (connection, socket_dir);
        todo!()
    }

    /// How the host is called in messages: `deploy@10.0.0.11`, `local`.
    pub fn label(&self) -> &str {
        todo!()
    }

    /// Runs a command to its end. A non-zero exit status is not an error: it is in the [`Output`].
    pub async fn run(&self, command: &Command) -> Result<Output, HostError> {
        let _ = command;
        todo!()
    }

    /// Runs a constant POSIX sh script, fed on standard input to `sh -s -- ARGS`.
    pub async fn script(&self, script: &Script, args: &[&str]) -> Result<Output, HostError> {
        let _ = (script, args);
        todo!()
    }

    /// Puts a local file on the host under `remote` (absolute), mode `mode`: sent to a part file beside it, its digest
    /// checked there, then renamed. `progress` is called with the bytes sent so far. Where the host already holds a
    /// file of that digest under that name, nothing is sent.
    pub async fn send_file(
        &self,
        local: &Path,
        remote: &str,
        mode: u32,
        digest: Sha256,
        progress: &(dyn Fn(Bytes) + Send + Sync),
    ) -> Result<(), HostError> {
        let _ = (local, remote, mode, digest, progress);
        todo!()
    }

    /// Runs a command and streams its standard output into `sink`; the `stdout` of the [`Output`] stays empty.
    pub async fn receive(
        &self,
        command: &Command,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        most: Bytes,
    ) -> Result<Output, HostError> {
        let _ = (command, sink, most);
        todo!()
    }

    /// Connects to `address`:`port` as seen from the host (for SSH: through the connection).
    pub async fn dial(&self, address: &str, port: u16, deadline: Duration) -> Result<Box<dyn ByteStream>, HostError> {
        let _ = (address, port, deadline);
        todo!()
    }

    /// How many exchanges with the host were made so far (commands, scripts, transfers; not bytes of open streams).
    pub fn round_trips(&self) -> u64 {
        todo!()
    }

    /// Closes the connection now. Without it, it is closed when the last clone is dropped.
    pub async fn close(self) {}
}
