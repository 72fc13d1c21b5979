//! A scenario: what a seed is about. Which cluster, which way up, how careful the spec is, what goes wrong and when, and
//! where the controllers die.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::knowledge::{Feature, KeySpace, Knowledge, MixedRollback};
use crate::plan::model::{PinnedBinary, ReleasePin};
use crate::sim::Work;
use crate::sim::faults::{self, Fault};
use crate::sim::history::History;
use crate::sim::member::Member as ModelMember;
use crate::sim::promises::Promises;
use crate::sim::raft::Data;
use crate::sim::rng::Rng;
use crate::sim::settings;
use crate::sim::world::{MOST_MEMBERS, Release, ReleaseNo, TICK, World};
use crate::spec::model::{
    Availability, BackupPolicy, Become, ClientAccess, Cluster, Connection, HoldPoint, Member, OnFailure, Ownership,
    Process, ReleaseSource, RollbackPoints, Rollout, Runtime, SettingsPolicy, Systemd, Toggle, Verify,
};
use crate::units::{Bytes, MemberName, Minor, Sha256, Span, Version};

/// The data directory of every member.
pub const DATA_SIZE: Bytes = Bytes::mebi(169);

/// What is known of etcd: the real thing, read once.
pub static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| match Knowledge::embedded() {
    Ok(knowledge) => knowledge,
    // The tests of `knowledge` read the same files: a binary where this fails is never shipped.
    Err(error) => panic!("the built-in knowledge cannot be read: {error}"),
});

/// Of each minor that has more than one patch: an older one, and the latest.
static LINES: LazyLock<Vec<[Release; 2]>> = LazyLock::new(|| {
    let line = |minor: &Minor| {
        let latest = KNOWLEDGE.latest(*minor)?.clone();
        let older = Version::new(minor.major(), minor.number(), latest.patch().checked_sub(1)?);
        Some([release(&older), release(&latest)])
    };
    KNOWLEDGE.minors().iter().filter_map(line).collect()
});

fn release(version: &Version) -> Release {
    let features = KNOWLEDGE.features(version);
    Release {
        version: version.clone(),
        digest: Sha256::of(format!("etcd {version}").as_bytes()),
        move_leader: features.has(Feature::MoveLeader),
        hands_over_at_stop: features.has(Feature::HandsOverAtStop),
        hash_kv: features.has(Feature::HashKv),
        v3: features.has(Feature::V3Api),
        v2: features.has(Feature::V2Api),
        pre_vote: features.has(Feature::PreVoteByDefault),
        false_on_alarm: features.has(Feature::HealthFalseOnAlarm),
        applied_index: features.has(Feature::AppliedIndexInStatus),
        storage_version: features.has(Feature::StorageVersion),
        downgrade_api: features.has(Feature::DowngradeApi),
    }
}

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Faults, crashes of the controller, second controllers.
    Rough,
    /// Nothing goes wrong.
    Calm,
}

pub struct Scenario {
    pub cluster: Cluster,
    /// What is declared, one after the other.
    pub targets: Vec<ReleaseNo>,
    /// For each release.
    pub pins: Vec<ReleasePin>,
    /// After so many instructions the controller of the upgrade dies, before what the seed is about begins.
    pub upgrade_dies_at: Option<u32>,
    /// Faults that come only once that begins.
    pub later_faults: Vec<Fault>,
    /// For each attempt while faults go on: after how many instructions the controller dies.
    pub fuses: Vec<Option<u32>>,
    /// Whether plans are saved, and applied later.
    pub saves_plans: bool,
    /// Whether the backup has v2 keys beside those of v3.
    pub saves_v2: bool,
}

/// Draws everything.
pub fn draw(seed: u64, weather: Weather, history: bool, work: Work) -> (Scenario, World) {
    let mut rng = Rng::new(seed);
    let climbs = work == Work::Climb;
    let members = match work {
        Work::Upgrade | Work::Climb => rng.pick(&[1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 7]),
        Work::Rollback | Work::Restore | Work::Descent => rng.pick(&[3, 3, 3, 4, 5, 7]),
    };
    let (releases, targets) = match work {
        Work::Upgrade | Work::Climb => ladder(&mut rng, climbs),
        Work::Rollback | Work::Restore => one_rung(&mut rng),
        Work::Descent => ladder_down(&mut rng),
    };
    let runs = if work == Work::Descent { releases.len() - 1 } else { 0 };
    let mut cluster = cluster(&mut rng, members, &releases[targets[0]].version);
    if climbs || work == Work::Descent {
        cluster.via = releases.iter().map(|release| (release.version.minor(), release.version.clone())).collect();
    }
    let pins = releases.iter().map(pin).collect();
    let (mut upgrade_dies_at, mut saves_v2) = (None, false);
    if work == Work::Restore {
        let first = &releases[0].version;
        saves_v2 = KNOWLEDGE.restore_rule(KeySpace::V2, first, first).is_some() && rng.percent(50);
    }
    if work == Work::Rollback {
        cluster.rollback_points.enabled = toggle(rng.percent(97));
        upgrade_dies_at = rng.percent(50).then(|| u32::try_from(rng.between(20, 220)).unwrap_or(0));
    }
    let (mut fuses, mut faults) = (Vec::new(), Vec::new());
    if weather == Weather::Rough {
        for _ in 0..rng.below(5) {
            let fuse = rng.percent(75).then(|| u32::try_from(rng.below(160)).unwrap_or(0));
            fuses.push(fuse);
        }
        let most = if rng.percent(20) { 0 } else { 8 };
        for _ in 0..rng.below(most + 1) {
            faults.push(faults::draw(&mut rng, members, targets[0]));
        }
    }
    let saves_plans = rng.percent(20);
    // On the way down nothing is rewritten: what is to be there is written first.
    let settings = if work == Work::Descent { String::new() } else { settings::draw(seed, &releases) };
    if !settings.is_empty() {
        cluster.rollout.settings = SettingsPolicy::Rewrite;
    }
    let mut world = world(rng, (members, runs), releases, &cluster, (History::new(history), settings));
    world.declared = targets[0];
    world.brought = targets[0];
    world.may_turn = matches!(work, Work::Rollback | Work::Descent);
    let mut later_faults = Vec::new();
    match work {
        Work::Upgrade | Work::Climb | Work::Descent => world.faults = faults,
        Work::Rollback | Work::Restore => later_faults = faults,
    }
    (Scenario { cluster, targets, pins, upgrade_dies_at, fuses, later_faults, saves_plans, saves_v2 }, world)
}

