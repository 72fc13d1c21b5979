//! Looks at real clusters of plain processes on this machine. Needs `QUORATE_TEST_ETCD`; skipped without it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use time::OffsetDateTime;

use super::inventory::{OptionSource, Seen};
use super::{Observation, ObserveOptions, QuickOptions, SeenFiles, observe, quick};
use crate::etcd::testing::{eventually, free_port, release};
use crate::host::Host;
use crate::knowledge::Knowledge;
use crate::spec::model::{
    Availability, BackupPolicy, Become, ClientAccess, Cluster, Connection, Member, OnFailure, Process, RollbackPoints,
    Rollout, Runtime, SettingsPolicy, Toggle, Verify,
};
use crate::units::{Bytes, MemberName, Span, Version};

const PATIENCE: Duration = Duration::from_secs(60);

/// Three members below one folder, as the process runtime lays them out. Killed when dropped.
struct Lab {
    dir: tempfile::TempDir,
    cluster: Cluster,
    processes: BTreeMap<MemberName, Child>,
    knowledge: Knowledge,
    seen_files: SeenFiles,
}

/// Another test that forks while the binary is being copied holds it open for a moment: it is busy then.
pub(super) fn spawn(command: &mut Command) -> Child {
    for _ in 0..100 {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(20));
            }
            spawned => return spawned.unwrap(),
        }
    }
    panic!("{command:?} is busy for 2 s");
}

impl Drop for Lab {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn ports(count: usize) -> Vec<u16> {
    (0..count).map(|_| free_port()).collect()
}

/// How members are set up.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Arguments,
    ConfigFile,
    Tls,
}

impl Lab {
    fn start(version: &str, release: &Path, way: Way) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        if way == Way::Tls {
            certificates(&root);
        }
        let names = ["m1", "m2", "m3"];
        let ports = ports(6);
        let scheme = if way == Way::Tls { "https" } else { "http" };
        let url = |scheme: &str, port: u16| format!("{scheme}://127.0.0.1:{port}");
        let all: Vec<String> = (0..3).map(|at| format!("{}={}", names[at], url("http", ports[at + 3]))).collect();
        let mut processes = BTreeMap::new();
        let mut members = Vec::new();
        for (at, name) in names.into_iter().enumerate() {
            let home = root.join(name);
            std::fs::create_dir(&home).unwrap();
            let (client, peer) = (url(scheme, ports[at]), url("http", ports[at + 3]));
            let mut options = vec![
                ("name", name.to_owned()),
                ("data-dir", home.join("data").display().to_string()),
                ("listen-client-urls", client.clone()),
                ("advertise-client-urls", client),
                ("listen-peer-urls", peer.clone()),
                ("initial-advertise-peer-urls", peer),
                ("initial-cluster", all.join(",")),
            ];
            if way == Way::Tls {
                for (option, file) in
                    [("cert-file", "server.crt"), ("key-file", "server.key"), ("trusted-ca-file", "ca.crt")]
                {
                    options.push((option, root.join(file).display().to_string()));
                }
                options.push(("client-cert-auth", "true".to_owned()));
            }
            let args: Vec<String> = match way {
                Way::ConfigFile => {
                    let text: String = options.iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect();
                    std::fs::write(home.join("etcd.yml"), text).unwrap();
                    vec!["--config-file".to_owned(), home.join("etcd.yml").display().to_string()]
                }
                _ => options.iter().map(|(name, value)| format!("--{name}={value}")).collect(),
            };
            std::fs::copy(release.join("etcd"), home.join("etcd")).unwrap();
            std::fs::write(home.join("args"), args.join("\n")).unwrap();
            let log = std::fs::File::create(home.join("etcd.log")).unwrap();
            let mut command = Command::new(home.join("etcd"));
            command.args(&args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            let process = spawn(&mut command);
            std::fs::write(home.join("pid"), process.id().to_string()).unwrap();
            processes.insert(name.parse().unwrap(), process);
            members.push(member(name));
        }
        let cluster = cluster(version, members, &root);
        let (knowledge, seen_files) = (Knowledge::embedded().unwrap(), SeenFiles::default());
        Self { dir, cluster, processes, knowledge, seen_files }
    }

    fn options(&self) -> ObserveOptions<'_> {
        ObserveOptions {
            knowledge: &self.knowledge,
            seen_files: &self.seen_files,
            now: OffsetDateTime::now_utc(),
            nonce: "0123456789abcdef".to_owned(),
            probe_deadline: Duration::from_secs(10),
            etcd_deadline: Duration::from_secs(5),
            hashes: Toggle::On,
        }
    }

    async fn hosts(&self) -> BTreeMap<MemberName, Result<Host, String>> {
        let mut hosts = BTreeMap::new();
        for member in &self.cluster.members {
            let host = Host::connect(&member.connection, self.dir.path()).await.map_err(|error| error.to_string());
            hosts.insert(member.name.clone(), host);
        }
        hosts
    }

    /// Looks until all members are healthy, know a leader, and the cluster version is decided.
    async fn settled(&self) -> Observation {
        eventually("a settled cluster", PATIENCE, async || {
            let observation = observe(&self.cluster, &self.hosts().await, &self.options()).await;
            for member in &observation.inventory.members {
                match &member.etcd {
                    Seen::Unknown { why } => return Err(why.clone()),
                    Seen::Known(facts) => {
                        if let Some(said) = &facts.unhealthy {
                            return Err(format!("{}: {said}", member.name));
                        }
                        if facts.leader.is_none()
                            || facts.cluster_version.is_none()
                            || facts.members.iter().any(|listed| listed.name.is_empty())
                        {
                            return Err(format!("{}: {facts:?}", member.name));
                        }
                    }
                }
            }
            Ok(observation)
        })
        .await
    }
}

