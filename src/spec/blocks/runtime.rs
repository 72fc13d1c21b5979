//! The `runtime` block: how members are run on their hosts.

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::{Ownership, Process, Runtime, Systemd};
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section};
use super::super::source::FileId;
use super::super::text;
use super::paths;

const SYSTEMD: Known = Known { attributes: &["unit", "adopt", "bin_dir", "user"], blocks: &[] };
const PROCESS: Known = Known { attributes: &["dir"], blocks: &[] };
const UNIT: &str = "etcd.service";
const BIN_DIR: &str = "/usr/local/bin";
const USER: &str = "etcd";
const LONGEST_UNIT: usize = 255;
const LONGEST_USER: usize = 32;

pub fn default() -> Runtime {
    Runtime::Systemd(Systemd {
        unit: UNIT.to_owned(),
        ownership: Ownership::Managed,
        bin_dir: BIN_DIR.to_owned(),
        user: USER.to_owned(),
    })
}

/// `all_local`: whether every member is on this machine, so that a path of the spec is a path of the host.
pub fn read(file: FileId, block: &Block, all_local: bool, cx: &mut Cx) -> Runtime {
    let section = Section::of_block(file, block, "runtime block", cx);
    match block.labels.as_slice() {
        [kind] if kind.as_str() == "systemd" => systemd(&section, cx),
        [kind] if kind.as_str() == "process" => process(&section, all_local, cx),
        [kind] => {
            let detail =
                format!("There is no runtime {}. There are \"systemd\" and \"process\".", text::quoted(kind.as_str()));
            cx.reports.error(SpecRule::UnknownSetting, section.site, "Unknown kind of runtime", detail);
            default()
        }
        _ => {
            let detail = "Write runtime \"systemd\" { … } or runtime \"process\" { … }.";
            cx.reports.error(SpecRule::Label, section.site, "Runtime without a kind", detail);
            default()
        }
    }
}

fn systemd(section: &Section, cx: &mut Cx) -> Runtime {
    section.expect(&SYSTEMD, cx);
    let unit = section.text("unit", cx).and_then(|unit| check_unit(unit, cx)).unwrap_or_else(|| UNIT.to_owned());
    let adopted = section.flag("adopt", cx).is_some_and(|flag| flag.value);
    let bin_dir = paths::on_host(section, "bin_dir", cx).unwrap_or_else(|| BIN_DIR.to_owned());
    let user = section.text("user", cx).and_then(|user| check_user(user, cx)).unwrap_or_else(|| USER.to_owned());
    for name in ["bin_dir", "user"] {
        if adopted && section.has(name) {
            let detail = format!("With adopt = true the unit says it: {name} is for members that quorate creates.");
            cx.reports.warning(
                SpecRule::NoEffect,
                Some(section.site_of_attribute(name)),
                format!("{name} is not used"),
                detail,
            );
        }
    }
    let ownership = if adopted { Ownership::Adopted } else { Ownership::Managed };
    Runtime::Systemd(Systemd { unit, ownership, bin_dir, user })
}

fn check_unit(unit: Placed<String>, cx: &mut Cx) -> Option<String> {
    let Placed { value, site } = unit;
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let shown = text::quoted(&value);
    let why = if value.is_empty() || !value.chars().all(plain) || value.starts_with(['-', '.']) {
        Some(format!("{shown} cannot be the name of a unit: letters, digits, \"-\", \"_\", \".\", \"@\" and \":\"."))
    } else if value.len() > LONGEST_UNIT {
        Some(format!("A unit's name has at most {LONGEST_UNIT} characters."))
    } else if value.contains("@.") || value.ends_with('@') {
        Some(format!("{shown} is a template: name one instance, such as \"etcd@main.service\"."))
    } else {
        let other = ["socket", "timer", "target", "mount", "path", "slice", "scope", "device", "swap", "automount"];
        let suffix = value.rsplit_once('.').map(|(_, suffix)| suffix).filter(|suffix| other.contains(suffix));
        suffix.map(|suffix| format!("{shown} is a {suffix}: name the service that runs etcd."))
    };
    match why {
        Some(why) => {
            cx.reports.error(SpecRule::Name, site, "Bad unit name", why);
            None
        }
        None if value.ends_with(".service") => Some(value),
        None => Some(value + ".service"),
    }
}

/// The rule of `useradd`.
fn check_user(user: Placed<String>, cx: &mut Cx) -> Option<String> {
    let Placed { value, site } = user;
    let starts_well = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if starts_well && plain && value.len() <= LONGEST_USER {
        return Some(value);
    }
    let detail = format!(
        "{} cannot be the name of an account: at most {LONGEST_USER} letters, digits, \"-\" and \"_\", starting with a letter.",
        text::quoted(&value)
    );
    cx.reports.error(SpecRule::Name, site, "Bad user name", detail);
    None
}

fn process(section: &Section, all_local: bool, cx: &mut Cx) -> Runtime {
    section.expect(&PROCESS, cx);
    section.require("dir", "dir = \"/var/lib/quorate\"", cx);
    let dir = if all_local {
        paths::on_controller(section, "dir", cx).and_then(|path| path.to_str().map(str::to_owned))
    } else {
        paths::on_host(section, "dir", cx)
    };
    if let Some(dir) = &dir
        && let Err(why) = paths::check_host_path(dir)
    {
        // A relative one that leads upwards: the path is made absolute, but ".." is kept.
        cx.reports.error(SpecRule::Value, section.site_of_attribute("dir"), "Not a path on a host", why);
    }
    Runtime::Process(Process { dir: dir.unwrap_or_default() })
}
