//! `quorate restore`: the whole cluster from a backup, after asking.

use super::args::RestoreArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, Planned};
use super::{again, approve, report};
use crate::plan::restore::Begin;
use crate::view::{json_line, plan_json, plan_text};

pub fn run(args: &RestoreArgs, context: &Context) -> Result<Exit, Failure> {
    if !args.auto_approve {
        // Its plan rests on a trial of the backup, and is not saved.
        let todo = [
            "run it on a terminal: it shows the plan, and asks",
            "or approve beforehand whatever is planned: quorate restore -auto-approve BACKUP",
        ];
        approve::can_ask_for("restore needs somebody to approve the plan", &todo, &context.screen)?;
    }
    super::runtime()?.block_on(async {
        let mut session = session::open(context)?;
        session::lock_for_run(context, &mut session, "restore")?;
        let begin = if args.anew { Begin::Anew } else { Begin::GoOn };
        let screen = &context.screen;
        let reporter = screen.reporter(None);
        let planned = session::make_restore(&session, &args.backup, begin, &|event| reporter.event(&event)).await;
        reporter.close();
        let Planned { plan, live } = planned?;
        match screen.format {
            Format::Json => screen.out.write(&json_line(&plan_json(&plan))),
            Format::Human => screen.out.write(&plan_text(&plan, screen.style())),
        }
        if !args.auto_approve {
            approve::ask(context, plan.cluster.as_str(), "restore")?;
        }
        let again = again::finish(context, &plan, &session.sensitive);
        let reporter = screen.reporter(Some((&plan, again.clone())));
        let result = session::execute_restore(&session, (&plan, &again), &live, &|event| reporter.event(&event)).await;
        live.close().await;
        // Before an error is shown as well: it must not be drawn over.
        reporter.close();
        let ran = result?;
        let summary = reporter.finish(&ran.ending);
        report::after(context, &session, &ran, summary.as_ref(), again);
        Ok(Exit::of(&ran.ending))
    })
}
