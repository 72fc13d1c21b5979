//! What clients met: a strip for each member on the time of the whole run, and the figures by step.

use serde_json::{Value, json};

use crate::execute::availability::{Mark, Measured, Strip};
use crate::view::availability::{answers_sentence, stall_sentence};
use crate::view::summary::RunSummary;
use crate::view::words::{grouped, milliseconds};

/// Nothing where that was not watched, or the run died before it was written down.
pub fn availability(summary: &RunSummary, took_ms: u64) -> Value {
    let Some(answers) = &summary.availability else { return Value::Null };
    let strips = answers.strip.as_ref().map(|strip| lanes(strip, took_ms)).unwrap_or_default();
    let steps = summary.steps.iter().filter_map(|step| {
        let seen = step.availability.as_ref()?;
        Some(json!({ "number": step.step.0, "title": step.title, "seen": figures(seen) }))
    });
    let members = answers.members.iter().map(|(name, seen)| json!({ "name": name, "seen": figures(seen) }));
    let key = Mark::ALL.into_iter().filter(|mark| *mark != Mark::NotAsked);
    let key = key.map(|mark| json!({ "kind": kind(mark), "text": words(mark) }));
    json!({
        "text": answers_sentence(answers),
        "stall": stall_sentence(summary, answers),
        "lanes": strips,
        "key": key.collect::<Vec<_>>(),
        "marks": (0..=4u64).map(|quarter| milliseconds(took_ms * quarter / 4)).collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
        "members": members.collect::<Vec<_>>(),
        "whole": figures(&answers.cluster),
    })
}

fn figures(seen: &Measured) -> Value {
    let time = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), milliseconds);
    json!({
        "tries": grouped(seen.tries),
        "errors": grouped(seen.errors),
        "half": time(seen.p50_ms),
        "most": time(seen.p99_ms),
        "stall": milliseconds(seen.stall_ms),
    })
}

fn lanes(strip: &Strip, took_ms: u64) -> Vec<Value> {
    // Both began with the run; what is beyond its last entry is not drawn.
    let percent = |ms: u64| (ms.min(took_ms) as f64) * 100.0 / (took_ms.max(1) as f64);
    let lane = |(name, letters): (&crate::units::MemberName, &String)| {
        let marks: Vec<Mark> = letters.chars().filter_map(Mark::of_letter).collect();
        let mut spans = Vec::new();
        let mut place = 0;
        for same in marks.chunk_by(|one, next| one == next) {
            let (from, to) = (place as u64 * strip.cell_ms, (place + same.len()) as u64 * strip.cell_ms);
            place += same.len();
            let (left, width) = (percent(from), percent(to) - percent(from));
            if same[0] != Mark::NotAsked && width >= 0.01 {
                spans.push(json!({
                    "kind": kind(same[0]),
                    "left": format!("{left:.2}"),
                    "width": format!("{width:.2}"),
                    "text": format!("{}, from {} to {}", words(same[0]), milliseconds(from), milliseconds(to)),
                }));
            }
        }
        json!({ "name": name, "spans": spans })
    };
    strip.members.iter().map(lane).collect()
}

fn kind(mark: Mark) -> &'static str {
    match mark {
        Mark::NotAsked => "",
        Mark::Answered => "answered",
        Mark::Slow => "slow",
        Mark::VerySlow => "slower",
        Mark::Failed => "none",
    }
}

fn words(mark: Mark) -> &'static str {
    match mark {
        Mark::NotAsked => "not asked",
        Mark::Answered => "answered within 100 ms",
        Mark::Slow => "100 ms or more",
        Mark::VerySlow => "500 ms or more",
        Mark::Failed => "not answered",
    }
}
