//! Puts the files together, and finds the gaps in them.

use std::collections::{BTreeMap, BTreeSet};

use super::Knowledge;
use super::backup::BackupRule;
use super::block::{File, Reader};
use super::config::ConfigRule;
use super::error::{KnowledgeError, Problem};
use super::fact::Fact;
use super::feature::{Feature, FeatureFact};
use super::files::Files;
use super::flag::Flag;
use super::log::LogPattern;
use super::release::{Line, Support};
use super::restore::RestoreRule;
use super::rung::{Parts, Rung};
use super::timing::{SettleRule, StopBound, Timing, VersionCheck};
use super::versions::Versions;
use crate::units::Minor;

/// Everything that was read, before it is known to be whole.
#[derive(Default)]
struct Draft {
    lines: Vec<Line>,
    rungs: Vec<Rung>,
    every_rung: Parts,
    flags: Vec<Flag>,
    features: Vec<FeatureFact>,
    config_rules: Vec<ConfigRule>,
    logs: Vec<LogPattern>,
    backups: Vec<BackupRule>,
    restores: Vec<RestoreRule>,
    version_checks: Vec<VersionCheck>,
    stops: Vec<StopBound>,
    settles: Vec<SettleRule>,
    notes: Vec<Fact>,
    /// Name of each fact, and where it stands.
    names: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

pub(super) fn assemble(from: &str, files: &Files) -> Result<Knowledge, KnowledgeError> {
    let mut draft = Draft::default();
    for (path, text) in files {
        match File::parse(path, text) {
            Ok(file) => draft.read_file(&file),
            Err(problem) => draft.problems.push(problem),
        }
    }
    draft.sort();
    draft.check_ladder();
    draft.check_references();
    draft.check_ranges();
    draft.finish(from)
}

impl Draft {
    fn read_file(&mut self, file: &File) {
        for block in &file.blocks {
            let read = Reader::top(file, block).and_then(|reader| self.read_block(block.identifier(), reader));
            self.problems.extend(read.err());
        }
    }

    fn read_block(&mut self, kind: &str, mut reader: Reader) -> Result<(), Problem> {
        let place = format!("{}: {}", reader.file, reader.path);
        let (file, path) = (reader.file.clone(), reader.path.clone());
        let mut facts: Vec<Fact> = Vec::new();
        match kind {
            "minor" => self.lines.push(read_with(Line::read, reader, &mut facts, |line| {
                line.defects.iter().map(|defect| defect.fact.clone()).collect()
            })?),
            "rung" => self.rungs.push(read_with(Rung::read, reader, &mut facts, rung_facts)?),
            "every_rung" => {
                let parts = Parts::read(&mut reader)?;
                if parts.has_ways_down() {
                    return Err(reader.problem("`rollback` and `downgrade` belong to a rung of their own"));
                }
                facts.extend(parts_facts(&parts));
                self.every_rung.append(parts);
                reader.done()?;
            }
            "flag" => self.flags.push(Flag::read(reader)?),
            "feature" => self.features.push(read_with(FeatureFact::read, reader, &mut facts, |x| one(&x.fact))?),
            "config_rule" => self.config_rules.push(read_with(ConfigRule::read, reader, &mut facts, |x| one(&x.fact))?),
            "log" => self.logs.push(read_with(LogPattern::read, reader, &mut facts, |x| one(&x.fact))?),
            "backup" => self.backups.push(read_with(BackupRule::read, reader, &mut facts, |x| one(&x.fact))?),
            "restore" => self.restores.push(read_with(RestoreRule::read, reader, &mut facts, |x| one(&x.fact))?),
            "version_check" => {
                self.version_checks.push(read_with(VersionCheck::read, reader, &mut facts, |x| one(&x.fact))?);
            }
            "stop_bound" => self.stops.push(read_with(StopBound::read, reader, &mut facts, |x| one(&x.fact))?),
            "settle" => self.settles.push(read_with(SettleRule::read, reader, &mut facts, |x| one(&x.fact))?),
            "note" => {
                let fact = reader.fact()?;
                reader.done()?;
                facts.push(fact.clone());
                self.notes.push(fact);
            }
            other => return Err(reader.problem(format!("a block `{other}` is not known here"))),
        }
        for fact in facts {
            if let Some(first) = self.names.insert(fact.name.clone(), place.clone()) {
                let what = format!("the name \"{}\" is taken by {first}", fact.name);
                self.problems.push(Problem { file: file.clone(), block: path.clone(), what });
            }
        }
        Ok(())
    }

