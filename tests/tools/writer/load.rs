//! The load: workers that write, readers that read what was acknowledged last.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::watch;

use crate::etcd::Etcd;
use crate::ledger::Ledger;

/// After every endpoint has refused in a row, before the first is tried again.
const ALL_REFUSED_PAUSE: Duration = Duration::from_millis(10);
const READY_POLL: Duration = Duration::from_millis(5);

/// Writes key after key. One that failed is written again at the next endpoint: it
/// may or may not have been applied, so it counts as an error, and is the
/// same write with the same value.
pub async fn write(
    etcd: Arc<Etcd>,
    ledger: Arc<Ledger>,
    worker: usize,
    interval: Duration,
    stopped: watch::Receiver<bool>,
) {
    let mut endpoint = worker;
    let mut refused = 0;
    while !*stopped.borrow() {
        let number = ledger.count(worker);
        match etcd.put(endpoint, worker, number).await {
            Ok(revision) => {
                ledger.acknowledge(worker, revision);
                refused = 0;
                tokio::time::sleep(interval).await;
            }
            Err(_) => {
                ledger.errors.fetch_add(1, Relaxed);
                refused += 1;
                if refused % etcd.endpoints() == 0 {
                    tokio::time::sleep(ALL_REFUSED_PAUSE).await;
                }
            }
        }
        endpoint += 1;
    }
}

/// Reads, by quorum, the key that a worker had acknowledged last before the read
/// began, at one endpoint after the other. Not to see it is a stale read.
pub async fn read(
    etcd: Arc<Etcd>,
    ledger: Arc<Ledger>,
    reader: usize,
    interval: Duration,
    stopped: watch::Receiver<bool>,
) {
    let mut turn = reader;
    while !*stopped.borrow() {
        turn += 1;
        tokio::time::sleep(interval).await;
        let worker = turn % ledger.workers();
        let Some(number) = ledger.count(worker).checked_sub(1) else {
            continue;
        };
        match etcd.get(turn, worker, number).await {
            Ok(value) => {
                ledger.reads.fetch_add(1, Relaxed);
                if value.as_deref() != Some(&etcd.value(worker, number)) {
                    ledger.stale.fetch_add(1, Relaxed);
                }
            }
            Err(_) => {
                ledger.read_errors.fetch_add(1, Relaxed);
            }
        }
    }
}

/// Makes the ready file at the first acknowledgement.
pub async fn announce(ledger: &Ledger, file: &Path, stopped: watch::Receiver<bool>) {
    while ledger.total() == 0 {
        if *stopped.borrow() {
            return;
        }
        tokio::time::sleep(READY_POLL).await;
    }
    if let Err(error) = std::fs::write(file, b"") {
        eprintln!("writer: {}: {error}", file.display());
    }
}
