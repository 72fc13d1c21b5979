//! The bookkeeping of one wait for gates: when it holds, when it has failed, when to look again. Time comes in as a
//! reading of a clock that only goes forward, so that the same code runs by the driver's clock and in virtual time.

use std::time::Duration;

use crate::execute::gates::{Judgement, Look};
use crate::execute::journal::{Entry, GateStage};
use crate::plan::model::{Action, Gate, Step, StepId};
use crate::units::MemberName;

/// The first pause between two looks at a gate; it grows up to [`SLOWEST_LOOK`].
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const SLOWEST_LOOK: Duration = Duration::from_millis(500);

/// How often a wait is told about.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// How long `/health` is not asked again while a gate waits, after the first question and at most: who has just started is
/// healthy in a moment, and on older versions each question is a raft entry.
const FIRST_HEALTH_PAUSE: Duration = Duration::from_millis(100);
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// In so many looks in a row a process must be seen dead before a wait is given up.
const HOPELESS_LOOKS: u32 = 2;

/// How often in one wait a controller that stood still has the time back.
const MOST_STANDSTILLS: u32 = 8;

/// One wait. Every `now` is a reading of the same clock.
pub struct Wait {
    begun: Duration,
    /// The last reading.
    read: Duration,
    standstills: u32,
    /// When everything but the waits for time began to hold, without a break since.
    steady_since: Option<Duration>,
    /// The bound of each gate, and since when it has not held; `None` for a wait for time.
    gates: Vec<Option<Bounded>>,
    /// When the wait is over at last, however gates come and go meanwhile: the sum of all their bounds.
    at_last: Duration,
    /// How long the wait may still take, as seen by the last judgement.
    bound: Duration,
    told: Option<Duration>,
    pause: Duration,
    hopeless_looks: u32,
    health_asked: Option<Duration>,
    health_pause: Duration,
    /// The last look that asked for health found nothing missing but time.
    health_seen: bool,
}

/// One gate that waits for something to become true.
struct Bounded {
    within: Duration,
    /// The member in hand is what it looks at: the others wait until that member is up before their time counts.
    is_start: bool,
    unmet_since: Option<Duration>,
}

/// What a look means for the wait.
pub enum Verdict {
    Holds,
    Failed(Judgement),
    Wait { tell: Option<Vec<String>> },
}

impl Wait {
    pub fn new(gates: &[Gate], now: Duration) -> Self {
        let bounded = |gate: &Gate| match gate {
            Gate::Soak { .. } | Gate::V2Settle { .. } => None,
            gate => Some(Bounded {
                within: gate.within().duration(),
                is_start: matches!(gate, Gate::RunsVersion { .. }),
                unmet_since: None,
            }),
        };
        let longest = gates.iter().map(|gate| gate.within().duration()).max().unwrap_or_default();
        Self {
            begun: now,
            read: now,
            standstills: 0,
            steady_since: None,
            gates: gates.iter().map(bounded).collect(),
            at_last: gates.iter().fold(Duration::ZERO, |sum, gate| sum.saturating_add(gate.within().duration())),
            bound: longest,
            told: None,
            pause: FIRST_PAUSE,
            hopeless_looks: 0,
            health_asked: None,
            health_pause: FIRST_HEALTH_PAUSE,
            health_seen: false,
        }
    }

    /// From the begin of the wait to when it is over, unless something changes.
    pub fn bound(&self) -> Duration {
        self.bound
    }

