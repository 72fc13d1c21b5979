//! Spec: reads HCL and says what a person declared.
//!
//! In come the `.hcl` files of one directory, variable values and the environment; out goes a [`model::Spec`], or all
//! errors at once, each with file, line, column and snippet. This room never talks to a host and never decides what
//! to do.
//!
//! The way of a text: `source` reads it, `scan` splits it into tokens and refuses what would harm the parser, `parse`
//! makes a syntax tree, `variables` and `locals` find values for names, `eval` and `functions` evaluate, `blocks` reads
//! and checks, each block in a file of its own, through `section`. `format` lays out text.

mod blocks;
mod diagnostic;
mod eval;
mod format;
mod functions;
mod json;
mod load;
mod locals;
pub mod model;
mod parse;
mod rule;
mod scan;
mod section;
mod source;
mod text;
mod types;
mod value;
mod variables;

#[cfg(test)]
mod tests;

pub use blocks::{default_backup_dir, default_state_dir, is_said_elsewhere};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use format::format;
pub use load::{GivenOnLine, Inputs, Loaded, load};
pub use rule::{RULES, SpecRule};
pub use text::did_you_mean;
