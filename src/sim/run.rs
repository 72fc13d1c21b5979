//! One run: the driver's loop in virtual time, around the product's own engine, gates and waits.

use std::time::Duration;

use crate::execute::engine::{Directive, Engine};
use crate::execute::gates::{Look, judge};
use crate::execute::journal::{Ending, Entry, GateStage};
use crate::execute::wait::{Verdict, Wait, held, is_stale, not_held};
use crate::plan::Held;
use crate::plan::model::{Action, Gate, MemberAction, Operation, Plan, Step, StepId};
use crate::sim::beside::run_id;
use crate::sim::controller::{Command, Halt, Sim};
use crate::sim::mutation::Mutation;
use crate::sim::promises::{InHand, Others, SeenThen};
use crate::sim::render::number_of;
use crate::sim::world::{MOST_MEMBERS, MemberNo};
use crate::units::Sha256;

/// No run takes more directives; one that does goes in circles.
const MOST_DIRECTIVES: usize = 400;

/// How long a look takes, and one in which somebody does not answer at all.
const LOOK_TAKES: u64 = 20;
const LOOK_IN_VAIN_TAKES: u64 = 1500;

/// Of 100 entries, after so many the engine is made anew from its journal.
const REBUILDS: u64 = 8;

/// One run: the plan, how far it is.
pub struct Run<'p> {
    pub plan: &'p Plan,
    /// Which of all runs; its id is made of it.
    pub number: u32,
    id: String,
    engine: Engine<'p>,
    journal: Vec<Entry>,
    stop_written: bool,
    /// When the gates before a step were seen to hold.
    ready: Option<(StepId, u64)>,
    pub hand: InHand,
}

impl Run<'_> {
    /// Of the run that began a replacement: this one, unless the plan names another.
    pub fn id_of<'i>(&'i self, id: Option<&'i str>) -> &'i str {
        id.unwrap_or(&self.id)
    }
}

impl Sim {
    /// Performs a plan to its end: the driver, in virtual time.
    pub(super) fn execute(&mut self, plan: &Plan, hand: InHand) -> Result<Ending, Halt> {
        let number = self.past.begin(plan);
        let mut run = Run {
            plan,
            number,
            id: run_id(number),
            engine: Engine::new(plan),
            journal: Vec::new(),
            stop_written: false,
            ready: None,
            hand,
        };
        self.held = None;
        self.world.promises.excused = [false; MOST_MEMBERS];
        self.world.promises.felled = [false; MOST_MEMBERS];
        self.write(&mut run, started(plan))?;
        for _ in 0..MOST_DIRECTIVES {
            if self.world.stop_asked && !run.stop_written {
                run.stop_written = true;
                // Clients that had to wait too long end a run at the same places as a person does.
                let stalled = Entry::StallTooLong { step: None, stalled_ms: 2100, bound_ms: 2000 };
                let asked = Entry::StopRequested { signal: "SIGINT".to_owned() };
                self.write(&mut run, if number.is_multiple_of(2) { asked } else { stalled })?;
            }
            match self.directive(&run) {
                Directive::End(ending) => {
                    self.tidy(plan)?;
                    self.write(&mut run, Entry::RunEnded { ending: ending.clone() })?;
                    self.world.stop_asked = false;
                    if let Ending::Held { before } = &ending {
                        self.held = Held::of("held", plan, *before);
                    }
                    self.check_end(&run, &ending);
                    if ending == Ending::Succeeded {
                        self.check_replaced(plan);
                    }
                    return Ok(ending);
                }
                Directive::Await { step, stage, gates } => {
                    if let Some(entry) = self.await_gates(&mut run, step, stage, &gates)? {
                        self.write(&mut run, entry)?;
                    }
                }
                Directive::Perform { step, effect } => {
                    if self.looks_again(&run, step) {
                        self.world.tell(|_| "the last look is too old".to_owned());
                        if let Some(entry) = self.await_gates(&mut run, step, GateStage::Before, &step.before)? {
                            self.write(&mut run, entry)?;
                        }
                        continue;
                    }
                    self.write(&mut run, Entry::Intent { step: step.id, effect: effect.clone() })?;
                    self.counts.effects += 1;
                    run.hand.seen = None;
                    let result = self.perform(&mut run, step, &effect)?;
                    self.write(&mut run, Entry::Outcome { step: step.id, effect, result, took_ms: 0 })?;
                }
            }
        }
        self.world.break_promise("run-ends", format!("a run is not over after {MOST_DIRECTIVES} directives"));
        Err(Halt::Broken)
    }

