//! `quorate import`: writes the first spec of a cluster that is there.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::args::ImportArgs;
use super::context::{Format, Screen};
use super::exit::Exit;
use super::failure::Failure;
use super::session::failure_of;
use crate::import::{Asked, BecomeSudo, Reach, RunBy, Target};
use crate::session::{CommandRule, import};
use crate::view::{import_json, import_text, json_line};

pub fn run(args: &ImportArgs, screen: &Screen) -> Result<Exit, Failure> {
    let asked = asked(args)?;
    // Found before anybody is asked for anything: a look takes time.
    if args.out.symlink_metadata().is_ok() {
        return Err(there_already(&args.out));
    }
    let imported = super::runtime()?.block_on(import(&asked)).map_err(failure_of)?;
    write_new(&args.out, &imported.text)?;
    screen.out.write(&match screen.format {
        Format::Json => json_line(&import_json(&args.out, asked.cluster.as_str(), &imported)),
        Format::Human => import_text(&args.out, asked.cluster.as_str(), &imported, screen.style()),
    });
    Ok(if imported.problems.is_empty() { Exit::Success } else { Exit::Found })
}

fn asked(args: &ImportArgs) -> Result<Asked, Failure> {
    let is_here = args.local || args.process.is_some();
    let run_by = match &args.process {
        Some(dir) => RunBy::Folder(absolute(dir)?),
        None => RunBy::Unit(args.unit.clone()),
    };
    let reach = if is_here {
        Reach::Local
    } else {
        Reach::Ssh {
            user: args.user.clone(),
            become_sudo: if args.sudo { BecomeSudo::Yes } else { BecomeSudo::No },
            config_file: args.ssh_config.as_deref().map(absolute).transpose()?,
            identity_file: args.identity.as_deref().map(absolute).transpose()?,
        }
    };
    let targets = match (&reach, &run_by, args.hosts.as_slice()) {
        (Reach::Local, RunBy::Unit(_), []) => vec![Target::unnamed_here()],
        (Reach::Ssh { .. }, _, []) => {
            return Err(Failure::Usage("no host is named: quorate import m1=10.0.0.11 …, or -local".to_owned()));
        }
        (_, _, hosts) => hosts.to_vec(),
    };
    Ok(Asked { cluster: args.name.clone(), reach, run_by, targets, release_url: args.release.clone() })
}

fn absolute(path: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path)
        .map_err(|error| Failure::ruled(CommandRule::FileUsable, format!("{}: {error}", path.display())))?;
    let text = absolute.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Failure::ruled(CommandRule::FileUsable, format!("{}: a spec can only hold paths that are text", path.display()))
    })
}

fn there_already(path: &Path) -> Failure {
    Failure::Ruled {
        rule: CommandRule::FileUsable,
        message: format!("{}: it is there already, and nothing is ever written over", path.display()),
        todo: vec!["name another file: -out=FILE".to_owned()],
    }
}

fn write_new(path: &PathBuf, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => there_already(path),
        _ => Failure::Ruled {
            rule: CommandRule::FileUsable,
            message: format!("{}: cannot be written: {error}", path.display()),
            todo: vec!["name a file in a folder that can be written to: -out=FILE".to_owned()],
        },
    })
}
