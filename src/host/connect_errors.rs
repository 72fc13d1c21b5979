//! What ssh and sudo say when they refuse, told apart, each with its fix. Pure: text in, words for a person out.

use super::error::{last_line, shown};
use crate::spec::model::{Become, Ssh};
use crate::units::shell_words;

/// Why there is no connection, or no way to run anything on it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub reason: String,
    pub fix: String,
}

impl Trouble {
    pub(super) fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason: reason.into(), fix: fix.into() }
    }
}

/// Reads the log of an `ssh` that did not connect.
pub(super) fn explain(ssh: &Ssh, log: &str) -> Trouble {
    let by_hand = by_hand(ssh);
    let has = |text: &str| log.contains(text);
    let line_with = |text: &str| {
        let line = log.lines().rev().find(|line| line.contains(text)).unwrap_or(text);
        shown(line.trim_start_matches("ssh: ").as_bytes())
    };
    if has("REMOTE HOST IDENTIFICATION HAS CHANGED") || has("has changed and you have requested strict checking") {
        let offending = if has("Offending") { format!(" ({})", line_with("Offending")) } else { String::new() };
        return Trouble::new(
            format!("the host key has changed{offending}: another machine answers there, or it was installed anew"),
            format!("find out which; only if it was installed anew: `{}`, then `{by_hand}` once", forget_key(ssh, log)),
        );
    }
    if has("Host key verification failed") || has("host key is known for") {
        return Trouble::new(
            "the host key is unknown: this machine has never talked to that host",
            format!("compare the key's fingerprint with the host's, and accept it: `{by_hand}` once"),
        );
    }
    if has("UNPROTECTED PRIVATE KEY FILE") {
        return Trouble::new(
            "the private key file can be read by others, so ssh does not use it",
            "`chmod 600` that file",
        );
    }
    if has("Too many authentication failures") {
        return Trouble::new(
            "the host gave up after too many keys (Too many authentication failures)",
            "name the right one: `identity_file` in the connection, or IdentityFile in ~/.ssh/config",
        );
    }
    if has("Permission denied") {
        let refused = line_with("Permission denied");
        return match &ssh.identity_file {
            Some(file) if !file.exists() => Trouble::new(
                format!("the identity file {} is not there, and no other key was accepted ({refused})", file.display()),
                "correct `identity_file`",
            ),
            _ => Trouble::new(
                format!("the host accepts none of our keys for this user ({refused})"),
                format!(
                    "put a public key into that user's authorized_keys, or unlock it with ssh-add; test: `{by_hand}`"
                ),
            ),
        };
    }
    explain_network(ssh, &by_hand, &has, &line_with).unwrap_or_else(|| {
        let said = last_line(log.as_bytes()).unwrap_or_else(|| "it said nothing".into());
        Trouble::new(format!("ssh ended: {said}"), format!("see what `{by_hand}` says"))
    })
}

fn explain_network(
    ssh: &Ssh,
    by_hand: &str,
    has: &dyn Fn(&str) -> bool,
    line_with: &dyn Fn(&str) -> String,
) -> Option<Trouble> {
    if has("Could not resolve hostname") {
        return Some(Trouble::new(
            line_with("Could not resolve hostname"),
            "correct the name, or give the address as a number; an alias must stand in ~/.ssh/config",
        ));
    }
    if has("Connection refused") {
        let fix = "see that sshd runs on the host, and that the port is right";
        return Some(Trouble::new(
            format!("{}: the host is up, nothing listens there", line_with("Connection refused")),
            fix,
        ));
    }
    for (sign, meaning) in [
        ("No route to host", "the network knows no way there, or the host is down"),
        ("Network is unreachable", "this machine has no network that leads there"),
        ("timed out", "no answer: the host is down, or a firewall drops what is sent"),
    ] {
        if has(sign) {
            let timeout = ssh.connect_timeout;
            let fix = format!(
                "see that the host is up and port 22 or the declared one is open (waited {timeout}); test: `{by_hand}`"
            );
            return Some(Trouble::new(format!("{}: {meaning}", line_with(sign)), fix));
        }
    }
    if has("Unable to negotiate") || has("no matching") {
        let fix = "an old sshd: allow its algorithm for this host in ~/.ssh/config (HostKeyAlgorithms, KexAlgorithms), or update it";
        return Some(Trouble::new(line_with("no matching"), fix));
    }
    if has("Bad configuration option") || has("Bad owner or permissions") || has("Can't open user config file") {
        let sign = ["Bad configuration option", "Bad owner or permissions", "Can't open user config file"]
            .into_iter()
            .find(|sign| has(sign))?;
        return Some(Trouble::new(line_with(sign), "correct the ssh configuration file"));
    }
    if has("Connection reset") || has("Connection closed") {
        let sign = if has("Connection reset") { "Connection reset" } else { "Connection closed" };
        let fix =
            "the host answered and hung up: see sshd's log there (MaxStartups, AllowUsers, access lists, fail2ban)";
        return Some(Trouble::new(line_with(sign), fix));
    }
    None
}

