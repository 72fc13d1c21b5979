//! Plan: decides. (what is declared, what was seen, what is known, which releases are at hand) -> a [`model::Plan`],
//! or every reason why not.
//!
//! A pure function: no I/O, no clock, no randomness; the same input gives the same bytes. All decisions are made
//! here; [`crate::execute`] makes none. The result explains itself: each step has a reason, each gate says what it
//! waits for, each refusal names what was seen, the rule, and the fix.

mod backup;
pub mod basis;
mod climb;
mod create;
mod descent;
mod estimate;
pub mod file;
mod findings;
mod health;
mod hold;
mod hosts;
pub mod layout;
pub mod leftovers;
pub mod model;
mod options;
pub mod raft_snapshots;
pub mod readd;
pub mod replacing;
mod requirements;
pub mod restore;
pub mod rollback;
mod room;
pub mod rules;
mod settings;
mod settle;
mod start;
pub(crate) mod survey;
mod target;
mod upgrade;

#[cfg(any(test, feature = "fuzz"))]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::knowledge::{Knowledge, MixedRollback, WayBack};
use crate::observe::inventory::{HostFacts, Inventory, MemberFacts};
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    Action, Kind, NoReturn, Note, Operation, PLAN_FORMAT, Plan, Refusal, ReleasePin, ReplacementKind, Rung, Step,
    Summary,
};
use crate::plan::replacing::Notes;
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::{Direction, Way};
use crate::runtime::Templates;
use crate::spec::model::{Cluster, HoldPoint, Toggle};
use crate::units::{Bytes, Version};

/// Whether the state remembers a creation of the cluster that nobody has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutOffCreation {
    Remembered,
    NotKnown,
}

/// Everything that a plan is made from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub cluster: &'a Cluster,
    /// Where the run will be kept; it is no part of any decision.
    pub state_dir: &'a Path,
    /// The user's own folder of knowledge and templates, for whoever opens a saved plan; no part of any decision.
    pub modules_dir: Option<&'a Path>,
    /// What the unit of a new member is made from.
    pub templates: &'a Templates,
    pub inventory: &'a Inventory,
    pub knowledge: &'a Knowledge,
    /// The releases that [`wanted_releases`] asked for, as far as they could be had.
    pub releases: &'a [ReleasePin],
    /// Why a wanted release could not be had.
    pub missing_releases: &'a [String],
    /// The newest run of this cluster, where it was held.
    pub held: Option<&'a Held>,
    /// Of members without data beside others that have some, tells those that never ran from those that lost theirs.
    pub creation: CutOffCreation,
}

/// The declared release, for the architecture of each host that was seen.
pub fn declared_releases(cluster: &Cluster, inventory: &Inventory) -> BTreeSet<(Version, String)> {
    for_each_host(inventory, std::slice::from_ref(&cluster.version))
}

/// Which releases a plan will need, by version and architecture, those on the way included: what has to be fetched before
/// planning.
pub fn wanted_releases(cluster: &Cluster, inventory: &Inventory, knowledge: &Knowledge) -> BTreeSet<(Version, String)> {
    let mut versions = climb::legs(cluster, inventory, knowledge);
    versions.extend(climb::tools_on_the_way_down(cluster, inventory, knowledge));
    for_each_host(inventory, &versions)
}

fn for_each_host(inventory: &Inventory, versions: &[Version]) -> BTreeSet<(Version, String)> {
    let hosts = inventory.members.iter().filter_map(|member| member.host.known());
    hosts.flat_map(|host| versions.iter().map(|version| (version.clone(), host.arch.clone()))).collect()
}

pub use backup::{PlannedBackup, plan as plan_backup};
pub(crate) use health::QUOTA_SHARE_PERCENT;
pub use hold::Held;
pub(crate) use options::host_of;
pub use settings::kept_name as kept_settings_name;

