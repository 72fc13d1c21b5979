//! The world: hosts, members and the cluster that they form, in virtual time. It moves by ticks; between two ticks only
//! the controller changes anything.

use std::collections::VecDeque;

use crate::sim::faults::Fault;
use crate::sim::history::History;
use crate::sim::member::{Fate, Member, Process, State};
use crate::sim::promises::Promises;
use crate::sim::raft::{Data, Node};
use crate::sim::rng::Rng;
use crate::units::{Bytes, Minor, Sha256, Version};

/// The world's smallest step, in milliseconds.
pub const TICK: u64 = 100;

/// Arrays are made for so many.
pub const MOST_MEMBERS: usize = 7;

/// A unit that dies is started again so often, then systemd gives up.
const MOST_RESTARTS: u32 = 5;

/// Which of the declared members.
pub type MemberNo = usize;

/// Which of the world's releases.
pub type ReleaseNo = usize;

/// A release of etcd, and what matters here of what it can do.
#[derive(Debug, Clone)]
pub struct Release {
    pub version: Version,
    pub digest: Sha256,
    pub move_leader: bool,
    pub hands_over_at_stop: bool,
    pub hash_kv: bool,
    pub v3: bool,
    pub v2: bool,
    pub pre_vote: bool,
    pub false_on_alarm: bool,
    pub applied_index: bool,
    pub storage_version: bool,
    pub downgrade_api: bool,
}

/// A backup that the controller holds.
#[derive(Debug, Clone, Copy)]
pub struct Backup {
    pub revision: u64,
    pub verified: bool,
    pub instruction: u32,
}

pub struct World {
    pub now: u64,
    pub rng: Rng,
    pub releases: Vec<Release>,
    /// All minors that are known, lowest first.
    pub ladder: Vec<Minor>,
    pub members: Vec<Member>,
    /// How many voters and learners somebody added, that never started.
    pub added_voters: usize,
    pub added_learners: usize,
    /// Members whose peer URL somebody changed.
    pub moved: [bool; MOST_MEMBERS],
    /// Until when what a member sends, or what is sent to it, gets lost between peers.
    pub mute_until: [u64; MOST_MEMBERS],
    pub deaf_until: [u64; MOST_MEMBERS],
    /// Until when the controller cannot reach a host at all, or not the client port.
    pub cut_until: [u64; MOST_MEMBERS],
    pub port_closed_until: [u64; MOST_MEMBERS],
    /// The result of the next command on the host gets lost.
    /// For how long the connection is gone then.
    pub loses_next: [Option<u64>; MOST_MEMBERS],
    pub version_hidden_until: [u64; MOST_MEMBERS],
    pub slow_until: [u64; MOST_MEMBERS],
    /// Entries that a follower takes in one tick.
    pub rate: usize,
    pub slow_rate: usize,
    /// Raft entries that stand for one of the model's.
    pub scale: u64,
    /// How likely a write is in one tick, in percent.
    pub writes: u64,
    /// Of the newest raft snapshot: by it the guides tell how much v2 data there is.
    pub v2_size: Bytes,
    pub alarm: Option<(MemberNo, &'static str)>,
    pub handing_over: bool,
    pub written: u32,
    pub pending: VecDeque<(usize, u32)>,
    /// Index, revision and digest of the newest acknowledged write.
    pub acknowledged: (usize, u64, u64),
    pub backups: Vec<Backup>,
    pub next_backup_fails: bool,
    pub preflight_rejects: bool,
    /// Whether somebody may want something else before what was begun is done.
    pub may_turn: bool,
    /// What is declared now.
    pub declared: ReleaseNo,
    /// What is put on the hosts now: the binary that may turn out bad.
    pub brought: ReleaseNo,
    /// For the controllers: how long they stand still next, whether a person asked to stop, whether another one comes.
    pub suspended_for: u64,
    pub stop_asked: bool,
    pub second_controller: bool,
    /// How many faults have come.
    pub injected: u32,
    /// Faults that have not come yet.
    pub faults: Vec<Fault>,
    /// How many instructions the controllers have carried out.
    pub instructions: u32,
    pub promises: Promises,
    pub history: History,
    /// Changes whenever anything may have changed: looks are kept by it.
    pub generation: u64,
}

impl World {
    /// Lets time pass.
    pub fn pass(&mut self, span: u64) {
        let end = self.now + span;
        let mut next = (self.now / TICK + 1) * TICK;
        while next <= end {
            self.now = next;
            self.tick();
            next += TICK;
        }
        self.now = end;
    }

