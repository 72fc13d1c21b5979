//! The simulation, run: fixed seeds, fresh ones as time allows, and each promise broken once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sim::{Mutation, Trial, Weather};

/// Seeds that are run always.
const FIXED: u64 = 250;

/// Seeds that found something once: each stays.
#[rustfmt::skip]
const REMEMBERED: [u64; 28] = [
    548, 933, 968, 1564, 2459, 2854, 3404, 4155, 4322, 8045, 8068, 10_133, 10_557, 19_539, 74_273, 79_559, 86_555,
    164_725, 205_753, 270_812, 565_976, 597_116, 599_126, 630_068, 663_194, 800_885, 922_149, 1_795_300_354_000_209,
];

/// The same, of climbs.
const REMEMBERED_CLIMBS: [u64; 3] = [43_514, 44_709, 58_261];

/// So many seeds are run once for each instruction of their first controller.
const CRASHED: usize = 3;

/// Fresh seeds are run for so long, unless `QUORATE_SIM_SECONDS` says otherwise.
const FRESH: Duration = Duration::from_secs(5);

/// A mutation that is not found in so many seeds is not found.
const MOST_SEEDS: u64 = 4_000;

#[track_caller]
fn keeps_every_promise(seed: u64) {
    if let Some(broken) = Trial::new(seed).run().broken {
        let story = Trial { history: true, ..Trial::new(seed) }.run().history.join("\n");
        panic!("{story}\n\nseed {seed} breaks {}: {}", broken.promise, broken.what);
    }
}

// faults: C1 C2 C5 C7 N1 N4 N6 H1 H3 H8 E1 E2 E3 E4 E5 E6 E7 E11 E12
#[test]
fn fixed_seeds_keep_every_promise() {
    (0..FIXED).chain(REMEMBERED).for_each(keeps_every_promise);
}

// faults: C1 E2
/// Several minors declared at once: the same promises, rung by rung.
#[test]
fn climbs_keep_every_promise() {
    let mut rungs = 0;
    for seed in (0..FIXED).chain(REMEMBERED_CLIMBS) {
        let climb = Trial { climbs: true, ..Trial::new(seed) };
        let report = climb.run();
        rungs += report.counts.rungs;
        if let Some(broken) = report.broken {
            let story = Trial { history: true, ..climb }.run().history.join("\n");
            panic!("{story}\n\nclimb {seed} breaks {}: {}", broken.promise, broken.what);
        }
    }
    assert!(u64::from(rungs) > FIXED / 2, "{rungs} rungs in {FIXED} climbs");
}

/// What fails is printed with its seed: it fails again with `--seed`.
#[test]
fn fresh_seeds_keep_every_promise() {
    let asked = std::env::var("QUORATE_SIM_SECONDS").ok().and_then(|text| text.parse().ok());
    let span = asked.map_or(FRESH, Duration::from_secs);
    let begun = Instant::now();
    let first = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) * 1_000_000;
    let mut tried = 0;
    while begun.elapsed() < span {
        keeps_every_promise(first + tried);
        tried += 1;
    }
    println!("{tried} fresh seeds from {first} on");
}

// faults: C1
/// No faults but one: the controller is killed, once at each of its instructions in turn. The next `apply` finishes.
#[test]
fn a_controller_may_die_at_every_instruction() {
    let calm = |seed| Trial { weather: Weather::Calm, ..Trial::new(seed) };
    let completed = (0..FIXED).filter(|&seed| calm(seed).run().counts.completed > 0);
    for seed in completed.take(CRASHED) {
        let at = |instruction| Trial { dies_at: Some(instruction), ..calm(seed) };
        let mut instruction = 0;
        loop {
            let report = at(instruction).run();
            if let Some(broken) = report.broken {
                let story = Trial { history: true, ..at(instruction) }.run().history.join("\n");
                panic!("{story}\n\nseed {seed}, death at instruction {instruction}: {}", broken.what);
            }
            if report.counts.deaths == 0 {
                break;
            }
            instruction += 1;
        }
        assert!(instruction > 20, "seed {seed} has {instruction} instructions only");
    }
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    for seed in 0..20 {
        let story = || Trial { history: true, ..Trial::new(seed) }.run().history;
        assert_eq!(story(), story());
    }
}

// faults: C5 E11
/// A simulation that does not see a promise broken would be no proof that none is.
#[test]
fn every_mutation_is_found() {
    for mutation in Mutation::ALL {
        let broken =
            (0..MOST_SEEDS).find_map(|seed| Trial { mutation: Some(*mutation), ..Trial::new(seed) }.run().broken);
        let Some(broken) = broken else { panic!("not found in {MOST_SEEDS} seeds: {}", mutation.what()) };
        assert!(
            mutation.found_by().contains(&broken.promise),
            "{}: found by {}: {}",
            mutation.name(),
            broken.promise,
            broken.what
        );
    }
}

/// Each mutation is listed for people, with what it breaks.
#[test]
fn every_mutation_is_in_the_documentation() {
    let page = include_str!("../../docs/reliability.md");
    for mutation in Mutation::ALL {
        let row = format!("| `{}` |{} |", mutation.name(), mutation.what());
        assert!(page.contains(&row), "docs/reliability.md lacks the row: {row}");
    }
}

/// The seeds are about something: rungs are completed, members put back, controllers die, ways are refused.
#[test]
fn seeds_are_neither_all_calm_nor_all_refused() {
    let mut total = [0; 5];
    for seed in 0..FIXED {
        let report = Trial::new(seed).run();
        let counts = report.counts;
        let each = [counts.completed, counts.deaths, counts.put_back, counts.refused, counts.points_put_back];
        total.iter_mut().zip(each).for_each(|(sum, one)| *sum += one);
    }
    assert!(total.iter().all(|sum| *sum > 2), "completed, deaths, put back, refused, points: {total:?}");
}
