//! A member leaves the cluster and joins it again, empty, with an older binary: the way back where its data cannot go with it.
//! Each part looks at what is there first and can be run again, whatever an earlier run left. Two rules keep the cluster whole:
//! nobody is taken off the list unless all others are well, and no empty member is started under an id that has run before.

use std::time::{Duration, Instant};

use crate::etcd::Client;
use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done, skipped};
use crate::execute::gates::{Look, judge};
use crate::execute::journal::{Detail, EffectResult};
use crate::execute::looks::Looks;
use crate::execute::member::{START_WATCH, obituary, put_binary_back};
use crate::execute::world::MemberWorld;
use crate::observe::inventory::ListedMember;
use crate::plan::model::{Gate, MemberAction, MemberReplacement, Replacement};
use crate::runtime::{
    DataPaths, InPlace, Service, StartOutcome, end_joining, look_at_data, mark_replacement, set_data_aside,
    start_joining, unmark_replacement,
};
use crate::units::{MemberId, MemberName, Span};

/// For a change of the list to be asked for, and to be seen on every other member: an election may come between.
const LIST_BOUND: Duration = Duration::from_secs(60);

/// Pause between two looks at the list.
const LIST_PAUSE: Duration = Duration::from_millis(100);

/// What is re-added, taken apart.
struct Readding<'a> {
    note: &'a Replacement,
    name: &'a MemberName,
    place: &'a MemberReplacement,
    before: &'a ListedMember,
}

impl<'a> Readding<'a> {
    fn of(action: &'a MemberAction) -> Result<Self, ExecuteError> {
        let note = action.readd.as_deref();
        let parts = note.and_then(|note| note.readded().map(|parts| (note, parts)));
        let (note, (name, place, before)) =
            parts.ok_or_else(|| ExecuteError::NoReadding { member: action.member.clone() })?;
        Ok(Self { note, name, place, before })
    }

    fn paths(&self) -> DataPaths<'a> {
        DataPaths { data: &self.place.data_dir, wal: self.place.wal_dir.as_deref() }
    }

    fn id<'b>(&'b self, performer: &'b Performer<'_>) -> &'b str {
        self.note.id.as_deref().unwrap_or(performer.run)
    }

    fn host<'w>(&self, performer: &Performer<'w>) -> Result<&'w MemberWorld, ExecuteError> {
        performer.world.member(self.name)
    }

    async fn in_place(&self, performer: &Performer<'_>) -> Result<InPlace, ExecuteError> {
        Ok(look_at_data(&self.host(performer)?.host, self.paths(), self.id(performer)).await?)
    }

    /// As each other member that answers lists it: under the id that it had, or at its peer URLs.
    fn listed<'l>(&self, look: &'l Look) -> Vec<(&'l MemberName, Vec<&'l ListedMember>)> {
        let is_it = |listed: &&ListedMember| {
            listed.id == self.before.id || listed.peer_urls.iter().any(|url| self.before.peer_urls.contains(url))
        };
        let others = look.answering().filter(|(name, _)| *name != self.name);
        others.map(|(name, facts)| (name, facts.members.iter().filter(is_it).collect())).collect()
    }

    /// Who is asked to change the list: the leader, which need not pass it on.
    fn peer<'w>(&self, performer: &Performer<'w>, look: &Look) -> Option<&'w Client> {
        let leader = look.leader_of_others(self.name);
        let first = || look.answering().map(|(name, _)| name).find(|name| *name != self.name);
        Some(&performer.world.member(leader.or_else(first)?).ok()?.client)
    }
}

/// The note is written, then it is taken off the list, and is gone from the list of every other member.
pub async fn leave(
    performer: &Performer<'_>,
    action: &MemberAction,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let readding = Readding::of(action)?;
    others_well(performer, &readding, looks).await?;
    mark(performer, &readding).await?;
    // What lies there beside what was set aside has been started under the new id: that one has run as well.
    let place = readding.in_place(performer).await?;
    let new_one_has_run = place.holds_data && place.set_aside;
    let has_run = |listed: &ListedMember| listed.id == readding.before.id || new_one_has_run;
    let first = looks.look(&[], false).await;
    let gone: Vec<MemberId> =
        ids(&readding, &first).into_iter().filter(|listed| has_run(listed)).map(|one| one.id).collect();
    let Some(&id) = gone.first() else {
        return Ok(skipped("it is not in the list of members any more"));
    };
    let is_listed = |look: &Look| ids(&readding, look).iter().any(|listed| gone.contains(&listed.id));
    let begun = Instant::now();
    let mut look = first;
    let mut said = None;
    while is_listed(&look) {
        if begun.elapsed() > LIST_BOUND {
            return Err(ExecuteError::StillListed { member: action.member.clone(), waited: LIST_BOUND, said });
        }
        if let Some(client) = readding.peer(performer, &look) {
            for id in &gone {
                // A leader that has just gone answers with an error, and does it all the same: the list tells.
                said = client.v2_remove_member(*id).await.err().map(|error| error.to_string());
            }
        }
        tokio::time::sleep(LIST_PAUSE).await;
        look = looks.look(&[], false).await;
    }
    Ok(done(Detail::LeftCluster { id }))
}

