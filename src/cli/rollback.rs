//! `quorate rollback`: back to the version that was there before, after asking; or what is possible, and what it costs.

use super::approve;
use super::args::{BackTo, RollbackArgs};
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, Planned, RollbackPlanned};
use crate::plan::rollback::{Asked, By};
use crate::session::Session;
use crate::view::{choices_json, choices_text, json_line, nothing_json, nothing_text, plan_json, plan_text};

pub fn run(args: &RollbackArgs, context: &Context) -> Result<Exit, Failure> {
    super::runtime()?.block_on(async {
        let mut session = session::open(context)?;
        session::lock_for_run(context, &mut session, "rollback")?;
        let Planned { plan, live } = match make(&args.back, context, &session).await? {
            Made::Plan(planned) => *planned,
            Made::Told(exit) => return Ok(exit),
        };
        let screen = &context.screen;
        match screen.format {
            Format::Json => screen.out.write(&json_line(&plan_json(&plan))),
            Format::Human => screen.out.write(&plan_text(&plan, screen.style())),
        }
        // Not before: where there is nothing to approve, what there is to tell needs no terminal.
        if !args.auto_approve {
            approve::can_ask(screen, "rollback")?;
            approve::ask(context, plan.cluster.as_str(), "rollback")?;
        }
        super::apply::perform(context, &session, &plan, live).await
    })
}

/// What was asked for came to this.
pub(super) enum Made {
    Plan(Box<Planned>),
    /// There is no plan, and everything there is to tell was told.
    Told(Exit),
}

/// Plans the way back. Where a choice has to be made first, says which there are: nothing was done then.
pub(super) async fn make(back: &BackTo, context: &Context, session: &Session) -> Result<Made, Failure> {
    let asked = Asked { to: back.to.clone(), by: if back.points { By::Points } else { By::Swap } };
    let screen = &context.screen;
    match session::make_rollback(session, &asked).await? {
        RollbackPlanned::Plan(planned) => Ok(Made::Plan(planned)),
        RollbackPlanned::Nothing { why } => {
            let cluster = session.cluster.name.as_str();
            screen.out.write(&match screen.format {
                Format::Json => json_line(&nothing_json(cluster, &why)),
                Format::Human => nothing_text(cluster, &why, screen.style()),
            });
            Ok(Made::Told(Exit::Success))
        }
        RollbackPlanned::Choices(choices) => {
            screen.out.write(&match screen.format {
                Format::Json => json_line(&choices_json(&choices)),
                Format::Human => choices_text(&choices, screen.style()),
            });
            Ok(Made::Told(Exit::Error))
        }
    }
}
