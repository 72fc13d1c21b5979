//! The `client` block: certificates to talk to etcd with, and the user to do it as.

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::{ClientAccess, Password, Pem, UserLogin};
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section, check_characters};
use super::super::source::FileId;
use super::super::text;
use super::paths;

const KNOWN: Known = Known { attributes: &["ca", "cert", "key", "user", "password"], blocks: &[] };

pub fn read(file: FileId, block: &Block, cx: &mut Cx) -> ClientAccess {
    let section = Section::of_block(file, block, "client block", cx);
    section.expect(&KNOWN, cx);
    for (one, other) in [("cert", "key"), ("key", "cert")] {
        if section.has(one) && !section.has(other) {
            let detail = format!("{one} is given and {other} is not: a client certificate needs both.");
            cx.reports.missing(SpecRule::Missing, section.site_of_attribute(one), "Half a certificate", detail);
        }
    }
    let access = ClientAccess {
        ca: pem(&section, "ca", "CERTIFICATE", cx),
        cert: pem(&section, "cert", "CERTIFICATE", cx),
        key: pem(&section, "key", "PRIVATE KEY", cx),
        login: login(&section, cx),
    };
    if let Some(Pem::Inline(key)) = &access.key {
        cx.secrets.push(key.clone());
    }
    access
}

/// A user's name and password; the one is shown, the other never.
fn login(section: &Section, cx: &mut Cx) -> Option<UserLogin> {
    for (one, other) in [("user", "password"), ("password", "user")] {
        if section.has(one) && !section.has(other) {
            let detail = format!(
                "{one} is given and {other} is not. A user that etcd knows by the client certificate needs neither."
            );
            cx.reports.missing(SpecRule::Missing, section.site_of_attribute(one), "Half a login", detail);
        }
    }
    // Read before anything can fail, so that no message shows it.
    let password = section.secret_text("password", cx);
    if let Some(password) = &password {
        cx.secrets.push(password.value.clone());
    }
    let user = section.text("user", cx);
    if let Some(user) = &user
        && user.value.is_empty()
    {
        cx.reports.error(SpecRule::Missing, user.site, "No user", "The name of a user is not empty.".to_owned());
    }
    if let Some(Placed { value, site }) = &password {
        let problem = if value.is_empty() {
            Some("The password is empty.")
        } else if value.ends_with(['\n', '\r']) {
            Some("The password ends with a line break, as a file does: write chomp(file(…)).")
        } else {
            None
        };
        if let Some(problem) = problem {
            cx.reports.error(SpecRule::Value, *site, "Not a password", problem.to_owned());
        }
    }
    Some(UserLogin { user: user?.value, password: Password::Inline(password?.value) })
}

/// A path on the host, or the text of a PEM file.
fn pem(section: &Section, name: &str, holds: &str, cx: &mut Cx) -> Option<Pem> {
    let Placed { value, site } = section.secret_text(name, cx)?;
    if value.starts_with('/') {
        check_characters(site, name, &value, cx).ok()?;
        return match paths::check_host_path(&value) {
            Ok(()) => Some(Pem::OnHost(value)),
            Err(why) => {
                cx.reports.error(SpecRule::Value, site, "Not a path on a host", why);
                None
            }
        };
    }
    if value.contains("-----BEGIN ") {
        let marker = format!("{holds}-----");
        if value.contains(&marker) {
            return Some(Pem::Inline(value));
        }
        let detail = format!("This PEM text holds no {holds}. Is it the right file?");
        cx.reports.error(SpecRule::Value, site, "Wrong kind of PEM", detail);
        return None;
    }
    // The text itself is not repeated: it may be a key in a wrong form.
    let looks_like_path = value.len() < 256 && !value.contains('\n') && value.contains(['/', '.']);
    let hint = if looks_like_path {
        let path = text::quoted(&value);
        format!(
            "{path} is not absolute. A path on the hosts starts with \"/\"; a file on this machine is read by file({path})."
        )
    } else {
        "This is neither an absolute path on the hosts nor PEM text, as file(\"client.pem\") gives it.".to_owned()
    };
    cx.reports.error(SpecRule::Value, site, "Neither path nor PEM", hint);
    None
}
