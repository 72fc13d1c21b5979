//! The spec that is looked with while nothing is known yet, and what the look says to look at next.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::text::{connection, quoted, runtime};
use super::{Asked, ImportError, Reach, RunBy};
use crate::observe::inventory::{Inventory, ListedMember, MemberView};
use crate::plan::host_of;
use crate::plan::survey::Survey;
use crate::units::MemberName;

/// A host to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What etcd calls the member there; not known before the first look, unless it was said.
    pub name: Option<MemberName>,
    /// What ssh connects to; empty on this machine.
    pub destination: String,
    pub port: Option<u16>,
    pub user: Option<String>,
}

impl Target {
    /// A member of this name on this machine.
    #[must_use]
    pub fn here(name: MemberName) -> Self {
        Self { name: Some(name), ..Self::unnamed_here() }
    }

    /// The member that this machine runs.
    #[must_use]
    pub fn unnamed_here() -> Self {
        Self { name: None, destination: String::new(), port: None, user: None }
    }

    /// What it is called while nothing better is known.
    pub(super) fn label(&self, place: usize) -> String {
        self.name.as_ref().map_or_else(|| format!("host-{}", place + 1), MemberName::to_string)
    }
}

/// Why a text names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no host: write ADDRESS, or NAME=USER@ADDRESS:PORT with the parts that are needed; IPv6 with a port in []"
)]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError(text.chars().take(80).collect());
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (Some(name.parse().map_err(|_| wrong())?), rest),
            None => (None, text),
        };
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            None => match rest.split_once(':') {
                // More than one: an IPv6 address without a port.
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (rest, None),
            },
        };
        // Neither may be taken for an option of ssh.
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:%".contains(c))
        };
        if !plain(host) || user.is_some_and(|user| !plain(user)) {
            return Err(wrong());
        }
        let port = port.map(|port| port.parse().ok().filter(|&port: &u16| port > 0).ok_or_else(wrong)).transpose()?;
        Ok(Self { name, destination: host.to_owned(), port, user: user.map(str::to_owned) })
    }
}

/// A spec to look with. The version in it is none: nothing is planned by it.
#[must_use]
pub fn draft(asked: &Asked, state_dir: &str) -> String {
    let mut out = format!("quorate {{\n  state \"local\" {{ path = {} }}\n}}\n", quoted(state_dir));
    out.push_str(&format!("cluster {} {{\n  version = \"0.0.0\"\n", quoted(asked.cluster.as_str())));
    out.push_str(&connection(&asked.reach));
    out.push_str(&runtime(&asked.run_by));
    for (place, target) in asked.targets.iter().enumerate() {
        // On this machine an address is only what makes a member another one than the others.
        let address = match asked.reach {
            Reach::Local => format!("127.0.0.{}", place + 1),
            Reach::Ssh { .. } => target.destination.clone(),
        };
        let label = target.label(place);
        out.push_str(&format!("  member {} {{\n    address = {}\n", quoted(&label), quoted(&address)));
        out.push_str(&of_target(target));
        out.push_str("  }\n");
    }
    out.push_str("}\n");
    out
}

/// What the connection of one host has of its own.
pub(super) fn of_target(target: &Target) -> String {
    let mut lines = String::new();
    if let Some(user) = &target.user {
        lines.push_str(&format!("      user = {}\n", quoted(user)));
    }
    if let Some(port) = target.port {
        lines.push_str(&format!("      port = {port}\n"));
    }
    if lines.is_empty() { lines } else { format!("    connection \"ssh\" {{\n{lines}    }}\n") }
}

/// What to look at next, now that this was seen: the members by their own names, those that nobody named, and the unit that
/// runs them. `None` where that is what was looked at.
pub fn follow(asked: &Asked, inventory: &Inventory) -> Result<Option<Asked>, ImportError> {
    let mut next = asked.clone();
    if let Some(unit) = other_unit(asked, inventory)? {
        // What runs there is seen under its own unit only.
        return Ok(Some(Asked { run_by: RunBy::Unit(unit), ..next }));
    }
    let survey = Survey::of(inventory);
    let Some((first, etcd)) = survey.serving().next() else {
        return Err(ImportError(inventory.members.iter().map(|view| nobody(view, &asked.run_by)).collect()));
    };
    let own_name = |listed: &ListedMember| {
        listed.name.parse::<MemberName>().map_err(|_| {
            let seen = format!(
                "{} lists member {} with the name {:?}: it has never started, or its name is none that a spec may have",
                first.name, listed.id, listed.name
            );
            ImportError(vec![seen])
        })
    };
    // etcd lists them by their ids, which say nothing.
    let mut members: Vec<&ListedMember> = etcd.members.iter().collect();
    members.sort_by_key(|listed| &listed.name);
    for listed in members {
        let name = own_name(listed)?;
        let place =
            inventory.members.iter().position(|view| view.etcd.known().is_some_and(|etcd| etcd.member_id == listed.id));
        let is_named = next.targets.iter().any(|target| target.name.as_ref() == Some(&name));
        match place.and_then(|place| next.targets.get_mut(place)) {
            Some(target) => target.name = Some(name),
            // It was named, and does not answer.
            None if is_named => {}
            None => next.targets.push(unnamed(asked, listed, name)?),
        }
    }
    Ok((next != *asked).then_some(next))
}

fn nobody(view: &MemberView, run_by: &RunBy) -> String {
    let why = view.host.why().or(view.etcd.why()).unwrap_or("nothing was seen");
    let why = crate::units::Advised::of(why).seen;
    match (view.host.known(), run_by) {
        (Some(host), RunBy::Unit(unit)) if host.member.is_none() => {
            format!("{}: {unit} runs no etcd there, and no other unit does", view.host_label)
        }
        _ => format!("{}: {why}", view.host_label),
    }
}

/// The unit of the etcd that runs on the hosts, where it is not the one that was looked for.
fn other_unit(asked: &Asked, inventory: &Inventory) -> Result<Option<String>, ImportError> {
    let RunBy::Unit(unit) = &asked.run_by else { return Ok(None) };
    let hosts = inventory.members.iter().filter_map(|view| view.host.known()).filter(|host| host.member.is_none());
    let units: BTreeSet<&str> = hosts
        .flat_map(|host| &host.processes)
        .filter_map(|process| process.unit.as_deref())
        .filter(|other| other != unit && other.ends_with(".service"))
        .collect();
    let units: Vec<&str> = units.into_iter().collect();
    match units.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).to_owned())),
        several => Err(ImportError(vec![format!(
            "several units run an etcd there: {}; name the one that is meant: -unit",
            several.join(", ")
        )])),
    }
}

/// A member that nobody named: its host is the one of its peer URL.
fn unnamed(asked: &Asked, listed: &ListedMember, name: MemberName) -> Result<Target, ImportError> {
    let destination = match &asked.reach {
        Reach::Local if matches!(asked.run_by, RunBy::Folder(_)) => String::new(),
        Reach::Local => {
            let seen = format!("member {name} at {} is on another host", listed.peer_urls.join(", "));
            return Err(ImportError(vec![seen, "name the hosts, to look at them by ssh".to_owned()]));
        }
        Reach::Ssh { .. } => {
            let host = listed.peer_urls.iter().find_map(|url| host_of(url)).filter(|host| !host.is_empty());
            host.ok_or_else(|| ImportError(vec![format!("member {name} has no peer URL with a host")]))?.to_owned()
        }
    };
    let user = asked.targets.first().and_then(|target| target.user.clone());
    Ok(Target { name: Some(name), destination, port: None, user })
}
