//! Log lines of the time of a run: the expected ones are told from those that a person should see.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::execute::event::Event;
use crate::execute::gates::Look;
use crate::execute::world::World;
use crate::knowledge::LogVerdict;
use crate::observe::inventory::{ListedMember, Seen};
use crate::plan::model::Plan;
use crate::runtime::{LogCursor, log_cursor, log_lines_since};
use crate::units::MemberName;

/// Most lines of one member that are read at the end of a run, and most that are shown.
const MOST_READ: u32 = 2000;
const MOST_SHOWN: usize = 20;

/// Where each member's log ended when the run began.
#[derive(Default)]
pub struct Logs {
    /// `None` before it was looked at.
    cursors: Option<BTreeMap<MemberName, LogCursor>>,
}

impl Logs {
    /// Remembers where the logs end now, if that was not done yet.
    pub async fn mark(&mut self, world: &World) {
        if self.cursors.is_some() {
            return;
        }
        let each = world.members.iter().filter(|(_, member)| member.facts.is_some());
        let each = each.map(async |(name, member)| (name, log_cursor(&member.host, &member.site).await));
        // A log that cannot be read is no reason not to upgrade.
        let known = join_all(each).await.into_iter().filter_map(|(name, cursor)| Some((name.clone(), cursor.ok()?)));
        self.cursors = Some(known.collect());
    }

    pub async fn tell_unexpected(&self, world: &World, plan: &Plan, events: &(dyn Fn(Event) + Send + Sync)) {
        let each =
            self.cursors.iter().flatten().filter_map(|(name, cursor)| Some((name, cursor, world.member(name).ok()?)));
        let each = each.map(async |(name, cursor, member)| {
            (name, log_lines_since(&member.host, &member.site, cursor, MOST_READ).await)
        });
        for (name, read) in join_all(each).await {
            match read {
                Ok(read) => {
                    let unexpected: Vec<String> =
                        read.lines.into_iter().filter(|line| is_unexpected(world, plan, line)).collect();
                    if !unexpected.is_empty() {
                        let left_out = unexpected.len().saturating_sub(MOST_SHOWN) as u64;
                        let lines = unexpected.into_iter().take(MOST_SHOWN).collect();
                        events(Event::UnexpectedLog { member: name.clone(), lines, left_out });
                    }
                }
                Err(error) => events(Event::Notice { text: format!("the log of {name} could not be read: {error}") }),
            }
        }
    }
}

/// By which line a leader says that a member did not tell it its version; it asks on the peer URL, each few seconds.
const VERSION_NOT_TOLD: &str = "peer-version-not-reached";

impl Logs {
    /// Why the cluster version does not move, by the log of who decides it since the mark: one sentence for each member
    /// that does not answer on its peer URL.
    pub async fn versions_not_told(&self, world: &World, look: &Look) -> Vec<String> {
        let Some(leader) = look.leader() else { return Vec::new() };
        let Some(cursor) = self.cursors.as_ref().and_then(|cursors| cursors.get(leader)) else { return Vec::new() };
        let Ok(member) = world.member(leader) else { return Vec::new() };
        // A log that cannot be read leaves the question open, as it was.
        let Ok(read) = log_lines_since(&member.host, &member.site, cursor, MOST_READ).await else { return Vec::new() };
        let Some(facts) = look.members.get(leader).and_then(Seen::known) else { return Vec::new() };
        let is_one = |line: &&String| {
            let verdict = world.knowledge.classify_log_line(&facts.server_version, line);
            matches!(verdict, LogVerdict::Expected(pattern) if pattern.fact.name == VERSION_NOT_TOLD)
        };
        let lines: Vec<&String> = read.lines.iter().filter(is_one).collect();
        facts.members.iter().filter_map(|listed| not_told(leader, listed, &lines)).collect()
    }
}

/// The newest line about this member.
fn not_told(leader: &MemberName, listed: &ListedMember, lines: &[&String]) -> Option<String> {
    let id = listed.id.to_string();
    let is_about = |line: &str| line.contains(&id) || listed.peer_urls.iter().any(|url| line.contains(url));
    let line = lines.iter().rev().find(|line| is_about(line))?;
    let urls = listed.peer_urls.join(", ");
    Some(format!("{} does not answer {leader}, which leads, on its peer URL ({urls}): {line}", listed.name))
}

/// A line is expected when it is so for the version before or after.
fn is_unexpected(world: &World, plan: &Plan, line: &str) -> bool {
    let versions = plan.summary.from.iter().chain(std::iter::once(&plan.summary.to));
    let mut verdicts = versions.map(|version| world.knowledge.classify_log_line(version, line));
    verdicts.all(|verdict| matches!(verdict, LogVerdict::Unexpected(_) | LogVerdict::Trouble(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::MemberId;

    // faults: E14
    #[test]
    fn who_does_not_tell_its_version_is_named_by_the_newest_line() {
        let listed = ListedMember {
            id: MemberId(0x5ac2_83d7),
            name: "m2".to_owned(),
            peer_urls: vec!["http://10.0.0.12:2380".to_owned()],
            client_urls: Vec::new(),
            is_learner: false,
        };
        let old = "failed to reach the peerURL(http://10.0.0.12:2380) of member 5ac283d7 (refused)".to_owned();
        let new = "cannot get the version of member 5ac283d7 (timeout)".to_owned();
        let other = "cannot get the version of member 77 (timeout)".to_owned();
        let leader = "m1".parse().unwrap();
        let said = not_told(&leader, &listed, &[&old, &new, &other]).unwrap();
        assert!(
            said.starts_with("m2 does not answer m1, which leads, on its peer URL (http://10.0.0.12:2380): "),
            "{said}"
        );
        assert!(said.ends_with("(timeout)") && said.contains("5ac283d7"), "{said}");
        assert_eq!(not_told(&leader, &listed, &[&other]), None);
    }
}
