//! Cleaning: what quorate left on hosts and on the controller, which of it may go, and its removal.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use crate::backup;
use crate::execute::world::{facts_of, site};
use crate::host::Host;
use crate::observe::inventory::EtcdProcess;
use crate::plan::layout;
use crate::plan::leftovers::{Extent, Known, why_kept};
use crate::runtime::{Leftover, LeftoverKind, Site, leftovers, remove_leftovers};
use crate::session::plan::Live;
use crate::session::records::needed_runs_of;
use crate::session::{Session, SessionError};
use crate::spec::model::{Runtime, Toggle};
use crate::units::{Bytes, MemberName, Version};

/// Where something was left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Controller,
    Host { member: MemberName, host: String },
}

/// One thing that was left, and why it stays, if it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub place: Place,
    pub path: String,
    pub size: Bytes,
    pub kind: &'static str,
    pub kept: Option<String>,
}

/// What was found everywhere.
pub struct Cleaning {
    pub found: Vec<Found>,
    /// Hosts that were not looked at, and why.
    pub unseen: Vec<String>,
    live: Live,
    sites: BTreeMap<MemberName, (Host, Site)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Cleaned {
    pub gone: Vec<(Place, String)>,
    pub size: Bytes,
    /// What could not be removed, each in a sentence.
    pub left: Vec<String>,
}

impl Session {
    /// Looks at the hosts and the state, and decides what may go. Only with the lock.
    pub async fn find_leftovers(&self, extent: Extent) -> Result<Cleaning, SessionError> {
        let live = self.look(Toggle::Off).await?;
        let mut unseen = live.locks.missing.clone();
        let mut sites = BTreeMap::new();
        for member in &self.cluster.members {
            let facts = facts_of(&live.observation.inventory, &member.name);
            match live.hosts.get(&member.name) {
                Some(Ok(host)) => {
                    sites.insert(member.name.clone(), (host.clone(), site(&self.cluster, &member.name, facts)?));
                }
                Some(Err(why)) => unseen.push(format!("{}: {why}", member.name)),
                None => {}
            }
        }
        let store = layout::store(&self.cluster.runtime);
        let lists = join_all(sites.values().map(|(host, site)| leftovers(host, site, &store))).await;
        let mut listed: Vec<(MemberName, String, Leftover)> = Vec::new();
        let mut seen = BTreeSet::new();
        for ((name, (host, _)), list) in sites.iter().zip(lists) {
            match list {
                // Members that share a host share its store.
                Ok(list) => listed.extend(list.into_iter().filter_map(|left| {
                    let host = host.label().to_owned();
                    seen.insert((host.clone(), left.path.clone())).then(|| (name.clone(), host, left))
                })),
                Err(error) => unseen.push(format!("{name}: {error}")),
            }
        }
        let mut found = self.on_controller()?;
        found.extend(self.judged(&live, listed, extent)?);
        found.sort_by(|one, other| (&one.place, &one.path).cmp(&(&other.place, &other.path)));
        Ok(Cleaning { found, unseen, live, sites })
    }

    fn judged(
        &self,
        live: &Live,
        listed: Vec<(MemberName, String, Leftover)>,
        extent: Extent,
    ) -> Result<Vec<Found>, SessionError> {
        let needed = needed_runs_of(&self.state, &self.cluster.name)?;
        let inventory = &live.observation.inventory;
        let mut versions: BTreeSet<Version> = BTreeSet::new();
        let mut shared_store = BTreeSet::new();
        for member in &self.cluster.members {
            let Some(view) = inventory.member(&member.name) else { continue };
            versions.extend(view.etcd.known().map(|etcd| etcd.server_version.clone()));
            versions.extend(facts_of(inventory, &member.name).and_then(|facts| facts.binary.version.clone()));
            // The store of plain processes is in the folder of this cluster's members.
            let has_one_store = matches!(self.cluster.runtime, Runtime::Systemd(_));
            let is_other = |process: &EtcdProcess| !process.is_declared_member;
            if has_one_store && view.host.known().is_some_and(|host| host.processes.iter().any(is_other)) {
                shared_store.insert(member.name.clone());
            }
        }
        // Of one that is not seen nobody knows what it runs.
        let is_seen = |member: &MemberName| {
            let runs = inventory.member(member).is_some_and(|view| view.etcd.known().is_some());
            runs || facts_of(inventory, member).is_some_and(|facts| facts.binary.version.is_some())
        };
        let is_mixed = versions.len() > 1 || !self.cluster.members.iter().all(|member| is_seen(&member.name));
        versions.insert(self.cluster.version.clone());
        let being_replaced = listed
            .iter()
            .filter(|(_, _, left)| left.kind == LeftoverKind::Note)
            .map(|(name, _, _)| name.clone())
            .collect();
        let known = Known {
            needed: &needed,
            versions: &versions,
            being_replaced: &being_replaced,
            is_mixed,
            shared_store: &shared_store,
            extent,
        };
        let judge = |(member, host, left): (MemberName, String, Leftover)| Found {
            kept: why_kept(&member, &left, &known),
            place: Place::Host { member, host },
            kind: word(&left.kind),
            path: left.path,
            size: left.size,
        };
        Ok(listed.into_iter().map(judge).collect())
    }

