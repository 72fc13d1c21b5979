//! `quorate backup`: takes one now, and verifies it.

use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session;
use crate::view::{backup_json, backups_text, json_line};

pub fn run(context: &Context) -> Result<Exit, Failure> {
    let screen = &context.screen;
    let reporter = screen.reporter(None);
    let session = session::open(context)?;
    let result = super::runtime()?.block_on(session::take_backup(&session, &|event| reporter.event(&event)));
    reporter.close();
    let backup = result?;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&backup_json(&backup)),
        Format::Human => backups_text(std::slice::from_ref(&backup), screen.style()),
    });
    Ok(Exit::Success)
}