/// Whether a swap of the binary leads back over the rung above this line. The model has one list of members for good: a rung
/// whose way back is to leave the cluster and to join it again is not drawn.
fn leads_back(at: usize) -> bool {
    let minor = |at: usize| Some(LINES.get(at)?[1].version.minor());
    let rung = minor(at).zip(minor(at + 1)).and_then(|(from, to)| KNOWLEDGE.rung(from, to));
    rung.is_some_and(|rung| rung.rollback.mixed == MixedRollback::SwapBinary)
}

/// Two neighbouring minors, where members can be put back.
fn one_rung(rng: &mut Rng) -> (Vec<Release>, Vec<ReleaseNo>) {
    let leads_back = |at: &usize| leads_back(*at) && LINES[*at][1].version.minor() >= Minor::new(2, 1);
    let starts: Vec<usize> = (0..LINES.len() - 1).filter(leads_back).collect();
    let start = starts[rng.index(starts.len())];
    (vec![LINES[start][1].clone(), LINES[start + 1][1].clone()], vec![1])
}

/// The releases of a way down, the lowest first: the members run the last one, and the first is declared.
fn ladder_down(rng: &mut Rng) -> (Vec<Release>, Vec<ReleaseNo>) {
    let minor = |at: &usize| LINES[*at][1].version.minor();
    let leads_down = |at: &usize| KNOWLEDGE.rung_down_from(minor(at)).is_some();
    let starts: Vec<usize> = (0..LINES.len()).filter(leads_down).collect();
    let start = starts[rng.index(starts.len())];
    let mut lowest = start;
    while leads_down(&lowest) && (lowest == start || rng.percent(40)) {
        lowest -= 1;
    }
    (LINES[lowest..=start].iter().map(|[_, latest]| latest.clone()).collect(), vec![0])
}

/// The releases of the way, the one that runs first, and what is declared one after the other.
fn ladder(rng: &mut Rng, climbs: bool) -> (Vec<Release>, Vec<ReleaseNo>) {
    // Before 2.1 there is no cluster version.
    let first = LINES.iter().position(|[_, latest]| latest.version.minor() >= Minor::new(2, 1)).unwrap_or(0);
    let start = first + rng.index(LINES.len() - first);
    let [older, latest] = &LINES[start];
    let rungs = if climbs { rng.pick(&[2, 3, 4, 5]) } else { rng.pick(&[0, 1, 1, 1, 1, 1, 2]) };
    let mut releases = Vec::new();
    if rungs == 0 || rng.percent(20) {
        releases.push(older.clone());
    }
    if releases.is_empty() || rungs == 0 {
        releases.push(latest.clone());
    }
    for up in (1..=rungs).take_while(|up| leads_back(start + up - 1)) {
        if let Some([_, latest]) = LINES.get(start + up) {
            releases.push(latest.clone());
        }
    }
    if releases.len() == 1 {
        releases = vec![older.clone(), latest.clone()];
    }
    let targets = if climbs { vec![releases.len() - 1] } else { (1..releases.len()).collect() };
    (releases, targets)
}

fn span(rng: &mut Rng, seconds: &[u64]) -> Span {
    Span::from_secs(rng.pick(seconds))
}

fn toggle(on: bool) -> Toggle {
    if on { Toggle::On } else { Toggle::Off }
}

