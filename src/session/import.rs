//! Looks at hosts that no spec declares yet, by drafts of one.

use std::path::Path;

use crate::import::{Asked, ImportError, RunBy, Target, draft, follow, spec_text};
use crate::session::{Session, SessionError};
use crate::spec::Inputs;
use crate::spec::model::Toggle;
use crate::units::Version;

/// A look for the unit, one for the members' own names, one for those that nobody named; and one that finds no more.
const MOST_LOOKS: usize = 5;

/// Most folders of members that are looked into.
const MOST_FOLDERS: usize = 100;

/// The file of members' arguments, by which a folder of plain processes is known.
const ARGS: &str = "args";

/// A spec, and what a plan of it comes to.
pub struct Imported {
    pub text: String,
    pub version: Version,
    /// The members' names.
    pub members: Vec<String>,
    /// What a plan would say other than that there is nothing to do, a sentence each.
    pub problems: Vec<String>,
}

/// Looks, and makes the first spec of what is there. Nothing is written but in a scratch folder of this call.
pub async fn import(asked: &Asked) -> Result<Imported, SessionError> {
    let scratch = tempfile::tempdir().map_err(|reason| SessionError::Scratch { reason })?;
    let mut asked = asked.clone();
    if asked.targets.is_empty()
        && let RunBy::Folder(dir) = &asked.run_by
    {
        asked.targets = members_of(Path::new(dir))?;
    }
    let state = scratch.path().join("state").display().to_string();
    for _ in 0..MOST_LOOKS {
        let session = open(scratch.path(), &draft(&asked, &state))?;
        let inventory = session.look_once(Toggle::Off).await?;
        if let Some(next) = follow(&asked, &inventory)? {
            asked = next;
            continue;
        }
        let text = spec_text(&asked, &inventory, &session.modules.knowledge)?;
        return tried(scratch.path(), &state, text).await;
    }
    Err(ImportError(vec![format!("after {MOST_LOOKS} looks the list of members is still another one")]).into())
}

/// The spec as `plan` takes it.
async fn tried(scratch: &Path, state: &str, text: String) -> Result<Imported, SessionError> {
    let session = open(scratch, &format!("{text}\nquorate {{\n  state \"local\" {{ path = \"{state}\" }}\n}}\n"))?;
    let problems = match session.plan(&|_| ()).await {
        Ok(planned) => {
            let has_changes = !planned.plan.is_empty();
            planned.live.close().await;
            if has_changes { vec!["it would change something".to_owned()] } else { Vec::new() }
        }
        Err(SessionError::Refused(refusals)) => {
            let each = refusals.into_iter().map(|refusal| format!("{}: {}", refusal.rule, refusal.seen));
            each.collect()
        }
        Err(error) => return Err(error),
    };
    let members = session.cluster.members.iter().map(|member| member.name.to_string()).collect();
    Ok(Imported { text, version: session.cluster.version.clone(), members, problems })
}

fn open(scratch: &Path, text: &str) -> Result<Session, SessionError> {
    std::fs::write(scratch.join("cluster.hcl"), text).map_err(|reason| SessionError::Scratch { reason })?;
    Session::open(scratch, &Inputs::default(), None).map_err(|error| match error {
        // The file is none that anybody knows: what is wrong with it is what counts.
        SessionError::Spec(wrong) => {
            let each = wrong.0.into_iter().map(|one| format!("{}: {}", one.summary, one.detail));
            ImportError(each.collect()).into()
        }
        error => error,
    })
}

/// The members whose folders are below one of plain processes.
fn members_of(dir: &Path) -> Result<Vec<Target>, SessionError> {
    let unreadable = |error: std::io::Error| ImportError(vec![format!("{}: {error}", dir.display())]);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)?.take(MOST_FOLDERS) {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
        names.extend(name.filter(|_| entry.path().join(ARGS).is_file()));
    }
    names.sort();
    if names.is_empty() {
        return Err(ImportError(vec![format!("{}: no folder of a member is in it", dir.display())]).into());
    }
    Ok(names.into_iter().map(Target::here).collect())
}
