//! The end: reads everything back, compares, and says what came out.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::Serialize;

use crate::Failure;
use crate::args::Args;
use crate::etcd::{Api, Etcd};
use crate::ledger::Ledger;

/// Exit status: a promise of etcd was broken.
const BROKEN: u8 = 1;
/// Exit status: no write was acknowledged, or nothing could be read back.
pub const NOTHING_PROVEN: u8 = 3;
const EXAMPLES: usize = 5;

#[derive(Serialize)]
struct Verdict {
    api: &'static str,
    acknowledged: usize,
    lost: usize,
    stale: u64,
    /// Acknowledgements whose revision was not above the worker's one before.
    backward: u64,
    errors: u64,
    reads: u64,
    read_errors: u64,
    longest_stall_ms: f64,
    longest_stall_at_ms: f64,
    /// Pauses of 50 ms and more: when each began, in milliseconds of Unix time, and how long it was.
    stalls: Vec<(f64, f64)>,
    duration_ms: f64,
    last_revision: u64,
    lost_examples: Vec<String>,
}

pub async fn give(args: &Args, etcd: &Etcd, ledger: &Ledger) -> Result<ExitCode, Failure> {
    if let Some(file) = &args.record {
        record(file, etcd, ledger)?;
    }
    let deadline = Instant::now() + Duration::from_secs(args.read_back_seconds);
    let lost = find_lost(etcd, ledger, deadline)
        .await
        .map_err(|failure| format!("could not read back what was written: {failure}"))?;
    let verdict = sum_up(etcd, ledger, &lost);
    print(args, &verdict)?;
    let broken = verdict.lost > 0 || verdict.stale > 0 || verdict.backward > 0;
    Ok(match (broken, verdict.acknowledged) {
        (true, _) => ExitCode::from(BROKEN),
        (false, 0) => ExitCode::from(NOTHING_PROVEN),
        (false, _) => ExitCode::SUCCESS,
    })
}

/// Acknowledged keys that the cluster has no more, or has with another value.
async fn find_lost(etcd: &Etcd, ledger: &Ledger, deadline: Instant) -> Result<Vec<String>, Failure> {
    let mut lost = Vec::new();
    for worker in 0..ledger.workers() {
        let found = etcd.read_back(worker, deadline).await?;
        for number in 0..ledger.count(worker) {
            let key = etcd.key(worker, number);
            if found.get(&key) != Some(&etcd.value(worker, number)) {
                lost.push(key);
            }
        }
    }
    Ok(lost)
}

fn sum_up(etcd: &Etcd, ledger: &Ledger, lost: &[String]) -> Verdict {
    let stall = ledger.stall();
    let began = milliseconds(stall.started_at.duration_since(UNIX_EPOCH).unwrap_or_default());
    let last_revision = (0..ledger.workers()).filter_map(|worker| ledger.revisions(worker).last().copied()).max();
    Verdict {
        api: match etcd.api() {
            Api::V2 => "v2",
            Api::V3 => "v3",
        },
        acknowledged: ledger.total(),
        lost: lost.len(),
        stale: ledger.stale.load(Relaxed),
        backward: ledger.backward.load(Relaxed),
        errors: ledger.errors.load(Relaxed),
        reads: ledger.reads.load(Relaxed),
        read_errors: ledger.read_errors.load(Relaxed),
        longest_stall_ms: milliseconds(stall.longest),
        longest_stall_at_ms: milliseconds(stall.at),
        stalls: stall.listed.iter().map(|(at, pause)| (began + milliseconds(*at), milliseconds(*pause))).collect(),
        duration_ms: milliseconds(stall.run),
        last_revision: last_revision.unwrap_or_default(),
        lost_examples: lost.iter().take(EXAMPLES).cloned().collect(),
    }
}

fn print(args: &Args, verdict: &Verdict) -> Result<(), Failure> {
    let line = serde_json::to_string(verdict)?;
    println!("{line}");
    if let Some(file) = &args.out {
        std::fs::write(file, format!("{line}\n"))?;
    }
    eprintln!(
        "writer ({}): {} writes acknowledged, {} lost, {} errors; {} reads, {} stale; \
         longest stall {:.0} ms; {:.1} s",
        verdict.api,
        verdict.acknowledged,
        verdict.lost,
        verdict.errors,
        verdict.reads,
        verdict.stale,
        verdict.longest_stall_ms,
        verdict.duration_ms / 1000.0,
    );
    Ok(())
}

fn record(file: &Path, etcd: &Etcd, ledger: &Ledger) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for worker in 0..ledger.workers() {
        for (number, revision) in ledger.revisions(worker).iter().enumerate() {
            writeln!(out, "{} {revision}", etcd.key(worker, number))?;
        }
    }
    Ok(out.flush()?)
}

/// With one digit after the point.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
