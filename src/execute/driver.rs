//! The driver: performs what the engine directs. Thin: journal the intent, act, journal what came of it.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::execute::ExecuteError;
use crate::execute::availability::probe::{Seen, Watcher};
use crate::execute::effects::Performer;
use crate::execute::engine::{Directive, Engine};
use crate::execute::event::Event;
use crate::execute::gates::{Look, judge};
use crate::execute::journal::{Ending, Entry, GateStage};
use crate::execute::locks::Locks;
use crate::execute::logs::Logs;
use crate::execute::looks::Looks;
use crate::execute::wait::{Verdict, Wait, held, is_stale, millis, not_held};
use crate::execute::world::World;
use crate::plan::model::{Action, Gate, Plan, Step, StepId};
use crate::state::{JournalFile, Run};

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
        world,
        locks: &world.locks,
        journal: run.journal()?,
        looks: Looks::new(world),
        performer: Performer::new(plan, world, &run.id, events),
        clock: Instant::now(),
        ready_at: None,
        watcher: Watcher::begin(plan, world),
        stall_written: false,
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
    let teller = driver.watcher.teller();
    let performed = tokio::select! {
        biased;
        performed = driver.perform_all(&mut stop) => performed,
        never = teller.tell(events) => match never {},
    };
    let seen = driver.watcher.end(events).await;
    let ending = match performed {
        Ok(ending) => ending,
        Err(error) => {
            driver.tell_who_is_down();
            return Err(error);
        }
    };
    driver.write_seen(seen)?;
    driver.performer.begin_flush();
    driver.performer.finish_flush().await;
    driver.performer.tidy().await;
    driver.performer.tell_unexpected_log_lines().await;
    driver.write(Entry::RunEnded { ending: ending.clone() })?;
    Ok(ending)
}

struct Driver<'a> {
    engine: Engine<'a>,
    world: &'a World,
    locks: &'a Locks,
    journal: JournalFile,
    looks: Looks<'a>,
    performer: Performer<'a>,
    /// Every reading of time is the span since this.
    clock: Instant,
    /// When the gates before a step were last seen to hold, by both clocks.
    ready_at: Option<(Instant, SystemTime)>,
    watcher: Watcher,
    stall_written: bool,
    events: &'a (dyn Fn(Event) + Send + Sync),
}

