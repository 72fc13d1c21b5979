//! The books of the tries: who answered when, after how long; by step and for all of the run. No clock: every `now` is a
//! reading of one that only goes forward, since the run began.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::execute::availability::histogram::Histogram;
use crate::execute::availability::strip::{LIVE_CELL, Mark, Recent, Whole};
use crate::execute::availability::{Answers, Causes, Measured, Strip};
use crate::execute::event::MemberStrip;
use crate::execute::wait::millis;
use crate::plan::model::StepId;
use crate::spec::model::Probe;
use crate::units::MemberName;

/// Nothing was noted for longer than this, though it is many times a second: the controller stood still, and nobody was asked.
const STANDSTILL: Duration = Duration::from_secs(1);

/// Why a try was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Unreachable,
    Late,
    Refused,
}

/// What came of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Failed(Cause),
}

/// A stall of the cluster that was longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stalled {
    /// The step in hand when that was seen.
    pub step: Option<StepId>,
    pub began: Duration,
}

#[derive(Debug, Default, Clone)]
struct Tally {
    tries: u64,
    causes: Causes,
    times: Histogram,
    stall: Duration,
    stalled_at: Option<Duration>,
}

impl Tally {
    fn count(&mut self, outcome: Outcome, took: Duration) {
        self.tries += 1;
        match outcome {
            Outcome::Answered => self.times.add(took),
            Outcome::Failed(Cause::Unreachable) => self.causes.unreachable += 1,
            Outcome::Failed(Cause::Late) => self.causes.late += 1,
            Outcome::Failed(Cause::Refused) => self.causes.refused += 1,
        }
    }

    fn see(&mut self, last: Option<Duration>, now: Duration) {
        let Some(last) = last else { return };
        let gap = now.saturating_sub(last);
        if gap > self.stall {
            (self.stall, self.stalled_at) = (gap, Some(last));
        }
    }

    fn measured(&self) -> Measured {
        let Causes { unreachable, late, refused } = self.causes;
        let quantile = |percent| self.times.quantile(percent).map(|took| millis(took + ROUND_UP));
        Measured {
            tries: self.tries,
            errors: unreachable + late + refused,
            causes: self.causes,
            p50_ms: quantile(50),
            p99_ms: quantile(99),
            stall_ms: millis(self.stall),
            stalled_at_ms: self.stalled_at.map(millis),
        }
    }
}

/// To whole milliseconds: no answer took 0.
const ROUND_UP: Duration = Duration::from_micros(999);

#[derive(Debug, Default, Clone)]
struct Tallies {
    cluster: Tally,
    members: BTreeMap<MemberName, Tally>,
}

#[derive(Debug, Default)]
struct Member {
    last: Option<Duration>,
    took: Option<Duration>,
    whole: Whole,
    recent: Recent,
}

/// All that is kept of a run: for each member, and each step that is not over.
#[derive(Debug)]
pub struct Record {
    probe: Probe,
    bound: Option<Duration>,
    members: BTreeMap<MemberName, Member>,
    /// The last answer of whichever member.
    last: Option<Duration>,
    noted: Duration,
    step: Option<StepId>,
    steps: BTreeMap<StepId, Tallies>,
    all: Tallies,
    stalled: Option<Stalled>,
}

impl Record {
    /// `bound`: the longest stall of the cluster that is borne.
    pub fn new(probe: Probe, members: impl IntoIterator<Item = MemberName>, bound: Option<Duration>) -> Self {
        Self {
            probe,
            bound,
            members: members.into_iter().map(|name| (name, Member::default())).collect(),
            last: None,
            noted: Duration::ZERO,
            step: None,
            steps: BTreeMap::new(),
            all: Tallies::default(),
            stalled: None,
        }
    }

    /// What follows is of this step.
    pub fn turn_to(&mut self, step: StepId) {
        self.step = Some(step);
    }