    fn sort(&mut self) {
        self.lines.sort_by_key(|line| line.minor);
        self.rungs.sort_by_key(|rung| rung.from);
        self.flags.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn gap(&mut self, file: &str, block: String, what: impl Into<String>) {
        self.problems.push(Problem { file: file.to_owned(), block, what: what.into() });
    }

    /// Every planned minor has its releases, and a rung leads from each to the next.
    fn check_ladder(&mut self) {
        if self.lines.is_empty() {
            self.gap("releases.hcl", String::new(), "there is no `minor` block");
        }
        let minors: Vec<Minor> = self.lines.iter().map(|line| line.minor).collect();
        for pair in minors.windows(2).filter(|pair| pair[0] == pair[1]) {
            self.gap("releases.hcl", format!("minor \"{}\"", pair[0]), "there are two blocks for this minor");
        }
        let planned: Vec<Minor> =
            self.lines.iter().filter(|line| line.support != Support::PreRelease).map(|line| line.minor).collect();
        let steps: Vec<(Minor, Minor)> = self.rungs.iter().map(|rung| (rung.from, rung.to)).collect();
        for pair in planned.windows(2) {
            let found = steps.iter().filter(|step| **step == (pair[0], pair[1])).count();
            let name = format!("rung \"{}\" \"{}\"", pair[0], pair[1]);
            match found {
                1 => {}
                0 => self.gap("rungs/", name, "the ladder has a gap: there is no such block"),
                _ => self.gap("rungs/", name, "there are two such blocks"),
            }
        }
        let ladder: BTreeSet<(Minor, Minor)> = minors.windows(2).map(|pair| (pair[0], pair[1])).collect();
        for (from, to) in steps.into_iter().filter(|step| !ladder.contains(step)) {
            let what = "it does not lead from a known minor to the next one (releases.hcl has the minors)";
            self.gap("rungs/", format!("rung \"{from}\" \"{to}\""), what);
        }
    }

    /// What facts refer to by name is there: options, features, causes.
    fn check_references(&mut self) {
        let mut gaps = self.unknown_options();
        for pair in self.flags.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            gaps.push((format!("flag \"{}\"", pair[0].name), "there are two blocks for this option".to_owned()));
        }
        for feature in Feature::ALL {
            if !self.features.iter().any(|fact| fact.feature == *feature) {
                gaps.push((format!("feature \"{}\"", feature.name()), "the block is missing".to_owned()));
            }
        }
        for log in &self.logs {
            if let Some(cause) = log.cause.as_ref().filter(|cause| !self.names.contains_key(*cause)) {
                gaps.push((
                    format!("log \"{}\"", log.fact.name),
                    format!("no fact is named \"{cause}\" (its `cause`)"),
                ));
            }
        }
        if self.stops.len() != 1 {
            gaps.push(("stop_bound".to_owned(), format!("exactly one block is needed; {} found", self.stops.len())));
        }
        for (block, what) in gaps {
            self.gap("(all files)", block, what);
        }
    }

    /// Options that some fact names and that have no `flag` block: the fact, and what is wrong.
    fn unknown_options(&self) -> Vec<(String, String)> {
        let mut named: Vec<(String, &str)> = Vec::new();
        for flag in &self.flags {
            named.extend(flag.options_named().into_iter().map(|to| (format!("flag \"{}\"", flag.name), to)));
        }
        for rule in &self.config_rules {
            let place = format!("config_rule \"{}\"", rule.fact.name);
            named.extend(rule.options_named().into_iter().map(|option| (place.clone(), option)));
        }
        let of_downgrades =
            self.rungs.iter().filter_map(|rung| rung.downgrade.as_ref()).flat_map(|way| &way.requirements);
        let requirements = self.rungs.iter().flat_map(|rung| &rung.requirements).chain(&self.every_rung.requirements);
        for item in requirements.chain(of_downgrades) {
            named.extend(item.option_named().map(|option| (item.fact.name.clone(), option)));
        }
        for item in self.rungs.iter().flat_map(|rung| &rung.hazards).chain(&self.every_rung.hazards) {
            named.extend(item.option_named().map(|option| (item.fact.name.clone(), option)));
        }
        for item in self.rungs.iter().flat_map(|rung| &rung.changes).chain(&self.every_rung.changes) {
            named.extend(item.options_named().iter().map(|option| (item.fact.name.clone(), option.as_str())));
        }
        let known = |option: &str| self.flags.binary_search_by(|flag| flag.name.as_str().cmp(option)).is_ok();
        let missing = named.into_iter().filter(|(_, option)| !known(option));
        missing
            .map(|(place, option)| (place, format!("it names the option \"{option}\", which has no `flag` block")))
            .collect()
    }

