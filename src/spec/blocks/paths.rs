//! Paths: on the controller, where relative ones start at the spec, and on hosts, where they are absolute.

use std::path::{Path, PathBuf};

use super::super::eval::Cx;
use super::super::rule::SpecRule;
use super::super::section::{Placed, Section};
use super::super::text;

/// The longest path that is accepted; Linux's own limit.
const LONGEST_PATH: usize = 4096;

/// Why a text is not a path on a host.
pub fn check_host_path(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!("{} is not absolute: a path on a host starts with \"/\".", text::quoted(path)));
    }
    if path.len() > LONGEST_PATH {
        return Err(format!("A path has at most {LONGEST_PATH} bytes."));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(format!("{} holds \"..\": write where it leads.", text::quoted(path)));
    }
    if path.chars().all(|c| c == '/') {
        return Err("The root folder itself cannot be used.".to_owned());
    }
    Ok(())
}

/// An absolute path on a member's host, without slashes at its end.
pub fn on_host(section: &Section, name: &str, cx: &mut Cx) -> Option<String> {
    let Placed { value, site } = section.text(name, cx)?;
    match check_host_path(&value) {
        Ok(()) => Some(value.trim_end_matches('/').to_owned()),
        Err(why) => {
            cx.reports.error(SpecRule::Value, site, "Not a path on a host", why);
            None
        }
    }
}

/// A path on the controller.
pub fn on_controller(section: &Section, name: &str, cx: &mut Cx) -> Option<PathBuf> {
    let Placed { value, site } = section.text(name, cx)?;
    match resolve(&value, cx.dir) {
        Ok(path) => Some(path),
        Err(why) => {
            cx.reports.error(SpecRule::Value, site, "Not a path", why);
            None
        }
    }
}

pub fn resolve(path: &str, dir: &Path) -> Result<PathBuf, String> {
    if path.is_empty() {
        return Err("The path is empty.".to_owned());
    }
    if path.len() > LONGEST_PATH {
        return Err(format!("A path has at most {LONGEST_PATH} bytes."));
    }
    if path.starts_with('~') {
        return Err(format!("{}: \"~\" is not expanded here. Write the whole path.", text::quoted(path)));
    }
    // Without "." and doubled slashes, so that it reads well in plans.
    Ok(dir.join(path).components().collect())
}
