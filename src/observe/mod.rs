//! Observe: one look at every host and every member, in parallel.
//!
//! In come the declared cluster and open connections; out goes an [`inventory::Inventory`]: what was seen, and what
//! could not be seen and why. An unreachable host is a fact, not an error. This room changes nothing anywhere.
//!
//! A look is at most five exchanges with a host: the probe; a second one where the first could not know a path, or
//! for the certificates of the connection to etcd; a third for these where a config file names them; etcd's own answers,
//! all at once; and, when asked for, `HashKV` of all members at one revision.

mod access;
mod answer;
mod certificates;
pub(crate) mod config_file;
mod etcd_answers;
mod facts;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzzing;
pub mod inventory;
mod look;
mod member;
#[cfg(test)]
mod member_tests;
pub(crate) mod options;
mod probe;
#[cfg(test)]
mod probe_tests;
#[cfg(test)]
mod real_tests;
mod records;
mod seen_files;
pub mod settings;
mod systemd;
mod text;

pub use access::login;
pub use etcd_answers::{QuickOptions, quick, served_as};
pub use look::{Look, Observation, ObserveOptions, look_again, observe};
pub use member::{DEFAULT_DATA_DIR, declared_data_dir};
pub use seen_files::SeenFiles;
