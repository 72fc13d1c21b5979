//! Live lines on a terminal: one for each place where something goes on, below the lines that have been said.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::availability::{legend, strip_line};
use super::escape::escape;
use super::narrate::{Place, Utterance};
use super::page::{Style, paint};
use crate::execute::event::MemberStrip;

/// Redraws a second, at most: enough to look alive, cheap over a slow link.
const REDRAWS: u8 = 8;
const TICK: Duration = Duration::from_millis(250);
/// More places than this at once are not drawn each.
const MOST_LINES: usize = 12;
/// Columns for the names of members beside their strips.
const WIDEST_NAME: usize = 24;

pub struct Live {
    style: Style,
    screen: MultiProgress,
    lines: BTreeMap<Place, ProgressBar>,
    /// Below the lines: what the letters mean, and one for each member.
    strips: Vec<ProgressBar>,
}

impl Live {
    pub fn on_stdout(style: Style) -> Self {
        Self::on(style, ProgressDrawTarget::stdout_with_hz(REDRAWS))
    }

    fn on(style: Style, target: ProgressDrawTarget) -> Self {
        Self { style, screen: MultiProgress::with_draw_target(target), lines: BTreeMap::new(), strips: Vec::new() }
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
                    let line = ProgressBar::new_spinner();
                    let line = match self.strips.first() {
                        Some(strips) => self.screen.insert_before(strips, line),
                        None => self.screen.add(line),
                    };
                    line.set_style(spinner());
                    line.set_message(text);
                    line.enable_steady_tick(TICK);
                    self.lines.insert(place.clone(), line);
                }
            }
            Utterance::Over(place) => self.remove(place),
        }
    }

    /// How each member answered in the last seconds; of no member: no longer.
    pub fn show_strips(&mut self, members: &[MemberStrip]) {
        let shown = &members[..members.len().min(MOST_LINES)];
        let wanted = if shown.is_empty() { 0 } else { shown.len() + 1 };
        while self.strips.len() > wanted {
            if let Some(line) = self.strips.pop() {
                line.finish_and_clear();
                self.screen.remove(&line);
            }
        }
        while self.strips.len() < wanted {
            let line = self.screen.add(ProgressBar::new_spinner());
            line.set_style(strip());
            self.strips.push(line);
        }
        let Some((head, lines)) = self.strips.split_first() else { return };
        head.set_message(legend(self.style));
        let widest = shown.iter().map(|one| console::measure_text_width(&escape(one.member.as_str()))).max();
        for (line, one) in lines.iter().zip(shown) {
            line.set_message(strip_line(one, widest.unwrap_or_default().min(WIDEST_NAME), self.style));
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
        for line in self.lines.values().chain(&self.strips) {
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

/// A line that is drawn when it changes.
fn strip() -> ProgressStyle {
    ProgressStyle::with_template("  {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;
    use crate::plan::model::StepId;
    use crate::view::fixtures;
    use crate::view::narrate::{Narrator, Pace};
    use crate::view::page::Tone;
    use crate::view::runs;

    /// A terminal that keeps what was drawn on it, or is gone.
    #[derive(Debug, Clone)]
    struct Screen {
        width: u16,
        drawn: Arc<Mutex<String>>,
        is_gone: bool,
    }

    impl Screen {
        fn new(width: u16) -> Self {
            Self { width, drawn: Arc::default(), is_gone: false }
        }

        fn text(&self) -> String {
            console::strip_ansi_codes(&self.drawn.lock().unwrap()).into_owned()
        }

        fn draw(&self, text: &str) -> io::Result<()> {
            if self.is_gone {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.drawn.lock().unwrap().push_str(text);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            self.width
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            self.draw("")
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            self.draw("")
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            self.draw("")
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            self.draw("")
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.draw(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.draw(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.draw("\n")
        }
        fn flush(&self) -> io::Result<()> {
            self.draw("")
        }
    }

    fn live(screen: &Screen) -> Live {
        // As often as anything changes.
        Live::on(Style::plain(80), ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255))
    }

    fn show_all(live: &mut Live, run: (Vec<crate::execute::event::Event>, crate::execute::journal::Ending)) {
        let mut narrator = Narrator::new(Some(&fixtures::upgrade()));
        for (second, event) in run.0.iter().enumerate() {
            for utterance in narrator.tell(event, Duration::from_secs(second as u64)) {
                live.show(&utterance);
            }
        }
        live.clear();
    }

    #[test]
    fn what_was_said_stays_and_is_escaped() {
        let screen = Screen::new(200);
        show_all(&mut live(&screen), runs::failed());
        let drawn = screen.text();
        assert!(drawn.contains("[4/7] member m1: done, after a wait of 11 s"), "{drawn}");
        assert!(drawn.contains("[5/7] m3: start failed after 400 ms: etcd exited with status 2"), "{drawn}");
        assert!(drawn.contains("\\u{1b}[2J\\u{1b}[1;31mall is well\\u{202e}\\u{7}"), "{drawn}");
    }

    #[test]
    fn nothing_is_left_of_what_went_on() {
        let screen = Screen::new(80);
        let mut live = live(&screen);
        let place = |member: &str| Place { step: StepId(1), member: Some(crate::plan::testing::name(member)) };
        for member in ["m1", "m2", "m3"] {
            let text = format!("{member}: sending");
            live.show(&Utterance::Doing { place: place(member), pace: Pace::Often, text });
        }
        assert_eq!(live.lines.len(), 3);
        live.show(&Utterance::Over(place("m2")));
        assert_eq!(live.lines.len(), 2);
        live.show(&Utterance::Over(Place { step: StepId(1), member: None }));
        assert!(live.lines.is_empty());
    }

    fn strips(letters: &str) -> Vec<MemberStrip> {
        let strip = |member: &str| MemberStrip {
            member: crate::plan::testing::name(member),
            letters: letters.to_owned(),
            cell_ms: 500,
            took_ms: Some(3),
            silent_ms: Some(10),
        };
        ["m1", "m2", "m3"].map(strip).to_vec()
    }

    #[test]
    fn strips_stand_below_what_goes_on_and_go_when_it_is_over() {
        let screen = Screen::new(80);
        let mut live = live(&screen);
        live.show_strips(&strips("....xx.."));
        let place = Place { step: StepId(4), member: None };
        live.show(&Utterance::Doing { place: place.clone(), pace: Pace::Often, text: "waits for m1".to_owned() });
        screen.drawn.lock().unwrap().clear();
        live.show_strips(&strips("...xx..o"));
        let drawn = screen.text();
        let at = |what: &str| drawn.rfind(what).unwrap_or_else(|| panic!("{what}: {drawn:?}"));
        assert!(at("waits for m1") < at(". answered"), "{drawn:?}");
        assert!(at(". answered") < at("...xx..o 3 ms"), "{drawn:?}");
        live.show(&Utterance::Over(place));
        assert_eq!((live.lines.len(), live.strips.len()), (0, 4));
        live.show_strips(&[]);
        assert!(live.strips.is_empty());
    }

    #[test]
    fn a_strip_fits_the_terminal_and_needs_no_colour() {
        let screen = Screen::new(40);
        let mut live = Live::on(Style::plain(40), ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255));
        live.show_strips(&strips(&".x".repeat(30)));
        let drawn = screen.text();
        assert!(drawn.contains(".x.x"), "{drawn:?}");
        // Lines that fill the terminal follow each other without a break.
        let last = drawn.lines().next_back().unwrap();
        assert_eq!(console::measure_text_width(last), 4 * 40, "{last:?}");
        assert!(last.contains("  m3 .x.x.x.x.x.x 3 ms"), "{last:?}");
    }

    // faults: C3
    #[test]
    fn live_lines_fit_the_terminal() {
        let screen = Screen::new(40);
        let mut live = live(&screen);
        let place = Place { step: StepId(4), member: None };
        let text = format!("waits for: {}", "m1 is behind the leader ".repeat(20));
        live.show(&Utterance::Doing { place, pace: Pace::Often, text });
        for line in live.lines.values() {
            line.tick();
        }
        let drawn = screen.text();
        assert!(drawn.contains("waits for"), "{drawn:?}");
        assert!(drawn.lines().all(|line| console::measure_text_width(line.trim_end()) <= 40), "{drawn:?}");
    }

    // faults: C3
    #[test]
    fn a_terminal_that_is_gone_does_not_stop_the_work() {
        let screen = Screen { is_gone: true, ..Screen::new(80) };
        let mut live = live(&screen);
        show_all(&mut live, runs::good());
        live.show(&Utterance::Said { tone: Tone::Plain, text: "still here".to_owned(), below: Vec::new() });
        assert_eq!(screen.text(), "");
    }
}