/// Makes the plan, or says every reason why there is none. Where the declared version is several steps away, the first is
/// planned, and the others are foreseen.
pub fn plan(input: &Input<'_>) -> Result<Plan, Vec<Refusal>> {
    match climb::legs(input.cluster, input.inventory, input.knowledge).as_slice() {
        legs @ [_, _, ..] => climb::plan(input, legs),
        _ => leg(input),
    }
}

/// One step of the way, to the cluster's version: a rung, or another patch of the same minor.
fn leg(input: &Input<'_>) -> Result<Plan, Vec<Refusal>> {
    if let Notes::One(note) = replacing::notes(input.inventory)
        && note.kind == ReplacementKind::Readd
    {
        return readd::finish(input, &note);
    }
    let under_way = replacing::refusals(input.inventory);
    if !under_way.is_empty() {
        return Err(under_way);
    }
    let mut survey = Survey::of(input.inventory);
    let mut findings = Findings::default();
    if create::nothing_is_there(input.cluster, &survey) {
        return create::plan(input, &survey, findings);
    }
    if create::made_but_not_started(input.cluster, &survey) {
        return start::plan(input, &survey, findings);
    }
    create::take_in_never_served(input.cluster, &mut survey);
    health::check(input.cluster, &survey, input.knowledge, &mut findings);
    let Some(way) = target::find(input.cluster, &survey, input.knowledge, &mut findings) else {
        return Err(with_a_reason(findings, &survey));
    };
    hosts::check_declared(input.cluster, &survey, &mut findings);
    if way.is_done() && findings.refusals.is_empty() && all_serve(&survey) {
        return Ok(assemble(input, &survey, &way, findings, Vec::new()));
    }
    // Where members only have to be started, or the cluster version to move, nothing of the release is needed.
    let changes_binaries = survey.members.iter().any(|member| upgrade::is_to_change(member, &way));
    let pins = if changes_binaries { pins(input, &survey, &mut findings) } else { BTreeMap::new() };
    if changes_binaries {
        tools_at_hand(input, &survey, &way, &mut findings);
    }
    let release_size = pins.values().map(|pin| upgrade::release_size(pin)).max().unwrap_or_default();
    files_that_a_swap_would_not_know(&survey, &pins, changes_binaries.then_some(&way.to), &mut findings);
    checks_before_change(input, &survey, &way, release_size, &mut findings);
    if !findings.refusals.is_empty() {
        return Err(with_a_reason(findings, &survey));
    }
    let steps = upgrade::steps(&upgrade::Ingredients {
        cluster: input.cluster,
        survey: &survey,
        knowledge: input.knowledge,
        way: &way,
        releases: &pins,
    });
    let rung = rung_of(input, &survey, &way, steps);
    Ok(assemble(input, &survey, &way, findings, vec![rung]))
}

fn all_serve(survey: &Survey<'_>) -> bool {
    survey.members.iter().all(|member| matches!(member.standing, Standing::Serving { .. }))
}

/// Never an empty list: where nothing else was said, nobody answered.
fn with_a_reason(mut findings: Findings, survey: &Survey<'_>) -> Vec<Refusal> {
    if findings.refusals.is_empty() {
        let seen = survey
            .members
            .iter()
            .map(|member| format!("{}: {}", member.view.name, member.view.etcd.why().unwrap_or("answers")))
            .collect::<Vec<_>>()
            .join("; ");
        findings.refuse(
            "cluster-answers",
            None,
            Words {
                seen,
                must: "at least one member answers: what the cluster is can only be learned from it".to_owned(),
                fix: "start the members (their data is there), then plan again".to_owned(),
            },
            None,
        );
    }
    findings.refusals
}

