//! Who holds a lock: a record for whoever comes second, in the state and on hosts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::state::timestamp;
use crate::units::Sha256;

const FORMAT: u32 = 1;

/// Longest record that is read. One on a host is cut to 4000 bytes there.
const LONGEST: usize = 4096;

/// One holder of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub format: u32,
    pub who: String,
    /// The name of the machine.
    pub controller: String,
    /// Tells two machines of one name apart: a digest, not the machine's own id.
    pub machine: Option<String>,
    pub pid: u32,
    /// Clock ticks from boot to the start of the process: a process id alone is given away again.
    pub started: u64,
    /// `apply`, `backup`, …
    pub command: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// Its run, where it makes one.
    pub run: Option<String>,
}

impl Holder {
    /// This process, now.
    pub fn this_process(who: &str, controller: &str, command: &str, run: Option<&str>) -> Self {
        let pid = std::process::id();
        Self {
            format: FORMAT,
            who: who.to_owned(),
            controller: controller.to_owned(),
            machine: this_machine(),
            pid,
            started: start_of(pid).unwrap_or_default(),
            command: command.to_owned(),
            since: timestamp(),
            run: run.map(str::to_owned),
        }
    }

    /// As it is written down: one line.
    #[must_use]
    pub fn line(&self) -> String {
        // Strings and numbers always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What somebody wrote; `None` when it is no record of ours.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?;
        if line.len() > LONGEST {
            return None;
        }
        serde_json::from_str(line).ok()
    }

    /// Whether it is a process of this machine.
    #[must_use]
    pub fn is_of_machine(&self, controller: &str) -> bool {
        self.controller == controller && self.machine == this_machine()
    }

    /// Whether that very process is there. Says something only for one of this machine.
    #[must_use]
    pub fn lives(&self) -> bool {
        start_of(self.pid) == Some(self.started)
    }

    /// How long it has been holding the lock, by the clocks of both machines.
    #[must_use]
    pub fn held_for(&self, now: OffsetDateTime) -> Option<Duration> {
        let since = OffsetDateTime::parse(&self.since, &Rfc3339).ok()?;
        Duration::try_from(now - since).ok()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, controller, command, pid, since, .. } = self;
        write!(f, "{who} on {controller} runs `quorate {command}` (process {pid}) since {since}")?;
        if let Some(run) = &self.run {
            write!(f, ", run {run}")?;
        }
        Ok(())
    }
}

/// Clock ticks from boot to the start of a process; `None` when it is gone, or where there is no /proc.
fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc(5): the name in field 2 may hold anything; field 3 is the state, field 22 the start.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn this_machine() -> Option<String> {
    let id = std::fs::read_to_string("/etc/machine-id").ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| Sha256::of(format!("quorate {id}").as_bytes()).short())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_back_as_it_was_written() {
        let holder = Holder::this_process("alice", "ops1", "apply", Some("r1"));
        assert_eq!(Holder::read(&format!("{}\nmore", holder.line())), Some(holder.clone()));
        assert!(holder.lives() && holder.is_of_machine("ops1") && !holder.is_of_machine("ops2"));
        assert!(holder.to_string().starts_with("alice on ops1 runs `quorate apply` (process "), "{holder}");
    }

    #[test]
    fn a_process_id_that_was_given_away_again_is_another_process() {
        let holder = Holder { started: 1, ..Holder::this_process("a", "b", "apply", None) };
        assert!(!holder.lives());
        assert!(!Holder { pid: 4_194_999, ..holder }.lives());
    }

    #[test]
    fn what_is_no_record_is_none() {
        for text in ["", "\n", "{}", "null", "{\"format\":1", &"x".repeat(10_000)] {
            assert_eq!(Holder::read(text), None);
        }
    }

    #[test]
    fn says_how_long() {
        let holder =
            Holder { since: "2026-11-21T12:00:00.000Z".to_owned(), ..Holder::this_process("a", "b", "c", None) };
        let at = |text: &str| OffsetDateTime::parse(text, &Rfc3339).unwrap();
        assert_eq!(holder.held_for(at("2026-11-21T12:03:00Z")), Some(Duration::from_secs(180)));
        assert_eq!(holder.held_for(at("2026-11-21T11:00:00Z")), None);
    }
}
