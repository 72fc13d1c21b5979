//! For which versions a fact holds: the only place where versions are compared for a fact's sake.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::units::{Minor, Version};

/// A set of versions as the data writes it, in ascending parts joined by commas:
///
/// | text | means |
/// |---|---|
/// | `all` | every version |
/// | `3.2` | the whole minor |
/// | `3.2.5` | this release only |
/// | `3.2+`, `3.2.10+` | from here on, later minors too |
/// | `2.0..3.2` | both ends included; an end that is a minor means the whole of it |
/// | `3.4.25..3.4, 3.5.8+` | from a patch to the end of its minor, and again later |
///
/// A pre-release counts as the release it leads to: what is said of 3.8 holds for 3.8.0-alpha.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Versions {
    text: String,
    parts: Vec<Part>,
}

/// A place on the line of all releases: minor and patch.
type Point = (Minor, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    first: Point,
    /// `None`: no end.
    last: Option<Point>,
}

/// Stands for the last patch of a minor, whichever that is.
const END_OF_MINOR: u32 = u32::MAX;

/// Why a text is not a set of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionsError {
    #[error(
        "\"{0}\" is not a range of versions: write \"3.2\", \"3.2.5\", \"3.2.10+\", \"2.0..3.2\", \"all\", or several with commas"
    )]
    Form(String),
    #[error("the range \"{0}\" is inverted: it ends before it begins")]
    Inverted(String),
    #[error("the ranges in \"{0}\" overlap or are not in ascending order")]
    Order(String),
}

impl Versions {
    #[must_use]
    pub fn contains(&self, version: &Version) -> bool {
        self.holds((version.minor(), version.patch()))
    }

    /// Whether the fact holds for some release of this minor.
    #[must_use]
    pub fn touches(&self, minor: Minor) -> bool {
        self.parts
            .iter()
            .any(|part| part.first <= (minor, END_OF_MINOR) && part.last.is_none_or(|last| last >= (minor, 0)))
    }

    /// The first version from which it holds without a break up to `version`, as text: `3.4.25`, `3.2`.
    #[must_use]
    pub fn since(&self, version: &Version) -> Option<String> {
        let point = (version.minor(), version.patch());
        self.parts.iter().find(|part| part.holds(point)).map(|part| show(part.first))
    }

    /// Where the fact ended before `version`: the last minor in which it held.
    #[must_use]
    pub fn ended_before(&self, version: &Version) -> Option<Minor> {
        let point = (version.minor(), version.patch());
        self.parts.iter().rev().filter_map(|part| part.last).find(|last| *last < point).map(|last| last.0)
    }

    /// Where the fact begins after `version`.
    #[must_use]
    pub fn begins_after(&self, version: &Version) -> Option<String> {
        let point = (version.minor(), version.patch());
        self.parts.iter().map(|part| part.first).find(|first| *first > point).map(show)
    }

    /// Every minor that is named as an end of a part; the loader checks that each of them exists.
    pub(super) fn minors_named(&self) -> impl Iterator<Item = Minor> {
        self.parts.iter().flat_map(|part| std::iter::once(part.first.0).chain(part.last.map(|last| last.0)))
    }

    /// Whether the text is `all`, and so names no minor that would have to exist.
    pub(super) fn is_all(&self) -> bool {
        self.text == "all"
    }

    fn holds(&self, point: Point) -> bool {
        self.parts.iter().any(|part| part.holds(point))
    }
}

impl Part {
    fn holds(&self, point: Point) -> bool {
        self.first <= point && self.last.is_none_or(|last| point <= last)
    }
}

fn show((minor, patch): Point) -> String {
    if patch == 0 { minor.to_string() } else { format!("{minor}.{patch}") }
}

/// Reads one end: `3.2` or `3.2.5`. A minor stands for its first patch, or, as the end of a range, for its last one.
fn point(text: &str, of_minor: u32) -> Option<Point> {
    if let Ok(version) = text.parse::<Version>() {
        return version.pre_release().is_none().then_some((version.minor(), version.patch()));
    }
    text.parse::<Minor>().ok().map(|minor| (minor, of_minor))
}

