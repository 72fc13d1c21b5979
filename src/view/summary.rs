//! What came of a run: gathered from its events, shown at its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::availability::{answers_sentence, stall_sentence};
use super::notes::Again;
use super::page::{Page, Style, Tone, cell};
use super::phrases::{effect, effect_name, title};
use super::words::{count, grouped, lasting, milliseconds};
use crate::execute::availability::{Answers, Measured};
use crate::execute::event::Event;
use crate::execute::journal::{Detail, Effect, EffectResult, Ending, Entry, Line};
use crate::plan::model::{Kind, Plan, StepId};
use crate::units::{Bytes, MemberName, RaftIndex, Revision, Version};

/// Most log lines of a member that are shown at the end; the journal and the host have all.
const MOST_LOG_LINES: usize = 20;

/// A run that has ended, or is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    pub run: Option<String>,
    pub cluster: String,
    pub kind: Kind,
    /// What ran when the plan was made.
    #[serde(skip)]
    pub from: Option<Version>,
    pub to: Version,
    /// All steps of the plan, in order.
    pub steps: Vec<StepSummary>,
    pub backups: Vec<BackupMade>,
    pub rollback_points: Vec<RollbackPointMade>,
    pub unexpected: Vec<UnexpectedLines>,
    pub failures: Vec<Failure>,
    /// What clients met, where that was watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability: Option<Answers>,
    pub took_ms: u64,
    pub ending: Option<Ending>,
    /// What goes on with it, should it end before it is done.
    #[serde(skip)]
    pub again: Again,
    /// How many members the cluster has: each leaves its rollback point in the run that changes it.
    #[serde(skip)]
    pub members: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepSummary {
    pub step: StepId,
    pub title: String,
    pub done: bool,
    /// Effects and waits.
    pub took_ms: u64,
    /// What clients met during it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability: Option<Measured>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupMade {
    pub id: String,
    pub dir: String,
    pub size: Bytes,
    pub revision: Option<Revision>,
    pub checks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollbackPointMade {
    pub member: MemberName,
    pub at: String,
    pub path: String,
    pub size: Bytes,
    pub raft_index: Option<RaftIndex>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnexpectedLines {
    pub member: MemberName,
    pub lines: Vec<String>,
    pub left_out: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub step: StepId,
    pub member: Option<MemberName>,
    pub what: String,
    pub reason: String,
    pub log: Vec<String>,
}

impl RunSummary {
    pub fn new(plan: &Plan, again: Again) -> Self {
        let step = |step: &crate::plan::model::Step| StepSummary {
            step: step.id,
            title: title(&step.action),
            done: false,
            took_ms: 0,
            availability: None,
        };
        Self {
            run: None,
            cluster: plan.cluster.to_string(),
            kind: plan.kind,
            from: plan.summary.from.clone(),
            to: plan.summary.to.clone(),
            steps: plan.steps().map(step).collect(),
            backups: Vec::new(),
            rollback_points: Vec::new(),
            unexpected: Vec::new(),
            failures: Vec::new(),
            availability: None,
            took_ms: 0,
            ending: None,
            again,
            members: plan.declared.members.len(),
        }
    }

    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Journal(line) => self.add_line(line),
            Event::UnexpectedLog { member, lines, left_out } => self.unexpected.push(UnexpectedLines {
                member: member.clone(),
                lines: lines.clone(),
                left_out: *left_out,
            }),
            Event::Waiting { .. } | Event::Progress { .. } | Event::Strip { .. } | Event::Notice { .. } => {}
        }
    }

    pub fn end(&mut self, ending: &Ending, took: Duration) {
        self.ending = Some(ending.clone());
        self.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    }

    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "type": "summary", "format": super::json::JSON_FORMAT, "summary": self })
    }

    fn add_line(&mut self, line: &Line) {
        match &line.entry {
            Entry::RunStarted { run, .. } => self.run = Some(run.clone()),
            Entry::ReadyFor { step, waited_ms, .. } => self.spend(*step, *waited_ms),
            Entry::StepDone { step, waited_ms, .. } => {
                self.spend(*step, *waited_ms);
                if let Some(known) = self.steps.iter_mut().find(|known| known.step == *step) {
                    known.done = true;
                }
            }
            Entry::StepUndone { step, waited_ms, .. } => self.spend(*step, *waited_ms),
            Entry::Outcome { step, effect, result, took_ms } => {
                self.spend(*step, *took_ms);
                match result {
                    EffectResult::Done { detail } => self.keep(detail, effect, &line.at),
                    EffectResult::Skipped { .. } | EffectResult::AlreadyDone { .. } => {}
                    EffectResult::Refused { reason, .. } => self.fail(*step, effect, reason, &[]),
                    EffectResult::Failed { reason, log, .. } => self.fail(*step, effect, reason, log),
                }
            }
            Entry::Availability { step: None, answers } => self.availability = Some(answers.clone()),
            Entry::Availability { step: Some(step), answers } => {
                if let Some(known) = self.steps.iter_mut().find(|known| known.step == *step) {
                    known.availability = Some(answers.cluster.clone());
                }
            }
            Entry::Intent { .. }
            | Entry::GateFailed { .. }
            | Entry::StopRequested { .. }
            | Entry::LockLost { .. }
            | Entry::StallTooLong { .. }
            | Entry::RunEnded { .. } => {}
        }
    }

    fn spend(&mut self, step: StepId, ms: u64) {
        if let Some(known) = self.steps.iter_mut().find(|known| known.step == step) {
            known.took_ms = known.took_ms.saturating_add(ms);
        }
    }

    fn keep(&mut self, detail: &Detail, what: &Effect, at: &str) {
        match (detail, effect(what, None).0) {
            (Detail::Backup { id, dir, size, revision, checks }, _) => self.backups.push(BackupMade {
                id: id.clone(),
                dir: dir.clone(),
                size: *size,
                revision: *revision,
                checks: checks.clone(),
            }),
            (Detail::RollbackPoint { path, size, raft_index }, Some(member)) => {
                self.rollback_points.push(RollbackPointMade {
                    member: member.clone(),
                    at: at.to_owned(),
                    path: path.clone(),
                    size: *size,
                    raft_index: *raft_index,
                });
            }
            _ => {}
        }
    }

    fn fail(&mut self, step: StepId, what: &Effect, reason: &str, log: &[String]) {
        self.failures.push(Failure {
            step,
            member: effect(what, None).0.cloned(),
            what: effect_name(what).to_owned(),
            reason: reason.to_owned(),
            log: log.to_vec(),
        });
    }
}

