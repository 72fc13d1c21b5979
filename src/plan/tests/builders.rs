//! Healthy clusters as `observe` sees them, and small changes to them that read like sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::knowledge::Feature;
use crate::observe::inventory::*;
use crate::plan::model::{Plan, Refusal, ReleasePin};
pub use crate::plan::testing::*;
use crate::plan::{CutOffCreation, Held, Input, plan};
use crate::runtime::Templates;
use crate::spec::model::*;
use crate::units::{Bytes, ClusterId, MemberId, RaftIndex, RaftTerm, Revision, Sha256, Version};
use crate::view::{Style, json_line, plan_json, plan_text, refusals_json, refusals_text};

/// A declared cluster, what was seen of it, and the releases that are at hand.
#[derive(Debug, Clone)]
pub struct Situation {
    pub cluster: Cluster,
    pub inventory: Inventory,
    pub releases: Vec<ReleasePin>,
    pub missing: Vec<String>,
    pub held: Option<Held>,
    pub creation: CutOffCreation,
}

/// Three members of one release, installed by somebody else, all well; m2 leads.
pub fn healthy(running: &str) -> Situation {
    of_members(running, 3)
}

/// The same with another number of members; the second one leads, where there is one.
pub fn of_members(running: &str, count: usize) -> Situation {
    let names: Vec<String> = (1..=count).map(|number| format!("m{number}")).collect();
    Situation {
        cluster: cluster(running, &names),
        inventory: Inventory {
            cluster: "prod".parse().unwrap(),
            taken_at: "2026-01-02T03:04:05Z".to_owned(),
            members: (1..=count).map(|number| view(number, count, running)).collect(),
        },
        releases: vec![pin(running, "amd64")],
        missing: Vec::new(),
        held: None,
        creation: CutOffCreation::NotKnown,
    }
}

/// Declared hosts with nothing of etcd on them; `systemd` runtime, made by quorate.
pub fn empty_hosts(declared: &str) -> Situation {
    let mut situation = healthy(declared).managed();
    for view in &mut situation.inventory.members {
        view.etcd = nobody_listens();
        if let Seen::Known(host) = &mut view.host {
            host.member = None;
            host.unit = None;
            host.processes.clear();
        }
    }
    situation
}

fn nobody_listens() -> Seen<EtcdFacts> {
    Seen::Unknown { why: "nothing listens on http://127.0.0.1:2379".to_owned() }
}

fn view(number: usize, count: usize, running: &str) -> MemberView {
    MemberView {
        name: name(&format!("m{number}")),
        host_label: format!("deploy@10.0.0.{}", 10 + number),
        host: Seen::Known(host(number, running)),
        etcd: Seen::Known(etcd(number, count, running)),
    }
}

fn host(number: usize, running: &str) -> HostFacts {
    HostFacts {
        hostname: format!("db{number}"),
        arch: "amd64".to_owned(),
        os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        systemd: true,
        processes: vec![process(number, running)],
        unit: Some(UnitFacts {
            name: "etcd.service".to_owned(),
            load_state: "loaded".to_owned(),
            active_state: "active".to_owned(),
            sub_state: "running".to_owned(),
            file_state: "enabled".to_owned(),
            main_pid: Some(700),
            need_daemon_reload: false,
            kind: "notify".to_owned(),
            restart: "on-failure".to_owned(),
            fragment_path: Some("/etc/systemd/system/etcd.service".to_owned()),
            drop_ins: Vec::new(),
            timeout_stop_us: Some(90_000_000),
            sha256: Some(Sha256::of(b"unit")),
        }),
        managed: None,
        member: Some(member_facts(number, running)),
        store_free: Some(Bytes::mebi(8 * 1024)),
        store_device: None,
        scratch_free: None,
        scratch_device: None,
        staged: BTreeMap::new(),
        data_without_member: None,
        kept_settings: Vec::new(),
        listening: BTreeSet::new(),
        notes: Vec::new(),
    }
}

