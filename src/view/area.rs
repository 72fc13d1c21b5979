//! Rows at the bottom of a terminal, drawn over in place, below the lines that have been said.
//!
//! Between two drawings the cursor rests at the left of an empty row above them. A terminal that changes its size breaks
//! lines anew, or cuts them, each in its own way; but it keeps the cursor where the empty row is. So whatever stands below
//! the cursor is ours, and nobody has to know how many rows it takes by now. What a person's keys leave on the screen (`^C`,
//! Enter) falls into the empty row.

use console::truncate_str;

/// From the cursor to the end of the screen.
pub(super) const ERASE_BELOW: &str = "\u{1b}[J";
const ERASE_RIGHT: &str = "\u{1b}[K";

/// What is assumed of a terminal that does not tell its size.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// Of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

impl Size {
    /// Of standard output, as it is now.
    pub fn of_stdout() -> Self {
        let (rows, columns) = console::Term::stdout().size_checked().unwrap_or_default();
        // Some terminals say that they have no columns, or no rows.
        let known = |said: u16, usual| if said == 0 { usual } else { usize::from(said) };
        Self { columns: known(columns, USUAL.columns), rows: known(rows, USUAL.rows) }
    }
}

/// The part of the terminal that is drawn over.
#[derive(Debug, Default)]
pub struct Area {
    /// Rows below the cursor, as they were drawn last.
    drawn: usize,
    /// The size they were drawn for.
    size: Option<Size>,
}

impl Area {
    /// True where what stands there was drawn for another size than this.
    pub fn is_of_another_size(&self, size: Size) -> bool {
        self.size.is_some_and(|drawn| drawn != size)
    }

    /// What to write, in one piece, so that the lines of `said` stand above the area for good, and `rows` in it. A row that is
    /// too long is cut, rows that are too many are left out; `said` is whole, the terminal breaks its lines.
    pub fn frame(&mut self, said: &str, rows: &[String], size: Size) -> String {
        // Of so many the empty row above them can be reached again.
        let rows = &rows[..rows.len().min(size.rows.saturating_sub(1))];
        if said.is_empty() && rows.is_empty() && self.drawn == 0 {
            return String::new();
        }
        let mut out = String::from("\r");
        // Else each row is written over the one that stands there: nothing is gone before what follows it is there.
        if !said.is_empty() || rows.len() < self.drawn || self.is_of_another_size(size) {
            out.push_str(ERASE_BELOW);
        }
        for line in said.lines() {
            out.push_str(line);
            out.push('\n');
        }
        if !rows.is_empty() {
            out.push_str(ERASE_RIGHT);
            for row in rows {
                // The last column stays free: a terminal may go on to the next row when it is filled, or not.
                let row = truncate_str(row, size.columns.saturating_sub(1), "");
                out.push_str(&format!("\n{row}{ERASE_RIGHT}"));
            }
            out.push_str(&format!("\u{1b}[{}A\r", rows.len()));
        }
        (self.drawn, self.size) = (rows.len(), Some(size));
        out
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A terminal with the few codes that are written here. It keeps what scrolled out of it.
    #[derive(Debug)]
    pub(in crate::view) struct Screen {
        size: Size,
        lines: Vec<Vec<char>>,
        /// The first line that is on the screen, and the cursor in `lines`.
        top: usize,
        line: usize,
        column: usize,
    }

    impl Screen {
        pub(in crate::view) fn new(size: Size) -> Self {
            Self { size, lines: vec![Vec::new()], top: 0, line: 0, column: 0 }
        }

        /// All that stands there, from the first line that was written.
        pub(in crate::view) fn text(&self) -> String {
            let lines: Vec<String> =
                self.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect();
            lines.join("\n").trim_end().to_owned()
        }

        pub(in crate::view) fn write(&mut self, text: &str) {
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                match c {
                    '\r' => self.column = 0,
                    '\n' => self.next_line(),
                    '\u{1b}' => {
                        assert_eq!(chars.next(), Some('['), "{text:?}");
                        let code: String = chars.by_ref().take_while_inclusive(|c| !c.is_ascii_alphabetic());
                        self.obey(&code);
                    }
                    c => self.put(c),
                }
            }
        }

        fn put(&mut self, c: char) {
            if self.column == self.size.columns {
                self.next_line();
            }
            let line = &mut self.lines[self.line];
            line.resize(line.len().max(self.column + 1), ' ');
            line[self.column] = c;
            self.column += 1;
        }

        fn next_line(&mut self) {
            (self.line, self.column) = (self.line + 1, 0);
            if self.line == self.lines.len() {
                self.lines.push(Vec::new());
            }
            self.top = self.top.max((self.line + 1).saturating_sub(self.size.rows));
        }

        fn obey(&mut self, code: &str) {
            let (number, what) = code.split_at(code.len() - 1);
            match what {
                "K" => self.lines[self.line].truncate(self.column),
                "J" => {
                    self.lines.truncate(self.line + 1);
                    self.lines[self.line].truncate(self.column);
                }
                "A" => self.line = self.line.saturating_sub(number.parse().unwrap()).max(self.top),
                "m" => {}
                other => panic!("{number}{other}"),
            }
        }

        /// As a terminal that breaks its lines anew; the cursor stays at its line.
        pub(in crate::view) fn resize(&mut self, size: Size) {
            let (mut lines, mut line) = (Vec::new(), 0);
            for (number, old) in self.lines.iter().enumerate() {
                if number == self.line {
                    line = lines.len();
                }
                lines.extend(old.chunks(size.columns).map(<[char]>::to_vec));
                if old.is_empty() {
                    lines.push(Vec::new());
                }
            }
            self.top = lines.len().saturating_sub(size.rows).min(line);
            (self.lines, self.line, self.size) = (lines, line, size);
        }
    }

