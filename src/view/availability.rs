//! What clients met during a run, in words and as a strip.

use super::escape::escape;
use super::page::{Style, Tone, paint};
use super::summary::RunSummary;
use super::words::{grouped, milliseconds};
use crate::execute::availability::{Answers, Mark, Measured};
use crate::execute::event::MemberStrip;
use crate::plan::model::StepId;
use crate::spec::model::Probe;
use crate::units::MemberName;

/// A stall of the cluster that is told of while a run goes on.
const WORTH_A_LINE_MS: u64 = 1000;

/// Letters of a strip on the terminal, at most, and beside it.
const MOST_LETTERS: usize = 60;
const BESIDE: usize = 26;

fn noun(probe: Probe) -> &'static str {
    match probe {
        Probe::Read | Probe::Off => "reads",
        Probe::Write => "writes",
    }
}

/// `1,204 reads through 3 members, 41 not answered (m1 12, m2 14, m3 15); half within 2 ms, 99 of 100 within 14 ms`.
pub(super) fn answers_sentence(answers: &Answers) -> String {
    let Answers { probe, cluster, members, .. } = answers;
    let through = match members.len() {
        1 => "1 member".to_owned(),
        number => format!("{number} members"),
    };
    let failed = members.iter().filter(|(_, seen)| seen.errors > 0);
    let each: Vec<String> = failed.map(|(name, seen)| format!("{name} {}", grouped(seen.errors))).collect();
    let not_answered = match cluster.errors {
        0 => "all answered".to_owned(),
        errors => format!("{} not answered ({})", grouped(errors), each.join(", ")),
    };
    let times = times(cluster).map(|times| format!("; {times}")).unwrap_or_default();
    format!("{} {} through {through}, {not_answered}{times}", grouped(cluster.tries), noun(*probe))
}

fn times(seen: &Measured) -> Option<String> {
    let (half, most) = (seen.p50_ms?, seen.p99_ms?);
    Some(format!("half within {}, 99 of 100 within {}", milliseconds(half), milliseconds(most)))
}

/// `longest stall of the cluster 131 ms, 12.4 s after the start, in step 6`.
pub(super) fn stall_sentence(summary: &RunSummary, answers: &Answers) -> Option<String> {
    let at = answers.cluster.stalled_at_ms?;
    let of_it = |step: &&super::summary::StepSummary| {
        step.availability.as_ref().is_some_and(|seen| seen.stalled_at_ms == Some(at))
    };
    let longest =
        summary.steps.iter().filter(of_it).max_by_key(|step| step.availability.as_ref().map(|seen| seen.stall_ms));
    let step = longest.map(|step| format!(", in step {}", step.step.0)).unwrap_or_default();
    Some(format!(
        "longest stall of the cluster {}, {} after the start{step}",
        milliseconds(answers.cluster.stall_ms),
        milliseconds(at)
    ))
}

