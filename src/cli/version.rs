//! `quorate version`.

use super::context::{Format, Screen};
use super::exit::Exit;
use crate::view::{json_line, version_json, version_text};

pub fn run(screen: &Screen) -> Exit {
    screen.out.write(&match screen.format {
        Format::Json => json_line(&version_json()),
        Format::Human => version_text(),
    });
    Exit::Success
}
