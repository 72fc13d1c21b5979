//! State: what quorate keeps on the controller between runs: runs with their plan and journal, backups, downloads.
//!
//! A folder (0700) beside the spec. Files are 0600, written whole and renamed, or, for a journal, appended and fsynced
//! line by line. This room stores and reads back; it knows nothing of what the lines mean to a run.

mod holder;
mod journal_file;
mod lock;
mod runs;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

pub use holder::Holder;
pub use journal_file::{JournalFile, ReadBack, read_journal};
pub use lock::{LockSeen, StateLock};
pub use runs::{StoredRun, ids_in};

use crate::plan::model::Plan;
use crate::units::ClusterName;

/// How ids and names of folders say a second.
const ID_SECOND: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("{path}: {action}: {reason}\n  do: {fix}")]
    Io { path: PathBuf, action: &'static str, reason: io::Error, fix: &'static str },
    #[error(
        "{path}:{line}: {reason}\n  do: leave the file as it is for whoever looks into it; what is to be done next shows `quorate plan`"
    )]
    Journal { path: PathBuf, line: u64, reason: String },
    #[error("{}: there is no run {id:?}\n  do: see which there are: quorate runs", dir.display())]
    NoRun { id: String, dir: PathBuf },
    #[error(
        "{}: the state is in use: {}\n  do: wait until that has ended, or end it there (Ctrl-C brings it to a safe end); \
         the lock goes with its holder, also after kill -9",
        path.display(),
        holder.as_ref().map_or_else(|| "by whom is not known yet".to_owned(), ToString::to_string)
    )]
    Locked { path: PathBuf, holder: Option<Box<Holder>> },
    #[error(
        "{}: the state was in use on another machine, and nobody there has given it back: {holder}\n  do: whether that still \
         goes on cannot be seen from here: look there; if it does not, take its record away: quorate unlock",
        path.display()
    )]
    LockedElsewhere { path: PathBuf, holder: Box<Holder> },
}

impl StateError {
    fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Io {
            path,
            action,
            reason,
            fix: "make the state directory writable, with room on its disk; nothing is done that cannot be recorded",
        }
    }
}

const SEEN_FILES: &str = "seen-files.json";

/// Most bytes of it: a file takes some 250, and there are at most 48 a host.
const MOST_SEEN_FILES: u64 = 4 * 1024 * 1024;

/// The state directory.
#[derive(Debug, Clone)]
pub struct State {
    dir: PathBuf,
}

/// One run's folder.
#[derive(Debug)]
pub struct Run {
    pub id: String,
    pub dir: PathBuf,
}

impl State {
    /// Opens it, and makes it if it is not there.
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        make_private_dir(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where downloaded releases are kept.
    pub fn cache_dir(&self) -> Result<PathBuf, StateError> {
        self.private("cache")
    }

    /// What the looks before have read of files on hosts, as they left it; nothing where that cannot be read.
    pub fn seen_files(&self) -> Vec<u8> {
        let read = fs::File::open(self.dir.join(SEEN_FILES)).and_then(|file| {
            let mut text = Vec::new();
            file.take(MOST_SEEN_FILES).read_to_end(&mut text).map(|_| text)
        });
        read.unwrap_or_default()
    }

    /// For the next look. To lose it costs time, nothing else; several commands may do this at once.
    pub fn keep_seen_files(&self, text: &[u8]) {
        let keep = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(SEEN_FILES).suffix(".part").tempfile_in(&self.dir)?;
            file.write_all(text)?;
            file.persist(self.dir.join(SEEN_FILES)).map_err(|error| error.error)?;
            Ok(())
        };
        if let Err(error) = keep() {
            tracing::debug!(%error, "what was read of files is not kept");
        }
    }

    /// Where the sockets of SSH connections are: short-lived.
    pub fn socket_dir(&self) -> Result<PathBuf, StateError> {
        self.private("sockets")
    }

    /// Where trial restores run: emptied after each.
    pub fn scratch_dir(&self) -> Result<PathBuf, StateError> {
        self.private("scratch")
    }

    /// Where data directories that are made of v2 backups wait until they are in place on their hosts.
    pub fn restores_dir(&self, cluster: &ClusterName) -> Result<PathBuf, StateError> {
        Ok(self.private("restores")?.join(cluster.as_str()))
    }

    /// Begins a run: its folder, with the plan in it.
    pub fn begin_run(&self, plan: &Plan) -> Result<Run, StateError> {
        self.begin_run_as(&self.next_run_id()?, plan)
    }

    /// An id for the next run. It sorts behind those of all runs that are kept here, also where two begin within one
    /// millisecond or the clock went back: what the last run was decides on which backup is the way back.
    pub fn next_run_id(&self) -> Result<String, StateError> {
        let now = OffsetDateTime::now_utc();
        let last = self.run_ids()?.iter().filter_map(|id| time_of_id(id)).max();
        let after = last.and_then(|last| last.checked_add(time::Duration::milliseconds(1)));
        Ok(id_of(after.map_or(now, |after| now.max(after))))
    }

    /// The same, under an id that was made before: the locks of a run name it.
    pub fn begin_run_as(&self, id: &str, plan: &Plan) -> Result<Run, StateError> {
        let id = id.to_owned();
        let dir = self.private("runs")?.join(&id);
        fs::DirBuilder::new().mode(0o700).create(&dir).map_err(StateError::io(&dir, "cannot be created"))?;
        let text = serde_json::to_vec_pretty(plan).map_err(|error| StateError::Io {
            path: dir.join("plan.json"),
            action: "cannot be written",
            reason: io::Error::other(error),
            fix: "report this: a plan always serializes",
        })?;
        write_private(&dir.join("plan.json"), &text)?;
        Ok(Run { id, dir })
    }

