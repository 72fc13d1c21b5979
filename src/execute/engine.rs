//! The engine: which directive comes next. No I/O, no clock; its state is the fold of the journal's entries, so that
//! a start and a resume are the same thing.

use std::collections::BTreeSet;

use crate::execute::by_hand;
use crate::execute::journal::{Effect, EffectResult, Ending, Entry, GateStage};
use crate::knowledge::RestoreMeans;
use crate::plan::model::{Action, Gate, Kind, MemberAction, Operation, Plan, ReplacementKind, Step, StepId};
use crate::spec::model::OnFailure;
use crate::units::{MemberName, Minor, Span};

/// What the driver has to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive<'p> {
    /// Judge these gates on fresh observations until they hold or their bound is over.
    Await {
        step: &'p Step,
        stage: GateStage,
        gates: Vec<Gate>,
    },
    Perform {
        step: &'p Step,
        effect: Effect,
    },
    End(Ending),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Between steps: the next one is picked, its gates are judged.
    Between,
    /// The effect of this number is next, or in flight.
    Effects {
        step: StepId,
        next: usize,
    },
    GatesAfter {
        step: StepId,
    },
    PuttingBack {
        step: StepId,
        failure: Failure,
    },
    GatesUndo {
        step: StepId,
        failure: Failure,
    },
    Ended(Ending),
}

/// Why a step failed, and what to do about it where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    reason: String,
    todo: Vec<String>,
}

/// What gates that failed say besides their reasons.
struct Found<'e> {
    culprits: &'e [MemberName],
    unwell: &'e [MemberName],
    dead: &'e [MemberName],
    cluster_version: Option<Minor>,
}

/// How often in one run a member may be put off because it has just become leader. Where leadership moves faster than
/// this, waiting for a better moment is no use.
const MOST_DEFERRALS: u32 = 16;

pub struct Engine<'p> {
    plan: &'p Plan,
    done: BTreeSet<StepId>,
    /// How often a member step was put off because its member led when its turn had come.
    deferrals: u32,
    leader: Option<MemberName>,
    stop_requested: Option<String>,
    lock_lost: Option<String>,
    stalled: Option<(Option<StepId>, Failure)>,
    phase: Phase,
}

