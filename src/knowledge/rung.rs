//! A rung of the ladder: everything that is known of the step from one minor to the next.

use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::demand::{Hazard, Requirement};
use super::error::Problem;
use super::fact::Fact;
use super::versions::Versions;
use crate::units::{Minor, Version};

/// The step from one minor to the next. What holds on every rung is in it as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// Its name is `FROM-TO`.
    #[serde(flatten)]
    pub fact: Fact,
    pub from: Minor,
    pub to: Minor,
    /// What must hold before the first member is stopped, and while versions are mixed.
    pub requirements: Vec<Requirement>,
    /// What may be wrong in the data itself, how it shows, and what clears it.
    pub hazards: Vec<Hazard>,
    /// What changes without a word.
    pub changes: Vec<Change>,
    /// What clients notice.
    pub advisories: Vec<Advisory>,
    /// What shows that the rung is done.
    pub proofs: Vec<Proof>,
    pub rollback: RollbackRule,
    /// The way down after completion that etcd itself has, if any.
    pub downgrade: Option<Downgrade>,
}

/// A change that stops nothing and may surprise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    #[serde(flatten)]
    pub fact: Fact,
    /// For which new versions.
    pub targets: Versions,
    pub affects: Affected,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "affects", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Affected {
    EveryMember {},
    /// Members that do not set one of these.
    MembersWithout {
        options: Vec<String>,
    },
    /// Members that set one of these.
    MembersWith {
        options: Vec<String>,
    },
    /// Members that use a config file.
    MembersWithConfigFile {},
    /// Members that have taken no raft snapshot since they began: at each start they go through all of their log.
    MembersWithoutRaftSnapshot {},
    /// Members whose peers talk TLS.
    MembersWithPeerTls {},
    /// Clusters that hold v2 keys or serve v2 clients.
    V2Users {},
}

/// One line for those who run the clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advisory {
    #[serde(flatten)]
    pub fact: Fact,
    /// For which new versions.
    pub targets: Versions,
    pub audience: Audience,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Whatever talks to the cluster.
    AllClients,
    /// Programs built with etcd's Go client.
    GoClients,
    /// Those who watch the cluster: metrics, logs, health checks.
    Monitoring,
    /// Scripts around etcdctl and etcdutl.
    CommandLine,
    /// Whoever runs the members.
    Operators,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    #[serde(flatten)]
    pub fact: Fact,
    pub proof: ProofKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofKind {
    /// Every member's process is the target release.
    ServerVersion,
    /// Every member says that the cluster version is the target minor.
    ClusterVersion,
    /// Every member's storage version is the target minor.
    StorageVersion,
    Healthy,
    /// All members name the same leader.
    OneLeader,
    /// Applied index close to the leader's.
    CaughtUp,
    MemberListUnchanged,
    /// HashKV at one revision is the same on all members, where all have it.
    HashesAgree,
}

