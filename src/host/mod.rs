//! Host: talks to one machine, by SSH or locally. Commands are argument lists; nothing that comes from a spec or a
//! host is ever pasted into shell text. This room knows nothing of etcd and nothing of plans.
//!
//! In come a declared connection, commands, constant scripts and files; out go exit codes, bytes and byte streams, or
//! an error that says whether anything was run. What a login shell, an rc file or a banner prints is taken off before
//! a command's own output is handed on. Everything has a deadline, and what is overdue is told to end on its host.
//! There is one SSH connection a host; it goes when its last user goes, also by kill -9. One that is lost is made again,
//! for a bounded time: what had not begun is then run, what had begun is told to end, and its caller decides.

mod command;
mod connect_errors;
mod control_dir;
mod error;
mod forward;
mod framing;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzzing;
mod link;
mod lock;
#[cfg(test)]
mod lock_tests;
mod perform;
mod reconnect;
mod spare;
mod ssh;
#[cfg(test)]
mod sshd;
mod talk;
#[cfg(test)]
mod tests;
mod transfer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use command::{Command, OUTPUT_LIMIT, Output, Privilege, STDERR_LIMIT, Script};
pub use error::HostError;
pub use lock::{HostLock, LockError, LockPlace, LockRequest};
pub use transfer::{Sent, Stored};

use self::framing::whole_script;
use self::link::Link;
use self::perform::{Input, Job};
use self::reconnect::Reconnecting;
use self::spare::Loan;
use crate::spec::model::{Become, Connection, Ssh};
use crate::units::{Bytes, Sha256};

/// A byte stream to something that listens on a host, as seen from that host.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// An open connection to one machine. Cheap to clone; the connection closes when the last clone is gone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    label: String,
    become_: Become,
    link: Link,
    /// For another connection to the same machine.
    way: Option<(Ssh, PathBuf)>,
    round_trips: AtomicU64,
}

impl Host {
    /// Opens the one connection that everything else goes through. Sockets go into `socket_dir` (0700).
    pub async fn connect(connection: &Connection, socket_dir: &Path) -> Result<Self, HostError> {
        let (label, become_, link) = match connection {
            Connection::Local { become_ } => ("local".to_owned(), *become_, Link::Local),
            Connection::Ssh(ssh) => {
                let label = label(ssh);
                match Reconnecting::connect(ssh, socket_dir).await {
                    Ok(link) => (label, ssh.become_, Link::Ssh(Box::new(link))),
                    Err(trouble) => {
                        return Err(HostError::Connect { host: label, reason: trouble.reason, fix: trouble.fix });
                    }
                }
            }
        };
        let way = match connection {
            Connection::Local { .. } => None,
            Connection::Ssh(ssh) => Some((ssh.clone(), socket_dir.to_owned())),
        };
        let round_trips = AtomicU64::new(0);
        Ok(Self(Arc::new(Inner { label, become_, link, way, round_trips })))
    }

    /// How the host is called in messages: `deploy@10.0.0.11`, `local`.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Runs a command to its end. A non-zero exit status is not an error: it is in the [`Output`].
    pub async fn run(&self, command: &Command) -> Result<Output, HostError> {
        let mut stdout = Vec::new();
        let output = self.receive(command, &mut stdout, OUTPUT_LIMIT).await?;
        Ok(Output { stdout, ..output })
    }

    /// Runs a constant POSIX sh script, fed on standard input to `sh -s -- ARGS`; over SSH in the session that stays open
    /// for scripts, where nobody else uses it at the moment.
    pub async fn script(&self, script: &Script, args: &[&str]) -> Result<Output, HostError> {
        let mut words = vec!["-s", "--"];
        words.extend(args);
        let text = whole_script(script.text);
        let mut stdout = Vec::new();
        if let Some((mut loan, mut input)) = self.spare(script, args).await {
            input.extend_from_slice(&text);
            match self.perform_in(&mut loan, script_job(script, &words, &[]), &input, &mut stdout).await {
                // That session had ended: nothing was run in it.
                Err(HostError::Access { .. }) => stdout.clear(),
                output => return output.map(|output| Output { stdout, ..output }),
            }
        }
        let output = self.perform(script_job(script, &words, &text), &mut stdout).await?;
        Ok(Output { stdout, ..output })
    }

