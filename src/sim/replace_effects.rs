//! What is done to a whole cluster that is down by a person's wish: what `execute/replace.rs` does, host by host.

use std::collections::BTreeMap;

use crate::execute::journal::{Detail, EffectResult};
use crate::execute::replace::{not_to_run_yet, runs_too_early};
use crate::plan::model::{MemberReplacement, ReplaceAction, Replacement, ReplacementKind, ReplacementPhase, Step};
use crate::sim::controller::{Halt, Sim};
use crate::sim::effects::{Tried, done, skipped, tried};
use crate::sim::member_effects::millis;
use crate::sim::mutation::Mutation;
use crate::sim::render::number_of;
use crate::sim::run::Run;
use crate::sim::world::{MemberNo, TICK};
use crate::units::{MemberName, Span};

impl Sim {
    pub(super) fn named(&self, name: &MemberName) -> Result<MemberNo, String> {
        number_of(&self.world, name).ok_or_else(|| format!("the plan speaks of {name}"))
    }

    pub(super) fn ready_data(
        &mut self,
        run: &Run<'_>,
        id: Option<&str>,
        members: &BTreeMap<MemberName, MemberReplacement>,
    ) -> Tried<EffectResult> {
        let id = run.id_of(id).to_owned();
        for (name, member) in members {
            let no = tried!(Ok(self.named(name)));
            let Some(copy) = &member.copy_of else { continue };
            tried!(self.command(no, |world| world.lay_ready(no, &id, &copy.data)));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    /// The leader a moment after the others. Where one does not stop, those that did are started again.
    pub(super) fn stop_all(&mut self, run: &mut Run<'_>, members: &[MemberName], timeout: Span) -> Tried<EffectResult> {
        let leader = self.renderer.look(&self.world, &[]).leader().cloned();
        let mut numbers = Vec::new();
        for name in members {
            numbers.push((tried!(Ok(self.named(name))), leader.as_ref() == Some(name)));
        }
        let (last, first): (Vec<_>, Vec<_>) = numbers.into_iter().partition(|(_, leads)| *leads);
        let (mut stopped, mut wrong) = (Vec::new(), Vec::new());
        for wave in [first, last] {
            if wrong.is_empty() {
                let wave: Vec<MemberNo> = wave.into_iter().map(|(no, _)| no).collect();
                self.stop_wave(&wave, timeout, (&mut stopped, &mut wrong))?;
            }
        }
        if wrong.is_empty() {
            run.hand.all_stopped = true;
            return Ok(Ok(done(Detail::Nothing)));
        }
        for &no in &stopped {
            if self.mutated(Mutation::StopAllHalfway) {
                break;
            }
            let started = self.command(no, |world| {
                world.start(no);
                Ok(())
            })?;
            wrong.extend(started.err());
        }
        self.check_started_again(&stopped);
        Ok(Err(wrong.join("; ")))
    }

    /// All of them at the same time.
    fn stop_wave(
        &mut self,
        wave: &[MemberNo],
        timeout: Span,
        (stopped, wrong): (&mut Vec<MemberNo>, &mut Vec<String>),
    ) -> Result<(), Halt> {
        let mut told = Vec::new();
        for &no in wave {
            let ran = self.command(no, |world| {
                let ran = world.members[no].process.is_some();
                world.terminate(no);
                world.members[no].forget_restart();
                world.promises.down_by_us[no] = true;
                Ok(ran)
            })?;
            match ran {
                Ok(ran) => told.push((no, ran)),
                Err(why) => wrong.push(why),
            }
        }
        let bound = self.world.now + millis(timeout);
        let runs = |sim: &Self, no: MemberNo| sim.world.members[no].process.is_some();
        while told.iter().any(|(no, _)| runs(self, *no)) && self.world.now < bound {
            self.world.pass(TICK);
        }
        self.instruction()?;
        for (no, ran) in told {
            if runs(self, no) {
                self.world.excuse(no);
                wrong.push(format!("{} still runs after SIGTERM", self.world.members[no].name));
            } else if !self.world.reachable(no) {
                self.world.excuse(no);
                wrong.push("the connection was lost while it stopped".to_owned());
            } else if ran {
                stopped.push(no);
            }
        }
        Ok(())
    }

    /// Nothing was replaced yet: whoever was stopped and can be reached runs again.
    fn check_started_again(&mut self, stopped: &[MemberNo]) {
        let world = &self.world;
        let is_left = |no: &&MemberNo| {
            let excused = world.promises.excused[**no] || world.promises.felled[**no] || !world.reachable(**no);
            world.members[**no].process.is_none() && world.members[**no].binary.is_some() && !excused
        };
        if let Some(&no) = stopped.iter().find(is_left) {
            let what = format!("not all members stopped, and {} was not started again", world.members[no].name);
            self.world.break_promise("left-down", what);
        }
    }

    pub(super) fn mark_replacement(
        &mut self,
        run: &Run<'_>,
        step: &Step,
        replacement: &Replacement,
    ) -> Tried<EffectResult> {
        let id = run.id_of(replacement.id.as_deref()).to_owned();
        let note = Replacement { id: Some(id), ..replacement.clone() };
        for name in not_to_run_yet(step, &note) {
            let no = tried!(Ok(self.named(name)));
            let process = tried!(self.command(no, |world| Ok(world.members[no].process.as_ref().map(|one| one.pid))));
            if let Some(pid) = process {
                return Ok(Err(runs_too_early(name, pid)));
            }
        }
        if note.phase == ReplacementPhase::Replacing {
            self.world.promises.replacing.goal = self.goal(&note);
        }
        for name in note.members.keys() {
            let no = tried!(Ok(self.named(name)));
            tried!(self.command(no, |world| {
                if world.disk_is_full(no) {
                    return Err("no space left on device".to_owned());
                }
                world.mark(no, note.clone());
                Ok(())
            }));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    /// By the truth of the model: the newest of the copies.
    fn goal(&self, note: &Replacement) -> Option<crate::sim::replace_promises::Mark> {
        match note.kind {
            ReplacementKind::Rollback => {
                let copies = note.members.iter().filter_map(|(name, member)| {
                    let no = number_of(&self.world, name)?;
                    self.world.point_at(no, &member.copy_of.as_ref()?.data)
                });
                let newest = copies.max_by_key(|point| (point.data.last().term, point.data.log.len()))?;
                let applied = newest.data.applied();
                Some((newest.data.commit, applied.revision, applied.digest))
            }
            ReplacementKind::Readd => None,
            ReplacementKind::Restore => self.saved.map(|saved| (1, saved.revision, saved.digest)),
        }
    }

    /// Two renames, and whatever may come in between.
    pub(super) fn replace_data(&mut self, run: &Run<'_>, action: &ReplaceAction) -> Tried<EffectResult> {
        let id = run.id_of(action.id.as_deref()).to_owned();
        let no = tried!(Ok(self.named(&action.member)));
        if self.mutated(Mutation::ReplaceSwallowed) {
            return Ok(Ok(done(Detail::Nothing)));
        }
        let is_deleted = self.mutated(Mutation::ReplacedDeleted);
        let is_left = tried!(self.command(no, |world| {
            world.check_not_joined(no, &id);
            let is_left = world.move_aside(no, &id)?;
            if is_deleted {
                world.members[no].beside.aside.iter_mut().for_each(|(_, data)| data.log.truncate(1));
            }
            Ok(is_left)
        }));
        if !is_left {
            return Ok(Ok(skipped("it is in place already")));
        }
        tried!(self.command(no, |world| world.move_in(no, &id)));
        Ok(Ok(done(Detail::Nothing)))
    }

    pub(super) fn replace_binary(&mut self, action: &ReplaceAction) -> Tried<EffectResult> {
        let no = tried!(Ok(self.named(&action.member)));
        if action.replacement.settings.is_some() {
            tried!(self.rewrite_settings(no, &action.from, action.replacement.settings.as_ref()));
        }
        match &action.replacement.binary {
            Some(binary) => self.swap(no, binary),
            None => Ok(Ok(skipped("it is in place already"))),
        }
    }

    pub(super) fn end_replacement(
        &mut self,
        run: &mut Run<'_>,
        members: &BTreeMap<MemberName, MemberReplacement>,
    ) -> Tried<EffectResult> {
        for name in members.keys() {
            let no = tried!(Ok(self.named(name)));
            tried!(self.command(no, |world| {
                world.unmark(no);
                Ok(())
            }));
        }
        run.hand.all_stopped = false;
        Ok(Ok(done(Detail::Nothing)))
    }
}