fn member(name: &str) -> Member {
    Member {
        name: name.parse().unwrap(),
        address: "127.0.0.1".to_owned(),
        connection: Connection::Local { become_: Become::No },
        client_url: None,
        peer_url: None,
        data_dir: None,
    }
}

fn cluster(version: &str, members: Vec<Member>, root: &Path) -> Cluster {
    Cluster {
        name: "real".parse().unwrap(),
        version: version.parse().unwrap(),
        via: BTreeMap::new(),
        members,
        runtime: Runtime::Process(Process { dir: root.display().to_string() }),
        releases: Vec::new(),
        client: ClientAccess::default(),
        settings: BTreeMap::new(),
        rollout: Rollout {
            soak: Span::default(),
            hold_before: None,
            on_failure: OnFailure::Halt,
            ready_timeout: Span::from_secs(60),
            stop_timeout: Span::from_secs(60),
            version_timeout: Span::from_secs(60),
            catch_up_timeout: Span::from_secs(60),
            gate_timeout: Span::from_secs(60),
            v2_settle: Span::default(),
            compare_hashes: Toggle::On,
            settings: SettingsPolicy::Keep,
            availability: Availability::default(),
        },
        backup: BackupPolicy { dir: PathBuf::from("/nowhere"), keep: 1, verify: Verify::Hash },
        rollback_points: RollbackPoints { enabled: Toggle::Off, max_size: Bytes(0) },
    }
}

