//! What a member logged during a run: from the journal, or from the log file of a plain process. Bounded in lines and length.

use std::time::Duration;

use crate::host::Host;

use super::answer::{ask, clean};
use super::error::RuntimeError;
use super::scripts;
use super::site::{Service, Site};

const DEADLINE: Duration = Duration::from_secs(60);

/// Most lines that are read at once.
const MOST_LINES: u32 = 2000;

/// A place in a member's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCursor(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLines {
    /// The newest ones, at most as many as were asked for, safe to be shown.
    pub lines: Vec<String>,
    /// Where the next look goes on.
    pub cursor: LogCursor,
}

/// Where the log ends now.
pub async fn log_cursor(host: &Host, site: &Site) -> Result<LogCursor, RuntimeError> {
    read(host, site, "", 1).await.map(|read| read.cursor)
}

/// What was logged since `cursor`; of more than `most` lines, the newest.
pub async fn log_lines_since(
    host: &Host,
    site: &Site,
    cursor: &LogCursor,
    most: u32,
) -> Result<LogLines, RuntimeError> {
    if cursor.0.is_empty() {
        // Nothing was logged yet when it was first looked at.
        return Ok(LogLines { lines: Vec::new(), cursor: log_cursor(host, site).await? });
    }
    read(host, site, &cursor.0, most).await
}

async fn read(host: &Host, site: &Site, cursor: &str, most: u32) -> Result<LogLines, RuntimeError> {
    let most = most.clamp(1, MOST_LINES).to_string();
    let answer = match &site.service {
        Service::Systemd { unit } => ask(host, scripts::LOG_SYSTEMD, &[unit, cursor, &most], DEADLINE).await?,
        Service::Process { dir } => ask(host, scripts::LOG_PROCESS, &[dir, cursor, &most], DEADLINE).await?,
    };
    let mut next = clean(answer.need("cursor")?);
    if next.is_empty() {
        // Nothing was logged since: journalctl then names no place.
        cursor.clone_into(&mut next);
    }
    Ok(LogLines { lines: answer.texts("log"), cursor: LogCursor(next) })
}
