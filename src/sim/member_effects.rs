//! What is done to one member in its turn: hand over, stop, copy, swap, start, and, where it must be, put back.

use crate::execute::ExecuteError;
use crate::execute::gates::{QUORUM_LAG, no_way_back};
use crate::execute::journal::{Detail, EffectResult};
use crate::execute::member::runs_another;
use crate::observe::settings::SettingsChange;
use crate::plan::model::{BinaryChange, HandOver, MemberAction, Operation};
use crate::sim::beside::run_number;
use crate::sim::controller::{Command, Sim};
use crate::sim::effects::{Tried, done, skipped, tried};
use crate::sim::member::{Point, State};
use crate::sim::mutation::Mutation;
use crate::sim::render::number_of;
use crate::sim::run::Run;
use crate::sim::world::{MemberNo, TICK, World};
use crate::spec::model::Runtime;
use crate::units::{MemberName, Span, Version};

/// For leadership to move, once it was asked for.
const HAND_OVER_BOUND: u64 = 10_000;

/// How long a plain process is watched after its start.
const START_WATCH: u64 = 100;

impl Sim {
    pub(super) fn operate(
        &mut self,
        run: &mut Run<'_>,
        action: &MemberAction,
        operation: &Operation,
    ) -> Tried<EffectResult> {
        let no = tried!(Ok(self.number(action)));
        match operation {
            Operation::HandOver { how } => self.hand_over(no, *how),
            Operation::Stop { timeout } => {
                if self.runs_what_is_declared(no, action) {
                    return Ok(Ok(EffectResult::AlreadyDone { why: "it runs what is declared".to_owned() }));
                }
                if let Some(refused) = self.runs_another(no, action) {
                    return Ok(Ok(refused));
                }
                // What was last seen of it before it goes, as the product looks once more.
                self.renderer.look(&self.world, &[]);
                if let Some(to) = self.release(&action.to).filter(|_| self.world.members[no].process.is_some()) {
                    self.world.check_stop(no, to, &run.hand);
                    if run.hand.command == Command::Apply {
                        self.world.check_step_down(no, to);
                    }
                }
                self.stop(run, no, *timeout)
            }
            Operation::CopyDataDir { .. } => self.copy(run, no, &action.from),
            Operation::SwapBinary => {
                if action.to < action.from {
                    self.counts.swapped_back += 1;
                    self.world.check_way_back(no, self.release_of(Some(action.binary.new_sha256)));
                }
                self.swap(no, &action.binary)
            }
            Operation::RewriteSettings => self.rewrite_settings(no, &action.from, action.settings.as_ref()),
            Operation::Start { timeout } => {
                if let Some(replacement) = run.plan.replacement().filter(|one| one.then.contains(&action.member)) {
                    // All hosts were told that the first quorum has served.
                    let id = run_number(run.id_of(replacement.id.as_deref()));
                    self.world.promises.replacing.joined = Some(id);
                }
                self.start(no, *timeout)
            }
            // Rungs that need them are not drawn: the model has one list of members.
            Operation::LeaveCluster
            | Operation::JoinCluster
            | Operation::SetDataAside
            | Operation::StartJoining { .. } => Ok(Err("the model has one list of members for good".to_owned())),
        }
    }

    /// As the product asks, right before it stops a member.
    fn runs_what_is_declared(&self, no: MemberNo, action: &MemberAction) -> bool {
        let (member, to) = (&self.world.members[no], self.release(&action.to));
        !self.mutated(Mutation::DoneAgain) && to.is_some() && member.runs() == to && member.binary == to
    }

    /// As the product asks, right before it stops a member: somebody else has put another binary in place.
    fn runs_another(&self, no: MemberNo, action: &MemberAction) -> Option<EffectResult> {
        let runs = self.world.members[no].runs()?;
        runs_another(action, &self.world.releases[runs].version)
    }