    /// Ranges end at minors that exist; every minor has what the planner will ask for.
    fn check_ranges(&mut self) {
        let minors: BTreeSet<Minor> = self.lines.iter().map(|line| line.minor).collect();
        let mut ranges: Vec<(String, Versions)> = Vec::new();
        for flag in &self.flags {
            ranges.extend(flag.ranges().map(|range| (format!("flag \"{}\"", flag.name), range.clone())));
        }
        ranges.extend(self.features.iter().map(|x| (x.fact.name.clone(), x.versions.clone())));
        ranges.extend(self.config_rules.iter().map(|x| (x.fact.name.clone(), x.versions.clone())));
        ranges.extend(self.logs.iter().map(|x| (x.fact.name.clone(), x.versions.clone())));
        ranges.extend(self.backups.iter().map(|x| (x.fact.name.clone(), x.versions.clone())));
        for rule in &self.restores {
            ranges.extend([&rule.of, &rule.into].map(|range| (rule.fact.name.clone(), range.clone())));
        }
        ranges.extend(self.version_checks.iter().map(|x| (x.fact.name.clone(), x.versions.clone())));
        ranges.extend(self.settles.iter().map(|x| (x.fact.name.clone(), x.targets.clone())));
        for rung in &self.rungs {
            ranges.extend(rung.requirements.iter().map(|x| (x.fact.name.clone(), x.targets.clone())));
            ranges.extend(rung.hazards.iter().map(|x| (x.fact.name.clone(), x.targets.clone())));
            ranges.extend(rung.changes.iter().map(|x| (x.fact.name.clone(), x.targets.clone())));
            ranges.extend(rung.advisories.iter().map(|x| (x.fact.name.clone(), x.targets.clone())));
        }
        for (block, range) in ranges.into_iter().filter(|(_, range)| !range.is_all()) {
            for minor in range.minors_named().filter(|minor| !minors.contains(minor)) {
                self.gap(
                    "(all files)",
                    block.clone(),
                    format!("\"{range}\" names {minor}, which has no `minor` block"),
                );
            }
        }
        let bare: Vec<Minor> = minors
            .iter()
            .copied()
            .filter(|minor| !self.backups.iter().any(|rule| rule.versions.touches(*minor)))
            .collect();
        for minor in bare {
            self.gap("(all files)", format!("minor \"{minor}\""), "no `backup` block says how its data is saved");
        }
    }

    fn finish(mut self, from: &str) -> Result<Knowledge, KnowledgeError> {
        if !self.problems.is_empty() {
            return Err(KnowledgeError::Data { from: from.to_owned(), problems: self.problems });
        }
        let common = self.every_rung;
        for rung in &mut self.rungs {
            rung.requirements.splice(0..0, common.requirements.iter().cloned());
            rung.hazards.splice(0..0, common.hazards.iter().cloned());
            rung.changes.splice(0..0, common.changes.iter().cloned());
            rung.advisories.splice(0..0, common.advisories.iter().cloned());
            rung.proofs.splice(0..0, common.proofs.iter().cloned());
        }
        let Some(stop) = self.stops.pop() else {
            // check_references has refused data without exactly one; kept as an error, not a panic.
            return Err(KnowledgeError::Data { from: from.to_owned(), problems: Vec::new() });
        };
        let planned = self.lines.iter().filter(|line| line.support != Support::PreRelease);
        Ok(Knowledge {
            minors: planned.map(|line| line.minor).collect(),
            timing: Timing { version_checks: self.version_checks, stop, settle: self.settles },
            lines: self.lines,
            rungs: self.rungs,
            flags: self.flags,
            features: self.features,
            config_rules: self.config_rules,
            logs: self.logs,
            backups: self.backups,
            restores: self.restores,
            notes: self.notes,
        })
    }
}

impl Parts {
    fn append(&mut self, other: Self) {
        self.requirements.extend(other.requirements);
        self.hazards.extend(other.hazards);
        self.changes.extend(other.changes);
        self.advisories.extend(other.advisories);
        self.proofs.extend(other.proofs);
    }
}

fn read_with<T>(
    read: fn(Reader) -> Result<T, Problem>,
    reader: Reader,
    facts: &mut Vec<Fact>,
    of: impl Fn(&T) -> Vec<Fact>,
) -> Result<T, Problem> {
    let value = read(reader)?;
    facts.extend(of(&value));
    Ok(value)
}

fn one(fact: &Fact) -> Vec<Fact> {
    vec![fact.clone()]
}

fn parts_facts(parts: &Parts) -> Vec<Fact> {
    let requirements = parts.requirements.iter().map(|x| &x.fact);
    let hazards = parts.hazards.iter().map(|x| &x.fact);
    let changes = parts.changes.iter().map(|x| &x.fact);
    let advisories = parts.advisories.iter().map(|x| &x.fact);
    let proofs = parts.proofs.iter().map(|x| &x.fact);
    requirements.chain(hazards).chain(changes).chain(advisories).chain(proofs).cloned().collect()
}

/// The facts of a rung, each once.
pub(super) fn rung_facts(rung: &Rung) -> Vec<Fact> {
    let downgrade = rung.downgrade.iter();
    let of_downgrade =
        downgrade.flat_map(|item| std::iter::once(&item.fact).chain(item.requirements.iter().map(|x| &x.fact)));
    let parts = rung.requirements.iter().map(|x| &x.fact).chain(rung.hazards.iter().map(|x| &x.fact));
    let parts = parts.chain(rung.changes.iter().map(|x| &x.fact)).chain(rung.advisories.iter().map(|x| &x.fact));
    let parts = parts.chain(rung.proofs.iter().map(|x| &x.fact));
    [&rung.fact, &rung.rollback.fact].into_iter().chain(parts).chain(of_downgrade).cloned().collect()
}
