//! Faults: what goes wrong, and when. Each comes once, at an instruction of the controller that the seed chose, or some
//! time after it: so every phase of a run gets its share. `heal` ends them all.

use crate::sim::member::Fate;
use crate::sim::rng::Rng;
use crate::sim::world::{MOST_MEMBERS, MemberNo, ReleaseNo, TICK, World};

/// By which instruction of the controllers a fault comes: some early, some late.
const LAST_INSTRUCTION: [u64; 3] = [60, 130, 260];

/// The longest that a fault with an end lasts.
const LONGEST: u64 = 90_000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    HostReboots {
        takes: u64,
    },
    HostCut {
        span: u64,
    },
    PortClosed {
        span: u64,
    },
    /// The next command on the host is carried out, and its result is lost.
    ResultLost {
        span: u64,
    },
    Killed,
    LeaderMoves,
    BadBinary {
        fate: Fate,
    },
    DiskFull {
        span: u64,
    },
    VoterAdded,
    LearnerAdded,
    PeerUrlChanged,
    Alarm {
        kind: &'static str,
    },
    VersionHidden {
        span: u64,
    },
    SlowFollower {
        span: u64,
    },
    /// Cut off from its peers, one way or both.
    Mute {
        span: u64,
    },
    Deaf {
        span: u64,
    },
    CutOff {
        span: u64,
    },
    StopHangs {
        span: u64,
    },
    BackupFails,
    PreflightRejects,
    /// Somebody puts the new binary in place of the one that runs.
    FileReplaced {
        by: ReleaseNo,
    },
    /// Somebody tidies the folder where old binaries are kept.
    KeptGone,
    /// The controller stands still: a closed laptop.
    Suspended {
        span: u64,
    },
    /// Ctrl-C.
    StopAsked,
    SecondController,
}

#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub kind: Kind,
    pub member: MemberNo,
    at_instruction: u32,
    delay: u64,
    due: Option<u64>,
}

/// Draws one.
pub fn draw(rng: &mut Rng, members: usize, new: ReleaseNo) -> Fault {
    let span = if rng.percent(50) { rng.between(1, 50) * TICK } else { rng.between(1, LONGEST / TICK) * TICK };
    let fate = match rng.below(3) {
        0 => Fate::Exits,
        1 => Fate::NeverServes,
        _ => Fate::DiesAfter(rng.between(1, 80) * TICK),
    };
    let kind = match rng.below(29) {
        0 | 1 => Kind::HostReboots { takes: span },
        2 | 3 => Kind::HostCut { span },
        4 => Kind::PortClosed { span },
        5 | 6 => Kind::ResultLost { span },
        7 | 8 => Kind::Killed,
        9 => Kind::LeaderMoves,
        10 | 11 => Kind::BadBinary { fate },
        12 => Kind::DiskFull { span },
        13 => Kind::VoterAdded,
        14 => Kind::LearnerAdded,
        15 => Kind::PeerUrlChanged,
        16 => Kind::Alarm { kind: rng.pick(&["NOSPACE", "CORRUPT"]) },
        17 => Kind::VersionHidden { span },
        18 | 19 => Kind::SlowFollower { span },
        20 => Kind::Mute { span },
        21 => Kind::Deaf { span },
        22 => Kind::CutOff { span },
        23 => Kind::StopHangs { span },
        24 => rng.pick(&[Kind::BackupFails, Kind::PreflightRejects]),
        25 => rng.pick(&[Kind::FileReplaced { by: new }, Kind::KeptGone]),
        26 => Kind::Suspended { span: rng.between(1, 600) * 1000 },
        27 => Kind::StopAsked,
        _ => Kind::SecondController,
    };
    let delay = if rng.percent(60) { 0 } else { rng.between(1, 100) * TICK };
    let last = rng.pick(&LAST_INSTRUCTION);
    let at_instruction = u32::try_from(rng.below(last)).unwrap_or(0);
    Fault { kind, member: rng.index(members), at_instruction, delay, due: None }
}

impl Fault {
    /// The same, so many instructions later.
    pub fn later(self, instructions: u32) -> Self {
        Self { at_instruction: self.at_instruction + instructions, ..self }
    }
}

