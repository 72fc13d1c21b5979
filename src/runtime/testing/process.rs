//! Start, stop and look, for plain processes.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::{Bench, SERVES, digest_of, program, stopped, until};
use crate::runtime::*;
use crate::spec::model::Runtime;
use crate::units::Version;

const NO_WATCH: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(20);

fn running(outcome: StartOutcome) -> Started {
    match outcome {
        StartOutcome::Running(started) => started,
        StartOutcome::Died(death) => panic!("it died: {death:?}"),
    }
}

async fn now(bench: &Bench, site: &Site) -> ProcessNow {
    match is_running(&bench.host, site, Digest::Compute).await.unwrap() {
        MemberNow::Running(now) => now,
        MemberNow::Stopped { last_exit, .. } => panic!("it does not run: {last_exit:?}"),
    }
}

/// The stand-in has set its trap when it has said so.
async fn serving(bench: &Bench) {
    until("the stand-in serves", async || {
        fs::read_to_string(bench.path("run/m1/log")).ok().filter(|log| log.contains("serving"))
    })
    .await;
}

#[tokio::test]
async fn starts_once_shows_what_runs_and_stops_cleanly() {
    let bench = Bench::new().await;
    let site = bench.stand_in(SERVES);
    let first = running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    assert!(!first.already);
    let again = running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    assert_eq!((again.pid, again.started, again.already), (first.pid, first.started, true));

    serving(&bench).await;
    let seen = now(&bench, &site).await;
    assert_eq!((seen.pid, seen.started), (first.pid, first.started));
    assert_eq!(seen.exe, site.binary);
    assert!(!seen.exe_replaced);
    assert_eq!(seen.exe_sha256, Some(digest_of(site.binary.as_ref())));

    let StopOutcome::Stopped { exit, took } = stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap() else {
        panic!("it was not stopped")
    };
    assert_eq!(exit, Some(Exit::Signal(15)));
    assert!(took < LONG);
    assert_eq!(
        stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap(),
        StopOutcome::AlreadyStopped { last_exit: exit }
    );
}

#[tokio::test]
async fn what_runs_is_told_by_its_digest_after_the_file_was_replaced() {
    let bench = Bench::new().await;
    let site = bench.stand_in(SERVES);
    running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    serving(&bench).await;
    let old = digest_of(site.binary.as_ref());
    program(&bench.path("fresh"), "new build");
    fs::rename(bench.path("fresh"), &site.binary).unwrap();
    let seen = now(&bench, &site).await;
    assert!(seen.exe_replaced);
    assert_eq!(seen.exe_sha256, Some(old));
    stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap();
}

#[tokio::test]
async fn a_death_at_start_comes_with_its_status_and_last_lines() {
    let bench = Bench::new().await;
    let site = bench.stand_in("echo first; printf 'flag provided but not defined: \\033[31m-x\\n'; exit 2");
    let StartOutcome::Died(death) = start(&bench.host, &site, LONG).await.unwrap() else { panic!("it lives") };
    assert_eq!(death.exit, Some(Exit::Code(2)));
    assert_eq!(death.log, ["first", "flag provided but not defined: \\u{1b}[31m-x"]);
    // The next death shows its own lines only.
    fs::write(bench.path("run/m1/args"), "-c\necho second; kill -9 $$\n").unwrap();
    let StartOutcome::Died(death) = start(&bench.host, &site, LONG).await.unwrap() else { panic!("it lives") };
    assert_eq!((death.exit, death.log), (Some(Exit::Signal(9)), vec!["second".to_owned()]));
    assert_eq!(stopped(&bench.host, &site).await, Some(Exit::Signal(9)));
}

#[tokio::test]
async fn one_that_ignores_the_signal_is_reported_and_not_killed() {
    let bench = Bench::new().await;
    let site = bench.stand_in("trap '' TERM; echo serving; while [ ! -e stop-now ]; do sleep 0.02; done");
    let started = running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    serving(&bench).await;
    let outcome = stop(&bench.host, &site, Duration::from_millis(100), Room::Whatever).await.unwrap();
    assert!(matches!(outcome, StopOutcome::StillAlive { pid, .. } if pid == started.pid), "{outcome:?}");
    assert_eq!(now(&bench, &site).await.pid, started.pid);
    fs::write(bench.path("run/m1/stop-now"), "").unwrap();
    assert_eq!(stopped(&bench.host, &site).await, Some(Exit::Code(0)));
}

#[tokio::test]
async fn a_pid_that_was_used_again_is_never_hit() {
    let bench = Bench::new().await;
    let site = bench.stand_in(SERVES);
    // This test's own process, with a start time that is not its own, and then with the right one but another program.
    let own = std::process::id();
    fs::write(bench.path("run/m1/pid"), format!("{own}\n1\n")).unwrap();
    assert_eq!(
        stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap(),
        StopOutcome::AlreadyStopped { last_exit: None }
    );
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let started = stat.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().to_owned();
    fs::write(bench.path("run/m1/pid"), format!("{own}\n{started}\n")).unwrap();
    assert_eq!(
        stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap(),
        StopOutcome::AlreadyStopped { last_exit: None }
    );
}

