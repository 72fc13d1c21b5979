//! A stopped member that joins its cluster anew: its data set aside, and one start as a member of a cluster that is there. Its
//! configuration stays as it is: from its second start on, etcd goes by its data, and asks no more how it came to be.

use std::time::Duration;

use crate::host::Host;

use super::answer::ask;
use super::error::RuntimeError;
use super::replace::{DataPaths, RENAME_DEADLINE, check_id, checked, replace_data};
use super::scripts;
use super::service::{LAST_LINES, MARGIN, StartOutcome, hundredths, start, started};
use super::site::{Service, Site};
use super::unit::systemd_quote;

/// What is in the place of a member's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InPlace {
    /// etcd has written there.
    pub holds_data: bool,
    /// There is a database of the v3 key space.
    pub has_database: bool,
    /// Something was moved aside under this id already.
    pub set_aside: bool,
    /// An empty place lies ready.
    ready: bool,
}

pub async fn look_at_data(host: &Host, at: DataPaths<'_>, id: &str) -> Result<InPlace, RuntimeError> {
    empty_ready(host, at, id, "look").await
}

async fn empty_ready(host: &Host, at: DataPaths<'_>, id: &str, what: &str) -> Result<InPlace, RuntimeError> {
    let (data, wal) = checked(at)?;
    let answer = ask(host, scripts::EMPTY_READY, &[&data, &wal, check_id(id)?, what], RENAME_DEADLINE).await?;
    let says = |key: &str| Ok::<_, RuntimeError>(answer.need(key)? == "yes");
    Ok(InPlace {
        holds_data: says("holds")?,
        has_database: says("database")?,
        set_aside: says("aside")?,
        ready: says("ready")?,
    })
}

/// Moves what a stopped member has aside, and an empty place in. `None` where there is nothing. Refuses while a process has it
/// open, and where there is no note.
pub async fn set_data_aside(host: &Host, at: DataPaths<'_>, id: &str) -> Result<Option<String>, RuntimeError> {
    if !empty_ready(host, at, id, "lay").await?.ready {
        return Ok(None);
    }
    Ok(Some(replace_data(host, at, id).await?.aside))
}

/// Starts a member with `more` arguments for this start alone, after those that it is configured with, and watches it as
/// [`start`] does. Where systemd runs it, what says so is taken away by [`end_joining`].
pub async fn start_joining(
    host: &Host,
    site: &Site,
    more: &[String],
    watch: Duration,
) -> Result<StartOutcome, RuntimeError> {
    match &site.service {
        Service::Systemd { unit } => {
            ask(host, scripts::START_JOINING, &[unit, &in_a_unit(more)], MARGIN).await?;
            start(host, site, watch).await
        }
        Service::Process { dir } => {
            let watched = hundredths(watch);
            let mut all = vec![dir.as_str(), &watched, LAST_LINES];
            all.extend(more.iter().map(String::as_str));
            if let Some(word) = more.iter().find(|word| word.contains('\n')) {
                let value = word.chars().take(80).collect();
                return Err(RuntimeError::Value { what: "argument", value, rule: "is of more than one line" });
            }
            let deadline = watch.saturating_mul(2).saturating_add(MARGIN);
            started(&ask(host, scripts::START_PROCESS, &all, deadline).await?)
        }
    }
}

/// Words as a command line in a unit file has them.
fn in_a_unit(words: &[String]) -> String {
    words.iter().map(|word| systemd_quote(word, "%$")).collect::<Vec<_>>().join(" ")
}

/// The next start goes by the member's own configuration again.
pub async fn end_joining(host: &Host, site: &Site) -> Result<(), RuntimeError> {
    match &site.service {
        Service::Systemd { unit } => ask(host, scripts::END_JOINING, &[unit], MARGIN).await.map(drop),
        Service::Process { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_gets_each_argument_as_it_is() {
        let words = ["--data-dir=/var/lib/my etcd".to_owned(), "--name=50%$x\"".to_owned()];
        assert_eq!(in_a_unit(&words), r#""--data-dir=/var/lib/my etcd" "--name=50%%$$x\"""#);
    }
}