    pub fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.begun)
    }

    pub fn steady(&self, now: Duration) -> Duration {
        self.steady_since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Whether the next look asks for health: from time to time, and when all that is left is to be seen healthy once
    /// more.
    pub fn asks_health(&mut self, now: Duration) -> bool {
        self.stood_still(now);
        let due = self.health_asked.is_none_or(|at| now.saturating_sub(at) >= self.health_pause);
        let nearly_done = self.steady_since.is_some() && !self.health_seen;
        if due || nearly_done {
            if self.health_asked.is_some() {
                self.health_pause = (self.health_pause * 2).min(HEALTH_EVERY);
            }
            self.health_asked = Some(now);
        }
        due || nearly_done
    }

    /// Takes in one judgement.
    pub fn take(&mut self, judgement: Judgement, asked_health: bool, now: Duration) -> Verdict {
        if self.stood_still(now) {
            return Verdict::Wait { tell: None };
        }
        self.hopeless_looks = if judgement.hopeless { self.hopeless_looks + 1 } else { 0 };
        if judgement.holds() && asked_health {
            return Verdict::Holds;
        }
        let only_time_is_missing = judgement.culprits.is_empty();
        if only_time_is_missing {
            self.health_seen |= asked_health;
            self.steady_since.get_or_insert(now);
        } else {
            self.health_seen = false;
            self.steady_since = None;
        }
        let overdue = self.is_overdue(&judgement, now);
        if self.hopeless_looks >= HOPELESS_LOOKS || (overdue && !only_time_is_missing) {
            return Verdict::Failed(judgement);
        }
        let since_told = self.told.map_or(Duration::MAX, |told| now.saturating_sub(told));
        let tell = since_told >= TELL_EVERY && self.elapsed(now) >= TELL_EVERY;
        if tell {
            self.told = Some(now);
        }
        Verdict::Wait { tell: tell.then_some(judgement.waiting) }
    }

    /// Whether the controller itself stood still since the last reading (suspended, a frozen machine): nothing was looked at
    /// meanwhile, so that time does not count, and a look that began before it says nothing.
    fn stood_still(&mut self, now: Duration) -> bool {
        let gap = now.saturating_sub(self.read);
        self.read = now;
        if gap <= LOOK_HOLDS || self.standstills == MOST_STANDSTILLS {
            return false;
        }
        self.standstills += 1;
        let since = self.gates.iter_mut().flatten().filter_map(|gate| gate.unmet_since.as_mut());
        for instant in since.chain(self.steady_since.as_mut()).chain([&mut self.begun]) {
            *instant = instant.saturating_add(gap);
        }
        self.hopeless_looks = 0;
        true
    }

    /// Each gate has its own bound, from when it was first seen not to hold; one that breaks again later has all of it
    /// again. While the member in hand is not up, only its start is timed: the others cannot hold before.
    fn is_overdue(&mut self, judgement: &Judgement, now: Duration) -> bool {
        let mut left: Option<Duration> = None;
        for (place, gate) in self.gates.iter_mut().enumerate() {
            let Some(gate) = gate else { continue };
            if !judgement.unmet.contains(&place) || (judgement.not_up && !gate.is_start) {
                gate.unmet_since = None;
                continue;
            }
            let unmet = now.saturating_sub(*gate.unmet_since.get_or_insert(now));
            if unmet > gate.within {
                return true;
            }
            let of_gate = gate.within - unmet;
            left = Some(left.map_or(of_gate, |left| left.min(of_gate)));
        }
        let elapsed = self.elapsed(now);
        self.bound = elapsed.saturating_add(left.unwrap_or(judgement.time_left));
        elapsed > self.at_last
    }

    /// How long until the next look.
    pub fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 3 / 2).min(SLOWEST_LOOK);
        pause
    }
}

/// What is written down when gates hold.
pub fn held(stage: GateStage, step: &Step, look: &Look, leader: Option<MemberName>, waited: Duration) -> Entry {
    let at_target = at_target(step, look);
    let step = step.id;
    match stage {
        GateStage::Before => Entry::ReadyFor { step, leader, at_target, waited_ms: millis(waited) },
        GateStage::After => Entry::StepDone { step, leader, waited_ms: millis(waited) },
        GateStage::Undo => Entry::StepUndone { step, leader, waited_ms: millis(waited) },
    }
}

fn at_target(step: &Step, look: &Look) -> Vec<MemberName> {
    match &step.action {
        Action::Member(action) if action.from.minor() != action.to.minor() => look.others_at(action).cloned().collect(),
        _ => Vec::new(),
    }
}

/// What is written down when they do not, within their bound.
pub fn not_held(stage: GateStage, step: StepId, judgement: Judgement, waited: Duration) -> Entry {
    Entry::GateFailed {
        step,
        stage,
        reasons: judgement.waiting,
        culprits: judgement.culprits.into_iter().collect(),
        unwell: judgement.unwell.into_iter().collect(),
        dead: judgement.dead.into_iter().collect(),
        cluster_version: judgement.cluster_version,
        waited_ms: millis(waited),
    }
}

pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What was seen before a stop holds for so long; then it is looked at again. A controller may stand still between the
/// two: a laptop that was closed, a process that was suspended.
pub const LOOK_HOLDS: Duration = Duration::from_secs(30);

/// Whether a look is too old to stop a member on. The clock that only goes forward stands still while the machine
/// sleeps, the other one may jump: whichever says more is believed.
pub fn is_stale(by_clock: Duration, by_wall_clock: Duration) -> bool {
    by_clock.max(by_wall_clock) > LOOK_HOLDS
}
