//! The simulation, run: fixed seeds, and fresh ones as time allows.

use crate::sim::{Mutation, Report, Trial, Weather};

fn told(seed: u64, mutation: Option<Mutation>, weather: Weather) -> String {
    let report = Trial { seed, weather, mutation, history: true }.run();
    report.history.join("\n")
}

fn assert_holds(seed: u64, report: &Report) {
    if let Some(broken) = &report.broken {
        panic!("{}\n\nseed {seed} breaks {}: {}", told(seed, None, Weather::Rough), broken.promise, broken.what);
    }
}

#[test]
fn fixed_seeds_keep_every_promise() {
    for seed in 0..FIXED {
        assert_holds(seed, &Trial::new(seed).run());
    }
}

const FIXED: u64 = 300;