    fn tick(&mut self) {
        self.generation += 1;
        self.bring_faults();
        for no in 0..self.members.len() {
            self.boot(no);
            self.go_on(no);
        }
        self.raft_tick();
        let chance = self.writes;
        if self.rng.percent(chance) {
            self.write();
        }
        self.acknowledge();
        self.watch_versions();
        self.move_storage();
        self.check_cluster();
    }

    pub fn reachable(&self, no: MemberNo) -> bool {
        self.members[no].boots_at.is_none() && self.now >= self.cut_until[no]
    }

    /// Whether the controller gets an answer of the member itself.
    pub fn answers(&self, no: MemberNo) -> bool {
        self.reachable(no) && self.now >= self.port_closed_until[no] && self.members[no].serves()
    }

    /// Whether a member can serve writes: it has a leader that has a quorum.
    pub fn is_healthy(&self, no: MemberNo) -> bool {
        let member = &self.members[no];
        let Some(leader) = member.node().and_then(|node| node.leader) else { return false };
        self.members[leader].leads() && self.members[leader].data.term == member.data.term
    }

    pub fn disk_is_full(&self, no: MemberNo) -> bool {
        self.now < self.members[no].disk_full_until
    }

    fn boot(&mut self, no: MemberNo) {
        if self.members[no].boots_at.is_some_and(|at| at <= self.now) {
            self.members[no].boots_at = None;
            self.tell(|world| format!("the host of {} is up again", world.members[no].name));
            if self.members[no].unit_enabled {
                self.start(no);
            }
        }
    }

    /// What becomes of a process by itself.
    fn go_on(&mut self, no: MemberNo) {
        let now = self.now;
        let Some(process) = &self.members[no].process else {
            if self.members[no].restart_at.is_some_and(|at| at <= now) && self.members[no].boots_at.is_none() {
                self.members[no].restart_at = None;
                self.tell(|world| format!("systemd starts {} again", world.members[no].name));
                self.start(no);
            }
            return;
        };
        match process.state {
            State::Stopping { gone_at } if gone_at <= now => {
                self.members[no].process = None;
                self.tell(|world| format!("{} is gone", world.members[no].name));
            }
            State::Starting { ready_at } if ready_at <= now => self.come_up(no),
            State::Serving if self.refuses_to_start(no, self.releases[process.release].version.minor()) => {
                // The guard holds whenever a cluster version is learned, not at the start alone.
                self.tell(|world| format!("{} learns of a newer cluster version, and ends", world.members[no].name));
                self.die(no);
            }
            _ if process.dies_at.is_some_and(|at| at <= now) => {
                self.tell(|world| format!("{} dies", world.members[no].name));
                self.die(no);
            }
            _ => {}
        }
    }

    /// Its process ends, not by our will.
    pub fn die(&mut self, no: MemberNo) {
        let again = self.now + self.rng.between(5, 30) * TICK;
        let member = &mut self.members[no];
        // Of a unit that is being stopped systemd starts nothing again, however its process ends.
        let told_to_stop =
            member.process.as_ref().is_some_and(|process| matches!(process.state, State::Stopping { .. }));
        member.process = None;
        if !told_to_stop && member.restarts && member.restarted < MOST_RESTARTS {
            member.restarted += 1;
            member.restart_at = Some(again);
        }
    }

    /// A start of the file that is in place. Nothing happens where a process is there already.
    pub fn start(&mut self, no: MemberNo) {
        if self.members[no].process.is_some() || self.members[no].boots_at.is_some() {
            return;
        }
        let ready_at = self.now + self.rng.between(2, 25) * TICK;
        let patience = self.rng.between(2, 12) * TICK;
        let now = self.now;
        self.promises.down_by_us[no] = false;
        let member = &mut self.members[no];
        member.restart_at = None;
        let Some(release) = member.binary else { return };
        member.next_pid += 1;
        member.has_run = true;
        member.process = Some(Process {
            release,
            state: State::Starting { ready_at },
            pid: member.next_pid,
            dies_at: None,
            node: Node::started(now, patience),
        });
        self.tell(|world| format!("{} starts {}", world.members[no].name, world.releases[release].version));
    }

