//! Etcd: talks to etcd members (v3 by gRPC, v2 by HTTP), and knows the snapshot file format. Facts about versions
//! come in as arguments; this room knows nothing of hosts and nothing of plans.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::units::{Bytes, ClusterId, MemberId, RaftIndex, RaftTerm, Revision, Sha256};

/// Opens a byte stream to a member's client port: through a host's connection, or straight.
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
    /// Bound of each single request.
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