/// Reads what came before a command's mark when the mark never came: why it was not started.
pub(super) fn explain_not_started(become_: Become, status: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Trouble {
    let errors = String::from_utf8_lossy(stderr);
    let said = last_line(stderr).or_else(|| last_line(stdout)).unwrap_or_else(|| "it said nothing".into());
    if become_ == Become::Sudo
        && let Some(trouble) = explain_sudo(&errors, &said)
    {
        return trouble;
    }
    let ended = status.map_or_else(|| "by a signal".to_owned(), |code| format!("with exit code {code}"));
    Trouble::new(
        format!("the account's login shell ended {ended} before it ({said})"),
        "give the account a shell such as /bin/sh, and see that no forced command or rc file ends the session",
    )
}

fn explain_sudo(errors: &str, said: &str) -> Option<Trouble> {
    let has = |text: &str| errors.contains(text);
    let allow = "let the user run everything without a password (`USER ALL=(ALL) NOPASSWD: ALL` in a file in /etc/sudoers.d), \
                 or connect as root without `become`";
    if has("password is required") || has("to read the password") || has("authentication is required") {
        return Some(Trouble::new("sudo wants a password", allow));
    }
    if has("may not run sudo") || has("not in the sudoers file") || has("not allowed to") {
        return Some(Trouble::new(format!("sudo does not let this user ({said})"), allow));
    }
    if has("must have a tty") {
        return Some(Trouble::new(
            "sudo wants a terminal (requiretty)",
            "take `requiretty` out of sudoers for this user",
        ));
    }
    if has("sudo: not found") || has("sudo: command not found") || (has("sudo") && has("No such file or directory")) {
        return Some(Trouble::new(
            "there is no sudo on the host",
            "install sudo, or connect as root and leave `become` out",
        ));
    }
    has("sudo: ").then(|| Trouble::new(format!("sudo refused: {said}"), "try `sudo -n true` as that user on the host"))
}

/// The same connection as a person would make it.
fn by_hand(ssh: &Ssh) -> String {
    let mut words = vec!["ssh".to_owned()];
    for (flag, file) in [("-F", &ssh.config_file), ("-i", &ssh.identity_file)] {
        if let Some(file) = file {
            words.extend([flag.to_owned(), file.display().to_string()]);
        }
    }
    if let Some(file) = &ssh.known_hosts_file {
        words.extend(["-o".to_owned(), format!("UserKnownHostsFile={}", file.display())]);
    }
    if let Some(port) = ssh.port {
        words.extend(["-p".to_owned(), port.to_string()]);
    }
    words.push(match &ssh.user {
        Some(user) => format!("{user}@{}", ssh.destination),
        None => ssh.destination.clone(),
    });
    shell_words(&words)
}

/// Takes the host's key out of known_hosts. Ssh says by what name it stands there, with the port or alias of its own
/// configuration, and in which file.
fn forget_key(ssh: &Ssh, log: &str) -> String {
    let told = log.lines().find_map(|line| {
        line.trim().strip_prefix("Host key for ")?.strip_suffix(" has changed and you have requested strict checking.")
    });
    let name = match (told, ssh.port) {
        (Some(name), _) => shown(name.as_bytes()),
        (None, Some(port)) if port != 22 => format!("[{}]:{port}", ssh.destination),
        (None, _) => ssh.destination.clone(),
    };
    let told_file = log.lines().find_map(|line| {
        let (_, place) = line.trim().strip_prefix("Offending ")?.split_once(" key in ")?;
        Some(shown(place.rsplit_once(':')?.0.as_bytes()))
    });
    let file = told_file.or_else(|| ssh.known_hosts_file.as_ref().map(|file| file.display().to_string()));
    let mut words = vec!["ssh-keygen".to_owned(), "-R".to_owned(), name];
    words.extend(file.into_iter().flat_map(|file| ["-f".to_owned(), file]));
    shell_words(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    fn ssh() -> Ssh {
        Ssh {
            destination: "10.0.0.11".into(),
            user: Some("deploy".into()),
            port: Some(2222),
            identity_file: None,
            config_file: None,
            known_hosts_file: None,
            connect_timeout: Span::from_secs(5),
            reconnect_for: Span::from_secs(30),
            become_: Become::No,
        }
    }

    // faults: N8
    #[test]
    fn each_refusal_of_ssh_has_its_own_reason_and_fix() {
        for (log, reason, fix) in [
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nOffending ED25519 key in /h/known_hosts:3\nHost key verification failed.\n",
                "has changed (Offending ED25519 key in /h/known_hosts:3)",
                "`ssh-keygen -R '[10.0.0.11]:2222' -f /h/known_hosts`",
            ),
            (
                "Offending ECDSA key in /h/known_hosts:1\nHost key for [db.internal]:2200 has changed and you have requested strict checking.\nHost key verification failed.\n",
                "has changed (Offending ECDSA key in /h/known_hosts:1)",
                "`ssh-keygen -R '[db.internal]:2200' -f /h/known_hosts`",
            ),
            (
                "No ED25519 host key is known for 10.0.0.11 and you have requested strict checking.\nHost key verification failed.\n",
                "unknown",
                "`ssh -p 2222 deploy@10.0.0.11` once",
            ),
            ("deploy@10.0.0.11: Permission denied (publickey).\n", "none of our keys", "authorized_keys"),
            ("ssh: connect to host 10.0.0.11 port 2222: Connection refused\n", "nothing listens", "sshd runs"),
            ("ssh: connect to host 10.0.0.11 port 2222: No route to host\n", "no way there", "is up"),
            ("ssh: connect to host 10.0.0.11 port 2222: Connection timed out\n", "firewall", "waited 5s"),
            ("Connection timed out during banner exchange\n", "firewall", "waited 5s"),
            ("ssh: Could not resolve hostname m1: Name or service not known\n", "resolve hostname m1", "alias"),
            (
                "Unable to negotiate with 10.0.0.11 port 22: no matching host key type found. Their offer: ssh-rsa\n",
                "ssh-rsa",
                "old sshd",
            ),
            ("/h/.ssh/config: line 3: Bad configuration option: hots\n", "line 3", "configuration file"),
            ("kex_exchange_identification: Connection closed by remote host\n", "closed", "sshd's log"),
            ("", "it said nothing", "ssh -p 2222"),
        ] {
            let trouble = explain(&ssh(), log);
            assert!(trouble.reason.contains(reason), "{log}: {trouble:?}");
            assert!(trouble.fix.contains(fix), "{log}: {trouble:?}");
        }
    }

    // faults: N8
    #[test]
    fn each_refusal_of_sudo_has_its_own_reason() {
        for (errors, reason) in [
            ("sudo: a password is required\n", "password"),
            ("sudo: interactive authentication is required\n", "password"),
            ("deploy is not in the sudoers file.\n", "does not let"),
            ("sudo: sorry, you must have a tty to run sudo\n", "terminal"),
            ("env: 'sudo': No such file or directory\n", "no sudo"),
            ("sudo: unable to allocate pty\n", "refused"),
            ("", "login shell"),
        ] {
            let trouble = explain_not_started(Become::Sudo, Some(1), b"", errors.as_bytes());
            assert!(trouble.reason.contains(reason), "{errors}: {trouble:?}");
        }
        let trouble = explain_not_started(Become::No, Some(1), b"This account is currently not available.\n", b"");
        assert!(trouble.reason.contains("currently not available"), "{trouble:?}");
    }
}
