//! The calls behind the commands: reads the spec, looks at the hosts, plans, executes.

use super::context::Context;
use super::failure::Failure;
use crate::execute::event::Event;
use crate::execute::journal::Ending;
use crate::plan::model::Plan;
use crate::view::BackupSummary;

/// Where events of a run go.
pub type Events<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// Open connections to the hosts that were looked at.
pub struct Live {}

/// A plan, and the connections that it was made over.
pub struct Planned {
    pub plan: Plan,
    pub live: Live,
}

/// A spec that is valid, as far as `validate` tells of it.
pub struct Valid {
    pub warnings: Vec<miette::Report>,
}

fn unavailable<T>(what: &str) -> Result<T, Failure> {
    Err(Failure::other(format!("{what} is not part of this build")))
}

/// Reads and checks the spec; talks to no host.
pub fn check_spec(_context: &Context) -> Result<Valid, Failure> {
    unavailable("reading specs")
}

/// The text of one file in the usual form. `name` is for messages.
pub fn format(_name: &str, _text: &str) -> Result<String, Failure> {
    unavailable("formatting specs")
}

/// Looks at the cluster, finds the releases, and plans.
pub async fn make_plan(_context: &Context) -> Result<Planned, Failure> {
    unavailable("planning")
}

/// Looks at the cluster again. A plan that does not fit any more is refused, with the differences.
pub async fn open_saved(_context: &Context, _plan: &Plan) -> Result<Live, Failure> {
    unavailable("applying a saved plan")
}

/// Does what the plan says.
pub async fn execute(_context: &Context, _plan: Plan, _live: Live, _events: Events<'_>) -> Result<Ending, Failure> {
    unavailable("applying a plan")
}

/// Takes one backup now, and verifies it.
pub async fn take_backup(_context: &Context, _events: Events<'_>) -> Result<BackupSummary, Failure> {
    unavailable("taking a backup")
}
