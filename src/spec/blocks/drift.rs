//! The `drift` block: what counts as drift beside what differs from the spec.

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::DriftPolicy;
use super::super::section::{Known, Section};
use super::super::source::FileId;
use super::policies::toggle;
use crate::units::Age;

const KNOWN: Known = Known { attributes: &["certificates", "backup", "compare_hashes"], blocks: &[] };

pub fn read(file: FileId, block: &Block, cx: &mut Cx) -> DriftPolicy {
    let section = Section::of_block(file, block, "drift block", cx);
    section.expect(&KNOWN, cx);
    let usual = DriftPolicy::default();
    DriftPolicy {
        certificates: age(&section, "certificates", cx).unwrap_or(usual.certificates),
        backup: age(&section, "backup", cx),
        compare_hashes: toggle(&section, "compare_hashes", cx).unwrap_or(usual.compare_hashes),
    }
}

fn age(section: &Section, name: &str, cx: &mut Cx) -> Option<Age> {
    section.parsed(name, "Not an age", cx).map(|age| age.value)
}
