//! What a rollback of a whole cluster and a restore share: all members down at once, at a person's wish, and other data
//! put in the place of theirs. And the re-adding of one member, whose data cannot go back with it.
//!
//! Nothing is deleted. Beside each data directory `DATA`:
//!
//! - `DATA.quorate-in-ID` is what will take its place, laid ready while the members still run;
//! - `DATA.quorate-replaced-ID` is what it was, moved aside;
//! - `DATA.quorate-replacing` is the note: it lies beside **every** data directory before the first is replaced (where one
//!   member is re-added: beside its own, before it leaves the cluster), and is removed when all members serve again. Whoever finds one knows all that is needed to finish, without any state of
//!   its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::BinaryChange;
use crate::observe::inventory::ListedMember;
use crate::observe::settings::SettingsChange;
use crate::units::{Bytes, MemberName, Version};

/// Format of the note. One that does not match is not acted on.
pub const REPLACEMENT_FORMAT: u32 = 1;

/// The note beside the data directories while they are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    pub format: u32,
    pub kind: ReplacementKind,
    /// Part of the name of everything that is laid ready or moved aside. `None` in a plan that begins a replacement: it
    /// is the id of its run. A note on a host always has it.
    pub id: Option<String>,
    pub phase: ReplacementPhase,
    pub from: Version,
    pub to: Version,
    /// What takes the place of the data, for people: the runs of the rollback points, the id of a backup.
    pub source: String,
    /// Exactly a quorum: they are started first, together.
    pub first: Vec<MemberName>,
    /// The others, one by one, in this order.
    pub then: Vec<MemberName>,
    /// The list of members as it will be; empty where it is not known before they serve. Of a re-adding: the member as it was
    /// listed before.
    pub member_list: Vec<ListedMember>,
    pub members: BTreeMap<MemberName, MemberReplacement>,
}

impl Replacement {
    /// The command that finishes it.
    pub fn command(&self) -> String {
        match self.kind {
            ReplacementKind::Rollback => "quorate rollback".to_owned(),
            ReplacementKind::Readd => "quorate apply".to_owned(),
            ReplacementKind::Restore => format!("quorate restore {}", self.backup()),
        }
    }

    /// Of a re-adding: who it is, and what the cluster listed it as before.
    pub fn readded(&self) -> Option<(&MemberName, &MemberReplacement, &ListedMember)> {
        let (name, member) = self.members.first_key_value().filter(|_| self.kind == ReplacementKind::Readd)?;
        let before = self.member_list.iter().find(|listed| listed.name == name.as_str())?;
        Some((name, member, before))
    }

    /// Its source came from a host: what is no id is not put into a command line.
    fn backup(&self) -> &str {
        let is_id = |text: &str| {
            let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            plain && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        if is_id(&self.source) { &self.source } else { "BACKUP" }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplacementKind {
    Rollback,
    Restore,
    /// One member: it leaves the cluster, and joins it again, empty, with an older binary. The cluster serves meanwhile.
    Readd,
}

/// How far it is, as far as all hosts were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplacementPhase {
    /// No member may run: some have their new data, some their old.
    Replacing,
    /// All have their new data; the first quorum is being started. Nobody else may run yet.
    Starting,
    /// The first quorum has served: from here on it is a cluster like any other, and the rest joins it.
    Joining,
}

/// What is replaced on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberReplacement {
    pub data_dir: String,
    /// Outside the data directory.
    pub wal_dir: Option<String>,
    /// The rollback point whose copy takes the place. It is copied, never moved, so that it stays usable until the end.
    /// `None`: what takes the place lies ready already (a restored directory).
    pub copy_of: Option<DataCopy>,
    /// Of what is copied, as far as it is known; for bounds and for people.
    pub size: Bytes,
    /// The binary that is put in place too.
    pub binary: Option<BinaryChange>,
    /// The files that set its options, as they were with that binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsChange>,
}

/// A copy of a member's data on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCopy {
    pub data: String,
    /// Of a WAL directory outside the data directory.
    pub wal: Option<String>,
}

/// One member that is down: other data takes the place of its own, then, perhaps, another binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceAction {
    pub member: MemberName,
    /// As in [`Replacement::id`].
    pub id: Option<String>,
    pub from: Version,
    pub to: Version,
    pub replacement: MemberReplacement,
}
