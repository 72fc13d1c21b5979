//! Sim: a model of hosts and a cluster, in which the very planner and engine of the product run in virtual time, with
//! faults and crashes drawn from a seed. For tests alone: no product code uses it.
//!
//! In comes a seed; out comes how it went: how much was tried, and the first promise that was broken, if one was. The
//! same seed always tells the same story. What is real: `plan::plan` on an `Inventory` that the model renders, with the
//! built-in knowledge; `execute::engine::Engine` fed with journal entries; the gates and the waits of the driver. What
//! is modeled: hosts, processes, raft, the effects, the loop of the driver around them, and locks.
//!
//! It never touches a file, a clock or a network, and prints nothing.

mod beside;
mod cluster;
mod commands;
mod controller;
mod descents;
mod effects;
mod endings;
mod faults;
mod history;
mod member;
mod member_effects;
mod mutation;
mod past;
mod points;
mod promises;
mod raft;
mod render;
mod replace_effects;
mod replace_promises;
mod restore_effects;
mod restores;
mod rng;
mod run;
mod scenario;
mod settings;
mod way_back;
mod world;

#[cfg(test)]
mod tests;

pub use controller::{Applied, Counts};
pub use mutation::Mutation;
pub use promises::Violation;
pub use scenario::Weather;

use crate::execute::journal::Ending;
use crate::plan::model::Refusal;
use crate::plan::restore::Begin;
use crate::sim::controller::{Command, Halt, Sim};
use crate::sim::past::PastRuns;
use crate::sim::world::{ReleaseNo, TICK};
use crate::units::Version;

/// Once all faults are over, so many times `apply` may be said for each rung until there is nothing left to do.
const MOST_TRIES: usize = 8;

/// What the controllers of a seed are for. The same seed is another story with each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Work {
    #[default]
    Upgrade,
    /// Several minors are declared at once.
    Climb,
    /// Back from an upgrade that was cut off, or completed.
    Rollback,
    /// A whole cluster from a backup.
    Restore,
    /// One or two minors down, by etcd's own call.
    Descent,
}

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    pub seed: u64,
    pub weather: Weather,
    pub mutation: Option<Mutation>,
    /// Whether the story is told. It costs time.
    pub history: bool,
    /// The first controller dies at this instruction, whatever the seed says.
    pub dies_at: Option<u32>,
    pub work: Work,
}

/// How it went.
#[derive(Debug, Clone)]
pub struct Report {
    pub counts: Counts,
    pub broken: Option<Violation>,
    /// Line by line, with the time; empty unless asked for.
    pub history: Vec<String>,
    /// Rules that the last refusal named, where the way was refused for what it is.
    pub refused: Vec<String>,
}

impl Trial {
    pub fn new(seed: u64) -> Self {
        Self { seed, weather: Weather::Rough, mutation: None, history: false, dies_at: None, work: Work::Upgrade }
    }

    pub fn run(self) -> Report {
        let (scenario, world) = scenario::draw(self.seed, self.weather, self.history, self.work);
        let mut scenario = scenario;
        if self.dies_at.is_some() {
            scenario.fuses = vec![self.dies_at];
        }
        let mut sim = Sim::new(scenario, world, self.mutation);
        let versions: Vec<&Version> = sim.world.releases.iter().map(|release| &release.version).collect();
        let story = format!(
            "seed {}: {} members, {versions:?}, {:?}, rollback points {:?}",
            self.seed,
            sim.world.members.len(),
            sim.scenario.cluster.rollout,
            sim.scenario.cluster.rollback_points.enabled
        );
        sim.world.tell(|_| story);
        let refused = match self.work {
            Work::Upgrade | Work::Climb => sim.live(),
            Work::Rollback => {
                sim.past = PastRuns::kept();
                sim.live_through_a_rollback()
            }
            Work::Restore => sim.live_through_a_restore(),
            Work::Descent => sim.live_through_a_descent(),
        };
        sim.counts.faults = sim.world.injected;
        Report {
            counts: sim.counts,
            broken: sim.world.promises.broken.clone(),
            history: sim.world.history.lines().to_vec(),
            refused,
        }
    }
}

