//! The blocks of a spec: each file reads one, checks it, and gives the part of the model it stands for.

mod address;
mod client;
mod cluster;
mod connection;
mod drift;
mod member;
mod paths;
mod policies;
mod release;
mod runtime;
mod settings;
mod tool;

pub use cluster::read as read_cluster;
pub use policies::default_backup_dir;
pub use settings::is_said_elsewhere;
pub use tool::{default_state_dir, read as read_tool_settings};
