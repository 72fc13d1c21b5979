//! Cli: arguments in, views out; no logic of its own.
//!
//! In come the command line, the environment and a person's answers; out go calls to the other rooms, what the view
//! makes of the results, and an exit code. One file a command. Nothing here looks at a cluster or decides about one.

mod again;
mod apply;
mod approve;
mod args;
mod argv;
mod backup;
mod clean;
mod completion;
mod context;
mod drift;
mod examples;
mod exit;
mod explain;
mod failure;
mod fmt;
mod graph;
mod guard;
mod import;
mod logging;
mod man;
mod plan;
mod report;
mod restore;
mod rollback;
mod runs;
pub mod session;
mod show;
mod specs;
mod status;
mod unlock;
mod validate;
mod version;
mod whole_file;

use std::ffi::OsString;
use std::process::ExitCode;

pub use args::command as definition;
pub use argv::with_double_dashes;
pub use context::{Context, Format, Screen, VariableInput};
pub use examples::{Example, of as examples_of};
pub use exit::{Exit, MEANINGS, Meaning};
pub use failure::Failure;

use args::{Command, Parsed};

use crate::session::CommandRule;

/// The whole program.
pub fn main() -> ExitCode {
    guard::protect(|| run(std::env::args_os().collect())).into()
}

/// Runs one command line, the program's name first.
fn run(argv: Vec<OsString>) -> Exit {
    if let Some(line) = completion::asked(&argv) {
        return completion::answer(line);
    }
    let parsed = match args::parse(argv::with_double_dashes(argv)) {
        Ok(parsed) => parsed,
        Err(error) => return args::show_error(error),
    };
    let screen = Screen::of_process(&parsed);
    let does_work =
        matches!(parsed.command, Command::Apply(_) | Command::Backup(_) | Command::Rollback(_) | Command::Restore(_));
    let result = logging::start().and_then(|()| enter(&parsed)).and_then(|()| dispatch(parsed, &screen));
    let exit = result.unwrap_or_else(|failure| failure.show(&screen));
    written(&screen, exit, does_work)
}

/// Where the text is the result, a text that is not all there is no success. What was done to a cluster is done, whoever
/// could read of it: then the exit code stays that of the work.
fn written(screen: &Screen, exit: Exit, does_work: bool) -> Exit {
    let Some(why) = screen.out.failure() else { return exit };
    let message = format!("standard output cannot be written: {why}");
    let rule = CommandRule::FileUsable.name();
    screen.err.write(&crate::view::ruled_error_text(&message, &[], rule, screen.err_terminal.style));
    if does_work { exit } else { Exit::Error }
}

/// `-chdir`: everything is as if quorate had been started there.
fn enter(parsed: &Parsed) -> Result<(), Failure> {
    let Some(dir) = &parsed.global.chdir else { return Ok(()) };
    std::env::set_current_dir(dir)
        .map_err(|error| Failure::Usage(format!("-chdir={}: cannot go there: {error}", dir.display())))
}

fn dispatch(parsed: Parsed, screen: &Screen) -> Result<Exit, Failure> {
    let context = |declared: &args::Declared| Context::new(declared, &parsed, screen.clone());
    match &parsed.command {
        Command::Plan(args) => plan::run(args, &context(&args.declared)?),
        Command::Apply(args) => apply::run(args, &context(&args.declared)?),
        Command::Status(args) => status::run(&context(&args.declared)?),
        Command::Drift(args) => drift::run(args, &context(&args.declared)?),
        Command::Import(args) => import::run(args, screen),
        Command::Restore(args) => restore::run(args, &context(&args.declared)?),
        Command::Rollback(args) => rollback::run(args, &context(&args.declared)?),
        Command::Show(args) => show::run(args, screen),
        Command::Graph(args) => graph::run(args, &context(&args.declared)?),
        Command::Validate(args) => validate::run(&context(&args.declared)?),
        Command::Fmt(args) => fmt::run(args, screen),
        Command::Backup(args) => match &args.what {
            None => backup::run(&context(&args.declared)?),
            Some(args::BackupCommand::List(args)) => backup::list(&context(&args.declared)?),
            Some(args::BackupCommand::Verify(args)) => backup::verify(args, &context(&args.declared)?),
            Some(args::BackupCommand::Prune(args)) => backup::prune(args, &context(&args.declared)?),
        },
        Command::Runs(args) => match &args.what {
            None => runs::list(&context(&args.declared)?),
            Some(args::RunsCommand::Show(args)) => runs::show(args, &context(&args.declared)?),
        },
        Command::Report(args) => report::run(args, &context(&args.declared)?),
        Command::Clean(args) => clean::run(args, &context(&args.declared)?),
        Command::Unlock(args) => unlock::run(args, &context(&args.declared)?),
        Command::Explain(args) => explain::run(args, screen),
        Command::Completion(args) => Ok(completion::run(args, screen)),
        Command::Man(args) => man::run(args, screen),
        Command::Version(_) => Ok(version::run(screen)),
    }
}

/// The runtime for what talks to hosts. Two workers: one may be busy with digests while the other keeps connections
/// alive; more would only cost memory.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    /// Threads for file work, each with a stack of its own.
    const MOST_BLOCKING_THREADS: usize = 8;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(MOST_BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::ruled(CommandRule::MachineFit, format!("cannot start threads: {error}")))
}