/// Each of the others' entries for it, once.
fn ids<'l>(readding: &Readding<'_>, look: &'l Look) -> Vec<&'l ListedMember> {
    let mut all: Vec<&ListedMember> = readding.listed(look).into_iter().flat_map(|(_, listed)| listed).collect();
    all.sort_unstable_by_key(|listed| listed.id);
    all.dedup_by_key(|listed| listed.id);
    all
}

/// With the same peer URLs, as a new member; every other member lists it then.
pub async fn join(
    performer: &Performer<'_>,
    action: &MemberAction,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let readding = Readding::of(action)?;
    others_well(performer, &readding, looks).await?;
    let begun = Instant::now();
    let (mut said, mut asked) = (None, false);
    loop {
        let look = looks.look(&[], false).await;
        let listed = readding.listed(&look);
        let new = ids(&readding, &look);
        match new.as_slice() {
            [new] if new.id != readding.before.id && listed.iter().all(|(_, entries)| !entries.is_empty()) => {
                let id = new.id;
                return Ok(if asked {
                    done(Detail::JoinedCluster { id })
                } else {
                    skipped("it is in the list already")
                });
            }
            [] => {
                if let Some(client) = readding.peer(performer, &look) {
                    asked = true;
                    said = client.v2_add_member(&readding.before.peer_urls).await.err().map(|error| error.to_string());
                }
            }
            // Some have not heard of it yet; or of its leaving.
            _ => {}
        }
        if begun.elapsed() > LIST_BOUND {
            return Err(ExecuteError::NotListed { member: action.member.clone(), waited: LIST_BOUND, said });
        }
        tokio::time::sleep(LIST_PAUSE).await;
    }
}

/// What it had goes aside. Under the id that it has now it has never run: whatever lies there is of another one.
pub async fn set_aside(performer: &Performer<'_>, action: &MemberAction) -> Result<EffectResult, ExecuteError> {
    let readding = Readding::of(action)?;
    let host = &readding.host(performer)?.host;
    match set_data_aside(host, readding.paths(), readding.id(performer)).await? {
        Some(aside) => Ok(done(Detail::Replaced { aside })),
        None => Ok(skipped("there is nothing to set aside")),
    }
}

/// Started as a member that joins; once it answers under its new id, the note goes.
pub async fn start(
    performer: &Performer<'_>,
    action: &MemberAction,
    timeout: Span,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    let readding = Readding::of(action)?;
    let member = readding.host(performer)?;
    let mut look = looks.look(&[], false).await;
    let mut result = skipped("it runs, as a new member");
    if !has_joined(&readding, &look) {
        looks.forget(&action.member);
        let more = arguments(&readding, &look);
        let watch = match member.site.service {
            Service::Systemd { .. } => timeout.duration(),
            Service::Process { .. } => START_WATCH,
        };
        let pid = match start_joining(&member.host, &member.site, &more, watch).await? {
            StartOutcome::Running(started) => {
                looks.note_started(&action.member, &started);
                started.pid
            }
            StartOutcome::Died(death) => return Ok(EffectResult::failed(&obituary(&action.member, &death), death.log)),
        };
        result = done(Detail::Started { pid });
        let begun = Instant::now();
        let runs = [runs_old(&readding, timeout)?];
        loop {
            look = looks.look(&runs, false).await;
            if has_joined(&readding, &look) {
                break;
            }
            if look.dead.contains(readding.name) || begun.elapsed() > timeout.duration() {
                return Err(ExecuteError::NotJoined { member: action.member.clone(), waited: begun.elapsed() });
            }
            tokio::time::sleep(LIST_PAUSE).await;
        }
    }
    end_joining(&member.host, &member.site).await?;
    unmark_replacement(&member.host, readding.paths()).await?;
    Ok(result)
}

fn runs_old(readding: &Readding<'_>, within: Span) -> Result<Gate, ExecuteError> {
    let binary = readding.place.binary.as_ref();
    let sha256 = binary.ok_or_else(|| ExecuteError::NoReadding { member: readding.name.clone() })?.new_sha256;
    Ok(Gate::RunsVersion { member: readding.name.clone(), version: readding.note.to.clone(), sha256, within })
}

/// It answers with the older version, under a new id that is in the list, and has told its name.
fn has_joined(readding: &Readding<'_>, look: &Look) -> bool {
    let facts = look.answering().find(|(name, _)| *name == readding.name).map(|(_, facts)| facts);
    facts.is_some_and(|facts| {
        let own = facts.members.iter().find(|listed| listed.id == facts.member_id);
        facts.server_version == readding.note.to
            && facts.member_id != readding.before.id
            && own.is_some_and(|own| own.name == readding.name.as_str())
    })
}

