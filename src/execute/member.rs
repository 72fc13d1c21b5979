//! What is done to one member in its turn: keep, hand over, stop, copy, swap, start, and, where it must be, put back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done, skipped};
use crate::execute::gates::{Look, QUORUM_LAG, no_way_back};
use crate::execute::journal::{Detail, EffectResult};
use crate::execute::looks::Looks;
use crate::execute::readd;
use crate::execute::settings;
use crate::execute::world::MemberWorld;
use crate::observe::settings::SettingsChange;
use crate::plan::model::{Action, BinaryChange, HandOver, MemberAction, Operation, Step};
use crate::runtime::{
    CopyRequest, Death, Digest, Keep, MemberNow, PreparedSwap, Room, StartOutcome, StopOutcome, Swap, SwapBack,
    SwapState, commit_swap, copy_data_dir, find_kept, is_running, keep_binary, prepare_swap, start, stop, swap_back,
    swap_binary,
};
use crate::state::timestamp;
use crate::units::{Bytes, MemberId, MemberName, Span, Version};

/// How long a plain process is watched after its start; a unit of Type=notify says by itself when it serves.
pub(super) const START_WATCH: Duration = Duration::from_millis(60);

/// For leadership to move, once it was asked for.
const HAND_OVER_BOUND: Duration = Duration::from_secs(10);

/// The slowest disk that a copy is waited for, in bytes a second, and the least bound.
const SLOW_COPY: u64 = 5 * 1024 * 1024;
const LEAST_COPY_BOUND: Duration = Duration::from_secs(60);

/// The bound of a copy of so many bytes on one disk.
pub(super) fn copy_bound(size: Bytes) -> Duration {
    LEAST_COPY_BOUND.saturating_add(Duration::from_secs(size.0 / SLOW_COPY))
}

/// Keeps the old binaries and lays the new ones beside them, on all members at once.
pub async fn prepare(performer: &mut Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::Prepare { members } = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let changes: Vec<Change<'_>> =
        performer.plan.steps().filter_map(Change::of).filter(|change| members.contains(change.member)).collect();
    let shared: &Performer<'_> = performer;
    let each = join_all(changes.into_iter().map(async |change| (change, prepare_one(shared, change).await))).await;
    let mut kept = Vec::new();
    for (change, prepared) in each {
        let (path, swap) = prepared?;
        if let Some(package) = swap.as_ref().and_then(|swap| swap.package.as_ref()) {
            performer.notice(format!(
                "{} on {} belongs to the package {package}: its next update would put its own binary there",
                change.binary.path, change.member
            ));
        }
        if let Some(swap) = swap {
            performer.prepared.insert(change.member.clone(), swap);
        }
        kept.push((change.member.clone(), path));
        performer.world.member(change.member)?.host.be_ready();
    }
    Ok(done(Detail::Prepared { kept }))
}

/// A binary that a step of the plan changes.
#[derive(Clone, Copy)]
struct Change<'p> {
    member: &'p MemberName,
    from: &'p Version,
    to: &'p Version,
    binary: &'p BinaryChange,
    settings: Option<&'p SettingsChange>,
}

impl<'p> Change<'p> {
    fn of(step: &'p Step) -> Option<Self> {
        match &step.action {
            Action::Member(action) if action.from != action.to => Some(Self {
                member: &action.member,
                from: &action.from,
                to: &action.to,
                binary: &action.binary,
                settings: action.settings.as_ref(),
            }),
            Action::ReplaceData(action) => {
                let binary = action.replacement.binary.as_ref()?;
                let settings = action.replacement.settings.as_ref();
                Some(Self { member: &action.member, from: &action.from, to: &action.to, binary, settings })
            }
            _ => None,
        }
    }
}

async fn prepare_one(
    performer: &Performer<'_>,
    change: Change<'_>,
) -> Result<(String, Option<PreparedSwap>), ExecuteError> {
    let member = performer.world.member(change.member)?;
    if let Some(change_of_files) = change.settings {
        settings::ready(performer, change.member, change.from, change_of_files).await?;
    }
    let old = change.binary.old_sha256.ok_or_else(|| ExecuteError::OldBinaryGone { member: change.member.clone() })?;
    let store = crate::plan::layout::store(&performer.world.cluster.runtime);
    let file = member.facts.as_ref().map(|facts| &facts.binary);
    if file.is_some_and(|file| file.sha256 == Some(old)) {
        let print = file.and_then(|file| file.print.as_deref());
        let staged = performer.staged.get(&(change.member.clone(), change.to.clone()));
        let swap = Swap::to_staged(&change.binary.path, &change.binary.staged, old, change.binary.new_sha256)
            .knowing(print, staged.map(String::as_str));
        let keep = Keep { store: &store, version: change.from };
        let prepared = prepare_swap(&member.host, &swap, Some(&keep)).await?;
        if let Some(kept) = prepared.kept.clone() {
            return Ok((kept, Some(prepared)));
        }
    }
    // The file was replaced under a running member: the old binary is only left in the process.
    let source = running_file(performer, change.member).await?;
    let kept = keep_binary(&member.host, &source, old, &store, change.from).await?;
    Ok((kept.path, None))
}

