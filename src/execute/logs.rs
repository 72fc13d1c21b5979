//! Log lines of the time of a run: the expected ones are told from those that a person should see.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::execute::event::Event;
use crate::execute::world::World;
use crate::knowledge::LogVerdict;
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

/// A line is expected when it is so for the version before or after.
fn is_unexpected(world: &World, plan: &Plan, line: &str) -> bool {
    let versions = plan.summary.from.iter().chain(std::iter::once(&plan.summary.to));
    let mut verdicts = versions.map(|version| world.knowledge.classify_log_line(version, line));
    verdicts.all(|verdict| matches!(verdict, LogVerdict::Unexpected(_) | LogVerdict::Trouble(_)))
}
