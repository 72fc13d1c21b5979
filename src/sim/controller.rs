//! The controller: looks, plans, and performs the plan with the product's own planner, engine, gates and waits. It may
//! die before and after every instruction; what it knows is lost then, what it did stays.

use std::collections::BTreeMap;

use crate::execute::journal::Ending;
use crate::plan::model::{Action, Plan, Refusal};
use crate::plan::restore::Begin;
use crate::plan::rollback::By;
use crate::plan::{Held, basis, replacing};
use crate::sim::commands::Decided;
use crate::sim::mutation::Mutation;
use crate::sim::past::PastRuns;
use crate::sim::promises::InHand;
use crate::sim::render::Renderer;
use crate::sim::restore_effects::Saved;
use crate::sim::scenario::Scenario;
use crate::sim::world::World;

/// Why a controller does not go on.
#[derive(Debug)]
pub enum Halt {
    /// It was killed.
    Died,
    /// A promise was broken: the seed is over.
    Broken,
}

/// What a person says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Command {
    #[default]
    Apply,
    Rollback(By),
    Restore(Begin),
}

/// How one command ended.
#[derive(Debug)]
pub enum Applied {
    NothingToDo,
    /// What is possible was told, and nothing done: whether all members have their rollback points.
    Choices {
        points: bool,
    },
    Refused(Vec<Refusal>),
    /// The saved plan no longer holds.
    Stale,
    /// Another controller is at work.
    Locked,
    Ended(Ending),
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub applies: u32,
    pub deaths: u32,
    pub effects: u32,
    pub entries: u32,
    pub faults: u32,
    pub put_back: u32,
    pub completed: u32,
    /// Runs that did all of their rung.
    pub rungs: u32,
    pub refused: u32,
    pub points_put_back: u32,
    /// Members on which an older binary took the place of the new one, one by one.
    pub swapped_back: u32,
    /// Times the data of a whole cluster was replaced.
    pub replaced: u32,
}

pub struct Sim {
    pub world: World,
    pub scenario: Scenario,
    pub renderer: Renderer,
    pub mutation: Option<Mutation>,
    /// After so many instructions the controller dies.
    pub fuse: Option<u32>,
    pub counts: Counts,
    /// How the last `apply` ended, where it was the last.
    pub last: Option<Applied>,
    pub(super) past: PastRuns,
    /// What was backed up, where a seed is about that.
    pub(super) saved: Option<Saved>,
    /// Clusters that were made of it on the controller, by the run that did.
    pub(super) packed: BTreeMap<String, u32>,
    pub(super) assembled: u32,
    /// The newest run, where it was held.
    pub(super) held: Option<Held>,
    locked: bool,
    nested: bool,
}

impl Sim {
    pub fn new(scenario: Scenario, world: World, mutation: Option<Mutation>) -> Self {
        Self {
            world,
            scenario,
            renderer: Renderer::default(),
            mutation,
            fuse: None,
            counts: Counts::default(),
            last: None,
            past: PastRuns::default(),
            saved: None,
            packed: BTreeMap::new(),
            assembled: 0,
            held: None,
            locked: false,
            nested: false,
        }
    }

