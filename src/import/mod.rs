//! Import: the first spec of a cluster that is there, from what one look saw of it.
//!
//! In come the hosts that were named and an [`Inventory`]; out go a draft to look with, what to look at next (another
//! unit, members that nobody named), and the text of the spec. Pure functions: the session looks, the command line writes
//! the file. Nothing is guessed: where members differ, the spec says nothing and a comment says so.

mod draft;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::observe::inventory::Inventory;
use crate::plan::survey::Survey;
use crate::units::{Advised, ClusterName, Version};

pub use draft::{Target, TargetError, draft, follow};
pub use text::spec_text;

/// How the hosts are reached, as a `connection` block says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    Local,
    Ssh {
        user: Option<String>,
        become_sudo: BecomeSudo,
        /// Paths on the controller.
        config_file: Option<String>,
        identity_file: Option<String>,
    },
}

/// Whether commands on the hosts go through `sudo -n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BecomeSudo {
    Yes,
    No,
}

/// How members are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunBy {
    /// The unit's name; the default one, until another is found.
    Unit(String),
    /// The folder of plain processes that quorate made.
    Folder(String),
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub cluster: ClusterName,
    pub reach: Reach,
    pub run_by: RunBy,
    pub targets: Vec<Target>,
    /// Where releases are taken from, where it is not upstream's site.
    pub release_url: Option<String>,
}

/// Why there is no spec, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no spec can be made of what was seen: {}", .0.join("; "))]
pub struct ImportError(pub Vec<String>);

/// The version that all members run.
fn version(inventory: &Inventory) -> Result<Version, ImportError> {
    let survey = Survey::of(inventory);
    let silent: Vec<String> = inventory
        .members
        .iter()
        .filter_map(|view| Some(format!("{}: {}", view.name, Advised::of(view.host.why().or(view.etcd.why())?).seen)))
        .collect();
    if !silent.is_empty() {
        return Err(ImportError(silent));
    }
    let each = || survey.serving().map(|(view, etcd)| format!("{} runs {}", view.name, etcd.server_version)).collect();
    let versions: BTreeSet<&Version> = survey.serving().map(|(_, etcd)| &etcd.server_version).collect();
    match versions.first() {
        Some(&version) if versions.len() == 1 => Ok(version.clone()),
        _ => Err(ImportError(each())),
    }
}
