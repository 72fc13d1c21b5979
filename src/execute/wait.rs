//! The bookkeeping of one wait for gates: when it holds, when it has failed, when to look again. Time comes in as a
//! reading of a clock that only goes forward, so that the same code runs by the driver's clock and in virtual time.

use std::time::Duration;

use crate::execute::gates::Judgement;
use crate::execute::journal::{Entry, GateStage};
use crate::plan::model::{Gate, StepId};
use crate::units::MemberName;

/// The first pause between two looks at a gate; it grows up to [`SLOWEST_LOOK`].
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const SLOWEST_LOOK: Duration = Duration::from_millis(500);

/// How often a wait is told about.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// How often `/health` is asked while a gate waits: on older versions each question is a raft entry.
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// In so many looks in a row a process must be seen dead before a wait is given up.
const HOPELESS_LOOKS: u32 = 2;

/// One wait. Every `now` is a reading of the same clock.
pub struct Wait {
    begun: Duration,
    /// When everything but the waits for time began to hold, without a break since.
    steady_since: Option<Duration>,
    /// The bound of the gates that wait for something to become true.
    bound: Duration,
    /// How long a member that was started may stay without serving, however long the other gates may wait for.
    start_bound: Option<Duration>,
    /// Since when it does.
    not_up_since: Option<Duration>,
    /// What the gates that wait for time add.
    time_to_pass: Duration,
    told: Option<Duration>,
    pause: Duration,
    hopeless_looks: u32,
    health_asked: Option<Duration>,
    /// The last look that asked for health found nothing missing but time.
    health_seen: bool,
}

/// What a look means for the wait.
pub enum Verdict {
    Holds,
    Failed(Judgement),
    Wait { tell: Option<Vec<String>> },
}

impl Wait {
    pub fn new(gates: &[Gate], now: Duration) -> Self {
        let waits_for_time = |gate: &&Gate| matches!(gate, Gate::Soak { .. } | Gate::V2Settle { .. });
        let longest = |bounds: &mut dyn Iterator<Item = &Gate>| {
            bounds.map(|gate| gate.within().duration()).max().unwrap_or_default()
        };
        Self {
            begun: now,
            steady_since: None,
            bound: longest(&mut gates.iter().filter(|gate| !waits_for_time(gate))),
            start_bound: gates
                .iter()
                .filter(|gate| matches!(gate, Gate::RunsVersion { .. }))
                .map(|gate| gate.within().duration())
                .min(),
            not_up_since: None,
            time_to_pass: longest(&mut gates.iter().filter(waits_for_time)),
            told: None,
            pause: FIRST_PAUSE,
            hopeless_looks: 0,
            health_asked: None,
            health_seen: false,
        }
    }

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
        let due = self.health_asked.is_none_or(|at| now.saturating_sub(at) >= HEALTH_EVERY);
        let nearly_done = self.steady_since.is_some() && !self.health_seen;
        if due || nearly_done {
            self.health_asked = Some(now);
        }
        due || nearly_done
    }

    /// Takes in one judgement.
    pub fn take(&mut self, judgement: Judgement, asked_health: bool, now: Duration) -> Verdict {
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
        // Waits for time are never a failure by themselves; a condition that breaks during one has its bound again.
        let over = self.elapsed(now) > self.bound.saturating_add(self.time_to_pass);
        let over = over || self.is_late(&judgement, now);
        if self.hopeless_looks >= HOPELESS_LOOKS || (over && !only_time_is_missing) {
            return Verdict::Failed(judgement);
        }
        let since_told = self.told.map_or(Duration::MAX, |told| now.saturating_sub(told));
        let tell = since_told >= TELL_EVERY && self.elapsed(now) >= TELL_EVERY;
        if tell {
            self.told = Some(now);
        }
        Verdict::Wait { tell: tell.then_some(judgement.waiting) }
    }

    /// The member in hand has not been serving for as long as it may take to start.
    fn is_late(&mut self, judgement: &Judgement, now: Duration) -> bool {
        if !judgement.not_up {
            self.not_up_since = None;
            return false;
        }
        let since = *self.not_up_since.get_or_insert(now);
        self.start_bound.is_some_and(|bound| now.saturating_sub(since) > bound)
    }

    /// How long until the next look.
    pub fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 3 / 2).min(SLOWEST_LOOK);
        pause
    }
}

/// What is written down when gates hold.
pub fn held(stage: GateStage, step: StepId, leader: Option<MemberName>, waited: Duration) -> Entry {
    match stage {
        GateStage::Before => Entry::ReadyFor { step, leader, waited_ms: millis(waited) },
        GateStage::After => Entry::StepDone { step, leader, waited_ms: millis(waited) },
        GateStage::Undo => Entry::StepUndone { step, leader, waited_ms: millis(waited) },
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
