//! What hosts tell: the probe's answer, the answers of scripts, the texts that a member is set up by.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::observe::fuzzing as doors;
use crate::observe::inventory::{EtcdFacts, HostFacts, Inventory, MemberView, Seen};
use crate::plan::model::Plan;
use crate::plan::testing::{KNOWLEDGE, cluster, listed, member_id, pin, version};
use crate::plan::{CutOffCreation, Input, plan};
use crate::runtime::Templates;
use crate::spec::model::{Cluster, Process, Runtime};
use crate::units::{Bytes, ClusterId, RaftIndex, RaftTerm, Revision, Version};
use crate::view::{Style, plan_text, refusals_text};

use super::{choose, fit_to_be_shown, harmless, parts};

/// A member that somebody else installed, as a probe tells of it. `#` is its number.
const HOST: &str = include_str!("host.txt");

/// The answer of a probe: 0 from a host with systemd, 1 from one with plain processes, 2 as it is. Of the first two the
/// input is made of lines with `@` and what stands in base64 after them, in plain.
pub fn probe(bytes: &[u8]) {
    let _ = planned(bytes);
}

/// The same; the plan that is made of it.
pub(super) fn planned(bytes: &[u8]) -> Option<Plan> {
    let (kind, content) = choose(bytes, 3)?;
    let mut declared = cluster("3.2.32", &["m1", "m2", "m3"].map(str::to_owned));
    if kind == 1 {
        declared.runtime = Runtime::Process(Process { dir: "/srv/members".to_owned() });
    }
    let output = if kind == 2 { content.to_vec() } else { encoded(content) };
    let facts = doors::host(&output, &declared.members[0], &declared.runtime, &KNOWLEDGE).ok()?;
    let others = [2, 3].map(|number| {
        doors::host(&encoded(&host(number)), &declared.members[number - 1], &declared.runtime, &KNOWLEDGE)
            .expect("it is an answer")
    });
    decide(&declared, facts, others)
}

/// What is told of the host of a member of that number.
pub(super) fn host(number: usize) -> Vec<u8> {
    HOST.replace('#', &number.to_string()).replace("\\0", "\0").into_bytes()
}

/// What the probe would print.
fn encoded(content: &[u8]) -> Vec<u8> {
    let mut out = format!("@begin {} 1\n", doors::NONCE).into_bytes();
    let mut blob: Option<Vec<u8>> = None;
    let close = |blob: &mut Option<Vec<u8>>, out: &mut Vec<u8>| {
        if let Some(blob) = blob.take() {
            out.extend_from_slice(STANDARD.encode(blob).as_bytes());
            out.push(b'\n');
        }
    };
    for line in content.split(|byte| *byte == b'\n') {
        if line.starts_with(b"@") {
            close(&mut blob, &mut out);
            out.extend_from_slice(line);
            out.push(b'\n');
        } else if let Some(blob) = &mut blob {
            blob.push(b'\n');
            blob.extend_from_slice(line);
        } else {
            blob = Some(line.to_vec());
        }
    }
    close(&mut blob, &mut out);
    out.extend_from_slice(format!("@end {}\n", doors::NONCE).as_bytes());
    out
}

