//! Names that people choose. They become arguments, file names and lines on a terminal, so what is allowed is narrow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name that is accepted, in characters: a label of a DNS name.
const LONGEST_NAME: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name cannot be empty")]
    Empty,
    #[error("a name has at most {LONGEST_NAME} characters; this one has {0}")]
    TooLong(usize),
    #[error("a name starts with a letter or a digit, not with {0:?}")]
    Start(char),
    #[error("a name is made of letters, digits, '-', '_' and '.' (ASCII only); {0:?} is none of them")]
    Character(char),
    #[error("a name cannot hold \"..\"")]
    DotDot,
}

fn check(text: &str) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    let length = text.chars().count();
    if length > LONGEST_NAME {
        return Err(NameError::TooLong(length));
    }
    if let Some(wrong) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        return Err(NameError::Character(wrong));
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::Start(first));
    }
    if text.contains("..") {
        return Err(NameError::DotDot);
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// A member's name in the spec: the one that etcd knows it by (`--name`), unless the member block says otherwise.
    MemberName
}
name! {
    /// A cluster's name in the spec.
    ClusterName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain() {
        for good in ["m1", "etcd-0.example.org", "0a", "A_b"] {
            assert!(good.parse::<MemberName>().is_ok(), "{good}");
        }
        for bad in ["", "-rf", "a b", "a\nb", "a;b", "$(a)", "../a", "a..b", "ä", "a\u{202e}b", ".a"] {
            assert!(bad.parse::<MemberName>().is_err(), "{bad:?}");
        }
        assert_eq!("x".repeat(10_000).parse::<MemberName>(), Err(NameError::TooLong(10_000)));
    }
}
