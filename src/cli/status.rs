//! `quorate status`: the cluster as it is right now.

use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session;
use crate::view::{json_line, status_json, status_text};

pub fn run(context: &Context) -> Result<Exit, Failure> {
    let session = session::open(context)?;
    let status = super::runtime()?.block_on(session::status(&session))?;
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&status_json(&status)),
        Format::Human => status_text(&status, screen.style()),
    });
    Ok(if status.is_well() { Exit::Success } else { Exit::Found })
}
