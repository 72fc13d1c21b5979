//! Runs the simulation over many seeds, or tells the story of one.
//!
//!     cargo run --release --features sim --example simulate -- --seeds 1000000
//!     … --climbs --seeds 100000           several minors declared at once
//!     … --rollbacks --seeds 100000        back from an upgrade that was cut off, or completed
//!     … --restores --seeds 100000         whole clusters from a backup
//!     … --descents --seeds 100000         one or two minors down
//!     … --seed 4711                       the story of one seed, line by line
//!     … --mutations --seeds 20000         breaks each promise on purpose, and says after how many seeds it is found
//!     … --mutation no-backup --seed 4711  the story of one, broken so

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use quorate::sim::{Mutation, Report, Trial, Work};

/// What was asked for.
struct Asked {
    from: u64,
    seeds: u64,
    one: Option<u64>,
    threads: usize,
    mutation: Option<Mutation>,
    mutations: bool,
    work: Work,
}

/// What came of many seeds.
#[derive(Default)]
struct Total {
    seeds: u64,
    applies: u64,
    deaths: u64,
    effects: u64,
    entries: u64,
    faults: u64,
    put_back: u64,
    completed: u64,
    points_put_back: u64,
    refused: BTreeMap<String, u64>,
    broken: Vec<(u64, String)>,
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(seed) = asked.one {
        return tell(Trial { mutation: asked.mutation, work: asked.work, ..Trial::new(seed) });
    }
    if asked.mutations { mutations(&asked) } else { many(&asked) }
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked =
        Asked { from: 0, seeds: 10_000, one: None, threads: 1, mutation: None, mutations: false, work: Work::Upgrade };
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{flag} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match flag.as_str() {
            "--from" => asked.from = number(value()?)?,
            "--seeds" => asked.seeds = number(value()?)?,
            "--seed" => asked.one = Some(number(value()?)?),
            "--threads" => asked.threads = usize::try_from(number(value()?)?).unwrap_or(1).max(1),
            "--mutations" => asked.mutations = true,
            "--climbs" => asked.work = Work::Climb,
            "--rollbacks" => asked.work = Work::Rollback,
            "--restores" => asked.work = Work::Restore,
            "--descents" => asked.work = Work::Descent,
            "--mutation" => {
                let name = value()?;
                let found = Mutation::ALL.iter().find(|mutation| mutation.name() == name);
                asked.mutation = Some(*found.ok_or(format!("there is no mutation {name}"))?);
            }
            other => return Err(format!("{other}: unknown")),
        }
    }
    Ok(asked)
}

fn tell(trial: Trial) -> ExitCode {
    let seed = trial.seed;
    let report = Trial { history: true, ..trial }.run();
    for line in &report.history {
        println!("{line}");
    }
    match &report.broken {
        Some(broken) => {
            println!("\nseed {seed} breaks {}: {}", broken.promise, broken.what);
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn many(asked: &Asked) -> ExitCode {
    let begun = Instant::now();
    let next = AtomicU64::new(asked.from);
    let end = asked.from + asked.seeds;
    let total = Mutex::new(Total::default());
    std::thread::scope(|scope| {
        for _ in 0..asked.threads {
            scope.spawn(|| {
                let mut own = Total::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let trial = Trial { mutation: asked.mutation, work: asked.work, ..Trial::new(seed) };
                    own.add(seed, &trial.run());
                }
                if let Ok(mut total) = total.lock() {
                    total.join(own);
                }
            });
        }
    });
    let Ok(total) = total.into_inner() else { return ExitCode::FAILURE };
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds in {seconds:.1} s on {} threads: {:.0} a second and thread",
        total.seeds,
        asked.threads,
        total.seeds as f64 / seconds / asked.threads as f64
    );
    println!(
        "{} runs of `apply`, {} deaths of a controller, {} effects, {} entries, {} faults, {} members put back, {} \
         rungs completed, {} times rollback points put back",
        total.applies,
        total.deaths,
        total.effects,
        total.entries,
        total.faults,
        total.put_back,
        total.completed,
        total.points_put_back
    );
    for (rules, seeds) in &total.refused {
        println!("refused for what it is, {seeds} seeds: {rules}");
    }
    for (seed, what) in total.broken.iter().take(20) {
        println!("seed {seed}: {what}");
    }
    if total.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Total {
    fn add(&mut self, seed: u64, report: &Report) {
        let counts = &report.counts;
        self.seeds += 1;
        self.applies += u64::from(counts.applies);
        self.deaths += u64::from(counts.deaths);
        self.effects += u64::from(counts.effects);
        self.entries += u64::from(counts.entries);
        self.faults += u64::from(counts.faults);
        self.put_back += u64::from(counts.put_back);
        self.completed += u64::from(counts.completed);
        self.points_put_back += u64::from(counts.points_put_back);
        if !report.refused.is_empty() {
            *self.refused.entry(report.refused.join(" ")).or_default() += 1;
        }
        if let Some(broken) = &report.broken {
            self.broken.push((seed, format!("{}: {}", broken.promise, broken.what)));
        }
    }

    fn join(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.applies += other.applies;
        self.deaths += other.deaths;
        self.effects += other.effects;
        self.entries += other.entries;
        self.faults += other.faults;
        self.put_back += other.put_back;
        self.completed += other.completed;
        self.points_put_back += other.points_put_back;
        for (rules, seeds) in other.refused {
            *self.refused.entry(rules).or_default() += seeds;
        }
        self.broken.extend(other.broken);
        self.broken.sort();
    }
}

/// For each mutation: the first seed that shows it, and by which promise.
fn mutations(asked: &Asked) -> ExitCode {
    let mut all_found = true;
    for mutation in Mutation::ALL {
        let broken = (asked.from..asked.from + asked.seeds).find_map(|seed| {
            let report = Trial { mutation: Some(*mutation), work: mutation.work(), ..Trial::new(seed) }.run();
            report.broken.map(|broken| (seed, broken))
        });
        match broken {
            Some((seed, broken)) => {
                let meant = if mutation.found_by().contains(&broken.promise) { "" } else { " (NOT AS MEANT)" };
                let tried = seed - asked.from + 1;
                println!("{:22} seed {tried:>6}  {}{meant}: {}", mutation.name(), broken.promise, broken.what);
            }
            None => {
                all_found = false;
                println!("{:22} NOT FOUND in {} seeds: {}", mutation.name(), asked.seeds, mutation.what());
            }
        }
    }
    if all_found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
