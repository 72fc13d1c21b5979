//! Where a member lives on its host, and where quorate keeps releases there.

use crate::spec::model::{Process, Runtime, Systemd};
use crate::units::{MemberName, Version};

use super::error::RuntimeError;

/// Where releases go on a host where systemd runs the members.
const SYSTEMD_STORE: &str = "/usr/local/lib/quorate";

/// Longest path that is accepted: PATH_MAX without the suffixes that are added here.
const LONGEST_PATH: usize = 3800;

/// One member on its host: what every operation needs to know of it. All paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub service: Service,
    /// The file that is started.
    pub binary: String,
    pub data_dir: String,
    /// A WAL directory of its own, outside the data directory.
    pub wal_dir: Option<String>,
}

/// Who runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// The unit, with its `.service`.
    Systemd { unit: String },
    /// The member's folder.
    Process { dir: String },
}

impl Site {
    /// A member that systemd runs, as it was observed.
    pub fn systemd(
        runtime: &Systemd,
        binary: &str,
        data_dir: &str,
        wal_dir: Option<&str>,
    ) -> Result<Self, RuntimeError> {
        Ok(Self {
            service: Service::Systemd { unit: check_unit(&runtime.unit)?.to_owned() },
            binary: check_path("binary", binary)?,
            data_dir: check_path("data directory", data_dir)?,
            wal_dir: wal_dir.map(|dir| check_path("WAL directory", dir)).transpose()?,
        })
    }

    /// A member of the process runtime. Its data is in its own folder unless said otherwise.
    pub fn process(runtime: &Process, name: &MemberName, data_dir: Option<&str>) -> Result<Self, RuntimeError> {
        let dir = format!("{}/{name}", check_path("folder", &runtime.dir)?);
        let data_dir = match data_dir {
            Some(data_dir) => check_path("data directory", data_dir)?,
            None => format!("{dir}/data"),
        };
        let binary = format!("{dir}/etcd");
        Ok(Self { service: Service::Process { dir }, binary, data_dir, wal_dir: None })
    }
}

/// Where quorate keeps releases on a host.
pub fn store_dir(runtime: &Runtime) -> Result<String, RuntimeError> {
    match runtime {
        Runtime::Systemd(_) => Ok(SYSTEMD_STORE.to_owned()),
        Runtime::Process(process) => Ok(format!("{}/.quorate", check_path("folder", &process.dir)?)),
    }
}

/// Where one program of a release is staged: `STORE/VERSION/etcd`.
#[must_use]
pub fn staged_path(store: &str, version: &Version, program: &str) -> String {
    format!("{store}/{version}/{program}")
}

/// A path that may be handed to a script: absolute, normal, of one line. Without a slash at its end.
pub(super) fn check_path(what: &'static str, path: &str) -> Result<String, RuntimeError> {
    let wrong = |rule| Err(RuntimeError::Value { what, value: path.chars().take(200).collect(), rule });
    let path_trimmed = path.trim_end_matches('/');
    if !path.starts_with('/') {
        wrong("is not an absolute path")
    } else if path_trimmed.is_empty() {
        wrong("is the root of the file system")
    } else if path.len() > LONGEST_PATH {
        wrong("is too long for a path")
    } else if path.chars().any(char::is_control) {
        wrong("holds a control character")
    } else if path.split('/').any(|part| part == "..") {
        wrong("holds \"..\"")
    } else {
        Ok(path_trimmed.to_owned())
    }
}

pub(super) fn check_unit(unit: &str) -> Result<&str, RuntimeError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.@:\\".contains(c);
    if unit.ends_with(".service")
        && unit.len() <= 255
        && unit.chars().all(good)
        && unit.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Ok(unit);
    }
    let value = unit.chars().take(200).collect();
    Err(RuntimeError::Value {
        what: "unit",
        value,
        rule: "is not the name of a service: letters, digits, -_.@: and then .service",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_normal_and_of_one_line() {
        assert_eq!(check_path("x", "/var/lib/etcd//").unwrap(), "/var/lib/etcd");
        for bad in
            ["", "/", "//", "a", "./a", "/a/../b", "/a\nb", "/a\0", "/\u{1b}[1m", &format!("/{}", "x".repeat(9000))]
        {
            assert!(check_path("x", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn units_are_plain_service_names() {
        for good in ["etcd.service", "etcd@m1.service", "etcd-a_b.service"] {
            assert!(check_unit(good).is_ok(), "{good}");
        }
        for bad in ["etcd", "-x.service", "a b.service", "../x.service", "a/b.service", "$(x).service", ".service"] {
            assert!(check_unit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_process_member_lives_in_a_folder_of_its_name() {
        let process = Process { dir: "/srv/etcd/".into() };
        let site = Site::process(&process, &"m1".parse().unwrap(), None).unwrap();
        assert_eq!((site.binary.as_str(), site.data_dir.as_str()), ("/srv/etcd/m1/etcd", "/srv/etcd/m1/data"));
        let store = store_dir(&Runtime::Process(process)).unwrap();
        assert_eq!(staged_path(&store, &Version::new(3, 2, 32), "etcd"), "/srv/etcd/.quorate/3.2.32/etcd");
    }
}
