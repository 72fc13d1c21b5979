//! Runs one command over a link: feeds it, reads it, bounds it, and tells how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::OnceCell;

use super::command::{Output, Privilege, STDERR_LIMIT};
use super::connect_errors::explain_not_started;
use super::error::not_again;
use super::framing::{Mark, MarkFinder, Progress, RemoteProcess, STOP, words};
use super::link::{Ended, Link, LinkError, Running, spawn_local};
use super::spare::{Loan, Spare};
use super::ssh::SshLink;
use super::talk::talk;
use super::{Host, HostError};
use crate::spec::model::Become;
use crate::units::Bytes;

/// Size of the pieces that are read and sent.
pub(super) const PIECE: usize = 256 * 1024;

/// What telling a command to end may take; the script itself waits two seconds before it kills.
const STOP_TIME: Duration = Duration::from_secs(5);

/// So often a command is begun, where the connection goes each time before the host has taken it.
const MOST_BEGINS: u32 = 3;

/// A command that has begun, and the connection that it runs through.
type Begun = (Running, Option<Arc<SshLink>>);

/// One command with all that bounds it.
pub(super) struct Job<'a> {
    /// For messages.
    pub what: String,
    pub program: &'a str,
    pub args: &'a [&'a str],
    pub privilege: Privilege,
    pub input: Input<'a>,
    pub deadline: Duration,
    /// No byte in or out for this long is as good as the deadline.
    pub stall: Option<Duration>,
    /// Most bytes of standard output.
    pub most: Bytes,
}

pub(super) enum Input<'a> {
    Bytes(&'a [u8]),
    File { file: tokio::fs::File, progress: &'a (dyn Fn(Bytes) + Send + Sync) },
}

impl<'a> Job<'a> {
    /// The same once more; not where a file is sent, of which some may be read already.
    fn again(&self) -> Option<Job<'a>> {
        let Input::Bytes(bytes) = self.input else { return None };
        Some(Job { what: self.what.clone(), input: Input::Bytes(bytes), ..*self })
    }
}

/// Why the streams of a command were given up on.
pub(super) enum Broken {
    TooMuch,
    Sink(std::io::Error),
    Source(std::io::Error),
}

/// What is known of a command while it runs.
#[derive(Default)]
pub(super) struct Watch {
    /// Bytes moved, either way.
    moved: AtomicU64,
    /// Set when the command has started; holds its process where the host could tell.
    pub started: OnceCell<Option<RemoteProcess>>,
    /// A signal ended it before it had started.
    killed_at_birth: AtomicBool,
}

