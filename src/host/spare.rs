//! A session that stays open for scripts: it has logged in, become root where that is asked for, and takes one script after
//! the other. Logging in takes longer than most scripts; while a member is down, clients wait for both.

use std::sync::{Arc, Mutex, PoisonError};

use super::command::Privilege;
use super::framing::Mark;
use super::link::Running;
use super::ssh::SshLink;
use crate::spec::model::Become;

/// For each script: takes the mark with a number, and so many arguments, from standard input, a line each, then lets a shell
/// read the script from there, and tells how that ended. The mark comes only when all arguments are there: until then nothing
/// has begun. Nobody sends more before the end is told, so the shell cannot read into what comes next; should anything else
/// than a mark come, the session ends, and none of it is run. As in the wrapper of other commands, nothing in it is special
/// to a login shell inside single quotes.
const TAKE: &str = "LC_ALL=C; export LC_ALL; m=$1; { read -r s < /proc/$$/stat; } 2> /dev/null; \
    while IFS= read -r n; do case $n in \"$m \"*) n=${n#* } ;; *) exit 0 ;; esac; set --; \
    while [ $n -gt 0 ]; do IFS= read -r a || exit 0; set -- \"$@\" \"$a\"; n=$((n-1)); done; \
    echo \"$m $s\"; echo \"$m\" >&2; sh -s -- \"$@\"; r=$?; \
    echo; echo \"$m-end $r\"; { echo; echo \"$m-end\"; } >&2; done";

/// Below so many sessions at a time none is kept: the others need them.
const LEAST_SESSIONS: usize = 4;

/// A session that waits.
pub(super) struct Spare {
    pub mark: Mark,
    pub running: Running,
}

/// At most one a connection.
#[derive(Default)]
pub(super) enum Ahead {
    /// None is open.
    #[default]
    None,
    Opening,
    Ready(Spare),
    /// A script runs in it.
    Lent,
    /// The host allows too few sessions.
    Refused,
}

/// The field of a connection.
pub(super) type Slot = Mutex<Ahead>;

/// A session for one script. It goes back when the script has ended as it should; else it ends, and another is opened when
/// the next script comes.
pub(super) struct Loan {
    link: Arc<SshLink>,
    spare: Option<Spare>,
}

impl Loan {
    pub(super) fn take(&mut self) -> Option<Spare> {
        self.spare.take()
    }

    /// What the session reads before a script with these arguments.
    pub(super) fn header(&self, args: &[&str]) -> Option<Vec<u8>> {
        header(&self.spare.as_ref()?.mark, args)
    }

    pub(super) fn link(&self) -> Arc<SshLink> {
        Arc::clone(&self.link)
    }

    pub(super) fn give_back(&mut self, spare: Spare) {
        self.spare = Some(spare);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let mut ahead = self.link.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*ahead, Ahead::Lent) {
            *ahead = self.spare.take().map_or(Ahead::None, Ahead::Ready);
        }
    }
}

/// What a waiting session reads before the script. `None` where an argument cannot be a line.
fn header(mark: &Mark, args: &[&str]) -> Option<Vec<u8>> {
    if args.iter().any(|arg| arg.contains(['\n', '\0'])) {
        return None;
    }
    let mut header = format!("{} {}\n", mark.text(), args.len()).into_bytes();
    for arg in args {
        header.extend_from_slice(arg.as_bytes());
        header.push(b'\n');
    }
    Some(header)
}

impl SshLink {
    /// From now on a session waits for the next script.
    pub(super) fn keep_spare(self: &Arc<Self>, become_: Become) {
        if self.begin_opening() {
            let link = Arc::clone(self);
            tokio::spawn(async move {
                let opened = link.open_spare(become_).await.ok().flatten();
                link.opened(opened.map_or(Ahead::None, Ahead::Ready));
            });
        }
    }

    /// The session that waits; the first one who asks opens it. `None` while another script runs in it.
    pub(super) async fn take_spare(self: &Arc<Self>, become_: Become) -> Option<Loan> {
        let lend = |spare| Loan { link: Arc::clone(self), spare: Some(spare) };
        if let Some(spare) = self.lend_ready() {
            return Some(lend(spare));
        }
        if !self.begin_opening() {
            return None;
        }
        let opened = self.open_spare(become_).await.ok().flatten();
        self.opened(if opened.is_some() { Ahead::Lent } else { Ahead::None }).then_some(())?;
        opened.map(lend)
    }

    /// Opens a session to see whether the host allows one more: the one that waits, so that it is of use; where that is
    /// not for us to open, another one, which ends at once.
    pub(super) async fn open_one_more(self: &Arc<Self>, become_: Become) -> Result<(), openssh::Error> {
        if !self.begin_opening() {
            let child = self.open(&["true".to_owned()]).await?;
            let _ = child.wait().await;
            return Ok(());
        }
        let opened = self.open_spare(become_).await;
        let (next, outcome) = match opened {
            Ok(spare) => (spare.map_or(Ahead::None, Ahead::Ready), Ok(())),
            Err(error) => (Ahead::None, Err(error)),
        };
        self.opened(next);
        outcome
    }

