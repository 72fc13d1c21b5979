//! Target: which way leads from the versions that are there to the declared one?

use std::collections::BTreeSet;

use crate::knowledge::{Knowledge, ReleaseStanding, Rung};
use crate::plan::descent;
use crate::plan::findings::{Findings, Words};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::spec::model::Cluster;
use crate::units::{MemberName, Minor, Version};

/// The way from here to the declared version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What members run that are not done yet; where they differ, the lowest, or on the way down the highest.
    pub from: Version,
    pub to: Version,
    /// Members that do not run the target yet, in the order of the spec.
    pub left: BTreeSet<MemberName>,
    /// Whether the cluster version still has to move.
    pub cluster_version_behind: bool,
    pub direction: Direction,
    /// Where etcd was told to go down (`downgrade enable`), to this minor.
    pub told_down_to: Option<Minor>,
}

/// Whether members get a newer release or an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To a newer one, or another patch.
    Up,
    /// One minor down, by etcd's own call for it.
    Down,
}

impl Way {
    /// Nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.left.is_empty() && !self.cluster_version_behind && !self.cancels()
    }

    pub fn goes_down(&self) -> bool {
        self.direction == Direction::Down
    }

    /// Whether etcd was told to go down further than to where the way leads: that keeps the cluster version there.
    pub fn cancels(&self) -> bool {
        !self.goes_down() && self.told_down_to.is_some_and(|minor| minor < self.to.minor())
    }

    /// What is known of the rung that the way goes up, or down again.
    pub fn rung<'k>(&self, knowledge: &'k Knowledge) -> Option<&'k Rung> {
        match self.direction {
            Direction::Up => knowledge.rung(self.live_minor(), self.to.minor()),
            Direction::Down => knowledge.rung(self.to.minor(), self.live_minor()),
        }
    }

    pub fn is_rung(&self) -> bool {
        self.live_minor() != self.to.minor()
    }

    /// The minor that the cluster is at, as a whole; on the way down, the one that it leaves.
    pub fn live_minor(&self) -> Minor {
        self.from.minor()
    }
}

/// Checks the declared version and finds the way. `None`: refused.
pub fn find(cluster: &Cluster, survey: &Survey<'_>, knowledge: &Knowledge, findings: &mut Findings) -> Option<Way> {
    let to = &cluster.version;
    let before = findings.refusals.len();
    known_release(cluster, knowledge, findings);
    if findings.refusals.len() > before {
        return None;
    }
    let Some(cluster_version) = survey.agreed(|etcd| etcd.cluster_version.clone()) else {
        // Of two clusters a refusal tells already.
        if survey.cluster_id().is_some() {
            refuse_cluster_version(survey, "members answer different cluster versions".to_owned(), findings);
        }
        return None;
    };
    let Some(cluster_version) = cluster_version else {
        refuse_cluster_version(survey, "the cluster version is not decided yet".to_owned(), findings);
        return None;
    };
    let live = cluster_version.minor();
    if let Some(rung) = descent::rung(to.minor(), live, survey, knowledge) {
        return descent::way(to, live, rung, survey, findings);
    }
    if to.minor() < live {
        refuse_step_down(to, live, (survey, knowledge), findings);
        return None;
    }
    let next = knowledge.next_minor(live);
    if to.minor() > live && next != Some(to.minor()) {
        refuse_many_rungs(to, live, next, survey, findings);
        return None;
    }
    let left: BTreeSet<_> =
        survey.members.iter().filter(|member| !runs(member, to)).map(|m| m.view.name.clone()).collect();
    for member in &survey.members {
        stays_on_the_way(member, to, live, findings);
    }
    not_newer(survey, to, live, findings);
    let from = survey.serving().map(|(_, etcd)| &etcd.server_version).min().cloned().unwrap_or_else(|| to.clone());
    // All may run the new binary while the cluster version has not moved yet: the rung is still the one from `live`.
    // What is down may be what has not moved it.
    let down = survey.members.iter().filter_map(|member| match member.standing {
        Standing::Stopped { facts } => facts.binary.version.clone().filter(|version| version.minor() == live),
        _ => None,
    });
    let from = if from.minor() > live { down.min().unwrap_or(cluster_version) } else { from };
    Some(Way {
        from,
        to: to.clone(),
        left,
        cluster_version_behind: to.minor() != live,
        direction: Direction::Up,
        told_down_to: survey.downgrade_to(),
    })
}

