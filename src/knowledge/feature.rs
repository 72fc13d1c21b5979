//! What a version can do and how it is talked to.

use std::collections::BTreeSet;

use serde::Serialize;

use super::block::Reader;
use super::error::Problem;
use super::fact::Fact;
use super::versions::Versions;
use crate::units::Version;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What the code asks of a version. Each has exactly one `feature` block in the data, which says when it holds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $($(#[$doc])* $variant,)+
        }

        impl Feature {
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name of its fact in the data.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

features! {
    /// Served by gRPC on the client port; what quorate talks to members with.
    V3Api = "v3-api",
    /// The binary can serve the v2 API at all.
    V2Api = "v2-api",
    /// It serves it unless told otherwise.
    V2ApiByDefault = "v2-api-by-default",
    /// `/version` is JSON with `etcdserver` and `etcdcluster`; before, one line of text.
    VersionIsJson = "version-is-json",
    /// `/version` and Status tell the storage version.
    StorageVersion = "storage-version",
    /// A GET of `/health` writes a v2 entry into the raft log.
    HealthProposesEntry = "health-proposes-entry",
    /// The same, only where the member serves the v2 API.
    HealthProposesEntryWithV2 = "health-proposes-entry-with-v2",
    /// Entries of the v2 API are applied; without it the member panics on one.
    AppliesV2Entries = "applies-v2-entries",
    /// The same for entries of the call Alarm.
    AppliesAlarmEntries = "applies-alarm-entries",
    /// `/health` is false while an alarm is on.
    HealthFalseOnAlarm = "health-false-on-alarm",
    /// `/livez` and `/readyz`.
    LivezReadyz = "livez-readyz",
    Metrics = "metrics",
    V2LeaderPath = "v2-leader-path",
    HashKv = "hash-kv",
    /// A login with the name of nobody tells whether authentication is off.
    LoginTellsOff = "login-tells-off",
    /// `listen-client-urls` takes a unix socket.
    UnixClientSockets = "unix-client-sockets",
    MoveLeader = "move-leader",
    /// The leader hands over by itself when it is told to stop.
    HandsOverAtStop = "hands-over-at-stop",
    Learners = "learners",
    /// Status has `raftAppliedIndex`, `errors`, `dbSizeInUse`, `isLearner`.
    AppliedIndexInStatus = "applied-index-in-status",
    LeaseTimeToLive = "lease-time-to-live",
    LinearizableMemberList = "linearizable-member-list",
    CorruptAlarm = "corrupt-alarm",
    /// The Downgrade RPC may be used. 3.5 has it and must not be sent it.
    DowngradeApi = "downgrade-api",
    /// The cluster version is looked at on the first commit of a term, too.
    VersionBumpOnNewTerm = "version-bump-on-new-term",
    PreVoteByDefault = "pre-vote-by-default",
    ConfigFile = "config-file",
    /// The config file's path may come from the environment.
    ConfigFileFromEnvironment = "config-file-from-environment",
    Etcdutl = "etcdutl",
    /// A restore can be told to raise revisions.
    BumpRevision = "bump-revision",
    /// The v3 database says who is a member.
    MembersByDatabase = "members-by-database",
    SnapshotRestoreInEtcdctl = "snapshot-restore-in-etcdctl",
    GatewayV3Alpha = "gateway-v3alpha",
    GatewayV3Beta = "gateway-v3beta",
    GatewayV3 = "gateway-v3",
    /// Log lines are JSON unless told otherwise.
    JsonLogsByDefault = "json-logs-by-default",
    /// Can run on a machine that is not amd64 only when told so by ETCD_UNSUPPORTED_ARCH.
    NeedsUnsupportedArchSwitch = "needs-unsupported-arch-switch",
}

/// By which API the state of a member is read and its data is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientApi {
    V2,
    V3,
}

/// What one version can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    set: BTreeSet<Feature>,
}

impl Features {
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.set.contains(&feature)
    }

    #[must_use]
    pub fn api(&self) -> ClientApi {
        if self.has(Feature::V3Api) { ClientApi::V3 } else { ClientApi::V2 }
    }
}

/// A fact that holds in some versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeatureFact {
    #[serde(flatten)]
    pub fact: Fact,
    #[serde(skip)]
    pub feature: Feature,
    pub versions: Versions,
}

impl FeatureFact {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let versions = reader.required("in")?;
        let feature = Feature::ALL.iter().copied().find(|feature| feature.name() == fact.name);
        let Some(feature) = feature else {
            return Err(reader.problem("no feature of this name is used by the code"));
        };
        reader.done()?;
        Ok(Self { fact, feature, versions })
    }
}

pub(super) fn features_of(facts: &[FeatureFact], version: &Version) -> Features {
    Features { set: facts.iter().filter(|fact| fact.versions.contains(version)).map(|fact| fact.feature).collect() }
}
