//! Effects: the driver's hands. Each does one thing through `runtime`, `backup` or a client, and says what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::execute::ExecuteError;
use crate::execute::compare;
use crate::execute::downgrade;
use crate::execute::event::Event;
use crate::execute::journal::{Detail, Effect, EffectResult};
use crate::execute::logs::Logs;
use crate::execute::looks::Looks;
use crate::execute::member;
use crate::execute::raft_snapshots;
use crate::execute::readd;
use crate::execute::replace;
use crate::execute::restore;
use crate::execute::settings;
use crate::execute::take_backup;
use crate::execute::world::{World, pin};
use crate::host::Sent;
use crate::plan::model::{Action, CreateAction, MemberAction, Operation, Plan, Step};
use crate::runtime::{
    Preflight, PreflightOutcome, PreparedSwap, Program, RollbackPoint, Staged, StartOutcome, Templates, create,
    discard_swap, flush_rollback_point, preflight, stage, start,
};
use crate::units::{Advised, Bytes, MemberName, Version};

/// How long members that were just created are watched before the gates take over.
const CREATED_START_WATCH: Duration = Duration::from_millis(300);

/// Performs effects. Keeps between them only what makes a later one quicker; nothing that a resume would miss.
pub struct Performer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) world: &'a World,
    pub(super) run: &'a str,
    pub(super) events: &'a (dyn Fn(Event) + Send + Sync),
    /// Swaps that need one rename only.
    pub(super) prepared: BTreeMap<MemberName, PreparedSwap>,
    /// What the staged binary of a member was when its digest was checked, by the version.
    pub(super) staged: BTreeMap<(MemberName, Version), String>,
    /// Flag parsers that were tried right after their host got the release.
    tried: BTreeMap<MemberName, (PreflightOutcome, u32)>,
    /// Rollback points that are not on the disk yet.
    unflushed: Vec<(MemberName, RollbackPoint)>,
    /// Those that are on their way there: what could not be done, in words.
    flushing: Vec<JoinHandle<Option<String>>>,
    logs: Logs,
}

impl<'a> Performer<'a> {
    pub fn new(plan: &'a Plan, world: &'a World, run: &'a str, events: &'a (dyn Fn(Event) + Send + Sync)) -> Self {
        Self {
            plan,
            world,
            run,
            events,
            prepared: BTreeMap::new(),
            staged: BTreeMap::new(),
            tried: BTreeMap::new(),
            unflushed: Vec::new(),
            flushing: Vec::new(),
            logs: Logs::default(),
        }
    }

    /// Tells what was logged since and is neither expected nor harmless.
    pub async fn tell_unexpected_log_lines(&self) {
        self.logs.tell_unexpected(self.world, self.plan, self.events).await;
    }

    /// Once the last member is done: copies that were made get onto the disk, while the run waits for something else.
    pub fn begin_flush(&mut self) {
        for (name, point) in std::mem::take(&mut self.unflushed) {
            let Ok(member) = self.world.member(&name) else { continue };
            let host = member.host.clone();
            self.flushing.push(tokio::spawn(async move {
                let flushed = flush_rollback_point(&host, &point).await;
                let error = flushed.err()?;
                Some(format!("the rollback point of {name} is not known to be on the disk yet: {error}"))
            }));
        }
    }

    /// Waits for what [`Self::begin_flush`] began.
    pub async fn finish_flush(&mut self) {
        for flushed in join_all(std::mem::take(&mut self.flushing)).await {
            match flushed {
                Ok(None) => {}
                Ok(Some(problem)) => self.notice(problem),
                Err(error) => self.notice(format!("a rollback point is not known to be on the disk yet: {error}")),
            }
        }
    }

