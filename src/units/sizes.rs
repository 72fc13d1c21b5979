//! Sizes in bytes and spans of time, read as people write them and shown so again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number of bytes. Shown in binary steps (KB = 1,024 bytes), as etcd and `df -h` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    #[must_use]
    pub const fn mebi(count: u64) -> Self {
        Self(count * 1024 * 1024)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const STEPS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
        let mut value = self.0 as f64;
        let mut step = 0;
        while value >= 1024.0 && step + 1 < STEPS.len() {
            value /= 1024.0;
            step += 1;
        }
        if step == 0 || value >= 10.0 {
            write!(f, "{value:.0} {}", STEPS[step])
        } else {
            write!(f, "{value:.1} {}", STEPS[step])
        }
    }
}

/// A span of time as a spec writes it: `500ms`, `10s`, `2m`, `1h30m`. Never negative, at most a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

/// The longest span that makes sense for a wait on an etcd cluster.
const LONGEST_SPAN: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a text is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    #[error(
        "\"{0}\" is not a span of time: write a number and a unit, such as \"500ms\", \"10s\", \"2m\" or \"1h30m\""
    )]
    NotASpan(String),
    #[error("\"{0}\" is longer than a week")]
    TooLong(String),
}

impl Span {
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

/// In whole milliseconds, and a week at most: what a span is written as is what it is.
impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        let whole = Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        Self(whole.min(LONGEST_SPAN))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let span = read_time(text).map_err(|problem| match problem {
            Unread::NotASpan(text) => SpanError::NotASpan(text),
            Unread::TooLong(text) => SpanError::TooLong(text),
        })?;
        if span > LONGEST_SPAN { Err(SpanError::TooLong(text.to_owned())) } else { Ok(Self(span)) }
    }
}

/// Why a text is no time.
enum Unread {
    NotASpan(String),
    TooLong(String),
}

fn read_time(text: &str) -> Result<Duration, Unread> {
    let wrong = || Unread::NotASpan(text.chars().take(64).collect());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() || text.len() > 64 {
        return Err(wrong());
    }
    let mut rest = text;
    let mut total = 0u64; // milliseconds
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        if unit >= last_unit {
            return Err(wrong());
        }
        last_unit = unit;
        rest = &rest[letters..];
        total = number
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| Unread::TooLong(text.to_owned()))?;
    }
    Ok(Duration::from_millis(total))
}

/// How old something may be, or how long it still has to last: written as a span of time, `30d`, and longer than one may
/// be. At most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(Duration);

/// The longest age that a bound may have.
const LONGEST_AGE: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Why a text is not an age.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    #[error("\"{0}\" is not an age: write a number and a unit, such as \"30d\", \"26h\" or \"1d12h\"")]
    NotAnAge(String),
    #[error("\"{0}\" is longer than ten years")]
    TooLong(String),
}

impl Age {
    #[must_use]
    pub const fn from_days(days: u64) -> Self {
        Self(Duration::from_secs(days * 24 * 3600))
    }

    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Age {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let age = read_time(text).map_err(|problem| match problem {
            Unread::NotASpan(text) => AgeError::NotAnAge(text),
            Unread::TooLong(text) => AgeError::TooLong(text),
        })?;
        if age > LONGEST_AGE { Err(AgeError::TooLong(text.to_owned())) } else { Ok(Self(age)) }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_time(self.0, f)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_time(self.0, f)
    }
}

fn write_time(time: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = time.as_millis();
    if rest == 0 {
        return f.write_str("0s");
    }
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= length {
            write!(f, "{}{unit}", rest / length)?;
            rest %= length;
        }
    }
    Ok(())
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(Bytes(0).to_string(), "0 B");
        assert_eq!(Bytes(1536).to_string(), "1.5 KB");
        assert_eq!(Bytes::mebi(41).to_string(), "41 MB");
    }

    #[test]
    fn a_span_of_any_length_is_read_back_as_it_is_written() {
        for duration in [Duration::MAX, Duration::from_secs(9 * 86_400), Duration::from_nanos(1_500_000_001)] {
            let span = Span::from(duration);
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn ages_are_longer_than_spans_may_be() {
        for text in ["30d", "1d12h", "3650d", "0s"] {
            assert_eq!(text.parse::<Age>().unwrap().to_string(), text);
        }
        assert_eq!("30d".parse(), Ok(Age::from_days(30)));
        assert!(matches!("3651d".parse::<Age>(), Err(AgeError::TooLong(_))));
        for bad in ["", "30", "d", "a month", "-1d", "1h1d"] {
            assert!(matches!(bad.parse::<Age>(), Err(AgeError::NotAnAge(_))), "{bad}");
        }
    }

    #[test]
    fn spans_go_both_ways() {
        for text in ["500ms", "10s", "2m", "1h30m", "1d"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("0".parse::<Span>().unwrap(), Span::default());
        for bad in
            ["", "10", "s", "-1s", "1s1s", "1s2m", "1y", "8d", "99999999999999999999s", "1.5s", "18446744073709551615d"]
        {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
