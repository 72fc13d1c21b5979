//! What every fact has: a name that stays, words for a person, and where it is from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The part of a fact that is written for people. `quorate explain NAME` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Unique in all the data, and stable: messages, plans and journals refer to it.
    pub name: String,
    /// What holds, or what happens.
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// At least one.
    pub sources: Vec<Source>,
}

/// Where a fact is from: `KIND REFERENCE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source {
    pub kind: SourceKind,
    pub reference: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// An upgrade guide of etcd, by its path in the repository or on the website.
    Guide,
    /// Another page of etcd's documentation.
    Doc,
    /// etcd's changelog: `changelog 3.2`.
    Changelog,
    /// An issue or pull request: `issue #9480`; of another project with its name in front.
    Issue,
    /// A file of etcd at a tag: `code v3.2.32:pkg/transport/listener_tls.go`.
    Code,
    /// Seen with real binaries: `observed 2.1.1, 2.2.5`.
    Observed,
}

const KINDS: [(&str, SourceKind); 6] = [
    ("guide", SourceKind::Guide),
    ("doc", SourceKind::Doc),
    ("changelog", SourceKind::Changelog),
    ("issue", SourceKind::Issue),
    ("code", SourceKind::Code),
    ("observed", SourceKind::Observed),
];

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let kinds = KINDS.map(|(word, _)| word).join(", ");
            format!("\"{text}\" is not a source: write one of {kinds}, then what it is, such as \"issue #9480\"")
        };
        let (word, reference) = text.split_once(' ').ok_or_else(wrong)?;
        let kind = KINDS.iter().find(|(name, _)| *name == word).ok_or_else(wrong)?.1;
        let reference = reference.trim();
        if reference.is_empty() {
            return Err(wrong());
        }
        Ok(Self { kind, reference: reference.to_owned() })
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or("doc", |(word, _)| word);
        write!(f, "{word} {}", self.reference)
    }
}