impl<'a> Driver<'a> {
    async fn perform_all(&mut self, stop: &mut StopSignal) -> Result<Ending, ExecuteError> {
        let mut stop_written = false;
        let mut lock_lost = false;
        loop {
            self.write_stall()?;
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
                    self.watcher.turn_to(step.id);
                    let entry = self.await_gates(step, stage, &gates, stop, stop_written).await;
                    if let Some(entry) = entry {
                        self.write(entry)?;
                        self.write_step_seen(step.id, stage)?;
                    }
                }
                Directive::Perform { step, effect } => {
                    self.watcher.turn_to(step.id);
                    if !lock_lost && let Err(reason) = self.locks.check().await {
                        lock_lost = true;
                        self.write(Entry::LockLost { reason })?;
                        continue;
                    }
                    if self.look_is_too_old() {
                        let entry = self.await_gates(step, GateStage::Before, &step.before, stop, stop_written).await;
                        if let Some(entry) = entry {
                            self.write(entry)?;
                        }
                        continue;
                    }
                    self.write(Entry::Intent { step: step.id, effect: effect.clone() })?;
                    let begun = Instant::now();
                    let result = self.performer.perform(step, &effect, &mut self.looks).await;
                    self.write(Entry::Outcome { step: step.id, effect, result, took_ms: millis(begun.elapsed()) })?;
                }
            }
        }
    }

    /// Clients had to wait longer than the spec bears.
    fn write_stall(&mut self) -> Result<(), ExecuteError> {
        if self.stall_written {
            return Ok(());
        }
        let Some((stalled, longest, bound)) = self.watcher.stalled() else { return Ok(()) };
        self.stall_written = true;
        let (stalled_ms, bound_ms) = (millis(longest), millis(bound));
        self.write(Entry::StallTooLong { step: stalled.step, stalled_ms, bound_ms })
    }

    /// What clients met during a step that is over.
    fn write_step_seen(&mut self, step: StepId, stage: GateStage) -> Result<(), ExecuteError> {
        match stage {
            GateStage::Before => Ok(()),
            GateStage::After | GateStage::Undo => match self.watcher.end_step(step) {
                Some(answers) => self.write(Entry::Availability { step: Some(step), answers }),
                None => Ok(()),
            },
        }
    }

    /// The rest of it, at the end of the run.
    fn write_seen(&mut self, seen: Seen) -> Result<(), ExecuteError> {
        for (step, answers) in seen.steps {
            self.write(Entry::Availability { step: Some(step), answers })?;
        }
        match seen.whole {
            Some(answers) => self.write(Entry::Availability { step: None, answers }),
            None => Ok(()),
        }
    }

    /// The run ends right here, because what comes next cannot be recorded.
    fn tell_who_is_down(&self) {
        if let Some(member) = self.engine.member_that_is_down() {
            (self.events)(Event::Notice {
                text: format!(
                    "{member} was stopped and is not up again: once the journal can be written, `quorate apply` brings it up"
                ),
            });
        }
    }

    /// The member in hand is about to be stopped, and the look that allowed it was a while ago: the controller stood
    /// still meanwhile.
    fn look_is_too_old(&self) -> bool {
        self.engine.is_before_a_stop()
            && self.ready_at.is_some_and(|(at, wall)| is_stale(at.elapsed(), wall.elapsed().unwrap_or_default()))
    }

    fn write(&mut self, entry: Entry) -> Result<(), ExecuteError> {
        let line = self.journal.append(entry)?;
        self.engine.record(&line.entry);
        (self.events)(Event::Journal(line));
        Ok(())
    }

    /// Looks until the gates hold, or the bound of one that does not is over. `None`: a stop was asked for meanwhile,
    /// or clients stalled, and the engine has to be asked again what to wait for.
    async fn await_gates(
        &mut self,
        step: &Step,
        stage: GateStage,
        gates: &[Gate],
        stop: &mut StopSignal,
        stop_known: bool,
    ) -> Option<Entry> {
        if gates.is_empty() {
            return Some(held(stage, step, &Look::default(), None, Duration::ZERO));
        }
        let mut wait = Wait::new(gates, self.clock.elapsed());
        let moves_version = gates.iter().any(|gate| matches!(gate, Gate::ClusterVersion { .. }));
        let mut logs: Option<Logs> = None;
        loop {
            let ask_health = wait.asks_health(self.clock.elapsed());
            let looked_at = (Instant::now(), SystemTime::now());
            // The gates before a step are often those after the one before.
            let first = ask_health && stage == GateStage::Before;
            let look = if first { self.looks.fresh(true).await } else { self.looks.look(gates, ask_health).await };
            let now = self.clock.elapsed();
            let judgement = judge(gates, &look, wait.steady(now));
            match wait.take(judgement, ask_health, now) {
                Verdict::Holds => {
                    if stage == GateStage::Before {
                        self.ready_at = Some(looked_at);
                    }
                    return Some(held(stage, step, &look, look.leader().cloned(), wait.elapsed(now)));
                }
                Verdict::Failed(mut judgement) => {
                    if let Some(logs) = &logs {
                        judgement.waiting.extend(logs.versions_not_told(self.world, &look).await);
                    }
                    return Some(not_held(stage, step.id, judgement, wait.elapsed(now)));
                }
                Verdict::Wait { tell } => {
                    if let Some(for_what) = tell {
                        // What the leader logs from here on says why, should the cluster version not move.
                        if moves_version && logs.is_none() {
                            let mut from_here = Logs::default();
                            from_here.mark(self.world).await;
                            logs = Some(from_here);
                        }
                        (self.events)(Event::Waiting {
                            step: step.id,
                            for_what,
                            waited_ms: millis(wait.elapsed(now)),
                            bound_ms: millis(wait.bound()),
                        });
                    }
                }
            }
            if !self.stall_written && self.watcher.stalled().is_some() {
                return None;
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