    trait TakeWhileInclusive: Iterator<Item = char> {
        /// With the first that does not fit.
        fn take_while_inclusive(&mut self, fits: impl Fn(&char) -> bool) -> String {
            let mut out = String::new();
            for c in self {
                out.push(c);
                if !fits(&c) {
                    break;
                }
            }
            out
        }
    }

    impl<I: Iterator<Item = char>> TakeWhileInclusive for I {}

    const WIDE: Size = Size { columns: 40, rows: 8 };

    fn rows(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn what_is_said_stands_above_the_rows_and_stays() {
        let (mut area, mut screen) = (Area::default(), Screen::new(WIDE));
        screen.write("$ quorate apply\n");
        screen.write(&area.frame("first", &rows(&["m1 ..", "m2 .."]), WIDE));
        screen.write(&area.frame("", &rows(&["m1 ...", "m2 ..x"]), WIDE));
        assert_eq!(screen.text(), "$ quorate apply\nfirst\n\nm1 ...\nm2 ..x");
        screen.write(&area.frame("second\n      below", &rows(&["m1 ...."]), WIDE));
        assert_eq!(screen.text(), "$ quorate apply\nfirst\nsecond\n      below\n\nm1 ....");
        screen.write(&area.frame("", &[], WIDE));
        assert_eq!(screen.text(), "$ quorate apply\nfirst\nsecond\n      below");
        assert_eq!(area.frame("", &[], WIDE), "");
    }

    #[test]
    fn lines_that_scroll_out_are_whole() {
        let (mut area, mut screen) = (Area::default(), Screen::new(WIDE));
        let said: Vec<String> = (0..20).map(|number| format!("line {number} {}", "x".repeat(30 + number))).collect();
        for line in &said {
            screen.write(&area.frame(line, &rows(&["m1 ..", "m2 .."]), WIDE));
        }
        screen.write(&area.frame("", &[], WIDE));
        let broken = said.iter().flat_map(|line| line.as_bytes().chunks(WIDE.columns));
        let broken: Vec<&str> = broken.map(|part| std::str::from_utf8(part).unwrap()).collect();
        assert_eq!(screen.text(), broken.join("\n"));
    }

    #[test]
    fn a_terminal_that_becomes_narrow_wide_or_low_keeps_no_rest() {
        let (mut area, mut screen) = (Area::default(), Screen::new(WIDE));
        let long = ["m1 ..................................", "m2 .................................."];
        screen.write(&area.frame("first", &rows(&long), WIDE));
        for (columns, lines) in [(20, 8), (70, 30), (25, 6), (40, 3)] {
            let size = Size { columns, rows: lines };
            screen.resize(size);
            assert!(area.is_of_another_size(size));
            screen.write(&area.frame("", &rows(&long), size));
            let cut = long.map(|row| row[..row.len().min(columns - 1)].to_owned());
            assert_eq!(screen.text(), format!("first\n\n{}", cut.join("\n")), "{size:?}");
        }
        screen.write(&area.frame("last", &[], WIDE));
        assert_eq!(screen.text(), "first\nlast");
    }

    #[test]
    fn keys_of_a_person_spoil_nothing() {
        let (mut area, mut screen) = (Area::default(), Screen::new(WIDE));
        screen.write(&area.frame("first", &rows(&["m1 ..", "m2 .."]), WIDE));
        screen.write("^C");
        screen.write(&area.frame("SIGINT", &rows(&["m1 ..", "m2 .."]), WIDE));
        screen.write("\n");
        screen.write(&area.frame("", &rows(&["m1 ..", "m2 .."]), WIDE));
        screen.write(&area.frame("last", &[], WIDE));
        assert_eq!(screen.text(), "first\nSIGINT\n\nlast");
    }

    #[test]
    fn more_rows_than_the_terminal_has_are_left_out() {
        let low = Size { columns: 40, rows: 3 };
        let (mut area, mut screen) = (Area::default(), Screen::new(low));
        for _ in 0..3 {
            screen.write(&area.frame("", &rows(&["m1", "m2", "m3"]), low));
        }
        assert_eq!(screen.text(), "\nm1\nm2");
    }

    #[test]
    fn a_redraw_erases_nothing_before_it_is_written_over() {
        let mut area = Area::default();
        area.frame("first", &rows(&["m1 ..", "m2 .."]), WIDE);
        let frame = area.frame("", &rows(&["m1 .x", "m2 .."]), WIDE);
        assert_eq!(frame, "\r\u{1b}[K\nm1 .x\u{1b}[K\nm2 ..\u{1b}[K\u{1b}[2A\r");
    }
}
