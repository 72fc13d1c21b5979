//! A backup at a person's wish: a plan of its own, performed and journaled like any other.

use std::sync::Mutex;

use crate::execute::StopSignal;
use crate::execute::event::Event;
use crate::execute::journal::{Detail, EffectResult, Ending, Entry};
use crate::plan::model::Plan;
use crate::plan::{CutOffCreation, Input, PlannedBackup, plan_backup};
use crate::session::plan::Live;
use crate::session::releases::{Found, get};
use crate::session::{Events, Session, SessionError};
use crate::spec::model::Toggle;
use crate::view::BackupSummary;

impl Session {
    /// Looks at the cluster and takes one backup, verified as the spec says.
    pub async fn backup(&self, stop: StopSignal, events: Events<'_>) -> Result<BackupSummary, SessionError> {
        let mut live = self.look(Toggle::Off).await?;
        let wanted = self.plan_backup(&live, &Found::default())?.wanted;
        live.found = get(self, wanted, events).await?;
        let missing = || SessionError::NoTools { missing: live.found.missing.clone() };
        let plan = self.plan_backup(&live, &live.found)?.plan.ok_or_else(missing)?;
        let taken = Mutex::new(None);
        let watch = |event: Event| {
            if let Some(summary) = summary(&plan, &event)
                && let Ok(mut taken) = taken.lock()
            {
                *taken = Some(summary);
            }
            events(event);
        };
        let ran = self.execute(&plan, &live, stop, &watch).await;
        live.close().await;
        match (ran?.ending, taken.into_inner().ok().flatten()) {
            (Ending::Succeeded, Some(summary)) => Ok(summary),
            (Ending::Failed { reason, todo, .. }, _) => Err(SessionError::BackupFailed { reason, todo }),
            (Ending::Interrupted { signal }, _) => Err(SessionError::BackupStopped { signal }),
            _ => Err(SessionError::BackupMissing),
        }
    }

    fn plan_backup(&self, live: &Live, found: &Found) -> Result<PlannedBackup, SessionError> {
        plan_backup(&Input {
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
        })
        .map_err(SessionError::Refused)
    }
}

/// What a line of the journal says of a backup that was taken.
fn summary(plan: &Plan, event: &Event) -> Option<BackupSummary> {
    let Event::Journal(line) = event else { return None };
    let Entry::Outcome { result: EffectResult::Done { detail }, .. } = &line.entry else { return None };
    let Detail::Backup { id, dir, size, revision, checks } = detail else { return None };
    Some(BackupSummary {
        id: id.clone(),
        cluster: plan.cluster.clone(),
        taken_at: line.at.clone(),
        member: plan.backup_member()?,
        version: plan.summary.from.clone()?,
        revision: *revision,
        size: *size,
        checks: checks.clone(),
        dir: dir.clone(),
    })
}
