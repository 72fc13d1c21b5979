//! What happened, for a person. Kept only when a seed is run to be read: the same seed tells the same story.

#[derive(Debug, Clone, Default)]
pub struct History {
    on: bool,
    lines: Vec<String>,
}

impl History {
    pub fn new(on: bool) -> Self {
        Self { on, lines: Vec::new() }
    }

    pub fn is_on(&self) -> bool {
        self.on
    }

    pub fn add(&mut self, now: u64, line: String) {
        self.lines.push(format!("{:>8.1} s  {line}", now as f64 / 1000.0));
    }

    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}
