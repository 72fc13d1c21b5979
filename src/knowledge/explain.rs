//! Finds a fact by its name.

use serde::Serialize;

use super::Knowledge;
use super::fact::Fact;
use super::flag::Flag;
use super::versions::Versions;

/// A fact and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation<'a> {
    pub kind: FactKind,
    /// The words; an option has none but its advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<&'a Fact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<&'a Flag>,
    /// In which versions it holds, or to which targets it applies, where that is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<&'a Versions>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    Rung,
    Requirement,
    Hazard,
    Change,
    Advisory,
    Proof,
    Rollback,
    Downgrade,
    Defect,
    Feature,
    ConfigRule,
    LogPattern,
    Backup,
    Restore,
    Timing,
    Note,
    Option,
}

type Entry<'a> = (FactKind, &'a Fact, Option<&'a Versions>);

/// Every fact; those that hold on every rung come once for each rung.
fn entries(knowledge: &Knowledge) -> impl Iterator<Item = Entry<'_>> {
    let of_rungs = knowledge.rungs.iter().flat_map(|rung| {
        let own = [(FactKind::Rung, &rung.fact, None), (FactKind::Rollback, &rung.rollback.fact, None)];
        let requirements = rung.requirements.iter().map(|x| (FactKind::Requirement, &x.fact, Some(&x.targets)));
        let hazards = rung.hazards.iter().map(|x| (FactKind::Hazard, &x.fact, Some(&x.targets)));
        let changes = rung.changes.iter().map(|x| (FactKind::Change, &x.fact, Some(&x.targets)));
        let advisories = rung.advisories.iter().map(|x| (FactKind::Advisory, &x.fact, Some(&x.targets)));
        let proofs = rung.proofs.iter().map(|x| (FactKind::Proof, &x.fact, None));
        let downgrade = rung.downgrade.iter().flat_map(|downgrade| {
            let conditions = downgrade.requirements.iter();
            let conditions = conditions.map(|x| (FactKind::Requirement, &x.fact, Some(&x.targets)));
            std::iter::once((FactKind::Downgrade, &downgrade.fact, None)).chain(conditions)
        });
        own.into_iter()
            .chain(requirements)
            .chain(hazards)
            .chain(changes)
            .chain(advisories)
            .chain(proofs)
            .chain(downgrade)
    });
    let defects = knowledge.lines.iter().flat_map(|line| &line.defects);
    let timing = &knowledge.timing;
    of_rungs
        .chain(defects.map(|x| (FactKind::Defect, &x.fact, Some(&x.versions))))
        .chain(knowledge.features.iter().map(|x| (FactKind::Feature, &x.fact, Some(&x.versions))))
        .chain(knowledge.config_rules.iter().map(|x| (FactKind::ConfigRule, &x.fact, Some(&x.versions))))
        .chain(knowledge.logs.iter().map(|x| (FactKind::LogPattern, &x.fact, Some(&x.versions))))
        .chain(knowledge.backups.iter().map(|x| (FactKind::Backup, &x.fact, Some(&x.versions))))
        .chain(knowledge.restores.iter().map(|x| (FactKind::Restore, &x.fact, Some(&x.into))))
        .chain(timing.version_checks.iter().map(|x| (FactKind::Timing, &x.fact, Some(&x.versions))))
        .chain(timing.settle.iter().map(|x| (FactKind::Timing, &x.fact, Some(&x.targets))))
        .chain(std::iter::once((FactKind::Timing, &timing.stop.fact, None)))
        .chain(knowledge.notes.iter().map(|fact| (FactKind::Note, fact, None)))
}

pub(super) fn find<'a>(knowledge: &'a Knowledge, name: &str) -> Option<Explanation<'a>> {
    let fact = entries(knowledge).find(|(_, fact, _)| fact.name == name);
    if let Some((kind, fact, versions)) = fact {
        let versions = versions.filter(|versions| !versions.is_all());
        return Some(Explanation { kind, fact: Some(fact), flag: None, versions });
    }
    let flag = knowledge.flag(name)?;
    Some(Explanation { kind: FactKind::Option, fact: None, flag: Some(flag), versions: Some(&flag.versions) })
}

pub(super) fn names(knowledge: &Knowledge) -> Vec<&str> {
    let facts = entries(knowledge).map(|(_, fact, _)| fact.name.as_str());
    let mut names: Vec<&str> = facts.chain(knowledge.flags.iter().map(|flag| flag.name.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    names
}
