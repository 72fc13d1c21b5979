//! Status: each member as it is right now, what they are together, and what is not well.

use serde::Serialize;
use time::OffsetDateTime;

use crate::drift::checks::Nature;
use crate::drift::{self, Finding, Memory};
use crate::knowledge::Knowledge;
use crate::observe::inventory::{EtcdFacts, HostFacts, Inventory, MemberFacts};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::spec::model::{Cluster, DriftPolicy, Runtime};
use crate::units::{Bytes, ClusterId, ClusterName, MemberId, MemberName, RaftIndex, RaftTerm, Revision, Version};

/// A cluster as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub cluster: ClusterName,
    pub declared: Version,
    /// RFC 3339, UTC.
    pub looked_at: String,
    /// `None` where nobody answers, or members serve different clusters and it cannot be told which is the declared one.
    pub cluster_id: Option<ClusterId>,
    /// As all members of that cluster tell it, so with those below; `None` where they do not agree.
    pub cluster_version: Option<Version>,
    /// 3.6+.
    pub storage_version: Option<Version>,
    pub leader: Option<MemberName>,
    /// `None`: it cannot be told, for members serve different clusters, and none of these is known to be the declared one.
    pub quorum: Option<Quorum>,
    /// The newest that any member of that cluster tells.
    pub revision: Option<Revision>,
    pub members: Vec<MemberStatus>,
    pub wrong: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quorum {
    pub voters: usize,
    /// So many have to answer.
    pub needed: usize,
    /// Voters among the declared members that do.
    pub serving: usize,
    /// How many of these may fail until there is no quorum; `None`: there is none now.
    pub may_fail: Option<usize>,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Leader,
    Follower,
    Learner,
    /// It serves another cluster than the declared one: its data is of that. Whether it leads there is no matter here.
    Stranger,
    /// Its process runs, and etcd does not answer, or not to us.
    Silent,
    /// No process of it runs.
    Down,
    /// Nothing on its host looks like it.
    NotFound,
    /// Its host was not seen.
    Unseen,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberStatus {
    pub name: MemberName,
    pub address: String,
    /// How the host is called: `root@10.0.0.1`, `local`.
    pub host: String,
    pub role: Role,
    /// Why it does not serve, or what it says of its health; `None` where it is well.
    pub unwell: Option<String>,
    pub member_id: Option<MemberId>,
    /// Of the process.
    pub version: Option<Version>,
    pub binary: Option<String>,
    /// Of the file that it is started from.
    pub binary_version: Option<Version>,
    pub raft_term: Option<RaftTerm>,
    pub raft_index: Option<RaftIndex>,
    pub raft_applied_index: Option<RaftIndex>,
    /// Entries that it has and has not applied yet; 3.4+.
    pub not_applied: Option<u64>,
    /// Entries that the leader has and this member had not, when each was asked.
    pub behind_leader: Option<u64>,
    pub revision: Option<Revision>,
    pub db_size: Option<Bytes>,
    pub db_size_in_use: Option<Bytes>,
    /// `None`: not known, or there is none.
    pub quota: Option<Bytes>,
    pub alarms: Vec<String>,
    /// How it is run: its unit and how that stands, or its folder.
    pub runs_by: Option<String>,
    pub pid: Option<u32>,
    pub data_dir: Option<String>,
    pub data_dir_free: Option<Bytes>,
}

impl Status {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.wrong.is_empty()
    }

    /// No host could be looked at: then nothing is known.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.members.iter().all(|member| member.role == Role::Unseen)
    }
}

