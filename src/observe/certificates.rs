//! Certificates of members, public parts only.

use sha2::Digest as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::observe::answer::File;
use crate::observe::inventory::CertificateFacts;
use crate::units::Sha256;

/// Most names of one certificate that are kept.
const MOST_NAMES: usize = 200;

/// What a certificate file says; a file that cannot be read or parsed is a fact with a problem.
pub fn facts(option: &str, path: &str, file: Option<&File>, now: OffsetDateTime) -> CertificateFacts {
    let mut facts = CertificateFacts {
        option: option.to_owned(),
        path: path.to_owned(),
        problem: None,
        sha256: None,
        subject: String::new(),
        not_before: String::new(),
        not_after: String::new(),
        valid_now: false,
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
    };
    let result = match file {
        None => Err("it was not looked at".to_owned()),
        Some(file) if file.missing => Err("it is not there".to_owned()),
        Some(file) if file.denied.is_some() => Err(denied(file)),
        Some(file) if file.unreadable => Err("the account that quorate uses may not read it".to_owned()),
        Some(file) => fill(&mut facts, &file.content, now),
    };
    facts.problem = result.err();
    facts.sha256 = file.map(|file| digest([file, &File::default()]));
    facts
}

/// Adds what is known of the certificate's own key.
pub fn with_key(facts: &mut CertificateFacts, path: &str, certificate: Option<&File>, key: Option<&File>) {
    let Some(key) = key else { return };
    let fits = |certificate: &File| certificate.public_key.zip(key.public_key).is_none_or(|(of, its)| of == its);
    let problem = if key.missing {
        Some(format!("its key {path} is not there"))
    } else if key.denied.is_some() {
        Some(format!("its key {path}: {}", denied(key)))
    } else if !certificate.is_none_or(fits) {
        Some(format!("it does not fit its key {path}: the key belongs to another certificate"))
    } else {
        None
    };
    if facts.problem.is_none() {
        facts.problem = problem;
    }
    facts.sha256 = certificate.map(|certificate| digest([certificate, key]));
}

/// Certificates to check others by. One that has expired among others does no harm: one that is valid is enough.
pub fn authorities(option: &str, path: &str, file: Option<&File>, now: OffsetDateTime) -> CertificateFacts {
    let mut first = facts(option, path, file, now);
    if let Some(file) = file.filter(|_| first.problem.is_none() && !first.valid_now) {
        let mut others = x509_parser::pem::Pem::iter_from_buffer(&file.content).take(MOST_NAMES).flatten();
        first.valid_now = others.any(|pem| {
            let validity = pem.parse_x509().ok().map(|certificate| certificate.validity().clone());
            validity.is_some_and(|is| is.not_before.to_datetime() <= now && now <= is.not_after.to_datetime())
        });
    }
    first
}

fn denied(file: &File) -> String {
    format!(
        "the account {} that the member's unit runs it as cannot read it (owner {}, mode {}, or a folder above it)",
        file.denied.as_deref().unwrap_or("?"),
        file.owner,
        file.mode
    )
}

fn digest(files: [&File; 2]) -> Sha256 {
    let mut hash = sha2::Sha256::new();
    for file in files {
        hash.update([u8::from(file.missing), u8::from(file.denied.is_some())]);
        hash.update((file.content.len() as u64).to_be_bytes());
        hash.update(&file.content);
        hash.update(file.public_key.map_or([0; 32], |key| key.0));
    }
    Sha256(hash.finalize().into())
}

/// Reads the first certificate of the file: the member's own; others are its chain.
fn fill(facts: &mut CertificateFacts, content: &[u8], now: OffsetDateTime) -> Result<(), String> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(content).map_err(|_| "it holds no PEM certificate".to_owned())?;
    let (_, certificate) =
        X509Certificate::from_der(&pem.contents).map_err(|_| "it holds no X.509 certificate".to_owned())?;
    let validity = certificate.validity();
    let moment = |time: OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
    let (from, until) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    facts.subject = certificate.subject().to_string();
    facts.not_before = moment(from);
    facts.not_after = moment(until);
    facts.valid_now = from <= now && now <= until;
    let names =
        certificate.subject_alternative_name().map_err(|_| "its alternative names cannot be read".to_owned())?;
    for name in names.iter().flat_map(|names| &names.value.general_names).take(MOST_NAMES) {
        match name {
            GeneralName::DNSName(name) => facts.dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => facts.ip_addresses.extend(address(bytes)),
            _ => {}
        }
    }
    Ok(())
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(content: &[u8]) -> CertificateFacts {
        let file = File { content: content.to_vec(), ..File::default() };
        facts("cert-file", "/c", Some(&file), OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn what_is_no_certificate_is_a_problem() {
        assert_eq!(of(b"").problem.as_deref(), Some("it holds no PEM certificate"));
        let not_der = b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
        assert_eq!(of(not_der).problem.as_deref(), Some("it holds no X.509 certificate"));
        let unreadable = File { unreadable: true, ..File::default() };
        let facts = facts("cert-file", "/c", Some(&unreadable), OffsetDateTime::UNIX_EPOCH);
        assert!(facts.problem.unwrap().contains("may not read"));
    }

    // faults: H10
    #[test]
    fn what_the_members_own_account_cannot_read_is_a_problem() {
        let denied = File {
            denied: Some("etcd".to_owned()),
            mode: "600".to_owned(),
            owner: "root".to_owned(),
            ..File::default()
        };
        let facts = facts("cert-file", "/c", Some(&denied), OffsetDateTime::UNIX_EPOCH);
        let problem = facts.problem.unwrap();
        assert!(problem.contains("account etcd") && problem.contains("owner root, mode 600"), "{problem}");
    }

    #[test]
    fn a_certificate_has_a_key_that_fits_it() {
        let keyed = |key: u8| File { public_key: Some(Sha256([key; 32])), ..File::default() };
        let judged = |certificate: &File, key: &File| {
            let mut facts = of(b"");
            facts.problem = None;
            with_key(&mut facts, "/k", Some(certificate), Some(key));
            (facts.problem, facts.sha256)
        };
        let (fits, digest) = judged(&keyed(1), &keyed(1));
        assert_eq!(fits, None);
        let (other, other_digest) = judged(&keyed(1), &keyed(2));
        assert!(other.unwrap().contains("does not fit its key /k"));
        assert_ne!(digest, other_digest);
        // Where there is no openssl on the host, that is not known.
        assert_eq!(judged(&keyed(1), &File::default()).0, None);
        let denied = File { denied: Some("etcd".to_owned()), ..keyed(1) };
        assert!(judged(&keyed(1), &denied).0.unwrap().starts_with("its key /k: the account etcd"));
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            use base64::Engine as _;
            let body = base64::engine::general_purpose::STANDARD.encode(body);
            let _ = of(format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").as_bytes());
        }
    }
}
