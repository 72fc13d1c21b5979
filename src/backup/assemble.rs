//! A whole cluster out of a v2 backup, made on the controller before anything is stopped: the first member is started from
//! the backup by `--force-new-cluster`, the others are added to it one by one, and last of all each gets its real peer URLs.
//! Then all are ended, and each data directory is packed for its host. There the members find each other as any cluster
//! does that was down.
//!
//! Three things are not in the books:
//!
//! - The identity is made anew for each assembly (`etcdctl backup` of the backup): two clusters from one backup must not take
//!   each other's messages.
//! - The log in the backup has no v3 entries. So the first takes a raft snapshot and is started once more: from then on it
//!   sends those who are added the snapshot with the database in it, not the log.
//! - Peer URLs are changed while the connections between the members stand, the leader's last, and each member must say that
//!   it knows all of them before it is ended.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::examine::{Examined, unpack};
use super::open::Opened;
use super::pack::{Packed, pack};
use super::trial::{
    ASK, KEEPER, KEEPER_HEAD, Release, bare, deadline_for, dialer_to, lead_nowhere, path_text, run_v2, tail,
};
use super::{BackupError, Tools, v2_compare};
use crate::etcd::{Client, Consistency, Endpoint, EtcdError};
use crate::observe::inventory::ListedMember;
use crate::units::{MemberId, MemberName, Revision};

/// How often all of it is begun again because somebody else took a port.
const PORT_ATTEMPTS: u32 = 3;
/// Raft entries between two raft snapshots of the first member, so that it takes one soon.
const SNAPSHOT_COUNT: &str = "10";
/// Most quorum reads, each an entry, that are made for a raft snapshot.
const MOST_READS: u32 = 400;
/// How far members may be apart, in raft entries, and count as caught up.
const NEAR: u64 = 1;

/// A cluster to be made.
pub struct Assembly<'a> {
    pub opened: &'a Opened,
    pub examined: &'a Examined,
    pub tools: &'a Tools<'a>,
    /// With their real peer URLs.
    pub members: &'a [(MemberName, Vec<String>)],
    /// Where it is made; on the same file system as `out`.
    pub scratch: &'a Path,
    /// Where the packed data directories go, as `NAME.tar.gz`.
    pub out: &'a Path,
}

/// One member's data directory, packed for its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assembled {
    pub member: MemberName,
    pub packed: Packed,
}

/// Makes the cluster, proves that every member holds what the backup holds, packs it.
pub async fn assemble(assembly: &Assembly<'_>) -> Result<Vec<Assembled>, BackupError> {
    let release = Release::find(assembly.tools).await?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let place = tempfile::Builder::new()
            .prefix("assembly-")
            .tempdir_in(assembly.scratch)
            .map_err(|error| BackupError::file(assembly.scratch, &error))?;
        match attempt_in(assembly, &release, place.path()).await {
            Err(BackupError::Assembly { log, .. })
                if attempt < PORT_ATTEMPTS && log.contains("address already in use") => {}
            result => return result,
        }
    }
}

async fn attempt_in(assembly: &Assembly<'_>, release: &Release, place: &Path) -> Result<Vec<Assembled>, BackupError> {
    let unpacked = place.join("backup");
    let size = unpack(assembly.opened, &unpacked).await?;
    let mut cluster = Scratch { release, place, limit: deadline_for(size), nodes: Vec::new() };
    cluster.found(assembly, &unpacked).await?;
    for (name, _) in assembly.members.iter().skip(1) {
        cluster.join(name).await?;
    }
    cluster.check(assembly).await?;
    cluster.give_real_urls(assembly.members).await?;
    let data_dirs = cluster.end().await?;
    let mut assembled = Vec::new();
    for (member, data_dir) in data_dirs {
        let packed = pack(&data_dir, &assembly.out.join(format!("{member}.tar.gz"))).await?;
        assembled.push(Assembled { member, packed });
    }
    Ok(assembled)
}

/// The cluster while it is made: nobody but us knows where it listens.
struct Scratch<'a> {
    release: &'a Release,
    place: &'a Path,
    limit: Duration,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    /// The log of one member becomes a cluster of one.
    ForceNewCluster,
    Existing,
}

/// One member of it. Killed when dropped.
struct Node {
    name: MemberName,
    data_dir: PathBuf,
    client_address: SocketAddr,
    peer_url: String,
    client: Client,
    process: Option<Child>,
    log: PathBuf,
}

