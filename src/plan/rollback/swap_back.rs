//! Swap back: while the cluster version has not moved, the kept binaries take the place of the new ones, one member at a
//! time, with the same gates as on the way up. Nothing is lost.

use std::collections::BTreeMap;

use crate::observe::settings::SettingsChange;
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    Action, BinaryChange, Gate, MemberAction, Moment, Operation, Refusal, Replacement, Role, Step, Undo,
};
use crate::plan::readd;
use crate::plan::rollback::ground::{self, Ground, is_on, version};
use crate::plan::rollback::{Rollback, RollbackInput, assemble};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::{Direction, Way};
use crate::plan::upgrade::{self, Ingredients, Numbered, all_well, hand_over, served_gates};
use crate::plan::{clients_of, estimate, health, hosts, quorum, settings, settle};
use crate::spec::model::OnFailure;
use crate::units::Version;

/// A member that is put back, and what with.
struct Change<'a> {
    member: Surveyed<'a>,
    binary: BinaryChange,
    /// What its files were with that binary, where an upgrade has changed them.
    settings: Option<SettingsChange>,
    /// It does not serve as it should: it goes first, for no other step begins before all are well.
    sick: bool,
    /// Its data cannot go back with it: it leaves the cluster, and joins again.
    readd: Option<Box<Replacement>>,
}

pub fn plan(
    from: &RollbackInput<'_>,
    survey: &Survey<'_>,
    ground: &Ground,
    to: &Version,
    mut findings: Findings,
) -> Result<Rollback, Vec<Refusal>> {
    let cluster = from.input.cluster;
    let way = Way {
        from: to.clone(),
        to: ground.newest.clone(),
        left: survey
            .members
            .iter()
            .filter(|member| !is_on(member, to))
            .map(|member| member.view.name.clone())
            .collect(),
        cluster_version_behind: false,
        direction: Direction::Up,
        told_down_to: None,
    };
    let changes: Vec<Change<'_>> = survey
        .members
        .iter()
        .filter(|member| way.left.contains(&member.view.name))
        .filter_map(|member| {
            let binary = ground::back(from, member, to, &mut findings)?;
            let readd = readd::needed(from.input.knowledge, survey, member, to, &binary);
            let settings = settings::back(member, to);
            Some(Change { member: *member, binary, settings, sick: is_sick(member), readd })
        })
        .collect();
    check(from, survey, &way, &changes, &mut findings);
    let readded: Vec<_> =
        changes.iter().filter(|change| change.readd.is_some()).map(|change| &change.member.view.name).collect();
    readd::check_back(survey, &readded, to, &mut findings);
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    let nothing = BTreeMap::new();
    let ingredients = Ingredients { cluster, survey, knowledge: from.input.knowledge, way: &way, releases: &nothing };
    let steps = steps(&ingredients, changes, to);
    let mut clients = clients_of(&from.input, &ground.newest, &steps);
    if !readded.is_empty() {
        clients.push(readd::FOR_CLIENTS.to_owned());
    }
    Ok(Rollback::Plan(Box::new(assemble(from, survey, (&ground.newest, to), findings, steps, clients))))
}

fn is_sick(member: &Surveyed<'_>) -> bool {
    match member.standing {
        Standing::Serving { etcd, .. } => etcd.unhealthy.is_some(),
        _ => true,
    }
}

