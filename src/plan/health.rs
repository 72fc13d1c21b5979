//! Health: is the cluster, as it is now, one that may be touched? Every answer is a check or a refusal.

use std::collections::BTreeSet;

use crate::knowledge::Knowledge;
use crate::observe::inventory::{HostFacts, ListedMember, NOT_ASKED, NOT_LET_IN};
use crate::plan::create::leftovers;
use crate::plan::findings::{Findings, Words};
use crate::plan::survey::{Standing, Survey};
use crate::spec::model::{Cluster, Ownership, Runtime};
use crate::units::{Bytes, MemberId, MemberName};

/// A database at this share of its quota is too near to the NOSPACE alarm to begin.
pub const QUOTA_SHARE_PERCENT: u64 = 95;

/// Checks everything that must hold of the cluster as a whole.
pub fn check(cluster: &Cluster, survey: &Survey<'_>, knowledge: &Knowledge, findings: &mut Findings) {
    reachable(survey, findings);
    answering(cluster, survey, findings);
    let let_in = let_in(survey, findings);
    if !one_cluster(survey, findings) {
        return;
    }
    member_list(cluster, survey, findings);
    let led = leader(survey, findings);
    let free_of_alarms = alarms(survey, findings);
    // Without a leader, and from 3.3 on with an alarm, members say that they are not healthy: that is no news then.
    // What could not be asked for counts as unhealthy too, and has its own refusal.
    if led && free_of_alarms && let_in {
        healthy(survey, findings);
    }
    quota(survey, knowledge, findings);
    equal_data(survey, findings);
}

fn reachable(survey: &Survey<'_>, findings: &mut Findings) {
    for member in &survey.members {
        if let Standing::HostUnknown { why } = member.standing {
            findings.refuse(
                "host-reachable",
                Some(member.view),
                Words {
                    seen: why.to_owned(),
                    must: "every host of the cluster can be looked at: a gate cannot hold on what nobody sees"
                        .to_owned(),
                    fix: "make the host reachable by `ssh` as the spec says, then plan again".to_owned(),
                },
                None,
            );
        }
    }
}

/// Whether every member that answers lets us ask for all that a run asks for. Silent ones have their reason elsewhere.
pub fn let_in(survey: &Survey<'_>, findings: &mut Findings) -> bool {
    let mut all = true;
    for member in &survey.members {
        let seen = match member.standing {
            Standing::Silent { why, .. } => why.strip_prefix(NOT_LET_IN).map(str::to_owned),
            Standing::Serving { etcd, .. } => etcd.denied.clone(),
            Standing::HostUnknown { .. }
            | Standing::Absent { .. }
            | Standing::NeverStarted { .. }
            | Standing::Stopped { .. } => None,
        };
        let Some(seen) = seen else { continue };
        all = false;
        findings.refuse(
            "let-in",
            Some(member.view),
            Words {
                seen,
                must: "the members let quorate ask for everything that the run will ask for: what is denied in the \
                       middle of it would stop it there"
                    .to_owned(),
                fix: "set `user` and `password` in the `client` block, of a user with the role root".to_owned(),
            },
            None,
        );
    }
    all
}

