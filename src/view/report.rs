//! The report of a run: one HTML file that needs nothing else, for whoever asks later what was done and how to go on.
//!
//! In come the plan, the journal, and what is kept; out comes text. All of it goes through one template whose escaping is
//! always on, after hidden characters were written out: no text of a host or spec becomes markup. The page holds no script,
//! and forbids itself to load anything.

mod availability;
mod timeline;
mod versions;

use std::collections::BTreeMap;
use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::backups::BackupSummary;
use super::escape::{escape, escape_json, escape_lines};
use super::history::{RunRecord, ended, summary};
use super::narrate::{Narrator, Pace, Utterance};
use super::notes::Again;
use super::page::Tone;
use super::phrases::verb;
use super::plan::{
    FORESEEN, checks_total, head_facts, last_line, later_title, line_stands_before, no_return_rows, no_return_title,
    note_sentence, outcome, rung_title, title, what_completes,
};
use super::step::{headline, rows};
use super::summary::{RunSummary, UnexpectedLines, ending_sentence, use_of_points, way_back};
use super::words::{grouped, lasting, milliseconds, sentence};
use crate::execute::event::Event;
use crate::execute::journal::{Ending, Line};
use crate::plan::model::{Kind, NoReturn, Plan, Rung};

const TEMPLATE: &str = include_str!("report/report.html.j2");

/// Bytes of the journal's own lines that are shown; the file has all.
const MOST_JOURNAL: usize = 256 * 1024;

/// Entries of the journal that are told in words; a run has some ten for each member.
const MOST_ENTRIES: usize = 3000;

/// What a report is made of.
pub struct ReportOf<'a> {
    pub record: &'a RunRecord,
    pub plan: Option<&'a Plan>,
    pub lines: &'a [Line],
    /// The last line of the journal was cut short by a crash.
    pub torn: bool,
    /// Those of the run that are still kept.
    pub backups: &'a [BackupSummary],
    /// Log lines of members that nobody expected; `None` where that was not kept.
    pub unexpected: Option<&'a [UnexpectedLines]>,
    /// What goes on with the run, as the person would type it; `None`: the bare command.
    pub again: Option<Again>,
}

/// The whole page. An error only where the built-in template is wrong.
pub fn report_html(of: &ReportOf<'_>) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| error.to_string())?);
    let rendered = environment.render_str(TEMPLATE, visible(context(of), false));
    rendered.map_err(|error| format!("the template of the report: {error:#}"))
}

/// For the template: every text with its hidden characters written out; the lines of what is `verbatim` stay lines.
fn visible(value: Value, verbatim: bool) -> minijinja::Value {
    match value {
        Value::Null => minijinja::Value::from(()),
        Value::Bool(holds) => minijinja::Value::from(holds),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => minijinja::Value::from(whole),
            None => minijinja::Value::from(number.to_string()),
        },
        Value::String(text) if verbatim => minijinja::Value::from(escape_lines(&text)),
        Value::String(text) => minijinja::Value::from(escape(&text)),
        Value::Array(items) => items.into_iter().map(|item| visible(item, verbatim)).collect::<Vec<_>>().into(),
        Value::Object(fields) => {
            let each = fields.into_iter().map(|(key, field)| {
                let verbatim = key == "verbatim";
                (key, visible(field, verbatim))
            });
            each.collect::<BTreeMap<_, _>>().into()
        }
    }
}

