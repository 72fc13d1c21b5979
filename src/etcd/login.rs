//! As whom a member is asked where authentication is on: the user of the spec, and what the member gave that user.
//!
//! Nothing is sent before a member says that it lets nobody in unknown: a cluster without authentication never sees the
//! password, and one without a quorum, which nobody can log in to, still answers what its version tells everybody.
//!
//! For the v3 API that is a token, which lasts until the member is restarted, its time is up (five minutes without use for
//! simple ones) or users are changed; then one more is asked for, once a request. It is used on the connection that it came
//! by and on no later one: a simple token ends with the raft index of its login, and a member whose log is behind that, as
//! after a restore, does not refuse it but waits for the index (observed 3.5.33: until the client gives up). For the v2 API it is the password
//! itself, along with each request from then on (HTTP Basic; there is nothing else).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use http::HeaderValue;
use tokio::sync::Mutex;
use tonic::Status;

use super::client::Client;
use super::error::{Denial, EtcdError};
use super::grpc::{Channel, pb};
use super::stream::Fault;
use super::v3::origin;
use super::{AuthState, Endpoint};

/// What etcd says where nobody can log in because nobody needs to.
const NOT_ENABLED: &str = "authentication is not enabled";
const AUTHENTICATE: &str = "Authenticate";

/// A user of etcd's own authentication.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a member gave our user.
#[derive(Default)]
pub(super) struct Pass {
    held: Mutex<Held>,
    /// The v2 API has asked for a password.
    basic: AtomicBool,
}

#[derive(Clone, Default)]
struct Held {
    entry: Entry,
    /// Counts how often somebody has tried to log in: a request that was denied with an older one takes what there is now.
    number: u64,
}

#[derive(Clone, Default)]
enum Entry {
    #[default]
    NotAsked,
    Token {
        token: HeaderValue,
        /// The number of the connection that it came by.
        connection: u64,
    },
    /// Authentication is off.
    Open,
    Refused(EtcdError),
}

impl Entry {
    /// What goes with a request on this connection.
    fn token_on(&self, number: u64) -> Option<HeaderValue> {
        match self {
            Self::Token { token, connection } => Some(token.clone()).filter(|_| *connection == number),
            Self::NotAsked | Self::Open | Self::Refused(_) => None,
        }
    }
}

impl Pass {
    /// What goes with a request of the v2 API.
    pub(super) fn basic(&self, endpoint: &Endpoint) -> Option<HeaderValue> {
        let login = endpoint.login.as_ref().filter(|_| self.basic.load(Ordering::Relaxed))?;
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", login.user, login.password));
        secret_header(&format!("Basic {text}"))
    }

    /// A request that went without was denied: whether it is worth another one.
    pub(super) fn start_basic(&self, endpoint: &Endpoint) -> bool {
        self.basic.store(true, Ordering::Relaxed);
        endpoint.login.is_some()
    }
}

