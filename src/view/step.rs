//! One step of a plan: what, on whom, why, what it waits for, what undoes it.

use std::collections::BTreeMap;

use super::escape::escape;
use super::page::{Page, Tone, cell};
use super::phrases::{gates, joined, operation, undo, verb};
use super::restore::{expected, laid};
use super::words::{self, grouped, names, names_of, span};
use crate::observe::settings::SettingsChange;
use crate::plan::model::{
    Action, BackupAction, CreateAction, Kind, MemberAction, MemberReplacement, Moment, Operation, Plan, ReleasePin,
    ReplaceAction, Replacement, ReplacementPhase, Role, Step, StepId,
};
use crate::spec::model::Verify;
use crate::units::{MemberName, Version};

/// Where the number of a step stands.
const INDENT: usize = 2;
const NUMBER: usize = 4;
const VERB: usize = 11;
/// Labels of the rows below a step.
const LABEL: usize = 8;

/// A row below the head of a step.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) text: String,
    tone: Tone,
}

/// Writes steps one after the other, and says of rows that an earlier member step has had word for word: as there.
pub struct StepWriter<'a> {
    plan: &'a Plan,
    /// The rows of the first step that changes a member, which later ones are compared with.
    first_member: Option<(StepId, Vec<Row>)>,
}

impl<'a> StepWriter<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, first_member: None }
    }

    pub fn write(&mut self, page: &mut Page, step: &Step) {
        let number = step.id.0.to_string();
        let labels = [cell(Tone::Faint, &number, NUMBER), cell(Tone::Strong, verb(&step.action), VERB)];
        page.row(INDENT, &labels, Tone::Strong, &headline(self.plan, &step.action));

        let mut rows = rows(self.plan, step);
        let changes_a_member = matches!(step.action, Action::Member(_) | Action::CreateMember(_));
        if let Some((id, first)) = self.first_member.as_ref().filter(|_| changes_a_member) {
            rows = shortened(rows, *id, first);
        }
        for row in &rows {
            page.row(INDENT + NUMBER, &[cell(Tone::Faint, row.label, LABEL)], row.tone, &row.text);
        }
        if let Action::CreateMember(create) = &step.action {
            write_created_files(page, create);
        }
        if let Some(change) = settings_of(&step.action) {
            page.text(INDENT + NUMBER, Tone::Faint, "settings");
            // Not wrapped: it can be copied as it is.
            change.diff().for_each(|line| page.verbatim(INDENT + NUMBER + LABEL, diff_tone(&line), &line));
        }
        if self.first_member.is_none() && changes_a_member {
            self.first_member = Some((step.id, rows));
        }
    }
}

/// What of a member's files changes in a step.
pub(super) fn settings_of(action: &Action) -> Option<&SettingsChange> {
    match action {
        // What was written by an earlier run is there only to go back.
        Action::Member(member) => {
            member.settings.as_ref().filter(|_| member.operations.contains(&Operation::RewriteSettings))
        }
        Action::ReplaceData(replace) => replace.replacement.settings.as_ref(),
        _ => None,
    }
}

pub(super) fn diff_tone(line: &str) -> Tone {
    match line.as_bytes() {
        [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] | [b'@', ..] => Tone::Faint,
        [b'-', ..] => Tone::Bad,
        [b'+', ..] => Tone::Good,
        _ => Tone::Plain,
    }
}

/// Rows that may stand for those of a later step. Why a step is taken and how long it takes is always said.
const REPEATED: [&str; 4] = ["before", "does", "after", "undo"];

/// Rows that are the same as those of an earlier step become one, where that is shorter.
fn shortened(rows: Vec<Row>, id: StepId, first: &[Row]) -> Vec<Row> {
    let is_same = |row: &Row| {
        REPEATED.contains(&row.label) && first.iter().any(|other| other.label == row.label && other.text == row.text)
    };
    let labels: Vec<&str> = rows.iter().filter(|row| is_same(row)).map(|row| row.label).collect();
    let text = format!("as step {}, word for word: {}", id.0, labels.join(", "));
    let saved: usize = rows.iter().filter(|row| is_same(row)).map(|row| row.text.len()).sum();
    if saved <= text.len() {
        return rows;
    }
    let mut out = Vec::with_capacity(rows.len());
    let mut instead = Some(Row { label: "same", text, tone: Tone::Plain });
    for row in rows {
        if is_same(&row) {
            out.extend(instead.take());
        } else {
            out.push(row);
        }
    }
    out
}