fn answering(cluster: &Cluster, survey: &Survey<'_>, findings: &mut Findings) {
    if survey.members.iter().all(|member| member.facts().is_none()) {
        hosts_empty(cluster, survey, findings);
        return;
    }
    for member in &survey.members {
        match member.standing {
            Standing::Silent { why, .. } if why.starts_with(NOT_ASKED) => findings.refuse(
                "member-asked",
                Some(member.view),
                Words {
                    seen: format!("the process of {} runs, and {why}", member.view.name),
                    must: "every member that runs can be asked how it is".to_owned(),
                    fix: "let quorate read the file (`become = \"sudo\"` in the `connection` block), or give the \
                          `client` block a certificate of its own"
                        .to_owned(),
                },
                None,
            ),
            Standing::Silent { why, .. } if why.starts_with(NOT_LET_IN) => {}
            Standing::Silent { why, facts } => findings.refuse(
                "member-answers",
                Some(member.view),
                Words {
                    seen: format!("the process of {} runs and etcd does not answer: {why}", member.view.name),
                    must: "a running member answers on its client URL".to_owned(),
                    fix: format!(
                        "see its log; check listen-client-urls ({}) and the `client` block of the spec",
                        facts.option("listen-client-urls").map_or("not set", |option| option.value.as_str())
                    ),
                },
                None,
            ),
            Standing::Absent { host } => findings.refuse(
                "member-found",
                Some(member.view),
                Words {
                    seen: not_recognized(cluster, host),
                    must: "each declared member of a cluster that exists is on its host: a new, empty member is never \
                           put in place of an old one"
                        .to_owned(),
                    fix: "check the member's address, and the `runtime` block (unit name, folder); adding members is \
                          not what a version change does"
                        .to_owned(),
                },
                None,
            ),
            Standing::NeverStarted { facts } => findings.refuse(
                "member-has-data",
                Some(member.view),
                Words {
                    seen: format!("configured, with no member data in {}", facts.data_dir.path),
                    must: "a member that is to be upgraded has its data: started without, it would be a stranger to \
                           its cluster"
                        .to_owned(),
                    fix:
                        "find where its data went (another data-dir? a disk not mounted?) before anything is started; \
                          where a creation failed and it has never run: undo what was changed in the spec since and \
                          apply again, or remove by hand what that creation made on the hosts"
                            .to_owned(),
                },
                None,
            ),
            Standing::HostUnknown { .. } | Standing::Stopped { .. } | Standing::Serving { .. } => {}
        }
    }
}

/// What on the hosts looks like etcd, where no declared member is found on any of them: nothing new is put beside it.
fn hosts_empty(cluster: &Cluster, survey: &Survey<'_>, findings: &mut Findings) {
    for member in &survey.members {
        let Standing::Absent { host } = member.standing else { continue };
        if leftovers(cluster, host).is_empty() {
            continue;
        }
        findings.refuse(
            "hosts-empty",
            Some(member.view),
            Words {
                seen: not_recognized(cluster, host),
                must: if adopts(cluster) {
                    "`adopt = true` takes over the members that the declared unit runs".to_owned()
                } else {
                    "a cluster is created only where nothing of etcd is: a new, empty member is never put in place of \
                     an old one"
                        .to_owned()
                },
                fix:
                    "if this is the member, correct the `runtime` block (`unit`, `adopt`, `dir`) or `data_dir` so that \
                      it is found; if it is of no use any more, move it away by hand"
                        .to_owned(),
            },
            None,
        );
    }
}

fn not_recognized(cluster: &Cluster, host: &HostFacts) -> String {
    let found = leftovers(cluster, host);
    let mut seen = if found.is_empty() {
        "no unit, no process and no data directory of this member".to_owned()
    } else {
        format!("the member is not found, but there is {}", found.join(", and "))
    };
    if adopts(cluster) {
        if let Some(unit) = host.unit.as_ref().filter(|unit| unit.load_state == "not-found") {
            seen.push_str(&format!("; there is no unit {}", unit.name));
        }
        for process in &host.processes {
            let unit = process.unit.as_deref().unwrap_or("no unit");
            seen.push_str(&format!("; pid {} belongs to {unit}", process.pid));
        }
    }
    for note in &host.notes {
        seen.push_str(&format!("; {note}"));
    }
    seen
}

fn adopts(cluster: &Cluster) -> bool {
    matches!(&cluster.runtime, Runtime::Systemd(systemd) if systemd.ownership == Ownership::Adopted)
}

/// Whether all that serve belong to one cluster. What is done to a cluster must not be done to a member of another.
pub fn one_cluster(survey: &Survey<'_>, findings: &mut Findings) -> bool {
    if survey.cluster_ids().len() <= 1 {
        return true;
    }
    let each: Vec<String> =
        survey.serving().map(|(view, etcd)| format!("{} belongs to cluster {}", view.name, etcd.cluster_id)).collect();
    findings.refuse(
        "one-cluster",
        None,
        Words {
            seen: each.join(", "),
            must: "all declared members belong to one cluster".to_owned(),
            fix: "check the addresses in the spec; where they are right, stop the member that was started on the data of \
                  another cluster, and find its own data"
                .to_owned(),
        },
        None,
    );
    false
}