fn certificates(root: &Path) {
    let script = "cd \"$1\" && \
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=ca \
            -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.crt && \
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=m1 -keyout server.key -out server.csr && \
        printf 'subjectAltName=DNS:m1.example,IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' >ext && \
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out server.crt";
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn looks_at(version: &str, way: Way) {
    let Some(release) = release(version) else { return };
    let lab = Lab::start(version, &release, way);
    let observation = lab.settled().await;
    one_look_is_few_exchanges(&lab, way).await;
    let expected: Version = version.parse().unwrap();
    let is_v3 = expected.minor().major() >= 3;
    for member in &observation.inventory.members {
        let host = member.host.known().unwrap();
        assert_eq!(host.notes, Vec::<String>::new());
        let facts = host.member.as_ref().unwrap();
        let home = lab.dir.path().canonicalize().unwrap().join(member.name.as_str());
        assert_eq!(facts.option("name").unwrap().value, member.name.as_str());
        assert_eq!(facts.data_dir.path, home.join("data").display().to_string());
        assert!(facts.data_dir.has_member && facts.data_dir.size.0 > 0);
        assert_eq!(facts.binary.version.as_ref(), Some(&expected));
        assert_eq!(facts.next_start, None);
        let process = host.processes.iter().find(|process| process.is_declared_member).unwrap();
        assert_eq!(process.exe_sha256, facts.binary.sha256);
        assert!(host.processes.len() >= 3);
        let etcd = member.etcd.known().unwrap();
        assert_eq!(etcd.server_version, expected);
        assert_eq!(etcd.members.len(), 3);
        assert_eq!(etcd.v3_keys, is_v3.then_some(0));
        assert_eq!(etcd.hash_kv.is_some(), expected.minor() >= "3.3".parse().unwrap());
        assert!(!etcd.auth_enabled.unwrap_or(false));
        match way {
            Way::ConfigFile => {
                assert!(matches!(facts.option("name").unwrap().source, OptionSource::ConfigFile { .. }));
            }
            Way::Tls => {
                let certificate = &facts.certificates[0];
                assert_eq!((certificate.problem.as_ref(), certificate.valid_now), (None, true));
                assert_eq!(
                    (certificate.dns_names[0].as_str(), certificate.ip_addresses[0].as_str()),
                    ("m1.example", "127.0.0.1")
                );
            }
            Way::Arguments => {}
        }
    }
    let mut lab = lab;
    what_was_read_is_believed_while_its_file_is_the_same(&mut lab, &observation).await;
    goes_down(lab, &observation).await;
}

/// The probe alone tells all; only certificates for the connection to etcd take a second exchange.
async fn one_look_is_few_exchanges(lab: &Lab, way: Way) {
    let hosts = lab.hosts().await;
    let begin = std::time::Instant::now();
    observe(&lab.cluster, &hosts, &lab.options()).await;
    println!("a look at three members on this machine: {:?}", begin.elapsed());
    for host in hosts.values() {
        let exchanges = host.as_ref().unwrap().round_trips();
        assert_eq!(exchanges, if way == Way::Tls { 2 } else { 1 });
    }
}

/// The next look says the same without reading the programs again; one that was touched is read.
async fn what_was_read_is_believed_while_its_file_is_the_same(lab: &mut Lab, before: &Observation) {
    let version = before.inventory.members[0].etcd.known().unwrap().server_version.to_string();
    let kept = String::from_utf8(before.seen_files.text()).unwrap();
    assert!(kept.contains(&version) && !kept.contains("2.9.99"), "{kept}");
    // Not what is in the file: that is how one sees where it comes from.
    lab.seen_files = SeenFiles::read(kept.replace(&version, "2.9.99").as_bytes());
    let touched = lab.dir.path().join("m1/etcd");
    Command::new("touch").args(["-c", "-d", "2020-01-02"]).arg(&touched).status().unwrap();
    let again = observe(&lab.cluster, &lab.hosts().await, &lab.options()).await;
    lab.seen_files = SeenFiles::default();
    for (then, now) in before.inventory.members.iter().zip(&again.inventory.members) {
        let binary = |view: &super::inventory::MemberView| {
            let host = view.host.known().unwrap();
            let process = host.processes.iter().find(|process| process.is_declared_member).unwrap();
            let file = host.member.as_ref().unwrap().binary.clone();
            (file.version.unwrap().to_string(), file.sha256, process.exe_sha256)
        };
        let (told, sha256, runs) = binary(now);
        assert_eq!(told, if now.name.as_str() == "m1" { version.as_str() } else { "2.9.99" }, "{}", now.name);
        assert_eq!((sha256, runs), (binary(then).1, binary(then).2));
    }
}

/// One member is killed: the others still answer, and the dead one is a fact with a reason.
async fn goes_down(mut lab: Lab, before: &Observation) {
    let gone: MemberName = "m2".parse().unwrap();
    let mut process = lab.processes.remove(&gone).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let last_versions: BTreeMap<MemberName, Version> = before
        .inventory
        .members
        .iter()
        .map(|member| (member.name.clone(), member.etcd.known().unwrap().server_version.clone()))
        .collect();
    let options = QuickOptions {
        knowledge: &lab.knowledge,
        health: Toggle::Off,
        deadline: Duration::from_secs(2),
        last_versions: &last_versions,
    };
    for (name, seen) in quick(&before.clients, &options).await {
        assert_eq!(seen.known().is_some(), name != gone, "{name}: {seen:?}");
    }
    let observation = observe(&lab.cluster, &lab.hosts().await, &lab.options()).await;
    let view = observation.inventory.member(&gone).unwrap();
    assert_eq!(view.etcd.why(), Some("m2 does not run on its host"));
    let host = view.host.known().unwrap();
    assert_eq!(host.managed.as_ref().unwrap().pid, None);
    // A stopped member is as well known as a running one: by the arguments it would be started with.
    let running = before.inventory.member(&gone).unwrap().host.known().unwrap();
    assert_eq!(host.member.as_ref().unwrap().options_sha256, running.member.as_ref().unwrap().options_sha256);
}

macro_rules! looks_at {
    ($($name:ident: $version:literal, $way:ident;)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            looks_at($version, Way::$way).await;
        })+
    };
}

looks_at! {
    sees_a_cluster_of_2_1: "2.1.1", Arguments;
    sees_a_cluster_of_2_2: "2.2.5", Arguments;
    sees_a_cluster_of_3_1: "3.1.20", Arguments;
    sees_a_cluster_of_3_1_with_tls: "3.1.20", Tls;
    sees_a_cluster_of_3_2_with_a_config_file: "3.2.32", ConfigFile;
    sees_a_cluster_of_3_4: "3.4.23", Arguments;
    sees_a_cluster_of_3_6_with_tls: "3.6.14", Tls;
    sees_a_cluster_of_3_7: "3.7.1", ConfigFile;
}

#[tokio::test]
async fn a_host_that_was_not_reached_is_a_fact() {
    let knowledge = Knowledge::embedded().unwrap();
    let cluster = cluster("3.1.20", vec![member("m1")], Path::new("/nowhere"));
    let options = ObserveOptions {
        knowledge: &knowledge,
        seen_files: &SeenFiles::default(),
        now: OffsetDateTime::UNIX_EPOCH,
        nonce: "n".to_owned(),
        probe_deadline: Duration::from_secs(5),
        etcd_deadline: Duration::from_secs(1),
        hashes: Toggle::Off,
    };
    let hosts = BTreeMap::from([("m1".parse().unwrap(), Err("no route to host".to_owned()))]);
    let observation = observe(&cluster, &hosts, &options).await;
    assert_eq!(observation.inventory.taken_at, "1970-01-01T00:00:00Z");
    assert_eq!(observation.inventory.members[0].host.why(), Some("no route to host"));
    assert!(observation.clients.is_empty());
}