/// Tells what one look saw.
#[must_use]
pub fn of(cluster: &Cluster, inventory: &Inventory, knowledge: &Knowledge, now: OffsetDateTime) -> Status {
    let survey = Survey::of(inventory);
    let (policy, memory) = (DriftPolicy::default(), Memory { last_run: Ok(None), newest_backup: Ok(None) });
    let input = drift::Input { cluster, policy: &policy, inventory, knowledge, releases: &[], memory: &memory, now };
    let mut wrong = drift::find(&input).findings;
    wrong.retain(|finding| finding.check.nature() == Nature::Unwell);
    Status {
        cluster: cluster.name.clone(),
        declared: cluster.version.clone(),
        looked_at: inventory.taken_at.clone(),
        cluster_id: survey.cluster_id(),
        cluster_version: survey.agreed(|etcd| etcd.cluster_version.clone()).flatten(),
        storage_version: survey.agreed(|etcd| etcd.storage_version.clone()).flatten(),
        leader: survey.leader().cloned(),
        quorum: quorum(&survey),
        revision: survey.serving_together().filter_map(|(_, etcd)| etcd.revision).max(),
        members: survey.members.iter().map(|each| member(cluster, &survey, each, knowledge)).collect(),
        wrong,
    }
}

fn quorum(survey: &Survey<'_>) -> Option<Quorum> {
    if survey.anybody_serves() && survey.cluster_id().is_none() {
        return None;
    }
    let (voters, needed, serving) = (survey.voters(), survey.quorum(), survey.serving_voters().count());
    Some(Quorum { voters, needed, serving, may_fail: serving.checked_sub(needed) })
}

/// The size of its database at which a member stops to take writes; `None` where there is no bound, or none is known.
/// Versions before 3.0 have no database, and no such option.
pub fn quota(member: &Surveyed<'_>, knowledge: &Knowledge) -> Option<Bytes> {
    let flag = knowledge.flag("quota-backend-bytes")?;
    let set = member.facts()?.option(&flag.name).map(|option| option.value.as_str());
    // Below zero there is none.
    flag.effective(set, &member.etcd()?.server_version)?.trim().parse().ok().map(Bytes)
}

fn role(survey: &Survey<'_>, member: &Surveyed<'_>) -> Role {
    match member.standing {
        Standing::HostUnknown { .. } => Role::Unseen,
        Standing::Absent { .. } => Role::NotFound,
        Standing::NeverStarted { .. } | Standing::Stopped { .. } => Role::Down,
        Standing::Silent { .. } => Role::Silent,
        Standing::Serving { etcd, .. } if survey.is_stranger(etcd) => Role::Stranger,
        Standing::Serving { etcd, .. } if etcd.is_learner => Role::Learner,
        Standing::Serving { etcd, .. } if etcd.leader == Some(etcd.member_id) => Role::Leader,
        Standing::Serving { .. } => Role::Follower,
    }
}

fn unwell(survey: &Survey<'_>, member: &Surveyed<'_>) -> Option<String> {
    match member.standing {
        Standing::HostUnknown { why } => Some(crate::units::Advised::of(why).seen),
        Standing::Absent { .. } => Some("nothing on its host looks like this member".to_owned()),
        Standing::NeverStarted { .. } => Some("configured, and never started: it has no data".to_owned()),
        Standing::Stopped { .. } => Some("no process of it runs".to_owned()),
        Standing::Silent { why, .. } => Some(why.to_owned()),
        Standing::Serving { etcd, .. } => {
            let said = etcd.unhealthy.as_ref().map(|said| format!("it says {said}"));
            let both: Vec<String> = elsewhere(survey, etcd).into_iter().chain(said).collect();
            (!both.is_empty()).then(|| both.join("; "))
        }
    }
}

/// That it serves another cluster, or, where it cannot be told which is the declared one, which it serves.
fn elsewhere(survey: &Survey<'_>, etcd: &EtcdFacts) -> Option<String> {
    let own = etcd.cluster_id;
    match survey.cluster_id() {
        Some(id) if id == own => None,
        Some(id) => Some(format!("its data is of another cluster: it serves {own}, and the declared one is {id}")),
        None => {
            let others: Vec<String> =
                survey.cluster_ids().iter().filter(|id| **id != own).map(ToString::to_string).collect();
            let others = others.join(" and ");
            Some(format!("it serves {own}, others serve {others}: which is the declared cluster cannot be told"))
        }
    }
}

