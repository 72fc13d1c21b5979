//! Hosts as probes told them, and what is made of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::macros::datetime;

use super::answer::Answer;
use super::facts;
use super::inventory::HostFacts;
use super::member::{self, Declared, Kind};
use super::records;
use crate::knowledge::Knowledge;
use crate::spec::model::{Become, Connection, Member, Ownership, Process, Runtime, Systemd};

/// Writes what a probe would answer.
struct Told(String);

impl Told {
    fn host() -> Self {
        Self("@begin n 1\n".to_owned()).line("machine Linux x86_64").line("hostname m1")
    }

    fn line(mut self, line: &str) -> Self {
        self.0.push_str(&format!("@{line}\n"));
        self
    }

    fn blob(self, key: &str, content: &str) -> Self {
        let mut told = self.line(key);
        told.0.push_str(&format!("{}\n", STANDARD.encode(content)));
        told
    }

    fn unit(self, more: &str) -> Self {
        let show = format!(
            "Type=notify\nRestart=on-failure\nTimeoutStopUSec=1min 30s\nUser=etcd\nId=etcd.service\nLoadState=loaded\n\
             UnitFileState=enabled\nNeedDaemonReload=no\nFragmentPath=/etc/systemd/system/etcd.service\nDropInPaths=\n{more}"
        );
        self.line("systemd").blob("unit", &show)
    }

    fn exec(self, words: &[&str]) -> Self {
        let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        let path = quoted[0].clone();
        self.blob("exec", &format!("a(sasbttttuii) 1 {path} {} {} false 0 0 0 0 0 0 0", words.len(), quoted.join(" ")))
    }

    fn process(self, pid: u32, exe: &str, argv: &[&str], environment: &[&str]) -> Self {
        let nul = |words: &[&str]| words.iter().map(|word| format!("{word}\0")).collect::<String>();
        self.line(&format!("process {pid} 1000 etcd 999"))
            .line(&format!("exe 1:{pid} {exe}"))
            .line("cwd /")
            .line("cgroup /system.slice/etcd.service")
            .blob("cmdline", &nul(argv))
            .blob("environ", &nul(environment))
            .line("environ-is read")
            .line(&format!("sha256 1:{pid} {}", "ab".repeat(32)))
    }

    fn etcd(self, path: &str, inode: &str, version: &str) -> Self {
        self.line(&format!("binary {path}"))
            .line("space 100 4096 ext2/ext3")
            .line(&format!("file {inode} 20000000 755 0 root"))
            .line("elf")
            .line(&format!("version {inode} etcd Version: {version}"))
            .line(&format!("sha256 {inode} {}", "ab".repeat(32)))
    }

    fn data(self, path: &str) -> Self {
        self.line(&format!("data {path}"))
            .line("space 1000000 4096 ext2/ext3")
            .line("folder 700 999 etcd")
            .line("has-member")
            .line("db 24576")
            .line("snap 5000 0000000000000002-000000000000abcd.snap")
            .line("point etcd.quorate-20261121")
            .line(&format!("size 64000 {path}"))
    }

    fn facts(self, runtime: &Runtime) -> (HostFacts, Vec<(Kind, String)>) {
        let output = self.line("end n").0;
        let answer = Answer::read(&records::parse(output.as_bytes(), "n").unwrap());
        let member = m1();
        let knowledge = Knowledge::embedded().unwrap();
        let declared = Declared { member: &member, runtime, knowledge: &knowledge };
        let setup = member::find(&answer, &declared);
        let facts = facts::host_facts(&answer, &setup, &declared, datetime!(2026-11-21 00:00 UTC));
        (facts, member::missing(&answer, &setup, &declared))
    }
}

fn m1() -> Member {
    Member {
        name: "m1".parse().unwrap(),
        address: "10.0.0.1".to_owned(),
        connection: Connection::Local { become_: Become::No },
        client_url: None,
        peer_url: None,
        data_dir: None,
    }
}

fn systemd() -> Runtime {
    Runtime::Systemd(Systemd {
        unit: "etcd.service".to_owned(),
        ownership: Ownership::Adopted,
        bin_dir: "/usr/local/bin".to_owned(),
        user: "etcd".to_owned(),
    })
}

fn process() -> Runtime {
    Runtime::Process(Process { dir: "/srv/q".to_owned() })
}

const RUNS: &str = "MainPID=7\nActiveState=active\nSubState=running\n";
const STOPPED: &str = "MainPID=0\nActiveState=inactive\nSubState=dead\n";

