//! What a spec says, evaluated and checked. Plain data: nothing here reads a file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Age, Bytes, ClusterName, MemberName, Minor, Sha256, Span, Version};

/// A whole spec: everything below one directory, with variables, locals and functions evaluated away.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The directory the spec was read from; relative paths in it start here.
    pub dir: PathBuf,
    pub settings: ToolSettings,
    /// At least one; names are unique.
    pub clusters: Vec<Cluster>,
    /// The `drift` block of each cluster. It decides nothing of a plan, and is no part of what a plan declares.
    pub drift: BTreeMap<ClusterName, DriftPolicy>,
}

/// The `quorate` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSettings {
    /// Where runs, backups and downloads are kept: `state "local" { path = … }`; `.quorate` beside the spec by default.
    pub state_dir: PathBuf,
    /// A folder of the user's own over what is built in, laid out as `modules/`.
    pub modules_dir: Option<PathBuf>,
}

/// One `cluster` block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    pub name: ClusterName,
    pub version: Version,
    /// Which release of a minor on the way to it is taken, where it is not the latest that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub via: BTreeMap<Minor, Version>,
    /// In the order of the spec; at least one; names and addresses are unique.
    pub members: Vec<Member>,
    pub runtime: Runtime,
    /// In the order of the spec: the first that has a release serves it. Upstream's when none is declared.
    pub releases: Vec<ReleaseSource>,
    pub client: ClientAccess,
    /// etcd options that are declared, by flag name without dashes; the values as etcd reads them. The others are left alone.
    pub settings: BTreeMap<String, String>,
    pub rollout: Rollout,
    pub backup: BackupPolicy,
    pub rollback_points: RollbackPoints,
}

/// One `member` block, with what its cluster says for all filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub name: MemberName,
    /// Where the host is reached, and by default where the member listens: an IP address or a host name.
    pub address: String,
    pub connection: Connection,
    /// `http://ADDRESS:2379` unless said otherwise. When a cluster is adopted, what etcd itself says is used.
    pub client_url: Option<String>,
    /// `http://ADDRESS:2380` unless said otherwise.
    pub peer_url: Option<String>,
    /// Where the data of a member that is created goes; for an adopted one, where it must be.
    pub data_dir: Option<String>,
}

/// How a member's host is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Connection {
    /// The machine that quorate runs on.
    Local {
        become_: Become,
    },
    Ssh(Ssh),
}

/// An SSH connection by the system's `ssh`: what `~/.ssh/config` says is honoured.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ssh {
    /// What `ssh` is told to connect to: the member's address unless `host` says otherwise (an alias of ~/.ssh/config).
    pub destination: String,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity_file: Option<PathBuf>,
    /// Instead of ~/.ssh/config.
    pub config_file: Option<PathBuf>,
    /// Instead of ~/.ssh/known_hosts.
    pub known_hosts_file: Option<PathBuf>,
    pub connect_timeout: Span,
    /// For so long a connection that was lost is made again.
    pub reconnect_for: Span,
    pub become_: Become,
}

/// Whether commands run as the user that logged in, or through `sudo -n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Become {
    No,
    Sudo,
}

/// How members are run on their hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Runtime {
    Systemd(Systemd),
    Process(Process),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Systemd {
    /// With its `.service`; `etcd.service` unless said otherwise.
    pub unit: String,
    pub ownership: Ownership,
    /// Where the binaries of a created member go. An adopted one keeps its own path.
    pub bin_dir: String,
    /// The account a created member runs as.
    pub user: String,
}

/// Whose the unit file and the flags are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// Somebody else's: only what is declared is changed (`adopt = true`).
    Adopted,
    /// Made by quorate from the template of the runtime.
    Managed,
}

/// Plain processes that quorate itself starts and stops, without root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// One folder a member below it: binary, arguments, log, data. Absolute.
    pub dir: String,
}

/// Where releases come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ReleaseSource {
    /// `https://github.com/etcd-io/etcd/releases/download/…`
    Upstream,
    Url(UrlSource),
}

