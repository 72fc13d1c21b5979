//! Whole: all members go back to their rollback points, together. The one safe order: all stopped; a note beside every data
//! directory; all data moved aside and all copies put in place; then exactly a quorum that holds the longest log, together,
//! until it serves; then the others, one by one. Started in any other way, members may differ without a word.
//!
//! What an interrupted run left is finished from the note alone.

use std::collections::BTreeMap;

use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    DataCopy, MemberReplacement, REPLACEMENT_FORMAT, Refusal, Replacement, ReplacementKind, ReplacementPhase,
};
use crate::plan::rollback::ground::{self, Ground};
use crate::plan::rollback::steps::{has_process, steps};
use crate::plan::rollback::{PointSet, Rollback, RollbackInput, assemble, points};
use crate::plan::survey::{Survey, Surveyed};
use crate::plan::target::{Direction, Way};
use crate::plan::{hosts, replacing, settings};
use crate::units::{MemberName, Version};

/// From the points that are there.
pub fn begin(
    from: &RollbackInput<'_>,
    survey: &Survey<'_>,
    ground: &Ground,
    to: &Version,
    mut findings: Findings,
) -> Result<Rollback, Vec<Refusal>> {
    let set = match points::find(survey, to) {
        Ok(set) => set,
        Err(why) => {
            refuse_points(to, &why, &mut findings);
            return Err(findings.refusals);
        }
    };
    hosts_ready(from, survey, &mut findings);
    let members = replacements(from, survey, &set, &mut findings);
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    let quorum = set.members.len() / 2 + 1;
    let names: Vec<MemberName> = set.members.iter().map(|(name, _)| name.clone()).collect();
    let replacement = Replacement {
        format: REPLACEMENT_FORMAT,
        kind: ReplacementKind::Rollback,
        id: None,
        phase: ReplacementPhase::Replacing,
        from: ground.newest.clone(),
        to: to.clone(),
        source: set.runs().join(", "),
        first: names.iter().take(quorum).cloned().collect(),
        then: names.iter().skip(quorum).cloned().collect(),
        // The copies hold it as it was: who was added since, or was given another URL, is not in it as it is now.
        member_list: Vec::new(),
        members,
    };
    warn_of_loss(&set, ground, &mut findings);
    let steps = steps(from.input.cluster, survey, &replacement);
    let plan = assemble(from, survey, (&ground.newest, to), findings, steps, clients(&set));
    Ok(Rollback::Plan(Box::new(plan)))
}

/// What an interrupted run began.
pub fn finish(from: &RollbackInput<'_>, survey: &Survey<'_>, note: &Replacement) -> Result<Rollback, Vec<Refusal>> {
    let mut findings = Findings::default();
    for member in &survey.members {
        fits(member, note, &mut findings);
    }
    if note.members.len() != survey.members.len() {
        replacing::refuse_wrong(&["the note speaks of other members than the spec declares".to_owned()], &mut findings);
    }
    if let Some(asked) = from.asked.to.as_ref().filter(|asked| **asked != note.to) {
        refuse_other_target(asked, note, &mut findings);
    }
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    findings.warn(
        "replacement-under-way",
        None,
        format!(
            "run {} was cut off while the data of all members was being replaced: this finishes it, to {}",
            note.id.as_deref().unwrap_or("?"),
            note.to
        ),
        None,
    );
    let note = &Replacement { phase: phase_to_go_on_from(survey, note), ..note.clone() };
    let steps = steps(from.input.cluster, survey, note);
    let clients = vec!["no service until the last steps: members are down, or are not all back yet".to_owned()];
    Ok(Rollback::Plan(Box::new(assemble(from, survey, (&note.from, &note.to), findings, steps, clients))))
}

/// Before the first quorum has served nobody else may run: with a member of it, one that its host has started by itself
/// could elect somebody who lacks what the longest log has. Then all are stopped again, and who has run gets a fresh copy.
fn phase_to_go_on_from(survey: &Survey<'_>, note: &Replacement) -> ReplacementPhase {
    let too_early = note.then.iter().any(|name| has_process(survey, name));
    match note.phase {
        ReplacementPhase::Starting if too_early => ReplacementPhase::Replacing,
        phase => phase,
    }
}

