//! A bug in quorate itself: said in a few lines, with what to do, instead of a stack trace.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};

use super::exit::Exit;
use crate::view::{Output, Terminal, error_text};

/// Runs the program. A panic anywhere is told of; one that ends the program ends it with 1.
pub fn protect(run: impl FnOnce() -> Exit) -> Exit {
    set_hook(Box::new(|info| Output::stderr().write(&report(info))));
    // Nothing is used after a panic but the exit code.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Error)
}

fn report(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let what = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    let message = format!("this is a bug in quorate {}: {what} ({place})", env!("CARGO_PKG_VERSION"));
    let todo = [
        "run `quorate plan`: it looks at what is there, and says what is left to do".to_owned(),
        format!("please report it, with the lines above and the command: {}/issues", env!("CARGO_PKG_REPOSITORY")),
    ];
    let terminal = Terminal::of_stderr(None);
    format!("{}{}", terminal.without_live_lines(), error_text(&message, &todo, terminal.style))
}