    /// At the end of a run: what was laid beside a binary for a member whose turn did not come is taken away.
    pub async fn tidy(&mut self) {
        for name in std::mem::take(&mut self.prepared).into_keys() {
            let Ok(member) = self.world.member(&name) else { continue };
            if let Err(error) = discard_swap(&member.host, &member.site.binary).await {
                self.notice(format!(
                    "a new binary that was laid beside {} could not be removed: {error}",
                    member.site.binary
                ));
            }
        }
    }

    /// Does it, and says what came of it. Errors become results: the engine decides what they mean.
    pub async fn perform(&mut self, step: &Step, effect: &Effect, looks: &mut Looks<'_>) -> EffectResult {
        self.logs.mark(self.world).await;
        let result = match effect {
            Effect::Stage => self.stage(step).await,
            Effect::Preflight => self.preflight(step).await,
            Effect::Prepare => member::prepare(self, step).await,
            Effect::Backup => take_backup::take(self, step).await,
            Effect::CompareData => compare::compare(self.world).await,
            Effect::TakeRaftSnapshots => raft_snapshots::take(self, step).await,
            Effect::EnableDowngrade => downgrade::enable(self, step).await,
            Effect::CancelDowngrade => downgrade::cancel(self, step).await,
            Effect::ReadyData => replace::lay_all_ready(self, step).await,
            Effect::AssembleData => restore::assemble_all(self, step).await,
            Effect::LayRestored => restore::lay_all(self, step).await,
            Effect::CompareRestored => restore::compare(self, step).await,
            Effect::StopAll => replace::stop_all(self, step, looks).await,
            Effect::MarkReplacement => replace::mark(self, step).await,
            Effect::ReplaceData { .. } => replace::replace(self, step).await,
            Effect::ReplaceBinary { .. } => replace::replace_binary(self, step, looks).await,
            Effect::EndReplacement => replace::end(self, step).await,
            Effect::Operate { operation, .. } => match &step.action {
                Action::Member(action) => self.operate(action, operation, looks).await,
                _ => Err(ExecuteError::WrongStep { step: step.id }),
            },
            Effect::Create { .. } => match &step.action {
                Action::CreateMember(action) => self.create(action).await,
                _ => Err(ExecuteError::WrongStep { step: step.id }),
            },
            Effect::StartTogether => self.start_together(step, looks).await,
            Effect::PutBack { .. } => match &step.action {
                Action::Member(action) => member::put_back(self, action, looks).await,
                _ => Err(ExecuteError::WrongStep { step: step.id }),
            },
        };
        result.unwrap_or_else(|error| EffectResult::failed(&error.to_string(), error.log()))
    }

    pub(super) fn notice(&self, text: String) {
        let Advised { seen, advice } = Advised::of(&text);
        let todo = if advice.is_empty() { String::new() } else { format!(" (do: {})", advice.join("; ")) };
        (self.events)(Event::Notice { text: format!("{seen}{todo}") });
    }

    pub(super) fn keep_unflushed(&mut self, member: &MemberName, point: RollbackPoint) {
        self.unflushed.push((member.clone(), point));
    }

    async fn operate(
        &mut self,
        action: &MemberAction,
        operation: &Operation,
        looks: &mut Looks<'_>,
    ) -> Result<EffectResult, ExecuteError> {
        self.world.member(&action.member)?.host.be_ready();
        match operation {
            Operation::HandOver { how } => member::hand_over(self, action, *how, looks).await,
            Operation::Stop { timeout } => member::stop_member(self, action, *timeout, looks).await,
            Operation::CopyDataDir { size, .. } => member::copy_data(self, action, *size, looks).await,
            Operation::SwapBinary => member::swap(self, action, looks).await,
            Operation::RewriteSettings => settings::rewrite(self, action).await,
            Operation::Start { timeout } => member::start_member(self, action, *timeout, looks).await,
            Operation::LeaveCluster => readd::leave(self, action, looks).await,
            Operation::JoinCluster => readd::join(self, action, looks).await,
            Operation::SetDataAside => readd::set_aside(self, action).await,
            Operation::StartJoining { timeout } => readd::start(self, action, *timeout, looks).await,
        }
    }

