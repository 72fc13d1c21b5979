//! Spec: reads HCL and says what a person declared.
//!
//! In come the `.hcl` files of one directory, variable values and the environment; out goes a [`model::Spec`], or all
//! errors at once, each with file, line, column and snippet. This room never talks to a host and never decides what
//! to do.

pub mod model;
