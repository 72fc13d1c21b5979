//! The checks, each under a name that stays. Those that the planner makes as well go by the planner's name for them.

use serde::{Serialize, Serializer};

use crate::plan::rules;
use crate::units::{Rule, RuleKind};

/// What is looked for. `quorate explain NAME` says more of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    // Of the cluster as a whole.
    OneCluster,
    OneLeader,
    MemberListAgreed,
    MemberDeclared,
    MemberStarted,
    MemberNamesUnique,
    NoLearner,
    NoAlarm,
    OneVersion,
    ClusterVersionFollows,
    DataEqual,
    ReplacementUnderWay,
    RunFinished,
    BackupRecent,
    // Of each member.
    HostReachable,
    MemberFound,
    MemberHasData,
    MemberRunning,
    MemberAnswers,
    MemberAsked,
    LetIn,
    MembersHealthy,
    MemberNamed,
    MemberListed,
    QuotaRoom,
    VersionAsDeclared,
    BinaryOnDisk,
    BinaryOfRelease,
    UnitLoaded,
    UnitReloaded,
    UnitEnabled,
    MemberInUnit,
    MemberInFolder,
    SettingsAsDeclared,
    DataDirAsDeclared,
    NextStart,
    CertificateReadable,
    CertificateValid,
    CertificateLasts,
}

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Not as declared; it works.
    Warning,
    /// Something does not work, or the next fault or restart would make it so.
    Critical,
}

impl Severity {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a finding says of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Something is not well, whatever is declared. `status` tells these.
    Unwell,
    /// It is another than the declared one.
    Undeclared,
}

use Check::*;
use Nature::{Undeclared, Unwell};
use Severity::{Critical, Warning};

impl Check {
    pub const ALL: [Self; 39] = [
        OneCluster,
        OneLeader,
        MemberListAgreed,
        MemberDeclared,
        MemberStarted,
        MemberNamesUnique,
        NoLearner,
        NoAlarm,
        OneVersion,
        ClusterVersionFollows,
        DataEqual,
        ReplacementUnderWay,
        RunFinished,
        BackupRecent,
        HostReachable,
        MemberFound,
        MemberHasData,
        MemberRunning,
        MemberAnswers,
        MemberAsked,
        LetIn,
        MembersHealthy,
        MemberNamed,
        MemberListed,
        QuotaRoom,
        VersionAsDeclared,
        BinaryOnDisk,
        BinaryOfRelease,
        UnitLoaded,
        UnitReloaded,
        UnitEnabled,
        MemberInUnit,
        MemberInFolder,
        SettingsAsDeclared,
        DataDirAsDeclared,
        NextStart,
        CertificateReadable,
        CertificateValid,
        CertificateLasts,
    ];

    const fn about(self) -> (&'static str, Severity, Nature) {
        match self {
            OneCluster => ("one-cluster", Critical, Unwell),
            OneLeader => ("one-leader", Critical, Unwell),
            MemberListAgreed => ("member-list-agreed", Critical, Unwell),
            MemberDeclared => ("member-declared", Warning, Undeclared),
            MemberStarted => ("member-started", Critical, Unwell),
            MemberNamesUnique => ("member-names-unique", Warning, Unwell),
            NoLearner => ("no-learner", Warning, Undeclared),
            NoAlarm => ("no-alarm", Critical, Unwell),
            OneVersion => ("one-version", Warning, Unwell),
            ClusterVersionFollows => ("cluster-version-follows", Warning, Undeclared),
            DataEqual => ("data-equal", Critical, Unwell),
            ReplacementUnderWay => ("replacement-under-way", Critical, Unwell),
            RunFinished => ("run-finished", Warning, Undeclared),
            BackupRecent => ("backup-recent", Warning, Undeclared),
            HostReachable => ("host-reachable", Critical, Unwell),
            MemberFound => ("member-found", Critical, Unwell),
            MemberHasData => ("member-has-data", Critical, Unwell),
            MemberRunning => ("member-running", Critical, Unwell),
            MemberAnswers => ("member-answers", Critical, Unwell),
            MemberAsked => ("member-asked", Warning, Unwell),
            LetIn => ("let-in", Warning, Unwell),
            MembersHealthy => ("members-healthy", Critical, Unwell),
            MemberNamed => ("member-named", Warning, Undeclared),
            MemberListed => ("member-listed", Critical, Unwell),
            QuotaRoom => ("quota-room", Critical, Unwell),
            VersionAsDeclared => ("version-as-declared", Warning, Undeclared),
            BinaryOnDisk => ("binary-on-disk", Critical, Unwell),
            BinaryOfRelease => ("binary-of-release", Warning, Undeclared),
            UnitLoaded => ("unit-loaded", Critical, Unwell),
            UnitReloaded => ("unit-reloaded", Warning, Undeclared),
            UnitEnabled => ("unit-enabled", Warning, Undeclared),
            MemberInUnit => ("member-in-unit", Warning, Undeclared),
            MemberInFolder => ("member-in-folder", Warning, Undeclared),
            SettingsAsDeclared => ("settings-as-declared", Warning, Undeclared),
            DataDirAsDeclared => ("data-dir-as-declared", Warning, Undeclared),
            NextStart => ("next-start", Warning, Undeclared),
            CertificateReadable => ("certificate-readable", Critical, Unwell),
            CertificateValid => ("certificate-valid", Critical, Unwell),
            CertificateLasts => ("certificate-lasts", Warning, Undeclared),
        }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        self.about().0
    }

