//! Effects on the model: what `execute/effects.rs` and `execute/member.rs` do to hosts, command by command. Each command
//! is carried out or not, and its result may get lost.

use crate::execute::journal::{Detail, Effect, EffectResult};
use crate::plan::model::{Action, BackupAction, BinaryChange, MemberAction, RaftSnapshots, Step};
use crate::sim::controller::{Halt, Sim};
use crate::sim::mutation::Mutation;
use crate::sim::render::number_of;
use crate::sim::run::Run;
use crate::sim::world::{Backup, MemberNo, ReleaseNo, TICK, World};
use crate::units::{MemberName, Revision, Sha256, Version};

/// A command on a host that is not reached fails after so long.
const CONNECT_TIMEOUT: u64 = 3000;
/// Of a read through the quorum.
const READ_TIMEOUT: u64 = 5000;

/// What came of something: done, or why not. The outer result is for a controller that died over it.
pub type Tried<T> = Result<Result<T, String>, Halt>;

pub fn done(detail: Detail) -> EffectResult {
    EffectResult::Done { detail }
}

pub fn skipped(why: &str) -> EffectResult {
    EffectResult::Skipped { why: why.to_owned() }
}

fn failed(reason: String) -> EffectResult {
    EffectResult::Failed { reason, log: Vec::new(), todo: Vec::new() }
}

/// Goes on with what was done, or says why it was not.
macro_rules! tried {
    ($tried:expr) => {
        match $tried? {
            Ok(value) => value,
            Err(why) => return Ok(Err(why)),
        }
    };
}
pub(super) use tried;

impl Sim {
    pub fn perform(&mut self, run: &mut Run<'_>, step: &Step, effect: &Effect) -> Result<EffectResult, Halt> {
        let result = match (effect, &step.action) {
            (Effect::Stage, Action::Stage { version, members, .. }) => self.stage(version, members),
            (Effect::Preflight, Action::Preflight { .. }) => self.preflight(),
            (Effect::Prepare, Action::Prepare { members }) => self.prepare(run, members),
            (Effect::Backup, Action::Backup(action)) => self.backup(action),
            (Effect::CompareData, _) => self.compare(),
            (Effect::TakeRaftSnapshots, Action::TakeRaftSnapshots(wanted)) => self.take_raft_snapshots(wanted),
            (Effect::EnableDowngrade, Action::EnableDowngrade(order)) => self.enable_downgrade(order),
            (Effect::CancelDowngrade, Action::CancelDowngrade(order)) => self.cancel_downgrade(order),
            (Effect::Operate { operation, .. }, Action::Member(action)) => self.operate(run, action, operation),
            (Effect::PutBack { .. }, Action::Member(action)) => self.put_back(run, action),
            (Effect::StartTogether, Action::StartTogether { members }) => self.start_together(members),
            (Effect::ReadyData, Action::ReadyData { id, members }) => self.ready_data(run, id.as_deref(), members),
            (Effect::StopAll, Action::StopAll { members, timeout }) => self.stop_all(run, members, *timeout),
            (Effect::MarkReplacement, Action::MarkReplacement(replacement)) => {
                self.mark_replacement(run, step, replacement)
            }
            (Effect::ReplaceData { .. }, Action::ReplaceData(action)) => self.replace_data(run, action),
            (Effect::ReplaceBinary { .. }, Action::ReplaceData(action)) => self.replace_binary(action),
            (Effect::AssembleData, Action::LayRestored(action)) => self.assemble(run, action),
            (Effect::LayRestored, Action::LayRestored(action)) => self.lay_restored(run, action),
            (Effect::CompareRestored, Action::CompareRestored { backup }) => self.compare_restored(backup),
            (Effect::EndReplacement, Action::EndReplacement { members }) => self.end_replacement(run, members),
            _ => Ok(Err(format!("the model has no effect {effect:?}"))),
        };
        Ok(result?.unwrap_or_else(failed))
    }

