//! TLS to a member: from PEM texts to a rustls configuration, and from rustls' verdicts to sentences that say what is
//! wrong with which certificate and what to do.

use std::sync::Arc;

use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TlsAccess;
use super::error::shown;

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsProblem {
    pub problem: String,
    pub fix: String,
}

fn problem(problem: impl Into<String>, fix: impl Into<String>) -> TlsProblem {
    TlsProblem { problem: problem.into(), fix: fix.into() }
}

/// What the connection will speak, told to the server during the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

pub(super) fn server_name(access: &TlsAccess) -> Result<ServerName<'static>, TlsProblem> {
    let bare = access.server_name.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        problem(
            format!("{} is neither a host name nor an IP address", shown(access.server_name.as_bytes())),
            "give the member a client URL whose host is the name or address in its certificate",
        )
    })
}

pub(super) fn client_config(access: &TlsAccess, protocol: Protocol) -> Result<ClientConfig, TlsProblem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(error.to_string(), "this build of quorate lacks TLS 1.2 and 1.3: report it"))?
        .with_root_certificates(roots(access)?);
    let mut config = match (&access.cert_pem, &access.key_pem) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let (chain, key) = client_identity(cert, key)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                problem(
                    format!("the client certificate cannot be used: {error}"),
                    "check that `cert` and `key` in the `client` block belong together",
                )
            })?
        }
        (Some(_), None) => {
            return Err(problem("a client certificate is given without its key", "add `key` to the `client` block"));
        }
        (None, Some(_)) => {
            return Err(problem("a client key is given without its certificate", "add `cert` to the `client` block"));
        }
    };
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
    };
    Ok(config)
}

fn roots(access: &TlsAccess) -> Result<RootCertStore, TlsProblem> {
    const FIX: &str = "set `ca` in the `client` block to the PEM file of the CA that signed the members' certificates";
    let Some(pem) = &access.ca_pem else {
        return Err(problem("the member speaks TLS and no CA certificate is known to check it with", FIX));
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate =
            certificate.map_err(|error| problem(format!("the CA file is not readable as PEM: {error}"), FIX))?;
        store
            .add(certificate)
            .map_err(|error| problem(format!("a certificate in the CA file is bad: {error}"), FIX))?;
    }
    if store.is_empty() {
        return Err(problem("the CA file holds no certificate", FIX));
    }
    Ok(store)
}

fn client_identity(
    cert: &str,
    key: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsProblem> {
    let chain = CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(|error| {
        problem(format!("the client certificate is not readable as PEM: {error}"), "check `cert` in the `client` block")
    })?;
    if chain.is_empty() {
        return Err(problem("the client certificate file holds no certificate", "check `cert` in the `client` block"));
    }
    // The error of a key is not shown: it must never quote what it read.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| {
        problem(
            "the client key is not an unencrypted private key in PEM",
            "check `key` in the `client` block; an encrypted key must be decrypted first",
        )
    })?;
    Ok((chain, key))
}

/// The common name of a certificate: where authentication is on, etcd may take it for a user's.
pub(super) fn common_name(pem: &str) -> Option<String> {
    let certificate = CertificateDer::pem_slice_iter(pem.as_bytes()).next()?.ok()?;
    let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// Finds rustls' verdict inside an error of another library.
pub(super) fn tls_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // `io::Error::source` skips the error it wraps, so it is asked for that one first.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}

pub(super) fn explain(error: &rustls::Error, access: &TlsAccess) -> TlsProblem {
    let name = shown(access.server_name.as_bytes());
    match error {
        rustls::Error::InvalidCertificate(wrong) => explain_certificate(wrong, &name),
        rustls::Error::AlertReceived(alert) => explain_alert(*alert, access.cert_pem.is_some()),
        rustls::Error::InvalidMessage(_) => problem(
            "what answers does not speak TLS",
            "check whether the member's client URL is http:// rather than https://",
        ),
        rustls::Error::PeerIncompatible(why) => problem(
            format!("no common TLS version or cipher ({why:?})"),
            "the member must offer TLS 1.2 or newer with an ECDHE cipher: check its `cipher-suites`",
        ),
        other => problem(other.to_string(), "check the member's certificate and the `client` block"),
    }
}

fn explain_certificate(wrong: &CertificateError, name: &str) -> TlsProblem {
    match wrong {
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => problem(
            format!(
                "the certificate names {name} nowhere but perhaps in its common name (CN): it has no subject alternative names"
            ),
            "issue it again with the member's address as IP or DNS subject alternative name; etcd built with Go 1.15 or later refuses CN-only certificates too",
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().take(8).map(|name| shown(name.as_bytes())).collect::<Vec<_>>().join(", ");
            problem(
                format!("the certificate is not for {name} but for {names}"),
                "use a client URL with one of those names, or issue the certificate again with this one",
            )
        }
        CertificateError::NotValidForName => problem(
            format!("the certificate is not for {name}"),
            "use a client URL that the certificate names, or issue it again",
        ),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => problem(
            "the certificate was not signed by the CA in the `client` block",
            "set `ca` to the CA that signed this member's certificate (the member's `trusted-ca-file` is the CA for its clients, which may be another one)",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => problem(
            format!("the certificate has expired: {wrong}"),
            "renew the member's certificate, and check the clock of this machine",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => problem(
            format!("the certificate is not valid yet: {wrong}"),
            "check the clock of this machine and when the certificate was issued",
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => problem(
            format!("the certificate is not for servers: {wrong}"),
            "issue it again with the extended key usage \"server authentication\"",
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => problem(
            "the certificate is signed with an algorithm that is no longer accepted, such as SHA-1",
            "issue it again with SHA-256 or better",
        ),
        other => problem(format!("the certificate is refused: {other}"), "issue the member's certificate again"),
    }
}

/// The connection was reset right after the handshake, without a word.
pub(super) fn explain_silence(access: &TlsAccess, error: &std::io::Error) -> TlsProblem {
    if access.cert_pem.is_none() {
        return problem(
            format!(
                "the member ended the connection right after the handshake ({error}); no client certificate was sent"
            ),
            "the member probably runs with client-cert-auth: set `cert` and `key` in the `client` block",
        );
    }
    problem(
        format!(
            "the member ended the connection right after the handshake ({error}): it has probably refused the client certificate"
        ),
        "it must be valid now, be signed by the member's `trusted-ca-file` and allow \"client authentication\"; the member's log says more",
    )
}

fn explain_alert(alert: AlertDescription, have_certificate: bool) -> TlsProblem {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::HandshakeFailure
            if !have_certificate =>
        {
            problem(
                format!("the member refused the connection ({alert:?}); no client certificate was sent"),
                "the member probably runs with client-cert-auth: set `cert` and `key` in the `client` block",
            )
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::AccessDenied => problem(
            format!("the member refused the client certificate ({alert:?})"),
            "it must be valid now, be signed by the member's `trusted-ca-file` and allow \"client authentication\"",
        ),
        other => {
            problem(format!("the member ended the handshake ({other:?})"), "look at the member's log for the reason")
        }
    }
}
