//! Asks every member, one small request after the other, and writes into the [`Record`] what came of each.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use crate::etcd::{Client, EtcdError};
use crate::execute::availability::record::Outcome;
use crate::execute::availability::strip::LIVE_CELL;
use crate::execute::availability::{Answers, Cause, Record, Stalled};
use crate::execute::event::Event;
use crate::execute::world::World;
use crate::knowledge::{ClientApi, Knowledge};
use crate::observe::served_as;
use crate::plan::model::{Action, Plan, StepId};
use crate::spec::model::{Availability, Probe};
use crate::units::MemberName;

/// The key that is read, and written where the spec says so. It need not be there.
pub const KEY: &str = "quorate-availability";
/// What is written: always the same.
const VALUE: &str = "quorate watches the availability";

/// For one try over a connection that is open; a client gives up about then.
const TRY_BOUND: Duration = Duration::from_secs(1);

/// For one that has to connect, and perhaps log in, first.
const CONNECT_BOUND: Duration = Duration::from_secs(3);

/// How often time is noted: stalls that go on grow by so much.
const NOTE_EVERY: Duration = Duration::from_millis(50);

/// A member that did not answer so often in a row is asked once a second only.
const PATIENT_AFTER: u32 = 50;
const PATIENT_PAUSE: Duration = Duration::from_secs(1);

/// The v2 API has no tokens: etcd hashes the password anew for each request (bcrypt, some 60 ms of a processor), so a member
/// is asked as a user this seldom only, unless a bound has to be held to. Less than what is told of as a stall.
const COSTLY_PAUSE: Duration = Duration::from_millis(800);

/// Where a member says so often in a row that the user may not do this, nobody is asked any more.
const MOST_DENIALS: u32 = 3;

/// At the end of a run, for all that is left to do: the key that was written is removed.
const END_BOUND: Duration = Duration::from_secs(3);

/// Watches the members of one run; whoever drops it ends the watching.
pub struct Watcher {
    watched: Option<Watched>,
}

struct Watched {
    shared: Arc<Shared>,
    policy: Availability,
    clients: BTreeMap<MemberName, Client>,
    tasks: JoinSet<()>,
}

struct Shared {
    record: Mutex<Record>,
    begun: Instant,
    /// What etcd said to a user who may not do this; nobody is asked any more.
    denied: watch::Sender<Option<String>>,
    knowledge: Knowledge,
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        // A panic while counting must not stop the work: the figures may be odd, no more.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, note: impl FnOnce(&mut Record, Duration)) {
        let mut record = self.record();
        note(&mut record, self.begun.elapsed());
    }
}

/// Members are stopped one after the other, and the cluster serves all along: only then there is something to see.
fn is_rolling(plan: &Plan) -> bool {
    let is_member = |action: &Action| matches!(action, Action::Member(_));
    let stops_all = |action: &Action| {
        matches!(action, Action::StopAll { .. } | Action::MarkReplacement(_) | Action::ReplaceData(_))
    };
    plan.steps().any(|step| is_member(&step.action)) && !plan.steps().any(|step| stops_all(&step.action))
}

impl Watcher {
    pub fn begin(plan: &Plan, world: &World) -> Self {
        let policy = world.cluster.rollout.availability;
        if policy.probe == Probe::Off || !is_rolling(plan) {
            return Self { watched: None };
        }
        let bound = policy.max_stall.map(|span| span.duration());
        let shared = Arc::new(Shared {
            record: Mutex::new(Record::new(policy.probe, world.members.keys().cloned(), bound)),
            begun: Instant::now(),
            denied: watch::Sender::new(None),
            knowledge: world.knowledge.clone(),
        });
        let mut watched = Watched { shared, policy, clients: BTreeMap::new(), tasks: JoinSet::new() };
        let count = u32::try_from(world.members.len()).unwrap_or(u32::MAX).max(1);
        for (place, (name, member)) in (0..count).zip(&world.members) {
            let client = member.client.apart(CONNECT_BOUND);
            let away = member.quiet.begin(&client);
            let asker = Asker { client: client.clone(), probe: policy.probe, api: None, is_connected: false };
            let one = One {
                shared: watched.shared.clone(),
                name: name.clone(),
                asker,
                away,
                pause: policy.pause(),
                has_bound: bound.is_some(),
                turn: f64::from(place) / f64::from(count),
            };
            watched.tasks.spawn(one.ask_on());
            watched.clients.insert(name.clone(), client);
        }
        watched.tasks.spawn(note_time(watched.shared.clone()));
        Self { watched: Some(watched) }
    }

    /// What follows is of this step.
    pub fn turn_to(&self, step: StepId) {
        if let Some(watched) = &self.watched {
            watched.shared.note(|record, now| {
                record.tick(now);
                record.turn_to(step);
            });
        }
    }