fn cluster(rng: &mut Rng, members: usize, declared: &Version) -> Cluster {
    let member = |number: usize| Member {
        name: name(number),
        connection: Connection::Local { become_: Become::No },
        address: format!("10.0.0.{}", 11 + number),
        client_url: None,
        peer_url: None,
        data_dir: None,
    };
    Cluster {
        // A constant that is a name.
        name: "prod".parse().unwrap_or_else(|_| unreachable!()),
        version: declared.clone(),
        via: BTreeMap::new(),
        members: (0..members).map(member).collect(),
        runtime: if rng.percent(70) {
            Runtime::Systemd(Systemd {
                unit: "etcd.service".to_owned(),
                ownership: Ownership::Adopted,
                bin_dir: "/usr/local/bin".to_owned(),
                user: "etcd".to_owned(),
            })
        } else {
            Runtime::Process(Process { dir: "/home/me/etcd".to_owned() })
        },
        releases: vec![ReleaseSource::Upstream],
        client: ClientAccess::default(),
        settings: BTreeMap::new(),
        rollout: Rollout {
            soak: span(rng, &[0, 1, 3, 10]),
            hold_before: rng.percent(15).then_some(HoldPoint::NoReturn),
            on_failure: if rng.percent(85) { OnFailure::RollbackMember } else { OnFailure::Halt },
            ready_timeout: span(rng, &[6, 12, 30]),
            stop_timeout: span(rng, &[5, 10, 30]),
            version_timeout: span(rng, &[10, 20, 40]),
            catch_up_timeout: span(rng, &[5, 15, 40]),
            gate_timeout: span(rng, &[4, 10, 30]),
            v2_settle: span(rng, &[5]),
            compare_hashes: toggle(rng.percent(70)),
            settings: SettingsPolicy::Keep,
            availability: Availability::default(),
        },
        backup: BackupPolicy { dir: "/srv/backups".into(), keep: 7, verify: Verify::Restore },
        rollback_points: RollbackPoints {
            enabled: toggle(rng.percent(90)),
            max_size: if rng.percent(95) { Bytes::mebi(20 * 1024) } else { Bytes::mebi(100) },
        },
    }
}

fn name(number: usize) -> MemberName {
    // The letter m and digits are a name.
    format!("m{}", number + 1).parse().unwrap_or_else(|_| unreachable!())
}

fn pin(release: &Release) -> ReleasePin {
    ReleasePin {
        version: release.version.clone(),
        arch: "amd64".to_owned(),
        source: "file:///releases".to_owned(),
        archive_sha256: None,
        checked: "pinned".to_owned(),
        binaries: [("etcd".to_owned(), PinnedBinary { sha256: release.digest, size: Bytes(17_000_000) })].into(),
    }
}

fn world(
    mut rng: Rng,
    (members, runs): (usize, ReleaseNo),
    releases: Vec<Release>,
    cluster: &Cluster,
    (history, settings): (History, String),
) -> World {
    let minor = releases[runs].version.minor();
    let systemd = matches!(cluster.runtime, Runtime::Systemd(_));
    let points = &cluster.rollback_points;
    let mut data = Data::new(minor);
    // No raft snapshot since it came up from the minor before.
    data.oldest_form = KNOWLEDGE.previous_minor(minor).or(Some(minor));
    for id in 1..=rng.between(2, 30) {
        data.put(u32::try_from(id).unwrap_or(0));
    }
    let acknowledged = (data.log.len(), data.last().revision, data.last().digest);
    let member = |number: usize, rng: &mut Rng| {
        let mut member = ModelMember::new(number, name(number), runs, data.clone());
        member.settings.text.clone_from(&settings);
        member.unit_enabled = systemd && rng.percent(85);
        member.restarts = systemd && rng.percent(70);
        member
    };
    let mut world = World {
        now: 0,
        members: (0..members).map(|number| member(number, &mut rng)).collect(),
        releases,
        ladder: KNOWLEDGE.minors().to_vec(),
        added_voters: 0,
        added_learners: 0,
        moved: [false; MOST_MEMBERS],
        mute_until: [0; MOST_MEMBERS],
        deaf_until: [0; MOST_MEMBERS],
        cut_until: [0; MOST_MEMBERS],
        port_closed_until: [0; MOST_MEMBERS],
        loses_next: [None; MOST_MEMBERS],
        version_hidden_until: [0; MOST_MEMBERS],
        slow_until: [0; MOST_MEMBERS],
        rate: rng.pick(&[4, 20, 100]),
        slow_rate: rng.pick(&[0, 0, 1]),
        scale: rng.pick(&[1, 50, 300]),
        writes: rng.pick(&[5, 30, 70]),
        v2_size: if rng.percent(15) { Bytes::mebi(60) } else { Bytes(12_000) },
        alarm: None,
        handing_over: false,
        written: 100,
        pending: std::collections::VecDeque::new(),
        acknowledged,
        backups: Vec::new(),
        next_backup_fails: false,
        may_turn: false,
        preflight_rejects: false,
        declared: 0,
        brought: 0,
        suspended_for: 0,
        stop_asked: false,
        second_controller: false,
        injected: 0,
        faults: Vec::new(),
        instructions: 0,
        promises: Promises {
            points_expected: points.enabled == Toggle::On && points.max_size >= DATA_SIZE,
            ..Promises::default()
        },
        history,
        generation: 0,
        rng,
    };
    for no in 0..members {
        world.start(no);
    }
    // Time enough for a start, an election, and one look at the versions.
    world.pass(80 * TICK);
    world
}
