//! `quorate runs`: what was done, when, by whom, and how it ended.

use super::args::RunsShowArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, failure_of};
use crate::session::Recorded;
use crate::view::{RunRecord, history_json, history_text, json_line, runs_json, runs_text};

pub fn list(context: &Context) -> Result<Exit, Failure> {
    let recorded = session::open_records(context)?.runs().map_err(failure_of)?;
    let runs: Vec<RunRecord> = recorded.iter().map(record).collect();
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&runs_json(&runs)),
        Format::Human => runs_text(&runs, screen.style()),
    });
    Ok(Exit::Success)
}

pub fn show(args: &RunsShowArgs, context: &Context) -> Result<Exit, Failure> {
    let recorded = session::open_records(context)?.run(&args.id).map_err(failure_of)?;
    let record = record(&recorded);
    let run = recorded.run?;
    let (plan, journal) = (run.plan.as_ref().ok(), &run.journal);
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&history_json(&record, plan, &journal.lines, journal.torn)),
        Format::Human => history_text(&record, plan, &journal.lines, journal.torn, screen.style()),
    });
    Ok(Exit::Success)
}

pub(super) fn record(recorded: &Recorded) -> RunRecord {
    match &recorded.run {
        Ok(run) => RunRecord::new(&recorded.id, run.plan.as_ref().ok(), &run.journal.lines, recorded.is_under_way),
        Err(error) => {
            let text = error.to_string();
            RunRecord::unreadable(&recorded.id, text.split("\n  do: ").next().unwrap_or_default())
        }
    }
}
