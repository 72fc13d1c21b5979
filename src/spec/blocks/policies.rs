//! `rollout`, `backup` and `rollback_points`: how careful to be, and for how long.

use std::path::{Path, PathBuf};

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::{
    Availability, BackupPolicy, HoldPoint, OnFailure, Probe, RollbackPoints, Rollout, SettingsPolicy, Toggle, Verify,
};
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section, wrong_type};
use super::super::source::FileId;
use super::super::text;
use super::super::value::Value;
use super::paths;
use crate::units::{Bytes, Span};

const ROLLOUT: Known = Known {
    attributes: &[
        "soak",
        "hold_before",
        "on_failure",
        "ready_timeout",
        "stop_timeout",
        "version_timeout",
        "catch_up_timeout",
        "gate_timeout",
        "v2_settle",
        "compare_hashes",
        "settings",
        "availability",
        "availability_rate",
    ],
    blocks: &["slo"],
};
const SLO: Known = Known { attributes: &["max_stall"], blocks: &[] };
const BACKUP: Known = Known { attributes: &["to", "keep", "verify"], blocks: &[] };
const ROLLBACK_POINTS: Known = Known { attributes: &["enabled", "max_size"], blocks: &[] };
/// Tries a second and member: enough to see a short stall, too few to be felt.
const MOST_RATE: u64 = 20;
const KEEP: u32 = 7;
const MOST_KEPT: u64 = 10_000;
const BACKUP_DIR: &str = "backups";
const MAX_SIZE: Bytes = Bytes::mebi(20 * 1024);

pub fn default_rollout() -> Rollout {
    Rollout {
        soak: Span::from_secs(10),
        hold_before: None,
        on_failure: OnFailure::RollbackMember,
        ready_timeout: Span::from_secs(600),
        stop_timeout: Span::from_secs(60),
        version_timeout: Span::from_secs(60),
        catch_up_timeout: Span::from_secs(600),
        gate_timeout: Span::from_secs(60),
        v2_settle: Span::from_secs(120),
        compare_hashes: Toggle::On,
        settings: SettingsPolicy::Keep,
        availability: Availability::default(),
    }
}

pub fn rollout(file: FileId, block: &Block, cx: &mut Cx) -> Rollout {
    let section = Section::of_block(file, block, "rollout block", cx);
    section.expect(&ROLLOUT, cx);
    let usual = default_rollout();
    let settings = [("keep", SettingsPolicy::Keep), ("rewrite", SettingsPolicy::Rewrite)];
    let failures = [("rollback-member", OnFailure::RollbackMember), ("halt", OnFailure::Halt)];
    Rollout {
        soak: span(&section, "soak", cx).unwrap_or(usual.soak),
        hold_before: section.choice("hold_before", &[("no-return", HoldPoint::NoReturn)], cx),
        on_failure: section.choice("on_failure", &failures, cx).unwrap_or(usual.on_failure),
        ready_timeout: wait(&section, "ready_timeout", cx).unwrap_or(usual.ready_timeout),
        stop_timeout: wait(&section, "stop_timeout", cx).unwrap_or(usual.stop_timeout),
        version_timeout: wait(&section, "version_timeout", cx).unwrap_or(usual.version_timeout),
        catch_up_timeout: wait(&section, "catch_up_timeout", cx).unwrap_or(usual.catch_up_timeout),
        gate_timeout: wait(&section, "gate_timeout", cx).unwrap_or(usual.gate_timeout),
        v2_settle: span(&section, "v2_settle", cx).unwrap_or(usual.v2_settle),
        compare_hashes: toggle(&section, "compare_hashes", cx).unwrap_or(usual.compare_hashes),
        settings: section.choice("settings", &settings, cx).unwrap_or(usual.settings),
        availability: availability(file, &section, cx),
    }
}

fn availability(file: FileId, section: &Section, cx: &mut Cx) -> Availability {
    let usual = Availability::default();
    let probes = [("read", Probe::Read), ("write", Probe::Write), ("off", Probe::Off)];
    let rate = section.whole("availability_rate", 1..=MOST_RATE, cx);
    let mut read = Availability {
        probe: section.choice("availability", &probes, cx).unwrap_or(usual.probe),
        rate: rate.and_then(|rate| u32::try_from(rate.value).ok()).unwrap_or(usual.rate),
        max_stall: None,
    };
    let Some(block) = section.block("slo", cx) else { return read };
    let slo = Section::of_block(file, block, "slo block", cx);
    slo.expect(&SLO, cx);
    slo.require("max_stall", "max_stall = \"2s\"", cx);
    read.max_stall = wait(&slo, "max_stall", cx);
    let Some(bound) = read.max_stall else { return read };
    let site = slo.site_of_attribute("max_stall");
    let least = read.pause() * 2;
    if read.probe == Probe::Off {
        let detail =
            "With availability = \"off\" nobody is asked, and no stall would be seen. Take one of the two out.";
        cx.reports.error(SpecRule::NoEffect, site, "Nothing to hold it against", detail.to_owned());
    } else if bound.duration() < least {
        let detail = format!(
            "Each member is asked {} times a second: what is shorter than two pauses, {}, is no stall. Write a longer \
             max_stall, or a higher availability_rate (at most {MOST_RATE}).",
            read.rate,
            Span::from(least)
        );
        cx.reports.error(SpecRule::NoEffect, site, "Shorter than can be seen", detail);
    }
    read
}

