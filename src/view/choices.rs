//! The ways back once the cluster version has moved, each with what it costs; and that there is nothing to go back to.

use serde_json::{Value, json};

use super::json::JSON_FORMAT;
use super::page::{Page, Style, Tone, cell};
use super::words::grouped;
use crate::plan::rollback::{BackupTaken, Choices, PointSet};

const LABEL: usize = 8;

/// What is possible. The choice is made by the command that is named.
#[must_use]
pub fn choices_text(choices: &Choices, style: Style) -> String {
    let mut page = Page::new(style);
    let Choices { cluster, from, to, cluster_version, .. } = choices;
    page.text(
        0,
        Tone::Strong,
        &format!("Cluster {cluster}: {from}, and the cluster version is {cluster_version}: completed"),
    );
    page.row(
        2,
        &[cell(Tone::Faint, "swap", LABEL)],
        Tone::Plain,
        &format!("not possible any more: {}", choices.no_swap),
    );
    page.row(2, &[cell(Tone::Faint, "source", LABEL)], Tone::Faint, &choices.source);
    let choice = match choices.declare {
        Some(_) => "The last one loses nothing, the others lose writes, so you choose:",
        None => "Each loses writes, so you choose:",
    };
    page.text(2, Tone::Plain, &format!("These ways lead back to {to}. {choice}"));
    page.blank();
    write_points(&mut page, choices);
    page.blank();
    write_restore(&mut page, choices.restore.as_ref());
    write_downgrade(&mut page, choices);
    page.blank();
    page.text(0, Tone::Strong, "Nothing was changed.");
    page.finish()
}

fn write_downgrade(page: &mut Page, choices: &Choices) {
    let Some(how) = &choices.downgrade else { return };
    page.blank();
    match &choices.declare {
        Some(version) => {
            head(page, "3", Tone::Good, "etcd's own way down, one member after the other");
            row(page, "loses", "nothing");
            row(page, "stops", "one member at a time");
            row(page, "how", how);
            row(page, "do", &format!("declare version = \"{version}\" in the spec, then: quorate apply"));
        }
        None => {
            head(page, "3", Tone::Faint, "etcd's own way down: not taken by this version of quorate");
            row(page, "how", how);
            row(page, "loses", "nothing");
        }
    }
}

fn head(page: &mut Page, number: &str, tone: Tone, text: &str) {
    page.row(2, &[cell(tone, number, 4)], Tone::Strong, text);
}

fn row(page: &mut Page, label: &str, text: &str) {
    page.row(6, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, text);
}

fn write_points(page: &mut Page, choices: &Choices) {
    let command = format!("quorate rollback -points -to {}", choices.to);
    match &choices.points {
        Ok(set) => {
            head(page, "1", Tone::Good, "the rollback points of all members, put back together");
            row(page, "loses", &lost(set));
            row(page, "stops", "all members at once, for some seconds");
            row(page, "keeps", "the data of now, moved aside on each host");
            for (name, point) in &set.members {
                let index = point.raft_index.map_or_else(String::new, |at| format!(", raft index {}", grouped(at.0)));
                row(page, name.as_str(), &format!("{} (taken {}{index})", point.path, point.taken_at));
            }
            row(page, "do", &command);
        }
        Err(why) => {
            head(page, "1", Tone::Faint, "the rollback points of all members: not possible");
            for reason in why {
                row(page, "missing", reason);
            }
        }
    }
}

fn lost(set: &PointSet) -> String {
    let since = format!("every write since {}", set.taken_last());
    match set.lost {
        Some(entries) => format!("{since}: up to {} entries of the raft log, by now", grouped(entries)),
        None => since,
    }
}

fn write_restore(page: &mut Page, backup: Option<&BackupTaken>) {
    match backup {
        Some(backup) => {
            head(page, "2", Tone::Good, "a restore of the backup that was taken before the first stop");
            let revision = backup.revision.map(|at| format!(", revision {}", grouped(at.0))).unwrap_or_default();
            row(page, "loses", &format!("every write since {}{revision}", backup.taken_at));
            row(page, "stops", "all members at once, for some seconds; the cluster gets a new id");
            row(page, "keeps", "the data of now, moved aside on each host");
            row(page, "backup", &backup.dir);
            row(page, "do", &format!("quorate restore {}", backup.id));
        }
        None => {
            head(page, "2", Tone::Faint, "a restore of a backup: this state knows of none from before that upgrade");
        }
    }
}

/// The same for programs.
#[must_use]
pub fn choices_json(choices: &Choices) -> Value {
    let (points, missing) = match &choices.points {
        Ok(set) => (json!({ "set": set, "lost_raft_entries": set.lost, "taken_last": set.taken_last() }), Vec::new()),
        Err(why) => (Value::Null, why.clone()),
    };
    let restore = choices.restore.as_ref().map(|backup| {
        json!({ "id": backup.id, "dir": backup.dir, "taken_at": backup.taken_at, "revision": backup.revision })
    });
    json!({
        "type": "rollback-choices",
        "format": JSON_FORMAT,
        "cluster": choices.cluster,
        "from": choices.from,
        "to": choices.to,
        "cluster_version": choices.cluster_version,
        "points": points,
        "points_missing": missing,
        "restore": restore,
        "downgrade": choices.downgrade,
        "declare": choices.declare,
    })
}

/// There is nothing to go back to.
#[must_use]
pub fn nothing_text(cluster: &str, why: &str, style: Style) -> String {
    let mut page = Page::new(style);
    page.text(0, Tone::Strong, &format!("Nothing to roll back. Cluster {cluster}: {why}."));
    page.finish()
}

#[must_use]
pub fn nothing_json(cluster: &str, why: &str) -> Value {
    json!({ "type": "nothing-to-roll-back", "format": JSON_FORMAT, "cluster": cluster, "why": why })
}
