//! Other data in the place of a stopped member's: laid ready beside it, then moved in by renames. What was there is moved
//! aside, never deleted. The names are in [`crate::plan::model::Replacement`]'s file.

use std::time::Duration;

use crate::host::Host;
use crate::units::Bytes;

use super::answer::ask;
use super::error::RuntimeError;
use super::scripts;
use super::site::check_path;

/// For renames and small files on a slow disk, with a flush.
pub(super) const RENAME_DEADLINE: Duration = Duration::from_secs(120);

/// Most bytes of a note: it is one argument of a script, and Linux takes 128 KiB in one.
const MOST_NOTE: usize = 100 * 1024;

/// Where a member's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataPaths<'a> {
    pub data: &'a str,
    /// Outside the data directory.
    pub wal: Option<&'a str>,
}

/// A copy that lies ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    pub size: Bytes,
    /// False when it lay there already, or is in place.
    pub copied: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Where what was there is now.
    pub aside: String,
    /// False when it was done already.
    pub replaced: bool,
}

/// Copies a rollback point beside the member's data. Refuses a point that was written to since it was taken. Run again, it
/// keeps a whole copy, and, where the copy is in place already, sees whether the member has run on it since: then it lays
/// a new one ready.
pub async fn lay_ready(
    host: &Host,
    to: DataPaths<'_>,
    id: &str,
    point: DataPaths<'_>,
    deadline: Duration,
) -> Result<Laid, RuntimeError> {
    let (data, wal) = checked(to)?;
    let (point, point_wal) = checked(point)?;
    let args = [data.as_str(), &wal, check_id(id)?, &point, &point_wal];
    let answer = ask(host, scripts::LAY_READY, &args, deadline).await?;
    Ok(Laid {
        size: Bytes(answer.need_number::<u64>("size")?.saturating_mul(1024)),
        copied: answer.need("copied")? == "yes",
    })
}

/// Writes the note beside the data directory, and puts it on the disk. Says where it is.
pub async fn mark_replacement(host: &Host, at: DataPaths<'_>, note: &str) -> Result<String, RuntimeError> {
    let (data, _) = checked(at)?;
    if note.len() > MOST_NOTE || note.contains('\n') {
        let value = note.chars().take(80).collect();
        return Err(RuntimeError::Value { what: "note", value, rule: "is too long, or of more than one line" });
    }
    let answer = ask(host, scripts::MARK_REPLACEMENT, &[&data, note], RENAME_DEADLINE).await?;
    Ok(answer.need("path")?.to_owned())
}

/// Moves the data of a stopped member aside, and what lies ready in its place. Refuses while a process has it open, and
/// where there is no note.
pub async fn replace_data(host: &Host, at: DataPaths<'_>, id: &str) -> Result<Replaced, RuntimeError> {
    let (data, wal) = checked(at)?;
    let answer = ask(host, scripts::REPLACE_DATA, &[&data, &wal, check_id(id)?], RENAME_DEADLINE).await?;
    Ok(Replaced { aside: answer.need("aside")?.to_owned(), replaced: answer.need("replaced")? == "yes" })
}

/// Removes the note, and copies that were laid ready and never used.
pub async fn unmark_replacement(host: &Host, at: DataPaths<'_>) -> Result<(), RuntimeError> {
    let (data, wal) = checked(at)?;
    ask(host, scripts::UNMARK_REPLACEMENT, &[&data, &wal], RENAME_DEADLINE).await.map(drop)
}

pub(super) fn checked(paths: DataPaths<'_>) -> Result<(String, String), RuntimeError> {
    let wal = paths.wal.map(|wal| check_path("WAL directory", wal)).transpose()?.unwrap_or_default();
    Ok((check_path("data directory", paths.data)?, wal))
}

/// It becomes part of a name.
pub(super) fn check_id(id: &str) -> Result<&str, RuntimeError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.is_empty() && id.len() <= 64 && id.chars().all(plain) {
        return Ok(id);
    }
    let value = id.chars().take(80).collect();
    Err(RuntimeError::Value { what: "run id", value, rule: "is not made of letters, digits, - and _" })
}