    pub fn mutated(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// Between any two of these the controller may die, be suspended, or meet another one.
    pub fn instruction(&mut self) -> Result<(), Halt> {
        self.world.instructions += 1;
        self.world.bring_faults();
        if self.world.promises.broken.is_some() {
            return Err(Halt::Broken);
        }
        if !self.nested {
            if let Some(fuse) = &mut self.fuse {
                if *fuse == 0 {
                    self.world.tell(|_| "the controller dies".to_owned());
                    return Err(Halt::Died);
                }
                *fuse -= 1;
            }
            if std::mem::take(&mut self.world.second_controller) {
                self.second_controller()?;
            }
        }
        Ok(())
    }

    /// A closed laptop. Not between the last look at the clock and the command itself: that gap cannot be closed.
    pub(super) fn stand_still(&mut self) {
        let span = std::mem::take(&mut self.world.suspended_for);
        if span > 0 {
            self.world.tell(|_| format!("the controller stands still for {} s", span / 1000));
            self.world.pass(span);
        }
    }

    /// Somebody else says `apply`, while this one is at work.
    fn second_controller(&mut self) -> Result<(), Halt> {
        self.nested = true;
        let applied = self.apply();
        self.nested = false;
        match applied {
            Ok(_) | Err(Halt::Died) => Ok(()),
            Err(Halt::Broken) => Err(Halt::Broken),
        }
    }

    /// `quorate apply`.
    pub fn apply(&mut self) -> Result<Applied, Halt> {
        self.say(Command::Apply)
    }

    /// One command, from the lock to its end.
    pub(super) fn say(&mut self, command: Command) -> Result<Applied, Halt> {
        if self.locked && !self.mutated(Mutation::LockIgnored) {
            self.world.tell(|_| "another controller is at work: refused".to_owned());
            return Ok(Applied::Locked);
        }
        // The lock lives in the controller's connections: it goes when the controller goes, however that is.
        let before = std::mem::replace(&mut self.locked, true);
        self.world.promises.controllers += 1;
        if self.world.promises.controllers > 1 {
            self.world.break_promise("one-controller", "two controllers are at work".to_owned());
        }
        let applied = self.look_plan_execute(command);
        self.world.promises.controllers -= 1;
        self.locked = before;
        self.counts.applies += 1;
        if self.world.promises.broken.is_some() { Err(Halt::Broken) } else { applied }
    }

    /// One rung after the other, as `apply` does it.
    fn look_plan_execute(&mut self, command: Command) -> Result<Applied, Halt> {
        loop {
            let (applied, more) = self.one_leg(command)?;
            if !more || !matches!(applied, Applied::Ended(Ending::Succeeded)) {
                return Ok(applied);
            }
        }
    }

    /// And whether a rung was foreseen after it.
    fn one_leg(&mut self, command: Command) -> Result<(Applied, bool), Halt> {
        self.instruction()?;
        let span = self.world.rng.between(200, 1500);
        self.world.pass(span);
        let holds = command == Command::Apply && self.scenario.cluster.rollout.hold_before.is_some();
        let mut hand = InHand {
            command,
            revision: self.world.acknowledged.1,
            instruction: self.world.instructions,
            holds: holds && self.held.is_none(),
            listed: self.world.listed(),
            ..InHand::default()
        };
        self.world.promises.replaced_since_plan = Default::default();
        let mut plan = match self.decide(command) {
            Decided::Plan(plan) => *plan,
            Decided::Nothing => {
                self.check_nothing_to_do(command);
                return Ok((Applied::NothingToDo, false));
            }
            Decided::Choices { points } => {
                self.world.tell(|_| "the cluster version has moved: a person has to choose".to_owned());
                return Ok((Applied::Choices { points }, false));
            }
            Decided::Refused(refusals) => {
                let rules: Vec<_> = refusals.iter().map(|refusal| refusal.rule.clone()).collect();
                self.world.tell(|_| format!("no plan: {}", rules.join(", ")));
                self.check_refusals(&refusals);
                return Ok((Applied::Refused(refusals), false));
            }
        };
        if command != Command::Restore(Begin::Anew) {
            self.check_only_its_own(&plan);
        }
        if let Some(mutation) = self.mutation {
            mutation.change(&mut plan);
            self.step_over(mutation, &mut plan);
        }
        self.world.tell(|_| format!("a plan of {} steps", plan.steps().count()));
        if self.scenario.saves_plans {
            self.let_time_pass(600);
            let inventory = self.renderer.inventory(&self.world, &self.scenario.cluster);
            // Only the plan of an upgrade can be saved.
            let is_saved = command == Command::Apply;
            let differs = replacing::differs(&plan, &inventory).is_some();
            if is_saved && (differs || !basis::differences(&plan.basis, &basis::of(&inventory)).is_empty()) {
                self.world.tell(|_| "the saved plan no longer holds".to_owned());
                return Ok((Applied::Stale, false));
            }
        } else if self.world.rng.percent(20) {
            // Until a person says yes.
            self.let_time_pass(300);
        }
        hand.instruction = hand.instruction.min(self.world.instructions);
        let ending = self.execute(&plan, hand)?;
        self.counts.rungs += u32::from(ending == Ending::Succeeded);
        Ok((Applied::Ended(ending), !plan.later.is_empty()))
    }

    /// Members are taken to what is to be declared only after this.
    fn step_over(&self, mutation: Mutation, plan: &mut Plan) {
        let next = self.world.releases.get(self.world.declared + 1);
        let Some(next) = next.filter(|_| mutation == Mutation::StepsOver) else { return };
        for step in plan.rungs.iter_mut().flat_map(|rung| &mut rung.steps) {
            match &mut step.action {
                Action::Member(action) => {
                    action.to = next.version.clone();
                    action.binary.new_sha256 = next.digest;
                }
                Action::Stage { version, .. } => *version = next.version.clone(),
                _ => {}
            }
        }
    }

    pub(super) fn let_time_pass(&mut self, most_ticks: u64) {
        let span = self.world.rng.between(0, most_ticks) * 100;
        self.world.pass(span);
    }
}