    async fn stage(&mut self, step: &Step) -> Result<EffectResult, ExecuteError> {
        let Action::Stage { version, members, folder, programs } = &step.action else {
            return Err(ExecuteError::WrongStep { step: step.id });
        };
        // Several members may live on one host: it is served once.
        let mut hosts: BTreeMap<String, Vec<&MemberName>> = BTreeMap::new();
        for name in members {
            hosts.entry(self.world.member(name)?.host.label().to_owned()).or_default().push(name);
        }
        let tries_out = self.plan.steps().any(|step| matches!(step.action, Action::Preflight { .. }));
        let shared: &Self = self;
        let each = hosts.into_values().map(async |names| {
            let staged = match names.first() {
                Some(name) => shared.stage_on(step, name, version, folder, programs).await?,
                None => Vec::new(),
            };
            let print = staged.iter().find(|program| program.path.ends_with("/etcd")).map(|etcd| etcd.print.clone());
            let prints: Vec<_> = names.iter().filter_map(|name| Some(((*name).clone(), print.clone()?))).collect();
            // A host that has its release first need not wait for the others. What fails here is done again, and told,
            // in its own step.
            let mut tried = Vec::new();
            for name in names.into_iter().filter(|_| tries_out) {
                tried.extend(shared.preflight_on(name, version).await.ok().map(|outcome| (name.clone(), outcome)));
            }
            let sent: Vec<Sent> = staged.iter().map(|program| program.sent).collect();
            Ok::<_, ExecuteError>((sent, prints, tried))
        });
        let (mut bytes, mut already_there) = (0, 0);
        let mut tried = BTreeMap::new();
        let mut prints = BTreeMap::new();
        for host in join_all(each).await {
            let (sent, of_host, outcomes) = host?;
            let whole = |sent: &Sent| if let Sent::Whole(bytes) = sent { bytes.0 } else { 0 };
            bytes += sent.iter().map(whole).sum::<u64>();
            already_there += u32::from(!sent.iter().any(|sent| matches!(sent, Sent::Whole(_))));
            prints.extend(of_host.into_iter().map(|(name, print)| ((name, version.clone()), print)));
            tried.extend(outcomes);
        }
        self.staged.extend(prints);
        self.tried = tried;
        Ok(done(Detail::Staged { bytes: Bytes(bytes), already_there }))
    }

    async fn stage_on(
        &self,
        step: &Step,
        name: &MemberName,
        version: &Version,
        folder: &str,
        wanted: &[String],
    ) -> Result<Vec<Staged>, ExecuteError> {
        let member = self.world.member(name)?;
        let pin = pin(self.plan, version, &member.arch)?;
        let dir = self.world.release_dir(pin)?;
        let programs: Vec<Program> = pin
            .binaries
            .iter()
            .filter(|(program, _)| wanted.contains(program))
            .map(|(program, binary)| Program { name: program.clone(), local: dir.join(program), digest: binary.sha256 })
            .collect();
        let sent = std::sync::Mutex::new(BTreeMap::<String, u64>::new());
        let sizes = pin.binaries.iter().filter(|(program, _)| wanted.contains(program));
        let total = Bytes(sizes.map(|(_, binary)| binary.size.0).sum());
        let progress = |program: &str, bytes: Bytes| {
            let Ok(mut sent) = sent.lock() else { return };
            sent.insert(program.to_owned(), bytes.0);
            let done = Bytes(sent.values().sum());
            let what = format!("etcd {version} to {name}");
            (self.events)(Event::Progress {
                step: step.id,
                member: Some(name.clone()),
                what,
                done,
                total: Some(total),
            });
        };
        Ok(stage(&member.host, folder, version, &programs, &progress).await?)
    }

