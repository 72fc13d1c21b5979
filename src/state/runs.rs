//! Runs that are kept: which there are, and what one holds.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::execute::journal::Entry;
use crate::plan::model::Plan;
use crate::state::journal_file::{ReadBack, cut_torn_tail, read_journal};
use crate::state::{State, StateError, write_private};

/// Longest plan that is read: a plan of a hundred members is below one megabyte.
const MOST_PLAN_BYTES: u64 = 64 * 1024 * 1024;

/// A run as it is kept.
#[derive(Debug)]
pub struct StoredRun {
    pub id: String,
    pub dir: PathBuf,
    /// Its plan, or why it cannot be read: a run can be told of without.
    pub plan: Result<Plan, String>,
    pub journal: ReadBack,
    /// Of a creation that was cut off: the cluster was seen to serve since.
    pub served: bool,
}

/// Most entries of a folder that are looked at for [`ids_in`].
const MOST_ENTRIES: usize = 20_000;

/// In a run's folder.
const SERVED: &str = "served";
const LOGS: &str = "logs.json";
const REPORT: &str = "report.html";

/// Most bytes of what is kept of members' logs: a run keeps some dozens of lines a member.
const MOST_LOGS: u64 = 4 * 1024 * 1024;

impl State {
    /// The ids of all runs, oldest first.
    pub fn run_ids(&self) -> Result<Vec<String>, StateError> {
        let dir = self.dir().join("runs");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StateError::io(&dir, "cannot be read")(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(StateError::io(&dir, "cannot be read"))?;
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            match entry.file_name().into_string() {
                Ok(name) if is_dir && is_id(&name) => ids.push(name),
                _ => {}
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Reads a run. One that cannot be trusted (garbage, another format, a copy of another run's folder) is an error with
    /// its place.
    pub fn run(&self, id: &str) -> Result<StoredRun, StateError> {
        let dir = self.run_dir(id)?;
        let path = dir.join("journal.jsonl");
        let journal = match read_journal(&path) {
            // Killed before its first line.
            Err(StateError::Io { reason, .. }) if reason.kind() == std::io::ErrorKind::NotFound => ReadBack::default(),
            read => read?,
        };
        if let Some(first) = journal.lines.first() {
            let wrong = |reason: String| StateError::Journal { path: path.clone(), line: 1, reason };
            match &first.entry {
                Entry::RunStarted { run, .. } if run == id => {}
                Entry::RunStarted { run, .. } => {
                    return Err(wrong(format!(
                        "it is the journal of run {run}, in the folder of run {id}: this folder is a copy"
                    )));
                }
                _ => {
                    return Err(wrong(
                        "the first line of a journal says which run it is of; this one does not".to_owned(),
                    ));
                }
            }
        }
        let (plan, served) = (read_plan(&dir.join("plan.json")), dir.join(SERVED).exists());
        Ok(StoredRun { id: id.to_owned(), plan, dir, journal, served })
    }

    /// For [`StoredRun::served`].
    pub fn mark_served(&self, id: &str) -> Result<(), StateError> {
        write_private(&self.dir().join("runs").join(id).join(SERVED), b"")
    }

    /// Keeps what was unexpected in the members' logs of a run: its events are not in the journal.
    pub fn keep_logs(&self, id: &str, logs: &[u8]) -> Result<(), StateError> {
        write_private(&self.run_dir(id)?.join(LOGS), logs)
    }

    /// What was kept of the logs; `None` where nothing was, or more than is read.
    pub fn logs(&self, id: &str) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let file = fs::File::open(self.run_dir(id).ok()?.join(LOGS)).ok()?;
        file.take(MOST_LOGS + 1).read_to_end(&mut text).ok()?;
        (text.len() as u64 <= MOST_LOGS).then_some(text)
    }

    /// Writes the report of a run into its folder.
    pub fn keep_report(&self, id: &str, html: &str) -> Result<PathBuf, StateError> {
        let path = self.run_dir(id)?.join(REPORT);
        write_private(&path, html.as_bytes())?;
        Ok(path)
    }

    fn run_dir(&self, id: &str) -> Result<PathBuf, StateError> {
        let dir = self.dir().join("runs").join(id);
        if !is_id(id) || !dir.is_dir() {
            return Err(StateError::NoRun { id: id.chars().take(80).collect(), dir: self.dir().join("runs") });
        }
        Ok(dir)
    }

    /// Takes away the last line of each journal that was cut short by a crash, so that other programs can read it. Only
    /// for who holds the lock: the line of a run that goes on may be about to be whole. Returns the runs' ids.
    pub fn repair_journals(&self) -> Result<Vec<String>, StateError> {
        let mut repaired = Vec::new();
        for id in self.run_ids()? {
            let path = self.dir().join("runs").join(&id).join("journal.jsonl");
            if cut_torn_tail(&path)? {
                repaired.push(id);
            }
        }
        Ok(repaired)
    }
}

/// Names of folders that could be ids, the newest first, for those who only offer them: nothing in them is read, nothing
/// is made, and a folder that cannot be read has none.
pub fn ids_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MOST_ENTRIES).flatten();
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let names = entries.filter(is_dir).filter_map(|entry| entry.file_name().into_string().ok());
    let mut ids: Vec<String> = names.filter(|name| is_id(name)).collect();
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids
}

/// Ids sort by time; nothing else is a run, and no name leads out of the folder.
fn is_id(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn read_plan(path: &Path) -> Result<Plan, String> {
    let mut text = Vec::new();
    let file = fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    file.take(MOST_PLAN_BYTES).read_to_end(&mut text).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text)
        .map_err(|error| format!("{}: not a plan that this quorate reads: {error}", path.display()))
}

/// Whether a file ends with a line break, or is empty, or is not there.
pub(super) fn ends_whole(path: &Path) -> std::io::Result<bool> {
    let mut file = match fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        opened => opened?,
    };
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::journal::Ending;
    use crate::state::JournalFile;
    use crate::units::Sha256;

