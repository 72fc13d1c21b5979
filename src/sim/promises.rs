//! The promises of the design, checked on the truth of the model, not on what the controller was told: after every
//! tick, before every stop, at the first start of a new minor, and when a run ends.

use crate::execute::gates::QUORUM_LAG;
use crate::sim::controller::Command;
use crate::sim::raft::UNDECIDED;
use crate::sim::replace_promises::Replacing;
use crate::sim::world::{MOST_MEMBERS, MemberNo, ReleaseNo, World};

/// What a controller has looked at holds for so long. Longer than the waits that may lie between a look and a stop.
pub const LOOK_HOLDS: u64 = 45_000;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub promise: &'static str,
    pub what: String,
}

/// What is known of a plan in hand.
#[derive(Debug, Clone, Default)]
pub struct InHand {
    /// What a person said.
    pub command: Command,
    /// Newest acknowledged revision when its look was taken, and the controllers' instruction.
    pub revision: u64,
    pub instruction: u32,
    pub holds: bool,
    /// Members whose step is done.
    pub done: usize,
    /// The members' list as it was.
    pub listed: Listed,
    /// Members that this run told to stop, and those whose step was done since.
    pub touched: [bool; MOST_MEMBERS],
    pub finished: [bool; MOST_MEMBERS],
    /// All members were stopped, and have not all come back.
    pub all_stopped: bool,
    /// What the look showed that ended a wait in vain, while nothing was done since.
    pub seen: Option<SeenThen>,
}

/// Members that were up or could not be asked, and those that answered and were healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenThen {
    pub up: [bool; MOST_MEMBERS],
    pub well: [bool; MOST_MEMBERS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    voters: usize,
    learners: usize,
    moved: [bool; MOST_MEMBERS],
}

/// What is asked of the other members before one is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Well,
    /// The one that is stopped is not well: that is mended first.
    HoldQuorum,
}

/// The truth at the moment when the gates before a member's step were seen to hold.
#[derive(Debug, Clone)]
pub struct Ready {
    member: MemberNo,
    at: u64,
    wrong: Option<String>,
    led: bool,
    others: Others,
}

#[derive(Debug, Clone, Default)]
pub struct Promises {
    pub broken: Option<Violation>,
    /// Members that a controller told to stop, and nobody has started since.
    pub down_by_us: [bool; MOST_MEMBERS],
    /// Faults that excuse: somebody put a binary in place, or removed a kept one.
    pub by_hand: [bool; MOST_MEMBERS],
    pub replaced_since_plan: [bool; MOST_MEMBERS],
    pub kept_gone: [bool; MOST_MEMBERS],
    /// A host that was not reached, or a process that would not end, in this run.
    pub excused: [bool; MOST_MEMBERS],
    /// A process that a fault ended in this run.
    pub felled: [bool; MOST_MEMBERS],
    /// Whether the spec and the sizes ask for rollback points.
    pub points_expected: bool,
    /// How many controllers carry out a plan.
    pub controllers: u32,
    pub ready: Option<Ready>,
    /// Who was asked to hand over, and the term after that.
    pub handed_over: Option<(MemberNo, u32)>,
    pub replacing: Replacing,
    /// What each member held before a run replaced it: the run, and the length and digest of its log.
    pub replaced: [Option<(u32, usize, u64)>; MOST_MEMBERS],
}

impl World {
    pub fn break_promise(&mut self, promise: &'static str, what: String) {
        if self.promises.broken.is_none() {
            self.tell(|_| format!("BROKEN {promise}: {what}"));
            self.promises.broken = Some(Violation { promise, what });
        }
    }

    pub fn listed(&self) -> Listed {
        Listed { voters: self.added_voters, learners: self.added_learners, moved: self.moved }
    }

    /// Nothing that was acknowledged is lost, and what is committed is the same everywhere.
    pub fn check_cluster(&mut self) {
        // While data is being replaced some have their old one, some their new: who serves then is stopped again.
        if self.promises.replacing.is_open {
            return;
        }
        let Some(leader) = self.leader() else { return };
        let data = &self.members[leader].data;
        let (index, revision, digest) = self.acknowledged;
        let kept = data.log.get(index - 1).is_some_and(|entry| entry.digest == digest && entry.revision == revision);
        if !kept && data.commit >= index.min(data.log.len()) {
            let name = &self.members[leader].name;
            let what =
                format!("{name} leads, and the write of revision {revision} that was acknowledged is not in its log");
            self.break_promise("nothing-lost", what);
            return;
        }
        for no in (0..self.members.len()).filter(|&no| self.members[no].has_data) {
            let other = &self.members[no].data;
            let common = other.commit.min(data.commit);
            if other.log[common - 1].digest != data.log[common - 1].digest {
                let what = format!(
                    "{} and {} hold different data at index {common}",
                    self.members[no].name, self.members[leader].name
                );
                self.break_promise("nothing-lost", what);
                return;
            }
        }
    }