fn option<'a>(facts: &'a HostFacts, name: &str) -> &'a str {
    &facts.member.as_ref().unwrap().option(name).unwrap().value
}

#[test]
fn a_running_member_with_arguments() {
    let argv = ["/usr/bin/etcd", "--name=m1", "--data-dir", "/var/lib/etcd"];
    let told = Told::host().unit(RUNS).exec(&argv).process(7, "/usr/bin/etcd", &argv, &["ETCD_DEBUG=1"]);
    let (facts, missing) = told.etcd("/usr/bin/etcd", "1:7", "3.1.20").data("/var/lib/etcd").facts(&systemd());
    assert_eq!(missing, []);
    insta::assert_json_snapshot!(facts);
}

#[test]
fn a_stopped_member_is_read_from_its_unit_and_environment_file() {
    let show = format!("{STOPPED}EnvironmentFiles=/etc/default/etcd (ignore_errors=yes)\n");
    let told = Told::host().unit(&show).exec(&["/usr/bin/etcd", "$OPTS", "--listen-client-urls=http://${IP}:2379"]);
    let told = told.blob("variables", "IP=10.0.0.9\nETCD_NAME=no").line("env /etc/default/etcd");
    let told = told.blob("content", "ETCD_NAME=\"m1\"\nOPTS='--data-dir=/data --debug'\nIP=10.0.0.1\n");
    let (facts, missing) = told.etcd("/usr/bin/etcd", "1:2", "3.1.20").data("/data").facts(&systemd());
    assert_eq!(missing, []);
    assert_eq!(option(&facts, "name"), "m1");
    assert_eq!(option(&facts, "listen-client-urls"), "http://10.0.0.1:2379");
    let member = facts.member.unwrap();
    assert_eq!(member.args, ["--data-dir=/data", "--debug", "--listen-client-urls=http://10.0.0.1:2379"]);
    assert_eq!(member.data_dir.path, "/data");
    assert_eq!(member.binary.version, Some("3.1.20".parse().unwrap()));
}

#[test]
fn a_config_file_decides_and_is_asked_for_when_it_was_not_seen() {
    let argv = ["/usr/bin/etcd", "--config-file", "/etc/etcd.yml"];
    let told = || {
        let told = Told::host().unit(RUNS).exec(&argv).process(7, "/usr/bin/etcd", &argv, &["ETCD_NAME=hidden"]);
        told.etcd("/usr/bin/etcd", "1:7", "3.4.23")
    };
    let (facts, missing) = told().facts(&systemd());
    assert_eq!(missing, [(Kind::Config, "/etc/etcd.yml".to_owned())]);
    assert!(facts.member.is_none());
    assert!(facts.notes.iter().any(|note| note.contains("/etc/etcd.yml")), "{:?}", facts.notes);
    let config = "name: m1\ndata-dir: /data\nclient-transport-security:\n  cert-file: /c.crt\n  key-file: /c.key\n";
    let (_, missing) = told().line("config /etc/etcd.yml").blob("content", config).facts(&systemd());
    let needed = [(Kind::Data, "/data"), (Kind::Cert, "/c.crt"), (Kind::Key, "/c.key")];
    assert_eq!(missing, needed.map(|(kind, path)| (kind, path.to_owned())));
    let told =
        told().line("config /etc/etcd.yml").blob("content", config).data("/data").line("cert /c.crt").line("missing");
    let (facts, _) = told.facts(&systemd());
    assert_eq!(option(&facts, "name"), "m1");
    let member = facts.member.unwrap();
    assert_eq!(member.config_file.as_deref(), Some("/etc/etcd.yml"));
    assert_eq!(member.certificates[0].problem.as_deref(), Some("it is not there"));
}

// faults: H6
#[test]
fn behind_a_wrapper_the_etcd_of_the_units_cgroup_is_the_member() {
    let argv = ["/opt/etcd/etcd", "--name=m1", "--data-dir=/data"];
    let told = Told::host().unit("MainPID=5\nActiveState=active\n").exec(&["/usr/local/bin/start-etcd"]);
    let told = told.line("binary /usr/local/bin/start-etcd").line("file 1:99 100 755 0 root");
    let told = told.process(7, "/opt/etcd/etcd", &argv, &[]).etcd("/opt/etcd/etcd", "1:7", "3.1.20").data("/data");
    let (facts, missing) = told.facts(&systemd());
    assert_eq!(missing, []);
    assert!(facts.processes[0].is_declared_member);
    let member = facts.member.unwrap();
    assert_eq!((member.binary.path.as_str(), member.next_start), ("/opt/etcd/etcd", None));
}