    fn started(run: &str) -> Entry {
        Entry::RunStarted {
            run: run.to_owned(),
            cluster: "prod".to_owned(),
            plan: Sha256::of(b"x"),
            who: "alice".to_owned(),
            controller: "ops1".to_owned(),
            pid: 1,
        }
    }

    fn state_with(runs: &[&str]) -> (tempfile::TempDir, State) {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        for run in runs {
            let folder = dir.path().join("runs").join(run);
            fs::create_dir_all(&folder).unwrap();
            let mut journal = JournalFile::create(&folder.join("journal.jsonl")).unwrap();
            journal.append(started(run)).unwrap();
            journal.append(Entry::RunEnded { ending: Ending::Succeeded }).unwrap();
        }
        (dir, state)
    }

    #[test]
    fn runs_are_listed_oldest_first_and_nothing_else_is_a_run() {
        let (dir, state) = state_with(&["20260102T000000Z-b", "20260101T000000Z-a"]);
        fs::write(dir.path().join("runs/file"), "").unwrap();
        fs::create_dir(dir.path().join("runs/.hidden")).unwrap();
        assert_eq!(state.run_ids().unwrap(), ["20260101T000000Z-a", "20260102T000000Z-b"]);
        assert_eq!(state.run("20260101T000000Z-a").unwrap().journal.lines.len(), 2);
        for id in ["", "..", "../runs", "x/y", "20260101T000000Z-c"] {
            assert!(matches!(state.run(id), Err(StateError::NoRun { .. })), "{id:?}");
        }
    }

    // faults: C8
    #[test]
    fn a_copied_run_directory_is_refused_with_the_place() {
        let (dir, state) = state_with(&["r1"]);
        fs::create_dir(dir.path().join("runs/r2")).unwrap();
        fs::copy(dir.path().join("runs/r1/journal.jsonl"), dir.path().join("runs/r2/journal.jsonl")).unwrap();
        let error = state.run("r2").unwrap_err().to_string();
        assert!(error.contains("r2/journal.jsonl:1:") && error.contains("run r1"), "{error}");
        // A journal that lost its beginning.
        let text = fs::read_to_string(dir.path().join("runs/r1/journal.jsonl")).unwrap();
        let second = text.lines().nth(1).unwrap().replace("\"seq\":2", "\"seq\":1");
        fs::write(dir.path().join("runs/r1/journal.jsonl"), second + "\n").unwrap();
        assert!(state.run("r1").unwrap_err().to_string().contains("journal.jsonl:1: the first line"));
    }

    #[test]
    fn a_run_that_never_wrote_a_line_is_still_a_run() {
        let (dir, state) = state_with(&[]);
        fs::create_dir_all(dir.path().join("runs/r1")).unwrap();
        let run = state.run("r1").unwrap();
        assert!(run.journal.lines.is_empty() && run.plan.is_err());
    }

    #[test]
    fn reports_and_logs_are_kept_with_their_run_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (dir, state) = state_with(&["r1"]);
        assert_eq!(state.logs("r1"), None);
        state.keep_logs("r1", b"[]").unwrap();
        assert_eq!(state.logs("r1").unwrap(), b"[]");
        let path = state.keep_report("r1", "<p>").unwrap();
        assert_eq!(path, dir.path().join("runs/r1/report.html"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(state.keep_report("../r1", "").is_err() && state.keep_logs("r2", b"").is_err());
        fs::write(dir.path().join("runs/r1/logs.json"), vec![b' '; MOST_LOGS as usize + 1]).unwrap();
        assert_eq!(state.logs("r1"), None);
    }

    // faults: C8
    #[test]
    fn torn_tails_are_cut_off_and_the_rest_stays() {
        let (dir, state) = state_with(&["r1", "r2"]);
        let path = dir.path().join("runs/r1/journal.jsonl");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"{\"format\":1,\"se"].concat()).unwrap();
        assert!(state.run("r1").unwrap().journal.torn);
        assert_eq!(state.repair_journals().unwrap(), ["r1"]);
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert!(!state.run("r1").unwrap().journal.torn);
        assert!(state.repair_journals().unwrap().is_empty());
        // A journal that is nothing but a torn line.
        fs::write(&path, b"{\"for").unwrap();
        assert_eq!(state.repair_journals().unwrap(), ["r1"]);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