/// A declared source. In `url`, `${version}`, `${arch}` and `${os}` stand for what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlSource {
    /// The template text after everything but the three names above was evaluated; the three stand in it as
    /// `{version}`, `{arch}`, `{os}` inside `\u{1}`…`\u{2}` (see [`UrlSource::expand`]).
    /// `https://`, `http://` (only with a checksum), or `file://` naming a .tar.gz or a folder with the binaries.
    pub url: String,
    /// Pinned digests of what `url` serves, keyed `VERSION-ARCH` (or `VERSION` for all architectures).
    pub sha256: BTreeMap<String, Sha256>,
    /// Where a `SHA256SUMS` file is, by the same kind of template.
    pub sha256sums: Option<String>,
}

impl UrlSource {
    /// Marks a name inside a template text that is filled in per release, not when the spec is read.
    #[must_use]
    pub fn placeholder(name: &str) -> String {
        format!("\u{1}{name}\u{2}")
    }

    /// Fills in a template text for one release.
    #[must_use]
    pub fn expand(template: &str, version: &Version, arch: &str, os: &str) -> String {
        template
            .replace(&Self::placeholder("version"), &version.to_string())
            .replace(&Self::placeholder("arch"), arch)
            .replace(&Self::placeholder("os"), os)
    }
}

/// How to talk to etcd: the `client` block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAccess {
    pub ca: Option<Pem>,
    pub cert: Option<Pem>,
    /// When nothing is declared and members serve TLS, the member's own certificate, key and CA are used.
    pub key: Option<Pem>,
    /// Whom to ask as where authentication is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<UserLogin>,
}

/// A user of etcd's own authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLogin {
    pub user: String,
    pub password: Password,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Password {
    /// The text itself. Never stored or shown: serializing it is an error.
    #[serde(skip)]
    Inline(String),
    /// What stands for it in a saved plan. Not its digest, by which a weak password could be found out; and a plan does not
    /// rest on the password: it may be another one by the time of the apply.
    Sealed,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline(_) => f.write_str("Inline(…)"),
            Self::Sealed => f.write_str("Sealed"),
        }
    }
}

impl ClientAccess {
    /// Whether a text belongs to it that a saved plan does not hold.
    #[must_use]
    pub fn has_sealed(&self) -> bool {
        [&self.ca, &self.cert, &self.key].into_iter().any(|pem| matches!(pem, Some(Pem::Sealed(_))))
            || self.login.as_ref().is_some_and(|login| login.password == Password::Sealed)
    }

    /// The same, fit to be stored in a plan.
    #[must_use]
    pub fn sealed(&self) -> Self {
        let seal = |pem: &Option<Pem>| pem.as_ref().map(Pem::sealed);
        let login = self.login.as_ref().map(|login| UserLogin { user: login.user.clone(), password: Password::Sealed });
        Self { ca: seal(&self.ca), cert: seal(&self.cert), key: seal(&self.key), login }
    }
}

/// A certificate or key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pem {
    /// An absolute path on the member's host.
    OnHost(String),
    /// The text itself, from `file()` on the controller. Never stored or shown: serializing it is an error.
    #[serde(skip)]
    Inline(String),
    /// What stands for an inline text in a saved plan: its digest.
    Sealed(Sha256),
}

impl Pem {
    /// The same, fit to be stored: an inline text is replaced by its digest.
    #[must_use]
    pub fn sealed(&self) -> Self {
        match self {
            Self::Inline(text) => Self::Sealed(Sha256::of(text.as_bytes())),
            other => other.clone(),
        }
    }
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OnHost(path) => write!(f, "OnHost({path:?})"),
            Self::Inline(_) => f.write_str("Inline(…)"),
            Self::Sealed(digest) => write!(f, "Sealed({digest})"),
        }
    }
}

