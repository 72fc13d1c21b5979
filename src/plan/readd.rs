//! Re-adding: the way back of a rung whose newer release leaves data that the older one cannot read. A member leaves the
//! cluster, its data is moved aside, and it joins again, empty, with the older binary. Here: where that is needed, what must
//! hold for it, and the plan that finishes one that was cut off.
//!
//! With a member taken off the list, the leader decides the cluster version by the others alone. So one of them must run the
//! older minor, else it moves, and the older binary cannot join any more: the last member of a rung has no such way back.

use crate::knowledge::{Knowledge, MixedRollback, Rung};
use crate::observe::inventory::ListedMember;
use crate::plan::findings::{Findings, Words, whom};
use crate::plan::model::{
    Action, BinaryChange, Gate, MemberAction, MemberReplacement, Operation, Plan, REPLACEMENT_FORMAT, Refusal,
    Replacement, ReplacementKind, ReplacementPhase, Role, Undo,
};
use crate::plan::rollback::{self, Asked, RollbackInput, declared_well};
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::plan::target::{Direction, Way};
use crate::plan::upgrade::{Ingredients, Numbered, finish_at, served_gates};
use crate::plan::{Input, clients_of, estimate, health, layout, replacing};
use crate::spec::model::OnFailure;
use crate::units::{MemberName, Minor, Span, Version};

/// Options that say how a new cluster finds its members. etcd takes one way at a time, and only without data: there they
/// would stand against the list that a member is given which joins.
const OTHER_WAYS_TO_BEGIN: [&str; 2] = ["discovery", "discovery-srv"];

/// What clients and monitoring notice of it.
pub const FOR_CLIENTS: &str =
    "a member that has left and joined again has a new id, and copies all data from the others";

/// Whether this is the way back between two minors.
pub fn is_way_back(knowledge: &Knowledge, low: Minor, high: Minor) -> bool {
    low < high && knowledge.rung(low, high).is_some_and(|rung| rung.rollback.mixed == MixedRollback::RemoveAndReadd)
}

/// Back from which version to which, and what becomes of the binary.
pub struct Back<'a> {
    pub from: &'a Version,
    pub to: &'a Version,
    pub binary: Option<BinaryChange>,
}

/// The change of a binary, undone.
pub fn reversed(change: &BinaryChange) -> Option<BinaryChange> {
    Some(BinaryChange {
        path: change.path.clone(),
        old_sha256: Some(change.new_sha256),
        new_sha256: change.old_sha256?,
        staged: change.kept.clone(),
        kept: change.staged.clone(),
    })
}

/// What is known now of a re-adding; also the note that will lie beside the member's data. `None` where the binary is not to
/// change, or nobody lists the member.
pub fn note(survey: &Survey<'_>, member: &Surveyed<'_>, back: Back<'_>) -> Option<Box<Replacement>> {
    let facts = member.facts()?;
    let before = listed(survey, member)?;
    let data = &facts.data_dir;
    let place = MemberReplacement {
        data_dir: data.path.clone(),
        wal_dir: data.outer_wal_dir().cloned(),
        copy_of: None,
        size: data.size,
        binary: Some(back.binary?),
        settings: None,
    };
    Some(Box::new(Replacement {
        format: REPLACEMENT_FORMAT,
        kind: ReplacementKind::Readd,
        id: None,
        phase: ReplacementPhase::Replacing,
        from: back.from.clone(),
        to: back.to.clone(),
        source: String::new(),
        first: Vec::new(),
        then: Vec::new(),
        member_list: vec![ListedMember { name: member.view.name.to_string(), ..before.clone() }],
        members: [(member.view.name.clone(), place)].into(),
    }))
}

fn listed<'a>(survey: &Survey<'a>, member: &Surveyed<'a>) -> Option<&'a ListedMember> {
    let mut all = survey.serving().flat_map(|(_, etcd)| &etcd.members);
    match member.etcd() {
        Some(etcd) => all.find(|listed| listed.id == etcd.member_id),
        None => all.find(|listed| listed.name == member.view.name.as_str()),
    }
}