fn context(of: &ReportOf<'_>) -> Value {
    let summary = summary(of.plan, of.lines, of.record).map(|mut summary| {
        summary.again = of.again.clone().unwrap_or(summary.again);
        summary
    });
    let record = of.record;
    let (raw, raw_left_out) = raw_journal(of.lines);
    json!({
        "id": record.id,
        "cluster": record.cluster.as_deref().unwrap_or("?"),
        "what": record.what(),
        "made_by": env!("CARGO_PKG_VERSION"),
        "facts": run_facts(record),
        "outcome": outcome_of(record, summary.as_ref()),
        "next": next(of, summary.as_ref()),
        "failures": summary.as_ref().map(failures).unwrap_or_default(),
        "timeline": timeline::timeline(of.plan, of.lines),
        "availability": summary.as_ref().map(|summary| availability::availability(summary, record.took_ms.unwrap_or_default())),
        "steps": summary.as_ref().map(steps).unwrap_or_default(),
        "versions": of.plan.map(|plan| versions::versions(plan, of.lines)).unwrap_or_default(),
        "backups": summary.as_ref().map(|summary| backups(of, summary)).unwrap_or_default(),
        "points": summary.as_ref().map(points).unwrap_or_default(),
        "points_use": summary.as_ref().map(|summary| use_of_points(summary.kind)),
        "points_put_back": summary.as_ref().is_some_and(|summary| summary.kind != Kind::Downgrade),
        "unexpected": of.unexpected,
        "plan": of.plan.map(plan_part),
        "basis": of.plan.map(basis),
        "journal": journal(of.plan, of.lines),
        "torn": of.torn,
        "raw": { "verbatim": raw },
        "raw_left_out": grouped(raw_left_out as u64),
        "raw_is_cut": raw_left_out > 0,
    })
}

fn run_facts(record: &RunRecord) -> Vec<[String; 2]> {
    let fact = |label: &str, value: &Option<String>| value.as_ref().map(|value| [label.to_owned(), value.clone()]);
    let took = record.took_ms.map(milliseconds);
    [
        fact("run", &Some(record.id.clone())),
        fact("cluster", &record.cluster),
        fact("began", &record.began),
        fact("last entry", &record.last),
        fact("took", &took),
        fact("by", &record.who),
        fact("on", &record.controller),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Name => "plain",
        Tone::Strong => "strong",
        Tone::Faint => "faint",
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
    }
}

fn outcome_of(record: &RunRecord, summary: Option<&RunSummary>) -> Value {
    let (tone, text) = match summary.filter(|summary| summary.ending.is_some()) {
        Some(summary) => ending_sentence(summary),
        None => {
            let (tone, how) = ended(&record.state);
            (tone, format!("{}.", sentence(&how)))
        }
    };
    json!({ "tone": class(tone), "text": text })
}

/// What a person does now; nothing after a success.
fn next(of: &ReportOf<'_>, summary: Option<&RunSummary>) -> Vec<String> {
    let Some(summary) = summary else { return vec!["`quorate plan` shows what is left".to_owned()] };
    let again = summary.again.in_words();
    match &summary.ending {
        Some(Ending::Succeeded) => of
            .plan
            .filter(|plan| !plan.later.is_empty())
            .map(|plan| format!("the rungs up to {} follow, each in a run of its own: {again} goes on", plan.goal()))
            .into_iter()
            .collect(),
        Some(Ending::Held { .. }) => vec![
            format!("run {again}: after a run that was held here, the next one goes on"),
            format!("or go back: {}", way_back(summary)),
        ],
        Some(Ending::Interrupted { .. }) => vec![format!("run {again}: it looks at what is there, and finishes")],
        Some(Ending::Failed { todo, rolled_back, .. }) => {
            let back = rolled_back.as_ref().map(|member| format!("nothing for {member}: it runs its old binary again"));
            back.into_iter().chain(todo.iter().map(|what| summary.again.told_in(what))).collect()
        }
        None => vec![format!("`quorate plan` shows what is left; {again} goes on")],
    }
}

fn failures(summary: &RunSummary) -> Vec<Value> {
    let failures = summary.failures.iter().map(|failure| {
        let whose = failure.member.as_ref().map(|member| format!("{member}: ")).unwrap_or_default();
        json!({
            "text": format!("step {}, {whose}{}: {}", failure.step.0, failure.what, failure.reason),
            "log": failure.log,
        })
    });
    failures.collect()
}

