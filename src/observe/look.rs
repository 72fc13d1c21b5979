//! The whole look: hosts and members, all in parallel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::etcd::{Client, Dialer, Endpoint, TlsAccess};
use crate::host::Host;
use crate::knowledge::Knowledge;
use crate::observe::access::{self, Material, Materials, Target};
use crate::observe::answer::Answer;
use crate::observe::etcd_answers::{self, Depth};
use crate::observe::facts;
use crate::observe::inventory::{EtcdFacts, HostFacts, Inventory, MemberView, NOT_ASKED, Seen};
use crate::observe::member::{self, Declared, Kind, Setup};
use crate::observe::probe::{self, Question};
use crate::observe::seen_files::SeenFiles;
use crate::spec::model::{Cluster, Connection, Member, Toggle};
use crate::units::{MemberName, Version};

/// How to look.
#[derive(Clone)]
pub struct ObserveOptions<'a> {
    pub knowledge: &'a Knowledge,
    /// The moment of the look: for people, and for the validity of certificates.
    pub now: OffsetDateTime,
    /// Marks the probe's answer among whatever else a login prints: a word that is new for each look.
    pub nonce: String,
    /// What earlier looks have read of files.
    pub seen_files: &'a SeenFiles,
    /// Of each exchange with a host.
    pub probe_deadline: Duration,
    /// Of each request to etcd.
    pub etcd_deadline: Duration,
    /// Whether `HashKV` of all members at one revision is part of the look.
    pub hashes: Toggle,
}

/// What came of a look.
pub struct Observation {
    pub inventory: Inventory,
    /// Members whose client port is known, whether they answer or not.
    pub clients: BTreeMap<MemberName, Client>,
    /// For the next look.
    pub seen_files: SeenFiles,
}

/// What came of a look at one member.
pub struct Look {
    pub view: MemberView,
    pub client: Option<Client>,
    seen_files: SeenFiles,
}

/// Looks at all hosts and members of a cluster. Takes as long as the slowest of them, and no longer than its bounds.
pub async fn observe(
    cluster: &Cluster,
    hosts: &BTreeMap<MemberName, Result<Host, String>>,
    options: &ObserveOptions<'_>,
) -> Observation {
    let not_tried = Err("no connection to this host was tried".to_owned());
    let each = cluster.members.iter().map(|member| {
        let host = hosts.get(&member.name).unwrap_or(&not_tried);
        look_again(cluster, member, host, options)
    });
    let mut looks = join_all(each).await;
    etcd_answers::settle_cluster_version(answering(&mut looks)).await;
    if options.hashes == Toggle::On {
        etcd_answers::compare_hashes(answering(&mut looks), options.knowledge).await;
    }
    let mut observation = Observation {
        inventory: Inventory {
            cluster: cluster.name.clone(),
            taken_at: options.now.format(&Rfc3339).unwrap_or_default(),
            members: Vec::with_capacity(looks.len()),
        },
        clients: BTreeMap::new(),
        seen_files: SeenFiles::default(),
    };
    for look in looks {
        observation.seen_files = observation.seen_files.with(&look.seen_files);
        if let Some(client) = look.client {
            observation.clients.insert(look.view.name.clone(), client);
        }
        observation.inventory.members.push(look.view);
    }
    observation
}

/// The members that answer, and what they told.
fn answering(looks: &mut [Look]) -> Vec<(&Client, &mut EtcdFacts)> {
    let answers = looks.iter_mut().filter_map(|look| match (&look.client, &mut look.view.etcd) {
        (Some(client), Seen::Known(facts)) => Some((client, facts)),
        _ => None,
    });
    answers.collect()
}