    /// One command on a host: it takes time, and may not get there, or not come back.
    pub(super) fn command<T>(&mut self, no: MemberNo, act: impl FnOnce(&mut World) -> Result<T, String>) -> Tried<T> {
        self.instruction()?;
        let takes = self.world.rng.between(5, 300);
        if !self.world.reachable(no) {
            self.world.pass(CONNECT_TIMEOUT);
        } else {
            self.world.pass(takes / 2);
        }
        if !self.world.reachable(no) {
            self.world.excuse(no);
            return Ok(Err(format!("{}: no route to host", self.world.members[no].name)));
        }
        self.world.generation += 1;
        let acted = act(&mut self.world);
        if let Some(span) = self.world.loses_next[no].take() {
            self.world.cut_until[no] = self.world.now + span;
            self.world.excuse(no);
            return Ok(Err(format!("{}: the connection was lost", self.world.members[no].name)));
        }
        self.world.pass(takes - takes / 2);
        self.instruction()?;
        Ok(acted)
    }

    pub(super) fn release(&self, version: &Version) -> Option<ReleaseNo> {
        self.world.releases.iter().position(|release| release.version == *version)
    }

    pub(super) fn release_of(&self, digest: Option<Sha256>) -> Option<ReleaseNo> {
        let digest = digest?;
        self.world.releases.iter().position(|release| release.digest == digest)
    }

    pub(super) fn number(&self, action: &MemberAction) -> Result<MemberNo, String> {
        number_of(&self.world, &action.member).ok_or_else(|| format!("the plan speaks of {}", action.member))
    }

