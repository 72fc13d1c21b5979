//! A real sshd of the test's own on loopback: own host key, own port, own known_hosts, no root needed.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Host, HostError};
use crate::spec::model::{Become, Connection, Ssh};
use crate::units::Span;

const SSHD: &str = "/usr/sbin/sshd";

pub(super) struct Sshd {
    dir: TempDir,
    port: u16,
    process: Child,
}

impl Sshd {
    /// Starts one, with `options` added to its configuration; `None`, with the reason printed, where it cannot be.
    pub(super) fn start(options: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            println!("skipped: there is no {SSHD}");
            return None;
        }
        // As root, sshd wants its folder for privilege separation; packages make it at boot only.
        let _ = std::fs::create_dir_all("/run/sshd");
        let dir = tempfile::tempdir().unwrap();
        for key in ["host", "user", "stranger"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(dir.path().join(key))
                .status()
                .unwrap();
            assert!(made.success());
        }
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::copy(at("user.pub"), at("authorized_keys")).unwrap();
        // Another test may take the port before sshd does: then it is tried again with another.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            // The account's own rc files are not what is tested, and may take long.
            let home = if options.contains("SetEnv") { String::new() } else { format!("SetEnv HOME={}", at("")) };
            let config = format!(
                "{options}\n{home}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
                 UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n\
                 PermitRootLogin yes\nPermitUserEnvironment yes\nMaxStartups 100\n",
                at("host"),
                at("authorized_keys"),
            );
            std::fs::write(at("sshd_config"), config).unwrap();
            let key = std::fs::read_to_string(at("host.pub")).unwrap();
            std::fs::write(at("known_hosts"), format!("[127.0.0.1]:{port} {key}")).unwrap();
            std::fs::write(at("ssh_config"), "").unwrap();
            let mut process = Command::new(SSHD)
                .args(["-D", "-f", &at("sshd_config"), "-E", &at("sshd_log")])
                .stdin(Stdio::null())
                .spawn()
                .unwrap();
            if answers(port, &mut process) {
                return Some(Self { dir, port, process });
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("sshd did not start: {}", std::fs::read_to_string(at("sshd_log")).unwrap_or_default());
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn ssh(&self) -> Ssh {
        Ssh {
            destination: "127.0.0.1".into(),
            user: None,
            port: Some(self.port),
            identity_file: Some(self.path("user")),
            config_file: Some(self.path("ssh_config")),
            known_hosts_file: Some(self.path("known_hosts")),
            connect_timeout: Span::from_secs(10),
            reconnect_for: Span::from_secs(30),
            become_: Become::No,
        }
    }

    pub(super) async fn connect(&self) -> Host {
        self.connect_as(self.ssh()).await.unwrap()
    }

    pub(super) async fn connect_as(&self, ssh: Ssh) -> Result<Host, HostError> {
        Host::connect(&Connection::Ssh(ssh), &self.path("sockets")).await
    }

    /// Ends every connection, on the host's side; sshd itself stays.
    pub(super) fn end_sessions(&self) {
        let parent = self.process.id().to_string();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &parent]).output().unwrap().stdout;
        for pid in String::from_utf8(children).unwrap().split_whitespace() {
            let _ = Command::new("kill").args(["-9", pid]).status();
        }
    }

    /// Processes of ssh masters whose sockets are below this fixture's folder.
    pub(super) fn masters(&self) -> Vec<u32> {
        let sockets = self.path("sockets").display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.starts_with("ssh") && line.contains(&sockets) {
                found.push(pid);
            }
        }
        found
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn answers(port: u16, process: &mut Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline && process.try_wait().unwrap().is_none() {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut banner = [0; 4];
            return stream.read_exact(&mut banner).is_ok() && &banner == b"SSH-";
        }
        std::thread::yield_now();
    }
    false
}
