//! The folder of one connection's control socket: private, short enough for a socket path, swept when left behind.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::framing::RemoteProcess;

/// Names inside the folder.
pub(super) const SOCKET: &str = "master";
pub(super) const LOG: &str = "log";
/// Whose folder it is: `/proc/PID/stat` of the controller.
const OWNER: &str = "owner";

const PREFIX: &str = "quorate-ssh-";

/// A Unix socket's path may have 107 bytes; ssh makes its own under a longer name first, by 17 bytes.
const LONGEST_SOCKET_PATH: usize = 107 - 17;

/// A folder that names no owner for longer than this has none.
const NAMELESS: Duration = Duration::from_secs(60);

/// Makes a fresh folder (0700) in `parent`, or in the system's folder for temporary files where `parent`'s path is too
/// long for a socket. Folders that dead controllers left there are removed first.
pub(super) fn create(parent: &Path) -> io::Result<TempDir> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let parent = parent.canonicalize()?;
    let length = parent.as_os_str().len() + 1 + PREFIX.len() + 6 + 1 + SOCKET.len();
    let temporary = std::env::temp_dir();
    let parent = if length <= LONGEST_SOCKET_PATH { &parent } else { &temporary };
    sweep(parent);
    let dir = tempfile::Builder::new()
        .prefix(PREFIX)
        .rand_bytes(6)
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)?;
    std::fs::write(dir.path().join(OWNER), std::fs::read("/proc/self/stat").unwrap_or_default())?;
    Ok(dir)
}

/// Removes folders of ours whose master is gone. What cannot be removed is left: it is only clutter.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    let own = std::fs::metadata("/proc/self").map(|meta| meta.uid()).ok();
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.metadata().is_ok_and(|meta| meta.is_dir() && own.is_none_or(|uid| uid == meta.uid()));
        if ours && is_dead(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Neither a master answers there, nor is the controller alive that made it (its ssh may still be connecting).
fn is_dead(dir: &Path) -> bool {
    UnixStream::connect(dir.join(SOCKET)).is_err() && !owner_is_alive(dir)
}

fn owner_is_alive(dir: &Path) -> bool {
    let process = |path: &Path| std::fs::read_to_string(path).ok().and_then(|stat| RemoteProcess::parse(stat.trim()));
    let Some(owner) = process(&dir.join(OWNER)) else {
        // Its owner's name may be about to be written.
        let age = std::fs::metadata(dir).and_then(|meta| meta.modified()).map(|made| made.elapsed());
        return !matches!(age, Ok(Ok(age)) if age > NAMELESS);
    };
    process(Path::new(&format!("/proc/{}/stat", owner.pid))).is_some_and(|now| now.started == owner.started)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sweeps_what_dead_controllers_left_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        let (dead, alive, starting, foreign) =
            (folder("quorate-ssh-dead"), folder("quorate-ssh-alive"), folder("quorate-ssh-new"), folder("other"));
        drop(UnixListener::bind(dead.join(SOCKET)).unwrap());
        drop(UnixListener::bind(foreign.join(SOCKET)).unwrap());
        std::fs::copy("/proc/self/stat", starting.join(OWNER)).unwrap();
        // A process id that was given to somebody else since.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let (kept, started) = stat.trim().rsplit_once(") ").unwrap();
        let mut fields: Vec<&str> = started.split(' ').collect();
        fields[19] = "1";
        std::fs::write(dead.join(OWNER), format!("{kept}) {}", fields.join(" "))).unwrap();
        let _master = UnixListener::bind(alive.join(SOCKET)).unwrap();
        let fresh = create(parent.path()).unwrap();
        assert!(!dead.exists());
        assert!(alive.exists() && starting.exists() && foreign.exists() && fresh.path().exists());
        assert_eq!(fresh.path().metadata().unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_long_state_directory_still_gets_a_short_socket() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("x".repeat(120));
        let made = create(&long).unwrap();
        assert!(made.path().join(SOCKET).as_os_str().len() <= LONGEST_SOCKET_PATH);
        assert!(UnixListener::bind(made.path().join(SOCKET)).is_ok());
    }
}