    fn stage(&mut self, version: &Version, members: &[MemberName]) -> Tried<EffectResult> {
        let Some(release) = self.release(version) else { return Ok(Err("no such release".to_owned())) };
        for name in members {
            let Some(no) = number_of(&self.world, name) else { return Ok(Err("no such member".to_owned())) };
            tried!(self.command(no, |world| {
                if world.disk_is_full(no) {
                    return Err("no space left on device".to_owned());
                }
                world.members[no].put_in_store(release);
                Ok(())
            }));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    fn preflight(&mut self) -> Tried<EffectResult> {
        self.instruction()?;
        self.world.pass(TICK);
        if self.world.preflight_rejects {
            return Ok(Err("the new binary would exit with 2".to_owned()));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    fn prepare(&mut self, run: &Run<'_>, members: &[MemberName]) -> Tried<EffectResult> {
        let changes: Vec<(&MemberName, &BinaryChange)> = run
            .plan
            .steps()
            .filter_map(|step| match &step.action {
                Action::Member(action) if action.from != action.to => Some((&action.member, &action.binary)),
                Action::ReplaceData(action) => Some((&action.member, action.replacement.binary.as_ref()?)),
                _ => None,
            })
            .filter(|(member, _)| members.contains(member))
            .collect();
        for (member, binary) in changes {
            let no = tried!(Ok(self.named(member)));
            let old = self.release_of(binary.old_sha256);
            let new = self.release_of(Some(binary.new_sha256));
            tried!(self.command(no, |world| {
                let full = world.disk_is_full(no);
                let member = &mut world.members[no];
                let Some(old) = old.filter(|&old| member.binary == Some(old) || member.runs() == Some(old)) else {
                    return Err("the old binary is gone".to_owned());
                };
                if full && !(member.has_in_store(old) && member.prepared == new) {
                    return Err("no space left on device".to_owned());
                }
                member.put_in_store(old);
                let staged = new.is_some_and(|new| member.has_in_store(new));
                if member.binary == Some(old) && !staged {
                    return Err("the staged binary is gone".to_owned());
                }
                if member.binary == Some(old) {
                    member.prepared = new;
                }
                Ok(())
            }));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    /// What was laid beside a binary for a member whose turn did not come is taken away.
    pub fn tidy(&mut self, plan: &crate::plan::model::Plan) -> Result<(), Halt> {
        for name in plan.basis.members.keys() {
            if let Some(no) = number_of(&self.world, name).filter(|&no| self.world.members[no].prepared.is_some()) {
                // What could not be removed is only told.
                let _told = self.command(no, |world| {
                    world.members[no].prepared = None;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn backup(&mut self, action: &BackupAction) -> Tried<EffectResult> {
        self.instruction()?;
        let Some(no) = number_of(&self.world, &action.member) else { return Ok(Err("no such member".to_owned())) };
        if !self.world.answers(no) {
            return Ok(Err(format!("{} does not answer", action.member)));
        }
        if !self.reads_through_quorum(no) {
            return Ok(Err(format!("{} does not answer a linearizable read", action.member)));
        }
        let mut taken = self.world.members[no].data.applied();
        if self.mutated(Mutation::OldBackup) {
            taken.revision = taken.revision.saturating_sub(1 + self.world.rng.below(5));
        }
        let span = self.world.rng.between(2, 30) * TICK;
        self.world.pass(span);
        if !self.world.answers(no) {
            return Ok(Err(format!("{} stopped answering in the middle of the snapshot", action.member)));
        }
        let oldest = action.v3.as_ref().map(|v3| v3.not_older_than).filter(|_| !self.mutated(Mutation::OldBackup));
        if oldest.is_some_and(|oldest| Revision(taken.revision) < oldest) {
            return Ok(Err("the snapshot is older than the plan".to_owned()));
        }
        if std::mem::take(&mut self.world.next_backup_fails) && !self.mutated(Mutation::BackupNotVerified) {
            return Ok(Err("the trial restore differs from the live data".to_owned()));
        }
        let verified = !self.mutated(Mutation::BackupNotVerified);
        let instruction = self.world.instructions;
        self.world.backups.push(Backup { revision: taken.revision, verified, instruction });
        self.world.check_backup(taken.revision, taken.digest);
        self.instruction()?;
        Ok(Ok(done(Detail::Nothing)))
    }

    /// A linearizable read of this member: it has then applied all that was acknowledged before.
    fn reads_through_quorum(&mut self, no: MemberNo) -> bool {
        let Some(leader) = self.world.leader() else { return false };
        let wanted = self.world.members[leader].data.applied().revision;
        let bound = self.world.now + READ_TIMEOUT;
        while self.world.members[no].data.applied().revision < wanted {
            if self.world.now >= bound || !self.world.answers(no) {
                return false;
            }
            self.world.pass(TICK);
        }
        true
    }

    /// The no-ops go through the leader; each member takes its snapshot when its own moment has come.
    fn take_raft_snapshots(&mut self, wanted: &RaftSnapshots) -> Tried<EffectResult> {
        for name in wanted.members.keys() {
            self.instruction()?;
            let span = self.world.rng.between(10, 200) * TICK;
            self.world.pass(span);
            let Some(no) = number_of(&self.world, name) else { return Ok(Err("no such member".to_owned())) };
            if !self.world.answers(no) || self.world.leader().is_none() {
                return Ok(Err(format!("{name}: no raft snapshot")));
            }
            self.world.take_raft_snapshot(no);
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    fn compare(&mut self) -> Tried<EffectResult> {
        self.instruction()?;
        let span = self.world.rng.between(1, 10) * TICK;
        self.world.pass(span);
        let members = 0..self.world.members.len();
        if let Some(no) = members.clone().find(|&no| !self.world.answers(no)) {
            return Ok(Err(format!("{} does not answer", self.world.members[no].name)));
        }
        // By `HashKV`, or key by key where a version has none.
        let world = &self.world;
        let lowest = members.clone().map(|no| world.members[no].data.applied().revision).min().unwrap_or(1);
        let digests: Vec<_> = members.map(|no| world.members[no].data.digest_at(lowest)).collect();
        if digests.iter().any(|digest| *digest != digests[0]) {
            return Ok(Err(format!("members hold different data at revision {lowest}")));
        }
        Ok(Ok(done(Detail::Nothing)))
    }
}
