//! Raft no-ops until every member has taken a raft snapshot that covers all that is in its log now: entries that a new
//! version cannot read are not replayed by it then. Nothing of the data changes, and no member is restarted.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _};

use crate::etcd::EtcdError;
use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done};
use crate::execute::event::Event;
use crate::execute::journal::{Detail, EffectResult};
use crate::execute::wait::millis;
use crate::plan::model::{Action, RaftSnapshots, Step};
use crate::plan::raft_snapshots::until_next;
use crate::runtime::newest_raft_snapshot;
use crate::units::{MemberName, RaftIndex};

/// No-ops that are under way at a time: clients go on beside them.
const AT_A_TIME: usize = 32;

/// So many are sent between two looks at the members.
const BATCH: u64 = 1_000;

/// No more are sent while a member is this far behind the others: one that falls behind by more than 5,000 would be sent the
/// whole database.
const FARTHEST_BEHIND: u64 = 2_000;

/// A batch that fails is sent again, by another member, so often; and a look at the members is taken again.
const MOST_FAILURES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// Not fewer than this at a time.
const LEAST_BATCH: u64 = 100;

/// For the file to be written once its moment has come: it holds the whole v2 store.
const WRITE_BOUND: Duration = Duration::from_secs(120);

/// One member, as far as it has come.
struct Progress {
    name: MemberName,
    applied: RaftIndex,
    newest: Option<RaftIndex>,
    /// Entries until it takes its next raft snapshot.
    needed: u64,
    has_v2_keys: bool,
}

impl Progress {
    fn covers(&self, start: RaftIndex) -> bool {
        self.newest.is_some_and(|newest| newest >= start)
    }
}

pub async fn take(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::TakeRaftSnapshots(wanted) = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let begun = Instant::now();
    let mut due_since: Option<Instant> = None;
    let (mut sent, mut failures) = (0_u64, 0_u32);
    let mut start: Option<RaftIndex> = None;
    loop {
        let members = match look(performer, wanted).await {
            Ok(members) => members,
            Err(error) => {
                failures += 1;
                if failures >= MOST_FAILURES {
                    return Err(error);
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let start = *start.get_or_insert_with(|| members.iter().map(|one| one.applied).max().unwrap_or_default());
        let pending: Vec<&Progress> = members.iter().filter(|member| !member.covers(start)).collect();
        if pending.is_empty() {
            let holders: Vec<&str> =
                members.iter().filter(|one| one.has_v2_keys).map(|one| one.name.as_str()).collect();
            if !holders.is_empty() {
                return Ok(holds_v2_keys(&holders));
            }
            let reached = members.iter().map(|one| (one.name.clone(), one.newest.unwrap_or_default())).collect();
            return Ok(done(Detail::RaftSnapshots { no_ops: sent, reached }));
        }
        let needed = pending.iter().map(|member| member.needed).max().unwrap_or_default();
        let names: Vec<&str> = pending.iter().map(|member| member.name.as_str()).collect();
        (performer.events)(Event::Waiting {
            step: step.id,
            for_what: vec![format!(
                "a raft snapshot of {}: {sent} raft no-ops done, about {needed} to go",
                names.join(", ")
            )],
            waited_ms: millis(begun.elapsed()),
            bound_ms: millis(wanted.within.duration()),
        });
        if begun.elapsed() > wanted.within.duration() {
            return Ok(not_taken(&names, start, &format!("within {}, after {sent} raft no-ops", wanted.within)));
        }
        let slowest = members.iter().map(|one| one.applied).min().unwrap_or_default();
        let farthest = members.iter().map(|one| one.applied).max().unwrap_or_default();
        if farthest.0.saturating_sub(slowest.0) > FARTHEST_BEHIND {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        if needed == 0 {
            // Its moment has come; the file is being written, or nothing is.
            let since = *due_since.get_or_insert_with(Instant::now);
            if since.elapsed() > WRITE_BOUND {
                let why = format!("{WRITE_BOUND:?} after its log had grown by its snapshot-count");
                return Ok(not_taken(&names, start, &why));
            }
            tokio::time::sleep(PAUSE).await;
        } else {
            due_since = None;
        }
        // One whose snapshot is due looks whether it is when it applies an entry.
        let batch = needed.clamp(LEAST_BATCH, BATCH);
        let (acknowledged, error) = send(performer, batch, failures).await;
        sent += acknowledged;
        match error {
            None => failures = 0,
            Some(error) if acknowledged == 0 => {
                failures += 1;
                if failures >= MOST_FAILURES {
                    return Err(error.into());
                }
                tokio::time::sleep(PAUSE).await;
            }
            Some(_) => {}
        }
    }
}

fn not_taken(names: &[&str], start: RaftIndex, when: &str) -> EffectResult {
    EffectResult::Failed {
        reason: format!("{}: no raft snapshot at index {start} or later {when}", names.join(", ")),
        log: Vec::new(),
        todo: vec![
            "see in the log of that member why it takes none (disk, snapshot-count); nothing was stopped, and nothing \
             of the data was changed"
                .to_owned(),
        ],
    }
}

/// 3.6 would end at its start on what the snapshot holds. Asking the members does not tell: from 3.4 on they do not serve it.
fn holds_v2_keys(names: &[&str]) -> EffectResult {
    EffectResult::Failed {
        reason: format!(
            "{}: keys of the v2 API are in the v2 store still, though it is not served: the new version ends at its start \
             when it finds them",
            names.join(", ")
        ),
        log: Vec::new(),
        todo: vec![
            "start one member of the old version with --enable-v2, save what is needed of these keys and delete all of \
             them, take the option away again; `quorate explain no-v2-content` says more. Nothing was stopped"
                .to_owned(),
        ],
    }
}

/// How far all members of the step are, and their snapshots.
async fn look(performer: &Performer<'_>, wanted: &RaftSnapshots) -> Result<Vec<Progress>, ExecuteError> {
    try_join_all(wanted.members.iter().map(async |(name, count)| {
        let member = performer.world.member(name)?;
        let newest = newest_raft_snapshot(&member.host, &member.site).await?;
        let status = member.client.status().await?;
        let applied = status.raft_applied_index.unwrap_or(status.raft_index);
        // One that the member was sent is there before the member has it in its database.
        let has = newest.filter(|snapshot| snapshot.index <= applied);
        let newest = has.map(|snapshot| snapshot.index);
        Ok(Progress {
            name: name.clone(),
            applied,
            newest,
            needed: until_next(newest, *count, applied),
            has_v2_keys: has.is_some_and(|snapshot| snapshot.has_v2_keys),
        })
    }))
    .await
}

/// Through the members in turn, so that one which fails is not asked alone. How many were done, and one of the errors.
async fn send(performer: &Performer<'_>, batch: u64, shift: u32) -> (u64, Option<EtcdError>) {
    let clients: Vec<_> = performer.world.clients().into_values().collect();
    let Some(client) = clients.get(shift as usize % clients.len().max(1)) else { return (0, None) };
    let results: Vec<Result<(), EtcdError>> =
        stream::iter(0..batch).map(|_| client.raft_noop()).buffer_unordered(AT_A_TIME).collect().await;
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    (good.len() as u64, bad.into_iter().find_map(Result::err))
}
