//! Plans and refusals as the planner makes them, for tests of what is rendered.

use std::collections::BTreeMap;

use crate::observe::inventory::ListedMember;
use crate::plan::model::*;
use crate::plan::testing::*;
use crate::runtime::CreateSpec;
use crate::spec::model::*;
use crate::units::{Bytes, ClusterId, MemberName, Minor, RaftIndex, Revision, Sha256, Span};

fn minor(text: &str) -> Minor {
    text.parse().unwrap()
}

fn digest(text: &str) -> Sha256 {
    Sha256::of(text.as_bytes())
}

fn members() -> Vec<MemberName> {
    NAMES.map(name).to_vec()
}

fn member_list() -> Vec<ListedMember> {
    (1..=3).map(listed).collect()
}

fn declared(to: &str) -> Cluster {
    cluster(to, &NAMES.map(str::to_owned))
}

fn basis(versions: [Option<&str>; 3], cluster: Option<&str>) -> Basis {
    let member = |n: usize, running: Option<&str>| MemberBasis {
        host: format!("deploy@10.0.0.1{n}"),
        arch: "amd64".to_owned(),
        member_id: Some(member_id(n)),
        server_version: running.map(version),
        running_sha256: running.map(etcd_digest),
        binary_path: Some("/usr/bin/etcd".to_owned()),
        binary_sha256: running.map(etcd_digest),
        options_sha256: Some(digest("options")),
        unit_sha256: Some(digest("unit")),
        certificates_sha256: None,
        settings_sha256: None,
        data_dir: Some("/var/lib/etcd".to_owned()),
    };
    Basis {
        cluster_id: Some(ClusterId(0xc0ffee)),
        cluster_version: cluster.map(minor),
        member_list: member_list(),
        members: (1..=3).map(|n| (name(&format!("m{n}")), member(n, versions[n - 1]))).collect(),
    }
}

fn gate_timeout() -> Span {
    Span::from_secs(60)
}

fn before_a_stop(member: &str) -> Vec<Gate> {
    let within = gate_timeout();
    vec![
        Gate::AllHealthy { within },
        Gate::OneLeader { within },
        Gate::MemberList { members: member_list(), within },
        Gate::QuorumWithout { member: name(member), within },
    ]
}

fn after_a_start(member: &str, to: &str, settle: Option<Gate>) -> Vec<Gate> {
    let mut gates = vec![
        Gate::RunsVersion {
            member: name(member),
            version: version(to),
            sha256: etcd_digest(to),
            within: Span::from_secs(600),
        },
        Gate::AllHealthy { within: Span::from_secs(600) },
        Gate::CaughtUp { member: name(member), entries: RaftIndex(10), within: Span::from_secs(600) },
    ];
    gates.extend(settle);
    gates.push(Gate::Soak { span: Span::from_secs(10) });
    gates
}

/// What differs between the member steps of the fixtures.
struct Change<'a> {
    member: &'a str,
    role: Role,
    from: &'a str,
    to: &'a str,
    how: HandOver,
    settle: Option<Gate>,
    why: &'a str,
}

fn member_step(id: u32, change: Change<'_>) -> Step {
    let Change { member, role, from, to, how, settle, why } = change;
    Step {
        id: StepId(id),
        action: Action::Member(MemberAction {
            member: name(member),
            role,
            from: version(from),
            to: version(to),
            binary: BinaryChange {
                path: "/usr/bin/etcd".to_owned(),
                old_sha256: Some(etcd_digest(from)),
                new_sha256: etcd_digest(to),
                staged: format!("/usr/local/lib/quorate/{to}/etcd"),
                kept: format!("/usr/local/lib/quorate/kept/etcd-{from}"),
            },
            operations: vec![
                Operation::HandOver { how },
                Operation::Stop { timeout: Span::from_secs(60) },
                Operation::CopyDataDir { from: "/var/lib/etcd".to_owned(), wal_dir: None, size: Bytes::mebi(105) },
                Operation::SwapBinary,
                Operation::Start { timeout: Span::from_secs(600) },
            ],
            on_failure: OnFailure::RollbackMember,
            readd: None,
            settings: None,
        }),
        why: why.to_owned(),
        before: before_a_stop(member),
        after: after_a_start(member, to, settle),
        undo: Undo::SwapBack,
        estimate: Span::from_secs(13),
    }
}

fn quiet_step(id: u32, action: Action, why: &str, seconds: u64) -> Step {
    Step {
        id: StepId(id),
        action,
        why: why.to_owned(),
        before: Vec::new(),
        after: Vec::new(),
        undo: Undo::NothingToUndo,
        estimate: Span::from_secs(seconds),
    }
}