fn process(number: usize, running: &str) -> EtcdProcess {
    EtcdProcess {
        pid: 700,
        started: 4321,
        exe: "/usr/bin/etcd".to_owned(),
        exe_replaced: false,
        exe_sha256: Some(etcd_digest(running)),
        unit: Some("etcd.service".to_owned()),
        user: "etcd".to_owned(),
        data_dir: Some("/var/lib/etcd".to_owned()),
        name: Some(format!("m{number}")),
        is_declared_member: true,
    }
}

pub fn certificate(option: &str, ip_addresses: &[&str]) -> CertificateFacts {
    CertificateFacts {
        option: option.to_owned(),
        path: format!("/etc/etcd/pki/{option}.crt"),
        problem: None,
        sha256: Some(etcd_digest(option)),
        subject: "CN=etcd".to_owned(),
        not_before: "2025-01-01T00:00:00Z".to_owned(),
        not_after: "2027-01-01T00:00:00Z".to_owned(),
        valid_now: true,
        dns_names: Vec::new(),
        ip_addresses: ip_addresses.iter().map(|&ip| ip.to_owned()).collect(),
    }
}

fn etcd(number: usize, count: usize, running: &str) -> EtcdFacts {
    let running = version(running);
    let features = KNOWLEDGE.features(&running);
    let v3 = features.has(Feature::V3Api);
    let hash = HashKv { revision: Revision(18_231), hash: 0x51a7_0b1e, compact_revision: Revision(17_000) };
    EtcdFacts {
        member_id: member_id(number),
        cluster_id: ClusterId(0xc0ff_ee00),
        cluster_version: Some(format!("{}.0", running.minor()).parse().unwrap()),
        storage_version: features
            .has(Feature::StorageVersion)
            .then(|| format!("{}.0", running.minor()).parse().unwrap()),
        downgrade_to: None,
        unhealthy: None,
        leader: Some(member_id(count.min(2))),
        raft_term: Some(RaftTerm(7)),
        raft_index: Some(RaftIndex(24_310)),
        raft_applied_index: None,
        revision: v3.then_some(Revision(18_231)),
        db_size: v3.then(|| Bytes::mebi(41)),
        db_size_in_use: None,
        is_learner: false,
        members: (1..=count).map(listed).collect(),
        alarms: Vec::new(),
        v2_keys: features.has(Feature::V2Api).then_some(if v3 { 0 } else { 1_204 }),
        v3_keys: v3.then_some(12_000),
        hash_kv: features.has(Feature::HashKv).then_some(hash),
        auth_enabled: Some(false),
        denied: None,
        server_version: running,
    }
}

/// What is declared.
impl Situation {
    /// Declares a version, and puts its release at hand.
    pub fn to(mut self, declared: &str) -> Self {
        self.cluster.version = version(declared);
        self.releases = vec![pin(declared, "amd64")];
        self
    }

    /// Releases on the way that are at hand.
    pub fn by(mut self, releases: &[&str]) -> Self {
        self.releases.extend(releases.iter().map(|release| pin(release, "amd64")));
        self
    }

    pub fn declared(mut self, change: impl FnOnce(&mut Cluster)) -> Self {
        change(&mut self.cluster);
        self
    }

    /// The spec says whom to ask as.
    pub fn with_a_user(self) -> Self {
        let password = Password::Inline("secret".to_owned());
        self.declared(|cluster| cluster.client.login = Some(UserLogin { user: "root".to_owned(), password }))
    }

    pub fn setting(mut self, option: &str, value: &str) -> Self {
        self.cluster.settings.insert(option.to_owned(), value.to_owned());
        self
    }

    /// `adopt = false`.
    pub fn managed(mut self) -> Self {
        if let Runtime::Systemd(systemd) = &mut self.cluster.runtime {
            systemd.ownership = Ownership::Managed;
        }
        self
    }

    pub fn processes(mut self) -> Self {
        self.cluster.runtime = Runtime::Process(Process { dir: "/home/me/etcd".to_owned() });
        self.every_host(|host| {
            host.unit = None;
            host.systemd = false;
        })
    }

    pub fn nowhere(mut self, why: &str) -> Self {
        self.releases.clear();
        self.missing = vec![why.to_owned()];
        self
    }
}

/// What was seen.
impl Situation {
    pub fn view(&mut self, member: &str) -> &mut MemberView {
        let at = self.inventory.members.iter().position(|view| view.name.as_str() == member).unwrap();
        &mut self.inventory.members[at]
    }