    /// The guards that a binary has when it reads what is on the disk; then it serves, or does what it is fated to.
    fn come_up(&mut self, no: MemberNo) {
        let now = self.now;
        let Some(release) = self.members[no].runs() else { return };
        let minor = self.releases[release].version.minor();
        self.begin_without_data(no);
        let fate = self.members[no].fate_of(release);
        if self.cannot_read_log(no, minor) {
            self.check_log_readable(no, release);
            self.tell(|world| format!("{} ends: its log holds entries that it cannot read", world.members[no].name));
            self.die(no);
            return;
        }
        if self.refuses_to_start(no, minor) || self.ends_on_its_options(no, release) || fate == Fate::Exits {
            self.tell(|world| format!("{} exits at its start", world.members[no].name));
            self.die(no);
            return;
        }
        let patience = self.rng.between(2, 12) * TICK;
        let member = &mut self.members[no];
        let Some(process) = &mut member.process else { return };
        process.node = Node::started(now, patience);
        process.state = if fate == Fate::NeverServes { State::Stuck } else { State::Serving };
        if let Fate::DiesAfter(span) = fate {
            process.dies_at = Some(now + span);
        } else {
            member.restarted = 0;
        }
        self.write_attributes(minor);
        let member = &mut self.members[no];
        let seen = member.data.seen;
        if seen.is_none_or(|seen| seen < minor) {
            member.data.seen = Some(minor);
        }
        if seen.is_some_and(|seen| seen < minor) {
            self.check_first_start(no, release);
        }
        self.tell(|world| format!("{} serves", world.members[no].name));
    }

    /// With no data, a member begins as one of a new cluster of those that it is told of.
    fn begin_without_data(&mut self, no: MemberNo) {
        if !self.members[no].has_data {
            self.members[no].data = Data::fresh();
            self.members[no].has_data = true;
        }
    }

    /// Entries in the form of the v2 store, which 3.4 and older write for a question about health, and 3.5 for a member's
    /// attributes. 3.6 knows those of 3.5 only, 3.7 none.
    pub fn cannot_read_log(&self, no: MemberNo, minor: Minor) -> bool {
        let unreadable = |last: Minor| self.members[no].data.oldest_form.is_some_and(|oldest| oldest <= last);
        (minor >= Minor::new(3, 6) && unreadable(Minor::new(3, 4)))
            || (minor >= Minor::new(3, 7) && unreadable(Minor::new(3, 5)))
    }

    /// The member takes a raft snapshot: what comes after it is written by those that run now.
    pub fn take_raft_snapshot(&mut self, no: MemberNo) {
        let running = self.members.iter().filter_map(Member::runs);
        let oldest = running.map(|release| self.releases[release].version.minor()).min();
        self.members[no].data.oldest_form = oldest;
    }

    /// A member that comes up writes its attributes into the logs of all.
    fn write_attributes(&mut self, minor: Minor) {
        for member in &mut self.members {
            let oldest = member.data.oldest_form.map_or(minor, |oldest| oldest.min(minor));
            member.data.oldest_form = Some(oldest);
        }
    }

    /// An older binary than the cluster version that it finds on its disk, from 2.2 on; and 2.x on data of 3.x.
    pub fn refuses_to_start(&self, no: MemberNo, minor: Minor) -> bool {
        let data = &self.members[no].data;
        let guarded = minor >= Minor::new(2, 2) && minor < data.applied().cluster_version;
        let unreadable = minor < Minor::new(3, 0) && data.seen.is_some_and(|seen| seen >= Minor::new(3, 0));
        let storage_is_newer = data.storage.is_some_and(|storage| storage > minor);
        guarded || unreadable || storage_is_newer
    }

    /// SIGTERM. A leader that can hands over first.
    pub fn terminate(&mut self, no: MemberNo) {
        let hangs = self.now < self.members[no].stop_hangs_until;
        let takes = if hangs { 600_000 } else { self.rng.between(1, 20) * TICK };
        let Some(release) = self.members[no].runs() else { return };
        if self.members[no].leads() && self.releases[release].hands_over_at_stop {
            let heir = (0..self.members.len()).filter(|&heir| heir != no).find(|&heir| self.transfer_leadership(heir));
            if heir.is_some() {
                self.tell(|world| format!("{} hands over as it stops", world.members[no].name));
            }
        }
        let gone_at = self.now + takes;
        if let Some(process) = &mut self.members[no].process {
            process.state = State::Stopping { gone_at };
            process.dies_at = None;
        }
        self.members[no].forget_restart();
        self.generation += 1;
    }

    /// A person ends a process that hangs in its start or its stop.
    pub fn end_what_hangs(&mut self, no: MemberNo) {
        let soon = self.now + 60_000;
        let hangs = self.members[no].process.as_ref().is_some_and(|process| match process.state {
            State::Stuck => true,
            State::Stopping { gone_at } => gone_at > soon,
            State::Starting { .. } | State::Serving => false,
        });
        if hangs {
            self.members[no].process = None;
        }
        if let Some(process) = &mut self.members[no].process {
            process.dies_at = None;
        }
        if let Some(at) = &mut self.members[no].boots_at {
            *at = (*at).min(self.now + TICK);
        }
    }

    pub fn tell(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.history.is_on() {
            let line = line(self);
            self.history.add(self.now, line);
        }
    }
}