/// Where backups go, unless the spec says otherwise.
#[must_use]
pub fn default_backup_dir(state_dir: &Path) -> PathBuf {
    state_dir.join(BACKUP_DIR)
}

pub fn default_backup(state_dir: &Path) -> BackupPolicy {
    BackupPolicy { dir: default_backup_dir(state_dir), keep: KEEP, verify: Verify::Restore }
}

pub fn backup(file: FileId, block: &Block, state_dir: &Path, cx: &mut Cx) -> BackupPolicy {
    let section = Section::of_block(file, block, "backup block", cx);
    section.expect(&BACKUP, cx);
    let usual = default_backup(state_dir);
    let keep = section.whole("keep", 1..=MOST_KEPT, cx).and_then(|keep| u32::try_from(keep.value).ok());
    let verify = section.choice("verify", &[("restore", Verify::Restore), ("hash", Verify::Hash)], cx);
    BackupPolicy {
        dir: backup_dir(&section, cx).unwrap_or(usual.dir),
        keep: keep.unwrap_or(usual.keep),
        verify: verify.unwrap_or(usual.verify),
    }
}

fn backup_dir(section: &Section, cx: &mut Cx) -> Option<PathBuf> {
    let Placed { value, site } = section.text("to", cx)?;
    let shown = text::quoted(&value);
    let folder = match value.strip_prefix("file://") {
        Some(path) if path.starts_with('/') => Ok(path),
        Some(_) => Err(format!("{shown} is not absolute: file:// is followed by an absolute path.")),
        None if value.contains("://") => {
            Err(format!("{shown}: backups go to a folder on this machine, file:// or a path."))
        }
        None => Ok(value.as_str()),
    };
    match folder.and_then(|folder| paths::resolve(folder, cx.dir)) {
        Ok(path) => Some(path),
        Err(why) => {
            cx.reports.error(SpecRule::Value, site, "Bad place for backups", why);
            None
        }
    }
}

pub fn default_rollback_points() -> RollbackPoints {
    RollbackPoints { enabled: Toggle::On, max_size: MAX_SIZE }
}

pub fn rollback_points(file: FileId, block: &Block, cx: &mut Cx) -> RollbackPoints {
    let section = Section::of_block(file, block, "rollback_points block", cx);
    section.expect(&ROLLBACK_POINTS, cx);
    let usual = default_rollback_points();
    RollbackPoints {
        enabled: toggle(&section, "enabled", cx).unwrap_or(usual.enabled),
        max_size: size(&section, "max_size", cx).unwrap_or(usual.max_size),
    }
}

pub fn toggle(section: &Section, name: &str, cx: &mut Cx) -> Option<Toggle> {
    section.flag(name, cx).map(|flag| if flag.value { Toggle::On } else { Toggle::Off })
}

fn span(section: &Section, name: &str, cx: &mut Cx) -> Option<Span> {
    section.parsed(name, SpecRule::Value, "Not a span of time", cx).map(|span| span.value)
}

/// A span that something is waited for: without any, nothing could ever succeed.
pub fn wait(section: &Section, name: &str, cx: &mut Cx) -> Option<Span> {
    let Placed { value, site } = section.parsed::<Span>(name, SpecRule::Value, "Not a span of time", cx)?;
    if value.is_zero() {
        cx.reports.error(SpecRule::Value, site, "No time at all", format!("{name} must be longer than 0."));
        return None;
    }
    Some(value)
}

fn size(section: &Section, name: &str, cx: &mut Cx) -> Option<Bytes> {
    let Placed { value, site } = section.plain_value(name, cx)?;
    let read = match &value {
        Value::String(text) => parse_size(text),
        other => {
            other.to_number().and_then(super::super::value::Number::as_whole).and_then(|size| u64::try_from(size).ok())
        }
    };
    if read.is_none() {
        wrong_type(site, name, "a size such as \"20GB\" or \"512 MB\", or a number of bytes", &value, cx);
    }
    read.map(Bytes)
}

/// `20GB`, `512 MiB`, `1024`: in binary steps, as sizes are shown.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let shift = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_shown() {
        assert_eq!(parse_size("20GB"), Some(20 << 30));
        assert_eq!(parse_size("512 MiB"), Some(512 << 20));
        assert_eq!(parse_size("7"), Some(7));
        for bad in ["", "GB", "-1GB", "1.5GB", "20XB", "99999999999GB", "18446744073709551616"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
