//! Members of a restore: where each one's data goes, who it will be, what it will run; and those that have to be made.

use std::collections::BTreeMap;

use crate::observe::inventory::MemberFacts;
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{BinaryChange, CreateAction, ReleasePin, RestoreMember};
use crate::plan::restore::RestoreInput;
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::{Input, create, layout};
use crate::spec::model::{Cluster, Runtime};
use crate::units::MemberName;

/// Members that are not there at all, as a creation would make them.
pub(super) fn to_make(input: &Input<'_>, survey: &Survey<'_>, findings: &mut Findings) -> Vec<CreateAction> {
    let mut absent = Vec::new();
    for member in &survey.members {
        match member.standing {
            Standing::HostUnknown { why } => findings.refuse(
                "host-reachable",
                Some(member.view),
                Words {
                    seen: why.to_owned(),
                    must: "every host is reached: all members are restored, or none".to_owned(),
                    fix: "bring the host back, or declare the member at another address".to_owned(),
                },
                None,
            ),
            Standing::Absent { host } => {
                let left = create::leftovers(input.cluster, host);
                if !create::is_managed(input.cluster) || !left.is_empty() {
                    let seen =
                        if left.is_empty() { "nothing of this member is there".to_owned() } else { left.join(", ") };
                    findings.refuse(
                        "member-found",
                        Some(member.view),
                        Words {
                            seen,
                            must:
                                "a member that is restored is there (`adopt = true`: quorate makes none), or its host \
                                   is empty and quorate makes it (`adopt = false`)"
                                    .to_owned(),
                            fix: "install etcd there as on the other hosts, or clear what is left of it".to_owned(),
                        },
                        None,
                    );
                } else {
                    absent.push(&member.view.name);
                }
            }
            _ => {}
        }
    }
    if absent.is_empty() {
        return Vec::new();
    }
    let actions = create::actions(input, survey, findings);
    actions.into_iter().filter(|action| absent.contains(&&action.member)).collect()
}

/// Where each member's data goes, and who it will be.
pub(super) fn members(
    from: &RestoreInput<'_>,
    survey: &Survey<'_>,
    findings: &mut Findings,
) -> BTreeMap<MemberName, RestoreMember> {
    let cluster = from.input.cluster;
    let mut members = BTreeMap::new();
    for member in &survey.members {
        let name = &member.view.name;
        let facts = member.facts();
        if let Some(own) = facts.and_then(|facts| facts.option("name")).filter(|own| own.value != name.as_str()) {
            findings.refuse(
                "member-name",
                Some(member.view),
                Words {
                    seen: format!("it is started with the name {}", own.value),
                    must: "a restored member bears the name that it is declared with".to_owned(),
                    fix: format!("declare it as member \"{}\"", own.value),
                },
                None,
            );
        }
        if let Some(facts) = facts {
            wal_in_an_odd_place(member, facts, findings);
        }
        if let Standing::HostUnknown { .. } = member.standing {
            // Where its data is cannot be told: nothing is held against that.
            continue;
        }
        let made = create::data_home(cluster, name);
        let data_dir = facts.map(|facts| facts.data_dir.path.clone()).or(made);
        let Some(data_dir) = data_dir else { continue };
        members.insert(
            name.clone(),
            RestoreMember {
                data_dir,
                wal_dir: facts.and_then(|facts| facts.data_dir.outer_wal_dir().cloned()),
                peer_urls: peer_urls(cluster, survey, member),
                user: match &cluster.runtime {
                    Runtime::Systemd(systemd) if facts.is_none() => Some(systemd.user.clone()),
                    _ => None,
                },
            },
        );
    }
    members
}

