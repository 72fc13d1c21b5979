//! `quorate apply`: does what is planned now, after asking, or what a saved plan says.

use std::path::Path;

use super::args::ApplyArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, Live, Planned};
use super::{again, approve};
use crate::plan::file;
use crate::plan::model::Plan;
use crate::session::Session;
use crate::view::{applying_text, json_line, plan_json, plan_text};

pub fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    if args.plan_file.is_none() && !args.auto_approve {
        approve::can_ask(&context.screen, "apply")?;
    }
    super::runtime()?.block_on(async {
        match &args.plan_file {
            Some(path) => saved(path, context).await,
            None => fresh(args, context).await,
        }
    })
}

/// Approved when it was saved.
async fn saved(path: &Path, context: &Context) -> Result<Exit, Failure> {
    let plan = file::load(path)?;
    if !context.inputs.is_empty() && !plan.declared.client.has_sealed() {
        let message = "a saved plan holds the values of its variables: -var and -var-file have no place beside it";
        return Err(Failure::Usage(message.to_owned()));
    }
    let screen = &context.screen;
    match screen.format {
        Format::Json => screen.out.write(&json_line(&plan_json(&plan))),
        Format::Human => screen.out.write(&applying_text(&plan, path, screen.style())),
    }
    let mut session = session::open_for_saved(context, &plan)?;
    session::lock_for_run(context, &mut session, "apply")?;
    let reporter = screen.reporter(None);
    let live = session::open_saved(&session, &plan, &|event| reporter.event(&event)).await;
    reporter.close();
    let live = live?;
    // A saved plan that was cut short no longer fits: what goes on is the spec.
    perform(context, &session, &plan, live).await
}

async fn fresh(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let mut session = session::open(context)?;
    session::lock_for_run(context, &mut session, "apply")?;
    let Planned { plan, live } = super::plan::make(context, &session).await?;
    let screen = &context.screen;
    match screen.format {
        Format::Json => screen.out.write(&json_line(&plan_json(&plan))),
        Format::Human => screen.out.write(&plan_text(&plan, screen.style())),
    }
    if !plan.is_empty() && !args.auto_approve {
        approve::ask(context, plan.cluster.as_str(), "apply")?;
    }
    perform(context, &session, &plan, live).await
}

pub(super) async fn perform(context: &Context, session: &Session, plan: &Plan, live: Live) -> Result<Exit, Failure> {
    if plan.is_empty() {
        return Ok(Exit::Success);
    }
    let again = again::finish(context, plan, &session.sensitive);
    let reporter = context.screen.reporter(Some((plan, again)));
    let result = session::execute(session, plan, &live, &|event| reporter.event(&event)).await;
    live.close().await;
    // Before an error is shown as well: it must not be drawn over.
    reporter.close();
    let ran = result?;
    reporter.finish(&ran.ending);
    Ok(Exit::of(&ran.ending))
}
