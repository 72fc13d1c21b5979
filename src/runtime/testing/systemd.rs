//! Members that systemd runs, on a booted host: `QUORATE_TEST_LAB` names the folder of a lab (tests/lab/up 1), and the test
//! runs in that lab's network. Host h1 gets and loses units of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::digest_of;
use super::real::{program, releases};
use crate::host::{Command, Host};
use crate::runtime::*;
use crate::spec::model::{Become, Connection, Ownership, Runtime, Ssh, Systemd};
use crate::units::Span;

const LONG: Duration = Duration::from_secs(30);

struct Lab {
    host: Host,
    /// Holds the connection's socket.
    _sockets: TempDir,
}

impl Lab {
    async fn open() -> Option<Self> {
        let Some(dir) = std::env::var_os("QUORATE_TEST_LAB").map(PathBuf::from) else {
            eprintln!("skipped: QUORATE_TEST_LAB is not set");
            return None;
        };
        let sockets = tempfile::Builder::new().prefix("q").tempdir_in("/tmp").unwrap();
        let ssh = Ssh {
            destination: "h1".into(),
            user: Some("deploy".into()),
            port: None,
            identity_file: None,
            config_file: Some(dir.join("ssh_config")),
            known_hosts_file: None,
            connect_timeout: Span::from_secs(10),
            reconnect_for: Span::from_secs(30),
            become_: Become::Sudo,
        };
        let host = Host::connect(&Connection::Ssh(ssh), sockets.path()).await.unwrap();
        Some(Self { host, _sockets: sockets })
    }

