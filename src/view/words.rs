//! Numbers, spans of time and lists as people read them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::units::{Bytes, MemberName, Span};

/// `18,231`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `45 s`, `2 min 5 s`, `1 h 30 min`; below ten seconds with tenths, below one in milliseconds.
pub fn lasting(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms == 0 {
        return "0 s".to_owned();
    }
    if ms < 1000 {
        return format!("{ms} ms");
    }
    if ms < 10_000 && ms % 1000 >= 100 {
        return format!("{}.{} s", ms / 1000, ms % 1000 / 100);
    }
    let seconds = ms / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// With a capital at its beginning.
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

pub fn span(span: Span) -> String {
    lasting(span.duration())
}

pub fn milliseconds(ms: u64) -> String {
    lasting(Duration::from_millis(ms))
}

/// A moment without parts of a second: `2026-01-02T03:04:05Z` of `2026-01-02T03:04:05.678Z`.
pub fn whole_second(moment: &str) -> String {
    let parts = moment.strip_suffix('Z').and_then(|moment| moment.split_once('.'));
    match parts {
        Some((whole, part)) if part.bytes().all(|byte| byte.is_ascii_digit()) => format!("{whole}Z"),
        _ => moment.to_owned(),
    }
}

/// `1 member`, `3 members`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number as u64))
}

/// `m1`, `m1 and m2`, `m1, m2 and m3`.
pub fn listed<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => "none".to_owned(),
        [only] => only.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

pub fn names(members: &[MemberName]) -> String {
    let members: Vec<&str> = members.iter().map(MemberName::as_str).collect();
    listed(&members)
}

/// The members that something is said of.
pub fn names_of<T>(members: &BTreeMap<MemberName, T>) -> String {
    listed(&members.keys().map(MemberName::as_str).collect::<Vec<_>>())
}

/// Bytes that move: `12 MB of 41 MB (29 %), 11 MB/s, 3 s left`. `elapsed` is since the first byte.
pub fn transfer(done: Bytes, total: Option<Bytes>, elapsed: Duration) -> String {
    let mut text = match total {
        Some(total) if total.0 > 0 => {
            let percent = (u128::from(done.0.min(total.0)) * 100 / u128::from(total.0)) as u64;
            format!("{done} of {total} ({percent} %)")
        }
        _ => done.to_string(),
    };
    // A rate over less than half a second says nothing.
    let ms = elapsed.as_millis();
    if ms < 500 || done.0 == 0 {
        return text;
    }
    let rate = u64::try_from(u128::from(done.0) * 1000 / ms).unwrap_or(u64::MAX);
    text.push_str(&format!(", {}/s", Bytes(rate)));
    if let Some(total) = total
        && total > done
        && rate > 0
    {
        text.push_str(&format!(", {} left", lasting(Duration::from_secs((total.0 - done.0) / rate))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (18_231, "18,231"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn spans_read_well() {
        for (ms, text) in [
            (0, "0 s"),
            (800, "800 ms"),
            (1000, "1 s"),
            (1800, "1.8 s"),
            (45_300, "45 s"),
            (60_000, "1 min"),
            (125_000, "2 min 5 s"),
            (3_600_000, "1 h"),
            (5_400_000, "1 h 30 min"),
        ] {
            assert_eq!(milliseconds(ms), text);
        }
    }

    #[test]
    fn moments_are_of_whole_seconds() {
        assert_eq!(whole_second("2026-01-02T03:04:05.678901234Z"), "2026-01-02T03:04:05Z");
        for other in ["2026-01-02T03:04:05Z", "", "never.", "x.yZ"] {
            assert_eq!(whole_second(other), other);
        }
    }

    #[test]
    fn transfers_have_a_rate_when_there_is_one() {
        let second = Duration::from_secs(1);
        assert_eq!(
            transfer(Bytes::mebi(10), Some(Bytes::mebi(40)), second),
            "10 MB of 40 MB (25 %), 10 MB/s, 3 s left"
        );
        assert_eq!(transfer(Bytes::mebi(10), None, second * 2), "10 MB, 5.0 MB/s");
        assert_eq!(transfer(Bytes(0), Some(Bytes(0)), second), "0 B");
        assert_eq!(transfer(Bytes(u64::MAX), Some(Bytes(1)), Duration::from_millis(1)), "16777216 TB of 1 B (100 %)");
    }

    #[test]
    fn lists_are_sentences() {
        assert_eq!(listed::<&str>(&[]), "none");
        assert_eq!(listed(&["m1"]), "m1");
        assert_eq!(listed(&["m1", "m2", "m3"]), "m1, m2 and m3");
    }
}
