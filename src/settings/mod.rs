//! Settings: what of a member's options another version does not accept, and the exact change of the very file in which
//! each is set: minimal, all else kept byte by byte.
//!
//! In: what was seen of a member (options with their sources, its files), a version, and knowledge of the options. Out: the
//! changed files with the options that they then come to, and for each option that cannot be rewritten the reason. Pure.
//!
//! This room never touches a host, never decides whether a rewrite is allowed, and knows no option by name: what takes an
//! option's place is data. What is edited is read again, and given out only where it says exactly what it should.

mod command_line;
mod config_file;
mod decide;
mod member;
#[cfg(test)]
mod tests;
mod unit;

pub use member::{Rewrite, Unfit, rewrite};
