//! Units: the words every other room uses.
//!
//! Versions, member ids, revisions, raft indexes, sizes, digests, names. Each is a type of its own, so that a
//! revision cannot be taken for a raft index and a name from a spec cannot be taken for a path. Values come in as
//! text or numbers and are checked here, once; what is out of range never gets further. This room does no I/O and
//! knows nothing of etcd's rules: those are data in `modules/etcd`.

mod advice;
mod ids;
mod names;
mod rule;
mod shell;
mod sizes;
mod version;

pub use advice::Advised;
pub use ids::{ClusterId, MemberId, RaftIndex, RaftTerm, Revision, Sha256};
pub use names::{ClusterName, MemberName, NameError};
pub(crate) use rule::rules;
pub use rule::{Rule, RuleKind};
pub use shell::{shell_word, shell_words};
pub use sizes::{Age, AgeError, Bytes, Span, SpanError};
pub use version::{Minor, Version, VersionError};
