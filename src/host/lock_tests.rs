//! Locks on this machine and through a real sshd; and the script by itself under every shell at hand.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::time::{Duration, Instant};

use super::sshd::Sshd;
use super::*;
use crate::spec::model::Connection;

const SCRIPT: &str = include_str!("lock.sh");

fn request(dir: &Path, record: &str) -> LockRequest {
    let folder = dir.join("store").display().to_string();
    LockRequest { folder, name: "m 1".to_owned(), record: record.to_owned(), place: LockPlace::First }
}

async fn local() -> Host {
    Host::connect(&Connection::Local { become_: Become::No }, Path::new("/nonexistent")).await.unwrap()
}

async fn until<T>(what: &str, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = holds().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn assert_excludes(first: &Host, second: &Host) {
    let dir = tempfile::tempdir().unwrap();
    let mine = request(dir.path(), "alice; $(touch /tmp/pwned) 'x' \u{1b}[2J");
    let theirs = request(dir.path(), "bob");
    let held = first.lock(&mine).await.unwrap();
    held.check().await.unwrap();
    let error = second.lock(&theirs).await.unwrap_err();
    assert!(matches!(&error, LockError::Taken { record, .. } if *record == mine.record), "{error:?}");
    held.check().await.unwrap();
    held.release().await;
    assert!(!dir.path().join("store/m 1.lock").exists(), "nothing stays of a lock that was let go");
    let held = second.lock(&theirs).await.unwrap();
    drop(held);
    let again = first.lock(&mine).await.unwrap();
    again.check().await.unwrap();
}

// faults: C7
#[tokio::test]
async fn a_second_one_is_refused_and_told_who_holds_it() {
    assert_excludes(&local().await, &local().await).await;
    if let Some(sshd) = Sshd::start("") {
        assert_excludes(&sshd.connect().await, &sshd.connect().await).await;
        assert_excludes(&sshd.connect().await, &local().await).await;
    }
}

#[tokio::test]
async fn a_host_that_allows_few_sessions_has_locks_as_well() {
    for most in [1, 2] {
        let Some(sshd) = Sshd::start(&format!("MaxSessions {most}")) else { return };
        let host = sshd.connect().await;
        let dir = tempfile::tempdir().unwrap();
        let held = host.lock(&request(dir.path(), "alice")).await.unwrap();
        let commands = (0..4).map(|_| async { host.run(&Command::new("true", &[])).await });
        for output in futures_util::future::join_all(commands).await {
            assert!(output.unwrap().success(), "MaxSessions {most}");
        }
        held.check().await.unwrap();
        let other = sshd.connect().await;
        assert!(matches!(other.lock(&request(dir.path(), "bob")).await, Err(LockError::Taken { .. })));
    }
}

#[tokio::test]
async fn the_loss_of_a_lock_is_seen() {
    let mut hosts = vec![local().await];
    let sshd = Sshd::start("");
    if let Some(sshd) = &sshd {
        hosts.push(sshd.connect().await);
    }
    for host in hosts {
        let dir = tempfile::tempdir().unwrap();
        let held = host.lock(&request(dir.path(), "alice")).await.unwrap();
        // Whoever has the file open, and only that.
        let path = dir.path().join("store/m 1.lock").display().to_string();
        let kill = "k=1; for fd in /proc/[0-9]*/fd/*; do [ \"$(readlink \"$fd\")\" = \"$1\" ] || continue; \
                    pid=${fd#/proc/}; kill -9 \"${pid%%/*}\" && k=0; done; exit $k";
        // Shells move their descriptors about; one may be looked for at its old place.
        let killed =
            async || host.run(&Command::new("sh", &["-c", kill, "sh", &path])).await.unwrap().success().then_some(());
        until("its holder is killed", killed).await;
        let why = until("the lock is known to be lost", async || held.check().await.err()).await;
        assert!(why.contains("ended"), "{why}");
        let next = host.lock(&request(dir.path(), "bob")).await.unwrap();
        next.check().await.unwrap();
    }
}

// faults: C7
#[tokio::test]
async fn when_the_connection_goes_its_locks_go() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let dir = tempfile::tempdir().unwrap();
    let held = host.lock(&request(dir.path(), "alice")).await.unwrap();
    for master in sshd.masters() {
        assert!(Process::new("kill").args(["-9", &master.to_string()]).status().unwrap().success());
    }
    let other = sshd.connect().await;
    let next = until("the lock is free", async || other.lock(&request(dir.path(), "bob")).await.ok()).await;
    until("its loss is seen", async || held.check().await.err()).await;
    next.check().await.unwrap();
}

