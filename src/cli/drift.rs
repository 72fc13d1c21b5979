//! `quorate drift`: what is not as it is declared, or not well.

use std::path::Path;
use std::time::Instant;

use time::OffsetDateTime;

use super::args::DriftArgs;
use super::context::{Context, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::session;
use super::whole_file;
use crate::view::{Looked, drift_json, drift_junit, drift_markdown, drift_metrics, drift_text, json_line};

pub fn run(args: &DriftArgs, context: &Context) -> Result<Exit, Failure> {
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

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    whole_file::replace(path, text).map_err(|why| Failure::Other {
        message: format!("{}: cannot be written: {why}", path.display()),
        todo: vec!["name a file in a folder that can be written to".to_owned()],
    })
}
