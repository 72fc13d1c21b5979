//! Commands: what a person says, and what the product's own planner makes of it.

use std::path::Path;

use crate::plan::model::{Plan, Refusal};
use crate::plan::restore::{Begin, RestoreInput};
use crate::plan::rollback::{Asked, By, Rollback, RollbackInput};
use crate::plan::{CutOffCreation, Input, plan, restore, rollback};
use crate::runtime::Templates;
use crate::sim::controller::{Applied, Command, Halt, Sim};
use crate::sim::scenario::KNOWLEDGE;

/// What the planner said.
pub(super) enum Decided {
    Plan(Box<Plan>),
    Nothing,
    /// The cluster version has moved: whether all members have their rollback points.
    Choices {
        points: bool,
    },
    Refused(Vec<Refusal>),
}

impl Sim {
    pub(super) fn decide(&mut self, command: Command) -> Decided {
        let mut inventory = self.renderer.inventory(&self.world, &self.scenario.cluster);
        if let Some(mutation) = self.mutation {
            mutation.change_inventory(&mut inventory, command, &self.world.releases);
        }
        let input = Input {
            cluster: &self.scenario.cluster,
            state_dir: Path::new("/srv/.quorate"),
            inventory: &inventory,
            knowledge: &KNOWLEDGE,
            releases: &self.scenario.pins,
            missing_releases: &[],
            held: self.held.as_ref(),
            creation: CutOffCreation::NotKnown,
            modules_dir: None,
            templates: &Templates::default(),
        };
        match command {
            Command::Apply => match plan(&input) {
                Ok(plan) if plan.is_empty() => Decided::Nothing,
                Ok(plan) => Decided::Plan(Box::new(plan)),
                Err(refusals) => Decided::Refused(refusals),
            },
            Command::Rollback(by) => {
                let last = self.past.last(&self.scenario.cluster.name);
                let asked = Asked { to: None, by };
                let input = Input { releases: &[], held: None, ..input };
                match rollback::plan(&RollbackInput { input, last: last.as_ref(), asked: &asked }) {
                    Ok(Rollback::Plan(plan)) => Decided::Plan(plan),
                    Ok(Rollback::Nothing(_)) => Decided::Nothing,
                    Ok(Rollback::Choices(choices)) => Decided::Choices { points: choices.points.is_ok() },
                    Err(refusals) => Decided::Refused(refusals),
                }
            }
            Command::Restore(begin) => self.decide_restore(input, begin),
        }
    }

    fn decide_restore(&self, input: Input<'_>, begin: Begin) -> Decided {
        let Some(backup) = self.source() else { return Decided::Nothing };
        let packed = |run: &str| self.packed.contains_key(run);
        let input = Input { held: None, ..input };
        match restore::plan(&RestoreInput { input, backup: &backup, begin, packed: &packed }) {
            Ok(plan) => Decided::Plan(Box::new(plan)),
            Err(refusals) => Decided::Refused(refusals),
        }
    }

    /// `quorate rollback`; where that says that writes have to be lost, a person chooses the rollback points.
    pub(super) fn roll_back(&mut self) -> Result<Applied, Halt> {
        match self.say(Command::Rollback(By::Swap))? {
            Applied::Choices { points: true } => self.say(Command::Rollback(By::Points)),
            other => Ok(other),
        }
    }
}
