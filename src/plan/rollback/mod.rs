//! Rollback: back to the version that members had before. (what was seen, what is known, what the last run left, what was
//! asked for) -> a plan, or what is possible and what it costs, or that there is nothing to do, or refusals.
//!
//! While the cluster version has not moved, the old binaries are put back, one member at a time, and nothing is lost.
//! Once it has, what is left loses writes: the rollback points of all members together, or a restore. A person chooses.
//! The live cluster decides which of these it is; the last run only says which version was there before, and which
//! backup belongs to it.

mod choices;
mod ground;
mod points;
mod steps;
mod swap_back;
mod whole;

use std::collections::BTreeMap;

pub use choices::{Choices, PointSet};
pub(super) use swap_back::declared_well;

use crate::knowledge::Rung;
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{Kind, PLAN_FORMAT, Plan, Refusal, ReplacementKind, Rung as PlannedRung, Step, Summary};
use crate::plan::readd;
use crate::plan::replacing::{self, Notes};
use crate::plan::survey::Survey;
use crate::plan::{Input, basis, estimate, health};
use crate::spec::model::Cluster;
use crate::units::{MemberName, Minor, Revision, Sha256, Version};
use ground::Ground;

/// What a person asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The version to go back to, where it is not clear by itself.
    pub to: Option<Version>,
    pub by: By,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum By {
    /// Whatever loses nothing.
    #[default]
    Swap,
    /// The rollback points of all members: the writes since are lost.
    Points,
}

/// The last run that changed the version of members, as far as the state knows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    pub run: String,
    pub from: Version,
    pub to: Version,
    /// Digest of what each member ran before.
    pub binaries: BTreeMap<MemberName, Sha256>,
    pub backup: Option<BackupTaken>,
}

impl LastRun {
    /// It took members to an older release.
    pub fn goes_down(&self) -> bool {
        self.from > self.to
    }
}

/// A backup that a run took before it stopped a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupTaken {
    pub id: String,
    pub dir: String,
    /// RFC 3339, UTC.
    pub taken_at: String,
    pub revision: Option<Revision>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollback {
    Plan(Box<Plan>),
    /// In one sentence, why.
    Nothing(String),
    /// The cluster version has moved: each way loses writes, and a person chooses.
    Choices(Box<Choices>),
}

/// Everything that a rollback is planned from.
#[derive(Clone, Copy)]
pub struct RollbackInput<'a> {
    pub input: Input<'a>,
    pub last: Option<&'a LastRun>,
    pub asked: &'a Asked,
}

/// Plans it, or says every reason why not.
pub fn plan(from: &RollbackInput<'_>) -> Result<Rollback, Vec<Refusal>> {
    let survey = Survey::of(from.input.inventory);
    match replacing::notes(from.input.inventory) {
        Notes::None => {}
        Notes::Wrong(why) => {
            let mut findings = Findings::default();
            replacing::refuse_wrong(&why, &mut findings);
            return Err(findings.refusals);
        }
        Notes::One(note) if note.kind == ReplacementKind::Rollback => return whole::finish(from, &survey, &note),
        Notes::One(note) if note.kind == ReplacementKind::Readd => {
            return readd::finish(&from.input, &note).map(|plan| Rollback::Plan(Box::new(plan)));
        }
        Notes::One(_) => return Err(replacing::refusals(from.input.inventory)),
    }
    let mut findings = Findings::default();
    // A stranger is not taken back with the others, by whatever way: it never was where they were.
    let is_one = health::one_cluster(&survey, &mut findings);
    if is_one && refuse_on_the_way_down(from, &survey, &mut findings) {
        return Err(findings.refusals);
    }
    let Some(ground) = Ground::of(&survey, &mut findings) else {
        return Err(findings.refusals);
    };
    let to = match target(from, &survey, &ground, &mut findings) {
        Target::To(to) => to,
        Target::Nothing(why) => return Ok(Rollback::Nothing(why)),
        Target::Refused => return Err(findings.refusals),
    };
    match situation(from, &survey, &ground, &to, &mut findings) {
        Some(Situation::Mixed) => swap_back::plan(from, &survey, &ground, &to, findings),
        Some(Situation::Completed { rung }) => match from.asked.by {
            By::Points => whole::begin(from, &survey, &ground, &to, findings),
            By::Swap => Ok(Rollback::Choices(Box::new(choices::of(from, &survey, &ground, &to, rung)))),
        },
        Some(Situation::Down) => whole::begin(from, &survey, &ground, &to, findings),
        None => Err(findings.refusals),
    }
}

