//! What the product sees of the model: an `Inventory` for the planner, a `Look` for the gates. Both are made of the truth
//! as far as it can be seen; what cannot be reached is unknown.

use std::collections::{BTreeMap, BTreeSet};

use crate::execute::gates::Look;
use crate::observe::inventory::{
    Alarm, BinaryFacts, DataDirFacts, Device, EtcdFacts, EtcdProcess, HashKv, HostFacts, Inventory, ListedMember,
    MemberFacts, MemberView, RollbackPointFacts, Seen, SnapFile, UnitFacts,
};
use crate::plan::model::Gate;
use crate::sim::beside::{point_path, run_id};
use crate::sim::member::{Member, Point};
use crate::sim::raft::UNDECIDED;
use crate::sim::scenario::DATA_SIZE;
use crate::sim::world::{MemberNo, World};
use crate::spec::model::{Cluster, Runtime};
use crate::units::{Bytes, ClusterId, MemberId, MemberName, RaftIndex, RaftTerm, Revision, Sha256, Version};

/// Members that somebody adds have ids from here on.
const ADDED: u64 = 0xdead_0000;

pub const DATA_DIR: &str = "/var/lib/etcd";

/// Keeps between two looks what is the same in both.
#[derive(Default)]
pub struct Renderer {
    look: Look,
    listed: Option<(crate::sim::promises::Listed, Vec<ListedMember>)>,
}

fn silence(world: &World, no: MemberNo) -> String {
    if world.reachable(no) { "nothing listens on its client port".to_owned() } else { "no route to host".to_owned() }
}

fn listed(world: &World) -> Vec<ListedMember> {
    let own = world.members.iter().enumerate().map(|(no, member)| ListedMember {
        id: member.id,
        name: member.name.to_string(),
        peer_urls: vec![format!("http://10.{}.0.{}:2380", u8::from(world.moved[no]), 11 + no)],
        client_urls: vec![format!("http://10.0.0.{}:2379", 11 + no)],
        is_learner: false,
    });
    let added = |number: usize, is_learner: bool| ListedMember {
        id: MemberId(ADDED + number as u64 + if is_learner { 100 } else { 0 }),
        name: String::new(),
        peer_urls: vec![format!("http://10.9.9.{number}:2380")],
        client_urls: Vec::new(),
        is_learner,
    };
    let voters = (0..world.added_voters).map(|number| added(number, false));
    let learners = (0..world.added_learners).map(|number| added(number, true));
    own.chain(voters).chain(learners).collect()
}

/// etcd says that it is healthy when a write of its own gets through. Where exactly a quorum runs, and one of it still takes in
/// what the leader has, none does.
fn gets_writes_through(world: &World) -> bool {
    let data = world.leader().map(|leader| &world.members[leader].data);
    !world.promises.replacing.is_open || data.is_some_and(|data| data.applied().term == data.term)
}

fn unhealthy(world: &World, no: MemberNo) -> Option<String> {
    let by_alarm = world.members[no].runs().is_some_and(|release| world.releases[release].false_on_alarm);
    if !world.is_healthy(no) || !gets_writes_through(world) || (world.alarm.is_some() && by_alarm) {
        return Some("{\"health\":\"false\"}".to_owned());
    }
    None
}

fn alarms(world: &World) -> Vec<Alarm> {
    let alarm = world.alarm.map(|(no, kind)| Alarm { member: world.members[no].id, kind: kind.to_owned() });
    alarm.into_iter().collect()
}

/// Everything that a member answers and that moves.
fn refresh(world: &World, no: MemberNo, facts: &mut EtcdFacts) {
    let member = &world.members[no];
    let (Some(node), Some(release)) = (member.node(), member.runs().map(|release| &world.releases[release])) else {
        return;
    };
    let applied = member.data.applied();
    let index = RaftIndex(member.data.commit as u64 * world.scale);
    facts.leader = node.leader.map(|leader| world.members[leader].id);
    facts.raft_term = Some(RaftTerm(u64::from(member.data.term)));
    facts.raft_index = Some(index);
    facts.raft_applied_index = release.applied_index.then_some(index);
    facts.revision = release.v3.then_some(Revision(applied.revision));
    facts.unhealthy = unhealthy(world, no);
    if facts.server_version != release.version {
        facts.server_version = release.version.clone();
    }
    let minor = Some(applied.cluster_version).filter(|minor| *minor != UNDECIDED);
    if facts.cluster_version.as_ref().map(Version::minor) != minor {
        facts.cluster_version = minor.map(|minor| Version::new(minor.major(), minor.number(), 0));
    }
    let storage = member.data.storage.filter(|_| release.storage_version);
    if facts.storage_version.as_ref().map(Version::minor) != storage {
        facts.storage_version = storage.map(|minor| Version::new(minor.major(), minor.number(), 0));
    }
    facts.downgrade_to = applied.downgrade.filter(|_| release.downgrade_api);
    if facts.alarms.len() != usize::from(world.alarm.is_some()) {
        facts.alarms = alarms(world);
    }
}

