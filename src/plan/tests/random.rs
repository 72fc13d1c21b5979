//! Random situations: a healthy cluster, another declared version, and some changes to any of it, likely or not.

use proptest::prelude::*;
use proptest::sample::select;

use super::builders::*;
use crate::observe::inventory::{HostFacts, NextStart, OptionSource, Seen, SnapFile};
use crate::spec::model::{HoldPoint, OnFailure, Toggle, Verify};
use crate::units::{Bytes, ClusterId, RaftIndex, Revision, Span};

const VERSIONS: [&str; 14] = [
    "2.0.13", "2.1.3", "2.2.5", "2.3.8", "3.0.17", "3.1.20", "3.2.20", "3.2.32", "3.3.27", "3.4.45", "3.5.33",
    "3.6.14", "3.7.1", "3.2.0",
];

/// Steps that exist, and some that do not.
const STEPS: [(&str, &str); 15] = [
    ("2.0.13", "2.1.3"),
    ("2.1.3", "2.2.5"),
    ("2.2.5", "2.3.8"),
    ("3.0.17", "3.1.20"),
    ("3.1.20", "3.2.32"),
    ("3.2.20", "3.2.32"),
    ("3.2.32", "3.3.27"),
    ("3.3.27", "3.4.45"),
    ("3.4.45", "3.5.33"),
    ("3.5.33", "3.6.14"),
    ("3.6.14", "3.7.1"),
    ("3.2.32", "3.2.32"),
    ("3.7.1", "3.6.14"),
    ("3.6.14", "3.5.33"),
    ("3.7.1", "3.5.33"),
];

#[derive(Debug, Clone)]
pub enum Change {
    Member(usize, MemberChange),
    Cluster(ClusterChange),
}

