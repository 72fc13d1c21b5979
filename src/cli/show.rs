//! `quorate show FILE`: a saved plan, as it was shown when it was made, or for a pull request.

use super::args::ShowArgs;
use super::context::{Format, Screen};
use super::exit::Exit;
use super::failure::Failure;
use crate::plan::file;
use crate::view::{json_line, plan_json, plan_markdown, plan_text};

pub fn run(args: &ShowArgs, screen: &Screen) -> Result<Exit, Failure> {
    let plan = file::load(&args.file)?;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&plan_json(&plan)),
        Format::Human if args.markdown => plan_markdown(&plan),
        Format::Human => plan_text(&plan, screen.style()),
    });
    Ok(Exit::Success)
}
