//! From an endpoint to an open byte stream: dialed, and with TLS on it where the endpoint has it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::error::EtcdError;
use super::tls::{self, Protocol};
use super::{Endpoint, TlsAccess};
use crate::host::ByteStream;

/// Dials and shakes hands. The caller bounds the time.
pub(super) async fn open(endpoint: &Endpoint, protocol: Protocol) -> Result<Box<dyn ByteStream>, EtcdError> {
    let label = || endpoint.label.clone();
    let stream =
        (endpoint.dial)().await.map_err(|error| EtcdError::Dial { endpoint: label(), reason: innermost(&error) })?;
    let Some(access) = &endpoint.tls else { return Ok(stream) };
    let refused = |wrong: tls::TlsProblem| EtcdError::Tls { endpoint: label(), problem: wrong.problem, fix: wrong.fix };
    let name = tls::server_name(access).map_err(refused)?;
    let config = tls::client_config(access, protocol).map_err(refused)?;
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(handshake_error(endpoint, access, &error)),
    }
}

fn handshake_error(endpoint: &Endpoint, access: &TlsAccess, error: &std::io::Error) -> EtcdError {
    if let Some(cause) = tls::tls_cause(error) {
        let wrong = tls::explain(cause, access);
        return EtcdError::Tls { endpoint: endpoint.label.clone(), problem: wrong.problem, fix: wrong.fix };
    }
    EtcdError::Broken {
        endpoint: endpoint.label.clone(),
        request: "TLS handshake".to_owned(),
        reason: innermost(error),
    }
}

/// An error of a connection that was open: TLS 1.3 servers refuse a client certificate only after the handshake.
pub(super) fn broken(endpoint: &Endpoint, request: &str, error: &(dyn std::error::Error + 'static)) -> EtcdError {
    if let (Some(access), Some(cause)) = (&endpoint.tls, tls::tls_cause(error)) {
        let wrong = tls::explain(cause, access);
        return EtcdError::Tls { endpoint: endpoint.label.clone(), problem: wrong.problem, fix: wrong.fix };
    }
    EtcdError::Broken { endpoint: endpoint.label.clone(), request: request.to_owned(), reason: innermost(error) }
}

/// The last cause in a chain says most: `connection error: … : Connection refused`.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// The background tasks of one connection: what hyper spawns for it.
#[derive(Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.spawn(async move {
            task.await;
        });
    }
}

/// Owns the tasks of a connection: they, and the stream they hold, end with it. The tasks themselves hold handles to
/// the set (hyper spawns from within), so dropping those would not be enough.
#[derive(Default)]
pub(super) struct Lifetime(pub(super) Tasks);

impl Lifetime {
    /// Returns when the stream is closed.
    pub(super) async fn end(self) {
        let mut tasks = std::mem::take(&mut *self.0.lock());
        tasks.shutdown().await;
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.0.lock().abort_all();
    }
}
