//! Crypto: which implementation TLS uses. The HTTP client and the etcd client take the one that is installed here.

/// Installs it for the whole process. May be called often and from anywhere; the first call decides.
pub fn install() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