/// What says for one start that it joins. Its own name and peer URLs are in the list only once it has told them, and what is
/// configured of them may be older than what the cluster goes by.
fn arguments(readding: &Readding<'_>, look: &Look) -> Vec<String> {
    let own = &readding.before.peer_urls;
    let others = look.answering().filter(|(name, _)| *name != readding.name).map(|(_, facts)| &facts.members);
    let list = others.max_by_key(|members| members.len()).map(Vec::as_slice).unwrap_or_default();
    let others = list.iter().filter(|listed| !listed.peer_urls.iter().any(|url| own.contains(url)));
    let others = others.flat_map(|listed| listed.peer_urls.iter().map(|url| format!("{}={url}", listed.name)));
    let all: Vec<String> = own.iter().map(|url| format!("{}={url}", readding.name)).chain(others).collect();
    vec![
        format!("--name={}", readding.name),
        format!("--initial-advertise-peer-urls={}", own.join(",")),
        format!("--initial-cluster={}", all.join(",")),
        "--initial-cluster-state=existing".to_owned(),
    ]
}

async fn mark(performer: &Performer<'_>, readding: &Readding<'_>) -> Result<(), ExecuteError> {
    let note = Replacement { id: Some(readding.id(performer).to_owned()), ..readding.note.clone() };
    let text = serde_json::to_string(&note).map_err(|error| ExecuteError::Note { reason: error.to_string() })?;
    mark_replacement(&readding.host(performer)?.host, readding.paths(), &text).await?;
    Ok(())
}

/// All others are healthy, with a leader among them: without this member they are a cluster, and as soon as it is added again
/// each of them is needed. And one of them runs the older minor: else nothing would keep the cluster version from moving.
async fn others_well(
    performer: &Performer<'_>,
    readding: &Readding<'_>,
    looks: &mut Looks<'_>,
) -> Result<(), ExecuteError> {
    let within = performer.world.cluster.rollout.gate_timeout;
    let members = performer.world.members.keys().filter(|name| *name != readding.name).cloned().collect();
    let gates = [Gate::Serving { members, within }];
    let begun = Instant::now();
    loop {
        let look = looks.look(&[], true).await;
        let judgement = judge(&gates, &look, Duration::ZERO);
        if judgement.holds() {
            return if is_held_back(readding.note, readding.name, &look) {
                Ok(())
            } else {
                Err(ExecuteError::NotHeldBack { member: readding.name.clone(), minor: readding.note.to.minor() })
            };
        }
        if begun.elapsed() > within.duration() {
            let (member, reasons) = (readding.name.clone(), judgement.waiting.join("; "));
            return Err(ExecuteError::OthersUnwell { member, reasons, waited: begun.elapsed() });
        }
        tokio::time::sleep(LIST_PAUSE).await;
    }
}

/// Whether another member keeps the cluster version where the older binary can join.
pub fn is_held_back(note: &Replacement, member: &MemberName, look: &Look) -> bool {
    let minor = note.to.minor();
    let others = || look.answering().filter(|(name, _)| *name != member);
    others().any(|(_, facts)| facts.server_version.minor() == minor)
        && look.cluster_version().is_none_or(|version| version <= minor)
}

/// All of it in one, where a new binary did not come up: the member is down, with its new binary in place.
pub async fn put_back(
    performer: &mut Performer<'_>,
    action: &MemberAction,
    looks: &mut Looks<'_>,
) -> Result<EffectResult, ExecuteError> {
    leave(performer, action, looks).await?;
    put_binary_back(performer, action, looks).await?;
    join(performer, action, looks).await?;
    let aside = match set_aside(performer, action).await? {
        EffectResult::Done { detail: Detail::Replaced { aside } } => aside,
        _ => String::new(),
    };
    let timeout = performer.world.cluster.rollout.ready_timeout;
    match start(performer, action, timeout, looks).await? {
        EffectResult::Done { .. } | EffectResult::Skipped { .. } => {
            let was = Readding::of(action)?.before.id;
            Ok(done(Detail::Readded { was, aside }))
        }
        other => Ok(other),
    }
}

/// Whether the new binary has written to the member's data: the database is what it makes before it touches the log.
pub async fn is_touched(performer: &Performer<'_>, action: &MemberAction) -> Result<bool, ExecuteError> {
    Ok(Readding::of(action)?.in_place(performer).await?.has_database)
}

/// A step back that failed: as long as the member is listed as it was, what it ran can go on with what it had.
pub async fn may_go_on(action: &MemberAction, looks: &mut Looks<'_>) -> Result<bool, ExecuteError> {
    let readding = Readding::of(action)?;
    let look = looks.look(&[], false).await;
    let listed = readding.listed(&look);
    Ok(!listed.is_empty() && listed.iter().all(|(_, entries)| entries.iter().any(|one| one.id == readding.before.id)))
}

/// The note goes where nothing was begun.
pub async fn forget(performer: &Performer<'_>, action: &MemberAction) -> Result<(), ExecuteError> {
    let readding = Readding::of(action)?;
    Ok(unmark_replacement(&readding.host(performer)?.host, readding.paths()).await?)
}
