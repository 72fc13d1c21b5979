//! What was seen of a cluster, and what could not be seen. Plain data: the planner's view of the world.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::observe::settings::{KeptSettings, SettingsFile};
use crate::units::{
    Bytes, ClusterId, ClusterName, MemberId, MemberName, Minor, RaftIndex, RaftTerm, Revision, Sha256, Version,
};

/// Something that may not have been visible. The reason is a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen<T> {
    Known(T),
    Unknown { why: String },
}

/// How the reason begins why a member's answers are not known, where it was not asked at all.
pub const NOT_ASKED: &str = "etcd was not asked: ";

/// How it begins where the member did not let us in: what it said, and what to do, follows.
pub const NOT_LET_IN: &str = "it does not let us in: ";

impl<T> Seen<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { why } => Some(why),
        }
    }
}

/// One look at a declared cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    pub cluster: ClusterName,
    /// When the look was taken, RFC 3339 in UTC; for people. No decision rests on it.
    pub taken_at: String,
    /// One for each declared member, in the order of the spec.
    pub members: Vec<MemberView>,
}

impl Inventory {
    pub fn member(&self, name: &MemberName) -> Option<&MemberView> {
        self.members.iter().find(|member| &member.name == name)
    }
}

/// A declared member and its host, as seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    pub name: MemberName,
    /// How the host is called in messages: `root@10.0.0.1`, `local`.
    pub host_label: String,
    pub host: Seen<HostFacts>,
    /// What etcd itself answers; `Unknown` when it does not run or does not answer.
    pub etcd: Seen<EtcdFacts>,
}

/// The number of the device that a file system is on: places with the same one, on one host, share its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Device(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    pub hostname: String,
    /// As releases name it: `amd64`, `arm64`, `ppc64le`, `s390x`; else what `uname -m` says.
    pub arch: String,
    pub os: String,
    /// Whether systemd is the init system of the host.
    pub systemd: bool,
    /// Every process on the host that looks like etcd, the declared one or not.
    pub processes: Vec<EtcdProcess>,
    /// The unit of the spec (systemd runtime).
    pub unit: Option<UnitFacts>,
    /// What the `process` runtime keeps for this member, when it is there.
    pub managed: Option<ManagedProcess>,
    /// The member's own: configuration, binary, data. `None` when nothing on the host looks like the declared member.
    pub member: Option<MemberFacts>,
    /// Free space where staged and kept binaries go (`/usr/local/lib/quorate`, or the process runtime's folder).
    pub store_free: Option<Bytes>,
    pub store_device: Option<Device>,
    /// Free space in `/var/tmp`, where a v2 backup is made before it is pulled.
    pub scratch_free: Option<Bytes>,
    pub scratch_device: Option<Device>,
    /// Releases that quorate has put on this host before, with the digests of their `etcd`.
    pub staged: BTreeMap<Version, Sha256>,
    /// Files that set options, as they were before quorate changed them: the notes beside what is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_settings: Vec<KeptSettings>,
    /// The folder where the member's data is declared (or would go by default), when `member` is `None`: something
    /// may be left in it.
    pub data_without_member: Option<DataDirFacts>,
    /// Ports that somebody listens on, where the member does not run.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub listening: BTreeSet<u16>,
    /// Sentences for a person: what could not be seen of this host, and why.
    pub notes: Vec<String>,
}

/// A process that looks like etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdProcess {
    pub pid: u32,
    /// Start time in clock ticks since boot: with the pid, tells one process from the next.
    pub started: u64,
    /// Resolved path of what it runs.
    pub exe: String,
    /// The file it was started from is no longer at that path (replaced or deleted since).
    pub exe_replaced: bool,
    /// Digest of what it really runs. Only of the declared member's process (and what its unit holds besides): other
    /// processes are nobody's business here, and digests take time.
    pub exe_sha256: Option<Sha256>,
    /// The systemd unit its cgroup belongs to, if any.
    pub unit: Option<String>,
    pub user: String,
    pub data_dir: Option<String>,
    /// Its `--name`, where an argument or variable says it.
    pub name: Option<String>,
    pub is_declared_member: bool,
}