    pub fn host(mut self, member: &str, change: impl FnOnce(&mut HostFacts)) -> Self {
        let Seen::Known(host) = &mut self.view(member).host else { panic!("the host of {member} was not seen") };
        change(host);
        self
    }

    pub fn every_host(mut self, mut change: impl FnMut(&mut HostFacts)) -> Self {
        for view in &mut self.inventory.members {
            if let Seen::Known(host) = &mut view.host {
                change(host);
            }
        }
        self
    }

    pub fn facts(self, member: &str, change: impl FnOnce(&mut MemberFacts)) -> Self {
        self.host(member, |host| change(host.member.as_mut().unwrap()))
    }

    pub fn every_facts(self, mut change: impl FnMut(&mut MemberFacts)) -> Self {
        self.every_host(|host| host.member.iter_mut().for_each(&mut change))
    }

    pub fn unit(self, member: &str, change: impl FnOnce(&mut UnitFacts)) -> Self {
        self.host(member, |host| change(host.unit.as_mut().unwrap()))
    }

    pub fn etcd(mut self, member: &str, change: impl FnOnce(&mut EtcdFacts)) -> Self {
        let Seen::Known(etcd) = &mut self.view(member).etcd else { panic!("{member} does not answer") };
        change(etcd);
        self
    }

    pub fn every_etcd(mut self, mut change: impl FnMut(&mut EtcdFacts)) -> Self {
        for view in &mut self.inventory.members {
            if let Seen::Known(etcd) = &mut view.etcd {
                change(etcd);
            }
        }
        self
    }

    pub fn unreachable(mut self, member: &str) -> Self {
        let view = self.view(member);
        let why = format!("{}: no route to host", view.host_label);
        view.host = Seen::Unknown { why };
        view.etcd = Seen::Unknown { why: "its host was not reached".to_owned() };
        self
    }

    /// It has its data, its binary is as it was, and no process runs.
    pub fn down(mut self, member: &str) -> Self {
        self.view(member).etcd = nobody_listens();
        self.host(member, |host| {
            host.processes.clear();
            if let Some(unit) = &mut host.unit {
                unit.active_state = "inactive".to_owned();
                unit.sub_state = "dead".to_owned();
                unit.main_pid = None;
            }
        })
    }

    /// As an interrupted run leaves it: stopped, the new binary in its place.
    pub fn stopped_with_new_binary(self, member: &str) -> Self {
        let declared = self.cluster.version.to_string();
        self.down(member).with_binary(member, &declared)
    }

    /// Somebody put another binary in place and did not restart.
    pub fn binary_swapped(self, member: &str) -> Self {
        let declared = self.cluster.version.to_string();
        self.with_binary(member, &declared).host(member, |host| host.processes[0].exe_replaced = true)
    }

    fn with_binary(self, member: &str, release: &str) -> Self {
        self.facts(member, |facts| {
            facts.binary.version = Some(version(release));
            facts.binary.sha256 = Some(etcd_digest(release));
        })
    }

    /// The member was upgraded; the cluster version is as it was.
    pub fn runs(self, member: &str, release: &str) -> Self {
        self.with_binary(member, release)
            .host(member, |host| host.processes[0].exe_sha256 = Some(etcd_digest(release)))
            .etcd(member, |etcd| etcd.server_version = version(release))
    }

    /// etcd was told to go down to this minor.
    pub fn told_down_to(self, minor: &str) -> Self {
        self.every_etcd(|etcd| {
            let tells = KNOWLEDGE.features(&etcd.server_version).has(Feature::DowngradeApi);
            etcd.downgrade_to = tells.then(|| minor.parse().unwrap());
        })
    }

    /// The cluster version, and what follows it: of a cluster on its way.
    pub fn cluster_at(self, minor: &str) -> Self {
        self.every_etcd(|etcd| {
            let at: Version = format!("{minor}.0").parse().unwrap();
            etcd.storage_version = etcd.storage_version.as_ref().map(|_| at.clone());
            etcd.cluster_version = Some(at);
        })
    }