fn member(cluster: &Cluster, survey: &Survey<'_>, member: &Surveyed<'_>, knowledge: &Knowledge) -> MemberStatus {
    let (facts, etcd) = (member.facts(), member.etcd());
    let declared = cluster.members.iter().find(|declared| declared.name == member.view.name);
    let leader = survey.serving_together().find(|(_, etcd)| etcd.leader == Some(etcd.member_id)).map(|(_, etcd)| etcd);
    // Indexes of two logs have nothing to do with each other.
    let leader = leader.filter(|leader| etcd.is_some_and(|etcd| etcd.cluster_id == leader.cluster_id));
    let entries = |ahead: Option<RaftIndex>, behind: Option<RaftIndex>| Some(ahead?.0.saturating_sub(behind?.0));
    let process = member.host().and_then(|host| host.processes.iter().find(|process| process.is_declared_member));
    MemberStatus {
        name: member.view.name.clone(),
        address: declared.map(|declared| declared.address.clone()).unwrap_or_default(),
        host: member.view.host_label.clone(),
        role: role(survey, member),
        unwell: unwell(survey, member),
        member_id: etcd.map(|etcd| etcd.member_id),
        version: etcd.map(|etcd| etcd.server_version.clone()),
        binary: facts.map(|facts| facts.binary.path.clone()),
        binary_version: facts.and_then(|facts| facts.binary.version.clone()),
        raft_term: etcd.and_then(|etcd| etcd.raft_term),
        raft_index: etcd.and_then(|etcd| etcd.raft_index),
        raft_applied_index: etcd.and_then(|etcd| etcd.raft_applied_index),
        not_applied: etcd.and_then(|etcd| entries(etcd.raft_index, etcd.raft_applied_index)),
        behind_leader: etcd.and_then(|etcd| entries(leader?.raft_index, etcd.raft_index)),
        revision: etcd.and_then(|etcd| etcd.revision),
        db_size: etcd.and_then(|etcd| etcd.db_size),
        db_size_in_use: etcd.and_then(|etcd| etcd.db_size_in_use),
        quota: quota(member, knowledge),
        alarms: alarms(survey, member),
        runs_by: member.host().and_then(|host| runs_by(&cluster.runtime, host, facts)),
        pid: process.map(|process| process.pid),
        data_dir: facts.map(|facts| facts.data_dir.path.clone()),
        data_dir_free: facts.map(|facts| facts.data_dir.free),
    }
}

/// Those that any member of its cluster tells of this one.
fn alarms(survey: &Survey<'_>, member: &Surveyed<'_>) -> Vec<String> {
    let Some(own) = member.etcd() else { return Vec::new() };
    let its_cluster = survey.serving().filter(|(_, etcd)| etcd.cluster_id == own.cluster_id);
    let told = its_cluster.flat_map(|(_, etcd)| &etcd.alarms).filter(|alarm| alarm.member == own.member_id);
    let mut kinds: Vec<String> = told.map(|alarm| alarm.kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn runs_by(runtime: &Runtime, host: &HostFacts, facts: Option<&MemberFacts>) -> Option<String> {
    match runtime {
        Runtime::Systemd(_) => {
            let unit = host.unit.as_ref()?;
            let reload = if unit.need_daemon_reload { ", changed on disk and not read again" } else { "" };
            let enabled = if unit.file_state.is_empty() { unit.load_state.as_str() } else { unit.file_state.as_str() };
            Some(format!("{}, {} ({}), {enabled}{reload}", unit.name, unit.active_state, unit.sub_state))
        }
        Runtime::Process(_) => {
            facts?;
            host.managed.as_ref().map(|managed| format!("a process of {}", managed.dir))
        }
    }
}
