//! The `connection` block: how a member's host is reached. A member's own block overrides its cluster's, attribute by
//! attribute, when both are of one kind.

use std::path::PathBuf;

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::{Become, Connection, Ssh};
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section};
use super::super::source::{FileId, Site};
use super::super::text;
use super::{address, paths};
use crate::units::Span;

const SSH: Known = Known {
    attributes: &[
        "user",
        "port",
        "host",
        "identity_file",
        "config_file",
        "known_hosts_file",
        "connect_timeout",
        "reconnect_for",
        "become",
    ],
    blocks: &[],
};
const LOCAL: Known = Known { attributes: &["become"], blocks: &[] };
const CONNECT_TIMEOUT: Span = Span::from_secs(10);
/// Longer than a restart of sshd or a switch of a network takes, and short beside what a member may be down.
const RECONNECT_FOR: Span = Span::from_secs(30);
const LONGEST_USER: usize = 64;

/// What a block declares; what it leaves open is `None`.
#[derive(Debug, Clone)]
pub struct Declared {
    kind: Kind,
    host: Option<Placed<String>>,
    user: Option<String>,
    port: Option<u16>,
    identity_file: Option<PathBuf>,
    config_file: Option<PathBuf>,
    known_hosts_file: Option<PathBuf>,
    connect_timeout: Option<Span>,
    reconnect_for: Option<Span>,
    become_: Option<Become>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ssh,
    Local,
}

impl Default for Declared {
    fn default() -> Self {
        Self {
            kind: Kind::Ssh,
            host: None,
            user: None,
            port: None,
            identity_file: None,
            config_file: None,
            known_hosts_file: None,
            connect_timeout: None,
            reconnect_for: None,
            become_: None,
        }
    }
}

impl Declared {
    /// Where `host` was given, which is one host's name and so belongs to one member.
    pub fn host_site(&self) -> Option<Site> {
        self.host.as_ref().map(|host| host.site)
    }

    pub fn is_local(&self) -> bool {
        self.kind == Kind::Local
    }

    /// What this block says, and where it says nothing, what the cluster's does.
    pub fn over(self, base: &Self) -> Self {
        if self.kind != base.kind {
            return self;
        }
        Self {
            kind: self.kind,
            host: self.host.or_else(|| base.host.clone()),
            user: self.user.or_else(|| base.user.clone()),
            port: self.port.or(base.port),
            identity_file: self.identity_file.or_else(|| base.identity_file.clone()),
            config_file: self.config_file.or_else(|| base.config_file.clone()),
            known_hosts_file: self.known_hosts_file.or_else(|| base.known_hosts_file.clone()),
            connect_timeout: self.connect_timeout.or(base.connect_timeout),
            reconnect_for: self.reconnect_for.or(base.reconnect_for),
            become_: self.become_.or(base.become_),
        }
    }

    pub fn into_connection(self, address: &str) -> Connection {
        let become_ = self.become_.unwrap_or(Become::No);
        match self.kind {
            Kind::Local => Connection::Local { become_ },
            Kind::Ssh => Connection::Ssh(Ssh {
                destination: self.host.map_or_else(|| address.to_owned(), |host| host.value),
                user: self.user,
                port: self.port,
                identity_file: self.identity_file,
                config_file: self.config_file,
                known_hosts_file: self.known_hosts_file,
                connect_timeout: self.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
                reconnect_for: self.reconnect_for.unwrap_or(RECONNECT_FOR),
                become_,
            }),
        }
    }
}

pub fn read(file: FileId, block: &Block, cx: &mut Cx) -> Declared {
    let section = Section::of_block(file, block, "connection block", cx);
    let kind = match block.labels.as_slice() {
        [kind] if kind.as_str() == "local" => Kind::Local,
        [kind] if kind.as_str() == "ssh" => Kind::Ssh,
        [kind] => {
            let detail =
                format!("There is no connection {}. There are \"ssh\" and \"local\".", text::quoted(kind.as_str()));
            cx.reports.error(SpecRule::UnknownSetting, section.site, "Unknown kind of connection", detail);
            return Declared::default();
        }
        _ => {
            let detail = "Write connection \"ssh\" { … } or connection \"local\" { … }.";
            cx.reports.error(SpecRule::Label, section.site, "Connection without a kind", detail);
            return Declared::default();
        }
    };
    section.expect(if kind == Kind::Ssh { &SSH } else { &LOCAL }, cx);
    let become_ = section.choice("become", &[("sudo", Become::Sudo), ("no", Become::No)], cx);
    if kind == Kind::Local {
        return Declared { kind, become_, ..Declared::default() };
    }
    Declared {
        kind,
        host: section.text("host", cx).and_then(|host| check_host(host, cx)),
        user: section.text("user", cx).and_then(|user| check_user(user, cx)),
        port: section.whole("port", 1..=u64::from(u16::MAX), cx).and_then(|port| u16::try_from(port.value).ok()),
        identity_file: paths::on_controller(&section, "identity_file", cx),
        config_file: paths::on_controller(&section, "config_file", cx),
        known_hosts_file: paths::on_controller(&section, "known_hosts_file", cx),
        connect_timeout: super::policies::wait(&section, "connect_timeout", cx),
        reconnect_for: super::policies::wait(&section, "reconnect_for", cx),
        become_,
    }
}

/// An address, or an alias of `~/.ssh/config`: never something that `ssh` would take for an option.
fn check_host(host: Placed<String>, cx: &mut Cx) -> Option<Placed<String>> {
    let Placed { value, site } = host;
    let is_alias = value.len() <= 253
        && value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if is_alias {
        return Some(Placed { value, site });
    }
    match address::host(&value) {
        Ok(value) => Some(Placed { value, site }),
        Err(why) => {
            cx.reports.error(SpecRule::Value, site, "Bad host", why);
            None
        }
    }
}

fn check_user(user: Placed<String>, cx: &mut Cx) -> Option<String> {
    let Placed { value, site } = user;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@\\+$".contains(c);
    if value.len() <= LONGEST_USER && !value.starts_with('-') && !value.is_empty() && value.chars().all(plain) {
        return Some(value);
    }
    let detail =
        format!("{} cannot be the name of an account: letters, digits, \"-\", \"_\" and \".\".", text::quoted(&value));
    cx.reports.error(SpecRule::Name, site, "Bad user name", detail);
    None
}
