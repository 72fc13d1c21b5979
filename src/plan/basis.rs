//! Basis: the facts a plan rests on, and what differs when they are looked at again.

use std::collections::BTreeSet;

use crate::observe::inventory::{Inventory, MemberFacts};
use crate::plan::model::{Basis, MemberBasis};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::units::{Sha256, Version};

/// The facts of one look.
pub fn of(inventory: &Inventory) -> Basis {
    let survey = Survey::of(inventory);
    let mut member_list = survey.serving_together().next().map(|(_, etcd)| etcd.members.clone()).unwrap_or_default();
    member_list.sort();
    // Client URLs are announced anew at each start, in any order: they are no part of who is a member.
    for member in &mut member_list {
        member.client_urls.sort();
    }
    Basis {
        cluster_id: survey.cluster_id(),
        cluster_version: survey.agreed(|etcd| etcd.cluster_version.as_ref().map(Version::minor)).flatten(),
        member_list,
        members: survey.members.iter().map(|member| (member.view.name.clone(), member_basis(member))).collect(),
    }
}

fn member_basis(member: &Surveyed<'_>) -> MemberBasis {
    let facts = member.facts();
    MemberBasis {
        host: member.view.host_label.clone(),
        arch: member.host().map(|host| host.arch.clone()).unwrap_or_default(),
        member_id: member.etcd().map(|etcd| etcd.member_id),
        server_version: member.etcd().map(|etcd| etcd.server_version.clone()),
        running_sha256: member.running_sha256(),
        binary_path: facts.map(|facts| facts.binary.path.clone()),
        binary_sha256: facts.and_then(|facts| facts.binary.sha256),
        options_sha256: facts.map(|facts| facts.options_sha256),
        unit_sha256: member.host().and_then(|host| host.unit.as_ref()).and_then(|unit| unit.sha256),
        certificates_sha256: facts.and_then(certificates),
        settings_sha256: facts.and_then(settings),
        data_dir: match member.standing {
            Standing::HostUnknown { .. } | Standing::Absent { .. } => None,
            _ => facts.map(|facts| facts.data_dir.path.clone()),
        },
    }
}

/// `None` for a member without any.
fn certificates(facts: &MemberFacts) -> Option<Sha256> {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    for one in &facts.certificates {
        let sha256 = one.sha256.map(|sha256| sha256.to_string()).unwrap_or_default();
        hash.update(format!("{} {:?} {sha256}\n", one.option, one.path));
    }
    (!facts.certificates.is_empty()).then(|| Sha256(hash.finalize().into()))
}

/// `None` where no file could be read.
fn settings(facts: &MemberFacts) -> Option<Sha256> {
    let each = facts.files.iter().map(|file| format!("{:?} {}\n", file.path, file.sha256()));
    (!facts.files.is_empty()).then(|| Sha256::of(each.collect::<String>().as_bytes()))
}

/// What is no longer as it was, one sentence each; empty when the plan still holds.
pub fn differences(planned: &Basis, now: &Basis) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, before: String, after: String| {
        if before != after {
            found.push(format!("{what} was {before}, is {after}"));
        }
    };
    compare("the cluster's id", shown(planned.cluster_id), shown(now.cluster_id));
    compare("the cluster version", shown(planned.cluster_version), shown(now.cluster_version));
    compare("the member list", listed(planned), listed(now));
    let names: BTreeSet<_> = planned.members.keys().chain(now.members.keys()).collect();
    for name in names {
        let (Some(before), Some(after)) = (planned.members.get(name), now.members.get(name)) else {
            compare(
                &format!("{name}: declared"),
                yes_no(planned.members.contains_key(name)),
                yes_no(now.members.contains_key(name)),
            );
            continue;
        };
        let mut field = |what: &str, before: String, after: String| compare(&format!("{name}: {what}"), before, after);
        field("host", before.host.clone(), after.host.clone());
        field("architecture", before.arch.clone(), after.arch.clone());
        field("member id", shown(before.member_id), shown(after.member_id));
        field("version", shown(before.server_version.as_ref()), shown(after.server_version.as_ref()));
        field("running binary", short(before.running_sha256), short(after.running_sha256));
        field("binary path", shown(before.binary_path.as_ref()), shown(after.binary_path.as_ref()));
        field("binary", short(before.binary_sha256), short(after.binary_sha256));
        field("options", short(before.options_sha256), short(after.options_sha256));
        field("unit file", short(before.unit_sha256), short(after.unit_sha256));
        if before.certificates_sha256.is_some() {
            field("certificates and keys", short(before.certificates_sha256), short(after.certificates_sha256));
        }
        if before.settings_sha256.is_some() {
            field("files that set its options", short(before.settings_sha256), short(after.settings_sha256));
        }
        field("data directory", shown(before.data_dir.as_ref()), shown(after.data_dir.as_ref()));
    }
    found
}

fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "not known".to_owned(), |value| value.to_string())
}

fn short(digest: Option<crate::units::Sha256>) -> String {
    digest.map_or_else(|| "not known".to_owned(), |digest| format!("sha256 {}", digest.short()))
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn listed(basis: &Basis) -> String {
    let one = |member: &crate::observe::inventory::ListedMember| {
        format!("{} {} {}", member.id, member.name, member.peer_urls.join(","))
    };
    format!("[{}]", basis.member_list.iter().map(one).collect::<Vec<_>>().join("; "))
}
