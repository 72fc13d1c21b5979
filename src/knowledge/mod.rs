//! Knowledge: what is known of etcd's versions.
//!
//! In come the files of `modules/etcd/*.hcl`, built into the binary, with a user's own folder over them. Out go typed
//! facts: the ladder of minors and what each rung demands, what may be wrong in the data, how each rung is undone,
//! options by version, releases, what a version can do, log lines, waits. Every fact has a name that stays and a
//! source. The data is checked for gaps when it is read: a rung without its rollback rule is an error, not a surprise.
//!
//! This room answers "does fact F hold in version V"; it decides nothing, reads no host, and knows of no plan. No
//! other room compares versions for the sake of an etcd fact.

mod backup;
mod block;
mod config;
mod demand;
mod error;
mod explain;
mod fact;
mod feature;
mod files;
mod flag;
mod load;
mod log;
mod release;
mod restore;
mod rung;
mod timing;
mod versions;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::units::{Minor, Version};

pub use backup::{BackupMeans, BackupRule, KeySpace};
pub use config::{ConfigRule, ConfigRuleKind, Effect, YamlType};
pub use demand::{Check, Cure, Hazard, HazardKind, Requirement, Severity, When};
pub use error::{KnowledgeError, Problem};
pub use explain::{Explanation, FactKind};
pub use fact::{Fact, Source, SourceKind};
pub use feature::{ClientApi, Feature, FeatureFact, Features};
pub use flag::{Flag, FlagDefault, FlagKind, FlagState, OptionChange, OptionChangeKind, Replacement};
pub use log::{LogClass, LogLevel, LogMoment, LogPattern, LogVerdict};
pub use release::{Defect, Line, ReleaseStanding, Support, Weight};
pub use restore::{RestoreMeans, RestoreRule};
pub use rung::{
    Advisory, Affected, Audience, Change, Downgrade, DowngradeMeans, MixedRollback, OldBinary, Proof, ProofKind,
    RollbackRule, Rung, WayBack,
};
pub use timing::{SettleRule, StopBound, Timing, VersionCheck};
pub use versions::{Versions, VersionsError};

/// All that is known. Made once, read by everybody.
#[derive(Debug, Clone)]
pub struct Knowledge {
    /// The ladder: minors that plans are made for, in order.
    minors: Vec<Minor>,
    lines: Vec<Line>,
    rungs: Vec<Rung>,
    flags: Vec<Flag>,
    features: Vec<FeatureFact>,
    config_rules: Vec<ConfigRule>,
    logs: Vec<LogPattern>,
    backups: Vec<BackupRule>,
    restores: Vec<RestoreRule>,
    timing: Timing,
    notes: Vec<Fact>,
}

impl Knowledge {
    /// What is built into this binary.
    pub fn embedded() -> Result<Self, KnowledgeError> {
        load::assemble("this binary", &files::built_in())
    }

    /// The same, with the files of a folder over it: a file takes the place of the built-in one of its path
    /// (`rungs/3.1-3.2.hcl`), others are added.
    pub fn load(dir: Option<&Path>) -> Result<Self, KnowledgeError> {
        match dir {
            None => Self::embedded(),
            Some(dir) => load::assemble(&dir.display().to_string(), &files::with_folder(dir)?),
        }
    }

    /// The ladder, lowest first. Minors that are known and not planned for are not in it.
    #[must_use]
    pub fn minors(&self) -> &[Minor] {
        &self.minors
    }

    #[must_use]
    pub fn next_minor(&self, minor: Minor) -> Option<Minor> {
        let at = self.minors.binary_search(&minor).ok()?;
        self.minors.get(at + 1).copied()
    }

    #[must_use]
    pub fn previous_minor(&self, minor: Minor) -> Option<Minor> {
        let at = self.minors.binary_search(&minor).ok()?;
        self.minors.get(at.checked_sub(1)?).copied()
    }

