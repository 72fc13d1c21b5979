//! `member` blocks. With `for_each` one block stands for many members: its label then names the group, and each
//! member is called by its key unless `name` says otherwise.

use hcl_edit::structure::Block;

use super::super::eval::{Cx, Each};
use super::super::model::Member;
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section, sentence, wrong_type};
use super::super::source::{FileId, Site};
use super::super::text;
use super::super::value::Value;
use super::address::{self, EndpointUrl};
use super::connection::{self, Declared};
use super::paths;
use crate::units::MemberName;

const KNOWN: Known = Known {
    attributes: &["address", "name", "for_each", "client_url", "peer_url", "data_dir"],
    blocks: &["connection"],
};
/// More members than this is a mistake in `for_each`: etcd's own advice ends at seven.
const MOST_MEMBERS: usize = 100;
const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;

/// A member and where its parts stand, for checks that compare members.
pub struct Read {
    pub member: Member,
    pub name_site: Site,
    pub address_site: Site,
    pub client_site: Site,
    pub peer_site: Site,
    /// `host:port` of each, declared or by default.
    pub client_endpoint: String,
    pub peer_endpoint: String,
    pub is_local: bool,
}

/// What came of one block.
pub struct Group {
    pub members: Vec<Read>,
    /// It declares members that could not be read; why was reported.
    pub is_broken: bool,
}

/// Reads one block: one member, or as many as its `for_each` has elements.
pub fn read(file: FileId, block: &Block, base: &Declared, cx: &mut Cx) -> Group {
    let broken = || Group { members: Vec::new(), is_broken: true };
    let section = Section::of_block(file, block, "member block", cx);
    let [label] = block.labels.as_slice() else {
        cx.reports.error(
            SpecRule::Label,
            section.site,
            "Member without a name",
            "Write member \"m1\" { address = \"10.0.0.11\" }.",
        );
        return broken();
    };
    if !section.has("for_each") {
        section.expect(&KNOWN, cx);
        let one = member(&section, label.as_str(), base, cx);
        return one.map_or_else(broken, |one| Group { members: vec![one], is_broken: false });
    }
    let Some(elements) = elements(&section, cx) else {
        return broken();
    };
    let wanted = elements.len();
    let mut members = Vec::new();
    for (index, each) in elements.into_iter().enumerate() {
        let errors = cx.reports.count();
        let key = each.key.clone();
        cx.scope.each = Some(each);
        if index == 0 {
            section.expect(&KNOWN, cx);
        }
        members.extend(member(&section, &key, base, cx));
        cx.scope.each = None;
        if cx.reports.count() > errors && index > 0 {
            // The other elements would mostly say the same again.
            break;
        }
    }
    let is_broken = members.len() < wanted;
    Group { members, is_broken }
}

/// What `for_each` goes through: a map, or a set or list of strings.
fn elements(section: &Section, cx: &mut Cx) -> Option<Vec<Each>> {
    let errors = cx.reports.count();
    let Some(Placed { value, site }) = section.plain_value("for_each", cx) else {
        // What could not be evaluated was reported where it failed.
        let is_null = |cx: &mut Cx| {
            section.expression("for_each").is_some_and(|given| cx.eval(section.file, given) == Ok(Value::Null))
        };
        if cx.reports.count() == errors && is_null(cx) {
            wrong_type(
                section.site_of_attribute("for_each"),
                "for_each",
                "a map, or a set of strings",
                &Value::Null,
                cx,
            );
        }
        return None;
    };
    let elements: Option<Vec<Each>> = match &value {
        Value::Map(items) => {
            Some(items.iter().map(|(key, value)| Each { key: key.clone(), value: value.clone() }).collect())
        }
        Value::Set(items) => {
            let each = |item: &Value| item.to_text().map(|key| Each { key, value: item.clone() });
            items.iter().map(each).collect()
        }
        Value::List(_) => {
            let detail = "A list has no keys to name members by: use toset([…]), or a map { name = address }.";
            cx.reports.error(SpecRule::Type, site, "Wrong type", detail);
            return None;
        }
        _ => None,
    };
    match elements {
        Some(elements) if elements.len() > MOST_MEMBERS => {
            let detail = format!("for_each has {} elements; {MOST_MEMBERS} are allowed.", elements.len());
            cx.reports.error(SpecRule::Limits, site, "Too many members", detail);
            None
        }
        None => {
            wrong_type(site, "for_each", "a map, or a set of strings", &value, cx);
            None
        }
        elements => elements,
    }
}

fn member(section: &Section, usual_name: &str, base: &Declared, cx: &mut Cx) -> Option<Read> {
    section.require("address", "address = \"10.0.0.11\"", cx);
    let name = name(section, usual_name, cx);
    let address = section.text("address", cx).and_then(|given| match address::host(&given.value) {
        Ok(value) => Some(Placed { value, site: given.site }),
        Err(why) => {
            cx.reports.error(SpecRule::Value, given.site, "Bad address", why);
            None
        }
    });
    let client = url(section, "client_url", cx);
    let peer = url(section, "peer_url", cx);
    let data_dir = paths::on_host(section, "data_dir", cx);
    let connection = match section.block("connection", cx) {
        Some(block) => connection::read(section.file, block, cx).over(base),
        None => base.clone(),
    };
    let (name, address) = (name?, address?);
    let endpoint = |url: &Option<Placed<EndpointUrl>>, port| match url {
        Some(url) => (url.value.endpoint.clone(), url.site),
        None => (address::with_port(&address.value, port), address.site),
    };
    let (client_endpoint, client_site) = endpoint(&client, CLIENT_PORT);
    let (peer_endpoint, peer_site) = endpoint(&peer, PEER_PORT);
    Some(Read {
        is_local: connection.is_local(),
        member: Member {
            name: name.value,
            connection: connection.into_connection(&address.value),
            address: address.value,
            client_url: client.map(|url| url.value.text),
            peer_url: peer.map(|url| url.value.text),
            data_dir,
        },
        name_site: name.site,
        address_site: address.site,
        client_site,
        peer_site,
        client_endpoint,
        peer_endpoint,
    })
}

fn name(section: &Section, usual: &str, cx: &mut Cx) -> Option<Placed<MemberName>> {
    let errors = cx.reports.count();
    let declared = section.parsed("name", SpecRule::Name, "Bad member name", cx);
    if declared.is_some() || cx.reports.count() > errors {
        return declared;
    }
    match usual.parse() {
        Ok(value) => Some(Placed { value, site: section.site }),
        Err(error) => {
            let detail = format!("{}: {}", text::quoted(usual), sentence(&crate::units::NameError::to_string(&error)));
            cx.reports.error(SpecRule::Name, section.site, "Bad member name", detail);
            None
        }
    }
}

fn url(section: &Section, name: &str, cx: &mut Cx) -> Option<Placed<EndpointUrl>> {
    let Placed { value, site } = section.text(name, cx)?;
    match address::endpoint_url(&value) {
        Ok(value) => Some(Placed { value, site }),
        Err(why) => {
            cx.reports.error(SpecRule::Value, site, format!("Bad {name}"), why);
            None
        }
    }
}
