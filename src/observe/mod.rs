//! Observe: one look at every host and every member, in parallel.
//!
//! In come the declared cluster and open connections; out goes an [`inventory::Inventory`]: what was seen, and what
//! could not be seen and why. An unreachable host is a fact, not an error. This room changes nothing anywhere.

mod answer;
mod certificates;
mod config_file;
pub mod inventory;
mod member;
mod options;
mod records;
mod systemd;
mod text;
