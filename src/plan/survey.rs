//! Survey: what each declared member is right now, in the words that the planner decides by.

use std::collections::BTreeSet;

use crate::observe::inventory::{
    EtcdFacts, EtcdProcess, HostFacts, Inventory, ListedMember, MemberFacts, MemberView, Seen,
};
use crate::units::{ClusterId, MemberId, MemberName, Minor, Sha256};

/// How a declared member stands.
#[derive(Debug, Clone, Copy)]
pub enum Standing<'a> {
    /// The host did not answer.
    HostUnknown {
        why: &'a str,
    },
    /// Nothing on the host looks like this member.
    Absent {
        host: &'a HostFacts,
    },
    /// Configured, but never started: no data.
    NeverStarted {
        facts: &'a MemberFacts,
    },
    /// It has data and no process; or it was made by quorate and never served, and is started just the same.
    Stopped {
        facts: &'a MemberFacts,
    },
    /// Its process runs, etcd does not answer.
    Silent {
        facts: &'a MemberFacts,
        why: &'a str,
    },
    Serving {
        facts: &'a MemberFacts,
        etcd: &'a EtcdFacts,
        running: Option<&'a EtcdProcess>,
    },
}

/// A member and its standing.
#[derive(Debug, Clone, Copy)]
pub struct Surveyed<'a> {
    pub view: &'a MemberView,
    pub standing: Standing<'a>,
}

/// All of them, in the order of the spec.
#[derive(Debug)]
pub struct Survey<'a> {
    pub members: Vec<Surveyed<'a>>,
}

impl<'a> Survey<'a> {
    pub fn of(inventory: &'a Inventory) -> Self {
        Self { members: inventory.members.iter().map(|view| Surveyed { view, standing: standing(view) }).collect() }
    }

    pub fn serving(&self) -> impl Iterator<Item = (&'a MemberView, &'a EtcdFacts)> {
        self.members.iter().filter_map(|member| match member.standing {
            Standing::Serving { etcd, .. } => Some((member.view, etcd)),
            _ => None,
        })
    }

    pub fn anybody_serves(&self) -> bool {
        self.serving().next().is_some()
    }

    /// The clusters of those that serve.
    pub fn cluster_ids(&self) -> BTreeSet<ClusterId> {
        self.serving().map(|(_, etcd)| etcd.cluster_id).collect()
    }

    /// The declared cluster: the one that most of those that serve belong to; of several alike, the one whose own list names
    /// more of the declared members. `None` where nobody serves, and where these are alike in that too: then it cannot be told.
    pub fn cluster_id(&self) -> Option<ClusterId> {
        let claims: Vec<(Claim, ClusterId)> = self.cluster_ids().into_iter().map(|id| (self.claim(id), id)).collect();
        let best = claims.iter().map(|(claim, _)| *claim).max()?;
        let mut with_best = claims.iter().filter(|(claim, _)| *claim == best).map(|(_, id)| *id);
        let id = with_best.next()?;
        with_best.next().is_none().then_some(id)
    }

    /// What speaks for this cluster being the declared one.
    fn claim(&self, id: ClusterId) -> Claim {
        let of_it = || self.serving().map(|(_, etcd)| etcd).filter(|etcd| etcd.cluster_id == id);
        let named = of_it().map(|etcd| self.named_in(&etcd.members)).max();
        let (named, named_with_url) = named.unwrap_or_default();
        Claim { serving: of_it().count(), named, named_with_url }
    }