#[test]
fn a_stopped_wrapper_is_not_guessed_at() {
    let told = Told::host().unit(STOPPED).exec(&["/usr/local/bin/start-etcd"]);
    let told = told.line("binary /usr/local/bin/start-etcd").line("file 1:99 100 755 0 root");
    let (facts, _) = told.facts(&systemd());
    assert!(facts.member.is_none());
    assert!(facts.notes.iter().any(|note| note.contains("does not start etcd itself")), "{:?}", facts.notes);
}

// faults: H7
#[test]
fn an_etcd_of_somebody_else_is_listed_and_never_the_member() {
    let argv = ["/usr/bin/etcd", "--name=m1", "--data-dir=/other", "--listen-client-urls=http://10.0.0.1:2379"];
    let told = Told::host().line("systemd").blob("unit", "Id=etcd.service\nLoadState=not-found\nMainPID=0\n");
    let told = told.process(7, "/usr/bin/etcd", &argv, &[]).line("cgroup /system.slice/other.service");
    let (facts, missing) = told.data("/var/lib/etcd").facts(&systemd());
    assert_eq!(missing, []);
    assert!(facts.member.is_none());
    assert_eq!(facts.processes.len(), 1);
    assert!(!facts.processes[0].is_declared_member);
    assert_eq!(facts.processes[0].name.as_deref(), Some("m1"));
    assert!(facts.data_without_member.unwrap().has_member);
}

#[test]
fn what_the_next_start_would_change_is_seen() {
    let argv = ["/usr/bin/etcd", "--name=m1", "--data-dir=/var/lib/etcd"];
    let told = Told::host().unit(RUNS).exec(&["/usr/bin/etcd", "--name=m1", "--data-dir=/var/lib/etcd", "--debug"]);
    let told =
        told.process(7, "/usr/bin/etcd", &argv, &[]).etcd("/usr/bin/etcd", "1:7", "3.1.20").data("/var/lib/etcd");
    let next = told.facts(&systemd()).0.member.unwrap().next_start.unwrap();
    assert_eq!(next.args, ["--name=m1", "--data-dir=/var/lib/etcd", "--debug"]);
}

// faults: H8
#[test]
fn a_managed_process_whose_binary_was_replaced_while_it_runs() {
    let argv = ["/srv/q/m1/etcd", "--name=m1", "--data-dir=/srv/q/m1/data"];
    let told = Told::host()
        .line("managed /srv/q/m1")
        .blob("args", "--name=m1\n--data-dir=/srv/q/m1/data\n")
        .line("pid-file 7");
    let told = told.process(7, "/srv/q/m1/etcd (deleted)", &argv, &[]).etcd("/srv/q/m1/etcd", "1:8", "3.2.32");
    let told = told.data("/srv/q/m1/data").line("store /srv/q/.quorate").line("space 100 4096 xfs");
    let told = told.line("staged 1:8 3.2.32").line("staged 1:9 junk");
    let (facts, missing) = told.facts(&process());
    assert_eq!(missing, []);
    insta::assert_json_snapshot!(facts);
}

#[test]
fn a_pid_that_went_to_somebody_else_is_not_the_member() {
    let told = Told::host().line("managed /srv/q/m1").blob("args", "--name=m1\n").line("pid-file 7");
    let told = told.process(7, "/usr/bin/etcd", &["/usr/bin/etcd"], &[]).etcd("/srv/q/m1/etcd", "1:8", "3.1.20");
    let (facts, _) = told.data("/srv/q/m1/m1.etcd").facts(&process());
    assert_eq!(facts.managed.unwrap().pid, None);
    assert!(!facts.processes[0].is_declared_member);
    assert_eq!(facts.member.unwrap().data_dir.path, "/srv/q/m1/m1.etcd");
}

#[test]
fn a_host_with_nothing_on_it() {
    let told = Told::host().line("systemd").blob("unit", "Id=etcd.service\nLoadState=not-found\nMainPID=0\n");
    let (facts, missing) = told.line("data /var/lib/etcd").line("space 10 4096 xfs").facts(&systemd());
    assert_eq!(missing, []);
    assert!(facts.member.is_none() && facts.processes.is_empty());
    assert!(!facts.data_without_member.unwrap().has_member);
}