    fn hand_over(&mut self, no: MemberNo, how: HandOver) -> Tried<EffectResult> {
        self.instruction()?;
        if how != HandOver::MoveLeader {
            return Ok(Ok(skipped("it hands over by itself, or cannot")));
        }
        let bound = self.world.now + HAND_OVER_BOUND;
        let mut asked = false;
        while self.world.now < bound {
            self.world.pass(TICK / 5);
            let look = self.renderer.look(&self.world, &[]);
            let leads = look.leader().map(|leader| *leader == self.world.members[no].name);
            match leads {
                Some(true) if !asked => {
                    tried!(self.move_leader(no));
                    asked = true;
                    self.instruction()?;
                }
                Some(false) => {
                    self.world.note_hand_over(no);
                    return Ok(Ok(if asked { done(Detail::Nothing) } else { skipped("it does not lead") }));
                }
                Some(true) | None => self.world.pass(TICK),
            }
        }
        Ok(Err("it still leads after it was asked to hand over, or no leader is seen".to_owned()))
    }

    fn move_leader(&mut self, no: MemberNo) -> Tried<()> {
        let ahead = self.world.members[no].data.commit as u64;
        let near = |heir: &MemberNo| {
            let behind = ahead.saturating_sub(self.world.members[*heir].data.commit as u64) * self.world.scale;
            *heir != no && self.world.answers(*heir) && self.world.is_healthy(*heir) && behind <= QUORUM_LAG.0
        };
        let Some(heir) = (0..self.world.members.len()).find(near) else {
            return Ok(Err("no other member is healthy and near enough to take over".to_owned()));
        };
        if !self.world.answers(no) {
            return Ok(Err(format!("{} does not answer", self.world.members[no].name)));
        }
        self.world.transfer_leadership(heir);
        Ok(Ok(()))
    }

