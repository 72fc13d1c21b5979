//! Where the time went: effects and waits of a journal as bars, one lane for all members and one for each.
//!
//! Places are by the journal's times, lengths by what it measured. A clock that jumped makes a bar stand in an odd place,
//! never outside of its lane.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::execute::journal::{EffectResult, Entry, GateStage, Line};
use crate::plan::model::{Plan, StepId};
use crate::units::MemberName;
use crate::view::phrases::{effect_name, title};
use crate::view::step::subject;
use crate::view::words::milliseconds;

/// A bar that is narrower, in percent, would not be seen.
const NARROWEST: f64 = 0.4;

/// Bars that are drawn; a run has some ten for each member.
const MOST_BARS: usize = 3000;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    lane: Option<MemberName>,
    step: StepId,
    what: String,
    kind: &'static str,
    /// Since the first line, by the controller's clock.
    begin_ms: u64,
    took_ms: u64,
}

/// Lanes with their bars, the same in a table, and the scale below; nothing where nothing was measured.
pub fn timeline(plan: Option<&Plan>, lines: &[Line]) -> Value {
    let bars = bars(plan, lines);
    let Some(end) = bars.iter().map(|bar| bar.begin_ms + bar.took_ms).max().filter(|end| *end > 0) else {
        return Value::Null;
    };
    let percent = |ms: u64| (ms.min(end) as f64) * 100.0 / (end as f64);
    let titles: BTreeMap<StepId, String> =
        plan.into_iter().flat_map(Plan::steps).map(|step| (step.id, title(&step.action))).collect();
    let told = |bar: &Bar| {
        let left = percent(bar.begin_ms).min(100.0 - NARROWEST);
        let width = percent(bar.took_ms).max(NARROWEST).min(100.0 - left);
        json!({
            "lane": bar.lane.as_ref().map_or("all members", MemberName::as_str),
            "step": bar.step.0,
            "title": titles.get(&bar.step),
            "what": bar.what,
            "kind": bar.kind,
            "left": format!("{left:.2}"),
            "width": format!("{width:.2}"),
            "at": milliseconds(bar.begin_ms),
            "took": milliseconds(bar.took_ms),
        })
    };
    let mut names: Vec<Option<&MemberName>> = bars.iter().map(|bar| bar.lane.as_ref()).collect();
    names.sort();
    names.dedup();
    let lanes = names.into_iter().map(|lane| {
        let mut own: Vec<&Bar> = bars.iter().filter(|bar| bar.lane.as_ref() == lane).collect();
        // What comes later covers what was before it: a wait must not hide what was done.
        own.sort_by_key(|bar| bar.kind != "wait");
        let own: Vec<Value> = own.into_iter().map(told).collect();
        json!({ "name": lane.map_or("all members", MemberName::as_str), "bars": own })
    });
    let marks = (0..=4u64).map(|quarter| milliseconds(end * quarter / 4));
    json!({
        "lanes": lanes.collect::<Vec<_>>(),
        "bars": bars.iter().map(told).collect::<Vec<_>>(),
        "marks": marks.collect::<Vec<_>>(),
    })
}

fn bars(plan: Option<&Plan>, lines: &[Line]) -> Vec<Bar> {
    let at = |line: &Line| OffsetDateTime::parse(&line.at, &Rfc3339).ok();
    let Some(first) = lines.iter().find_map(at) else { return Vec::new() };
    let about = |step: &StepId| plan.and_then(|plan| plan.step(*step)).and_then(|step| subject(&step.action)).cloned();
    let mut bars = Vec::new();
    for line in lines {
        let (lane, step, what, kind, took_ms) = match &line.entry {
            Entry::ReadyFor { step, waited_ms, .. } => {
                (about(step), step, "wait for the gates before it".to_owned(), "wait", *waited_ms)
            }
            Entry::StepDone { step, waited_ms, .. } => {
                (about(step), step, "wait for the gates after it".to_owned(), "wait", *waited_ms)
            }
            Entry::StepUndone { step, waited_ms, .. } => {
                (about(step), step, "wait after the old binary was put back".to_owned(), "undo", *waited_ms)
            }
            Entry::GateFailed { step, stage, waited_ms, .. } => {
                let what = match stage {
                    GateStage::Before => "gates before it did not hold",
                    GateStage::After => "gates after it did not hold",
                    GateStage::Undo => "gates after it was put back did not hold",
                };
                (about(step), step, what.to_owned(), "failed", *waited_ms)
            }
            Entry::Outcome { step, effect, result, took_ms } => {
                let is_undo = matches!(effect, crate::execute::journal::Effect::PutBack { .. });
                let kind = match result {
                    EffectResult::Failed { .. } | EffectResult::Refused { .. } => "failed",
                    EffectResult::Skipped { .. } | EffectResult::AlreadyDone { .. } => "wait",
                    EffectResult::Done { .. } if is_undo => "undo",
                    EffectResult::Done { .. } => "work",
                };
                let member = crate::view::phrases::effect(effect, None).0.cloned().or_else(|| about(step));
                (member, step, effect_name(effect).to_owned(), kind, *took_ms)
            }
            _ => continue,
        };
        // What took no time is told in the journal; a failure is always seen.
        if took_ms == 0 && kind != "failed" {
            continue;
        }
        let since = at(line).map_or(0, |now| u64::try_from((now - first).whole_milliseconds()).unwrap_or(0));
        bars.push(Bar { lane, step: *step, what, kind, begin_ms: since.saturating_sub(took_ms), took_ms });
        if bars.len() == MOST_BARS {
            break;
        }
    }
    bars
}
