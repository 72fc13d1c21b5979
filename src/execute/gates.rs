//! Gates: does what must hold, hold? Pure functions on one fresh look at the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::execute::ExecuteError;
use crate::observe::inventory::{EtcdFacts, ListedMember, Seen};
use crate::plan::model::{Gate, MemberAction};
use crate::units::{Advised, MemberId, MemberName, Minor, RaftIndex, Sha256, Version};

/// How far a voter may be behind the leader and still count as caught up when another member is to be stopped.
pub const QUORUM_LAG: RaftIndex = RaftIndex(1000);

/// One look at all members, taken at one time.
#[derive(Debug, Clone, Default)]
pub struct Look {
    pub members: BTreeMap<MemberName, Seen<EtcdFacts>>,
    /// Digest of what a member's process really runs, where it was looked at.
    pub running: BTreeMap<MemberName, Sha256>,
    /// Members whose process is known not to run.
    pub dead: BTreeSet<MemberName>,
}

/// How the gates of a step stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// One sentence for each thing that does not hold; empty when all holds.
    pub waiting: Vec<String>,
    /// The members these sentences are about.
    pub culprits: BTreeSet<MemberName>,
    /// Those of them that do not serve as they should; the others only lag behind, or list other members than was planned
    /// for.
    pub unwell: BTreeSet<MemberName>,
    /// Those of them whose process is known to be gone.
    pub dead: BTreeSet<MemberName>,
    /// The newest cluster version that a member told.
    pub cluster_version: Option<Minor>,
    /// Waiting longer cannot help.
    pub hopeless: bool,
    /// A member that was started does not serve what it should yet: that has a bound of its own.
    pub not_up: bool,
    /// What does not hold keeps nobody from serving.
    pub serves: bool,
    /// Which gates do not hold, by their place. Those that wait for time are not among them.
    pub unmet: BTreeSet<usize>,
    /// What is left of the waits for time, once nothing else is missing.
    pub time_left: Duration,
}

impl Judgement {
    pub fn holds(&self) -> bool {
        self.waiting.is_empty()
    }

    fn blame(&mut self, member: &MemberName, what: String) {
        self.culprits.insert(member.clone());
        self.waiting.push(what);
    }
}

impl Look {
    /// Who leads, if all that answer agree on it and it is one of the declared.
    pub fn leader(&self) -> Option<&MemberName> {
        let mut leaders = self.answering().map(|(_, facts)| facts.leader);
        let first = leaders.next()??;
        leaders.all(|leader| leader == Some(first)).then_some(())?;
        self.name_of(first)
    }

    /// Who leads by what all but this member say.
    pub fn leader_of_others(&self, member: &MemberName) -> Option<&MemberName> {
        let mut leaders = self.answering().filter(|(name, _)| *name != member).map(|(_, facts)| facts.leader);
        let first = leaders.next()??;
        leaders.all(|leader| leader == Some(first)).then_some(())?;
        self.name_of(first).filter(|name| *name != member)
    }

    /// The newest cluster version that any member tells.
    pub fn cluster_version(&self) -> Option<Minor> {
        self.answering().filter_map(|(_, facts)| facts.cluster_version.as_ref().map(Version::minor)).max()
    }

    /// Who else answers with the minor that this member is to have, or one beyond it.
    pub fn others_at(&self, action: &MemberAction) -> impl Iterator<Item = &MemberName> {
        let (goes_down, to) = (action.to < action.from, action.to.minor());
        let is_there = move |minor: Minor| if goes_down { minor <= to } else { minor >= to };
        self.answering()
            .filter(move |(name, facts)| **name != action.member && is_there(facts.server_version.minor()))
            .map(|(name, _)| name)
    }

    /// Whether all members but this one may run the minor or a newer one: one that does not answer may.
    pub fn others_may_all_run(&self, member: &MemberName, minor: Minor) -> bool {
        let others = self.members.iter().filter(|(name, _)| *name != member);
        others.filter_map(|(_, seen)| seen.known()).all(|facts| facts.server_version.minor() >= minor)
    }

    pub fn answering(&self) -> impl Iterator<Item = (&MemberName, &EtcdFacts)> {
        self.members.iter().filter_map(|(name, seen)| Some((name, seen.known()?)))
    }

    fn name_of(&self, id: MemberId) -> Option<&MemberName> {
        self.answering().find(|(_, facts)| facts.member_id == id).map(|(name, _)| name)
    }

