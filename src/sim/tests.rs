//! The simulation, run: fixed seeds, fresh ones as time allows, and each promise broken once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sim::{Counts, Mutation, Trial, Weather, Work};

/// Seeds that are run always.
const FIXED: u64 = 250;

/// Seeds that found something once: each stays.
#[rustfmt::skip]
const REMEMBERED: [u64; 31] = [
    548, 933, 968, 1564, 2459, 2854, 3404, 4155, 4322, 8045, 8068, 10_133, 10_557, 19_539, 74_273, 79_559, 86_555,
    164_725, 205_753, 270_812, 565_976, 597_116, 599_126, 630_068, 663_194, 800_885, 922_149, 1_795_300_354_000_209, 1_796_064_082_000_596,
    1_796_064_115_000_860, 1_796_108_319_008_937,
];

/// The same, of climbs.
const REMEMBERED_CLIMBS: [u64; 3] = [43_514, 44_709, 58_261];

/// Seeds of rollbacks and of restores that are run always.
const FIXED_BACK: u64 = 120;

/// The same as above, of rollbacks and of restores.
const REMEMBERED_ROLLBACKS: [u64; 12] =
    [0, 65, 177, 2378, 2718, 3634, 7069, 11_106, 12_140, 20_055, 21_375, 1_796_064_113_000_196];
const REMEMBERED_RESTORES: [u64; 2] = [22, 60];

/// The same, of ways down.
const REMEMBERED_DESCENTS: [u64; 5] = [546, 17_199, 91_002_093, 1_796_064_101_000_060, 1_796_064_103_000_216];

/// So many seeds are run once for each instruction of their first controller.
const CRASHED: usize = 3;

/// Fresh seeds are run for so long, unless `QUORATE_SIM_SECONDS` says otherwise.
const FRESH: Duration = Duration::from_secs(5);

/// A mutation that is not found in so many seeds is not found.
const MOST_SEEDS: u64 = 4_000;

/// Of mutations that only a late seed finds: one that did. Where it no longer does, all are tried.
const FOUND_LATE: [(&str, u64); 10] = [
    ("no-quorum-gate", 30),
    ("no-health-gate", 30),
    ("put-back-swallowed", 48),
    ("settings-stay", 640),
    ("stop-at-once", 156),
    ("old-looks", 704),
    ("put-back-too-late", 163),
    ("points-without-catch-up", 57),
    ("no-joining-note", 109),
    ("stop-while-down", 50),
];

#[track_caller]
fn keeps_every_promise(seed: u64) {
    if let Some(broken) = Trial::new(seed).run().broken {
        let story = Trial { history: true, ..Trial::new(seed) }.run().history.join("\n");
        panic!("{story}\n\nseed {seed} breaks {}: {}", broken.promise, broken.what);
    }
}

// faults: C1 C2 C5 C7 N1 N4 N6 H1 H3 H8 E1 E2 E3 E4 E5 E6 E7 E11 E12 E15
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
        let climb = Trial { work: Work::Climb, ..Trial::new(seed) };
        let report = climb.run();
        rungs += report.counts.rungs;
        if let Some(broken) = report.broken {
            let story = Trial { history: true, ..climb }.run().history.join("\n");
            panic!("{story}\n\nclimb {seed} breaks {}: {}", broken.promise, broken.what);
        }
    }
    assert!(u64::from(rungs) > FIXED / 2, "{rungs} rungs in {FIXED} climbs");
}

// faults: C1
/// Back from upgrades that were cut off, or completed: one by one, or all by their rollback points.
#[test]
fn rollbacks_keep_every_promise() {
    let seeds = (0..FIXED_BACK).chain(REMEMBERED_ROLLBACKS);
    let replaced: u32 = seeds.map(|seed| keeps_promises_of(Work::Rollback, seed)).sum();
    assert!(u64::from(replaced) > FIXED_BACK / 10, "all members' data put back {replaced} times only");
}

// faults: C1
/// Whole clusters from a backup.
#[test]
fn restores_keep_every_promise() {
    let seeds = (0..FIXED_BACK).chain(REMEMBERED_RESTORES);
    let replaced: u32 = seeds.map(|seed| keeps_promises_of(Work::Restore, seed)).sum();
    assert!(u64::from(replaced) > FIXED_BACK / 2, "restored {replaced} times only");
}