fn member_list(cluster: &Cluster, survey: &Survey<'_>, findings: &mut Findings) {
    if survey.agreed(|etcd| identities(&etcd.members)).is_none() && survey.anybody_serves() {
        findings.refuse(
            "member-list-agreed",
            None,
            Words {
                seen: format!("members answer different member lists: {}", lists(survey)),
                must: "all members agree on who is a member".to_owned(),
                fix: "wait for the change of membership in progress, or see which member is cut off".to_owned(),
            },
            None,
        );
        return;
    }
    let Some((_, etcd)) = survey.serving().next() else {
        return;
    };
    let before = findings.refusals.len();
    for listed in &etcd.members {
        listed_member(listed, &etcd.members, survey, findings);
    }
    duplicates(&etcd.members, findings);
    names(survey, &etcd.members, findings);
    missing(cluster, survey, &etcd.members, findings);
    if findings.refusals.len() == before {
        findings.pass("member-list-agreed", format!("{} members, all declared, all agree", etcd.members.len()));
    }
}

fn lists(survey: &Survey<'_>) -> String {
    let list = |members: &[ListedMember]| {
        members.iter().map(|member| format!("{} {}", member.name, member.id)).collect::<Vec<_>>().join(", ")
    };
    let each = survey.serving().map(|(view, etcd)| format!("{} lists [{}]", view.name, list(&etcd.members)));
    each.collect::<Vec<_>>().join("; ")
}

fn identities(members: &[ListedMember]) -> BTreeSet<(u64, Vec<String>, bool)> {
    members.iter().map(|member| (member.id.0, member.peer_urls.clone(), member.is_learner)).collect()
}

fn listed_member(listed: &ListedMember, all: &[ListedMember], survey: &Survey<'_>, findings: &mut Findings) {
    let urls = listed.peer_urls.join(",");
    let known = survey.name_of(listed.id);
    // A declared member that does not serve is known by its name alone; what is wrong with it is told by itself.
    let stopped_one =
        survey.members.iter().any(|member| member.etcd().is_none() && member.view.name.as_str() == listed.name);
    if listed.is_learner {
        findings.refuse(
            "no-learner",
            None,
            Words {
                seen: format!("member {} ({}) at {urls} is a learner", listed.id, listed.name),
                must: "membership is settled before a version changes: no learner in the list".to_owned(),
                fix: "promote it (`etcdctl member promote`) or remove it first".to_owned(),
            },
            None,
        );
    } else if listed.name.is_empty() {
        findings.refuse(
            "member-started",
            None,
            Words {
                seen: format!("member {} at {urls} was added and has never started", listed.id),
                must: "every member of the list has started: one that never answers keeps the cluster version from \
                       moving, and counts against quorum"
                    .to_owned(),
                fix: format!("start it, or remove it with `etcdctl member remove {}`", listed.id),
            },
            None,
        );
    } else if known.is_none() && !stopped_one && !shares_its_name(listed, all) {
        findings.refuse(
            "member-declared",
            None,
            Words {
                seen: format!(
                    "the cluster has a member {} ({}) at {urls} that the spec does not declare",
                    listed.name, listed.id
                ),
                must: "the spec declares every member of the cluster: all must be upgraded, all are asked at each gate"
                    .to_owned(),
                fix: format!(
                    "add a member block for {}; or, if it is not to be a member any more, remove it from the cluster",
                    listed.name
                ),
            },
            None,
        );
    }
}

/// Which of the two is declared cannot be told; that there are two is told by itself.
fn shares_its_name(listed: &ListedMember, all: &[ListedMember]) -> bool {
    all.iter().any(|other| other.id != listed.id && other.name == listed.name)
}

fn duplicates(members: &[ListedMember], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for member in members.iter().filter(|member| !member.name.is_empty()) {
        if !seen.insert(&member.name) {
            findings.refuse(
                "member-names-unique",
                None,
                Words {
                    seen: format!(
                        "two members of the cluster are named {} ({})",
                        member.name,
                        with_name(members, &member.name)
                    ),
                    must: "each member has a name of its own: which one a host runs could only be guessed".to_owned(),
                    fix: "restart one of them with another --name".to_owned(),
                },
                None,
            );
        }
    }
}

