//! What the tests of several rooms make plans from: names, versions, releases, a declared cluster. All of one cluster:
//! `prod`, with members m1, m2, … on 10.0.0.11, 10.0.0.12, ….

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::knowledge::Knowledge;
use crate::observe::inventory::{
    BinaryFacts, DataDirFacts, ListedMember, MemberFacts, OptionFact, OptionSource, SnapFile,
};
use crate::plan::model::{PinnedBinary, ReleasePin};
use crate::spec::model::Availability;
use crate::spec::model::*;
use crate::units::{Bytes, MemberId, MemberName, RaftIndex, Sha256, Span, Version};

pub static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::embedded().unwrap());

pub const NAMES: [&str; 3] = ["m1", "m2", "m3"];

pub fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

pub fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// The digest of the `etcd` of a release.
pub fn etcd_digest(release: &str) -> Sha256 {
    Sha256::of(format!("etcd {release}").as_bytes())
}

pub fn member_id(number: usize) -> MemberId {
    MemberId(0xa1b2_c300 + number as u64)
}

pub fn pin(release: &str, arch: &str) -> ReleasePin {
    let program =
        |program: &str, digest, size| (program.to_owned(), PinnedBinary { sha256: digest, size: Bytes(size) });
    ReleasePin {
        version: version(release),
        arch: arch.to_owned(),
        source: format!("https://mirror.example/etcd-v{release}-linux-{arch}.tar.gz"),
        archive_sha256: Some(Sha256::of(format!("{release} {arch}").as_bytes())),
        checked: "sums".to_owned(),
        binaries: [
            program("etcd", etcd_digest(release), 17_301_504),
            program("etcdctl", Sha256::of(format!("etcdctl {release}").as_bytes()), 14_680_064),
        ]
        .into(),
    }
}

/// Members that somebody else installed, reached by SSH, run by systemd.
pub fn cluster(declared: &str, names: &[String]) -> Cluster {
    let member = |(number, name): (usize, &String)| {
        let address = format!("10.0.0.{}", 11 + number);
        Member {
            name: name.parse().unwrap(),
            connection: Connection::Ssh(Ssh {
                destination: address.clone(),
                user: Some("deploy".to_owned()),
                port: None,
                identity_file: None,
                config_file: None,
                known_hosts_file: None,
                connect_timeout: Span::from_secs(10),
                reconnect_for: Span::from_secs(30),
                become_: Become::Sudo,
            }),
            address,
            client_url: None,
            peer_url: None,
            data_dir: None,
        }
    };
    Cluster {
        name: "prod".parse().unwrap(),
        version: version(declared),
        via: BTreeMap::new(),
        members: names.iter().enumerate().map(member).collect(),
        runtime: Runtime::Systemd(Systemd {
            unit: "etcd.service".to_owned(),
            ownership: Ownership::Adopted,
            bin_dir: "/usr/local/bin".to_owned(),
            user: "etcd".to_owned(),
        }),
        releases: vec![ReleaseSource::Upstream],
        client: ClientAccess::default(),
        settings: BTreeMap::new(),
        rollout: Rollout {
            soak: Span::from_secs(10),
            hold_before: None,
            on_failure: OnFailure::RollbackMember,
            ready_timeout: Span::from_secs(600),
            stop_timeout: Span::from_secs(60),
            version_timeout: Span::from_secs(60),
            catch_up_timeout: Span::from_secs(600),
            gate_timeout: Span::from_secs(60),
            v2_settle: Span::from_secs(120),
            compare_hashes: Toggle::On,
            settings: SettingsPolicy::Keep,
            availability: Availability::default(),
        },
        backup: BackupPolicy { dir: "/srv/prod/.quorate/backups".into(), keep: 7, verify: Verify::Restore },
        rollback_points: RollbackPoints { enabled: Toggle::On, max_size: Bytes::mebi(20 * 1024) },
    }
}

pub fn listed(number: usize) -> ListedMember {
    ListedMember {
        id: member_id(number),
        name: format!("m{number}"),
        peer_urls: vec![format!("http://10.0.0.{}:2380", 10 + number)],
        client_urls: vec![format!("http://10.0.0.{}:2379", 10 + number)],
        is_learner: false,
    }
}

/// A member that somebody else installed, as `observe` sees it.
pub fn member_facts(number: usize, running: &str) -> MemberFacts {
    let options = [
        ("name", format!("m{number}")),
        ("data-dir", "/var/lib/etcd".to_owned()),
        ("listen-client-urls", format!("http://10.0.0.{}:2379", 10 + number)),
        ("advertise-client-urls", format!("http://10.0.0.{}:2379", 10 + number)),
        ("listen-peer-urls", format!("http://10.0.0.{}:2380", 10 + number)),
        ("initial-advertise-peer-urls", format!("http://10.0.0.{}:2380", 10 + number)),
    ];
    MemberFacts {
        binary: BinaryFacts {
            path: "/usr/bin/etcd".to_owned(),
            link_target: None,
            version: Some(version(running)),
            sha256: Some(etcd_digest(running)),
            print: None,
            size: Some(Bytes(17_000_000)),
            owner: "root:root".to_owned(),
            mode: "755".to_owned(),
            free: Some(Bytes::mebi(8 * 1024)),
            device: None,
        },
        args: options.iter().map(|(name, value)| format!("--{name}={value}")).collect(),
        options: options.into_iter().map(|(name, value)| argument(name, &value)).collect(),
        config_file: None,
        options_sha256: Sha256::of(b"options"),
        data_dir: data_dir(),
        certificates: Vec::new(),
        next_start: None,
        files: Vec::new(),
    }
}

pub fn data_dir() -> DataDirFacts {
    DataDirFacts {
        path: "/var/lib/etcd".to_owned(),
        has_member: true,
        owner: "etcd:etcd".to_owned(),
        mode: "700".to_owned(),
        size: Bytes::mebi(169),
        db_size: Some(Bytes::mebi(41)),
        newest_snap: Some(SnapFile { size: Bytes(12_000), index: RaftIndex(20_002) }),
        wal_dir: None,
        wal_size: None,
        free: Bytes::mebi(20 * 1024),
        device: None,
        file_system: "ext4".to_owned(),
        rollback_points: Vec::new(),
        replacing: None,
    }
}

pub fn argument(name: &str, value: &str) -> OptionFact {
    OptionFact { name: name.to_owned(), value: value.to_owned(), source: OptionSource::Argument, effective: true }
}