// faults: C1
/// One or two minors down, gone on with, and gone back up in the middle.
#[test]
fn descents_keep_every_promise() {
    let seeds = (0..FIXED_BACK).chain(REMEMBERED_DESCENTS);
    let mut total = [0; 3];
    for seed in seeds {
        keeps_promises_of(Work::Descent, seed);
        let counts = Trial { work: Work::Descent, ..Trial::new(seed) }.run().counts;
        let each = [counts.completed, counts.swapped_back, counts.deaths];
        total.iter_mut().zip(each).for_each(|(sum, one)| *sum += one);
    }
    assert!(total.iter().all(|sum| u64::from(*sum) > FIXED_BACK / 3), "completed, taken down, deaths: {total:?}");
}

/// How often the data of all members was replaced.
#[track_caller]
fn keeps_promises_of(work: Work, seed: u64) -> u32 {
    let trial = Trial { work, ..Trial::new(seed) };
    let report = trial.run();
    if let Some(broken) = report.broken {
        let story = Trial { history: true, ..trial }.run().history.join("\n");
        panic!("{story}\n\n{work:?} {seed} breaks {}: {}", broken.promise, broken.what);
    }
    report.counts.replaced
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
        if tried.is_multiple_of(4) {
            keeps_promises_of(Work::Rollback, first + tried);
            keeps_promises_of(Work::Restore, first + tried);
            keeps_promises_of(Work::Descent, first + tried);
        }
        tried += 1;
    }
    println!("{tried} fresh seeds from {first} on");
}

// faults: C1
/// No faults but one: the controller is killed, once at each of its instructions in turn. The next `apply` finishes.
#[test]
fn a_controller_may_die_at_every_instruction() {
    dies_at_every_instruction(Work::Upgrade, CRASHED, |counts| counts.completed > 0);
}

// faults: C1
/// The same while members are put back one by one, and while the data of all of them is: `rollback` again finishes.
#[test]
fn a_controller_may_die_at_every_instruction_of_a_rollback() {
    dies_at_every_instruction(Work::Rollback, 1, |counts| counts.swapped_back > 1);
    dies_at_every_instruction(Work::Rollback, 1, |counts| counts.replaced > 0);
}

// faults: C1
#[test]
fn a_controller_may_die_at_every_instruction_of_a_restore() {
    dies_at_every_instruction(Work::Restore, 1, |counts| counts.replaced > 0);
}

// faults: C1
#[test]
fn a_controller_may_die_at_every_instruction_of_a_way_down() {
    dies_at_every_instruction(Work::Descent, 1, |counts| counts.swapped_back > 2);
}

fn dies_at_every_instruction(work: Work, seeds: usize, is_wanted: impl Fn(&Counts) -> bool) {
    let calm = |seed| Trial { weather: Weather::Calm, work, ..Trial::new(seed) };
    let wanted = (0..FIXED).filter(|&seed| is_wanted(&calm(seed).run().counts));
    for seed in wanted.take(seeds) {
        let at = |instruction| Trial { dies_at: Some(instruction), ..calm(seed) };
        let mut instruction = 0;
        loop {
            let report = at(instruction).run();
            if let Some(broken) = report.broken {
                let story = Trial { history: true, ..at(instruction) }.run().history.join("\n");
                panic!("{story}\n\n{work:?}, seed {seed}, death at instruction {instruction}: {}", broken.what);
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
        // Whatever else it breaks on the way: one of the promises that it is about is seen broken.
        let is_found = |seed: &u64| {
            let trial = Trial { mutation: Some(*mutation), work: mutation.work(), ..Trial::new(*seed) };
            trial.run().broken.is_some_and(|broken| mutation.found_by().contains(&broken.promise))
        };
        let found_before = FOUND_LATE.iter().filter(|(name, _)| *name == mutation.name()).map(|(_, seed)| *seed);
        let found = found_before.chain(0..MOST_SEEDS).find(is_found);
        assert!(
            found.is_some(),
            "not found in {MOST_SEEDS} seeds: {}, which breaks {:?}",
            mutation.what(),
            mutation.found_by()
        );
    }
}

/// Each mutation is listed for people, with what it breaks.
#[test]
fn every_mutation_is_in_the_documentation() {
    let page = include_str!("../../docs/explanation/reliability.md");
    for mutation in Mutation::ALL {
        let row = format!("| `{}` |{} |", mutation.name(), mutation.what());
        assert!(page.contains(&row), "docs/explanation/reliability.md lacks the row: {row}");
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
