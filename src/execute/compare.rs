//! Do all members hold the same data? `HashKV` at one revision says so, also across minors. Where a member's version has
//! none, all keys are read.

use std::time::Duration;

use futures_util::future::join_all;

use crate::execute::ExecuteError;
use crate::execute::compare_keys;
use crate::execute::effects::{done, skipped};
use crate::execute::journal::{Detail, EffectResult};
use crate::execute::world::World;
use crate::knowledge::Feature;
use crate::observe::inventory::HashKv;
use crate::units::{MemberName, Revision};

/// A compaction between two members' answers makes them incomparable: then it is asked again.
const MOST_TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Asks all members at the lowest revision that any of them has.
pub async fn compare(world: &World) -> Result<EffectResult, ExecuteError> {
    let versions = join_all(world.members.values().map(|member| member.client.version())).await;
    let versions = versions.into_iter().map(|version| Ok(version?.server)).collect::<Result<Vec<_>, ExecuteError>>()?;
    let Some(oldest) = versions.iter().min() else {
        return Ok(skipped("there are no members"));
    };
    if !world.knowledge.features(oldest).has(Feature::HashKv) {
        return compare_keys::compare(world, oldest).await;
    }
    by_hash(world).await
}

async fn by_hash(world: &World) -> Result<EffectResult, ExecuteError> {
    let mut last = Vec::new();
    for _ in 0..MOST_TRIES {
        let statuses = join_all(world.members.values().map(|member| member.client.status())).await;
        let mut lowest: Option<Revision> = None;
        for status in statuses {
            let status = status?;
            lowest = Some(lowest.map_or(status.revision, |lowest| lowest.min(status.revision)));
        }
        let Some(revision) = lowest else {
            return Ok(skipped("there are no members"));
        };
        let answers = join_all(world.members.values().map(|member| member.client.hash_kv(revision))).await;
        last = Vec::new();
        for (name, answer) in world.members.keys().zip(answers) {
            last.push((name, answer?));
        }
        if let Some(verdict) = verdict(revision, &last) {
            return Ok(verdict);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(EffectResult::Failed {
        todo: vec!["apply again when the cluster is quieter".to_owned()],
        reason: format!("members were compacted at different revisions in {MOST_TRIES} tries: {}", list(&last)),
        log: Vec::new(),
    })
}

/// `None` when the answers cannot be compared.
fn verdict(revision: Revision, answers: &[(&MemberName, HashKv)]) -> Option<EffectResult> {
    let (_, first) = answers.first()?;
    if answers.iter().any(|(_, answer)| answer.compact_revision != first.compact_revision) {
        return None;
    }
    if answers.iter().all(|(_, answer)| answer.hash == first.hash) {
        let members = u32::try_from(answers.len()).unwrap_or(u32::MAX);
        return Some(done(Detail::DataEqual { revision, hash: first.hash, members }));
    }
    Some(EffectResult::Failed {
        todo: vec![
            "find out which member is right before anything else is done (etcd's guide on data corruption)".to_owned(),
        ],
        reason: format!("members hold different data at revision {revision}: {}", list(answers)),
        log: Vec::new(),
    })
}

fn list(answers: &[(&MemberName, HashKv)]) -> String {
    let one = |(name, answer): &(&MemberName, HashKv)| {
        format!("{name} {:08x} (compacted at {})", answer.hash, answer.compact_revision)
    };
    answers.iter().map(one).collect::<Vec<_>>().join(", ")
}
