//! Live lines on a terminal: one for each place where something goes on, below the lines that have been said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::area::{Area, Size};
use super::availability::{legend, strip_line};
use super::canvas::{BAR, Canvas};
use super::escape::escape;
use super::narrate::{Place, Utterance};
use super::output::Output;
use super::page::{NARROWEST, Style, WIDEST, paint};
use crate::execute::event::MemberStrip;

/// What changed is drawn so often: enough to look alive, cheap over a slow link.
const REDRAW: Duration = Duration::from_millis(125);
/// Redraws until the spinner turns.
const TURN: usize = 2;
/// ASCII: every terminal has these. The last one is for what is done, which is not shown.
const SPINNER: &str = "-\\|/-";
/// More places than this at once, and more members, are not drawn each.
const MOST_LINES: usize = 12;
/// Columns for the names of members beside their strips.
const WIDEST_NAME: usize = 24;

pub struct Live {
    drawn: Arc<Mutex<Drawn>>,
}

impl Live {
    /// Draws until it is dropped or cleared, also while nobody tells it anything.
    pub fn on_stdout(style: Style, output: Output) -> Self {
        let live = Self::on(style, output, Box::new(Size::of_stdout));
        let drawn = Arc::downgrade(&live.drawn);
        // Where there can be no thread, what goes on is drawn only with what is said; the work goes on.
        let _ = thread::Builder::new().name("live lines".to_owned()).spawn(move || redraw(&drawn));
        live
    }

    fn on(style: Style, output: Output, size: Box<dyn Fn() -> Size + Send>) -> Self {
        let canvas = Canvas::default();
        let drawn = Drawn {
            style,
            output,
            size,
            area: Area::default(),
            screen: MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(canvas.clone()))),
            canvas,
            places: BTreeMap::new(),
            strips: Vec::new(),
            redraws: 0,
            is_current: true,
        };
        Self { drawn: Arc::new(Mutex::new(drawn)) }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        // What is drawn next after a panic may look odd, no more.
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn show(&self, utterance: &Utterance) {
        let mut drawn = self.drawn();
        match utterance {
            Utterance::Said { tone, text, below } => {
                let mut lines = paint(drawn.style.color, *tone, &escape(text));
                for line in below {
                    lines.push_str("\n      ");
                    lines.push_str(&escape(line));
                }
                drawn.draw(&lines);
            }
            Utterance::Doing { place, text, .. } => {
                drawn.show(place, escape(text));
            }
            Utterance::Over(over) => {
                drawn.remove(|place| is_part_of(place, over));
            }
        }
    }

    /// How each member answered in the last seconds; of no member: no longer.
    pub fn show_strips(&self, members: &[MemberStrip]) {
        let mut drawn = self.drawn();
        drawn.strips = members.to_vec();
        drawn.is_current = false;
    }

    /// Nothing goes on any more. What was said stays.
    pub fn clear(&self) {
        let mut drawn = self.drawn();
        drawn.remove(|_| true);
        drawn.strips.clear();
        drawn.draw("");
    }

    /// For the terminal as wide as it is now.
    pub fn style(&self) -> Style {
        let drawn = self.drawn();
        drawn.style_for((drawn.size)())
    }
}

/// Also where a run ends by an error, or a panic.
impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

fn redraw(drawn: &Weak<Mutex<Drawn>>) {
    loop {
        thread::sleep(REDRAW);
        let Some(drawn) = drawn.upgrade() else { return };
        drawn.lock().unwrap_or_else(PoisonError::into_inner).tick();
    }
}

fn is_part_of(place: &Place, over: &Place) -> bool {
    place.step == over.step && (over.member.is_none() || place.member == over.member)
}

struct Drawn {
    style: Style,
    /// Silent where the terminal is gone: the work goes on.
    output: Output,
    size: Box<dyn Fn() -> Size + Send>,
    area: Area,
    /// Draws what goes on, on the canvas.
    screen: MultiProgress,
    canvas: Canvas,
    places: BTreeMap<Place, ProgressBar>,
    strips: Vec<MemberStrip>,
    redraws: usize,
    /// What is on the terminal says all that is known.
    is_current: bool,
}