/// For a rollback: the re-adding of a member that the newer release has touched, where a swap of the binary does not do.
pub fn needed(
    knowledge: &Knowledge,
    survey: &Survey<'_>,
    member: &Surveyed<'_>,
    to: &Version,
    binary: &BinaryChange,
) -> Option<Box<Replacement>> {
    let facts = member.facts()?;
    let runs = member.etcd().map(|etcd| &etcd.server_version).or(facts.binary.version.as_ref())?;
    // The newer release makes the database before it touches the log.
    let is_touched = member.etcd().is_some() || facts.data_dir.db_size.is_some();
    if !is_touched || !is_way_back(knowledge, to.minor(), runs.minor()) {
        return None;
    }
    note(survey, member, Back { from: runs, to, binary: Some(binary.clone()) })
}

/// In this order: the old binary is in place before the data goes, so that whoever starts the member meanwhile (a reboot) starts
/// nothing new; and the old id is gone before anything empty could be started.
pub fn operations(ready_timeout: Span) -> Vec<Operation> {
    vec![
        Operation::LeaveCluster,
        Operation::SwapBinary,
        Operation::JoinCluster,
        Operation::SetDataAside,
        Operation::StartJoining { timeout: ready_timeout },
    ]
}

/// Before the first step of the rung: that the way back can be gone, and what is said of the last member.
pub fn check(rung: &Rung, survey: &Survey<'_>, findings: &mut Findings) {
    let before = findings.refusals.len();
    for member in &survey.members {
        refuse_other_ways_to_begin(member, findings);
    }
    if findings.refusals.len() == before {
        findings.pass(
            "way-back-by-adding-again",
            format!(
                "a member that does not come up on {} leaves the cluster and joins it again with its {} binary, empty; not so \
                 the last one",
                rung.to, rung.from
            ),
        );
    }
}

fn refuse_other_ways_to_begin(member: &Surveyed<'_>, findings: &mut Findings) {
    let Some(facts) = member.facts() else { return };
    for option in OTHER_WAYS_TO_BEGIN {
        let set = facts.option(option).filter(|set| !set.value.is_empty());
        let Some(set) = set else { continue };
        findings.refuse(
            "way-back-by-adding-again",
            Some(member.view),
            Words {
                seen: format!("{} has {option} = {}", member.view.name, set.value),
                must: "a member can be added to its cluster again by the list of its members: that is the way back of this \
                       rung, and etcd takes no second way to begin beside it"
                    .to_owned(),
                fix: format!("take {option} out of its configuration: a member that has data does not look at it"),
            },
            None,
        );
    }
}

/// For a rollback: all others are well while one leaves, and one of them keeps the cluster version where it is.
pub fn check_back(survey: &Survey<'_>, readded: &[&MemberName], to: &Version, findings: &mut Findings) {
    if readded.is_empty() {
        return;
    }
    for member in survey.members.iter().filter(|member| readded.contains(&&member.view.name)) {
        refuse_other_ways_to_begin(member, findings);
    }
    let is_down = |member: &&Surveyed<'_>| member.etcd().is_none_or(|etcd| etcd.unhealthy.is_some());
    let down: Vec<MemberName> = survey
        .members
        .iter()
        .filter(is_down)
        .filter(|member| readded.contains(&&member.view.name))
        .map(|member| member.view.name.clone())
        .collect();
    if down.len() > 1 {
        findings.refuse(
            "members-healthy",
            None,
            Words {
                seen: format!("{} not well", whom(&down, "is", "are")),
                must: "all others are well while a member leaves the cluster and joins it again".to_owned(),
                fix: "bring all of them up first, as they are: `quorate apply`".to_owned(),
            },
            None,
        );
    }
    if survey.members.iter().all(|member| readded.contains(&&member.view.name)) {
        refuse_nobody_left(to, findings);
    }
}