#[tokio::test]
async fn a_lost_or_garbled_pid_file_does_not_hide_the_process() {
    let bench = Bench::new().await;
    let site = bench.stand_in(SERVES);
    let started = running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    serving(&bench).await;
    for text in ["", "nonsense\n$(id)\n", "1\n"] {
        fs::write(bench.path("run/m1/pid"), text).unwrap();
        assert_eq!(now(&bench, &site).await.pid, started.pid, "{text:?}");
    }
    fs::remove_file(bench.path("run/m1/pid")).unwrap();
    assert!(matches!(stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap(), StopOutcome::Stopped { .. }));
}

#[tokio::test]
async fn a_process_that_still_uses_the_data_is_named_after_the_stop() {
    let bench = Bench::new().await;
    let site = bench.stand_in(SERVES);
    fs::write(bench.path("run/m1/data/member/snap/db"), "db").unwrap();
    let db = fs::File::open(bench.path("run/m1/data/member/snap/db")).unwrap();
    db.lock().unwrap();
    running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    serving(&bench).await;
    let error = stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap_err();
    assert!(
        matches!(&error, RuntimeError::Refused { refusal: Refusal::Busy, seen, .. } if seen.contains(&std::process::id().to_string())),
        "{error}"
    );
    drop(db);
    assert!(matches!(
        stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap(),
        StopOutcome::AlreadyStopped { .. }
    ));
}

#[tokio::test]
async fn log_lines_since_a_cursor_are_bounded_and_escaped() {
    let bench = Bench::new().await;
    let site = bench.stand_in(SERVES);
    let log = bench.path("run/m1/log");
    let cursor = log_cursor(&bench.host, &site).await.unwrap();
    fs::write(&log, "one\n  two \u{202e}\n").unwrap();
    let first = log_lines_since(&bench.host, &site, &cursor, 10).await.unwrap();
    assert_eq!(first.lines, ["one", "  two \\u{202e}"]);
    assert!(log_lines_since(&bench.host, &site, &first.cursor, 10).await.unwrap().lines.is_empty());
    let many: String = (0..5000).map(|n| format!("line {n} {}\n", "x".repeat(900))).collect();
    fs::write(&log, format!("one\n  two \u{202e}\n{many}")).unwrap();
    let next = log_lines_since(&bench.host, &site, &first.cursor, 3).await.unwrap();
    assert_eq!(next.lines.len(), 3);
    assert!(next.lines[2].starts_with("line 4999") && next.lines[2].len() <= 500);
    // Cut by somebody: all that is there is new.
    fs::write(&log, "fresh\n").unwrap();
    assert_eq!(log_lines_since(&bench.host, &site, &next.cursor, 3).await.unwrap().lines, ["fresh"]);
}

fn spec(bench: &Bench) -> CreateSpec {
    let url = |port: u16| vec![format!("http://127.0.0.1:{port}")];
    CreateSpec {
        name: "m1".parse().unwrap(),
        runtime: Runtime::Process(bench.runtime()),
        version: Version::new(3, 5, 33),
        data_dir: None,
        listen_client_urls: url(2379),
        advertise_client_urls: url(2379),
        listen_peer_urls: url(2380),
        advertise_peer_urls: url(2380),
        initial_cluster: vec![("m1".parse().unwrap(), "http://127.0.0.1:2380".into())],
        token: "it's a \"test\" $(touch /nowhere) %h".into(),
        settings: BTreeMap::new(),
        environment: BTreeMap::from([("ETCD_UNSUPPORTED_ARCH".to_owned(), "arm 64".to_owned())]),
        unit_template: None,
    }
}

#[tokio::test]
async fn creates_starts_and_removes_a_member_and_passes_every_word_as_it_is() {
    let bench = Bench::new().await;
    let spec = spec(&bench);
    program(&bench.path("run/.quorate/3.5.33/etcd"), "");
    let templates = Templates::default();
    let site = create(&bench.host, &spec, &templates).await.unwrap();
    assert_eq!(site, bench.site());
    create(&bench.host, &spec, &templates).await.expect("a second try of the same");

    // What the stand-in gets: a shell, told to print its arguments and its environment.
    let args = fs::read_to_string(bench.path("run/m1/args")).unwrap();
    assert_eq!(args.lines().map(str::to_owned).collect::<Vec<_>>(), member_args(&spec).unwrap());
    let script = "env >seen-env; for word; do printf '%s\\n' \"$word\"; done >seen.part; mv seen.part seen; echo serving; trap 'exit 0' TERM; while :; do sleep 0.02; done";
    fs::write(bench.path("run/m1/args"), format!("-c\n{script}\nsh\n{args}")).unwrap();
    running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    serving(&bench).await;
    assert_eq!(fs::read_to_string(bench.path("run/m1/seen")).unwrap(), args);
    let environment = fs::read_to_string(bench.path("run/m1/seen-env")).unwrap();
    assert!(environment.contains("ETCD_UNSUPPORTED_ARCH=arm 64\n"), "{environment}");
    assert!(!environment.contains("CARGO"), "{environment}");

    let error = remove_created(&bench.host, &site).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::Busy, .. }), "{error}");
    stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap();
    fs::remove_file(bench.path("run/m1/seen")).unwrap();
    let error = remove_created(&bench.host, &site).await.unwrap_err();
    assert!(error.to_string().contains("seen-env"), "{error}");
    fs::remove_file(bench.path("run/m1/seen-env")).unwrap();
    remove_created(&bench.host, &site).await.unwrap();
    assert!(!bench.path("run/m1").exists());
    remove_created(&bench.host, &site).await.expect("there is nothing left to remove");
}

