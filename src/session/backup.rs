//! A backup at a person's wish: a plan of its own, performed and journaled like any other.

use crate::execute::StopSignal;
use crate::execute::event::Event;
use crate::execute::journal::{Detail, EffectResult, Ending, Entry};
use crate::plan::{Input, plan_backup};
use crate::session::releases::{Found, get};
use crate::session::{Events, Session, SessionError};
use crate::spec::model::Toggle;
use crate::view::BackupSummary;

impl Session {
    /// Looks at the cluster and takes one backup, verified as the spec says.
    pub async fn backup(&self, stop: StopSignal, events: Events<'_>) -> Result<BackupSummary, SessionError> {
        let mut live = self.look(Toggle::Off).await?;
        let decide = |found: &Found| {
            plan_backup(&Input {
                cluster: &self.cluster,
                state_dir: self.state.dir(),
                inventory: &live.observation.inventory,
                knowledge: &self.knowledge,
                releases: &found.pins(),
                missing_releases: &found.missing,
            })
        };
        let wanted = decide(&Found::default()).map_err(SessionError::Refused)?.wanted;
        let found = get(self, wanted, events).await?;
        let plan = match decide(&found) {
            Ok(planned) => planned.plan.ok_or_else(|| SessionError::Other(found.missing.join("; ")))?,
            Err(refusals) => return Err(SessionError::Refused(refusals)),
        };
        live.found = found;
        let outcome = std::sync::Mutex::new(None);
        let ran = self
            .execute(&plan, &live, stop, &|event| {
                if let Event::Journal(line) = &event
                    && let Entry::Outcome { result: EffectResult::Done { detail: Detail::Backup { .. } }, .. } =
                        &line.entry
                    && let Ok(mut outcome) = outcome.lock()
                {
                    *outcome = Some(line.clone());
                }
                events(event);
            })
            .await?;
        live.close().await;
        let taken = outcome.into_inner().ok().flatten();
        match (ran.ending, taken.map(|line| (line.at, line.entry))) {
            (
                Ending::Succeeded,
                Some((
                    at,
                    Entry::Outcome {
                        result: EffectResult::Done { detail: Detail::Backup { id, dir, size, revision, checks } },
                        ..
                    },
                )),
            ) => Ok(BackupSummary {
                id,
                cluster: self.cluster.name.clone(),
                taken_at: at,
                member: plan.backup_member().unwrap_or_else(|| self.cluster.members[0].name.clone()),
                version: plan.summary.from.clone().unwrap_or_else(|| plan.summary.to.clone()),
                revision,
                size,
                checks,
                dir,
            }),
            (Ending::Failed { reason, .. }, _) => Err(SessionError::Other(reason)),
            (Ending::Interrupted { signal }, _) => {
                Err(SessionError::Other(format!("stopped by {signal}; no backup was kept")))
            }
            _ => Err(SessionError::Other("the run ended without a backup".to_owned())),
        }
    }
}
