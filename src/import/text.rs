//! The text of the first spec: what was found, with comments that say where it is from.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::of_target;
use super::{Asked, BecomeSudo, ImportError, Reach, RunBy, Target, version};
use crate::knowledge::Knowledge;
use crate::observe::inventory::{EtcdFacts, Inventory, MemberFacts, MemberView};
use crate::plan::host_of;
use crate::spec;
use crate::view::{escape, whole_second};

/// Options that say who a member is or where it listens: a spec says these elsewhere, or not at all.
const OF_THE_MEMBER: [&str; 2] = ["wal-dir", "strict-reconfig-check"];

/// The spec. `at`: when the look was, for a comment.
pub fn spec_text(asked: &Asked, inventory: &Inventory, knowledge: &Knowledge) -> Result<String, ImportError> {
    let version = version(inventory)?;
    let mut out = format!(
        "# What `quorate import` found at {}. `quorate plan` says \"No changes\" as long as that is so.\n\
         # Raise `version` to upgrade; what else a spec may say: docs/reference/spec.md.\n\n",
        comment(&whole_second(&inventory.taken_at))
    );
    out.push_str(&format!(
        "cluster {} {{\n  version = {} # what all members run\n\n",
        quoted(asked.cluster.as_str()),
        quoted(&version.to_string())
    ));
    out.push_str(&connection(&asked.reach));
    out.push('\n');
    out.push_str(&runtime(&asked.run_by));
    out.push('\n');
    if let Some(url) = &asked.release_url {
        // `${version}` and `${arch}` in it are meant.
        out.push_str(&format!(
            "  release {{\n    url = \"{}\"\n  }}\n\n",
            url.replace('\\', "\\\\").replace('"', "\\\"")
        ));
    }
    if inventory.members.iter().filter_map(facts).any(|facts| !facts.certificates.is_empty()) {
        out.push_str(
            "  # Members are asked with their own certificates, which are read on their hosts. To ask with another one:\n\
             \x20 # client { ca = \"/etc/…/ca.crt\", cert = \"…\", key = \"…\" }\n\n",
        );
    }
    for (view, target) in inventory.members.iter().zip(&asked.targets) {
        write_member(&mut out, asked, view, target)?;
    }
    write_settings(&mut out, inventory, knowledge);
    let mut out = out.trim_end().to_owned();
    out.push_str("\n}\n");
    let laid_out = spec::format(&out);
    laid_out.map_err(|wrong| {
        ImportError(vec![format!(
            "this is a bug in quorate: the spec that it made cannot be laid out: {}",
            wrong.detail
        )])
    })
}

fn facts(view: &MemberView) -> Option<&MemberFacts> {
    view.host.known()?.member.as_ref()
}

pub(super) fn connection(reach: &Reach) -> String {
    match reach {
        Reach::Local => "  connection \"local\" {}\n".to_owned(),
        Reach::Ssh { user, become_sudo, config_file, identity_file } => {
            let mut out = "  connection \"ssh\" {\n".to_owned();
            for (name, value) in [("user", user), ("config_file", config_file), ("identity_file", identity_file)] {
                if let Some(value) = value {
                    out.push_str(&format!("    {name} = {}\n", quoted(value)));
                }
            }
            if *become_sudo == BecomeSudo::Yes {
                out.push_str("    become = \"sudo\"\n");
            }
            out + "  }\n"
        }
    }
}

pub(super) fn runtime(run_by: &RunBy) -> String {
    match run_by {
        RunBy::Unit(unit) => format!(
            "  # Unit and flags are left as they are.\n  runtime \"systemd\" {{\n    unit = {}\n    adopt = true\n  }}\n",
            quoted(unit)
        ),
        RunBy::Folder(dir) => format!("  runtime \"process\" {{\n    dir = {}\n  }}\n", quoted(dir)),
    }
}

