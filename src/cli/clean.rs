//! `quorate clean`: shows what was left on the hosts and here, asks, and removes what nobody needs.

use super::approve;
use super::args::CleanArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, failure_of};
use crate::plan::leftovers::Extent;
use crate::session::{Cleaning, Place, Session};
use crate::units::Bytes;
use crate::view::{CleanReport, Left, clean_done_text, clean_json, clean_text, json_line};

pub fn run(args: &CleanArgs, context: &Context) -> Result<Exit, Failure> {
    if !args.auto_approve && !args.dry_run {
        let todo = [
            "see what would be removed: quorate clean -dry-run",
            "or approve it beforehand: quorate clean -auto-approve",
        ];
        approve::can_ask_for("clean needs somebody to approve what is removed", &todo, &context.screen)?;
    }
    let mut session = session::open(context)?;
    session::lock_for_task(context, &mut session, "clean")?;
    let extent = if args.all { Extent::All } else { Extent::Usual };
    super::runtime()?.block_on(async {
        let cleaning = session.find_leftovers(extent).await.map_err(failure_of)?;
        let result = clean(args, context, &session, &cleaning).await;
        cleaning.close().await;
        result
    })
}

async fn clean(args: &CleanArgs, context: &Context, session: &Session, cleaning: &Cleaning) -> Result<Exit, Failure> {
    let screen = &context.screen;
    let mut report = report(args, cleaning);
    if screen.format == Format::Human {
        screen.out.write(&clean_text(&report, screen.style()));
    }
    let nothing_to_do = cleaning.to_go().next().is_none();
    if !args.dry_run && !nothing_to_do {
        if !args.auto_approve {
            let what = "Quorate will remove what \"goes\" above.";
            approve::ask_whether("Do you want to remove it?", what, "clean", screen)?;
        }
        let cleaned = session.clean(cleaning).await.map_err(failure_of)?;
        report.removed = cleaned.gone.iter().map(|(place, path)| format!("{}: {path}", named(place))).collect();
        report.freed = cleaned.size;
        report.failed = cleaned.left;
        if screen.format == Format::Human {
            screen.out.write(&clean_done_text(&report, screen.style()));
        }
    }
    if screen.format == Format::Json {
        screen.out.write(&json_line(&clean_json(&report)));
    }
    Ok(if report.failed.is_empty() && report.unseen.is_empty() { Exit::Success } else { Exit::Error })
}

fn report(args: &CleanArgs, cleaning: &Cleaning) -> CleanReport {
    let left = cleaning.found.iter().map(|found| Left {
        place: named(&found.place),
        path: found.path.clone(),
        size: found.size,
        kind: found.kind.to_owned(),
        kept: found.kept.clone(),
    });
    CleanReport {
        dry_run: args.dry_run,
        found: left.collect(),
        unseen: cleaning.unseen.clone(),
        removed: Vec::new(),
        freed: Bytes(0),
        failed: Vec::new(),
    }
}

fn named(place: &Place) -> String {
    match place {
        Place::Controller => "this machine".to_owned(),
        Place::Host { member, host } => format!("{member} on {host}"),
    }
}
