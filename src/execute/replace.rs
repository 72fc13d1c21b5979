//! A whole cluster down at once, by a person's wish: stop all, replace the data of each, bring them up again. Each effect
//! can be run again, whatever an earlier run left.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done, skipped};
use crate::execute::journal::{Detail, EffectResult};
use crate::execute::looks::Looks;
use crate::execute::member::{START_WATCH, copy_bound};
use crate::execute::settings;
use crate::plan::model::{Action, Gate, MemberReplacement, ReplaceAction, Replacement, ReplacementPhase, Step};
use crate::runtime::{
    DataPaths, Digest, Laid, MemberNow, Room, StopOutcome, Swap, SwapState, commit_swap, is_running, lay_ready,
    mark_replacement, replace_data, start, stop, swap_binary, unmark_replacement,
};
use crate::units::{Bytes, MemberName, Span};

/// Copies of the rollback points, on all hosts at once, while the members run.
pub async fn lay_all_ready(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::ReadyData { id, members } = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let id = id_of(performer, id.as_deref());
    let each = members.iter().map(async |(name, member)| lay_one_ready(performer, id, name, member).await);
    let (mut size, mut already) = (0, 0);
    for laid in join_all(each).await {
        let Some(laid) = laid? else { continue };
        size += laid.size.0;
        already += u32::from(!laid.copied);
    }
    Ok(done(Detail::DataReady { size: Bytes(size), already }))
}

async fn lay_one_ready(
    performer: &Performer<'_>,
    id: &str,
    name: &MemberName,
    replacement: &MemberReplacement,
) -> Result<Option<Laid>, ExecuteError> {
    let Some(point) = &replacement.copy_of else { return Ok(None) };
    let point = DataPaths { data: &point.data, wal: point.wal.as_deref() };
    let host = &performer.world.member(name)?.host;
    Ok(Some(lay_ready(host, paths(replacement), id, point, copy_bound(replacement.size)).await?))
}

/// How long a leader is given to notice that its peers are gone: one that believes them connected tries for seven seconds to
/// hand leadership over to one of them (`TransferLeadership`, 3.1 and later).
const PEERS_MISSED: Duration = Duration::from_millis(300);