fn checks_before_change(
    input: &Input<'_>,
    survey: &Survey<'_>,
    way: &Way,
    release_size: Bytes,
    findings: &mut Findings,
) {
    hosts::check(input.cluster, survey, way, input.knowledge, findings);
    room::check(input, survey, way, release_size, findings);
    options::check(input.cluster, way, &survey.members, input.knowledge, findings);
    quorum(survey, way, findings);
    if !way.left.is_empty() {
        backup::check(input.cluster, survey, input.knowledge, findings);
    }
    rollback_points(input.cluster, survey, way, findings);
    if way.is_rung() {
        match way.rung(input.knowledge) {
            Some(rung) => {
                if rung.rollback.mixed == MixedRollback::RemoveAndReadd && way.direction == Direction::Up {
                    readd::check(rung, survey, findings);
                }
                match way.direction {
                    Direction::Up => requirements::check(rung, way, survey, input.knowledge, findings),
                    Direction::Down => descent::check(rung, way, survey, findings),
                }
            }
            None => findings.refuse(
                "rung-known",
                None,
                Words {
                    seen: format!("no rung from {} to {} is known", way.live_minor(), way.to.minor()),
                    must: "what a step demands is known before it is taken".to_owned(),
                    fix: "use a knowledge folder that has this rung".to_owned(),
                },
                None,
            ),
        }
    }
}

/// What to do about a file that is neither what its member runs nor the new binary. One that quorate has on that host may be
/// of a swap that was not gone on with; whoever has it from elsewhere may have put it there just as well.
fn mend_file(host: &HostFacts, facts: &MemberFacts, running: &Version, wanted: Option<&Version>) -> String {
    let known = facts.binary.sha256.and_then(|file| host.staged.iter().find(|(_, digest)| **digest == file));
    let or_else = format!("put the binary of {running} back at that path, then plan again");
    match known.map(|(version, _)| version).filter(|version| Some(*version) != wanted) {
        Some(version) if version > running => format!(
            "it is the {version} that quorate has on this host: where a run was cut off, declare {version} and apply to \
             finish that, and then what you want; else {or_else}"
        ),
        Some(version) if version < running => format!(
            "it is the {version} that quorate keeps on this host: where a rollback was cut off, `quorate rollback` finishes \
             it; where a way down was, declare {version} and apply, and then what you want; else {or_else}"
        ),
        _ => format!("find out who put it there; {or_else}"),
    }
}

/// A file that is neither what its member runs nor the new binary was put there by somebody: a restart would start it,
/// and a swap would have to throw it away. Found while the member still runs.
fn files_that_a_swap_would_not_know(
    survey: &Survey<'_>,
    pins: &BTreeMap<String, &ReleasePin>,
    wanted: Option<&Version>,
    findings: &mut Findings,
) {
    for member in survey.members.iter().filter(|member| member.runs_something_else_than_its_file()) {
        let (Some(facts), Some(host), Some(etcd)) = (member.facts(), member.host(), member.etcd()) else { continue };
        let new = pins.get(&host.arch).and_then(|pin| pin.binaries.get("etcd")).map(|binary| binary.sha256);
        // Before the release is at hand, its version is all that can be compared; the plan is made again with it.
        let is_wanted = match new {
            Some(_) => facts.binary.sha256 == new,
            None => wanted.is_some() && facts.binary.version.as_ref() == wanted,
        };
        if is_wanted {
            continue;
        }
        let version = facts.binary.version.as_ref().map_or_else(|| "of no version".to_owned(), Version::to_string);
        let digest = facts.binary.sha256.map_or_else(|| "not readable".to_owned(), |digest| digest.short());
        findings.refuse(
            "binary-on-disk",
            Some(member.view),
            Words {
                seen: format!(
                    "{} runs {}, and the file {} is another one ({version}, sha256 {digest})",
                    member.view.name, etcd.server_version, facts.binary.path
                ),
                must: match wanted.filter(|wanted| **wanted != etcd.server_version) {
                    Some(wanted) => format!(
                        "the file that a member is started from is the one that it runs ({}), or that of the declared \
                         release ({wanted})",
                        etcd.server_version
                    ),
                    None => {
                        format!(
                            "the file that a member is started from is the one that it runs ({})",
                            etcd.server_version
                        )
                    }
                },
                fix: mend_file(host, facts, &etcd.server_version, wanted),
            },
            None,
        );
    }
}

