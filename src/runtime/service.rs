//! Stop, start, and what runs right now.

use std::time::Duration;

use crate::host::Host;
use crate::units::Sha256;

use super::answer::{Answer, ask, clean};
use super::error::RuntimeError;
use super::scripts;
use super::site::{Service, Site};

/// What an exchange may take on top of what it waits for.
pub(super) const MARGIN: Duration = Duration::from_secs(30);

/// Last lines of the log that come with a death.
pub(super) const LAST_LINES: &str = "20";

const SIGTERM: i32 = 15;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// The kernel killed it for want of memory (systemd says so).
    OutOfMemory,
}

impl Exit {
    /// etcd sends itself the signal again that stopped it; as PID 1 it exits with 0, under a wrapper with 143.
    #[must_use]
    pub fn is_clean(self) -> bool {
        matches!(self, Self::Code(0 | 143) | Self::Signal(SIGTERM))
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            // With cgroups of version 1 systemd cannot tell.
            Self::Signal(9) => f.write_str(
                "killed by signal 9: by the kernel for want of memory (`journalctl -k` would say so), or by somebody",
            ),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::OutOfMemory => f.write_str("killed by the kernel: out of memory"),
        }
    }
}

/// What the disk of a member must have room for before it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It is stopped whatever there is: it is to be put back.
    Whatever,
    /// For the next start.
    ForStart,
    /// For a copy of its data as well.
    ForCopy,
}

impl Room {
    fn word(self) -> &'static str {
        match self {
            Self::Whatever => "",
            Self::ForStart => "start",
            Self::ForCopy => "copy",
        }
    }
}

/// What a stop came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopOutcome {
    /// It ran, and nobody has its data open any more.
    Stopped { exit: Option<Exit>, took: Duration },
    /// It did not run.
    AlreadyStopped { last_exit: Option<Exit> },
    /// It still runs after the bound, or is still stopping. It was not killed.
    StillAlive { pid: u32, waited: Duration },
}

/// What a start came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartOutcome {
    Running(Started),
    Died(Death),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    pub pid: u32,
    /// Clock ticks since boot: with the pid, tells one process from the next.
    pub started: u64,
    /// False for a unit of Type=notify that has not said yet that it serves.
    pub ready: bool,
    /// Resolved path of what it runs, and whether the file at that path is no longer that.
    pub exe: String,
    pub exe_replaced: bool,
    /// True when it ran before (process runtime; systemd does not tell).
    pub already: bool,
    pub unit: Option<UnitState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    pub exit: Option<Exit>,
    /// What systemctl said, if anything.
    pub said: Vec<String>,
    /// The last lines of its log since the start, safe to be shown.
    pub log: Vec<String>,
    pub unit: Option<UnitState>,
}

/// A unit, as systemd has it after an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitState {
    pub active: String,
    pub sub: String,
    /// `success`, `exit-code`, `signal`, `oom-kill`, `start-limit-hit`, `timeout`, …
    pub result: String,
    /// How often `Restart=` started it again since its last start by hand.
    pub restarts: u32,
    /// Its file was changed, and systemd still has the old one.
    pub need_daemon_reload: bool,
    /// `enabled`, `disabled`, …: whether it comes back after a reboot.
    pub file_state: String,
}