fn etcd(world: &World, no: MemberNo, members: &[ListedMember]) -> EtcdFacts {
    let member = &world.members[no];
    let release = &world.releases[member.runs().unwrap_or(0)];
    let mut facts = EtcdFacts {
        member_id: member.id,
        cluster_id: cluster_id(member.data.cluster),
        server_version: release.version.clone(),
        cluster_version: None,
        storage_version: None,
        downgrade_to: None,
        unhealthy: None,
        leader: None,
        raft_term: None,
        raft_index: None,
        raft_applied_index: None,
        revision: None,
        db_size: release.v3.then(|| Bytes::mebi(41)),
        db_size_in_use: None,
        is_learner: false,
        members: members.to_vec(),
        alarms: Vec::new(),
        v2_keys: release.v2.then_some(if release.v3 { 0 } else { 1_204 }),
        v3_keys: release.v3.then_some(12_000),
        hash_kv: None,
        auth_enabled: Some(false),
        denied: None,
    };
    refresh(world, no, &mut facts);
    facts
}

impl Renderer {
    fn members(&mut self, world: &World) -> &[ListedMember] {
        let now = world.listed();
        if self.listed.as_ref().is_none_or(|(then, _)| *then != now) {
            self.listed = Some((now, listed(world)));
            self.look.members.clear();
        }
        self.listed.as_ref().map_or(&[], |(_, members)| members)
    }

    /// The look that was taken last.
    pub fn last(&self) -> &Look {
        &self.look
    }

    /// How far a member was when it was seen last.
    pub fn raft_index(&self, world: &World, no: MemberNo) -> Option<RaftIndex> {
        let facts = self.look.members.get(&world.members[no].name)?.known()?;
        facts.raft_applied_index.or(facts.raft_index)
    }

    /// One look at all members.
    pub fn look(&mut self, world: &World, gates: &[Gate]) -> &Look {
        self.members(world);
        let members = self.listed.as_ref().map_or(&[][..], |(_, members)| members);
        for (no, member) in world.members.iter().enumerate() {
            let answers = world.answers(no);
            match self.look.members.get_mut(&member.name) {
                Some(Seen::Known(facts)) if answers => refresh(world, no, facts),
                Some(Seen::Unknown { .. }) if !answers => {}
                _ => {
                    let seen = if answers {
                        Seen::Known(etcd(world, no, members))
                    } else {
                        Seen::Unknown { why: silence(world, no) }
                    };
                    self.look.members.insert(member.name.clone(), seen);
                }
            }
        }
        self.processes(world, gates);
        &self.look
    }

    /// The process of each member that a gate is about.
    fn processes(&mut self, world: &World, gates: &[Gate]) {
        self.look.dead.clear();
        self.look.running.clear();
        for gate in gates {
            let Gate::RunsVersion { member: name, .. } = gate else { continue };
            let Some(no) = number_of(world, name).filter(|&no| world.reachable(no)) else { continue };
            match world.members[no].runs() {
                Some(release) => {
                    self.look.running.insert(name.clone(), world.releases[release].digest);
                }
                None => {
                    self.look.dead.insert(name.clone());
                }
            }
        }
    }

    /// One look at everything, for a plan.
    pub fn inventory(&mut self, world: &World, cluster: &Cluster) -> Inventory {
        let members = self.members(world).to_vec();
        let hashes = hashes(world, cluster);
        let view = |no: MemberNo| {
            let member = &world.members[no];
            let etcd = if world.answers(no) {
                let mut facts = etcd(world, no, &members);
                facts.hash_kv = hashes.get(no).copied().flatten();
                Seen::Known(facts)
            } else {
                Seen::Unknown { why: silence(world, no) }
            };
            let host = if world.reachable(no) {
                Seen::Known(host(world, no, &cluster.runtime))
            } else {
                Seen::Unknown { why: "no route to host".to_owned() }
            };
            MemberView { name: member.name.clone(), host_label: format!("host of {}", member.name), host, etcd }
        };
        Inventory {
            cluster: cluster.name.clone(),
            taken_at: String::new(),
            members: (0..world.members.len()).map(view).collect(),
        }
    }
}

pub fn number_of(world: &World, name: &MemberName) -> Option<MemberNo> {
    world.members.iter().position(|member| member.name == *name)
}

/// What the declared comparison of data asks for: `HashKV` of all at one revision.
fn hashes(world: &World, cluster: &Cluster) -> Vec<Option<HashKv>> {
    let all: Vec<MemberNo> = (0..world.members.len()).filter(|&no| world.answers(no)).collect();
    let able = |no: &MemberNo| world.members[*no].runs().is_some_and(|release| world.releases[release].hash_kv);
    if cluster.rollout.compare_hashes == crate::spec::model::Toggle::Off || !all.iter().all(able) {
        return Vec::new();
    }
    let lowest = all.iter().map(|&no| world.members[no].data.applied().revision).min().unwrap_or(1);
    let hash = |no: MemberNo| {
        let digest = world.members[no].data.digest_at(lowest).filter(|_| world.answers(no))?;
        Some(HashKv { revision: Revision(lowest), hash: fold(digest), compact_revision: Revision(0) })
    };
    (0..world.members.len()).map(hash).collect()
}

