//! What the tests of this room and of `backup` share: scripted servers, and real etcd members as plain processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

use super::{Client, Dialer, Endpoint, Health, TlsAccess};
use crate::host::ByteStream;

/// A way to a port of this machine.
pub(crate) fn dialer(port: u16) -> Dialer {
    Arc::new(move || {
        Box::pin(async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    })
}

pub(crate) fn client(port: u16, tls: Option<TlsAccess>, deadline: Duration) -> Client {
    Client::new(Endpoint { label: "m1 (test)".to_owned(), dial: dialer(port), tls, login: None, deadline })
}

/// A server that does with each connection what it is told to; lives as long as the test's runtime.
pub(crate) async fn serve<F, Fut>(handle: F) -> u16
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    port
}

/// Asks again and again until `check` gives a value; fails the test with the last complaint after `limit`.
pub(crate) async fn eventually<T, E: std::fmt::Display, Fut: Future<Output = Result<T, E>>>(
    what: &str,
    limit: Duration,
    mut check: impl FnMut() -> Fut,
) -> T {
    let end = Instant::now() + limit;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        match check().await {
            Ok(value) => return value,
            Err(error) if Instant::now() >= end => panic!("{what}: not within {limit:?}: {error}"),
            Err(_) => {}
        }
    }
}

/// Where real binaries are: `QUORATE_TEST_ETCD` names a folder with `VERSION/etcd` or `KEY/VERSION/etcd` in it.
/// Without it the test is skipped, and says so.
pub(crate) fn release(version: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("QUORATE_TEST_ETCD") else {
        println!("skipped: QUORATE_TEST_ETCD does not name a folder with real etcd {version}");
        return None;
    };
    let root = PathBuf::from(root);
    let nested = std::fs::read_dir(&root).into_iter().flatten().flatten().map(|entry| entry.path());
    let found =
        std::iter::once(root.clone()).chain(nested).map(|dir| dir.join(version)).find(|dir| dir.join("etcd").is_file());
    if found.is_none() {
        println!("skipped: no etcd {version} below {}", root.display());
    }
    found
}

/// A real one-member cluster. Killed when dropped.
pub(crate) struct RealMember {
    process: Child,
    pub place: Place,
}

/// Where and how a real member runs.
pub(crate) struct Place {
    release: PathBuf,
    scheme: &'static str,
    extra: Vec<String>,
    pub client_port: u16,
    pub peer_port: u16,
    pub data_dir: PathBuf,
    /// Holds the data directory and the log.
    scratch: tempfile::TempDir,
}

impl Drop for RealMember {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port of this machine that nobody listens on. Below those that outgoing connections are given: one of these could
/// take it between this look and the server's start.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 30_000;
    const PORTS: u16 = 2_700;
    // Tests of several processes begin at different places.
    let begin = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(PORTS)).unwrap();
    for _ in 0..PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % PORTS;
        let port = FIRST + (begin + step) % PORTS;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}

impl RealMember {
    /// Starts it and waits until it is healthy.
    pub(crate) async fn start(release: &Path, extra: &[&str]) -> Self {
        let member = Self::launch(release, "http", extra);
        member.await_healthy().await;
        member
    }

    /// Starts it, its client port speaking `scheme`.
    pub(crate) fn launch(release: &Path, scheme: &'static str, extra: &[&str]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data_dir = scratch.path().join("data");
        let (client_port, peer_port) = (free_port(), free_port());
        let extra: Vec<_> = extra.iter().map(|&arg| arg.to_owned()).collect();
        let release = release.to_owned();
        let place = Place { release, client_port, peer_port, data_dir, scheme, extra, scratch };
        Self { process: place.spawn(), place }
    }

    pub(crate) fn client(&self) -> Client {
        client(self.place.client_port, None, Duration::from_secs(10))
    }

    pub(crate) async fn await_healthy(&self) {
        let client = client(self.place.client_port, None, Duration::from_secs(2));
        eventually("healthy", Duration::from_secs(60), || async {
            match client.health().await {
                Ok(Health::Healthy) => Ok(()),
                Ok(Health::Unhealthy { said }) => Err(said),
                Err(error) => Err(format!("{error}; its log ends with: {}", self.place.end_of_log())),
            }
        })
        .await;
        client.close().await;
    }

    /// Starts it again where it was killed.
    pub(crate) async fn start_again(&mut self) {
        self.process = self.place.spawn();
        self.await_healthy().await;
    }

    /// Stops it as a person does, and starts another release in its place, on its data; nothing is waited for.
    pub(crate) async fn replace(&mut self, release: &Path) {
        let told = std::process::Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(told.success());
        assert!(self.ended(Duration::from_secs(30)).await.is_some(), "it does not stop");
        self.place.release = release.to_owned();
        self.process = self.place.spawn();
    }

    /// Its exit code and its log, where it ends within this time.
    pub(crate) async fn ended(&mut self, within: Duration) -> Option<(Option<i32>, String)> {
        let end = Instant::now() + within;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.process.try_wait() {
                let log = std::fs::read(self.place.scratch.path().join("etcd.log")).unwrap_or_default();
                return Some((status.code(), String::from_utf8_lossy(&log).into_owned()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// Stops it with SIGKILL; the data directory stays until this is dropped.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Place {
    fn end_of_log(&self) -> String {
        let log = std::fs::read(self.scratch.path().join("etcd.log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(1000)..]).into_owned()
    }

    fn spawn(&self) -> Child {
        let client = format!("{}://127.0.0.1:{}", self.scheme, self.client_port);
        let peer = format!("http://127.0.0.1:{}", self.peer_port);
        let log = std::fs::File::create(self.scratch.path().join("etcd.log")).unwrap();
        std::process::Command::new(self.release.join("etcd"))
            .args(["--name", "m1", "--data-dir"])
            .arg(&self.data_dir)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("m1={peer}")])
            .args(&self.extra)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }
}
