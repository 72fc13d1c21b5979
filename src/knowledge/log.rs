//! Tells the log lines that belong to an upgrade from those that do not.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::error::Problem;
use super::fact::Fact;
use super::versions::Versions;
use crate::units::Version;

/// A kind of line that etcd writes, and what it means.
#[derive(Debug, Clone, Serialize)]
pub struct LogPattern {
    #[serde(flatten)]
    pub fact: Fact,
    /// Versions of the member that writes it.
    pub versions: Versions,
    pub class: LogClass,
    pub moment: LogMoment,
    #[serde(serialize_with = "as_text")]
    pub regex: Regex,
    /// The hazard, defect or rule that it is the symptom of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogClass {
    /// Belongs to the moment; no reason to worry.
    Expected,
    /// Shows that something has been reached.
    Success,
    /// Shows that something is wrong.
    Trouble,
    /// A word that makes a line without a level worth showing, unless it is expected.
    Suspect,
}

/// When such a line is ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogMoment {
    AnyTime,
    /// Another member, or this one, is being stopped or is down.
    MemberDown,
    MemberStarts,
    /// Members run two minors.
    MixedVersions,
    Completion,
}

/// What a line is.
#[derive(Debug, Clone, Copy)]
pub enum LogVerdict<'a> {
    Expected(&'a LogPattern),
    Success(&'a LogPattern),
    Trouble(&'a LogPattern),
    /// A warning or worse that no pattern knows.
    Unexpected(LogLevel),
    /// Nothing to say about it.
    Ordinary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// The line has no level: Go's own log format (2.0, 2.1), or journald took it off.
    Unmarked,
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
}

/// So much of a line is looked at.
const LONGEST_LINE: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(rename = "in")]
    versions: Versions,
    class: LogClass,
    #[serde(default = "any_time")]
    moment: LogMoment,
    regex: String,
    cause: Option<String>,
}

fn any_time() -> LogMoment {
    LogMoment::AnyTime
}

fn as_text<S: serde::Serializer>(regex: &Regex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(regex.as_str())
}

impl LogPattern {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let Body { versions, class, moment, regex, cause } = reader.rest()?;
        let regex = Regex::new(&regex).map_err(|error| reader.problem(format!("`regex`: {error}")))?;
        reader.done()?;
        Ok(Self { fact, versions, class, moment, regex, cause })
    }
}

impl LogLevel {
    /// Reads the level of a line in etcd's two formats, `DATE TIME.MICROS W | package: text` and JSON, and in that of
    /// its libraries, `raftDATE TIME INFO: text` and `WARNING: DATE TIME text`.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let line = line.trim_start();
        if line.starts_with('{') {
            return json_level(line);
        }
        let mut words = line.splitn(4, ' ').skip(2);
        match (words.next(), words.next()) {
            (Some(letter), Some(rest)) if rest.starts_with("| ") => match letter {
                "D" | "T" => Self::Debug,
                "I" => Self::Info,
                "N" => Self::Notice,
                "W" => Self::Warning,
                "E" => Self::Error,
                "C" => Self::Critical,
                _ => Self::Unmarked,
            },
            _ => line.split(' ').take(3).find_map(level_word).unwrap_or(Self::Unmarked),
        }
    }

    const fn is_worth_showing(self) -> bool {
        matches!(self, Self::Warning | Self::Error | Self::Critical)
    }
}

fn level_word(word: &str) -> Option<LogLevel> {
    match word {
        "DEBUG:" => Some(LogLevel::Debug),
        "INFO:" => Some(LogLevel::Info),
        "WARN:" | "WARNING:" | "[WARNING]" => Some(LogLevel::Warning),
        "ERROR:" => Some(LogLevel::Error),
        _ => None,
    }
}

fn json_level(line: &str) -> LogLevel {
    let level = line.split_once("\"level\":\"").and_then(|(_, rest)| rest.split_once('"')).map(|(level, _)| level);
    match level {
        Some("debug") => LogLevel::Debug,
        Some("info") => LogLevel::Info,
        Some("warn") => LogLevel::Warning,
        Some("error") => LogLevel::Error,
        Some("dpanic" | "panic" | "fatal") => LogLevel::Critical,
        _ => LogLevel::Unmarked,
    }
}

/// What a line of a member of this version is. Trouble wins over success, success over what is expected.
pub(super) fn classify<'a>(patterns: &'a [LogPattern], version: &Version, line: &str) -> LogVerdict<'a> {
    let end = (0..=line.len().min(LONGEST_LINE)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let line = &line[..end];
    let find = |class| {
        let known = |pattern: &&LogPattern| pattern.class == class && pattern.versions.contains(version);
        patterns.iter().filter(known).find(|pattern| pattern.regex.is_match(line))
    };
    if let Some(pattern) = find(LogClass::Trouble) {
        return LogVerdict::Trouble(pattern);
    }
    if let Some(pattern) = find(LogClass::Success) {
        return LogVerdict::Success(pattern);
    }
    let level = LogLevel::of(line);
    let suspect = level == LogLevel::Unmarked && find(LogClass::Suspect).is_some();
    if !suspect && !level.is_worth_showing() {
        return find(LogClass::Expected).map_or(LogVerdict::Ordinary, LogVerdict::Expected);
    }
    find(LogClass::Expected).map_or(LogVerdict::Unexpected(level), LogVerdict::Expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_level_of_both_formats() {
        for (line, level) in [
            ("2015-09-02 09:55:42.691384 W | rafthttp: the connection to peer 6e3b is unhealthy", LogLevel::Warning),
            ("2015-09-02 09:56:54.896848 N | etcdserver: updated the cluster version", LogLevel::Notice),
            ("2015/09/2 09:48:35 etcdserver: failed to reach the peerURL(http://localhost:1)", LogLevel::Unmarked),
            (r#"{"level":"warn","ts":"2026-11-21T08:00:00Z","msg":"x"}"#, LogLevel::Warning),
            (r#"{"level":"fatal","msg":"x"}"#, LogLevel::Critical),
            ("raft2026/11/21 09:00:00 INFO: ca64 sends MsgTimeoutNow to 804d", LogLevel::Info),
            ("WARNING: 2026/11/21 09:00:19 grpc: addrConn.transportMonitor exits", LogLevel::Warning),
            ("", LogLevel::Unmarked),
            ("{", LogLevel::Unmarked),
        ] {
            assert_eq!(LogLevel::of(line), level, "{line}");
        }
    }
}