/// A way down was begun, and not all have arrived: what would be undone is that, and the way back is a way up. By what etcd
/// was told; or by the last run, for a leader of an older version may have ended what etcd was told early.
fn refuse_on_the_way_down(from: &RollbackInput<'_>, survey: &Survey<'_>, findings: &mut Findings) -> bool {
    let by_last_run = from.last.filter(|last| last.goes_down()).map(|last| last.to.minor());
    let Some(to) = survey.downgrade_to().or(by_last_run) else { return false };
    if cluster_version(survey).is_some_and(|live| live > to && survey.downgrade_to().is_none()) {
        return false;
    }
    let above: Vec<&Version> =
        survey.serving().map(|(_, etcd)| &etcd.server_version).filter(|runs| runs.minor() > to).collect();
    let Some(newest) = above.iter().max() else { return false };
    let lower = from.last.map(|last| &last.to).filter(|version| version.minor() == to);
    let lower = lower.map_or_else(|| format!("of a {to} release"), |version| format!("= \"{version}\""));
    findings.refuse(
        "downgrade-under-way",
        None,
        Words {
            seen: format!(
                "a way down to {to} was begun, and {} of {} members run {newest}",
                above.len(),
                survey.members.len()
            ),
            must: "a way down is finished, or gone back up, by what the spec declares".to_owned(),
            fix: format!(
                "to go back up: version = \"{newest}\" and `quorate apply` (it cancels the downgrade, and nothing is \
                 lost); to finish: version {lower} and `quorate apply`"
            ),
        },
        None,
    );
    true
}

enum Target {
    To(Version),
    Nothing(String),
    Refused,
}

/// Which version: the asked one; in a mixed cluster that of the members that are not done; else what was there before the
/// last run, or what the rollback points are of.
fn target(from: &RollbackInput<'_>, survey: &Survey<'_>, ground: &Ground, findings: &mut Findings) -> Target {
    let newest = &ground.newest;
    if let Some(asked) = &from.asked.to {
        if asked > newest {
            refuse_upward(asked, newest, findings);
            return Target::Refused;
        }
        return if ground.all_run(asked) { already(from, ground, asked) } else { Target::To(asked.clone()) };
    }
    if ground.oldest < *newest {
        if ground.different > 2 {
            refuse_unclear(ground, findings);
            return Target::Refused;
        }
        return Target::To(ground.oldest.clone());
    }
    if let Some(last) = from.last {
        if last.to == *newest && last.from < *newest {
            return Target::To(last.from.clone());
        }
        if last.to == *newest && last.from > *newest {
            let why = format!(
                "the last run took all members down from {0} to {newest}; to go up again, declare version = \"{0}\", and \
                 apply",
                last.from
            );
            return nothing(from, ground, newest, why);
        }
        if last.from == *newest {
            return already(from, ground, newest);
        }
    }
    match points::newest_version_below(survey, newest) {
        Some(version) => Target::To(version),
        None => {
            let why = format!(
                "all members run {newest}, and neither a run of this state nor a rollback point on the hosts says what \
                 was there before (`-to VERSION` would)"
            );
            nothing(from, ground, newest, why)
        }
    }
}

/// All are of this version. Who is down was stopped on the way up or back, by a run that was cut off: it is brought up. Rollback
/// points would take away what was written since, for nothing.
fn already(from: &RollbackInput<'_>, ground: &Ground, version: &Version) -> Target {
    nothing(from, ground, version, format!("all members run {version} already"))
}

fn nothing(from: &RollbackInput<'_>, ground: &Ground, version: &Version, why: String) -> Target {
    if !ground.all_serve && from.asked.by == By::Swap {
        return Target::To(version.clone());
    }
    Target::Nothing(why)
}

fn refuse_upward(asked: &Version, newest: &Version, findings: &mut Findings) {
    findings.refuse(
        "rollback-target",
        None,
        Words {
            seen: format!("-to {asked}; the newest that a member runs is {newest}"),
            must: "a rollback goes back".to_owned(),
            fix: format!("to go up, declare version = \"{asked}\" in the spec, and apply"),
        },
        None,
    );
}

fn refuse_unclear(ground: &Ground, findings: &mut Findings) {
    findings.refuse(
        "rollback-target",
        None,
        Words {
            seen: format!("members run {} different versions: {}", ground.different, ground.each),
            must: "there is one version to go back to".to_owned(),
            fix: "say which: -to VERSION".to_owned(),
        },
        None,
    );
}

/// Where the cluster stands between the two versions.
enum Situation<'k> {
    /// The cluster version is still the old one, and the old binary can read what the new one wrote.
    Mixed,
    Completed {
        rung: &'k Rung,
    },
    /// Nobody serves, and a person asked for the rollback points: they are right in any case.
    Down,
}

