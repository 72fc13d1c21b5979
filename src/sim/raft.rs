//! Raft as far as it matters here: each member's log, terms and votes, elections, replication and commit. What etcd does
//! with a log that lost entries which were committed once (a copy from the past) is modeled as it was seen to do.

use crate::sim::member::Member;
use crate::sim::restore_effects::Saved;
use crate::sim::world::{MOST_MEMBERS, MemberNo, TICK, World};
use crate::units::Minor;

/// A follower that hears nothing for so long campaigns; a leader that reaches no quorum for so long steps down.
const ELECTION_TIMEOUT: u64 = 1000;

/// The leader looks at all members' versions so often.
pub const VERSION_LOOK_EVERY: u64 = 4000;

/// The cluster version of a cluster that has none yet.
pub const UNDECIDED: Minor = Minor::new(0, 0);

/// The origin of data that a member began with nothing.
pub const FRESH: u32 = u32::MAX;

/// What an entry carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    Nothing,
    Write(u32),
    ClusterVersion(Minor),
    /// `downgrade enable` to this minor, or `cancel`.
    Downgrade(Option<Minor>),
}

/// One entry, with what the state is once it is applied.
#[derive(Debug, Clone, Copy)]
pub struct LogEntry {
    pub term: u32,
    pub payload: Payload,
    pub revision: u64,
    /// Over all writes up to here: what `HashKV` tells.
    pub digest: u64,
    pub cluster_version: Minor,
    /// Where etcd was told to go down.
    pub downgrade: Option<Minor>,
}

/// What is in a data directory.
#[derive(Debug, Clone, Default)]
pub struct Data {
    pub log: Vec<LogEntry>,
    pub term: u32,
    pub vote: Option<MemberNo>,
    /// How many entries are known to be committed.
    pub commit: usize,
    /// The newest minor that has written to it.
    pub seen: Option<Minor>,
    /// The oldest minor whose entries are in the log since the last raft snapshot, in the form that this minor writes.
    pub oldest_form: Option<Minor>,
    /// The version of its storage, where a release that knows one runs on it.
    pub storage: Option<Minor>,
    /// Which replacement of the whole cluster's data it comes from; 0 where it has always been this member's.
    pub origin: u32,
    /// Members of two clusters do not talk to each other. 0 where no backup was restored.
    pub cluster: u32,
}

/// The state after no entry at all.
pub fn nothing_applied(minor: Minor) -> LogEntry {
    LogEntry { term: 0, payload: Payload::Nothing, revision: 1, digest: 0, cluster_version: minor, downgrade: None }
}

impl Data {
    pub fn new(minor: Minor) -> Self {
        Self {
            log: vec![nothing_applied(minor)],
            term: 1,
            vote: None,
            commit: 1,
            seen: Some(minor),
            oldest_form: None,
            storage: None,
            origin: 0,
            cluster: 0,
        }
    }

    /// Of a member that begins without any, in a cluster that does not know its version yet.
    pub fn fresh() -> Self {
        Self { seen: None, origin: FRESH, ..Self::new(UNDECIDED) }
    }

    /// Made of a backup: its state in one entry, as a member of a new cluster.
    pub fn restored(saved: &Saved, cluster: u32, cluster_version: Minor) -> Self {
        let mut data = Self { seen: None, origin: cluster, cluster, ..Self::new(cluster_version) };
        data.log[0].revision = saved.revision;
        data.log[0].digest = saved.digest;
        data
    }

    /// A committed write of the past.
    pub fn put(&mut self, id: u32) {
        self.append(self.term, Payload::Write(id));
        self.commit = self.log.len();
    }

    /// The state by what is committed.
    pub fn applied(&self) -> LogEntry {
        self.log[self.commit - 1]
    }

    pub fn last(&self) -> LogEntry {
        self.log[self.log.len() - 1]
    }

    pub fn append(&mut self, term: u32, payload: Payload) {
        let last = self.last();
        let mut entry = LogEntry { term, payload, ..last };
        match payload {
            Payload::Nothing => {}
            Payload::Write(id) => {
                entry.revision += 1;
                entry.digest = (last.digest ^ u64::from(id)).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
            }
            Payload::ClusterVersion(minor) => entry.cluster_version = minor,
            Payload::Downgrade(to) => entry.downgrade = to,
        }
        self.log.push(entry);
    }

    /// Whether a voter with this log may vote for a candidate with that one.
    fn is_not_ahead_of(&self, candidate: &Self) -> bool {
        (self.last().term, self.log.len()) <= (candidate.last().term, candidate.log.len())
    }