    /// A try ended `now`.
    pub fn tried(&mut self, name: &MemberName, outcome: Outcome, took: Duration, now: Duration) {
        self.tick(now);
        let Some(member) = self.members.get_mut(name) else { return };
        let mark = match outcome {
            Outcome::Answered => Mark::of_answer(took),
            Outcome::Failed(_) => Mark::Failed,
        };
        member.whole.note(mark, now.saturating_sub(took), now);
        member.recent.note(mark, now.saturating_sub(took), now);
        for tallies in in_hand(&mut self.all, &mut self.steps, self.step) {
            tallies.cluster.count(outcome, took);
            tallies.members.entry(name.clone()).or_default().count(outcome, took);
        }
        if outcome == Outcome::Answered {
            self.last = self.last.max(Some(now));
            member.last = member.last.max(Some(now));
            member.took = Some(took);
        }
    }

    /// Time passes: stalls that go on grow. Many times a second.
    pub fn tick(&mut self, now: Duration) {
        let unnoted = now.saturating_sub(self.noted);
        self.noted = self.noted.max(now);
        if unnoted > STANDSTILL {
            let later = |last: &mut Option<Duration>| *last = last.map(|last| last + unnoted);
            later(&mut self.last);
            self.members.values_mut().for_each(|member| later(&mut member.last));
        }
        for tallies in in_hand(&mut self.all, &mut self.steps, self.step) {
            tallies.cluster.see(self.last, now);
            for (name, member) in &self.members {
                if member.last.is_some() {
                    tallies.members.entry(name.clone()).or_default().see(member.last, now);
                }
            }
        }
        if let (Some(bound), Some(last), None) = (self.bound, self.last, self.stalled)
            && now.saturating_sub(last) > bound
        {
            self.stalled = Some(Stalled { step: self.step, began: last });
        }
    }

    /// The first stall that was longer than it may be.
    pub fn stalled(&self) -> Option<Stalled> {
        self.stalled
    }

    /// The longest stall of the cluster so far.
    pub fn longest_stall(&self) -> Duration {
        self.all.cluster.stall
    }

    /// Of a step that is over. `None` where nobody was asked during it.
    pub fn end_step(&mut self, step: StepId) -> Option<Answers> {
        let tallies = self.steps.remove(&step)?;
        (tallies.cluster.tries > 0).then(|| self.answers(&tallies, None))
    }

    /// Steps that were begun, and are not over.
    pub fn open_steps(&self) -> Vec<StepId> {
        self.steps.keys().copied().collect()
    }

    /// Of all of the run. `None` where nobody was asked.
    pub fn whole(&self) -> Option<Answers> {
        let cell = self.members.values().map(|member| member.whole.cell()).max()?;
        let letters = self.members.iter().map(|(name, member)| (name.clone(), member.whole.letters(cell)));
        let strip = Strip { cell_ms: millis(cell), members: letters.collect() };
        (self.all.cluster.tries > 0).then(|| self.answers(&self.all, Some(strip)))
    }

    fn answers(&self, tallies: &Tallies, strip: Option<Strip>) -> Answers {
        let members = tallies.members.iter().map(|(name, tally)| (name.clone(), tally.measured())).collect();
        Answers { probe: self.probe, cluster: tallies.cluster.measured(), members, strip }
    }

    /// The last seconds of each member.
    pub fn recent(&mut self, now: Duration) -> Vec<MemberStrip> {
        let each = self.members.iter_mut().map(|(name, member)| MemberStrip {
            member: name.clone(),
            letters: member.recent.letters(now),
            cell_ms: millis(LIVE_CELL),
            took_ms: member.took.map(|took| millis(took + ROUND_UP)),
            silent_ms: member.last.map(|last| millis(now.saturating_sub(last))),
        });
        each.collect()
    }
}

/// Whatever is noted counts for the run and for the step in hand.
fn in_hand<'r>(
    all: &'r mut Tallies,
    steps: &'r mut BTreeMap<StepId, Tallies>,
    step: Option<StepId>,
) -> impl Iterator<Item = &'r mut Tallies> {
    std::iter::once(all).chain(step.map(|step| steps.entry(step).or_default()))
}
