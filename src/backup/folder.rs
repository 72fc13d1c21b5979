//! Folders that are whole or not there: a backup is made in a hidden folder beside its final name and renamed at the
//! end. What a killed controller leaves is known by its process id and swept by the next one.

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::BackupError;

const PRIVATE_DIR: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;
/// Longest name of a backup.
const LONGEST_ID: usize = 100;
/// Marks folders that are being made or removed: `.ID.PID.part`.
const PART: &str = "part";

/// A folder under way. Removed when dropped, unless it was kept.
pub(super) struct PartDir {
    path: PathBuf,
    destination: PathBuf,
}

impl PartDir {
    pub(super) fn create(dir: &Path, id: &str) -> Result<Self, BackupError> {
        check_id(id)?;
        create_private(dir)?;
        sweep(dir);
        let destination = dir.join(id);
        if destination.symlink_metadata().is_ok() {
            return Err(BackupError::AlreadyThere { path: destination });
        }
        let path = hidden(dir, id);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(BackupError::file(&path, &error)),
            _ => {}
        }
        create_private(&path)?;
        Ok(Self { path, destination })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder its name. From here on it is a backup.
    pub(super) fn keep(self) -> Result<PathBuf, BackupError> {
        sync_dir(&self.path)?;
        std::fs::rename(&self.path, &self.destination).map_err(|error| BackupError::file(&self.destination, &error))?;
        if let Some(parent) = self.destination.parent() {
            sync_dir(parent)?;
        }
        Ok(self.destination.clone())
    }
}

impl Drop for PartDir {
    fn drop(&mut self) {
        // After `keep` there is nothing under this name any more.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Removes a kept backup. It loses its name first, so that half of it is never taken for a backup.
pub(super) fn remove(dir: &Path, id: &str) -> Result<(), BackupError> {
    check_id(id)?;
    let (path, gone) = (dir.join(id), hidden(dir, id));
    std::fs::rename(&path, &gone).map_err(|error| BackupError::file(&path, &error))?;
    std::fs::remove_dir_all(&gone).map_err(|error| BackupError::file(&gone, &error))
}

fn hidden(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!(".{id}.{}.{PART}", std::process::id()))
}

pub(super) fn check_id(id: &str) -> Result<(), BackupError> {
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if plain && id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.len() <= LONGEST_ID {
        return Ok(());
    }
    Err(BackupError::Id { id: id.chars().take(LONGEST_ID).flat_map(char::escape_debug).collect() })
}

fn create_private(path: &Path) -> Result<(), BackupError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_DIR)
        .create(path)
        .map_err(|error| BackupError::file(path, &error))
}

/// A new file that only this user may read.
pub(super) async fn create_file(path: &Path) -> Result<tokio::fs::File, BackupError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(PRIVATE_FILE);
    tokio::fs::OpenOptions::from(options).open(path).await.map_err(|error| BackupError::file(path, &error))
}

pub(super) fn sync_dir(path: &Path) -> Result<(), BackupError> {
    std::fs::File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| BackupError::file(path, &error))
}

/// Folders of backups that were never finished, and of which the controller is gone.
pub fn orphans(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(is_orphan)).map(|entry| entry.path()).collect()
}

/// Removes one of these.
pub fn remove_orphan(path: &Path) -> Result<(), BackupError> {
    if !path.file_name().and_then(|name| name.to_str()).is_some_and(is_orphan) {
        return Err(BackupError::File { path: path.to_owned(), reason: "no rest of a backup".to_owned() });
    }
    std::fs::remove_dir_all(path).map_err(|error| BackupError::file(path, &error))
}

/// Removes what controllers that are no longer there have left. Failing to is no reason not to take a backup.
fn sweep(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(is_orphan) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn is_orphan(name: &str) -> bool {
    let Some(rest) = name.strip_prefix('.').and_then(|name| name.strip_suffix(PART)) else { return false };
    let Some(pid) = rest.strip_suffix('.').and_then(|rest| rest.rsplit('.').next()) else { return false };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    pid != std::process::id() && Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{pid}")).exists()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("backups");
        let part = PartDir::create(&dir, "b1").unwrap();
        let mode = part.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        std::fs::write(part.path().join("x"), "1").unwrap();
        drop(part);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);

        let part = PartDir::create(&dir, "b1").unwrap();
        std::fs::write(part.path().join("x"), "1").unwrap();
        assert_eq!(part.keep().unwrap(), dir.join("b1"));
        assert!(dir.join("b1/x").exists());
        assert!(matches!(PartDir::create(&dir, "b1"), Err(BackupError::AlreadyThere { .. })));
        remove(&dir, "b1").unwrap();
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    }

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        let root = tempfile::tempdir().unwrap();
        for id in ["", "..", ".", "a/b", "/etc", "-x", "a\nb", &"x".repeat(101)] {
            assert!(matches!(PartDir::create(root.path(), id), Err(BackupError::Id { .. })), "{id:?}");
        }
    }

    #[test]
    fn what_a_dead_controller_left_is_swept_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        // Above the largest process id there can be.
        let stale = root.path().join(".b1.4194999.part");
        let own = root.path().join(format!(".b2.{}.part", std::process::id()));
        let others = [".hidden", "b3", ".b4.part", ".b5.x.part"].map(|name| root.path().join(name));
        for path in others.iter().chain([&stale, &own]) {
            std::fs::create_dir(path).unwrap();
        }
        drop(PartDir::create(root.path(), "b6").unwrap());
        assert!(!stale.exists() && own.exists());
        assert!(others.iter().all(|path| path.exists()));
    }
}