    #[must_use]
    pub const fn severity(self) -> Severity {
        self.about().1
    }

    #[must_use]
    pub const fn nature(self) -> Nature {
        self.about().2
    }

    /// What `explain` says of it.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        let own = RULES.iter().find(|rule| rule.name == self.name());
        // A test holds that each name has a rule.
        own.or_else(|| rules::find(self.name())).unwrap_or(&NO_RULE)
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

const NO_RULE: Rule = rule("", "", "", "");

const fn rule(name: &'static str, what: &'static str, why: &'static str, fix: &'static str) -> Rule {
    Rule { name, kind: RuleKind::Drift, what, why, fix }
}

/// The rules that only drift knows, by name; the others are the planner's.
pub const RULES: &[Rule] = &[
    rule(
        "backup-recent",
        "The newest backup is no older than `backup` of the `drift` block says.",
        "What was written since is lost with the cluster.",
        "Run `quorate backup`; see why the schedule did not.",
    ),
    rule(
        "binary-of-release",
        "What a member runs, and the file that it is started from, are the `etcd` of the declared release, by digest.",
        "A program that says the right version and is not that release was built or changed by somebody.",
        "Find out where it came from; put the release's program there, and restart the member.",
    ),
    rule(
        "certificate-lasts",
        "The certificates of a member last longer than `certificates` of the `drift` block says.",
        "With an expired one, members and clients refuse to talk to it.",
        "Renew it while it still holds.",
    ),
    rule(
        "cluster-version-follows",
        "The cluster version is the minor that all members run.",
        "Until it has moved an upgrade is not complete, and what the new minor brings is not there.",
        "`quorate plan` shows what is left to do.",
    ),
    rule(
        "member-running",
        "Every declared member runs.",
        "Each one that is down is one less that may fail.",
        "See why it ended, in its log; `quorate apply` starts it.",
    ),
    rule(
        "one-version",
        "All members run the same version.",
        "A cluster of two versions is half upgraded: nothing of the new minor counts, and the way back is shorter by the hour.",
        "`quorate plan` shows what is left to do.",
    ),
    rule(
        "run-finished",
        "The last run that was to change the cluster has succeeded, or the cluster is as declared all the same.",
        "One that was held, interrupted or failed left the cluster between two states.",
        "`quorate plan` shows what is left; `quorate runs show ID` tells what was done.",
    ),
    rule(
        "version-as-declared",
        "Every member runs the declared version.",
        "Another one was never planned, or is not there yet.",
        "`quorate plan` shows how to get there; or declare what runs.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own_and_is_explained() {
        let names: BTreeSet<&str> = Check::ALL.iter().map(|check| check.name()).collect();
        assert_eq!(names.len(), Check::ALL.len());
        for check in Check::ALL {
            let rule = check.rule();
            assert_eq!(rule.name, check.name());
            assert!(!rule.what.is_empty() && !rule.fix.is_empty(), "{}", rule.name);
        }
    }

    #[test]
    fn every_rule_of_drift_is_one_of_its_checks_and_none_is_the_planners() {
        for rule in RULES {
            assert!(Check::ALL.iter().any(|check| check.name() == rule.name), "{}", rule.name);
            assert!(rules::find(rule.name).is_none(), "{} twice", rule.name);
        }
    }
}