    /// Opens the session for scripts now, if it is not open: for when somebody will wait for the next one.
    pub fn be_ready(&self) {
        if let Link::Ssh(ssh) = self.link() {
            ssh.current().keep_spare(self.become_());
        }
    }

    async fn spare(&self, script: &Script, args: &[&str]) -> Option<(Loan, Vec<u8>)> {
        let (Link::Ssh(ssh), Privilege::Elevated) = (self.link(), script.privilege) else { return None };
        let link = ssh.current();
        let opened = tokio::time::timeout(script.deadline, link.take_spare(self.become_())).await;
        let loan = opened.ok()??;
        let header = loan.header(args)?;
        Some((loan, header))
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
    ) -> Result<Sent, HostError> {
        self.put(local, remote, mode, digest, progress).await
    }

    /// As [`Self::send_file`], where it is known already that the host does not hold the file.
    pub async fn send_file_anew(
        &self,
        local: &Path,
        remote: &str,
        mode: u32,
        digest: Sha256,
        progress: &(dyn Fn(Bytes) + Send + Sync),
    ) -> Result<Stored, HostError> {
        self.put_anew(local, remote, mode, digest, progress).await
    }

    /// Runs a command and streams its standard output into `sink`; the `stdout` of the [`Output`] stays empty.
    pub async fn receive(
        &self,
        command: &Command,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        most: Bytes,
    ) -> Result<Output, HostError> {
        let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
        let job = Job {
            what: command.program.clone(),
            program: &command.program,
            args: &args,
            privilege: command.privilege,
            input: Input::Bytes(&command.stdin),
            deadline: command.deadline,
            stall: None,
            most,
        };
        self.perform(job, sink).await
    }

    /// Connects to `address`:`port` as seen from the host (for SSH: through the connection). Over SSH it is only known
    /// at the first read whether anything listens there: then that read fails with `ConnectionRefused` and the reason.
    pub async fn dial(&self, address: &str, port: u16, deadline: Duration) -> Result<Box<dyn ByteStream>, HostError> {
        self.dial_within(address, port, deadline).await
    }

    /// How many exchanges with the host were made so far (commands, scripts, transfers; not bytes of open streams).
    pub fn round_trips(&self) -> u64 {
        self.0.round_trips.load(Ordering::Relaxed)
    }

    /// Gives this clone back. The connection closes at once when it was the last.
    pub async fn close(self) {
        drop(self);
    }

    fn link(&self) -> &Link {
        &self.0.link
    }

    fn ssh(&self) -> Option<(&Ssh, &Path)> {
        self.0.way.as_ref().map(|(ssh, socket_dir)| (ssh, socket_dir.as_path()))
    }

    fn become_(&self) -> Become {
        self.0.become_
    }

    fn count_round_trip(&self) {
        self.0.round_trips.fetch_add(1, Ordering::Relaxed);
    }
}

fn label(ssh: &Ssh) -> String {
    let mut label = match &ssh.user {
        Some(user) => format!("{user}@{}", ssh.destination),
        None => ssh.destination.clone(),
    };
    if let Some(port) = ssh.port {
        label.push_str(&format!(" port {port}"));
    }
    label
}

fn script_job<'a>(script: &Script, words: &'a [&'a str], input: &'a [u8]) -> Job<'a> {
    Job {
        what: format!("script {}", script.name),
        program: "sh",
        args: words,
        privilege: script.privilege,
        input: Input::Bytes(input),
        deadline: script.deadline,
        stall: None,
        most: OUTPUT_LIMIT,
    }
}