    fn directive<'p>(&self, run: &Run<'p>) -> Directive<'p> {
        let directive = run.engine.directive();
        match self.mutation {
            Some(mutation) => mutation.change_directive(directive, run.stop_written),
            None => directive,
        }
    }

    /// What was seen before a stop is too old to stop on.
    fn looks_again(&self, run: &Run<'_>, step: &Step) -> bool {
        let still_to_stop = run.engine.is_before_a_stop();
        let ready = run.ready.filter(|(id, _)| *id == step.id);
        let age = ready.map_or(0, |(_, at)| self.world.now - at);
        still_to_stop && is_stale(Duration::from_millis(age), Duration::ZERO) && !self.mutated(Mutation::OldLooks)
    }

    fn write(&mut self, run: &mut Run<'_>, entry: Entry) -> Result<(), Halt> {
        self.instruction()?;
        if !matches!(entry, Entry::Intent { .. }) {
            self.stand_still();
        }
        self.world.tell(|_| told(run.plan, &entry));
        if let Entry::StepDone { step, .. } = &entry
            && let Some(Action::Member(action)) = run.plan.step(*step).map(|step| &step.action)
            && let Some(no) = number_of(&self.world, &action.member)
        {
            run.hand.finished[no] = true;
            run.hand.done += usize::from(stops(action));
        }
        run.engine.record(&entry);
        self.past.write(&entry);
        run.journal.push(entry);
        self.counts.entries += 1;
        if self.world.rng.percent(REBUILDS) {
            self.rebuild(run);
        }
        self.instruction()
    }

    /// The engine that the journal gives is the engine that was; the run goes on with it.
    fn rebuild(&mut self, run: &mut Run<'_>) {
        let mut engine = Engine::new(run.plan);
        let forgotten = usize::from(self.mutated(Mutation::LastEntryForgotten));
        for entry in &run.journal[..run.journal.len() - forgotten] {
            engine.record(entry);
        }
        if engine.directive() != run.engine.directive() {
            self.world.break_promise("fold", "the engine rebuilt from its journal is another one".to_owned());
        }
        run.engine = engine;
    }

    /// Looks until the gates hold or their bound is over. `None`: a stop was asked for meanwhile.
    fn await_gates(
        &mut self,
        run: &mut Run<'_>,
        step: &Step,
        stage: GateStage,
        gates: &[Gate],
    ) -> Result<Option<Entry>, Halt> {
        self.instruction()?;
        if gates.is_empty() {
            self.gates_held(run, step, stage);
            return Ok(Some(held(stage, step, &Look::default(), None, Duration::ZERO)));
        }
        let mut wait = Wait::new(gates, self.clock());
        loop {
            let ask_health = wait.asks_health(self.clock());
            let in_vain = (0..self.world.members.len()).any(|no| !self.world.reachable(no));
            self.world.pass(if in_vain { LOOK_IN_VAIN_TAKES } else { LOOK_TAKES });
            let steady = wait.steady(self.clock());
            let judgement = judge(gates, self.renderer.look(&self.world, gates), steady);
            let seen = self.seen();
            // With the answers on their way. What is seen to hold may be as old as that before it is acted upon.
            if !judgement.holds() {
                self.stand_still();
            }
            if self.world.promises.broken.is_some() {
                return Err(Halt::Broken);
            }
            let now = self.clock();
            match wait.take(judgement, ask_health, now) {
                Verdict::Holds => {
                    let leader =
                        self.renderer.last().leader().cloned().filter(|_| self.mutation != Some(Mutation::LeaderFirst));
                    let entry = held(stage, step, self.renderer.last(), leader, wait.elapsed(now));
                    self.gates_held(run, step, stage);
                    return Ok(Some(entry));
                }
                Verdict::Failed(mut judgement) => {
                    run.hand.seen = Some(seen);
                    judgement.cluster_version =
                        judgement.cluster_version.filter(|_| self.mutation != Some(Mutation::PutBackTooLate));
                    return Ok(Some(not_held(stage, step.id, judgement, wait.elapsed(now))));
                }
                Verdict::Wait { .. } => {}
            }
            let pause = u64::try_from(wait.pause().as_millis()).unwrap_or(0);
            self.world.pass(pause);
            if self.world.stop_asked && !run.stop_written {
                return Ok(None);
            }
        }
    }

    fn seen(&self) -> SeenThen {
        let world = &self.world;
        let of = |holds: &dyn Fn(MemberNo) -> bool| std::array::from_fn(|no| no < world.members.len() && holds(no));
        SeenThen {
            up: of(&|no| world.is_up(no) || !world.reachable(no)),
            well: of(&|no| world.is_healthy(no) && world.answers(no)),
        }
    }

    fn gates_held(&mut self, run: &mut Run<'_>, step: &Step, stage: GateStage) {
        match (&step.action, stage) {
            (Action::Member(action), GateStage::Before) => {
                run.ready = Some((step.id, self.world.now));
                if let Some(no) = number_of(&self.world, &action.member) {
                    let all_well = step.before.iter().any(|gate| matches!(gate, Gate::AllHealthy { .. }));
                    let is_way_back = run.hand.command != Command::Apply;
                    let others = if is_way_back && !all_well { Others::HoldQuorum } else { Others::Well };
                    self.world.note_ready(no, &run.hand, others);
                }
            }
            (Action::Member(action), GateStage::After) => {
                if let Some(no) = number_of(&self.world, &action.member) {
                    self.check_member_done(no);
                }
            }
            (Action::Finish { version, .. }, GateStage::After) => {
                let to = self.release(version).unwrap_or(self.world.declared);
                self.check_done("the rung is said to be done", to);
            }
            _ => {}
        }
    }

    fn clock(&self) -> Duration {
        Duration::from_millis(self.world.now)
    }
}

