//! One SSH connection: the system's `ssh` as master in the background, and sessions through its control socket.

use std::io::Write;
use std::num::NonZeroU32;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect_errors::{Trouble, explain};
use super::control_dir;
use super::error::last_line;
use super::forward::Forwards;
use super::link::{Ended, LinkError, Running};
use super::spare::Slot;
use crate::spec::model::{Become, Ssh};

/// Sessions at a time through one connection: below sshd's usual `MaxSessions 10`. Lowered when the host refuses one.
const MOST_SESSIONS: usize = 8;

/// A host takes a moment to free the slot of a session that has just ended: how often, and how long apart, the last
/// slot is asked for again.
const SLOT_TRIES: u32 = 40;
const SLOT_WAIT: Duration = Duration::from_millis(25);

/// How long the master outlives a controller that was killed.
const LINGER: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// A host that does not answer for this many seconds, three times in a row, is gone.
const ALIVE_INTERVAL: u32 = 5;

/// What logging in may take beyond the TCP connection.
const LOGIN_TIME: Duration = Duration::from_secs(20);

/// Most bytes of ssh's own log that are read for a reason.
const LOG_LIMIT: usize = 64 * 1024;

/// All arguments of one command: the remote shell takes them as a single word of at most 128 KiB.
const WORDS_LIMIT: usize = 96 * 1024;

pub(super) struct SshLink {
    session: Arc<openssh::Session>,
    sessions: Arc<Semaphore>,
    session_limit: AtomicUsize,
    /// Keeps the master alive while we live, idle or not, and ends it when we go.
    anchor: UnixStream,
    dir: TempDir,
    forwards: Forwards,
    pub(super) ahead: Slot,
}

impl SshLink {
    pub(super) async fn connect(ssh: &Ssh, socket_dir: &Path) -> Result<Self, Trouble> {
        if ssh.destination.is_empty() || ssh.destination.starts_with('-') {
            return Err(Trouble::new("the address is empty or starts with a dash", "correct the address in the spec"));
        }
        let dir = control_dir::create(socket_dir).map_err(|error| {
            Trouble::new(
                format!("no folder for the SSH control socket in {}: {error}", socket_dir.display()),
                "make that folder writable, or choose another state directory",
            )
        })?;
        launch_master(ssh, dir.path()).await?;
        let socket = dir.path().join(control_dir::SOCKET);
        let anchor = UnixStream::connect(&socket).map_err(|error| {
            Trouble::new(format!("ssh logged in and ended again: {error}"), "try `ssh` by hand and see what it says")
        })?;
        Ok(Self {
            session: Arc::new(openssh::Session::resume_mux(socket.into_boxed_path(), None)),
            sessions: Arc::new(Semaphore::new(MOST_SESSIONS)),
            session_limit: AtomicUsize::new(MOST_SESSIONS),
            anchor,
            dir,
            forwards: Forwards::default(),
            ahead: Slot::default(),
        })
    }

    pub(super) fn session(&self) -> &openssh::Session {
        &self.session
    }

    pub(super) fn forwards(&self) -> &Forwards {
        &self.forwards
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.path().join(control_dir::LOG)
    }

    /// Why the connection went, by ssh's own log.
    pub(super) fn why_lost(&self) -> String {
        last_line(&read_log(&self.log())).unwrap_or_else(|| "the SSH connection is closed".into())
    }

    /// Sessions at a time, as far as the host has told.
    pub(super) fn session_limit(&self) -> usize {
        self.session_limit.load(Ordering::Relaxed)
    }

    /// Where nobody waits for a place; else `None`.
    pub(super) async fn spawn_at_once(&self, words: &[String]) -> Result<Option<Running>, openssh::Error> {
        let Ok(permit) = Arc::clone(&self.sessions).try_acquire_owned() else { return Ok(None) };
        let child = self.open(words).await?;
        Ok(self.running(child, Some(permit)).ok())
    }

    pub(super) async fn spawn(&self, words: &[String]) -> Result<Running, LinkError> {
        let (child, permit) = self.open_in_turn(words).await?;
        self.running(child, Some(permit))
    }

