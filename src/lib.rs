//! Quorate takes an etcd cluster from the version and shape it has to the version and shape that is declared for it,
//! one member at a time, and keeps it quorate all the way.
//!
//! The way of the data:
//!
//! ```text
//! spec text --> Spec --+
//!                      +--> plan() --> Plan --> execute() --> journal, report
//! live hosts -> Inventory -+            ^           |
//! knowledge ---------------+            +--observe--+
//! ```
//!
//! Rooms, and what each may touch, are described in `docs/explanation/architecture.md` and at the top of each folder's `mod.rs`.

pub mod artifact;
pub mod backup;
pub mod cli;
pub mod crypto;
pub mod drift;
pub mod etcd;
pub mod execute;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod host;
pub mod import;
pub mod knowledge;
pub mod observe;
pub mod plan;
pub mod runtime;
pub mod session;
pub mod settings;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod spec;
pub mod state;
pub mod units;
pub mod view;
pub mod watch;