fn check(from: &RollbackInput<'_>, survey: &Survey<'_>, way: &Way, changes: &[Change<'_>], findings: &mut Findings) {
    health::check(from.input.cluster, survey, from.input.knowledge, findings);
    // What is wrong with a member that is put back is what its rollback is for; and with the first of those that are down
    // back, there may be a quorum again.
    let with_one_more = survey.serving_voters().count().saturating_add(1);
    let first_makes_quorum = changes.iter().any(|change| change.sick) && with_one_more >= survey.quorum();
    let mends = |refusal: &Refusal| match refusal.rule.as_str() {
        "member-answers" | "members-healthy" => {
            changes.iter().any(|change| refusal.member.as_ref() == Some(&change.member.view.name))
        }
        "one-leader" => first_makes_quorum,
        _ => false,
    };
    findings.refusals.retain(|refusal| !mends(refusal));
    if survey.leader().is_none() {
        // What is said of a start of all that are down, on whatever binary they have, is not what is done here.
        findings.checks.retain(|check| check.rule != "one-leader");
        if first_makes_quorum {
            findings.later("one-leader", "no quorum and no leader now: the first member that is put back brings both");
        } else if findings.refusals.iter().all(|refusal| refusal.rule != "one-leader") {
            refuse_leaderless(survey, findings);
        }
    }
    hosts::check(from.input.cluster, survey, way, from.input.knowledge, findings);
    quorum(survey, way, findings);
}

fn refuse_leaderless(survey: &Survey<'_>, findings: &mut Findings) {
    findings.refuse(
        "one-leader",
        None,
        Words {
            seen: format!(
                "{} of {} voters serve; a quorum is {}",
                survey.serving_voters().count(),
                survey.voters(),
                survey.quorum()
            ),
            must: "there is a quorum as soon as one member is put back: they are put back one by one".to_owned(),
            fix:
                "start a member that is down on the old binary, or put one back by hand: the kept binary at its path, \
                  then start it"
                    .to_owned(),
        },
        None,
    );
}

fn steps(from: &Ingredients<'_>, mut changes: Vec<Change<'_>>, to: &Version) -> Vec<Step> {
    let leader = from.survey.leader();
    // Who is down needs nobody's quorum, and may bring it to one that runs and has none.
    let is_down = |change: &Change<'_>| matches!(change.member.standing, Standing::Stopped { .. });
    changes.sort_by_key(|change| match (change.sick, leader == Some(&change.member.view.name)) {
        (true, _) if is_down(change) => 0,
        (true, _) => 1,
        (false, false) => 2,
        (false, true) => 3,
    });
    let mut steps = Numbered::default();
    start_those_on_the_old_binary(from, to, &mut steps);
    let members: Vec<_> = changes.iter().map(|change| change.member.view.name.clone()).collect();
    if !members.is_empty() {
        steps.push(
            Action::Preflight { version: to.clone(), members: members.clone() },
            "options that were set since, and that the old binary does not know, are found before a member is stopped"
                .to_owned(),
            (Vec::new(), Vec::new()),
            Undo::NothingToUndo,
            estimate::SHORT,
        );
        let swapped: Vec<_> =
            changes.iter().filter(|change| swaps(change)).map(|change| change.member.view.name.clone()).collect();
        if !swapped.is_empty() {
            steps.push(
                Action::Prepare { members: swapped },
                "the kept binary is checked and laid beside the new one: while a member is down, its swap is one rename"
                    .to_owned(),
                (Vec::new(), Vec::new()),
                Undo::NothingToUndo,
                estimate::SHORT,
            );
        }
    }
    let well = if changes.iter().any(|change| change.readd.is_some()) { declared_well(from) } else { all_well(from) };
    let last_sick = changes.iter().filter(|change| change.sick).count();
    for (place, change) in changes.iter().enumerate() {
        let after = if place + 1 >= last_sick { well.as_slice() } else { &[] };
        member_step(from, change, to, (&well, after), &mut steps);
    }
    let why = if changes.iter().any(|change| change.readd.is_some()) {
        "all members serve, the list of members is the declared one, and the cluster version is as it was"
    } else {
        "all members serve, the list of members is as it was, and the cluster version too"
    };
    upgrade::finish_at(from, to, (why, well.clone()), &mut steps);
    let size = from.survey.serving().filter_map(|(_, etcd)| etcd.db_size).max().unwrap_or_default();
    steps.push(
        Action::CompareData { moment: Moment::AtTheEnd },
        "all members hold the same data".to_owned(),
        (well, Vec::new()),
        Undo::NothingToUndo,
        estimate::read(size),
    );
    steps.list
}

/// As [`all_well`], where members get new ids on the way: the list is the declared one by its names.
pub fn declared_well(from: &Ingredients<'_>) -> Vec<Gate> {
    let within = from.cluster.rollout.gate_timeout;
    let names = from.cluster.members.iter().map(|member| member.name.clone()).collect();
    vec![Gate::AllHealthy { within }, Gate::OneLeader { within }, Gate::DeclaredMembers { names, within }]
}

/// Down, on the binary that they had before: they only have to be started.
fn start_those_on_the_old_binary(from: &Ingredients<'_>, to: &Version, steps: &mut Numbered) {
    for member in &from.survey.members {
        let (Standing::Stopped { facts }, true) = (member.standing, is_on(member, to)) else { continue };
        let Some(sha256) = facts.binary.sha256 else { continue };
        let name = member.view.name.clone();
        let settings = settings::back(member, to);
        let action = MemberAction {
            member: name.clone(),
            role: Role::Down,
            from: to.clone(),
            to: to.clone(),
            binary: BinaryChange {
                path: facts.binary.path.clone(),
                old_sha256: None,
                new_sha256: sha256,
                staged: facts.binary.path.clone(),
                kept: facts.binary.path.clone(),
            },
            operations: upgrade::start_on(settings.as_ref(), from),
            on_failure: OnFailure::Halt,
            readd: None,
            settings,
        };
        let after = served_gates(from, &name, to, sha256);
        let takes = estimate::member(&action.operations, &after);
        let why = format!("{name} is down, on {to} already: it only has to be started");
        steps.push(Action::Member(action), why, (Vec::new(), after), Undo::StopAgain, takes);
    }
}

fn swaps(change: &Change<'_>) -> bool {
    change.member.facts().is_some_and(|facts| facts.binary.sha256 != Some(change.binary.new_sha256))
}

/// `well`: what holds of the whole cluster before it, and after it, once nobody is left who does not serve.
fn member_step(
    from: &Ingredients<'_>,
    change: &Change<'_>,
    to: &Version,
    well: (&[Gate], &[Gate]),
    steps: &mut Numbered,
) {
    let name = change.member.view.name.clone();
    let rollout = &from.cluster.rollout;
    let runs = version(&change.member).cloned().unwrap_or_else(|| from.way.to.clone());
    let role = match change.member.standing {
        Standing::Serving { .. } if from.survey.leader() == Some(&name) => Role::Leader,
        Standing::Serving { .. } => Role::Follower,
        _ => Role::Down,
    };
    let operations = operations(from, change, role, &runs);
    let stops = operations.iter().any(|operation| matches!(operation, Operation::Stop { .. }));
    let mut before = if change.sick { Vec::new() } else { well.0.to_vec() };
    if stops {
        before.push(Gate::QuorumWithout { member: name.clone(), within: rollout.gate_timeout });
    }
    if !change.sick {
        // Should it have moved meanwhile, the old binary would not come up any more.
        before.push(Gate::ClusterVersion { minor: to.minor(), within: rollout.gate_timeout });
    }
    let mut after = served_gates(from, &name, to, change.binary.new_sha256);
    if !well.1.is_empty() {
        after.extend(well.1.to_vec());
        after.extend(settle::gate(from, &change.member));
        if !rollout.soak.is_zero() {
            after.push(Gate::Soak { span: rollout.soak });
        }
    }
    let why = match (change.sick, role) {
        (true, Role::Down) => format!("{name} is down: it goes first, for no other step begins before all are well"),
        (true, _) => format!("{name} is not well on {runs}: it goes first"),
        (false, Role::Leader) => "the leader goes last: one change of leadership, not several".to_owned(),
        (false, _) => "a follower: stopping it costs no election".to_owned(),
    };
    let takes = estimate::member(&operations, &after);
    let action = MemberAction {
        member: name,
        role,
        from: runs,
        to: to.clone(),
        binary: change.binary.clone(),
        operations,
        // It served with the newer binary before, unless it was sick: back to that one then.
        on_failure: if change.sick { OnFailure::Halt } else { rollout.on_failure },
        readd: change.readd.clone(),
        settings: change.settings.clone(),
    };
    let undo = if change.readd.is_some() { Undo::NothingToUndo } else { Undo::SwapBack };
    steps.push(Action::Member(action), why, (before, after), undo, takes);
}

fn operations(from: &Ingredients<'_>, change: &Change<'_>, role: Role, runs: &Version) -> Vec<Operation> {
    let rollout = &from.cluster.rollout;
    let features = from.knowledge.features(runs);
    let mut operations = Vec::new();
    if role != Role::Down {
        operations.push(Operation::HandOver { how: hand_over(&features) });
    }
    // A process that runs and does not answer is stopped as well.
    if role != Role::Down || matches!(change.member.standing, Standing::Silent { .. }) {
        operations.push(Operation::Stop { timeout: rollout.stop_timeout });
    }
    if change.readd.is_some() {
        operations.extend(readd::operations(rollout.ready_timeout));
        return operations;
    }
    // The other way round than on the way up: what is cut off between the two is, again, the newer binary with the older
    // settings.
    operations.extend(change.settings.as_ref().map(|_| Operation::RewriteSettings));
    if swaps(change) {
        operations.push(Operation::SwapBinary);
    }
    operations.push(Operation::Start { timeout: rollout.ready_timeout });
    operations
}