/// On whom, and what.
pub(super) fn headline(plan: &Plan, action: &Action) -> String {
    match action {
        Action::Preflight { version, members } if plan.kind == Kind::Rollback => {
            format!(
                "{}: each member's own options, read by the parser of etcd {version}, which is kept there",
                names(members)
            )
        }
        Action::Prepare { members } if plan.kind == Kind::Rollback => {
            format!("{}: the binary that is kept there, checked, laid beside the one that runs", names(members))
        }
        Action::Member(member) if plan.replacement().is_some() => {
            format!("{}: alone, on {}", member.member, member.to)
        }
        Action::Stage { version, members, folder, programs } => {
            format!("{}: {} {version} into {folder}, beside what runs", names(members), words::listed(programs))
        }
        Action::Preflight { version, members } => {
            format!("{}: each member's own options, read by etcd {version}'s own parser", names(members))
        }
        Action::Prepare { members } if plan.kind == Kind::Downgrade => {
            format!("{}: keep the binary that runs, lay that of {} beside it", names(members), plan.summary.to)
        }
        Action::Prepare { members } => {
            format!("{}: keep the old binary, lay the new one beside it", names(members))
        }
        Action::Backup(backup) => format!("from {}: {}", backup.member, backup_contents(backup)),
        Action::CompareData { moment } => match moment {
            Moment::BeforeFirstStop => "all members: the same HashKV at one revision, before the first stop".to_owned(),
            Moment::AtTheEnd => "all members: the same data, at the end".to_owned(),
        },
        Action::TakeRaftSnapshots(snapshots) => format!(
            "{}: raft no-ops, about {}, until each has taken a raft snapshot; no key changes, no member restarts",
            names_of(&snapshots.members),
            grouped(snapshots.no_ops)
        ),
        Action::EnableDowngrade(order) => format!(
            "all members: etcd is told to go down to {} (`downgrade validate`, `enable`); no member is stopped",
            order.to
        ),
        Action::CancelDowngrade(order) => format!(
            "all members: etcd is told not to go down to {} any more (`downgrade cancel`); no member is stopped",
            order.to
        ),
        Action::Member(member) => member_headline(member),
        Action::CreateMember(create) => format!("{}: a new member, etcd {}", create.member, create.spec.version),
        Action::StartTogether { members } => format!("{}: all at once, for none can be healthy alone", names(members)),
        Action::ReadyData { members, .. } => {
            format!("{}: a copy of each rollback point, beside the data directory", names_of(members))
        }
        Action::LayRestored(restore) => {
            let all: Vec<MemberName> = restore.members.keys().cloned().collect();
            format!("{}: the backup {}, beside each data directory", names(&all), restore.backup)
        }
        Action::CompareRestored { backup } => format!("all members: {}", expected(backup)),
        Action::StopAll { members, timeout } => {
            format!("{}: all at once, within {}; clients are not served from here on", names(members), span(*timeout))
        }
        Action::MarkReplacement(replacement) => mark_headline(replacement),
        Action::ReplaceData(replace) => format!("{}: {} -> {}", replace.member, replace.from, replace.to),
        Action::EndReplacement { members } => format!("{}: the notes beside the data directories", names_of(members)),
        Action::Finish { version, minor } => {
            format!("all members at {version}: complete when the cluster version is {minor} everywhere")
        }
    }
}

fn mark_headline(replacement: &Replacement) -> String {
    let all: Vec<MemberName> = replacement.members.keys().cloned().collect();
    match replacement.phase {
        ReplacementPhase::Replacing => {
            format!("{}: a note beside every data directory: what takes its place, and in which order", names(&all))
        }
        ReplacementPhase::Starting => {
            format!("{}: the note says that all are replaced: from here on they are started", names(&all))
        }
        ReplacementPhase::Joining => {
            format!("{}: the note says that the first quorum has served", names(&all))
        }
    }
}

