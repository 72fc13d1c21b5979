//! TLS: what works, and that each wrong certificate is called by its fault.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::testing::{client, serve};
use super::{Client, EtcdError, TlsAccess};

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("testdata/", $name))
    };
}

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n{\"etcdserver\":\"3.2.32\",\"etcdcluster\":\"3.2.0\"}";

async fn server(cert: &'static str, key: &'static str, client_ca: Option<&'static str>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    serve(move |stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(ANSWER).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

fn access(name: &str) -> TlsAccess {
    TlsAccess { ca_pem: Some(pem!("ca.pem").to_owned()), server_name: name.to_owned(), ..TlsAccess::default() }
}

fn to(port: u16, access: TlsAccess) -> Client {
    client(port, Some(access), Duration::from_secs(5))
}

async fn fault(client: &Client) -> String {
    match client.version().await {
        Err(error @ EtcdError::Tls { .. }) => {
            let text = error.to_string();
            assert!(text.contains("m1 (test)") && text.contains("\n  do: "), "{text}");
            text
        }
        other => panic!("expected a TLS error, got {other:?}"),
    }
}

#[tokio::test]
async fn a_good_certificate_for_an_address_and_for_a_name() {
    let port = server(pem!("server.pem"), pem!("server.key"), None).await;
    for name in ["127.0.0.1", "localhost"] {
        assert_eq!(to(port, access(name)).version().await.unwrap().server.to_string(), "3.2.32");
    }
}

#[tokio::test]
async fn each_wrong_server_certificate_is_named() {
    let port = server(pem!("cn-only.pem"), pem!("cn-only.key"), None).await;
    assert!(fault(&to(port, access("localhost"))).await.contains("no subject alternative names"));
    let port = server(pem!("other-name.pem"), pem!("other-name.key"), None).await;
    let text = fault(&to(port, access("127.0.0.1"))).await;
    assert!(text.contains("not for \"127.0.0.1\" but for") && text.contains("elsewhere.example"), "{text}");
    let port = server(pem!("expired.pem"), pem!("expired.key"), None).await;
    assert!(fault(&to(port, access("127.0.0.1"))).await.contains("has expired"));
    let port = server(pem!("server.pem"), pem!("server.key"), None).await;
    let stranger = TlsAccess { ca_pem: Some(pem!("other-ca.pem").to_owned()), ..access("127.0.0.1") };
    assert!(fault(&to(port, stranger)).await.contains("not signed by the CA"));
}

#[tokio::test]
async fn client_certificates() {
    let port = server(pem!("server.pem"), pem!("server.key"), Some(pem!("ca.pem"))).await;
    let with = |cert: &str, key: &str| TlsAccess {
        cert_pem: Some(cert.to_owned()),
        key_pem: Some(key.to_owned()),
        ..access("127.0.0.1")
    };
    let good = to(port, with(pem!("client.pem"), pem!("client.key")));
    assert_eq!(good.version().await.unwrap().server.to_string(), "3.2.32");
    assert!(fault(&to(port, access("127.0.0.1"))).await.contains("no client certificate was sent"));
    let stranger = to(port, with(pem!("stranger.pem"), pem!("stranger.key")));
    assert!(fault(&stranger).await.contains("refused the client certificate"));
    let mixed = to(port, with(pem!("client.pem"), pem!("stranger.key")));
    assert!(fault(&mixed).await.contains("belong together"));
}

#[tokio::test]
async fn what_cannot_be_used_is_said_before_anything_is_sent() {
    let port = server(pem!("server.pem"), pem!("server.key"), None).await;
    let cases = [
        (TlsAccess { ca_pem: None, ..access("127.0.0.1") }, "no CA certificate is known"),
        (TlsAccess { ca_pem: Some("not pem".to_owned()), ..access("127.0.0.1") }, "holds no certificate"),
        (TlsAccess { server_name: "a b".to_owned(), ..access("") }, "neither a host name nor an IP"),
        (TlsAccess { cert_pem: Some(String::new()), ..access("127.0.0.1") }, "without its key"),
        (
            TlsAccess {
                cert_pem: Some(pem!("client.pem").to_owned()),
                key_pem: Some("secret".to_owned()),
                ..access("127.0.0.1")
            },
            "not an unencrypted private key",
        ),
    ];
    for (access, expected) in cases {
        let text = fault(&to(port, access)).await;
        assert!(text.contains(expected) && !text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn tls_to_a_plain_port() {
    let port = serve(|mut stream: TcpStream| async move {
        let mut head = [0; 512];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert!(fault(&to(port, access("127.0.0.1"))).await.contains("does not speak TLS"));
}
