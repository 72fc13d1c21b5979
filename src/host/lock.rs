//! A lock on a host that lives in the connection: a constant script holds it there for as long as we send it a line now
//! and then. It goes when we end, also by kill -9, when the connection goes, and when the network is silent for too long.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::command::Privilege;
use super::connect_errors::explain_not_started;
use super::error::shown;
use super::framing::{Mark, MarkFinder, Progress, words};
use super::link::{Ended, Link, LinkError, Running};
use super::reconnect::Reconnecting;
use super::{Host, HostError};
use crate::spec::model::Become;

const SCRIPT: &str = include_str!("lock.sh");

/// How often a sign of life is sent.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// How long its answer is waited for. After that the lock counts as lost.
const BEAT_BOUND: Duration = Duration::from_secs(20);

/// An answer that is not older than this is as good as one of now.
const FRESH: Duration = Duration::from_secs(10);

/// How long the host keeps the lock without a sign of life, in seconds: longer than we take to notice that it is lost, so
/// that nobody else has it while we still believe in ours.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the script tries, a tenth of a second apart: who held it may be about to end.
const TRIES: u32 = 20;

/// Who has the first of several locks waits longer for the others than whoever waits for the first: of two that begin at the
/// same moment the second gives up first, and the first gets all.
const TRIES_WITH_THE_FIRST: u32 = 60;

/// From the start of the script to its first line.
const TAKE_BOUND: Duration = Duration::from_secs(30);

/// For the script to end once it was told to.
const RELEASE_BOUND: Duration = Duration::from_secs(5);

/// Longest line that the script says: a holder's record is cut to 4000 bytes there.
const LONGEST_LINE: usize = 8 * 1024;

/// Most bytes of the script's standard error that are kept.
const STDERR_KEPT: usize = 4 * 1024;

/// Which lock is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// On the host; absolute. Made where it is not there.
    pub folder: String,
    /// The lock is `FOLDER/NAME.lock`.
    pub name: String,
    /// One line for whoever comes second: who we are.
    pub record: String,
    /// Which of all locks that are taken at once.
    pub place: LockPlace,
}

/// Of the locks that are taken at once, the one that decides who gets them all, or one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockPlace {
    First,
    Other,
}