    /// SIGTERM, and the wait until it is gone.
    fn stop(&mut self, run: &mut Run<'_>, no: MemberNo, timeout: Span) -> Tried<EffectResult> {
        let was_there = tried!(self.command(no, |world| {
            let there = world.members[no].process.is_some();
            if there {
                world.check_only_one(no);
                world.terminate(no);
            }
            world.members[no].forget_restart();
            world.promises.down_by_us[no] = true;
            Ok(there)
        }));
        run.hand.touched[no] = true;
        run.hand.finished[no] = false;
        if !was_there {
            return Ok(Ok(skipped("it did not run")));
        }
        let bound = self.world.now + millis(timeout);
        while self.world.members[no].process.is_some() {
            if self.world.now >= bound {
                self.world.excuse(no);
                return Ok(Err("its process still runs after SIGTERM".to_owned()));
            }
            self.world.pass(TICK);
        }
        self.instruction()?;
        if !self.world.reachable(no) {
            self.world.excuse(no);
            return Ok(Err("the connection was lost while it stopped".to_owned()));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    fn copy(&mut self, run: &Run<'_>, no: MemberNo, from: &Version) -> Tried<EffectResult> {
        let version = self.release(from).unwrap_or(0);
        let careless = self.mutated(Mutation::CopyWhileItRuns);
        let (run, raft_index) = (run.number, self.renderer.raft_index(&self.world, no));
        tried!(self.command(no, |world| {
            if world.members[no].process.is_some() && !careless {
                return Err("a process has the data open".to_owned());
            }
            if world.disk_is_full(no) {
                return Err("no space left on device".to_owned());
            }
            let (data, taken_at) = (world.members[no].data.clone(), world.now);
            world.members[no].points.push(Point { version, run, taken_at, raft_index, data });
            Ok(())
        }));
        Ok(Ok(done(Detail::Nothing)))
    }

    pub(super) fn swap(&mut self, no: MemberNo, binary: &BinaryChange) -> Tried<EffectResult> {
        let old = self.release_of(binary.old_sha256);
        let new = self.release_of(Some(binary.new_sha256));
        self.command(no, |world| {
            let full = world.disk_is_full(no);
            let member = &mut world.members[no];
            if member.binary == new {
                return Ok(skipped("the new binary is in place already"));
            }
            if member.binary != old {
                return Err("the file is neither the old nor the new one".to_owned());
            }
            let staged = new.is_some_and(|new| member.has_in_store(new));
            if member.prepared != new && (full || !staged) {
                return Err("no space left on device, or nothing staged".to_owned());
            }
            member.prepared = None;
            member.binary = new;
            Ok(done(Detail::Nothing))
        })
    }

    fn start(&mut self, no: MemberNo, timeout: Span) -> Tried<EffectResult> {
        let runs_what_is_there = tried!(self.command(no, |world| {
            world.check_start(no);
            world.start(no);
            let member = &world.members[no];
            Ok(member.process.as_ref().is_none_or(|process| member.binary == Some(process.release)))
        }));
        if !runs_what_is_there {
            return Ok(Err(format!(
                "{} runs already, from a file that was replaced since",
                self.world.members[no].name
            )));
        }
        let waits_for_it = matches!(self.scenario.cluster.runtime, Runtime::Systemd(_));
        let bound = self.world.now + if waits_for_it { millis(timeout) } else { START_WATCH };
        let up = |world: &World| {
            let process = world.members[no].process.as_ref();
            process.is_some_and(|process| process.state == State::Serving)
        };
        while self.world.now < bound && self.world.members[no].process.is_some() && !up(&self.world) {
            self.world.pass(TICK);
        }
        self.instruction()?;
        if !self.world.reachable(no) {
            self.world.excuse(no);
            return Ok(Err("the connection was lost while it started".to_owned()));
        }
        if self.world.members[no].process.is_none() {
            return Ok(Err(format!("{} ended right after its start", self.world.members[no].name)));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    /// Members that are down and need each other: started at once, each watched for a moment.
    pub(super) fn start_together(&mut self, members: &[MemberName]) -> Tried<EffectResult> {
        let numbers: Vec<MemberNo> = members.iter().filter_map(|name| number_of(&self.world, name)).collect();
        for &no in &numbers {
            tried!(self.command(no, |world| {
                world.check_start(no);
                world.start(no);
                Ok(())
            }));
        }
        self.world.pass(START_WATCH);
        self.instruction()?;
        for &no in &numbers {
            if self.world.members[no].process.is_none() {
                return Ok(Err(format!("{} ended right after its start", self.world.members[no].name)));
            }
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    /// The old binary again, running: whatever the failed attempt left.
    pub(super) fn put_back(&mut self, run: &mut Run<'_>, action: &MemberAction) -> Tried<EffectResult> {
        self.counts.put_back += 1;
        let no = tried!(Ok(self.number(action)));
        let old = self.release_of(action.binary.old_sha256);
        if self.mutated(Mutation::PutBackSwallowed) {
            return Ok(Ok(done(Detail::Nothing)));
        }
        let runs = tried!(self.command(no, |world| Ok(world.members[no].runs())));
        if runs.is_some() && runs == old {
            tried!(self.command(no, |world| {
                let member = &mut world.members[no];
                member.binary = old.filter(|&old| member.has_in_store(old)).or(member.binary);
                Ok(())
            }));
            return Ok(Ok(skipped("it runs its old binary")));
        }
        if let Some(refused) = self.runs_another(no, action) {
            return Ok(Ok(refused));
        }
        let timeout = self.scenario.cluster.rollout.stop_timeout;
        tried!(self.stop(run, no, timeout));
        let no_way_back = no_way_back(action, self.renderer.look(&self.world, &[]));
        if let Some(error) = no_way_back.filter(|_| !self.mutated(Mutation::PutBackTooLate)) {
            if matches!(error, ExecuteError::WayBackNotKnown { .. }) {
                self.world.excuse(no);
            }
            let timeout = self.scenario.cluster.rollout.ready_timeout;
            tried!(self.start(no, timeout));
            return Ok(Err(error.to_string()));
        }
        let back = action.settings.as_ref().map(SettingsChange::reversed);
        let back = back.filter(|_| !self.mutated(Mutation::SettingsStay));
        let files_first = action.from <= action.to;
        if files_first {
            tried!(self.rewrite_settings(no, &action.to, back.as_ref()));
        }
        tried!(self.command(no, |world| {
            world.check_way_back(no, old);
            let full = world.disk_is_full(no);
            let member = &mut world.members[no];
            let Some(old) = old.filter(|&old| member.has_in_store(old)) else {
                return Err("the old binary is gone".to_owned());
            };
            if member.binary == Some(old) {
                return Ok(());
            }
            if full {
                return Err("no space left on device".to_owned());
            }
            member.binary = Some(old);
            Ok(())
        }));
        if !files_first {
            tried!(self.rewrite_settings(no, &action.to, back.as_ref()));
        }
        let timeout = self.scenario.cluster.rollout.ready_timeout;
        self.start(no, timeout)
    }
}

pub(super) fn millis(span: Span) -> u64 {
    u64::try_from(span.duration().as_millis()).unwrap_or(u64::MAX)
}