    fn facts(&self, name: &MemberName) -> Option<&EtcdFacts> {
        self.members.get(name)?.known()
    }
}

/// Judges all gates. `steady` is how long everything but the waits for time has held without a break.
pub fn judge(gates: &[Gate], look: &Look, steady: Duration) -> Judgement {
    let mut judgement = Judgement::default();
    let mut besides = Judgement::default();
    for (place, gate) in gates.iter().enumerate() {
        let one = judge_one(gate, look);
        if !one.holds() {
            judgement.unmet.insert(place);
        }
        judgement.not_up |= one.not_up;
        let told = if one.serves { &mut besides } else { &mut judgement };
        told.culprits.extend(one.culprits);
        told.waiting.extend(one.waiting);
    }
    judgement.unwell = judgement.culprits.clone();
    judgement.waiting.extend(besides.waiting);
    judgement.culprits.extend(besides.culprits);
    if judgement.holds() {
        for gate in gates {
            if let Gate::Soak { span } | Gate::V2Settle { span, .. } = gate
                && steady < span.duration()
            {
                let left = span.duration() - steady;
                let what = if matches!(gate, Gate::Soak { .. }) { "soak" } else { "settling of v2 data" };
                judgement.waiting.push(format!("{what}: {:.0} s left", left.as_secs_f32()));
                judgement.time_left = judgement.time_left.max(left);
            }
        }
    }
    // Two gates may wait for the same thing: it is told once.
    let mut said = BTreeSet::new();
    judgement.waiting.retain(|sentence| said.insert(sentence.clone()));
    judgement.dead = look.dead.intersection(&judgement.culprits).cloned().collect();
    judgement.hopeless = !judgement.dead.is_empty();
    judgement.cluster_version = look.cluster_version();
    judgement
}

/// Judges one gate as if it were alone. Waits for time always hold here.
fn judge_one(gate: &Gate, look: &Look) -> Judgement {
    let mut judgement = Judgement::default();
    match gate {
        Gate::AllHealthy { .. } => all_healthy(look, &mut judgement),
        Gate::OneLeader { .. } => one_leader(look, &mut judgement),
        Gate::MemberList { members, .. } => {
            member_list(look, members, &mut judgement);
            judgement.serves = true;
        }
        Gate::QuorumWithout { member, .. } => quorum_without(look, member, &mut judgement),
        Gate::RunsVersion { member, version, sha256, .. } => {
            runs_version(look, member, &version.to_string(), *sha256, &mut judgement);
            judgement.not_up = !judgement.holds();
        }
        Gate::CaughtUp { member, entries, .. } => caught_up(look, member, *entries, &mut judgement),
        Gate::ClusterVersion { minor, .. } => cluster_version(look, *minor, &mut judgement),
        Gate::StorageReadable { minor, .. } => {
            storage_version(look, *minor, &mut judgement);
            judgement.serves = true;
        }
        Gate::Serving { members, .. } => serving(look, members, &mut judgement),
        Gate::DeclaredMembers { names, .. } => declared_members(look, names, &mut judgement),
        Gate::Soak { .. } | Gate::V2Settle { .. } => {}
    }
    judgement
}

fn cluster_version(look: &Look, minor: Minor, judgement: &mut Judgement) {
    for (name, facts) in look.answering() {
        let shown = facts.cluster_version.as_ref().map(Version::minor);
        if shown != Some(minor) {
            let shown = shown.map_or_else(|| "no cluster version".to_owned(), |minor| minor.to_string());
            let held = facts.downgrade_to.filter(|to| *to < minor).map_or_else(String::new, |to| {
                format!(" (etcd was told to go down to {to}, and stays there until that is cancelled)")
            });
            judgement.blame(name, format!("{name} is at cluster version {shown}, not yet at {minor}{held}"));
        }
    }
    unanswered(look, judgement);
}

/// Of members above this minor: their storage is what an older binary would have to read. One that is at it has its own.
fn storage_version(look: &Look, minor: Minor, judgement: &mut Judgement) {
    for (name, facts) in look.answering() {
        let is_above = facts.server_version.minor() > minor;
        match facts.storage_version.as_ref().map(Version::minor) {
            Some(shown) if shown == minor => {}
            None if !is_above => {}
            Some(shown) => judgement.blame(name, format!("{name} has storage of version {shown}, not yet {minor}")),
            None => judgement.blame(name, format!("{name} does not say which version its storage has")),
        }
    }
    unanswered(look, judgement);
}