/// Of one member or its host.
#[derive(Debug, Clone)]
pub enum MemberChange {
    Down,
    DownOnNew,
    Done,
    Runs(&'static str),
    BinarySwapped,
    BinaryUnknown,
    Unreachable,
    Silent,
    DataGone,
    Absent,
    AbsentWithData,
    Process(bool),
    Arch(&'static str),
    Free(u64, u64, u64),
    Size(u64),
    Snap(u64),
    Option(&'static str, &'static str, u8),
    NextStart,
    Certificate(bool, &'static str),
    Unit(&'static str, bool, u64),
    Leader(usize),
    Unhealthy,
    List(u8),
    DbSize(u64),
    Hash(u32),
    ClusterId(u64),
    ClusterVersion(Option<&'static str>),
}

/// Of the spec, or of what all members say.
#[derive(Debug, Clone)]
pub enum ClusterChange {
    Managed,
    Processes,
    Declared(&'static str),
    NoRelease,
    V2(u64, u64),
    NeverWritten,
    NoLeader,
    Alarm(&'static str, usize),
    Learner,
    Undeclared(&'static str),
    Setting(&'static str, &'static str),
    Spans(u64, u64),
    Policies(bool, bool, bool, u64),
    AllDone,
    AllDown,
    ToldDownTo(&'static str),
    At(&'static str),
}

pub fn situation() -> impl Strategy<Value = Situation> {
    let versions = prop_oneof![
        4 => select(STEPS.to_vec()),
        1 => (select(VERSIONS.to_vec()), select(VERSIONS.to_vec())),
    ];
    let size = prop_oneof![6 => Just(3_usize), 1 => 1..=7_usize];
    let changes = prop::collection::vec(change(), 0..5);
    (versions, size, changes, 0..20_u8).prop_map(|((running, declared), size, changes, empty)| {
        let mut situation = if empty == 0 { empty_hosts(declared) } else { of_members(running, size).to(declared) };
        situation = situation.by(&[running, "3.6.14"]);
        for change in changes {
            situation = change.applied(situation);
        }
        situation
    })
}

pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..7_usize, member_change()).prop_map(|(member, change)| Change::Member(member, change)),
        2 => cluster_change().prop_map(Change::Cluster),
    ]
}

fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0..1_u64 << 42]
}

fn member_change() -> impl Strategy<Value = MemberChange> {
    use MemberChange::*;
    let options = [
        ("listen-client-urls", "http://name.example:2379"),
        ("listen-peer-urls", "]://["),
        ("ca-file", "/ca"),
        ("enable-v2", "true"),
        ("quota-backend-bytes", "-1"),
        ("quota-backend-bytes", "9223372036854775807"),
        ("election-timeout", "0"),
        ("snapshot-count", ""),
        ("no-such-option", "\u{1b}[2J"),
    ];
    let common = prop_oneof![
        Just(Down),
        Just(DownOnNew),
        Just(Done),
        Just(Done),
        select(VERSIONS.to_vec()).prop_map(Runs),
        Just(BinarySwapped),
        Just(BinaryUnknown),
        any::<bool>().prop_map(Process),
        (any_size(), any_size(), any_size()).prop_map(|(a, b, c)| Free(a, b, c)),
        any_size().prop_map(Size),
        any_size().prop_map(Snap),
        (0..4_usize).prop_map(Leader),
    ];
    let rare = prop_oneof![
        Just(Unreachable),
        Just(Silent),
        Just(DataGone),
        Just(Absent),
        Just(AbsentWithData),
        select(vec!["arm64", "s390x", ""]).prop_map(Arch),
        (select(options.to_vec()), 0..3_u8).prop_map(|((name, value), from)| Option(name, value, from)),
        Just(NextStart),
        (any::<bool>(), select(vec!["10.0.0.11", "", "name"])).prop_map(|(valid, ip)| Certificate(valid, ip)),
        (select(vec!["loaded", "masked", "not-found"]), any::<bool>(), any_size()).prop_map(|(a, b, c)| Unit(a, b, c)),
        Just(Unhealthy),
        (0..4_u8).prop_map(List),
        any_size().prop_map(DbSize),
        any::<u32>().prop_map(Hash),
        any::<u64>().prop_map(ClusterId),
        prop::option::of(select(VERSIONS.to_vec())).prop_map(ClusterVersion),
    ];
    prop_oneof![2 => common, 1 => rare]
}

fn cluster_change() -> impl Strategy<Value = ClusterChange> {
    use ClusterChange::*;
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any_size());
    prop_oneof![
        Just(Managed),
        Just(Processes),
        select(VERSIONS.to_vec()).prop_map(Declared),
        Just(NoRelease),
        (0..100_000_u64, any_size()).prop_map(|(keys, size)| V2(keys, size)),
        Just(NeverWritten),
        Just(NoLeader),
        (select(vec!["NOSPACE", "CORRUPT", "?"]), 0..5_usize).prop_map(|(kind, about)| Alarm(kind, about)),
        Just(Learner),
        select(vec!["", "m1", "m9"]).prop_map(Undeclared),
        select(vec![("snapshot-count", "5000"), ("no-such-option", "x"), ("name", "x")])
            .prop_map(|(a, b)| Setting(a, b)),
        (any_size(), any_size()).prop_map(|(soak, settle)| Spans(soak, settle)),
        flags.prop_map(|(a, b, c, size)| Policies(a, b, c, size)),
        Just(AllDone),
        Just(AllDown),
        select(vec!["3.6", "3.5"]).prop_map(ToldDownTo),
        select(vec!["3.6", "3.5"]).prop_map(At),
    ]
}

impl Change {
    pub fn applied(self, situation: Situation) -> Situation {
        match self {
            Self::Member(number, change) => {
                let number = number % situation.inventory.members.len();
                change.applied(number, situation)
            }
            Self::Cluster(change) => change.applied(situation),
        }
    }
}

impl MemberChange {
    fn applied(self, number: usize, mut situation: Situation) -> Situation {
        let declared = situation.cluster.version.to_string();
        let view = &mut situation.inventory.members[number];
        let mut host = match &mut view.host {
            Seen::Known(host) => Some(host),
            Seen::Unknown { .. } => None,
        };
        let silence = || Seen::Unknown { why: "no answer".to_owned() };
        let binary = |host: &mut HostFacts, release: &str| {
            if let Some(facts) = &mut host.member {
                facts.binary.version = Some(version(release));
                facts.binary.sha256 = Some(etcd_digest(release));
            }
        };
        if let Some(host) = &mut host {
            let release = match &self {
                Self::DownOnNew | Self::Done | Self::BinarySwapped => Some(declared.as_str()),
                Self::Runs(release) => Some(*release),
                _ => None,
            };
            if let Some(release) = release {
                binary(host, release);
            }
            if let Self::Down | Self::DownOnNew | Self::Absent | Self::AbsentWithData = &self {
                host.processes.clear();
            }
            if let (Self::Done | Self::Runs(_), Some(process), Some(release)) =
                (&self, host.processes.first_mut(), release)
            {
                process.exe_sha256 = Some(etcd_digest(release));
            }
            if let Self::Absent | Self::AbsentWithData = &self {
                host.member = None;
                host.unit = None;
                host.data_without_member = matches!(self, Self::AbsentWithData).then(data_dir);
            }
            self.change_host(host);
        }
        if let (Self::Done | Self::Runs(_), Seen::Known(etcd)) = (&self, &mut view.etcd) {
            let release = if let Self::Runs(release) = &self { *release } else { declared.as_str() };
            etcd.server_version = version(release);
        }
        match &self {
            Self::Down | Self::DownOnNew | Self::Silent | Self::Absent | Self::AbsentWithData | Self::DataGone => {
                view.etcd = silence();
            }
            Self::Unreachable => {
                view.etcd = silence();
                view.host = Seen::Unknown { why: "no route to host".to_owned() };
            }
            _ => self.change_etcd(&mut view.etcd),
        }
        situation
    }

    fn change_host(&self, host: &mut HostFacts) {
        match self {
            Self::Arch(arch) => host.arch = (*arch).to_owned(),
            Self::Process(declared) => {
                host.processes.iter_mut().for_each(|process| process.is_declared_member = *declared);
            }
            Self::Free(store, ..) => host.store_free = Some(Bytes(*store)),
            Self::Unit(state, reload, stop) => {
                if let Some(unit) = &mut host.unit {
                    unit.load_state = (*state).to_owned();
                    unit.need_daemon_reload = *reload;
                    unit.timeout_stop_us = Some(*stop);
                }
            }
            _ => {}
        }
        let Some(facts) = &mut host.member else { return };
        match self {
            Self::BinaryUnknown => {
                facts.binary.version = None;
                facts.binary.sha256 = None;
            }
            Self::DataGone => {
                facts.data_dir.has_member = false;
                host.processes.clear();
            }
            Self::Free(_, binary, data) => {
                facts.binary.free = Some(Bytes(*binary));
                facts.data_dir.free = Bytes(*data);
            }
            Self::Size(size) => facts.data_dir.size = Bytes(*size),
            Self::Snap(size) => {
                facts.data_dir.newest_snap = Some(SnapFile { size: Bytes(*size), index: RaftIndex(*size) });
            }
            Self::Option(name, value, from) => {
                let mut option = argument(name, value);
                option.source = match from {
                    0 => OptionSource::Argument,
                    1 => OptionSource::Environment,
                    _ => OptionSource::ConfigFile { key: (*name).to_owned(), yaml_type: "int".to_owned() },
                };
                facts.options.push(option);
            }
            Self::NextStart => {
                facts.next_start = Some(NextStart { args: Vec::new(), options: vec![argument("debug", "true")] });
            }
            Self::Certificate(valid, ip) => {
                let mut certificate = certificate("peer-cert-file", &[ip]);
                certificate.valid_now = *valid;
                facts.certificates.push(certificate);
            }
            _ => {}
        }
    }

    fn change_etcd(&self, etcd: &mut Seen<crate::observe::inventory::EtcdFacts>) {
        let Seen::Known(etcd) = etcd else { return };
        match self {
            Self::Leader(0) => etcd.leader = None,
            Self::Leader(number) => etcd.leader = Some(member_id(*number)),
            Self::Unhealthy => etcd.unhealthy = Some("no".to_owned()),
            Self::List(0) => etcd.members.clear(),
            Self::List(number) => etcd.members.push(listed(usize::from(*number) + 3)),
            Self::DbSize(size) => etcd.db_size = Some(Bytes(*size)),
            Self::Hash(hash) => etcd.hash_kv.iter_mut().for_each(|kv| kv.hash = *hash),
            Self::ClusterId(id) => etcd.cluster_id = ClusterId(*id),
            Self::ClusterVersion(release) => etcd.cluster_version = release.map(version),
            _ => {}
        }
    }
}

impl ClusterChange {
    fn applied(self, situation: Situation) -> Situation {
        match self {
            Self::Managed => situation.managed(),
            Self::Processes => situation.processes(),
            Self::Declared(release) => situation.to(release),
            Self::NoRelease => situation.nowhere("nowhere"),
            Self::V2(keys, size) => situation.v2_data(keys, Bytes(size)),
            Self::NeverWritten => situation.every_etcd(|etcd| etcd.revision = Some(Revision(1))),
            Self::NoLeader => situation.without_leader(),
            Self::Alarm(kind, about) => situation.alarm(kind, about),
            Self::Learner => situation.learner(),
            Self::Undeclared(name) => situation.also_listed(|fourth| fourth.name = name.to_owned()),
            Self::Setting(option, value) => situation.setting(option, value),
            Self::Spans(soak, settle) => situation.declared(|cluster| {
                cluster.rollout.soak = Span::from(std::time::Duration::from_nanos(soak));
                cluster.rollout.v2_settle = Span::from(std::time::Duration::from_secs(settle));
            }),
            Self::Policies(points, hashes, hold, size) => situation.declared(|cluster| {
                let toggle = |on| if on { Toggle::On } else { Toggle::Off };
                cluster.rollback_points.enabled = toggle(points);
                cluster.rollback_points.max_size = Bytes(size);
                cluster.rollout.compare_hashes = toggle(hashes);
                cluster.rollout.hold_before = hold.then_some(HoldPoint::NoReturn);
                cluster.rollout.on_failure = if hold { OnFailure::Halt } else { OnFailure::RollbackMember };
                cluster.backup.verify = if hashes { Verify::Restore } else { Verify::Hash };
            }),
            Self::ToldDownTo(minor) => situation.told_down_to(minor),
            Self::At(minor) => situation.cluster_at(minor),
            Self::AllDone => Self::all(situation, &MemberChange::Done),
            Self::AllDown => Self::all(situation, &MemberChange::Down),
        }
    }

    fn all(situation: Situation, change: &MemberChange) -> Situation {
        (0..situation.inventory.members.len()).fold(situation, |all, number| change.clone().applied(number, all))
    }
}
