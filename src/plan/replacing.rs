//! Replacing: is the data of the whole cluster being replaced? The notes beside the data directories say so. Only what
//! began it may go on.

use crate::observe::inventory::{Inventory, MemberView};
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{Plan, REPLACEMENT_FORMAT, Refusal, Replacement, ReplacementKind};

/// What the notes on the hosts say, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notes {
    None,
    /// With the phase that all hosts have reached at least.
    One(Box<Replacement>),
    /// Notes that cannot be acted on: one sentence each.
    Wrong(Vec<String>),
}

/// Reads the notes. They came from hosts: whatever does not fit is told, and nothing is guessed.
pub fn notes(inventory: &Inventory) -> Notes {
    let mut found: Vec<(&MemberView, Replacement)> = Vec::new();
    let mut wrong = Vec::new();
    for view in &inventory.members {
        let Some(text) = text(view) else { continue };
        match serde_json::from_str::<Replacement>(text) {
            Ok(note) if note.format == REPLACEMENT_FORMAT && note.id.is_some() => found.push((view, note)),
            Ok(note) => wrong.push(format!("the note on {} has format {}", view.name, note.format)),
            Err(error) => wrong.push(format!("the note on {} cannot be read: {error}", view.name)),
        }
    }
    let Some((first, note)) = found.first() else {
        return if wrong.is_empty() { Notes::None } else { Notes::Wrong(wrong) };
    };
    // A phase is told to all hosts before anything of it is done.
    let phase = found.iter().map(|(_, note)| note.phase).min().unwrap_or(note.phase);
    for (view, other) in &found {
        if (Replacement { phase, ..other.clone() }) != (Replacement { phase, ..note.clone() }) {
            wrong.push(format!("the notes on {} and {} speak of two different replacements", first.name, view.name));
        }
    }
    if wrong.is_empty() { Notes::One(Box::new(Replacement { phase, ..note.clone() })) } else { Notes::Wrong(wrong) }
}

fn text(view: &MemberView) -> Option<&str> {
    let host = view.host.known()?;
    let data = host.member.as_ref().map(|facts| &facts.data_dir).or(host.data_without_member.as_ref())?;
    data.replacing.as_deref()
}

/// Why nothing else may be done to this cluster, if so.
pub fn refusals(inventory: &Inventory) -> Vec<Refusal> {
    let mut findings = Findings::default();
    match notes(inventory) {
        Notes::None => {}
        Notes::One(note) => refuse_under_way(inventory, &note, &mut findings),
        Notes::Wrong(why) => refuse_wrong(&why, &mut findings),
    }
    findings.refusals
}

/// For a saved plan: what is under way on the hosts that it was not made to finish.
pub fn differs(saved: &Plan, inventory: &Inventory) -> Option<String> {
    let finishes = saved.replacement().or_else(|| saved.readding()).and_then(|replacement| replacement.id.as_ref());
    match notes(inventory) {
        Notes::None => finishes.map(|id| format!("the replacement {id}, which it finishes, is no longer under way")),
        Notes::One(note) if note.id.as_ref() == finishes => None,
        Notes::One(note) => Some(format!("{} is under way", called(&note))),
        Notes::Wrong(why) => Some(why.join("; ")),
    }
}

fn refuse_under_way(inventory: &Inventory, note: &Replacement, findings: &mut Findings) {
    let marked: Vec<&str> =
        inventory.members.iter().filter(|view| text(view).is_some()).map(|view| view.name.as_str()).collect();
    findings.refuse(
        "replacement-under-way",
        None,
        Words {
            seen: format!(
                "{} is under way, begun by run {}: there is a note beside the data of {}",
                called(note),
                note.id.as_deref().unwrap_or("?"),
                marked.join(", ")
            ),
            must: match note.kind {
                ReplacementKind::Rollback | ReplacementKind::Restore => {
                    "the data of all members is replaced before anything else is done: some have their new data, some may \
                     still have their old"
                }
                ReplacementKind::Readd => {
                    "the member has left the cluster, and joined it again, before anything else is done"
                }
            }
            .to_owned(),
            fix: format!("`{}` looks at what is there, and finishes it", note.command()),
        },
        None,
    );
}

/// For those that could finish one and cannot act on what they found.
pub fn refuse_wrong(why: &[String], findings: &mut Findings) {
    findings.refuse(
        "replacement-note",
        None,
        Words {
            seen: why.join("; "),
            must: "the notes beside the data directories say, all alike, what is under way".to_owned(),
            // Notes differ where a restore was begun anew, and cut off while the hosts were told of it.
            fix:
                "use the quorate that began it; the notes are the files that end in .quorate-replacing. Or give it up: \
                  `quorate restore -anew BACKUP` moves aside whatever is there"
                    .to_owned(),
        },
        None,
    );
}

/// `a rollback to 3.1.20`.
pub fn called(note: &Replacement) -> String {
    match note.kind {
        ReplacementKind::Rollback | ReplacementKind::Restore => format!("{} to {}", noun(note), note.to),
        ReplacementKind::Readd => {
            let member = note.members.keys().next().map_or("a member", |name| name.as_str());
            format!("the re-adding of {member}, back to {},", note.to)
        }
    }
}

/// `a rollback`, `a restore`.
pub fn noun(note: &Replacement) -> &'static str {
    match note.kind {
        ReplacementKind::Rollback => "a rollback",
        ReplacementKind::Restore => "a restore",
        ReplacementKind::Readd => "the re-adding of a member",
    }
}
