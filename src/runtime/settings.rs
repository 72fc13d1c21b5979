//! Files that set a member's options: made ready beside the old ones while it runs, put in place by one rename each while it
//! is down, and back. Only lines go to the host, never a whole file.

use std::time::Duration;

use crate::host::Host;
use crate::observe::settings::{FileEdit, SettingsKind};

use super::answer::ask;
use super::error::RuntimeError;
use super::scripts;
use super::site::check_path;

/// To read and write a small file on a slow disk, and for systemd to read its units again.
const DEADLINE: Duration = Duration::from_secs(90);

/// Where the old file is kept for the way back, and the note beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepSettings {
    pub path: String,
    pub note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsState {
    /// It lies beside the old one.
    Ready,
    Changed,
    /// The file is what it should become.
    Already,
}

/// Lays the new file beside the old one, and keeps the old one.
pub async fn ready_settings(host: &Host, edit: &FileEdit, keep: &KeepSettings) -> Result<SettingsState, RuntimeError> {
    lay(host, edit, "ready", Some(keep), None).await
}

/// Puts the new file in place. Made anew where it does not lie ready; systemd is told where it is a unit.
pub async fn place_settings(host: &Host, edit: &FileEdit, keep: &KeepSettings) -> Result<SettingsState, RuntimeError> {
    lay(host, edit, "place", Some(keep), None).await
}

/// The way back, by the edit that leads there. `kept`: a copy of what it leads to, for a disk that is full.
pub async fn put_settings_back(host: &Host, back: &FileEdit, kept: &str) -> Result<SettingsState, RuntimeError> {
    lay(host, back, "place", None, Some(kept)).await
}

async fn lay(
    host: &Host,
    edit: &FileEdit,
    mode: &str,
    keep: Option<&KeepSettings>,
    reserve: Option<&str>,
) -> Result<SettingsState, RuntimeError> {
    let path = check_path("file of settings", &edit.path)?;
    let kept = keep.map(|keep| check_path("kept file", &keep.path)).transpose()?.unwrap_or_default();
    let reserve = reserve.map(|path| check_path("kept file", path)).transpose()?.unwrap_or_default();
    let reload = if edit.kind == SettingsKind::Unit { "yes" } else { "no" };
    let note = keep.map(|keep| keep.note.as_str()).unwrap_or_default();
    let mut args: Vec<String> =
        [&path, &edit.before.to_string(), &edit.after.to_string(), reload, mode, &kept, note, &reserve]
            .map(str::to_owned)
            .into();
    for hunk in &edit.hunks {
        args.extend([hunk.line.to_string(), hunk.old.len().to_string(), hunk.new.len().to_string()]);
        args.extend(hunk.new.iter().cloned());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let answer = ask(host, scripts::LAY_SETTINGS, &args, DEADLINE).await?;
    Ok(match answer.need("state")? {
        "already" => SettingsState::Already,
        "ready" => SettingsState::Ready,
        _ => SettingsState::Changed,
    })
}