    /// Why a member may not be stopped, by the truth of this moment.
    fn why_not_stop(&self, stopped: MemberNo, listed: Listed) -> Option<String> {
        let leader = self.leader();
        let ahead = leader.map_or(0, |leader| self.members[leader].data.commit);
        let mut ready = 0;
        for no in (0..self.members.len()).filter(|&no| no != stopped) {
            let member = &self.members[no];
            if !member.serves() {
                return Some(format!("{} does not serve", member.name));
            }
            if !self.is_healthy(no) || member.node().and_then(|node| node.leader) != leader {
                return Some(format!("{} has no leader, or another one", member.name));
            }
            let behind = (ahead.saturating_sub(member.data.commit)) as u64 * self.scale;
            if behind > QUORUM_LAG.0 {
                return Some(format!("{} is {behind} entries behind", member.name));
            }
            ready += 1;
        }
        if ready < self.quorum() {
            return Some(format!("{ready} of {} voters would serve", self.voters()));
        }
        if self.listed() != listed {
            return Some("the list of members is not the one of the plan".to_owned());
        }
        self.alarm.map(|(no, kind)| format!("alarm {kind} on {}", self.members[no].name))
    }

    /// Why the others would not serve without a member that is not well itself.
    fn why_no_quorum(&self, stopped: MemberNo) -> Option<String> {
        let ready = (0..self.members.len()).filter(|&no| no != stopped && self.is_healthy(no)).count();
        (ready < self.quorum()).then(|| format!("{ready} of {} voters would serve", self.voters()))
    }

    /// The gates before a member's step hold, by what the controller has seen just now.
    pub fn note_ready(&mut self, member: MemberNo, hand: &InHand, others: Others) {
        let wrong = match others {
            Others::Well => self.why_not_stop(member, hand.listed),
            Others::HoldQuorum => self.why_no_quorum(member),
        };
        let led = self.leader() == Some(member);
        self.promises.ready = Some(Ready { member, at: self.now, wrong, led, others });
        self.promises.handed_over = None;
    }

    pub fn note_hand_over(&mut self, member: MemberNo) {
        let term = self.leader().map_or(0, |leader| self.members[leader].data.term);
        self.promises.handed_over = Some((member, term));
    }

    /// A controller is about to stop a member that runs, to change its binary from one release to another.
    pub fn check_stop(&mut self, no: MemberNo, to: ReleaseNo, hand: &InHand) {
        let name = self.members[no].name.clone();
        if let Some(what) = self.wrong_with_readiness(no) {
            self.break_promise("quorum", format!("{name} is stopped, and {what}"));
        }
        self.check_only_one(no);
        self.check_order(no, to);
        let Some(runs) = self.members[no].runs() else { return };
        if runs == to && self.members[no].binary == Some(to) {
            self.break_promise("no-needless-restart", format!("{name} runs what is declared, and is stopped"));
        }
        self.check_rung(no, to);
        // On the way back nothing is taken: what is there has been backed up, and loses nothing by a swap.
        let is_way_up = hand.command == Command::Apply;
        let covered = |backup: &&crate::sim::world::Backup| {
            backup.verified && backup.instruction >= hand.instruction && backup.revision >= hand.revision
        };
        if is_way_up && !self.backups.iter().any(|backup| covered(&backup)) {
            let what = format!("{name} is stopped without a verified backup of revision {} or later", hand.revision);
            self.break_promise("backup-first", what);
        }
        if runs != to && !self.members[no].has_in_store(runs) && !self.promises.kept_gone[no] {
            self.break_promise("way-back", format!("{name} is stopped, and its old binary is not kept"));
        }
        let last = (0..self.members.len()).all(|other| other == no || self.members[other].runs() == Some(to));
        let is_rung = self.releases[runs].version.minor() != self.releases[to].version.minor();
        if hand.holds && is_rung && last {
            self.break_promise("hold", format!("{name} is the last one, and the spec says to hold before it"));
        }
    }

    fn wrong_with_readiness(&self, no: MemberNo) -> Option<String> {
        let ready = self.promises.ready.as_ref().filter(|ready| ready.member == no);
        let Some(ready) = ready else {
            return Some("no look said that it may be".to_owned());
        };
        let age = self.now - ready.at;
        if age > LOOK_HOLDS {
            return Some(format!("the look that allowed it is {} s old", age / 1000));
        }
        ready.wrong.clone()
    }

