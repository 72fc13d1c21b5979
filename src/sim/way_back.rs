//! The life of a seed about a rollback: an upgrade that is cut off somewhere, or completed; then faults, controllers that die,
//! and a person who goes back, or thinks better of it.

use crate::sim::controller::{Applied, Halt, Sim};
use crate::sim::world::TICK;

impl Sim {
    /// Returns the rules that refused the way, where it was refused.
    pub(super) fn live_through_a_rollback(&mut self) -> Vec<String> {
        if let Some(refused) = self.upgrade_undisturbed() {
            return refused;
        }
        let span = self.world.rng.between(1, 300) * TICK;
        self.world.pass(span);
        self.let_faults_loose();
        for fuse in std::mem::take(&mut self.scenario.fuses) {
            self.fuse = fuse;
            let goes_back = self.world.rng.percent(80);
            let said = if goes_back { self.roll_back() } else { self.apply() };
            match said {
                Err(Halt::Died) => self.counts.deaths += 1,
                Err(Halt::Broken) => return Vec::new(),
                Ok(_) => {}
            }
            let span = self.world.rng.between(1, 200) * TICK;
            self.world.pass(span);
        }
        self.world.heal();
        self.fuse = None;
        match self.until_back() {
            Ok(true) => self.counts.completed += 1,
            Ok(false) | Err(Halt::Died) => {}
            Err(Halt::Broken) => return Vec::new(),
        }
        if let Some(Applied::Refused(refusals)) = &self.last {
            self.counts.refused += 1;
            return refusals.iter().map(|refusal| refusal.rule.clone()).collect();
        }
        if self.world.rng.percent(30) && self.until_done().is_ok_and(|done| done) {
            self.counts.completed += 1;
        }
        Vec::new()
    }

    /// Only its controller may die. `Some`: the way up is refused for what it is, or a promise was broken.
    fn upgrade_undisturbed(&mut self) -> Option<Vec<String>> {
        let target = self.scenario.targets[0];
        self.declare(target);
        let ended = if self.scenario.upgrade_dies_at.is_some() {
            self.fuse = self.scenario.upgrade_dies_at;
            self.apply().map(|applied| !matches!(applied, Applied::Refused(_)))
        } else {
            self.until_done()
        };
        self.fuse = None;
        match ended {
            Ok(true) | Err(Halt::Died) => None,
            Ok(false) => {
                self.counts.refused += 1;
                Some(Vec::new())
            }
            Err(Halt::Broken) => Some(Vec::new()),
        }
    }

    /// The faults of this seed begin now; a binary that turns out bad is the one that is put on hosts now.
    pub(super) fn let_faults_loose(&mut self) {
        let by_now = self.world.instructions;
        self.world.faults =
            std::mem::take(&mut self.scenario.later_faults).into_iter().map(|one| one.later(by_now)).collect();
        if self.world.rng.percent(60) {
            self.world.brought = 0;
        }
    }

    /// After the faults: `rollback` again finishes. False where the way is refused for what it is.
    fn until_back(&mut self) -> Result<bool, Halt> {
        self.last = None;
        for attempt in 0..super::MOST_TRIES {
            self.world.pass(if attempt < 3 { 100 } else { 900 } * TICK);
            if attempt > 1 {
                // A kept binary that somebody tidied away is put back, as the failure says.
                self.world.members.iter_mut().for_each(|member| member.put_in_store(0));
            }
            let said = self.roll_back()?;
            match &said {
                Applied::NothingToDo => return Ok(true),
                Applied::Refused(refusals) if refusals.iter().any(|refusal| self.is_of_the_way(&refusal.rule)) => {
                    self.last = Some(said);
                    return Ok(false);
                }
                Applied::Refused(refusals) => {
                    let refusals = refusals.clone();
                    self.follow(&refusals);
                }
                // A restore is what is left.
                Applied::Choices { .. } => return Ok(false),
                Applied::Stale | Applied::Locked | Applied::Ended(_) => {}
            }
        }
        self.world
            .break_promise("finishes", format!("the work is not done after {} times `rollback`", super::MOST_TRIES));
        Err(Halt::Broken)
    }
}