fn refuse_nobody_left(to: &Version, findings: &mut Findings) {
    findings.refuse(
        "way-back-by-adding-again",
        None,
        Words {
            seen: format!("all members have run a newer minor than {}", to.minor()),
            must: format!(
                "while a member leaves the cluster to join it again with {to}, another one runs {}: else the cluster version \
                 moves, and {to} cannot join any more",
                to.minor()
            ),
            fix: "finish the upgrade: `quorate apply`; then `quorate rollback` says what is possible, and what it costs"
                .to_owned(),
        },
        None,
    );
}

/// The plan that finishes what the note speaks of, whatever is done of it: each of its parts looks first.
pub fn finish(input: &Input<'_>, note: &Replacement) -> Result<Plan, Vec<Refusal>> {
    let survey = Survey::of(input.inventory);
    let mut findings = Findings::default();
    // Any that serves may be asked to take the member out of its list and to add it again.
    health::one_cluster(&survey, &mut findings);
    let parts = note.readded().and_then(|(name, place, before)| {
        let member = survey.members.iter().find(|member| member.view.name == *name)?;
        Some((member, place.binary.as_ref()?, before))
    });
    let Some((member, binary, before)) = parts else {
        replacing::refuse_wrong(&["it speaks of no member of this cluster".to_owned()], &mut findings);
        return Err(findings.refusals);
    };
    fits(input, member, note, &mut findings);
    check_finish(&survey, member, note, &mut findings);
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    let way = Way {
        from: note.to.clone(),
        to: note.from.clone(),
        left: std::iter::once(member.view.name.clone()).collect(),
        cluster_version_behind: false,
        direction: Direction::Up,
        told_down_to: None,
    };
    let releases = std::collections::BTreeMap::new();
    let from = Ingredients {
        cluster: input.cluster,
        survey: &survey,
        knowledge: input.knowledge,
        way: &way,
        releases: &releases,
    };
    let mut steps = Numbered::default();
    finish_step(&from, member, (note, binary, before), &mut steps);
    let why = "all members serve, and the list is the declared one: what was cut off is finished";
    finish_at(&from, &note.to, (why, declared_well(&from)), &mut steps);
    let mut clients = clients_of(input, &note.from, &steps.list);
    clients.push(FOR_CLIENTS.to_owned());
    let asked = Asked::default();
    let wrapped = RollbackInput { input: *input, last: None, asked: &asked };
    Ok(rollback::assemble(&wrapped, &survey, (&note.from, &note.to), findings, steps.list, clients))
}

fn finish_step(
    from: &Ingredients<'_>,
    member: &Surveyed<'_>,
    (note, binary, before): (&Replacement, &BinaryChange, &ListedMember),
    steps: &mut Numbered,
) {
    let name = &member.view.name;
    let rollout = &from.cluster.rollout;
    let has_joined = member
        .etcd()
        .is_some_and(|etcd| etcd.server_version == note.to && etcd.member_id != before.id && etcd.unhealthy.is_none());
    let start = Operation::StartJoining { timeout: rollout.ready_timeout };
    let mut operations = Vec::new();
    if has_joined {
        operations.push(start);
    } else {
        if matches!(member.standing, Standing::Serving { .. } | Standing::Silent { .. }) {
            operations.push(Operation::Stop { timeout: rollout.stop_timeout });
        }
        operations.extend(self::operations(rollout.ready_timeout));
    }
    let others =
        from.survey.members.iter().map(|member| member.view.name.clone()).filter(|other| other != name).collect();
    let before = vec![Gate::Serving { members: others, within: rollout.gate_timeout }];
    let mut after = served_gates(from, name, &note.to, binary.new_sha256);
    after.extend(declared_well(from));
    let takes = estimate::member(&operations, &after);
    let action = MemberAction {
        member: name.clone(),
        role: Role::Down,
        from: note.from.clone(),
        to: note.to.clone(),
        binary: binary.clone(),
        operations,
        on_failure: OnFailure::Halt,
        readd: Some(Box::new(note.clone())),
        settings: None,
    };
    let why = format!(
        "a run ({}) was cut off while {name} left the cluster and joined it again with {}: what is left of that is done",
        note.id.as_deref().unwrap_or("?"),
        note.to
    );
    steps.push(Action::Member(action), why, (before, after), Undo::NothingToUndo, takes);
}