/// Whether the digest of the running program is computed: it costs about 0.1 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    Compute,
    Skip,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberNow {
    Running(ProcessNow),
    Stopped { last_exit: Option<Exit>, unit: Option<UnitState> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessNow {
    pub pid: u32,
    pub started: u64,
    /// Resolved path of what it runs.
    pub exe: String,
    /// The file at that path is no longer what it runs.
    pub exe_replaced: bool,
    /// Digest of what it really runs; `None` when not asked for, or not readable.
    pub exe_sha256: Option<Sha256>,
    pub uptime: Duration,
    pub unit: Option<UnitState>,
}

/// Stops a member with SIGTERM and waits until it is gone, at most `most`. Never SIGKILL from here; systemd itself has
/// its TimeoutStopSec. Refuses, with the member running, where the disk has no room for what comes next.
pub async fn stop(host: &Host, site: &Site, most: Duration, room: Room) -> Result<StopOutcome, RuntimeError> {
    let wal = site.wal_dir.as_deref().unwrap_or_default();
    let deadline = most.saturating_add(MARGIN);
    let answer = match &site.service {
        Service::Systemd { unit } => {
            ask(host, scripts::STOP_SYSTEMD, &[unit, &seconds(most), &site.data_dir, wal, room.word()], deadline)
                .await?
        }
        Service::Process { dir } => {
            ask(host, scripts::STOP_PROCESS, &[dir, &hundredths(most), &site.data_dir, wal, room.word()], deadline)
                .await?
        }
    };
    stopped(&answer)
}

pub(super) fn stopped(answer: &Answer) -> Result<StopOutcome, RuntimeError> {
    if let Some(pid) = answer.number("alive")? {
        return Ok(StopOutcome::StillAlive { pid, waited: answer.span("took")? });
    }
    let exit = exit(answer)?;
    if matches!(answer.need("was")?, "inactive" | "failed") {
        return Ok(StopOutcome::AlreadyStopped { last_exit: exit });
    }
    Ok(StopOutcome::Stopped { exit, took: answer.span("took")? })
}

/// Starts a member and watches it for at most `watch`. A unit of Type=notify is watched until it says that it serves; the
/// others return as soon as they run (or after all of `watch` for a plain process, so keep that short or zero).
pub async fn start(host: &Host, site: &Site, watch: Duration) -> Result<StartOutcome, RuntimeError> {
    let deadline = watch.saturating_mul(2).saturating_add(MARGIN);
    let answer = match &site.service {
        Service::Systemd { unit } => {
            ask(host, scripts::START_SYSTEMD, &[unit, &seconds(watch), LAST_LINES], deadline).await?
        }
        Service::Process { dir } => {
            ask(host, scripts::START_PROCESS, &[dir, &hundredths(watch), LAST_LINES], deadline).await?
        }
    };
    started(&answer)
}

pub(super) fn started(answer: &Answer) -> Result<StartOutcome, RuntimeError> {
    let unit = unit_state(answer)?;
    if answer.get("died").is_some() {
        let (said, log) = (answer.texts("said"), answer.texts("log"));
        return Ok(StartOutcome::Died(Death { exit: exit(answer)?, said, log, unit }));
    }
    Ok(StartOutcome::Running(Started {
        pid: answer.need_number("pid")?,
        started: answer.need_number("started")?,
        ready: answer.need("ready")? == "yes",
        exe: clean(answer.need("exe")?),
        exe_replaced: answer.need("replaced")? == "yes",
        already: answer.get("already").is_some(),
        unit,
    }))
}

/// What runs right now.
pub async fn is_running(host: &Host, site: &Site, digest: Digest) -> Result<MemberNow, RuntimeError> {
    let want = if digest == Digest::Compute { "yes" } else { "no" };
    let answer = match &site.service {
        Service::Systemd { unit } => ask(host, scripts::NOW_SYSTEMD, &[unit, want], MARGIN).await?,
        Service::Process { dir } => ask(host, scripts::NOW_PROCESS, &[dir, want], MARGIN).await?,
    };
    now(&answer)
}

pub(super) fn now(answer: &Answer) -> Result<MemberNow, RuntimeError> {
    let unit = unit_state(answer)?;
    let Some(pid) = answer.number("pid")? else {
        return Ok(MemberNow::Stopped { last_exit: exit(answer)?, unit });
    };
    Ok(MemberNow::Running(ProcessNow {
        pid,
        started: answer.need_number("started")?,
        exe: clean(answer.need("exe")?),
        exe_replaced: answer.need("replaced")? == "yes",
        exe_sha256: answer.digest("digest"),
        uptime: answer.span("uptime")?,
        unit,
    }))
}

fn exit(answer: &Answer) -> Result<Option<Exit>, RuntimeError> {
    if answer.get("result") == Some("oom-kill") {
        return Ok(Some(Exit::OutOfMemory));
    }
    if let Some(signal) = answer.number("exit-signal")? {
        return Ok(Some(Exit::Signal(signal)));
    }
    Ok(answer.number("exit-code")?.map(Exit::Code))
}

fn unit_state(answer: &Answer) -> Result<Option<UnitState>, RuntimeError> {
    if answer.get("sub").is_none() {
        return Ok(None);
    }
    Ok(Some(UnitState {
        active: clean(answer.need("active")?),
        sub: clean(answer.need("sub")?),
        result: clean(answer.need("result")?),
        restarts: answer.need_number("restarts")?,
        need_daemon_reload: answer.need("reload")? == "yes",
        file_state: clean(answer.need("file-state")?),
    }))
}

/// Whole seconds, at least one: what `timeout` takes everywhere.
fn seconds(span: Duration) -> String {
    span.as_millis().div_ceil(1000).max(1).to_string()
}

pub(super) fn hundredths(span: Duration) -> String {
    (span.as_millis() / 10).to_string()
}
