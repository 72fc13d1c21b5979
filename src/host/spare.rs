//! A session that is opened ahead of time: it has logged in, become root where that is asked for, and waits for the
//! arguments of a script. Logging in takes longer than most scripts; while a member is down, clients wait for both.

use std::sync::{Arc, Mutex, PoisonError};

use super::command::Privilege;
use super::framing::Mark;
use super::link::Running;
use super::ssh::SshLink;
use crate::spec::model::Become;

/// Takes a number and so many arguments from standard input, a line each, then becomes the shell that reads the script
/// from there. The mark comes only now: until then nothing has begun. As in the wrapper of other commands, nothing in it
/// is special to a login shell inside single quotes.
const TAKE: &str = "LC_ALL=C; export LC_ALL; m=$1; shift; IFS= read -r n || exit 0; \
    while [ $n -gt 0 ]; do IFS= read -r a || exit 0; set -- \"$@\" \"$a\"; n=$((n-1)); done; \
    { read -r s < /proc/$$/stat; } 2> /dev/null; echo \"$m $s\"; echo \"$m\" >&2; unset m n a s; exec sh -s -- \"$@\"";

/// Below so many sessions at a time none is opened ahead: the others need them.
const LEAST_SESSIONS: usize = 4;

/// A session that waits.
pub(super) struct Spare {
    pub mark: Mark,
    pub running: Running,
}

/// At most one a connection.
#[derive(Default)]
pub(super) enum Ahead {
    /// None is wanted, or the host allows too few sessions.
    #[default]
    Off,
    Wanted(Become),
    Opening,
    Ready(Become, Spare),
}

/// The field of a connection.
pub(super) type Slot = Mutex<Ahead>;

/// What a waiting session reads before the script. `None` where an argument cannot be a line.
pub(super) fn header(args: &[&str]) -> Option<Vec<u8>> {
    if args.iter().any(|arg| arg.contains(['\n', '\0'])) {
        return None;
    }
    let mut header = format!("{}\n", args.len()).into_bytes();
    for arg in args {
        header.extend_from_slice(arg.as_bytes());
        header.push(b'\n');
    }
    Some(header)
}

impl SshLink {
    /// From now on a session waits for the next script.
    pub(super) fn keep_spare(self: &Arc<Self>, become_: Become) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*ahead, Ahead::Off) && !self.few_sessions() {
            *ahead = Ahead::Wanted(become_);
        }
        drop(ahead);
        self.open_spare();
    }

    /// The session that waits, if one does; the next one is opened.
    pub(super) fn take_spare(self: &Arc<Self>) -> Option<Spare> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = match std::mem::take(&mut *ahead) {
            Ahead::Ready(become_, spare) => {
                *ahead = Ahead::Wanted(become_);
                Some(spare)
            }
            other => {
                *ahead = other;
                None
            }
        };
        drop(ahead);
        self.open_spare();
        spare
    }

    /// The host refused a session: whoever needs one comes first.
    pub(super) fn drop_spare(&self) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Ahead::Off;
    }

    fn few_sessions(&self) -> bool {
        self.session_limit() < LEAST_SESSIONS
    }

    fn open_spare(self: &Arc<Self>) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let Ahead::Wanted(become_) = *ahead else { return };
        if self.few_sessions() {
            *ahead = Ahead::Off;
            return;
        }
        *ahead = Ahead::Opening;
        let link = Arc::clone(self);
        tokio::spawn(async move {
            let opened = link.begin_spare(become_).await;
            let mut ahead = link.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            // Refused meanwhile: then it stays so, and this one goes.
            if matches!(*ahead, Ahead::Opening) {
                *ahead = opened.map_or(Ahead::Off, |spare| Ahead::Ready(become_, spare));
            }
        });
    }

    async fn begin_spare(&self, become_: Become) -> Option<Spare> {
        let mark = Mark::new().ok()?;
        let words = super::framing::prefixed(become_, Privilege::Elevated, &["sh", "-c", TAKE, "sh", mark.text()]);
        let running = self.spawn_at_once(&words).await?;
        Some(Spare { mark, running })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::super::link::Link;
    use super::super::sshd::Sshd;
    use super::super::{Host, Privilege, Script};
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
        assert_eq!(header(&["a b", "", "$(x)\\"]).unwrap(), b"3\na b\n\n$(x)\\\n");
        assert_eq!(header(&["a\nb"]), None);
    }

    /// The mark of the session that waits, once one does.
    async fn waiting(host: &Host) -> String {
        let Link::Ssh(ssh) = host.link() else { panic!("a local host has no sessions") };
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Ahead::Ready(_, spare) = &*ssh.current().ahead.lock().unwrap() {
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
    async fn a_script_runs_in_the_session_that_waits_and_the_next_one_is_opened() {
        let Some(sshd) = Sshd::start("") else { return };
        let host = sshd.connect().await;
        host.be_ready();
        let first = waiting(&host).await;
        echoes(&host).await;
        let second = waiting(&host).await;
        assert_ne!(first, second);
        // An argument of several lines goes the other way, and leaves the session alone.
        let output = host.script(&ECHO, &["a\nb"]).await.unwrap();
        assert_eq!(output.stdout, b"a\nb|C");
        assert_eq!(waiting(&host).await, second);
    }

    #[tokio::test]
    async fn a_session_that_ended_while_it_waited_does_no_harm() {
        let Some(sshd) = Sshd::start("") else { return };
        let host = sshd.connect().await;
        host.be_ready();
        let mark = waiting(&host).await;
        assert!(Command::new("pkill").args(["-KILL", "-f", &mark]).status().unwrap().success());
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
