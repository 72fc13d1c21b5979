//! `quorate graph`: draws a saved plan, or what would be planned now.

use super::args::GraphArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, Planned};
use crate::plan::file;
use crate::plan::model::Plan;
use crate::view::{GraphKind, plan_graph};

pub fn run(args: &GraphArgs, context: &Context) -> Result<Exit, Failure> {
    let plan = match &args.file {
        Some(path) => file::load(path)?,
        None => planned(context)?,
    };
    let kind = if args.dot { GraphKind::Dot } else { GraphKind::Mermaid };
    context.screen.out.write(&plan_graph(&plan, kind));
    Ok(Exit::Success)
}

/// Downloads go on in silence: what is written is the graph alone.
fn planned(context: &Context) -> Result<Plan, Failure> {
    let session = session::open(context)?;
    super::runtime()?.block_on(async {
        let Planned { plan, live } = session::make_plan(&session, &|_| {}).await?;
        live.close().await;
        Ok(plan)
    })
}
