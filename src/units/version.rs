//! etcd versions, as upstream writes them: `MAJOR.MINOR.PATCH`, and the minor that a cluster version is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A release of etcd, such as `3.2.32`. Pre-releases are read and kept, so that they can be named in a refusal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    minor: Minor,
    patch: u32,
    /// Empty for a release; sorts before it only among pre-releases, which are never planned for.
    pre: String,
}

/// A minor line such as `3.2`: what a cluster version is, and what a rung of the ladder leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minor {
    major: u16,
    minor: u16,
}

/// Why a text is not a version. Each case has its own message, because each has its own fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    #[error("\"{seen}\" names a minor line, not a release: write all three numbers, such as \"{seen}.0\"")]
    MinorOnly { seen: String },
    #[error("\"{seen}\" starts with a v: write \"{rest}\"")]
    LeadingV { seen: String, rest: String },
    #[error("\"{seen}\" is not a fixed version: a plan must say exactly what it installs, such as \"3.5.33\"")]
    Symbolic { seen: String },
    #[error("\"{seen}\" has a leading zero in a number")]
    LeadingZero { seen: String },
    #[error("\"{seen}\" has more than three numbers: etcd's versions are MAJOR.MINOR.PATCH")]
    TooManyParts { seen: String },
    #[error("\"{seen}\" is not a version: etcd's versions are MAJOR.MINOR.PATCH, such as \"3.5.33\"")]
    NotAVersion { seen: String },
}

impl Version {
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u32) -> Self {
        Self { minor: Minor { major, minor }, patch, pre: String::new() }
    }

    #[must_use]
    pub const fn minor(&self) -> Minor {
        self.minor
    }

    #[must_use]
    pub const fn patch(&self) -> u32 {
        self.patch
    }

    /// `rc.1` of `3.2.0-rc.1`; `None` for a release.
    #[must_use]
    pub fn pre_release(&self) -> Option<&str> {
        (!self.pre.is_empty()).then_some(self.pre.as_str())
    }
}

impl Minor {
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    #[must_use]
    pub const fn major(self) -> u16 {
        self.major
    }

    #[must_use]
    pub const fn number(self) -> u16 {
        self.minor
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let seen = || text.chars().take(64).collect::<String>();
        if let Some(rest) = text.strip_prefix(['v', 'V'])
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            let rest = rest.chars().take(64).collect();
            return Err(VersionError::LeadingV { seen: seen(), rest });
        }
        if matches!(text, "latest" | "stable" | "newest" | "main") {
            return Err(VersionError::Symbolic { seen: seen() });
        }
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (text, None),
        };
        // "2.1.2+git" is what a development build of etcd calls itself; the build part does not order versions.
        let (numbers, build) = match numbers.split_once('+') {
            Some((numbers, build)) => (numbers, Some(build)),
            None => (numbers, None),
        };
        let tag_is_plain = |tag: &str| {
            !tag.is_empty() && tag.len() <= 32 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        };
        if !pre.is_none_or(tag_is_plain) || !build.is_none_or(tag_is_plain) {
            return Err(VersionError::NotAVersion { seen: seen() });
        }
        let parts: Vec<&str> = numbers.split('.').collect();
        let all_digits = |part: &&str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
        if !parts.iter().all(all_digits) {
            return Err(VersionError::NotAVersion { seen: seen() });
        }
        if parts.iter().any(|part| part.len() > 1 && part.starts_with('0')) {
            return Err(VersionError::LeadingZero { seen: seen() });
        }
        let number = |part: &str| part.parse::<u32>().map_err(|_| VersionError::NotAVersion { seen: seen() });
        match parts.as_slice() {
            [major, minor, patch] => {
                let small = |n: u32| u16::try_from(n).map_err(|_| VersionError::NotAVersion { seen: seen() });
                Ok(Self {
                    minor: Minor::new(small(number(major)?)?, small(number(minor)?)?),
                    patch: number(patch)?,
                    pre: pre.unwrap_or_default().to_owned(),
                })
            }
            [_, _] => Err(VersionError::MinorOnly { seen: seen() }),
            [_, _, _, ..] => Err(VersionError::TooManyParts { seen: seen() }),
            _ => Err(VersionError::NotAVersion { seen: seen() }),
        }
    }
}

impl FromStr for Minor {
    type Err = VersionError;

    /// Reads `3.2`, and also the `3.2.0` that etcd answers as its cluster version.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        match format!("{text}.0").parse::<Version>() {
            Ok(version) => Ok(version.minor),
            Err(VersionError::TooManyParts { .. }) => text.parse::<Version>().map(|version| version.minor),
            Err(_) => Err(VersionError::NotAVersion { seen: text.chars().take(64).collect() }),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        Ok(())
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for Minor {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Minor> for String {
    fn from(minor: Minor) -> Self {
        minor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_etcd_prints() {
        assert_eq!("3.2.32".parse(), Ok(Version::new(3, 2, 32)));
        assert_eq!("2.1.2+git".parse(), Ok(Version::new(2, 1, 2)));
        assert_eq!("3.2.0".parse(), Ok(Minor::new(3, 2)));
        assert_eq!("3.2".parse(), Ok(Minor::new(3, 2)));
        assert_eq!("3.2.0-rc.1".parse::<Version>().unwrap().pre_release(), Some("rc.1"));
    }

    #[test]
    fn each_wrong_form_has_its_own_error() {
        let error = |text: &str| text.parse::<Version>().unwrap_err();
        assert!(matches!(error("3.2"), VersionError::MinorOnly { .. }));
        assert!(matches!(error("v3.2.32"), VersionError::LeadingV { .. }));
        assert!(matches!(error("latest"), VersionError::Symbolic { .. }));
        assert!(matches!(error("03.2.1"), VersionError::LeadingZero { .. }));
        assert!(matches!(error("3.2.0.1"), VersionError::TooManyParts { .. }));
        for text in ["", "x", "3..1", "3.2.x", "99999999999.1.1", "3.2.1-", "3.2.1-\u{1b}[1m", "70000.1.1"] {
            assert!(matches!(error(text), VersionError::NotAVersion { .. }), "{text:?}");
        }
    }

    #[test]
    fn orders_by_number() {
        assert!(Version::new(3, 2, 9) < Version::new(3, 2, 32));
        assert!(Minor::new(2, 3) < Minor::new(3, 0));
    }
}