/// One member can only be stopped where the others hold quorum.
fn quorum(survey: &Survey<'_>, way: &Way, findings: &mut Findings) {
    let voters = survey.members.len();
    if voters < 3 && !way.left.is_empty() {
        findings.refuse(
            "quorum-without-member",
            None,
            Words {
                seen: format!("the cluster has {voters} voting member{}", if voters == 1 { "" } else { "s" }),
                must: "when a member is stopped, the others hold quorum: that takes three".to_owned(),
                fix: "add members until there are three; quorate does not take a cluster down".to_owned(),
            },
            None,
        );
    } else if !way.left.is_empty() {
        findings.pass(
            "quorum-without-member",
            format!("{} of {voters} voters serve while one is stopped; quorum is {}", voters - 1, voters / 2 + 1),
        );
    }
}

fn rollback_points(cluster: &Cluster, survey: &Survey<'_>, way: &Way, findings: &mut Findings) {
    // On the way down they are no way back: that is an upgrade.
    if !way.is_rung() || way.left.is_empty() || way.goes_down() {
        return;
    }
    if cluster.rollback_points.enabled == Toggle::Off {
        findings.warn(
            "rollback-points",
            None,
            "rollback points are switched off in the spec: after completion the way back is the backup alone",
            None,
        );
        return;
    }
    for (member, size) in hosts::too_large_for_rollback_points(cluster, survey, way) {
        findings.warn(
            "rollback-points",
            Some(&member.view.name),
            format!(
                "no rollback points are taken: the data directory of {} is {size}, `rollback_points.max_size` is {}, and \
                 they are of use only all together. After completion the way back is the backup alone",
                member.view.name, cluster.rollback_points.max_size
            ),
            None,
        );
    }
}

/// The target's release for every architecture among the hosts.
fn pins<'a>(input: &Input<'a>, survey: &Survey<'_>, findings: &mut Findings) -> BTreeMap<String, &'a ReleasePin> {
    let mut found = BTreeMap::new();
    let architectures: BTreeSet<&str> =
        survey.members.iter().filter_map(|member| member.host()).map(|host| host.arch.as_str()).collect();
    for arch in architectures {
        let pin = input.releases.iter().find(|pin| pin.version == input.cluster.version && pin.arch == arch);
        match pin {
            Some(pin) => {
                if pin.checked == "first-use" {
                    warn_first_use(pin, findings);
                }
                found.insert(arch.to_owned(), pin);
            }
            None => findings.refuse(
                "release-available",
                None,
                Words {
                    seen: match input.missing_releases {
                        [] => format!("etcd {} for linux-{arch} is not at hand", input.cluster.version),
                        why => why.join("; "),
                    },
                    must: format!("etcd {} for linux-{arch} can be had from a declared source", input.cluster.version),
                    fix: "check the `release` blocks, or put the release where one of them points".to_owned(),
                },
                None,
            ),
        }
    }
    found
}

/// On the way down the backup is restored on trial by the newer release: the older one does not read what that wrote.
fn tools_at_hand(input: &Input<'_>, survey: &Survey<'_>, way: &Way, findings: &mut Findings) {
    let tools = backup::tools(input.cluster, way);
    if *tools == way.to {
        return;
    }
    let Some(action) = backup::action(input.cluster, survey, input.knowledge, tools) else { return };
    let member = survey.members.iter().find(|member| member.view.name == action.member);
    let Some(arch) = member.and_then(Surveyed::host).map(|host| host.arch.as_str()) else { return };
    if input.releases.iter().any(|pin| pin.version == *tools && pin.arch == arch) {
        return;
    }
    findings.refuse(
        "release-available",
        None,
        Words {
            seen: match input.missing_releases {
                [] => format!("etcd {tools} for linux-{arch} is not at hand"),
                why => why.join("; "),
            },
            must: format!(
                "etcd {tools} for linux-{arch}, which runs now, can be had from a declared source: it restores the \
                 backup on trial, for {} cannot read what it wrote",
                way.to
            ),
            fix: "check the `release` blocks; or verify = \"hash\" in the `backup` block: no trial restore then"
                .to_owned(),
        },
        None,
    );
}

