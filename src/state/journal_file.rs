//! The journal on disk: appended, fsynced before each effect and at the end, and read back with a torn last line forgiven.
//!
//! Room for a whole run is set aside at the start: a disk that fills up stops a run before its first effect, and not in
//! the middle of a step, with a member down.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::execute::journal::{Entry, JOURNAL_FORMAT, Line};
use crate::state::runs::ends_whole;
use crate::state::{StateError, timestamp};

/// Longest journal that is read: far more than any run writes.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Room that is set aside; a run of a hundred members writes less.
const ROOM: u64 = 4 * 1024 * 1024;

/// An open journal of a run.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    file: File,
    seq: u64,
    /// Of all whole lines.
    length: u64,
}

impl JournalFile {
    pub(super) fn create(path: &Path) -> Result<Self, StateError> {
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(StateError::io(path, "cannot be created"))?;
        set_room_aside(&file).map_err(StateError::io(path, "cannot be written"))?;
        Ok(Self { path: path.to_owned(), file, seq: 0, length: 0 })
    }

    /// Writes one entry, and where an effect or the end of the run follows from it, waits until all of the journal is on the disk.
    pub fn append(&mut self, entry: Entry) -> Result<Line, StateError> {
        let line = Line { format: JOURNAL_FORMAT, seq: self.seq + 1, at: timestamp(), entry };
        let mut text = serde_json::to_vec(&line).map_err(|error| StateError::Journal {
            path: self.path.clone(),
            line: line.seq,
            reason: format!("cannot be written: {error}"),
        })?;
        text.push(b'\n');
        let keep = || if line.entry.is_kept_at_once() { self.file.sync_data() } else { Ok(()) };
        if let Err(error) = (&self.file).write_all(&text).and_then(|()| keep()) {
            // Half a line would stand before the next one. Where even that fails, readers forgive it.
            let _ = self.file.set_len(self.length);
            return Err(StateError::io(&self.path, "cannot be written")(error));
        }
        self.length += text.len() as u64;
        self.seq = line.seq;
        Ok(line)
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        // Gives back what was set aside and not used. What stays after a crash is less than anybody will miss.
        let _ = self.file.set_len(self.length);
    }
}

#[cfg(target_os = "linux")]
fn set_room_aside(file: &File) -> std::io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, ROOM) {
        Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG | Errno::IO | Errno::ROFS)) => Err(errno.into()),
        // Not every file system can.
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn set_room_aside(_file: &File) -> std::io::Result<()> {
    Ok(())
}

/// Takes a last line away that was cut short. True when there was one.
pub(super) fn cut_torn_tail(path: &Path) -> Result<bool, StateError> {
    if ends_whole(path).map_err(StateError::io(path, "cannot be read"))? {
        return Ok(false);
    }
    // No journal of ours: reading it will say so.
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() > MOST_BYTES) {
        return Ok(false);
    }
    let cannot_read = || StateError::io(path, "cannot be read");
    let file =
        OpenOptions::new().read(true).write(true).open(path).map_err(StateError::io(path, "cannot be repaired"))?;
    let mut reader = BufReader::new((&file).take(MOST_BYTES));
    let (mut whole, mut raw) = (0, Vec::new());
    while reader.read_until(b'\n', &mut raw).map_err(cannot_read())? > 0 {
        if raw.last() == Some(&b'\n') {
            whole += raw.len() as u64;
        }
        raw.clear();
    }
    file.set_len(whole).and_then(|()| file.sync_all()).map_err(StateError::io(path, "cannot be repaired"))?;
    Ok(true)
}

/// What a journal says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadBack {
    pub lines: Vec<Line>,
    /// The last line was cut short (a crash while it was written): it is left out.
    pub torn: bool,
}