impl Drawn {
    fn show(&mut self, place: &Place, text: String) {
        let before = self.places.range(..place).count();
        let screen = &self.screen;
        let bar = self.places.entry(place.clone()).or_insert_with(|| {
            let bar = screen.insert(before, ProgressBar::new_spinner());
            bar.set_style(spinner());
            bar
        });
        bar.set_message(text);
        self.is_current = false;
    }

    fn remove(&mut self, is_over: impl Fn(&Place) -> bool) {
        let screen = &self.screen;
        self.places.retain(|place, bar| {
            if is_over(place) {
                bar.finish_and_clear();
                screen.remove(bar);
                return false;
            }
            true
        });
        self.is_current = false;
    }

    /// Draws what changed: what goes on, the spinner, or the size of the terminal.
    fn tick(&mut self) {
        self.redraws = self.redraws.wrapping_add(1);
        let turns = !self.places.is_empty() && self.redraws.is_multiple_of(TURN);
        if turns {
            self.places.values().for_each(ProgressBar::tick);
        }
        if !self.is_current || turns || self.area.is_of_another_size((self.size)()) {
            self.draw("");
        }
    }

    fn draw(&mut self, said: &str) {
        let size = (self.size)();
        let rows = self.rows(self.style_for(size));
        let frame = self.area.frame(said, &rows, size);
        if !frame.is_empty() {
            self.output.write(&frame);
        }
        self.is_current = true;
    }

    fn style_for(&self, size: Size) -> Style {
        Style { width: size.columns.clamp(NARROWEST, WIDEST), ..self.style }
    }

    /// What goes on, then what the letters of the strips mean, and one for each member.
    fn rows(&self, style: Style) -> Vec<String> {
        let mut rows = self.canvas.rows();
        rows.truncate(MOST_LINES);
        let shown = &self.strips[..self.strips.len().min(MOST_LINES)];
        if shown.is_empty() {
            return rows;
        }
        rows.push(format!("  {}", legend(style)));
        let widest = shown.iter().map(|one| console::measure_text_width(&escape(one.member.as_str()))).max();
        let widest = widest.unwrap_or_default().min(WIDEST_NAME);
        rows.extend(shown.iter().map(|one| format!("  {}", strip_line(one, widest, style))));
        rows
    }
}

