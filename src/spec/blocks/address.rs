//! Addresses and URLs of members: what is accepted is narrow, because they become arguments and parts of others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::text;

const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// An IP address or DNS name in its usual form: IPv6 without brackets, names in lower case.
pub fn host(given: &str) -> Result<String, String> {
    let shown = text::quoted(given);
    if given.contains("://") {
        return Err(format!("{shown} is a URL: an address is only a host name or IP address."));
    }
    let bare = given.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(given).parse::<IpAddr>() {
        if bare.is_some() && address.is_ipv4() {
            return Err(format!("{shown}: brackets are for IPv6 addresses."));
        }
        return usable(address).map(|()| address.to_string()).map_err(|why| format!("{shown} {why}"));
    }
    if given.contains(['[', ']', '%']) || given.matches(':').count() > 1 {
        return Err(format!("{shown} is not an IP address. Zones (%eth0) and ports do not belong in it."));
    }
    if let Some((name, port)) = given.split_once(':') {
        return Err(format!(
            "{shown} holds a port ({}): write {} and give ports in client_url and peer_url.",
            text::quoted(port),
            text::quoted(name)
        ));
    }
    dns_name(given).map_err(|why| format!("{shown} {why}"))?;
    Ok(given.to_ascii_lowercase())
}

fn usable(address: IpAddr) -> Result<(), String> {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) | IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            Err("means \"every address\": a member needs one that others can reach.".to_owned())
        }
        address if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) => {
            Err("is a multicast or broadcast address.".to_owned())
        }
        _ => Ok(()),
    }
}

fn dns_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty.".to_owned());
    }
    if name.len() > LONGEST_NAME {
        return Err(format!("is longer than {LONGEST_NAME} characters."));
    }
    for label in name.split('.') {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if label.is_empty() || label.len() > LONGEST_LABEL || !plain || label.starts_with('-') || label.ends_with('-') {
            return Err("is neither an IP address nor a host name: letters, digits and \"-\" between dots.".to_owned());
        }
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(
            "looks like an IP address and is none: four numbers from 0 to 255, without leading zeros.".to_owned()
        );
    }
    Ok(())
}

/// Host and port as they stand in a URL.
pub fn with_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `http://host:port` or `https://host:port`, in its usual form.
pub struct EndpointUrl {
    pub text: String,
    /// `host:port`: two members never share one.
    pub endpoint: String,
}

pub fn endpoint_url(given: &str) -> Result<EndpointUrl, String> {
    let shown = text::quoted(given);
    let (scheme, rest) = given
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .ok_or_else(|| format!("{shown} does not start with http:// or https://."))?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        return Err("It holds a user or password (\"@\"): etcd's URLs have none.".to_owned());
    }
    if rest.contains(['/', '?', '#']) {
        return Err(format!("{shown} holds a path: etcd's URLs end after the port."));
    }
    let (name, port) =
        split_port(rest).ok_or_else(|| format!("{shown} names no port: write it, such as {scheme}://{rest}:2379."))?;
    let host = host(name)?;
    let port = port
        .parse::<u16>()
        .ok()
        .filter(|number| *number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| format!("{} is not a port: ports are numbers from 1 to 65535.", text::quoted(port)))?;
    let endpoint = with_port(&host, port);
    Ok(EndpointUrl { text: format!("{scheme}://{endpoint}"), endpoint })
}

/// Splits at the colon before the port; an IPv6 address must be in brackets to have one.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    if let Some(end) = authority.find(']') {
        let (host, rest) = authority.split_at(end + 1);
        return rest.strip_prefix(':').map(|port| (host, port));
    }
    authority.rsplit_once(':').filter(|(host, _)| !host.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_put_in_their_usual_form() {
        for (given, wanted) in [
            ("10.0.0.11", "10.0.0.11"),
            ("[FD00::1]", "fd00::1"),
            ("fd00:0:0::1", "fd00::1"),
            ("Etcd-0.Example.org", "etcd-0.example.org"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(host(given).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = "x".repeat(10_000);
        for bad in [
            "",
            "-rf",
            "a b",
            "a;b",
            "$(reboot)",
            "a\nb",
            "10.0.0.256",
            "10.0.0.011",
            "1.2.3",
            "::",
            "0.0.0.0",
            "a..b",
            "http://a",
            "a:2379",
            "10.0.0.1:2379",
            "[::1",
            "::1]",
            "[10.0.0.1]",
            "fe80::1%eth0",
            "ä.example",
            "a_b",
            "../a",
            "224.0.0.1",
            &long,
            ".",
            "a.",
            "-a.b",
        ] {
            assert!(host(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn urls_need_scheme_host_and_port() {
        assert_eq!(endpoint_url("https://[::1]:2379/").map(|url| url.text).as_deref(), Ok("https://[::1]:2379"));
        for bad in [
            "",
            "10.0.0.1:2379",
            "ftp://a:1",
            "http://a",
            "http://a:0",
            "http://a:65536",
            "http://a:x",
            "http://a:1/x",
            "http://u:p@a:1",
            "http://::1:2379",
            "http://[::1]",
            "http://a:1?x",
            "http://a:+1",
            "unix://a:1",
            "http://:1",
        ] {
            assert!(endpoint_url(bad).is_err(), "{bad:?}");
        }
    }
}