fn member_headline(member: &MemberAction) -> String {
    let role = match member.role {
        Role::Follower => "follower",
        Role::Leader => "leader",
        Role::Down => "down now",
    };
    if member.only_starts() {
        format!("{}: {role}, on {}", member.member, member.to)
    } else if member.from == member.to {
        format!("{}: {role}, the binary is {} already, only the process is not", member.member, member.to)
    } else {
        format!("{}: {role}, {} -> {}", member.member, member.from, member.to)
    }
}

fn backup_contents(backup: &BackupAction) -> String {
    let v3 = backup.v3.as_ref().map(|v3| format!("v3 snapshot, revision {} or newer", grouped(v3.not_older_than.0)));
    let v2 = backup.v2.as_ref().map(|v2| {
        let size = v2.size.map(|size| format!(", about {size}")).unwrap_or_default();
        format!("v2 copy of {}{size}", v2.data_dir)
    });
    let parts: Vec<String> = v3.into_iter().chain(v2).collect();
    if parts.is_empty() { "no keys to save".to_owned() } else { parts.join(", and ") }
}

/// Everything below the head, in the order of doing.
pub(super) fn rows(plan: &Plan, step: &Step) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut push = |label, text: String, tone| {
        if !text.is_empty() {
            rows.push(Row { label, text, tone });
        }
    };
    let subject = subject(&step.action);
    push("why", step.why.clone(), Tone::Plain);
    push("before", gates(&step.before, subject), Tone::Plain);
    for (label, text) in details(plan, &step.action) {
        push(label, text, Tone::Plain);
    }
    push("after", gates(&step.after, subject), Tone::Plain);
    push("undo", undo(step), Tone::Plain);
    push("takes", format!("about {}", span(step.estimate)), Tone::Faint);
    rows
}

/// The one member that a step is about.
pub(super) fn subject(action: &Action) -> Option<&MemberName> {
    match action {
        Action::Member(member) => Some(&member.member),
        Action::CreateMember(create) => Some(&create.member),
        Action::ReplaceData(replace) => Some(&replace.member),
        Action::Backup(_)
        | Action::Stage { .. }
        | Action::Preflight { .. }
        | Action::Prepare { .. }
        | Action::CompareData { .. }
        | Action::TakeRaftSnapshots(_)
        | Action::EnableDowngrade(_)
        | Action::CancelDowngrade(_)
        | Action::StartTogether { .. }
        | Action::ReadyData { .. }
        | Action::LayRestored(_)
        | Action::CompareRestored { .. }
        | Action::StopAll { .. }
        | Action::MarkReplacement(_)
        | Action::EndReplacement { .. }
        | Action::Finish { .. } => None,
    }
}

fn details(plan: &Plan, action: &Action) -> Vec<(&'static str, String)> {
    match action {
        Action::Stage { version, .. } => {
            plan.releases.iter().filter(|pin| pin.version == *version).map(|pin| ("from", release(pin))).collect()
        }
        Action::Backup(backup) => vec![("verify", backup_check(backup)), ("tools", tools(&backup.tools))],
        Action::Member(member) => {
            let operations = member.operations.iter().map(|one| operation(one, Some(member)));
            vec![("does", joined(operations))]
        }
        Action::CreateMember(create) => created(create),
        Action::LayRestored(action) => laid(action),
        Action::ReplaceData(replace) => vec![("does", joined(replaced(replace)))],
        Action::ReadyData { id, members } => vec![("does", joined(laid_ready(id.as_deref(), members)))],
        Action::TakeRaftSnapshots(snapshots) => {
            vec![("clears", snapshots.hazard.clone()), ("within", snapshots.within.to_string())]
        }
        Action::EnableDowngrade(order) | Action::CancelDowngrade(order) => {
            let fact = Some(order.fact.clone()).filter(|fact| !fact.is_empty());
            let fact = fact.map(|fact| ("fact", format!("quorate explain {fact}")));
            fact.into_iter().chain([("within", order.within.to_string())]).collect()
        }
        Action::Preflight { .. }
        | Action::Prepare { .. }
        | Action::CompareData { .. }
        | Action::StartTogether { .. }
        | Action::CompareRestored { .. }
        | Action::StopAll { .. }
        | Action::MarkReplacement(_)
        | Action::EndReplacement { .. }
        | Action::Finish { .. } => Vec::new(),
    }
}

