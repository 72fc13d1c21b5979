//! Layout: where things are on a host, by runtime. The same names that `observe` looks for and `runtime` makes.

use crate::spec::model::{Process, Runtime};
use crate::units::Version;

/// Where releases are staged and old binaries kept on a host that systemd runs.
pub const SYSTEMD_STORE: &str = "/usr/local/lib/quorate";

/// Where releases are staged and old binaries kept.
pub fn store(runtime: &Runtime) -> String {
    match runtime {
        Runtime::Systemd(_) => SYSTEMD_STORE.to_owned(),
        Runtime::Process(Process { dir }) => format!("{dir}/.quorate"),
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