fn unanswered(look: &Look, judgement: &mut Judgement) {
    for (name, seen) in &look.members {
        if let Seen::Unknown { why } = seen {
            let sentence = format!("{name} does not answer: {}", Advised::of(why).seen);
            if !judgement.waiting.contains(&sentence) {
                judgement.blame(name, sentence);
            }
        }
    }
}

fn all_healthy(look: &Look, judgement: &mut Judgement) {
    unanswered(look, judgement);
    for (name, facts) in look.answering() {
        if let Some(said) = &facts.unhealthy {
            judgement.blame(name, format!("{name} says it is not healthy: {said}"));
        }
        for alarm in &facts.alarms {
            // An alarm is the cluster's: every member lists it, only the one it is about is to blame.
            let about = look.name_of(alarm.member).unwrap_or(name);
            let sentence = format!("alarm {} on {about}", alarm.kind);
            if !judgement.waiting.contains(&sentence) {
                judgement.blame(about, sentence);
            }
        }
    }
}

fn one_leader(look: &Look, judgement: &mut Judgement) {
    unanswered(look, judgement);
    if look.leader().is_some() {
        return;
    }
    let agreed = agreed_leader(look);
    for (name, facts) in look.answering() {
        let sees = facts.leader.map_or_else(|| "no leader".to_owned(), |leader| format!("{leader} as leader"));
        if agreed.is_some() && facts.leader == agreed {
            judgement.waiting.push(format!("{name} sees {sees}"));
        } else {
            judgement.blame(name, format!("{name} sees {sees}"));
        }
    }
}

/// The leader that a quorum of the members sees, one of those that answer: nothing is wrong with them, but with the others.
fn agreed_leader(look: &Look) -> Option<MemberId> {
    let sees = |id: MemberId| look.answering().filter(|(_, facts)| facts.leader == Some(id)).count();
    let quorum = look.members.len() / 2 + 1;
    look.answering().map(|(_, facts)| facts.member_id).find(|&id| sees(id) >= quorum)
}

fn member_list(look: &Look, expected: &[ListedMember], judgement: &mut Judgement) {
    unanswered(look, judgement);
    // Client URLs are announced by each member when it starts, so they may lag behind; who is a member does not.
    let identity = |members: &[ListedMember]| -> BTreeSet<(MemberId, Vec<String>, bool)> {
        members.iter().map(|member| (member.id, member.peer_urls.clone(), member.is_learner)).collect()
    };
    let wanted = identity(expected);
    for (name, facts) in look.answering() {
        let seen = identity(&facts.members);
        let describe = |(id, urls, learner): &(MemberId, Vec<String>, bool)| {
            format!("{id} at {}{}", urls.join(","), if *learner { " (learner)" } else { "" })
        };
        let added: Vec<String> = seen.difference(&wanted).map(describe).collect();
        let gone: Vec<String> = wanted.difference(&seen).map(describe).collect();
        if !added.is_empty() || !gone.is_empty() {
            let difference = format!(
                "{name} lists other members than the plan was made for: new [{}], gone [{}]",
                added.join("; "),
                gone.join("; ")
            );
            judgement.blame(name, difference);
        }
    }
}

fn quorum_without(look: &Look, stopped: &MemberName, judgement: &mut Judgement) {
    let voters: BTreeSet<MemberId> = look
        .answering()
        .flat_map(|(_, facts)| &facts.members)
        .filter(|member| !member.is_learner)
        .map(|member| member.id)
        .collect();
    let leader_index = look.leader().and_then(|leader| look.facts(leader)).and_then(applied);
    let mut ready = 0;
    for (name, facts) in look.answering().filter(|(name, _)| *name != stopped) {
        if !voters.contains(&facts.member_id) || facts.unhealthy.is_some() || facts.leader.is_none() {
            continue;
        }
        match (leader_index, applied(facts)) {
            (Some(leader), Some(own)) if leader.0.saturating_sub(own.0) > QUORUM_LAG.0 => {
                judgement.blame(name, format!("{name} is {} entries behind the leader", leader.0 - own.0));
            }
            _ => ready += 1,
        }
    }
    let quorum = voters.len() / 2 + 1;
    if voters.is_empty() || ready < quorum {
        judgement.blame(
            stopped,
            format!("without {stopped}, {ready} of {} voters would serve; quorum is {quorum}", voters.len()),
        );
    }
}

