//! Logs for people who look for a fault in quorate: to standard error, only when asked for.

use tracing_subscriber::EnvFilter;

use super::failure::Failure;

/// Holds a level, or the directives of tracing: `debug`, `quorate::host=trace`.
pub const VARIABLE: &str = "QUORATE_LOG";

pub fn start() -> Result<(), Failure> {
    let Some(wanted) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else { return Ok(()) };
    let wrong = |reason: String| Failure::Usage(format!("{VARIABLE}: {reason}; write a level, such as \"debug\""));
    let wanted = wanted.into_string().map_err(|_| wrong("it is not text".to_owned()))?;
    let filter = EnvFilter::try_new(directives(&wanted)).map_err(|error| wrong(error.to_string()))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init()
        .map_err(|error| wrong(error.to_string()))
}

/// A bare level is for quorate alone: libraries below would log what passes through them.
fn directives(wanted: &str) -> String {
    const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
    let lower = wanted.to_ascii_lowercase();
    if LEVELS.contains(&lower.as_str()) { format!("quorate={lower}") } else { wanted.to_owned() }
}