/// A note came from a host: its paths are only used where they are those that were seen.
fn fits(input: &Input<'_>, member: &Surveyed<'_>, note: &Replacement, findings: &mut Findings) {
    let (Some(facts), Some((_, place, before))) = (member.facts(), note.readded()) else { return };
    let mut wrong = |what: &str| replacing::refuse_wrong(&[format!("{}: {what}", member.view.name)], findings);
    if place.data_dir != facts.data_dir.path || place.wal_dir.as_ref() != facts.data_dir.outer_wal_dir() {
        wrong("the note speaks of another data directory than the one that is configured");
    }
    let store = format!("{}/", layout::store(&input.cluster.runtime));
    let is_known = |binary: &BinaryChange| {
        binary.path == facts.binary.path && [&binary.staged, &binary.kept].iter().all(|path| path.starts_with(&store))
    };
    if !place.binary.as_ref().is_some_and(is_known) {
        wrong("the note speaks of other binaries than those that are configured, and kept");
    }
    if before.peer_urls.is_empty() || !is_way_back(input.knowledge, note.to.minor(), note.from.minor()) {
        wrong("the note does not say how a member is added again");
    }
}

fn check_finish(survey: &Survey<'_>, member: &Surveyed<'_>, note: &Replacement, findings: &mut Findings) {
    if member.facts().is_none() {
        findings.refuse(
            "member-found",
            Some(member.view),
            Words {
                seen: format!(
                    "{} is not found on its host, and a note says that it is being added again",
                    member.view.name
                ),
                must: "the member that is added again is where it was".to_owned(),
                fix: "see that its host can be reached, and what became of its unit or folder".to_owned(),
            },
            None,
        );
    }
    let others = || survey.members.iter().filter(|other| other.view.name != member.view.name);
    for other in others() {
        let seen = match other.etcd() {
            None => Some("it does not answer".to_owned()),
            Some(etcd) => etcd.unhealthy.clone(),
        };
        let Some(seen) = seen else { continue };
        findings.refuse(
            "members-healthy",
            Some(other.view),
            Words {
                seen: format!("{}: {seen}", other.view.name),
                must: format!("all others are well while {} is added again: each of them is needed", member.view.name),
                fix: "bring it up as it is (start it, see its log), then run this again".to_owned(),
            },
            None,
        );
    }
    let at_minor = |other: &Surveyed<'_>| {
        other.etcd().is_some_and(|etcd| {
            let cluster = etcd.cluster_version.as_ref().is_none_or(|version| version.minor() == note.to.minor());
            etcd.server_version.minor() == note.to.minor() && cluster
        })
    };
    if findings.refusals.is_empty() && !others().any(at_minor) {
        refuse_too_late(member, note, findings);
    }
}

/// Somebody has taken the others on meanwhile.
fn refuse_too_late(member: &Surveyed<'_>, note: &Replacement, findings: &mut Findings) {
    let name = &member.view.name;
    findings.refuse(
        "way-back-by-adding-again",
        Some(member.view),
        Words {
            seen: format!("{name} is being added again with {}, and no other member runs {}", note.to, note.to.minor()),
            must: format!("another member runs {}: it keeps the cluster version where {} can join", note.to.minor(), note.to),
            fix: format!(
                "by hand, with {from}: remove {name} from the list of members where it is listed, add it with its peer URLs, \
                 put the binary of {from} in place, move its data directory aside, start it once with \
                 --initial-cluster-state=existing and an --initial-cluster of all members; then remove the note \
                 {data}.quorate-replacing",
                from = note.from,
                data = note.members.values().next().map_or("DATA", |place| place.data_dir.as_str()),
            ),
        },
        None,
    );
}
