//! The life of a seed about a way down: a completed cluster, a lower version declared; faults, controllers that die, and a
//! person who thinks better of it in the middle, and again.

use crate::execute::journal::{Detail, EffectResult};
use crate::plan::model::DowngradeOrder;
use crate::sim::controller::{Applied, Halt, Sim};
use crate::sim::effects::{Tried, done, skipped};
use crate::sim::mutation::Mutation;
use crate::sim::world::{MemberNo, ReleaseNo, TICK, World};
use crate::units::Minor;

/// For what was told to show in the members' status.
const SHOWS_WITHIN: u64 = 3000;

impl Sim {
    /// Returns the rules that refused the way, where it was refused.
    pub(super) fn live_through_a_descent(&mut self) -> Vec<String> {
        let (lowest, highest) = (0, self.world.releases.len() - 1);
        self.declare(lowest);
        for fuse in std::mem::take(&mut self.scenario.fuses) {
            self.fuse = fuse;
            match self.apply() {
                Err(Halt::Died) => self.counts.deaths += 1,
                Err(Halt::Broken) => return Vec::new(),
                Ok(_) => {}
            }
            let span = self.world.rng.between(1, 200) * TICK;
            self.world.pass(span);
            if self.world.rng.percent(35) {
                self.declare(if self.world.declared == lowest { highest } else { lowest });
            }
        }
        self.world.heal();
        self.fuse = None;
        match self.until_done() {
            Ok(true) => self.counts.completed += 1,
            Ok(false) | Err(Halt::Died) => {}
            Err(Halt::Broken) => return Vec::new(),
        }
        match &self.last {
            Some(Applied::Refused(refusals)) => {
                self.counts.refused += 1;
                refusals.iter().map(|refusal| refusal.rule.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn enable_downgrade(&mut self, order: &DowngradeOrder) -> Tried<EffectResult> {
        self.instruction()?;
        match self.world.told_down_to() {
            Some(to) if to == order.to => return Ok(Ok(skipped("etcd was told so already"))),
            // The one before, that all members have followed.
            Some(before) if self.world.all_run(before) => {
                self.call_downgrade(None)?;
            }
            Some(other) => return Ok(Err(format!("etcd was told to go down to {other}"))),
            None => {}
        }
        if self.call_downgrade(Some(order.to))? {
            return Ok(Ok(done(Detail::DowngradeEnabled { to: order.to })));
        }
        Ok(Err("etcd does not go down".to_owned()))
    }

    pub(super) fn cancel_downgrade(&mut self, order: &DowngradeOrder) -> Tried<EffectResult> {
        self.instruction()?;
        match self.world.told_down_to() {
            None => return Ok(Ok(skipped("etcd is not told to go down any more"))),
            Some(to) if to == order.to => {}
            Some(other) => return Ok(Err(format!("etcd was told to go down to {other}"))),
        }
        // etcd answers success whether it was done or not.
        if self.mutated(Mutation::CancelBelieved) || self.call_downgrade(None)? {
            return Ok(Ok(done(Detail::DowngradeCancelled { to: order.to })));
        }
        Ok(Err("the downgrade is still enabled".to_owned()))
    }

    /// Through one member after the other, until the members' status says so.
    fn call_downgrade(&mut self, to: Option<Minor>) -> Result<bool, Halt> {
        for no in 0..self.world.members.len() {
            self.instruction()?;
            self.world.pass(TICK / 5);
            if !self.world.answers(no) || !self.world.knows_downgrade(no) {
                continue;
            }
            self.world.tell_downgrade(no, to);
            self.world.generation += 1;
            let bound = self.world.now + SHOWS_WITHIN;
            while self.world.now < bound {
                if self.world.all_tell(to) {
                    self.instruction()?;
                    return Ok(true);
                }
                self.world.pass(TICK);
            }
        }
        Ok(false)
    }
}

impl World {
    fn knows_downgrade(&self, no: MemberNo) -> bool {
        self.members[no].runs().is_some_and(|release| self.releases[release].downgrade_api)
    }

    fn telling(&self) -> impl Iterator<Item = MemberNo> {
        (0..self.members.len()).filter(|&no| self.answers(no) && self.knows_downgrade(no))
    }

    fn told_down_to(&self) -> Option<Minor> {
        self.telling().find_map(|no| self.members[no].data.applied().downgrade)
    }

    fn all_tell(&self, to: Option<Minor>) -> bool {
        self.telling().next().is_some() && self.telling().all(|no| self.members[no].data.applied().downgrade == to)
    }

    fn all_run(&self, minor: Minor) -> bool {
        let runs = |release: ReleaseNo| self.releases[release].version.minor() == minor;
        (0..self.members.len()).all(|no| {
            let member = &self.members[no];
            self.answers(no) && member.runs().is_some_and(runs) && member.data.applied().cluster_version == minor
        })
    }

    /// A member that runs a newer release is about to be stopped for an older one: by now that comes up.
    pub fn check_step_down(&mut self, no: MemberNo, to: ReleaseNo) {
        let minor = self.releases[to].version.minor();
        let Some(runs) = self.members[no].runs().map(|release| self.releases[release].version.minor()) else { return };
        if runs <= minor {
            return;
        }
        let (name, storage) = (self.members[no].name.clone(), self.members[no].data.storage);
        let live = self.leader().map(|leader| self.members[leader].data.applied().cluster_version);
        if live.is_some_and(|live| live > minor) {
            self.break_promise("down-in-order", format!("{name} is stopped for {minor}, and the cluster is above it"));
        } else if storage.is_some_and(|storage| storage > minor) {
            self.break_promise("down-in-order", format!("{name} is stopped for {minor}, and its storage is above it"));
        }
    }
}
