//! Where text goes, and what that place can show.

use std::fs::File;
use std::io::{IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::area::ERASE_BELOW;
use super::page::{Color, NARROWEST, Style, USUAL_WIDTH, WIDEST};

/// A stream that never fails: after the first write that does not get through (a closed pipe, a lost terminal, a full
/// disk), it is silent. The work it tells of goes on; what went wrong can be asked for at the end.
#[derive(Clone)]
pub struct Output {
    sink: Arc<Mutex<Sink>>,
}

enum Sink {
    Open(Box<dyn Write + Send>),
    /// A write has failed with this.
    Closed(std::io::Error),
}

impl Output {
    /// Each text is one write: the standard library's own stream writes up to the last newline first, and so would draw half
    /// of what is drawn over.
    #[must_use]
    pub fn stdout() -> Self {
        match std::io::stdout().as_fd().try_clone_to_owned() {
            Ok(stdout) => Self::to(File::from(stdout)),
            Err(_) => Self::to(std::io::stdout()),
        }
    }

    #[must_use]
    pub fn stderr() -> Self {
        Self::to(std::io::stderr())
    }

    #[must_use]
    pub fn to(sink: impl Write + Send + 'static) -> Self {
        Self { sink: Arc::new(Mutex::new(Sink::Open(Box::new(sink)))) }
    }

    /// Writes the text as a whole: lines of two threads never mix.
    pub fn write(&self, text: &str) {
        // A panic of another writer leaves a usable stream behind.
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if let Sink::Open(stream) = &mut *sink
            && let Err(error) = stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
        {
            *sink = Sink::Closed(error);
        }
    }

    /// Nobody reads any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(&*self.sink.lock().unwrap_or_else(PoisonError::into_inner), Sink::Closed(_))
    }

    /// Why what was written is not all there. `None` also where the reader went away: it wanted no more.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match &*self.sink.lock().unwrap_or_else(PoisonError::into_inner) {
            Sink::Closed(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Some(error.to_string()),
            Sink::Closed(_) | Sink::Open(_) => None,
        }
    }
}

/// What the place where text goes can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    pub style: Style,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines can be drawn over.
    Live,
    /// A pipe, a file, or a terminal that only takes lines.
    Lines,
}

impl Terminal {
    /// Of standard output.
    #[must_use]
    pub fn of_stdout(wanted: Option<Color>) -> Self {
        let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        let columns = columns.filter(|_| std::io::stdout().is_terminal());
        Self::decide(columns, wanted, |name| std::env::var(name).ok())
    }

    /// Of standard error.
    #[must_use]
    pub fn of_stderr(wanted: Option<Color>) -> Self {
        let columns = console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns));
        let columns = columns.filter(|_| std::io::stderr().is_terminal());
        Self::decide(columns, wanted, |name| std::env::var(name).ok())
    }

    /// What to write before a text that comes while live lines may stand below the cursor: they go.
    #[must_use]
    pub fn without_live_lines(&self) -> &'static str {
        match self.kind {
            Kind::Live => ERASE_BELOW,
            Kind::Lines => "",
        }
    }

    /// By the usual rules: an argument, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, `TERM`. `columns` are those of
    /// the terminal, `None` where there is none.
    fn decide(columns: Option<usize>, wanted: Option<Color>, env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let by_environment = if set("NO_COLOR").is_some() {
            Color::Off
        } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            Color::On
        } else if columns.is_none() || dumb || set("CLICOLOR").is_some_and(|value| value == "0") {
            Color::Off
        } else {
            Color::On
        };
        let asked = || set("COLUMNS").and_then(|value| value.parse::<usize>().ok());
        // Some terminals say that they have no columns.
        let width = columns.filter(|&columns| columns > 0).or_else(asked).unwrap_or(USUAL_WIDTH);
        Self {
            style: Style { width: width.clamp(NARROWEST, WIDEST), color: wanted.unwrap_or(by_environment) },
            kind: if columns.is_some() && !dumb { Kind::Live } else { Kind::Lines },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(Arc<Mutex<u32>>);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            *self.0.lock().unwrap() += 1;
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn falls_silent_after_the_first_write_that_fails() {
        let tries = Arc::new(Mutex::new(0));
        let output = Output::to(Broken(Arc::clone(&tries)));
        assert!(!output.is_closed());
        for _ in 0..3 {
            output.write("line\n");
        }
        assert!(output.is_closed());
        assert_eq!(*tries.lock().unwrap(), 1);
    }

    fn decided(columns: Option<usize>, wanted: Option<Color>, env: &[(&str, &str)]) -> (usize, Color, Kind) {
        let terminal = Terminal::decide(columns, wanted, |name| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        (terminal.style.width, terminal.style.color, terminal.kind)
    }

    #[test]
    fn follows_the_habits_of_terminals() {
        use Color::{Off, On};
        use Kind::{Lines, Live};
        assert_eq!(decided(Some(120), None, &[]), (120, On, Live));
        assert_eq!(decided(None, None, &[]), (100, Off, Lines));
        assert_eq!(decided(Some(120), None, &[("NO_COLOR", "1")]), (120, Off, Live));
        assert_eq!(decided(Some(120), None, &[("NO_COLOR", "")]), (120, On, Live));
        assert_eq!(decided(Some(120), None, &[("CLICOLOR", "0")]), (120, Off, Live));
        assert_eq!(decided(Some(120), None, &[("TERM", "dumb")]), (120, Off, Lines));
        assert_eq!(decided(None, None, &[("CLICOLOR_FORCE", "1")]), (100, On, Lines));
        assert_eq!(decided(None, None, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), (100, Off, Lines));
        assert_eq!(decided(Some(120), Some(Off), &[("CLICOLOR_FORCE", "1")]), (120, Off, Live));
        assert_eq!(decided(None, None, &[("COLUMNS", "72")]), (72, Off, Lines));
        assert_eq!(decided(None, None, &[("COLUMNS", "wide")]), (100, Off, Lines));
        assert_eq!(decided(Some(0), None, &[]), (100, On, Live));
        assert_eq!(decided(Some(12), None, &[]), (40, On, Live));
        assert_eq!(decided(Some(900), None, &[]), (200, On, Live));
    }
}
