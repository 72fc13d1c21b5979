//! Etcd: talks to etcd members (v3 by gRPC, v2 by HTTP), and knows the snapshot file format.
//!
//! In comes an [`Endpoint`]: a way to open a byte stream to one member's client port, and TLS material. Out come typed
//! answers, or an [`EtcdError`] that says which endpoint, which request, and what was seen. Facts about versions come
//! in as arguments. This room never trusts an answer (every body, list and wait is bounded), never retries (but once,
//! where a member wants a login first), never reaches past the one endpoint, and knows nothing of hosts and nothing of plans.

mod answers;
mod client;
mod denied;
mod digest;
mod error;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzzing;
mod grpc;
mod http;
mod login;
pub mod snapshot;
mod stream;
mod tls;
mod v2;
mod v2_members;
mod v2tree;
mod v3;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod login_real_tests;
#[cfg(test)]
mod login_tests;
#[cfg(test)]
mod real_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tls_tests;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use client::Client;
pub(crate) use error::shown;
pub use error::{Denial, EtcdError};
pub use login::Login;
pub use v2tree::{V2Key, V2Node, V2Tree};

use crate::observe::inventory::ListedMember;
use crate::units::{Bytes, ClusterId, MemberId, RaftIndex, RaftTerm, Revision, Sha256};

/// Opens a byte stream to a member's client port: through a host's connection, or straight. A TCP stream must have
/// Nagle's algorithm off: with it, each gRPC call waits 40 ms for a delayed acknowledgement (seen on loopback).
pub type Dialer = Arc<
    dyn Fn() -> Pin<Box<dyn Future<Output = std::io::Result<Box<dyn crate::host::ByteStream>>> + Send>> + Send + Sync,
>;

/// TLS material, PEM texts. Held in memory only.
#[derive(Clone, Default)]
pub struct TlsAccess {
    pub ca_pem: Option<String>,
    pub cert_pem: Option<String>,
    pub key_pem: Option<String>,
    /// The name or address that the server's certificate must be for: the host of the client URL.
    pub server_name: String,
}

/// One member's client endpoint.
#[derive(Clone)]
pub struct Endpoint {
    /// For messages: `m1 (https://10.0.0.11:2379)`.
    pub label: String,
    pub dial: Dialer,
    pub tls: Option<TlsAccess>,
    /// The user to ask as, where authentication is on.
    pub login: Option<Login>,
    /// Bound of each single request, from dialing to the end of the answer; where it takes a login, of that and of the
    /// second try as well. Of an answer that is streamed (snapshot,
    /// v2 tree): bound of its head, and the window in which it must make progress.
    pub deadline: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionAnswer {
    pub server: crate::units::Version,
    pub cluster: Option<crate::units::Version>,
    pub storage: Option<crate::units::Version>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Healthy,
    Unhealthy { said: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusAnswer {
    pub member_id: MemberId,
    pub cluster_id: ClusterId,
    pub revision: Revision,
    pub version: String,
    pub db_size: Bytes,
    pub db_size_in_use: Option<Bytes>,
    pub leader: Option<MemberId>,
    pub raft_index: RaftIndex,
    pub raft_term: RaftTerm,
    pub raft_applied_index: Option<RaftIndex>,
    pub errors: Vec<String>,
    pub is_learner: bool,
    pub storage_version: Option<String>,
    /// Where a downgrade is enabled, the minor that it leads to (3.6+).
    pub downgrade_to: Option<crate::units::Minor>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V2Status {
    pub member_id: MemberId,
    pub cluster_id: ClusterId,
    pub leader: Option<MemberId>,
    pub raft_index: RaftIndex,
    pub raft_term: RaftTerm,
}

/// What a key space holds: how many keys, and one digest over all of them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyDigest {
    pub revision: Option<Revision>,
    pub keys: u64,
    pub digest: Sha256,
}

/// Whom a read asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// The cluster: needs a quorum, sees all that was acknowledged.
    Linearizable,
    /// The member alone: answers without a quorum, may lag behind.
    Serializable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberList {
    pub cluster_id: ClusterId,
    /// Who answered.
    pub member_id: MemberId,
    /// Sorted by id.
    pub members: Vec<ListedMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub modified: Revision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthState {
    On,
    Off,
    /// A client that may be allowed in by its certificate, and no answer that tells.
    Unknown,
}