fn steps(summary: &RunSummary) -> Vec<Value> {
    let step = |step: &super::summary::StepSummary| {
        json!({
            "number": step.step.0,
            "title": step.title,
            "done": step.done,
            "took": lasting(Duration::from_millis(step.took_ms)),
        })
    };
    summary.steps.iter().map(step).collect()
}

fn backups(of: &ReportOf<'_>, summary: &RunSummary) -> Vec<Value> {
    let options = format!("-cluster={}", summary.cluster);
    let command = |words: &[&str]| {
        let words = std::iter::once("quorate").chain(words.iter().copied());
        Again { words: words.map(str::to_owned).collect(), untold: Vec::new() }.command()
    };
    let backup = |made: &super::summary::BackupMade| {
        let kept = of.backups.iter().find(|kept| kept.id == made.id);
        let in_place = of.plan.is_some_and(|plan| plan.declared.backup.dir.join(&made.id).as_os_str() == &*made.dir);
        // By its id it is found in the folder of the spec alone.
        let name = if in_place { &made.id } else { &made.dir };
        json!({
            "id": made.id,
            "dir": made.dir,
            "size": made.size.to_string(),
            "revision": made.revision.map(|at| grouped(at.0)),
            "checks": made.checks,
            "taken": kept.map(|kept| format!("{} from {}, etcd {}", kept.taken_at, kept.member, kept.version)),
            "kept": kept.is_some(),
            "verify": in_place.then(|| command(&["backup", "verify", &options, &made.id])),
            "restore": command(&["restore", &options, name]),
        })
    };
    summary.backups.iter().map(backup).collect()
}

fn points(summary: &RunSummary) -> Vec<Value> {
    let point = |point: &super::summary::RollbackPointMade| {
        json!({
            "member": point.member,
            "path": point.path,
            "size": point.size.to_string(),
            "index": point.raft_index.map(|at| grouped(at.0)),
            "at": point.at,
        })
    };
    summary.rollback_points.iter().map(point).collect()
}

fn plan_part(plan: &Plan) -> Value {
    let later = plan.later.iter().enumerate().map(|(place, later)| later_title(plan, place, later));
    let checks = plan.checks.iter().map(|check| {
        let (tone, word) = outcome(check.outcome);
        json!({ "tone": class(tone), "word": word, "text": check.text, "rule": check.rule })
    });
    json!({
        "title": title(plan),
        "facts": head_facts(plan),
        "comes_to": last_line(plan),
        "sha256": plan.digest().to_string(),
        "rungs": plan.rungs.iter().map(|one| rung(plan, one)).collect::<Vec<_>>(),
        "later": later.collect::<Vec<_>>(),
        "foreseen": FORESEEN,
        "checks_total": checks_total(plan),
        "checks": checks.collect::<Vec<_>>(),
        "warnings": plan.warnings.iter().map(note_sentence).collect::<Vec<_>>(),
    })
}

fn rung(plan: &Plan, rung: &Rung) -> Value {
    let line_before = rung.no_return.as_ref().and_then(|no_return| line_stands_before(rung, no_return));
    let line = |no_return: &NoReturn| json!({ "title": sentence(no_return_title(rung)), "which": what_completes(rung, no_return), "rows": no_return_rows(no_return).map(|(label, text)| [label.to_owned(), text]) });
    let steps = rung.steps.iter().map(|step| {
        json!({
            "line": rung.no_return.as_ref().filter(|_| line_before == Some(step.id)).map(line),
            "number": step.id.0,
            "verb": verb(&step.action),
            "headline": headline(plan, &step.action),
            "rows": rows(plan, step).into_iter().map(|row| [row.label.to_owned(), row.text]).collect::<Vec<_>>(),
        })
    });
    json!({
        "title": rung_title(rung),
        "steps": steps.collect::<Vec<_>>(),
        "line_at_end": rung.no_return.as_ref().filter(|_| line_before.is_none()).map(line),
        "clients": rung.clients,
        "advisories": rung.advisories.iter().map(note_sentence).collect::<Vec<_>>(),
    })
}