impl<'p> Engine<'p> {
    /// At the start of a plan.
    pub fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            done: BTreeSet::new(),
            deferrals: 0,
            leader: plan.summary.leader.clone(),
            stop_requested: None,
            lock_lost: None,
            stalled: None,
            phase: Phase::Between,
        }
    }

    pub fn directive(&self) -> Directive<'p> {
        match &self.phase {
            Phase::Between => self.between(),
            Phase::Effects { step, next } => self.effect(*step, *next),
            Phase::GatesAfter { step } => self.await_after(*step),
            Phase::PuttingBack { step, .. } => self.with_member(*step, |step, action| Directive::Perform {
                step,
                effect: Effect::PutBack { member: action.member.clone() },
            }),
            Phase::GatesUndo { step, .. } => self.with_member(*step, |step, action| Directive::Await {
                step,
                stage: GateStage::Undo,
                gates: undo_gates(step, action),
            }),
            Phase::Ended(ending) => Directive::End(ending.clone()),
        }
    }

    /// Whether a member that runs is about to be stopped: nothing of its step has been done that a fresh look at the
    /// gates before it would come too late for.
    pub fn is_before_a_stop(&self) -> bool {
        match &self.phase {
            Phase::Effects { step, next } => self
                .plan
                .step(*step)
                .is_some_and(|step| matches!(step.action, Action::Member(_)) && stop_is_safe(step, *next)),
            _ => false,
        }
    }

    /// Takes in what happened. Entries that do not concern the engine change nothing.
    pub fn record(&mut self, entry: &Entry) {
        match entry {
            Entry::ReadyFor { step, leader, at_target, .. } => self.ready(*step, leader.clone(), at_target),
            Entry::Outcome { step, result, .. } => self.outcome(*step, result),
            Entry::StepDone { step, leader, .. } | Entry::StepUndone { step, leader, .. } => {
                self.gates_held(*step, leader.clone());
            }
            Entry::GateFailed { step, stage, reasons, culprits, unwell, dead, cluster_version, .. } => {
                let found = Found { culprits, unwell, dead, cluster_version: *cluster_version };
                self.gate_failed(*step, *stage, &reasons.join("; "), &found);
            }
            Entry::StopRequested { signal } => self.stop_requested = Some(signal.clone()),
            Entry::LockLost { reason } => self.lock_lost = Some(reason.clone()),
            Entry::RunEnded { ending } => self.phase = Phase::Ended(ending.clone()),
            Entry::StallTooLong { step, stalled_ms, bound_ms } => {
                self.stalled = Some((*step, self.stall_too_long(*stalled_ms, *bound_ms)));
            }
            Entry::RunStarted { .. } | Entry::Intent { .. } | Entry::Availability { .. } => {}
        }
    }

    fn between(&self) -> Directive<'p> {
        let Some(step) = self.pick() else {
            return Directive::End(Ending::Succeeded);
        };
        if let Some(ending) = self.early_ending(None)
            && !self.cluster_is_down()
        {
            return Directive::End(ending);
        }
        if self.holds_before(step, &[]) {
            return Directive::End(Ending::Held { before: step.id });
        }
        Directive::Await { step, stage: GateStage::Before, gates: step.before.clone() }
    }

    /// All members were stopped, or some other plan had done it and this one finishes, and not all are back: no place to
    /// leave a cluster in at a person's Ctrl-C.
    fn cluster_is_down(&self) -> bool {
        let begun = self.plan.steps().any(|step| {
            self.done.contains(&step.id)
                && matches!(step.action, Action::StopAll { .. } | Action::MarkReplacement(_) | Action::ReplaceData(_))
        });
        let ends = |step: &Step| matches!(step.action, Action::EndReplacement { .. });
        begun && self.plan.steps().any(|step| ends(step) && !self.done.contains(&step.id))
    }

    /// The next step: in the order of the plan, but a member that leads waits until the other members of its rung
    /// are done.
    fn pick(&self) -> Option<&'p Step> {
        let next = self.plan.steps().find(|step| !self.done.contains(&step.id))?;
        if self.leads(next) {
            return self.other_members_of_rung(next).next().or(Some(next));
        }
        Some(next)
    }

    /// Whether the step stops the member that led when last seen.
    fn leads(&self, step: &Step) -> bool {
        match &step.action {
            Action::Member(action) => self.leader.as_ref() == Some(&action.member),
            _ => false,
        }
    }

    /// Other member steps that are not done, in the same rung.
    fn other_members_of_rung(&self, step: &Step) -> impl Iterator<Item = &'p Step> {
        let rung = self.plan.rungs.iter().find(|rung| rung.steps.iter().any(|other| other.id == step.id));
        let id = step.id;
        rung.into_iter()
            .flat_map(|rung| &rung.steps)
            .filter(move |other| other.id != id && matches!(other.action, Action::Member(_)))
            .filter(|other| !self.done.contains(&other.id))
    }

    /// How the run ends at the next safe place, where it is not to go on to its end.
    fn early_ending(&self, step: Option<StepId>) -> Option<Ending> {
        if let Some(reason) = &self.lock_lost {
            let todo = vec![format!(
                "run `{}` again: it takes the locks, looks at what is there, and finishes",
                self.command()
            )];
            return Some(Ending::Failed { step, reason: reason.clone(), rolled_back: None, todo });
        }
        if let Some((step, Failure { reason, todo })) = self.stalled.clone() {
            return Some(Ending::Failed { step, reason, rolled_back: None, todo });
        }
        self.stop_requested.clone().map(|signal| Ending::Interrupted { signal })
    }

    fn stall_too_long(&self, stalled_ms: u64, bound_ms: u64) -> Failure {
        let reason = format!(
            "no member answered for {} ms; the spec bears {} (rollout, slo, max_stall)",
            stalled_ms,
            Span::from_millis(bound_ms)
        );
        let mut todo = vec![
            "see in the report which members answered when, and what else the hosts were busy with".to_owned(),
            format!(
                "where clients bear such a stall, raise max_stall: `{}` goes on with what is left, and halts at the next one \
                 that is longer",
                self.command()
            ),
        ];
        if self.plan.kind == Kind::Upgrade {
            todo.push("to go back instead: `quorate rollback` shows which ways there are".to_owned());
        }
        Failure { reason, todo }
    }

    /// The member that was stopped and has not been started again, if there is one.
    pub fn member_that_is_down(&self) -> Option<MemberName> {
        match self.phase {
            Phase::Effects { step, next } if !self.plan.step(step).is_none_or(|step| stop_is_safe(step, next)) => {
                self.member_of(step)
            }
            Phase::PuttingBack { step, .. } => self.member_of(step),
            _ => None,
        }
    }

    /// Before the last member of a rung, where the spec says so, unless the plan says that it was held there already. Members
    /// that run the new minor, however that came, are not waited for.
    fn holds_before(&self, step: &Step, at_target: &[MemberName]) -> bool {
        let is_left = |other: &Step| self.member_of(other.id).is_some_and(|member| !at_target.contains(&member));
        let is_last = matches!(step.action, Action::Member(_)) && !self.other_members_of_rung(step).any(is_left);
        is_last
            && self.plan.rungs.iter().any(|rung| {
                let holds =
                    rung.no_return.as_ref().is_some_and(|point| point.hold.is_some() && point.goes_on.is_none());
                holds && rung.steps.iter().any(|other| other.id == step.id)
            })
    }

    fn effect(&self, id: StepId, next: usize) -> Directive<'p> {
        let Some(step) = self.plan.step(id) else {
            return lost_step(id);
        };
        // A stop is honored for as long as the member in hand still runs.
        if let Some(ending) = self.early_ending(Some(id))
            && stop_is_safe(step, next)
            && !self.cluster_is_down()
        {
            return Directive::End(ending);
        }
        match effects(step).into_iter().nth(next) {
            Some(effect) => Directive::Perform { step, effect },
            None => self.await_after(id),
        }
    }

    fn await_after(&self, id: StepId) -> Directive<'p> {
        let Some(step) = self.plan.step(id) else {
            return lost_step(id);
        };
        let waits_for_time = |gate: &Gate| matches!(gate, Gate::Soak { .. } | Gate::V2Settle { .. });
        let in_a_hurry = self.early_ending(None).is_some();
        let keep = |gate: &&Gate| !in_a_hurry || !waits_for_time(gate);
        Directive::Await { step, stage: GateStage::After, gates: step.after.iter().filter(keep).cloned().collect() }
    }

    fn with_member(&self, id: StepId, then: impl FnOnce(&'p Step, &'p MemberAction) -> Directive<'p>) -> Directive<'p> {
        match self.plan.step(id) {
            Some(step) => match &step.action {
                Action::Member(action) => then(step, action),
                _ => lost_step(id),
            },
            None => lost_step(id),
        }
    }

    fn ready(&mut self, id: StepId, leader: Option<MemberName>, at_target: &[MemberName]) {
        // Where nothing had to be looked at, what was last seen holds.
        self.leader = leader.or(self.leader.take());
        let Some(step) = self.plan.step(id) else {
            return;
        };
        if self.leads(step) && self.deferrals < MOST_DEFERRALS && self.other_members_of_rung(step).next().is_some() {
            self.deferrals += 1;
            // Also where this was the second look before one stop.
            self.phase = Phase::Between;
            return;
        }
        self.phase = if self.holds_before(step, at_target) {
            Phase::Ended(Ending::Held { before: id })
        } else {
            self.after_effect(id, 0)
        };
    }

    fn outcome(&mut self, id: StepId, result: &EffectResult) {
        if let (Phase::Effects { step, .. }, EffectResult::AlreadyDone { .. }) = (&self.phase, result)
            && *step == id
        {
            self.phase = Phase::GatesAfter { step: id };
            return;
        }
        if let (Phase::Effects { step, next }, EffectResult::Refused { reason, todo }) = (&self.phase, result)
            && *step == id
            && self.plan.step(id).is_some_and(|step| stop_is_safe(step, *next))
        {
            let todo = [todo.clone(), vec![self.again()]].concat();
            self.phase = self.ended(id, Failure { reason: reason.clone(), todo }, None);
            return;
        }
        let failed = match result {
            EffectResult::Failed { reason, todo, .. } | EffectResult::Refused { reason, todo } => {
                Some(Failure { reason: reason.clone(), todo: todo.clone() })
            }
            EffectResult::Done { .. } | EffectResult::Skipped { .. } | EffectResult::AlreadyDone { .. } => None,
        };
        self.phase = match (&self.phase, failed) {
            (Phase::Effects { step, next }, None) if *step == id => self.after_effect(id, next + 1),
            (Phase::Effects { step, next }, Some(failure)) if *step == id => self.effect_failed(id, *next, failure),
            (Phase::PuttingBack { step, failure }, None) if *step == id => {
                Phase::GatesUndo { step: id, failure: failure.clone() }
            }
            (Phase::PuttingBack { step, failure }, Some(worse)) if *step == id => {
                let reason = format!("{}; and the member could not be put back: {}", failure.reason, worse.reason);
                // What somebody else has put there is for them to say.
                let is_refused = matches!(result, EffectResult::Refused { .. });
                let rest = if is_refused { vec![self.again()] } else { self.by_hand(id) };
                let todo = [failure.todo.clone(), worse.todo, rest].concat();
                self.ended(id, Failure { reason, todo }, None)
            }
            (phase, _) => phase.clone(),
        };
    }

    fn after_effect(&self, id: StepId, next: usize) -> Phase {
        let more = self.plan.step(id).is_some_and(|step| next < effects(step).len());
        if more { Phase::Effects { step: id, next } } else { Phase::GatesAfter { step: id } }
    }

    fn effect_failed(&self, id: StepId, index: usize, mut failure: Failure) -> Phase {
        let action = self.plan.step(id).and_then(|step| match &step.action {
            Action::Member(action) => Some(action),
            _ => None,
        });
        let stopped = |action: &MemberAction| {
            action.operations.iter().take(index + 1).any(|operation| matches!(operation, Operation::Stop { .. }))
                || !action.operations.iter().any(|operation| matches!(operation, Operation::Stop { .. }))
        };
        let swapped = |action: &MemberAction| {
            action.operations.iter().take(index).any(|operation| matches!(operation, Operation::SwapBinary))
        };
        match action {
            // Without a swap the old binary is in place: bringing it up is never a matter of policy.
            Some(action)
                if stopped(action)
                    && has_way_back(action)
                    && (action.on_failure == OnFailure::RollbackMember || !swapped(action)) =>
            {
                return Phase::PuttingBack { step: id, failure };
            }
            Some(action) if stopped(action) => failure.todo.extend(self.by_hand(id)),
            _ if self.cluster_is_down() => failure.todo = [self.while_down(), failure.todo].concat(),
            // Nobody was stopped.
            _ => {
                if failure.todo.is_empty() {
                    failure.todo.push("mend what the reason names".to_owned());
                }
                failure.todo.push(self.again());
            }
        }
        self.ended(id, failure, None)
    }

    fn gates_held(&mut self, id: StepId, leader: Option<MemberName>) {
        // Where nothing had to be looked at, what was last seen holds.
        self.leader = leader.or(self.leader.take());
        self.phase = match &self.phase {
            Phase::GatesAfter { step } if *step == id => {
                self.done.insert(id);
                Phase::Between
            }
            Phase::GatesUndo { step, failure } if *step == id => {
                let mut failure = failure.clone();
                failure.todo.push("find out why (the reason and the log lines say), and mend it".to_owned());
                failure.todo.push(self.again());
                self.ended(id, failure, self.member_of(id))
            }
            phase => phase.clone(),
        };
    }

    fn gate_failed(&mut self, id: StepId, stage: GateStage, why: &str, found: &Found<'_>) {
        let reason = match stage {
            GateStage::Before => format!("not ready for the step: {why}"),
            GateStage::After => format!("after the step: {why}"),
            GateStage::Undo => format!("after the old binary was put back: {why}"),
        };
        self.phase = match (&self.phase, stage) {
            (Phase::GatesAfter { .. }, GateStage::After) if self.putting_back_helps(id, found) => {
                Phase::PuttingBack { step: id, failure: Failure { reason, todo: Vec::new() } }
            }
            (Phase::GatesUndo { failure, .. }, GateStage::Undo) => {
                let reason = format!("{}; {reason}", failure.reason);
                let todo = [failure.todo.clone(), self.by_hand(id)].concat();
                self.ended(id, Failure { reason, todo }, None)
            }
            (Phase::GatesAfter { .. }, _)
                if self.member_of(id).is_some_and(|member| found.unwell.contains(&member)) =>
            {
                self.ended(id, Failure { reason, todo: self.by_hand(id) }, None)
            }
            _ if self.cluster_is_down() => self.ended(id, Failure { reason, todo: self.while_down() }, None),
            _ => self.ended(id, Failure { reason, todo: self.bring_back(found.culprits) }, None),
        };
    }

    /// Stopping a member again only helps when it does not serve, and all others are seen to (faults E2, E3 against E5).
    /// One whose process is gone need not be stopped: whatever else is wrong, it is better up, on the binary that can be.
    /// Once the cluster version has moved there is no way back for one that runs: the old binary would not stay up.
    fn putting_back_helps(&self, id: StepId, found: &Found<'_>) -> bool {
        let sees_all = |step: &Step| step.after.iter().any(|gate| matches!(gate, Gate::AllHealthy { .. }));
        let moved = |action: &MemberAction| found.cluster_version.is_some_and(|minor| minor > action.from.minor());
        self.plan.step(id).is_some_and(|step| match &step.action {
            Action::Member(action) => {
                action.on_failure == OnFailure::RollbackMember
                    && has_way_back(action)
                    && (found.dead.contains(&action.member)
                        || (!moved(action) && sees_all(step) && found.unwell == [action.member.clone()]))
            }
            _ => false,
        })
    }

    fn ended(&self, id: StepId, failure: Failure, rolled_back: Option<MemberName>) -> Phase {
        let Failure { reason, mut todo } = failure;
        todo.extend(self.on_the_way_down(id));
        Phase::Ended(Ending::Failed { step: Some(id), reason, rolled_back, todo })
    }

    /// What holds on where a way down ends in its middle: etcd stays told.
    fn on_the_way_down(&self, id: StepId) -> Option<String> {
        let from = self.plan.summary.from.as_ref().filter(|_| self.plan.kind == Kind::Downgrade)?;
        let to = self.plan.summary.to.minor();
        let stays = match self.plan.steps().find(|step| matches!(step.action, Action::EnableDowngrade(_))) {
            Some(step) if self.done.contains(&step.id) => {
                "as etcd was told (the downgrade is still enabled)".to_owned()
            }
            Some(step) if step.id == id => "where etcd was told (then the downgrade is still enabled)".to_owned(),
            Some(_) => return None,
            // Told by an earlier run; or there are members of the lower version, and the others wait for them.
            None => "where it is already (a downgrade that was enabled before is so still)".to_owned(),
        };
        Some(format!(
            "until then the cluster stays at {to}, {stays}, and nothing is lost; to go back up instead, declare version = \
             \"{from}\" and apply: that cancels it"
        ))
    }

    fn member_of(&self, id: StepId) -> Option<MemberName> {
        match &self.plan.step(id)?.action {
            Action::Member(action) => Some(action.member.clone()),
            _ => None,
        }
    }

    /// What to do where members that are not in hand keep gates from holding.
    fn bring_back(&self, culprits: &[MemberName]) -> Vec<String> {
        let named = culprits.iter().map(MemberName::as_str).collect::<Vec<_>>().join(", ");
        let first = if named.is_empty() {
            "see that all members are healthy and agree on a leader".to_owned()
        } else {
            format!("see why {named} is not as it must be (host, process, log), and bring it back to health")
        };
        vec![first, self.again()]
    }

    fn command(&self) -> String {
        format!("quorate {}", self.plan.finished_by().join(" "))
    }

    /// The last thing to do after most failures.
    fn again(&self) -> String {
        format!("then `{}` again: it looks at what is there, and does what is left", self.command())
    }

    /// What a person can do when a whole cluster was stopped and is not back yet.
    fn while_down(&self) -> Vec<String> {
        let Some(replacement) = self.plan.replacement().filter(|_| self.cluster_is_down()) else {
            return Vec::new();
        };
        let command = self.command();
        let mut todo =
            vec![format!("do not start members by hand: `{command}` looks again, and finishes in a safe order")];
        for (name, member) in &replacement.members {
            todo.push(format!(
                "nothing was deleted: the data that {name} had is at {0}, or at {0}.quorate-replaced-{1}",
                member.data_dir,
                replacement.id.as_deref().unwrap_or("RUN"),
            ));
        }
        if replacement.kind == ReplacementKind::Rollback {
            todo.push(format!(
                "where `{command}` ends like this again, the rollback points do not make a cluster: `quorate restore -anew BACKUP` \
                 makes one of a backup (`quorate backup list`)"
            ));
        }
        todo
    }

    /// What a person can do when quorate could not bring a member back.
    fn by_hand(&self, id: StepId) -> Vec<String> {
        if self.cluster_is_down() {
            return self.while_down();
        }
        let Some(Action::Member(action)) = self.plan.step(id).map(|step| &step.action) else {
            return Vec::new();
        };
        if let Some(readd) = &action.readd {
            return by_hand::by_readding(action, readd);
        }
        if !has_way_back(action) {
            return by_hand::without_old(action, self.plan.summary.from.as_ref());
        }
        let put_it_back = if action.from.minor() > action.to.minor() {
            format!("put it back at {}, start the member, see it healthy", action.binary.path)
        } else {
            format!(
                "while the cluster version is still {}: put it back at {}, start the member, see it healthy; later than \
                 that only {} can run",
                action.from.minor(),
                action.binary.path,
                action.to
            )
        };
        vec![
            format!(
                "`quorate apply` once its host can be reached: it brings {} up; where that fails, by hand:",
                action.member
            ),
            format!("look at {}: is its process there, what does its log say", action.member),
            format!("the binary that it had before is kept at {} (version {})", action.binary.kept, action.from),
            put_it_back,
            "then `quorate plan` shows what is left".to_owned(),
        ]
    }
}

