//! How long etcd takes for things by itself, and how long a guide says to wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::block::Reader;
use super::error::Problem;
use super::fact::Fact;
use super::versions::Versions;
use crate::units::{Bytes, Span, Version};

/// How often the leader looks whether the cluster version can move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionCheck {
    #[serde(flatten)]
    pub fact: Fact,
    pub versions: Versions,
    pub interval: Span,
    /// How long to wait after the last member is healthy before something is called wrong.
    pub patience: Span,
}

/// How long a member may take to stop by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StopBound {
    #[serde(flatten)]
    pub fact: Fact,
    pub at_least: Span,
    /// Part of a request's timeout that does not depend on the election timeout.
    pub request: Span,
    /// How many election timeouts a request may take besides.
    pub request_elections: u32,
    /// How many such waits may follow each other.
    pub requests: u32,
    pub margin: Span,
}

impl StopBound {
    /// The shortest deadline that is fair to a member with this election timeout.
    #[must_use]
    pub fn deadline(&self, election_timeout: Duration) -> Duration {
        let request = self.request.duration().saturating_add(election_timeout.saturating_mul(self.request_elections));
        let all = request.saturating_mul(self.requests).saturating_add(self.margin.duration());
        all.max(self.at_least.duration())
    }
}

/// The wait after each upgraded member of a cluster with much v2 data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettleRule {
    #[serde(flatten)]
    pub fact: Fact,
    /// Versions that are upgraded to.
    pub targets: Versions,
    /// Size of the newest raft snapshot file above which it holds.
    pub over: Bytes,
    pub wait: Span,
    pub large_over: Bytes,
    pub large_wait: Span,
}

impl SettleRule {
    /// The wait for data of this size; `None` where the rule does not hold.
    #[must_use]
    pub fn wait_for(&self, v2_data: Bytes) -> Option<Span> {
        if v2_data > self.large_over { Some(self.large_wait) } else { (v2_data > self.over).then_some(self.wait) }
    }
}

/// All that is known of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timing {
    pub version_checks: Vec<VersionCheck>,
    pub stop: StopBound,
    pub settle: Vec<SettleRule>,
}

impl Timing {
    pub fn version_check(&self, version: &Version) -> Option<&VersionCheck> {
        self.version_checks.iter().find(|check| check.versions.contains(version))
    }

    pub fn settle(&self, target: &Version) -> Option<&SettleRule> {
        self.settle.iter().find(|rule| rule.targets.contains(target))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionCheckBody {
    #[serde(rename = "in")]
    versions: Versions,
    interval: Span,
    patience: Span,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StopBody {
    at_least: Span,
    request: Span,
    request_elections: u32,
    requests: u32,
    margin: Span,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    to: Versions,
    over_bytes: Bytes,
    wait: Span,
    large_over_bytes: Bytes,
    large_wait: Span,
}

impl VersionCheck {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let VersionCheckBody { versions, interval, patience } = reader.rest()?;
        if interval.is_zero() || patience < interval {
            return Err(reader.problem("`patience` must not be shorter than `interval`, and neither can be zero"));
        }
        reader.done()?;
        Ok(Self { fact, versions, interval, patience })
    }
}

impl StopBound {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let StopBody { at_least, request, request_elections, requests, margin } = reader.rest()?;
        reader.done()?;
        Ok(Self { fact, at_least, request, request_elections, requests, margin })
    }
}

impl SettleRule {
    pub(super) fn read(mut reader: Reader) -> Result<Self, Problem> {
        let fact = reader.fact()?;
        let SettleBody { to, over_bytes, wait, large_over_bytes, large_wait } = reader.rest()?;
        if large_over_bytes <= over_bytes || large_wait < wait {
            return Err(reader.problem("the rule for large data must begin above the other one and wait no less"));
        }
        reader.done()?;
        Ok(Self { fact, targets: to, over: over_bytes, wait, large_over: large_over_bytes, large_wait })
    }
}
