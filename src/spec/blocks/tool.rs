//! The `quorate` block: which quorate may read this spec, where it keeps its state, and whose knowledge it goes by.

use std::path::{Path, PathBuf};

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::ToolSettings;
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section};
use super::super::source::{FileId, Site};
use super::super::text;
use super::paths;

const KNOWN: Known = Known { attributes: &["required_version", "modules"], blocks: &["state"] };
const STATE: Known = Known { attributes: &["path"], blocks: &[] };
/// Where state is kept unless the spec says otherwise.
const STATE_DIR: &str = ".quorate";

/// Where a spec in this folder keeps state, unless it says otherwise.
#[must_use]
pub fn default_state_dir(dir: &Path) -> PathBuf {
    dir.join(STATE_DIR)
}

pub fn read(blocks: &[(FileId, &Block)], cx: &mut Cx) -> ToolSettings {
    let mut settings = ToolSettings { state_dir: default_state_dir(cx.dir), modules_dir: None };
    for (index, (file, block)) in blocks.iter().enumerate() {
        let section = Section::of_block(*file, block, "quorate block", cx);
        if index > 0 {
            cx.reports.error(
                SpecRule::Duplicate,
                section.site,
                "Block given twice",
                "A spec has one quorate block. Put both together.",
            );
        }
        if !block.labels.is_empty() {
            cx.reports.error(
                SpecRule::Label,
                section.site,
                "Label on quorate",
                "The quorate block has no label: quorate { … }.",
            );
        }
        section.expect(&KNOWN, cx);
        if let Some(Placed { value, site }) = section.text("required_version", cx) {
            check_version(&value, site, env!("CARGO_PKG_VERSION"), cx);
        }
        if let Some(dir) = paths::on_controller(&section, "modules", cx) {
            settings.modules_dir = Some(dir);
        }
        if let Some(state) = section.block("state", cx) {
            read_state(*file, state, &mut settings, cx);
        }
    }
    settings
}

fn read_state(file: FileId, block: &Block, settings: &mut ToolSettings, cx: &mut Cx) {
    let section = Section::of_block(file, block, "state block", cx);
    match block.labels.as_slice() {
        [kind] if kind.as_str() == "local" => {}
        [kind] => {
            let detail = format!(
                "There is no state {}. This version of quorate has state \"local\" only.",
                text::quoted(kind.as_str())
            );
            cx.reports.error(SpecRule::UnknownSetting, section.site, "Unknown kind of state", detail);
            return;
        }
        _ => {
            cx.reports.error(SpecRule::Label, section.site, "State without a kind", "Write state \"local\" { … }.");
        }
    }
    section.expect(&STATE, cx);
    if let Some(path) = paths::on_controller(&section, "path", cx) {
        settings.state_dir = path;
    }
}

type Triple = (u64, u64, u64);

fn check_version(constraint: &str, site: Site, running: &str, cx: &mut Cx) {
    let (release, _) = running.split_once(['-', '+']).unwrap_or((running, ""));
    // The package's own version is three numbers.
    let Some((running_version, _)) = numbers(release) else { return };
    for part in constraint.split(',') {
        match allows(part.trim(), running_version) {
            None => {
                let detail = format!(
                    "{} is no condition on a version. Write \">= 0.1\", \"~> 0.1.2\" or \">= 0.1, < 1.0\".",
                    text::quoted(part.trim())
                );
                cx.reports.error(SpecRule::Value, site, "Bad required_version", detail);
            }
            Some(false) => {
                let detail = format!(
                    "This is quorate {running}, and the spec wants {}. Use another quorate, or change required_version.",
                    text::quoted(part.trim())
                );
                cx.reports.error(SpecRule::RequiredVersion, site, "Wrong version of quorate", detail);
            }
            Some(true) => {}
        }
    }
}

/// Whether one condition holds; `None` when it cannot be read.
fn allows(condition: &str, running: Triple) -> Option<bool> {
    let split = condition.find(|c: char| c.is_ascii_digit())?;
    let (operator, version) = condition.split_at(split);
    let (wanted, count) = numbers(version)?;
    Some(match operator.trim() {
        "" | "=" => running == wanted,
        "!=" => running != wanted,
        ">" => running > wanted,
        ">=" => running >= wanted,
        "<" => running < wanted,
        "<=" => running <= wanted,
        // The last number that is given may rise, the others may not.
        "~>" => {
            running >= wanted
                && match count {
                    1 => true,
                    2 => running.0 == wanted.0,
                    _ => (running.0, running.1) == (wanted.0, wanted.1),
                }
        }
        _ => return None,
    })
}

fn numbers(version: &str) -> Option<(Triple, usize)> {
    let parts: Vec<u64> = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [major] => Some(((*major, 0, 0), 1)),
        [major, minor] => Some(((*major, *minor, 0), 2)),
        [major, minor, patch] => Some(((*major, *minor, *patch), 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_terraforms() {
        for (condition, expected) in [
            (">= 0.1", Some(true)),
            ("0.1.3", Some(true)),
            ("~> 0.1", Some(true)),
            ("~> 0.1.4", Some(false)),
            ("~> 1", Some(false)),
            ("< 0.1.3", Some(false)),
            ("!= 0.1.3", Some(false)),
            ("newest", None),
            (">= 0.1.2.3", None),
            ("^0.1", None),
            ("", None),
        ] {
            assert_eq!(allows(condition, (0, 1, 3)), expected, "{condition}");
        }
    }
}
