//! HTTP/1.1 to one member: `/version`, `/health` and the v2 API. One idle connection is kept for the next request.
//! Every request has a deadline and every body a limit.

use bytes::Bytes as Chunk;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use super::Endpoint;
use super::denied;
use super::error::{EtcdError, shown};
use super::stream::{self, Fault, Lifetime};
use super::tls::Protocol;
use crate::units::Bytes;

/// Most bytes of an ordinary answer: a member list of a thousand members fits.
pub(super) const ANSWER_LIMIT: Bytes = Bytes::mebi(1);

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// What is sent.
pub(super) struct Question<'a> {
    pub method: Method,
    /// Starts with `/`; query included.
    pub path: &'a str,
    pub form: Option<String>,
    /// Instead of a form.
    pub json: Option<String>,
}

impl<'a> Question<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, form: None, json: None }
    }

    /// For messages: `GET /version`.
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

struct Connection {
    sender: SendRequest<Full<Chunk>>,
    fault: Fault,
    lifetime: Lifetime,
}

/// An answer whose body is still on its way. The connection lives as long as this does.
pub(super) struct Streamed {
    pub headers: HeaderMap,
    pub body: Incoming,
    pub fault: Fault,
    _connection: Lifetime,
}

#[derive(Default)]
pub(super) struct Http {
    idle: Mutex<Option<Connection>>,
}

impl Http {
    /// `basic`: the user and password that go with it.
    pub(super) async fn ask(
        &self,
        endpoint: &Endpoint,
        question: &Question<'_>,
        basic: Option<HeaderValue>,
    ) -> Result<Answer, EtcdError> {
        match tokio::time::timeout(endpoint.deadline, self.ask_unbounded(endpoint, question, basic)).await {
            Ok(answer) => answer,
            Err(_) => Err(late(endpoint, question)),
        }
    }

    async fn ask_unbounded(
        &self,
        endpoint: &Endpoint,
        question: &Question<'_>,
        basic: Option<HeaderValue>,
    ) -> Result<Answer, EtcdError> {
        let mut connection = match self.usable().await {
            Some(connection) => connection,
            None => connect(endpoint, question).await?,
        };
        let response = send(endpoint, &mut connection, question, basic).await?;
        let (parts, body) = response.into_parts();
        let body = whole(endpoint, &connection.fault, question, body).await?;
        // One idle connection is enough: a member is asked one thing after the other.
        self.idle.lock().await.get_or_insert(connection);
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// The idle connection, unless the member has closed it meanwhile.
    async fn usable(&self) -> Option<Connection> {
        let mut connection = self.idle.lock().await.take()?;
        connection.sender.ready().await.is_ok().then_some(connection)
    }

    /// For answers too large to hold: the head within the deadline, the body as the caller reads it.
    pub(super) async fn stream(
        &self,
        endpoint: &Endpoint,
        question: &Question<'_>,
        basic: Option<HeaderValue>,
    ) -> Result<Streamed, EtcdError> {
        let head = async {
            let mut connection = connect(endpoint, question).await?;
            let response = send(endpoint, &mut connection, question, basic).await?;
            Ok((response, connection))
        };
        let (response, Connection { fault, lifetime, .. }) =
            tokio::time::timeout(endpoint.deadline, head).await.map_err(|_| late(endpoint, question))??;
        let (parts, body) = response.into_parts();
        if parts.status != StatusCode::OK {
            let refused = async {
                let body = whole(endpoint, &fault, question, body).await?;
                Err(unexpected_status(endpoint, question, parts.status, &body))
            };
            return tokio::time::timeout(endpoint.deadline, refused).await.map_err(|_| late(endpoint, question))?;
        }
        Ok(Streamed { headers: parts.headers, body, fault, _connection: lifetime })
    }

    pub(super) async fn close(&self) {
        let idle = self.idle.lock().await.take();
        if let Some(connection) = idle {
            connection.lifetime.end().await;
        }
    }
}

pub(super) fn unexpected_status(
    endpoint: &Endpoint,
    question: &Question<'_>,
    status: StatusCode,
    body: &[u8],
) -> EtcdError {
    // etcd's v2 API says no more than this: a wrong password, an unknown user and one without the right look alike.
    if status == StatusCode::UNAUTHORIZED {
        return denied::by_v2(endpoint, &question.label(), body);
    }
    let (endpoint, request) = (endpoint.label.clone(), question.label());
    EtcdError::HttpStatus { endpoint, request, status: status.as_u16(), said: shown(body) }
}

fn late(endpoint: &Endpoint, question: &Question<'_>) -> EtcdError {
    EtcdError::Deadline { endpoint: endpoint.label.clone(), request: question.label(), deadline: endpoint.deadline }
}

async fn connect(endpoint: &Endpoint, question: &Question<'_>) -> Result<Connection, EtcdError> {
    let (stream, fault) = stream::open(endpoint, Protocol::Http1).await?;
    let lifetime = Lifetime::default();
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| stream::broken(endpoint, &fault, &question.label(), &error))?;
    lifetime.0.spawn(async move {
        // What breaks the connection is told to the request that is under way on it.
        let _ = connection.await;
    });
    Ok(Connection { sender, fault, lifetime })
}

async fn send(
    endpoint: &Endpoint,
    connection: &mut Connection,
    question: &Question<'_>,
    basic: Option<HeaderValue>,
) -> Result<http::Response<Incoming>, EtcdError> {
    let mut request = http::Request::builder()
        .method(question.method.clone())
        .uri(question.path)
        // The forward leads to one member whatever this says; etcd does not look at it unless told to.
        .header(http::header::HOST, "etcd")
        .header(http::header::USER_AGENT, concat!("quorate/", env!("CARGO_PKG_VERSION")));
    if let Some(basic) = basic {
        request = request.header(http::header::AUTHORIZATION, basic);
    }
    if question.form.is_some() {
        request = request.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    if question.json.is_some() {
        request = request.header(http::header::CONTENT_TYPE, "application/json");
    }
    let body = question.form.as_ref().or(question.json.as_ref()).cloned().unwrap_or_default();
    let body = Full::new(Chunk::from(body));
    let request = request.body(body).map_err(|error| malformed(endpoint, question, &error.to_string()))?;
    connection.sender.send_request(request).await.map_err(|error| {
        if error.is_parse() {
            return malformed(endpoint, question, &error.to_string());
        }
        stream::broken(endpoint, &connection.fault, &question.label(), &error)
    })
}

fn malformed(endpoint: &Endpoint, question: &Question<'_>, reason: &str) -> EtcdError {
    EtcdError::Malformed {
        endpoint: endpoint.label.clone(),
        request: question.label(),
        expected: "an HTTP/1.1 answer",
        seen: format!("something else: {}", shown(reason.as_bytes())),
    }
}

async fn whole(
    endpoint: &Endpoint,
    fault: &Fault,
    question: &Question<'_>,
    mut body: Incoming,
) -> Result<Vec<u8>, EtcdError> {
    let mut held = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| stream::broken(endpoint, fault, &question.label(), &error))?;
        let Ok(data) = frame.into_data() else { continue };
        if (held.len() + data.len()) as u64 > ANSWER_LIMIT.0 {
            let (endpoint, request) = (endpoint.label.clone(), question.label());
            return Err(EtcdError::TooLarge { endpoint, request, most: ANSWER_LIMIT });
        }
        held.extend_from_slice(&data);
    }
    Ok(held)
}
