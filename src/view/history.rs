//! Runs that are kept: which there were, and one of them step by step, as its journal tells.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::json::JSON_FORMAT;
use super::narrate::{Narrator, Pace, Utterance};
use super::notes::Again;
use super::page::{Page, Style, Tone, cell};
use super::phrases::{effect, effect_name};
use super::summary::{RunSummary, row, write_availability, write_ending, write_kept, write_steps};
use super::words::{count, milliseconds};
use crate::execute::event::Event;
use crate::execute::journal::{Ending, Entry, Line};
use crate::plan::model::{Kind, Plan};

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRecord {
    pub id: String,
    pub cluster: Option<String>,
    pub kind: Option<Kind>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub who: Option<String>,
    pub controller: Option<String>,
    pub began: Option<String>,
    /// When the last line was written.
    pub last: Option<String>,
    pub took_ms: Option<u64>,
    #[serde(flatten)]
    pub state: RunState,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum RunState {
    Ended {
        ending: Ending,
    },
    /// It holds the lock of the state right now.
    UnderWay,
    /// No last line, and nobody who would write it.
    Died {
        /// What was begun, and of which no end is known.
        in_hand: Option<String>,
    },
    Unreadable {
        reason: String,
    },
}

impl RunRecord {
    #[must_use]
    pub fn new(id: &str, plan: Option<&Plan>, lines: &[Line], is_under_way: bool) -> Self {
        let (first, last) = (lines.first().map(|line| line.at.clone()), lines.last().map(|line| line.at.clone()));
        let mut record = Self {
            cluster: plan.map(|plan| plan.cluster.to_string()),
            kind: plan.map(|plan| plan.kind),
            from: plan.and_then(|plan| plan.summary.from.as_ref()).map(ToString::to_string),
            to: plan.map(|plan| plan.summary.to.to_string()),
            took_ms: first.as_deref().zip(last.as_deref()).and_then(|(first, last)| between(first, last)),
            began: first,
            last,
            state: state(lines, is_under_way),
            ..Self::unreadable(id, "")
        };
        if let Some(Entry::RunStarted { cluster, who, controller, .. }) = lines.first().map(|line| &line.entry) {
            record.cluster = Some(cluster.clone());
            record.who = Some(who.clone());
            record.controller = Some(controller.clone());
        }
        record
    }

    #[must_use]
    pub fn unreadable(id: &str, reason: &str) -> Self {
        Self {
            id: id.to_owned(),
            cluster: None,
            kind: None,
            from: None,
            to: None,
            who: None,
            controller: None,
            began: None,
            last: None,
            took_ms: None,
            state: RunState::Unreadable { reason: reason.to_owned() },
        }
    }

    pub(super) fn what(&self) -> String {
        let to = self.to.as_deref().unwrap_or("?");
        match (self.kind, &self.from) {
            (None, _) => "a run whose plan cannot be read".to_owned(),
            (Some(Kind::Upgrade | Kind::Downgrade), Some(from)) => format!("{from} to {to}"),
            (Some(Kind::Backup), _) => "backup".to_owned(),
            (Some(Kind::Create), _) => format!("creation at {to}"),
            (Some(kind), _) => format!("{} {to}", kind_word(kind)),
        }
    }
}

/// As it is written in plans: kinds that are added later have a word as well.
fn kind_word(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn state(lines: &[Line], is_under_way: bool) -> RunState {
    if let Some(Entry::RunEnded { ending }) = lines.last().map(|line| &line.entry) {
        return RunState::Ended { ending: ending.clone() };
    }
    if is_under_way {
        return RunState::UnderWay;
    }
    let in_hand = match lines.last().map(|line| &line.entry) {
        Some(Entry::Intent { step, effect: what }) => {
            let whom = effect(what, None).0.map(|member| format!(" of {member}")).unwrap_or_default();
            Some(format!("step {}: {}{whom}", step.0, effect_name(what)))
        }
        _ => None,
    };
    RunState::Died { in_hand }
}

/// Milliseconds from one moment to the other, by the controller's clock.
fn between(first: &str, last: &str) -> Option<u64> {
    let at = |text| OffsetDateTime::parse(text, &Rfc3339).ok();
    Duration::try_from(at(last)? - at(first)?).ok().and_then(|took| u64::try_from(took.as_millis()).ok())
}

pub(super) fn ended(state: &RunState) -> (Tone, String) {
    match state {
        RunState::Ended { ending: Ending::Succeeded } => (Tone::Good, "succeeded".to_owned()),
        RunState::Ended { ending: Ending::Held { before } } => (Tone::Warn, format!("held before step {}", before.0)),
        RunState::Ended { ending: Ending::Interrupted { signal } } => (Tone::Warn, format!("interrupted by {signal}")),
        RunState::Ended { ending: Ending::Failed { step, reason, rolled_back, .. } } => {
            let place = step.map(|step| format!(" at step {}", step.0)).unwrap_or_default();
            let back = rolled_back.as_ref().map(|member| format!("; {member} runs its old binary")).unwrap_or_default();
            (Tone::Bad, format!("failed{place}: {reason}{back}"))
        }
        RunState::UnderWay => (Tone::Strong, "goes on right now".to_owned()),
        RunState::Died { in_hand } => {
            let begun = in_hand.as_ref().map(|what| format!(" in {what}")).unwrap_or_default();
            (Tone::Bad, format!("ended without a word{begun}: the controller died; `quorate plan` shows what is left"))
        }
        RunState::Unreadable { reason } => (Tone::Bad, format!("cannot be read: {reason}")),
    }
}

/// A list of runs, oldest first.
#[must_use]
pub fn runs_text(runs: &[RunRecord], style: Style) -> String {
    let mut page = Page::new(style);
    for run in runs {
        let (tone, how) = ended(&run.state);
        page.text(0, Tone::Strong, &run.id);
        if let Some(cluster) = &run.cluster {
            let took = run.took_ms.map(|ms| format!(", {}", milliseconds(ms))).unwrap_or_default();
            let by = run.who.as_deref().zip(run.controller.as_deref());
            let by = by.map(|(who, controller)| format!(", by {who} on {controller}")).unwrap_or_default();
            page.text(2, Tone::Plain, &format!("cluster {cluster}, {}{by}{took}", run.what()));
        }
        page.text(2, tone, &how);
        page.blank();
    }
    page.text(0, Tone::Strong, &format!("{}.", count(runs.len(), "run", "runs")));
    if !runs.is_empty() {
        page.text(0, Tone::Faint, "Step by step: quorate runs show ID");
    }
    page.finish()
}

#[must_use]
pub fn runs_json(runs: &[RunRecord]) -> Value {
    json!({ "type": "runs", "format": JSON_FORMAT, "count": runs.len(), "runs": runs })
}

/// One run, step by step.
#[must_use]
pub fn history_text(record: &RunRecord, plan: Option<&Plan>, lines: &[Line], torn: bool, style: Style) -> String {
    let mut page = Page::new(style);
    let cluster = record.cluster.as_deref().unwrap_or("?");
    page.text(0, Tone::Strong, &format!("Run {} of cluster {cluster}: {}", record.id, record.what()));
    page.blank();
    write_timeline(&mut page, plan, lines);
    if torn {
        page.text(0, Tone::Warn, "The last line was cut short by a crash while it was written, and is left out.");
    }
    page.blank();
    let summary = summary(plan, lines, record);
    match (&record.state, &summary) {
        (RunState::Ended { .. }, Some(summary)) => write_ending(&mut page, summary),
        (state, _) => {
            let (tone, how) = ended(state);
            let mut sentence = how.chars();
            let how: String = sentence.next().map(|c| c.to_uppercase().chain(sentence).collect()).unwrap_or_default();
            page.text(0, tone, &format!("{how}."));
            row(&mut page, "run", &record.id);
        }
    }
    if let Some(summary) = &summary {
        write_steps(&mut page, summary);
        write_availability(&mut page, summary);
        write_kept(&mut page, summary);
    }
    page.finish()
}

#[must_use]
pub fn history_json(record: &RunRecord, plan: Option<&Plan>, lines: &[Line], torn: bool) -> Value {
    let summary = summary(plan, lines, record);
    json!({ "type": "run", "format": JSON_FORMAT, "run": record, "torn": torn, "journal": lines, "summary": summary })
}

pub(super) fn summary(plan: Option<&Plan>, lines: &[Line], record: &RunRecord) -> Option<RunSummary> {
    let plan = plan?;
    let words = std::iter::once("quorate".to_owned()).chain(plan.finished_by()).collect();
    let mut summary = RunSummary::new(plan, Again { words, untold: Vec::new() });
    for line in lines {
        summary.add(&Event::Journal(line.clone()));
    }
    summary.took_ms = record.took_ms.unwrap_or_default();
    if let RunState::Ended { ending } = &record.state {
        summary.ending = Some(ending.clone());
    }
    Some(summary)
}

fn write_timeline(page: &mut Page, plan: Option<&Plan>, lines: &[Line]) {
    /// `2026-01-02T15:04:05.678Z`, and a space.
    const TIME: usize = 25;
    let mut narrator = Narrator::new(plan);
    for line in lines {
        for utterance in narrator.tell(&Event::Journal(line.clone()), Duration::ZERO) {
            match utterance {
                Utterance::Said { tone, text, below } => {
                    page.row(0, &[cell(Tone::Faint, &line.at, TIME)], tone, &text);
                    for line in below {
                        page.row(TIME, &[cell(Tone::Faint, "|", 2)], Tone::Plain, &line);
                    }
                }
                Utterance::Doing { pace: Pace::Once, text, .. } => {
                    page.row(0, &[cell(Tone::Faint, &line.at, TIME)], Tone::Faint, &text);
                }
                Utterance::Doing { .. } | Utterance::Over(_) => {}
            }
        }
    }
}