    /// A session that stays: its place is taken out of those that commands take turns in.
    pub(super) async fn spawn_resident(&self, words: &[String]) -> Result<Running, LinkError> {
        let (child, permit) = self.open_in_turn(words).await?;
        // Where it was the last place, it goes back: who asked for it has to see whether there is room for another.
        if !self.lower_limit(permit) {
            tracing::debug!("the host allows one session a connection");
        }
        self.running(child, None)
    }

    /// Whether one more session can be opened beside those that are. It is tried with the one that scripts will run in.
    pub(super) async fn has_room(self: &Arc<Self>, become_: Become) -> bool {
        for _ in 0..SLOT_TRIES {
            match self.open_one_more(become_).await {
                Ok(()) => return true,
                Err(error) if refused_by_limit(&error) => {
                    self.drop_spare();
                    tokio::time::sleep(SLOT_WAIT).await;
                }
                // Something else is wrong: whoever needs the session will find out what.
                Err(_) => return true,
            }
        }
        false
    }

    async fn open_in_turn(
        &self,
        words: &[String],
    ) -> Result<(openssh::Child<Arc<openssh::Session>>, OwnedSemaphorePermit), LinkError> {
        if words.iter().map(|word| word.len() + 1).sum::<usize>() > WORDS_LIMIT {
            return Err(LinkError::Start(format!("its arguments are longer than {WORDS_LIMIT} bytes in all")));
        }
        let mut tries = 0;
        loop {
            let permit = Arc::clone(&self.sessions)
                .acquire_owned()
                .await
                .map_err(|_| LinkError::Lost("the connection is being closed".into()))?;
            match self.open(words).await {
                Ok(child) => return Ok((child, permit)),
                Err(error) if refused_by_limit(&error) => {
                    self.drop_spare();
                    if !self.lower_limit(permit) {
                        tries += 1;
                        if tries > SLOT_TRIES {
                            let reason = "the host refuses a session: see MaxSessions in its sshd_config";
                            return Err(LinkError::Start(reason.into()));
                        }
                        tokio::time::sleep(SLOT_WAIT).await;
                    }
                }
                Err(openssh::Error::Disconnected | openssh::Error::Master(_)) => {
                    return Err(LinkError::Lost(format!("{}; it was not started", self.why_lost())));
                }
                Err(error) => return Err(LinkError::Start(chain(&error))),
            }
        }
    }

    pub(super) async fn open(&self, words: &[String]) -> Result<openssh::Child<Arc<openssh::Session>>, openssh::Error> {
        let (program, args) = words.split_first().ok_or(openssh::Error::InvalidCommand)?;
        let mut command = Arc::clone(&self.session).arc_command(program.as_str());
        command.args(args);
        command.stdin(openssh::Stdio::piped()).stdout(openssh::Stdio::piped()).stderr(openssh::Stdio::piped());
        command.spawn().await
    }

    /// The host takes fewer sessions at a time than we thought: one permit goes for good. False when it was the last.
    fn lower_limit(&self, permit: OwnedSemaphorePermit) -> bool {
        let lowered = self
            .session_limit
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |limit| (limit > 1).then(|| limit - 1));
        if lowered.is_ok() {
            permit.forget();
        }
        lowered.is_ok()
    }

    fn running(
        &self,
        mut child: openssh::Child<Arc<openssh::Session>>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Running, LinkError> {
        let streams = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(LinkError::Start("its streams could not be opened".into()));
        };
        let session = Arc::clone(&self.session);
        let log = self.log();
        let ended = async move {
            let _permit = permit;
            match child.wait().await {
                Ok(status) => Ok(Ended::from(status)),
                // The crate reads exit code 127 this way, whoever gave it.
                Err(openssh::Error::Remote(_)) => Ok(Ended::Code(127)),
                // No exit code: a signal ended the process, or the connection is gone. A master that answers is not gone.
                Err(openssh::Error::RemoteProcessTerminated) if session.check().await.is_ok() => Ok(Ended::Signal),
                Err(error) => Err(LinkError::Lost(last_line(&read_log(&log)).unwrap_or_else(|| chain(&error)))),
            }
        };
        Ok(Running {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            ended: Box::pin(ended),
        })
    }
}