#[tokio::test]
async fn refuses_to_create_over_what_is_there() {
    let bench = Bench::new().await;
    let spec = spec(&bench);
    let templates = Templates::default();
    let missing = create(&bench.host, &spec, &templates).await.unwrap_err();
    assert!(matches!(missing, RuntimeError::Refused { refusal: Refusal::Missing, .. }), "{missing}");
    program(&bench.path("run/.quorate/3.5.33/etcd"), "");
    for (file, content) in
        [("data/member", None), ("args", Some("--name=other\n")), ("etcd", Some("x")), ("notes", Some("x"))]
    {
        let path = bench.path("run/m1").join(file);
        match content {
            None => fs::create_dir_all(&path).unwrap(),
            Some(text) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text).unwrap();
            }
        }
        let error = create(&bench.host, &spec, &templates).await.unwrap_err();
        let seen = matches!(error, RuntimeError::Refused { refusal: Refusal::Exists, .. });
        assert!(seen, "{file}: {error}");
        fs::remove_dir_all(bench.path("run/m1")).unwrap();
    }
    // A member whose arguments the program does not know dies at its first start, and says why.
    let site = create(&bench.host, &spec, &templates).await.unwrap();
    let StartOutcome::Died(death) = start(&bench.host, &site, LONG).await.unwrap() else { panic!("it lives") };
    assert!(death.exit.is_some_and(|exit| !exit.is_clean()));
    assert!(!death.log.is_empty());
}

// faults: H1
#[tokio::test]
async fn a_member_on_a_disk_that_is_too_full_to_start_again_is_not_stopped() {
    if !super::is_root() {
        return; // a small file system can only be mounted by root
    }
    let bench = Bench::new().await;
    let home = bench.stand_in(SERVES);
    let disk = super::SmallDisk::mount(&bench.path("run/m1/disk"), "80m");
    fs::create_dir_all(disk.path.join("data/member")).unwrap();
    let site = Site { data_dir: disk.path.join("data").to_str().unwrap().to_owned(), ..home };
    let started = running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    serving(&bench).await;
    fs::write(disk.path.join("data/member/db"), vec![1; 10 << 20]).unwrap();
    // 70 MB are free: enough to start, not to copy 10 MB as well.
    let error = stop(&bench.host, &site, LONG, Room::ForCopy).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::NoSpace, .. }), "{error}");
    assert_eq!(now(&bench, &site).await.pid, started.pid);
    fs::write(disk.path.join("filler"), vec![1; 10 << 20]).unwrap();
    let error = stop(&bench.host, &site, LONG, Room::ForStart).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Refused { refusal: Refusal::NoSpace, .. }), "{error}");
    assert_eq!(now(&bench, &site).await.pid, started.pid);
    // To put it back, it is stopped whatever there is.
    assert!(matches!(stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap(), StopOutcome::Stopped { .. }));
}

#[tokio::test]
async fn arguments_of_one_start_come_last_and_are_not_there_at_the_next() {
    let bench = Bench::new().await;
    let site = bench.stand_in(SERVES);
    let script = "for word; do printf '%s\\n' \"$word\"; done >seen.part; mv seen.part seen; echo serving; trap 'exit 0' TERM; while :; do sleep 0.02; done";
    let args = format!("-c\n{script}\nsh\n--name=m1\n\n");
    fs::write(bench.path("run/m1/args"), &args).unwrap();
    let more = ["--initial-cluster-state=existing".to_owned(), "--x=a b $c".to_owned()];
    running(start_joining(&bench.host, &site, &more, NO_WATCH).await.unwrap());
    serving(&bench).await;
    let seen = || fs::read_to_string(bench.path("run/m1/seen")).unwrap();
    assert_eq!(seen(), "--name=m1\n\n--initial-cluster-state=existing\n--x=a b $c\n");
    stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap();
    end_joining(&bench.host, &site).await.unwrap();
    assert_eq!(fs::read_to_string(bench.path("run/m1/args")).unwrap(), args);
    fs::remove_file(bench.path("run/m1/seen")).unwrap();
    fs::write(bench.path("run/m1/log"), "").unwrap();
    running(start(&bench.host, &site, NO_WATCH).await.unwrap());
    serving(&bench).await;
    assert_eq!(seen(), "--name=m1\n\n");
    stop(&bench.host, &site, LONG, Room::Whatever).await.unwrap();
    let two_lines = ["--x=a\nb".to_owned()];
    assert!(start_joining(&bench.host, &site, &two_lines, NO_WATCH).await.is_err());
}
