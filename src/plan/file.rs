//! Saved plans: `plan -out FILE` writes one, `show FILE` and `apply FILE` read it back.
//!
//! The file is one JSON object: what it is, its format, the digest of the plan, the plan. A file in any other shape
//! is refused, and each wrong shape has its own message, because each has its own fix.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::model::{PLAN_FORMAT, Plan};
use crate::units::{Bytes, Sha256};

/// What stands in `type`.
const FILE_TYPE: &str = "quorate-plan";
/// A plan of a hundred members with all their options is below one megabyte.
const LARGEST_FILE: Bytes = Bytes::mebi(64);

/// Why a saved plan cannot be used, or could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    #[error("{}: cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{}: cannot be written: it is {what}, and only a file is replaced", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    #[error("{}: the plan cannot be saved: {reason}", path.display())]
    Unsaveable { path: PathBuf, reason: String },
    #[error("{}: the file is empty: no plan was saved to it", path.display())]
    Empty { path: PathBuf },
    #[error("{}: the file is larger than {LARGEST_FILE}: it is not a saved plan", path.display())]
    TooLarge { path: PathBuf },
    #[error("{}: the file is cut short: it ends in the middle, after line {line}, column {column}", path.display())]
    CutShort { path: PathBuf, line: usize, column: usize },
    #[error("{}: the file is not a saved plan: it is not JSON ({reason})", path.display())]
    NotJson { path: PathBuf, reason: String },
    #[error("{}: the file is JSON, but not a saved plan: {reason}", path.display())]
    NotAPlan { path: PathBuf, reason: String },
    #[error(
        "{}: the plan has format {seen}, which is older than {PLAN_FORMAT}, the one that this quorate reads",
        path.display()
    )]
    OlderFormat { path: PathBuf, seen: u64 },
    #[error(
        "{}: the plan has format {seen}, which is newer than {PLAN_FORMAT}, the one that this quorate reads",
        path.display()
    )]
    NewerFormat { path: PathBuf, seen: u64 },
    #[error("{}: the plan is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{}: the plan was edited after it was saved: its digest is {is}, the file says {says}",
        path.display()
    )]
    Edited { path: PathBuf, is: Sha256, says: Sha256 },
}

impl PlanFileError {
    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } => "check the path and its permissions",
            Self::NotAFile { .. } => "name a file, or one that is not there yet",
            Self::Unsaveable { .. } => "apply without saving: quorate apply",
            Self::NewerFormat { .. } => "use the quorate that made it, or make a new plan: quorate plan -out=FILE",
            Self::NotJson { .. } | Self::NotAPlan { .. } | Self::TooLarge { .. } => {
                "name a file that `quorate plan -out=FILE` wrote; to apply a spec in a folder: quorate -chdir=FOLDER apply"
            }
            Self::Empty { .. }
            | Self::CutShort { .. }
            | Self::OlderFormat { .. }
            | Self::Damaged { .. }
            | Self::Edited { .. } => "make a new plan: quorate plan -out=FILE",
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    format: u32,
    /// Of `plan` as it stands in the file. A plan that was edited is refused.
    sha256: Sha256,
    plan: &'a Plan,
}

