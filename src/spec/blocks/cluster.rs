//! The `cluster` block: its own attributes, and what its inner blocks make together.

use std::collections::BTreeMap;
use std::path::Path;

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::{Cluster, Connection, DriftPolicy, Member, ReleaseSource, Runtime};
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section, sentence, wrong_type};
use super::super::source::{FileId, Site};
use super::super::text;
use super::connection::{self, Declared};
use super::{client, drift, member, policies, release, runtime, settings};
use crate::units::{ClusterName, Minor, NameError, Version};

const KNOWN: Known = Known {
    attributes: &["version", "via", "settings"],
    blocks: &["connection", "runtime", "release", "client", "member", "rollout", "backup", "rollback_points", "drift"],
};

/// A cluster and where its name stands.
pub struct Read {
    pub cluster: Option<Cluster>,
    pub drift: DriftPolicy,
    pub name: Option<ClusterName>,
    pub site: Site,
}

pub fn read(file: FileId, block: &Block, state_dir: &Path, cx: &mut Cx) -> Read {
    let section = Section::of_block(file, block, "cluster block", cx);
    let name = name(&section, block, cx);
    let cluster = parts(&section, name.clone(), state_dir, cx);
    let drift = section.block("drift", cx).map(|block| drift::read(file, block, cx)).unwrap_or_default();
    Read { cluster, drift, name, site: section.site }
}

fn name(section: &Section, block: &Block, cx: &mut Cx) -> Option<ClusterName> {
    let [label] = block.labels.as_slice() else {
        cx.reports.error(SpecRule::Label, section.site, "Cluster without a name", "Write cluster \"prod\" { … }.");
        return None;
    };
    match label.as_str().parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let detail = format!("{}: {}", text::quoted(label.as_str()), sentence(&NameError::to_string(&error)));
            cx.reports.error(SpecRule::Name, section.site, "Bad cluster name", detail);
            None
        }
    }
}

fn parts(section: &Section, name: Option<ClusterName>, state_dir: &Path, cx: &mut Cx) -> Option<Cluster> {
    section.expect(&KNOWN, cx);
    let file = section.file;
    let version = version(section, cx);
    let via = via(section, cx);
    let errors = cx.reports.count();
    let base = match section.block("connection", cx) {
        Some(block) => connection::read(file, block, cx),
        None => Declared::default(),
    };
    let members = members(section, &base, cx);
    // Where the members are not known for what they are, nothing is held against a path.
    let all_local = members.iter().all(|member| member.is_local);
    let all_local = all_local || cx.reports.count() > errors;
    let runtime = match section.block("runtime", cx) {
        Some(block) => runtime::read(file, block, all_local, cx),
        None => runtime::default(),
    };
    compare(&members, &runtime, cx);
    let releases = releases(section, version.as_ref(), cx);
    let client = section.block("client", cx).map(|block| client::read(file, block, cx)).unwrap_or_default();
    let settings = settings::read(section, cx);
    let rollout = section.block("rollout", cx).map(|block| policies::rollout(file, block, cx));
    let backup = section.block("backup", cx).map(|block| policies::backup(file, block, state_dir, cx));
    let points = section.block("rollback_points", cx).map(|block| policies::rollback_points(file, block, cx));
    Some(Cluster {
        name: name?,
        version: version?,
        via,
        members: members.into_iter().map(|read| read.member).collect(),
        runtime,
        releases,
        client,
        settings,
        rollout: rollout.unwrap_or_else(policies::default_rollout),
        backup: backup.unwrap_or_else(|| policies::default_backup(state_dir)),
        rollback_points: points.unwrap_or_else(policies::default_rollback_points),
    })
}

fn version(section: &Section, cx: &mut Cx) -> Option<Version> {
    section.require("version", "version = \"3.5.33\"", cx);
    let Placed { value, site } = section.parsed::<Version>("version", SpecRule::Value, "Bad version", cx)?;
    is_release(&value, site, cx).then_some(value)
}

fn is_release(version: &Version, site: Site, cx: &mut Cx) -> bool {
    let Some(pre) = version.pre_release() else { return true };
    let detail = format!(
        "{version} is a pre-release ({}): its data may not be readable by the release. Name a release.",
        text::quoted(pre)
    );
    cx.reports.error(SpecRule::Value, site, "Bad version", detail);
    false
}

/// Releases on the way, by minor. Those that lie on no way just now do no harm.
fn via(section: &Section, cx: &mut Cx) -> BTreeMap<Minor, Version> {
    let mut via = BTreeMap::new();
    for (key, Placed { value, site }) in section.map("via", cx).unwrap_or_default() {
        let Some(text) = value.to_text() else {
            wrong_type(site, "a release on the way", "a string, such as \"3.4.45\"", &value, cx);
            continue;
        };
        let version = match text.parse::<Version>() {
            Ok(version) if is_release(&version, site, cx) => version,
            Ok(_) => continue,
            Err(error) => {
                cx.reports.error(SpecRule::Value, site, "Bad version", sentence(&error.to_string()));
                continue;
            }
        };
        let minor = version.minor();
        if key != minor.to_string() {
            let detail = format!("{} is not the minor of {version}: write \"{minor}\".", text::quoted(&key));
            cx.reports.error(SpecRule::Value, site, "Bad key", detail);
        } else {
            via.insert(minor, version);
        }
    }
    via
}

