//! What commands over the state say: backups that are kept, pruned, verified; locks; what was cleaned.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::backups::{BackupSummary, write_backup};
use super::json::JSON_FORMAT;
use super::page::{Page, Style, Tone, cell};
use super::words::{count, lasting};
use crate::state::{Holder, LockSeen};
use crate::units::{Advised, Bytes};

const LABEL: usize = 9;

/// A backup in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptBackup {
    #[serde(flatten)]
    pub backup: BackupSummary,
    /// Why it stays whatever the retention says, if it does.
    pub needed: Option<String>,
}

#[must_use]
pub fn backup_list_text(backups: &[KeptBackup], broken: &[String], style: Style) -> String {
    let mut page = Page::new(style);
    for kept in backups {
        write_backup(&mut page, &kept.backup);
        if let Some(why) = &kept.needed {
            page.row(2, &[cell(Tone::Faint, "stays", LABEL)], Tone::Plain, why);
        }
        page.blank();
    }
    for why in seen(broken) {
        page.row(0, &[cell(Tone::Bad, "no backup:", 11)], Tone::Plain, &why);
    }
    page.text(0, Tone::Strong, &format!("{}.", count(backups.len(), "backup", "backups")));
    page.finish()
}

#[must_use]
pub fn backup_list_json(backups: &[KeptBackup], broken: &[String]) -> Value {
    let broken: Vec<String> = seen(broken).collect();
    json!({ "type": "backups", "format": JSON_FORMAT, "count": backups.len(), "backups": backups, "broken": broken })
}

/// What is wrong with each, without advice that is for a backup that should be there.
fn seen(broken: &[String]) -> impl Iterator<Item = String> {
    broken.iter().map(|why| Advised::of(why).seen)
}

/// A backup that was read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub id: String,
    pub size: Bytes,
    /// What is wrong with it.
    pub problem: Option<String>,
}

#[must_use]
pub fn verified_text(verified: &[Verified], style: Style) -> String {
    let mut page = Page::new(style);
    for one in verified {
        let (tone, word, text) = match &one.problem {
            None => (Tone::Good, "good", format!("{}, {}: every byte as it was written", one.id, one.size)),
            Some(problem) => (Tone::Bad, "BAD", format!("{}: {}", one.id, Advised::of(problem).seen)),
        };
        page.row(0, &[cell(tone, word, 6)], Tone::Plain, &text);
    }
    let bad = verified.iter().filter(|one| one.problem.is_some()).count();
    let (tone, last) = match bad {
        0 => (Tone::Strong, format!("{} verified.", count(verified.len(), "backup", "backups"))),
        bad => (
            Tone::Bad,
            format!(
                "{} of {}: do not rely on it; take a new one: quorate backup",
                count(bad, "bad one", "bad ones"),
                verified.len()
            ),
        ),
    };
    page.text(0, tone, &last);
    page.finish()
}

#[must_use]
pub fn verified_json(verified: &[Verified]) -> Value {
    let bad = verified.iter().filter(|one| one.problem.is_some()).count();
    json!({ "type": "backup-verify", "format": JSON_FORMAT, "count": verified.len(), "bad": bad, "backups": verified })
}

/// What pruning did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    pub dry_run: bool,
    pub removed: Vec<BackupSummary>,
    pub kept: Vec<KeptBackup>,
}

#[must_use]
pub fn prune_text(report: &PruneReport, style: Style) -> String {
    let mut page = Page::new(style);
    let line = |page: &mut Page, tone, word: &str, backup: &BackupSummary, why: &str| {
        let text = format!("{}, {} from {}, {}{why}", backup.id, backup.taken_at, backup.member, backup.size);
        page.row(0, &[cell(tone, word, 9)], Tone::Plain, &text);
    };
    let gone = if report.dry_run { "would go" } else { "removed" };
    for backup in &report.removed {
        line(&mut page, Tone::Warn, gone, backup, "");
    }
    for kept in &report.kept {
        let why = kept.needed.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        line(&mut page, Tone::Good, "stays", &kept.backup, &why);
    }
    let last = match (report.removed.len(), report.dry_run) {
        (0, _) => "Nothing to prune.".to_owned(),
        (number, true) => format!("{} would be removed. Nothing was changed.", count(number, "backup", "backups")),
        (number, false) => format!("{} removed.", count(number, "backup", "backups")),
    };
    page.text(0, Tone::Strong, &last);
    page.finish()
}

#[must_use]
pub fn prune_json(report: &PruneReport) -> Value {
    json!({ "type": "backup-prune", "format": JSON_FORMAT, "prune": report })
}