/// A plan is made from it, or there are reasons why not; both can be shown, and what was seen can be stored.
fn decide(declared: &Cluster, facts: HostFacts, others: [HostFacts; 2]) -> Option<Plan> {
    let stored = serde_json::to_string(&facts).expect("facts are stored");
    // Whole files are of one look alone.
    let mut kept = facts.clone();
    kept.member.iter_mut().for_each(|member| member.files.clear());
    assert_eq!(serde_json::from_str::<HostFacts>(&stored).expect("and read back"), kept);
    let hosts = std::iter::once(facts).chain(others).enumerate();
    let inventory = Inventory {
        cluster: declared.name.clone(),
        taken_at: "2026-11-21T12:00:00Z".to_owned(),
        members: hosts
            .map(|(place, host)| MemberView {
                name: declared.members[place].name.clone(),
                host_label: format!("deploy@10.0.0.{}", 11 + place),
                host: Seen::Known(host),
                etcd: Seen::Known(etcd(place + 1)),
            })
            .collect(),
    };
    let input = Input {
        cluster: declared,
        state_dir: Path::new("/srv/prod/.quorate"),
        modules_dir: None,
        templates: &Templates::default(),
        inventory: &inventory,
        knowledge: &KNOWLEDGE,
        releases: &[pin("3.2.32", "amd64"), pin("3.1.20", "amd64")],
        missing_releases: &[],
        held: None,
        creation: CutOffCreation::NotKnown,
    };
    match plan(&input) {
        Ok(plan) => {
            fit_to_be_shown(&plan_text(&plan, Style::plain(80)));
            let text = serde_json::to_vec(&plan).expect("a plan is saved");
            assert_eq!(serde_json::from_slice::<Plan>(&text).expect("and read back"), plan);
            Some(plan)
        }
        Err(refusals) => {
            assert!(!refusals.is_empty());
            fit_to_be_shown(&refusals_text("prod", &refusals, Style::plain(80)));
            None
        }
    }
}

/// What a healthy member of 3.1.20 answers; m2 leads.
fn etcd(number: usize) -> EtcdFacts {
    EtcdFacts {
        member_id: member_id(number),
        cluster_id: ClusterId(0xc1),
        server_version: version("3.1.20"),
        cluster_version: Some(version("3.1.0")),
        storage_version: None,
        downgrade_to: None,
        unhealthy: None,
        leader: Some(member_id(2)),
        raft_term: Some(RaftTerm(4)),
        raft_index: Some(RaftIndex(20_100)),
        raft_applied_index: None,
        revision: Some(Revision(18_231)),
        db_size: Some(Bytes::mebi(41)),
        db_size_in_use: None,
        is_learner: false,
        members: [1, 2, 3].map(listed).into(),
        alarms: Vec::new(),
        v2_keys: Some(0),
        v3_keys: Some(1204),
        hash_kv: None,
        auth_enabled: Some(false),
        denied: None,
    }
}

/// Texts that a member is set up by: 0 a config file, 1 a unit (properties, command, variables, environment file), 2 a
/// command line with its environment, 3 certificates, 4 a certificate without its wrapping.
pub fn member_texts(bytes: &[u8]) {
    let Some((kind, content)) = choose(bytes, 5) else { return };
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let texts: Vec<String> = parts(content).into_iter().map(lossy).collect();
    let text = |place: usize| texts.get(place).map_or("", String::as_str);
    match kind {
        0 => doors::config(text(0)),
        1 => doors::unit([text(0), text(1), text(2), text(3)]),
        2 => {
            let args: Vec<String> = text(0).lines().map(str::to_owned).collect();
            let pairs = text(1).lines().filter_map(|line| line.split_once('='));
            let environment: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            doors::command_line(&args, &environment);
        }
        3 => doors::certificate(content),
        _ => {
            let body = STANDARD.encode(content);
            doors::certificate(format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").as_bytes());
        }
    }
}

/// What scripts and logins print: 0 lines of an answer, 1 an answer as it is, 2 a stream with noise before it, 3 a log.
pub fn scripts(bytes: &[u8]) {
    match choose(bytes, 4) {
        Some((0, content)) => {
            let mut answer = Vec::new();
            for line in content.split(|byte| *byte == b'\n') {
                answer.extend_from_slice(b"n ");
                answer.extend_from_slice(line);
                answer.push(b'\n');
            }
            answer.extend_from_slice(b"n end ok\n");
            crate::runtime::fuzzing::answer(&answer);
        }
        Some((1, content)) => crate::runtime::fuzzing::answer(content),
        Some((2, content)) => crate::host::fuzzing::stream(content),
        Some((_, content)) => {
            for line in String::from_utf8_lossy(content).lines().take(20) {
                for version in [Version::new(2, 1, 1), Version::new(3, 2, 32), Version::new(3, 6, 14)] {
                    harmless(&format!("{:?}", KNOWLEDGE.classify_log_line(&version, line)).replace("\\n", ""));
                }
            }
        }
        None => {}
    }
}