/// How the rung is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollbackRule {
    #[serde(flatten)]
    pub fact: Fact,
    /// While at least one member still runs the old version.
    pub mixed: MixedRollback,
    /// Once the cluster version has moved, best first.
    pub after_completion: Vec<WayBack>,
    /// What the old binary does when it is started on a member of a completed cluster.
    pub old_binary: OldBinary,
    /// After a rollback, go up again only to this version or a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_again_at_least: Option<Version>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixedRollback {
    /// Stop, put the old binary back, start.
    SwapBinary,
    /// The old binary cannot read what the new one wrote: remove the member, wipe it, add it again.
    RemoveAndReadd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayBack {
    /// By the Downgrade API (`downgrade` block of the rung).
    DowngradeApi,
    /// By old binaries that accept a newer cluster version (`downgrade` block of the rung).
    NextVersionCompatible,
    /// All members' data directories as they were at their stop, put back together; later writes are lost.
    RollbackPoints,
    /// A restore of the backup; later writes are lost.
    Restore,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "old_binary", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OldBinary {
    /// It starts and serves as if nothing were wrong: only the tool can forbid it.
    StartsSilently {},
    /// It exits with this code and a line that matches this expression.
    Refuses { exit_code: i32, message: String },
}

/// A way down after completion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Downgrade {
    #[serde(flatten)]
    pub fact: Fact,
    pub means: DowngradeMeans,
    /// The lowest release that can be gone down to.
    pub old_at_least: Option<Version>,
    pub requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "means", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DowngradeMeans {
    /// validate, enable, wait for cluster and storage version, then the old binaries one by one, leader last.
    DowngradeApi {},
    /// Old binaries started with this option, one by one.
    NextVersionCompatible { option: String },
}

/// What stands in an `every_rung` block or in a `rung` block.
#[derive(Default)]
pub(super) struct Parts {
    pub requirements: Vec<Requirement>,
    pub hazards: Vec<Hazard>,
    pub changes: Vec<Change>,
    pub advisories: Vec<Advisory>,
    pub proofs: Vec<Proof>,
    rollbacks: Vec<RollbackRule>,
    downgrades: Vec<Downgrade>,
}

impl Parts {
    pub fn read(reader: &mut Reader) -> Result<Self, Problem> {
        let mut parts = Self::default();
        for block in std::mem::take(&mut reader.children) {
            let child = reader.child(&block)?;
            match block.identifier() {
                "requirement" => parts.requirements.push(Requirement::read(child)?),
                "hazard" => parts.hazards.push(Hazard::read(child)?),
                "change" => parts.changes.push(Change::read(child)?),
                "advisory" => parts.advisories.push(Advisory::read(child)?),
                "proof" => parts.proofs.push(Proof::read(child)?),
                "rollback" => parts.rollbacks.push(RollbackRule::read(child)?),
                "downgrade" => parts.downgrades.push(Downgrade::read(child)?),
                other => return Err(child.problem(format!("a block `{other}` is not known here"))),
            }
        }
        Ok(parts)
    }

    /// Whether there is anything that only a rung of its own can have.
    pub fn has_ways_down(&self) -> bool {
        !self.rollbacks.is_empty() || !self.downgrades.is_empty()
    }
}

impl Rung {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let (from, to) = match reader.labels.as_slice() {
            [from, to] => (minor(&reader, from)?, minor(&reader, to)?),
            _ => return Err(reader.problem("two labels are expected: the minor it leaves and the minor it leads to")),
        };
        if to <= from {
            return Err(reader.problem("a rung leads up: the second label is the higher minor"));
        }
        let fact = reader.fact_named(format!("{from}-{to}"))?;
        let Parts { requirements, hazards, changes, advisories, proofs, rollbacks, downgrades } =
            Parts::read(&mut reader)?;
        let [rollback] = <[RollbackRule; 1]>::try_from(rollbacks).map_err(|found| {
            reader.problem(format!("exactly one `rollback` block is needed; {} found", found.len()))
        })?;
        if downgrades.len() > 1 {
            return Err(reader.problem("at most one `downgrade` block can be here"));
        }
        let downgrade = downgrades.into_iter().next();
        check_ways_back(&reader, &rollback, downgrade.as_ref())?;
        reader.done()?;
        Ok(Self { fact, from, to, requirements, hazards, changes, advisories, proofs, rollback, downgrade })
    }

    /// The way down after completion, where it is etcd's own call for it.
    #[must_use]
    pub fn downgrade_api(&self) -> Option<&Downgrade> {
        self.downgrade.as_ref().filter(|downgrade| downgrade.means == DowngradeMeans::DowngradeApi {})
    }

    /// Advisories for one target release: some changes came with a patch.
    pub fn advisories_for<'a>(&'a self, target: &'a Version) -> impl Iterator<Item = &'a Advisory> {
        self.advisories.iter().filter(|advisory| advisory.targets.contains(target))
    }

    /// Changes for one target release.
    pub fn changes_for<'a>(&'a self, target: &'a Version) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().filter(|change| change.targets.contains(target))
    }

    /// Requirements of a step from `running` to `target`.
    pub fn requirements_for<'a>(&'a self, target: &'a Version) -> impl Iterator<Item = &'a Requirement> {
        self.requirements.iter().filter(|requirement| requirement.targets.contains(target))
    }

    /// Hazards of a step to `target`.
    pub fn hazards_for<'a>(&'a self, target: &'a Version) -> impl Iterator<Item = &'a Hazard> {
        self.hazards.iter().filter(|hazard| hazard.targets.contains(target))
    }
}

