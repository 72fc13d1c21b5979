//! Fuzzing: one function for each kind of bytes that come from elsewhere, so that a fuzzer, or a test, can throw any at it.
//!
//! In come bytes, as a person, a host, an etcd or a mirror might send them; nothing goes out. Each function hands them to
//! the very functions of the product that read them, goes on with what was read as far as it can go without a host, and
//! panics where what must always hold does not. Never part of the product: compiled for tests, and with the feature
//! `fuzz` for the targets under `tests/fuzz`.
//!
//! Where a format has something in it that no fuzzer guesses (a digest, a checksum, base64), the function writes it, and
//! takes the rest from the bytes. Where one target has several kinds of input, the first byte says which: `0`, `1`, ….
//! Several texts in one input stand between lines of `=====`.

mod common;
mod etcd;
mod files;
mod hosts;
#[cfg(test)]
mod seeds;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use common::{choose, fit_to_be_shown, harmless, parts, scratch};

pub use etcd::{connections, etcd_answers, snapshot};
pub use files::{archives, journal, plan_file, records};
pub use hosts::{member_texts, probe, scripts};
pub use spec::{layout, spec};

/// Runs one by its name.
#[cfg(test)]
fn run(target: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    found.unwrap_or_else(|| panic!("no target {target}")).1(bytes);
}

/// What is done with one input.
pub type Target = fn(&[u8]);

/// All of them, by the names that their corpora have.
pub const TARGETS: [(&str, Target); 12] = [
    ("archives", archives),
    ("connections", connections),
    ("etcd_answers", etcd_answers),
    ("journal", journal),
    ("layout", layout),
    ("member_texts", member_texts),
    ("plan_file", plan_file),
    ("probe", probe),
    ("records", records),
    ("scripts", scripts),
    ("snapshot", snapshot),
    ("spec", spec),
];