/// The `rollout` block: how careful, and how long each wait may last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// How long all members must stay healthy after each one. 10 s.
    pub soak: Span,
    /// Where to stop and wait to be told to go on.
    pub hold_before: Option<HoldPoint>,
    pub on_failure: OnFailure,
    /// From start to healthy. 10 min: a large database takes long to open.
    pub ready_timeout: Span,
    /// From SIGTERM to gone; never less than etcd itself may take. 60 s.
    pub stop_timeout: Span,
    /// For the cluster version to move once the last member is healthy. 60 s.
    pub version_timeout: Span,
    /// For a member to catch up with the leader's raft index. 10 min.
    pub catch_up_timeout: Span,
    /// For a gate to hold before a member is stopped. 60 s.
    pub gate_timeout: Span,
    /// The wait per member when v2 data is over 50 MB; by the guides 2 min.
    pub v2_settle: Span,
    /// Whether the data of all members is compared by HashKV before the first stop and at the end.
    pub compare_hashes: Toggle,
    /// What is done about options that the new version does not accept.
    #[serde(default)]
    pub settings: SettingsPolicy,
    #[serde(default, skip_serializing_if = "Availability::is_usual")]
    pub availability: Availability,
}

/// How it is seen what clients meet while a run works, and what is too much for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    pub probe: Probe,
    /// Tries a second for each member. 5.
    pub rate: u32,
    /// The longest stall of the cluster that is borne; without it, any.
    pub max_stall: Option<Span>,
}

impl Default for Availability {
    fn default() -> Self {
        Self { probe: Probe::Read, rate: 5, max_stall: None }
    }
}

impl Availability {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// From one try to the next, of one member.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_secs(1) / self.rate.max(1)
    }
}

/// What is asked of every member while a run works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// A read that a majority confirms, of a key that need not be there.
    Read,
    /// A write of one key of quorate's own.
    Write,
    Off,
}

/// What is done about options that the new version does not accept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingsPolicy {
    /// They are refused: nothing is changed in what somebody else wrote.
    #[default]
    Keep,
    /// They are rewritten, as part of the member's step.
    Rewrite,
}

/// A switch with a name, where a `bool` would not say what is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Toggle {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldPoint {
    /// Right before the step that completes a rung.
    NoReturn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// A member whose new binary does not come up gets its old one back; then the run halts.
    RollbackMember,
    /// The run halts and leaves the member as it is.
    Halt,
}

/// The `backup` block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPolicy {
    /// A folder on the controller; `backups/` in the state directory unless said otherwise. Absolute.
    pub dir: PathBuf,
    /// How many backups of this cluster are kept.
    pub keep: u32,
    pub verify: Verify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// Restore it, start it in a scratch place, compare what it holds with the live cluster.
    Restore,
    /// Compare the digest that etcd sent along.
    Hash,
}

/// The `drift` block: what counts as drift beside what differs from the spec, and who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftPolicy {
    /// A certificate that lasts no longer than this is told. 30 days.
    pub certificates: Age,
    /// How old the newest backup may be; without it, none has to be there.
    pub backup: Option<Age>,
    /// Whether the data of all members is compared by HashKV at each look. Off: it reads the whole database.
    pub compare_hashes: Toggle,
    /// Where changes are sent.
    pub webhook: Option<NoticeUrl>,
    /// The base URL of an Alertmanager.
    pub alertmanager: Option<NoticeUrl>,
}

impl Default for DriftPolicy {
    fn default() -> Self {
        Self {
            certificates: Age::from_days(30),
            backup: None,
            compare_hashes: Toggle::Off,
            webhook: None,
            alertmanager: None,
        }
    }
}

/// An `http` or `https` URL that may hold a token: never stored or shown.
#[derive(Clone, PartialEq, Eq)]
pub struct NoticeUrl(pub String);

impl std::fmt::Debug for NoticeUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoticeUrl(…)")
    }
}

/// The `rollback_points` block: copies of each member's data directory, taken while it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPoints {
    pub enabled: Toggle,
    /// A data directory larger than this is not copied, and the plan says so. 20 GB.
    pub max_size: Bytes,
}