fn minor(reader: &Reader, text: &str) -> Result<Minor, Problem> {
    text.parse().map_err(|error| reader.problem(format!("a label: {error}")))
}

fn check_ways_back(reader: &Reader, rule: &RollbackRule, downgrade: Option<&Downgrade>) -> Result<(), Problem> {
    let means = downgrade.map(|downgrade| match downgrade.means {
        DowngradeMeans::DowngradeApi {} => WayBack::DowngradeApi,
        DowngradeMeans::NextVersionCompatible { .. } => WayBack::NextVersionCompatible,
    });
    let named = rule
        .after_completion
        .iter()
        .copied()
        .find(|way| matches!(way, WayBack::DowngradeApi | WayBack::NextVersionCompatible));
    if means == named {
        return Ok(());
    }
    Err(reader.problem("`after_completion` and the `downgrade` block do not name the same way down"))
}

/// `to` of a block, or all versions.
pub(super) fn targets(reader: &mut Reader) -> Result<Versions, Problem> {
    match reader.optional("to")? {
        Some(versions) => Ok(versions),
        // "all" is the one text that always parses; its error is passed on all the same.
        None => "all".parse().map_err(|error: super::versions::VersionsError| reader.problem(error.to_string())),
    }
}

impl Change {
    fn read(mut reader: Reader) -> Result<Self, Problem> {
        let (fact, targets) = (reader.fact()?, targets(&mut reader)?);
        let affects = reader.rest()?;
        reader.done()?;
        Ok(Self { fact, targets, affects })
    }

    /// Options that it names; the loader checks that they exist.
    pub(super) fn options_named(&self) -> &[String] {
        match &self.affects {
            Affected::MembersWithout { options } | Affected::MembersWith { options } => options,
            Affected::EveryMember {}
            | Affected::MembersWithConfigFile {}
            | Affected::MembersWithoutRaftSnapshot {}
            | Affected::MembersWithPeerTls {}
            | Affected::V2Users {} => &[],
        }
    }
}

impl Advisory {
    fn read(mut reader: Reader) -> Result<Self, Problem> {
        let (fact, targets) = (reader.fact()?, targets(&mut reader)?);
        let audience = reader.required("audience")?;
        reader.done()?;
        Ok(Self { fact, targets, audience })
    }
}

impl Proof {
    fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let proof = reader.required("proof")?;
        reader.done()?;
        Ok(Self { fact, proof })
    }
}

impl RollbackRule {
    fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let mixed = reader.required("mixed")?;
        let after_completion: Vec<WayBack> = reader.required("after_completion")?;
        let up_again_at_least = reader.optional("up_again_at_least")?;
        let old_binary = reader.rest()?;
        if let OldBinary::Refuses { message, .. } = &old_binary {
            regex::Regex::new(message).map_err(|error| reader.problem(format!("`message`: {error}")))?;
        }
        if after_completion.is_empty() {
            return Err(reader.problem("`after_completion` is empty: name at least the restore"));
        }
        reader.done()?;
        Ok(Self { fact, mixed, after_completion, old_binary, up_again_at_least })
    }
}

impl Downgrade {
    fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let old_at_least = reader.optional("old_at_least")?;
        let means = reader.rest()?;
        let mut requirements = Vec::new();
        for block in std::mem::take(&mut reader.children) {
            let child = reader.child(&block)?;
            match block.identifier() {
                "requirement" => requirements.push(Requirement::read(child)?),
                other => return Err(child.problem(format!("a block `{other}` is not known here: `requirement` is"))),
            }
        }
        reader.done()?;
        Ok(Self { fact, means, old_at_least, requirements })
    }
}
