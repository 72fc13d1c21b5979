//! The server's options: which version knows which, what it does without them, and what to write instead.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::error::Problem;
use super::fact::Source;
use super::versions::Versions;
use crate::units::{Minor, Version};

/// One option of the etcd server, by its flag name without dashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flag {
    pub name: String,
    /// The environment variable that sets it.
    pub env: String,
    /// Its key in a config file, where that is not its name: `client-transport-security.cert-file`.
    pub config_key: Option<String>,
    pub kind: FlagKind,
    /// Versions whose flag parser accepts it.
    pub versions: Versions,
    /// Versions that accept it and call it deprecated.
    pub deprecated: Option<Versions>,
    /// Versions that accept it and do nothing with it.
    pub ignored: Option<Versions>,
    pub defaults: Vec<FlagDefault>,
    /// What the server takes where the value is 0, in the option's own unit.
    pub zero_means: Option<String>,
    pub replacement: Option<Replacement>,
    /// What is no longer guarded once a version ignores the option without a word. A step to such a version is refused.
    pub guards: Option<String>,
    pub advice: Option<String>,
    pub sources: Vec<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagKind {
    Bool,
    Int,
    Int64,
    Uint,
    Uint64,
    Duration,
    String,
    /// A type of etcd's own: URLs, a choice of words, a list.
    Value,
    /// Kept so that old command lines parse.
    Ignored,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlagDefault {
    pub versions: Versions,
    pub value: String,
}

/// What takes an option's place where it is deprecated or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    /// The same value under another name.
    Renamed { to: String },
    /// A word in `feature-gates`: `GATE=VALUE`.
    FeatureGate { gate: String },
    /// Other options; `{value}` in a value stands for the old value.
    Options {
        set: BTreeMap<String, String>,
        /// Only when the old option had this value; with any other it can simply go.
        when_value: Option<String>,
    },
    /// It can simply go.
    Remove,
}

/// How a version treats an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagState<'a> {
    Accepted,
    Deprecated {
        instead: Option<&'a Replacement>,
    },
    /// Accepted, without effect.
    Ignored,
    /// The server exits with code 2 when it is given as an argument, and does not see it in the environment or in a config file.
    Absent {
        /// The last minor that knew it, when it is gone.
        gone_after: Option<Minor>,
        /// The version that brings it, when it is still to come.
        comes_with: Option<String>,
        instead: Option<&'a Replacement>,
        guards: Option<&'a str>,
        advice: Option<&'a str>,
    },
    /// No version has an option of this name.
    Unknown,
}

/// What a step from one version to another does to the options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptionChange<'a> {
    pub flag: &'a str,
    pub change: OptionChangeKind<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptionChangeKind<'a> {
    Added,
    Removed,
    Deprecated,
    /// Members that do not set it get another value.
    Default {
        from: &'a str,
        to: &'a str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(rename = "type")]
    kind: FlagKind,
    #[serde(rename = "in")]
    versions: Versions,
    deprecated: Option<Versions>,
    ignored: Option<Versions>,
    default: Option<String>,
    defaults: Option<BTreeMap<String, String>>,
    env: Option<String>,
    config_key: Option<String>,
    renamed_to: Option<String>,
    feature_gate: Option<String>,
    replaced_by: Option<BTreeMap<String, String>>,
    replaced_when: Option<String>,
    remove: Option<bool>,
    zero_means: Option<String>,
    guards: Option<String>,
    advice: Option<String>,
}

