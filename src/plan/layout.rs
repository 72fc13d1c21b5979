//! Layout: where things are on a host, by runtime. The same names that `observe` looks for and `runtime` makes.

use crate::spec::model::{Process, Runtime};
use crate::units::Version;

/// Where releases are staged and old binaries kept on a host that systemd runs.
pub const SYSTEMD_STORE: &str = "/usr/local/lib/quorate";

/// Where the locks of runs are on a host that systemd runs: gone after a reboot.
pub const SYSTEMD_LOCKS: &str = "/run/quorate";

/// Where releases are staged and old binaries kept.
pub fn store(runtime: &Runtime) -> String {
    match runtime {
        Runtime::Systemd(_) => SYSTEMD_STORE.to_owned(),
        Runtime::Process(Process { dir }) => format!("{dir}/.quorate"),
    }
}

/// Where on a host the lock is that a run holds: folder and name. Beside what it keeps two runs from changing at a time: the
/// unit, or the folder that has all members of the process runtime in it.
pub fn lock(runtime: &Runtime) -> (String, String) {
    match runtime {
        Runtime::Systemd(systemd) => (SYSTEMD_LOCKS.to_owned(), systemd.unit.clone()),
        Runtime::Process(_) => (store(runtime), "members".to_owned()),
    }
}

/// The folder of one release.
pub fn release_dir(runtime: &Runtime, version: &Version) -> String {
    format!("{}/{version}", store(runtime))
}

/// One program of a release.
pub fn staged(runtime: &Runtime, version: &Version, program: &str) -> String {
    format!("{}/{program}", release_dir(runtime, version))
}