/// Looks at one member and its host.
pub async fn look_again(
    cluster: &Cluster,
    member: &Member,
    host: &Result<Host, String>,
    options: &ObserveOptions<'_>,
) -> Look {
    let unknown = |host_label: String, why: String| Look {
        view: MemberView {
            name: member.name.clone(),
            host_label,
            etcd: Seen::Unknown { why: format!("its host cannot be seen: {why}") },
            host: Seen::Unknown { why },
        },
        client: None,
        seen_files: SeenFiles::default(),
    };
    let host = match host {
        Ok(host) => host,
        Err(why) => return unknown(declared_label(member), why.clone()),
    };
    let seen = match look_at_host(cluster, member, host, options).await {
        Ok(seen) => seen,
        Err(why) => return unknown(host.label().to_owned(), why),
    };
    tracing::debug!(member = %member.name, "the host was looked at");
    let (client, etcd) = match &seen.endpoint {
        Ok(endpoint) => {
            let client = Client::new(endpoint.clone());
            let etcd = look_at_etcd(&client, &seen, member, options).await;
            tracing::debug!(member = %member.name, "etcd was asked");
            (Some(client), etcd)
        }
        Err(why) => (None, Seen::Unknown { why: format!("{NOT_ASKED}{why}") }),
    };
    let view = MemberView {
        name: member.name.clone(),
        host_label: host.label().to_owned(),
        host: Seen::Known(seen.facts),
        etcd,
    };
    Look { view, client, seen_files: seen.seen_files }
}

struct SeenHost {
    facts: HostFacts,
    setup: Setup,
    /// The version of what runs, where its file tells.
    version: Option<Version>,
    endpoint: Result<Endpoint, String>,
    seen_files: SeenFiles,
}

async fn look_at_host(
    cluster: &Cluster,
    member: &Member,
    host: &Host,
    options: &ObserveOptions<'_>,
) -> Result<SeenHost, String> {
    let declared = Declared { member, runtime: &cluster.runtime, knowledge: options.knowledge };
    let question = Question::about(member, declared.runtime);
    let first = [(Kind::Data, member::declared_data_dir(member, declared.runtime))];
    let known = options.seen_files.arguments(&member.name, options.now);
    let run = async |question: &Question, looks: &[member::Look]| {
        let answer = probe::run(host, question, looks, &known, &options.nonce, options.probe_deadline).await;
        answer.map_err(|error| error.to_string()).map(|mut answer| {
            options.seen_files.complete(&member.name, options.now, &mut answer);
            answer
        })
    };
    let mut answer = run(&question, &first).await?;
    let mut setup = member::find(&answer, &declared);
    let mut facts = facts::host_facts(&answer, &setup, &declared, options.now);
    let mut needed = member::missing(&answer, &setup, &declared);
    let wanted = wanted_materials(cluster, member, &facts, &setup);
    if let Ok((_, materials)) = &wanted {
        needed.extend(materials.paths().map(|path| (Kind::Secret, path.to_owned())));
    }
    if !needed.is_empty() {
        answer.absorb(run(&Question::paths_only(setup.account.as_ref()), &needed).await?);
        setup = member::find(&answer, &declared);
        facts = facts::host_facts(&answer, &setup, &declared, options.now);
    }
    let wanted = wanted_materials(cluster, member, &facts, &setup);
    // Where a config file names the certificates, they are known only now.
    let unread = |path: &&str| answer.file(Kind::Secret.word(), path).is_none();
    let unread: Vec<member::Look> = wanted
        .iter()
        .flat_map(|(_, materials)| materials.paths())
        .filter(unread)
        .map(|path| (Kind::Secret, path.to_owned()))
        .collect();
    if !unread.is_empty() {
        answer.absorb(run(&Question::paths_only(setup.account.as_ref()), &unread).await?);
    }
    let endpoint = wanted
        .and_then(|(target, materials)| endpoint(&answer, host, member, &target, &materials, options))
        .map(|endpoint| Endpoint { login: access::login(&cluster.client), ..endpoint });
    let version = running_version(&answer, &setup);
    let mut seen_files = SeenFiles::default();
    seen_files.learn(&member.name, options.now, &answer, options.seen_files);
    Ok(SeenHost { facts, setup, version, endpoint, seen_files })
}

