//! The lock of the state: an flock'd file, which goes with its holder, also after kill -9; and in it a record of the
//! holder, for people. A record without a lock is what a dead holder left.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::state::holder::Holder;
use crate::state::{State, StateError};

const NAME: &str = "lock";

/// A holder that was just killed may need a moment to be gone.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Most of the file that is read.
const MOST_BYTES: u64 = 8 * 1024;

/// The lock, held. It goes when this is dropped.
#[derive(Debug)]
pub struct StateLock {
    file: File,
    path: PathBuf,
    pub holder: Holder,
    /// Who held it before, and died without giving it back.
    pub left_by: Option<Holder>,
}

/// What the lock is right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockSeen {
    Free,
    /// Somebody lives who holds it. Who is not known in the first moment.
    Held(Option<Holder>),
    /// Nobody of this machine holds it, but a record says that somebody did, and never gave it back.
    Left(Holder),
}

impl State {
    /// Takes the lock. Refused while somebody else has it, and where the record names a holder on another machine: not
    /// every file system carries locks from one machine to the other.
    pub fn lock(&self, holder: Holder) -> Result<StateLock, StateError> {
        let path = self.dir().join(NAME);
        let file = open(&path)?;
        if !take(&file, &path)? {
            return Err(StateError::Locked { path, holder: read(&file).map(Box::new) });
        }
        let left_by = read(&file);
        if let Some(left) = left_by.as_ref().filter(|left| !left.is_of_machine(&holder.controller)) {
            return Err(StateError::LockedElsewhere { path, holder: Box::new(left.clone()) });
        }
        write(&file, &path, &holder.line())?;
        Ok(StateLock { file, path, holder, left_by })
    }

    /// Looks at the lock without taking it.
    pub fn look_at_lock(&self) -> Result<LockSeen, StateError> {
        let path = self.dir().join(NAME);
        if !path.exists() {
            return Ok(LockSeen::Free);
        }
        // Who may only read may look as well.
        let file = File::open(&path).map_err(StateError::io(&path, "cannot be opened"))?;
        if !take(&file, &path)? {
            return Ok(LockSeen::Held(read(&file)));
        }
        Ok(read(&file).map_or(LockSeen::Free, LockSeen::Left))
    }

    /// Takes the record away that a holder left. False when somebody holds the lock by now, or the record is another.
    pub fn clear_lock(&self, seen: &Holder) -> Result<bool, StateError> {
        let path = self.dir().join(NAME);
        let file = open(&path)?;
        if !take(&file, &path)? || read(&file).as_ref() != Some(seen) {
            return Ok(false);
        }
        write(&file, &path, "")?;
        Ok(true)
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // Should that fail, the next one takes us for dead, and we are.
        let _ = write(&self.file, &self.path, "");
    }
}

fn open(path: &Path) -> Result<File, StateError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(StateError::io(path, "cannot be opened"))
}

/// False when somebody else has it.
fn take(file: &File, path: &Path) -> Result<bool, StateError> {
    for attempt in 1.. {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if attempt >= TRIES => return Ok(false),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
            Err(errno) => {
                return Err(StateError::Io {
                    path: path.to_owned(),
                    action: "cannot be locked",
                    reason: io::Error::from(errno),
                    fix: "put the state directory on a file system that has locks (`state \"local\" { path = … }`)",
                });
            }
        }
    }
    Ok(false)
}

fn read(mut file: &File) -> Option<Holder> {
    use std::io::Seek as _;
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    Holder::read(&text)
}

fn write(file: &File, path: &Path, line: &str) -> Result<(), StateError> {
    let text = if line.is_empty() { String::new() } else { format!("{line}\n") };
    file.write_all_at(text.as_bytes(), 0)
        .and_then(|()| file.set_len(text.len() as u64))
        .and_then(|()| file.sync_data())
        .map_err(StateError::io(path, "cannot be written"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(&dir.path().join("state")).unwrap();
        (dir, state)
    }

    fn holder(who: &str) -> Holder {
        Holder::this_process(who, "ops1", "apply", Some("r1"))
    }

    // faults: C7
    #[test]
    fn a_second_one_is_refused_and_told_who_holds_it() {
        let (_dir, state) = state();
        assert_eq!(state.look_at_lock().unwrap(), LockSeen::Free);
        let lock = state.lock(holder("alice")).unwrap();
        assert_eq!(lock.left_by, None);
        let error = state.lock(holder("bob")).unwrap_err();
        assert!(matches!(&error, StateError::Locked { holder: Some(held), .. } if held.who == "alice"), "{error:?}");
        let text = error.to_string();
        for word in ["alice on ops1", "quorate apply", "since 20", "run r1", "do: "] {
            assert!(text.contains(word), "{word:?} is not in {text}");
        }
        assert!(matches!(state.look_at_lock().unwrap(), LockSeen::Held(Some(held)) if held.who == "alice"));
        assert!(!state.clear_lock(&lock.holder).unwrap(), "who lives keeps it");
        drop(lock);
        assert_eq!(state.look_at_lock().unwrap(), LockSeen::Free);
        state.lock(holder("bob")).unwrap();
    }

    // faults: C7
    #[test]
    fn what_a_dead_holder_left_is_taken_over() {
        let (_dir, state) = state();
        std::fs::write(state.dir().join(NAME), holder("alice").line() + "\n").unwrap();
        assert!(matches!(state.look_at_lock().unwrap(), LockSeen::Left(left) if left.who == "alice"));
        let lock = state.lock(holder("bob")).unwrap();
        assert_eq!(lock.left_by.as_ref().map(|left| left.who.as_str()), Some("alice"));
    }

    #[test]
    fn a_holder_on_another_machine_must_be_cleared_by_a_person() {
        let (_dir, state) = state();
        let away = Holder { controller: "ops2".to_owned(), ..holder("alice") };
        std::fs::write(state.dir().join(NAME), away.line()).unwrap();
        let error = state.lock(holder("bob")).unwrap_err();
        assert!(matches!(error, StateError::LockedElsewhere { .. }), "{error:?}");
        assert!(error.to_string().contains("quorate unlock"), "{error}");
        assert!(!state.clear_lock(&holder("carol")).unwrap(), "only the record that was shown");
        assert!(state.clear_lock(&away).unwrap());
        state.lock(holder("bob")).unwrap();
    }

    #[test]
    fn the_file_is_private_and_garbage_in_it_does_no_harm() {
        let (_dir, state) = state();
        drop(state.lock(holder("alice")).unwrap());
        let path = state.dir().join(NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, vec![0xff; 100_000]).unwrap();
        let lock = state.lock(holder("alice")).unwrap();
        assert_eq!(read(&lock.file), Some(lock.holder.clone()));
    }
}