fn warn_first_use(pin: &ReleasePin, findings: &mut Findings) {
    let digest = pin.archive_sha256.map_or_else(|| "…".to_owned(), |digest| digest.to_string());
    findings.warn(
        "release-checksum",
        None,
        format!(
            "nothing vouches for the checksum of {} ({}): it is trusted as first seen, and pinned in this plan. Pin it in \
             the spec: sha256 = {{ \"{}-{}\" = \"{digest}\" }}",
            pin.version, pin.source, pin.version, pin.arch
        ),
        None,
    );
}

/// The rung with its words: where the point of no return is, what clients notice, what the advisories say.
fn rung_of(input: &Input<'_>, survey: &Survey<'_>, way: &Way, steps: Vec<Step>) -> Rung {
    let known = way.rung(input.knowledge).filter(|_| way.is_rung());
    let from = way.live_minor();
    // What a rung brings to clients, it takes away again on the way down.
    let advisories = known.filter(|_| !way.goes_down()).map_or_else(Vec::new, |rung| {
        rung.advisories_for(&way.to)
            .map(|advisory| Note {
                rule: advisory.fact.name.clone(),
                member: None,
                text: advisory.fact.what.clone(),
                source: advisory.fact.sources.first().map(ToString::to_string),
            })
            .collect()
    });
    let no_return = known.filter(|_| !way.left.is_empty()).map(|rung| NoReturn {
        before_last_member: true,
        up_to_there: match rung.rollback.mixed {
            MixedRollback::SwapBinary if way.goes_down() => format!(
                "declare version = \"{}\" and apply: that cancels the downgrade (etcd's `downgrade cancel`), and the {from} \
                 binaries, which are kept on their hosts, are put back one by one; nothing is lost",
                way.from
            ),
            MixedRollback::SwapBinary => format!(
                "each member can be put back on its {from} binary, which is kept on its host; nothing is lost"
            ),
            MixedRollback::RemoveAndReadd => format!(
                "a member that has run {} goes back to {from} without its data: it leaves the cluster, its data directory is \
                 moved aside, and it joins again, empty, with its {from} binary, under a new id; it copies everything from \
                 the others. `quorate rollback` does that, one by one, with all others well; nothing is lost. The last \
                 member has no such way: with it taken off the list, all others run {}, and the cluster version moves",
                way.to.minor(),
                way.to.minor()
            ),
        },
        after: match way.direction {
            Direction::Up => after_completion(
                &rung.rollback.after_completion,
                hosts::takes_rollback_points(input.cluster, survey, way),
            ),
            Direction::Down => format!("an ordinary upgrade to {from}: nothing is lost"),
        },
        source: source_of_way_back(rung, way),
        hold: input.cluster.rollout.hold_before,
        goes_on: input
            .cluster
            .rollout
            .hold_before
            .and_then(|HoldPoint::NoReturn| hold::goes_on(input.held, survey, way, &steps)),
    });
    let mut clients = clients(input, way, &steps);
    if way.goes_down() {
        clients.push(format!("what {from} brought is not there any more from the moment when etcd is told to go down"));
    }
    Rung { from: Some(from), to: way.to.minor(), steps, no_return, clients, advisories }
}

fn source_of_way_back(rung: &crate::knowledge::Rung, way: &Way) -> String {
    let fact =
        rung.downgrade_api().filter(|_| way.goes_down()).map_or(&rung.rollback.fact, |downgrade| &downgrade.fact);
    fact.sources.first().map(ToString::to_string).unwrap_or_default()
}

