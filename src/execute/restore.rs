//! A backup becomes a cluster again: data directories made of it beside those that are there, while the members run; and,
//! when they run on the restored ones, the proof that each holds what the backup holds.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::backup::{Assembled, Assembly, BackupFile, ExaminedV3, Tools, assemble, packed_set, v2_compare};
use crate::etcd::{Client, Consistency, EtcdError, KeyDigest};
use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done, skipped};
use crate::execute::event::Event;
use crate::execute::journal::{Detail, EffectResult, KeysCompared};
use crate::execute::take_backup::{listens_on, local_release};
use crate::execute::world::RestoreWorld;
use crate::knowledge::{Feature, RestoreMeans};
use crate::observe::login;
use crate::plan::layout;
use crate::plan::model::{Action, RestoreAction, RestoreMember, Step};
use crate::runtime::{Identity, LaidReady, RestoreFrom, RestoreRequest, Service, Site, restore_beside};
use crate::units::{Bytes, MemberName, Revision};

/// How often members without a backup's own figures are compared again: clients may write in between.
const MOST_TRIES: u32 = 5;

/// Makes a whole cluster of a v2 backup on this machine. A set that an earlier run has packed is taken as it is.
pub async fn assemble_all(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let action = action_of(step)?;
    let (world, restore) = (performer.world, restore_of(performer, &action.backup)?);
    let id = id_of(performer, action);
    if let Some(set) = packed_set::load(&restore.packed_dir, id)? {
        return Ok(skipped(&format!("{} data directories lie packed here", set.len())));
    }
    let tools = Tools {
        version: &action.version,
        host_etcdctl: None,
        local_release_dir: local_release(world, &action.version, &crate::artifact::Platform::of_controller().arch)?,
        listens_on: listens_on(world, &action.version),
        login: login(&world.cluster.client),
    };
    let members: Vec<(MemberName, Vec<String>)> =
        action.members.iter().map(|(name, member)| (name.clone(), member.peer_urls.clone())).collect();
    let out = packed_set::begin(&restore.packed_dir, id)?;
    let set = assemble(&Assembly {
        opened: &restore.opened,
        examined: &restore.examined,
        tools: &tools,
        members: &members,
        scratch: &world.scratch_dir,
        out: &out,
    })
    .await?;
    packed_set::save(&restore.packed_dir, id, &set).await?;
    Ok(done(Detail::Assembled {
        members: u32::try_from(set.len()).unwrap_or(u32::MAX),
        size: Bytes(set.iter().map(|one| one.packed.size.0).sum()),
    }))
}

/// On all hosts at once.
pub async fn lay_all(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let action = action_of(step)?;
    let restore = restore_of(performer, &action.backup)?;
    let set = match action.means {
        RestoreMeans::ForceNewCluster => packed_set::load(&restore.packed_dir, id_of(performer, action))?,
        RestoreMeans::EtcdctlSnapshotRestore | RestoreMeans::EtcdutlSnapshotRestore => None,
    };
    let peers: Vec<(MemberName, Vec<String>)> =
        action.members.iter().map(|(name, member)| (name.clone(), member.peer_urls.clone())).collect();
    let lay = Lay { performer, step, action, restore, set: set.as_deref(), peers: &peers };
    let each =
        action.members.iter().map(async |(name, member)| Ok::<_, ExecuteError>((name, lay.one(name, member).await?)));
    let (mut size, mut already) = (0, 0);
    for laid in join_all(each).await {
        let (name, laid) = laid?;
        if !laid.left.is_empty() {
            performer.notice(format!(
                "{name}: {} in its data directory is large, and stays with the data that is moved aside",
                laid.left.join(", ")
            ));
        }
        size += laid.size.0;
        already += u32::from(laid.already);
    }
    Ok(done(Detail::DataReady { size: Bytes(size), already }))
}

/// What laying one member's data takes.
struct Lay<'a> {
    performer: &'a Performer<'a>,
    step: &'a Step,
    action: &'a RestoreAction,
    restore: &'a RestoreWorld,
    set: Option<&'a [Assembled]>,
    peers: &'a [(MemberName, Vec<String>)],
}

