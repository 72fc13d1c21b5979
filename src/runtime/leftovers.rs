//! What quorate left on a host: staged and kept releases, rollback points, replaced data, halves of files. Listed, and
//! removed when somebody else has decided that. Only names that quorate itself gives are looked at.

use std::time::Duration;

use crate::host::Host;
use crate::units::{Bytes, Version};

use super::answer::{ask, clean};
use super::error::RuntimeError;
use super::scripts;
use super::site::Site;

/// To measure large folders on a slow disk.
const LIST: Duration = Duration::from_secs(300);

/// To remove them.
const REMOVE: Duration = Duration::from_secs(1800);

/// Most paths that one script is given: all arguments together are one word of the remote shell.
const MOST_AT_ONCE: usize = 20;

/// Most leftovers of one member that are listed.
const MOST_LISTED: usize = 10_000;

/// One thing that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub kind: LeftoverKind,
    pub size: Bytes,
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftoverKind {
    /// `STORE/VERSION`: a release that was staged, or an old binary that was kept.
    Release { version: Version },
    /// The same, and some process runs from it.
    UsedRelease,
    /// `DATA.quorate-RUN-vVERSION`, with its note.
    RollbackPoint { run: String, version: Version },
    /// `DATA.quorate-replaced-RUN`: the data that a rollback or restore put aside.
    Replaced { run: String },
    /// `DATA.quorate-in-RUN`, `DATA.quorate-restoring-RUN`: data that was to come in.
    Incoming { run: String },
    /// `DATA.quorate-replacing`: data is being replaced right now, or that was broken off.
    Note,
    /// Half of something: a copy, a transfer, a swap, a backup that was broken off.
    Part,
    /// Begins as quorate's names do, and is none that is known.
    Unknown,
}

/// What came of a removal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    pub gone: Vec<String>,
    /// With the reason.
    pub kept: Vec<String>,
}

/// Lists what is there for one member.
pub async fn leftovers(host: &Host, site: &Site, store: &str) -> Result<Vec<Leftover>, RuntimeError> {
    let answer = ask(host, scripts::LEFTOVERS, &places(site, store), LIST).await?;
    let lines = answer.all("left");
    if lines.len() > MOST_LISTED {
        return Err(answer.broken(&format!("it lists {} things", lines.len()), ""));
    }
    lines
        .into_iter()
        .map(|line| read(line).ok_or_else(|| answer.broken(&format!("it has a line {:?}", clean(line)), "")))
        .collect()
}

/// Removes some of what was listed. Each is looked at again.
pub async fn remove_leftovers(
    host: &Host,
    site: &Site,
    store: &str,
    paths: &[String],
) -> Result<Removed, RuntimeError> {
    let mut removed = Removed::default();
    for some in paths.chunks(MOST_AT_ONCE) {
        let mut args = places(site, store).to_vec();
        args.extend(some.iter().map(String::as_str));
        let answer = ask(host, scripts::REMOVE_LEFTOVERS, &args, REMOVE).await?;
        removed.gone.extend(answer.texts("gone"));
        removed.kept.extend(answer.texts("kept"));
    }
    Ok(removed)
}

fn places<'a>(site: &'a Site, store: &'a str) -> [&'a str; 4] {
    [store, &site.binary, &site.data_dir, site.wal_dir.as_deref().unwrap_or_default()]
}

pub(super) fn read(line: &str) -> Option<Leftover> {
    let (kind, rest) = line.split_once(' ')?;
    let (size, path) = rest.split_once(' ')?;
    let size = Bytes(size.parse::<u64>().ok()?.saturating_mul(1024));
    let path = path.to_owned();
    let kind = match kind {
        "release" => {
            path.rsplit('/').next()?.parse().map_or(LeftoverKind::Unknown, |version| LeftoverKind::Release { version })
        }
        "used" => LeftoverKind::UsedRelease,
        "part" => LeftoverKind::Part,
        "beside" => beside(&path),
        _ => return None,
    };
    Some(Leftover { kind, size, path })
}

/// What a name beside a data directory means.
fn beside(path: &str) -> LeftoverKind {
    let name = path.rsplit('/').next().unwrap_or_default();
    // The data directory's own name may hold anything.
    if name.contains(".part.quorate-") || name.ends_with(".json") || name.ends_with(".json.part") {
        return LeftoverKind::Part;
    }
    let Some((_, suffix)) = name.rsplit_once(".quorate-") else { return LeftoverKind::Unknown };
    let of_run = |run: &str| run.to_owned();
    if suffix == "replacing" {
        LeftoverKind::Note
    } else if let Some(run) = suffix.strip_prefix("replaced-") {
        LeftoverKind::Replaced { run: of_run(run) }
    } else if let Some(run) = suffix.strip_prefix("in-").or_else(|| suffix.strip_prefix("restoring-")) {
        LeftoverKind::Incoming { run: of_run(run) }
    } else if let Some((run, version)) = suffix.rsplit_once("-v")
        && let Ok(version) = version.parse()
    {
        LeftoverKind::RollbackPoint { run: of_run(run), version }
    } else {
        LeftoverKind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_data_are_told_apart() {
        let run = || "20261121T095732Z-fc0332c1".to_owned();
        let version: Version = "3.1.20".parse().unwrap();
        for (suffix, kind) in [
            ("quorate-20261121T095732Z-fc0332c1-v3.1.20", LeftoverKind::RollbackPoint { run: run(), version }),
            ("quorate-20261121T095732Z-fc0332c1-v3.1.20.json", LeftoverKind::Part),
            ("part.quorate-20261121T095732Z-fc0332c1-v3.1.20", LeftoverKind::Part),
            ("quorate-replaced-20261121T095732Z-fc0332c1", LeftoverKind::Replaced { run: run() }),
            ("quorate-in-20261121T095732Z-fc0332c1", LeftoverKind::Incoming { run: run() }),
            ("quorate-replacing", LeftoverKind::Note),
            ("quorate-of-tomorrow", LeftoverKind::Unknown),
        ] {
            assert_eq!(beside(&format!("/var/lib/my etcd.{suffix}")), kind, "{suffix}");
        }
    }

    #[test]
    fn lines_of_an_answer_are_read_or_refused() {
        let left = read("release 2048 /usr/local/lib/quorate/3.1.20").unwrap();
        assert_eq!(
            (left.size, left.kind),
            (Bytes::mebi(2), LeftoverKind::Release { version: "3.1.20".parse().unwrap() })
        );
        assert_eq!(read("release 0 /x/not-a-version").unwrap().kind, LeftoverKind::Unknown);
        for wrong in ["", "release", "release x /y", "release 1", "other 1 /y"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