/// Every step, message and instruction names a member by its label: under a wrong one the wrong host would be stopped.
fn names(survey: &Survey<'_>, members: &[ListedMember], findings: &mut Findings) {
    for (view, etcd) in survey.serving() {
        let own = members.iter().find(|listed| listed.id == etcd.member_id).map_or("", |listed| listed.name.as_str());
        if own.is_empty() || own == view.name.as_str() {
            continue;
        }
        let taken = survey.members.iter().any(|member| member.view.name.as_str() == own);
        let fix = if taken {
            format!("{own} is another block of the spec: check the addresses of {} and {own}", view.name)
        } else {
            format!("label the block \"{own}\", or correct its address")
        };
        findings.refuse(
            "member-named",
            Some(view),
            Words {
                seen: format!("the member that the spec calls {} is {own} ({}) to etcd", view.name, etcd.member_id),
                must: "the label of a `member` block is the name that etcd knows the member by".to_owned(),
                fix,
            },
            None,
        );
    }
}

fn with_name(members: &[ListedMember], name: &str) -> String {
    let named = members.iter().filter(|member| member.name == name);
    named.map(|member| format!("{} at {}", member.id, member.peer_urls.join(","))).collect::<Vec<_>>().join(", ")
}

fn missing(cluster: &Cluster, survey: &Survey<'_>, members: &[ListedMember], findings: &mut Findings) {
    for declared in &cluster.members {
        let Some(surveyed) = survey.members.iter().find(|member| member.view.name == declared.name) else {
            continue;
        };
        let listed = match surveyed.etcd() {
            Some(etcd) => members.iter().any(|member| member.id == etcd.member_id),
            None => members.iter().any(|member| member.name == declared.name.as_str()),
        };
        if !listed && matches!(surveyed.standing, Standing::Stopped { .. } | Standing::Serving { .. }) {
            findings.refuse(
                "member-listed",
                Some(surveyed.view),
                Words {
                    seen: format!("{} is not in the cluster's member list", declared.name),
                    must: "every declared member is a member of the cluster".to_owned(),
                    fix: "if it was removed on purpose, take it out of the spec; its data directory is of no use to \
                          the cluster any more"
                        .to_owned(),
                },
                None,
            );
        }
    }
}

/// Whether all that serve see one leader.
fn leader(survey: &Survey<'_>, findings: &mut Findings) -> bool {
    if !survey.anybody_serves() {
        return false;
    }
    if let Some(leader) = survey.leader() {
        findings.pass("one-leader", format!("all members see {leader} as leader"));
        return true;
    }
    let serving = survey.serving_voters().count();
    if serving < survey.quorum() && serving + survey.stopped_voters().count() >= survey.quorum() {
        let down: Vec<MemberName> = survey.stopped().map(|member| member.view.name.clone()).collect();
        findings.later(
            "one-leader",
            format!(
                "{serving} of {} voters serve, which is no quorum and no leader: {} started first, all at once",
                survey.voters(),
                crate::plan::findings::whom(&down, "is", "are")
            ),
        );
        return false;
    }
    // All see one that was not seen itself: that has a refusal of its own, unless it is down.
    let agreed = survey.agreed(|etcd| etcd.leader).flatten();
    if agreed.is_some_and(|id| !is_down(id, survey)) && !findings.refusals.is_empty() {
        return true;
    }
    let views: Vec<String> = survey
        .serving()
        .map(|(view, etcd)| {
            let sees = etcd.leader.map_or_else(|| "no leader".to_owned(), |id| called(id, survey));
            format!("{} sees {sees}", view.name)
        })
        .collect();
    findings.refuse(
        "one-leader",
        None,
        Words {
            seen: format!("{}{}", views.join(", "), down(survey)),
            must: "all members see one leader, and it is a declared member that serves".to_owned(),
            fix: if down(survey).is_empty() {
                "wait for the election to end; if it does not, check the network between the peers".to_owned()
            } else {
                "start the members that are down (their data is there), then plan again".to_owned()
            },
        },
        None,
    );
    false
}

fn called(id: MemberId, survey: &Survey<'_>) -> String {
    survey.listed_name(id).map_or_else(|| format!("member {id}"), str::to_owned)
}

fn is_down(id: MemberId, survey: &Survey<'_>) -> bool {
    let name = called(id, survey);
    survey.stopped().any(|stopped| stopped.view.name.as_str() == name)
}

fn down(survey: &Survey<'_>) -> String {
    survey.stopped().map(|member| format!(", {} is down", member.view.name)).collect()
}

