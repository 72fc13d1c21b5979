//! Laying text out: wrapped to a width, coloured or not. Everything that is put on a page is escaped here, so that no
//! other file of this room has to think of it.

use console::measure_text_width;

use super::escape::{escape, escape_lines};

/// Narrower than this is laid out as if it were this wide: the terminal then breaks the lines itself.
pub const NARROWEST: usize = 40;
/// Wider lines than this are hard to read.
pub const WIDEST: usize = 200;
/// What is assumed where there is no terminal.
pub const USUAL_WIDTH: usize = 100;
/// With less room than this beside a label, text goes below the label.
const LEAST_BODY: usize = 26;

/// How a page looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns; see [`NARROWEST`] and [`WIDEST`].
    pub width: usize,
    pub color: Color,
}

/// Whether escape codes for colour are written. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    On,
    Off,
}

impl Style {
    /// No colours, and as wide as can be read.
    #[must_use]
    pub const fn plain(width: usize) -> Self {
        Self { width, color: Color::Off }
    }

    fn columns(self) -> usize {
        self.width.clamp(NARROWEST, WIDEST)
    }
}

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
    Name,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Warn => Some("33"),
            Self::Bad => Some("1;31"),
            Self::Name => Some("36"),
        }
    }
}

/// Colours text that is already escaped and already has its width.
#[must_use]
pub fn paint(color: Color, tone: Tone, text: &str) -> String {
    match (color, tone.code()) {
        (Color::On, Some(code)) if !text.trim().is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        _ => text.to_owned(),
    }
}

/// A label at the left of a row: its text and how many columns it takes.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    pub tone: Tone,
    pub text: &'a str,
    pub columns: usize,
}

pub fn cell(tone: Tone, text: &str, columns: usize) -> Cell<'_> {
    Cell { tone, text, columns }
}

/// Text that grows line by line.
#[derive(Debug)]
pub struct Page {
    style: Style,
    out: String,
}

impl Page {
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style, out: String::new() }
    }

    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    pub fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A paragraph.
    pub fn text(&mut self, indent: usize, tone: Tone, text: &str) {
        self.row(indent, &[], tone, text);
    }

    /// Labels, and a paragraph that hangs beside them; or below, where there is no room beside.
    pub fn row(&mut self, indent: usize, labels: &[Cell<'_>], tone: Tone, body: &str) {
        let mut head = String::new();
        let mut head_columns = 0;
        for label in labels {
            let text = escape(label.text);
            let columns = measure_text_width(&text);
            // A label that fills its cell is still kept apart from what follows.
            let gap = if columns < label.columns { label.columns - columns } else { 1 };
            head.push_str(&paint(self.style.color, label.tone, &text));
            head.extend(std::iter::repeat_n(' ', gap));
            head_columns += columns + gap;
        }
        let width = self.style.columns();
        let mut hang = indent + head_columns;
        let margin = " ".repeat(indent);
        let below = !labels.is_empty() && width < hang + LEAST_BODY;
        if below {
            self.push_line(&format!("{margin}{head}"));
            hang = indent + 2;
        }
        let lines = wrap(&escape(body), width.saturating_sub(hang).max(LEAST_BODY / 2));
        for (number, line) in lines.iter().enumerate() {
            let painted = paint(self.style.color, tone, line);
            if number == 0 && !below {
                self.push_line(&format!("{margin}{head}{painted}"));
            } else {
                self.push_line(&format!("{}{painted}", " ".repeat(hang)));
            }
        }
    }

    /// A title in a line that goes to the right edge.
    pub fn rule(&mut self, indent: usize, tone: Tone, title: &str) {
        let title = if title.is_empty() { String::new() } else { format!(" {} ", escape(title)) };
        let used = indent + 2 + measure_text_width(&title);
        let rest = "─".repeat(self.style.columns().min(USUAL_WIDTH).saturating_sub(used).max(2));
        let line = paint(self.style.color, tone, &format!("──{title}{rest}"));
        self.push_line(&format!("{}{line}", " ".repeat(indent)));
    }

    /// Text whose lines and spaces mean something, such as a unit file. Long lines are not wrapped.
    pub fn verbatim(&mut self, indent: usize, tone: Tone, text: &str) {
        let margin = " ".repeat(indent);
        for line in escape_lines(text).lines() {
            let line = paint(self.style.color, tone, line);
            self.push_line(&format!("{margin}{line}"));
        }
    }

    fn push_line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }
}

/// Breaks escaped text into lines of at most `columns`, at spaces. A word that is longer, such as a path, is left whole
/// on a line of its own: the terminal breaks it, and it can still be copied.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in words(text) {
        let length = measure_text_width(&word);
        if used > 0 && used + 1 + length > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += length;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// What stays on the line of the number before it.
const UNITS: [&str; 11] = ["B", "KB", "MB", "GB", "TB", "ms", "s", "min", "h", "%", "more"];

/// Words; a unit stays with its number, and the dot that parts the items of a list with the word before it.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let is_unit = UNITS.contains(&word.trim_matches(|c: char| c != '%' && c.is_ascii_punctuation()));
        match words.last_mut() {
            Some(last) if word == "·" || (is_unit && last.ends_with(|c: char| c.is_ascii_digit())) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(width: usize, labels: &[Cell<'_>], body: &str) -> Vec<String> {
        let mut page = Page::new(Style::plain(width));
        page.row(2, labels, Tone::Plain, body);
        page.finish().lines().map(str::to_owned).collect()
    }

    #[test]
    fn hangs_beside_its_label() {
        assert_eq!(
            lines(40, &[cell(Tone::Plain, "why", 6)], "followers come first, the leader comes last of all"),
            ["  why   followers come first, the leader", "        comes last of all"]
        );
    }

    #[test]
    fn goes_below_a_label_that_leaves_no_room() {
        assert_eq!(
            lines(40, &[cell(Tone::Plain, "a long label indeed", 24)], "some text"),
            ["  a long label indeed", "    some text"]
        );
    }

    #[test]
    fn leaves_a_long_path_whole() {
        let path = format!("/var/{}", "x".repeat(60));
        assert_eq!(lines(40, &[], &format!("copy {path} to")), ["  copy", &format!("  {path}"), "  to"]);
    }

    #[test]
    fn wide_characters_count_twice() {
        for line in lines(40, &[], &"東京 ".repeat(40)) {
            assert!(measure_text_width(&line) <= 40, "{line}");
        }
    }

    #[test]
    fn hostile_text_stays_in_its_place() {
        let mut page = Page::new(Style { width: 80, color: Color::On });
        page.row(0, &[cell(Tone::Name, "m\u{1b}[2J", 4)], Tone::Bad, "x\ny\u{202e}z");
        assert_eq!(page.finish(), "\u{1b}[36mm\\u{1b}[2J\u{1b}[0m \u{1b}[1;31mx\\ny\\u{202e}z\u{1b}[0m\n");
    }
}
