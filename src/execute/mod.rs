//! Execute: performs a plan, step by step. It decides nothing, except to stop, and to roll a member back as the plan
//! says.
//!
//! [`engine::Engine`] is a state machine without I/O: (plan, journal so far) -> the next directive. The journal's
//! entries are its only input, so every start is a resume. A thin driver performs the directive: it writes the intent,
//! acts, judges gates on fresh observations, writes what came of it, and tells the view.

pub mod availability;
mod by_hand;
mod compare;
mod compare_keys;
mod downgrade;
mod driver;
mod effects;
pub mod engine;
#[cfg(test)]
mod engine_tests;
mod error;
pub mod event;
pub mod gates;
#[cfg(test)]
mod gates_tests;
pub mod journal;
pub mod locks;
mod logs;
mod looks;
pub mod member;
mod raft_snapshots;
mod readd;
pub(crate) mod replace;
mod restore;
mod settings;
mod take_backup;
pub mod wait;
#[cfg(test)]
mod wait_tests;
pub mod world;

pub use driver::{Controller, StopSignal, execute};
pub use error::ExecuteError;