/// As the cluster has them; of one that is down, as it is started; of one that is not there, as it will be.
fn peer_urls(cluster: &Cluster, survey: &Survey<'_>, member: &Surveyed<'_>) -> Vec<String> {
    let name = member.view.name.as_str();
    let listed = survey.serving_together().flat_map(|(_, etcd)| &etcd.members).find(|listed| listed.name == name);
    if let Some(listed) = listed.filter(|listed| !listed.peer_urls.is_empty()) {
        return listed.peer_urls.clone();
    }
    let option = |facts: &MemberFacts| Some(facts.option("initial-advertise-peer-urls")?.value.clone());
    match member.facts().and_then(option) {
        Some(urls) => urls.split(',').map(|url| url.trim().to_owned()).collect(),
        None => cluster
            .members
            .iter()
            .filter(|declared| declared.name == member.view.name)
            .map(|declared| create::peer_url(cluster, declared))
            .collect(),
    }
}

/// Members whose file is of another version than the declared one.
pub(super) fn binaries(
    input: &Input<'_>,
    survey: &Survey<'_>,
    pins: &BTreeMap<String, &ReleasePin>,
    findings: &mut Findings,
) -> BTreeMap<MemberName, BinaryChange> {
    let to = &input.cluster.version;
    let mut changes = BTreeMap::new();
    for member in &survey.members {
        let (Some(facts), Some(host)) = (member.facts(), member.host()) else { continue };
        if facts.binary.version.as_ref() == Some(to) {
            continue;
        }
        let new = pins.get(&host.arch).and_then(|pin| pin.binaries.get("etcd"));
        let (Some(old), Some(version)) = (facts.binary.sha256, &facts.binary.version) else {
            findings.refuse(
                "binary-on-disk",
                Some(member.view),
                Words {
                    seen: format!("{} is no etcd that runs there", facts.binary.path),
                    must: format!("the file that the member is started from is known before {to} takes its place"),
                    fix: format!("put an etcd of {to} there"),
                },
                None,
            );
            continue;
        };
        let Some(new) = new else { continue };
        changes.insert(
            member.view.name.clone(),
            BinaryChange {
                path: facts.binary.path.clone(),
                old_sha256: Some(old),
                new_sha256: new.sha256,
                staged: layout::staged(&input.cluster.runtime, to, "etcd"),
                kept: layout::staged(&input.cluster.runtime, version, "etcd"),
            },
        );
    }
    changes
}

/// Restored data has its WAL where etcd has it by itself, or it is laid beside a WAL directory elsewhere.
fn wal_in_an_odd_place(member: &Surveyed<'_>, facts: &MemberFacts, findings: &mut Findings) {
    let data = &facts.data_dir;
    let usual = format!("{}/member/wal", data.path.trim_end_matches('/'));
    let Some(wal) = data.wal_dir.as_ref().filter(|wal| data.outer_wal_dir().is_none() && **wal != usual) else {
        return;
    };
    findings.refuse(
        "wal-dir",
        Some(member.view),
        Words {
            seen: format!("its WAL is in {wal}, within its data directory {}", data.path),
            must: format!("the WAL of a member that is restored is in {usual}, or outside of the data directory"),
            fix: "stop the member, move its WAL, set wal-dir, start it; then restore".to_owned(),
        },
        None,
    );
}

/// Members that the cluster lists and the spec does not: nothing stops them, and with a quorum of their own they would go
/// on serving what was there before.
pub(super) fn say_who_stays(input: &Input<'_>, survey: &Survey<'_>, findings: &mut Findings) {
    let Some((_, etcd)) = survey.serving_together().next() else { return };
    let declared = |name: &str| input.cluster.members.iter().any(|member| member.name.as_str() == name);
    for stranger in etcd.members.iter().filter(|listed| !listed.name.is_empty() && !declared(&listed.name)) {
        findings.warn(
            "member-not-declared",
            None,
            format!(
                "{} ({}) is a member of the cluster that is there, and is not declared: it is neither stopped nor restored. \
                 See that it does not run",
                stranger.name,
                stranger.peer_urls.join(", ")
            ),
            None,
        );
    }
}