fn stage(id: u32, to: &str) -> Step {
    let action = Action::Stage {
        version: version(to),
        members: members(),
        folder: format!("/usr/local/lib/quorate/{to}"),
        programs: vec!["etcd".to_owned()],
    };
    quiet_step(id, action, "the new binaries are on every host, checked by digest, before anything is stopped", 8)
}

fn preflight(id: u32, to: &str) -> Step {
    let action = Action::Preflight { version: version(to), members: members() };
    quiet_step(id, action, "an option that the new binary does not know would keep a member down", 1)
}

fn finish(id: u32, to: &str) -> Step {
    let minor = version(to).minor();
    let mut step = quiet_step(
        id,
        Action::Finish { version: version(to), minor },
        "the cluster counts as upgraded only when its version has moved on every member",
        4,
    );
    step.after = vec![
        Gate::ClusterVersion { minor, within: gate_timeout() },
        Gate::AllHealthy { within: gate_timeout() },
        Gate::MemberList { members: member_list(), within: gate_timeout() },
    ];
    step
}

fn no_return(hold: Option<HoldPoint>) -> NoReturn {
    NoReturn {
        before_last_member: true,
        up_to_there: "put the old binaries back, member by member; nothing is lost".to_owned(),
        after: "restore the backup of step 3, or put all rollback points back together; writes since then are lost"
            .to_owned(),
        source: "upgrade guide of 3.2, \"Downgrade\"".to_owned(),
        hold,
        goes_on: None,
    }
}

fn note(rule: &str, member: Option<&str>, text: &str, source: Option<&str>) -> Note {
    Note { rule: rule.to_owned(), member: member.map(name), text: text.to_owned(), source: source.map(str::to_owned) }
}

fn check(rule: &str, outcome: CheckOutcome, text: &str) -> Check {
    Check { rule: rule.to_owned(), outcome, text: text.to_owned() }
}

fn plan(kind: Kind, basis: Basis, from: Option<&str>, to: &str) -> Plan {
    Plan {
        format: PLAN_FORMAT,
        made_by: "0.1.0".to_owned(),
        kind,
        state_dir: "/work/.quorate".into(),
        modules_dir: None,
        cluster: "prod".parse().unwrap(),
        declared: declared(to),
        basis,
        summary: Summary {
            from: from.map(version),
            to: version(to),
            members: 3,
            leader: Some(name("m2")),
            db_size: Some(Bytes::mebi(41)),
            v2_keys: Some(0),
            v3_keys: Some(12_000),
            revision: Some(Revision(18_231)),
            estimate: Span::from_secs(54),
        },
        releases: vec![pin(to, "amd64")],
        rungs: Vec::new(),
        later: Vec::new(),
        checks: vec![
            check("members-healthy", CheckOutcome::Passed, "all 3 members are healthy, no alarm is raised"),
            check("one-version", CheckOutcome::Passed, "all members run the minor before the target"),
            check("listen-urls-are-ips", CheckOutcome::Passed, "every listen URL names an IP address"),
            check("disk-space", CheckOutcome::Passed, "the least free space where data is kept is 4.1 GB, on m3"),
            check("options-accepted", CheckOutcome::Later, "14 options are read by the new binary in step 2"),
        ],
        warnings: Vec::new(),
    }
}

/// 3.1.20 -> 3.2.32 on three healthy members, m2 leads.
pub fn upgrade() -> Plan {
    let (from, to) = ("3.1.20", "3.2.32");
    let step = |id, member, role, why| {
        member_step(id, Change { member, role, from, to, how: HandOver::AtStop, settle: None, why })
    };
    let backup = Action::Backup(BackupAction {
        member: name("m2"),
        verify: Verify::Restore,
        v3: Some(V3Backup { not_older_than: Revision(18_231), compare_by_hash_kv: false }),
        v2: None,
        tools: version(from),
    });
    let mut plan = plan(Kind::Upgrade, basis([Some(from); 3], Some("3.1")), Some(from), to);
    plan.rungs = vec![Rung {
        from: Some(minor("3.1")),
        to: minor("3.2"),
        steps: vec![
            stage(1, to),
            preflight(2, to),
            quiet_step(3, backup, "a verified backup is the way back after the point of no return", 6),
            step(4, "m1", Role::Follower, "followers first: no election"),
            step(5, "m3", Role::Follower, "followers first: no election"),
            step(6, "m2", Role::Leader, "the leader last: leadership moves only once"),
            finish(7, to),
        ],
        no_return: Some(no_return(None)),
        clients: vec![
            "writes pause for about 0.1 s when m2 hands over".to_owned(),
            "connections to a member break while it restarts; clients that know all endpoints go on".to_owned(),
        ],
        advisories: vec![
            note(
                "client-3.2-ttl",
                None,
                "TimeToLive of a lease that is gone answers TTL -1 and no error",
                Some("upgrade guide of 3.2"),
            ),
            note("client-3.2-config", None, "clientv3.NewFromConfigFile has moved to package yaml", None),
        ],
    }];
    plan
}

