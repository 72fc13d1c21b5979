//! The planner as a whole: each situation that a cluster may be in, and the plan or the refusals that a person gets to
//! read for it; and what holds of every plan, over random clusters.

mod authentication;
pub(crate) mod builders;
mod climbs;
mod creation;
mod descents;
mod down;
mod hosts;
mod membership;
mod options;
mod properties;
mod random;
mod readd;
mod restores;
mod rollback;
mod rollout;
mod saved;
mod settings;
mod strangers;
mod upgrades;
mod versions;