    /// Runs a shell line on the host as root, for the world around the member.
    async fn sh(&self, line: &str) -> String {
        let output = self.host.run(&Command::new("sh", &["-c", line])).await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    async fn clear(&self, unit: &str, data: &str) {
        let line = format!(
            "systemctl unmask {unit}; systemctl disable --now {unit}; systemctl reset-failed {unit}; \
             rm -rf /etc/systemd/system/{unit} {data} {data}.quorate-* /opt/{unit}; systemctl daemon-reload"
        );
        self.sh(&line).await;
    }

    /// A unit of somebody else's: a shell under the name `etcd`, and lines of `[Service]`.
    async fn unit(&self, unit: &str, service: &[&str]) -> Site {
        self.clear(unit, &format!("/srv/{unit}")).await;
        self.sh(&format!("mkdir -p /srv/{unit}/member /opt/{unit}; cp /bin/sh /opt/{unit}/etcd")).await;
        let file = format!("/etc/systemd/system/{unit}");
        let line = "file=$1; shift; { echo '[Service]'; printf '%s\\n' \"$@\"; } >\"$file\"; systemctl daemon-reload";
        let mut args = vec!["-c", line, "sh", &file];
        args.extend(service);
        assert!(self.host.run(&Command::new("sh", &args)).await.unwrap().success());
        let runtime =
            Systemd { unit: unit.into(), ownership: Ownership::Adopted, bin_dir: "/opt".into(), user: "root".into() };
        Site::systemd(&runtime, &format!("/opt/{unit}/etcd"), &format!("/srv/{unit}"), None).unwrap()
    }
}

fn died(outcome: StartOutcome) -> Death {
    match outcome {
        StartOutcome::Died(death) => death,
        StartOutcome::Running(started) => panic!("it runs: {started:?}"),
    }
}

fn running(outcome: StartOutcome) -> Started {
    match outcome {
        StartOutcome::Running(started) => started,
        StartOutcome::Died(death) => panic!("it died: {death:?}"),
    }
}

#[tokio::test]
async fn a_member_is_made_upgraded_and_taken_back_under_systemd() {
    let Some(lab) = Lab::open().await else { return };
    let Some(releases) = releases() else { return };
    let host = &lab.host;
    let unit = "quorate-real.service";
    lab.clear(unit, "/var/lib/quorate-real").await;
    lab.sh("rm -rf /usr/local/lib/quorate /opt/quorate-real; userdel quorate-real").await;
    let pair: Vec<_> =
        releases.iter().filter(|(v, _)| [(3, 1), (3, 2)].contains(&(v.minor().major(), v.minor().number()))).collect();
    let [(old_version, old), (new_version, new)] = pair[..] else { return };

    let runtime = Runtime::Systemd(Systemd {
        unit: unit.into(),
        ownership: Ownership::Managed,
        bin_dir: "/opt/quorate-real/bin".into(),
        user: "quorate-real".into(),
    });
    let store = store_dir(&runtime).unwrap();
    let both = |etcd: &std::path::Path| {
        let ctl = etcd.with_file_name("etcdctl");
        vec![program(etcd), Program { name: "etcdctl".into(), digest: digest_of(&ctl), local: ctl }]
    };
    let quiet = |_: &str, _| {};
    stage(host, &store, old_version, &both(old), &quiet).await.unwrap();
    stage(host, &store, new_version, &both(new), &quiet).await.unwrap();
    assert_eq!(
        lab.sh(&format!("stat -c '%U:%G %a' {store} {store}/{new_version}/etcd")).await,
        "root:root 755\nroot:root 755\n"
    );

    let url = |port: u16| vec![format!("http://127.0.0.1:{port}")];
    let spec = CreateSpec {
        name: "m1".parse().unwrap(),
        runtime,
        version: old_version.clone(),
        data_dir: Some("/var/lib/quorate-real".into()),
        listen_client_urls: url(23790),
        advertise_client_urls: url(23790),
        listen_peer_urls: url(23800),
        advertise_peer_urls: url(23800),
        initial_cluster: vec![("m1".parse().unwrap(), url(23800).remove(0))],
        token: "a b\" \\ %h $HOME ${HOME} ; 'x'".into(),
        settings: BTreeMap::new(),
        environment: BTreeMap::new(),
        unit_template: None,
    };
    let templates = Templates::default();
    let site = create(host, &spec, &templates).await.unwrap();
    create(host, &spec, &templates).await.expect("a second try of the same");
    assert_eq!(lab.sh("stat -c '%U %a' /var/lib/quorate-real").await, "quorate-real 700\n");

    let cursor = log_cursor(host, &site).await.unwrap();
    let started = running(start(host, &site, LONG).await.unwrap());
    assert!(started.ready, "{started:?}");
    assert_eq!(started.unit.as_ref().unwrap().file_state, "enabled");
    // What systemd made of the quoted words is what was meant.
    let seen = lab.sh(&format!("tr '\\0' '\\n' </proc/{}/cmdline", started.pid)).await;
    assert_eq!(seen.lines().skip(1).map(str::to_owned).collect::<Vec<_>>(), member_args(&spec).unwrap());
    let log = log_lines_since(host, &site, &cursor, 200).await.unwrap();
    assert!(log.lines.iter().any(|line| line.contains(&old_version.to_string())), "{:?}", log.lines);
    let error = create(host, &spec, &templates).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Exists, .. }), "{error}");

    let staged = staged_path(&store, new_version, "etcd");
    let user = Some("quorate-real".to_owned());
    let try_out = Preflight {
        binary: staged.clone(),
        user,
        args: member_args(&spec).unwrap(),
        unsupported_arch: None,
        wanted: new_version.clone(),
    };
    assert_eq!(preflight(host, &try_out).await.unwrap(), PreflightOutcome::Accepted { ran_as: "quorate-real".into() });

    let swap = Swap::to_staged(&site.binary, &staged, digest_of(old), digest_of(new));
    let prepared = prepare_swap(host, &swap, None).await.unwrap();
    let request = CopyRequest {
        member: spec.name.clone(),
        run: "r1".into(),
        version: old_version.clone(),
        raft_index: None,
        cluster_id: None,
        taken_at: "2026-01-02T03:04:05Z".into(),
    };
    let error = copy_data_dir(host, &site, &request, LONG).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Busy, .. }), "{error}");

    let began = Instant::now();
    let stopped = stop(host, &site, LONG, Room::Whatever).await.unwrap();
    assert!(matches!(stopped, StopOutcome::Stopped { exit: Some(exit), .. } if exit.is_clean()), "{stopped:?}");
    let gone = began.elapsed();
    let point = copy_data_dir(host, &site, &request, LONG).await.unwrap();
    let copied = began.elapsed();
    commit_swap(host, &prepared).await.unwrap();
    let swapped = began.elapsed();
    let started = running(start(host, &site, LONG).await.unwrap());
    eprintln!("gone {gone:?}, copied {copied:?} ({}), swapped {swapped:?}, ready {:?}", point.size, began.elapsed());
    assert!(started.ready);
    let MemberNow::Running(now) = is_running(host, &site, Digest::Compute).await.unwrap() else { panic!("it is down") };
    assert_eq!((now.pid, now.exe_sha256, now.exe_replaced), (started.pid, Some(digest_of(new)), false));
    assert_eq!(lab.sh(&format!("stat -c %U {}/member", point.path)).await, "quorate-real\n");

    assert!(matches!(stop(host, &site, LONG, Room::Whatever).await.unwrap(), StopOutcome::Stopped { .. }));
    assert!(matches!(stop(host, &site, LONG, Room::Whatever).await.unwrap(), StopOutcome::AlreadyStopped { .. }));
    let kept = find_kept(host, digest_of(old), &store, old_version).await.unwrap().expect("it is staged");
    let back = SwapBack { path: site.binary.clone(), kept, old_target: None, old: digest_of(old), new: digest_of(new) };
    assert_eq!(swap_back(host, &back).await.unwrap(), SwapState::Swapped);
    lab.clear(unit, "/var/lib/quorate-real").await;
}