pub fn runs(member: &Surveyed<'_>, to: &Version) -> bool {
    matches!(member.standing, Standing::Serving { etcd, .. } if etcd.server_version == *to)
        && !member.runs_something_else_than_its_file()
}

/// The declared version is one that may be installed.
pub fn known_release(cluster: &Cluster, knowledge: &Knowledge, findings: &mut Findings) {
    let version = &cluster.version;
    let mut refuse = |seen: String, fix: String, source: Option<String>| {
        let must = "the declared version is a release that is known to be good".to_owned();
        findings.refuse("release-known", None, Words { seen, must, fix }, source.as_deref());
    };
    match knowledge.standing(version) {
        ReleaseStanding::Latest => {
            findings.pass("release-known", format!("{version} is the latest known patch of its minor"))
        }
        ReleaseStanding::Older { latest, mentions } => {
            let mut text = format!("{version} is not the latest patch of its minor: {latest} is");
            for defect in mentions {
                text.push_str(&format!("; {}", defect.fact.what));
            }
            findings.warn("release-known", None, text, None);
        }
        ReleaseStanding::NewerPatch { latest } => findings.warn(
            "release-known",
            None,
            format!("{version} is newer than {latest}, the latest patch that this quorate knows of"),
            None,
        ),
        ReleaseStanding::KnownBad { defects } => {
            let why: Vec<_> = defects.iter().map(|defect| defect.fact.what.as_str()).collect();
            let instead = defects.iter().map(|defect| &defect.use_instead).max();
            refuse(
                format!("{version} is declared, and {}", why.join("; ")),
                instead.map_or_else(String::new, |instead| format!("declare {instead} instead")),
                defects.first().and_then(|defect| defect.fact.sources.first()).map(ToString::to_string),
            );
        }
        ReleaseStanding::UnknownMinor { newest } => refuse(
            format!("{version} is declared; nothing is known of {}", version.minor()),
            format!(
                "declare a version up to {newest}, or use a quorate (or a knowledge folder) that knows {}",
                version.minor()
            ),
            None,
        ),
        ReleaseStanding::NotPlanned { .. } => {
            refuse(format!("{version} is declared, which is a pre-release"), "declare a release".to_owned(), None)
        }
    }
}

fn refuse_cluster_version(survey: &Survey<'_>, seen: String, findings: &mut Findings) {
    let answers: Vec<_> = survey
        .serving()
        .map(|(view, etcd)| {
            let version = etcd.cluster_version.as_ref().map_or_else(|| "not decided".to_owned(), Version::to_string);
            format!("{}: {version}", view.name)
        })
        .collect();
    findings.refuse(
        "cluster-version-decided",
        None,
        Words {
            seen: format!("{seen} ({})", answers.join(", ")),
            must: "the cluster version is decided and the same on all members before anything is planned from it"
                .to_owned(),
            fix: "wait a few seconds and plan again; if it stays so, a member's peer URL does not answer /version"
                .to_owned(),
        },
        None,
    );
}

pub fn who_runs_what(survey: &Survey<'_>) -> String {
    let versions = survey.serving().map(|(view, etcd)| format!("{} runs {}", view.name, etcd.server_version));
    versions.collect::<Vec<_>>().join(", ")
}