/// A systemd unit, by `systemctl show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFacts {
    pub name: String,
    /// `loaded`, `not-found`, `masked`, …
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active_state: String,
    pub sub_state: String,
    /// `enabled`, `disabled`, `static`, …
    pub file_state: String,
    pub main_pid: Option<u32>,
    pub need_daemon_reload: bool,
    /// `notify`, `simple`, …
    pub kind: String,
    pub restart: String,
    pub fragment_path: Option<String>,
    pub drop_ins: Vec<String>,
    pub timeout_stop_us: Option<u64>,
    /// Digest of the unit file and all its drop-ins, in order.
    pub sha256: Option<Sha256>,
}

/// A member of the `process` runtime: its folder on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedProcess {
    pub dir: String,
    /// From the pid file, when that process is alive and is this member's.
    pub pid: Option<u32>,
    pub args: Vec<String>,
}

/// The declared member on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberFacts {
    /// The file that is started, as the unit or the running process names it.
    pub binary: BinaryFacts,
    pub options: Vec<OptionFact>,
    /// Path of the config file, if the member uses one.
    pub config_file: Option<String>,
    /// The member's own arguments, without the program: what a new binary's flag parser must accept.
    pub args: Vec<String>,
    /// Digest over the arguments, environment and config file: what `settings` a plan was made for.
    pub options_sha256: Sha256,
    pub data_dir: DataDirFacts,
    pub certificates: Vec<CertificateFacts>,
    /// The files that set its options, as far as they could be read. Of this look alone; what a plan changes in them it holds
    /// by itself.
    #[serde(skip)]
    pub files: Vec<SettingsFile>,
    /// What the next start will use, when it is not what the running process uses: its unit, environment files or
    /// arguments were changed since it was started.
    pub next_start: Option<NextStart>,
}

/// What a member will be started with next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStart {
    pub args: Vec<String>,
    pub options: Vec<OptionFact>,
}