/// 3.7.1 -> 3.6.14: the same steps, and etcd is told first.
pub fn way_down() -> Plan {
    let (from, to) = ("3.7.1", "3.6.14");
    let mut plan = Plan { kind: Kind::Downgrade, ..upgrade() };
    plan.basis = basis([Some(from); 3], Some("3.7"));
    plan.summary.from = Some(version(from));
    plan.summary.to = version(to);
    let within = gate_timeout();
    let ready =
        [Gate::ClusterVersion { minor: minor("3.6"), within }, Gate::StorageReadable { minor: minor("3.6"), within }];
    let order = DowngradeOrder { to: minor("3.6"), fact: "downgrade-3.7-3.6".to_owned(), within };
    let mut told = quiet_step(20, Action::EnableDowngrade(order), "the cluster version comes down first", 4);
    told.after = ready.to_vec();
    told.undo = Undo::CancelDowngrade;
    for rung in &mut plan.rungs {
        (rung.from, rung.to) = (Some(minor("3.7")), minor("3.6"));
        for step in &mut rung.steps {
            if let Action::Member(action) = &mut step.action {
                (action.from, action.to) = (version(from), version(to));
                step.before.extend(ready.clone());
            }
        }
        let first = rung.steps.iter().position(|step| matches!(step.action, Action::Member(_)));
        rung.steps.insert(first.unwrap(), told.clone());
        *rung.steps.last_mut().unwrap() = finish(7, to);
    }
    plan
}

/// The same, held before the point of no return.
pub fn held_upgrade() -> Plan {
    let mut plan = upgrade();
    for rung in &mut plan.rungs {
        rung.no_return = Some(no_return(Some(HoldPoint::NoReturn)));
    }
    plan
}

/// 2.1.3 -> 2.2.5 with 78 MB of v2 data: two minutes a member.
pub fn upgrade_with_settle() -> Plan {
    let (from, to) = ("2.1.3", "2.2.5");
    let settle = || {
        Some(Gate::V2Settle {
            span: Span::from_secs(120),
            size: Bytes::mebi(78),
            source: "upgrade guide of 2.2: over 50 MB".to_owned(),
        })
    };
    let step = |id, member, role, why| {
        member_step(id, Change { member, role, from, to, how: HandOver::None, settle: settle(), why })
    };
    let backup = Action::Backup(BackupAction {
        member: name("m2"),
        verify: Verify::Restore,
        v3: None,
        v2: Some(V2Backup { data_dir: "/var/lib/etcd".to_owned(), wal_dir: None, size: Some(Bytes::mebi(78)) }),
        tools: version(from),
    });
    let mut plan = plan(Kind::Upgrade, basis([Some(from); 3], Some("2.1")), Some(from), to);
    plan.summary.revision = None;
    plan.summary.v3_keys = None;
    plan.summary.v2_keys = Some(64_210);
    plan.summary.db_size = None;
    plan.summary.estimate = Span::from_secs(7 * 60);
    plan.rungs = vec![Rung {
        from: Some(minor("2.1")),
        to: minor("2.2"),
        steps: vec![
            stage(1, to),
            preflight(2, to),
            quiet_step(3, backup, "both guides ask for it", 9),
            step(4, "m1", Role::Follower, "followers first: no election"),
            step(5, "m3", Role::Follower, "followers first: no election"),
            step(6, "m2", Role::Leader, "the leader last: one election, which 2.1 cannot avoid"),
            finish(7, to),
        ],
        no_return: Some(no_return(None)),
        clients: vec!["writes pause for about 1.5 s when m2 stops: 2.1 cannot hand leadership over".to_owned()],
        advisories: Vec::new(),
    }];
    plan.warnings = vec![note(
        "v2-data-over-50-mb",
        None,
        "v2 data is 78 MB: each member takes two minutes to settle, by the guide's rule",
        Some("upgrade guide of 2.2"),
    )];
    plan
}

