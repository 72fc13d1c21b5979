//! `quorate validate`: checks the spec, and talks to no host.

use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::{Failure, diagnostics};
use super::specs;
use crate::view::{diagnostics_json, diagnostics_text, json_line};

pub fn run(context: &Context) -> Result<Exit, Failure> {
    let warnings = specs::reports(specs::load(context)?.warnings);
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&diagnostics_json(diagnostics(&warnings))),
        Format::Human => diagnostics_text(diagnostics(&warnings), screen.style()),
    });
    Ok(Exit::Success)
}