    /// What was seen during a step that is over.
    pub fn end_step(&self, step: StepId) -> Option<Answers> {
        self.watched.as_ref()?.shared.record().end_step(step)
    }

    /// A stall that was longer than the spec bears, how long it was until now, and the bound.
    pub fn stalled(&self) -> Option<(Stalled, Duration, Duration)> {
        let watched = self.watched.as_ref()?;
        let record = watched.shared.record();
        Some((record.stalled()?, record.longest_stall(), watched.policy.max_stall?.duration()))
    }

    /// Who tells the view.
    pub fn teller(&self) -> Teller {
        Teller { shared: self.watched.as_ref().map(|watched| watched.shared.clone()) }
    }

    /// Asks nobody any more, and takes away what was written. Bounded; what it cannot do is a notice.
    pub async fn end(&mut self, events: &(dyn Fn(Event) + Send + Sync)) -> Seen {
        let Some(mut watched) = self.watched.take() else { return Seen::default() };
        watched.shared.note(Record::tick);
        watched.tasks.shutdown().await;
        let left = timeout(END_BOUND, watched.tidy()).await.unwrap_or(Tidied::Left);
        if left == Tidied::Left {
            events(Event::Notice {
                text: format!(
                    "the key {KEY}, which was written to see whether writes go through, could not be removed: \
                     `etcdctl del {KEY}` does it (of the v2 API: `etcdctl rm /{KEY}`)"
                ),
            });
        }
        let mut record = watched.shared.record();
        let open = record.open_steps();
        let steps = open.into_iter().filter_map(|step| Some((step, record.end_step(step)?))).collect();
        Seen { steps, whole: record.whole() }
    }
}