fn healthy(survey: &Survey<'_>, findings: &mut Findings) {
    let mut well = 0;
    for (view, etcd) in survey.serving() {
        match &etcd.unhealthy {
            None => well += 1,
            Some(said) => findings.refuse(
                "members-healthy",
                Some(view),
                Words {
                    seen: format!("{} says it is not healthy: {said}", view.name),
                    must: "all members are healthy before one is stopped".to_owned(),
                    fix: "see its log, bring it to health, then plan again".to_owned(),
                },
                None,
            ),
        }
    }
    if well == survey.members.len() {
        findings.pass("members-healthy", format!("{well} of {well} members healthy"));
    }
}

fn alarms(survey: &Survey<'_>, findings: &mut Findings) -> bool {
    let alarms: BTreeSet<_> = survey.serving().flat_map(|(_, etcd)| &etcd.alarms).collect();
    let none = alarms.is_empty();
    for alarm in alarms {
        let about = survey.name_of(alarm.member).map_or_else(|| alarm.member.to_string(), MemberName::to_string);
        let fix = match alarm.kind.as_str() {
            "NOSPACE" => {
                "compact, defragment each member, then `etcdctl alarm disarm`; raise quota-backend-bytes if needed"
            }
            "CORRUPT" => "find the member whose data differs (HashKV), replace it, then `etcdctl alarm disarm`",
            _ => "find its cause, then `etcdctl alarm disarm`",
        };
        findings.refuse(
            "no-alarm",
            survey.members.iter().find(|member| member.view.name.as_str() == about).map(|member| member.view),
            Words {
                seen: format!("alarm {} on {about}", alarm.kind),
                must: "no alarm is raised when a rung begins".to_owned(),
                fix: fix.to_owned(),
            },
            None,
        );
    }
    none
}

fn quota(survey: &Survey<'_>, knowledge: &Knowledge, findings: &mut Findings) {
    // Versions before 3.0 have no database, and no such option.
    let Some(flag) = knowledge.flag("quota-backend-bytes") else { return };
    for member in &survey.members {
        let (Some(facts), Some(etcd)) = (member.facts(), member.etcd()) else {
            continue;
        };
        let set = facts.option(&flag.name).map(|option| option.value.as_str());
        // Below zero there is none.
        let Some(quota) = flag.effective(set, &etcd.server_version).and_then(|quota| quota.trim().parse().ok()) else {
            continue;
        };
        let quota = Bytes(quota);
        if let Some(size) = etcd.db_size
            && size.0 / QUOTA_SHARE_PERCENT >= quota.0 / 100
        {
            findings.refuse(
                "quota-room",
                Some(member.view),
                Words {
                    seen: format!(
                        "the database of {} is {size}: {} % of its quota of {quota}",
                        member.view.name,
                        u128::from(size.0) * 100 / u128::from(quota.0.max(1))
                    ),
                    must: format!("the database is below {QUOTA_SHARE_PERCENT} % of its quota"),
                    fix: "compact and defragment, or raise quota-backend-bytes, before the upgrade".to_owned(),
                },
                None,
            );
        }
    }
}

fn equal_data(survey: &Survey<'_>, findings: &mut Findings) {
    let hashes: Vec<_> = survey.serving().filter_map(|(view, etcd)| Some((view, etcd.hash_kv?))).collect();
    let Some((_, first)) = hashes.first() else {
        return;
    };
    let comparable = hashes
        .iter()
        .all(|(_, hash)| hash.revision == first.revision && hash.compact_revision == first.compact_revision);
    if !comparable {
        return;
    }
    if hashes.iter().all(|(_, hash)| hash.hash == first.hash) {
        if hashes.len() == survey.members.len() {
            findings.pass("data-equal", format!("HashKV at revision {} equal on all members", first.revision));
        }
        return;
    }
    let each: Vec<String> = hashes.iter().map(|(view, hash)| format!("{} {:08x}", view.name, hash.hash)).collect();
    findings.refuse(
        "data-equal",
        None,
        Words {
            seen: format!("HashKV at revision {} differs: {}", first.revision, each.join(", ")),
            must: "all members hold the same data".to_owned(),
            fix: "find the member that is wrong and replace it (remove, add with an empty data directory) before the \
                  version changes"
                .to_owned(),
        },
        None,
    );
}
