//! What is said when a run ends at once, by a second signal: in which state each member was left, as far as it is known.

use std::collections::BTreeMap;

use super::notes::Again;
use super::page::Style;
use super::phrases::{effect, title};
use super::refusal::error_text;
use crate::execute::event::Event;
use crate::execute::journal::{Effect, EffectResult, Entry};
use crate::plan::model::{Action, Operation, Plan};
use crate::units::MemberName;

const UNTOUCHED: &str = "not stopped by this run";
const STOPPING: &str = "was being stopped";
const DOWN: &str = "is down: it was stopped";
const STARTING: &str = "was being started";
const STARTED: &str = "was started, and not seen to serve yet";
const NOT_UP: &str = "is down: it did not come up";
const SERVES: &str = "serves: its step is done";
const ANOTHER: &str = "runs another binary than was planned for, and was left as it is";
const GOING_BACK: &str = "was being put back on its old binary";
const BACK: &str = "was put back on its old binary, and not seen to serve yet";
const SERVES_AGAIN: &str = "serves on its old binary again";

/// Follows a run, to be asked when it is given up.
pub struct LastWords {
    plan: Plan,
    again: Again,
    run: Option<String>,
    members: BTreeMap<MemberName, &'static str>,
    /// An effect that was begun, and whose outcome is not known.
    begun: Option<String>,
}

impl LastWords {
    #[must_use]
    pub fn new(plan: &Plan, again: Again) -> Self {
        let members = plan.declared.members.iter().map(|member| (member.name.clone(), UNTOUCHED)).collect();
        Self { plan: plan.clone(), again, run: None, members, begun: None }
    }

    pub fn add(&mut self, event: &Event) {
        let Event::Journal(line) = event else { return };
        match &line.entry {
            Entry::RunStarted { run, .. } => self.run = Some(run.clone()),
            Entry::Intent { step, effect: begun } => {
                let action = self.plan.step(*step).map(|step| &step.action);
                let (member, what) = effect(begun, action);
                let whom = member.map_or_else(|| action.map(title).unwrap_or_default(), ToString::to_string);
                self.begun = Some(format!("{whom}: {what}"));
                let members = touched(begun, action);
                self.note(members, state_when_begun(begun));
            }
            Entry::Outcome { step, effect, result, .. } => {
                self.begun = None;
                let members = touched(effect, self.plan.step(*step).map(|step| &step.action));
                self.note(members, state_after(effect, result));
            }
            Entry::StepDone { step, .. } => self.note_step(*step, SERVES),
            Entry::StepUndone { step, .. } => self.note_step(*step, SERVES_AGAIN),
            Entry::ReadyFor { .. }
            | Entry::GateFailed { .. }
            | Entry::StopRequested { .. }
            | Entry::LockLost { .. }
            | Entry::Availability { .. }
            | Entry::StallTooLong { .. }
            | Entry::RunEnded { .. } => {}
        }
    }

    fn note_step(&mut self, step: crate::plan::model::StepId, state: &'static str) {
        if let Some(Action::Member(action)) = self.plan.step(step).map(|step| &step.action) {
            self.members.insert(action.member.clone(), state);
        }
    }

    fn note(&mut self, members: Vec<MemberName>, state: Option<&'static str>) {
        let Some(state) = state else { return };
        for member in members {
            self.members.insert(member, state);
        }
    }

    /// What a person has to know now.
    #[must_use]
    pub fn text(&self, signal: &str, style: Style) -> String {
        let mut message = format!("stopped at once, by a second {signal}");
        if let Some(begun) = &self.begun {
            message.push_str(&format!("\nbegun, and not known how it ended: {begun}"));
        }
        for (member, state) in &self.members {
            message.push_str(&format!("\n{member} {state}"));
        }
        let mut todo =
            vec![format!("`{}`: it looks at what is there, brings up what is down, and goes on", self.again.command())];
        if let Some(run) = &self.run {
            todo.push(format!("`quorate runs show {run}` tells what was done until then"));
        }
        error_text(&message, &todo, style)
    }
}