/// m1 is at the new version, m3 has the new binary but an old process, m2 is old.
pub fn mixed() -> Plan {
    let (from, to) = ("3.1.20", "3.2.32");
    let mut plan = plan(Kind::Upgrade, basis([Some(to), Some(from), Some(from)], Some("3.1")), Some(from), to);
    let how = HandOver::AtStop;
    plan.rungs = vec![Rung {
        from: Some(minor("3.1")),
        to: minor("3.2"),
        steps: vec![
            member_step(
                1,
                Change {
                    member: "m3",
                    role: Role::Follower,
                    from: to,
                    to,
                    how,
                    settle: None,
                    why: "somebody replaced the binary and did not restart",
                },
            ),
            member_step(
                2,
                Change {
                    member: "m2",
                    role: Role::Leader,
                    from,
                    to,
                    how,
                    settle: None,
                    why: "the leader last: leadership moves only once",
                },
            ),
            finish(3, to),
        ],
        no_return: Some(no_return(None)),
        clients: Vec::new(),
        advisories: Vec::new(),
    }];
    plan
}

/// Three members where nothing is.
pub fn creation() -> Plan {
    let to = "3.2.32";
    let nobody = MemberBasis {
        host: "deploy@10.0.0.11".to_owned(),
        arch: "amd64".to_owned(),
        member_id: None,
        server_version: None,
        running_sha256: None,
        binary_path: None,
        binary_sha256: None,
        options_sha256: None,
        unit_sha256: None,
        certificates_sha256: None,
        settings_sha256: None,
        data_dir: None,
    };
    let basis = Basis {
        cluster_id: None,
        cluster_version: None,
        member_list: Vec::new(),
        members: members().into_iter().map(|member| (member, nobody.clone())).collect(),
    };
    let mut plan = plan(Kind::Create, basis, None, to);
    plan.summary = Summary {
        from: None,
        to: version(to),
        members: 3,
        leader: None,
        db_size: None,
        v2_keys: None,
        v3_keys: None,
        revision: None,
        estimate: Span::from_secs(21),
    };
    plan.checks = vec![check("nothing-there", CheckOutcome::Passed, "no unit, process or data on any host")];
    let create = |id: u32, n: u32| Step {
        id: StepId(id),
        action: Action::CreateMember(Box::new(CreateAction {
            member: name(&format!("m{n}")),
            version: version(to),
            binary_path: "/usr/local/bin/etcd".to_owned(),
            staged_dir: format!("/usr/local/lib/quorate/{to}"),
            data_dir: "/var/lib/etcd".to_owned(),
            args: vec![
                format!("--name=m{n}"),
                "--data-dir=/var/lib/etcd".to_owned(),
                "--initial-cluster=m1=http://10.0.0.11:2380,m2=http://10.0.0.12:2380,m3=http://10.0.0.13:2380"
                    .to_owned(),
            ],
            user: Some("etcd".to_owned()),
            unit_file: Some(format!(
                "[Unit]\nDescription=etcd member m{n}\n\n[Service]\nUser=etcd\nExecStart=/usr/local/bin/etcd \
                 --name=m{n}\n\n[Install]\nWantedBy=multi-user.target\n"
            )),
            spec: create_spec(n, to),
        })),
        why: "nothing is on this host".to_owned(),
        before: Vec::new(),
        after: Vec::new(),
        undo: Undo::RemoveCreated,
        estimate: Span::from_secs(2),
    };
    let together = Step {
        id: StepId(5),
        action: Action::StartTogether { members: members() },
        why: "a new cluster answers when most of its members are up".to_owned(),
        before: Vec::new(),
        after: vec![
            Gate::AllHealthy { within: Span::from_secs(600) },
            Gate::DeclaredMembers { names: members(), within: gate_timeout() },
        ],
        undo: Undo::RemoveCreated,
        estimate: Span::from_secs(4),
    };
    plan.rungs = vec![Rung {
        from: None,
        to: minor("3.2"),
        steps: vec![stage(1, to), create(2, 1), create(3, 2), create(4, 3), together],
        no_return: None,
        clients: Vec::new(),
        advisories: Vec::new(),
    }];
    plan
}

fn replacement() -> Replacement {
    let member = |n: u32| {
        let data = "/var/lib/etcd".to_owned();
        let change = MemberReplacement {
            copy_of: Some(DataCopy { data: format!("{data}.quorate-20260102T030405Z-0a0b0c0d-v3.1.20"), wal: None }),
            data_dir: data,
            wal_dir: None,
            size: Bytes::mebi(169),
            binary: Some(BinaryChange {
                path: "/usr/local/bin/etcd".to_owned(),
                old_sha256: Some(digest("etcd 3.2.32")),
                new_sha256: digest("etcd 3.1.20"),
                staged: "/usr/local/lib/quorate/3.1.20/etcd".to_owned(),
                kept: "/usr/local/lib/quorate/3.2.32/etcd".to_owned(),
            }),
            settings: None,
        };
        (name(&format!("m{n}")), change)
    };
    Replacement {
        format: REPLACEMENT_FORMAT,
        kind: ReplacementKind::Rollback,
        id: None,
        phase: ReplacementPhase::Replacing,
        from: version("3.2.32"),
        to: version("3.1.20"),
        source: "20260102T030405Z-0a0b0c0d".to_owned(),
        first: vec![name("m2"), name("m3")],
        then: vec![name("m1")],
        member_list: member_list(),
        members: (1..=3).map(member).collect(),
    }
}

