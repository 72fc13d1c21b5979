//! Looks: what the gates are judged on. Only etcd's own answers, and, for members in hand, what their process is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use crate::execute::gates::Look;
use crate::execute::world::{MemberWorld, World};
use crate::observe::inventory::Seen;
use crate::observe::{QuickOptions, quick};
use crate::plan::model::Gate;
use crate::runtime::{Digest, MemberNow, Started, is_running};
use crate::spec::model::Toggle;
use crate::units::{MemberName, RaftIndex, Sha256, Version};

/// The bound of one member's answers in one look.
const LOOK_DEADLINE: Duration = Duration::from_secs(3);

/// How often a host is asked whether a process that does not answer is still there.
const PROCESS_EVERY: Duration = Duration::from_millis(300);

/// For so long after its last answer a look is as good as a new one: a decision is not older than an answer over the network may
/// be anyway.
const FRESH: Duration = Duration::from_millis(150);

/// When the last look was taken, by both clocks: one stands still while the controller sleeps.
struct Taken {
    began: (Instant, SystemTime),
    ended: (Instant, SystemTime),
    asked_health: bool,
}

impl Taken {
    /// A look that took longer than it may is one during which the controller stood still.
    fn is_fresh(&self) -> bool {
        let younger = |(at, wall): (Instant, SystemTime), bound: Duration| {
            at.elapsed() < bound && wall.elapsed().is_ok_and(|age| age < bound)
        };
        younger(self.ended, FRESH) && younger(self.began, LOOK_DEADLINE + FRESH)
    }
}

/// Takes looks, and remembers between them what need not be asked again.
pub struct Looks<'a> {
    world: &'a World,
    versions: BTreeMap<MemberName, Version>,
    health: BTreeMap<MemberName, Option<String>>,
    running: BTreeMap<MemberName, Sha256>,
    /// Digests of the files that members are started from, where we put them there ourselves.
    files: BTreeMap<MemberName, Sha256>,
    asked: BTreeMap<MemberName, Instant>,
    last: Look,
    /// `None` once something was done since.
    taken: Option<Taken>,
}

impl<'a> Looks<'a> {
    pub fn new(world: &'a World) -> Self {
        Self {
            world,
            versions: BTreeMap::new(),
            health: BTreeMap::new(),
            running: BTreeMap::new(),
            files: BTreeMap::new(),
            asked: BTreeMap::new(),
            last: Look::default(),
            taken: None,
        }
    }

    /// The last look, where nothing was done since and it is fresh; else a new one. For gates that say nothing of
    /// processes.
    pub async fn fresh(&mut self, ask_health: bool) -> Look {
        match &self.taken {
            Some(taken) if taken.is_fresh() && (taken.asked_health || !ask_health) => self.last.clone(),
            _ => self.look(&[], ask_health).await,
        }
    }

    /// How far a member was when last seen.
    pub fn raft_index(&self, member: &MemberName) -> Option<RaftIndex> {
        let facts = self.last.members.get(member)?.known()?;
        facts.raft_applied_index.or(facts.raft_index)
    }

    /// The version that a member had when last seen.
    pub fn version(&self, member: &MemberName) -> Option<&Version> {
        self.last.members.get(member)?.known().map(|facts| &facts.server_version)
    }

    /// A member was stopped or started: what was known of its process is no longer true.
    pub fn forget(&mut self, member: &MemberName) {
        self.running.remove(member);
        self.asked.remove(member);
        self.versions.remove(member);
        self.taken = None;
    }

    /// The file that a member is started from was made sure to have this digest.
    pub fn note_file(&mut self, member: &MemberName, digest: Sha256) {
        self.files.insert(member.clone(), digest);
    }

    /// It was started just now, and this is what its process is: it need not be asked again what it runs, where that is the
    /// very file that was made sure of.
    pub fn note_started(&mut self, member: &MemberName, started: &Started) {
        let Some(digest) = self.files.get(member).copied() else { return };
        let Ok(world) = self.world.member(member) else { return };
        if !started.exe_replaced && started.exe == world.site.binary {
            self.running.insert(member.clone(), digest);
        }
    }

