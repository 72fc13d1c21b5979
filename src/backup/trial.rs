//! The trial restore: a backup restored in a scratch folder on the controller and started there with the release's
//! own binaries, for nobody but us: on a unix socket in a private folder where the release can, with an environment
//! of its own, and with no way out. A restored v2 member remembers its old peers and dials them as it starts: it runs in
//! a network of its own where this machine can give it one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::network::Network;
use super::{BackupError, Tools, TrialListens, relay};
use crate::etcd::{Client, Dialer, Endpoint, EtcdError, Login, shown};
use crate::host::ByteStream;
use crate::units::{Bytes, Version};

/// For a tool that only prints something.
pub(super) const ASK: Duration = Duration::from_secs(20);
/// For a restore, a start or an answer, whatever the size; and more for each of these bytes.
const BASE: Duration = Duration::from_secs(60);
const BYTES_A_SECOND: u64 = 4 * 1024 * 1024;
/// How often a start is tried on other ports when somebody else took one.
const PORT_ATTEMPTS: u32 = 3;
/// Most of a log that is shown.
const LOG_TAIL: u64 = 4096;
const LOG_LINES: usize = 12;

/// Where tools of this machine are looked for; those that set up a network are kept apart on some.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// Starts what is given to it and ends it when its own standard input closes: also when we are killed. A line on it asks
/// it to end by itself first.
pub(super) const KEEPER: &str = r#"
"$@" 3<&- &
etcd=$!
{ if read -r _; then kill -TERM "$etcd"; fi; cat >/dev/null; kill -9 "$etcd" $beside; } <&3 2>/dev/null &
watch=$!
exec 3<&- </dev/null
wait "$etcd"
status=$?
kill -9 "$watch" $beside 2>/dev/null
exit "$status"
"#;
/// What comes before, and before what the network needs.
pub(super) const KEEPER_HEAD: &str = "relay=$1; shift\nexec 3<&0 </dev/null\n";

/// A release's binaries on this machine, proven to run.
pub(super) struct Release {
    pub version: Version,
    pub dir: PathBuf,
    pub listens_on: TrialListens,
    pub login: Option<Login>,
}

/// What bounds work on so many bytes.
pub(super) fn deadline_for(size: Bytes) -> Duration {
    BASE + Duration::from_secs(size.0 / BYTES_A_SECOND)
}

impl Release {
    pub(super) async fn find(tools: &Tools<'_>) -> Result<Self, BackupError> {
        let (version, dir) = (tools.version.clone(), tools.local_release_dir.to_owned());
        let release = Self { version, dir, listens_on: tools.listens_on, login: tools.login.clone() };
        let program = release.dir.join("etcd");
        let printed = run(&program, &["--version"], ASK).await?;
        let told = printed.lines().next().and_then(|line| line.strip_prefix("etcd Version: ")).unwrap_or_default();
        if told.trim().parse::<Version>().ok().as_ref() != Some(&release.version) {
            let found = shown(told.as_bytes());
            return Err(BackupError::WrongRelease { program, found, expected: release.version });
        }
        Ok(release)
    }

    /// Makes a data directory out of a snapshot.
    pub(super) async fn restore_snapshot(
        &self,
        snapshot: &Path,
        data_dir: &Path,
        size: Bytes,
    ) -> Result<(), BackupError> {
        // From 3.6 on only etcdutl can; before 3.5 there is none.
        let etcdutl = self.dir.join("etcdutl");
        let tool = if etcdutl.is_file() { etcdutl } else { self.dir.join("etcdctl") };
        let (snapshot, data_dir) = (path_text(snapshot)?, path_text(data_dir)?);
        let args = [
            "snapshot",
            "restore",
            snapshot,
            "--data-dir",
            data_dir,
            "--name",
            NAME,
            "--initial-cluster",
            INITIAL_CLUSTER,
            "--initial-advertise-peer-urls",
            PEER_URL,
            "--initial-cluster-token",
            "quorate-trial",
        ];
        run(&tool, &args, deadline_for(size)).await.map(drop)
    }
}

const NAME: &str = "trial";
/// Never listened on and never dialed: a single member has no peers.
const PEER_URL: &str = "http://localhost:2380";
const INITIAL_CLUSTER: &str = "trial=http://localhost:2380";

pub(super) fn path_text(path: &Path) -> Result<&str, BackupError> {
    path.to_str().ok_or_else(|| BackupError::File { path: path.to_owned(), reason: "not a name in UTF-8".to_owned() })
}

