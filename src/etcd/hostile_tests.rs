//! Servers that are slow, endless, broken or no etcd at all: each gets its own clear error, within the deadline.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::testing::{client, serve};
use super::{Client, Consistency, EtcdError};
use crate::units::Revision;

const SHORT: Duration = Duration::from_millis(300);

/// A client of a server that reads one request head and answers with these bytes.
async fn answered_with(answer: &'static [u8]) -> Client {
    let port = serve(move |mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    })
    .await;
    client(port, None, Duration::from_secs(5))
}

async fn read_head(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(count) = stream.read(&mut piece).await {
        seen.extend_from_slice(&piece[..count]);
        if count == 0 || seen.windows(4).any(|end| end == b"\r\n\r\n") {
            return;
        }
    }
}

fn of_version(result: Result<super::VersionAnswer, EtcdError>) -> EtcdError {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("m1 (test)"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    error
}

#[tokio::test]
async fn nothing_listens() {
    // Bound and dropped: nobody else is given this port right away.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let client = client(port, None, Duration::from_secs(5));
    let error = of_version(client.version().await);
    assert!(matches!(&error, EtcdError::Dial { .. }) && error.is_unreachable(), "{error}");
    assert!(client.status().await.unwrap_err().is_unreachable());
}

#[tokio::test]
async fn html_in_place_of_json() {
    let client =
        answered_with(b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n<html>\x1b[31mWelcome to nginx</html>").await;
    let error = of_version(client.version().await);
    assert!(matches!(&error, EtcdError::Malformed { seen, .. } if seen.contains(r"<html>\u{1b}[31m")), "{error}");
}

#[tokio::test]
async fn bad_utf8() {
    let client = answered_with(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\xfd\xfc").await;
    assert!(matches!(of_version(client.version().await), EtcdError::Malformed { .. }));
}

#[tokio::test]
async fn a_proxy_without_a_backend() {
    let client = answered_with(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 11\r\n\r\n<h1>no</h1>").await;
    let error = client.health().await.unwrap_err();
    assert!(matches!(&error, EtcdError::HttpStatus { status: 503, .. }), "{error}");
}

#[tokio::test]
async fn an_unhealthy_member_is_no_error() {
    let client =
        answered_with(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 19\r\n\r\n{\"health\": \"false\"}").await;
    assert!(matches!(client.health().await.unwrap(), super::Health::Unhealthy { .. }));
}

#[tokio::test]
async fn no_http_at_all() {
    let client = answered_with(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    let error = of_version(client.version().await);
    assert!(matches!(&error, EtcdError::Malformed { expected: "an HTTP/1.1 answer", .. }), "{error}");
}

#[tokio::test]
async fn cut_in_the_middle() {
    let client = answered_with(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"etcdserver\":").await;
    let error = of_version(client.version().await);
    assert!(matches!(&error, EtcdError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn an_endless_body_is_given_up_at_the_limit() {
    let port = serve(|mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let piece = vec![b' '; 64 * 1024];
        while stream.write_all(&piece).await.is_ok() {}
    })
    .await;
    let client = client(port, None, Duration::from_secs(20));
    let error = of_version(client.version().await);
    assert!(matches!(&error, EtcdError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_byte_now_and_then_meets_the_deadline() {
    let port = serve(|mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").await;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            if stream.write_all(b" ").await.is_err() {
                return;
            }
        }
    })
    .await;
    let client = client(port, None, SHORT);
    assert!(matches!(of_version(client.version().await), EtcdError::Deadline { .. }));
    let stalled = client.v2_tree(Consistency::Serializable).await.unwrap_err();
    assert!(matches!(&stalled, EtcdError::Malformed { .. } | EtcdError::Stalled { .. }), "{stalled}");
}

#[tokio::test]
async fn silence_meets_the_deadline() {
    let port = serve(|mut stream: TcpStream| async move {
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink).await;
    })
    .await;
    let client = client(port, None, SHORT);
    assert!(matches!(of_version(client.version().await), EtcdError::Deadline { .. }));
    assert!(matches!(client.status().await.unwrap_err(), EtcdError::Deadline { .. }));
    let error = client.snapshot(&mut tokio::io::sink(), &|_, _| {}).await.unwrap_err();
    assert!(matches!(&error, EtcdError::Deadline { .. }), "{error}");
}

#[tokio::test]
async fn a_stalled_tree_is_given_up() {
    let port = serve(|mut stream: TcpStream| async move {
        read_head(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 5\r\n\r\n{\"action\":\"get\",\"node\":{\"dir\":true,")
            .await;
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink).await;
    })
    .await;
    let error = client(port, None, SHORT).v2_tree(Consistency::Serializable).await.unwrap_err();
    assert!(matches!(&error, EtcdError::Stalled { .. }), "{error}");
}

#[tokio::test]
async fn a_tree_that_is_no_tree() {
    let client = answered_with(b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 5\r\nContent-Length: 6\r\n\r\n<html>").await;
    let error = client.v2_tree(Consistency::Serializable).await.unwrap_err();
    assert!(matches!(&error, EtcdError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn v2_that_is_off_is_told_from_a_missing_key() {
    let off = answered_with(b"HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n").await;
    assert!(off.v2_members().await.unwrap_err().is_unsupported());
    let off = answered_with(b"HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n").await;
    assert!(off.v2_tree(Consistency::Linearizable).await.unwrap_err().is_unsupported());
    let refused = answered_with(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 63\r\n\r\n{\"message\":\"Insufficient credentials\",\"x\":\"0123456789012345678\"}").await;
    assert!(matches!(refused.v2_members().await.unwrap_err(), EtcdError::Denied { .. }));
}

#[tokio::test]
async fn grpc_to_something_that_speaks_no_http2() {
    let client = answered_with(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let error = client.status().await.unwrap_err();
    assert!(matches!(&error, EtcdError::Broken { .. }), "{error}");
    assert!(!error.is_unsupported());
}

/// An HTTP/2 server that answers every call with this status and body.
async fn http2_server(status: u16, kind: &'static str, body: &'static [u8]) -> Client {
    use http_body_util::Full;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let port = serve(move |stream: TcpStream| async move {
        let service = hyper::service::service_fn(move |_| async move {
            http::Response::builder()
                .status(status)
                .header("content-type", kind)
                .body(Full::new(bytes::Bytes::from_static(body)))
        });
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    })
    .await;
    client(port, None, Duration::from_secs(5))
}

#[tokio::test]
async fn a_proxys_404_does_not_mean_that_the_version_lacks_the_call() {
    let client = http2_server(404, "text/html", b"<html>").await;
    let error = client.hash_kv(Revision(1)).await.unwrap_err();
    assert!(matches!(&error, EtcdError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn garbage_in_grpc_frames() {
    for body in [&b""[..], b"\0\0\0\0\x05\xff\xff\xff\xff\xff", b"\0\xff\xff\xff\xff", b"\0\0\0\0\0", b"<html>"] {
        let client = http2_server(200, "application/grpc", body).await;
        let error = client.status().await.unwrap_err();
        assert!(!error.is_unsupported() && error.to_string().contains("m1 (test): Status"), "{error}");
        let error = client.snapshot(&mut tokio::io::sink(), &|_, _| {}).await.unwrap_err();
        assert!(!error.is_unsupported(), "{error}");
    }
}

#[tokio::test]
async fn a_page_over_the_limit_is_recognized_and_not_read() {
    // A frame head that announces 256 MB.
    let client = http2_server(200, "application/grpc", b"\0\x10\0\0\0xxxx").await;
    let error = client.digest_at(Some(Revision(1))).await.unwrap_err();
    assert!(matches!(&error, EtcdError::Refused { said, .. } if said.contains("too large")), "{error}");
}

#[tokio::test]
async fn closing_really_closes() {
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let port = serve(move |mut stream: TcpStream| {
        let ended = ended.clone();
        async move {
            let mut piece = [0; 4096];
            // An HTTP/2 client opens with its preface; an HTTP/1 one with a request.
            let count = stream.read(&mut piece).await.unwrap_or(0);
            if !piece[..count].starts_with(b"PRI ") {
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"etcdserver\":\"3.2.32\"}").await;
            }
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            let _ = ended.send(());
        }
    })
    .await;
    let client = client(port, None, Duration::from_secs(5));
    client.version().await.unwrap();
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.status().await }
    });
    // Closed until the call that hangs has ended: it may not have got as far as opening its connection.
    tokio::time::timeout(Duration::from_secs(5), async {
        while !call.is_finished() {
            client.close().await;
            tokio::task::yield_now().await;
        }
        ends.recv().await.unwrap();
        ends.recv().await.unwrap();
    })
    .await
    .expect("both connections are closed");
    assert!(call.await.unwrap().is_err());
}

/// Over SSH a dial always works; that nothing listens is known at the first read.
#[tokio::test]
async fn a_refusal_that_comes_late_is_still_a_refusal() {
    let dial: super::Dialer =
        std::sync::Arc::new(|| Box::pin(async { Ok(Box::new(Refused) as Box<dyn crate::host::ByteStream>) }));
    let endpoint = super::Endpoint { label: "m1 (test)".to_owned(), dial, tls: None, login: None, deadline: SHORT };
    let client = Client::new(endpoint);
    for error in [client.version().await.unwrap_err(), client.status().await.unwrap_err()] {
        assert!(matches!(&error, EtcdError::Dial { reason, .. } if reason.contains("nobody there")), "{error}");
    }
}

struct Refused;

impl tokio::io::AsyncRead for Refused {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let error = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "nobody there");
        std::task::Poll::Ready(Err(error))
    }
}

impl tokio::io::AsyncWrite for Refused {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
