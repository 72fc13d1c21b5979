//! What a plan says of the backup that it restores.

use super::page::{Page, Tone, cell};
use super::phrases::joined;
use super::words::{count, grouped};
use crate::knowledge::RestoreMeans;
use crate::plan::model::{Plan, Proof, RestoreAction, RestoreMember, RestoreSource};
use crate::units::MemberName;

const LABEL: usize = 10;

/// The id of the run that a plan begins is not known yet.
const ID_OF_THIS_RUN: &str = "RUN";

pub fn write_source(page: &mut Page, plan: &Plan, backup: &RestoreSource) {
    for (label, text) in source_rows(plan, backup) {
        page.row(2, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, &text);
    }
}

/// Which backup, what it holds, how that is known; and what is lost.
pub fn source_rows(plan: &Plan, backup: &RestoreSource) -> [(&'static str, String); 5] {
    let taken = format!("taken {} from {}, which ran {}", backup.taken_at, backup.member, backup.version);
    let known = match backup.proof {
        Proof::Trial => {
            "its hashes, and a trial restore in a scratch place just now, with the version that it is restored to"
        }
        Proof::Manifest => "its hashes and its manifest; it was not restored on trial",
    };
    [
        ("backup", format!("{} · {taken} · {} · {}", backup.id, backup.size(), backup.path.display())),
        ("holds", contents(backup)),
        ("known by", known.to_owned()),
        ("loses", format!("everything that was written since{}", behind(plan, backup))),
        ("keeps", "the data of now, moved aside on each host".to_owned()),
    ]
}

fn contents(backup: &RestoreSource) -> String {
    let keys = |keys: &Option<(u64, crate::units::Sha256)>| match keys {
        Some((number, digest)) => format!("{} keys, sha256 {}", grouped(*number), digest.short()),
        None => "keys that were not counted".to_owned(),
    };
    let v3 = backup.v3.as_ref().map(|v3| format!("v3: revision {}, {}", grouped(v3.revision.0), keys(&v3.keys)));
    let v2 = backup.v2.as_ref().map(|v2| format!("v2: {}", keys(&v2.keys)));
    joined(v3.into_iter().chain(v2))
}

fn behind(plan: &Plan, backup: &RestoreSource) -> String {
    match (plan.summary.revision, backup.v3.as_ref().map(|v3| v3.revision)) {
        (Some(now), Some(then)) if now > then => {
            let lost = usize::try_from(now.0 - then.0).unwrap_or(usize::MAX);
            format!(": {} by now", count(lost, "revision", "revisions"))
        }
        _ => String::new(),
    }
}

/// What each member is compared with.
pub fn expected(backup: &RestoreSource) -> String {
    format!("what the backup holds ({})", contents(backup))
}

/// By which tool, and where to.
pub fn laid(action: &RestoreAction) -> Vec<(&'static str, String)> {
    let id = action.id.as_deref().unwrap_or(ID_OF_THIS_RUN);
    let how = match action.means {
        RestoreMeans::ForceNewCluster => format!(
            "etcd {} on this machine: the first member from the backup (--force-new-cluster), the others added one by one, \
             then the real peer URLs; each data directory is sent to its host",
            action.version
        ),
        means => {
            format!("{} snapshot restore of {} on each host, token quorate-restore-{id}", means.tool(), action.version)
        }
    };
    let to = |(name, member): (&MemberName, &RestoreMember)| {
        let wal = member.wal_dir.as_ref().map(|wal| format!(" and {wal}.quorate-in-{id}")).unwrap_or_default();
        format!("{name}: {}.quorate-in-{id}{wal}, peer {}", member.data_dir, member.peer_urls.join(","))
    };
    vec![("by", how), ("does", joined(action.members.iter().map(to)))]
}