/// Nothing of our own environment: an `ETCD_…` in it would change what is started.
pub(super) fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("ETCDCTL_API", "3").env("PATH", PATH);
    // Releases before 3.6 want to be told that they may run here.
    if cfg!(target_arch = "aarch64") {
        command.env("ETCD_UNSUPPORTED_ARCH", "arm64");
    }
    command.kill_on_drop(true);
    command
}

/// Go's HTTP client, which etcd dials its peers with, goes through this proxy, where nobody is. Loopback it dials itself.
pub(super) fn lead_nowhere(command: &mut Command) {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env(name, "http://127.0.0.1:1");
    }
}

pub(super) async fn run(program: &Path, args: &[&str], deadline: Duration) -> Result<String, BackupError> {
    run_command(program, bare(program), args, deadline).await
}

/// With the v2 commands of etcdctl.
pub(super) async fn run_v2(program: &Path, args: &[&str], deadline: Duration) -> Result<String, BackupError> {
    let mut command = bare(program);
    command.env("ETCDCTL_API", "2");
    run_command(program, command, args, deadline).await
}

async fn run_command(
    program: &Path,
    mut command: Command,
    args: &[&str],
    deadline: Duration,
) -> Result<String, BackupError> {
    let cannot = |reason: String| BackupError::CannotRun { program: program.to_owned(), reason };
    command.args(args).stdin(Stdio::null());
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let line = std::iter::once(name.as_str()).chain(args.iter().take(2).copied()).collect::<Vec<_>>().join(" ");
    let output = match tokio::time::timeout(deadline, command.output()).await {
        Ok(output) => output.map_err(|error| cannot(error.to_string()))?,
        Err(_) => {
            let (status, said) = (format!("not done within {deadline:?}"), "nothing".to_owned());
            return Err(BackupError::Tool { command: line, status, said });
        }
    };
    if !output.status.success() {
        let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        let tail = &said[said.len().saturating_sub(400)..];
        return Err(BackupError::Tool { command: line, status: output.status.to_string(), said: shown(tail) });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How a trial is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// From a restored snapshot: it has no peers.
    Plain,
    /// From a v2 backup.
    ForceNewCluster { network: &'a Network },
}

const NO_PEERS: &Network = &Network::Shared { why: String::new() };

impl<'a> Start<'a> {
    fn network(self) -> &'a Network {
        match self {
            Self::Plain => NO_PEERS,
            Self::ForceNewCluster { network } => network,
        }
    }
}

/// A restored copy that runs. Ended, and its folder of sockets removed, when it is stopped or dropped.
pub(super) struct Trial {
    pub client: Client,
    process: Child,
    log: PathBuf,
    _place: tempfile::TempDir,
}

impl Trial {
    /// Starts it and waits until it answers a read through its raft log.
    pub(super) async fn start(
        release: &Release,
        data_dir: &Path,
        size: Bytes,
        start: Start<'_>,
    ) -> Result<Self, BackupError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut trial = Self::launch(release, data_dir, size, start)?;
            match trial.await_ready(release, size, start).await {
                Ok(()) => return Ok(trial),
                Err(BackupError::TrialStart { log, .. })
                    if attempt < PORT_ATTEMPTS && log.contains("address already in use") => {}
                Err(error) => return Err(error),
            }
            trial.stop().await;
        }
    }

    fn launch(release: &Release, data_dir: &Path, size: Bytes, start: Start<'_>) -> Result<Self, BackupError> {
        let network = start.network();
        // Not below the folder of backups: the path of a socket is short.
        let place = tempfile::Builder::new()
            .prefix("quorate-trial-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| BackupError::file(std::env::temp_dir(), &error))?;
        let wrong = |error: std::io::Error| BackupError::file(place.path(), &error);
        let log = place.path().join("log");
        let log_file = std::fs::File::create(&log).map_err(wrong)?;
        let addresses = Addresses::pick(release, place.path(), network).map_err(wrong)?;
        let keeper = [KEEPER_HEAD, &network.preparation(), KEEPER].concat();
        let prefix = network.prefix();
        let mut words = prefix.iter().copied().chain(["/bin/sh", "-c", &keeper, "quorate-trial"]);
        let program = words.next().unwrap_or("/bin/sh");
        let mut command = bare(Path::new(program));
        command
            .args(words)
            .arg(network.relay().unwrap_or(Path::new("")))
            .arg(release.dir.join("etcd"))
            .args(["--name", NAME, "--data-dir"])
            .arg(data_dir)
            .args(["--listen-client-urls", &addresses.client, "--advertise-client-urls", "http://localhost:2379"])
            .args(["--listen-peer-urls", &addresses.peer, "--initial-advertise-peer-urls", PEER_URL])
            .args(["--initial-cluster", INITIAL_CLUSTER]);
        if matches!(start, Start::ForceNewCluster { .. }) {
            command.arg("--force-new-cluster");
        }
        if network.relay().is_some() {
            command.env(relay::ADDRESS, OWN_CLIENT);
        }
        lead_nowhere(&mut command);
        command
            .current_dir(place.path())
            .stdin(Stdio::piped())
            .stdout(log_file.try_clone().map_err(wrong)?)
            .stderr(log_file);
        let process = command
            .spawn()
            .map_err(|error| BackupError::CannotRun { program: program.into(), reason: error.to_string() })?;
        let client = Client::new(Endpoint {
            label: format!("the restored copy under etcd {}", release.version),
            dial: addresses.dialer,
            tls: None,
            login: release.login.clone(),
            deadline: deadline_for(size),
        });
        Ok(Self { client, process, log, _place: place })
    }

    async fn await_ready(&mut self, release: &Release, size: Bytes, start: Start<'_>) -> Result<(), BackupError> {
        let limit = deadline_for(size);
        let end = Instant::now() + limit;
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(self.start_error(release, format!("it ended ({status})")));
            }
            let remaining = end.saturating_duration_since(Instant::now());
            let answer = tokio::time::timeout(remaining, async {
                match start {
                    Start::Plain => self.client.linearizable_read().await.map(drop),
                    Start::ForceNewCluster { .. } => self.client.v2_barrier().await,
                }
            });
            match answer.await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error @ EtcdError::Denied { .. })) => return Err(BackupError::of_copy(error)),
                Ok(Err(error)) if Instant::now() >= end => {
                    return Err(self.start_error(release, format!("not ready within {limit:?}: {error}")));
                }
                Err(_) => return Err(self.start_error(release, format!("not ready within {limit:?}"))),
                Ok(Err(_)) => {}
            }
        }
    }

    fn start_error(&self, release: &Release, reason: String) -> BackupError {
        BackupError::TrialStart { version: release.version.clone(), reason, log: tail(&self.log) }
    }

    /// Ends it and waits until it is gone.
    pub(super) async fn stop(mut self) {
        self.client.close().await;
        drop(self.process.stdin.take());
        // The keeper ends it at once; should the keeper hang, it goes with `kill_on_drop`.
        let _ = tokio::time::timeout(ASK, self.process.wait()).await;
    }
}