    async fn preflight(&mut self, step: &Step) -> Result<EffectResult, ExecuteError> {
        let Action::Preflight { version, members } = &step.action else {
            return Err(ExecuteError::WrongStep { step: step.id });
        };
        let tried = std::mem::take(&mut self.tried);
        let each = members.iter().map(async |name| match tried.get(name) {
            Some(outcome) => (name, Ok(outcome.clone())),
            None => (name, self.preflight_on(name, version).await),
        });
        let mut accepted = Vec::new();
        let mut complaints = Vec::new();
        let mut todo = BTreeSet::new();
        for (name, outcome) in join_all(each).await {
            let (outcome, arguments) = outcome?;
            let (complaint, fix) = match outcome {
                PreflightOutcome::Accepted { .. } => {
                    accepted.push((name.clone(), arguments));
                    continue;
                }
                PreflightOutcome::Rejected { code, complaint } => (
                    format!("{name}: etcd {version} would exit with {code}: {complaint}"),
                    "take away, or correct, what the new version does not accept",
                ),
                PreflightOutcome::WrongVersion { printed } => (
                    format!("{name}: the staged binary says it is {printed}, not {version}"),
                    "see what the archive holds that `release` in the spec names: its etcd is another version",
                ),
                PreflightOutcome::NotRunnable { code, said } => (
                    format!("{name}: the staged binary does not run there (status {code}): {said}"),
                    "see why that binary does not run there: it is of another platform, lacks a library, or its file \
                     system is mounted noexec",
                ),
            };
            complaints.push(complaint);
            todo.insert(format!("{fix} (no member was touched)"));
        }
        if complaints.is_empty() {
            return Ok(done(Detail::Preflight { accepted }));
        }
        Ok(EffectResult::Failed { reason: complaints.join("; "), log: Vec::new(), todo: todo.into_iter().collect() })
    }

    async fn preflight_on(
        &self,
        name: &MemberName,
        version: &Version,
    ) -> Result<(PreflightOutcome, u32), ExecuteError> {
        let member = self.world.member(name)?;
        let facts = member.facts.as_ref().ok_or_else(|| ExecuteError::NotSeen { member: name.clone() })?;
        let at_start = facts.next_start.as_ref().map_or(&facts.args, |next| &next.args);
        let args = settings::args_after(self.plan, name).unwrap_or(at_start).clone();
        let count = u32::try_from(args.len()).unwrap_or(u32::MAX);
        let try_out = Preflight {
            binary: crate::plan::layout::staged(&self.world.cluster.runtime, version, "etcd"),
            user: member.user.clone(),
            args,
            unsupported_arch: None,
            wanted: version.clone(),
        };
        Ok((preflight(&member.host, &try_out).await?, count))
    }

    async fn create(&self, action: &CreateAction) -> Result<EffectResult, ExecuteError> {
        let member = self.world.member(&action.member)?;
        create(&member.host, &action.spec, &Templates::default()).await?;
        Ok(done(Detail::Nothing))
    }

    /// Members of a new cluster wait for each other: they are started at once.
    async fn start_together(&self, step: &Step, looks: &mut Looks<'_>) -> Result<EffectResult, ExecuteError> {
        let Action::StartTogether { members } = &step.action else {
            return Err(ExecuteError::WrongStep { step: step.id });
        };
        for name in members {
            looks.forget(name);
        }
        let each = members.iter().map(async |name| {
            let member = self.world.member(name)?;
            Ok::<_, ExecuteError>((name, start(&member.host, &member.site, CREATED_START_WATCH).await?))
        });
        for outcome in join_all(each).await {
            if let (name, StartOutcome::Died(death)) = outcome? {
                return Ok(EffectResult::failed(&member::obituary(name, &death), death.log));
            }
        }
        Ok(done(Detail::Nothing))
    }
}

pub(super) fn done(detail: Detail) -> EffectResult {
    EffectResult::Done { detail }
}

pub(super) fn skipped(why: &str) -> EffectResult {
    EffectResult::Skipped { why: why.to_owned() }
}
