//! Backups in a list.

use serde::Serialize;

use super::page::{Page, Style, Tone, cell};
use super::words::{count, grouped};
use crate::units::{Bytes, ClusterName, MemberName, Revision, Version};

/// One backup as its manifest tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupSummary {
    pub id: String,
    pub cluster: ClusterName,
    /// RFC 3339.
    pub taken_at: String,
    pub member: MemberName,
    pub version: Version,
    /// Of the v3 snapshot, where there is one.
    pub revision: Option<Revision>,
    pub size: Bytes,
    /// What was checked, and how it came out.
    pub checks: Vec<String>,
    pub dir: String,
}

/// Backups, each with where it is and how far it was verified.
#[must_use]
pub fn backups_text(backups: &[BackupSummary], style: Style) -> String {
    let mut page = Page::new(style);
    for backup in backups {
        write_backup(&mut page, backup);
        page.blank();
    }
    page.text(0, Tone::Strong, &format!("{}.", count(backups.len(), "backup", "backups")));
    page.finish()
}

pub(super) fn write_backup(page: &mut Page, backup: &BackupSummary) {
    const LABEL: usize = 9;
    page.text(0, Tone::Strong, &format!("Backup {} of cluster {}", backup.id, backup.cluster));
    let revision = backup.revision.map(|at| format!(", revision {}", grouped(at.0))).unwrap_or_default();
    let taken =
        format!("{} from {}, etcd {}{revision}, {}", backup.taken_at, backup.member, backup.version, backup.size);
    page.row(2, &[cell(Tone::Faint, "taken", LABEL)], Tone::Plain, &taken);
    page.row(2, &[cell(Tone::Faint, "where", LABEL)], Tone::Plain, &backup.dir);
    if backup.checks.is_empty() {
        page.row(2, &[cell(Tone::Faint, "checked", LABEL)], Tone::Warn, "not at all: do not rely on it");
    } else {
        page.row(2, &[cell(Tone::Faint, "checked", LABEL)], Tone::Good, &backup.checks.join(" · "));
    }
}
