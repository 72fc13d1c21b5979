//! A client that is not let in: what etcd says of it, who it was, what it lacks, and what to do.

use super::error::{Denial, EtcdError, shown};
use super::{Endpoint, tls};

const ROOT_WANTED: &str = "of a user that has the role root";

impl Denial {
    /// What etcd's v3 API says, by its words: the codes beside them differ from version to version.
    pub(super) fn told_by(said: &str) -> Option<Self> {
        let has = |words: &str| said.contains(words);
        if has("user name is empty") {
            Some(Self::NoUser)
        } else if has("invalid user ID or password") {
            Some(Self::WrongLogin)
        } else if has("invalid auth token") || has("revision of auth store is old") {
            Some(Self::StaleToken)
        } else if has("permission denied") {
            Some(Self::NotPermitted)
        } else {
            None
        }
    }

    /// Whether the same request may be let in once its user has logged in (again).
    pub(super) fn ends_by_logging_in(self, had_token: bool) -> bool {
        match self {
            Self::StaleToken => true,
            // 3.0 says the latter of a client without a user as well, all versions of one that shows a certificate.
            Self::NoUser | Self::NotPermitted => !had_token,
            Self::WrongLogin => false,
        }
    }
}

/// As whom a member sees us.
enum Asker<'a> {
    User {
        name: &'a str,
        certificate: Option<String>,
    },
    /// By the common name of a certificate, where the member looks at it.
    Certificate(String),
    Nobody,
}

impl<'a> Asker<'a> {
    fn of(endpoint: &'a Endpoint) -> Self {
        let pem = endpoint.tls.as_ref().and_then(|tls| tls.cert_pem.as_deref());
        let certificate = pem.and_then(tls::common_name);
        match (&endpoint.login, certificate) {
            (Some(login), certificate) => Self::User { name: &login.user, certificate },
            (None, Some(name)) => Self::Certificate(name),
            (None, None) => Self::Nobody,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::User { name, .. } => format!("user {}", shown(name.as_bytes())),
            Self::Certificate(name) => format!("a client by its certificate, which names {}", shown(name.as_bytes())),
            Self::Nobody => "a client without a user".to_owned(),
        }
    }
}

pub(super) fn by_v3(endpoint: &Endpoint, request: &str, denial: Denial, said: &str) -> EtcdError {
    let asker = Asker::of(endpoint);
    let fix = match (denial, &asker) {
        (Denial::WrongLogin, _) => {
            "check `user` and `password` in the `client` block: there is no such user, or it has another password \
             (etcd does not say which)"
                .to_owned()
        }
        (Denial::StaleToken, _) => {
            "it came right after a login: see that nobody changes users or turns authentication on or off just now"
                .to_owned()
        }
        (Denial::NoUser | Denial::NotPermitted, Asker::Nobody) => {
            format!("authentication is on: set `user` and `password` in the `client` block, {ROOT_WANTED}")
        }
        (Denial::NoUser, Asker::Certificate(_)) => format!(
            "authentication is on, and this member takes no user from certificates (client-cert-auth is off, or its \
             version is below 3.2): set `user` and `password` in the `client` block, {ROOT_WANTED}"
        ),
        (Denial::NotPermitted, Asker::Certificate(name)) => format!(
            "authentication is on: make the certificate's common name a user with the role root (`etcdctl user add {0}`, \
             `etcdctl user grant-role {0} root`), or set `user` and `password` in the `client` block, {ROOT_WANTED}",
            word(name)
        ),
        (Denial::NoUser | Denial::NotPermitted, Asker::User { name, certificate }) => {
            let grant = format!("give it the role root: `etcdctl user grant-role {} root`", word(name));
            match certificate {
                None => grant,
                Some(common) => format!(
                    "{grant}; where it has that, the member goes by the common name of the client certificate, {}, and not \
                     by the user, as 3.2 does with client-cert-auth: give a user of that name the role root",
                    shown(common.as_bytes())
                ),
            }
        }
    };
    denied(endpoint, request, denial, &asker, said.as_bytes(), fix)
}