impl World {
    /// Brings what is due.
    pub fn bring_faults(&mut self) {
        let mut at = 0;
        while at < self.faults.len() {
            let now = self.now;
            let fault = &mut self.faults[at];
            if fault.due.is_none() && fault.at_instruction <= self.instructions {
                fault.due = Some(now + fault.delay);
            }
            if fault.due.is_some_and(|due| due <= now) {
                let fault = self.faults.swap_remove(at);
                self.bring(&fault);
            } else {
                at += 1;
            }
        }
    }

    fn bring(&mut self, fault: &Fault) {
        let (no, now) = (fault.member, self.now);
        self.generation += 1;
        self.injected += 1;
        self.tell(|world| format!("FAULT {:?} at {}", fault.kind, world.members[no].name));
        match fault.kind {
            Kind::HostReboots { takes } => {
                self.members[no].process = None;
                self.members[no].forget_restart();
                self.members[no].boots_at = Some(now + takes.max(TICK));
                self.promises.felled[no] = true;
            }
            Kind::HostCut { span } => self.cut_until[no] = now + span,
            Kind::PortClosed { span } => self.port_closed_until[no] = now + span,
            Kind::ResultLost { span } => self.loses_next[no] = Some(span),
            Kind::Killed => {
                self.promises.felled[no] = true;
                if self.members[no].process.is_some() {
                    self.die(no);
                }
            }
            Kind::LeaderMoves => {
                if self.leader() != Some(no) {
                    self.transfer_leadership(no);
                }
            }
            Kind::BadBinary { fate } => self.members[no].bad = Some((self.brought, fate)),
            Kind::DiskFull { span } => self.members[no].disk_full_until = now + span,
            Kind::VoterAdded => self.added_voters += 1,
            Kind::LearnerAdded => self.added_learners += 1,
            Kind::PeerUrlChanged => self.moved[no] = true,
            Kind::Alarm { kind } => self.alarm = Some((no, kind)),
            Kind::VersionHidden { span } => self.version_hidden_until[no] = now + span,
            Kind::SlowFollower { span } => self.slow_until[no] = now + span,
            Kind::Mute { span } => self.mute_until[no] = now + span,
            Kind::Deaf { span } => self.deaf_until[no] = now + span,
            Kind::CutOff { span } => {
                self.mute_until[no] = now + span;
                self.deaf_until[no] = now + span;
            }
            Kind::StopHangs { span } => self.members[no].stop_hangs_until = now + span,
            Kind::BackupFails => self.next_backup_fails = true,
            Kind::PreflightRejects => self.preflight_rejects = true,
            Kind::FileReplaced { by } => {
                if self.members[no].process.is_some() {
                    self.members[no].binary = Some(by);
                    self.promises.by_hand[no] = true;
                    self.promises.replaced_since_plan[no] = true;
                }
            }
            Kind::KeptGone => {
                self.members[no].empty_store();
                self.promises.kept_gone[no] = true;
            }
            Kind::Suspended { span } => self.suspended_for = span,
            Kind::StopAsked => self.stop_asked = true,
            Kind::SecondController => self.second_controller = true,
        }
    }

    /// Ends every fault, as the persons do whose cluster it is. Members that are down stay so.
    pub fn heal(&mut self) {
        self.faults.clear();
        self.generation += 1;
        self.tell(|_| "all faults are over".to_owned());
        for no in 0..MOST_MEMBERS {
            for until in [
                &mut self.mute_until,
                &mut self.deaf_until,
                &mut self.cut_until,
                &mut self.port_closed_until,
                &mut self.version_hidden_until,
                &mut self.slow_until,
            ] {
                until[no] = 0;
            }
        }
        self.loses_next = [None; MOST_MEMBERS];
        self.moved = [false; MOST_MEMBERS];
        self.added_voters = 0;
        self.added_learners = 0;
        self.alarm = None;
        self.next_backup_fails = false;
        self.preflight_rejects = false;
        self.suspended_for = 0;
        self.stop_asked = false;
        self.second_controller = false;
        for member in &mut self.members {
            member.disk_full_until = 0;
            member.stop_hangs_until = 0;
            member.bad = None;
        }
        for no in 0..self.members.len() {
            self.end_what_hangs(no);
        }
    }
}