fn situation<'k>(
    from: &RollbackInput<'k>,
    survey: &Survey<'_>,
    ground: &Ground,
    to: &Version,
    findings: &mut Findings,
) -> Option<Situation<'k>> {
    let newest = &ground.newest;
    let mut refuse = |rule: &str, seen: String, must: &str, fix: String| {
        findings.refuse(rule, None, Words { seen, must: must.to_owned(), fix }, None);
    };
    let rung = from.input.knowledge.rung(to.minor(), newest.minor());
    if rung.is_none() && to.minor() != newest.minor() {
        refuse(
            "one-minor-at-a-time",
            format!("{to} is to be gone back to; members run {newest}"),
            "a way back leads over one minor: that of the last upgrade",
            "restore a backup of that version instead".to_owned(),
        );
        return None;
    }
    if !survey.anybody_serves() {
        if from.asked.by == By::Points {
            return Some(Situation::Down);
        }
        refuse(
            "cluster-answers",
            format!("no member answers: {}", ground.each),
            "at least one member answers: whether the cluster version has moved can only be learned from it",
            match rung {
                Some(_) => "start the members (their data is there), then plan again; or, losing the writes since: \
                            `quorate rollback -points`"
                    .to_owned(),
                None => "start the members (their data is there), then plan again".to_owned(),
            },
        );
        return None;
    }
    let Some(live) = cluster_version(survey) else {
        refuse(
            "cluster-version-decided",
            "members answer different cluster versions, or none".to_owned(),
            "the cluster version is the same on all members that answer: whether a swap back is possible rests on it",
            "wait a few seconds and run it again".to_owned(),
        );
        return None;
    };
    let Some(rung) = rung else {
        // Another patch of the same minor: nothing has moved.
        return no_points_needed(from, findings).then_some(Situation::Mixed);
    };
    if live == rung.to {
        return Some(Situation::Completed { rung });
    }
    if live != rung.from {
        refuse(
            "members-near-cluster-version",
            format!("the cluster version is {live}; {} -> {} is to be undone", rung.from, rung.to),
            "the cluster is at one of the two versions",
            "say which version to go back to: -to VERSION".to_owned(),
        );
        return None;
    }
    if ground.all_serve_newest {
        refuse(
            "cluster-version-about-to-move",
            format!("all members serve {newest}, and the cluster version is still {live}"),
            "the cluster version moves within seconds of the last member's start, and an old binary that is put back \
             while it does would not come up",
            "wait a few seconds and run it again: it then says what is possible".to_owned(),
        );
        return None;
    }
    no_points_needed(from, findings).then_some(Situation::Mixed)
}

/// What loses writes is not done where nothing has to be lost.
fn no_points_needed(from: &RollbackInput<'_>, findings: &mut Findings) -> bool {
    if from.asked.by == By::Swap {
        return true;
    }
    findings.refuse(
        "points-needed",
        None,
        Words {
            seen: "-points, and the cluster version has not moved".to_owned(),
            must: "writes are only lost where there is no other way: here the old binaries can be put back one by one"
                .to_owned(),
            fix: "`quorate rollback`, without -points".to_owned(),
        },
        None,
    );
    false
}

fn cluster_version(survey: &Survey<'_>) -> Option<Minor> {
    survey.agreed(|etcd| etcd.cluster_version.as_ref().map(Version::minor)).flatten()
}

/// The plan around the steps.
pub(super) fn assemble(
    from: &RollbackInput<'_>,
    survey: &Survey<'_>,
    versions: (&Version, &Version),
    findings: Findings,
    steps: Vec<Step>,
    clients: Vec<String>,
) -> Plan {
    let (newest, to) = versions;
    let input = &from.input;
    let any = survey.serving().next().map(|(_, etcd)| etcd);
    let estimate = estimate::total(steps.iter());
    Plan {
        format: PLAN_FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        kind: Kind::Rollback,
        cluster: input.cluster.name.clone(),
        state_dir: input.state_dir.to_owned(),
        modules_dir: input.modules_dir.map(std::path::Path::to_owned),
        declared: Cluster { client: input.cluster.client.sealed(), ..input.cluster.clone() },
        basis: basis::of(input.inventory),
        summary: Summary {
            from: Some(newest.clone()),
            to: to.clone(),
            members: survey.members.len(),
            leader: survey.leader().cloned(),
            db_size: survey.serving().filter_map(|(_, etcd)| etcd.db_size).max(),
            v2_keys: any.and_then(|etcd| etcd.v2_keys),
            v3_keys: any.and_then(|etcd| etcd.v3_keys),
            revision: survey.serving().filter_map(|(_, etcd)| etcd.revision).max(),
            estimate,
        },
        releases: Vec::new(),
        rungs: vec![PlannedRung {
            from: Some(newest.minor()),
            to: to.minor(),
            steps,
            no_return: None,
            clients,
            advisories: Vec::new(),
        }],
        later: Vec::new(),
        checks: findings.checks,
        warnings: findings.warnings,
    }
}