    /// Never two members down because of us.
    pub fn check_only_one(&mut self, no: MemberNo) {
        let other = (0..self.members.len()).find(|&other| other != no && self.promises.down_by_us[other]);
        if let Some(other) = other {
            let what = format!("{} is stopped while {} is down", self.members[no].name, self.members[other].name);
            self.break_promise("one-at-a-time", what);
        }
    }

    /// An old binary is put in place only where it could stay up.
    pub fn check_way_back(&mut self, no: MemberNo, old: Option<ReleaseNo>) {
        let moved = self.leader().map(|leader| self.members[leader].data.applied().cluster_version);
        let Some(old) = old.map(|old| self.releases[old].version.minor()) else { return };
        if moved.is_some_and(|minor| minor > old) {
            let what = format!("{} is put back to {old}, and the cluster version has moved", self.members[no].name);
            self.break_promise("too-late", what);
        }
    }

    /// Followers first; and a leader hands over where it can.
    fn check_order(&mut self, no: MemberNo, to: ReleaseNo) {
        // One that is not well goes first, whoever it is; and where it does not answer nobody can ask it to hand over.
        let is_mended = |ready: &Ready| ready.member == no && ready.others == Others::HoldQuorum;
        if self.promises.ready.as_ref().is_some_and(is_mended) {
            return;
        }
        let name = self.members[no].name.clone();
        let led = self.promises.ready.as_ref().is_some_and(|ready| ready.member == no && ready.led);
        let others_left = (0..self.members.len())
            .any(|other| other != no && self.members[other].serves() && self.members[other].runs() != Some(to));
        if led && others_left {
            self.break_promise("leader-last", format!("{name} led when its turn was taken, and others were left"));
        }
        let can_hand_over = self.members[no].runs().is_some_and(|release| self.releases[release].move_leader);
        let term = self.members[no].data.term;
        let asked = self.promises.handed_over.is_some_and(|(asked, at)| asked == no && at == term);
        let never_asked = self.promises.handed_over.is_none_or(|(asked, _)| asked != no);
        if self.members[no].leads() && can_hand_over && (asked || never_asked) {
            self.break_promise("hand-over", format!("{name} leads and is stopped without handing over"));
        }
    }

    /// No step over a minor, none before the cluster version has moved.
    fn check_rung(&mut self, no: MemberNo, to: ReleaseNo) {
        let live = self.members[no].data.applied().cluster_version;
        if live == UNDECIDED {
            return;
        }
        let at = self.rank(live);
        let next = self.rank(self.releases[to].version.minor());
        if next > at + 1 {
            let what = format!(
                "{} is taken to {} while the cluster version is {}",
                self.members[no].name,
                self.releases[to].version,
                self.members[no].data.applied().cluster_version
            );
            self.break_promise("one-rung", what);
        }
    }

    fn rank(&self, minor: crate::units::Minor) -> usize {
        self.ladder.iter().position(|known| *known == minor).unwrap_or(0)
    }

    /// A member that we brought this far ends on what its log holds.
    pub fn check_log_readable(&mut self, no: MemberNo, release: ReleaseNo) {
        if self.promises.by_hand.contains(&true) {
            return;
        }
        let (member, version) = (&self.members[no], &self.releases[release].version);
        let what = format!("{} starts {version}, and its log holds older entries than that reads", member.name);
        self.break_promise("log-readable", what);
    }

    /// A member is about to write its data with a newer minor: the copy of what it was is there, and exact.
    pub fn check_first_start(&mut self, no: MemberNo, release: ReleaseNo) {
        // Of a file that somebody else put there, see `check_start`.
        if !self.promises.by_hand[no] {
            self.check_rung(no, release);
        }
        if !self.promises.points_expected || self.promises.by_hand[no] {
            return;
        }
        let member = &self.members[no];
        let minor = self.releases[release].version.minor();
        let exact = member.points.iter().any(|point| {
            self.releases[point.version].version.minor() < minor
                && point.data.log.len() == member.data.log.len()
                && point.data.last().digest == member.data.last().digest
                && point.data.term == member.data.term
        });
        if !exact {
            let what = format!("{} starts {minor} and has no exact copy of its data from before", member.name);
            self.break_promise("rollback-point", what);
        }
    }

    /// The controller starts what lies there: what somebody put there before the plan was made, it knew.
    pub fn check_start(&mut self, no: MemberNo) {
        self.check_start_in_replacement(no);
        self.check_settings_belong(no);
        if let Some(release) = self.members[no].binary.filter(|_| !self.promises.replaced_since_plan[no]) {
            self.check_rung(no, release);
        }
    }

    /// A fault of this host excuses what could not be done there.
    pub fn excuse(&mut self, no: usize) {
        self.promises.excused[no] = true;
    }
}