    fn lend_ready(&self) -> Option<Spare> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *ahead, Ahead::Lent) {
            Ahead::Ready(spare) => Some(spare),
            other => {
                *ahead = other;
                None
            }
        }
    }

    /// Whether it is for the caller to open one.
    fn begin_opening(&self) -> bool {
        let few = self.few_sessions();
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = matches!(*ahead, Ahead::None) && !few;
        if begin {
            *ahead = Ahead::Opening;
        }
        begin
    }

    /// Says whether it stays: where a session was refused meanwhile, the one that was opened goes.
    fn opened(&self, next: Ahead) -> bool {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = matches!(*ahead, Ahead::Opening);
        if stays {
            *ahead = next;
        }
        stays
    }

    /// The host refused a session: whoever needs one comes first.
    pub(super) fn drop_spare(&self) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Ahead::Refused;
    }

    fn few_sessions(&self) -> bool {
        self.session_limit() < LEAST_SESSIONS
    }

    /// `None` where all places are taken.
    async fn open_spare(&self, become_: Become) -> Result<Option<Spare>, openssh::Error> {
        let Ok(mark) = Mark::new() else { return Ok(None) };
        let words = super::framing::prefixed(become_, Privilege::Elevated, &["sh", "-c", TAKE, "sh", mark.text()]);
        let running = self.spawn_at_once(&words).await?;
        Ok(running.map(|running| Spare { mark, running }))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::super::link::Link;
    use super::super::sshd::Sshd;
    use super::super::{Host, HostError, Privilege, Script};
    use super::*;

    const ECHO: Script = Script {
        name: "echo",
        text: "for arg in \"$@\"; do printf '%s|' \"$arg\"; done; printf '%s' \"$LC_ALL\"",
        privilege: Privilege::Elevated,
        deadline: Duration::from_secs(20),
    };

    const ARGS: [&str; 8] =
        ["", " a  b ", "-rf", "it's \"both\"", "$(id) `id` $1", "back\\slash\\n", "*?[a-z] ~root", "ünï\u{1b}[31m"];

    #[test]
    fn arguments_that_are_no_lines_are_not_taken() {
        let mark = Mark::fixed("quorate-00ff");
        assert_eq!(header(&mark, &["a b", "", "$(x)\\"]).unwrap(), b"quorate-00ff 3\na b\n\n$(x)\\\n");
        assert_eq!(header(&mark, &["a\nb"]), None);
    }

    /// What a session of this shell (one that is not called `sh`) says to `input`; its `sh` is that shell as well.
    fn session_of(shell: &[&str], input: &[u8]) -> Option<String> {
        let bin = tempfile::tempdir().unwrap();
        let wrapper = format!("#!/bin/sh\nexec {} \"$@\"\n", shell.join(" "));
        std::fs::write(bin.path().join("sh"), wrapper).unwrap();
        std::fs::set_permissions(bin.path().join("sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["-c", TAKE, "sh", "quorate-00ff"]);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.path().display()));
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::null()).spawn().ok()?;
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
        let output = child.wait_with_output().unwrap();
        Some(String::from_utf8(output.stdout).unwrap())
    }

    /// Bash reads a script byte by byte, others in blocks: neither leaves anything of one that exits early to be taken for
    /// the next one's arguments.
    #[test]
    fn nothing_of_a_script_is_left_for_the_next_in_any_shell() {
        let mark = Mark::fixed("quorate-00ff");
        let script = super::super::framing::whole_script("echo \"got $1\"; exit 3\necho never");
        let one = |arg: &str| [header(&mark, &[arg]).unwrap(), script.clone()].concat();
        let mut tried = 0;
        for shell in [&["bash"][..], &["dash"], &["busybox", "sh"]] {
            let Some(said) = session_of(shell, &one("first")) else { continue };
            tried += 1;
            assert!(said.ends_with("got first\n\nquorate-00ff-end 3\n"), "{shell:?}: {said}");
            // Read ahead in blocks would eat a second one that is sent too early; bash takes both.
            if shell[0] == "bash" {
                let said = session_of(shell, &[one("first"), one("second")].concat()).unwrap();
                assert!(said.ends_with("got second\n\nquorate-00ff-end 3\n") && !said.contains("never"), "{said}");
            }
            // What is no header ends the session and is not run.
            for garbage in ["exit\n", "2\necho ran\necho ran\n", "quorate-00f 0\necho ran\n", "\n"] {
                let said = session_of(shell, &[garbage.as_bytes(), &one("first")].concat()).unwrap();
                assert_eq!(said, "", "{shell:?}: {garbage}");
            }
        }
        assert!(tried > 0);
    }

    /// The mark of the session that waits, once one does.
    async fn waiting(host: &Host) -> String {
        let Link::Ssh(ssh) = host.link() else { panic!("a local host has no sessions") };
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Ahead::Ready(spare) = &*ssh.current().ahead.lock().unwrap() {
                return spare.mark.text().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no session waits");
    }

    async fn echoes(host: &Host) {
        let output = host.script(&ECHO, &ARGS).await.unwrap();
        let expected: String = ARGS.iter().map(|arg| format!("{arg}|")).collect();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{expected}C"));
        assert_eq!(output.status, Some(0));
    }

    #[tokio::test]
    async fn scripts_run_one_after_the_other_in_the_session_that_waits() {
        let Some(sshd) = Sshd::start("") else { return };
        let host = sshd.connect().await;
        host.be_ready();
        let first = waiting(&host).await;
        echoes(&host).await;
        assert_eq!(waiting(&host).await, first);
        echoes(&host).await;
        assert_eq!(waiting(&host).await, first);
        // An argument of several lines goes the other way, and leaves the session alone.
        let output = host.script(&ECHO, &["a\nb"]).await.unwrap();
        assert_eq!(output.stdout, b"a\nb|C");
        assert_eq!(waiting(&host).await, first);
        // Two at once: one of them has a session of its own.
        tokio::join!(echoes(&host), echoes(&host));
        assert_eq!(waiting(&host).await, first);
    }

    fn script(text: &'static str) -> Script {
        Script { name: "test", text, privilege: Privilege::Elevated, deadline: Duration::from_secs(20) }
    }

    #[tokio::test]
    async fn what_one_script_leaves_is_nothing_to_the_next() {
        let Some(sshd) = Sshd::start("") else { return };
        let host = sshd.connect().await;
        host.be_ready();
        let first = waiting(&host).await;
        let output =
            host.script(&script("x=1; export x; cd /; umask 0; set -u; echo out; echo err >&2; exit 3"), &[]).await;
        let output = output.unwrap();
        assert_eq!((output.status, &output.stdout[..], &output.stderr[..]), (Some(3), &b"out\n"[..], &b"err\n"[..]));
        let output =
            host.script(&script("echo ${x-none}; pwd; read -r line || echo nothing to read"), &[]).await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.starts_with("none\n") && said.ends_with("\nnothing to read\n") && !said.contains("\n/\n"),
            "{said}"
        );
        // Output without an end of line, of many pieces, and none at all.
        let much = "i=0; while [ $i -lt 3000 ]; do printf %0100d $i; i=$((i+1)); done; printf tail >&2";
        let output = host.script(&script(much), &[]).await.unwrap();
        assert_eq!((output.stdout.len(), &output.stderr[..]), (300_000, &b"tail"[..]));
        let output = host.script(&script(":"), &[]).await.unwrap();
        assert_eq!((output.status, output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
        assert_eq!(waiting(&host).await, first);
    }

    // faults: N1
    #[tokio::test]
    async fn a_session_that_ends_or_hangs_in_a_script_is_replaced() {
        let Some(sshd) = Sshd::start("") else { return };
        let host = sshd.connect().await;
        host.be_ready();
        let first = waiting(&host).await;
        // The session itself is killed: how its script ended is not known, and it is not run a second time.
        let output = host.script(&script("echo begun; kill -KILL $PPID; sleep 1"), &[]).await.unwrap();
        assert_eq!((output.status, &output.stdout[..]), (None, &b"begun\n"[..]));
        host.be_ready();
        echoes(&host).await;
        let second = waiting(&host).await;
        assert_ne!(first, second);
        let hangs = Script { deadline: Duration::from_millis(300), ..script("echo begun; sleep 77.25") };
        assert!(matches!(host.script(&hangs, &[]).await, Err(HostError::Deadline { .. })));
        let until = Instant::now() + Duration::from_secs(10);
        while Command::new("pgrep").args(["-f", "^sleep 77.25"]).output().unwrap().status.success() {
            assert!(Instant::now() < until, "the script was not ended");
        }
        echoes(&host).await;
        assert_ne!(waiting(&host).await, second);
    }

    #[tokio::test]
    async fn a_session_that_ended_while_it_waited_does_no_harm() {
        let Some(sshd) = Sshd::start("") else { return };
        let host = sshd.connect().await;
        host.be_ready();
        let mark = waiting(&host).await;
        // It may not have become a process yet.
        let until = Instant::now() + Duration::from_secs(10);
        while !Command::new("pkill").args(["-KILL", "-f", &mark]).status().unwrap().success() {
            assert!(Instant::now() < until, "the session has no process");
        }
        echoes(&host).await;
    }

    #[tokio::test]
    async fn where_sessions_are_few_the_others_come_first() {
        for few in ["MaxSessions 1", "MaxSessions 2"] {
            let Some(sshd) = Sshd::start(few) else { return };
            let host = sshd.connect().await;
            host.be_ready();
            futures_util::future::join_all((0..4).map(|_| echoes(&host))).await;
            host.be_ready();
            futures_util::future::join_all((0..4).map(|_| echoes(&host))).await;
        }
    }
}
