//! What indicatif draws on in place of a terminal. It moves about on a terminal as if that never changed its size; here its
//! movements count for nothing: the rows of each drawing are kept, and put where they belong by [`super::area`].

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

/// Wide and high enough that nothing is left out here: what a terminal has no room for, the area leaves out.
const COLUMNS: u16 = 1024;
const ROWS: u16 = 1024;

/// Begins each bar: indicatif fills bars with spaces to the edge, and writes the next one right behind.
pub(super) const BAR: char = '\u{1}';

/// Clones are the same canvas.
#[derive(Debug, Clone, Default)]
pub(super) struct Canvas(Arc<Mutex<Drawing>>);

#[derive(Debug, Default)]
struct Drawing {
    /// Of the drawing that is being made.
    text: String,
    /// The last one that was finished.
    rows: Vec<String>,
}

impl Canvas {
    /// The bars, as they were drawn last.
    pub(super) fn rows(&self) -> Vec<String> {
        self.drawing().rows.clone()
    }

    fn drawing(&self) -> MutexGuard<'_, Drawing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        COLUMNS
    }

    fn height(&self) -> u16 {
        ROWS
    }

    fn move_cursor_up(&self, _rows: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _rows: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        let mut drawing = self.drawing();
        drawing.text.push_str(text);
        drawing.text.push('\n');
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.drawing().text.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    /// Each drawing is whole, and ends with this.
    fn flush(&self) -> io::Result<()> {
        let mut drawing = self.drawing();
        let text = std::mem::take(&mut drawing.text);
        drawing.rows = text.split(BAR).skip(1).map(|row| row.trim_end().to_owned()).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

    use super::*;

    #[test]
    fn holds_the_rows_of_the_last_drawing() {
        let canvas = Canvas::default();
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(canvas.clone())));
        let add = |place| screen.insert(place, ProgressBar::new_spinner().with_style(super::super::live::spinner()));
        let (first, third) = (add(0), add(1));
        first.set_message("one");
        third.set_message("three ".repeat(300));
        let second = add(1);
        second.set_message("two");
        assert_eq!(canvas.rows(), ["- one", "- two", format!("- {}", "three ".repeat(300)).trim_end()]);
        second.finish_and_clear();
        screen.remove(&second);
        first.tick();
        assert_eq!(canvas.rows()[0], "\\ one");
        assert_eq!(canvas.rows().len(), 2, "{:?}", canvas.rows());
        first.finish_and_clear();
        third.finish_and_clear();
        assert!(canvas.rows().is_empty(), "{:?}", canvas.rows());
    }
}
