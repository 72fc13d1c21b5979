//! How a member's etcd is reached and by which certificates: pure decisions on the member's options and the spec.

use crate::etcd::Login;
use crate::observe::inventory::MemberFacts;
use crate::observe::member::absolute;
use crate::spec::model::{ClientAccess, Member, Password, Pem};

/// Where a member's client port is, as seen from its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// For messages: what was dialed.
    pub url: String,
    pub address: String,
    pub port: u16,
    /// For TLS: the name that the server's certificate must be for.
    pub tls_server_name: Option<String>,
}

/// Where a PEM text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A path on the member's host.
    OnHost(String),
    Inline(String),
}

/// The certificates a TLS connection to etcd needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Materials {
    pub ca: Option<Material>,
    pub cert: Option<Material>,
    pub key: Option<Material>,
}

impl Materials {
    /// Paths on the host whose text is wanted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        [&self.ca, &self.cert, &self.key].into_iter().filter_map(|material| match material {
            Some(Material::OnHost(path)) => Some(path.as_str()),
            _ => None,
        })
    }
}

/// A URL of etcd: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Url {
    tls: bool,
    host: String,
    port: u16,
}

/// etcd's own default where `listen-client-urls` is not set.
const DEFAULT_CLIENT_URL: &str = "http://localhost:2379";

/// Where to talk to the member: one of its own listen URLs; the declared URL while nothing is known of it.
pub fn target(facts: Option<&MemberFacts>, member: &Member) -> Result<Target, String> {
    let declared = member.client_url.clone().unwrap_or_else(|| format!("http://{}:2379", bracketed(&member.address)));
    let Some(facts) = facts else {
        let url = parse(&declared).ok_or_else(|| format!("{declared:?} is not a client URL"))?;
        return Ok(made(&url, url.host.clone()));
    };
    let option = |name: &str| facts.option(name).map(|option| option.value.as_str()).filter(|value| !value.is_empty());
    let listen = option("listen-client-urls").unwrap_or(DEFAULT_CLIENT_URL);
    let url = listen.split(',').find_map(|url| parse(url.trim()));
    let url = url.ok_or_else(|| format!("none of the member's listen-client-urls can be dialed: {listen:?}"))?;
    let advertised =
        || option("advertise-client-urls").and_then(|urls| urls.split(',').find_map(|url| parse(url.trim())));
    let by_spec = member.client_url.as_deref().and_then(parse);
    let name = by_spec.or_else(advertised).map_or_else(|| member.address.clone(), |url| url.host);
    Ok(made(&url, name))
}

fn made(url: &Url, server_name: String) -> Target {
    // What listens on all addresses is dialed on the loopback one, on the member's own host.
    let address = match url.host.as_str() {
        "0.0.0.0" | "localhost" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let scheme = if url.tls { "https" } else { "http" };
    Target {
        url: format!("{scheme}://{}:{}", bracketed(address), url.port),
        address: address.to_owned(),
        port: url.port,
        tls_server_name: url.tls.then_some(server_name),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// `http://HOST:PORT`, `https://[V6]:PORT`. Sockets of the file system are none.
fn parse(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once("://")?;
    let tls = match scheme {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let authority = rest.split('/').next()?;
    let (host, port) = authority.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
    // `:2379` without a host is all addresses.
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    (host.chars().all(plain) && !host.starts_with('-')).then_some(())?;
    Some(Url { tls, host: host.to_owned(), port: port.parse().ok()? })
}

/// Which certificates the connection uses: the declared ones, else the member's own.
pub fn materials(facts: Option<&MemberFacts>, client: &ClientAccess, base: &str) -> Result<Materials, String> {
    if client.ca.is_some() || client.cert.is_some() || client.key.is_some() {
        let material = |pem: &Option<Pem>| match pem {
            None => Ok(None),
            Some(Pem::OnHost(path)) => Ok(Some(Material::OnHost(path.clone()))),
            Some(Pem::Inline(text)) => Ok(Some(Material::Inline(text.clone()))),
            Some(Pem::Sealed(_)) => {
                Err("a saved plan does not hold client certificates: they come from the spec".to_owned())
            }
        };
        return Ok(Materials { ca: material(&client.ca)?, cert: material(&client.cert)?, key: material(&client.key)? });
    }
    let own = |name: &str| {
        let option = facts?.option(name).filter(|option| !option.value.is_empty())?;
        Some(Material::OnHost(absolute(&option.value, base)))
    };
    Ok(Materials {
        ca: own("trusted-ca-file").or_else(|| own("ca-file")),
        cert: own("cert-file"),
        key: own("key-file"),
    })
}

/// The user to ask as. None of a saved plan, which holds no password: its spec is read again.
#[must_use]
pub fn login(client: &ClientAccess) -> Option<Login> {
    let login = client.login.as_ref()?;
    match &login.password {
        Password::Inline(password) => Some(Login { user: login.user.clone(), password: password.clone() }),
        Password::Sealed => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_urls_of_etcd() {
        let url = |text: &str| parse(text).map(|url| (url.tls, url.host, url.port));
        assert_eq!(url("http://10.0.0.1:2379"), Some((false, "10.0.0.1".to_owned(), 2379)));
        assert_eq!(url("https://[::1]:2379/"), Some((true, "::1".to_owned(), 2379)));
        assert_eq!(url("http://:2379"), Some((false, "0.0.0.0".to_owned(), 2379)));
        for none in [
            "unix://x:1",
            "http://a",
            "http://a:99999",
            "http://a b:1",
            "http://-o:1",
            "http://::1:2379",
            "http://a;b:1",
        ] {
            assert_eq!(url(none), None, "{none}");
        }
    }

    #[test]
    fn what_listens_everywhere_is_dialed_on_loopback() {
        let dialed = |text: &str| made(&parse(text).unwrap(), "m1".to_owned());
        assert_eq!(dialed("https://0.0.0.0:2379").url, "https://127.0.0.1:2379");
        assert_eq!(dialed("https://0.0.0.0:2379").tls_server_name.as_deref(), Some("m1"));
        assert_eq!(dialed("http://[::]:2379").url, "http://[::1]:2379");
        assert_eq!(dialed("http://[::]:2379").tls_server_name, None);
    }

    #[test]
    fn declared_certificates_replace_the_members_own() {
        let client = ClientAccess { ca: Some(Pem::OnHost("/ca".to_owned())), ..ClientAccess::default() };
        let materials = materials(None, &client, "/").unwrap();
        assert_eq!(materials.paths().collect::<Vec<_>>(), ["/ca"]);
        assert_eq!(materials.cert, None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(https?|unix)://\\PC{0,30}") {
            let _ = parse(&text);
        }
    }
}