    /// Digest of the writes up to a revision, where this log has come so far.
    pub fn digest_at(&self, revision: u64) -> Option<u64> {
        let committed = &self.log[..self.commit];
        let at = committed.partition_point(|entry| entry.revision < revision);
        committed.get(at).filter(|entry| entry.revision == revision).map(|entry| entry.digest)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Follower,
    Leader,
}

/// What a process knows and a data directory does not.
#[derive(Debug, Clone)]
pub struct Node {
    pub role: Role,
    pub leader: Option<MemberNo>,
    /// When it heard of its leader last; of a leader: when it reached a quorum last.
    pub heard: u64,
    election_due: u64,
    /// Of a leader: how far each member is, by what it said.
    matched: [usize; MOST_MEMBERS],
    pub next_version_look: u64,
}

impl Node {
    pub fn started(now: u64, patience: u64) -> Self {
        Self {
            role: Role::Follower,
            leader: None,
            heard: now,
            election_due: now + patience,
            matched: [0; MOST_MEMBERS],
            next_version_look: 0,
        }
    }
}

/// Copies what a follower lacks, at most `most` entries; returns how far the leader thinks that it is.
fn replicate(from: &Data, to: &mut Data, most: usize) -> usize {
    let kept = to.commit;
    let agrees_on_committed = from.log.len() >= kept && from.log[kept - 1].term == to.log[kept - 1].term;
    if !agrees_on_committed {
        // etcd never gives up an entry that it holds for committed: it answers that it has them, and the leader
        // believes it. From then on the two differ, and nobody says so (a copy from the past leads to this).
        for index in to.log.len()..from.log.len().min(to.log.len() + most) {
            let entry = from.log[index];
            to.append(entry.term, entry.payload);
        }
        return to.log.len();
    }
    let mut same = to.log.len().min(from.log.len());
    while same > kept && from.log[same - 1].term != to.log[same - 1].term {
        same -= 1;
    }
    to.log.truncate(same);
    let end = from.log.len().min(same + most);
    if to.last().digest == from.log[same - 1].digest {
        to.log.extend_from_slice(&from.log[same..end]);
    } else {
        for index in same..end {
            let entry = from.log[index];
            to.append(entry.term, entry.payload);
        }
    }
    to.log.len()
}

impl World {
    /// Voters by the list of members, those of somebody else included.
    pub fn voters(&self) -> usize {
        self.members.len() + self.added_voters
    }

    pub fn quorum(&self) -> usize {
        self.voters() / 2 + 1
    }

    /// Who really leads: in the newest term.
    pub fn leader(&self) -> Option<MemberNo> {
        let leads = |no: &MemberNo| self.members[*no].node().is_some_and(|node| node.role == Role::Leader);
        (0..self.members.len()).filter(leads).max_by_key(|&no| self.members[no].data.term)
    }

    /// Whether messages get from one to the other.
    fn heard_by(&self, from: MemberNo, to: MemberNo) -> bool {
        let one_cluster = self.members[from].data.cluster == self.members[to].data.cluster;
        from == to || (one_cluster && self.now >= self.mute_until[from] && self.now >= self.deaf_until[to])
    }

    pub fn talk(&self, one: MemberNo, other: MemberNo) -> bool {
        self.heard_by(one, other) && self.heard_by(other, one)
    }

    /// One step of the whole cluster.
    pub fn raft_tick(&mut self) {
        for no in 0..self.members.len() {
            if self.members[no].leads() {
                self.lead(no);
            }
        }
        for no in 0..self.members.len() {
            let due = self.members[no].node().is_some_and(|node| {
                node.role == Role::Follower
                    && node.heard + ELECTION_TIMEOUT <= self.now
                    && node.election_due <= self.now
            });
            if due && self.campaign(no) {
                // Its first message goes out before anybody else loses patience.
                self.lead(no);
                break;
            }
        }
    }