impl LockPlace {
    fn tries(self) -> u32 {
        match self {
            Self::First => TRIES,
            Self::Other => TRIES_WITH_THE_FIRST,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it. What they wrote about themselves; it may be empty, or anything.
    #[error("{host}: {path} is held")]
    Taken { host: String, path: String, record: String },
    #[error("{host}: the lock {path} cannot be taken: {reason}")]
    Failed { host: String, path: String, reason: String },
    #[error(transparent)]
    Host(#[from] HostError),
}

/// A lock that is held. It goes when this is dropped.
#[derive(Debug)]
pub struct HostLock {
    host: String,
    path: String,
    state: watch::Receiver<State>,
    ask: Arc<Notify>,
    /// Dropped to let it go.
    hold: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Answered at that time since boot.
    Held {
        at: Duration,
    },
    Lost {
        why: String,
    },
}

impl HostLock {
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where it is on the host.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is still held, by an answer that is fresh; else why not. Asks the host only when the last answer is old.
    pub async fn check(&self) -> Result<(), String> {
        let mut state = self.state.clone();
        let asked = async {
            loop {
                match &*state.borrow_and_update() {
                    State::Lost { why } => return Err(why.clone()),
                    State::Held { at } if since_boot().saturating_sub(*at) < FRESH => return Ok(()),
                    State::Held { .. } => {}
                }
                self.ask.notify_one();
                if state.changed().await.is_err() {
                    return Err("it was let go".to_owned());
                }
            }
        };
        let bound = BEAT_BOUND + BEAT_EVERY;
        timeout(bound, asked).await.unwrap_or_else(|_| Err(format!("its host did not answer within {bound:?}")))
    }

    /// Lets it go, and waits until the host has.
    pub async fn release(mut self) {
        drop(self.hold.take());
        // Whether it is gone by then or not: without us it goes.
        let _ = timeout(RELEASE_BOUND, &mut self.task).await;
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Host {
    /// Takes a lock on this host. Where the host allows one session a connection, it gets a connection of its own.
    pub async fn lock(&self, wanted: &LockRequest) -> Result<HostLock, LockError> {
        let held = self.start_lock(self.link(), wanted).await?;
        let Link::Ssh(link) = self.link() else { return Ok(self.keep(wanted, held, None)) };
        if link.current().has_room(self.become_()).await {
            return Ok(self.keep(wanted, held, None));
        }
        held.end().await;
        let own = self.another_link().await?;
        let held = self.start_lock(&own, wanted).await?;
        Ok(self.keep(wanted, held, Some(own)))
    }

    async fn another_link(&self) -> Result<Link, LockError> {
        let Some((ssh, socket_dir)) = self.ssh() else { return Ok(Link::Local) };
        let link = Reconnecting::connect(ssh, socket_dir).await.map_err(|trouble| HostError::Connect {
            host: self.label().to_owned(),
            reason: format!(
                "the host allows one session a connection, and a second connection fails: {}",
                trouble.reason
            ),
            fix: trouble.fix,
        })?;
        Ok(Link::Ssh(Box::new(link)))
    }

    async fn start_lock(&self, link: &Link, wanted: &LockRequest) -> Result<Held, LockError> {
        let command = "script lock".to_owned();
        let host = || self.label().to_owned();
        let start_error = |reason: String| HostError::Start { host: host(), command: command.clone(), reason };
        let one_line = |text: &String| !text.contains(['\n', '\0']);
        let parts = [&wanted.folder, &wanted.name, &wanted.record];
        if !wanted.folder.starts_with('/') || wanted.name.contains('/') || !parts.into_iter().all(one_line) {
            let rule = "a lock's folder is absolute, its name has no slash, and nothing of it a line break";
            return Err(start_error(rule.to_owned()).into());
        }
        let mark = Mark::new().map_err(|error| start_error(format!("no random numbers: {error}")))?;
        let (tries, patience) = (wanted.place.tries().to_string(), PATIENCE.as_secs().to_string());
        let args = ["-s", "--", &wanted.folder, &wanted.name, &wanted.record, &tries, &patience];
        let words = words(self.become_(), Privilege::Elevated, &mark, "sh", &args);
        self.count_round_trip();
        let running = link.spawn_resident(&words).await.map_err(|error| match error {
            LinkError::Lost(reason) => HostError::Lost { host: host(), command: command.clone(), reason },
            LinkError::Start(reason) => HostError::Start { host: host(), command: command.clone(), reason },
        })?;
        let mut held = Held::new(running, &mark);
        let path = wanted.path();
        match timeout(TAKE_BOUND, held.begin()).await {
            Err(_) => Err(HostError::Deadline { host: host(), command, deadline: TAKE_BOUND }.into()),
            Ok(Some(line)) => match line.split_once(' ').unwrap_or((&line, "")) {
                ("held", _) => Ok(held),
                ("taken", record) => Err(LockError::Taken { host: host(), path, record: record.to_owned() }),
                ("failed", reason) => Err(LockError::Failed { host: host(), path, reason: shown(reason.as_bytes()) }),
                _ => Err(LockError::Failed {
                    host: host(),
                    path,
                    reason: format!("it said {:?}", shown(line.as_bytes())),
                }),
            },
            Ok(None) => Err(held.why_not_started(self.become_(), host(), command, path).await),
        }
    }

    fn keep(&self, wanted: &LockRequest, held: Held, own: Option<Link>) -> HostLock {
        let (sender, state) = watch::channel(State::Held { at: since_boot() });
        let (hold, released) = oneshot::channel();
        let ask = Arc::new(Notify::new());
        let task = tokio::spawn(keep_alive(held, own, sender, Arc::clone(&ask), released));
        HostLock { host: self.label().to_owned(), path: wanted.path(), state, ask, hold: Some(hold), task }
    }
}

impl LockRequest {
    fn path(&self) -> String {
        format!("{}/{}.lock", self.folder, self.name)
    }
}

/// Sends signs of life and reads their answers, until the lock is let go or lost.
async fn keep_alive(
    mut held: Held,
    own: Option<Link>,
    state: watch::Sender<State>,
    ask: Arc<Notify>,
    mut released: oneshot::Receiver<()>,
) {
    let why = loop {
        tokio::select! {
            () = tokio::time::sleep(BEAT_EVERY) => {}
            () = ask.notified() => {}
            // Nothing is said unasked: this is the end of it.
            _ = held.line() => break "its process on the host has ended, or the connection is gone".to_owned(),
            _ = &mut released => {
                held.end().await;
                drop(own);
                return;
            }
        }
        match timeout(BEAT_BOUND, held.beat()).await {
            Ok(true) => {
                let _ = state.send(State::Held { at: since_boot() });
            }
            Ok(false) => break "its process on the host has ended, or the connection is gone".to_owned(),
            Err(_) => break format!("its host did not answer within {BEAT_BOUND:?}"),
        }
    };
    let _ = state.send(State::Lost { why });
}

/// The script on the host, and its streams.
struct Held {
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    stdout: Box<dyn AsyncRead + Send + Unpin>,
    ended: std::pin::Pin<Box<dyn std::future::Future<Output = Result<Ended, LinkError>> + Send>>,
    finder: Option<MarkFinder>,
    /// Read, and not taken as a line yet.
    read: Vec<u8>,
    errors: JoinHandle<Vec<u8>>,
}

impl Held {
    fn new(running: Running, mark: &Mark) -> Self {
        let Running { stdin, stdout, stderr, ended } = running;
        let errors = tokio::spawn(end_of(stderr));
        Self { stdin, stdout, ended, finder: Some(MarkFinder::new(mark)), read: Vec::new(), errors }
    }

    /// Sends the script, and returns the first line it says.
    async fn begin(&mut self) -> Option<String> {
        // It is read whole before its first line runs; what comes after it on standard input are the signs of life.
        let text = format!("{{\n{SCRIPT}\nexit\n}}\n");
        let sent = async {
            self.stdin.write_all(text.as_bytes()).await?;
            self.stdin.flush().await
        };
        // Whether it was read shows in the answer.
        let _ = sent.await;
        self.line().await
    }

    async fn beat(&mut self) -> bool {
        let sent = async {
            self.stdin.write_all(b"beat\n").await?;
            self.stdin.flush().await
        };
        sent.await.is_ok() && self.line().await.as_deref() == Some("beat")
    }

    /// The next line of the script; `None` at its end. Given up half-way, it goes on where it was.
    async fn line(&mut self) -> Option<String> {
        let mut piece = [0; 1024];
        loop {
            if self.finder.is_none()
                && let Some(end) = self.read.iter().position(|&b| b == b'\n')
            {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.read.len() > LONGEST_LINE {
                return None;
            }
            let length = match self.stdout.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(length) => length,
            };
            match &mut self.finder {
                None => self.read.extend_from_slice(&piece[..length]),
                Some(finder) => match finder.feed(&piece[..length]) {
                    Progress::Waiting => {}
                    Progress::Flooded => return None,
                    Progress::Started { first, .. } => {
                        self.read = first;
                        self.finder = None;
                    }
                },
            }
        }
    }

    /// Ends its input and waits until it has ended.
    async fn end(mut self) {
        let _ = self.stdin.shutdown().await;
        drop(self.stdin);
        let last_words = async {
            let mut rest = Vec::new();
            let _ = (&mut self.stdout).take(LONGEST_LINE as u64).read_to_end(&mut rest).await;
            let _ = self.ended.await;
        };
        let _ = timeout(RELEASE_BOUND, last_words).await;
    }

    async fn why_not_started(mut self, become_: Become, host: String, command: String, path: String) -> LockError {
        drop(self.stdin);
        let status = match timeout(RELEASE_BOUND, &mut self.ended).await {
            Ok(Ok(Ended::Code(code))) => Some(code),
            Ok(Err(LinkError::Lost(reason))) => return HostError::Lost { host, command, reason }.into(),
            _ => None,
        };
        let errors = timeout(RELEASE_BOUND, &mut self.errors).await.ok().and_then(Result::ok).unwrap_or_default();
        let Some(finder) = &self.finder else {
            let reason = format!("its script ended without a word: {}", shown(&errors));
            return LockError::Failed { host, path, reason };
        };
        let trouble = explain_not_started(become_, status, finder.noise(), &errors);
        HostError::Access { host, command, reason: trouble.reason, fix: trouble.fix }.into()
    }
}

async fn end_of(mut stream: Box<dyn AsyncRead + Send + Unpin>) -> Vec<u8> {
    let (mut kept, mut piece) = (Vec::new(), [0; 1024]);
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(&piece[..length]);
        if kept.len() > 2 * STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
    }
    kept
}

/// Time since boot, with the time that the machine was suspended: a lock that was fresh when the lid was closed is not
/// fresh when it is opened.
fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
