//! A plan for a person who is about to touch production.

use super::page::{Page, Style, Tone, cell};
use super::restore::write_source;
use super::step::StepWriter;
use super::words::{count, grouped, span};
use crate::plan::model::{
    Action, CheckOutcome, Foreseen, GoesOn, Kind, MemberAction, NoReturn, Note, Plan, Rung, StepId, Summary,
};
use crate::spec::model::HoldPoint;
use crate::units::Span;

/// Labels of the parts that follow the steps.
const PART: usize = 12;

/// The whole plan.
#[must_use]
pub fn plan_text(plan: &Plan, style: Style) -> String {
    let mut page = Page::new(style);
    write_head(&mut page, plan);
    let mut steps = StepWriter::new(plan);
    for rung in &plan.rungs {
        write_rung(&mut page, &mut steps, plan, rung);
    }
    for (place, later) in plan.later.iter().enumerate() {
        write_later(&mut page, plan, place, later);
    }
    write_checks(&mut page, plan);
    page.blank();
    write_notes(&mut page, "warnings", Tone::Warn, &plan.warnings);
    page.blank();
    page.text(0, Tone::Strong, &last_line(plan));
    page.finish()
}

/// What a plan comes to, in one or two sentences: the last line of it, and what `apply` of a saved one begins with.
#[must_use]
pub fn last_line(plan: &Plan) -> String {
    if plan.is_empty() && plan.summary.to.minor() != plan.declared.version.minor() {
        let so_far = if plan.summary.to < plan.declared.version { "up" } else { "down" };
        return format!(
            "No changes {so_far} to {}. Cluster {}: {} at {}; {} is declared.",
            plan.summary.to.minor(),
            plan.cluster,
            count(plan.summary.members, "member", "members"),
            plan.summary.to,
            plan.declared.version
        );
    }
    if plan.is_empty() {
        return format!(
            "No changes. Cluster {} is as declared: {} at {}.",
            plan.cluster,
            count(plan.summary.members, "member", "members"),
            plan.summary.to
        );
    }
    let tally = |number: fn(&Action) -> usize| plan.steps().map(|step| number(&step.action)).sum::<usize>();
    let changes = |wanted: fn(&MemberAction) -> bool| {
        let actions = plan.steps().filter_map(|step| match &step.action {
            Action::Member(action) => Some(action),
            _ => None,
        });
        actions.filter(|action| wanted(action)).count()
    };
    let created = tally(|action| usize::from(matches!(action, Action::CreateMember(_))));
    // What is created or put back is started as well.
    let replaced = tally(|action| usize::from(matches!(action, Action::ReplaceData(_))));
    let together = match created + replaced {
        0 => tally(|action| match action {
            Action::StartTogether { members } => members.len(),
            _ => 0,
        }),
        _ => 0,
    };
    let goes_down = plan.kind == Kind::Downgrade;
    let started_down = changes(|action| action.only_starts() && action.from > action.to);
    let started_down = if goes_down { started_down } else { 0 };
    let parts: Vec<String> = [
        (created, "to create"),
        (replaced, if plan.kind == Kind::Restore { "to restore, all at once" } else { "to put back, all at once" }),
        (
            if replaced > 0 {
                0
            } else {
                together + changes(|action| action.only_starts() && action.from <= action.to) + started_down
            },
            "to start",
        ),
        (changes(|action| !action.only_starts() && action.from < action.to), "to upgrade"),
        (
            changes(|action| action.from > action.to) - started_down,
            if goes_down { "to take down" } else { "to put back" },
        ),
        (changes(|action| !action.only_starts() && action.from == action.to), "to restart"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{} {what}", count(number, "member", "members")))
    .collect();
    let what = if parts.is_empty() { "no member is changed".to_owned() } else { parts.join(", ") };
    if plan.later.is_empty() {
        return format!("Plan: {what}. About {}.", span(plan.summary.estimate));
    }
    let all = plan.later.iter().map(|later| later.estimate);
    let all = all.fold(plan.summary.estimate, |sum, one| Span::from(sum.duration().saturating_add(one.duration())));
    let more = count(plan.later.len(), "rung", "rungs");
    let way = if *plan.goal() < plan.summary.to { "down" } else { "up" };
    format!("Plan: {what}; then {more} more, {way} to {}. About {} in all.", plan.goal(), span(all))
}

fn write_head(page: &mut Page, plan: &Plan) {
    page.text(0, Tone::Strong, &title(plan));
    page.text(2, Tone::Plain, &head_facts(plan).join(" · "));
    if let Some(backup) = plan.restored_from() {
        write_source(page, plan, backup);
    }
    if let Some(mixed) = mixed_versions(plan) {
        page.text(2, Tone::Warn, &mixed);
    }
}

/// Which cluster, from where to where.
pub(super) fn title(plan: &Plan) -> String {
    let summary = &plan.summary;
    match (&plan.kind, &summary.from) {
        (Kind::Create, _) => format!("Cluster {}: to be created, etcd {}", plan.cluster, summary.to),
        (Kind::Rollback, Some(from)) => format!("Cluster {}: back from {from} to {}", plan.cluster, summary.to),
        (Kind::Restore, _) => format!("Cluster {}: to be restored from a backup, at {}", plan.cluster, summary.to),
        (_, Some(_)) if only_the_cluster_version_is_left(plan) => {
            let version = plan.basis.cluster_version.map_or_else(String::new, |minor| format!(" {minor}"));
            format!(
                "Cluster {}: all members run {}; the cluster version{version} has still to move",
                plan.cluster, summary.to
            )
        }
        (_, Some(from)) if !plan.later.is_empty() => {
            let by = std::iter::once(&summary.to).chain(plan.later.iter().map(|later| &later.to));
            let by: Vec<String> = by.map(ToString::to_string).collect();
            format!("Cluster {}: {from} -> {}", plan.cluster, by.join(" -> "))
        }
        (_, Some(from)) if from != &summary.to => format!("Cluster {}: {from} -> {}", plan.cluster, summary.to),
        (_, _) => format!("Cluster {}: {}", plan.cluster, summary.to),
    }
}

fn only_the_cluster_version_is_left(plan: &Plan) -> bool {
    let to = &plan.summary.to;
    plan.basis.cluster_version != Some(to.minor())
        && !plan.basis.members.is_empty()
        && plan.basis.members.values().all(|member| member.server_version.as_ref() == Some(to))
        && plan.members_changed() == 0
}

/// What there is already of a cluster that is to be created.
fn made_already(plan: &Plan) -> String {
    let made = plan.basis.members.iter().filter(|(_, member)| member.binary_path.is_some());
    let made: Vec<&str> = made.map(|(name, _)| name.as_str()).collect();
    match made.len() {
        0 => "nothing is there yet".to_owned(),
        1 => format!("{} is made already, and has not started", made[0]),
        number if number == plan.summary.members => "all are made already, and none has started".to_owned(),
        _ => format!("{} are made already, and have not started", super::words::listed(&made)),
    }
}

/// What was seen of the cluster, for the line below the title.
pub(super) fn head_facts(plan: &Plan) -> Vec<String> {
    let summary = &plan.summary;
    let mut facts = vec![count(summary.members, "member", "members")];
    let silent: Vec<&str> = match plan.kind {
        Kind::Create => Vec::new(),
        _ => plan
            .basis
            .members
            .iter()
            .filter(|(_, member)| member.server_version.is_none())
            .map(|(name, _)| name.as_str())
            .collect(),
    };
    match (plan.kind, silent.as_slice()) {
        (Kind::Create, _) => facts.push(made_already(plan)),
        (_, []) => facts.push("all answer".to_owned()),
        (_, silent) => facts.push(format!("no answer from {}", super::words::listed(silent))),
    }
    facts.extend(summary.leader.as_ref().map(|leader| format!("leader {leader}")));
    facts.extend(plan.basis.cluster_version.map(|minor| format!("cluster version {minor}")));
    facts.extend(summary.db_size.map(|size| format!("database {size}")));
    facts.extend(summary.revision.map(|revision| format!("revision {}", grouped(revision.0))));
    facts.extend(summary.v3_keys.map(|keys| format!("v3 keys {}", grouped(keys))));
    facts.extend(summary.v2_keys.map(|keys| format!("v2 keys {}", grouped(keys))));
    facts
}

/// Who runs what, when not all run the same.
pub(super) fn mixed_versions(plan: &Plan) -> Option<String> {
    // Who does not answer is told above, and runs nothing that could differ.
    let mut versions = plan.basis.members.values().filter_map(|member| member.server_version.as_ref());
    let first = versions.next()?;
    if versions.all(|version| version == first) {
        return None;
    }
    let each = plan.basis.members.iter().map(|(name, member)| match &member.server_version {
        Some(version) => format!("{name} {version}"),
        None => format!("{name} does not answer"),
    });
    Some(format!("versions are mixed: {}", each.collect::<Vec<_>>().join(" · ")))
}

/// A rung after those of this plan.
fn write_later(page: &mut Page, plan: &Plan, place: usize, later: &Foreseen) {
    page.blank();
    page.rule(2, Tone::Strong, &later_title(plan, place, later));
    page.text(2, Tone::Faint, FORESEEN);
    let alone = alone(plan, later);
    write_rung(page, &mut StepWriter::new(&alone), &alone, &later.rung);
}

/// What is said of every rung that follows those of a plan.
pub(super) const FORESEEN: &str =
    "as it will be by what is there now; planned again, on a fresh look, when its turn comes";

pub(super) fn later_title(plan: &Plan, place: usize, later: &Foreseen) -> String {
    format!("then {} -> {}, {} of {}", later.from, later.to, place + 2, plan.later.len() + 1)
}

/// A rung that is foreseen as a plan of its own, so that its steps are told as those of the first.
pub(super) fn alone(plan: &Plan, later: &Foreseen) -> Plan {
    let summary = Summary { from: Some(later.from.clone()), to: later.to.clone(), ..plan.summary.clone() };
    Plan { rungs: vec![later.rung.clone()], later: Vec::new(), summary, ..plan.clone() }
}

pub(super) fn rung_title(rung: &Rung) -> String {
    match rung.from {
        Some(from) => format!("{from} -> {}", rung.to),
        None => format!("create at {}", rung.to),
    }
}

fn write_rung(page: &mut Page, steps: &mut StepWriter<'_>, plan: &Plan, rung: &Rung) {
    if plan.rungs.len() > 1 {
        page.blank();
        page.rule(2, Tone::Strong, &rung_title(rung));
    }
    let line_before = rung.no_return.as_ref().and_then(|no_return| line_stands_before(rung, no_return));
    for step in &rung.steps {
        page.blank();
        if let Some(no_return) = rung.no_return.as_ref().filter(|_| line_before == Some(step.id)) {
            write_no_return(page, rung, no_return);
            page.blank();
        }
        steps.write(page, step);
    }
    if let Some(no_return) = rung.no_return.as_ref().filter(|_| line_before.is_none() && !rung.steps.is_empty()) {
        page.blank();
        write_no_return(page, rung, no_return);
    }
    if rung.steps.is_empty() {
        return;
    }
    page.blank();
    write_list(page, "clients", Tone::Plain, &rung.clients);
    page.blank();
    write_notes(page, "advisories", Tone::Plain, &rung.advisories);
}

/// The step right after the line: the last member, or the step that completes the rung.
pub(super) fn line_stands_before(rung: &Rung, no_return: &NoReturn) -> Option<StepId> {
    let last_member = rung.steps.iter().rfind(|step| matches!(step.action, Action::Member(_)));
    let finish = rung.steps.iter().rfind(|step| matches!(step.action, Action::Finish { .. }));
    let step = if no_return.before_last_member { last_member.or(finish) } else { finish };
    step.map(|step| step.id)
}

fn write_no_return(page: &mut Page, rung: &Rung, no_return: &NoReturn) {
    const LABEL: usize = 10;
    page.rule(2, Tone::Warn, no_return_title(rung));
    page.text(5, Tone::Plain, &what_completes(rung, no_return));
    for (label, text) in no_return_rows(no_return) {
        page.row(5, &[cell(Tone::Strong, label, LABEL)], Tone::Plain, &text);
    }
    page.rule(2, Tone::Warn, "");
}

/// What the line is called. On the way down, the old binaries are the newer ones, and can always be put back.
pub(super) fn no_return_title(rung: &Rung) -> &'static str {
    let goes_down = rung.from.is_some_and(|from| from > rung.to);
    if goes_down { "the last one of the newer version" } else { "point of no return" }
}

/// Which step is the one that cannot be taken back by the old binaries.
pub(super) fn what_completes(rung: &Rung, no_return: &NoReturn) -> String {
    if no_return.before_last_member {
        format!("the next step completes {}: it is the last member, whichever that is by then", rung.to)
    } else {
        format!("the next step completes {}", rung.to)
    }
}

/// The way back on either side of it, whether the run stops there, and where that is known from.
pub(super) fn no_return_rows(no_return: &NoReturn) -> [(&'static str, String); 4] {
    let hold = match (no_return.hold, &no_return.goes_on) {
        (Some(HoldPoint::NoReturn), None) => "the run stops here (hold_before = \"no-return\")".to_owned(),
        (Some(HoldPoint::NoReturn), Some(GoesOn::WasHeld { run })) => {
            format!("run {run} was held here (hold_before = \"no-return\"): this run goes on")
        }
        (Some(HoldPoint::NoReturn), Some(GoesOn::OnlyStarts)) => {
            "not here: who is left is down with the new binary in place, and is only started".to_owned()
        }
        (None, _) => "none: the run goes on by itself (hold_before = \"no-return\" would stop it here)".to_owned(),
    };
    [
        ("up to it", no_return.up_to_there.clone()),
        ("after it", no_return.after.clone()),
        ("hold", hold),
        ("source", no_return.source.clone()),
    ]
}

fn write_checks(page: &mut Page, plan: &Plan) {
    const OUTCOME: usize = 9;
    if plan.checks.is_empty() {
        return;
    }
    page.blank();
    page.row(2, &[cell(Tone::Strong, "checks", PART)], Tone::Plain, &checks_total(plan));
    for check in &plan.checks {
        let (tone, word) = outcome(check.outcome);
        page.row(4, &[cell(tone, word, OUTCOME)], Tone::Plain, &format!("{} ({})", check.text, check.rule));
    }
}

pub(super) fn checks_total(plan: &Plan) -> String {
    let number = |wanted| plan.checks.iter().filter(|check| check.outcome == wanted).count();
    format!(
        "{} passed, {} known only during the run, {}",
        number(CheckOutcome::Passed),
        number(CheckOutcome::Later),
        count(number(CheckOutcome::Warning) + plan.warnings.len(), "warning", "warnings")
    )
}

pub(super) fn outcome(outcome: CheckOutcome) -> (Tone, &'static str) {
    match outcome {
        CheckOutcome::Passed => (Tone::Good, "ok"),
        CheckOutcome::Later => (Tone::Faint, "later"),
        CheckOutcome::Warning => (Tone::Warn, "warning"),
    }
}

fn write_list(page: &mut Page, title: &str, tone: Tone, items: &[String]) {
    if items.is_empty() {
        page.row(2, &[cell(Tone::Strong, title, PART)], Tone::Plain, "none");
        return;
    }
    page.text(2, Tone::Strong, title);
    for item in items {
        page.row(4, &[cell(tone, "-", 2)], Tone::Plain, item);
    }
}

pub(super) fn write_notes(page: &mut Page, title: &str, tone: Tone, notes: &[Note]) {
    write_list(page, title, tone, &notes.iter().map(note_sentence).collect::<Vec<_>>());
}

/// A note with whom it is about, the name of its rule and its source.
pub(super) fn note_sentence(note: &Note) -> String {
    let whose = note.member.as_ref().map(|member| format!("{member}: ")).unwrap_or_default();
    let source = note.source.as_ref().map(|source| format!("; {source}")).unwrap_or_default();
    format!("{whose}{} ({}{source})", note.text, note.rule)
}