/// Saves a plan: only for its owner to read, and never half-written under its name. A link is followed, and stays. What
/// is no file (a device, a pipe) is never put away for one.
pub fn save(plan: &Plan, path: &Path) -> Result<(), PlanFileError> {
    let unsaveable = |reason: String| PlanFileError::Unsaveable { path: path.to_owned(), reason };
    let envelope = Envelope { r#type: FILE_TYPE, format: plan.format, sha256: plan.digest(), plan };
    let mut text = serde_json::to_vec(&envelope).map_err(|error| unsaveable(error.to_string()))?;
    text.push(b'\n');
    write(&text, path)
}

/// Writes any file as a plan is saved: whole or not at all, for its owner alone, through a link, never in place of a device.
pub fn write(bytes: &[u8], path: &Path) -> Result<(), PlanFileError> {
    let target = target(path)?;
    write_whole(&target, bytes).map_err(|source| PlanFileError::Write { path: path.to_owned(), source })
}

/// The file that is written, or replaced.
fn target(path: &Path) -> Result<PathBuf, PlanFileError> {
    let failed = |source| PlanFileError::Write { path: path.to_owned(), source };
    let kind = match path.symlink_metadata() {
        Ok(of_itself) if of_itself.is_symlink() => path.metadata().map_err(failed)?.file_type(),
        Ok(of_itself) => of_itself.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) => return Err(failed(error)),
    };
    let what = if kind.is_file() {
        return path.canonicalize().map_err(failed);
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else if kind.is_fifo() {
        "a pipe"
    } else {
        "a socket"
    };
    Err(PlanFileError::NotAFile { path: path.to_owned(), what })
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Mode 0600 from the start; removed again when anything below fails.
    let mut file = tempfile::Builder::new().prefix(".quorate-part-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

/// Reads a saved plan, and checks that it is the one that was saved.
pub fn load(path: &Path) -> Result<Plan, PlanFileError> {
    let bytes = read_bounded(path)?;
    let owned = || path.to_owned();
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(PlanFileError::Empty { path: owned() });
    }
    let mut envelope: Value = serde_json::from_slice(&bytes).map_err(|error| {
        if error.is_eof() {
            PlanFileError::CutShort { path: owned(), line: error.line(), column: error.column() }
        } else {
            PlanFileError::NotJson { path: owned(), reason: error.to_string() }
        }
    })?;
    let not_a_plan = |reason: String| PlanFileError::NotAPlan { path: owned(), reason };
    match envelope.get("type").and_then(Value::as_str) {
        Some(FILE_TYPE) => {}
        // What `show -json` prints is made for other programs.
        Some(other) => return Err(not_a_plan(format!("its type is \"{other}\", not \"{FILE_TYPE}\""))),
        None => return Err(not_a_plan(format!("it has no \"type\": \"{FILE_TYPE}\""))),
    }
    check_format(&envelope, path)?;
    let damaged = |reason: String| PlanFileError::Damaged { path: owned(), reason };
    let says: Sha256 = envelope
        .get("sha256")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| damaged("it has no \"sha256\"".to_owned()))?;
    let raw = envelope.get_mut("plan").map(Value::take).ok_or_else(|| damaged("it has no \"plan\"".to_owned()))?;
    let plan: Plan = serde_json::from_value(raw.clone()).map_err(|error| damaged(error.to_string()))?;
    let is = plan.digest();
    // A field that nobody reads was not there when the plan was saved, either.
    let again = serde_json::to_value(&plan).map_err(|error| damaged(error.to_string()))?;
    if is != says {
        return Err(PlanFileError::Edited { path: owned(), is, says });
    }
    if again != raw {
        return Err(damaged("it holds something that no plan of this format has".to_owned()));
    }
    Ok(plan)
}

fn check_format(envelope: &Value, path: &Path) -> Result<(), PlanFileError> {
    let path = path.to_owned();
    match envelope.get("format").and_then(Value::as_u64) {
        Some(seen) if seen == u64::from(PLAN_FORMAT) => Ok(()),
        Some(seen) if seen < u64::from(PLAN_FORMAT) => Err(PlanFileError::OlderFormat { path, seen }),
        Some(seen) => Err(PlanFileError::NewerFormat { path, seen }),
        None => Err(PlanFileError::Damaged { path, reason: "it has no \"format\"".to_owned() }),
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, PlanFileError> {
    let failed = |source| PlanFileError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE.0 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE.0 {
        return Err(PlanFileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::view::fixtures;

    struct Saved {
        _dir: tempfile::TempDir,
        path: PathBuf,
        text: String,
    }

    fn saved() -> Saved {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan");
        save(&fixtures::upgrade(), &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        Saved { _dir: dir, path, text }
    }

    fn load_changed(change: impl FnOnce(String) -> String) -> PlanFileError {
        let saved = saved();
        let changed = change(saved.text.clone());
        assert_ne!(changed, saved.text, "the change changes nothing");
        std::fs::write(&saved.path, changed).unwrap();
        load(&saved.path).unwrap_err()
    }

    #[test]
    fn what_is_saved_is_read_back() {
        for plan in [fixtures::upgrade(), fixtures::creation(), fixtures::nothing_to_do()] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("plan");
            save(&plan, &path).unwrap();
            assert_eq!(load(&path).unwrap(), plan);
        }
    }

    #[test]
    fn only_its_owner_reads_it_and_nothing_else_is_left() {
        let saved = saved();
        assert_eq!(saved.path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(saved.path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn an_older_file_of_that_name_is_replaced_as_a_whole() {
        let saved = saved();
        save(&fixtures::creation(), &saved.path).unwrap();
        assert_eq!(load(&saved.path).unwrap(), fixtures::creation());
    }

    #[test]
    fn what_is_no_file_is_left_there() {
        let plan = fixtures::upgrade();
        let error = save(&plan, Path::new("/dev/null")).unwrap_err();
        assert!(error.to_string().contains("it is a device"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(matches!(save(&plan, &socket), Err(PlanFileError::NotAFile { what: "a socket", .. })));
        assert!(std::fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
        let nowhere = dir.path().join("nowhere");
        std::os::unix::fs::symlink(dir.path().join("gone"), &nowhere).unwrap();
        assert!(matches!(save(&plan, &nowhere), Err(PlanFileError::Write { .. })));
        assert!(nowhere.is_symlink());
    }

    #[test]
    fn a_link_stays_a_link() {
        let saved = saved();
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&saved.path, &link).unwrap();
        save(&fixtures::creation(), &link).unwrap();
        assert!(link.is_symlink());
        assert_eq!(load(&saved.path).unwrap(), fixtures::creation());
    }

    #[test]
    fn cut_short_anywhere_is_told() {
        let length = saved().text.trim_end().len();
        for at in [1, 10, length / 2, length - 1] {
            let error = load_changed(|text| text[..at].to_owned());
            assert!(matches!(error, PlanFileError::CutShort { .. }), "{at}: {error}");
        }
        assert!(matches!(load_changed(|_| String::new()), PlanFileError::Empty { .. }));
        assert!(matches!(load_changed(|_| "\n \n".to_owned()), PlanFileError::Empty { .. }));
    }

    #[test]
    fn other_files_are_told_from_plans() {
        let text = |text: &'static str| load_changed(|_| text.to_owned());
        assert!(matches!(text("cluster \"prod\" {}"), PlanFileError::NotJson { .. }));
        assert!(matches!(text("{} {}"), PlanFileError::NotJson { .. }));
        assert!(matches!(text("{}"), PlanFileError::NotAPlan { .. }));
        assert!(matches!(text("[1, 2]"), PlanFileError::NotAPlan { .. }));
        assert!(matches!(text("null"), PlanFileError::NotAPlan { .. }));
        assert!(matches!(text("{\"type\": 1}"), PlanFileError::NotAPlan { .. }));
        assert!(matches!(text("{\"type\": \"plan\", \"format\": 1}"), PlanFileError::NotAPlan { .. }));
        let deep = load_changed(|_| "[".repeat(100_000));
        assert!(matches!(deep, PlanFileError::NotJson { .. } | PlanFileError::CutShort { .. }), "{deep}");
    }

    #[test]
    fn other_formats_are_told_apart() {
        let format = |number: &'static str| {
            load_changed(|text| text.replacen("\"format\":1", &format!("\"format\":{number}"), 1))
        };
        assert!(matches!(format("0"), PlanFileError::OlderFormat { seen: 0, .. }));
        assert!(matches!(format("2"), PlanFileError::NewerFormat { seen: 2, .. }));
        assert!(matches!(format("\"1\""), PlanFileError::Damaged { .. }));
        assert!(matches!(format("-1"), PlanFileError::Damaged { .. }));
    }

    #[test]
    fn an_edited_plan_is_refused() {
        let edited = |from: &'static str, to: &'static str| load_changed(|text| text.replacen(from, to, 1));
        assert!(matches!(edited("/usr/bin/etcd", "/usr/bin/evil"), PlanFileError::Edited { .. }));
        assert!(matches!(edited("\"members\":3", "\"members\":2"), PlanFileError::Edited { .. }));
        assert!(matches!(edited("\"made_by\"", "\"extra\":1,\"made_by\""), PlanFileError::Damaged { .. }));
        assert!(matches!(edited("\"made_by\"", "\"made_bi\""), PlanFileError::Damaged { .. }));
        assert!(matches!(edited("3.2.32", "v3.2.32"), PlanFileError::Damaged { .. }));
        let other_digest = load_changed(|text| {
            let digest = fixtures::upgrade().digest().to_string();
            text.replacen(&digest, &"0".repeat(64), 1)
        });
        assert!(matches!(other_digest, PlanFileError::Edited { .. }));
    }

    #[test]
    fn a_missing_file_and_a_folder_are_told() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(load(&dir.path().join("none")), Err(PlanFileError::Read { .. })));
        assert!(matches!(load(dir.path()), Err(PlanFileError::Read { .. })));
        assert!(matches!(save(&fixtures::upgrade(), dir.path()), Err(PlanFileError::NotAFile { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
