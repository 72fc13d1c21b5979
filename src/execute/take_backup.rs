//! Takes the backup of a step: what the plan says, from the member it names, into the folder of the spec.

use std::path::Path;
use std::sync::Mutex;

use time::OffsetDateTime;

use crate::backup::{
    Progress, Request, Source, Tools, TrialListens, V2Part, V3Compare, V3Part, removed_members, take as take_one,
};
use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done};
use crate::execute::event::Event;
use crate::execute::journal::{Detail, EffectResult};
use crate::execute::world::{World, pin};
use crate::knowledge::Feature;
use crate::observe::login;
use crate::plan::layout;
use crate::plan::model::{Action, BackupAction, Plan, Step};
use crate::units::{Bytes, ClusterId, MemberId, Version};

/// A line of progress for each so many bytes.
const TELL_EVERY: u64 = 1 << 20;

/// The backup is kept under the id of the run that took it.
pub async fn take(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::Backup(action) = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let world = performer.world;
    let member = world.member(&action.member)?;
    let pin = pin(performer.plan, &action.tools, &member.arch)?;
    let told = Mutex::new(u64::MAX);
    let progress = |progress: Progress| tell(performer, step, action, progress, &told);
    let host_etcdctl = layout::staged(&world.cluster.runtime, &action.tools, "etcdctl");
    let taken = take_one(&Request {
        cluster: &world.cluster.name,
        id: performer.run,
        dir: &world.cluster.backup.dir,
        keep: world.cluster.backup.keep,
        needed: &world.needed_backups,
        verify: action.verify,
        source: Source {
            name: &action.member,
            host: &member.host,
            client: &member.client,
            cluster_id: cluster_id(performer.plan)?,
        },
        v3: action.v3.as_ref().map(|v3| V3Part {
            not_older_than: Some(v3.not_older_than),
            compare: if v3.compare_by_hash_kv { V3Compare::HashKv } else { V3Compare::Digest },
        }),
        v2: action.v2.as_ref().map(|v2| V2Part { data_dir: &v2.data_dir, wal_dir: v2.wal_dir.as_deref() }),
        tools: Tools {
            version: &action.tools,
            host_etcdctl: action.v2.is_some().then_some(host_etcdctl.as_str()),
            local_release_dir: local_release(world, &action.tools, &pin.arch)?,
            listens_on: listens_on(world, &action.tools),
            login: login(&world.cluster.client),
        },
        now: OffsetDateTime::now_utc(),
        progress: &progress,
    })
    .await?;
    if let Some(problem) = &taken.prune_problem {
        performer.notice(format!("older backups could not be removed: {problem}"));
    }
    if let Some(refused) = taken_for_removed(performer, action, &taken.path).await? {
        return Ok(refused);
    }
    let manifest = taken.manifest;
    Ok(done(Detail::Backup {
        size: manifest.size(),
        revision: manifest.v3.as_ref().map(|v3| v3.revision),
        checks: manifest.checks.iter().map(ToString::to_string).collect(),
        dir: taken.path.display().to_string(),
        id: manifest.id,
    }))
}

/// What the new version goes by is in the backup: where that takes members of the cluster for removed ones, it would refuse
/// them, and quorum would be lost with its first member.
async fn taken_for_removed(
    performer: &Performer<'_>,
    action: &BackupAction,
    dir: &Path,
) -> Result<Option<EffectResult>, ExecuteError> {
    let summary = &performer.plan.summary;
    let by_database = |version: &Version| performer.world.knowledge.features(version).has(Feature::MembersByDatabase);
    let changes = by_database(&summary.to) && summary.from.as_ref().is_some_and(|from| !by_database(from));
    if action.v3.is_none() || !changes {
        return Ok(None);
    }
    let listed = performer.world.member(&action.member)?.client.member_list().await?.members;
    let ids: Vec<MemberId> = listed.iter().map(|member| member.id).collect();
    let removed = removed_members(dir, &ids).await?;
    let names = listed.iter().filter(|member| removed.contains(&member.id)).map(|member| member.name.as_str());
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return Ok(None);
    }
    let (of, to) = (names.join(", "), &summary.to);
    Ok(Some(EffectResult::Refused {
        reason: format!(
            "the database of {} takes {of} for removed, though they are members: {to} goes by the database, would refuse \
             them, and quorum would be lost",
            action.member
        ),
        todo: vec![
            "nothing was stopped; the cluster serves as before, and may stay at its version".to_owned(),
            format!(
                "why: `quorate explain members-taken-for-removed`; a cluster made of a backup has its members written anew: \
                 `quorate restore {}`, then raise the version again",
                performer.run
            ),
        ],
    }))
}

fn cluster_id(plan: &Plan) -> Result<ClusterId, ExecuteError> {
    plan.basis.cluster_id.ok_or(ExecuteError::NoCluster)
}

/// The trial restore runs on the controller: with the release for its own architecture where that was fetched, else
/// with the member's, which then says by itself that it does not run here.
pub(super) fn local_release<'w>(
    world: &'w World,
    version: &Version,
    arch: &str,
) -> Result<&'w std::path::Path, ExecuteError> {
    let own = crate::artifact::Platform::of_controller().arch;
    [own, arch.to_owned()]
        .into_iter()
        .find_map(|arch| world.release_dirs.get(&(version.clone(), arch)))
        .map(std::path::PathBuf::as_path)
        .ok_or_else(|| ExecuteError::NoRelease { version: version.clone(), arch: arch.to_owned() })
}

/// Where a copy that runs under this version listens.
pub(super) fn listens_on(world: &World, version: &Version) -> TrialListens {
    if world.knowledge.features(version).has(Feature::UnixClientSockets) {
        TrialListens::UnixSocket
    } else {
        TrialListens::Loopback
    }
}

fn tell(performer: &Performer<'_>, step: &Step, action: &BackupAction, progress: Progress, told: &Mutex<u64>) {
    let (what, done, total) = match progress {
        Progress::Snapshot { done, of } => ("snapshot", done, Some(of)),
        Progress::V2 { done } => ("v2 backup", done, None),
        Progress::Restoring => ("trial restore", Bytes(0), None),
        Progress::Comparing => ("comparing what was restored", Bytes(0), None),
    };
    let Ok(mut told) = told.lock() else { return };
    let mark = done.0 / TELL_EVERY;
    let is_transfer = matches!(progress, Progress::Snapshot { .. } | Progress::V2 { .. });
    if is_transfer && *told == mark && Some(done) != total {
        return;
    }
    *told = mark;
    let (step, member) = (step.id, Some(action.member.clone()));
    (performer.events)(Event::Progress { step, member, what: what.to_owned(), done, total });
}