    /// One fresh look at all members.
    pub async fn look(&mut self, gates: &[Gate], ask_health: bool) -> Look {
        let began = (Instant::now(), SystemTime::now());
        let options = QuickOptions {
            knowledge: &self.world.knowledge,
            health: if ask_health { Toggle::On } else { Toggle::Off },
            deadline: LOOK_DEADLINE,
            last_versions: &self.versions,
        };
        let answers = quick(&self.world.clients(), &options).await;
        let mut look = Look::default();
        for (name, mut seen) in answers {
            self.remember(&name, &mut seen, ask_health);
            look.members.insert(name, seen);
        }
        self.look_at_processes(gates, &mut look).await;
        look.running = self.running.clone();
        self.last = look.clone();
        let ended = (Instant::now(), SystemTime::now());
        self.taken = Some(Taken { began, ended, asked_health: ask_health });
        look
    }

    /// A look without health takes over what health was last said to be.
    fn remember(
        &mut self,
        name: &MemberName,
        seen: &mut Seen<crate::observe::inventory::EtcdFacts>,
        asked_health: bool,
    ) {
        match seen {
            Seen::Known(facts) => {
                self.versions.insert(name.clone(), facts.server_version.clone());
                if asked_health {
                    self.health.insert(name.clone(), facts.unhealthy.clone());
                } else if let Some(Some(said)) = self.health.get(name) {
                    facts.unhealthy = Some(said.clone());
                }
            }
            Seen::Unknown { .. } => {
                self.health.remove(name);
                self.versions.remove(name);
            }
        }
    }

    /// The process of each member that a gate is about and that is not known yet, or does not answer.
    async fn look_at_processes(&mut self, gates: &[Gate], look: &mut Look) {
        for gate in gates {
            let Gate::RunsVersion { member, .. } = gate else { continue };
            let answers = look.members.get(member).is_some_and(|seen| seen.known().is_some());
            if answers && self.running.contains_key(member) {
                continue;
            }
            if self.asked.get(member).is_some_and(|at| at.elapsed() < PROCESS_EVERY) {
                continue;
            }
            self.asked.insert(member.clone(), Instant::now());
            let Ok(world) = self.world.member(member) else { continue };
            match self.running_digest(member, world).await {
                Process::Runs(digest) => {
                    self.running.insert(member.clone(), digest);
                }
                Process::Gone => {
                    self.running.remove(member);
                    look.dead.insert(member.clone());
                }
                Process::NotKnown => {}
            }
        }
    }

    /// What a process runs. To read all of its program costs a tenth of a second: where it runs the very file that we
    /// made sure of, and that file was not replaced since it started, its digest is known.
    async fn running_digest(&self, member: &MemberName, world: &MemberWorld) -> Process {
        let known = self.files.get(member).copied();
        let wanted = if known.is_some() { Digest::Skip } else { Digest::Compute };
        let now = match is_running(&world.host, &world.site, wanted).await {
            Ok(MemberNow::Running(now)) => now,
            Ok(MemberNow::Stopped { .. }) => return Process::Gone,
            // The host does not answer: whether the process is there is not known.
            Err(_) => return Process::NotKnown,
        };
        if let Some(digest) = known
            && !now.exe_replaced
            && now.exe == world.site.binary
        {
            return Process::Runs(digest);
        }
        if let Some(digest) = now.exe_sha256 {
            return Process::Runs(digest);
        }
        match is_running(&world.host, &world.site, Digest::Compute).await {
            Ok(MemberNow::Running(now)) => now.exe_sha256.map_or(Process::NotKnown, Process::Runs),
            Ok(MemberNow::Stopped { .. }) => Process::Gone,
            Err(_) => Process::NotKnown,
        }
    }
}

/// What is known of a process.
enum Process {
    Runs(Sha256),
    Gone,
    NotKnown,
}