pub(super) fn spinner() -> ProgressStyle {
    ProgressStyle::with_template(&format!("{BAR}{{spinner}} {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars(SPINNER)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::super::area::tests::Screen;
    use super::*;
    use crate::plan::model::StepId;
    use crate::view::fixtures;
    use crate::view::narrate::{Narrator, Pace};
    use crate::view::page::Tone;
    use crate::view::runs;

    const USUAL: Size = Size { columns: 80, rows: 24 };

    /// A terminal that can be looked at, resized, and taken away.
    #[derive(Clone)]
    struct Terminal(Arc<Mutex<(Screen, Option<Size>)>>);

    impl Terminal {
        fn new(size: Size) -> Self {
            Self(Arc::new(Mutex::new((Screen::new(size), Some(size)))))
        }

        fn live(&self) -> Live {
            let known = self.clone();
            let size = move || known.0.lock().unwrap().1.unwrap_or(USUAL);
            Live::on(Style::plain(80), Output::to(self.clone()), Box::new(size))
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().0.text()
        }

        fn resize(&self, size: Size) {
            let mut terminal = self.0.lock().unwrap();
            terminal.0.resize(size);
            terminal.1 = Some(size);
        }

        fn take_away(&self) {
            self.0.lock().unwrap().1 = None;
        }
    }

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut terminal = self.0.lock().unwrap();
            if terminal.1.is_none() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            terminal.0.write(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn tick(live: &Live) {
        live.drawn().tick();
    }

    fn show_all(live: &Live, run: (Vec<crate::execute::event::Event>, crate::execute::journal::Ending)) {
        let mut narrator = Narrator::new(Some(&fixtures::upgrade()));
        for (second, event) in run.0.iter().enumerate() {
            for utterance in narrator.tell(event, Duration::from_secs(second as u64)) {
                live.show(&utterance);
                tick(live);
            }
        }
        live.clear();
    }

    fn place(member: Option<&str>) -> Place {
        Place { step: StepId(1), member: member.map(crate::plan::testing::name) }
    }

    fn doing(member: Option<&str>, text: &str) -> Utterance {
        Utterance::Doing { place: place(member), pace: Pace::Often, text: text.to_owned() }
    }

    #[test]
    fn what_was_said_stays_and_is_escaped() {
        let terminal = Terminal::new(Size { columns: 1000, rows: 10 });
        show_all(&terminal.live(), runs::failed());
        let text = terminal.text();
        assert!(text.contains("[4/7] member m1: done, after a wait of 11 s"), "{text}");
        assert!(text.contains("[5/7] m3: start failed after 400 ms: etcd exited with status 2"), "{text}");
        assert!(text.contains("\\u{1b}[2J\\u{1b}[1;31mall is well\\u{202e}\\u{7}"), "{text}");
        // No spinner is left of what went on.
        let live = |line: &&str| SPINNER.chars().any(|spinner| line.starts_with(&format!("{spinner} ")));
        assert_eq!(text.lines().find(live), None, "{text}");
    }

    #[test]
    fn nothing_is_left_of_what_went_on() {
        let terminal = Terminal::new(USUAL);
        let live = terminal.live();
        for member in ["m1", "m2", "m3"] {
            live.show(&doing(Some(member), &format!("{member}: sending")));
        }
        tick(&live);
        assert_eq!(terminal.text(), "\n- m1: sending\n- m2: sending\n- m3: sending");
        live.show(&Utterance::Over(place(Some("m2"))));
        tick(&live);
        assert_eq!(terminal.text(), "\n\\ m1: sending\n\\ m3: sending");
        live.show(&Utterance::Over(place(None)));
        tick(&live);
        assert_eq!(terminal.text(), "");
    }

    #[test]
    fn the_spinner_turns_while_nobody_tells_anything() {
        let terminal = Terminal::new(USUAL);
        let live = terminal.live();
        live.show(&doing(None, "waits"));
        let mut seen = String::new();
        for _ in 0..8 {
            tick(&live);
            seen.push_str(terminal.text().trim_start().get(..1).unwrap());
        }
        assert_eq!(seen, "-\\\\||//-");
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
        let terminal = Terminal::new(USUAL);
        let live = terminal.live();
        live.show_strips(&strips("....xx.."));
        live.show(&doing(None, "waits for m1"));
        live.show_strips(&strips("...xx..o"));
        tick(&live);
        let text = terminal.text();
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        assert!(at("waits for m1") < at(". answered"), "{text}");
        assert!(at(". answered") < at("...xx..o 3 ms"), "{text}");
        assert_eq!(text.lines().count(), 6, "{text}");
        live.show(&Utterance::Over(place(None)));
        tick(&live);
        assert!(terminal.text().trim_start().starts_with(". answered"), "{}", terminal.text());
        live.show_strips(&[]);
        tick(&live);
        assert_eq!(terminal.text(), "");
    }

    #[test]
    fn strips_follow_the_width_of_the_terminal() {
        let terminal = Terminal::new(USUAL);
        let live = terminal.live();
        live.show_strips(&strips(&".x".repeat(30)));
        tick(&live);
        for (columns, letters) in [(40, 12), (120, 60), (60, 32)] {
            terminal.resize(Size { columns, rows: 24 });
            tick(&live);
            let strip = format!("  m3 {} 3 ms", &".x".repeat(30)[60 - letters..]);
            assert_eq!(terminal.text().lines().count(), 5, "{}", terminal.text());
            assert_eq!(terminal.text().lines().next_back(), Some(strip.as_str()));
            assert_eq!(live.style().width, columns);
        }
    }

    // faults: C3
    #[test]
    fn live_lines_fit_the_terminal() {
        let terminal = Terminal::new(Size { columns: 40, rows: 24 });
        let live = terminal.live();
        live.show(&doing(None, &format!("waits for: {}", "m1 is behind the leader ".repeat(20))));
        tick(&live);
        assert_eq!(terminal.text(), "\n- waits for: m1 is behind the leader m1");
    }

    // faults: C3
    #[test]
    fn a_terminal_that_is_gone_does_not_stop_the_work() {
        let terminal = Terminal::new(USUAL);
        terminal.take_away();
        let live = terminal.live();
        show_all(&live, runs::good());
        live.show(&Utterance::Said { tone: Tone::Plain, text: "still here".to_owned(), below: Vec::new() });
        assert_eq!(terminal.text(), "");
    }
}
