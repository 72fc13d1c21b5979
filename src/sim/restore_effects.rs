//! A backup becomes a cluster again: what `execute/restore.rs` does, host by host.

use crate::execute::journal::{Detail, EffectResult};
use crate::knowledge::RestoreMeans;
use crate::plan::model::{RestoreAction, RestoreSource};
use crate::sim::beside::run_number;
use crate::sim::controller::Sim;
use crate::sim::effects::{Tried, done, skipped, tried};
use crate::sim::mutation::Mutation;
use crate::sim::raft::{Data, UNDECIDED};
use crate::sim::run::Run;
use crate::sim::world::{ReleaseNo, TICK};
use crate::units::Minor;

/// Clusters that are made of a backup on the controller have their own numbers, apart from those of runs.
const ASSEMBLED: u32 = 1_000_000;

/// What is in the backup of a seed.
#[derive(Debug, Clone, Copy)]
pub struct Saved {
    pub version: ReleaseNo,
    pub revision: u64,
    pub digest: u64,
    /// Of the cluster that it was taken from.
    pub cluster_version: Minor,
}

impl Sim {
    /// A whole cluster, made of a v2 backup on the controller. One that lies packed is taken as it is.
    pub(super) fn assemble(&mut self, run: &Run<'_>, action: &RestoreAction) -> Tried<EffectResult> {
        self.instruction()?;
        let id = run.id_of(action.id.as_deref()).to_owned();
        if self.packed.contains_key(&id) {
            return Ok(Ok(skipped("the data directories lie packed here")));
        }
        let span = self.world.rng.between(5, 60) * TICK;
        self.world.pass(span);
        self.assembled += 1;
        self.packed.insert(id, ASSEMBLED + self.assembled);
        self.instruction()?;
        Ok(Ok(done(Detail::Nothing)))
    }

    pub(super) fn lay_restored(&mut self, run: &Run<'_>, action: &RestoreAction) -> Tried<EffectResult> {
        let id = run.id_of(action.id.as_deref()).to_owned();
        let Some(saved) = self.saved else { return Ok(Err("there is no backup".to_owned())) };
        let (cluster, cluster_version) = match action.means {
            RestoreMeans::EtcdctlSnapshotRestore | RestoreMeans::EtcdutlSnapshotRestore => (run_number(&id), UNDECIDED),
            // Its log holds the cluster version.
            RestoreMeans::ForceNewCluster => match self.packed.get(&id) {
                Some(&cluster) => (cluster, saved.cluster_version),
                None => return Ok(Err("nothing lies packed here".to_owned())),
            },
        };
        let tool = self.release(&action.version);
        for (place, name) in action.members.keys().enumerate() {
            let no = tried!(Ok(self.named(name)));
            let mut data = Data::restored(&saved, cluster, cluster_version);
            if place == 0 && self.mutated(Mutation::RestoresAnother) {
                data.log[0].digest ^= 1;
            }
            tried!(self.command(no, |world| {
                let on_host = action.means != RestoreMeans::ForceNewCluster;
                if on_host && !tool.is_some_and(|tool| world.members[no].has_in_store(tool)) {
                    return Err("the tool is not there".to_owned());
                }
                world.lay_restored(no, &id, data)
            }));
        }
        Ok(Ok(done(Detail::Nothing)))
    }

    /// Every member against what the backup holds.
    pub(super) fn compare_restored(&mut self, _backup: &RestoreSource) -> Tried<EffectResult> {
        self.instruction()?;
        let span = self.world.rng.between(1, 10) * TICK;
        self.world.pass(span);
        let Some(saved) = self.saved else { return Ok(Err("there is no backup".to_owned())) };
        for no in 0..self.world.members.len() {
            let name = &self.world.members[no].name;
            if !self.world.answers(no) {
                return Ok(Err(format!("{name} does not answer")));
            }
            let is_equal = self.world.members[no].data.digest_at(saved.revision) == Some(saved.digest);
            if !is_equal && !self.mutated(Mutation::RestoresAnother) {
                return Ok(Err(format!("{name} does not hold what the backup holds")));
            }
        }
        Ok(Ok(done(Detail::Nothing)))
    }
}
