//! The command line of the writer.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

#[derive(Parser)]
#[command(
    about = "Writes unique keys to an etcd cluster until told to stop, then checks them all",
    args_override_self = true
)]
pub struct Args {
    /// Client URLs, separated by commas; every worker rotates through them.
    #[arg(long, value_delimiter = ',', required = true)]
    pub endpoints: Vec<String>,
    /// Which API to write through; auto: v2 where the servers are 2.x.
    #[arg(long, value_enum, default_value = "auto")]
    pub api: ApiChoice,
    /// How many write at the same time.
    #[arg(long, default_value_t = 4)]
    pub workers: usize,
    /// How many read, by quorum, what was acknowledged last.
    #[arg(long, default_value_t = 2)]
    pub readers: usize,
    /// Milliseconds that a worker rests after each write.
    #[arg(long, default_value_t = 1)]
    pub interval_ms: u64,
    /// Milliseconds that a reader rests after each read.
    #[arg(long, default_value_t = 5)]
    pub read_interval_ms: u64,
    /// Milliseconds after which a request is given up and the next endpoint tried.
    #[arg(long, default_value_t = 1000)]
    pub timeout_ms: u64,
    /// All keys go below this.
    #[arg(long, default_value = "quorate-writer")]
    pub prefix: String,
    /// PEM file: the certificate authority of the servers.
    #[arg(long)]
    pub ca: Option<PathBuf>,
    /// PEM file: our certificate.
    #[arg(long, requires = "key")]
    pub cert: Option<PathBuf>,
    /// PEM file: the key of our certificate.
    #[arg(long, requires = "cert")]
    pub key: Option<PathBuf>,
    /// Stop as soon as this file is there.
    #[arg(long)]
    pub stop_file: Option<PathBuf>,
    /// Stop after so many seconds.
    #[arg(long)]
    pub duration: Option<u64>,
    /// Made when the first write is acknowledged.
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
    /// Write the verdict's JSON line to this file, too.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Write each acknowledged key and its revision (v2: index) to this file.
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// Seconds to get all keys read back at the end.
    #[arg(long, default_value_t = 60)]
    pub read_back_seconds: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ApiChoice {
    Auto,
    V2,
    V3,
}

impl Args {
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }

    pub fn read_interval(&self) -> Duration {
        Duration::from_millis(self.read_interval_ms)
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}
