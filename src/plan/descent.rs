//! Descent: the way one minor down, where knowledge says that etcd itself has a call for it (`downgrade-api`). Whether that is
//! the way, from whatever state an interrupted run left, and what stands against it.
//!
//! The cluster version comes down first, while all members run the newer binary; then the older binary takes its place on one
//! member after the other. So in the middle the cluster version is the declared minor already, and members are above it.

use std::collections::BTreeSet;

use crate::knowledge::{Knowledge, Rung};
use crate::plan::findings::{Findings, Words, whom};
use crate::plan::requirements;
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::{Direction, Way, runs, who_runs_what};
use crate::units::{MemberName, Minor, Version};

/// The rung that is gone down, where the way to the declared version is that: the cluster is one minor above it, or at it with
/// members still, or already, above.
pub fn rung<'k>(to: Minor, live: Minor, survey: &Survey<'_>, knowledge: &'k Knowledge) -> Option<&'k Rung> {
    if to < live {
        return knowledge.rung_down_from(live).filter(|rung| rung.from == to);
    }
    if to > live {
        return None;
    }
    let above = knowledge.next_minor(live)?;
    let rung = knowledge.rung_down_from(above)?;
    survey.members.iter().any(|member| release_of(member).is_some_and(|runs| runs.minor() == above)).then_some(rung)
}

/// The release that is left: the newest of those above.
pub fn leaves(rung: &Rung, survey: &Survey<'_>) -> Version {
    let above = survey.members.iter().filter_map(release_of).filter(|runs| runs.minor() == rung.to);
    above.max().cloned().unwrap_or_else(|| Version::new(rung.to.major(), rung.to.number(), 0))
}

/// What a member runs, or would be started with.
fn release_of<'a>(member: &Surveyed<'a>) -> Option<&'a Version> {
    match member.standing {
        Standing::Serving { etcd, .. } => Some(&etcd.server_version),
        Standing::Stopped { facts } => facts.binary.version.as_ref(),
        _ => None,
    }
}

/// The way down this rung. `None`: refused.
pub fn way(to: &Version, live: Minor, rung: &Rung, survey: &Survey<'_>, findings: &mut Findings) -> Option<Way> {
    let before = findings.refusals.len();
    let told = survey.downgrade_to();
    told_elsewhere(to, live, told, findings);
    if about_to_move(live, rung, survey) {
        refuse_about_to_move(to, live, rung, survey, findings);
    }
    for member in &survey.members {
        stays_between(member, live, rung, findings);
    }
    not_newer(to, survey, findings);
    if findings.refusals.len() > before {
        return None;
    }
    let left: BTreeSet<_> =
        survey.members.iter().filter(|member| !runs(member, to)).map(|member| member.view.name.clone()).collect();
    Some(Way {
        from: leaves(rung, survey),
        to: to.clone(),
        left,
        cluster_version_behind: to.minor() != live,
        direction: Direction::Down,
        told_down_to: told,
    })
}

/// Told to go down to another minor. One that all members have arrived at is over: it is ended on the way.
fn told_elsewhere(to: &Version, live: Minor, told: Option<Minor>, findings: &mut Findings) {
    let Some(told) = told.filter(|told| *told != to.minor() && *told != live) else { return };
    findings.refuse(
        "downgrade-under-way",
        None,
        Words {
            seen: format!("etcd was told to go down to {told}; the cluster is at {live}, {to} is declared"),
            must: "one downgrade is finished, or cancelled, before another begins".to_owned(),
            fix: format!("declare a {told} release, to finish it; or a {live} release and apply, which cancels it"),
        },
        None,
    );
}

/// Whether all members have the newer minor, and nobody keeps the cluster version from following them: it may move at any
/// moment, and an older binary that is put in place meanwhile would not come up. Then the way up is finished first
/// ([`crate::plan::climb`]), and gone down again from there.
pub fn about_to_move(live: Minor, rung: &Rung, survey: &Survey<'_>) -> bool {
    let is_above = |member: &Surveyed<'_>| release_of(member).is_some_and(|runs| runs.minor() == rung.to);
    live == rung.from && survey.downgrade_to() != Some(live) && survey.members.iter().all(is_above)
}