fn part(text: &str) -> Option<Part> {
    if let Some(first) = text.strip_suffix('+') {
        return Some(Part { first: point(first, 0)?, last: None });
    }
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    Some(Part { first: point(first, 0)?, last: Some(point(last, END_OF_MINOR)?) })
}

impl FromStr for Versions {
    type Err = VersionsError;

    fn from_str(text: &str) -> Result<Self, VersionsError> {
        let short = || text.chars().take(80).collect::<String>();
        if text == "all" {
            let parts = vec![Part { first: (Minor::new(0, 0), 0), last: None }];
            return Ok(Self { text: text.to_owned(), parts });
        }
        let parts: Vec<Part> = text
            .split(',')
            .map(|piece| part(piece.trim()))
            .collect::<Option<_>>()
            .ok_or_else(|| VersionsError::Form(short()))?;
        if parts.iter().any(|part| part.last.is_some_and(|last| last < part.first)) {
            return Err(VersionsError::Inverted(short()));
        }
        let ascending = parts.windows(2).all(|pair| pair[0].last.is_some_and(|last| last < pair[1].first));
        if !ascending {
            return Err(VersionsError::Order(short()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

impl TryFrom<String> for Versions {
    type Error = VersionsError;

    fn try_from(text: String) -> Result<Self, VersionsError> {
        text.parse()
    }
}

impl From<Versions> for String {
    fn from(versions: Versions) -> Self {
        versions.text
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, version: &str) -> bool {
        range.parse::<Versions>().unwrap().contains(&version.parse().unwrap())
    }

    #[test]
    fn a_range_holds_what_its_text_says() {
        for (range, inside, outside) in [
            ("all", &["2.0.0", "3.8.0-alpha.0"][..], &[][..]),
            ("3.2", &["3.2.0", "3.2.32"], &["3.1.20", "3.3.0"]),
            ("3.2.5", &["3.2.5"], &["3.2.4", "3.2.6"]),
            ("3.2.10+", &["3.2.10", "3.3.0", "3.8.0-alpha.0"], &["3.2.9"]),
            ("2.0..3.2", &["2.0.13", "2.3.8", "3.2.99"], &["3.3.0"]),
            ("3.4.0..3.4.3", &["3.4.0", "3.4.3"], &["3.4.4", "3.3.27"]),
            ("3.4.25..3.4, 3.5.8+", &["3.4.45", "3.5.8", "3.6.0"], &["3.4.24", "3.5.7"]),
        ] {
            for version in inside {
                assert!(holds(range, version), "{version} is in {range}");
            }
            for version in outside {
                assert!(!holds(range, version), "{version} is not in {range}");
            }
        }
    }

    #[test]
    fn says_where_a_fact_begins_and_ends() {
        let range: Versions = "3.4.25..3.4, 3.5.8..3.6".parse().unwrap();
        assert_eq!(range.since(&Version::new(3, 4, 30)).as_deref(), Some("3.4.25"));
        assert_eq!(range.since(&Version::new(3, 5, 7)), None);
        assert_eq!(range.begins_after(&Version::new(3, 5, 7)).as_deref(), Some("3.5.8"));
        assert_eq!(range.ended_before(&Version::new(3, 7, 1)), Some(Minor::new(3, 6)));
        assert!(range.touches(Minor::new(3, 4)) && !range.touches(Minor::new(3, 7)));
    }

    #[test]
    fn refuses_what_is_not_a_range() {
        let error = |text: &str| text.parse::<Versions>().unwrap_err();
        for text in ["", "3", "x", ">= 3.2", "3.2..", "3.2,,3.3", "3.2.0-rc.1", "3.2-3.4", "99999.1+"] {
            assert!(matches!(error(text), VersionsError::Form(_)), "{text:?}");
        }
        assert!(matches!(error("3.4..3.2"), VersionsError::Inverted(_)));
        assert!(matches!(error("3.4.9..3.4.3"), VersionsError::Inverted(_)));
        assert!(matches!(error("3.4, 3.2"), VersionsError::Order(_)));
        assert!(matches!(error("3.2+, 3.4"), VersionsError::Order(_)));
        assert!(matches!(error("3.2..3.4, 3.4.5+"), VersionsError::Order(_)));
    }
}
