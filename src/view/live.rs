//! Live lines on a terminal: one for each place where something goes on, below the lines that have been said.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::escape::escape;
use super::narrate::{Place, Utterance};
use super::page::{Style, paint};

/// Redraws a second, at most: enough to look alive, cheap over a slow link.
const REDRAWS: u8 = 8;
const TICK: Duration = Duration::from_millis(250);
/// More places than this at once are not drawn each.
const MOST_LINES: usize = 12;

pub struct Live {
    style: Style,
    screen: MultiProgress,
    lines: BTreeMap<Place, ProgressBar>,
}

impl Live {
    pub fn on_stdout(style: Style) -> Self {
        Self::on(style, ProgressDrawTarget::stdout_with_hz(REDRAWS))
    }

    fn on(style: Style, target: ProgressDrawTarget) -> Self {
        Self { style, screen: MultiProgress::with_draw_target(target), lines: BTreeMap::new() }
    }

    pub fn show(&mut self, utterance: &Utterance) {
        match utterance {
            Utterance::Said { tone, text, below } => {
                let mut lines = paint(self.style.color, *tone, &escape(text));
                for line in below {
                    lines.push_str("\n      ");
                    lines.push_str(&escape(line));
                }
                // A terminal that is gone takes nothing any more: the work goes on.
                let _ = self.screen.println(lines);
            }
            Utterance::Doing { place, text, .. } => {
                let text = escape(text);
                if let Some(line) = self.lines.get(place) {
                    line.set_message(text);
                } else if self.lines.len() < MOST_LINES {
                    let line = self.screen.add(ProgressBar::new_spinner());
                    line.set_style(spinner());
                    line.set_message(text);
                    line.enable_steady_tick(TICK);
                    self.lines.insert(place.clone(), line);
                }
            }
            Utterance::Over(place) => self.remove(place),
        }
    }

    fn remove(&mut self, over: &Place) {
        let is_over = |place: &Place| place.step == over.step && (over.member.is_none() || place.member == over.member);
        let screen = &self.screen;
        self.lines.retain(|place, line| {
            if is_over(place) {
                line.finish_and_clear();
                screen.remove(line);
            }
            !is_over(place)
        });
    }

    pub fn clear(&self) {
        for line in self.lines.values() {
            line.finish_and_clear();
        }
        let _ = self.screen.clear();
    }
}

/// The message is cut to the width of the terminal. ASCII: every terminal has these.
fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars("-\\|/-")
}