/// What is worth a line at the end of a step: members that had nothing done to them did not answer, or nobody did for a while.
pub(super) fn unusual(answers: &Answers, in_hand: Option<&MemberName>) -> Option<String> {
    let others = answers.members.iter().filter(|(name, seen)| Some(*name) != in_hand && seen.errors > 0);
    let others: Vec<String> =
        others.map(|(name, seen)| format!("{name} {} of {}", grouped(seen.errors), grouped(seen.tries))).collect();
    let stall = answers.cluster.stall_ms;
    let stalled = (stall >= WORTH_A_LINE_MS).then(|| format!("no member answered for {}", milliseconds(stall)));
    let failed = (!others.is_empty()).then(|| format!("{} not answered: {}", noun(answers.probe), others.join(", ")));
    let told: Vec<String> = stalled.into_iter().chain(failed).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// No member answered for longer than is borne.
pub(super) fn stall_too_long(step: Option<StepId>, stalled_ms: u64, bound_ms: u64) -> String {
    let step = step.map(|step| format!(" in step {}", step.0)).unwrap_or_default();
    format!(
        "no member answered for {stalled_ms} ms{step}, and the spec bears {}: the operation in hand is brought to a safe end, \
         then the run stops",
        milliseconds(bound_ms)
    )
}

/// Above the strips of the terminal.
pub(super) fn legend(style: Style) -> String {
    let text = ". answered  o 0.1 s  O 0.5 s or more  x not answered  - not asked";
    paint(style.color, Tone::Faint, text)
}

/// One member on the terminal.
pub(super) fn strip_line(strip: &MemberStrip, name_width: usize, style: Style) -> String {
    let name = escape(strip.member.as_str());
    let room = style.width.saturating_sub(name_width + BESIDE).clamp(4, MOST_LETTERS);
    let letters: Vec<Mark> = strip.letters.chars().filter_map(Mark::of_letter).collect();
    let shown = &letters[letters.len().saturating_sub(room)..];
    let mut line = format!("{name:<name_width$} {}", " ".repeat(room - shown.len()));
    for same in shown.chunk_by(|one, next| one == next) {
        let text: String = same.iter().map(|mark| mark.letter()).collect();
        line.push_str(&paint(style.color, tone(same[0]), &text));
    }
    line.push(' ');
    line.push_str(&last_answer(strip));
    line
}

fn tone(mark: Mark) -> Tone {
    match mark {
        Mark::NotAsked => Tone::Faint,
        Mark::Answered => Tone::Good,
        Mark::Slow | Mark::VerySlow => Tone::Warn,
        Mark::Failed => Tone::Bad,
    }
}

fn last_answer(strip: &MemberStrip) -> String {
    match (strip.silent_ms, strip.took_ms) {
        (Some(silent), _) if silent >= WORTH_A_LINE_MS => {
            format!("no answer for {}", milliseconds(silent / 1000 * 1000))
        }
        (Some(_), Some(took)) => milliseconds(took),
        _ => "no answer yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::testing::name;
    use crate::view::page::Color;

    fn seen(tries: u64, errors: u64, stall_ms: u64) -> Measured {
        Measured {
            tries,
            errors,
            p50_ms: Some(2),
            p99_ms: Some(14),
            stall_ms,
            stalled_at_ms: Some(12_400),
            ..Default::default()
        }
    }

    fn answers(of: &[(&str, u64)], stall_ms: u64) -> Answers {
        let members: BTreeMap<_, _> =
            of.iter().map(|(member, errors)| (name(member), seen(40, *errors, 900))).collect();
        let errors = of.iter().map(|(_, errors)| errors).sum();
        Answers { probe: Probe::Read, cluster: seen(40 * of.len() as u64, errors, stall_ms), members, strip: None }
    }

    #[test]
    fn figures_are_told_in_one_sentence() {
        assert_eq!(
            answers_sentence(&answers(&[("m1", 0), ("m2", 12), ("m3", 3)], 131)),
            "120 reads through 3 members, 15 not answered (m2 12, m3 3); half within 2 ms, 99 of 100 within 14 ms"
        );
        assert_eq!(
            answers_sentence(&answers(&[("m1", 0)], 131)),
            "40 reads through 1 member, all answered; half within 2 ms, 99 of 100 within 14 ms"
        );
    }

    #[test]
    fn a_member_in_hand_that_does_not_answer_is_not_unusual() {
        let quiet = answers(&[("m1", 9), ("m2", 0)], 999);
        assert_eq!(unusual(&quiet, Some(&name("m1"))), None);
        assert_eq!(unusual(&quiet, Some(&name("m2"))).unwrap(), "reads not answered: m1 9 of 40");
        let stalled = answers(&[("m1", 9), ("m2", 1)], 1_300);
        assert_eq!(
            unusual(&stalled, Some(&name("m1"))).unwrap(),
            "no member answered for 1.3 s; reads not answered: m2 1 of 40"
        );
    }

    fn strip(letters: &str, silent_ms: Option<u64>) -> MemberStrip {
        MemberStrip { member: name("m1"), letters: letters.to_owned(), cell_ms: 500, took_ms: Some(12), silent_ms }
    }

    #[test]
    fn a_strip_says_the_same_without_colour() {
        let plain = strip_line(&strip("..oOxx-.", Some(100)), 3, Style::plain(40));
        assert_eq!(plain, "m1     ..oOxx-. 12 ms");
        let colour = strip_line(&strip("..oOxx-.", Some(100)), 3, Style { width: 40, color: Color::On });
        assert!(colour.contains("\u{1b}[1;31mxx\u{1b}[0m"), "{colour:?}");
        assert_eq!(console::strip_ansi_codes(&colour), plain);
    }

    #[test]
    fn a_narrow_terminal_shows_the_newest() {
        let letters = format!("{}x", ".".repeat(59));
        let line = strip_line(&strip(&letters, Some(2_300)), 2, Style::plain(40));
        assert_eq!(line, "m1 ...........x no answer for 2 s");
        let wide = strip_line(&strip(&letters, None), 2, Style::plain(200));
        assert_eq!(wide, format!("m1 {letters} no answer yet"));
    }

    #[test]
    fn what_is_no_letter_of_a_strip_is_left_out() {
        let line = strip_line(&strip(".\u{1b}[2Jx", Some(1)), 2, Style::plain(40));
        assert!(!line.contains('\u{1b}') && line.contains(".x"), "{line:?}");
    }
}
