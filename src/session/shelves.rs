//! Ids that are kept, by the names of folders alone: what is offered to somebody who types one.

use std::path::{Path, PathBuf};

use crate::backup;
use crate::spec::{Inputs, default_backup_dir, default_state_dir, load};
use crate::state::ids_in;

/// Most backups that are offered: each is looked at.
const MOST_BACKUPS: usize = 1000;

/// Where a spec keeps runs and backups. Nothing of it has to be there, and nothing is made.
pub struct Shelves {
    state_dir: PathBuf,
    backup_dirs: Vec<PathBuf>,
}

impl Shelves {
    /// Of the spec in a folder, of all its clusters or the named one. Where the spec does not hold: the places of one
    /// that says nothing about them.
    pub fn of_spec(dir: &Path, inputs: &Inputs, cluster: Option<&str>) -> Self {
        let Ok(loaded) = load(dir, inputs) else {
            let state_dir = default_state_dir(dir);
            return Self { backup_dirs: vec![default_backup_dir(&state_dir)], state_dir };
        };
        let clusters = loaded.spec.clusters.into_iter();
        let wanted = clusters.filter(|one| cluster.is_none_or(|name| one.name.as_str() == name));
        let mut backup_dirs: Vec<PathBuf> = wanted.map(|cluster| cluster.backup.dir).collect();
        backup_dirs.sort();
        backup_dirs.dedup();
        Self { state_dir: loaded.spec.settings.state_dir, backup_dirs }
    }

    /// The newest first. Where the folder cannot be read, there are none.
    pub fn run_ids(&self) -> Vec<String> {
        ids_in(&self.state_dir.join("runs"))
    }

    /// The newest first: the names of folders with a manifest in them, which nobody has read.
    pub fn backup_ids(&self) -> Vec<String> {
        let of_folder = |dir: &PathBuf| {
            let is_backup = |id: &String| backup::has_manifest(&dir.join(id));
            ids_in(dir).into_iter().filter(is_backup).take(MOST_BACKUPS).collect::<Vec<_>>()
        };
        let mut ids: Vec<String> = self.backup_dirs.iter().flat_map(of_folder).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.dedup();
        ids
    }
}