const LABEL: usize = 10;

/// What was done, what is left of it, and what to do next.
#[must_use]
pub fn summary_text(summary: &RunSummary, style: Style) -> String {
    let mut page = Page::new(style);
    write_ending(&mut page, summary);
    write_steps(&mut page, summary);
    write_availability(&mut page, summary);
    write_kept(&mut page, summary);
    write_unexpected(&mut page, summary);
    page.finish()
}

pub(super) fn row(page: &mut Page, label: &str, text: &str) {
    page.row(2, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, text);
}

/// What came of the run, in one sentence.
pub(super) fn ending_sentence(summary: &RunSummary) -> (Tone, String) {
    let took = milliseconds(summary.took_ms);
    let (cluster, to) = (&summary.cluster, &summary.to);
    let named = |id: StepId| {
        let title = summary.steps.iter().find(|step| step.step == id).map(|step| format!(", {}", step.title));
        format!("step {}{}", id.0, title.unwrap_or_default())
    };
    match &summary.ending {
        Some(Ending::Succeeded) => {
            let what = match summary.kind {
                Kind::Create => format!("is created at {to}"),
                Kind::Upgrade | Kind::Downgrade | Kind::NothingToDo => format!("is at {to}"),
                Kind::Backup => "is backed up".to_owned(),
                Kind::Rollback => format!("is back at {to}"),
                Kind::Restore => format!("is restored, at {to}"),
            };
            (Tone::Good, format!("Done in {took}: cluster {cluster} {what}."))
        }
        Some(Ending::Held { before }) => {
            (Tone::Warn, format!("Held after {took}, before {}: the spec says hold_before.", named(*before)))
        }
        Some(Ending::Interrupted { signal }) => {
            (Tone::Warn, format!("Interrupted by {signal} after {took}, at a safe place."))
        }
        Some(Ending::Failed { step, reason, .. }) => {
            let place = step.map(|id| format!(" at {}", named(id))).unwrap_or_default();
            (Tone::Bad, format!("Failed after {took}{place}: {reason}"))
        }
        None => (Tone::Warn, format!("Cluster {cluster}: the run has not ended, {took} so far.")),
    }
}

/// From where a run was held.
pub(super) fn way_back(summary: &RunSummary) -> String {
    match (summary.kind, &summary.from) {
        (Kind::Downgrade, Some(from)) => {
            format!(
                "declare version = \"{from}\" and apply: the downgrade is cancelled, and members that are done go up again"
            )
        }
        _ => {
            let rollback = summary.again.as_command("rollback").in_words();
            format!("run {rollback}: it puts back what was changed, one member after the other")
        }
    }
}