fn has_way_back(action: &MemberAction) -> bool {
    action.binary.old_sha256.is_some()
}

/// The gates of a member that was put back: it must serve again, on its old version.
fn undo_gates(step: &Step, action: &MemberAction) -> Vec<Gate> {
    let longest = |wanted: fn(&&Gate) -> bool| step.after.iter().filter(wanted).map(Gate::within).max();
    let any = longest(|_| true).unwrap_or_default();
    let within = longest(|gate| matches!(gate, Gate::AllHealthy { .. })).unwrap_or(any);
    let mut gates = vec![Gate::AllHealthy { within }, Gate::OneLeader { within }];
    if let Some(sha256) = action.binary.old_sha256 {
        let (member, version) = (action.member.clone(), action.from.clone());
        let within = longest(|gate| matches!(gate, Gate::RunsVersion { .. })).unwrap_or(any);
        gates.push(Gate::RunsVersion { member, version, sha256, within });
    }
    gates
}

/// The effects of a step, in order.
pub fn effects(step: &Step) -> Vec<Effect> {
    match &step.action {
        Action::Stage { .. } => vec![Effect::Stage],
        Action::Preflight { .. } => vec![Effect::Preflight],
        Action::Prepare { .. } => vec![Effect::Prepare],
        Action::Backup(_) => vec![Effect::Backup],
        Action::CompareData { .. } => vec![Effect::CompareData],
        Action::TakeRaftSnapshots(_) => vec![Effect::TakeRaftSnapshots],
        Action::EnableDowngrade(_) => vec![Effect::EnableDowngrade],
        Action::CancelDowngrade(_) => vec![Effect::CancelDowngrade],
        Action::Member(action) => action
            .operations
            .iter()
            .map(|operation| Effect::Operate { member: action.member.clone(), operation: operation.clone() })
            .collect(),
        Action::CreateMember(action) => vec![Effect::Create { member: action.member.clone() }],
        Action::StartTogether { .. } => vec![Effect::StartTogether],
        Action::ReadyData { .. } => vec![Effect::ReadyData],
        Action::LayRestored(action) if action.means == RestoreMeans::ForceNewCluster => {
            vec![Effect::AssembleData, Effect::LayRestored]
        }
        Action::LayRestored(_) => vec![Effect::LayRestored],
        Action::CompareRestored { .. } => vec![Effect::CompareRestored],
        Action::StopAll { .. } => vec![Effect::StopAll],
        Action::MarkReplacement(_) => vec![Effect::MarkReplacement],
        Action::ReplaceData(action) => {
            let mut effects = vec![Effect::ReplaceData { member: action.member.clone() }];
            if action.replacement.binary.is_some() || action.replacement.settings.is_some() {
                effects.push(Effect::ReplaceBinary { member: action.member.clone() });
            }
            effects
        }
        Action::EndReplacement { .. } => vec![Effect::EndReplacement],
        Action::Finish { .. } => Vec::new(),
    }
}

/// Whether a run may end before this effect without leaving a member down.
fn stop_is_safe(step: &Step, next: usize) -> bool {
    match &step.action {
        Action::Member(action) => {
            !action.operations.iter().take(next).any(|operation| matches!(operation, Operation::Stop { .. }))
                && action.operations.iter().skip(next).any(|operation| matches!(operation, Operation::Stop { .. }))
        }
        _ => next == 0,
    }
}

/// A journal that names a step which the plan does not have belongs to another plan.
fn lost_step<'p>(id: StepId) -> Directive<'p> {
    Directive::End(Ending::Failed {
        step: Some(id),
        reason: format!("the journal speaks of step {}, which this plan does not have", id.0),
        rolled_back: None,
        todo: Vec::new(),
    })
}