fn started(plan: &Plan) -> Entry {
    Entry::RunStarted {
        run: "sim".to_owned(),
        cluster: plan.cluster.to_string(),
        plan: Sha256([0; 32]),
        who: "sim".to_owned(),
        controller: "sim".to_owned(),
        pid: 1,
    }
}

pub fn stops(action: &MemberAction) -> bool {
    action.operations.iter().any(|operation| matches!(operation, Operation::Stop { .. }))
}

/// An entry of the journal, in one line.
fn told(plan: &Plan, entry: &Entry) -> String {
    let called = |id: &StepId| match plan.step(*id).map(|step| &step.action) {
        Some(Action::Member(action)) => format!("step {} ({})", id.0, action.member),
        _ => format!("step {}", id.0),
    };
    match entry {
        Entry::RunStarted { .. } => "the run starts".to_owned(),
        Entry::ReadyFor { step, .. } => format!("ready for {}", called(step)),
        Entry::Intent { step, effect } => format!("{}: about to {effect:?}", called(step)),
        Entry::Outcome { step, result, .. } => format!("{}: {result:?}", called(step)),
        Entry::StepDone { step, .. } => format!("{} is done", called(step)),
        Entry::StepUndone { step, .. } => format!("{} is undone", called(step)),
        Entry::GateFailed { step, stage, reasons, .. } => {
            format!("{}: gates ({stage:?}) do not hold: {}", called(step), reasons.join("; "))
        }
        Entry::StopRequested { signal } => format!("a person asks to stop ({signal})"),
        Entry::LockLost { reason } => format!("a lock is lost: {reason}"),
        Entry::Availability { .. } => "what clients met".to_owned(),
        Entry::StallTooLong { stalled_ms, .. } => format!("no member answered for {stalled_ms} ms"),
        Entry::RunEnded { ending } => format!("the run ends: {ending:?}"),
    }
}
