//! `quorate plan`: shows what would be done, and saves it when asked.

use super::again;
use super::args::PlanArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::rollback::{self, Made};
use super::session::{self, Planned};
use crate::plan::file;
use crate::plan::model::Plan;
use crate::session::Session;
use crate::units::Minor;
use crate::view::{json_line, plan_json, plan_text, saved_text};

pub fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    if !args.rollback && (args.back.points || args.back.to.is_some()) {
        return Err(Failure::Usage("-points and -to say which way back: they need -rollback".to_owned()));
    }
    if args.rollback && args.until.is_some() {
        return Err(Failure::Usage("-until is of the way up: it has no place beside -rollback".to_owned()));
    }
    let session = session::open(context)?;
    let again = |plan: &Plan| match &args.out {
        Some(path) => again::apply_saved(context, path, plan.declared.client.has_sealed(), &session.sensitive),
        None => again::finish(context, plan, &session.sensitive),
    };
    let made = super::runtime()?.block_on(async {
        let Planned { plan, live } = if args.rollback {
            match rollback::make(&args.back, context, &session).await? {
                Made::Plan(planned) => *planned,
                Made::Told(exit) => return Ok(Err(exit)),
            }
        } else {
            let mut planned = make(context, &session).await?;
            stop_at(&mut planned.plan, args.until)?;
            planned
        };
        tracing::info!(round_trips = ?live.round_trips(), "looked at the hosts");
        live.close().await;
        Ok::<_, Failure>(Ok(plan))
    })?;
    let plan = match made {
        Ok(plan) => plan,
        Err(exit) => return Ok(exit),
    };
    let screen = &context.screen;
    // Saved before it is shown: whoever reads "saved" finds it there.
    if let Some(path) = &args.out {
        file::save(&plan, path)?;
    }
    match screen.format {
        Format::Json => screen.out.write(&json_line(&plan_json(&plan))),
        Format::Human => {
            screen.out.write(&plan_text(&plan, screen.style()));
            screen.out.write(&saved_text(&plan, args.out.as_deref(), &again(&plan), screen.style()));
        }
    }
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Success })
}

/// `-until`: what comes after that rung is left out.
pub(super) fn stop_at(plan: &mut Plan, until: Option<Minor>) -> Result<(), Failure> {
    let Some(minor) = until else { return Ok(()) };
    if plan.stop_at(minor) {
        return Ok(());
    }
    let mut minors = vec![plan.summary.to.minor().to_string()];
    minors.extend(plan.later.iter().map(|later| later.to.minor().to_string()));
    minors.dedup();
    let message = format!("-until {minor}: no rung of this plan leads to {minor}, only to {}", minors.join(", "));
    Err(Failure::Usage(message))
}

/// Plans, telling of downloads meanwhile.
pub(super) async fn make(context: &Context, session: &Session) -> Result<Planned, Failure> {
    let reporter = context.screen.reporter(None);
    let planned = session::make_plan(session, &|event| reporter.event(&event)).await;
    reporter.close();
    planned
}