impl MemberFacts {
    /// What an option is set to, in the order in which etcd itself decides.
    pub fn option(&self, name: &str) -> Option<&OptionFact> {
        self.options.iter().find(|option| option.name == name && option.effective)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryFacts {
    /// Absolute.
    pub path: String,
    /// Where the path leads when it is a symbolic link.
    pub link_target: Option<String>,
    /// What `etcd --version` prints; `None` when it does not run or is not there.
    pub version: Option<Version>,
    pub sha256: Option<Sha256>,
    /// What the file was (device, inode, size, times) when its digest was taken: as long as that is so, the digest is true.
    /// Of this look alone; no decision stands on it.
    #[serde(skip)]
    pub print: Option<String>,
    pub size: Option<Bytes>,
    pub owner: String,
    /// Octal, such as `755`.
    pub mode: String,
    /// Free space on the file system of the binary.
    pub free: Option<Bytes>,
    pub device: Option<Device>,
}

/// Where an option of a member is set. Names are flag names without dashes (`listen-client-urls`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionFact {
    pub name: String,
    pub value: String,
    pub source: OptionSource,
    /// False when another source wins (etcd: a config file hides flags and environment; a flag hides the environment).
    pub effective: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptionSource {
    Argument,
    /// The environment of the process, or, for a stopped one, of the unit.
    Environment,
    ConfigFile {
        /// As written in the YAML: dots join the levels (`client-transport-security.cert-file`).
        key: String,
        /// Type of the YAML value: `string`, `int`, `bool`, `list`, …
        yaml_type: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDirFacts {
    pub path: String,
    /// There is a `member` folder in it: etcd has run here.
    pub has_member: bool,
    pub owner: String,
    pub mode: String,
    /// Of everything below it.
    pub size: Bytes,
    /// `member/snap/db`.
    pub db_size: Option<Bytes>,
    /// Newest `member/snap/*.snap`: its size, by which the guides estimate v2 data, and its raft index.
    pub newest_snap: Option<SnapFile>,
    /// A WAL directory of its own (`--wal-dir`), and its size.
    pub wal_dir: Option<String>,
    pub wal_size: Option<Bytes>,
    pub free: Bytes,
    pub device: Option<Device>,
    pub file_system: String,
    /// Rollback points of earlier runs beside it, the newest first.
    pub rollback_points: Vec<RollbackPointFacts>,
    /// The note that quorate puts there before it replaces the data of a whole cluster, and removes at the end: its text,
    /// as it was read.
    pub replacing: Option<String>,
}

impl DataDirFacts {
    /// The WAL directory, where it is not part of the data directory.
    pub fn outer_wal_dir(&self) -> Option<&String> {
        let inside = |wal: &str| wal.strip_prefix(self.path.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.wal_dir.as_ref().filter(|wal| !inside(wal))
    }
}

/// A copy of a member's data that a run made while the member was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPointFacts {
    pub path: String,
    /// Its copy of a WAL directory outside the data directory.
    pub wal_path: Option<String>,
    /// What the note beside it says.
    pub member: MemberName,
    pub run: String,
    /// That the member ran up to then.
    pub version: Version,
    /// RFC 3339, UTC.
    pub taken_at: String,
    /// How far the member was when last seen before it was stopped.
    pub raft_index: Option<RaftIndex>,
    /// Of the cluster that the member was of: after a restore it is of another one.
    pub cluster_id: Option<ClusterId>,
    /// A file in it was written to after it was taken: somebody ran on it.
    pub changed_since: bool,
    /// Files of log and snapshots in it, and in its copy of a WAL directory.
    pub files: u64,
    /// The same when it was taken.
    pub files_then: Option<u64>,
}

impl RollbackPointFacts {
    /// Nothing was taken out of it, as far as that is known. A member without its log would begin a new cluster.
    pub fn is_whole(&self) -> bool {
        self.files_then.is_none_or(|then| then == self.files)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapFile {
    pub size: Bytes,
    pub index: RaftIndex,
}

/// A certificate that the member uses, public part only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// The option that names it: `cert-file`, `peer-cert-file`.
    pub option: String,
    pub path: String,
    /// Why a restart would fail on it, if so: it or its key cannot be read, or they do not fit. What is not known then is
    /// empty below.
    pub problem: Option<String>,
    /// Digest over what the files of the certificate and its key hold: only to tell whether they were changed.
    #[serde(default)]
    pub sha256: Option<Sha256>,
    pub subject: String,
    /// RFC 3339.
    pub not_before: String,
    pub not_after: String,
    /// Whether the moment of the look was inside the two.
    pub valid_now: bool,
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<String>,
}

/// What a member answers for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdFacts {
    pub member_id: MemberId,
    pub cluster_id: ClusterId,
    /// `etcdserver` of `/version`.
    pub server_version: Version,
    /// `etcdcluster` of `/version`; `None` for `not_decided`.
    pub cluster_version: Option<Version>,
    /// `storage` of `/version` (3.6+).
    pub storage_version: Option<Version>,
    /// Where etcd was told to go down (`downgrade enable`): to this minor. Members that run a version without that call do
    /// not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgrade_to: Option<Minor>,
    /// `/health`: `None` means healthy, else what it said.
    pub unhealthy: Option<String>,
    pub leader: Option<MemberId>,
    pub raft_term: Option<RaftTerm>,
    pub raft_index: Option<RaftIndex>,
    /// 3.4+.
    pub raft_applied_index: Option<RaftIndex>,
    pub revision: Option<Revision>,
    pub db_size: Option<Bytes>,
    pub db_size_in_use: Option<Bytes>,
    pub is_learner: bool,
    /// The member list as this member tells it, sorted by id.
    pub members: Vec<ListedMember>,
    pub alarms: Vec<Alarm>,
    /// Number of keys of the v2 API (`None`: this member does not serve v2).
    pub v2_keys: Option<u64>,
    /// Number of keys of the v3 API (`None`: this version has none).
    pub v3_keys: Option<u64>,
    /// HashKV at the revision that all members were asked for, where the version has it.
    pub hash_kv: Option<HashKv>,
    pub auth_enabled: Option<bool>,
    /// The first request that it did not let us make, with what to do. It answers others.
    #[serde(default)]
    pub denied: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedMember {
    pub id: MemberId,
    /// Empty for a member that was added and has never started.
    pub name: String,
    pub peer_urls: Vec<String>,
    pub client_urls: Vec<String>,
    pub is_learner: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alarm {
    pub member: MemberId,
    /// `NOSPACE`, `CORRUPT`.
    pub kind: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashKv {
    pub revision: Revision,
    pub hash: u32,
    pub compact_revision: Revision,
}
