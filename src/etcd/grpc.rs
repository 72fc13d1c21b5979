//! gRPC to one member: one HTTP/2 connection over the dialed stream, opened by the first call, used by all, closed on
//! demand (a member with open client connections takes a second longer to stop).

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;
use tonic::{Code, Status};

use super::Endpoint;
use super::denied;
use super::error::{Denial, EtcdError, shown};
use super::stream::{self, Fault, Lifetime};
use super::tls::Protocol;

/// The messages and clients that `build.rs` makes of `proto/rpc.proto`.
pub(super) mod pb {
    #![allow(clippy::all, clippy::pedantic)]
    tonic::include_proto!("etcdserverpb");
}

/// Receive windows: large enough that a snapshot is not slowed by a 200 ms round trip at 100 Mbit/s.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The metadata that a token goes by. etcd has read it since 3.0; "authorization" it reads only from 3.3 on.
const TOKEN: HeaderName = HeaderName::from_static("token");

/// One open HTTP/2 connection, as tonic's generated clients want it.
#[derive(Clone)]
pub(super) struct Channel {
    sender: SendRequest<tonic::body::Body>,
    fault: Fault,
    /// Which of the connections of this client it is.
    pub number: u64,
    /// Goes with each request.
    pub token: Option<HeaderValue>,
}

impl tower_service::Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sender.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<tonic::body::Body>) -> Self::Future {
        if let Some(token) = &self.token {
            request.headers_mut().insert(TOKEN, token.clone());
        }
        Box::pin(self.sender.send_request(request))
    }
}

struct Connection {
    channel: Channel,
    lifetime: Lifetime,
}

#[derive(Default)]
pub(super) struct Grpc {
    open: Mutex<Option<Connection>>,
    /// How many were opened so far.
    opened: AtomicU64,
}

impl Grpc {
    /// The open connection, or a new one. The caller bounds the time.
    async fn channel(&self, endpoint: &Endpoint, request: &str) -> Result<Channel, EtcdError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = &*open
            && !connection.channel.sender.is_closed()
        {
            return Ok(connection.channel.clone());
        }
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let connection = connect(endpoint, request, number).await?;
        let channel = connection.channel.clone();
        *open = Some(connection);
        Ok(channel)
    }

    /// Makes one call within `deadline`, connecting first where there is no connection. With the answer comes, for one that
    /// goes on, what will say why its connection broke, should it.
    pub(super) async fn begin<T, F>(
        &self,
        endpoint: &Endpoint,
        request: &str,
        deadline: Duration,
        call: impl FnOnce(Channel) -> F,
    ) -> Result<(T, Fault), EtcdError>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let work = async {
            let channel = self.channel(endpoint, request).await?;
            let fault = channel.fault.clone();
            match call(channel).await {
                Ok(answer) => Ok((answer.into_inner(), fault)),
                Err(status) => Err(explain(endpoint, &fault, request, &status)),
            }
        };
        match tokio::time::timeout(deadline, work).await {
            Ok(answer) => answer,
            Err(_) => {
                // Whatever is stuck would be stuck for the next call as well.
                self.close().await;
                let (endpoint, request) = (endpoint.label.clone(), request.to_owned());
                Err(EtcdError::Deadline { endpoint, request, deadline })
            }
        }
    }

    pub(super) async fn close(&self) {
        let open = self.open.lock().await.take();
        if let Some(connection) = open {
            connection.lifetime.end().await;
        }
    }
}

async fn connect(endpoint: &Endpoint, request: &str, number: u64) -> Result<Connection, EtcdError> {
    let (stream, fault) = stream::open(endpoint, Protocol::Http2).await?;
    let lifetime = Lifetime::default();
    let (sender, connection) = http2::Builder::new(lifetime.0.clone())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| stream::broken(endpoint, &fault, request, &error))?;
    lifetime.0.spawn(async move {
        // What breaks the connection is told to the calls that are under way on it.
        let _ = connection.await;
    });
    Ok(Connection { channel: Channel { sender, fault, number, token: None }, lifetime })
}

/// Tells etcd's answers from a broken connection and from something that is no etcd.
pub(super) fn explain(endpoint: &Endpoint, fault: &Fault, request: &str, status: &Status) -> EtcdError {
    if let Some(cause) = std::error::Error::source(status) {
        return stream::broken(endpoint, fault, request, cause);
    }
    let said = status.message();
    if let Some(denial) = Denial::told_by(said) {
        return denied::by_v3(endpoint, request, denial, said);
    }
    let (endpoint, request) = (endpoint.label.clone(), request.to_owned());
    // A proxy's 404 page is turned into `Unimplemented` by gRPC's rules: it says nothing of etcd.
    if said.starts_with("grpc-status header missing") || said.starts_with("protocol error: ") {
        let (expected, seen) = ("a gRPC answer", shown(said.as_bytes()));
        return EtcdError::Malformed { endpoint, request, expected, seen };
    }
    match status.code() {
        Code::Unimplemented => EtcdError::Unsupported { endpoint, request },
        code => EtcdError::Refused { endpoint, request, code: format!("{code:?}"), said: shown(said.as_bytes()) },
    }
}
