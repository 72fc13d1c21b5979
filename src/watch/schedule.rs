//! When to look again.

use std::time::Duration;

use crate::units::Span;

/// Looks are put off or brought forward by up to a tenth of their span, so that those of many clusters do not all come at
/// once.
const JITTER_PERCENT: u32 = 10;

/// The shortest pause between two looks, however long the last one took.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait after a look that took so long. `random` is from 0 to below 1.
pub fn pause(every: Span, took: Duration, random: f64) -> Duration {
    let jitter = every.duration() * JITTER_PERCENT / 100;
    let earliest = every.duration().saturating_sub(jitter);
    let until = earliest + (2 * jitter).mul_f64(random.clamp(0.0, 1.0));
    until.saturating_sub(took).max(SHORTEST_PAUSE)
}

/// Evenly from 0 to below 1. Where there is no randomness, the middle: looks come at their time then.
pub fn random() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}

/// After this long without a look the service is not healthy any more.
pub fn stale_after(every: Span) -> Duration {
    every.duration() * 2 + super::LONGEST_LOOK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_a_tenth_sooner_or_later_than_asked_for() {
        let every = Span::from_secs(900);
        assert_eq!(pause(every, Duration::ZERO, 0.0), Duration::from_secs(810));
        assert_eq!(pause(every, Duration::ZERO, 0.5), Duration::from_secs(900));
        assert_eq!(pause(every, Duration::from_secs(10), 1.0), Duration::from_secs(980));
    }

    #[test]
    fn a_look_that_took_long_is_followed_by_a_pause_all_the_same() {
        assert_eq!(pause(Span::from_secs(10), Duration::from_secs(60), 0.5), SHORTEST_PAUSE);
    }

    #[test]
    fn random_numbers_are_below_one_and_differ() {
        let numbers: Vec<f64> = (0..50).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.windows(2).any(|pair| (pair[0] - pair[1]).abs() > f64::EPSILON));
    }
}
