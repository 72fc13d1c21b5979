//! The room as a whole, on this machine and through a real sshd.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use sha2::Digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::sshd::Sshd;
use super::*;
use crate::spec::model::Ssh;
use crate::units::Span;

const HOSTILE: &[&str] = &[
    "",
    " ",
    "a b  c",
    "-rf",
    "--",
    "'",
    "\"",
    "it's \"both\"",
    "$(touch /tmp/pwned)",
    "`id`",
    "${HOME}",
    "$1",
    "a\nb\n",
    "\n",
    "tab\there",
    "back\\slash\\n",
    "*?[a-z]",
    "~root",
    "!history!!",
    "#comment",
    ";|&<>()",
    "{a,b}",
    "ünïcödé 日本語 🦀",
    "\u{202e}bidi",
    "\u{1b}[31mred",
    "%s%d",
    "a=b",
    "\\",
    "'\\''",
];

fn local() -> Connection {
    Connection::Local { become_: Become::No }
}

/// Both kinds of host that this machine offers.
async fn hosts() -> Vec<(Host, Option<Sshd>)> {
    let mut hosts = vec![(Host::connect(&local(), Path::new("/nonexistent")).await.unwrap(), None)];
    if let Some(sshd) = Sshd::start("") {
        hosts.push((sshd.connect().await, Some(sshd)));
    }
    hosts
}

fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

const ECHO: Script = Script {
    name: "echo",
    text: "for arg in \"$@\"; do printf '%s\\0' \"$arg\"; done",
    privilege: Privilege::Elevated,
    deadline: Duration::from_secs(20),
};

#[tokio::test]
async fn hostile_arguments_arrive_as_they_are() {
    for (host, _sshd) in hosts().await {
        let expected: Vec<u8> = HOSTILE.iter().flat_map(|arg| [arg.as_bytes(), b"\0"].concat()).collect();
        let mut args = vec!["%s\\0"];
        args.extend(HOSTILE);
        let output = host.run(&Command::new("printf", &args)).await.unwrap();
        assert!(output.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&expected), "{}", host.label());
        let output = host.script(&ECHO, HOSTILE).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&expected), "{}", host.label());
        assert!(!Path::new("/tmp/pwned").exists());
    }
}

#[tokio::test]
async fn what_no_argument_can_hold_is_refused_before_anything_runs() {
    for (host, _sshd) in hosts().await {
        for command in [Command::new("echo", &["a\0b"]), Command::new("-c", &[]), Command::new("", &[])] {
            assert!(matches!(host.run(&command).await, Err(HostError::Start { .. })), "{command:?}");
        }
        assert_eq!(host.round_trips(), 0);
    }
}

// faults: N9
#[tokio::test]
async fn exit_codes_signals_and_locale_come_through() {
    for (host, _sshd) in hosts().await {
        let sh = |text: &str| Command::new("sh", &["-c", text]);
        for code in [0, 1, 42, 126, 127, 255] {
            let output = host.run(&sh(&format!("echo out; echo err >&2; exit {code}"))).await.unwrap();
            assert_eq!(output.status, Some(code));
            assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
        }
        let output = host.run(&sh("kill -s KILL $$")).await.unwrap();
        assert!(matches!(output.status, None | Some(137)), "{output:?}");
        let output = host.run(&Command::new("/no/such/program", &[])).await.unwrap();
        assert_eq!(output.status, Some(127));
        assert!(String::from_utf8_lossy(&output.stderr).contains("not found"), "{output:?}");
        let output = host.run(&sh("printf %s \"$LC_ALL\"")).await.unwrap();
        assert_eq!(output.stdout, b"C");
        let output = host.run(&Command::new("cat", &[]).stdin(vec![7; 1_000_000])).await.unwrap();
        assert_eq!(output.stdout, vec![7; 1_000_000]);
        assert_eq!(host.round_trips(), 10);
    }
}

#[tokio::test]
async fn a_command_that_is_overdue_ends_on_its_host() {
    for (host, _sshd) in hosts().await {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let text = "echo $$ > \"$1\"; sleep 600 & sleep 600";
        let command = Command::new("sh", &["-c", text, "sh", pid_file.to_str().unwrap()]);
        let error = host.run(&command.deadline(Duration::from_millis(700))).await.unwrap_err();
        assert!(matches!(error, HostError::Deadline { .. }), "{error}");
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        let proc = format!("/proc/{}", pid.trim());
        wait_until("the process is gone", || !Path::new(&proc).exists()).await;
        assert!(host.run(&Command::new("true", &[])).await.unwrap().success(), "the host is usable after that");
    }
}

async fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn endless_output_is_cut_off_and_the_command_ended() {
    for (host, _sshd) in hosts().await {
        let started = Instant::now();
        let error = host.run(&Command::new("yes", &[])).await.unwrap_err();
        assert!(matches!(error, HostError::TooMuchOutput { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(20));
        let noisy = Command::new("sh", &["-c", "head -c 300000 /dev/zero >&2; echo end >&2"]);
        let output = host.run(&noisy).await.unwrap();
        assert!(output.stderr.len() <= STDERR_LIMIT && output.stderr.ends_with(b"end\n"));
    }
}

#[tokio::test]
async fn receive_streams_up_to_its_bound() {
    for (host, _sshd) in hosts().await {
        let command = Command::new("head", &["-c", "20000000", "/dev/zero"]);
        let mut sink = Vec::new();
        let output = host.receive(&command, &mut sink, Bytes::mebi(64)).await.unwrap();
        assert!(output.success() && output.stdout.is_empty());
        assert_eq!(sink.len(), 20_000_000);
        let error = host.receive(&command, &mut Vec::new(), Bytes::mebi(1)).await.unwrap_err();
        assert!(matches!(error, HostError::TooMuchOutput { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_script_has_no_input_and_runs_whole_or_not_at_all() {
    for (host, _sshd) in hosts().await {
        let greedy = Script { text: "cat; echo after", ..ECHO };
        assert_eq!(host.script(&greedy, &[]).await.unwrap().stdout, b"after\n");
        let code = Script { text: "exit 7", ..ECHO };
        assert_eq!(host.script(&code, &[]).await.unwrap().status, Some(7));
        let last = Script { text: "false # a comment", ..ECHO };
        assert_eq!(host.script(&last, &[]).await.unwrap().status, Some(1));
        // What a cut connection leaves of a script.
        let whole = whole_script("echo one\necho two");
        for cut in 1..whole.len() - 20 {
            let output = host.run(&Command::new("sh", &["-s"]).stdin(&whole[..cut])).await.unwrap();
            assert_eq!(output.stdout, b"", "cut at {cut}");
            if host.label() != "local" {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_big_file_arrives_whole_and_is_sent_once() {
    for (host, _sshd) in hosts().await {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..64u32 * 1024 * 1024).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let source = dir.path().join("source");
        std::fs::write(&source, &bytes).unwrap();
        let target = dir.path().join("new dir/it's $(a) file");
        let remote = target.to_str().unwrap();
        let last = std::sync::Mutex::new(Vec::new());
        let progress = |sent: Bytes| last.lock().unwrap().push(sent);
        let digest = sha256(&bytes);
        let started = Instant::now();
        host.send_file(&source, remote, 0o750, digest, &progress).await.unwrap();
        println!("{}: 64 MiB sent and checked in {:?}", host.label(), started.elapsed());
        assert!(std::fs::read(&target).unwrap() == bytes);
        assert_eq!(mode(&target), 0o750);
        assert_eq!(mode(target.parent().unwrap()), 0o755);
        assert_eq!(host.round_trips(), 2);
        assert!(last.lock().unwrap().len() > 100);
        assert_eq!(last.lock().unwrap().last(), Some(&Bytes::mebi(64)));

        last.lock().unwrap().clear();
        let sent = host.send_file(&source, remote, 0o755, digest, &progress).await.unwrap();
        assert_eq!((sent, host.round_trips()), (Sent::AlreadyThere, 3));
        assert!(last.lock().unwrap().is_empty(), "nothing was sent");
        assert_eq!(mode(&target), 0o755);
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o7777
}

// faults: N2 H9
#[tokio::test]
async fn a_file_with_another_digest_never_gets_its_name() {
    for (host, _sshd) in hosts().await {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source");
        std::fs::write(&source, b"flipped").unwrap();
        let folder = dir.path().join("to");
        let target = folder.join("etcd");
        let remote = target.to_str().unwrap().to_owned();
        let error = host.send_file(&source, &remote, 0o755, sha256(b"as promised"), &|_| {}).await.unwrap_err();
        assert!(error.to_string().contains("another digest"), "{error}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing is left");

        std::fs::write(&target, b"old").unwrap();
        host.send_file(&source, &remote, 0o755, sha256(b"as promised"), &|_| {}).await.unwrap_err();
        assert_eq!(std::fs::read(&target).unwrap(), b"old", "what was there stays");

        let error = host.send_file(&source, folder.to_str().unwrap(), 0o755, sha256(b"x"), &|_| {}).await.unwrap_err();
        assert!(error.to_string().contains("folder of that name"), "{error}");
        let error = host.send_file(&source, "/proc/x/y", 0o755, sha256(b"flipped"), &|_| {}).await.unwrap_err();
        assert!(error.to_string().contains("folder cannot be made"), "{error}");
        for bad in ["relative", "/ends/with/", ""] {
            assert!(host.send_file(&source, bad, 0o755, sha256(b"flipped"), &|_| {}).await.is_err());
        }
    }
}

#[tokio::test]
async fn dials_what_listens_on_the_host() {
    for (host, _sshd) in hosts().await {
        for address in ["127.0.0.1", "localhost", "::1", "[::1]"] {
            let bare = address.trim_matches(['[', ']']);
            let Ok(listener) = tokio::net::TcpListener::bind((bare, 0)).await else {
                println!("skipped: {address} cannot be listened on");
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    tokio::spawn(async move {
                        let (mut read, mut write) = stream.split();
                        let _ = tokio::io::copy(&mut read, &mut write).await;
                    });
                }
            });
            for round in 0..3u8 {
                let mut stream = host.dial(address, port, Duration::from_secs(10)).await.unwrap();
                stream.write_all(&[round; 5000]).await.unwrap();
                let mut back = [0; 5000];
                stream.read_exact(&mut back).await.unwrap();
                assert_eq!(back, [round; 5000]);
            }
        }
        assert_eq!(host.round_trips(), 0);
    }
}

// faults: N5
#[tokio::test]
async fn a_port_where_nothing_listens_is_said_to_be_one() {
    for (host, _sshd) in hosts().await {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let reason = match host.dial("127.0.0.1", port, Duration::from_secs(10)).await {
            Err(error) => error.to_string(),
            Ok(mut stream) => {
                let error = stream.read_u8().await.unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
                error.to_string()
            }
        };
        assert!(reason.contains("refused") && reason.contains(&port.to_string()), "{reason}");
    }
}

// faults: N8
#[tokio::test]
async fn host_and_user_keys_are_checked_and_the_fix_is_named() {
    let Some(sshd) = Sshd::start("") else { return };
    let connect_error = async |ssh: Ssh| match sshd.connect_as(ssh).await {
        Err(error @ HostError::Connect { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("connected"),
    };
    let empty = sshd.path("empty");
    std::fs::write(&empty, "").unwrap();
    let unknown = connect_error(Ssh { known_hosts_file: Some(empty), ..sshd.ssh() }).await;
    assert!(unknown.contains("host key is unknown") && unknown.contains("do: compare"), "{unknown}");

    let changed = sshd.path("changed");
    let other_key = std::fs::read_to_string(sshd.path("stranger.pub")).unwrap();
    let port = sshd.ssh().port.unwrap();
    std::fs::write(&changed, format!("[127.0.0.1]:{port} {other_key}")).unwrap();
    let changed = connect_error(Ssh { known_hosts_file: Some(changed), ..sshd.ssh() }).await;
    assert!(changed.contains("host key has changed") && changed.contains("ssh-keygen -R"), "{changed}");

    let refused = connect_error(Ssh { identity_file: Some(sshd.path("stranger")), ..sshd.ssh() }).await;
    assert!(refused.contains("none of our keys") && refused.contains("authorized_keys"), "{refused}");

    let nobody = connect_error(Ssh { destination: "no-such-host.invalid".into(), ..sshd.ssh() }).await;
    assert!(nobody.contains("no-such-host.invalid") && nobody.contains("do: correct the name"), "{nobody}");

    let dash = connect_error(Ssh { destination: "-oProxyCommand=touch /tmp/pwned".into(), ..sshd.ssh() }).await;
    assert!(dash.contains("starts with a dash"), "{dash}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = connect_error(Ssh { port: Some(free), ..sshd.ssh() }).await;
    assert!(closed.contains("nothing listens there"), "{closed}");
    assert_eq!(std::fs::read_dir(sshd.path("sockets")).unwrap().count(), 0, "no folder is left behind");
}

// faults: N9
#[tokio::test]
async fn what_a_login_shell_prints_is_not_the_commands_output() {
    let noise = "echo 'Welcome to m1'; printf 'no newline'; echo 'be careful' >&2; eval \"$SSH_ORIGINAL_COMMAND\"";
    let Some(sshd) = Sshd::start(&format!("ForceCommand {noise}")) else { return };
    let host = sshd.connect().await;
    let output = host.run(&Command::new("sh", &["-c", "printf 'a\\0b'; echo c >&2"])).await.unwrap();
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"a\0b"[..], &b"c\n"[..]));
}

// faults: N8
#[tokio::test]
async fn an_account_without_a_shell_is_told_from_a_command_that_fails() {
    let Some(sshd) = Sshd::start("ForceCommand echo 'This account is currently not available.'; exit 1") else {
        return;
    };
    let host = sshd.connect().await;
    let error = host.run(&Command::new("true", &[])).await.unwrap_err();
    assert!(matches!(error, HostError::Access { .. }), "{error}");
    assert!(error.to_string().contains("not available") && error.to_string().contains("/bin/sh"), "{error}");
}

// faults: N8
#[tokio::test]
async fn sudo_is_used_and_its_refusals_are_told_apart() {
    let bin = tempfile::tempdir().unwrap();
    let Some(sshd) = Sshd::start(&format!("SetEnv HOME=/ PATH={}:/usr/bin:/bin", bin.path().display())) else { return };
    let with_sudo = |text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let file = bin.path().join("sudo");
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let host = sshd.connect_as(Ssh { become_: Become::Sudo, ..sshd.ssh() }).await.unwrap();
    let command = Command::new("sh", &["-c", "echo \"by=$BY\""]);

    with_sudo(
        "echo 'sudo: unable to resolve host m1' >&2; [ \"$1 $2\" = '-n --' ] && shift 2 && BY=sudo exec env BY=sudo \"$@\"",
    );
    let output = host.run(&command).await.unwrap();
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"by=sudo\n"[..], &b""[..]));
    let output = host.run(&command.clone().privilege(Privilege::Login)).await.unwrap();
    assert_eq!(output.stdout, b"by=\n");

    with_sudo("echo 'sudo: a password is required' >&2; exit 1");
    let error = host.run(&command).await.unwrap_err().to_string();
    assert!(error.contains("sudo wants a password") && error.contains("NOPASSWD"), "{error}");
    // A command that fails by itself and talks of sudo is no refusal of sudo.
    let output = host
        .run(
            &Command::new("sh", &["-c", "echo 'sudo: a password is required' >&2; exit 1"]).privilege(Privilege::Login),
        )
        .await
        .unwrap();
    assert_eq!(output.status, Some(1));
}

// faults: N1
#[tokio::test]
async fn a_command_whose_connection_is_killed_is_ended_there_and_the_connection_made_again() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let started = sshd.path("started");
    let text = "echo $$ > \"$1.part\"; mv \"$1.part\" \"$1\"; sleep 30";
    let command = Command::new("sh", &["-c", text, "sh", started.to_str().unwrap()]);
    let running = tokio::spawn({
        let host = host.clone();
        async move { host.run(&command).await }
    });
    wait_until("the command runs", || started.exists()).await;
    let masters = sshd.masters();
    assert_eq!(masters.len(), 1);
    assert!(std::process::Command::new("kill").args(["-9", &masters[0].to_string()]).status().unwrap().success());
    let error = tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, HostError::Interrupted { .. }), "{error}");
    // Nothing of the command goes on beside what is done next.
    let pid = std::fs::read_to_string(&started).unwrap();
    assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists());
    assert!(host.run(&Command::new("true", &[])).await.unwrap().success(), "it was made again");
}

#[tokio::test]
async fn a_connection_that_went_while_nothing_ran_is_made_again() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    host.dial("127.0.0.1", port, Duration::from_secs(10)).await.unwrap();
    sshd.end_sessions();
    wait_until("the master is gone", || sshd.masters().is_empty()).await;
    assert!(host.run(&Command::new("true", &[])).await.unwrap().success());
    sshd.end_sessions();
    wait_until("the master is gone", || sshd.masters().is_empty()).await;
    // Several at once: one connects, all go on.
    let all = (0..4).map(|_| async { host.run(&Command::new("true", &[])).await.unwrap().success() });
    assert!(futures_util::future::join_all(all).await.into_iter().all(|success| success));
    assert_eq!(sshd.masters().len(), 1);
    host.dial("127.0.0.1", port, Duration::from_secs(10)).await.unwrap();
}

// faults: N4
#[tokio::test]
async fn a_host_that_stays_away_is_given_up_after_a_bounded_time() {
    let Some(sshd) = Sshd::start("") else { return };
    let bound = Span::from_secs(4);
    let host = sshd.connect_as(Ssh { reconnect_for: bound, ..sshd.ssh() }).await.unwrap();
    sshd.end_sessions();
    drop(sshd);
    let begun = Instant::now();
    let error = host.run(&Command::new("true", &[])).await.unwrap_err();
    assert!(
        matches!(error, HostError::Lost { .. }) && error.to_string().contains("for 4s it could not be made again"),
        "{error}"
    );
    let took = begun.elapsed();
    assert!(took > bound.duration() / 2 && took < bound.duration() * 10, "{took:?}");
}

// faults: N8
#[tokio::test]
async fn a_host_that_takes_one_session_at_a_time_is_served_one_by_one() {
    let Some(sshd) = Sshd::start("MaxSessions 1") else { return };
    let host = sshd.connect().await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..12 {
        let host = host.clone();
        running.spawn(async move { host.run(&Command::new("echo", &[&format!("{number}")])).await.unwrap().stdout });
    }
    let seen: HashSet<Vec<u8>> = running.join_all().await.into_iter().collect();
    assert_eq!(seen.len(), 12);
}

#[tokio::test]
async fn the_connection_goes_with_its_last_clone() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    let clone = host.clone();
    host.close().await;
    assert!(clone.run(&Command::new("true", &[])).await.unwrap().success());
    drop(clone);
    wait_until("the master is gone", || sshd.masters().is_empty()).await;
    assert_eq!(std::fs::read_dir(sshd.path("sockets")).unwrap().count(), 0);
}

/// Not a test of its own: what the next one starts and kills.
#[tokio::test]
#[ignore = "started by a_killed_controller_leaves_no_connection_behind"]
async fn controller_that_is_killed() {
    let given = std::env::var("QUORATE_TEST_CONNECTION").unwrap();
    let (connection, sockets, ready): (Connection, String, String) = serde_json::from_str(&given).unwrap();
    let _host = Host::connect(&connection, Path::new(&sockets)).await.unwrap();
    std::fs::write(ready, "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_controller_leaves_no_connection_behind() {
    let Some(sshd) = Sshd::start("") else { return };
    let ready = sshd.path("ready");
    let given = (Connection::Ssh(sshd.ssh()), sshd.path("sockets"), &ready);
    let mut controller = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host::tests::controller_that_is_killed", "--ignored"])
        .env("QUORATE_TEST_CONNECTION", serde_json::to_string(&given).unwrap())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the controller is connected", || ready.exists()).await;
    assert_eq!(sshd.masters().len(), 1);
    controller.kill().unwrap();
    controller.wait().unwrap();
    let killed = Instant::now();
    wait_until("the master is gone", || sshd.masters().is_empty()).await;
    println!("the master of a killed controller was gone after {:?}", killed.elapsed());
    let leftovers = || std::fs::read_dir(sshd.path("sockets")).unwrap().count();
    assert_eq!(leftovers(), 1);
    drop(sshd.connect().await);
    assert_eq!(leftovers(), 0, "the next start sweeps what was left");
}

#[tokio::test]
async fn an_idle_connection_stays_open() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = sshd.connect().await;
    assert!(host.run(&Command::new("true", &[])).await.unwrap().success());
    // Longer than the master lingers once its controller is gone.
    let idle = Instant::now() + Duration::from_secs(7);
    wait_until("seven idle seconds", || sshd.masters().is_empty() || Instant::now() > idle).await;
    assert!(host.run(&Command::new("true", &[])).await.unwrap().success());
}

#[tokio::test]
async fn times_of_connecting_and_of_a_command() {
    let Some(sshd) = Sshd::start("") else { return };
    let started = Instant::now();
    let host = sshd.connect().await;
    let connected = started.elapsed();
    let rounds = 50;
    let started = Instant::now();
    for _ in 0..rounds {
        assert!(host.run(&Command::new("true", &[])).await.unwrap().success());
    }
    let command = started.elapsed() / rounds;
    println!("connect {connected:?}, a command {command:?}");
    assert_eq!(host.round_trips(), u64::from(rounds));
}
