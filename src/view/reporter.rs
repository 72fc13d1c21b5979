//! Tells of a run while it goes on: live lines on a terminal, plain lines with times in a log, or JSON.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use time::OffsetDateTime;

use super::escape::escape;
use super::json::{JSON_FORMAT, json_line};
use super::live::Live;
use super::narrate::{Narrator, Pace, Place, Utterance};
use super::notes::Again;
use super::output::Output;
use super::page::{Style, paint};
use super::summary::{RunSummary, summary_text};
use crate::execute::event::Event;
use crate::execute::journal::Ending;
use crate::plan::model::Plan;

/// A wait that is shorter is not told of in a log.
const WORTH_A_LINE: Duration = Duration::from_secs(1);
/// How often something that goes on is told of in a log.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How a run is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// Lines that are drawn over, on the terminal of standard output.
    Live,
    /// One finished line after the other, each with its time.
    Lines,
    /// One JSON object a line.
    Json,
}

/// What time it is. Time comes in from outside, so that tests see the same text each time.
pub struct Clock {
    /// For people.
    pub now: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
    /// Since the reporter was made; never jumps.
    pub elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
}

impl Clock {
    #[must_use]
    pub fn system() -> Self {
        let start = Instant::now();
        Self { now: Box::new(OffsetDateTime::now_utc), elapsed: Box::new(move || start.elapsed()) }
    }

    fn stamp(&self) -> String {
        crate::state::stamp_of((self.now)())
    }
}

/// Receives the events of one run. Never fails and never blocks on anything but its output.
pub struct Reporter {
    clock: Clock,
    output: Output,
    style: Style,
    inner: Mutex<Inner>,
}

struct Inner {
    narrator: Narrator,
    /// Of a run that follows a plan.
    summary: Option<RunSummary>,
    face: Drawn,
}

enum Drawn {
    Live(Live),
    /// When each place was last told of, and with what.
    Lines(BTreeMap<Place, Duration>),
    Json,
}

impl Reporter {
    /// For a run that follows a plan; without one, for a single task such as `backup`.
    #[must_use]
    pub fn new(plan: Option<(&Plan, Again)>, face: Face, style: Style, output: Output, clock: Clock) -> Self {
        let face = match face {
            Face::Live => Drawn::Live(Live::on_stdout(style, output.clone())),
            Face::Lines => Drawn::Lines(BTreeMap::new()),
            Face::Json => Drawn::Json,
        };
        let narrator = Narrator::new(plan.as_ref().map(|(plan, _)| *plan));
        let inner = Inner { narrator, summary: plan.map(|(plan, again)| RunSummary::new(plan, again)), face };
        Self { clock, output, style, inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while drawing must not stop the work: what is drawn next may look odd, no more.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn event(&self, event: &Event) {
        let elapsed = (self.clock.elapsed)();
        let mut guard = self.inner();
        let Inner { narrator, summary, face } = &mut *guard;
        if let Some(summary) = summary {
            summary.add(event);
        }
        if let Event::Strip { members } = event {
            if let Drawn::Live(live) = face {
                live.show_strips(members);
            }
            return;
        }
        match face {
            Drawn::Json => self.output.write(&json_line(&self.event_json(event))),
            Drawn::Live(live) => {
                for utterance in narrator.tell(event, elapsed) {
                    live.show(&utterance);
                }
            }
            Drawn::Lines(told) => {
                let short_wait = matches!(event, Event::Waiting { waited_ms, .. }
                    if Duration::from_millis(*waited_ms) < WORTH_A_LINE);
                for utterance in narrator.tell(event, elapsed) {
                    if !short_wait {
                        self.line(&utterance, told, elapsed, event);
                    }
                }
            }
        }
    }

    /// Ends the telling: clears what was live, and says what came of it all. Without a plan there is no more to say.
    pub fn finish(&self, ending: &Ending) -> Option<RunSummary> {
        self.close();
        let mut guard = self.inner();
        let Inner { summary, face, .. } = &mut *guard;
        let summary = summary.as_mut()?;
        summary.end(ending, (self.clock.elapsed)());
        match face {
            Drawn::Json => self.output.write(&json_line(&summary.json())),
            Drawn::Live(live) => self.output.write(&format!("\n{}", summary_text(summary, live.style()))),
            Drawn::Lines(_) => self.output.write(&format!("\n{}", summary_text(summary, self.style))),
        }
        Some(summary.clone())
    }

    /// Clears what was live, where a run ends by an error that is told elsewhere.
    pub fn close(&self) {
        if let Drawn::Live(live) = &self.inner().face {
            live.clear();
        }
    }

    fn event_json(&self, event: &Event) -> serde_json::Value {
        let at = match event {
            Event::Journal(line) => line.at.clone(),
            _ => self.clock.stamp(),
        };
        json!({ "type": "event", "format": JSON_FORMAT, "at": at, "event": event })
    }

    fn line(&self, utterance: &Utterance, told: &mut BTreeMap<Place, Duration>, elapsed: Duration, event: &Event) {
        let at = match event {
            Event::Journal(line) => escape(&line.at),
            _ => self.clock.stamp(),
        };
        match utterance {
            Utterance::Said { tone, text, below } => {
                let mut lines = format!("{at} {}\n", paint(self.style.color, *tone, &escape(text)));
                for line in below {
                    lines.push_str(&format!("{at}     {}\n", escape(line)));
                }
                self.output.write(&lines);
            }
            Utterance::Doing { place, pace, text } => {
                let is_due = told.get(place).is_none_or(|last| elapsed.saturating_sub(*last) >= LINE_EVERY);
                if *pace == Pace::Once || is_due {
                    told.insert(place.clone(), elapsed);
                    self.output.write(&format!("{at} {}\n", escape(text)));
                }
            }
            Utterance::Over(place) => {
                told.retain(|other, _| other.step != place.step || (place.member.is_some() && other != place));
            }
        }
    }
}
