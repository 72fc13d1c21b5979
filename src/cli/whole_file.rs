//! Files for other programs, written as a whole: who reads one sees the old text or the new one, never a part.

use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Others read it: it holds no secret.
const MODE: u32 = 0o644;

/// Writes the file, or puts the text in the place of what it holds. A link is followed, and stays; what is no file (a
/// device, a pipe, a folder) is never put away for one.
pub fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let target = match path.metadata() {
        Ok(there) if there.is_file() => path.canonicalize()?,
        Ok(_) => return Err(Error::new(ErrorKind::InvalidInput, "what is there is no file")),
        Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => path.to_owned(),
        Err(error) => return Err(error),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A collector that reads all of a folder leaves hidden files alone.
    let mut file = tempfile::Builder::new().prefix(".quorate-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(MODE))?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_link_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("a.prom"), dir.path().join("link"));
        replace(&file, "one\n").unwrap();
        std::os::unix::fs::symlink("a.prom", &link).unwrap();
        replace(&link, "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two\n");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left there");
    }

    #[test]
    fn what_is_no_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        assert!(replace(dir.path(), "x").is_err());
        assert!(replace(Path::new("/dev/null"), "x").is_err());
        let dangling = dir.path().join("dangling");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        assert!(replace(&dangling, "x").is_err());
    }
}
