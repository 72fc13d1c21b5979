//! Tests on this machine, without root: a shell under the name `etcd` stands in for etcd (its exe is then the member's
//! own file, as with the real one), and the real one where `QUORATE_TEST_ETCD` names a folder of VERSION/etcd.

mod binary;
mod copy;
mod leftovers;
mod process;
mod real;
mod replace;
mod restore;
mod settings;
mod stage;
mod systemd;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256 as Hasher};
use tempfile::TempDir;

use crate::host::Host;
use crate::spec::model::{Become, Connection, Process};
use crate::units::Sha256;

use super::{MemberNow, Site};

/// A script for the stand-in: says that it runs, and ends by SIGTERM.
const SERVES: &str =
    "echo serving; exec 0</dev/null; trap 'echo bye; trap - TERM; kill -TERM $$' TERM; while :; do sleep 0.02; done";

struct Bench {
    dir: TempDir,
    host: Host,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::connect(&Connection::Local { become_: Become::No }, dir.path()).await.unwrap();
        Self { dir, host }
    }

    fn path(&self, name: &str) -> PathBuf {
        // Where the temporary folder is behind a link, /proc shows the real path.
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn runtime(&self) -> Process {
        Process { dir: self.text("run") }
    }

    fn site(&self) -> Site {
        Site::process(&self.runtime(), &"m1".parse().unwrap(), None).unwrap()
    }

    /// A member whose `etcd` is a shell that runs `script`.
    fn stand_in(&self, script: &str) -> Site {
        let home = self.path("run/m1");
        fs::create_dir_all(home.join("data/member/snap")).unwrap();
        fs::create_dir_all(home.join("data/member/wal")).unwrap();
        program(&home.join("etcd"), "");
        fs::write(home.join("args"), format!("-c\n{script}\n")).unwrap();
        self.site()
    }
}

/// A real program: a shell, with `mark` after its end, so that builds differ.
fn program(path: &Path, mark: &str) -> Sha256 {
    let mut bytes = fs::read(fs::canonicalize("/bin/sh").unwrap()).unwrap();
    bytes.extend_from_slice(mark.as_bytes());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, &bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    digest_of(path)
}

fn digest_of(path: &Path) -> Sha256 {
    Sha256(Hasher::digest(fs::read(path).unwrap()).into())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Waits for a condition, with a bound.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        tick.tick().await;
    }
}

async fn stopped(host: &Host, site: &Site) -> Option<super::Exit> {
    until("the member is gone", async || match super::is_running(host, site, super::Digest::Skip).await.unwrap() {
        // Who ran it writes down how it ended a moment after it is gone.
        MemberNow::Stopped { last_exit, .. } => last_exit.map(Some),
        MemberNow::Running(_) => None,
    })
    .await
}

/// A small file system in memory, gone with this value.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(path: &Path, size: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={size}");
        let status =
            std::process::Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(path).status();
        assert!(status.unwrap().success());
        Self { path: path.to_owned() }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