impl Scratch<'_> {
    /// The first member: from the backup, with a raft snapshot, and reachable for others.
    async fn found(&mut self, assembly: &Assembly<'_>, unpacked: &Path) -> Result<(), BackupError> {
        let Some((name, _)) = assembly.members.first() else { return Err(BackupError::Nothing) };
        let mut node = self.node(name)?;
        self.renew_identity(unpacked, &node.data_dir).await?;
        node.launch(self, Join::ForceNewCluster)?;
        self.await_barrier(&mut node).await?;
        self.await_raft_snapshot(&mut node).await?;
        node.end(self.limit).await?;
        node.launch(self, Join::Existing)?;
        self.await_barrier(&mut node).await?;
        // It says of itself that it is at http://localhost:2380: a member that is added before this is set dies.
        let id = node.client.v2_status().await?.member_id;
        node.client.v2_update_member(id, std::slice::from_ref(&node.peer_url)).await?;
        self.nodes.push(node);
        Ok(())
    }

    fn node(&self, name: &MemberName) -> Result<Node, BackupError> {
        let wrong = |error: std::io::Error| BackupError::file(self.place, &error);
        // Both held at once, so that they differ.
        let taken = [(Ipv4Addr::LOCALHOST, 0); 2].map(TcpListener::bind);
        let [client, peer] = taken;
        let (client, peer) = (client.map_err(wrong)?, peer.map_err(wrong)?);
        let client_address = client.local_addr().map_err(wrong)?;
        let peer_url = format!("http://{}", peer.local_addr().map_err(wrong)?);
        let client = Client::new(Endpoint {
            label: format!("{name} of the cluster that is made here"),
            dial: dialer_to(client_address),
            tls: None,
            login: self.release.login.clone(),
            deadline: self.limit,
        });
        let (data_dir, log) = (self.place.join(name.as_str()), self.place.join(format!("{name}.log")));
        Ok(Node { name: name.clone(), data_dir, client_address, peer_url, client, process: None, log })
    }

    /// The same backup under ids of its own; the database, which etcdctl leaves out, is moved along.
    async fn renew_identity(&self, from: &Path, to: &Path) -> Result<(), BackupError> {
        let args = ["backup", "--data-dir", path_text(from)?, "--backup-dir", path_text(to)?];
        let etcdctl = self.release.dir.join("etcdctl");
        run_v2(&etcdctl, &args, self.limit).await?;
        let snap = to.join("member/snap");
        tokio::fs::create_dir_all(&snap).await.map_err(|error| BackupError::file(&snap, &error))?;
        let db = from.join("member/snap/db");
        match tokio::fs::rename(&db, snap.join("db")).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(BackupError::file(&db, &error)),
            _ => Ok(()),
        }
    }

    async fn await_barrier(&self, node: &mut Node) -> Result<(), BackupError> {
        let end = Instant::now() + self.limit;
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            node.must_run(self.release)?;
            match node.client.v2_barrier().await {
                Ok(()) => return Ok(()),
                Err(error @ EtcdError::Denied { .. }) => return Err(BackupError::of_copy(error)),
                Err(error) if Instant::now() >= end => return Err(node.error(self.release, &error.to_string())),
                Err(_) => {}
            }
        }
    }

    /// Quorum reads are raft entries that change nothing: after some of them there is a raft snapshot of all that was before.
    async fn await_raft_snapshot(&self, node: &mut Node) -> Result<(), BackupError> {
        let (snap, before) = (node.data_dir.join("member/snap"), node.client.v2_status().await?.raft_index);
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..MOST_READS {
            tick.tick().await;
            node.must_run(self.release)?;
            node.client.v2_barrier().await?;
            if newest_raft_snapshot(&snap).is_some_and(|index| index > before.0) {
                return Ok(());
            }
        }
        Err(node.error(self.release, "it took no raft snapshot"))
    }

    /// Adds one more, and waits until it has caught up and all see one leader.
    async fn join(&mut self, name: &MemberName) -> Result<(), BackupError> {
        let mut node = self.node(name)?;
        let end = Instant::now() + self.limit;
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tick.tick().await;
            let Some(first) = self.nodes.first_mut() else { return Err(BackupError::Nothing) };
            first.must_run(self.release)?;
            // Refused while there is no leader: an added member changes what a quorum is.
            match first.client.v2_add_member(std::slice::from_ref(&node.peer_url)).await {
                Ok(()) => break,
                Err(error) if Instant::now() >= end => return Err(first.error(self.release, &error.to_string())),
                Err(_) => {}
            }
        }
        self.await_listed(&node.peer_url).await?;
        node.launch(self, Join::Existing)?;
        self.nodes.push(node);
        self.await_agreement().await
    }

    /// Until every member's list has the one that was added: it asks any of them for the list when it starts, and ends
    /// where it is not in it yet ("member count is unequal").
    async fn await_listed(&mut self, peer_url: &str) -> Result<(), BackupError> {
        let end = Instant::now() + self.limit;
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        for node in &mut self.nodes {
            loop {
                tick.tick().await;
                node.must_run(self.release)?;
                let listed = node.client.v2_members().await;
                let has = |one: &ListedMember| one.peer_urls.iter().any(|url| url == peer_url);
                if listed.as_ref().is_ok_and(|listed| listed.members.iter().any(has)) {
                    break;
                }
                if Instant::now() >= end {
                    let why = listed.err().map_or_else(
                        || format!("its list of members lacks the one at {peer_url}"),
                        |error| error.to_string(),
                    );
                    return Err(node.error(self.release, &why));
                }
            }
        }
        Ok(())
    }

    async fn await_agreement(&mut self) -> Result<(), BackupError> {
        let end = Instant::now() + self.limit;
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let mut seen = Vec::new();
            let mut problem = None;
            for node in &mut self.nodes {
                node.must_run(self.release)?;
                match node.client.v2_barrier().await.and(node.client.v2_status().await) {
                    Ok(status) => seen.push((status.leader, status.raft_index.0)),
                    Err(error) => problem = Some(error.to_string()),
                }
            }
            let indexes = seen.iter().map(|(_, index)| *index);
            let apart = indexes.clone().max().unwrap_or_default() - indexes.min().unwrap_or_default();
            // Each barrier is two entries that those who were asked before had not seen.
            let near = apart <= NEAR + 2 * self.nodes.len() as u64;
            let one_leader =
                seen.iter().all(|(leader, _)| leader.is_some() && Some(leader) == seen.first().map(|s| &s.0));
            if seen.len() == self.nodes.len() && near && one_leader {
                return Ok(());
            }
            if Instant::now() >= end {
                let why = problem.unwrap_or_else(|| "the members do not agree on a leader".to_owned());
                return match self.nodes.last() {
                    Some(node) => Err(node.error(self.release, &why)),
                    None => Err(BackupError::Nothing),
                };
            }
        }
    }

    /// Every member holds what the backup holds, key by key.
    async fn check(&self, assembly: &Assembly<'_>) -> Result<(), BackupError> {
        for node in &self.nodes {
            if let Some(expected) = &assembly.examined.v2 {
                let tree = node.client.v2_tree(Consistency::Linearizable).await?;
                v2_compare::holds(expected, &tree)
                    .map_err(|problem| BackupError::V2Differs { problem: format!("{}: {problem}", node.name) })?;
            }
            if let Some(v3) = &assembly.examined.v3
                && let Some(keys) = &v3.keys
            {
                let found = node.client.digest_at(Some(v3.revision)).await?;
                if found.digest != keys.digest {
                    return Err(differs(&node.name, v3.revision, found.keys, keys.keys));
                }
            }
        }
        Ok(())
    }

    /// The leader's last: the connections to the others stand, so that each hears of all changes.
    async fn give_real_urls(&mut self, members: &[(MemberName, Vec<String>)]) -> Result<(), BackupError> {
        let Some(first) = self.nodes.first() else { return Err(BackupError::Nothing) };
        let status = first.client.v2_status().await?;
        let listed = first.client.v2_members().await?.members;
        let id_of = |name: &MemberName| listed.iter().find(|one| one.name == name.as_str()).map(|one| one.id);
        let mut order: Vec<(MemberId, &[String])> =
            members.iter().filter_map(|(name, urls)| Some((id_of(name)?, urls.as_slice()))).collect();
        order.sort_by_key(|(id, _)| Some(*id) == status.leader);
        let leader = self.nodes.iter().find(|node| status.leader.is_some() && id_of(&node.name) == status.leader);
        let Some(leader) = leader.filter(|_| order.len() == members.len()) else {
            return Err(first.error(self.release, "not every member is listed, or none leads"));
        };
        for (id, urls) in order {
            leader.client.v2_update_member(id, urls).await?;
        }
        self.await_real_urls(members).await
    }

    async fn await_real_urls(&mut self, members: &[(MemberName, Vec<String>)]) -> Result<(), BackupError> {
        let end = Instant::now() + self.limit;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            let mut behind = None;
            for node in &self.nodes {
                match node.client.v2_members().await {
                    Ok(list) if are_listed(members, &list.members) => {}
                    Ok(_) => behind = Some((node, "it does not know all peer URLs".to_owned())),
                    Err(error) => behind = Some((node, error.to_string())),
                }
            }
            match behind {
                None => return Ok(()),
                Some((node, why)) if Instant::now() >= end => return Err(node.error(self.release, &why)),
                Some(_) => {}
            }
        }
    }

    /// Ends them one after the other, the leader first: it hands over to another that is still there.
    async fn end(&mut self) -> Result<Vec<(MemberName, PathBuf)>, BackupError> {
        let mut data_dirs = Vec::new();
        while !self.nodes.is_empty() {
            let leader = match self.nodes.first() {
                Some(node) => node.client.v2_status().await.ok().and_then(|status| status.leader),
                None => None,
            };
            let mut at = 0;
            for (place, node) in self.nodes.iter().enumerate() {
                let id = node.client.v2_status().await.ok().map(|status| status.member_id);
                if id.is_some() && id == leader {
                    at = place;
                }
            }
            let mut node = self.nodes.remove(at);
            node.end(self.limit).await?;
            data_dirs.push((node.name.clone(), node.data_dir.clone()));
        }
        data_dirs.sort();
        Ok(data_dirs)
    }

    /// `--initial-cluster` of the next one.
    fn initial_cluster(&self, next: &Node) -> String {
        let all = self.nodes.iter().chain(std::iter::once(next));
        all.map(|node| format!("{}={}", node.name, node.peer_url)).collect::<Vec<_>>().join(",")
    }
}

