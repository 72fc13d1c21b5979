//! Minors and their releases: the newest patch, which patches to keep away from, what they are built for.

use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::error::Problem;
use super::fact::{Fact, Source};
use super::versions::Versions;
use crate::units::{Minor, Version};

/// A minor line and its releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub minor: Minor,
    /// The newest patch that was known when the data was written: what a climb takes.
    pub latest: Version,
    /// Day of that release, `YYYY-MM-DD`, where known.
    pub released: Option<String>,
    pub support: Support,
    /// What upstream's release page has for Linux; architectures as releases name them.
    pub linux: Vec<String>,
    pub darwin: Vec<String>,
    pub windows: Vec<String>,
    pub defects: Vec<Defect>,
    pub sources: Vec<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    Supported,
    EndOfLife,
    /// Known, and refused by default: there is no release of it yet.
    PreRelease,
}

/// What is wrong with some patches of a minor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Defect {
    #[serde(flatten)]
    pub fact: Fact,
    pub versions: Versions,
    /// The patch to take instead; in the same minor.
    pub use_instead: Version,
    pub weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Worth knowing: it takes something rare, or something that quorate does not do.
    Mention,
    /// Never a target of a plan.
    Refuse,
}

/// How a version stands to what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseStanding<'a> {
    Latest,
    /// A known minor, an older patch, nothing bad known that would forbid it.
    Older {
        latest: &'a Version,
        mentions: Vec<&'a Defect>,
    },
    /// Not to be installed.
    KnownBad {
        defects: Vec<&'a Defect>,
    },
    /// Newer than the newest patch that this data knows: allowed, with a word of warning.
    NewerPatch {
        latest: &'a Version,
    },
    UnknownMinor {
        newest: Minor,
    },
    /// A pre-release, or a minor that has no release yet.
    NotPlanned {
        line: &'a Line,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    latest: Version,
    released: Option<String>,
    support: Support,
    linux: Vec<String>,
    darwin: Vec<String>,
    windows: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefectBody {
    #[serde(rename = "in")]
    versions: Versions,
    use_instead: Version,
    weight: Weight,
}

impl Line {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let label = reader.label()?;
        let minor: Minor = label.parse().map_err(|error| reader.problem(format!("the label: {error}")))?;
        let sources = reader.sources()?;
        let body: Body = reader.rest()?;
        if body.latest.minor() != minor {
            return Err(reader.problem(format!("`latest` is {}, which is no release of {minor}", body.latest)));
        }
        let mut defects = Vec::new();
        for block in std::mem::take(&mut reader.children) {
            let child = reader.child(&block)?;
            match block.identifier() {
                "defect" => defects.push(Defect::read(child, minor)?),
                other => return Err(child.problem(format!("a block `{other}` is not known here: `defect` is"))),
            }
        }
        reader.done()?;
        Ok(Self {
            minor,
            latest: body.latest,
            released: body.released,
            support: body.support,
            linux: body.linux,
            darwin: body.darwin,
            windows: body.windows,
            defects,
            sources,
        })
    }

    pub(super) fn standing(&self, version: &Version) -> ReleaseStanding<'_> {
        if self.support == Support::PreRelease || version.pre_release().is_some() {
            return ReleaseStanding::NotPlanned { line: self };
        }
        let defects = || self.defects.iter().filter(|defect| defect.versions.contains(version));
        let refused: Vec<_> = defects().filter(|defect| defect.weight == Weight::Refuse).collect();
        if !refused.is_empty() {
            ReleaseStanding::KnownBad { defects: refused }
        } else if *version == self.latest {
            ReleaseStanding::Latest
        } else if *version > self.latest {
            ReleaseStanding::NewerPatch { latest: &self.latest }
        } else {
            ReleaseStanding::Older { latest: &self.latest, mentions: defects().collect() }
        }
    }
}

impl Defect {
    fn read(mut reader: Reader, minor: Minor) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let DefectBody { versions, use_instead, weight } = reader.rest()?;
        let stays_inside = versions.minors_named().all(|named| named == minor);
        if !stays_inside {
            return Err(reader.problem(format!("`in` is \"{versions}\", which goes beyond {minor}")));
        }
        if use_instead.minor() != minor || versions.contains(&use_instead) {
            return Err(reader.problem(format!("`use_instead` is {use_instead}, which is no good release of {minor}")));
        }
        reader.done()?;
        Ok(Self { fact, versions, use_instead, weight })
    }
}
