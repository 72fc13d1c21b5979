//! `quorate report`: the report of a run that is kept; and the same at the end of each run.

use std::path::PathBuf;

use super::args::ReportArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, failure_of};
use super::{backup, runs};
use crate::plan::file;
use crate::session::{CommandRule, Ran, Recorded, Session, kept_backups};
use crate::state::State;
use crate::view::{
    Again, BackupSummary, ReportOf, RunSummary, UnexpectedLines, json_line, report_failed_text, report_html,
    report_json, report_text,
};

pub fn run(args: &ReportArgs, context: &Context) -> Result<Exit, Failure> {
    let records = session::open_records(context)?;
    let recorded = match &args.id {
        Some(id) => records.run(id).map_err(failure_of)?,
        None => records.runs().map_err(failure_of)?.pop().ok_or_else(|| Failure::Ruled {
            rule: CommandRule::IdKnown,
            message: "there is no run yet".to_owned(),
            todo: vec!["a run is kept of each: quorate apply, backup, rollback, restore".to_owned()],
        })?,
    };
    let recorded = Recorded { run: Ok(recorded.run?), ..recorded };
    let id = recorded.id.clone();
    let of_text = |text: String| Failure::of_text(CommandRule::StateUsable, &text);
    let html = html(&records.state, recorded, None).map_err(of_text)?;
    let path = match &args.out {
        Some(path) => {
            file::write(html.as_bytes(), path)?;
            path.clone()
        }
        None => kept(&records.state, &id, &html).map_err(of_text)?,
    };
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&report_json(&id, &path, html.len())),
        Format::Human => report_text(&path, screen.style()),
    });
    Ok(Exit::Success)
}

/// At the end of a run. What was done is done: a report that cannot be written is told, and changes nothing.
pub(super) fn after(context: &Context, session: &Session, ran: &Ran, summary: Option<&RunSummary>, again: Again) {
    let screen = &context.screen;
    match write_after(session, ran, summary, again) {
        Ok(path) if screen.format == Format::Human => screen.out.write(&report_text(&path, screen.style())),
        Ok(_) => {}
        Err(why) => {
            tracing::warn!(%why, "the report is not written");
            if screen.format == Format::Human {
                screen.err.write(&report_failed_text(&why, screen.err_terminal.style));
            }
        }
    }
}

fn write_after(session: &Session, ran: &Ran, summary: Option<&RunSummary>, again: Again) -> Result<PathBuf, String> {
    let (state, id) = (session.state(), &ran.run.id);
    if let Some(summary) = summary {
        // Members, texts and numbers: it always serializes.
        let logs = serde_json::to_vec(&summary.unexpected).unwrap_or_default();
        state.keep_logs(id, &logs).map_err(|error| error.to_string())?;
    }
    let recorded = Recorded { id: id.clone(), run: state.run(id), is_under_way: false };
    let html = html(state, recorded, Some(again))?;
    kept(state, id, &html)
}

fn kept(state: &State, id: &str, html: &str) -> Result<PathBuf, String> {
    state.keep_report(id, html).map_err(|error| error.to_string())
}

fn html(state: &State, recorded: Recorded, again: Option<Again>) -> Result<String, String> {
    let record = runs::record(&recorded);
    let run = recorded.run.map_err(|error| error.to_string())?;
    let backups: Vec<BackupSummary> = kept_backups(&run).iter().map(backup::summary).collect();
    let unexpected: Option<Vec<UnexpectedLines>> =
        state.logs(&run.id).and_then(|text| serde_json::from_slice(&text).ok());
    let of = ReportOf {
        record: &record,
        plan: run.plan.as_ref().ok(),
        lines: &run.journal.lines,
        torn: run.journal.torn,
        backups: &backups,
        unexpected: unexpected.as_deref(),
        again,
    };
    report_html(&of)
}
