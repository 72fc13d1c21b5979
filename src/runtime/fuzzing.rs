//! Door for [`crate::fuzzing`]: what scripts on a host answer.

use super::answer::{Answer, clean};
use super::service::{Death, MemberNow, ProcessNow, StartOutcome, StopOutcome, UnitState, now, started, stopped};
use super::stage::{PreflightOutcome, tried};
use super::{RuntimeError, leftovers};
use crate::fuzzing::{fit_to_be_shown, harmless};
use crate::units::Version;
use crate::view::{Style, error_text};

const NONCE: &str = "n";

/// Longest text that is kept of what a host said: 2000 bytes, one more character, and the sign that it goes on.
const LONGEST: usize = 2016;

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) {
    for text in texts {
        harmless(text);
        assert!(text.len() <= LONGEST, "{} bytes", text.len());
    }
}

fn unit(unit: Option<&UnitState>) {
    texts(unit.iter().flat_map(|unit| [&unit.active, &unit.sub, &unit.result, &unit.file_state]));
}

fn judge<T>(result: Result<T, RuntimeError>) -> Option<T> {
    let shown = |error: RuntimeError| {
        assert!(error.to_string().len() < 8 * LONGEST);
        fit_to_be_shown(&error_text(&error.to_string(), &[], Style::plain(80)));
    };
    result.map_err(shown).ok()
}

/// An answer, and all that is ever read from one.
pub fn answer(stdout: &[u8]) {
    let Some(answer) = judge(Answer::read("m1", "stop", NONCE, stdout, stdout)) else { return };
    texts(&answer.texts("log"));
    texts([&clean(answer.get("cursor").unwrap_or_default())]);
    let _ = (answer.digest("digest"), judge(answer.span("took")), judge(answer.need_number::<u64>("size")));
    let left = answer.all("left");
    assert!(left.iter().filter_map(|line| leftovers::read(line)).count() <= left.len());
    match judge(stopped(&answer)) {
        Some(StopOutcome::Stopped { .. } | StopOutcome::AlreadyStopped { .. } | StopOutcome::StillAlive { .. })
        | None => {}
    }
    match judge(started(&answer)) {
        Some(StartOutcome::Died(Death { said, log, unit: state, .. })) => {
            texts(said.iter().chain(&log));
            unit(state.as_ref());
        }
        Some(StartOutcome::Running(running)) => unit(running.unit.as_ref()),
        None => {}
    }
    match judge(now(&answer)) {
        Some(MemberNow::Running(ProcessNow { exe, unit: state, .. })) => {
            texts([&exe]);
            unit(state.as_ref());
        }
        Some(MemberNow::Stopped { unit: state, .. }) => unit(state.as_ref()),
        None => {}
    }
    match judge(tried(&answer, &Version::new(3, 2, 32))) {
        Some(PreflightOutcome::Rejected { complaint: text, .. } | PreflightOutcome::NotRunnable { said: text, .. }) => {
            texts([&text]);
        }
        Some(PreflightOutcome::WrongVersion { printed: text } | PreflightOutcome::Accepted { ran_as: text }) => {
            texts([&text]);
        }
        None => {}
    }
}