impl Flag {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let name = reader.label()?;
        let sources = reader.sources()?;
        let body: Body = reader.rest()?;
        let replacement = replacement(&reader, &body)?;
        let defaults = defaults(&reader, &body)?;
        reader.done()?;
        Ok(Self {
            env: body.env.unwrap_or_else(|| format!("ETCD_{}", name.replace(['-', '.'], "_").to_uppercase())),
            name,
            config_key: body.config_key,
            kind: body.kind,
            versions: body.versions,
            deprecated: body.deprecated,
            ignored: body.ignored,
            defaults,
            zero_means: body.zero_means,
            replacement,
            guards: body.guards,
            advice: body.advice,
            sources,
        })
    }

    #[must_use]
    pub fn state(&self, version: &Version) -> FlagState<'_> {
        let holds = |versions: &Option<Versions>| versions.as_ref().is_some_and(|versions| versions.contains(version));
        if !self.versions.contains(version) {
            return FlagState::Absent {
                gone_after: self.versions.ended_before(version),
                comes_with: self.versions.begins_after(version),
                instead: self.replacement.as_ref(),
                guards: self.guards.as_deref(),
                advice: self.advice.as_deref(),
            };
        }
        if holds(&self.ignored) {
            FlagState::Ignored
        } else if holds(&self.deprecated) {
            FlagState::Deprecated { instead: self.replacement.as_ref() }
        } else {
            FlagState::Accepted
        }
    }

    /// What the server does when the option is not set; `None` where it has none or does not know the option.
    #[must_use]
    pub fn default(&self, version: &Version) -> Option<&str> {
        let known = self.versions.contains(version);
        let found = self.defaults.iter().find(|default| known && default.versions.contains(version));
        found.map(|default| default.value.as_str())
    }

    /// What counts in the end of a value that is set, or of none: its default, and what 0 stands for.
    #[must_use]
    pub fn effective<'a>(&'a self, set: Option<&'a str>, version: &Version) -> Option<&'a str> {
        let value = set.or_else(|| self.default(version))?;
        match &self.zero_means {
            Some(meant) if value.trim() == "0" => Some(meant),
            _ => Some(value),
        }
    }

    pub(super) fn change(&self, from: &Version, to: &Version) -> Option<OptionChangeKind<'_>> {
        match (self.versions.contains(from), self.versions.contains(to)) {
            (false, true) => Some(OptionChangeKind::Added),
            (true, false) => Some(OptionChangeKind::Removed),
            (false, false) => None,
            (true, true) => match (self.default(from), self.default(to)) {
                (Some(from), Some(to)) if from != to => Some(OptionChangeKind::Default { from, to }),
                _ => {
                    let deprecated = |version| matches!(self.state(version), FlagState::Deprecated { .. });
                    (!deprecated(from) && deprecated(to)).then_some(OptionChangeKind::Deprecated)
                }
            },
        }
    }

    /// Ranges and names that the loader checks against the rest of the data.
    pub(super) fn ranges(&self) -> impl Iterator<Item = &Versions> {
        std::iter::once(&self.versions)
            .chain(self.deprecated.iter())
            .chain(self.ignored.iter())
            .chain(self.defaults.iter().map(|default| &default.versions))
    }

    pub(super) fn options_named(&self) -> Vec<&str> {
        match &self.replacement {
            Some(Replacement::Renamed { to }) => vec![to],
            Some(Replacement::Options { set, .. }) => set.keys().map(String::as_str).collect(),
            Some(Replacement::FeatureGate { .. }) => vec!["feature-gates"],
            Some(Replacement::Remove) | None => Vec::new(),
        }
    }
}

fn replacement(reader: &Reader, body: &Body) -> Result<Option<Replacement>, Problem> {
    let mut found = Vec::new();
    found.extend(body.renamed_to.clone().map(|to| Replacement::Renamed { to }));
    found.extend(body.feature_gate.clone().map(|gate| Replacement::FeatureGate { gate }));
    let when_value = body.replaced_when.clone();
    found.extend(body.replaced_by.clone().map(|set| Replacement::Options { set, when_value }));
    found.extend(body.remove.filter(|remove| *remove).map(|_| Replacement::Remove));
    if body.replaced_when.is_some() && body.replaced_by.is_none() {
        return Err(reader.problem("`replaced_when` says when `replaced_by` holds, which is missing"));
    }
    if found.len() > 1 {
        return Err(reader.problem("only one of `renamed_to`, `feature_gate`, `replaced_by`, `remove` can be set"));
    }
    Ok(found.pop())
}

fn defaults(reader: &Reader, body: &Body) -> Result<Vec<FlagDefault>, Problem> {
    match (&body.default, &body.defaults) {
        (Some(_), Some(_)) => Err(reader.problem("only one of `default` and `defaults` can be set")),
        (Some(value), None) => Ok(vec![FlagDefault { versions: body.versions.clone(), value: value.clone() }]),
        (None, None) => Ok(Vec::new()),
        (None, Some(by_range)) => by_range
            .iter()
            .map(|(range, value)| match range.parse() {
                Ok(versions) => Ok(FlagDefault { versions, value: value.clone() }),
                Err(error) => Err(reader.problem(format!("`defaults`: {error}"))),
            })
            .collect(),
    }
}