/// The members that an effect starts or stops.
fn touched(effect: &Effect, action: Option<&Action>) -> Vec<MemberName> {
    match (effect, action) {
        (Effect::Operate { member, .. } | Effect::PutBack { member }, _) => vec![member.clone()],
        (Effect::StopAll, Some(Action::StopAll { members, .. }))
        | (Effect::StartTogether, Some(Action::StartTogether { members })) => members.clone(),
        _ => Vec::new(),
    }
}

fn state_when_begun(effect: &Effect) -> Option<&'static str> {
    match effect {
        Effect::Operate { operation: Operation::Stop { .. }, .. } | Effect::StopAll => Some(STOPPING),
        Effect::Operate { operation: Operation::Start { .. }, .. } | Effect::StartTogether => Some(STARTING),
        Effect::PutBack { .. } => Some(GOING_BACK),
        _ => None,
    }
}

fn state_after(effect: &Effect, result: &EffectResult) -> Option<&'static str> {
    let failed = matches!(result, EffectResult::Failed { .. });
    if let (Effect::Operate { .. } | Effect::PutBack { .. }, EffectResult::Refused { .. }) = (effect, result) {
        return Some(ANOTHER);
    }
    match effect {
        Effect::Operate { operation: Operation::Stop { .. }, .. }
            if matches!(result, EffectResult::AlreadyDone { .. }) =>
        {
            Some(UNTOUCHED)
        }
        // One that would not stop may run still.
        Effect::Operate { operation: Operation::Stop { .. }, .. } | Effect::StopAll => (!failed).then_some(DOWN),
        Effect::Operate { operation: Operation::Start { .. }, .. } | Effect::StartTogether => {
            Some(if failed { NOT_UP } else { STARTED })
        }
        Effect::PutBack { .. } => Some(if failed { NOT_UP } else { BACK }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::journal::{Detail, JOURNAL_FORMAT, Line};
    use crate::plan::model::Step;
    use crate::view::fixtures::upgrade;

    // faults: C2
    #[test]
    fn each_member_is_told_in_the_state_it_was_left_in() {
        let plan = upgrade();
        let steps: Vec<&Step> = plan.steps().filter(|step| matches!(step.action, Action::Member(_))).collect();
        let again =
            Again { words: ["quorate", "apply", "-var", "a=1"].map(str::to_owned).to_vec(), untold: Vec::new() };
        let mut words = LastWords::new(&plan, again);
        let mut tell = |entry| {
            let at = "2026-01-02T03:04:05.678Z".to_owned();
            words.add(&Event::Journal(Line { format: JOURNAL_FORMAT, seq: 1, at, entry }));
        };
        tell(Entry::StepDone { step: steps[0].id, leader: None, waited_ms: 0 });
        let done = || EffectResult::Done { detail: Detail::Nothing };
        for effect in crate::execute::engine::effects(steps[1]) {
            let is_swap = matches!(effect, Effect::Operate { operation: Operation::SwapBinary, .. });
            tell(Entry::Intent { step: steps[1].id, effect: effect.clone() });
            if is_swap {
                break;
            }
            tell(Entry::Outcome { step: steps[1].id, effect, result: done(), took_ms: 1 });
        }
        let text = words.text("SIGINT", Style::plain(100));
        let member = |step: &Step| match &step.action {
            Action::Member(action) => action.member.clone(),
            _ => unreachable!(),
        };
        let [first, second, third] = [member(steps[0]), member(steps[1]), member(steps[2])];
        for line in [
            "stopped at once, by a second SIGINT".to_owned(),
            format!("begun, and not known how it ended: {second}: put the new binary"),
            format!("{first} serves: its step is done"),
            format!("{second} is down: it was stopped"),
            format!("{third} not stopped by this run"),
            "`quorate apply -var a=1`".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} is not in: {text}");
        }
    }
}