async fn running_file(performer: &Performer<'_>, name: &MemberName) -> Result<String, ExecuteError> {
    let member = performer.world.member(name)?;
    match is_running(&member.host, &member.site, Digest::Skip).await? {
        MemberNow::Running(now) => Ok(format!("/proc/{}/exe", now.pid)),
        MemberNow::Stopped { .. } => Err(ExecuteError::OldBinaryGone { member: name.clone() }),
    }
}

/// Moves leadership away, where the version can and the member leads at this moment.
pub async fn hand_over(
    performer: &Performer<'_>,
    action: &MemberAction,
    how: HandOver,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    if how != HandOver::MoveLeader {
        let leads = looks.fresh(false).await.leader() == Some(&action.member);
        return Ok(skipped(match how {
            _ if !leads => "it does not lead",
            HandOver::AtStop => "it hands over by itself when it is stopped",
            HandOver::None | HandOver::MoveLeader => "this version cannot hand leadership over: an election follows",
        }));
    }
    let begun = Instant::now();
    let mut pause = Duration::from_millis(5);
    let mut asked: Option<MemberName> = None;
    while begun.elapsed() < HAND_OVER_BOUND {
        let look = looks.look(&[], false).await;
        match (look.leader(), &asked) {
            (Some(leader), None) if *leader == action.member => {
                let (heir, id) = heir(action, &look, looks)?;
                performer.world.member(&action.member)?.client.move_leader(id).await?;
                asked = Some(heir);
                continue;
            }
            (Some(leader), Some(heir)) if *leader != action.member => {
                return Ok(done(Detail::HandedOver { to: heir.clone() }));
            }
            (Some(leader), None) if *leader != action.member => return Ok(skipped("it does not lead")),
            // Asked, and it leads still; or nobody is seen to lead, which may be this member itself.
            _ => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
    let (member, waited) = (action.member.clone(), HAND_OVER_BOUND);
    Err(if asked.is_some() {
        ExecuteError::StillLeads { member, waited }
    } else {
        ExecuteError::LeaderNotSeen { member, waited }
    })
}

/// A member that can take over: healthy, a voter, near enough to the leader.
fn heir(action: &MemberAction, look: &Look, looks: &Looks<'_>) -> Result<(MemberName, MemberId), ExecuteError> {
    let leader_index = looks.raft_index(&action.member).unwrap_or_default();
    let able = look.members.iter().find_map(|(name, seen)| {
        let facts = seen.known()?;
        let index = facts.raft_applied_index.or(facts.raft_index)?;
        let near = leader_index.0.saturating_sub(index.0) <= QUORUM_LAG.0;
        (*name != action.member && near && !facts.is_learner && facts.unhealthy.is_none())
            .then_some((name.clone(), facts.member_id))
    });
    able.ok_or_else(|| ExecuteError::NoHeir { member: action.member.clone() })
}

/// Stops it with SIGTERM. Our own connections to it are closed first.
pub async fn stop_member(
    performer: &Performer<'_>,
    action: &MemberAction,
    timeout: Span,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let member = performer.world.member(&action.member)?;
    looks.fresh(false).await;
    if let Some(runs) = looks.version(&action.member) {
        if *runs == action.to && runs_what_is_declared(member, action).await? {
            let why = format!("{} runs {} already, from the file that is declared", action.member, action.to);
            return Ok(EffectResult::AlreadyDone { why });
        }
        if let Some(refused) = runs_another(action, runs) {
            return Ok(refused);
        }
    }
    let away = member.let_go().await;
    looks.forget(&action.member);
    let copies = action.operations.iter().any(|operation| matches!(operation, Operation::CopyDataDir { .. }));
    let room = if copies { Room::ForCopy } else { Room::ForStart };
    let stopped = stop(&member.host, &member.site, timeout.duration(), room).await;
    drop(away);
    match stopped? {
        StopOutcome::Stopped { took, exit } => {
            if let Some(exit) = exit.filter(|exit| !exit.is_clean()) {
                performer.notice(format!("{} ended with {exit} when it was asked to stop", action.member));
            }
            Ok(done(Detail::Stopped { took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }))
        }
        StopOutcome::AlreadyStopped { .. } => Ok(skipped("it did not run")),
        StopOutcome::StillAlive { pid, waited } => {
            Err(ExecuteError::WouldNotStop { member: action.member.clone(), pid, waited })
        }
    }
}

/// A member whose binary somebody else exchanged since the plan was made is not stopped as if it ran what was planned: its
/// old binary may not be kept, and the new one may not be the next rung for it.
pub fn runs_another(action: &MemberAction, runs: &Version) -> Option<EffectResult> {
    let MemberAction { member, from, to, .. } = action;
    (runs != from && runs != to).then(|| EffectResult::Refused {
        reason: format!(
            "{member} runs {runs} now, and the plan takes it from {from} to {to}: somebody else has put another binary \
             in its place, so it is not stopped"
        ),
        todo: vec![format!(
            "see who did it, and why; `quorate plan` says what is possible from what {member} runs now"
        )],
    })
}

/// Whether somebody else, or a reboot, has done it since the plan was made: the process is of the new binary, and so is the
/// file that it is started from.
async fn runs_what_is_declared(member: &MemberWorld, action: &MemberAction) -> Result<bool, ExecuteError> {
    let MemberNow::Running(now) = is_running(&member.host, &member.site, Digest::Compute).await? else {
        return Ok(false);
    };
    let is_its_file = now.exe == action.binary.path && !now.exe_replaced;
    Ok(is_its_file && now.exe_sha256 == Some(action.binary.new_sha256))
}

/// The rollback point.
pub async fn copy_data(
    performer: &mut Performer<'_>,
    action: &MemberAction,
    size: Bytes,
    looks: &Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let member = performer.world.member(&action.member)?;
    let request = CopyRequest {
        member: action.member.clone(),
        run: performer.run.to_owned(),
        version: action.from.clone(),
        raft_index: looks.raft_index(&action.member),
        cluster_id: performer.plan.basis.cluster_id,
        taken_at: timestamp(),
    };
    let point = copy_data_dir(&member.host, &member.site, &request, copy_bound(size)).await?;
    let detail = Detail::RollbackPoint { path: point.path.clone(), size: point.size, raft_index: request.raft_index };
    performer.keep_unflushed(&action.member, point);
    Ok(done(detail))
}

/// The new binary in place of the old one: one rename.
pub async fn swap(
    performer: &mut Performer<'_>,
    action: &MemberAction,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let member = performer.world.member(&action.member)?;
    let state = match performer.prepared.remove(&action.member) {
        Some(prepared) => commit_swap(&member.host, &prepared).await?,
        None => {
            let old = action.binary.old_sha256.unwrap_or(action.binary.new_sha256);
            let swap = Swap::to_staged(&action.binary.path, &action.binary.staged, old, action.binary.new_sha256);
            swap_binary(&member.host, &swap).await?.0
        }
    };
    looks.note_file(&action.member, action.binary.new_sha256);
    match state {
        SwapState::Swapped => {
            Ok(done(Detail::Swapped { path: action.binary.path.clone(), version: action.to.clone() }))
        }
        SwapState::Already => Ok(skipped("the new binary is in place already")),
    }
}

/// Starts it, and notices at once if it dies.
pub async fn start_member(
    performer: &Performer<'_>,
    action: &MemberAction,
    timeout: Span,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let member = performer.world.member(&action.member)?;
    looks.forget(&action.member);
    let watch = match member.site.service {
        crate::runtime::Service::Systemd { .. } => timeout.duration(),
        crate::runtime::Service::Process { .. } => START_WATCH,
    };
    match start(&member.host, &member.site, watch).await? {
        StartOutcome::Running(started) => {
            // No wait brings such a process to what lies at its path now.
            if started.exe_replaced {
                let reason = format!(
                    "{} runs already (pid {}), from a file that was replaced since: its host was rebooted, or somebody \
                     started it, before the new binary was in place",
                    action.member, started.pid
                );
                return Ok(EffectResult::Failed { reason, log: Vec::new(), todo: Vec::new() });
            }
            looks.note_started(&action.member, &started);
            Ok(done(Detail::Started { pid: started.pid }))
        }
        StartOutcome::Died(death) => Ok(EffectResult::failed(&obituary(&action.member, &death), death.log)),
    }
}

/// How a member died, in one sentence.
pub fn obituary(member: &MemberName, death: &Death) -> String {
    let exit = death.exit.map_or_else(|| "ended".to_owned(), |exit| format!("ended with {exit}"));
    let unit = death.unit.as_ref().map_or_else(String::new, |unit| format!(" (systemd: {})", unit.result));
    let said = if death.said.is_empty() { String::new() } else { format!("; {}", death.said.join("; ")) };
    format!("{member} {exit} right after its start{unit}{said}")
}

/// The old binary again, running: whatever the failed attempt left.
pub async fn put_back(
    performer: &mut Performer<'_>,
    action: &MemberAction,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let member = performer.world.member(&action.member)?;
    let old = action.binary.old_sha256.ok_or_else(|| ExecuteError::OldBinaryGone { member: action.member.clone() })?;
    let runs = looks.version(&action.member).cloned();
    looks.forget(&action.member);
    if let MemberNow::Running(now) = is_running(&member.host, &member.site, Digest::Compute).await?
        && now.exe_sha256 == Some(old)
    {
        // Started by a reboot in the moment before the swap: its file is the new one already.
        // It serves: what keeps the file from its place is told, and is no failure of this.
        match put_binary_back(performer, action, looks).await {
            Ok(()) | Err(ExecuteError::OldBinaryGone { .. }) => {}
            Err(error) => performer.notice(format!(
                "{} runs its old binary, and what it is started from next could not be put back: {error}",
                action.member
            )),
        }
        return Ok(skipped("it runs its old binary"));
    }
    if let Some(refused) = runs.and_then(|runs| runs_another(action, &runs)) {
        return Ok(refused);
    }
    let away = member.let_go().await;
    let timeout = performer.world.cluster.rollout.stop_timeout;
    let stopped = stop(&member.host, &member.site, timeout.duration(), Room::Whatever).await;
    drop(away);
    let stopped = stopped?;
    if let StopOutcome::StillAlive { pid, waited } = stopped {
        return Err(ExecuteError::WouldNotStop { member: action.member.clone(), pid, waited });
    }
    // Asked only now: without this member the cluster version cannot move any more.
    if let Some(error) = no_way_back(action, &looks.look(&[], false).await) {
        let ready = performer.world.cluster.rollout.ready_timeout;
        start_member(performer, action, ready, looks).await?;
        return Err(error);
    }
    if action.readd.is_some() {
        if action.from > action.to {
            return go_on(performer, action, looks).await;
        }
        if readd::is_touched(performer, action).await? {
            let result = readd::put_back(performer, action, looks).await;
            if let Err(error @ ExecuteError::NotHeldBack { .. }) = result {
                let ready = performer.world.cluster.rollout.ready_timeout;
                start_member(performer, action, ready, looks).await?;
                return Err(error);
            }
            return result;
        }
    }
    put_binary_back(performer, action, looks).await?;
    let ready = performer.world.cluster.rollout.ready_timeout;
    start_member(performer, action, ready, looks).await
}

/// Of a step that was to re-add it: it goes on with what it ran, if the cluster still has it as it was.
async fn go_on(
    performer: &mut Performer<'_>,
    action: &MemberAction,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    if !readd::may_go_on(action, looks).await? {
        return Err(ExecuteError::HasLeft { member: action.member.clone() });
    }
    put_binary_back(performer, action, looks).await?;
    let ready = performer.world.cluster.rollout.ready_timeout;
    let started = start_member(performer, action, ready, looks).await?;
    readd::forget(performer, action).await?;
    Ok(started)
}

/// The binary that it had, in its place; what the failed attempt made ready goes.
pub(super) async fn put_binary_back(
    performer: &mut Performer<'_>,
    action: &MemberAction,
    looks: &mut Looks<'_>,
) -> Result<(), ExecuteError> {
    let member = performer.world.member(&action.member)?;
    let old = action.binary.old_sha256.ok_or_else(|| ExecuteError::OldBinaryGone { member: action.member.clone() })?;
    performer.prepared.remove(&action.member);
    let store = crate::plan::layout::store(&performer.world.cluster.runtime);
    let kept = find_kept(&member.host, old, &store, &action.from)
        .await?
        .ok_or_else(|| ExecuteError::OldBinaryGone { member: action.member.clone() })?;
    let back = SwapBack {
        path: action.binary.path.clone(),
        kept,
        old_target: member.facts.as_ref().and_then(|facts| facts.binary.link_target.clone()),
        old,
        new: action.binary.new_sha256,
    };
    // Up: the files first. Down: the binary. So what is cut off between the two is the newer binary with the older files,
    // which the next look knows what to do about.
    let files_first = action.from <= action.to;
    if files_first {
        settings::put_back(performer, action).await?;
    }
    swap_back(&member.host, &back).await?;
    if !files_first {
        settings::put_back(performer, action).await?;
    }
    looks.note_file(&action.member, old);
    Ok(())
}