/// Where the member is asked, and the certificates for it; none without TLS.
fn wanted_materials(
    cluster: &Cluster,
    member: &Member,
    facts: &HostFacts,
    setup: &Setup,
) -> Result<(Target, Materials), String> {
    let target = access::target(facts.member.as_ref(), member)?;
    let materials = match target.tls_server_name {
        Some(_) => access::materials(facts.member.as_ref(), &cluster.client, &setup.base)?,
        None => Materials::default(),
    };
    Ok((target, materials))
}

fn running_version(answer: &Answer, setup: &Setup) -> Option<Version> {
    let process = answer.processes.iter().find(|process| Some(process.pid) == setup.pid)?;
    member::etcd_version(answer.versions.get(process.inode.as_ref()?)?)
}

fn endpoint(
    answer: &Answer,
    host: &Host,
    member: &Member,
    target: &Target,
    materials: &Materials,
    options: &ObserveOptions<'_>,
) -> Result<Endpoint, String> {
    let pem = |material: &Option<Material>| match material {
        None => Ok(None),
        Some(Material::Inline(text)) => Ok(Some(text.clone())),
        Some(Material::OnHost(path)) => match answer.file("secret", path) {
            Some(file) if !file.missing && !file.unreadable => match String::from_utf8(file.content.clone()) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(format!("{path} is not a PEM file")),
            },
            Some(file) if file.missing => Err(format!("{path} is not there; it is needed to talk to etcd")),
            _ => Err(format!(
                "{path} cannot be read by the account that quorate uses on {}; it is needed to talk to etcd",
                host.label()
            )),
        },
    };
    let tls = match &target.tls_server_name {
        None => None,
        Some(name) => Some(TlsAccess {
            ca_pem: pem(&materials.ca)?,
            cert_pem: pem(&materials.cert)?,
            key_pem: pem(&materials.key)?,
            server_name: name.clone(),
        }),
    };
    let (host, address, port, deadline) = (host.clone(), target.address.clone(), target.port, options.etcd_deadline);
    let dial: Dialer = Arc::new(move || {
        let (host, address) = (host.clone(), address.clone());
        Box::pin(async move { host.dial(&address, port, deadline).await.map_err(std::io::Error::other) })
    });
    Ok(Endpoint { label: format!("{} ({})", member.name, target.url), dial, tls, login: None, deadline })
}

async fn look_at_etcd(
    client: &Client,
    seen: &SeenHost,
    member: &Member,
    options: &ObserveOptions<'_>,
) -> Seen<EtcdFacts> {
    // Whatever answers while the member's own process is known not to run is somebody else.
    if seen.facts.member.is_some() && seen.setup.pid.is_none() {
        return Seen::Unknown { why: format!("{} does not run on its host", member.name) };
    }
    let depth = Depth { health: Toggle::On, contents: Toggle::On };
    let facts = match etcd_answers::ask(client, seen.version.as_ref(), depth, options.knowledge).await {
        Ok(facts) => facts,
        Err(why) => return Seen::Unknown { why },
    };
    let listed = facts.members.iter().find(|listed| listed.id == facts.member_id);
    let name = listed.map_or("", |listed| listed.name.as_str());
    // Where nothing on the host is known to be the member, only one that calls itself so is taken for it.
    if seen.facts.member.is_none() && name != member.name.as_str() {
        return Seen::Unknown { why: format!("{} answers, but it is a member named {name:?}", client.label()) };
    }
    Seen::Known(facts)
}

/// How a host that could not be reached is called.
fn declared_label(member: &Member) -> String {
    match &member.connection {
        Connection::Local { .. } => "local".to_owned(),
        Connection::Ssh(ssh) => match &ssh.user {
            Some(user) => format!("{user}@{}", ssh.destination),
            None => ssh.destination.clone(),
        },
    }
}
