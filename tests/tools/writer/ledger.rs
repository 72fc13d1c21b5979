//! What was acknowledged, and when. Every worker writes its keys in order and
//! goes on only after an acknowledgement, so that a worker's writes are a list:
//! the place is the key's number, the value its revision.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Pauses from here on are listed one by one, for whoever wants to know at which step they were; so many of them.
const LISTED_FROM: Duration = Duration::from_millis(50);
const MOST_LISTED: usize = 2000;

pub struct Ledger {
    writes: Vec<Mutex<Vec<u64>>>,
    clock: Mutex<Clock>,
    pub errors: AtomicU64,
    pub reads: AtomicU64,
    pub read_errors: AtomicU64,
    pub stale: AtomicU64,
    pub backward: AtomicU64,
}

/// The longest time without an acknowledgement, from the first one to the stop.
struct Clock {
    started: Instant,
    started_at: SystemTime,
    last: Option<Instant>,
    longest: Duration,
    longest_at: Duration,
    listed: Vec<(Duration, Duration)>,
    stopped: Option<Instant>,
}

#[derive(Clone)]
pub struct Stall {
    pub started_at: SystemTime,
    /// Begin, from the start of the run, and length.
    pub listed: Vec<(Duration, Duration)>,
    pub longest: Duration,
    /// From the start of the run to the beginning of the stall.
    pub at: Duration,
    pub run: Duration,
}

impl Ledger {
    pub fn new(workers: usize) -> Self {
        Self {
            writes: (0..workers).map(|_| Mutex::default()).collect(),
            clock: Mutex::new(Clock {
                started: Instant::now(),
                started_at: SystemTime::now(),
                listed: Vec::new(),
                last: None,
                longest: Duration::ZERO,
                longest_at: Duration::ZERO,
                stopped: None,
            }),
            errors: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            read_errors: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            backward: AtomicU64::new(0),
        }
    }

    pub fn workers(&self) -> usize {
        self.writes.len()
    }

    pub fn acknowledge(&self, worker: usize, revision: u64) {
        lock(&self.clock).tick();
        let mut writes = lock(&self.writes[worker]);
        if writes.last().is_some_and(|last| *last >= revision) {
            self.backward.fetch_add(1, Ordering::Relaxed);
        }
        writes.push(revision);
    }

    /// How many writes of a worker are acknowledged: the number of its next key.
    pub fn count(&self, worker: usize) -> usize {
        lock(&self.writes[worker]).len()
    }

    pub fn revisions(&self, worker: usize) -> Vec<u64> {
        lock(&self.writes[worker]).clone()
    }

    pub fn total(&self) -> usize {
        (0..self.workers()).map(|worker| self.count(worker)).sum()
    }

    /// Writing ends here: a cluster that went silent before is a stall up to now.
    pub fn close(&self) {
        let mut clock = lock(&self.clock);
        if clock.last.is_some() {
            clock.tick();
        }
        clock.stopped = Some(Instant::now());
    }

    pub fn stall(&self) -> Stall {
        let clock = lock(&self.clock);
        let end = clock.stopped.unwrap_or_else(Instant::now);
        Stall {
            started_at: clock.started_at,
            listed: clock.listed.clone(),
            longest: clock.longest,
            at: clock.longest_at,
            run: end - clock.started,
        }
    }
}

impl Clock {
    fn tick(&mut self) {
        // Writes that were under way at the stop are no part of the run.
        if self.stopped.is_some() {
            return;
        }
        let now = Instant::now();
        if let Some(last) = self.last {
            let (at, pause) = (last - self.started, now - last);
            if pause > self.longest {
                (self.longest, self.longest_at) = (pause, at);
            }
            if pause >= LISTED_FROM && self.listed.len() < MOST_LISTED {
                self.listed.push((at, pause));
            }
        }
        self.last = Some(now);
    }
}

/// A panic while one of these is held ends the whole run anyway.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