    fn lead(&mut self, leader: MemberNo) {
        let mut data = std::mem::take(&mut self.members[leader].data);
        self.members[leader].data.cluster = data.cluster;
        let mut matched = self.members[leader].node().map(|node| node.matched).unwrap_or_default();
        matched[leader] = data.log.len();
        let mut reached = 1;
        let (mut deposed, mut newest_term) = (false, data.term);
        for to in (0..self.members.len()).filter(|&to| to != leader) {
            if !self.members[to].takes_part() || !self.heard_by(leader, to) {
                continue;
            }
            let answers = self.heard_by(to, leader);
            let (now, slow) = (self.now, self.now < self.slow_until[to]);
            let most = if slow { self.slow_rate } else { self.rate };
            let follower = &mut self.members[to];
            if follower.data.term > data.term {
                // Its answer tells of a newer term.
                if answers {
                    deposed = true;
                    newest_term = newest_term.max(follower.data.term);
                }
                continue;
            }
            if follower.data.term < data.term {
                follower.data.term = data.term;
                follower.data.vote = None;
            }
            let far = replicate(&data, &mut follower.data, most);
            follower.data.commit = follower.data.commit.max(data.commit.min(follower.data.log.len()));
            if let Some(node) = follower.node_mut() {
                node.role = Role::Follower;
                node.leader = Some(leader);
                node.heard = now;
            }
            if answers {
                matched[to] = far;
                reached += 1;
            }
        }
        self.commit(&mut data, &matched);
        if newest_term > data.term {
            data.term = newest_term;
            data.vote = None;
        }
        let quorum = self.quorum();
        let now = self.now;
        self.members[leader].data = data;
        if let Some(node) = self.members[leader].node_mut() {
            node.matched = matched;
            if reached >= quorum {
                node.heard = now;
            }
            if deposed || node.heard + ELECTION_TIMEOUT < now {
                node.role = Role::Follower;
                node.leader = None;
                node.heard = now;
            }
        }
    }

    /// What a quorum has, and is of the leader's own term, is committed.
    fn commit(&self, data: &mut Data, matched: &[usize; MOST_MEMBERS]) {
        let mut far = *matched;
        far.sort_unstable_by(|a, b| b.cmp(a));
        let Some(&common) = far.get(self.quorum() - 1) else { return };
        let common = common.min(data.log.len());
        if common > data.commit && data.log[common - 1].term == data.term {
            data.commit = common;
        }
    }

    /// A candidate asks all that it reaches for their votes. True when it leads then.
    pub fn campaign(&mut self, candidate: MemberNo) -> bool {
        let patience = self.rng.between(2, 10) * TICK;
        let now = self.now;
        let pre_votes = self.members[candidate].runs().is_some_and(|release| self.releases[release].pre_vote);
        self.learn_term(candidate);
        let term = self.members[candidate].data.term + 1;
        let (mut votes, mut count) = ([false; MOST_MEMBERS], 0);
        for (voter, vote) in votes.iter_mut().enumerate().take(self.members.len()) {
            let member = &self.members[voter];
            // Who hears of a leader gives no vote: etcd's check-quorum.
            let content = member.node().is_some_and(|node| {
                node.leader.is_some() && node.leader != Some(candidate) && node.heard + ELECTION_TIMEOUT > now
            });
            let grants = member.takes_part()
                && self.talk(candidate, voter)
                && (voter == candidate || !content || self.handing_over)
                && (member.data.term < term || (member.data.term == term && member.data.vote.is_none()))
                && member.data.is_not_ahead_of(&self.members[candidate].data);
            if grants {
                *vote = true;
                count += 1;
            }
        }
        let wins = count >= self.quorum();
        if let Some(node) = self.members[candidate].node_mut() {
            node.election_due = now + patience;
            node.leader = None;
        }
        if !wins && pre_votes {
            return false;
        }
        for voter in (0..self.members.len()).filter(|&voter| votes[voter]) {
            self.members[voter].data.term = term;
            self.members[voter].data.vote = Some(candidate);
        }
        if wins {
            self.take_over(candidate, term);
        }
        wins
    }

    /// Who refuses a candidate of an old term tells it of the newer one.
    fn learn_term(&mut self, candidate: MemberNo) {
        let reached = |no: &MemberNo| self.members[*no].takes_part() && self.talk(candidate, *no);
        let terms = (0..self.members.len()).filter(reached).map(|no| self.members[no].data.term);
        let newest = terms.max().unwrap_or(0);
        let data = &mut self.members[candidate].data;
        if newest > data.term {
            data.term = newest;
            data.vote = None;
        }
    }

    fn take_over(&mut self, leader: MemberNo, term: u32) {
        for no in (0..self.members.len()).filter(|&no| no != leader) {
            // Whoever led before learns of it at once where it can be reached; else when it reaches no quorum.
            let hears = self.heard_by(leader, no);
            if let Some(node) = self.members[no].node_mut().filter(|node| hears && node.role == Role::Leader) {
                node.role = Role::Follower;
                node.leader = None;
            }
        }
        let (now, phase) = (self.now, self.rng.below(VERSION_LOOK_EVERY));
        let member = &mut self.members[leader];
        member.data.append(term, Payload::Nothing);
        if let Some(node) = member.node_mut() {
            node.role = Role::Leader;
            node.leader = Some(leader);
            node.heard = now;
            node.matched = [0; MOST_MEMBERS];
            node.next_version_look = now + phase;
        }
        self.tell(|world| format!("{} leads in term {term}", world.members[leader].name));
    }
}

impl Member {
    pub fn leads(&self) -> bool {
        self.node().is_some_and(|node| node.role == Role::Leader)
    }
}