/// A note came from a host: its paths are only used where they are those that were seen.
fn fits(member: &Surveyed<'_>, note: &Replacement, findings: &mut Findings) {
    let (name, Some(facts)) = (&member.view.name, member.facts()) else {
        let why = member.view.host.why().unwrap_or("nothing of the member was found");
        findings.refuse(
            "host-reachable",
            Some(member.view),
            Words {
                seen: why.to_owned(),
                must: "every host can be looked at: the data of all members is replaced together".to_owned(),
                fix: "make the host reachable by `ssh` as the spec says, then run it again".to_owned(),
            },
            None,
        );
        return;
    };
    let Some(planned) = note.members.get(name) else {
        replacing::refuse_wrong(&[format!("the note does not speak of {name}")], findings);
        return;
    };
    let data = &facts.data_dir;
    let is_point = |copy: &DataCopy| {
        data.rollback_points.iter().any(|point| point.path == copy.data && point.wal_path == copy.wal)
    };
    let mut wrong = |what: &str| replacing::refuse_wrong(&[format!("{name}: {what}")], findings);
    if planned.data_dir != data.path || planned.wal_dir.as_ref() != data.outer_wal_dir() {
        wrong("the note speaks of another data directory than the one that is configured");
    }
    if note.phase != ReplacementPhase::Joining && !planned.copy_of.as_ref().is_some_and(is_point) {
        wrong("the rollback point that the note speaks of is not there");
    }
    let known = |path: &String| facts.files.iter().any(|file| file.path == *path);
    if planned.settings.iter().flat_map(|change| &change.files).any(|edit| !known(&edit.path)) {
        wrong("the note speaks of another file than those that set its options");
    }
    if planned.binary.as_ref().is_some_and(|binary| binary.path != facts.binary.path) {
        wrong("the note speaks of another binary than the one that is configured");
    }
}

fn refuse_other_target(asked: &Version, note: &Replacement, findings: &mut Findings) {
    findings.refuse(
        "rollback-target",
        None,
        Words {
            seen: format!("-to {asked}; a rollback to {} is under way", note.to),
            must: "what was begun is finished first".to_owned(),
            fix: "`quorate rollback`, without -to".to_owned(),
        },
        None,
    );
}

fn refuse_points(to: &Version, why: &[String], findings: &mut Findings) {
    findings.refuse(
        "rollback-points",
        None,
        Words {
            seen: why.join("; "),
            must: format!(
                "every member has a rollback point of {to}: no member may keep data that has seen the newer version"
            ),
            fix: "restore a backup instead: `quorate restore BACKUP`".to_owned(),
        },
        None,
    );
}

/// Units, certificates, what would be started: the same as before any stop.
fn hosts_ready(from: &RollbackInput<'_>, survey: &Survey<'_>, findings: &mut Findings) {
    let cluster = from.input.cluster;
    let left = survey.members.iter().map(|member| member.view.name.clone()).collect();
    let way = Way {
        from: cluster.version.clone(),
        to: cluster.version.clone(),
        left,
        cluster_version_behind: false,
        direction: Direction::Up,
        told_down_to: None,
    };
    hosts::check(cluster, survey, &way, from.input.knowledge, findings);
}

fn replacements(
    from: &RollbackInput<'_>,
    survey: &Survey<'_>,
    set: &PointSet,
    findings: &mut Findings,
) -> BTreeMap<MemberName, MemberReplacement> {
    let mut members = BTreeMap::new();
    for (name, point) in &set.members {
        let Some(member) = survey.members.iter().find(|member| member.view.name == *name) else { continue };
        let (Some(facts), Some(binary)) = (member.facts(), ground::back(from, member, &set.version, findings)) else {
            continue;
        };
        members.insert(
            name.clone(),
            MemberReplacement {
                data_dir: facts.data_dir.path.clone(),
                wal_dir: facts.data_dir.outer_wal_dir().cloned(),
                copy_of: Some(DataCopy { data: point.path.clone(), wal: point.wal_path.clone() }),
                size: hosts::rollback_point_size(facts),
                binary: Some(binary),
                settings: settings::back(member, &set.version),
            },
        );
    }
    members
}

fn warn_of_loss(set: &PointSet, ground: &Ground, findings: &mut Findings) {
    let entries = match set.lost {
        Some(entries) => format!("up to {entries} entries of the raft log"),
        None => "how many is not known".to_owned(),
    };
    findings.warn(
        "writes-lost",
        None,
        format!(
            "every write since the newest rollback point ({}) is lost: {entries}. What is lost stays on each host, in the \
             data directory that is moved aside; no {} can read it",
            set.taken_last(),
            set.version
        ),
        None,
    );
    if set.runs().len() > 1 {
        findings.warn(
            "rollback-points",
            None,
            format!("the rollback points are of {} runs: {}", set.runs().len(), set.runs().join(", ")),
            None,
        );
    }
    if !ground.all_serve {
        findings.warn("members-down", None, format!("not all members answer: {}", ground.each), None);
    }
}

fn clients(set: &PointSet) -> Vec<String> {
    vec![
        "no service from the stop of all members until the first quorum is up: about 5 s for a small cluster"
            .to_owned(),
        format!("writes since {} are gone, also acknowledged ones", set.taken_last()),
        "revisions and indexes go back and are used again: whoever keeps one (watches, caches) has to read anew"
            .to_owned(),
    ]
}