fn after_completion(ways: &[WayBack], rollback_points: Toggle) -> String {
    let ways: Vec<&str> = ways
        .iter()
        .filter(|way| rollback_points == Toggle::On || !matches!(way, WayBack::RollbackPoints))
        .map(|way| match way {
            WayBack::DowngradeApi => "the downgrade API",
            WayBack::NextVersionCompatible => "older binaries that accept the newer cluster version",
            WayBack::RollbackPoints => "the rollback points of all members together (writes since are lost)",
            WayBack::Restore => "a restore of the backup (writes since are lost)",
        })
        .collect();
    format!("only {}", ways.join("; or "))
}

fn clients(input: &Input<'_>, way: &Way, steps: &[Step]) -> Vec<String> {
    clients_of(input, &way.from, steps)
}

/// What clients notice of members that run `from` and are stopped one by one.
fn clients_of(input: &Input<'_>, from: &Version, steps: &[Step]) -> Vec<String> {
    use crate::knowledge::Feature;
    let stops = |step: &Step| match &step.action {
        Action::Member(action) => action.operations.iter().any(|operation| matches!(operation, Operation::Stop { .. })),
        _ => false,
    };
    if !steps.iter().any(stops) {
        return vec!["nothing: no member is stopped".to_owned()];
    }
    let features = input.knowledge.features(from);
    let mut lines =
        vec!["connections to a member break when it is stopped; clients go on with another endpoint".to_owned()];
    lines.push(if features.has(Feature::MoveLeader) {
        "writes pause some hundredths of a second when leadership is handed over".to_owned()
    } else if features.has(Feature::HandsOverAtStop) {
        "writes pause about 0.1 s when the leader is stopped: it hands leadership over".to_owned()
    } else {
        format!(
            "writes pause 1 to 2 s when the leader is stopped, and some may fail: {} cannot hand leadership over, an \
             election follows",
            from.minor()
        )
    });
    if let Some(bound) = input.cluster.rollout.availability.max_stall {
        lines.push(format!(
            "when no member answers for longer than {bound}, the member in hand is brought up, and the run halts (max_stall)"
        ));
    }
    lines
}

fn assemble(input: &Input<'_>, survey: &Survey<'_>, way: &Way, findings: Findings, rungs: Vec<Rung>) -> Plan {
    let changes = rungs.iter().any(|rung| !rung.steps.is_empty());
    let mut all = rungs.iter().flat_map(|rung| &rung.steps);
    let stages = all.any(|step| matches!(step.action, Action::Stage { .. }));
    let declared = sealed(input.cluster);
    let any = survey.serving().next().map(|(_, etcd)| etcd);
    let estimate = estimate::total(rungs.iter().flat_map(|rung| &rung.steps));
    let mut checks = findings.checks;
    checks.sort_by_key(|check| check.outcome != model::CheckOutcome::Passed);
    Plan {
        format: PLAN_FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        kind: match way.direction {
            _ if !changes => Kind::NothingToDo,
            Direction::Up => Kind::Upgrade,
            Direction::Down => Kind::Downgrade,
        },
        cluster: input.cluster.name.clone(),
        state_dir: input.state_dir.to_owned(),
        modules_dir: input.modules_dir.map(Path::to_owned),
        declared,
        basis: basis::of(input.inventory),
        summary: Summary {
            from: Some(way.from.clone()),
            to: way.to.clone(),
            members: survey.members.len(),
            leader: survey.leader().cloned(),
            db_size: survey.serving().filter_map(|(_, etcd)| etcd.db_size).max(),
            v2_keys: any.and_then(|etcd| etcd.v2_keys),
            v3_keys: any.and_then(|etcd| etcd.v3_keys),
            revision: survey.serving().filter_map(|(_, etcd)| etcd.revision).max(),
            estimate,
        },
        releases: if stages { input.releases.to_vec() } else { Vec::new() },
        rungs,
        later: Vec::new(),
        checks,
        warnings: findings.warnings,
    }
}

/// The declared cluster as a plan keeps it.
pub fn sealed(cluster: &Cluster) -> Cluster {
    Cluster { client: cluster.client.sealed(), ..cluster.clone() }
}