fn refuse_step_down(
    to: &Version,
    live: Minor,
    (survey, knowledge): (&Survey<'_>, &Knowledge),
    findings: &mut Findings,
) {
    // What the rung that would have to be gone down says of the way back.
    let rung = knowledge.rungs().iter().find(|rung| rung.from == to.minor());
    let by_itself = match knowledge.lowest_by_downgrade(live) {
        Some(lowest) => format!("etcd takes a {live} cluster down to {lowest} by itself, and no further"),
        None => format!("etcd does not take a {live} cluster down by itself"),
    };
    let declare = match knowledge.lowest_by_downgrade(live) {
        Some(lowest) => format!("declare a release of {lowest}, to go down that far, or one of {live}"),
        None => format!("declare a {live} release"),
    };
    findings.refuse(
        "no-step-down",
        None,
        Words {
            seen: format!("{to} is declared; the cluster is at {live} ({})", who_runs_what(survey)),
            must: format!("{by_itself}; an older binary would refuse to start, or start and be wrong"),
            fix: format!(
                "{declare}; else `quorate rollback` says which ways back are left, and `quorate restore BACKUP` puts \
                 back what was backed up on {}: all members stop for that, and every write since is lost (`quorate \
                 backup list` shows what there is)",
                to.minor()
            ),
        },
        rung.and_then(|rung| rung.rollback.fact.sources.first()).map(ToString::to_string).as_deref(),
    );
}

fn refuse_many_rungs(to: &Version, live: Minor, next: Option<Minor>, survey: &Survey<'_>, findings: &mut Findings) {
    let fix = match next {
        Some(next) => format!("declare a {next} release first, apply, then go on from there"),
        None => format!("use a knowledge folder that has the rungs from {live} on"),
    };
    findings.refuse(
        "one-minor-at-a-time",
        None,
        Words {
            seen: format!("{to} is declared; the cluster is at {live} ({})", who_runs_what(survey)),
            must: "an upgrade goes one minor at a time: etcd does not support to step over one, and its servers do \
                   not stop anybody who tries"
                .to_owned(),
            fix: format!("{fix} (of a minor in between no release is known to this knowledge folder)"),
        },
        Some("https://etcd.io/docs/latest/upgrades/upgrading-etcd/"),
    );
}

/// A member may run a release of the live minor or of the target's; one that is down would be started on what its file is.
fn stays_on_the_way(member: &Surveyed<'_>, to: &Version, live: Minor, findings: &mut Findings) {
    if let Standing::Stopped { facts } = member.standing
        && let Some(version) = facts.binary.version.as_ref()
        && version.minor() != live
        && version.minor() != to.minor()
    {
        findings.refuse(
            "binary-on-disk",
            Some(member.view),
            Words {
                seen: format!(
                    "{} is down, and the file {} is {version}; the cluster is at {live}",
                    member.view.name, facts.binary.path
                ),
                must: format!("a member that is down is started on a {live} release, or on one of {}", to.minor()),
                fix: format!("put the {live} binary that it ran back at that path, then plan again"),
            },
            None,
        );
    }
    let Some(etcd) = member.etcd() else {
        return;
    };
    let runs = &etcd.server_version;
    if runs.minor() != live && runs.minor() != to.minor() {
        findings.refuse(
            "members-near-cluster-version",
            Some(member.view),
            Words {
                seen: format!("{} runs {runs}; the cluster is at {live}, {to} is declared", member.view.name),
                must: match to.minor() == live {
                    true => format!("every member runs a {live} release, where one is declared"),
                    false => format!("every member runs a {live} release, or one of {} that is declared", to.minor()),
                },
                fix: format!(
                    "declare a version of {}, to finish what was begun; or `quorate rollback`, to go back to {live}",
                    runs.minor()
                ),
            },
            None,
        );
    }
}

/// Members that run a newer patch than the declared one are told together: one change of the spec mends all.
fn not_newer(survey: &Survey<'_>, to: &Version, live: Minor, findings: &mut Findings) {
    let astray = |runs: &Version| runs.minor() != live && runs.minor() != to.minor();
    let newer: Vec<_> =
        survey.serving().filter(|(_, etcd)| etcd.server_version > *to && !astray(&etcd.server_version)).collect();
    let Some(newest) = newer.iter().map(|(_, etcd)| &etcd.server_version).max() else {
        return;
    };
    let each: Vec<_> = newer.iter().map(|(view, etcd)| format!("{} runs {}", view.name, etcd.server_version)).collect();
    findings.refuse(
        "no-step-down",
        if let [(view, _)] = newer.as_slice() { Some(*view) } else { None },
        Words {
            seen: format!("{} already; {to} is declared", each.join(", ")),
            must: "no member is taken to an older release than it runs".to_owned(),
            fix: format!("declare {newest} or a newer patch"),
        },
        None,
    );
}
