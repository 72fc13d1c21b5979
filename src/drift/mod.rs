//! Drift: what is there now, and what of it is not as it is declared, or not well.
//!
//! In come the declared cluster, one look at it, what is known of etcd, what the state remembers and the moment; out
//! goes a [`Drift`]: every check with how it came out, and for each finding what is declared and what was found; or a
//! [`status::Status`], which tells each member as it is. Pure functions: no I/O and no clock. This room decides nothing
//! that is done to a cluster: that is for [`crate::plan`], by whose names the checks go where both know them.

mod checks;
mod cluster;
mod host;
mod judge;
mod memory;
pub mod status;
#[cfg(test)]
mod strangers_tests;
#[cfg(test)]
pub(crate) mod tests;

use serde::Serialize;
use time::OffsetDateTime;

pub use checks::{Check, RULES, Severity};

use crate::knowledge::Knowledge;
use crate::observe::inventory::Inventory;
use crate::plan::model::ReleasePin;
use crate::plan::survey::Survey;
use crate::spec::model::{Cluster, DriftPolicy};
use crate::units::{ClusterName, MemberName, Version};
use judge::Judge;

/// Everything that drift is told from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub cluster: &'a Cluster,
    pub policy: &'a DriftPolicy,
    pub inventory: &'a Inventory,
    pub knowledge: &'a Knowledge,
    /// The declared release by architecture, as far as it is on this machine. Nothing is fetched for a look.
    pub releases: &'a [ReleasePin],
    pub memory: &'a Memory,
    pub now: OffsetDateTime,
}

/// What the state remembers of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The newest run that was to change the cluster, or why runs cannot be looked at.
    pub last_run: Result<Option<LastRun>, String>,
    /// The newest backup of the cluster, or why backups cannot be looked at.
    pub newest_backup: Result<Option<NewestBackup>, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestBackup {
    pub id: String,
    /// RFC 3339, UTC.
    pub taken_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    pub id: String,
    pub outcome: RunOutcome,
}

/// How a run ended, or did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutcome {
    Succeeded,
    /// Where the spec says `hold_before`.
    Held,
    Interrupted {
        signal: String,
    },
    Failed {
        reason: String,
    },
    /// It holds the lock of the state right now.
    UnderWay,
    /// No last line, and nobody who would write it.
    Died,
    Unreadable {
        reason: String,
    },
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    pub cluster: ClusterName,
    pub declared: Version,
    /// RFC 3339, UTC.
    pub looked_at: String,
    /// A run that goes on right now: what it changes is not as it was, and not yet as it will be.
    pub under_way: Option<String>,
    /// Each check and what came of it: those of the cluster first, then member by member in the order of the spec.
    pub checks: Vec<Made>,
    pub findings: Vec<Finding>,
    /// When the certificates of members end.
    pub certificates: Vec<CertificateEnd>,
    /// When the newest backup was taken, RFC 3339; `None` where there is none, or it is not known.
    pub newest_backup: Option<String>,
}

/// A check that was to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    pub check: Check,
    /// `None`: of the cluster as a whole.
    pub member: Option<MemberName>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    Holds,
    Found,
    /// It could not be made.
    NotMade {
        why: String,
    },
}

/// Something that is not as it is declared, or not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: Check,
    pub severity: Severity,
    pub member: Option<MemberName>,
    /// What in the member it is about, where a check may find several: an option, a file, another member. Else empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// How the member's host is called.
    pub host: Option<String>,
    /// What is declared, or must hold.
    pub declared: String,
    pub found: String,
    pub todo: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateEnd {
    pub member: MemberName,
    pub option: String,
    pub path: String,
    /// RFC 3339.
    pub not_after: String,
}

impl Drift {
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.findings.is_empty()
    }

    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// No host could be looked at: then nothing is known.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        let reached = self.checks.iter().filter(|made| made.check == Check::HostReachable);
        reached.map(|made| &made.outcome).all(|outcome| *outcome != Outcome::Holds)
    }
}

/// Holds what was seen against what is declared and what must be well.
#[must_use]
pub fn find(input: &Input<'_>) -> Drift {
    let survey = Survey::of(input.inventory);
    let mut judge = Judge::default();
    cluster::check(input, &survey, &mut judge);
    memory::check(input, &survey, &mut judge);
    for member in &survey.members {
        host::check(input, &survey, member, &mut judge);
    }
    let (checks, mut findings) = judge.finish();
    memory::holds_back(input, &mut findings);
    // The urgent ones first; else in the order of the checks.
    findings.sort_by_key(|finding| finding.severity != Severity::Critical);
    let last_run = input.memory.last_run.as_ref().ok().and_then(Option::as_ref);
    let newest_backup = input.memory.newest_backup.as_ref().ok().and_then(Option::as_ref);
    Drift {
        cluster: input.cluster.name.clone(),
        declared: input.cluster.version.clone(),
        looked_at: input.inventory.taken_at.clone(),
        under_way: last_run.filter(|run| run.outcome == RunOutcome::UnderWay).map(|run| run.id.clone()),
        checks,
        findings,
        certificates: host::certificate_ends(&survey),
        newest_backup: newest_backup.map(|backup| backup.taken_at.clone()),
    }
}