#[tokio::test]
async fn a_lock_that_cannot_be_says_why() {
    let host = local().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("store"), "a file").unwrap();
    let error = host.lock(&request(dir.path(), "alice")).await.unwrap_err();
    assert!(matches!(&error, LockError::Failed { reason, .. } if reason.contains("exists")), "{error}");
    std::fs::remove_file(dir.path().join("store")).unwrap();
    std::fs::create_dir(dir.path().join("store")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("precious"), dir.path().join("store/m 1.lock")).unwrap();
    let error = host.lock(&request(dir.path(), "alice")).await.unwrap_err();
    assert!(matches!(&error, LockError::Failed { reason, .. } if reason.contains("symbolic link")), "{error}");
    assert!(!dir.path().join("precious").exists());
    let above = LockRequest { name: "../x".to_owned(), ..request(dir.path(), "alice") };
    assert!(matches!(host.lock(&above).await, Err(LockError::Host(HostError::Start { .. }))));
    let error = host.lock(&request(dir.path(), "two\nlines")).await.unwrap_err();
    assert!(matches!(error, LockError::Host(HostError::Start { .. })), "{error}");
}

/// The script under one shell, fed as the room feeds it.
struct Scripted {
    child: Child,
    stdin: Option<ChildStdin>,
    first: String,
}

impl Scripted {
    /// `None` where there is no such shell.
    fn start(shell: &[&str], script: &str, dir: &Path, record: &str, patience: &str) -> Option<Self> {
        let folder = dir.join("a/b").display().to_string();
        let mut child = Process::new(shell[0])
            .args(&shell[1..])
            .args(["-s", "--", &folder, "m1", record, "3", patience])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{{\n{script}\nexit\n}}\n").as_bytes()).unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        Some(Self { child, stdin: Some(stdin), first: first.trim_end().to_owned() })
    }

    fn beat(&mut self) -> String {
        self.stdin.as_mut().unwrap().write_all(b"beat\n").unwrap();
        let mut line = String::new();
        BufReader::new(self.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn end(mut self) {
        self.stdin.take();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_script_does_the_same_under_every_shell_and_without_flock() {
    let without_flock = SCRIPT.replace("command -v flock", "command -v no-such-program");
    assert_ne!(without_flock, SCRIPT);
    let mut tried = 0;
    for shell in [&["sh"][..], &["dash"], &["bash"], &["busybox", "sh"]] {
        for script in [SCRIPT, &without_flock] {
            let dir = tempfile::tempdir().unwrap();
            let start = |record: &str| Scripted::start(shell, script, dir.path(), record, "60");
            let Some(mut first) = start("alice") else { continue };
            assert_eq!(first.first, "held", "{shell:?}");
            assert_eq!((first.beat(), first.beat()), ("beat\n".to_owned(), "beat\n".to_owned()), "{shell:?}");
            let second = start("bob").unwrap();
            assert_eq!(second.first, "taken alice", "{shell:?}");
            second.end();
            assert_eq!(first.beat(), "beat\n", "{shell:?}");
            first.child.kill().unwrap();
            first.child.wait().unwrap();
            let third = start("carol").unwrap();
            assert_eq!(third.first, "held", "after kill -9, {shell:?}");
            let fourth = start("dave").unwrap();
            assert_eq!(fourth.first, "taken carol", "{shell:?}");
            fourth.end();
            third.end();
            assert!(
                !dir.path().join("a/b/m1.lock").exists() && !dir.path().join("a/b/m1.lock.1").exists(),
                "{shell:?}"
            );
            tried += 1;
        }
    }
    assert!(tried >= 2);
}

#[test]
fn of_many_at_once_one_gets_it() {
    let without_flock = SCRIPT.replace("command -v flock", "command -v no-such-program");
    for script in [SCRIPT, &without_flock] {
        let dir = tempfile::tempdir().unwrap();
        // A holder that is dead: all find it, and one may follow it.
        let mut dead = Scripted::start(&["sh"], script, dir.path(), "dead", "60").unwrap();
        dead.child.kill().unwrap();
        dead.child.wait().unwrap();
        let contenders: Vec<_> = (0..8)
            .map(|number| {
                let (script, path) = (script.to_owned(), dir.path().to_owned());
                std::thread::spawn(move || {
                    Scripted::start(&["sh"], &script, &path, &format!("number {number}"), "60").unwrap()
                })
            })
            .map(|thread| thread.join().unwrap())
            .collect();
        let held = contenders.iter().filter(|one| one.first == "held").count();
        assert_eq!(held, 1, "{:?}", contenders.iter().map(|one| &one.first).collect::<Vec<_>>());
        contenders.into_iter().for_each(Scripted::end);
    }
}

#[test]
fn a_silent_network_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut held = Scripted::start(&["sh"], SCRIPT, dir.path(), "alice", "1").unwrap();
    assert_eq!(held.first, "held");
    let deadline = Instant::now() + Duration::from_secs(20);
    while held.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it is still held");
        std::thread::yield_now();
    }
    assert!(!dir.path().join("a/b/m1.lock").exists());
}

#[test]
fn shellcheck_finds_nothing() {
    let child = Process::new("shellcheck")
        .args(["-s", "sh", "-f", "gcc", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return };
    child.stdin.take().unwrap().write_all(SCRIPT.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