impl Sim {
    /// All of a seed. Returns the rules that refused the way, where it was refused.
    fn live(&mut self) -> Vec<String> {
        for target in self.scenario.targets.clone() {
            self.declare(target);
            self.in_rough_weather();
            self.world.heal();
            self.fuse = None;
            match self.until_done() {
                Ok(true) => self.counts.completed += 1,
                Ok(false) | Err(Halt::Died) => {}
                Err(Halt::Broken) => return Vec::new(),
            }
            if let Some(Applied::Refused(refusals)) = &self.last {
                self.counts.refused += 1;
                return refusals.iter().map(|refusal| refusal.rule.clone()).collect();
            }
        }
        if self.world.rng.percent(30) {
            self.put_points_back();
        }
        Vec::new()
    }

    fn declare(&mut self, target: ReleaseNo) {
        self.world.declared = target;
        self.world.brought = target;
        self.scenario.cluster.version = self.world.releases[target].version.clone();
    }

    /// While faults go on: each controller dies at its instruction, or ends as it ends.
    fn in_rough_weather(&mut self) {
        for fuse in std::mem::take(&mut self.scenario.fuses) {
            self.fuse = fuse;
            match self.apply() {
                Err(Halt::Died) => self.counts.deaths += 1,
                Err(Halt::Broken) => return,
                Ok(_) => {}
            }
            let span = self.world.rng.between(1, 200) * TICK;
            self.world.pass(span);
        }
    }

    /// After the faults: `apply` again finishes. False where the way is refused for what it is.
    fn until_done(&mut self) -> Result<bool, Halt> {
        self.last = None;
        let rungs = (self.world.releases.len() - 1) / self.scenario.targets.len();
        let tries = MOST_TRIES * rungs;
        for attempt in 0..tries {
            // A member that was away for long needs its time to catch up.
            self.world.pass(if attempt < 3 { 100 } else { 900 } * TICK);
            let applied = self.apply()?;
            match &applied {
                Applied::NothingToDo => return Ok(true),
                Applied::Refused(refusals) if refusals.iter().any(|refusal| self.is_of_the_way(&refusal.rule)) => {
                    self.last = Some(applied);
                    return Ok(false);
                }
                Applied::Refused(refusals) => {
                    let refusals = refusals.clone();
                    self.follow(&refusals);
                }
                Applied::Ended(Ending::Failed { todo, .. }) => {
                    if todo.iter().any(|what| what.contains("see it healthy")) {
                        self.put_others_in_place();
                    }
                }
                Applied::Stale | Applied::Locked | Applied::Ended(_) | Applied::Choices { .. } => {}
            }
        }
        self.world.break_promise("finishes", format!("the work is not done after {tries} times `apply`"));
        Err(Halt::Broken)
    }

    /// A person does what the end of a run says of a member whose binary cannot read what is there: the older one, where
    /// the cluster version allows that, or, on the way down, the newer.
    fn put_others_in_place(&mut self) {
        for no in 0..self.world.members.len() {
            let member = &self.world.members[no];
            let Some(release) = member.binary.filter(|_| member.process.is_none()) else { continue };
            let minor = self.world.releases[release].version.minor();
            if !self.world.cannot_read_log(no, minor) && self.world.could_run(no, release) {
                continue;
            }
            let reads = |other: &ReleaseNo| {
                let minor = self.world.releases[*other].version.minor();
                self.world.could_run(no, *other) && !self.world.cannot_read_log(no, minor)
            };
            if let Some(other) = (0..self.world.releases.len()).find(reads) {
                self.world.members[no].binary = Some(other);
                self.world.start(no);
            }
        }
    }

    /// A person does what a refusal says.
    fn follow(&mut self, refusals: &[Refusal]) {
        for refusal in refusals {
            match refusal.rule.as_str() {
                "one-leader" | "cluster-answers" | "members-healthy" => {
                    for no in 0..self.world.members.len() {
                        self.world.start(no);
                    }
                }
                "old-binary-kept" => self.world.members.iter_mut().for_each(|member| member.put_in_store(0)),
                "replacement-under-way" => {
                    // Whatever comes of it is seen at the next try.
                    let _said = match self.saved {
                        Some(_) => self.say(Command::Restore(Begin::GoOn)),
                        None => self.roll_back(),
                    };
                }
                "binary-on-disk" => {
                    let releases = &self.world.releases;
                    for member in &mut self.world.members {
                        let minor = member.data.applied().cluster_version;
                        let of_minor = releases.iter().rposition(|release| release.version.minor() == minor);
                        let would_start = |no: &usize| releases[*no].version.minor() >= minor;
                        let is_on_the_way = |no: &usize| *no <= of_minor.unwrap_or(*no) + 1 && would_start(no);
                        member.binary = member.runs().or(member.binary.filter(is_on_the_way)).or(of_minor);
                    }
                }
                _ => {}
            }
        }
    }
}