/// The id of the run that a plan begins is not known yet.
const ID_OF_THIS_RUN: &str = "RUN";

fn replaced(replace: &ReplaceAction) -> Vec<String> {
    let MemberReplacement { data_dir, wal_dir, binary, .. } = &replace.replacement;
    let id = replace.id.as_deref().unwrap_or(ID_OF_THIS_RUN);
    let mut parts: Vec<String> = [Some(data_dir), wal_dir.as_ref()]
        .into_iter()
        .flatten()
        .map(|dir| format!("move {dir} aside to {dir}.quorate-replaced-{id}, and {dir}.quorate-in-{id} in its place"))
        .collect();
    parts.extend(
        binary
            .as_ref()
            .map(|binary| format!("put {} at {} (sha256 {})", replace.to, binary.path, binary.new_sha256.short())),
    );
    let files = replace.replacement.settings.iter().flat_map(|change| &change.files);
    parts.extend(files.map(|file| format!("put {} back as it was, as shown below", file.path)));
    parts
}

fn laid_ready(id: Option<&str>, members: &BTreeMap<MemberName, MemberReplacement>) -> Vec<String> {
    let id = id.unwrap_or(ID_OF_THIS_RUN);
    let copy = |(name, member): (&MemberName, &MemberReplacement)| {
        let from = member.copy_of.as_ref()?;
        Some(format!("{name}: {} to {}.quorate-in-{id}", from.data, member.data_dir))
    };
    members.iter().filter_map(copy).collect()
}

fn release(pin: &ReleasePin) -> String {
    let archive = pin.archive_sha256.map(|sha| format!(", archive sha256 {}", sha.short())).unwrap_or_default();
    let binaries = pin.binaries.iter().map(|(name, file)| format!("{name} {} ({})", file.sha256.short(), file.size));
    format!("{}, {}{archive}, digest known by: {}; sha256 of {}", pin.source, pin.arch, pin.checked, listed(binaries))
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn backup_check(backup: &BackupAction) -> String {
    let by_hash_kv = backup.v3.as_ref().is_some_and(|v3| v3.compare_by_hash_kv);
    match (backup.verify, &backup.v3, by_hash_kv) {
        (Verify::Hash, Some(_), _) => {
            "by the hash that etcd sends along; no trial restore (verify = \"hash\")".to_owned()
        }
        (Verify::Hash, None, _) => "by digest of what was copied; no trial restore (verify = \"hash\")".to_owned(),
        (Verify::Restore, Some(_), true) => {
            "hash, then a trial restore in a scratch place whose HashKV equals the live cluster's".to_owned()
        }
        (Verify::Restore, _, _) => {
            "hash, then a trial restore in a scratch place whose keys all equal the live cluster's".to_owned()
        }
    }
}

fn tools(version: &Version) -> String {
    format!("those of etcd {version}")
}

fn created(create: &CreateAction) -> Vec<(&'static str, String)> {
    let user = create.user.as_ref().map(|user| format!(", as user {user}")).unwrap_or_default();
    vec![
        ("binary", format!("{} from {}{user}", create.binary_path, create.staged_dir)),
        ("data", format!("{}: must not exist or be empty", create.data_dir)),
    ]
}

/// The arguments one a line, and the unit file as it will be written.
fn write_created_files(page: &mut Page, create: &CreateAction) {
    let indent = INDENT + NUMBER;
    if !create.args.is_empty() {
        page.text(indent, Tone::Faint, "arguments");
        for arg in &create.args {
            // Not wrapped: it can be copied as it is.
            page.verbatim(indent + LABEL, Tone::Plain, &escape(arg));
        }
    }
    if let Some(unit) = &create.unit_file {
        page.text(indent, Tone::Faint, "unit file");
        page.verbatim(indent + LABEL, Tone::Plain, unit);
    }
}
