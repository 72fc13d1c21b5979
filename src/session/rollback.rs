//! Back to what was there before: looks at the cluster, and at what the last runs left in the state.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::execute::journal::{Detail, Effect, EffectResult, Entry, Line};
use crate::plan::model::{Action, Kind, MemberAction, Operation, Plan};
use crate::plan::rollback::{Asked, BackupTaken, Choices, LastRun, Rollback, RollbackInput, plan};
use crate::plan::{CutOffCreation, Input};
use crate::session::plan::{Live, Planned};
use crate::session::{Session, SessionError};
use crate::state::{Run, read_journal};
use crate::units::{ClusterName, MemberName, Sha256};

/// How many runs back are looked at for the one that is to be undone.
const MOST_RUNS: usize = 200;

/// What a rollback came to, before anything is done.
pub enum RollbackPlanned {
    Plan(Box<Planned>),
    Nothing { why: String },
    Choices(Box<Choices>),
}

impl Session {
    /// Looks at the cluster, and plans the way back.
    pub async fn plan_rollback(&self, asked: &Asked) -> Result<RollbackPlanned, SessionError> {
        let live = self.look(self.cluster.rollout.compare_hashes).await?;
        let last = self.last_run()?;
        match self.decide(&live, last.as_ref(), asked) {
            Ok(Rollback::Plan(plan)) => Ok(RollbackPlanned::Plan(Box::new(Planned { plan: *plan, live }))),
            Ok(Rollback::Nothing(why)) => {
                live.close().await;
                Ok(RollbackPlanned::Nothing { why })
            }
            Ok(Rollback::Choices(choices)) => {
                live.close().await;
                Ok(RollbackPlanned::Choices(choices))
            }
            Err(refusals) => {
                live.close().await;
                Err(SessionError::Refused(refusals))
            }
        }
    }

    fn decide(
        &self,
        live: &Live,
        last: Option<&LastRun>,
        asked: &Asked,
    ) -> Result<Rollback, Vec<crate::plan::model::Refusal>> {
        let input = Input {
            cluster: &self.cluster,
            state_dir: self.state.dir(),
            modules_dir: self.modules.dir.as_deref(),
            templates: &self.modules.templates,
            inventory: &live.observation.inventory,
            knowledge: &self.modules.knowledge,
            releases: &[],
            missing_releases: &[],
            held: None,
            creation: CutOffCreation::NotKnown,
        };
        plan(&RollbackInput { input, last, asked })
    }

    /// The last upgrade that changed a member's binary.
    fn last_run(&self) -> Result<Option<LastRun>, SessionError> {
        let read = |run: Run| {
            // A run of another format, or a copy by hand that is not whole, says nothing.
            let (plan, journal) = (plan_of(&run)?, read_journal(&run.dir.join("journal.jsonl")).ok()?);
            Some((run.id, plan, journal.lines))
        };
        let newest_first = self.state.runs()?.into_iter().take(MOST_RUNS).filter_map(read);
        Ok(last_of(&self.cluster.name, newest_first))
    }
}

/// One that was cut off and gone on with is several runs to one version: what each of them changed is put together.
pub fn last_of<P: Borrow<Plan>, L: Borrow<[Line]>>(
    cluster: &ClusterName,
    newest_first: impl IntoIterator<Item = (String, P, L)>,
) -> Option<LastRun> {
    let mut last: Option<LastRun> = None;
    for (id, plan, lines) in newest_first {
        let (plan, lines): (&Plan, &[Line]) = (plan.borrow(), lines.borrow());
        if plan.cluster != *cluster || !matches!(plan.kind, Kind::Upgrade | Kind::Downgrade) || !swapped(lines) {
            continue;
        }
        let Some(found) = left_by(&id, plan, lines) else { continue };
        match &mut last {
            None => last = Some(found),
            Some(last) if last.to == found.to && last.goes_down() == found.goes_down() => {
                for (name, digest) in found.binaries {
                    last.binaries.entry(name).or_insert(digest);
                }
                let (low, high) = if last.from < found.from {
                    (last.from.clone(), found.from)
                } else {
                    (found.from, last.from.clone())
                };
                last.from = if last.goes_down() { high } else { low };
                last.backup = last.backup.take().or(found.backup);
            }
            Some(_) => break,
        }
    }
    last
}

fn plan_of(run: &Run) -> Option<Plan> {
    let path: &Path = &run.dir.join("plan.json");
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn swapped(lines: &[Line]) -> bool {
    let swap = |effect: &Effect| matches!(effect, Effect::Operate { operation: Operation::SwapBinary, .. });
    lines.iter().any(|line| matches!(&line.entry, Entry::Intent { effect, .. } if swap(effect)))
}

fn left_by(run: &str, plan: &Plan, lines: &[Line]) -> Option<LastRun> {
    let changed: Vec<&MemberAction> = plan
        .steps()
        .filter_map(|step| match &step.action {
            Action::Member(action) if action.from != action.to => Some(action),
            _ => None,
        })
        .collect();
    let binaries: BTreeMap<MemberName, Sha256> =
        changed.iter().filter_map(|action| Some((action.member.clone(), action.binary.old_sha256?))).collect();
    let from = changed.iter().map(|action| &action.from);
    let from = if plan.kind == Kind::Downgrade { from.max() } else { from.min() };
    Some(LastRun {
        run: run.to_owned(),
        from: from?.clone(),
        to: plan.summary.to.clone(),
        binaries,
        backup: lines.iter().rev().find_map(backup),
    })
}

fn backup(line: &Line) -> Option<BackupTaken> {
    let Entry::Outcome { result: EffectResult::Done { detail }, .. } = &line.entry else { return None };
    let Detail::Backup { id, dir, revision, .. } = detail else { return None };
    Some(BackupTaken { id: id.clone(), dir: dir.clone(), taken_at: line.at.clone(), revision: *revision })
}