pub(super) fn write_ending(page: &mut Page, summary: &RunSummary) {
    let (tone, sentence) = ending_sentence(summary);
    page.text(0, tone, &sentence);
    match &summary.ending {
        Some(Ending::Held { .. }) => {
            let again = summary.again.in_words();
            row(page, "go on", &format!("run {again}: after a run that was held here, the next one goes on"));
            row(page, "go back", &way_back(summary));
        }
        Some(Ending::Interrupted { .. }) => {
            let again = summary.again.in_words();
            row(page, "go on", &format!("run {again}: it looks at what is there, and finishes"));
        }
        Some(Ending::Failed { rolled_back, todo, .. }) => {
            if let Some(member) = rolled_back {
                row(page, "put back", &format!("{member} runs its old binary again"));
            }
            write_failures(page, summary);
            for (place, what) in todo.iter().enumerate() {
                row(
                    page,
                    if place == 0 { "do" } else { "" },
                    &format!("{}. {}", place + 1, summary.again.told_in(what)),
                );
            }
        }
        Some(Ending::Succeeded) | None => {}
    }
    if let Some(run) = &summary.run {
        row(page, "run", run);
    }
}

fn write_failures(page: &mut Page, summary: &RunSummary) {
    let told = match &summary.ending {
        Some(Ending::Failed { reason, .. }) => reason.as_str(),
        _ => "",
    };
    for failure in &summary.failures {
        let whose = failure.member.as_ref().map(|member| format!("{member}: ")).unwrap_or_default();
        // The first line says it already, in full.
        let reason = if told.contains(&failure.reason) { "as above" } else { failure.reason.as_str() };
        row(page, "failed", &format!("step {}, {whose}{}: {reason}", failure.step.0, failure.what));
        write_log(page, &failure.log, 0);
    }
}

fn write_log(page: &mut Page, lines: &[String], left_out: u64) {
    let hidden = lines.len().saturating_sub(MOST_LOG_LINES);
    for line in &lines[hidden..] {
        page.row(2 + LABEL, &[cell(Tone::Faint, "|", 2)], Tone::Plain, line);
    }
    let hidden = left_out.saturating_add(hidden as u64);
    if hidden > 0 {
        page.text(2 + LABEL, Tone::Faint, &format!("and {} more", grouped(hidden)));
    }
}

pub(super) fn write_steps(page: &mut Page, summary: &RunSummary) {
    let done: Vec<&StepSummary> = summary.steps.iter().filter(|step| step.done).collect();
    let left: Vec<&StepSummary> = summary.steps.iter().filter(|step| !step.done).collect();
    let named = |steps: &[&StepSummary], times: fn(&StepSummary) -> String| {
        steps
            .iter()
            .map(|step| format!("{} {}{}", step.step.0, step.title, times(step)))
            .collect::<Vec<_>>()
            .join(" · ")
    };
    if !done.is_empty() {
        row(page, "done", &named(&done, |step| format!(" {}", lasting(Duration::from_millis(step.took_ms)))));
    }
    if !left.is_empty() {
        row(page, "not done", &named(&left, |_| String::new()));
    }
}

pub(super) fn write_availability(page: &mut Page, summary: &RunSummary) {
    let Some(answers) = &summary.availability else { return };
    row(page, "clients", &answers_sentence(answers));
    if let Some(stall) = stall_sentence(summary, answers) {
        row(page, "", &stall);
    }
}

pub(super) fn write_kept(page: &mut Page, summary: &RunSummary) {
    for backup in &summary.backups {
        let revision = backup.revision.map(|at| format!(", revision {}", grouped(at.0))).unwrap_or_default();
        let checks = backup.checks.join(" · ");
        row(
            page,
            "backup",
            &format!("{}: {}{revision}, in {}; verified: {checks}", backup.id, backup.size, backup.dir),
        );
    }
    for point in &summary.rollback_points {
        let index = point.raft_index.map(|at| format!(", raft index {}", grouped(at.0))).unwrap_or_default();
        row(page, "rollback", &format!("{}: {}, {}{index}, taken {}", point.member, point.path, point.size, point.at));
    }
    if !summary.rollback_points.is_empty() {
        let of_this_run = summary.rollback_points.len();
        let number = count(of_this_run, "rollback point", "rollback points");
        let others = if of_this_run < summary.members {
            " of this run; those of the other members, if any, are of the runs before it"
        } else {
            ""
        };
        row(page, "", &format!("{number}{others}. {}", use_of_points(summary.kind)));
    }
}

/// What rollback points are good for.
pub(super) fn use_of_points(kind: Kind) -> &'static str {
    match kind {
        Kind::Downgrade => {
            "The way back up is an upgrade, which loses nothing: these are kept for the worst case. Never put one back \
             alone"
        }
        _ => {
            "They are of different moments: put back only all together, by `quorate rollback -points`, never one alone \
             and never by starting all at once"
        }
    }
}

fn write_unexpected(page: &mut Page, summary: &RunSummary) {
    if summary.unexpected.is_empty() {
        row(page, "logs", "no unexpected line");
        return;
    }
    for log in &summary.unexpected {
        let number = log.lines.len() as u64 + log.left_out;
        let text = format!("{}: {}", log.member, count(number as usize, "unexpected line", "unexpected lines"));
        page.row(2, &[cell(Tone::Warn, "logs", LABEL)], Tone::Plain, &text);
        write_log(page, &log.lines, log.left_out);
    }
}
