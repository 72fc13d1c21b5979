//! Observe: one look at every host and every member, in parallel.
//!
//! In come the declared cluster and open connections; out goes an [`inventory::Inventory`]: what was seen, and what
//! could not be seen and why. An unreachable host is a fact, not an error. This room changes nothing anywhere.

pub mod inventory;