    /// How many declared members a list names, by their name or a peer URL; and how many by both. Members of two clusters often
    /// have the same names.
    fn named_in(&self, list: &[ListedMember]) -> (usize, usize) {
        let found = |member: &Surveyed<'_>| {
            let urls = member.peer_urls();
            let by_name = list.iter().any(|listed| listed.name == member.view.name.as_str());
            let by_url = list.iter().flat_map(|listed| &listed.peer_urls).any(|url| urls.contains(&url.as_str()));
            (by_name || by_url, by_name && by_url)
        };
        let each: Vec<(bool, bool)> = self.members.iter().map(found).collect();
        (each.iter().filter(|(either, _)| *either).count(), each.iter().filter(|(_, both)| *both).count())
    }

    /// It serves another cluster than the declared one: its data is of that. Where that cannot be told, nobody does.
    pub fn is_stranger(&self, etcd: &EtcdFacts) -> bool {
        self.cluster_id().is_some_and(|id| id != etcd.cluster_id)
    }

    /// Those that serve in the declared cluster: a stranger is of no use to it. Nobody where it cannot be told which that is.
    pub fn serving_together(&self) -> impl Iterator<Item = (&'a MemberView, &'a EtcdFacts)> {
        let id = self.cluster_id();
        self.serving().filter(move |(_, etcd)| Some(etcd.cluster_id) == id)
    }

    /// Those of them that vote.
    pub fn serving_voters(&self) -> impl Iterator<Item = (&'a MemberView, &'a EtcdFacts)> {
        self.serving_together().filter(|(_, etcd)| !etcd.is_learner)
    }

    /// Voters by the lists of those that serve together; the declared members where nobody does.
    pub fn voters(&self) -> usize {
        let listed = |etcd: &EtcdFacts| etcd.members.iter().filter(|member| !member.is_learner).count();
        self.serving_together().map(|(_, etcd)| listed(etcd)).max().unwrap_or(self.members.len())
    }

    /// So many of the voters are a quorum.
    pub fn quorum(&self) -> usize {
        self.voters() / 2 + 1
    }

    /// Whether those that serve hold quorum.
    pub fn has_quorum(&self) -> bool {
        self.serving_voters().count() >= self.quorum()
    }

    /// Members that have data and no process.
    pub fn stopped(&self) -> impl Iterator<Item = Surveyed<'a>> {
        self.members.iter().copied().filter(|member| matches!(member.standing, Standing::Stopped { .. }))
    }

    /// Those of them that vote, by the lists of those that serve together.
    pub fn stopped_voters(&self) -> impl Iterator<Item = Surveyed<'a>> {
        let listed = self.serving_together().flat_map(|(_, etcd)| &etcd.members).filter(|listed| !listed.is_learner);
        let voters: BTreeSet<&str> = listed.map(|listed| listed.name.as_str()).collect();
        self.stopped().filter(move |member| voters.contains(member.view.name.as_str()))
    }

    /// The leader, when all that serve together agree on it. Without quorum there is none, whatever they say: one that led goes
    /// on to say so for a while, an old version for good.
    pub fn leader(&self) -> Option<&'a MemberName> {
        if !self.has_quorum() {
            return None;
        }
        let id = self.agreed(|etcd| etcd.leader)??;
        self.name_of(id)
    }

    /// Where etcd was told to go down, by the members that tell.
    pub fn downgrade_to(&self) -> Option<Minor> {
        self.serving_together().find_map(|(_, etcd)| etcd.downgrade_to)
    }

    pub fn name_of(&self, id: MemberId) -> Option<&'a MemberName> {
        self.serving_together().find(|(_, etcd)| etcd.member_id == id).map(|(view, _)| &view.name)
    }

    /// What a member of this id is called: also one that is down, by the lists of the others.
    pub fn listed_name(&self, id: MemberId) -> Option<&'a str> {
        let listed = self.serving_together().flat_map(|(_, etcd)| &etcd.members).find(|listed| listed.id == id);
        listed.map(|listed| listed.name.as_str()).filter(|name| !name.is_empty())
    }

    /// A value that all who serve together answer alike; `None` when they differ or nobody serves.
    pub fn agreed<T: PartialEq>(&self, value: impl Fn(&'a EtcdFacts) -> T) -> Option<T> {
        let mut values = self.serving_together().map(|(_, etcd)| value(etcd));
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }
}

/// What speaks for a cluster being the declared one, in the order in which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// Declared members that serve it.
    serving: usize,
    /// Declared members that its list names.
    named: usize,
    /// Those that it names with a peer URL of theirs.
    named_with_url: usize,
}

impl<'a> Surveyed<'a> {
    pub fn facts(&self) -> Option<&'a MemberFacts> {
        match self.standing {
            Standing::NeverStarted { facts }
            | Standing::Stopped { facts }
            | Standing::Silent { facts, .. }
            | Standing::Serving { facts, .. } => Some(facts),
            Standing::HostUnknown { .. } | Standing::Absent { .. } => None,
        }
    }

    pub fn etcd(&self) -> Option<&'a EtcdFacts> {
        match self.standing {
            Standing::Serving { etcd, .. } => Some(etcd),
            _ => None,
        }
    }

    pub fn host(&self) -> Option<&'a HostFacts> {
        self.view.host.known()
    }

    /// The peer URLs that it is started with.
    fn peer_urls(&self) -> Vec<&'a str> {
        let set = self.facts().and_then(|facts| facts.option("initial-advertise-peer-urls"));
        set.map(|option| option.value.split(',').map(str::trim).collect()).unwrap_or_default()
    }

    /// Digest of what runs now.
    pub fn running_sha256(&self) -> Option<Sha256> {
        match self.standing {
            Standing::Serving { running, .. } => running.and_then(|process| process.exe_sha256),
            _ => None,
        }
    }

    /// The process that runs is not what the binary's path holds now (somebody replaced the file).
    pub fn runs_something_else_than_its_file(&self) -> bool {
        match (self.running_sha256(), self.facts().and_then(|facts| facts.binary.sha256)) {
            (Some(running), Some(file)) => running != file,
            _ => false,
        }
    }
}

fn standing(view: &MemberView) -> Standing<'_> {
    let host = match &view.host {
        Seen::Unknown { why } => return Standing::HostUnknown { why },
        Seen::Known(host) => host,
    };
    let Some(facts) = &host.member else {
        return Standing::Absent { host };
    };
    let running = host.processes.iter().find(|process| process.is_declared_member);
    match &view.etcd {
        Seen::Known(etcd) => Standing::Serving { facts, etcd, running },
        Seen::Unknown { why } if running.is_some() => Standing::Silent { facts, why },
        Seen::Unknown { .. } if facts.data_dir.has_member => Standing::Stopped { facts },
        Seen::Unknown { .. } => Standing::NeverStarted { facts },
    }
}