/// Never shown by what logs headers, and never kept in a compression table.
fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Client {
    /// Makes one call as whoever we are to this member, logging in where it wants that: so at most two calls and one login,
    /// each within `deadline`.
    pub(super) async fn begin<R, T, F>(
        &self,
        name: &str,
        request: R,
        deadline: Duration,
        call: impl Fn(Channel, R) -> F,
    ) -> Result<(T, Fault), EtcdError>
    where
        R: Clone,
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let inner = &self.inner;
        let once = async |entry: &Entry| {
            let had_token = AtomicBool::new(false);
            let on_channel = |mut channel: Channel| {
                channel.token = entry.token_on(channel.number);
                had_token.store(channel.token.is_some(), Ordering::Relaxed);
                call(channel, request.clone())
            };
            let answer = inner.grpc.begin(&inner.endpoint, name, deadline, on_channel).await;
            (answer, had_token.into_inner())
        };
        let held = inner.pass.held.lock().await.clone();
        let (first, had_token) = once(&held.entry).await;
        match (&first, &inner.endpoint.login) {
            (Err(EtcdError::Denied { denial, .. }), Some(login)) if denial.ends_by_logging_in(had_token) => {
                let entry = self.log_in(login, held.number, deadline).await?;
                once(&entry).await.0
            }
            _ => first,
        }
    }

    /// What there is after one more login than at `denied`.
    async fn log_in(&self, login: &Login, denied: u64, deadline: Duration) -> Result<Entry, EtcdError> {
        let mut held = self.inner.pass.held.lock().await;
        if held.number == denied {
            held.number += 1;
            held.entry = self.authenticate(login, deadline).await.unwrap_or_else(Entry::Refused);
        }
        match &held.entry {
            Entry::Refused(error) => Err(error.clone()),
            entry => Ok(entry.clone()),
        }
    }

    /// Asks for a token. An entry of the raft log that every member with the v3 API knows.
    async fn authenticate(&self, login: &Login, deadline: Duration) -> Result<Entry, EtcdError> {
        let request = pb::AuthenticateRequest { name: login.user.clone(), password: login.password.clone() };
        let connection = AtomicU64::new(0);
        let on_channel = |channel: Channel| {
            connection.store(channel.number, Ordering::Relaxed);
            async move { pb::auth_client::AuthClient::with_origin(channel, origin()).authenticate(request).await }
        };
        match self.inner.grpc.begin(&self.inner.endpoint, AUTHENTICATE, deadline, on_channel).await {
            Ok((told, _)) => match secret_header(&told.token).filter(|token| !token.is_empty()) {
                Some(token) => Ok(Entry::Token { token, connection: connection.into_inner() }),
                // It is not shown: it may be a token all the same.
                None => Err(self.unexpected(AUTHENTICATE, "a token", "something else".to_owned())),
            },
            Err(EtcdError::Refused { said, .. }) if said.contains(NOT_ENABLED) => Ok(Entry::Open),
            Err(error) => Err(error),
        }
    }

    /// Whether authentication is on, as a read without a user tells that goes no further than this member. Unknown where it
    /// is allowed to a client that shows a certificate: it may be allowed to the user that this names. The call AuthStatus
    /// would know, and must not be used: it writes an entry into the raft log on which members below 3.5 panic.
    pub async fn auth_state(&self) -> Result<AuthState, EtcdError> {
        let inner = &self.inner;
        let name = "Range (one key)";
        let request = pb::RangeRequest { key: b"\0".to_vec(), serializable: true, ..pb::RangeRequest::default() };
        let read = inner.grpc.begin(&inner.endpoint, name, inner.endpoint.deadline, |channel| async move {
            pb::kv_client::KvClient::with_origin(channel, origin()).range(request).await
        });
        let shows_certificate = inner.endpoint.tls.as_ref().is_some_and(|tls| tls.cert_pem.is_some());
        match read.await {
            Err(EtcdError::Denied { .. }) => Ok(AuthState::On),
            Err(error) => Err(error),
            Ok(_) if !shows_certificate => Ok(AuthState::Off),
            Ok(_) => Ok(AuthState::Unknown),
        }
    }

    /// The same as a login with the name of nobody tells, where the version checks it in this order (`login-tells-off` in the
    /// knowledge). Nothing is written into the raft log: the name fails before that.
    pub async fn auth_state_by_login(&self) -> Result<AuthState, EtcdError> {
        let nobody = Login { user: String::new(), password: String::new() };
        match self.authenticate(&nobody, self.inner.endpoint.deadline).await {
            Ok(Entry::Open) => Ok(AuthState::Off),
            Ok(_) | Err(EtcdError::Denied { denial: Denial::WrongLogin, .. }) => Ok(AuthState::On),
            Err(error) => Err(error),
        }
    }

    /// Whether a snapshot would be given: of all that quorate asks for it takes the most, the role root. Of the answer only
    /// the beginning is read.
    pub async fn may_take_snapshots(&self) -> Result<(), EtcdError> {
        let endpoint = &self.inner.endpoint;
        let (mut stream, fault) = self.begin_snapshot().await?;
        match tokio::time::timeout(endpoint.deadline, stream.message()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) => Err(super::grpc::explain(endpoint, &fault, super::snapshot::CALL, &status)),
            Err(_) => Err(EtcdError::Deadline {
                endpoint: endpoint.label.clone(),
                request: super::snapshot::CALL.to_owned(),
                deadline: endpoint.deadline,
            }),
        }
    }
}