impl Watch {
    pub(super) fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Host {
    /// Runs `job`; its standard output goes to `sink`.
    pub(super) async fn perform(
        &self,
        job: Job<'_>,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Output, HostError> {
        let start_error =
            |reason: String| HostError::Start { host: self.label().into(), command: job.what.clone(), reason };
        if job.program.is_empty() || job.program.starts_with('-') {
            return Err(start_error("a program's name must not be empty or start with a dash".into()));
        }
        if job.program.contains('\0') || job.args.iter().any(|arg| arg.contains('\0')) {
            return Err(start_error("an argument holds a zero byte".into()));
        }
        let mark = Mark::new().map_err(|error| start_error(format!("no random numbers: {error}")))?;
        let words = words(self.become_(), job.privilege, &mark, job.program, job.args);
        let mut job = job;
        let mut begins = 0;
        loop {
            begins += 1;
            // On this machine a Ctrl-C in the terminal is heard by a process that has no group of its own yet.
            let again = job.again().filter(|_| matches!(self.link(), Link::Local) && begins < MOST_BEGINS);
            let watch = Watch::default();
            let Some(begun) = self.begin(&job.what, &words, job.deadline).await? else {
                return Err(self.overdue(job.what, job.deadline, job.privilege, &watch).await);
            };
            let result = self.drive(job, &mark, begun, &mut *sink, &watch).await;
            match again {
                Some(same) if watch.killed_at_birth.load(Ordering::Relaxed) => job = same,
                _ => return result,
            }
        }
    }

    /// As [`Self::perform`], in a session that stays. `input` is what that session reads.
    pub(super) async fn perform_in(
        &self,
        loan: &mut Loan,
        job: Job<'_>,
        input: &[u8],
        sink: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<Output, HostError> {
        let Some(spare) = loan.take() else {
            return Err(self.transfer(&job.what, "its session is in use"));
        };
        self.count_round_trip();
        let watch = Watch::default();
        let bounds = (job.deadline, job.stall);
        let (what, privilege, link) = (job.what.clone(), job.privilege, Some(loan.link()));
        let become_ = if privilege == Privilege::Elevated { self.become_() } else { Become::No };
        let work = self.talk_in(loan, spare, become_, (&job.what, input), (sink, job.most), &watch);
        self.bounded(work, (what, privilege, link), bounds, &watch).await
    }

    async fn talk_in(
        &self,
        loan: &mut Loan,
        mut spare: Spare,
        become_: Become,
        (what, input): (&str, &[u8]),
        output: (&mut (dyn AsyncWrite + Send + Unpin), Bytes),
        watch: &Watch,
    ) -> Result<Output, HostError> {
        let talked = talk(&mut spare.running, &spare.mark, input, output, watch).await;
        let talked = talked.map_err(|broken| self.broken(what, broken))?;
        if let Some(status) = talked.status {
            if talked.whole {
                loan.give_back(spare);
            }
            return Ok(Output { status: Some(status), stdout: Vec::new(), stderr: talked.stderr });
        }
        let [out, err] = &talked.noise;
        self.ended(what, become_, spare.running.ended, (talked.stderr, out, err), watch).await
    }

    async fn drive(
        &self,
        job: Job<'_>,
        mark: &Mark,
        (running, link): Begun,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        watch: &Watch,
    ) -> Result<Output, HostError> {
        let Job { what, privilege, input, deadline, stall, most, .. } = job;
        let become_ = if privilege == Privilege::Elevated { self.become_() } else { Become::No };
        let work = self.converse(&what, (become_, mark), running, (input, sink, most), watch);
        self.bounded(work, (what.clone(), privilege, link), (deadline, stall), watch).await
    }

    /// Waits for `work`, no longer than its bounds; what is given up is told to end on the host.
    async fn bounded(
        &self,
        work: impl Future<Output = Result<Output, HostError>>,
        (what, privilege, link): (String, Privilege, Option<Arc<SshLink>>),
        (deadline, stall): (Duration, Option<Duration>),
        watch: &Watch,
    ) -> Result<Output, HostError> {
        tokio::select! {
            result = tokio::time::timeout(deadline, work) => match result {
                Ok(result) => match result {
                    Err(HostError::TooMuchOutput { .. } | HostError::Transfer { .. }) => {
                        self.stop(privilege, watch).await;
                        result
                    }
                    Err(HostError::Lost { host, command, reason }) => {
                        Err(self.interrupted((host, command, reason), link, privilege, watch).await)
                    }
                    other => other,
                }
                Err(_) => Err(self.overdue(what, deadline, privilege, watch).await),
            },
            bound = stalled(watch, stall) => Err(self.overdue(what, bound, privilege, watch).await),
        }
    }

    /// Starts the command. Where the connection is gone, nothing was run: it is made again first. `None`: the host did
    /// not take the command within the deadline. With it comes the connection that it runs through, which lives for as
    /// long as it is held.
    async fn begin(&self, what: &str, words: &[String], deadline: Duration) -> Result<Option<Begun>, HostError> {
        let mut tries = 0;
        loop {
            tries += 1;
            self.count_round_trip();
            let (spawned, ssh) = match self.link() {
                Link::Local => (Ok(spawn_local(words)), None),
                Link::Ssh(ssh) => {
                    let link = ssh.current();
                    (tokio::time::timeout(deadline, link.spawn(words)).await, Some((ssh, link)))
                }
            };
            let Ok(spawned) = spawned else { return Ok(None) };
            match (spawned, ssh) {
                (Ok(running), ssh) => return Ok(Some((running, ssh.map(|(_, link)| link)))),
                (Err(LinkError::Lost(reason)), Some((ssh, lost))) if tries < MOST_BEGINS => {
                    let gone = |trouble| self.link_error(what, LinkError::Lost(not_again(&reason, &trouble)));
                    ssh.again(&lost).await.map_err(gone)?;
                }
                (Err(error), _) => return Err(self.link_error(what, error)),
            }
        }
    }

    fn link_error(&self, what: &str, error: LinkError) -> HostError {
        let (host, command) = (self.label().to_owned(), what.to_owned());
        match error {
            LinkError::Lost(reason) => HostError::Lost { host, command, reason },
            LinkError::Start(reason) => HostError::Start { host, command, reason },
        }
    }

    /// The connection went while the command ran: it is made again, and what is left of the command is told to end, so
    /// that it does not go on beside what is done next.
    async fn interrupted(
        &self,
        (host, command, reason): (String, String, String),
        link: Option<Arc<SshLink>>,
        privilege: Privilege,
        watch: &Watch,
    ) -> HostError {
        let (Link::Ssh(ssh), Some(lost)) = (self.link(), link) else {
            return HostError::Lost { host, command, reason };
        };
        match ssh.again(&lost).await {
            Ok(()) => {
                self.stop(privilege, watch).await;
                HostError::Interrupted { host, command, reason }
            }
            Err(trouble) => HostError::Lost { host, command, reason: not_again(&reason, &trouble) },
        }
    }

    async fn converse(
        &self,
        what: &str,
        (become_, mark): (Become, &Mark),
        running: Running,
        (input, sink, most): (Input<'_>, &mut (dyn AsyncWrite + Send + Unpin), Bytes),
        watch: &Watch,
    ) -> Result<Output, HostError> {
        let Running { stdin, stdout, stderr, ended } = running;
        let mut out_finder = MarkFinder::new(mark);
        let mut err_finder = MarkFinder::new(mark);
        let mut errors = Tail::default();
        let streams = async {
            tokio::try_join!(
                pump_out(stdout, &mut out_finder, sink, most, watch),
                pump_err(stderr, &mut err_finder, &mut errors, watch),
            )
        };
        // Once both streams are at their end nobody reads the input any more, so it is not waited for.
        let read = tokio::select! {
            read = streams => read.map(|_| ()),
            broken = feed(stdin, input, watch) => Err(broken),
        };
        read.map_err(|broken| self.broken(what, broken))?;
        self.ended(what, become_, ended, (errors.into_bytes(), out_finder.noise(), err_finder.noise()), watch).await
    }

    fn broken(&self, what: &str, broken: Broken) -> HostError {
        match broken {
            Broken::TooMuch => HostError::TooMuchOutput { host: self.label().to_owned(), command: what.into() },
            Broken::Sink(error) => self.transfer(what, format!("what it printed cannot be kept: {error}")),
            Broken::Source(error) => self.transfer(what, format!("what it is sent cannot be read: {error}")),
        }
    }

    /// Both streams are at their end: how the command ended, or why it never began, by the noise on them.
    async fn ended(
        &self,
        what: &str,
        become_: Become,
        ended: impl Future<Output = Result<Ended, LinkError>>,
        (stderr, out_noise, err_noise): (Vec<u8>, &[u8], &[u8]),
        watch: &Watch,
    ) -> Result<Output, HostError> {
        let status = match ended.await.map_err(|error| self.link_error(what, error))? {
            Ended::Code(code) => Some(code),
            Ended::Signal => None,
        };
        if watch.started.initialized() {
            return Ok(Output { status, stdout: Vec::new(), stderr });
        }
        watch.killed_at_birth.store(status.is_none(), Ordering::Relaxed);
        let trouble = explain_not_started(become_, status, out_noise, err_noise);
        let host = self.label().to_owned();
        Err(HostError::Access { host, command: what.into(), reason: trouble.reason, fix: trouble.fix })
    }

    pub(super) fn transfer(&self, path: &str, reason: impl Into<String>) -> HostError {
        HostError::Transfer { host: self.label().to_owned(), path: path.to_owned(), reason: reason.into() }
    }

    /// The command is told to end. When the host does not take even that, it is gone.
    async fn overdue(&self, command: String, bound: Duration, privilege: Privilege, watch: &Watch) -> HostError {
        let host = self.label().to_owned();
        match self.stop(privilege, watch).await {
            Stopped::Told | Stopped::NothingToTell => HostError::Deadline { host, command, deadline: bound },
            Stopped::NoAnswer => HostError::Lost {
                host,
                command,
                reason: format!("nothing came back within {bound:?}, and the host does not answer a second command"),
            },
        }
    }

    async fn stop(&self, privilege: Privilege, watch: &Watch) -> Stopped {
        let Some(Some(process)) = watch.started.get() else { return Stopped::NothingToTell };
        let Ok(mark) = Mark::new() else { return Stopped::NothingToTell };
        let (pid, started, group) = (process.pid.to_string(), process.started.to_string(), process.group.to_string());
        let args = ["-c", STOP, "sh", &pid, &started, &group];
        let words = words(self.become_(), privilege, &mark, "sh", &args);
        self.count_round_trip();
        let tell = async {
            let Running { stdin, mut stdout, mut stderr, ended } = self.link().spawn(&words).await?;
            drop(stdin);
            let (mut out, mut err) = (tokio::io::sink(), tokio::io::sink());
            // What it prints is of no use, and a stream that breaks shows in how it ended.
            let _ = tokio::join!(tokio::io::copy(&mut stdout, &mut out), tokio::io::copy(&mut stderr, &mut err));
            ended.await
        };
        match tokio::time::timeout(STOP_TIME, tell).await {
            Ok(Ok(_)) => Stopped::Told,
            Ok(Err(LinkError::Start(_))) => Stopped::NothingToTell,
            Ok(Err(LinkError::Lost(_))) | Err(_) => Stopped::NoAnswer,
        }
    }
}

enum Stopped {
    Told,
    /// The command's process is not known, it has never started, or the host takes no second session.
    NothingToTell,
    NoAnswer,
}

/// Ends when nothing has moved for `bound`.
async fn stalled(watch: &Watch, bound: Option<Duration>) -> Duration {
    let Some(bound) = bound else { return std::future::pending().await };
    loop {
        let before = watch.moved.load(Ordering::Relaxed);
        tokio::time::sleep(bound).await;
        if watch.moved.load(Ordering::Relaxed) == before {
            return bound;
        }
    }
}

/// Sends the input, closes it, and then never ends: only a source that cannot be read is worth telling. A command may
/// end without reading all of its input.
async fn feed(mut stdin: Box<dyn AsyncWrite + Send + Unpin>, input: Input<'_>, watch: &Watch) -> Broken {
    match input {
        Input::Bytes(bytes) => {
            for piece in bytes.chunks(PIECE) {
                if stdin.write_all(piece).await.is_err() {
                    break;
                }
                watch.count(piece.len());
            }
        }
        Input::File { mut file, progress } => {
            let mut piece = vec![0; PIECE];
            let mut sent = 0;
            loop {
                match file.read(&mut piece).await {
                    Ok(0) => break,
                    Ok(length) => {
                        if stdin.write_all(&piece[..length]).await.is_err() {
                            break;
                        }
                        sent += length as u64;
                        watch.count(length);
                        progress(Bytes(sent));
                    }
                    Err(error) => return Broken::Source(error),
                }
            }
        }
    }
    let _ = stdin.shutdown().await;
    drop(stdin);
    std::future::pending().await
}

async fn pump_out(
    mut stream: Box<dyn AsyncRead + Send + Unpin>,
    finder: &mut MarkFinder,
    sink: &mut (dyn AsyncWrite + Send + Unpin),
    most: Bytes,
    watch: &Watch,
) -> Result<(), Broken> {
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    // A stream that breaks is at its end: how the command ended says the rest.
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        watch.count(length);
        let first;
        let bytes = if watch.started.initialized() {
            &piece[..length]
        } else {
            match finder.feed(&piece[..length]) {
                Progress::Waiting => continue,
                Progress::Flooded => return Err(Broken::TooMuch),
                Progress::Started { process, first: bytes } => {
                    let _ = watch.started.set(process);
                    first = bytes;
                    &first[..]
                }
            }
        };
        total += bytes.len() as u64;
        if total > most.0 {
            return Err(Broken::TooMuch);
        }
        sink.write_all(bytes).await.map_err(Broken::Sink)?;
    }
    sink.flush().await.map_err(Broken::Sink)
}

async fn pump_err(
    mut stream: Box<dyn AsyncRead + Send + Unpin>,
    finder: &mut MarkFinder,
    errors: &mut Tail,
    watch: &Watch,
) -> Result<(), Broken> {
    let mut piece = vec![0; 16 * 1024];
    let mut started = false;
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        watch.count(length);
        if started {
            errors.push(&piece[..length]);
        } else {
            match finder.feed(&piece[..length]) {
                Progress::Waiting => {}
                Progress::Flooded => return Err(Broken::TooMuch),
                Progress::Started { first, .. } => {
                    started = true;
                    errors.push(&first);
                }
            }
        }
    }
    Ok(())
}

/// The end of a stream.
#[derive(Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > 2 * STDERR_LIMIT {
            self.0.drain(..self.0.len() - STDERR_LIMIT);
        }
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        let from = self.0.len().saturating_sub(STDERR_LIMIT);
        self.0.split_off(from)
    }
}