/// What the plan was decided on, host by host.
fn basis(plan: &Plan) -> Value {
    let members = plan.basis.members.iter().map(|(name, member)| {
        let fact = |label: &str, value: Option<String>| value.map(|value| [label.to_owned(), value]);
        let digest = |sha: Option<crate::units::Sha256>| sha.map(|sha| sha.to_string());
        let facts = [
            fact("host", Some(member.host.clone())),
            fact("architecture", Some(member.arch.clone())),
            fact("member id", member.member_id.map(|id| id.to_string())),
            fact("runs", member.server_version.as_ref().map(ToString::to_string)),
            fact("running binary, sha256", digest(member.running_sha256)),
            fact("binary", member.binary_path.clone()),
            fact("binary, sha256", digest(member.binary_sha256)),
            fact("options, sha256", digest(member.options_sha256)),
            fact("unit, sha256", digest(member.unit_sha256)),
            fact("certificates, sha256", digest(member.certificates_sha256)),
            fact("data", member.data_dir.clone()),
        ];
        json!({ "name": name, "facts": facts.into_iter().flatten().collect::<Vec<_>>() })
    });
    let listed = plan.basis.member_list.iter().map(|member| {
        let kind = if member.is_learner { "learner" } else { "voter" };
        json!({
            "id": member.id.to_string(),
            "name": member.name,
            "kind": kind,
            "peers": member.peer_urls.join(" "),
            "clients": member.client_urls.join(" "),
        })
    });
    let releases = plan.releases.iter().map(|pin| {
        let binaries = pin.binaries.iter().map(|(name, file)| [name.clone(), file.sha256.to_string()]);
        json!({
            "version": pin.version.to_string(),
            "arch": pin.arch,
            "source": pin.source,
            "checked": pin.checked,
            "binaries": binaries.collect::<Vec<_>>(),
        })
    });
    json!({
        "cluster_id": plan.basis.cluster_id.map(|id| id.to_string()),
        "cluster_version": plan.basis.cluster_version.map(|minor| minor.to_string()),
        "members": members.collect::<Vec<_>>(),
        "listed": listed.collect::<Vec<_>>(),
        "releases": releases.collect::<Vec<_>>(),
    })
}

/// The journal in words.
fn journal(plan: Option<&Plan>, lines: &[Line]) -> Vec<Value> {
    let mut narrator = Narrator::new(plan);
    let mut told = Vec::new();
    for line in lines.iter().take(MOST_ENTRIES) {
        for utterance in narrator.tell(&Event::Journal(line.clone()), Duration::ZERO) {
            let (tone, text, below) = match utterance {
                Utterance::Said { tone, text, below } => (tone, text, below),
                Utterance::Doing { pace: Pace::Once, text, .. } => (Tone::Faint, text, Vec::new()),
                Utterance::Doing { .. } | Utterance::Over(_) => continue,
            };
            told.push(json!({ "at": line.at, "tone": class(tone), "text": text, "below": below }));
        }
    }
    if lines.len() > MOST_ENTRIES {
        let text = format!("and {} more entries, in journal.jsonl", grouped((lines.len() - MOST_ENTRIES) as u64));
        told.push(json!({ "at": "", "tone": "faint", "text": text, "below": [] }));
    }
    told
}

/// The journal's own lines, as many as there is room for, and how many are left out.
fn raw_journal(lines: &[Line]) -> (String, usize) {
    let mut raw = String::new();
    for (place, line) in lines.iter().enumerate() {
        // An entry holds only texts, numbers, lists and maps with names: it always serializes.
        let text = escape_json(&serde_json::to_string(line).unwrap_or_default());
        if raw.len() + text.len() > MOST_JOURNAL {
            return (raw, lines.len() - place);
        }
        raw.push_str(&text);
        raw.push('\n');
    }
    (raw, 0)
}

#[cfg(test)]
mod tests;