    #[must_use]
    pub fn rung(&self, from: Minor, to: Minor) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.from == from && rung.to == to)
    }

    /// The rung that leads to this minor, where etcd's own call takes a completed cluster down it again.
    #[must_use]
    pub fn rung_down_from(&self, minor: Minor) -> Option<&Rung> {
        let rung = self.rung(self.previous_minor(minor)?, minor)?;
        rung.downgrade_api().map(|_| rung)
    }

    /// The lowest minor that a completed cluster of this one can be taken down to, by that call alone.
    #[must_use]
    pub fn lowest_by_downgrade(&self, minor: Minor) -> Option<Minor> {
        let mut lowest = None;
        while let Some(rung) = self.rung_down_from(lowest.unwrap_or(minor)) {
            lowest = Some(rung.from);
        }
        lowest
    }

    #[must_use]
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// The releases of a minor, planned for or not.
    #[must_use]
    pub fn line(&self, minor: Minor) -> Option<&Line> {
        self.lines.iter().find(|line| line.minor == minor)
    }

    #[must_use]
    pub fn standing(&self, version: &Version) -> ReleaseStanding<'_> {
        let newest = self.minors.last().copied().unwrap_or(version.minor());
        self.line(version.minor()).map_or(ReleaseStanding::UnknownMinor { newest }, |line| line.standing(version))
    }

    /// The newest patch of a minor: what a climb takes.
    #[must_use]
    pub fn latest(&self, minor: Minor) -> Option<&Version> {
        self.line(minor).map(|line| &line.latest)
    }

    /// What is wrong with a version that runs somewhere, be it a target or not.
    pub fn defects<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a Defect> {
        let lines = self.lines.iter().filter(|line| line.minor == version.minor());
        lines.flat_map(|line| &line.defects).filter(|defect| defect.versions.contains(version))
    }

    #[must_use]
    pub fn features(&self, version: &Version) -> Features {
        feature::features_of(&self.features, version)
    }

    /// Whether a member of this version may be made to write an entry that takes `feature` to apply: every version
    /// that can be in its cluster must have it. A cluster's version is the lowest minor among its members, and the
    /// others are at most one above; where it is not known, one below and one above are reckoned with.
    #[must_use]
    pub fn all_apply(&self, feature: Feature, server: &Version, cluster: Option<&Version>) -> bool {
        let own = server.minor();
        let lowest = cluster.map(Version::minor).or_else(|| self.previous_minor(own)).unwrap_or(own).min(own);
        let highest = if cluster.is_some() { self.next_minor(lowest) } else { self.next_minor(own) };
        let Some(fact) = self.features.iter().find(|fact| fact.feature == feature) else { return false };
        [Some(lowest), Some(own), highest].into_iter().flatten().all(|minor| fact.versions.touches(minor))
    }

    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.binary_search_by(|flag| flag.name.as_str().cmp(name)).ok().and_then(|at| self.flags.get(at))
    }

    #[must_use]
    pub fn flag_state(&self, name: &str, version: &Version) -> FlagState<'_> {
        self.flag(name).map_or(FlagState::Unknown, |flag| flag.state(version))
    }

    #[must_use]
    pub fn flags(&self) -> &[Flag] {
        &self.flags
    }

    /// What a step does to the options, by name.
    pub fn option_changes<'a>(&'a self, from: &Version, to: &Version) -> Vec<OptionChange<'a>> {
        let change = |flag: &'a Flag| Some(OptionChange { flag: &flag.name, change: flag.change(from, to)? });
        self.flags.iter().filter_map(change).collect()
    }

    /// Rules that a member's configuration must keep to run this version.
    pub fn config_rules<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a ConfigRule> {
        self.config_rules.iter().filter(|rule| rule.versions.contains(version))
    }

    pub fn backup_rules<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a BackupRule> {
        self.backups.iter().filter(|rule| rule.versions.contains(version))
    }

    /// How a backup of the one version is restored to the other; `None` where it must not be.
    #[must_use]
    pub fn restore_rule(&self, saves: KeySpace, of: &Version, into: &Version) -> Option<&RestoreRule> {
        self.restores.iter().find(|rule| rule.saves == saves && rule.of.contains(of) && rule.into.contains(into))
    }

    /// Every way to restore what was saved on this version.
    pub fn restore_rules<'a>(&'a self, saves: KeySpace, of: &'a Version) -> impl Iterator<Item = &'a RestoreRule> {
        self.restores.iter().filter(move |rule| rule.saves == saves && rule.of.contains(of))
    }

    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    pub fn log_patterns<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a LogPattern> {
        self.logs.iter().filter(|pattern| pattern.versions.contains(version))
    }

    /// What a log line of a member of this version is.
    #[must_use]
    pub fn classify_log_line(&self, version: &Version, line: &str) -> LogVerdict<'_> {
        log::classify(&self.logs, version, line)
    }

    /// The fact of this name: a rung (`3.1-3.2`), a requirement, a hazard, an option, …
    #[must_use]
    pub fn explain(&self, name: &str) -> Option<Explanation<'_>> {
        explain::find(self, name)
    }

    /// Every name that `explain` knows, in order; for "did you mean".
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        explain::names(self)
    }
}