/// Where a copy listens in a network of its own: all ports are free there.
const OWN_CLIENT: &str = "127.0.0.1:2379";
const OWN_PEER: &str = "127.0.0.1:2380";

/// Where a trial listens.
struct Addresses {
    client: String,
    peer: String,
    dialer: Dialer,
}

impl Addresses {
    fn pick(release: &Release, place: &Path, network: &Network) -> std::io::Result<Self> {
        if release.listens_on == TrialListens::UnixSocket {
            // etcd makes the sockets in its working folder, named by host and port.
            let dialer = dialer_to_socket(place.join("client:1"));
            return Ok(Self { client: "unix://client:1".to_owned(), peer: "unix://peer:1".to_owned(), dialer });
        }
        if network.relay().is_some() {
            let dialer = dialer_to_socket(place.join(relay::SOCKET));
            return Ok(Self { client: format!("http://{OWN_CLIENT}"), peer: format!("http://{OWN_PEER}"), dialer });
        }
        // Both held at once, so that they differ.
        let (client, peer) =
            (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        let (client, peer) = (client.local_addr()?, peer.local_addr()?);
        Ok(Self { client: format!("http://{client}"), peer: format!("http://{peer}"), dialer: dialer_to(client) })
    }
}

pub(super) fn dialer_to(address: SocketAddr) -> Dialer {
    Arc::new(move || {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    })
}

fn dialer_to_socket(path: PathBuf) -> Dialer {
    Arc::new(move || {
        let path = path.clone();
        Box::pin(async move { Ok(Box::new(tokio::net::UnixStream::connect(path).await?) as Box<dyn ByteStream>) })
    })
}

/// The end of a log, fit to be shown.
pub(super) fn tail(log: &Path) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    let read = std::fs::File::open(log).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        file.take(LOG_TAIL).read_to_end(&mut bytes)
    });
    if let Err(error) = read {
        return format!("  (its log cannot be read: {error})");
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    let shown = lines.iter().skip(lines.len().saturating_sub(LOG_LINES));
    shown.map(|line| format!("  {}", line.escape_debug())).collect::<Vec<_>>().join("\n")
}
