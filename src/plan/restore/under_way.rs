//! Under way: what an earlier run of a restore left on the hosts, as their notes say it; and what the note will say.

use std::collections::{BTreeMap, BTreeSet};

use crate::knowledge::RestoreMeans;
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    BinaryChange, CreateAction, MemberReplacement, REPLACEMENT_FORMAT, Replacement, ReplacementKind, ReplacementPhase,
    RestoreMember, RestoreSource,
};
use crate::plan::replacing::{Notes, notes, noun, refuse_wrong};
use crate::plan::restore::{Begin, RestoreInput, version_there};
use crate::plan::settings;
use crate::plan::survey::Survey;
use crate::units::MemberName;

/// The restore that is to be finished, if one is.
pub(super) fn find(from: &RestoreInput<'_>, findings: &mut Findings) -> Option<Replacement> {
    if from.begin == Begin::Anew {
        return None;
    }
    let note = match notes(from.input.inventory) {
        Notes::None => return None,
        Notes::Wrong(why) => {
            refuse_wrong(&why, findings);
            return None;
        }
        Notes::One(note) => *note,
    };
    let to = &from.input.cluster.version;
    if note.kind == ReplacementKind::Restore && note.source == from.backup.id && note.to == *to {
        return Some(note);
    }
    findings.refuse(
        "replacement-under-way",
        None,
        Words {
            seen: format!(
                "{} of {} to {} is under way, begun by run {}",
                noun(&note),
                note.source,
                note.to,
                note.id.as_deref().unwrap_or("?")
            ),
            must: format!("what was begun is finished before a restore of {} to {to}", from.backup.id),
            fix: format!(
                "finish it (`{}`), or give it up: `quorate restore -anew {}` moves aside whatever is there",
                note.command(),
                from.backup.id
            ),
        },
        None,
    );
    None
}

/// Whether data is still to be put in place. Later, members are only started: all hold the same, so it is no matter which
/// of them have served already.
pub(super) fn replaces(note: &Replacement) -> bool {
    match note.phase {
        ReplacementPhase::Replacing => true,
        ReplacementPhase::Starting | ReplacementPhase::Joining => false,
    }
}

/// A note came from a host: its paths are only used where they are those that were seen, or would be made.
pub(super) fn check(
    note: &Replacement,
    from: &RestoreInput<'_>,
    survey: &Survey<'_>,
    (members, to_make): (&BTreeMap<MemberName, RestoreMember>, &[CreateAction]),
    findings: &mut Findings,
) {
    if let Some(made) = to_make.first().filter(|_| !replaces(note)) {
        lost_while_starting(made, from.backup, findings);
    }
    let mut wrong = Vec::new();
    if !note.members.keys().eq(survey.members.iter().map(|member| &member.view.name).collect::<BTreeSet<_>>()) {
        wrong.push("the note speaks of other members than the spec declares".to_owned());
    }
    for (name, noted) in &note.members {
        // Of one that could not be looked at, a refusal tells already.
        let Some(seen) = members.get(name) else { continue };
        if noted.data_dir != seen.data_dir || noted.wal_dir != seen.wal_dir {
            wrong.push(format!("{name}: the note speaks of another data directory than the one that is configured"));
        }
    }
    if !wrong.is_empty() {
        refuse_wrong(&wrong, findings);
    }
}

/// Members of one cluster come from one assembly. Where those of the run that began it are gone, it is begun anew.
pub(super) fn can_go_on(from: &RestoreInput<'_>, note: &Replacement, means: RestoreMeans) -> bool {
    let id = note.id.as_deref().unwrap_or_default();
    means != RestoreMeans::ForceNewCluster || !replaces(note) || (from.packed)(id)
}

/// Once members were started, the others may have taken writes: a member that is gone has no data to come back with.
fn lost_while_starting(made: &CreateAction, backup: &RestoreSource, findings: &mut Findings) {
    findings.refuse(
        "member-found",
        None,
        Words {
            seen: format!("all members had their restored data, and of {} nothing is there any more", made.member),
            must: "a restore that was begun is finished with the members that it was begun with".to_owned(),
            fix: format!("begin it again: `quorate restore -anew {}`", backup.id),
        },
        None,
    );
}

/// What the note will say; where one is there, the very same.
pub(super) fn replacement(
    from: &RestoreInput<'_>,
    survey: &Survey<'_>,
    under_way: Option<&Replacement>,
    members: &BTreeMap<MemberName, RestoreMember>,
    binaries: &BTreeMap<MemberName, BinaryChange>,
) -> Replacement {
    if let Some(note) = under_way {
        return note.clone();
    }
    let to = from.input.cluster.version.clone();
    let surveyed = |name: &MemberName| survey.members.iter().find(|member| member.view.name == *name);
    let of = |(name, member): (&MemberName, &RestoreMember)| {
        let replacement = MemberReplacement {
            data_dir: member.data_dir.clone(),
            wal_dir: member.wal_dir.clone(),
            size: from.backup.size(),
            copy_of: None,
            binary: binaries.get(name).cloned(),
            settings: surveyed(name).and_then(|member| settings::back(member, &to)),
        };
        (name.clone(), replacement)
    };
    let planned = members.iter().map(of).collect();
    Replacement {
        format: REPLACEMENT_FORMAT,
        kind: ReplacementKind::Restore,
        id: None,
        phase: ReplacementPhase::Replacing,
        from: version_there(survey).unwrap_or_else(|| to.clone()),
        to,
        source: from.backup.id.clone(),
        // They hold the same, to the last bit: none must wait for another.
        first: members.keys().cloned().collect(),
        then: Vec::new(),
        member_list: Vec::new(),
        members: planned,
    }
}