    /// What trial restores and broken-off backups left here. Whoever holds the lock is alone with it.
    fn on_controller(&self) -> Result<Vec<Found>, SessionError> {
        let scratch = self.state.scratch_dir()?;
        let entries = fs::read_dir(&scratch).into_iter().flatten().flatten().map(|entry| (entry.path(), "scratch"));
        let halves = backup::orphans(&self.cluster.backup.dir).into_iter().map(|path| (path, "half of a backup"));
        let found = entries.chain(halves).map(|(path, kind)| Found {
            place: Place::Controller,
            size: size_of(&path),
            path: path.display().to_string(),
            kind,
            kept: None,
        });
        Ok(found.collect())
    }

    /// Removes what may go.
    pub async fn clean(&self, cleaning: &Cleaning) -> Result<Cleaned, SessionError> {
        let locks = &cleaning.live.locks;
        locks.held.check().await.map_err(|lost| SessionError::HostsNotLocked { missing: vec![lost] })?;
        let store = layout::store(&self.cluster.runtime);
        let mut cleaned = Cleaned::default();
        for found in cleaning.to_go().filter(|found| found.place == Place::Controller) {
            match remove_here(Path::new(&found.path), found.kind) {
                Ok(()) => cleaned.took(found),
                Err(why) => cleaned.left.push(why),
            }
        }
        for (name, (host, site)) in &cleaning.sites {
            let of_member = || {
                cleaning.to_go().filter(|found| matches!(&found.place, Place::Host { member, .. } if member == name))
            };
            let paths: Vec<String> = of_member().map(|found| found.path.clone()).collect();
            if paths.is_empty() {
                continue;
            }
            match remove_leftovers(host, site, &store, &paths).await {
                Ok(removed) => {
                    of_member()
                        .filter(|found| removed.gone.contains(&found.path))
                        .for_each(|found| cleaned.took(found));
                    cleaned.left.extend(removed.kept.into_iter().map(|why| format!("{name}: {why}")));
                }
                Err(error) => cleaned.left.push(format!("{name}: {error}")),
            }
        }
        Ok(cleaned)
    }
}

impl Cleaning {
    pub fn to_go(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| found.kept.is_none())
    }

    pub async fn close(self) {
        // The locks go before the connections.
        drop(self.sites);
        self.live.close().await;
    }
}

impl Cleaned {
    fn took(&mut self, found: &Found) {
        self.gone.push((found.place.clone(), found.path.clone()));
        self.size = Bytes(self.size.0.saturating_add(found.size.0));
    }
}

fn word(kind: &LeftoverKind) -> &'static str {
    match kind {
        LeftoverKind::Release { .. } | LeftoverKind::UsedRelease => "release",
        LeftoverKind::RollbackPoint { .. } => "rollback point",
        LeftoverKind::Replaced { .. } => "replaced data",
        LeftoverKind::Incoming { .. } => "data to be put in place",
        LeftoverKind::Note => "note",
        LeftoverKind::Part => "half of something",
        LeftoverKind::Unknown => "unknown",
    }
}

fn remove_here(path: &Path, kind: &str) -> Result<(), String> {
    if kind == "scratch" {
        let removed =
            if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        return removed.map_err(|error| format!("{}: {error}", path.display()));
    }
    backup::remove_orphan(path).map_err(|error| error.to_string())
}

/// All files below; what cannot be read counts nothing.
fn size_of(path: &Path) -> Bytes {
    let mut total = 0u64;
    let mut open: Vec<PathBuf> = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => {
                open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
            Ok(meta) => total = total.saturating_add(meta.len()),
            Err(_) => {}
        }
    }
    Bytes(total)
}
