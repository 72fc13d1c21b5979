//! What members answer for themselves, put together. Which API a member is asked by is knowledge about its version.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::etcd::{AuthState, Client, Consistency, EtcdError, Health, VersionAnswer};
use crate::knowledge::{ClientApi, Feature, Features, Knowledge};
use crate::observe::inventory::{Alarm, EtcdFacts, NOT_LET_IN, Seen};
use crate::spec::model::Toggle;
use crate::units::{MemberId, MemberName, Revision, Version};

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Health and alarms: to ask may put entries into the raft log. Only those are put there that every version in the
    /// cluster knows.
    pub health: Toggle,
    /// Numbers of keys, whether authentication is on.
    pub contents: Toggle,
}

/// What [`quick`] is told.
#[derive(Clone)]
pub struct QuickOptions<'a> {
    pub knowledge: &'a Knowledge,
    /// Health and alarms too: on many versions each question writes an entry into the raft log.
    pub health: Toggle,
    /// For all answers of one member together.
    pub deadline: Duration,
    /// Versions seen before: of a member that is in it, everything is asked at once.
    pub last_versions: &'a BTreeMap<MemberName, Version>,
}

/// Only what etcd itself answers, of all members at once. A member that is down costs the others no time beyond the
/// deadline.
pub async fn quick(
    clients: &BTreeMap<MemberName, Client>,
    options: &QuickOptions<'_>,
) -> Vec<(MemberName, Seen<EtcdFacts>)> {
    let depth = Depth { health: options.health, contents: Toggle::Off };
    let each = clients.iter().map(async |(name, client)| {
        let asking = ask(client, options.last_versions.get(name), depth, options.knowledge);
        let seen = match tokio::time::timeout(options.deadline, asking).await {
            Ok(Ok(facts)) => Seen::Known(facts),
            Ok(Err(why)) => Seen::Unknown { why },
            Err(_) => {
                Seen::Unknown { why: format!("{}: no full answer within {:?}", client.label(), options.deadline) }
            }
        };
        (name.clone(), seen)
    });
    join_all(each).await
}

/// Asks one member. With a version to expect, everything is asked at once; else its version first.
pub async fn ask(
    client: &Client,
    expected: Option<&Version>,
    depth: Depth,
    knowledge: &Knowledge,
) -> Result<EtcdFacts, String> {
    if let Some(expected) = expected {
        match all(client, client.version(), &knowledge.features(expected), depth, knowledge).await {
            Ok(facts) if facts.server_version.minor() == expected.minor() => return Ok(facts),
            Err(error) if error.is_unreachable() => return Err(error.to_string()),
            // Nothing about the version: to ask once more would be one more failed login.
            Err(error @ EtcdError::Denied { .. }) => return Err(format!("{NOT_LET_IN}{error}")),
            // Another version than expected: it may have to be asked in another way.
            Ok(_) | Err(_) => {}
        }
    }
    told(client, depth, knowledge).await.map_err(|error| match error {
        EtcdError::Denied { .. } => format!("{NOT_LET_IN}{error}"),
        error => error.to_string(),
    })
}

