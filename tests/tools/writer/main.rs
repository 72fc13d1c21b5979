//! A client that writes unique keys all through an upgrade and tells afterwards
//! what became of them. In: endpoints and how to reach them. Out: one JSON line
//! on stdout, one line for a person on stderr, and an exit status: 0 when
//! nothing was lost, 1 when an acknowledged write is missing, a read was stale or
//! time went backward, 3 when nothing could be proven. It uses nothing of the
//! quorate library on purpose: what is judged must not be the judge.

mod args;
mod etcd;
mod ledger;
mod load;
mod verdict;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::Args;
use crate::etcd::Etcd;
use crate::ledger::Ledger;

const STOP_FILE_POLL: Duration = Duration::from_millis(20);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("writer: {failure}");
            ExitCode::from(verdict::NOTHING_PROVEN)
        }
    }
}

async fn run(args: Args) -> Result<ExitCode, Failure> {
    let etcd = Arc::new(Etcd::connect(&args).await?);
    let ledger = Arc::new(Ledger::new(args.workers));
    let (stop, stopped) = watch::channel(false);

    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..args.workers {
        tasks.spawn(load::write(etcd.clone(), ledger.clone(), worker, args.interval(), stopped.clone()));
    }
    for reader in 0..args.readers {
        tasks.spawn(load::read(etcd.clone(), ledger.clone(), reader, args.read_interval(), stopped.clone()));
    }
    if let Some(file) = args.ready_file.clone() {
        let ledger = ledger.clone();
        tasks.spawn(async move { load::announce(&ledger, &file, stopped).await });
    }

    wait_for_stop(&args).await?;
    ledger.close();
    stop.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    verdict::give(&args, &etcd, &ledger).await
}

/// Ends at SIGTERM, SIGINT, when the stop file is there, or when the time is up.
async fn wait_for_stop(args: &Args) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop_file(args.stop_file.as_deref()) => {}
        () = time_is_up(args.duration) => {}
    }
    Ok(())
}

async fn stop_file(file: Option<&Path>) {
    let Some(file) = file else {
        return std::future::pending().await;
    };
    while !file.exists() {
        tokio::time::sleep(STOP_FILE_POLL).await;
    }
}

async fn time_is_up(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}