/// As short as etcd's.
pub fn fold(digest: u64) -> u32 {
    u32::try_from((digest ^ (digest >> 32)) & u64::from(u32::MAX)).unwrap_or(0)
}

fn host(world: &World, no: MemberNo, runtime: &Runtime) -> HostFacts {
    let member = &world.members[no];
    let systemd = matches!(runtime, Runtime::Systemd(_));
    let process = member.process.as_ref().map(|process| EtcdProcess {
        pid: process.pid,
        started: u64::from(process.pid),
        exe: "/usr/bin/etcd".to_owned(),
        exe_replaced: member.binary != Some(process.release),
        exe_sha256: Some(world.releases[process.release].digest),
        unit: systemd.then(|| "etcd.service".to_owned()),
        user: "etcd".to_owned(),
        data_dir: Some(DATA_DIR.to_owned()),
        name: Some(member.name.to_string()),
        is_declared_member: true,
    });
    let in_store = world.releases.iter().enumerate().filter(|(release, _)| member.has_in_store(*release));
    HostFacts {
        hostname: format!("db{no}"),
        arch: "amd64".to_owned(),
        os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        systemd,
        unit: systemd.then(|| unit(member.unit_enabled, process.is_some())),
        processes: process.into_iter().collect(),
        managed: None,
        member: Some(facts(world, no)),
        store_free: Some(free(world, no)),
        store_device: Some(DISK),
        scratch_free: Some(free(world, no)),
        scratch_device: Some(DISK),
        staged: in_store.map(|(_, release)| (release.version.clone(), release.digest)).collect::<BTreeMap<_, _>>(),
        data_without_member: None,
        kept_settings: member.settings.kept.clone(),
        listening: BTreeSet::new(),
        notes: Vec::new(),
    }
}

/// Each host has one disk.
const DISK: Device = Device(1);

fn free(world: &World, no: MemberNo) -> Bytes {
    if world.disk_is_full(no) { Bytes(0) } else { Bytes::mebi(20 * 1024) }
}

fn unit(enabled: bool, active: bool) -> UnitFacts {
    UnitFacts {
        name: "etcd.service".to_owned(),
        load_state: "loaded".to_owned(),
        active_state: if active { "active" } else { "inactive" }.to_owned(),
        sub_state: if active { "running" } else { "dead" }.to_owned(),
        file_state: if enabled { "enabled" } else { "disabled" }.to_owned(),
        main_pid: active.then_some(700),
        need_daemon_reload: false,
        kind: "notify".to_owned(),
        restart: "on-failure".to_owned(),
        fragment_path: None,
        drop_ins: Vec::new(),
        timeout_stop_us: Some(90_000_000),
        sha256: Some(Sha256([1; 32])),
    }
}

/// Each restore makes another one.
fn cluster_id(number: u32) -> ClusterId {
    ClusterId(0xc0ff_ee00 + u64::from(number))
}

fn point_facts(world: &World, member: &Member, point: &Point) -> RollbackPointFacts {
    RollbackPointFacts {
        path: point_path(&world.releases, point),
        wal_path: None,
        member: member.name.clone(),
        run: run_id(point.run),
        version: world.releases[point.version].version.clone(),
        taken_at: format!("{:012}", point.taken_at),
        raft_index: point.raft_index,
        cluster_id: Some(cluster_id(point.data.cluster)),
        changed_since: false,
        files: 3,
        files_then: Some(3),
    }
}

fn facts(world: &World, no: MemberNo) -> MemberFacts {
    let member = &world.members[no];
    let binary = member.binary.map(|release| &world.releases[release]);
    MemberFacts {
        binary: BinaryFacts {
            path: "/usr/bin/etcd".to_owned(),
            link_target: None,
            version: binary.map(|release| release.version.clone()),
            sha256: binary.map(|release| release.digest),
            print: None,
            size: Some(Bytes(17_000_000)),
            owner: "root:root".to_owned(),
            mode: "755".to_owned(),
            free: Some(free(world, no)),
            device: Some(DISK),
        },
        options: member.settings.options(),
        config_file: None,
        args: member.settings.args(),
        options_sha256: Sha256::of(member.settings.text.as_bytes()),
        data_dir: DataDirFacts {
            path: DATA_DIR.to_owned(),
            has_member: member.has_data,
            owner: "etcd:etcd".to_owned(),
            mode: "700".to_owned(),
            size: DATA_SIZE,
            db_size: Some(Bytes::mebi(41)),
            newest_snap: Some(SnapFile { size: world.v2_size, index: RaftIndex(1) }),
            wal_dir: None,
            wal_size: None,
            free: free(world, no),
            device: Some(DISK),
            file_system: "ext4".to_owned(),
            rollback_points: member.points.iter().map(|point| point_facts(world, member, point)).collect(),
            // A note holds only strings, numbers, lists and maps with string keys: it always serializes.
            replacing: member.beside.note.as_ref().and_then(|note| serde_json::to_string(note).ok()),
        },
        certificates: Vec::new(),
        next_start: None,
        files: member.settings.files(),
    }
}
