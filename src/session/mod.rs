//! Session: opens what a command needs and calls the rooms in order: spec, knowledge, connections, observe, releases,
//! plan, execute.
//!
//! In comes where the spec is and what was given to it; out come plans, endings, backups, or a [`SessionError`]. It has
//! no rules of its own, and prints nothing.

mod backup;
mod choose;
mod clean;
mod connect;
mod drift;
mod error;
mod held;
mod import;
mod locks;
mod plan;
mod records;
mod releases;
mod restore;
mod rollback;
mod rules;
mod run;
mod shelves;

use std::path::{Path, PathBuf};

use crate::knowledge::{Knowledge, KnowledgeError};
use crate::plan::model::Plan;
use crate::runtime::Templates;
use crate::spec::model::{Cluster, DriftPolicy};
use crate::spec::{Diagnostic, Inputs, load};
use crate::state::{State, StateLock};
use crate::units::ClusterName;
use choose::choose_cluster;

pub use clean::{Cleaned, Cleaning, Place};
pub use error::SessionError;
pub use import::{Imported, import};
pub use locks::{is_here, run_under_way, this_process};
pub use plan::{Live, Planned};
pub use records::{Backups, BrokenBackup, Recorded, kept_backups};
pub use rollback::RollbackPlanned;
#[cfg(any(test, feature = "sim"))]
pub(crate) use rollback::last_of;
pub use rules::{CommandRule, RULES};
pub use run::Ran;
pub use shelves::Shelves;

/// Where events of a run go.
pub type Events<'a> = &'a (dyn Fn(crate::execute::event::Event) + Send + Sync);

/// A spec that was read, with one cluster chosen, and its state directory.
pub struct Session {
    pub cluster: Cluster,
    pub warnings: Vec<Diagnostic>,
    /// Names of the spec's variables whose values are never shown.
    pub sensitive: Vec<String>,
    /// What `drift` counts, and whom it tells.
    pub drift: DriftPolicy,
    modules: Modules,
    state: State,
    /// Held by commands that change something.
    lock: Option<StateLock>,
}

/// What is known of etcd, and the templates of new members: built in, or with a folder of the user's own over it.
struct Modules {
    /// Laid out as `modules/`: `etcd/` and `runtime/`.
    dir: Option<PathBuf>,
    knowledge: Knowledge,
    templates: Templates,
}

/// What is known of etcd, with a folder of the user's own over it.
pub fn knowledge_of(dir: Option<&Path>) -> Result<Knowledge, SessionError> {
    Ok(Modules::load(dir)?.knowledge)
}

impl Modules {
    fn load(dir: Option<&Path>) -> Result<Self, SessionError> {
        let Some(dir) = dir else {
            let (knowledge, templates) = (Knowledge::embedded()?, Templates::default());
            return Ok(Self { dir: None, knowledge, templates });
        };
        // A folder that is not there is a slip of the pen; one without knowledge, or without templates, is not.
        if let Err(error) = std::fs::read_dir(dir) {
            return Err(KnowledgeError::Folder { dir: dir.to_owned(), why: error.to_string() }.into());
        }
        let etcd = dir.join("etcd");
        let knowledge = Knowledge::load(etcd.exists().then_some(etcd.as_path()))?;
        let templates = Templates::from_dir(&dir.join("runtime")).map_err(SessionError::Template)?;
        Ok(Self { dir: Some(dir.to_owned()), knowledge, templates })
    }
}

impl Session {
    /// Reads the spec and chooses the cluster: the named one, or the only one.
    pub fn open(dir: &Path, inputs: &Inputs, cluster: Option<&str>) -> Result<Self, SessionError> {
        let loaded = load(dir, inputs).map_err(SessionError::Spec)?;
        let cluster = choose(loaded.spec.clusters, cluster)?;
        let state = State::open(&loaded.spec.settings.state_dir)?;
        let modules = Modules::load(loaded.spec.settings.modules_dir.as_deref())?;
        let drift = loaded.spec.drift.get(&cluster.name).cloned().unwrap_or_default();
        Ok(Self { cluster, warnings: loaded.warnings, sensitive: loaded.sensitive, drift, modules, state, lock: None })
    }

    /// For a saved plan: what it declares stands for the spec.
    pub fn of_saved(plan: &Plan) -> Result<Self, SessionError> {
        let state = State::open(&plan.state_dir)?;
        let modules = Modules::load(plan.modules_dir.as_deref())?;
        Ok(Self {
            cluster: plan.declared.clone(),
            warnings: Vec::new(),
            sensitive: Vec::new(),
            drift: DriftPolicy::default(),
            modules,
            state,
            lock: None,
        })
    }
}

/// The state of a spec, for commands that only look at what was kept: no cluster has to be named, and nothing is locked.
pub struct Records {
    pub state: State,
    /// The clusters that are declared, or the one that was named.
    pub clusters: Vec<Cluster>,
    named: Option<ClusterName>,
    pub warnings: Vec<Diagnostic>,
}

impl Records {
    pub fn open(dir: &Path, inputs: &Inputs, cluster: Option<&str>) -> Result<Self, SessionError> {
        let loaded = load(dir, inputs).map_err(SessionError::Spec)?;
        let state = State::open(&loaded.spec.settings.state_dir)?;
        let clusters = match cluster {
            Some(_) => vec![choose(loaded.spec.clusters, cluster)?],
            None => loaded.spec.clusters,
        };
        let named = cluster.and(clusters.first()).map(|cluster| cluster.name.clone());
        Ok(Self { state, clusters, named, warnings: loaded.warnings })
    }
}

fn choose(clusters: Vec<Cluster>, wanted: Option<&str>) -> Result<Cluster, SessionError> {
    let names: Vec<ClusterName> = clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let chosen = choose_cluster(&names, wanted).map_err(SessionError::Cluster)?;
    let found = clusters.into_iter().find(|cluster| &cluster.name == chosen);
    // It is one of them: its name was taken from there.
    found.ok_or_else(|| SessionError::Cluster("the spec declares no cluster".to_owned()))
}
