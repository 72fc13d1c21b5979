//! Rollback points, put back after a rung was completed: all members stopped, each data directory as it was when the
//! member was stopped, the old binaries. In the one safe order (first a quorum with the newest copy, then the others one by
//! one) nothing up to the last copy is lost. All at once, as anybody would do it, members end up with different data.

use crate::sim::controller::Sim;
use crate::sim::member::Point;
use crate::sim::mutation::Mutation;
use crate::sim::world::{MemberNo, TICK};

/// For a quorum to come up and the newest copy to lead; for a member to catch up.
const BOUND: u64 = 900_000;

/// For writes to go on, and differences to show.
const SETTLES: u64 = 30_000;

impl Sim {
    /// Where each member has a point of the rung that was completed last.
    pub fn put_points_back(&mut self) {
        let Some(points) = self.points_of_last_rung() else { return };
        let rank = |point: &Point| (point.data.last().term, point.data.log.len());
        let Some(newest) = (0..points.len()).max_by_key(|&no| rank(&points[no])) else { return };
        self.world
            .tell(|world| format!("rollback points are put back; the newest is of {}", world.members[newest].name));
        for (no, point) in points.iter().enumerate() {
            let member = &mut self.world.members[no];
            member.process = None;
            member.forget_restart();
            member.binary = Some(point.version);
            member.data = point.data.clone();
        }
        // What was acknowledged after the last copy is lost, as it must be.
        let kept = &points[newest].data;
        self.world.pending.clear();
        self.world.acknowledged = (kept.commit, kept.applied().revision, kept.applied().digest);
        self.world.writes = 50;
        self.world.rate = self.world.rng.pick(&[1, 4, 20]);
        let lost_host = self.world.rng.percent(50);
        self.counts.points_put_back += 1;
        if self.mutated(Mutation::PointsAllAtOnce) {
            (0..points.len()).for_each(|no| self.world.start(no));
        } else if !self.start_in_order(newest, lost_host) {
            // Halted: nothing more is started.
            return;
        }
        self.world.pass(SETTLES);
        self.check_points();
    }

    fn points_of_last_rung(&self) -> Option<Vec<Point>> {
        let world = &self.world;
        let minor = world.releases[world.declared].version.minor();
        let mut points = Vec::new();
        for member in &world.members {
            let last = member.points.last().filter(|point| {
                let version = &world.releases[point.version].version;
                version.minor() != minor && point.version + 1 == world.declared
            })?;
            points.push(last.clone());
        }
        (points.len() >= 3 && world.promises.by_hand.iter().all(|by_hand| !by_hand)).then_some(points)
    }

    /// False where a wait was not over within its bound.
    fn start_in_order(&mut self, newest: MemberNo, dies: bool) -> bool {
        let others = (0..self.world.members.len()).filter(|&no| no != newest);
        let (with_newest, later): (Vec<_>, Vec<_>) =
            others.enumerate().partition(|(position, _)| position + 2 <= self.world.quorum());
        self.world.start(newest);
        with_newest.iter().for_each(|(_, no)| self.world.start(*no));
        let far = self.world.acknowledged.0;
        let patient = !self.mutated(Mutation::PointsWithoutCatchUp);
        let well = |sim: &Self, no: MemberNo| {
            sim.world.is_healthy(no) && (!patient || sim.world.members[no].data.commit >= far)
        };
        // All of the quorum hold what the newest holds, before anybody else may vote: else the others are a majority
        // without it.
        let leads = |sim: &Self| sim.world.leader() == Some(newest) && with_newest.iter().all(|(_, no)| well(sim, *no));
        if !self.wait_until(leads) {
            return false;
        }
        for (turn, (_, no)) in later.into_iter().enumerate() {
            self.world.start(no);
            if dies && turn == 0 {
                // The host of the newest copy fails: by now a quorum holds what it held.
                self.world.pass(5 * TICK);
                self.world.die(newest);
                self.world.pass(30 * TICK);
                self.world.start(newest);
            }
            if !self.wait_until(|sim| well(sim, no)) {
                return false;
            }
        }
        true
    }

    fn wait_until(&mut self, holds: impl Fn(&Self) -> bool) -> bool {
        let end = self.world.now + BOUND;
        while !holds(self) && self.world.now < end && self.world.promises.broken.is_none() {
            self.world.pass(TICK);
        }
        holds(self)
    }

    /// All serve, and hold the same.
    fn check_points(&mut self) {
        let down = (0..self.world.members.len()).find(|&no| !self.world.is_healthy(no));
        if let Some(no) = down {
            let what = format!("{} does not serve after rollback points were put back", self.world.members[no].name);
            self.world.break_promise("points-put-back", what);
        }
    }
}
