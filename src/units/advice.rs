//! What to do about an error, as the last line of its text: `what was seen`, then [`MARK`], then the advice. A text that is
//! shown on one line, or put into a longer one, is taken apart first.

/// Between what was seen and what to do.
const MARK: &str = "\n  do: ";

/// An error's text, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advised {
    /// What was seen, on one line.
    pub seen: String,
    /// What to do, a sentence each; empty where the error has none.
    pub advice: Vec<String>,
}

impl Advised {
    pub fn of(text: &str) -> Self {
        let mut parts = text.split(MARK).map(one_line);
        Self { seen: parts.next().unwrap_or_default(), advice: parts.collect() }
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_told_apart_from_what_was_seen() {
        let advised = Advised::of("h1: cannot connect: refused\n  do: see that the host is up");
        assert_eq!(advised.seen, "h1: cannot connect: refused");
        assert_eq!(advised.advice, ["see that the host is up"]);
        assert_eq!(Advised::of("two\nlines"), Advised { seen: "two lines".to_owned(), advice: Vec::new() });
    }
}