    /// What etcd says of itself when it has no leader.
    pub fn without_leader(self) -> Self {
        self.every_etcd(|etcd| {
            etcd.leader = None;
            etcd.unhealthy = Some("{\"health\": \"false\"}".to_owned());
        })
    }

    /// It was started on the data of another cluster, of which it is the only member, and the leader.
    pub fn stranger(self, member: &str) -> Self {
        let number = self.inventory.members.iter().position(|view| view.name.as_str() == member).unwrap() as u64;
        self.etcd(member, |etcd| {
            let mut own = etcd.members.iter().find(|listed| listed.name == member).unwrap().clone();
            own.id = MemberId(0xbad0 + number);
            etcd.cluster_id = ClusterId(0xbad + number);
            etcd.member_id = own.id;
            etcd.leader = Some(own.id);
            etcd.members = vec![own];
            etcd.raft_index = Some(RaftIndex(90_000));
            etcd.revision = etcd.revision.map(|_| Revision(80_000));
        })
    }

    pub fn alarm(self, kind: &str, about: usize) -> Self {
        self.every_etcd(|etcd| etcd.alarms = vec![Alarm { member: member_id(about), kind: kind.to_owned() }])
    }

    /// A fourth member in the list of all.
    pub fn also_listed(self, change: impl Fn(&mut ListedMember)) -> Self {
        self.every_etcd(|etcd| {
            let mut fourth = listed(4);
            change(&mut fourth);
            etcd.members.push(fourth);
        })
    }

    pub fn learner(self) -> Self {
        self.also_listed(|fourth| fourth.is_learner = true)
    }

    /// Sets an option as an argument, in the place of what it was.
    pub fn option(self, member: &str, option: &str, value: &str) -> Self {
        self.facts(member, |facts| {
            facts.options.retain(|fact| fact.name != option);
            facts.options.push(argument(option, value));
        })
    }

    pub fn option_from(self, member: &str, option: &str, value: &str, source: OptionSource) -> Self {
        self.facts(member, |facts| {
            facts.options.push(OptionFact { source, ..argument(option, value) });
        })
    }

    pub fn v2_data(self, keys: u64, snap: Bytes) -> Self {
        self.every_etcd(|etcd| etcd.v2_keys = Some(keys)).every_facts(|facts| {
            facts.data_dir.newest_snap = Some(SnapFile { size: snap, index: RaftIndex(20_002) });
        })
    }
}

/// A plan as a person reads it. As a program reads it, it is as its schema says.
pub fn told(plan: &Plan) -> String {
    let _ = json_line(&plan_json(plan));
    plan_text(plan, Style::plain(100))
}

/// What comes of it.
impl Situation {
    pub fn plan(&self) -> Result<Plan, Vec<Refusal>> {
        plan(&Input {
            cluster: &self.cluster,
            state_dir: Path::new("/srv/prod/.quorate"),
            modules_dir: None,
            templates: &Templates::default(),
            inventory: &self.inventory,
            knowledge: &KNOWLEDGE,
            releases: &self.releases,
            missing_releases: &self.missing,
            held: self.held.as_ref(),
            creation: self.creation,
        })
    }

    /// The plan, as a person reads it.
    #[track_caller]
    pub fn planned(&self) -> String {
        match self.plan() {
            Ok(plan) => told(&plan),
            Err(refusals) => panic!("{}", refusals_text("prod", &refusals, Style::plain(100))),
        }
    }

    /// The refusals, as a person reads them. All are of one rule each that is named: nothing else is in their way.
    #[track_caller]
    pub fn refused_by(&self, rules: &[&str]) -> String {
        let refusals = match self.plan() {
            Ok(plan) => panic!("{}", plan_text(&plan, Style::plain(100))),
            Err(refusals) => refusals,
        };
        let text = refusals_text("prod", &refusals, Style::plain(100));
        let _ = json_line(&refusals_json("prod", &refusals));
        let seen: Vec<&str> = refusals.iter().map(|refusal| refusal.rule.as_str()).collect();
        assert_eq!(seen, rules, "{text}");
        text
    }

    /// The refusal, of which there is one.
    #[track_caller]
    pub fn refused(&self, rule: &str) -> String {
        self.refused_by(&[rule])
    }
}
