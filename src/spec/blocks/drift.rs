//! The `drift` block: what counts as drift beside what differs from the spec, and who is told.

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::{DriftPolicy, NoticeUrl};
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section};
use super::super::source::FileId;
use super::policies::toggle;
use crate::units::Age;

const KNOWN: Known =
    Known { attributes: &["certificates", "backup", "compare_hashes", "webhook", "alertmanager"], blocks: &[] };

pub fn read(file: FileId, block: &Block, cx: &mut Cx) -> DriftPolicy {
    let section = Section::of_block(file, block, "drift block", cx);
    section.expect(&KNOWN, cx);
    let usual = DriftPolicy::default();
    DriftPolicy {
        certificates: age(&section, "certificates", cx).unwrap_or(usual.certificates),
        backup: age(&section, "backup", cx),
        compare_hashes: toggle(&section, "compare_hashes", cx).unwrap_or(usual.compare_hashes),
        webhook: url(&section, "webhook", cx),
        alertmanager: url(&section, "alertmanager", cx),
    }
}

fn age(section: &Section, name: &str, cx: &mut Cx) -> Option<Age> {
    section.parsed(name, SpecRule::Value, "Not an age", cx).map(|age| age.value)
}

/// It may hold a token, so no message repeats it.
fn url(section: &Section, name: &str, cx: &mut Cx) -> Option<NoticeUrl> {
    let Placed { value, site } = section.secret_text(name, cx)?;
    cx.secrets.push(value.clone());
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let problem = if rest.is_none() {
        Some("It does not start with https:// or http://.")
    } else if host.is_empty() {
        Some("It names no host.")
    } else if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Some("It holds a space or a control character. A file ends with a line break: write chomp(file(…)).")
    } else {
        None
    };
    match problem {
        None => Some(NoticeUrl(value)),
        Some(problem) => {
            cx.reports.error(SpecRule::Value, site, "Bad URL", problem.to_owned());
            None
        }
    }
}
