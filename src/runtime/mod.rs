//! Runtime: what is done to one member on its host, for members that systemd runs and for plain processes.
//!
//! In: a [`Host`](crate::host::Host), a [`Site`] (where the member lives on it) and what is wanted. Out: typed results, or
//! a [`RuntimeError`] that names the host, what was seen and what to do. Each operation is one small script
//! (`scripts/*.sh`) that can be run again, and one exchange with the host where that is possible: a member's stop, swap
//! and start are what its clients wait for. Digests and copies are made while it still runs.
//!
//! This room never decides whether or when something is done, never talks to etcd, never sends SIGKILL, and never
//! replaces a file or folder of which it does not know whose it is.

mod answer;
mod binary;
mod create;
mod error;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzzing;
mod leftovers;
mod log;
mod raft_snapshot;
mod readd;
mod replace;
mod restore;
mod rollback_point;
mod scripts;
mod service;
mod settings;
mod site;
mod stage;
mod unit;

pub use binary::{
    Keep, Kept, PreparedSwap, Swap, SwapBack, SwapState, SwapTarget, commit_swap, discard_swap, find_kept, keep_binary,
    prepare_swap, swap_back, swap_binary,
};
pub use create::{create, remove_created};
pub use error::{Refusal, RuntimeError};
pub use leftovers::{Leftover, LeftoverKind, Removed, leftovers, remove_leftovers};
pub use log::{LogCursor, LogLines, log_cursor, log_lines_since};
pub use raft_snapshot::{RaftSnapshot, newest_raft_snapshot};
pub use readd::{InPlace, end_joining, look_at_data, set_data_aside, start_joining};
pub use replace::{DataPaths, Laid, Replaced, lay_ready, mark_replacement, replace_data, unmark_replacement};
pub use restore::{
    FIRST_LOG, Identity, LaidReady, RestoreFrom, RestoreRequest, needed as room_for_restore, restore_beside,
};
pub use rollback_point::{CopyRequest, RollbackPoint, copy_data_dir, flush_rollback_point};
pub use service::{
    Death, Digest, Exit, MemberNow, ProcessNow, Room, StartOutcome, Started, StopOutcome, UnitState, is_running, start,
    stop,
};
pub use settings::{KeepSettings, SettingsState, place_settings, put_settings_back, ready_settings};
pub use site::{Service, Site, staged_path, store_dir};
pub use stage::{Preflight, PreflightOutcome, Program, Staged, check_staged, preflight, stage};
pub use unit::{CreateSpec, Templates, UnitTemplate, member_args, render_unit};

#[cfg(test)]
mod testing;