fn write_member(out: &mut String, asked: &Asked, view: &MemberView, target: &Target) -> Result<(), ImportError> {
    let (Some(etcd), Some(facts)) = (view.etcd.known(), facts(view)) else {
        return Err(ImportError(vec![format!("{} was not seen", view.name)]));
    };
    let own = etcd.members.iter().find(|listed| listed.id == etcd.member_id);
    let peer_url = own.and_then(|listed| listed.peer_urls.first()).cloned().unwrap_or_default();
    let client_url = own.and_then(|listed| listed.client_urls.first()).cloned().unwrap_or_default();
    let address = host_of(&peer_url).filter(|host| !host.is_empty()).unwrap_or(&target.destination).to_owned();
    out.push_str(&format!("  # {}\n", comment(&told(facts, etcd))));
    out.push_str(&format!("  member {} {{\n    address = {}\n", quoted(view.name.as_str()), quoted(&address)));
    let host = if address.contains(':') { format!("[{address}]") } else { address.clone() };
    for (name, url, port) in [("client_url", &client_url, 2379), ("peer_url", &peer_url, 2380)] {
        if !url.is_empty() && *url != format!("http://{host}:{port}") {
            out.push_str(&format!("    {name} = {}\n", quoted(url)));
        }
    }
    if matches!(asked.run_by, RunBy::Unit(_)) {
        out.push_str(&format!("    data_dir = {}\n", quoted(&facts.data_dir.path)));
    }
    if matches!(asked.reach, Reach::Ssh { .. }) {
        out.push_str(&own_connection(target, &address));
    }
    out.push_str("  }\n\n");
    Ok(())
}

/// Where ssh has to go for it, where that is not its address.
fn own_connection(target: &Target, address: &str) -> String {
    let own = of_target(target);
    if target.destination == address {
        return own;
    }
    let host = format!("      host = {}\n", quoted(&target.destination));
    if own.is_empty() {
        return format!("    connection \"ssh\" {{\n{host}    }}\n");
    }
    own.replacen("{\n", &format!("{{\n{host}"), 1)
}

fn told(facts: &MemberFacts, etcd: &EtcdFacts) -> String {
    let mut parts = vec![format!("{} {}", facts.binary.path, etcd.server_version)];
    if let Some(file) = &facts.config_file {
        parts.push(format!("configured by {file}"));
    }
    parts.push(format!("data in {}", facts.data_dir.path));
    parts.extend(facts.certificates.iter().map(|one| format!("{} {} until {}", one.option, one.path, one.not_after)));
    parts.join(", ")
}

/// Options that all members are started with alike are declared; where they differ, a comment says so.
fn write_settings(out: &mut String, inventory: &Inventory, knowledge: &Knowledge) {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for facts in inventory.members.iter().filter_map(facts) {
        for option in facts.options.iter().filter(|option| option.effective && knowledge.flag(&option.name).is_some()) {
            if spec::is_said_elsewhere(&option.name) || OF_THE_MEMBER.contains(&option.name.as_str()) {
                continue;
            }
            values.entry(&option.name).or_default().insert(&option.value);
            *count.entry(&option.name).or_default() += 1;
        }
    }
    let everywhere = |name: &str| count.get(name) == Some(&inventory.members.len());
    let (alike, differing): (Vec<_>, Vec<_>) =
        values.iter().partition(|(name, values)| values.len() == 1 && everywhere(name));
    if !differing.is_empty() {
        let names: Vec<&str> = differing.iter().map(|(name, _)| **name).collect();
        out.push_str(&format!(
            "  # Members differ in these options, so they are not declared: {}\n",
            comment(&names.join(", "))
        ));
    }
    if alike.is_empty() {
        return;
    }
    out.push_str("  # What all members are started with. It is held against what they run with; take out what shall be free.\n  settings = {\n");
    for (name, values) in alike {
        for value in values.iter() {
            out.push_str(&format!("    {name} = {}\n", quoted(value)));
        }
    }
    out.push_str("  }\n");
}

/// A string of HCL that stands for exactly this text.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // A template begins with these two.
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// Text for a comment: one line, with nothing hidden in it.
fn comment(text: &str) -> String {
    escape(text)
}