/// Reads a journal. A torn last line is forgiven; anything else that is wrong is an error with its place.
pub fn read_journal(path: &Path) -> Result<ReadBack, StateError> {
    let file = File::open(path).map_err(StateError::io(path, "cannot be read"))?;
    let size = file.metadata().map_err(StateError::io(path, "cannot be read"))?.len();
    if size > MOST_BYTES {
        let reason = format!("{size} bytes are too many for a journal");
        return Err(StateError::Journal { path: path.to_owned(), line: 1, reason });
    }
    let mut reader = BufReader::new(file.take(MOST_BYTES));
    let mut lines: Vec<Line> = Vec::new();
    let mut raw = Vec::new();
    loop {
        raw.clear();
        let read = reader.read_until(b'\n', &mut raw).map_err(StateError::io(path, "cannot be read"))?;
        if read == 0 {
            return Ok(ReadBack { lines, torn: false });
        }
        let number = lines.len() as u64 + 1;
        let wrong = |reason: String| StateError::Journal { path: path.to_owned(), line: number, reason };
        if raw.last() != Some(&b'\n') {
            return Ok(ReadBack { lines, torn: true });
        }
        let value: serde_json::Value =
            serde_json::from_slice(&raw).map_err(|error| wrong(format!("not a line of a journal: {error}")))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(u64::from(JOURNAL_FORMAT)) {
            return Err(wrong(format!(
                "journal format {}; this quorate reads format {JOURNAL_FORMAT}",
                format.map_or_else(|| "missing".to_owned(), |format| format.to_string())
            )));
        }
        let line: Line = serde_json::from_value(value).map_err(|error| wrong(format!("not understood: {error}")))?;
        if line.seq != number {
            return Err(wrong(format!("line {} stands where line {number} should", line.seq)));
        }
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::journal::Ending;

    fn written(entries: u64) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = JournalFile::create(&path).unwrap();
        for _ in 0..entries {
            journal.append(Entry::StopRequested { signal: "SIGINT".to_owned() }).unwrap();
        }
        journal.append(Entry::RunEnded { ending: Ending::Succeeded }).unwrap();
        (dir, path)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (_dir, path) = written(2);
        let back = read_journal(&path).unwrap();
        assert_eq!((back.lines.len(), back.torn), (3, false));
        assert_eq!(back.lines[2].entry, Entry::RunEnded { ending: Ending::Succeeded });
    }

    // faults: C8
    #[test]
    fn a_torn_last_line_is_forgiven() {
        let (_dir, path) = written(2);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 7]).unwrap();
        let back = read_journal(&path).unwrap();
        assert_eq!((back.lines.len(), back.torn), (2, true));
    }

    // faults: C8
    #[test]
    fn garbage_in_the_middle_is_an_error_with_its_place() {
        let (_dir, path) = written(2);
        let mut lines: Vec<String> = std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        lines[1] = "}{".to_owned();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let error = read_journal(&path).unwrap_err().to_string();
        assert!(error.contains("journal.jsonl:2:"), "{error}");
    }

    #[test]
    fn a_line_of_another_journal_is_an_error_with_its_place() {
        let (_dir, path) = written(2);
        let text = std::fs::read_to_string(&path).unwrap();
        let second = text.lines().nth(1).unwrap();
        std::fs::write(&path, format!("{text}{second}\n")).unwrap();
        let error = read_journal(&path).unwrap_err().to_string();
        assert!(error.contains("journal.jsonl:4: line 2 stands where line 4 should"), "{error}");
    }

    // faults: C4
    #[test]
    fn a_line_that_cannot_be_written_is_an_error_and_leaves_no_half_line() {
        let (_dir, path) = written(0);
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut journal = JournalFile { path: path.clone(), file: full, seq: 1, length: 10 };
        let error = journal.append(Entry::StopRequested { signal: "SIGINT".to_owned() }).unwrap_err().to_string();
        assert!(error.contains("cannot be written") && error.contains("No space left"), "{error}");
        assert!(error.contains("do: "), "{error}");
        assert_eq!((journal.seq, journal.length), (1, 10));
        let read_only = OpenOptions::new().read(true).open(&path).unwrap();
        let mut journal = JournalFile { path: path.clone(), file: read_only, seq: 1, length: 10 };
        assert!(journal.append(Entry::StopRequested { signal: "SIGINT".to_owned() }).is_err());
        assert!(JournalFile::create(&path).is_err(), "a journal is never written over");
        assert!(JournalFile::create(&path.join("below")).is_err());
    }

    #[test]
    fn the_room_that_was_set_aside_is_not_part_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = JournalFile::create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
        journal.append(Entry::RunEnded { ending: Ending::Succeeded }).unwrap();
        drop(journal);
        let back = read_journal(&path).unwrap();
        assert_eq!((back.lines.len(), back.torn), (1, false));
    }

    #[test]
    fn a_journal_of_zeros_or_without_end_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        // What some file systems leave of a file after a power cut.
        std::fs::write(&path, b"\0\0\0\0\n").unwrap();
        assert!(read_journal(&path).unwrap_err().to_string().contains("journal.jsonl:1:"));
        std::fs::File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert!(read_journal(&path).unwrap_err().to_string().contains("too many"));
    }

    // faults: C8
    #[test]
    fn a_newer_format_is_refused() {
        let (_dir, path) = written(0);
        let text = std::fs::read_to_string(&path).unwrap().replace("\"format\":1", "\"format\":9");
        std::fs::write(&path, text).unwrap();
        assert!(read_journal(&path).unwrap_err().to_string().contains("journal format 9"));
    }
}
