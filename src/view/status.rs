//! A cluster as it is right now.

use serde_json::{Value, json};

use super::drift::write_finding;
use super::json::JSON_FORMAT;
use super::page::{Page, Style, Tone, cell};
use super::words::{count, grouped, whole_second};
use crate::drift::status::{MemberStatus, Role, Status};
use crate::units::Bytes;

const NAME: usize = 2;
const LABEL: usize = 9;

#[must_use]
pub fn status_json(status: &Status) -> Value {
    json!({ "type": "status", "format": JSON_FORMAT, "well": status.is_well(), "status": status })
}

#[must_use]
pub fn status_text(status: &Status, style: Style) -> String {
    let mut page = Page::new(style);
    let (tone, how) = headline(status);
    page.text(0, tone, &format!("Cluster {}: {how}", status.cluster));
    let row = |page: &mut Page, label: &str, text: &str| {
        page.row(2, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, text);
    };
    row(&mut page, "quorum", &quorum(status));
    row(&mut page, "version", &versions(status));
    if let Some(revision) = status.revision {
        row(&mut page, "revision", &grouped(revision.0));
    }
    row(&mut page, "looked at", &whole_second(&status.looked_at));
    let columns = status.members.iter().map(|member| member.name.as_str().len()).max().unwrap_or_default() + NAME;
    for member in &status.members {
        page.blank();
        write_member(&mut page, status, member, columns);
    }
    if !status.wrong.is_empty() {
        page.blank();
        page.text(0, Tone::Bad, "What is not well");
        for (place, finding) in status.wrong.iter().enumerate() {
            page.blank();
            write_finding(&mut page, place + 1, finding);
        }
    }
    page.finish()
}

fn headline(status: &Status) -> (Tone, String) {
    if status.is_well() {
        let leads = status.leader.as_ref().map(|leader| format!(", {leader} leads")).unwrap_or_default();
        return (Tone::Good, format!("well. {} serve{leads}.", count(status.members.len(), "member", "members")));
    }
    let wrong = count(status.wrong.len(), "thing is", "things are");
    match status.quorum.map(|quorum| quorum.may_fail) {
        Some(Some(_)) => (Tone::Warn, format!("it serves, and {wrong} not well.")),
        Some(None) => (Tone::Bad, format!("no quorum: it takes no writes. {wrong} not well.")),
        None => (Tone::Bad, format!("it cannot be told whether it has a quorum. {wrong} not well.")),
    }
}

fn quorum(status: &Status) -> String {
    let Some(quorum) = status.quorum else {
        return "cannot be told: members serve different clusters".to_owned();
    };
    let head =
        format!("{} of {} serve, {} needed", quorum.serving, count(quorum.voters, "voter", "voters"), quorum.needed);
    let may_fail = match quorum.may_fail {
        None => format!("{head}: no quorum"),
        Some(0) => format!("{head}: none may fail"),
        Some(number) => format!("{head}: {number} may fail"),
    };
    match status.members.iter().filter(|member| member.role == Role::Unseen).count() {
        0 => may_fail,
        unseen => format!("{may_fail}, as far as is seen: {unseen} could not be looked at"),
    }
}

fn versions(status: &Status) -> String {
    let mut parts = vec![format!("{} declared", status.declared)];
    parts.push(match &status.cluster_version {
        Some(version) => format!("cluster version {version}"),
        None => "cluster version not known".to_owned(),
    });
    parts.extend(status.storage_version.as_ref().map(|version| format!("storage version {version}")));
    parts.extend(status.cluster_id.map(|id| format!("cluster id {id}")));
    parts.join(" · ")
}

fn role(member: &MemberStatus) -> (Tone, &'static str) {
    match member.role {
        Role::Leader => (Tone::Good, "leader"),
        Role::Follower => (Tone::Good, "follower"),
        Role::Learner => (Tone::Warn, "learner"),
        Role::Stranger => (Tone::Bad, "STRANGER"),
        Role::Silent => (Tone::Bad, "SILENT"),
        Role::Down => (Tone::Bad, "DOWN"),
        Role::NotFound => (Tone::Bad, "NOT FOUND"),
        Role::Unseen => (Tone::Bad, "NOT SEEN"),
    }
}

