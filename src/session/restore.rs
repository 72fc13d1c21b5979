//! A restore at a person's wish: the backup is opened and restored on trial, then planned like any other work.

use crate::backup::{self, Examined, Opened, Tools, TrialListens, packed_set};
use crate::execute::StopSignal;
use crate::execute::event::Event;
use crate::execute::journal::Ending;
use crate::execute::world::RestoreWorld;
use crate::knowledge::Feature;
use crate::observe::login;
use crate::plan::model::{Plan, Proof, Refusal, RestoreSource, SavedV2, SavedV3};
use crate::plan::restore::{Begin, RestoreInput, plan};
use crate::plan::{CutOffCreation, Input, declared_releases};
use crate::session::plan::{Live, Planned};
use crate::session::releases::{Found, get};
use crate::session::run::Ran;
use crate::session::{Events, Session, SessionError};
use crate::spec::model::{Toggle, Verify};

impl Session {
    /// Opens the backup, looks at what is there, tries the backup with the declared version, and plans.
    pub async fn plan_restore(&self, which: &str, begin: Begin, events: Events<'_>) -> Result<Planned, SessionError> {
        let which = self.where_it_lay(which)?;
        let opened = backup::open(&self.cluster.backup.dir, &which).await.map_err(SessionError::NotRestorable)?;
        let mut live = self.look(Toggle::Off).await?;
        // Nothing is fetched or tried for a plan that would be refused for other reasons.
        let told = Examined::by_manifest(&opened.kept.manifest);
        if let Err(refusals) =
            self.decide_restore(&live, &Found::default(), &source(&opened, &told, Proof::Manifest), begin)
        {
            let refusals: Vec<Refusal> =
                refusals.into_iter().filter(|refusal| refusal.rule != "release-available").collect();
            if !refusals.is_empty() {
                return Err(SessionError::Refused(refusals));
            }
        }
        let mut wanted = declared_releases(&self.cluster, &live.observation.inventory);
        wanted.insert((self.cluster.version.clone(), crate::artifact::Platform::of_controller().arch.to_owned()));
        live.found = get(self, wanted, events).await?;
        let (examined, proof) = match self.cluster.backup.verify {
            Verify::Restore => (self.examine(&opened, &live).await?, Proof::Trial),
            Verify::Hash => (told, Proof::Manifest),
        };
        let plan = self
            .decide_restore(&live, &live.found, &source(&opened, &examined, proof), begin)
            .map_err(SessionError::Refused)?;
        live.restore =
            Some(RestoreWorld { opened, examined, packed_dir: self.state.restores_dir(&self.cluster.name)? });
        Ok(Planned { plan, live })
    }

    /// A restore that was cut off is finished by the id of its backup: hosts and plans name that. Where no backup of
    /// this id is in the folder of the spec, the run that restored it may tell by which path it was found.
    fn where_it_lay(&self, which: &str) -> Result<String, SessionError> {
        if which.contains('/') || backup::find(&self.cluster.backup.dir, which)?.is_some() {
            return Ok(which.to_owned());
        }
        let path = self.state.run_ids()?.iter().rev().find_map(|run| {
            let plan = self.state.run(run).ok()?.plan.ok()?;
            let backup =
                plan.restored_from().filter(|backup| backup.id == which && plan.cluster == self.cluster.name)?;
            backup.path.is_dir().then(|| backup.path.display().to_string())
        });
        Ok(path.unwrap_or_else(|| which.to_owned()))
    }

    /// Performs it, and, when it is complete, forgets what was packed for it.
    pub async fn execute_restore(
        &self,
        plan: &Plan,
        live: &Live,
        stop: StopSignal,
        events: Events<'_>,
    ) -> Result<Ran, SessionError> {
        let ran = self.execute(plan, live, stop, events).await?;
        if ran.ending == Ending::Succeeded
            && let Some(restore) = &live.restore
            && let Err(error) = packed_set::forget(&restore.packed_dir)
        {
            // The cluster is restored all the same.
            events(Event::Notice { text: format!("what was packed for the restore could not be removed: {error}") });
        }
        Ok(ran)
    }

    fn decide_restore(
        &self,
        live: &Live,
        found: &Found,
        backup: &RestoreSource,
        begin: Begin,
    ) -> Result<Plan, Vec<Refusal>> {
        let dir = self.state.restores_dir(&self.cluster.name).ok();
        let packed =
            |run: &str| dir.as_ref().is_some_and(|dir| packed_set::load(dir, run).is_ok_and(|set| set.is_some()));
        plan(&RestoreInput {
            input: Input {
                cluster: &self.cluster,
                state_dir: self.state.dir(),
                modules_dir: self.modules.dir.as_deref(),
                templates: &self.modules.templates,
                inventory: &live.observation.inventory,
                knowledge: &self.modules.knowledge,
                releases: &found.pins(),
                missing_releases: &found.missing,
                held: None,
                creation: CutOffCreation::NotKnown,
            },
            backup,
            begin,
            packed: &packed,
        })
    }

    async fn examine(&self, opened: &Opened, live: &Live) -> Result<Examined, SessionError> {
        let version = &self.cluster.version;
        let own = crate::artifact::Platform::of_controller().arch;
        let release = live.found.releases.iter().find(|release| release.platform.arch == own);
        let release = release.or(live.found.releases.first());
        let Some(release) = release else { return Err(SessionError::NoTools { missing: live.found.missing.clone() }) };
        let tools = Tools {
            version,
            host_etcdctl: None,
            local_release_dir: &release.dir,
            listens_on: if self.modules.knowledge.features(version).has(Feature::UnixClientSockets) {
                TrialListens::UnixSocket
            } else {
                TrialListens::Loopback
            },
            login: login(&self.cluster.client),
        };
        let examined = backup::examine(opened, &tools, &self.state.scratch_dir()?).await;
        examined.map_err(SessionError::NotRestorable)
    }
}

fn source(opened: &Opened, examined: &Examined, proof: Proof) -> RestoreSource {
    let manifest = &opened.kept.manifest;
    RestoreSource {
        id: manifest.id.clone(),
        path: opened.kept.path.clone(),
        cluster: manifest.cluster.clone(),
        taken_at: manifest.taken_at.clone(),
        member: manifest.member.clone(),
        version: manifest.server_version.clone(),
        proof,
        v3: opened.snapshot.as_ref().zip(examined.v3.as_ref()).map(|(file, v3)| SavedV3 {
            size: file.size,
            revision: v3.revision,
            keys: v3.keys.as_ref().map(|keys| (keys.keys, keys.digest)),
            hash_kv: v3.hash_kv,
        }),
        v2: opened.v2_archive.as_ref().map(|file| {
            let told = manifest.v2.as_ref().and_then(|v2| v2.keys.clone());
            let keys = examined.v2.as_ref().map(crate::etcd::V2Tree::digest).or(told);
            SavedV2 { size: file.size, keys: keys.map(|keys| (keys.keys, keys.digest)) }
        }),
    }
}
