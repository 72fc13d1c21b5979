//! `quorate apply`: does what is planned now, after asking, or what a saved plan says.

use std::path::Path;

use super::args::ApplyArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, Live, Planned, Signals};
use super::{again, approve, report};
use crate::execute::journal::Ending;
use crate::plan::file;
use crate::plan::model::Plan;
use crate::session::{CommandRule, Session};
use crate::units::Version;
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
    climb(context, &session, plan, live).await
}

async fn fresh(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let mut session = session::open(context)?;
    session::lock_for_run(context, &mut session, "apply")?;
    let Planned { mut plan, live } = super::plan::make(context, &session).await?;
    super::plan::stop_at(&mut plan, args.until)?;
    show(context, &plan);
    if !plan.is_empty() && !args.auto_approve {
        approve::ask(context, plan.cluster.as_str(), "apply")?;
    }
    climb(context, &session, plan, live).await
}

fn show(context: &Context, plan: &Plan) {
    let screen = &context.screen;
    match screen.format {
        Format::Json => screen.out.write(&json_line(&plan_json(plan))),
        Format::Human => screen.out.write(&plan_text(plan, screen.style())),
    }
}

/// The plan, and then, one after the other, the rungs that it foresaw: each planned on a fresh look, under the one approval.
async fn climb(context: &Context, session: &Session, mut plan: Plan, mut live: Live) -> Result<Exit, Failure> {
    let signals = Signals::listen()?;
    let goal = plan.goal().clone();
    loop {
        if plan.is_empty() {
            return Ok(Exit::Success);
        }
        let ending = run_one(context, session, &plan, live, &signals).await?;
        let (Ending::Succeeded, Some(next)) = (&ending, plan.later.first()) else { return Ok(Exit::of(&ending)) };
        let foreseen = next.to.clone();
        let Planned { plan: next, live: open } = super::plan::make(context, session).await?;
        (plan, live) = (next, open);
        plan.stop_at(goal.minor());
        if plan.summary.to != foreseen {
            live.close().await;
            return Err(another_way(&plan, &foreseen));
        }
        // Between two runs nothing is in hand.
        if let Some(signal) = signals.asked() {
            live.close().await;
            return Ok(Exit::of(&Ending::Interrupted { signal }));
        }
        show(context, &plan);
    }
}

/// Nobody has approved of this.
fn another_way(plan: &Plan, foreseen: &Version) -> Failure {
    Failure::Ruled {
        rule: CommandRule::Approved,
        message: format!(
            "the next rung was to lead to {foreseen}; by what is there now it leads to {}: nobody has approved that",
            plan.summary.to
        ),
        todo: vec!["`quorate plan` shows what is left; `quorate apply` goes on".to_owned()],
    }
}

/// One plan, from start to end.
pub(super) async fn perform(context: &Context, session: &Session, plan: &Plan, live: Live) -> Result<Exit, Failure> {
    if plan.is_empty() {
        return Ok(Exit::Success);
    }
    Ok(Exit::of(&run_one(context, session, plan, live, &Signals::listen()?).await?))
}

async fn run_one(
    context: &Context,
    session: &Session,
    plan: &Plan,
    live: Live,
    signals: &Signals,
) -> Result<Ending, Failure> {
    let again = again::finish(context, plan, &session.sensitive);
    let reporter = context.screen.reporter(Some((plan, again.clone())));
    let result = session::execute(session, (plan, &again), &live, signals, &|event| reporter.event(&event)).await;
    signals.run_is_over();
    live.close().await;
    // Before an error is shown as well: it must not be drawn over.
    reporter.close();
    let ran = result?;
    let summary = reporter.finish(&ran.ending);
    report::after(context, session, &ran, summary.as_ref(), again);
    Ok(ran.ending)
}