/// The leader goes a moment after the others, which all go at once: were it asked together with them, it would try for
/// seconds to hand leadership over to one of them. Where one does not stop, the others are started again: nothing was
/// replaced yet.
pub async fn stop_all(
    performer: &Performer<'_>,
    step: &Step,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let Action::StopAll { members, timeout } = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    if !performer.plan.kind.may_stop_all() {
        return Err(ExecuteError::MayNotStopAll);
    }
    let leader = looks.look(&[], false).await.leader().cloned();
    for name in members {
        performer.world.member(name)?.client.close().await;
        looks.forget(name);
    }
    let begun = Instant::now();
    let (last, first): (Vec<_>, Vec<_>) = members.iter().partition(|name| leader.as_ref() == Some(*name));
    let mut outcomes: Vec<(&MemberName, Result<StopOutcome, ExecuteError>)> = Vec::new();
    let is_stopped = |outcome: &Result<StopOutcome, ExecuteError>| {
        matches!(outcome, Ok(StopOutcome::Stopped { .. } | StopOutcome::AlreadyStopped { .. }))
    };
    for wave in [first, last] {
        if !outcomes.iter().all(|(_, outcome)| is_stopped(outcome)) {
            break;
        }
        if !outcomes.is_empty() {
            tokio::time::sleep(PEERS_MISSED).await;
        }
        outcomes
            .extend(join_all(wave.iter().map(async |name| (*name, stop_one(performer, name, *timeout).await))).await);
    }
    let (mut stopped, mut wrong) = (Vec::new(), Vec::new());
    for (name, outcome) in outcomes {
        match outcome {
            Ok(StopOutcome::Stopped { .. }) => stopped.push(name),
            Ok(StopOutcome::AlreadyStopped { .. }) => {}
            Ok(StopOutcome::StillAlive { pid, waited }) => {
                wrong.push(ExecuteError::WouldNotStop { member: name.clone(), pid, waited }.to_string());
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    if wrong.is_empty() {
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        return Ok(done(Detail::AllStopped { took_ms }));
    }
    wrong.extend(start_again(performer, &stopped).await);
    Ok(EffectResult::Failed { reason: wrong.join("; "), log: Vec::new(), todo: Vec::new() })
}

async fn stop_one(performer: &Performer<'_>, name: &MemberName, timeout: Span) -> Result<StopOutcome, ExecuteError> {
    let member = performer.world.member(name)?;
    Ok(stop(&member.host, &member.site, timeout.duration(), Room::Whatever).await?)
}

/// What came of it, one sentence each.
async fn start_again(performer: &Performer<'_>, stopped: &[&MemberName]) -> Vec<String> {
    let each = stopped.iter().map(async |name| {
        let started = match performer.world.member(name) {
            Ok(member) => start(&member.host, &member.site, START_WATCH).await.map_err(ExecuteError::from),
            Err(error) => Err(error),
        };
        match started {
            Ok(_) => format!("{name} was started again"),
            Err(error) => format!("{name} could not be started again: {error}"),
        }
    });
    join_all(each).await
}

/// Members that are not to run when this note is written: it says that the first quorum has served, without those that its gates
/// do not count. With one of that quorum, one that its host has started by itself may have elected somebody who lacks what the
/// newest copy holds. Found here, the next run begins once more, with fresh copies.
pub fn not_to_run_yet<'p>(step: &'p Step, replacement: &'p Replacement) -> impl Iterator<Item = &'p MemberName> {
    let is_counted = move |name: &MemberName| {
        step.before.iter().any(|gate| matches!(gate, Gate::Serving { members, .. } if members.contains(name)))
    };
    let joins = replacement.phase == ReplacementPhase::Joining;
    replacement.then.iter().filter(move |name| joins && !is_counted(name))
}

pub fn runs_too_early(member: &MemberName, pid: u32) -> String {
    format!(
        "{member} runs already (pid {pid}), before the members with the newest data have served: its host has started it"
    )
}

async fn too_early(
    performer: &Performer<'_>,
    step: &Step,
    replacement: &Replacement,
) -> Result<Vec<String>, ExecuteError> {
    let mut found = Vec::new();
    for name in not_to_run_yet(step, replacement) {
        let member = performer.world.member(name)?;
        if let MemberNow::Running(now) = is_running(&member.host, &member.site, Digest::Skip).await? {
            found.push(runs_too_early(name, now.pid));
        }
    }
    Ok(found)
}

/// The note, on all hosts at once: when this is done, whoever looks at any of them knows what is under way.
pub async fn mark(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::MarkReplacement(replacement) = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let wrong = too_early(performer, step, replacement).await?;
    if !wrong.is_empty() {
        return Ok(EffectResult::Failed { reason: wrong.join("; "), log: Vec::new(), todo: Vec::new() });
    }
    let replacement =
        Replacement { id: Some(id_of(performer, replacement.id.as_deref()).to_owned()), ..(**replacement).clone() };
    let note = serde_json::to_string(&replacement).map_err(|error| ExecuteError::Note { reason: error.to_string() })?;
    let each = replacement.members.iter().map(async |(name, member)| {
        let host = &performer.world.member(name)?.host;
        Ok::<_, ExecuteError>(mark_replacement(host, paths(member), &note).await?)
    });
    for marked in join_all(each).await {
        marked?;
    }
    Ok(done(Detail::Nothing))
}

/// One member's data: renames on its host.
pub async fn replace(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let action = action_of(step)?;
    let id = id_of(performer, action.id.as_deref());
    let host = &performer.world.member(&action.member)?.host;
    let replaced = replace_data(host, paths(&action.replacement), id).await?;
    if replaced.replaced {
        return Ok(done(Detail::Replaced { aside: replaced.aside }));
    }
    Ok(skipped(&format!("it is in place already; what was there is at {}", replaced.aside)))
}

/// The binary that belongs to the data.
pub async fn replace_binary(
    performer: &mut Performer<'_>,
    step: &Step,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let action = action_of(step)?;
    if let Some(change) = &action.replacement.settings {
        settings::place(performer, &action.member, &action.from, change).await?;
    }
    let Some(binary) = &action.replacement.binary else {
        return Ok(skipped("it is in place already"));
    };
    let host = &performer.world.member(&action.member)?.host;
    let state = match performer.prepared.remove(&action.member) {
        Some(prepared) => commit_swap(host, &prepared).await?,
        None => {
            let old = binary.old_sha256.unwrap_or(binary.new_sha256);
            let swap = Swap::to_staged(&binary.path, &binary.staged, old, binary.new_sha256);
            swap_binary(host, &swap).await?.0
        }
    };
    looks.note_file(&action.member, binary.new_sha256);
    match state {
        SwapState::Swapped => Ok(done(Detail::Swapped { path: binary.path.clone(), version: action.to.clone() })),
        SwapState::Already => Ok(skipped("it is in place already")),
    }
}

/// All serve: the notes go, and copies that nobody needed.
pub async fn end(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::EndReplacement { members } = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let each = members.iter().map(async |(name, member)| {
        let host = &performer.world.member(name)?.host;
        Ok::<_, ExecuteError>(unmark_replacement(host, paths(member)).await?)
    });
    for unmarked in join_all(each).await {
        unmarked?;
    }
    Ok(done(Detail::Nothing))
}

/// Of the run that began it: this one, unless the plan names another.
fn id_of<'a>(performer: &Performer<'a>, id: Option<&'a str>) -> &'a str {
    id.unwrap_or(performer.run)
}

fn action_of(step: &Step) -> Result<&ReplaceAction, ExecuteError> {
    match &step.action {
        Action::ReplaceData(action) => Ok(action),
        _ => Err(ExecuteError::WrongStep { step: step.id }),
    }
}

fn paths(member: &MemberReplacement) -> DataPaths<'_> {
    DataPaths { data: &member.data_dir, wal: member.wal_dir.as_deref() }
}
