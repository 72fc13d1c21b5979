//! `quorate drift`: what is not as it is declared, or not well; once, or on a schedule.

use std::path::Path;
use std::time::Instant;

use time::OffsetDateTime;

use super::args::DriftArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{self, Signals};
use super::whole_file;
use crate::session::CommandRule;
use crate::units::Span;
use crate::view::{
    Looked, drift_json, drift_junit, drift_markdown, drift_metrics, drift_text, error_json, error_text, json_line,
    look_text, watch_metrics,
};
use crate::watch::{self, Last, Look};

pub fn run(args: &DriftArgs, context: &Context) -> Result<Exit, Failure> {
    match args.every {
        Some(every) => go_on(args, every, context),
        None => once(args, context),
    }
}

fn once(args: &DriftArgs, context: &Context) -> Result<Exit, Failure> {
    let session = session::open(context)?;
    let began = Instant::now();
    let looked = super::runtime()?.block_on(session::drift(&session));
    // Also of a look that failed: what the last one wrote would go on to say that all is well.
    if let Some(path) = &args.prometheus {
        let seen = looked.as_ref().map_or(Looked::Failed, Looked::Seen);
        let name = session.cluster.name.as_str();
        write(path, &drift_metrics(name, seen, began.elapsed(), OffsetDateTime::now_utc()))?;
    }
    let drift = looked?;
    if let Some(path) = &args.junit {
        write(path, &drift_junit(&drift))?;
    }
    let screen = &context.screen;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&drift_json(&drift)),
        Format::Human if args.markdown => drift_markdown(&drift),
        Format::Human => drift_text(&drift, screen.style()),
    });
    Ok(if drift.is_none() { Exit::Success } else { Exit::Found })
}

/// Looks until it is told to end. A spec that does not hold at the start is an error; one that is broken later is a look
/// that failed.
fn go_on(args: &DriftArgs, every: Span, context: &Context) -> Result<Exit, Failure> {
    session::open(context)?;
    let options = watch::Options { every, listen: args.listen };
    super::runtime()?.block_on(async {
        let signals = Signals::listen()?;
        let said = |last: &Last, problems: &[String]| tell(args, context, last, problems);
        let ran = watch::run(options, async || look(context).await, said, signals.stop()).await;
        ran.map_err(|error| Failure::of_text(CommandRule::MachineFit, &error.to_string()))
    })?;
    Ok(Exit::Success)
}

/// The spec is read anew each time: it may have been changed.
async fn look(context: &Context) -> Look {
    let session = match session::open(context) {
        Ok(session) => session,
        Err(failure) => return Look { cluster: None, policy: None, drift: Err(failure.in_words()) },
    };
    let drift = session::drift(&session).await.map_err(|failure| failure.in_words());
    Look { cluster: Some(session.cluster.name.clone()), policy: Some(session.drift.clone()), drift }
}

fn tell(args: &DriftArgs, context: &Context, last: &Last, problems: &[String]) {
    let screen = &context.screen;
    screen.out.write(&match (screen.format, &last.drift) {
        (Format::Json, Ok(drift)) => json_line(&drift_json(drift)),
        (Format::Json, Err(why)) => json_line(&error_json(why, &[], None)),
        (Format::Human, _) => look_text(last, screen.style()),
    });
    let written = args.prometheus.as_deref().map(|path| (path, whole_file::replace(path, &watch_metrics(Some(last)))));
    let unwritten = match written {
        Some((path, Err(why))) => Some(format!("{}: cannot be written: {why}", path.display())),
        _ => None,
    };
    for problem in problems.iter().chain(&unwritten) {
        screen.err.write(&error_text(problem, &[], screen.err_terminal.style));
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    whole_file::replace(path, text).map_err(|why| Failure::Ruled {
        rule: CommandRule::FileUsable,
        message: format!("{}: cannot be written: {why}", path.display()),
        todo: vec!["name a file in a folder that can be written to".to_owned()],
    })
}