fn runs_version(look: &Look, member: &MemberName, version: &str, sha256: Sha256, judgement: &mut Judgement) {
    if look.dead.contains(member) {
        judgement.blame(member, format!("{member}: its process is gone"));
        return;
    }
    match look.facts(member) {
        None => unanswered_one(look, member, judgement),
        Some(facts) if facts.server_version.to_string() != version => {
            judgement.blame(member, format!("{member} answers version {}, not {version}", facts.server_version));
        }
        Some(_) => {}
    }
    match look.running.get(member) {
        Some(running) if *running == sha256 => {}
        Some(running) => judgement
            .blame(member, format!("{member} runs a binary with sha256 {}, not {}", running.short(), sha256.short())),
        None => judgement.blame(member, format!("{member}: what its process runs was not seen yet")),
    }
}

fn unanswered_one(look: &Look, member: &MemberName, judgement: &mut Judgement) {
    let why = look.members.get(member).and_then(Seen::why).unwrap_or("it was not asked");
    let sentence = format!("{member} does not answer: {}", Advised::of(why).seen);
    if !judgement.waiting.contains(&sentence) {
        judgement.blame(member, sentence);
    }
}

fn caught_up(look: &Look, member: &MemberName, entries: RaftIndex, judgement: &mut Judgement) {
    let leader = look.leader().and_then(|leader| look.facts(leader)).and_then(applied);
    let own = look.facts(member).and_then(applied);
    match (leader, own) {
        (Some(leader), Some(own)) if leader.0.saturating_sub(own.0) <= entries.0 => {}
        (Some(leader), Some(own)) => {
            judgement.blame(member, format!("{member} is {} raft entries behind the leader", leader.0 - own.0));
            judgement.serves = true;
        }
        _ => judgement.blame(member, format!("{member}: its raft index or the leader's is not known yet")),
    }
}

/// How far a member is, by the best that its version tells.
fn applied(facts: &EtcdFacts) -> Option<RaftIndex> {
    facts.raft_applied_index.or(facts.raft_index)
}

/// These members alone: the others may be down, and what was seen of them does not matter.
fn serving(look: &Look, members: &[MemberName], judgement: &mut Judgement) {
    let mut leaders = BTreeSet::new();
    for name in members {
        let Some(facts) = look.facts(name) else {
            unanswered_one(look, name, judgement);
            continue;
        };
        if let Some(said) = &facts.unhealthy {
            judgement.blame(name, format!("{name} says it is not healthy: {said}"));
        }
        match facts.leader.and_then(|leader| look.name_of(leader)) {
            Some(leader) if members.contains(leader) => {
                leaders.insert(leader);
            }
            _ => judgement.blame(name, format!("{name} sees no leader among {}", list(members))),
        }
    }
    if leaders.len() > 1 {
        for name in members {
            judgement.blame(name, format!("{} do not see the same leader", list(members)));
        }
    }
}

fn list(members: &[MemberName]) -> String {
    members.iter().map(MemberName::as_str).collect::<Vec<_>>().join(", ")
}

fn declared_members(look: &Look, names: &[MemberName], judgement: &mut Judgement) {
    unanswered(look, judgement);
    let wanted: BTreeSet<&str> = names.iter().map(MemberName::as_str).collect();
    for (name, facts) in look.answering() {
        let listed: BTreeSet<&str> = facts.members.iter().map(|member| member.name.as_str()).collect();
        if listed != wanted {
            let listed = listed.into_iter().collect::<Vec<_>>().join(", ");
            judgement.blame(name, format!("{name} lists the members [{listed}]"));
        }
    }
}

/// Why the old binary would not stay up, or why that is not known. The leader decides the cluster version once all members
/// run the new one; a follower may be behind and tell the old one still.
pub fn no_way_back(action: &MemberAction, look: &Look) -> Option<ExecuteError> {
    // A newer binary comes up in a cluster of either version.
    if action.from.minor() > action.to.minor() {
        return None;
    }
    let (member, from) = (action.member.clone(), action.from.clone());
    if let Some(minor) = look.cluster_version().filter(|minor| *minor > action.from.minor()) {
        return Some(ExecuteError::NoWayBack { member, minor, from });
    }
    (look.leader().is_none() && look.others_may_all_run(&member, action.to.minor()))
        .then_some(ExecuteError::WayBackNotKnown { member, from })
}