    /// All runs, the newest first.
    pub fn runs(&self) -> Result<Vec<Run>, StateError> {
        let dir = self.private("runs")?;
        let mut runs = Vec::new();
        for entry in fs::read_dir(&dir).map_err(StateError::io(&dir, "cannot be read"))? {
            let entry = entry.map_err(StateError::io(&dir, "cannot be read"))?;
            if let Ok(id) = entry.file_name().into_string() {
                runs.push(Run { id, dir: entry.path() });
            }
        }
        runs.sort_by(|a, b| b.id.cmp(&a.id));
        Ok(runs)
    }

    fn private(&self, name: &str) -> Result<PathBuf, StateError> {
        let dir = self.dir.join(name);
        make_private_dir(&dir)?;
        Ok(dir)
    }
}

impl Run {
    pub fn journal(&self) -> Result<JournalFile, StateError> {
        JournalFile::create(&self.dir.join("journal.jsonl"))
    }
}

/// An id that sorts by the time at which it was made, to the millisecond.
pub fn new_id() -> String {
    id_of(OffsetDateTime::now_utc())
}

/// The second for people, then eight hexadecimal digits: three of the millisecond, five that are random.
fn id_of(now: OffsetDateTime) -> String {
    let stamp = now.format(ID_SECOND).unwrap_or_else(|_| now.unix_timestamp().to_string());
    let mut random = [0u8; 4];
    // Without randomness from the system the process id still tells two of one millisecond apart.
    if getrandom::fill(&mut random).is_err() {
        random = std::process::id().to_be_bytes();
    }
    let random = u32::from_be_bytes(random) & 0xf_ffff;
    format!("{stamp}-{:03x}{random:05x}", now.millisecond())
}

/// The time of an id, as [`id_of`] writes it. Where those three digits say something else it is up to four seconds late.
fn time_of_id(id: &str) -> Option<OffsetDateTime> {
    let (stamp, digits) = id.split_once('-')?;
    let second = PrimitiveDateTime::parse(stamp, ID_SECOND).ok()?.assume_utc();
    let millisecond = i64::from_str_radix(digits.get(..3)?, 16).ok()?;
    second.checked_add(time::Duration::milliseconds(millisecond))
}

/// Now, as people and other programs read it.
pub fn timestamp() -> String {
    stamp_of(OffsetDateTime::now_utc())
}

/// A moment in UTC, always with three digits of a second, so that columns stay where they are.
pub fn stamp_of(now: OffsetDateTime) -> String {
    now.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"))
        .unwrap_or_else(|_| now.unix_timestamp().to_string())
}

pub(crate) fn make_private_dir(dir: &Path) -> Result<(), StateError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(StateError::io(dir, "cannot be created"))
}

/// Writes a file whole, 0600, by way of a part file and a rename.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let part = path.with_extension("part");
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&part);
        StateError::io(path, "cannot be written")(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_its_second_and_sorts_by_its_millisecond() {
        let at = |millisecond| {
            id_of(time::macros::datetime!(2026-11-30 21:23:55 UTC) + time::Duration::milliseconds(millisecond))
        };
        assert!(at(0).starts_with("20261130T212355Z-000"));
        assert!(at(9) < at(10) && at(99) < at(100) && at(999) < at(1000));
        assert_eq!(time_of_id(&at(999)), Some(time::macros::datetime!(2026-11-30 21:23:55.999 UTC)));
    }

    // faults: C6
    #[test]
    fn runs_follow_each_other_by_their_ids_also_when_the_clock_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let plan = crate::view::fixtures::upgrade();
        // One from a time when the clock went ahead by years, of the format without milliseconds.
        state.begin_run_as("20991231T235959Z-ffffffff", &plan).unwrap();
        let begun: Vec<String> = (0..20).map(|_| state.begin_run(&plan).unwrap().id).collect();
        let mut ids = state.run_ids().unwrap();
        assert_eq!(ids.remove(0), "20991231T235959Z-ffffffff");
        assert_eq!(ids, begun);
        ids.dedup();
        assert_eq!(ids.len(), 20);
    }

    #[test]
    fn names_that_are_no_ids_of_ours_do_not_stop_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        for name in ["zzz", "zzz-1", "99999999T999999Z-00000000", "99991231T235959Z-fff00000", "20260101T000000Z-", "-"]
        {
            std::fs::create_dir_all(dir.path().join("runs").join(name)).unwrap();
            state.next_run_id().unwrap();
        }
    }

    #[test]
    fn a_run_is_never_begun_in_the_folder_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let plan = crate::view::fixtures::upgrade();
        let run = state.begin_run_as("r1", &plan).unwrap();
        assert!(matches!(state.begin_run_as("r1", &plan), Err(StateError::Io { .. })));
        assert_eq!(state.run(&run.id).unwrap().plan, Ok(plan));
    }

    #[test]
    fn what_looks_keep_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        assert_eq!(state.seen_files(), b"");
        state.keep_seen_files(b"one");
        state.keep_seen_files(b"two");
        assert_eq!(state.seen_files(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        State { dir: dir.path().join("gone") }.keep_seen_files(b"lost");
    }

    #[test]
    fn state_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("state")).unwrap();
        let cache = state.cache_dir().unwrap();
        assert_eq!(fs::metadata(cache).unwrap().permissions().mode() & 0o777, 0o700);
        let file = dir.path().join("x.json");
        write_private(&file, b"{}").unwrap();
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
