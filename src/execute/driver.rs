//! The driver: performs what the engine directs. Thin: journal the intent, act, journal what came of it.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::execute::ExecuteError;
use crate::execute::effects::Performer;
use crate::execute::engine::{Directive, Engine};
use crate::execute::event::Event;
use crate::execute::gates::{Judgement, judge};
use crate::execute::journal::{Ending, Entry, GateStage};
use crate::execute::looks::Looks;
use crate::execute::world::World;
use crate::plan::model::{Action, Gate, Plan, Step, StepId};
use crate::state::{JournalFile, Run};

/// The first pause between two looks at a gate; it doubles up to [`SLOWEST_LOOK`].
const FIRST_PAUSE: Duration = Duration::from_millis(15);
const SLOWEST_LOOK: Duration = Duration::from_millis(500);

/// How often a wait is told about.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// How often `/health` is asked while a gate waits: on older versions each question is a raft entry.
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// A stop that was asked for: the name of the signal.
pub type StopSignal = watch::Receiver<Option<String>>;

/// Who runs this, for the journal.
#[derive(Debug, Clone)]
pub struct Controller {
    pub who: String,
    pub host: String,
}

/// Performs a plan to its end, and says how it ended.
pub async fn execute(
    plan: &Plan,
    world: &World,
    run: &Run,
    controller: &Controller,
    mut stop: StopSignal,
    events: &(dyn Fn(Event) + Send + Sync),
) -> Result<Ending, ExecuteError> {
    let mut driver = Driver {
        engine: Engine::new(plan),
        journal: run.journal()?,
        looks: Looks::new(world),
        performer: Performer::new(plan, world, &run.id, events),
        events,
    };
    driver.write(Entry::RunStarted {
        run: run.id.clone(),
        cluster: plan.cluster.to_string(),
        plan: plan.digest(),
        who: controller.who.clone(),
        controller: controller.host.clone(),
        pid: std::process::id(),
    })?;
    let ending = driver.perform_all(&mut stop).await?;
    driver.performer.begin_flush();
    driver.performer.finish_flush().await;
    driver.performer.tidy().await;
    driver.performer.tell_unexpected_log_lines().await;
    driver.write(Entry::RunEnded { ending: ending.clone() })?;
    Ok(ending)
}

struct Driver<'a> {
    engine: Engine<'a>,
    journal: JournalFile,
    looks: Looks<'a>,
    performer: Performer<'a>,
    events: &'a (dyn Fn(Event) + Send + Sync),
}

impl<'a> Driver<'a> {
    async fn perform_all(&mut self, stop: &mut StopSignal) -> Result<Ending, ExecuteError> {
        let mut stop_written = false;
        loop {
            let asked = stop.borrow().clone();
            if let Some(signal) = asked
                && !stop_written
            {
                self.write(Entry::StopRequested { signal })?;
                stop_written = true;
            }
            match self.engine.directive() {
                Directive::End(ending) => return Ok(ending),
                Directive::Await { step, stage, gates } => {
                    if stage == GateStage::Before && !matches!(step.action, Action::Member(_)) {
                        self.performer.begin_flush();
                    }
                    let entry = self.await_gates(step, stage, &gates, stop, stop_written).await;
                    if let Some(entry) = entry {
                        self.write(entry)?;
                    }
                }
                Directive::Perform { step, effect } => {
                    self.write(Entry::Intent { step: step.id, effect: effect.clone() })?;
                    let begun = Instant::now();
                    let result = self.performer.perform(step, &effect, &mut self.looks).await;
                    self.write(Entry::Outcome { step: step.id, effect, result, took_ms: millis(begun.elapsed()) })?;
                }
            }
        }
    }

    fn write(&mut self, entry: Entry) -> Result<(), ExecuteError> {
        let line = self.journal.append(entry)?;
        self.engine.record(&line.entry);
        (self.events)(Event::Journal(line));
        Ok(())
    }

    /// Looks until the gates hold, or their bound is over: the longest of all, but its own for a member that was started
    /// and does not serve. `None`: a stop was asked for meanwhile, and the engine has to be asked again what to wait for.
    async fn await_gates(
        &mut self,
        step: &Step,
        stage: GateStage,
        gates: &[Gate],
        stop: &mut StopSignal,
        stop_known: bool,
    ) -> Option<Entry> {
        if gates.is_empty() {
            return Some(held(stage, step.id, None, Duration::ZERO));
        }
        let mut wait = Wait::new(gates);
        let mut health_asked: Option<Instant> = None;
        loop {
            let ask_health = health_asked.is_none_or(|at| at.elapsed() >= HEALTH_EVERY) || wait.nearly_done();
            if ask_health {
                health_asked = Some(Instant::now());
            }
            // The gates before a step are often those after the one before.
            let first = ask_health && stage == GateStage::Before;
            let look = if first { self.looks.fresh(true).await } else { self.looks.look(gates, ask_health).await };
            let judgement = judge(gates, &look, wait.steady());
            match wait.take(judgement, ask_health) {
                Verdict::Holds => return Some(held(stage, step.id, look.leader().cloned(), wait.elapsed())),
                Verdict::Failed(judgement) => {
                    return Some(Entry::GateFailed {
                        step: step.id,
                        stage,
                        reasons: judgement.waiting,
                        culprits: judgement.culprits.into_iter().collect(),
                        waited_ms: millis(wait.elapsed()),
                    });
                }
                Verdict::Wait { tell } => {
                    if let Some(for_what) = tell {
                        (self.events)(Event::Waiting {
                            step: step.id,
                            for_what,
                            waited_ms: millis(wait.elapsed()),
                            bound_ms: millis(wait.bound),
                        });
                    }
                }
            }
            let pause = wait.pause();
            if stop_known {
                tokio::time::sleep(pause).await;
            } else {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = stop.changed() => return None,
                }
            }
        }
    }
}

