//! Certificates of members, public parts only.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::observe::answer::File;
use crate::observe::inventory::CertificateFacts;

/// Most names of one certificate that are kept.
const MOST_NAMES: usize = 200;

/// What a certificate file says; a file that cannot be read or parsed is a fact with a problem.
pub fn facts(option: &str, path: &str, file: Option<&File>, now: OffsetDateTime) -> CertificateFacts {
    let mut facts = CertificateFacts {
        option: option.to_owned(),
        path: path.to_owned(),
        problem: None,
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
        Some(file) if file.unreadable => Err("the account that quorate uses may not read it".to_owned()),
        Some(file) => fill(&mut facts, &file.content, now),
    };
    facts.problem = result.err();
    facts
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
