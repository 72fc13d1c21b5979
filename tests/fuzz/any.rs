//! All targets in one program, for short runs: which one it is says its own name, a link to it.
#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(|| {
        let program = std::env::args().next().unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default();
        let found = quorate::fuzzing::TARGETS.iter().find(|(target, _)| *target == name);
        found.unwrap_or_else(|| panic!("{name:?} is no target")).1
    })(bytes);
});