/// 3.2.32 back to 3.1.20 by the rollback points of all members; m2 has the longest log.
pub fn whole_rollback() -> Plan {
    let (from, to) = ("3.2.32", "3.1.20");
    let mut plan = plan(Kind::Rollback, basis([Some(from); 3], Some("3.2")), Some(from), to);
    plan.releases.clear();
    let replacement = replacement();
    let replaced = replacement.members.clone();
    let mut actions = vec![
        Action::ReadyData { id: None, members: replaced.clone() },
        Action::Prepare { members: members() },
        Action::StopAll { members: members(), timeout: Span::from_secs(60) },
        Action::MarkReplacement(Box::new(replacement.clone())),
    ];
    actions.extend(replaced.iter().map(|(member, change)| {
        Action::ReplaceData(Box::new(ReplaceAction {
            member: member.clone(),
            id: None,
            from: version(from),
            to: version(to),
            replacement: change.clone(),
        }))
    }));
    let starting = Replacement { phase: ReplacementPhase::Starting, ..replacement.clone() };
    actions.push(Action::MarkReplacement(Box::new(starting)));
    actions.push(Action::StartTogether { members: replacement.first.clone() });
    let joining = Replacement { phase: ReplacementPhase::Joining, ..replacement.clone() };
    actions.push(Action::MarkReplacement(Box::new(joining)));
    actions.push(Action::Member(MemberAction {
        member: name("m1"),
        role: Role::Down,
        from: version(to),
        to: version(to),
        binary: BinaryChange {
            path: "/usr/local/bin/etcd".to_owned(),
            old_sha256: None,
            new_sha256: digest("etcd 3.1.20"),
            staged: "/usr/local/bin/etcd".to_owned(),
            kept: "/usr/local/bin/etcd".to_owned(),
        },
        operations: vec![Operation::Start { timeout: Span::from_secs(600) }],
        on_failure: OnFailure::Halt,
        readd: None,
        settings: None,
    }));
    actions.push(Action::Finish { version: version(to), minor: minor("3.1") });
    actions.push(Action::CompareData { moment: Moment::AtTheEnd });
    actions.push(Action::EndReplacement { members: replaced });
    let mut steps: Vec<Step> =
        (1..).zip(actions).map(|(id, action)| quiet_step(id, action, "it is part of the one safe order", 1)).collect();
    for step in &mut steps {
        if let Action::StartTogether { members } = &step.action {
            step.after = vec![Gate::Serving { members: members.clone(), within: Span::from_secs(600) }];
        }
    }
    plan.rungs = vec![Rung {
        from: Some(minor("3.2")),
        to: minor("3.1"),
        steps,
        no_return: None,
        clients: vec!["no service while all members are down".to_owned()],
        advisories: Vec::new(),
    }];
    plan
}

/// Everything is as declared.
pub fn nothing_to_do() -> Plan {
    let to = "3.2.32";
    let mut plan = plan(Kind::NothingToDo, basis([Some(to); 3], Some("3.2")), Some(to), to);
    plan.releases.clear();
    plan.summary.estimate = Span::default();
    plan
}

fn create_spec(n: u32, to: &str) -> CreateSpec {
    let url = |port: u16| vec![format!("http://10.0.0.1{n}:{port}")];
    CreateSpec {
        name: name(&format!("m{n}")),
        runtime: Runtime::Systemd(Systemd {
            unit: "etcd.service".to_owned(),
            ownership: Ownership::Managed,
            bin_dir: "/usr/local/bin".to_owned(),
            user: "etcd".to_owned(),
        }),
        version: version(to),
        data_dir: None,
        listen_client_urls: url(2379),
        advertise_client_urls: url(2379),
        listen_peer_urls: url(2380),
        advertise_peer_urls: url(2380),
        initial_cluster: Vec::new(),
        token: "quorate-prod".to_owned(),
        settings: BTreeMap::new(),
        environment: BTreeMap::new(),
        unit_template: None,
    }
}
