//! Session: opens what a command needs and calls the rooms in order: spec, knowledge, connections, observe, releases,
//! plan, execute.
//!
//! In comes where the spec is and what was given to it; out come plans, endings, backups, or a [`SessionError`]. It has
//! no rules of its own, and prints nothing.

mod backup;
mod choose;
mod connect;
mod error;
mod plan;
mod releases;
mod restore;
mod rollback;
mod run;

use std::path::Path;

use crate::knowledge::Knowledge;
use crate::spec::model::Cluster;
use crate::spec::{Diagnostic, Inputs, load};
use crate::state::State;
use crate::units::ClusterName;
use choose::choose_cluster;

pub use error::SessionError;
pub use plan::{Live, Planned};
pub use rollback::RollbackPlanned;
pub use run::Ran;

/// Where events of a run go.
pub type Events<'a> = &'a (dyn Fn(crate::execute::event::Event) + Send + Sync);

/// A spec that was read, with one cluster chosen, and its state directory.
pub struct Session {
    pub cluster: Cluster,
    pub warnings: Vec<Diagnostic>,
    knowledge: Knowledge,
    state: State,
}

impl Session {
    /// Reads the spec and chooses the cluster: the named one, or the only one.
    pub fn open(dir: &Path, inputs: &Inputs, cluster: Option<&str>) -> Result<Self, SessionError> {
        let loaded = load(dir, inputs).map_err(SessionError::Spec)?;
        let cluster = choose(loaded.spec.clusters, cluster)?;
        let state = State::open(&loaded.spec.settings.state_dir)?;
        Ok(Self { cluster, warnings: loaded.warnings, knowledge: Knowledge::embedded()?, state })
    }

    /// For a saved plan: what it declares stands for the spec.
    pub fn of_saved(cluster: Cluster, state_dir: &Path) -> Result<Self, SessionError> {
        let state = State::open(state_dir)?;
        Ok(Self { cluster, warnings: Vec::new(), knowledge: Knowledge::embedded()?, state })
    }
}

fn choose(clusters: Vec<Cluster>, wanted: Option<&str>) -> Result<Cluster, SessionError> {
    let names: Vec<ClusterName> = clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let chosen = choose_cluster(&names, wanted).map_err(SessionError::Usage)?;
    let found = clusters.into_iter().find(|cluster| &cluster.name == chosen);
    // It is one of them: its name was taken from there.
    found.ok_or_else(|| SessionError::Usage("the spec declares no cluster".to_owned()))
}
