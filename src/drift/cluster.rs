//! The cluster as a whole: one cluster, one leader, one list of members, one version.

use std::collections::BTreeSet;

use crate::drift::judge::{Judge, Judged, Words, one};
use crate::drift::{Check, Input};
use crate::observe::inventory::{EtcdFacts, ListedMember, MemberView};
use crate::plan::survey::{Survey, Surveyed};
use crate::spec::model::Toggle;
use crate::units::{MemberId, Minor, Version};

pub fn check(input: &Input<'_>, survey: &Survey<'_>, judge: &mut Judge) {
    let mut take = |check, judged| judge.take(check, None, judged);
    take(Check::OneCluster, one_cluster(survey));
    take(Check::OneLeader, one_leader(survey));
    take(Check::MemberListAgreed, member_list_agreed(survey));
    take(Check::MemberDeclared, member_declared(survey));
    take(Check::MemberStarted, member_started(survey));
    take(Check::MemberNamesUnique, names_unique(survey));
    take(Check::NoLearner, no_learner(survey));
    take(Check::NoAlarm, no_alarm(survey));
    take(Check::OneVersion, one_version(survey));
    take(Check::ClusterVersionFollows, cluster_version(survey));
    if input.policy.compare_hashes == Toggle::On {
        take(Check::DataEqual, data_equal(survey));
    }
}

/// `m1 3.1.20, m2 3.2.32`: those that serve the declared cluster.
fn each(survey: &Survey<'_>, value: impl Fn(&EtcdFacts) -> String) -> String {
    each_of(survey.serving_together(), value)
}

fn each_of<'a>(
    members: impl Iterator<Item = (&'a MemberView, &'a EtcdFacts)>,
    value: impl Fn(&EtcdFacts) -> String,
) -> String {
    members.map(|(view, etcd)| format!("{} {}", view.name, value(etcd))).collect::<Vec<_>>().join(", ")
}

fn somebody_answers(survey: &Survey<'_>) -> Result<(), String> {
    if survey.anybody_serves() { Ok(()) } else { Err("no member answers".to_owned()) }
}

/// What is judged of the cluster is judged of those: a stranger has a finding of its own.
fn somebody_serves_it(survey: &Survey<'_>) -> Result<(), String> {
    somebody_answers(survey)?;
    if survey.cluster_id().is_some() {
        return Ok(());
    }
    Err("members serve different clusters, and which of them is the declared one cannot be told".to_owned())
}

fn one_cluster(survey: &Survey<'_>) -> Judged {
    somebody_answers(survey)?;
    one((survey.cluster_ids().len() > 1).then(|| {
        let belongs = |etcd: &EtcdFacts| format!("belongs to {}", etcd.cluster_id);
        Words::new("all members belong to one cluster", each_of(survey.serving(), belongs))
    }))
}

fn one_leader(survey: &Survey<'_>) -> Judged {
    somebody_serves_it(survey)?;
    if survey.leader().is_some() {
        return Ok(Vec::new());
    }
    let called = |id: MemberId| survey.listed_name(id).map_or_else(|| format!("member {id}"), str::to_owned);
    let sees = each(survey, |etcd| format!("sees {}", etcd.leader.map_or_else(|| "no leader".to_owned(), called)));
    let serving = survey.serving_voters().count();
    let found = if survey.has_quorum() {
        sees
    } else {
        format!("{serving} of {} voters answer, which is no quorum; {sees}", survey.voters())
    };
    one(Some(Words::new("all members see one leader, a member that answers", found)))
}

fn identities(members: &[ListedMember]) -> BTreeSet<(u64, &[String], bool)> {
    members.iter().map(|member| (member.id.0, member.peer_urls.as_slice(), member.is_learner)).collect()
}

fn member_list_agreed(survey: &Survey<'_>) -> Judged {
    somebody_serves_it(survey)?;
    let differ = survey.agreed(|etcd| identities(&etcd.members)).is_none();
    let list = |etcd: &EtcdFacts| {
        let names: Vec<String> = etcd.members.iter().map(|member| format!("{} {}", member.name, member.id)).collect();
        format!("lists [{}]", names.join(", "))
    };
    one(differ.then(|| Words::new("all members list the same members", each(survey, list))))
}

/// The list that all who serve the declared cluster agree on.
pub fn agreed_list<'a>(survey: &Survey<'a>) -> Result<&'a [ListedMember], String> {
    somebody_serves_it(survey)?;
    let agreed = survey.agreed(|etcd| identities(&etcd.members)).is_some();
    let list = survey.serving_together().next().map(|(_, etcd)| etcd.members.as_slice());
    list.filter(|_| agreed).ok_or_else(|| "members answer different member lists".to_owned())
}

fn told(listed: &ListedMember) -> String {
    let name = if listed.name.is_empty() { "without a name" } else { listed.name.as_str() };
    format!("{name} ({}) at {}", listed.id, listed.peer_urls.join(", "))
}

