//! The life of a seed about a restore: a backup, writes since, perhaps an upgrade, perhaps a disaster; then faults,
//! controllers that die, and a person who restores the whole cluster.

use crate::plan::model::{Proof, RestoreSource, SavedV2, SavedV3};
use crate::plan::restore::Begin;
use crate::sim::controller::{Applied, Command, Halt, Sim};
use crate::sim::restore_effects::Saved;
use crate::sim::world::TICK;
use crate::units::{Bytes, Revision};

const BACKUP: &str = "backup-1";

impl Sim {
    /// Returns the rules that refused the way, where it was refused.
    pub(super) fn live_through_a_restore(&mut self) -> Vec<String> {
        self.declare(0);
        if self.until_done().is_err() {
            return Vec::new();
        }
        self.take_backup();
        if self.world.rng.percent(40) {
            self.declare(1);
            match self.until_done() {
                Ok(true) => {}
                Ok(false) => self.counts.refused += 1,
                Err(_) => return Vec::new(),
            }
            // Back to what was there before, or into the new version.
            let into = self.world.rng.pick(&[0, 0, 1]);
            self.declare(into);
        }
        let span = self.world.rng.between(1, 300) * TICK;
        self.world.pass(span);
        self.disaster();
        self.let_faults_loose();
        for fuse in std::mem::take(&mut self.scenario.fuses) {
            self.fuse = fuse;
            if self.world.rng.percent(15) {
                // On another machine, nothing lies packed.
                self.packed.clear();
            }
            let command = match self.world.rng.below(10) {
                0 => Command::Apply,
                1 => Command::Restore(Begin::Anew),
                _ => Command::Restore(Begin::GoOn),
            };
            match self.say(command) {
                Err(Halt::Died) => self.counts.deaths += 1,
                Err(Halt::Broken) => return Vec::new(),
                Ok(_) => {}
            }
            let span = self.world.rng.between(1, 200) * TICK;
            self.world.pass(span);
        }
        self.world.heal();
        self.fuse = None;
        match self.until_restored() {
            Ok(true) => self.counts.completed += 1,
            Ok(false) | Err(Halt::Died) => {}
            Err(Halt::Broken) => return Vec::new(),
        }
        if let Some(Applied::Refused(refusals)) = &self.last {
            self.counts.refused += 1;
            return refusals.iter().map(|refusal| refusal.rule.clone()).collect();
        }
        if self.world.rng.percent(30) {
            // It is a cluster like any other.
            let _done = self.until_done();
        }
        Vec::new()
    }

    fn take_backup(&mut self) {
        let Some(leader) = self.world.leader() else { return };
        let applied = self.world.members[leader].data.applied();
        let version = self.world.members[leader].runs().unwrap_or(0);
        self.saved = Some(Saved {
            version,
            revision: applied.revision,
            digest: applied.digest,
            cluster_version: applied.cluster_version,
        });
    }

    /// Why a person restores: nothing at all, members that are gone, data that is gone.
    fn disaster(&mut self) {
        let kind = self.world.rng.below(4);
        for no in 0..self.world.members.len() {
            if kind == 0 || self.world.rng.percent(50) {
                continue;
            }
            let member = &mut self.world.members[no];
            member.process = None;
            member.forget_restart();
            if kind == 1 {
                member.lose_data();
            }
        }
        self.world.tell(|_| format!("disaster {kind}"));
    }

    /// What is known of the backup, as the controller's own examination of it says.
    pub(super) fn source(&self) -> Option<RestoreSource> {
        let saved = self.saved?;
        let release = &self.world.releases[saved.version];
        let member = self.scenario.cluster.members.first()?;
        Some(RestoreSource {
            id: BACKUP.to_owned(),
            path: self.scenario.cluster.backup.dir.join(BACKUP),
            cluster: self.scenario.cluster.name.clone(),
            taken_at: "2026-01-01T00:00:00Z".to_owned(),
            member: member.name.clone(),
            version: release.version.clone(),
            proof: Proof::Trial,
            v3: release.v3.then_some(SavedV3 {
                size: Bytes::mebi(20),
                revision: Revision(saved.revision),
                keys: None,
                hash_kv: None,
            }),
            v2: (self.scenario.saves_v2 || !release.v3).then_some(SavedV2 { size: Bytes::mebi(2), keys: None }),
        })
    }

    /// Where somebody has put another binary in place and it runs, a person puts that right, as the failure says.
    fn put_binaries_right(&mut self) {
        let declared = Some(self.world.declared);
        for no in 0..self.world.members.len() {
            let member = &mut self.world.members[no];
            if self.world.promises.by_hand[no] && member.binary != declared {
                member.process = None;
                member.binary = declared;
                self.world.start(no);
            }
        }
    }

    /// After the faults: `restore` again finishes. False where the way is refused for what it is.
    fn until_restored(&mut self) -> Result<bool, Halt> {
        self.last = None;
        let mut begin = Begin::GoOn;
        for attempt in 0..super::MOST_TRIES {
            self.world.pass(if attempt < 3 { 100 } else { 900 } * TICK);
            if attempt > 1 {
                self.put_binaries_right();
            }
            let said = self.say(Command::Restore(begin))?;
            begin = Begin::GoOn;
            match &said {
                Applied::Ended(crate::execute::journal::Ending::Succeeded) => return Ok(true),
                Applied::Refused(refusals) if refusals.iter().any(|refusal| self.is_of_the_way(&refusal.rule)) => {
                    self.last = Some(said);
                    return Ok(false);
                }
                Applied::Refused(refusals) => {
                    // Begun anew and cut off while the hosts were told: some know of the one, some of the other.
                    if refusals.iter().any(|refusal| refusal.fix.contains("-anew")) {
                        begin = Begin::Anew;
                    }
                    let refusals = refusals.clone();
                    self.follow(&refusals);
                }
                Applied::NothingToDo
                | Applied::Choices { .. }
                | Applied::Stale
                | Applied::Locked
                | Applied::Ended(_) => {}
            }
        }
        self.world
            .break_promise("finishes", format!("the work is not done after {} times `restore`", super::MOST_TRIES));
        Err(Halt::Broken)
    }
}