fn held(stage: GateStage, step: StepId, leader: Option<crate::units::MemberName>, waited: Duration) -> Entry {
    match stage {
        GateStage::Before => Entry::ReadyFor { step, leader, waited_ms: millis(waited) },
        GateStage::After => Entry::StepDone { step, leader, waited_ms: millis(waited) },
        GateStage::Undo => Entry::StepUndone { step, leader, waited_ms: millis(waited) },
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The bookkeeping of one wait.
struct Wait {
    begun: Instant,
    /// When everything but the waits for time began to hold, without a break since.
    steady_since: Option<Instant>,
    /// The bound of the gates that wait for something to become true.
    bound: Duration,
    /// How long a member that was started may stay without serving, however long the other gates may wait for.
    start_bound: Option<Duration>,
    /// Since when it does.
    not_up_since: Option<Instant>,
    /// What the gates that wait for time add.
    time_to_pass: Duration,
    told: Option<Instant>,
    pause: Duration,
    hopeless_looks: u32,
    /// The last look that asked for health found nothing missing but time.
    health_seen: bool,
}

enum Verdict {
    Holds,
    Failed(Judgement),
    Wait { tell: Option<Vec<String>> },
}

/// In so many looks in a row a process must be seen dead before a wait is given up.
const HOPELESS_LOOKS: u32 = 2;

impl Wait {
    fn new(gates: &[Gate]) -> Self {
        let (time, conditions): (Vec<&Gate>, Vec<&Gate>) =
            gates.iter().partition(|gate| matches!(gate, Gate::Soak { .. } | Gate::V2Settle { .. }));
        let longest = |gates: &[&Gate]| gates.iter().map(|gate| gate.within().duration()).max().unwrap_or_default();
        Self {
            begun: Instant::now(),
            steady_since: None,
            bound: longest(&conditions),
            start_bound: conditions
                .iter()
                .filter(|gate| matches!(gate, Gate::RunsVersion { .. }))
                .map(|gate| gate.within().duration())
                .min(),
            not_up_since: None,
            time_to_pass: longest(&time),
            told: None,
            pause: FIRST_PAUSE,
            hopeless_looks: 0,
            health_seen: false,
        }
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn steady(&self) -> Duration {
        self.steady_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// All that is left is to be seen healthy once more.
    fn nearly_done(&self) -> bool {
        self.steady_since.is_some() && !self.health_seen
    }

    fn take(&mut self, judgement: Judgement, asked_health: bool) -> Verdict {
        self.hopeless_looks = if judgement.hopeless { self.hopeless_looks + 1 } else { 0 };
        if judgement.holds() && asked_health {
            return Verdict::Holds;
        }
        let only_time_is_missing = judgement.culprits.is_empty();
        if only_time_is_missing {
            self.health_seen |= asked_health;
            self.steady_since.get_or_insert_with(Instant::now);
        } else {
            self.health_seen = false;
            self.steady_since = None;
        }
        // Waits for time are never a failure by themselves; a condition that breaks during one has its bound again.
        let over = self.elapsed() > self.bound.saturating_add(self.time_to_pass);
        let over = over || self.is_late(&judgement);
        if self.hopeless_looks >= HOPELESS_LOOKS || (over && !only_time_is_missing) {
            return Verdict::Failed(judgement);
        }
        let tell = self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) && self.elapsed() >= TELL_EVERY;
        if tell {
            self.told = Some(Instant::now());
        }
        Verdict::Wait { tell: tell.then_some(judgement.waiting) }
    }

    /// The member in hand has not been serving for as long as it may take to start.
    fn is_late(&mut self, judgement: &Judgement) -> bool {
        if !judgement.not_up {
            self.not_up_since = None;
            return false;
        }
        let since = *self.not_up_since.get_or_insert_with(Instant::now);
        self.start_bound.is_some_and(|bound| since.elapsed() > bound)
    }

    fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (self.pause * 3 / 2).min(SLOWEST_LOOK);
        pause
    }
}
