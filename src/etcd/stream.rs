//! From an endpoint to an open byte stream: dialed, and with TLS on it where the endpoint has it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::Endpoint;
use super::error::EtcdError;
use super::tls::{self, Protocol, TlsProblem, tls_cause};
use crate::host::ByteStream;

/// Why a connection broke, noted where it was seen first: what hyper makes of it on the way up is no longer it.
/// Two faults show only after the stream is open: over SSH, that nothing listens; with TLS 1.3, that the server does
/// not want the client's certificate.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<OnceLock<EtcdError>>);

/// An open stream that notes what breaks it.
pub(super) struct Watched {
    stream: Box<dyn ByteStream>,
    endpoint: Endpoint,
    fault: Fault,
    /// At least one byte has come.
    heard: bool,
}

/// Dials and shakes hands. The caller bounds the time.
pub(super) async fn open(endpoint: &Endpoint, protocol: Protocol) -> Result<(Watched, Fault), EtcdError> {
    let label = || endpoint.label.clone();
    let mut stream =
        (endpoint.dial)().await.map_err(|error| EtcdError::Dial { endpoint: label(), reason: innermost(&error) })?;
    if let Some(access) = &endpoint.tls {
        let refused = |wrong: TlsProblem| EtcdError::Tls { endpoint: label(), problem: wrong.problem, fix: wrong.fix };
        let name = tls::server_name(access).map_err(refused)?;
        let config = tls::client_config(access, protocol).map_err(refused)?;
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        stream = Box::new(shaken.map_err(|error| explain(endpoint, "TLS handshake", &error))?);
    }
    let fault = Fault::default();
    Ok((Watched { stream, endpoint: endpoint.clone(), fault: fault.clone(), heard: false }, fault))
}

/// An error of a connection that was open.
pub(super) fn broken(
    endpoint: &Endpoint,
    fault: &Fault,
    request: &str,
    error: &(dyn std::error::Error + 'static),
) -> EtcdError {
    match fault.0.get() {
        Some(EtcdError::Broken { endpoint, reason, .. }) => {
            let (endpoint, reason) = (endpoint.clone(), reason.clone());
            EtcdError::Broken { endpoint, request: request.to_owned(), reason }
        }
        Some(known) => known.clone(),
        None => explain(endpoint, request, error),
    }
}

fn explain(endpoint: &Endpoint, request: &str, error: &(dyn std::error::Error + 'static)) -> EtcdError {
    let label = endpoint.label.clone();
    if let (Some(access), Some(cause)) = (&endpoint.tls, tls_cause(error)) {
        let TlsProblem { problem, fix } = tls::explain(cause, access);
        return EtcdError::Tls { endpoint: label, problem, fix };
    }
    if is_refusal(error) {
        return EtcdError::Dial { endpoint: label, reason: innermost(error) };
    }
    EtcdError::Broken { endpoint: label, request: request.to_owned(), reason: innermost(error) }
}

fn is_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The last cause in a chain says most: `connection error: … : Connection refused`.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

impl Watched {
    fn note(&self, error: &std::io::Error) {
        let mut fault = explain(&self.endpoint, "", error);
        if let (EtcdError::Broken { endpoint, .. }, Some(access), false) = (&fault, &self.endpoint.tls, self.heard) {
            // The alert that says so is lost when the server's reset overtakes it.
            let TlsProblem { problem, fix } = tls::explain_silence(access, error);
            fault = EtcdError::Tls { endpoint: endpoint.clone(), problem, fix };
        }
        // Only the first counts: the later ones follow from it.
        let _ = self.fault.0.set(fault);
    }

    /// What the other side said before it closed may still wait to be read, and says more than a broken pipe.
    fn note_failed_write(&mut self, cx: &mut Context<'_>, error: &std::io::Error) {
        let mut scratch = [0; 1024];
        let mut into = ReadBuf::new(&mut scratch);
        match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
            Poll::Ready(Err(reason)) => self.note(&reason),
            _ => self.note(error),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, into));
        self.heard |= into.filled().len() > before;
        Poll::Ready(result.inspect_err(|error| self.note(error)))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        Poll::Ready(result.inspect_err(|error| self.note_failed_write(cx, error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(result.inspect_err(|error| self.note_failed_write(cx, error)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
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