// faults: H6
#[tokio::test]
async fn a_unit_that_dies_at_start_says_how_and_its_start_limit_is_cleared() {
    let Some(lab) = Lab::open().await else { return };
    let unit = "quorate-dies.service";
    let exec = "ExecStart=/opt/quorate-dies.service/etcd -c \"echo flag provided but not defined; exit 2\"";
    for restart in ["Restart=no", "Restart=always"] {
        let site = lab.unit(unit, &["Type=notify", restart, "RestartSec=30", exec]).await;
        for _ in 0..7 {
            let death = died(start(&lab.host, &site, LONG).await.unwrap());
            assert_eq!(death.exit, Some(Exit::Code(2)), "{death:?}");
            assert!(death.log.iter().any(|line| line.contains("flag provided but not defined")), "{death:?}");
            stop(&lab.host, &site, LONG, Room::Whatever).await.unwrap();
        }
        lab.clear(unit, &site.data_dir).await;
    }
}

// faults: H6
#[tokio::test]
async fn a_stop_that_hangs_is_reported_and_a_changed_unit_file_noticed() {
    let Some(lab) = Lab::open().await else { return };
    let unit = "quorate-hangs.service";
    let exec = "ExecStart=/opt/quorate-hangs.service/etcd -c \"trap '' TERM; while [ ! -e /srv/quorate-hangs.service/go ]; do sleep 0.1; done\"";
    let site = lab.unit(unit, &["Restart=always", "TimeoutStopSec=60", exec]).await;
    let started = running(start(&lab.host, &site, LONG).await.unwrap());
    assert!(!started.unit.unwrap().need_daemon_reload);
    lab.sh(&format!("echo '# x' >>/etc/systemd/system/{unit}")).await;
    let MemberNow::Running(now) = is_running(&lab.host, &site, Digest::Skip).await.unwrap() else {
        panic!("it is down")
    };
    assert!(now.unit.unwrap().need_daemon_reload);
    let outcome = stop(&lab.host, &site, Duration::from_secs(1), Room::Whatever).await.unwrap();
    assert!(matches!(outcome, StopOutcome::StillAlive { pid, .. } if pid == started.pid), "{outcome:?}");
    lab.sh("touch /srv/quorate-hangs.service/go").await;
    let outcome = stop(&lab.host, &site, LONG, Room::Whatever).await.unwrap();
    assert!(matches!(outcome, StopOutcome::Stopped { .. } | StopOutcome::AlreadyStopped { .. }), "{outcome:?}");
    lab.clear(unit, &site.data_dir).await;
}

// faults: H6
#[tokio::test]
async fn masked_and_unknown_units_are_refused_and_a_crash_is_named() {
    let Some(lab) = Lab::open().await else { return };
    let unit = "quorate-odd.service";
    let refusal = async |site: &Site| match start(&lab.host, site, LONG).await {
        Err(RuntimeError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    };
    let exec = "ExecStart=/opt/quorate-odd.service/etcd -c \"kill -SEGV $$$$\"";
    let site = lab.unit(unit, &["Type=notify", exec]).await;
    assert_eq!(died(start(&lab.host, &site, LONG).await.unwrap()).exit, Some(Exit::Signal(11)));
    lab.sh(&format!("rm /etc/systemd/system/{unit}; systemctl reset-failed {unit}; systemctl mask {unit}")).await;
    assert_eq!(refusal(&site).await, Refusal::Masked);
    lab.clear(unit, &site.data_dir).await;
    assert_eq!(refusal(&site).await, Refusal::Missing);
}
