//! Serves what the last look saw: metrics, health, a page. Reads nothing but the first line and the headers of a request.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::units::Span;
use crate::view::{page_html, watch_metrics};
use crate::watch::{Shown, schedule};

/// When so many are connected, the one that has been there longest makes room for who comes: an answer takes no time, so
/// that is one who has not asked yet.
const MOST_CONNECTIONS: usize = 32;
/// For the headers of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// For a connection in all: nobody holds one.
const CONNECTION_WITHIN: Duration = Duration::from_secs(30);
/// Most bytes of a request's headers.
const MOST_HEADERS: usize = 16 * 1024;
/// After a connection could not be taken (too many open files), before the next is tried.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

pub(super) async fn serve(listener: TcpListener, shown: Arc<Shown>, every: Span) {
    // Ended with this task.
    let mut connections = JoinSet::new();
    let mut longest_first: VecDeque<AbortHandle> = VecDeque::with_capacity(MOST_CONNECTIONS);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        longest_first.retain(|connection| !connection.is_finished());
        if longest_first.len() >= MOST_CONNECTIONS
            && let Some(longest) = longest_first.pop_front()
        {
            longest.abort();
        }
        let shown = shown.clone();
        longest_first.push_back(connections.spawn(async move {
            let answer = service_fn(|request: Request<Incoming>| {
                let answer = answer(request.method(), request.uri().path(), &shown, every);
                std::future::ready(Ok::<_, Infallible>(answer))
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .max_buf_size(MOST_HEADERS)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            // Whoever breaks off, or takes too long, has had what there was.
            let _ = tokio::time::timeout(CONNECTION_WITHIN, connection).await;
        }));
        while connections.try_join_next().is_some() {}
    }
}

fn answer(method: &Method, path: &str, shown: &Shown, every: Span) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", "only GET\n".to_owned());
    }
    match path {
        "/metrics" => {
            let last = shown.last().map(|(last, _)| last);
            text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", watch_metrics(last.as_ref()))
        }
        "/healthz" => health(shown, every),
        "/" => {
            let last = shown.last().map(|(last, _)| last);
            text(StatusCode::OK, "text/html; charset=utf-8", page_html(last.as_ref(), every))
        }
        _ => text(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "/ /metrics /healthz\n".to_owned()),
    }
}

/// Of the service, not of the cluster: looks are taken, whatever they see. Before the first one has ended it is not ready.
fn health(shown: &Shown, every: Span) -> Response<Full<Bytes>> {
    let (status, said) = match shown.last() {
        None => (StatusCode::SERVICE_UNAVAILABLE, "the first look is under way\n".to_owned()),
        Some((_, at)) if at.elapsed() > schedule::stale_after(every) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("no look for {} s\n", at.elapsed().as_secs()))
        }
        Some(_) => (StatusCode::OK, "ok\n".to_owned()),
    };
    text(status, "text/plain; charset=utf-8", said)
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