/// One thing that was left on a host or on the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// `this machine`, or `m1 on HOST`.
    pub place: String,
    pub path: String,
    pub size: Bytes,
    pub kind: String,
    /// Why it stays, if it does.
    pub kept: Option<String>,
}

/// What cleaning found, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanReport {
    pub dry_run: bool,
    pub found: Vec<Left>,
    /// Hosts that were not looked at, and why.
    pub unseen: Vec<String>,
    pub removed: Vec<String>,
    pub freed: Bytes,
    /// What could not be removed, and why.
    pub failed: Vec<String>,
}

/// Before anything is removed.
#[must_use]
pub fn clean_text(report: &CleanReport, style: Style) -> String {
    let mut page = Page::new(style);
    let mut place = "";
    for left in &report.found {
        if left.place != place {
            place = &left.place;
            page.text(0, Tone::Strong, place);
        }
        let (tone, word) = if left.kept.is_some() { (Tone::Good, "stays") } else { (Tone::Warn, "goes") };
        let why = left.kept.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("{}, {}, {}{why}", left.path, left.kind, left.size);
        page.row(2, &[cell(tone, word, 7)], Tone::Plain, &text);
    }
    for why in &report.unseen {
        page.row(0, &[cell(Tone::Warn, "not looked at:", 15)], Tone::Plain, why);
    }
    let going: Vec<&Left> = report.found.iter().filter(|left| left.kept.is_none()).collect();
    let size = Bytes(going.iter().map(|left| left.size.0).sum());
    let last = match going.len() {
        0 => "Nothing to remove.".to_owned(),
        number => format!("{} to remove, {size}.", count(number, "thing", "things")),
    };
    if !report.found.is_empty() || !report.unseen.is_empty() {
        page.blank();
    }
    page.text(0, Tone::Strong, &last);
    if report.dry_run && !going.is_empty() {
        page.text(0, Tone::Faint, "Nothing was changed.");
    }
    page.finish()
}

/// After it.
#[must_use]
pub fn clean_done_text(report: &CleanReport, style: Style) -> String {
    let mut page = Page::new(style);
    for why in &report.failed {
        page.row(0, &[cell(Tone::Bad, "not removed:", 13)], Tone::Plain, why);
    }
    let removed = count(report.removed.len(), "thing", "things");
    page.text(0, Tone::Strong, &format!("{removed} removed, {} freed.", report.freed));
    page.finish()
}

#[must_use]
pub fn clean_json(report: &CleanReport) -> Value {
    json!({ "type": "clean", "format": JSON_FORMAT, "clean": report })
}

/// When a lock is taken over from somebody who died.
#[must_use]
pub fn left_by_text(holder: &Holder, style: Style) -> String {
    let mut page = Page::new(style);
    let Holder { who, controller, command, pid, since, .. } = holder;
    let run = holder.run.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
    let text = format!(
        "`quorate {command}` of {who} on {controller} (process {pid}, since {since}{run}) ended without giving the state back. \
         Its lock went with it; what it left undone is planned anew"
    );
    page.row(0, &[cell(Tone::Warn, "Note:", 6)], Tone::Plain, &text);
    page.finish()
}

/// What `unlock` found.
#[must_use]
pub fn unlock_text(seen: &LockSeen, now: OffsetDateTime, style: Style) -> String {
    let mut page = Page::new(style);
    match seen {
        LockSeen::Free => page.text(0, Tone::Strong, "The state is not locked: there is nothing to unlock."),
        LockSeen::Held(None) => page.text(0, Tone::Strong, "The state is in use; by whom is not known yet."),
        LockSeen::Held(Some(holder)) | LockSeen::Left(holder) => write_holder(&mut page, holder, now),
    }
    page.finish()
}

fn write_holder(page: &mut Page, holder: &Holder, now: OffsetDateTime) {
    page.text(0, Tone::Strong, "The record in the lock of the state:");
    let since = holder.held_for(now).map(|held| format!(", {} ago", lasting(held))).unwrap_or_default();
    let rows = [
        ("who", format!("{} on {}", holder.who, holder.controller)),
        ("what", format!("quorate {}, process {}", holder.command, holder.pid)),
        ("since", format!("{}{since}", holder.since)),
        ("run", holder.run.clone().unwrap_or_else(|| "none".to_owned())),
    ];
    for (label, text) in rows {
        page.row(2, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, &text);
    }
}

#[must_use]
pub fn unlock_json(seen: &LockSeen, unlocked: bool) -> Value {
    let (state, holder) = match seen {
        LockSeen::Free => ("free", None),
        LockSeen::Held(holder) => ("held", holder.as_ref()),
        LockSeen::Left(holder) => ("left", Some(holder)),
    };
    json!({ "type": "unlock", "format": JSON_FORMAT, "state": state, "holder": holder, "unlocked": unlocked })
}