impl Lay<'_> {
    async fn one(&self, name: &MemberName, member: &RestoreMember) -> Result<LaidReady, ExecuteError> {
        let (performer, action) = (self.performer, self.action);
        let there = performer.world.member(name)?;
        let id = id_of(performer, action);
        let token = format!("quorate-restore-{id}");
        let tool = layout::staged(&performer.world.cluster.runtime, &action.version, action.means.tool());
        let switch = performer.world.knowledge.features(&action.version).has(Feature::NeedsUnsupportedArchSwitch);
        let (from, file, takes) = match self.set {
            Some(set) => {
                let packed = set.iter().find(|one| one.member == *name).map(|one| &one.packed);
                let packed = packed.ok_or_else(|| ExecuteError::UnknownMember { member: name.clone() })?;
                let file = BackupFile { path: packed.path.clone(), size: packed.size, sha256: packed.sha256 };
                (RestoreFrom::DataDir, file, packed.unpacked)
            }
            None => {
                let file = self.restore.opened.snapshot.clone().ok_or_else(|| ExecuteError::NoBackup {
                    wanted: format!("a v3 snapshot of {}", action.backup),
                    opened: None,
                })?;
                let size = file.size;
                let identity = Identity { name, initial_cluster: self.peers, token: &token };
                let unsupported_arch = (switch && there.arch != "amd64").then_some(there.arch.as_str());
                (RestoreFrom::Snapshot { tool: &tool, identity, unsupported_arch }, file, size)
            }
        };
        let site = Site { data_dir: member.data_dir.clone(), wal_dir: member.wal_dir.clone(), ..there.site.clone() };
        let user = member.user.as_deref().filter(|_| matches!(site.service, Service::Systemd { .. }));
        let request = RestoreRequest { id, user, from, file: &file.path, size: takes, sha256: file.sha256 };
        let progress = |sent: Bytes| {
            (performer.events)(Event::Progress {
                step: self.step.id,
                member: Some(name.clone()),
                what: format!("the backup to {name}"),
                done: sent,
                total: Some(file.size),
            });
        };
        Ok(restore_beside(&there.host, &site, &request, &progress).await?)
    }
}

/// Every member, key by key or by `HashKV`, against what the backup was found to hold.
pub async fn compare(performer: &Performer<'_>, step: &Step) -> Result<EffectResult, ExecuteError> {
    let Action::CompareRestored { backup } = &step.action else {
        return Err(ExecuteError::WrongStep { step: step.id });
    };
    let examined = &restore_of(performer, &backup.id)?.examined;
    let clients = performer.world.clients();
    let compared = async {
        let v3 = match &examined.v3 {
            Some(expected) => Some(compare_v3(&clients, expected).await?),
            None => None,
        };
        let v2 = match (&backup.v2, &examined.v2) {
            (None, _) => None,
            (Some(_), Some(expected)) => Some(compare_v2(&clients, expected).await?),
            (Some(_), None) => Some(same_v2(&clients).await?),
        };
        Ok::<_, Unequal>((v3, v2))
    };
    match compared.await {
        Ok((v3, v2)) => Ok(done(Detail::AsInBackup {
            members: u32::try_from(clients.len()).unwrap_or(u32::MAX),
            revision: examined.v3.as_ref().map(|v3| v3.revision),
            v3: v3.flatten(),
            v2,
        })),
        Err(Unequal::Differs(reason)) => Ok(unlike_backup(reason)),
        Err(Unequal::Etcd(EtcdError::Denied { .. })) => {
            Ok(skipped("authentication is on in the restored cluster, and these credentials may not read all keys"))
        }
        Err(Unequal::Etcd(EtcdError::Compacted { .. })) => {
            Ok(skipped("a client has compacted the restored revision away since the members were started"))
        }
        Err(Unequal::Etcd(error)) => Err(error.into()),
    }
}

fn unlike_backup(reason: String) -> EffectResult {
    let todo = vec![
        "let no client write before it is known why: all members serve, and not what the backup holds".to_owned(),
        "nothing was deleted: the data of before is on each host, in the folder that ends in .quorate-replaced-…"
            .to_owned(),
    ];
    EffectResult::Failed { reason, log: Vec::new(), todo }
}

enum Unequal {
    Differs(String),
    Etcd(EtcdError),
}

impl From<EtcdError> for Unequal {
    fn from(error: EtcdError) -> Self {
        Self::Etcd(error)
    }
}