fn members(section: &Section, base: &Declared, cx: &mut Cx) -> Vec<member::Read> {
    let blocks = section.blocks("member");
    if blocks.is_empty() {
        let detail = "A cluster has at least one: member \"m1\" { address = \"10.0.0.11\" }.";
        cx.reports.missing(SpecRule::Missing, section.site, "Cluster without members", detail);
    }
    let (mut members, mut is_broken) = (Vec::new(), false);
    for block in &blocks {
        let group = member::read(section.file, block, base, cx);
        members.extend(group.members);
        is_broken |= group.is_broken;
    }
    if members.len() > 1
        && let Some(site) = base.host_site()
    {
        let detail = "host is one host's name: with several members it belongs in each member's own connection block.";
        cx.reports.error(SpecRule::Hosts, site, "One host for all members", detail);
    }
    if members.is_empty() && !blocks.is_empty() && !is_broken {
        let detail = "for_each is empty: a cluster has at least one member.";
        cx.reports.missing(SpecRule::Missing, section.site, "Cluster without members", detail);
    }
    members
}

fn releases(section: &Section, version: Option<&Version>, cx: &mut Cx) -> Vec<ReleaseSource> {
    let blocks = section.blocks("release");
    if blocks.is_empty() {
        return vec![ReleaseSource::Upstream];
    }
    blocks.iter().filter_map(|block| release::read(section.file, block, version, cx)).collect()
}

/// What no two members may share.
fn compare(members: &[member::Read], runtime: &Runtime, cx: &mut Cx) {
    let mut names: BTreeMap<&str, Site> = BTreeMap::new();
    let mut endpoints: BTreeMap<&str, &member::Read> = BTreeMap::new();
    for read in members {
        let member = &read.member;
        if let Some(first) = names.insert(member.name.as_str(), read.name_site) {
            let line = cx.sources.line_of(first.file, first.start);
            let detail = format!(
                "Another member is called {} (line {line}). Names are unique in a cluster.",
                text::quoted(member.name.as_str())
            );
            cx.reports.error(SpecRule::Duplicate, read.name_site, "Member declared twice", detail);
        }
        for (endpoint, site) in [(&read.client_endpoint, read.client_site), (&read.peer_endpoint, read.peer_site)] {
            if let Some(other) = endpoints.insert(endpoint, read) {
                shared_endpoint(read, other, (endpoint.as_str(), site), runtime, cx);
                break;
            }
        }
    }
    if let Runtime::Systemd(systemd) = runtime {
        one_unit_a_host(members, &systemd.unit, cx);
    }
}

fn shared_endpoint(
    read: &member::Read,
    other: &member::Read,
    (endpoint, site): (&str, Site),
    runtime: &Runtime,
    cx: &mut Cx,
) {
    let (name, other_name) = (&read.member.name, &other.member.name);
    if name == other_name && !std::ptr::eq(read, other) {
        // Declared twice: said already.
        return;
    }
    if std::ptr::eq(read, other) {
        let detail = format!("Member {name} has {endpoint} for clients and for peers. They need two ports.");
        cx.reports.error(SpecRule::Hosts, site, "Address used twice", detail);
        return;
    }
    let same_address = read.member.address == other.member.address;
    let hint = match runtime {
        Runtime::Process(_) if same_address && site == read.address_site => {
            "If both run on one host, give each its own client_url and peer_url."
        }
        Runtime::Systemd(_) if same_address && site == read.address_site => {
            "A host runs one member under systemd: each needs an address of its own."
        }
        Runtime::Process(_) | Runtime::Systemd(_) => "Each member needs its own.",
    };
    let detail = format!("Members {other_name} and {name} would both be at {endpoint}. {hint}");
    cx.reports.error(SpecRule::Hosts, site, "Address used twice", detail);
}

/// A host has one unit of a name, so it runs one member.
fn one_unit_a_host(members: &[member::Read], unit: &str, cx: &mut Cx) {
    let mut hosts: BTreeMap<String, &member::Read> = BTreeMap::new();
    for read in members {
        let host = match &read.member.connection {
            Connection::Local { .. } => "this machine".to_owned(),
            Connection::Ssh(ssh) => match ssh.port {
                Some(port) => format!("{} port {port}", ssh.destination),
                None => ssh.destination.clone(),
            },
        };
        let Some(other) = hosts.insert(host.clone(), read) else { continue };
        let (Member { name, .. }, other_name) = (&read.member, &other.member.name);
        let said_already = read.client_endpoint == other.client_endpoint || name == other_name;
        if !said_already {
            let detail = format!(
                "Members {other_name} and {name} would both be unit {unit} of {host}. A host runs one member this way."
            );
            cx.reports.error(SpecRule::Hosts, read.address_site, "Two members on one host", detail);
        }
    }
}