/// The v2 API, by HTTP status 401.
pub(super) fn by_v2(endpoint: &Endpoint, request: &str, body: &[u8]) -> EtcdError {
    let asker = Asker::of(endpoint);
    let (denial, fix) = match &asker {
        Asker::User { name, .. } => (
            Denial::NotPermitted,
            format!(
                "check `user` and `password` in the `client` block (etcd does not say whether they are wrong or the user \
                 lacks the right), and give it the role root: `ETCDCTL_API=2 etcdctl user grant --roles root {}`",
                word(name)
            ),
        ),
        Asker::Certificate(_) | Asker::Nobody => (
            Denial::NoUser,
            format!(
                "authentication of the v2 API is on: set `user` and `password` in the `client` block, {ROOT_WANTED}"
            ),
        ),
    };
    denied(endpoint, request, denial, &asker, body, fix)
}

fn denied(
    endpoint: &Endpoint,
    request: &str,
    denial: Denial,
    asker: &Asker<'_>,
    said: &[u8],
    fix: String,
) -> EtcdError {
    EtcdError::Denied {
        endpoint: endpoint.label.clone(),
        request: request.to_owned(),
        denial,
        to: format!("{}: {}", asker.describe(), shown(said)),
        fix,
    }
}

/// A name as a person may type it after a command.
fn word(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { "NAME".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialer;
    use super::super::{Login, TlsAccess};
    use super::*;

    fn endpoint(user: Option<&str>, certificate: Option<&str>) -> Endpoint {
        let pem = certificate.map(|name| {
            std::fs::read_to_string(format!("{}/src/etcd/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        });
        Endpoint {
            label: "m1".to_owned(),
            dial: dialer(1),
            tls: pem.map(|pem| TlsAccess { cert_pem: Some(pem), ..TlsAccess::default() }),
            login: user.map(|user| Login { user: user.to_owned(), password: "secret".to_owned() }),
            deadline: std::time::Duration::from_secs(1),
        }
    }

    fn denied_to(user: Option<&str>, certificate: Option<&str>, said: &str) -> String {
        let denial = Denial::told_by(said).unwrap();
        by_v3(&endpoint(user, certificate), "Range", denial, said).to_string()
    }

    // faults: E10
    #[test]
    fn who_is_denied_is_named_as_the_member_sees_it() {
        let said = "etcdserver: permission denied";
        let by_certificate = denied_to(None, Some("client.pem"), said);
        assert!(by_certificate.contains("a client by its certificate, which names \"root\""), "{by_certificate}");
        assert!(by_certificate.contains("etcdctl user grant-role root root"), "{by_certificate}");
        let both = denied_to(Some("ann"), Some("client.pem"), said);
        assert!(both.contains("denied to user \"ann\"") && both.contains("certificate, \"root\""), "{both}");
        let nobody = denied_to(None, None, "etcdserver: user name is empty");
        assert!(nobody.contains("a client without a user") && nobody.contains("set `user` and `password`"), "{nobody}");
        let unused = denied_to(None, Some("client.pem"), "auth: user name is empty");
        assert!(unused.contains("takes no user from certificates"), "{unused}");
        // What cannot be read is no name.
        assert!(denied_to(None, Some("client.key"), said).contains("a client without a user"));
    }

    #[test]
    fn a_name_that_a_shell_would_take_for_more_is_not_put_into_a_command() {
        let odd = denied_to(Some("a; rm -rf /\u{1b}"), None, "etcdserver: permission denied");
        assert!(odd.contains("grant-role NAME root") && !odd.contains('\u{1b}'), "{odd}");
    }

    #[test]
    fn a_refusal_about_something_else_is_no_denial() {
        for said in ["etcdserver: no leader", "etcdserver: authentication is not enabled", ""] {
            assert_eq!(Denial::told_by(said), None, "{said}");
        }
    }
}
