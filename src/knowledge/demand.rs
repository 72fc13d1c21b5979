//! What a rung demands of a cluster, and what may be wrong in its data: closed lists, with their numbers in the data.

use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::error::Problem;
use super::fact::Fact;
use super::rung::targets;
use super::versions::Versions;
use crate::units::Version;

/// Something that must hold on the old side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    #[serde(flatten)]
    pub fact: Fact,
    /// For which new versions.
    pub targets: Versions,
    pub check: Check,
    pub severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Shown in the plan.
    Warn,
    /// No plan is made.
    Refuse,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// Every member runs the minor that the rung leaves, or already the target.
    OneMinorBelow {},
    /// Every member runs this patch or a later one before the first is stopped.
    MinimumPatch {
        at_least: Version,
        when: When,
    },
    AllMembersHealthy {},
    NoAlarms {},
    /// Every member of the member list has started and answers; the declared ones are the listed ones.
    EveryListedMemberAnswers {},
    /// The member list stays as it is from the first stop to the end.
    MembershipFrozen {},
    /// A verified backup of all that the cluster holds, before the first stop.
    BackupBeforeFirstStop {},
    /// A copy of each member's data directory, taken while it is stopped.
    RollbackPointOfEachMember {},
    /// Every option of every member is known to the target, and its flag parser accepts the arguments.
    OptionsAccepted {},
    /// This switch is off (or not set) on every member.
    OptionOff {
        option: String,
    },
    /// The cluster has no learners.
    NoLearners {},
    /// Authentication is off, or nobody changes users, roles and passwords while versions are mixed.
    AuthFrozen {},
    AuthDisabled {},
    /// No keys of the v2 API, and none was ever written that is still in a snapshot or the WAL.
    NoV2Content {},
    /// Where v2 keys or clients are in use, this option is set on every member before the rung.
    V2UsersSetOption {
        option: String,
    },
}

/// When a minimum patch matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    Always,
    AuthEnabled,
    HasLearners,
}

/// Something in the data itself that kills or splits members on this rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hazard {
    #[serde(flatten)]
    pub fact: Fact,
    /// For which new versions.
    pub targets: Versions,
    pub hazard: HazardKind,
    pub cure: Cure,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum HazardKind {
    /// A raft snapshot that is newer than what the v3 database has applied: the database was never written since.
    /// A member that runs one of `refused_by` is no such case: it would not have started.
    SnapshotAheadOfDatabase { refused_by: Versions },
    /// A v3 database that was never written, and no raft snapshot: the new version replays the whole log into the
    /// database, the first changes of membership as well.
    LogReplayedIntoDatabase,
    /// Entries of the v2 store behind the last raft snapshot, which the new version does not accept.
    V2EntriesInWal { written_by: Versions },
    /// Learners or removed members that the v3 store remembers otherwise than the v2 store.
    MembershipStoresDiffer { fixed_in: Version },
    /// A member that is added while versions are mixed may panic.
    MemberAddedWhileMixed,
    /// Leases expire differently on old and new members.
    LeasesExpireDifferently,
    /// Raft entries of a new kind make old members panic once the option is on.
    NewRaftEntry { option: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cure {
    /// A put and a delete through the v3 API while all members run the old version.
    V3WriteOnOldVersion,
    /// Raft no-ops until every member has taken a snapshot: reads of the alarm list change nothing.
    RaftSnapshotByNoOps { snapshot_count_option: String },
    /// Take the old side to this patch first.
    PatchFirst { at_least: Version },
    /// Nothing to clear: keep away from it while the rung lasts.
    Abstain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HazardBody {
    hazard: HazardKind,
    cure: Cure,
}

impl Requirement {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let (fact, targets) = (reader.fact()?, targets(&mut reader)?);
        let severity = reader.optional("severity")?.unwrap_or(Severity::Refuse);
        let check = reader.rest()?;
        reader.done()?;
        Ok(Self { fact, targets, check, severity })
    }

    /// Options that it names; the loader checks that they exist.
    pub(super) fn option_named(&self) -> Option<&str> {
        match &self.check {
            Check::OptionOff { option } | Check::V2UsersSetOption { option } => Some(option),
            Check::OneMinorBelow {}
            | Check::MinimumPatch { .. }
            | Check::AllMembersHealthy {}
            | Check::NoAlarms {}
            | Check::EveryListedMemberAnswers {}
            | Check::MembershipFrozen {}
            | Check::BackupBeforeFirstStop {}
            | Check::RollbackPointOfEachMember {}
            | Check::OptionsAccepted {}
            | Check::NoLearners {}
            | Check::AuthFrozen {}
            | Check::AuthDisabled {}
            | Check::NoV2Content {} => None,
        }
    }
}

impl Hazard {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let (fact, targets) = (reader.fact()?, targets(&mut reader)?);
        let HazardBody { hazard, cure } = reader.rest()?;
        reader.done()?;
        Ok(Self { fact, targets, hazard, cure })
    }

    pub(super) fn option_named(&self) -> Option<&str> {
        match (&self.hazard, &self.cure) {
            (HazardKind::NewRaftEntry { option }, _) => Some(option),
            (_, Cure::RaftSnapshotByNoOps { snapshot_count_option }) => Some(snapshot_count_option),
            _ => None,
        }
    }
}