/// What was seen and not written down yet when a run ended.
#[derive(Debug, Default)]
pub struct Seen {
    pub steps: Vec<(StepId, Answers)>,
    pub whole: Option<Answers>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tidied {
    Clean,
    Left,
}

impl Watched {
    async fn tidy(&self) -> Tidied {
        let mut tidied = if self.policy.probe == Probe::Write { Tidied::Left } else { Tidied::Clean };
        for client in self.clients.values() {
            if tidied == Tidied::Left && remove_key(client, &self.shared.knowledge).await.is_ok() {
                tidied = Tidied::Clean;
            }
            client.close().await;
        }
        tidied
    }
}

async fn remove_key(client: &Client, knowledge: &Knowledge) -> Result<(), EtcdError> {
    match api_of(client, knowledge).await? {
        ClientApi::V3 => client.delete(KEY.as_bytes()).await.map(drop),
        ClientApi::V2 => client.v2_delete(&format!("/{KEY}")).await,
    }
}

/// By the version of the member and of its cluster.
async fn api_of(client: &Client, knowledge: &Knowledge) -> Result<ClientApi, EtcdError> {
    let version = client.version().await?;
    Ok(knowledge.features(served_as(&version, knowledge)).api())
}

/// Sends the last seconds to the view, and says once that nobody is asked any more.
pub struct Teller {
    shared: Option<Arc<Shared>>,
}

impl Teller {
    /// For as long as it is not dropped.
    pub async fn tell(self, events: &(dyn Fn(Event) + Send + Sync)) -> Infallible {
        let Some(shared) = self.shared else { return std::future::pending().await };
        let mut denied = shared.denied.subscribe();
        loop {
            match timeout(LIVE_CELL, denied.wait_for(Option::is_some)).await {
                Ok(said) => {
                    let said = said.ok().and_then(|said| said.clone()).unwrap_or_default();
                    events(Event::Strip { members: Vec::new() });
                    events(Event::Notice { text: not_watched(&said) });
                    return std::future::pending().await;
                }
                Err(_) => {
                    let members = shared.record().recent(shared.begun.elapsed());
                    events(Event::Strip { members });
                }
            }
        }
    }
}

fn not_watched(said: &str) -> String {
    format!(
        "availability is not watched from here on, and no max_stall is held to: {said}; the run goes on \
         (`rollout {{ availability = \"off\" }}` does not ask)"
    )
}

async fn note_time(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(NOTE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shared.denied.borrow().is_none() {
        ticks.tick().await;
        shared.note(Record::tick);
    }
}

/// The probe of one member.
struct One {
    shared: Arc<Shared>,
    name: MemberName,
    asker: Asker,
    away: watch::Receiver<bool>,
    pause: Duration,
    has_bound: bool,
    /// Members are not asked all at once: the part of a pause after which this one is.
    turn: f64,
}

impl One {
    async fn ask_on(mut self) {
        let mut ticks = interval_at(tokio::time::Instant::now() + self.pause.mul_f64(self.turn), self.pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut failures, mut denials, mut is_seldom) = (0, 0, false);
        while self.shared.denied.borrow().is_none() {
            ticks.tick().await;
            if self.is_costly() && !std::mem::replace(&mut is_seldom, true) {
                tokio::time::sleep(COSTLY_PAUSE.mul_f64(self.turn)).await;
            }
            tokio::time::sleep(self.longer_pause(failures).saturating_sub(self.pause)).await;
            if self.away.wait_for(|away| !*away).await.is_err() {
                return;
            }
            let begun = Instant::now();
            let tried = tokio::select! {
                biased;
                true = is_away(&mut self.away) => None,
                tried = self.asker.ask(&self.shared.knowledge) => Some(tried),
            };
            let Some(tried) = tried else {
                self.asker.forget();
                continue;
            };
            let took = begun.elapsed();
            let outcome = match &tried {
                Ok(()) => Outcome::Answered,
                Err(trouble) => Outcome::Failed(trouble.cause()),
            };
            self.shared.note(|record, now| record.tried(&self.name, outcome, took, now));
            failures = if tried.is_ok() { 0 } else { failures + 1 };
            match tried {
                Err(Trouble::Etcd(error @ EtcdError::Denied { .. })) => {
                    denials += 1;
                    if denials >= MOST_DENIALS {
                        self.shared.denied.send_if_modified(|denied| {
                            denied.is_none().then(|| *denied = Some(error.to_string())).is_some()
                        });
                    }
                }
                _ => denials = 0,
            }
        }
    }
}

impl One {
    fn is_costly(&self) -> bool {
        self.asker.is_costly() && !self.has_bound
    }

    /// How long this member is left alone between two tries, where that is longer than it is for others.
    fn longer_pause(&self, failures: u32) -> Duration {
        if failures >= PATIENT_AFTER {
            PATIENT_PAUSE
        } else if self.is_costly() {
            COSTLY_PAUSE
        } else {
            Duration::ZERO
        }
    }
}

async fn is_away(away: &mut watch::Receiver<bool>) -> bool {
    away.wait_for(|away| *away).await.is_ok()
}

enum Trouble {
    /// Not within the bound of a try.
    Late,
    Etcd(EtcdError),
}

impl Trouble {
    fn cause(&self) -> Cause {
        match self {
            Self::Late => Cause::Late,
            Self::Etcd(error) => match error {
                EtcdError::Dial { .. } | EtcdError::Tls { .. } | EtcdError::Broken { .. } => Cause::Unreachable,
                EtcdError::Deadline { .. } | EtcdError::NoQuorum { .. } | EtcdError::Stalled { .. } => Cause::Late,
                EtcdError::TooLarge { .. }
                | EtcdError::Malformed { .. }
                | EtcdError::HttpStatus { .. }
                | EtcdError::V2NotServed { .. }
                | EtcdError::Unsupported { .. }
                | EtcdError::Denied { .. }
                | EtcdError::Compacted { .. }
                | EtcdError::Refused { .. }
                | EtcdError::Sink { .. }
                | EtcdError::Snapshot { .. } => Cause::Refused,
            },
        }
    }
}

/// Makes the requests to one member.
struct Asker {
    client: Client,
    probe: Probe,
    /// Told by its version; asked again after a failure, for it may be another one by then.
    api: Option<ClientApi>,
    is_connected: bool,
}

impl Asker {
    async fn ask(&mut self, knowledge: &Knowledge) -> Result<(), Trouble> {
        let bound = if self.is_connected { TRY_BOUND } else { CONNECT_BOUND };
        let asked = match timeout(bound, self.once(knowledge)).await {
            Ok(asked) => asked.map_err(Trouble::Etcd),
            Err(_) => {
                // Whatever is stuck would be stuck for the next try as well.
                self.client.close().await;
                Err(Trouble::Late)
            }
        };
        match asked {
            Ok(()) => self.is_connected = true,
            Err(_) => self.forget(),
        }
        asked
    }

    async fn once(&mut self, knowledge: &Knowledge) -> Result<(), EtcdError> {
        let api = match self.api {
            Some(api) => api,
            None => *self.api.insert(api_of(&self.client, knowledge).await?),
        };
        let client = &self.client;
        match (api, self.probe) {
            (ClientApi::V3, Probe::Write) => client.put(KEY.as_bytes(), VALUE.as_bytes()).await.map(drop),
            (ClientApi::V2, Probe::Write) => client.v2_put(&format!("/{KEY}"), VALUE).await,
            (ClientApi::V3, Probe::Read | Probe::Off) => client.get(KEY.as_bytes()).await.map(drop),
            (ClientApi::V2, Probe::Read | Probe::Off) => client.v2_quorum_read(&format!("/{KEY}")).await,
        }
    }

    fn is_costly(&self) -> bool {
        self.api == Some(ClientApi::V2) && self.client.login().is_some()
    }

    fn forget(&mut self) {
        self.api = None;
        self.is_connected = false;
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