async fn compare_v3(
    clients: &BTreeMap<MemberName, Client>,
    expected: &ExaminedV3,
) -> Result<Option<KeysCompared>, Unequal> {
    let at = expected.revision;
    for (name, client) in clients {
        let revision = client.status().await?.revision;
        if revision < at {
            return Err(Unequal::Differs(format!("{name} is at revision {revision}, the backup at {at}")));
        }
    }
    if let Some(hash) = expected.hash_kv {
        let answers = join_all(clients.iter().map(async |(name, client)| (name, client.hash_kv(at).await))).await;
        let mut comparable = true;
        for (name, answer) in answers {
            let answer = answer?;
            comparable &= answer.compact_revision == hash.compact_revision;
            if comparable && answer.hash != hash.hash {
                let text =
                    format!("{name} has HashKV {:08x} at revision {at}, the backup {:08x}", answer.hash, hash.hash);
                return Err(Unequal::Differs(text));
            }
        }
        if comparable {
            return Ok(expected.keys.as_ref().map(compared));
        }
    }
    let digests = join_all(clients.iter().map(async |(name, client)| (name, client.digest_at(Some(at)).await))).await;
    let mut first: Option<(&MemberName, KeyDigest)> = None;
    for (name, digest) in digests {
        let digest = digest?;
        if let Some(keys) = &expected.keys
            && digest.digest != keys.digest
        {
            return Err(Unequal::Differs(unlike(name, &digest, "the backup", keys, at)));
        }
        match &first {
            Some((other, expected)) if expected.digest != digest.digest => {
                return Err(Unequal::Differs(unlike(name, &digest, other.as_str(), expected, at)));
            }
            Some(_) => {}
            None => first = Some((name, digest)),
        }
    }
    Ok(first.map(|(_, digest)| compared(&digest)))
}

fn unlike(name: &MemberName, digest: &KeyDigest, other: &str, expected: &KeyDigest, at: Revision) -> String {
    let told = |digest: &KeyDigest| format!("{} keys, digest {}", digest.keys, digest.digest.short());
    format!("{name} holds {} at revision {at}, {other} {}", told(digest), told(expected))
}

fn compared(digest: &KeyDigest) -> KeysCompared {
    KeysCompared { keys: digest.keys, digest: digest.digest }
}

async fn compare_v2(
    clients: &BTreeMap<MemberName, Client>,
    expected: &crate::etcd::V2Tree,
) -> Result<KeysCompared, Unequal> {
    for (name, client) in clients {
        let tree = client.v2_tree(Consistency::Linearizable).await?;
        v2_compare::holds(expected, &tree).map_err(|problem| Unequal::Differs(format!("{name}: v2 key {problem}")))?;
    }
    Ok(compared(&expected.digest()))
}

/// Without a trial the backup's keys are not known: then the members must at least be equal.
async fn same_v2(clients: &BTreeMap<MemberName, Client>) -> Result<KeysCompared, Unequal> {
    let mut told = String::new();
    for _ in 0..MOST_TRIES {
        let mut digests = Vec::new();
        for (name, client) in clients {
            digests.push((name, client.v2_digest().await?));
        }
        let Some((_, first)) = digests.first() else { break };
        if digests.iter().all(|(_, digest)| digest.digest == first.digest) {
            return Ok(compared(first));
        }
        let each =
            digests.iter().map(|(name, digest)| format!("{name} {} keys, {}", digest.keys, digest.digest.short()));
        told = each.collect::<Vec<_>>().join(", ");
    }
    Err(Unequal::Differs(format!("members hold different v2 keys: {told}")))
}

/// Of the run that began it: this one, unless the plan names another.
fn id_of<'a>(performer: &Performer<'a>, action: &'a RestoreAction) -> &'a str {
    action.id.as_deref().unwrap_or(performer.run)
}

fn action_of(step: &Step) -> Result<&RestoreAction, ExecuteError> {
    match &step.action {
        Action::LayRestored(action) => Ok(action),
        _ => Err(ExecuteError::WrongStep { step: step.id }),
    }
}

fn restore_of<'a>(performer: &Performer<'a>, wanted: &str) -> Result<&'a RestoreWorld, ExecuteError> {
    let restore = performer.world.restore.as_ref();
    let opened = restore.map(|restore| restore.opened.kept.manifest.id.clone());
    restore
        .filter(|_| opened.as_deref() == Some(wanted))
        .ok_or_else(|| ExecuteError::NoBackup { wanted: wanted.to_owned(), opened })
}