fn differs(member: &MemberName, revision: Revision, found: u64, expected: u64) -> BackupError {
    BackupError::Differs {
        what: "keys of the cluster that was made of it",
        restored: format!("{member}: {found} keys at revision {revision}"),
        live: format!("{expected} keys, or others, in the backup"),
    }
}

fn are_listed(members: &[(MemberName, Vec<String>)], listed: &[ListedMember]) -> bool {
    let sorted = |urls: &[String]| {
        let mut urls = urls.to_vec();
        urls.sort();
        urls
    };
    members.len() == listed.len()
        && members.iter().all(|(name, urls)| {
            listed.iter().any(|one| one.name == name.as_str() && sorted(&one.peer_urls) == sorted(urls))
        })
}

/// The raft index of the newest `.snap` file.
fn newest_raft_snapshot(folder: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            u64::from_str_radix(name.strip_suffix(".snap")?.split_once('-')?.1, 16).ok()
        })
        .max()
}

impl Node {
    fn launch(&mut self, cluster: &Scratch<'_>, join: Join) -> Result<(), BackupError> {
        let wrong = |error: std::io::Error| BackupError::file(&self.log, &error);
        let log_file = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).map_err(wrong)?;
        let mut command: Command = bare(Path::new("/bin/sh"));
        let client_url = format!("http://{}", self.client_address);
        command
            .args(["-c", &[KEEPER_HEAD, "beside=\n", KEEPER].concat(), "quorate-assembly", ""])
            .arg(cluster.release.dir.join("etcd"))
            .args(["--name", self.name.as_str(), "--data-dir"])
            .arg(&self.data_dir)
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &self.peer_url, "--initial-advertise-peer-urls", &self.peer_url])
            .args(["--initial-cluster", &cluster.initial_cluster(self), "--initial-cluster-state", "existing"]);
        if join == Join::ForceNewCluster {
            command.args(["--force-new-cluster", "--snapshot-count", SNAPSHOT_COUNT]);
        }
        lead_nowhere(&mut command);
        command
            .current_dir(cluster.place)
            .stdin(Stdio::piped())
            .stdout(log_file.try_clone().map_err(wrong)?)
            .stderr(log_file);
        let process = command
            .spawn()
            .map_err(|error| BackupError::CannotRun { program: "/bin/sh".into(), reason: error.to_string() })?;
        self.process = Some(process);
        Ok(())
    }

    fn must_run(&mut self, release: &Release) -> Result<(), BackupError> {
        match self.process.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => Err(self.error(release, &format!("it ended ({status})"))),
            _ => Ok(()),
        }
    }

    fn error(&self, release: &Release, reason: &str) -> BackupError {
        BackupError::Assembly {
            member: self.name.clone(),
            version: release.version.clone(),
            reason: reason.to_owned(),
            log: tail(&self.log),
        }
    }

    /// By SIGTERM, so that everything is on the disk; what hangs is killed with its keeper.
    async fn end(&mut self, limit: Duration) -> Result<(), BackupError> {
        self.client.close().await;
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let mut stdin = process.stdin.take();
        if let Some(stdin) = &mut stdin {
            // Where it has ended already, nobody reads this.
            let _ = stdin.write_all(b"end\n").await;
            let _ = stdin.flush().await;
        }
        if tokio::time::timeout(limit, process.wait()).await.is_ok() {
            return Ok(());
        }
        drop(stdin);
        let _ = tokio::time::timeout(ASK, process.wait()).await;
        Err(BackupError::File { path: self.data_dir.clone(), reason: format!("etcd did not end within {limit:?}") })
    }
}