fn write_member(page: &mut Page, status: &Status, member: &MemberStatus, columns: usize) {
    let (tone, word) = role(member);
    let mut parts = Vec::new();
    parts.extend(member.version.as_ref().map(|version| format!("etcd {version}")));
    let serves = matches!(member.role, Role::Leader | Role::Follower | Role::Learner);
    parts.push(
        match member.role {
            Role::Unseen => "not known whether it serves",
            Role::Silent | Role::Down | Role::NotFound => "does not serve",
            Role::Stranger => "serves another cluster",
            // Each that serves is unwell then, and it may be well for all that is known.
            Role::Leader | Role::Follower | Role::Learner if status.quorum.is_none() => {
                "serves one of several clusters"
            }
            Role::Leader | Role::Follower | Role::Learner if member.unwell.is_some() => "UNHEALTHY",
            Role::Leader | Role::Follower | Role::Learner => "healthy",
        }
        .to_owned(),
    );
    parts.extend(member.alarms.iter().map(|alarm| format!("alarm {alarm}")));
    let is_well = serves && member.unwell.is_none() && member.alarms.is_empty();
    page.row(
        0,
        &[cell(Tone::Name, member.name.as_str(), columns), cell(tone, word, LABEL + 2)],
        if is_well { Tone::Plain } else { Tone::Bad },
        &parts.join(" · "),
    );
    let mut row = |label: &str, text: String| {
        if !text.is_empty() {
            page.row(columns, &[cell(Tone::Faint, label, LABEL + 2)], Tone::Plain, &text);
        }
    };
    row("why", member.unwell.clone().unwrap_or_default());
    row(
        "host",
        if member.host == member.address {
            member.host.clone()
        } else {
            format!("{}, at {}", member.address, member.host)
        },
    );
    row("raft", raft(member));
    row("data", data(member));
    row("runs", runs(member));
}

fn raft(member: &MemberStatus) -> String {
    let mut parts = Vec::new();
    parts.extend(member.raft_index.map(|index| format!("index {}", grouped(index.0))));
    parts.extend(member.not_applied.map(|entries| match entries {
        0 => "all applied".to_owned(),
        entries => format!("{} not applied", grouped(entries)),
    }));
    if member.role != Role::Leader {
        parts.extend(member.behind_leader.map(|entries| format!("{} behind the leader", grouped(entries))));
    }
    parts.extend(member.raft_term.map(|term| format!("term {}", grouped(term.0))));
    parts.extend(member.member_id.map(|id| format!("id {id}")));
    parts.join(" · ")
}

fn data(member: &MemberStatus) -> String {
    let mut parts = Vec::new();
    if let Some(size) = member.db_size {
        parts.push(match member.quota {
            Some(quota) => format!("{size} of {quota} quota ({} %)", percent(size, quota)),
            None => size.to_string(),
        });
    }
    parts.extend(member.db_size_in_use.map(|size| format!("{size} in use")));
    parts.extend(member.revision.map(|revision| format!("revision {}", grouped(revision.0))));
    if let Some(dir) = &member.data_dir {
        parts.push(match member.data_dir_free {
            Some(free) => format!("{dir}, {free} free"),
            None => dir.clone(),
        });
    }
    parts.join(" · ")
}

fn percent(size: Bytes, of: Bytes) -> u128 {
    u128::from(size.0) * 100 / u128::from(of.0.max(1))
}

fn runs(member: &MemberStatus) -> String {
    let mut parts = Vec::new();
    parts.extend(member.runs_by.clone());
    parts.extend(member.pid.map(|pid| format!("pid {pid}")));
    if let Some(binary) = &member.binary {
        let version = member.binary_version.as_ref().map_or_else(|| "of no version".to_owned(), ToString::to_string);
        parts.push(format!("{binary} {version}"));
    }
    parts.join(" · ")
}
