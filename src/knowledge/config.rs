//! What a version demands of a member's configuration, beyond knowing the options' names.

use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::error::Problem;
use super::fact::Fact;
use super::versions::Versions;
use crate::units::Span;

/// A rule about values, sources or files of a member's configuration, and the versions in which it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigRule {
    #[serde(flatten)]
    pub fact: Fact,
    pub versions: Versions,
    pub rule: ConfigRuleKind,
    pub effect: Effect,
}

/// What etcd does where the rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It does not start: the rule must hold before a member is stopped.
    Exits,
    /// It starts, and other members or clients cannot talk to it.
    RefusesConnections,
    /// It starts and takes another value than the one that is written.
    TakesAnother,
    /// It starts and says something in its log.
    Warns,
}

/// The closed list of what can be demanded; the numbers and names are in the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ConfigRuleKind {
    /// Hosts in these URL options are IP addresses or `localhost` (or the URL is a unix socket).
    UrlHostsAreIps { options: Vec<String> },
    /// URLs in these options name a host.
    UrlsHaveHosts { options: Vec<String> },
    /// No option is set both as an argument and in the environment.
    SetInOnePlace {},
    /// These keys of the config file hold a YAML value of this type.
    ConfigKeyType { keys: Vec<String>, yaml_type: YamlType },
    /// The option does not have one of these values.
    ValueRefused { option: String, values: Vec<String> },
    /// The option, where it is set, has one of these values.
    ValueOneOf { option: String, values: Vec<String> },
    /// Where `option` is set, `needs` is set as well.
    Needs { option: String, needs: String },
    /// At most one of these is set.
    AtMostOneOf { options: Vec<String> },
    /// `option` is not above `limit`.
    AtMost { option: String, limit: u64 },
    /// These, where they are set, are above zero.
    AboveZero { options: Vec<String> },
    /// The election timeout is so many heartbeats at least, and at most so long.
    ElectionTimeout { heartbeats: u32, at_most: Span },
    /// The mode of the data directory.
    DataDirMode { mode: String },
    /// Peer certificates name the addresses that the peers connect from; `unless` switches that off.
    PeerCertificatesNameHosts { unless: String },
    /// Certificates have a subject alternative name; the common name alone is not looked at.
    CertificatesHaveNames {},
    /// A renamed option is not set under its old and its new name at once.
    OneNameOfARenamedOption {},
    /// An option that became a feature gate is not set beside that gate.
    OptionOrItsFeatureGate {},
    /// `feature-gates` names only these.
    FeatureGatesKnown { gates: Vec<String> },
    /// Keys of options that this version does not know stand without effect in a config file.
    UnknownConfigKeys {},
    /// Variables of options that this version does not know stand without effect in the environment.
    UnknownEnvironment {},
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum YamlType {
    String,
    List,
    Bool,
}

impl ConfigRule {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let versions = reader.required("in")?;
        let effect = reader.required("effect")?;
        let rule = reader.rest()?;
        reader.done()?;
        Ok(Self { fact, versions, rule, effect })
    }

    /// Options that the rule is about; the loader checks that they exist.
    pub(super) fn options_named(&self) -> Vec<&str> {
        match &self.rule {
            ConfigRuleKind::UrlHostsAreIps { options }
            | ConfigRuleKind::UrlsHaveHosts { options }
            | ConfigRuleKind::AtMostOneOf { options }
            | ConfigRuleKind::AboveZero { options } => options.iter().map(String::as_str).collect(),
            ConfigRuleKind::ValueRefused { option, .. }
            | ConfigRuleKind::ValueOneOf { option, .. }
            | ConfigRuleKind::AtMost { option, .. } => vec![option],
            ConfigRuleKind::Needs { option, needs } => vec![option, needs],
            ConfigRuleKind::PeerCertificatesNameHosts { unless } => vec![unless],
            ConfigRuleKind::SetInOnePlace {}
            | ConfigRuleKind::ConfigKeyType { .. }
            | ConfigRuleKind::ElectionTimeout { .. }
            | ConfigRuleKind::DataDirMode { .. }
            | ConfigRuleKind::CertificatesHaveNames {}
            | ConfigRuleKind::OneNameOfARenamedOption {}
            | ConfigRuleKind::OptionOrItsFeatureGate {}
            | ConfigRuleKind::FeatureGatesKnown { .. }
            | ConfigRuleKind::UnknownConfigKeys {}
            | ConfigRuleKind::UnknownEnvironment {} => Vec::new(),
        }
    }
}
