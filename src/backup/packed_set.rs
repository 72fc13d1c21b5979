//! Packed data directories on the controller, kept until they are in place on their hosts: a run that goes on after a
//! crash sends these, not others. They are one set: members of two assemblies do not know each other.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt as _;

use super::assemble::Assembled;
use super::{BackupError, folder};

const FILE: &str = "set.json";
/// Most bytes of a list that are read.
const LARGEST: u64 = 1024 * 1024;

/// A new, empty folder for the set of a run; sets of earlier runs go, whole or not: they are of the same cluster, and
/// nobody will ask for them again.
pub fn begin(dir: &Path, run: &str) -> Result<PathBuf, BackupError> {
    let place = of_run(dir, run)?;
    forget(dir)?;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&place);
    made.map_err(|error| BackupError::file(&place, &error))?;
    Ok(place)
}

/// Written last: where it is, the set is whole.
pub async fn save(dir: &Path, run: &str, set: &[Assembled]) -> Result<(), BackupError> {
    let place = of_run(dir, run)?;
    let (path, part) = (place.join(FILE), place.join("set.part"));
    let wrong = |error: std::io::Error| BackupError::file(&path, &error);
    let text = serde_json::to_vec_pretty(set).map_err(|error| wrong(error.into()))?;
    let mut file = folder::create_file(&part).await?;
    file.write_all(&text).await.map_err(wrong)?;
    file.sync_all().await.map_err(wrong)?;
    std::fs::rename(&part, &path).map_err(wrong)?;
    folder::sync_dir(&place)
}

/// The whole set of a run, if it is there.
pub fn load(dir: &Path, run: &str) -> Result<Option<Vec<Assembled>>, BackupError> {
    let path = of_run(dir, run)?.join(FILE);
    let wrong = |reason: String| BackupError::File { path: path.clone(), reason };
    let size = match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        facts => facts.map_err(|error| wrong(error.to_string()))?.len(),
    };
    if size > LARGEST {
        return Err(wrong(format!("{size} bytes are too many")));
    }
    let text = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| wrong(format!("not a list of what was packed: {error}")))
}

/// Once all is in place on the hosts: `dir` is one cluster's.
pub fn forget(dir: &Path) -> Result<(), BackupError> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(BackupError::file(dir, &error)),
        _ => Ok(()),
    }
}

/// A note on a host names the run: nothing of it may lead out of the folder.
fn of_run(dir: &Path, run: &str) -> Result<PathBuf, BackupError> {
    folder::check_id(run)?;
    Ok(dir.join(run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::Packed;
    use crate::units::{Bytes, Sha256};

    #[tokio::test]
    async fn a_set_is_whole_or_not_there() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("prod");
        let place = begin(&dir, "r1").unwrap();
        std::fs::write(place.join("m1.tar.gz"), "x").unwrap();
        assert!(load(&dir, "r1").unwrap().is_none());
        let packed =
            Packed { path: place.join("m1.tar.gz"), size: Bytes(1), sha256: Sha256::of(b"x"), unpacked: Bytes(9) };
        let set = vec![Assembled { member: "m1".parse().unwrap(), packed }];
        save(&dir, "r1", &set).await.unwrap();
        assert_eq!(load(&dir, "r1").unwrap(), Some(set));
        begin(&dir, "r2").unwrap();
        assert!(load(&dir, "r1").unwrap().is_none() && !dir.join("r1").exists());
        forget(&dir).unwrap();
        forget(&dir).unwrap();
        assert!(load(&dir, "../r1").is_err());
    }
}