/// By the version that it tells. A member whose cluster is so young that its version is not decided yet does not serve all
/// calls: a full look asks again.
async fn told(client: &Client, depth: Depth, knowledge: &Knowledge) -> Result<EtcdFacts, EtcdError> {
    let mut questions = match depth.contents {
        Toggle::On => CLUSTER_VERSION_QUESTIONS,
        // Whoever waits for something asks again anyway.
        Toggle::Off => 0,
    };
    loop {
        let version = client.version().await?;
        let is_young = version.cluster.is_none();
        let features = knowledge.features(served_as(&version, knowledge));
        match all(client, std::future::ready(Ok(version)), &features, depth, knowledge).await {
            Err(EtcdError::Refused { .. }) if is_young && questions > 0 => {
                questions -= 1;
                tokio::time::sleep(CLUSTER_VERSION_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// The version whose API it serves: a member that is ahead of its cluster does not serve what the cluster has not yet.
pub fn served_as<'v>(version: &'v VersionAnswer, knowledge: &Knowledge) -> &'v Version {
    match &version.cluster {
        Some(cluster) if knowledge.features(cluster).api() == ClientApi::V2 => cluster,
        _ => &version.server,
    }
}

async fn all(
    client: &Client,
    version: impl Future<Output = Result<VersionAnswer, EtcdError>>,
    features: &Features,
    depth: Depth,
    knowledge: &Knowledge,
) -> Result<EtcdFacts, EtcdError> {
    match features.api() {
        ClientApi::V3 => all_v3(client, version, features, depth, knowledge).await,
        ClientApi::V2 => all_v2(client, version, depth).await,
    }
}

async fn all_v3(
    client: &Client,
    version: impl Future<Output = Result<VersionAnswer, EtcdError>>,
    features: &Features,
    depth: Depth,
    knowledge: &Knowledge,
) -> Result<EtcdFacts, EtcdError> {
    // What may be asked for health hangs on what the member and its cluster are now, not on what was expected.
    let version_and_health = async {
        let version = version.await?;
        let asked = when(depth.health, async {
            tokio::join!(health(client, &version, knowledge), alarms(client, &version, knowledge))
        });
        let (health, alarms) = asked.await.unzip();
        Ok((version, health, alarms.flatten()))
    };
    let (version, status, list, keys, v2_keys, auth) = tokio::join!(
        version_and_health,
        client.status(),
        client.member_list(),
        when(depth.contents, client.count_keys(Consistency::Serializable)),
        async { if features.has(Feature::V2Api) { when(depth.contents, client.v2_count()).await } else { None } },
        when(depth.contents, auth_state(client, features)),
    );
    let ((version, health, alarms), status, list) = (version?, status?, list?);
    let auth = auth.and_then(Result::ok);
    let denied = match [denial(&keys), denial(&v2_keys), denial(&alarms)].into_iter().flatten().next() {
        None if matches!(auth, Some(AuthState::On | AuthState::Unknown)) => {
            denial(&Some(client.may_take_snapshots().await))
        }
        denied => denied,
    };
    let mut troubles = Troubles::default();
    troubles.health(health);
    let mut known_alarms: Vec<Alarm> = status.errors.iter().filter_map(|said| alarm_of_complaint(said)).collect();
    known_alarms.extend(troubles.or_note("its alarms cannot be read", alarms).unwrap_or_default());
    known_alarms.sort();
    known_alarms.dedup();
    Ok(EtcdFacts {
        member_id: status.member_id,
        cluster_id: status.cluster_id,
        server_version: version.server,
        cluster_version: version.cluster,
        storage_version: version.storage,
        downgrade_to: status.downgrade_to,
        leader: status.leader,
        raft_term: Some(status.raft_term),
        raft_index: Some(status.raft_index),
        raft_applied_index: status.raft_applied_index,
        revision: Some(status.revision),
        db_size: Some(status.db_size),
        db_size_in_use: status.db_size_in_use,
        is_learner: status.is_learner,
        members: list.members,
        alarms: known_alarms,
        v3_keys: troubles.or_note("its keys cannot be counted", keys),
        v2_keys: troubles.unless_unsupported("its v2 keys cannot be counted", v2_keys),
        hash_kv: None,
        denied,
        auth_enabled: auth.and_then(|state| match state {
            AuthState::On => Some(true),
            AuthState::Off => Some(false),
            AuthState::Unknown => None,
        }),
        unhealthy: troubles.told(),
    })
}

/// `/health`, where it writes nothing into the raft log that a member of the cluster may not know. Else a read through
/// quorum says the same: that writes nothing in any version that this can be.
async fn health(client: &Client, version: &VersionAnswer, knowledge: &Knowledge) -> Result<Health, EtcdError> {
    let features = knowledge.features(&version.server);
    let known = knowledge.all_apply(Feature::AppliesV2Entries, &version.server, version.cluster.as_ref());
    let writes = if known {
        false
    } else if features.has(Feature::HealthProposesEntryWithV2) {
        client.v2_is_served().await?
    } else {
        features.has(Feature::HealthProposesEntry)
    };
    if !writes {
        return client.health().await;
    }
    match client.linearizable_read().await {
        // Who may read is asked after the quorum was.
        Ok(_) | Err(EtcdError::Denied { .. }) => Ok(Health::Healthy),
        Err(EtcdError::Refused { said, .. }) => Ok(Health::Unhealthy { said }),
        Err(error) => Err(error),
    }
}

/// `None` where a member of the cluster may not know what the question writes into the raft log.
async fn alarms(
    client: &Client,
    version: &VersionAnswer,
    knowledge: &Knowledge,
) -> Option<Result<Vec<Alarm>, EtcdError>> {
    let known = knowledge.all_apply(Feature::AppliesAlarmEntries, &version.server, version.cluster.as_ref());
    if known { Some(client.alarms().await) } else { None }
}

async fn all_v2(
    client: &Client,
    version: impl Future<Output = Result<VersionAnswer, EtcdError>>,
    depth: Depth,
) -> Result<EtcdFacts, EtcdError> {
    let (version, status, list, health, v2_keys) = tokio::join!(
        version,
        client.v2_status(),
        client.v2_members(),
        when(depth.health, v2_health(client, depth)),
        when(depth.contents, client.v2_count()),
    );
    let (version, status, list) = (version?, status?, list?);
    let denied = denial(&v2_keys);
    let mut troubles = Troubles::default();
    troubles.health(health);
    Ok(EtcdFacts {
        member_id: status.member_id,
        cluster_id: status.cluster_id,
        server_version: version.server,
        cluster_version: version.cluster,
        storage_version: version.storage,
        downgrade_to: None,
        leader: status.leader,
        raft_term: Some(status.raft_term),
        raft_index: Some(status.raft_index),
        raft_applied_index: None,
        revision: None,
        db_size: None,
        db_size_in_use: None,
        is_learner: false,
        members: list.members,
        alarms: Vec::new(),
        v3_keys: None,
        v2_keys: troubles.or_note("its v2 keys cannot be counted", v2_keys),
        hash_kv: None,
        auth_enabled: None,
        denied,
        unhealthy: troubles.told(),
    })
}

/// How often a full look asks a member without the v3 API for its health. It says no where its raft index stood still
/// for 750 ms, as it does while such a member writes a raft snapshot (etcd 2.1, `etcdhttp/client.go`, `healthHandler`).
const V2_HEALTH_QUESTIONS: u32 = 3;

async fn v2_health(client: &Client, depth: Depth) -> Result<Health, EtcdError> {
    let questions = match depth.contents {
        Toggle::On => V2_HEALTH_QUESTIONS,
        // Whoever waits for something asks again anyway.
        Toggle::Off => 1,
    };
    let mut health = client.health().await;
    for _ in 1..questions {
        if !matches!(health, Ok(Health::Unhealthy { .. })) {
            break;
        }
        health = client.health().await;
    }
    health
}

async fn auth_state(client: &Client, features: &Features) -> Result<AuthState, EtcdError> {
    match client.auth_state().await {
        Ok(AuthState::Unknown) if features.has(Feature::LoginTellsOff) => client.auth_state_by_login().await,
        told => told,
    }
}

/// What was not let through, where that is what an answer says.
fn denial<T>(answer: &Option<Result<T, EtcdError>>) -> Option<String> {
    match answer {
        Some(Err(error @ EtcdError::Denied { .. })) => Some(error.to_string()),
        Some(Err(_) | Ok(_)) | None => None,
    }
}

async fn when<T>(wanted: Toggle, asking: impl Future<Output = T>) -> Option<T> {
    match wanted {
        Toggle::On => Some(asking.await),
        Toggle::Off => None,
    }
}

/// Why a member does not count as healthy. What cannot be read is one of the reasons: it must not look like nothing.
#[derive(Default)]
struct Troubles(Vec<String>);

impl Troubles {
    fn health(&mut self, health: Option<Result<Health, EtcdError>>) {
        match health {
            None | Some(Ok(Health::Healthy)) => {}
            Some(Ok(Health::Unhealthy { said })) => self.0.push(said),
            Some(Err(error)) => self.0.push(error.to_string()),
        }
    }

    fn or_note<T>(&mut self, what: &str, answer: Option<Result<T, EtcdError>>) -> Option<T> {
        match answer? {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(format!("{what}: {error}"));
                None
            }
        }
    }

    fn unless_unsupported<T>(&mut self, what: &str, answer: Option<Result<T, EtcdError>>) -> Option<T> {
        match answer {
            Some(Err(error)) if error.is_unsupported() => None,
            answer => self.or_note(what, answer),
        }
    }

    fn told(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

/// A status lists alarms among its complaints (3.4+): `memberID:10276657743932975437 alarm:NOSPACE `.
fn alarm_of_complaint(said: &str) -> Option<Alarm> {
    let mut member = None;
    let mut kind = None;
    for word in said.split_ascii_whitespace() {
        if let Some(id) = word.strip_prefix("memberID:") {
            member = id.parse().ok().map(MemberId);
        } else if let Some(name) = word.strip_prefix("alarm:") {
            kind = Some(name.to_owned());
        }
    }
    Some(Alarm { member: member?, kind: kind? })
}

/// Asks all members that can for `HashKV` at the lowest revision seen, all at once.
pub async fn compare_hashes(members: Vec<(&Client, &mut EtcdFacts)>, knowledge: &Knowledge) {
    let Some(revision) = members.iter().filter_map(|(_, facts)| facts.revision).min() else { return };
    // A revision of zero would ask for each member's own latest.
    if revision == Revision(0) {
        return;
    }
    let each = members.into_iter().filter(|(_, facts)| knowledge.features(&facts.server_version).has(Feature::HashKv));
    join_all(each.map(async |(client, facts)| facts.hash_kv = client.hash_kv(revision).await.ok())).await;
}

/// How often members that tell different cluster versions, or none yet, are asked again, and how long apart. Where it has
/// just been decided, or has just moved, each member tells of it when it applies that entry: a moment after the others.
const CLUSTER_VERSION_QUESTIONS: u32 = 20;
const CLUSTER_VERSION_PAUSE: Duration = Duration::from_millis(150);

/// Asks again until all members that answer tell the same cluster version. Where they do not within the bound, the facts
/// say what each told last.
pub async fn settle_cluster_version(members: Vec<(&Client, &mut EtcdFacts)>) {
    settle_with(members, CLUSTER_VERSION_PAUSE).await;
}

async fn settle_with(mut members: Vec<(&Client, &mut EtcdFacts)>, pause: Duration) {
    for _ in 0..CLUSTER_VERSION_QUESTIONS {
        let told = |facts: &EtcdFacts| facts.cluster_version.clone();
        let first = members.first().and_then(|(_, facts)| told(facts));
        if members.iter().all(|(_, facts)| first.is_some() && told(facts) == first) {
            return;
        }
        tokio::time::sleep(pause).await;
        join_all(members.iter_mut().map(async |(client, facts)| {
            if let Ok(version) = client.version().await {
                facts.cluster_version = version.cluster;
                facts.storage_version = version.storage;
            }
        }))
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::etcd::testing;
    use crate::plan::tests::builders::healthy;

    /// A member that gives one answer after the other, and the last one from then on; and how often it was asked.
    async fn answering(answers: Vec<(&'static str, String)>) -> (Client, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let port = testing::serve(move |mut stream: tokio::net::TcpStream| {
            let number = counted.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            let (status, body) = answers[number].clone();
            async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        (testing::client(port, None, Duration::from_secs(5)), asked)
    }

    /// What [`v2_health`] makes of a member that says no so many times, and how often it asked.
    async fn v2_health_after(noes: usize, contents: Toggle) -> (Health, usize) {
        let verdict = |status, verdict| (status, format!("{{\"health\": \"{verdict}\"}}"));
        let mut answers = vec![verdict("503 Service Unavailable", "false"); noes];
        answers.push(verdict("200 OK", "true"));
        let (client, asked) = answering(answers).await;
        let health = v2_health(&client, Depth { health: Toggle::On, contents }).await.unwrap();
        (health, asked.load(Ordering::Relaxed))
    }

    /// What is known of three members that tell these cluster versions one after the other, and how often each was asked.
    async fn settled(told: [&[&str]; 3]) -> Vec<(Option<String>, usize)> {
        let mut members = Vec::new();
        for ((versions, view), number) in told.iter().zip(healthy("3.1.20").inventory.members).zip(1..) {
            let answer = |version| ("200 OK", format!(r#"{{"etcdserver": "3.1.20", "etcdcluster": "{version}"}}"#));
            let (client, asked) = answering(versions.iter().map(answer).collect()).await;
            let Seen::Known(mut facts) = view.etcd else { panic!("m{number} does not answer") };
            facts.cluster_version = client.version().await.unwrap().cluster;
            members.push((client, facts, asked));
        }
        let each = members.iter_mut().map(|(client, facts, _)| (&*client, facts));
        settle_with(each.collect(), Duration::ZERO).await;
        let told = members.iter().map(|(_, facts, asked)| {
            (facts.cluster_version.as_ref().map(ToString::to_string), asked.load(Ordering::Relaxed))
        });
        told.collect()
    }

    #[tokio::test]
    async fn a_cluster_version_that_just_moved_is_asked_for_again() {
        let version = |text: &str| Some(text.to_owned());
        assert_eq!(settled([&["3.1.0"], &["3.1.0"], &["3.1.0"]]).await, vec![(version("3.1.0"), 1); 3]);
        let young = settled([&["not_decided", "not_decided", "3.0.0"], &["3.0.0"], &["not_decided", "3.0.0"]]).await;
        assert_eq!(young, vec![(version("3.0.0"), 3); 3]);
        let moving = settled([&["3.1.0", "3.2.0"], &["3.2.0"], &["3.2.0"]]).await;
        assert_eq!(moving, vec![(version("3.2.0"), 2); 3]);
        let differing = settled([&["3.1.0"], &["3.2.0"], &["3.2.0"]]).await;
        assert_eq!(differing[0], (version("3.1.0"), 1 + CLUSTER_VERSION_QUESTIONS as usize));
    }

    #[tokio::test]
    async fn a_full_look_asks_2_x_again_when_it_says_no() {
        assert_eq!(v2_health_after(0, Toggle::On).await, (Health::Healthy, 1));
        assert_eq!(v2_health_after(2, Toggle::On).await, (Health::Healthy, 3));
        assert!(matches!(v2_health_after(9, Toggle::On).await, (Health::Unhealthy { .. }, 3)));
        assert!(matches!(v2_health_after(1, Toggle::Off).await, (Health::Unhealthy { .. }, 1)));
    }

    #[test]
    fn alarms_are_found_among_complaints() {
        let alarm = alarm_of_complaint("memberID:255 alarm:NOSPACE ").unwrap();
        assert_eq!((alarm.member, alarm.kind.as_str()), (MemberId(255), "NOSPACE"));
        assert_eq!(alarm_of_complaint("etcdserver: no leader"), None);
    }
}
