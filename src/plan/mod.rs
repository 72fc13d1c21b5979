//! Plan: decides. (what is declared, what was seen, what is known, which releases are at hand) -> a [`model::Plan`],
//! or every reason why not.
//!
//! A pure function: no I/O, no clock, no randomness; the same input gives the same bytes. All decisions are made
//! here; [`crate::execute`] makes none. The result explains itself: each step has a reason, each gate says what it
//! waits for, each refusal names what was seen, the rule, and the fix.

pub mod file;
pub mod model;