impl Drop for SshLink {
    /// Tells the master to end. Should that fail, it ends by itself once the anchor is closed.
    fn drop(&mut self) {
        // PROTOCOL.mux of OpenSSH: MUX_MSG_HELLO version 4, then MUX_C_TERMINATE with a request id; each packet is
        // its length, then its words, big endian.
        let words: [u32; 6] = [8, 0x0000_0001, 4, 8, 0x1000_0005, 0];
        let packet: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let _ = self.anchor.set_nonblocking(true);
        let _ = self.anchor.write_all(&packet);
    }
}

async fn launch_master(ssh: &Ssh, dir: &Path) -> Result<(), Trouble> {
    let log = dir.join(control_dir::LOG);
    let mut command = tokio::process::Command::new("ssh");
    command
        .args(master_arguments(ssh, dir))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env("LC_ALL", "C")
        // Ctrl-C is for quorate: a reconnect in the middle of a step has to survive it.
        .process_group(0)
        .kill_on_drop(true);
    let mut master = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Trouble::new("the program `ssh` was not found", "install the OpenSSH client (package openssh-client)")
        }
        _ => Trouble::new(format!("ssh cannot be started: {error}"), "see the reason above"),
    })?;
    let bound = ssh.connect_timeout.duration() + LOGIN_TIME;
    match tokio::time::timeout(bound, master.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(_)) => Err(explain(ssh, &String::from_utf8_lossy(&read_log(&log)))),
        Ok(Err(error)) => Err(Trouble::new(format!("waiting for ssh: {error}"), "see the reason above")),
        Err(_) => Err(Trouble::new(
            format!("not logged in after {bound:?}"),
            "see whether `ssh` by hand asks for something (a passphrase, a touch of a security key), or raise connect_timeout",
        )),
    }
}

/// Everything about the connection itself comes from here or from the user's ssh configuration; nothing that a
/// configuration may add for people (forwards, agents, commands to run) is taken along.
fn master_arguments(ssh: &Ssh, dir: &Path) -> Vec<std::ffi::OsString> {
    let mut args: Vec<std::ffi::OsString> = vec!["-E".into(), dir.join(control_dir::LOG).into()];
    args.extend(["-S".into(), dir.join(control_dir::SOCKET).into()]);
    args.extend(["-M", "-f", "-N", "-T", "-x", "-a"].map(Into::into));
    let mut option = |text: String| args.extend(["-o".into(), text.into()]);
    for fixed in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "LogLevel=INFO",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "RemoteCommand=none",
        "Tunnel=no",
        "ServerAliveCountMax=3",
    ] {
        option(fixed.into());
    }
    option(format!("ServerAliveInterval={ALIVE_INTERVAL}"));
    option(format!("ControlPersist={LINGER}s"));
    option(format!("ConnectTimeout={}", ssh.connect_timeout.duration().as_secs().max(1)));
    if let Some(file) = &ssh.known_hosts_file {
        // ssh expands % in this value.
        option(format!("UserKnownHostsFile=\"{}\"", file.display().to_string().replace('%', "%%")));
    }
    if let Some(file) = &ssh.identity_file {
        option("IdentitiesOnly=yes".into());
        args.extend(["-i".into(), file.into()]);
    }
    if let Some(file) = &ssh.config_file {
        args.extend(["-F".into(), file.into()]);
    }
    if let Some(port) = ssh.port {
        args.extend(["-p".into(), port.to_string().into()]);
    }
    if let Some(user) = &ssh.user {
        args.extend(["-l".into(), user.into()]);
    }
    args.extend(["--".into(), ssh.destination.as_str().into()]);
    args
}

/// The end of ssh's log; empty when there is none.
pub(super) fn read_log(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap_or_default();
    let from = bytes.len().saturating_sub(LOG_LIMIT);
    bytes.split_off(from)
}

fn refused_by_limit(error: &openssh::Error) -> bool {
    matches!(error, openssh::Error::SshMux(_)) && chain(error).contains("refused by peer")
}

/// An error with all its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
