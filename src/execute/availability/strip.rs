//! Answers over time as one mark for each span: all of a run in bounded memory, and the last seconds for the terminal.

use std::collections::VecDeque;
use std::time::Duration;

/// Answers that took so long are marked.
const SLOW: Duration = Duration::from_millis(100);
const VERY_SLOW: Duration = Duration::from_millis(500);

/// How long one mark of the terminal's strip stands for, and how many are kept.
pub const LIVE_CELL: Duration = Duration::from_millis(500);
const MOST_LIVE_CELLS: usize = 60;

/// Marks that are kept of a whole run; where it lasts longer, each stands for twice the time.
pub const MOST_CELLS: usize = 240;
const FIRST_CELL: Duration = Duration::from_millis(500);

/// What came of the tries in one span; what is worse is greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Or there is no answer yet.
    #[default]
    NotAsked,
    Answered,
    Slow,
    VerySlow,
    Failed,
}

impl Mark {
    pub const ALL: [Self; 5] = [Self::NotAsked, Self::Answered, Self::Slow, Self::VerySlow, Self::Failed];

    pub fn of_answer(took: Duration) -> Self {
        if took >= VERY_SLOW {
            Self::VerySlow
        } else if took >= SLOW {
            Self::Slow
        } else {
            Self::Answered
        }
    }

    pub fn letter(self) -> char {
        match self {
            Self::NotAsked => '-',
            Self::Answered => '.',
            Self::Slow => 'o',
            Self::VerySlow => 'O',
            Self::Failed => 'x',
        }
    }

    pub fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.letter() == letter)
    }
}

/// All of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    cell: Duration,
    marks: Vec<Mark>,
}

impl Default for Whole {
    fn default() -> Self {
        Self { cell: FIRST_CELL, marks: Vec::new() }
    }
}

impl Whole {
    /// Something was so from one moment to the other.
    pub fn note(&mut self, mark: Mark, from: Duration, to: Duration) {
        while place(to, self.cell) >= MOST_CELLS {
            self.fold();
        }
        let (from, to) = (place(from, self.cell), place(to, self.cell));
        if self.marks.len() <= to {
            self.marks.resize(to + 1, Mark::NotAsked);
        }
        for cell in &mut self.marks[from.min(to)..=to] {
            *cell = mark.max(*cell);
        }
    }

    pub fn cell(&self) -> Duration {
        self.cell
    }

    /// With marks that each stand for as long as `cell`, which is one's own or twice, four times … as long.
    pub fn letters(&self, cell: Duration) -> String {
        let mut folded = self.clone();
        while folded.cell < cell {
            folded.fold();
        }
        folded.marks.iter().map(|mark| mark.letter()).collect()
    }

    fn fold(&mut self) {
        self.cell = self.cell.saturating_mul(2);
        self.marks = self.marks.chunks(2).map(|two| two.iter().copied().max().unwrap_or_default()).collect();
    }
}

/// The last seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent {
    /// Which cell of the run the first one is.
    first: usize,
    marks: VecDeque<Mark>,
}

impl Recent {
    pub fn note(&mut self, mark: Mark, from: Duration, to: Duration) {
        let (from, to) = (place(from, LIVE_CELL), place(to, LIVE_CELL));
        self.reach(to);
        for place in from.max(self.first)..=to {
            if let Some(cell) = self.marks.get_mut(place.saturating_sub(self.first)) {
                *cell = mark.max(*cell);
            }
        }
    }

    /// Up to the last span that is over.
    pub fn letters(&mut self, now: Duration) -> String {
        let current = place(now, LIVE_CELL);
        self.reach(current);
        self.marks.iter().take(current.saturating_sub(self.first)).map(|mark| mark.letter()).collect()
    }

    fn reach(&mut self, place: usize) {
        let last = self.first + self.marks.len();
        if place >= last + MOST_LIVE_CELLS {
            self.marks.clear();
            self.first = place + 1 - MOST_LIVE_CELLS;
        }
        while self.first + self.marks.len() <= place {
            self.marks.push_back(Mark::NotAsked);
        }
        while self.marks.len() > MOST_LIVE_CELLS {
            self.marks.pop_front();
            self.first += 1;
        }
    }
}

fn place(at: Duration, cell: Duration) -> usize {
    usize::try_from(at.as_millis() / cell.as_millis().max(1)).unwrap_or(usize::MAX)
}