fn refuse_about_to_move(to: &Version, live: Minor, rung: &Rung, survey: &Survey<'_>, findings: &mut Findings) {
    findings.refuse(
        "cluster-version-about-to-move",
        None,
        Words {
            seen: format!("{to} is declared; the cluster version is {live} still ({})", who_runs_what(survey)),
            must: format!(
                "the cluster version moves to {} within seconds once all members run it, and an older binary that is put \
                 in place meanwhile would not come up",
                rung.to
            ),
            fix: format!("declare a {} release and apply, to finish that; then go down", rung.to),
        },
        None,
    );
}

/// A member runs a release of one of the two minors, and one that is down can be started on what it has.
fn stays_between(member: &Surveyed<'_>, live: Minor, rung: &Rung, findings: &mut Findings) {
    let Some(release) = release_of(member) else { return };
    let is_down = matches!(member.standing, Standing::Stopped { .. });
    let is_between = release.minor() == rung.from || release.minor() == rung.to;
    let name = &member.view.name;
    if !is_down && !is_between {
        findings.refuse(
            "members-near-cluster-version",
            Some(member.view),
            Words {
                seen: format!("{name} runs {release}; the cluster goes from {} to {}", rung.to, rung.from),
                must: format!("every member runs a release of {} or of {}", rung.to, rung.from),
                fix: format!("bring {name} to the release that the others run, then plan again"),
            },
            None,
        );
    }
    // Before the cluster version has come down the older binary ends at its start, and a member that is down keeps it up.
    let too_early = release.minor() == rung.from && live != rung.from;
    if is_down && (!is_between || too_early) {
        let path = member.facts().map_or("its binary", |facts| facts.binary.path.as_str());
        let wanted = if is_between { rung.to } else { live };
        findings.refuse(
            "binary-on-disk",
            Some(member.view),
            Words {
                seen: format!("{name} is down, and the file {path} is {release}; the cluster is at {live}"),
                must: match too_early {
                    true => format!(
                        "no {} binary is started before the cluster version is {}: it would end at once, and while a \
                         member is down the cluster version does not move",
                        rung.from, rung.from
                    ),
                    false => {
                        format!("a member that is down is started on a release of {} or of {}", rung.to, rung.from)
                    }
                },
                fix: format!("put the {wanted} binary that it ran back at that path, then plan again"),
            },
            None,
        );
    }
}

/// Within its minor no member is taken to an older patch.
fn not_newer(to: &Version, survey: &Survey<'_>, findings: &mut Findings) {
    let newer: Vec<_> = survey
        .serving()
        .filter(|(_, etcd)| etcd.server_version.minor() == to.minor() && etcd.server_version > *to)
        .collect();
    let Some(newest) = newer.iter().map(|(_, etcd)| &etcd.server_version).max() else { return };
    let names: Vec<MemberName> = newer.iter().map(|(view, _)| view.name.clone()).collect();
    findings.refuse(
        "no-step-down",
        if let [(view, _)] = newer.as_slice() { Some(*view) } else { None },
        Words {
            seen: format!("{} at {newest} already; {to} is declared", whom(&names, "is", "are")),
            must: "within a minor no member is taken to an older release than it runs".to_owned(),
            fix: format!("declare {newest} or a newer patch"),
        },
        None,
    );
}

/// What the way down demands by `modules/etcd`, held against what was seen.
pub fn check(rung: &Rung, way: &Way, survey: &Survey<'_>, findings: &mut Findings) {
    let Some(downgrade) = rung.downgrade_api() else { return };
    if let Some(least) = downgrade.old_at_least.as_ref().filter(|least| way.to < **least) {
        findings.refuse(
            &downgrade.fact.name,
            None,
            Words {
                seen: format!("{} is declared", way.to),
                must: format!("{least} is the oldest release that can be gone down to. {}", downgrade.fact.what),
                fix: format!("declare {least} or a newer patch of it"),
            },
            downgrade.fact.sources.first().map(ToString::to_string).as_deref(),
        );
    }
    requirements::check_down(downgrade, way, survey, findings);
    findings.pass(
        "way-down-known",
        format!("etcd itself takes a {} cluster down to {}; nothing is lost", rung.to, rung.from),
    );
}
