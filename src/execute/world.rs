//! The world as the driver reaches it: open connections, clients, and where each member lives.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::backup::{Examined, Opened};
use crate::etcd::Client;
use crate::execute::ExecuteError;
use crate::execute::availability::{Away, Quiet};
use crate::execute::locks::Locks;
use crate::host::Host;
use crate::knowledge::Knowledge;
use crate::observe::DEFAULT_DATA_DIR;
use crate::observe::inventory::{Inventory, MemberFacts};
use crate::plan::model::{Plan, ReleasePin};
use crate::runtime::Site;
use crate::spec::model::{Cluster, Runtime};
use crate::units::{MemberName, Version};

/// Everything that the driver acts on.
pub struct World {
    pub cluster: Cluster,
    pub knowledge: Knowledge,
    pub members: BTreeMap<MemberName, MemberWorld>,
    /// Where releases are unpacked on the controller, by version and architecture.
    pub release_dirs: BTreeMap<(Version, String), PathBuf>,
    /// Scratch space of this run on the controller.
    pub scratch_dir: PathBuf,
    /// Backups that stay whatever the retention says, and why.
    pub needed_backups: BTreeMap<String, String>,
    /// What keeps a second run away from these hosts.
    pub locks: Locks,
    /// The backup that is restored, where one is.
    pub restore: Option<RestoreWorld>,
}

/// A backup that was opened for a restore.
#[derive(Debug, Clone)]
pub struct RestoreWorld {
    pub opened: Opened,
    /// What it holds.
    pub examined: Examined,
    /// Where the data directories that are made of v2 backups are kept until they are in place: a folder for each run.
    pub packed_dir: PathBuf,
}

/// One member's connections.
pub struct MemberWorld {
    pub host: Host,
    pub arch: String,
    pub client: Client,
    pub site: Site,
    /// As observed when the plan was made; `None` for a member that is to be created.
    pub facts: Option<MemberFacts>,
    pub user: Option<String>,
    /// Keeps the probe of availability away from it.
    pub quiet: Quiet,
}

impl MemberWorld {
    /// Closes all connections of ours to it, for it is about to be stopped: an open one makes newer versions wait a second.
    /// None is made for the sake of availability while the answer lives.
    pub async fn let_go(&self) -> Away {
        self.client.close().await;
        self.quiet.keep_away().await
    }
}

impl World {
    pub fn member(&self, name: &MemberName) -> Result<&MemberWorld, ExecuteError> {
        self.members.get(name).ok_or_else(|| ExecuteError::UnknownMember { member: name.clone() })
    }

    pub fn clients(&self) -> BTreeMap<MemberName, Client> {
        self.members.iter().map(|(name, member)| (name.clone(), member.client.clone())).collect()
    }

    /// The folder of a release on the controller, for one architecture.
    pub fn release_dir(&self, pin: &ReleasePin) -> Result<&PathBuf, ExecuteError> {
        self.release_dirs
            .get(&(pin.version.clone(), pin.arch.clone()))
            .ok_or_else(|| ExecuteError::NoRelease { version: pin.version.clone(), arch: pin.arch.clone() })
    }
}

/// The pin of a release for one architecture.
pub fn pin<'p>(plan: &'p Plan, version: &Version, arch: &str) -> Result<&'p ReleasePin, ExecuteError> {
    plan.releases
        .iter()
        .find(|pin| pin.version == *version && pin.arch == arch)
        .ok_or_else(|| ExecuteError::NoRelease { version: version.clone(), arch: arch.to_owned() })
}

/// Where each member lives on its host: as it was seen, or, for one that is to be created, as it will be.
pub fn site(cluster: &Cluster, name: &MemberName, facts: Option<&MemberFacts>) -> Result<Site, ExecuteError> {
    let declared = cluster
        .members
        .iter()
        .find(|member| member.name == *name)
        .ok_or_else(|| ExecuteError::UnknownMember { member: name.clone() })?;
    let site = match &cluster.runtime {
        Runtime::Systemd(systemd) => {
            let default_binary = format!("{}/etcd", systemd.bin_dir);
            let default_data = declared.data_dir.clone().unwrap_or_else(|| DEFAULT_DATA_DIR.to_owned());
            let binary = facts.map_or(default_binary.as_str(), |facts| facts.binary.path.as_str());
            let data_dir = facts.map_or(default_data.as_str(), |facts| facts.data_dir.path.as_str());
            let wal_dir = facts.and_then(|facts| facts.data_dir.wal_dir.as_deref());
            Site::systemd(systemd, binary, data_dir, wal_dir)?
        }
        Runtime::Process(process) => {
            let data_dir = facts.map(|facts| facts.data_dir.path.as_str()).or(declared.data_dir.as_deref());
            Site::process(process, name, data_dir)?
        }
    };
    Ok(site)
}

/// What was seen of a member, by name.
pub fn facts_of<'i>(inventory: &'i Inventory, name: &MemberName) -> Option<&'i MemberFacts> {
    inventory.member(name)?.host.known()?.member.as_ref()
}