fn declared_names(survey: &Survey<'_>) -> String {
    survey.members.iter().map(|member| member.view.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Members of the cluster that no block declares. One that has never started has no name yet and is told as that.
fn member_declared(survey: &Survey<'_>) -> Judged {
    let list = agreed_list(survey)?;
    // Who does not serve the cluster, for it is down or serves another, is known by its name.
    let is_elsewhere = |member: &Surveyed<'_>| member.etcd().is_none_or(|etcd| survey.is_stranger(etcd));
    let is_declared = |listed: &ListedMember| {
        survey.name_of(listed.id).is_some()
            || survey.members.iter().any(|member| is_elsewhere(member) && member.view.name.as_str() == listed.name)
    };
    let unknown = list.iter().filter(|listed| !listed.name.is_empty() && !is_declared(listed));
    Ok(unknown
        .map(|listed| {
            Words::new(
                format!("the members are {}", declared_names(survey)),
                format!("the cluster has a member {}", told(listed)),
            )
            .about(listed.id)
        })
        .collect())
}

fn member_started(survey: &Survey<'_>) -> Judged {
    let never = agreed_list(survey)?.iter().filter(|listed| listed.name.is_empty());
    Ok(never
        .map(|listed| {
            Words::new(
                "every member of the list has started",
                format!("member {} was added and has never started", told(listed)),
            )
            .about(listed.id)
        })
        .collect())
}

fn names_unique(survey: &Survey<'_>) -> Judged {
    let list = agreed_list(survey)?;
    let mut seen = BTreeSet::new();
    let twice = list.iter().filter(|listed| !listed.name.is_empty() && !seen.insert(&listed.name));
    Ok(twice
        .map(|listed| {
            Words::new(
                "each member has a name of its own",
                format!("two members are named {}; one is {}", listed.name, told(listed)),
            )
            .about(listed.id)
        })
        .collect())
}

fn no_learner(survey: &Survey<'_>) -> Judged {
    let learners = agreed_list(survey)?.iter().filter(|listed| listed.is_learner);
    Ok(learners
        .map(|listed| Words::new("all members vote", format!("{} is a learner", told(listed))).about(listed.id))
        .collect())
}

fn no_alarm(survey: &Survey<'_>) -> Judged {
    somebody_serves_it(survey)?;
    let alarms: BTreeSet<_> = survey.serving_together().flat_map(|(_, etcd)| &etcd.alarms).collect();
    let about = |id: MemberId| survey.listed_name(id).map_or_else(|| format!("member {id}"), str::to_owned);
    Ok(alarms
        .into_iter()
        .map(|alarm| {
            Words::new("no alarm is raised", format!("{} on {}", alarm.kind, about(alarm.member)))
                .about(format!("{} {}", alarm.kind, alarm.member))
        })
        .collect())
}

fn one_version(survey: &Survey<'_>) -> Judged {
    somebody_serves_it(survey)?;
    let differ = survey.agreed(|etcd| &etcd.server_version).is_none();
    one(differ.then(|| Words::new("all members run one version", each(survey, |etcd| etcd.server_version.to_string()))))
}

/// Where members run different minors it is behind some of them, as it has to be.
fn cluster_version(survey: &Survey<'_>) -> Judged {
    somebody_serves_it(survey)?;
    let Some(minor) = survey.agreed(|etcd| etcd.server_version.minor()) else {
        return Err("members run different minors".to_owned());
    };
    let of = |etcd: &EtcdFacts| etcd.cluster_version.as_ref().map(Version::minor);
    if survey.serving_together().all(|(_, etcd)| of(etcd) == Some(minor)) {
        return Ok(Vec::new());
    }
    let shown = |of: Option<Minor>| {
        of.map_or_else(|| "says that it is not decided".to_owned(), |minor| format!("says {minor}"))
    };
    let found = match survey.agreed(of) {
        Some(Some(minor)) => format!("all say {minor}"),
        _ => each(survey, |etcd| shown(of(etcd))),
    };
    one(Some(Words::new(format!("cluster version {minor}, which all members run"), found)))
}

fn data_equal(survey: &Survey<'_>) -> Judged {
    somebody_serves_it(survey)?;
    let hashes: Vec<_> = survey.serving_together().filter_map(|(view, etcd)| Some((view, etcd.hash_kv?))).collect();
    let Some((_, first)) = hashes.first() else {
        return Err("no member told a hash of its data".to_owned());
    };
    let comparable = hashes.len() == survey.members.len()
        && hashes
            .iter()
            .all(|(_, hash)| hash.revision == first.revision && hash.compact_revision == first.compact_revision);
    if hashes.iter().all(|(_, hash)| hash.hash == first.hash) || !comparable {
        return if comparable { Ok(Vec::new()) } else { Err("not all members told a hash at one revision".to_owned()) };
    }
    let found =
        hashes.iter().map(|(view, hash)| format!("{} {:08x}", view.name, hash.hash)).collect::<Vec<_>>().join(", ");
    one(Some(Words::new(
        "all members hold the same data",
        format!("hashes at revision {} differ: {found}", first.revision),
    )))
}
