//! `quorate validate`: checks the spec, and talks to no host.

use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::{Failure, diagnostics};
use super::session;
use crate::view::{diagnostics_json, diagnostics_text, json_line};

pub fn run(context: &Context) -> Result<Exit, Failure> {
    let valid = session::check_spec(context)?;
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&diagnostics_json(diagnostics(&valid.warnings))),
        Format::Human => diagnostics_text(diagnostics(&valid.warnings), screen.style()),
    });
    Ok(Exit::Success)
}
