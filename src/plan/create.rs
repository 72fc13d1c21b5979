//! Create: a new cluster, where nothing is there at all. A new, empty cluster is never put in place of an old one.

use std::collections::{BTreeMap, BTreeSet};

use crate::knowledge::{Feature, FlagState};
use crate::observe::inventory::{HostFacts, MemberView};
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{
    Action, CreateAction, Gate, Kind, PLAN_FORMAT, Plan, Refusal, ReleasePin, Rung, Step, StepId, Summary, Undo,
};
use crate::plan::survey::{Standing, Survey};
use crate::plan::upgrade::release_size;
use crate::plan::{Input, basis, estimate, layout, pins, room, start, target};
use crate::runtime::{CreateSpec, member_args, render_unit};
use crate::spec::model::{Cluster, Member, Ownership, Runtime};
use crate::units::{MemberName, Span};

/// No declared host has anything of the declared member: no unit, no process, no data directory.
pub fn nothing_is_there(cluster: &Cluster, survey: &Survey<'_>) -> bool {
    survey.members.iter().all(|member| match member.standing {
        Standing::Absent { host } => leftovers(cluster, host).is_empty(),
        _ => false,
    })
}

/// Takes a member that quorate made and that never served for one that is down: it only has to be started. Without data it
/// is one of its cluster still, for as long as nobody ever heard of it: a member that has served has told its client
/// URLs, and the others list them for good.
pub fn take_in_never_served(cluster: &Cluster, survey: &mut Survey<'_>) {
    let unheard: BTreeSet<MemberName> = survey
        .members
        .iter()
        .filter(|member| matches!(member.standing, Standing::NeverStarted { facts } if is_made(cluster, member.view, &facts.args)))
        .map(|member| member.view.name.clone())
        .filter(|name| {
            let listed = || survey.serving_together().flat_map(|(_, etcd)| &etcd.members).filter(|one| one.name == name.as_str());
            survey.anybody_serves() && listed().next().is_some() && listed().all(|one| one.client_urls.is_empty())
        })
        .collect();
    for member in &mut survey.members {
        if let Standing::NeverStarted { facts } = member.standing
            && unheard.contains(&member.view.name)
        {
            member.standing = Standing::Stopped { facts };
        }
    }
}

/// Whether a member has the very arguments that quorate gives it.
fn is_made(cluster: &Cluster, view: &MemberView, args: &[String]) -> bool {
    is_managed(cluster)
        && cluster
            .members
            .iter()
            .find(|declared| declared.name == view.name)
            .and_then(|declared| member_args(&create_spec(cluster, declared, BTreeMap::new())).ok())
            .is_some_and(|expected| expected == args)
}

/// Every member is there as quorate makes it, and none has ever served: a creation that was cut short, or a created
/// cluster that is down as a whole.
pub fn made_but_not_started(cluster: &Cluster, survey: &Survey<'_>) -> bool {
    is_managed(cluster)
        && survey.members.iter().any(|member| !matches!(member.standing, Standing::Absent { .. }))
        && survey.members.iter().any(|member| !matches!(member.standing, Standing::Silent { .. }))
        && survey.members.iter().all(|member| match member.standing {
            Standing::Absent { host } => leftovers(cluster, host).is_empty(),
            Standing::NeverStarted { facts } | Standing::Stopped { facts } | Standing::Silent { facts, .. } => {
                is_made(cluster, member.view, &facts.args)
            }
            Standing::Serving { .. } | Standing::HostUnknown { .. } => false,
        })
}

pub fn is_managed(cluster: &Cluster) -> bool {
    match &cluster.runtime {
        Runtime::Systemd(systemd) => systemd.ownership == Ownership::Managed,
        Runtime::Process(_) => true,
    }
}

/// What on a host looks like an etcd member, though it is not the declared one.
pub fn leftovers(cluster: &Cluster, host: &HostFacts) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(data) = &host.data_without_member
        && data.has_member
    {
        found.push(format!("member data in {}", data.path));
    }
    found.extend(host.managed.iter().map(|managed| format!("the folder {}", managed.dir)));
    // Plain processes share a host with others of their kind; a host that systemd runs has one etcd.
    if matches!(cluster.runtime, Runtime::Systemd(_)) {
        found.extend(
            host.processes.iter().map(|process| format!("a running etcd, pid {} ({})", process.pid, process.exe)),
        );
        if let Some(unit) = host.unit.as_ref().filter(|unit| unit.load_state != "not-found") {
            found.push(format!("the unit {} ({})", unit.name, unit.load_state));
        }
    }
    found
}

/// The plan of a creation.
pub fn plan(input: &Input<'_>, survey: &Survey<'_>, mut findings: Findings) -> Result<Plan, Vec<Refusal>> {
    let cluster = input.cluster;
    if !is_managed(cluster) {
        findings.refuse(
            "nothing-to-adopt",
            None,
            Words {
                seen: "no declared host has a unit, a process or a data directory of etcd".to_owned(),
                must: "`adopt = true` takes over a cluster that exists".to_owned(),
                fix: "check addresses and unit name; to create a new cluster, set `adopt = false`".to_owned(),
            },
            None,
        );
    }
    target::known_release(cluster, input.knowledge, &mut findings);
    let pins = pins(input, survey, &mut findings);
    let size = pins.values().map(|pin| release_size(pin)).max().unwrap_or_default();
    room::check_store(input, survey, size, &mut findings);
    settings_known(input, &mut findings);
    start::ports_free(cluster, survey, &mut findings);
    let actions = actions(input, survey, &mut findings);
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    let mut steps = vec![stage_step(input, survey, size)];
    for action in actions {
        let why = format!("{} is made from the release that was staged; it is not started yet", action.member);
        steps.push(step(
            Action::CreateMember(Box::new(action)),
            why,
            Vec::new(),
            Undo::RemoveCreated,
            Span::from_secs(1),
        ));
    }
    steps.extend(start::steps(input, survey, &cluster.version));
    Ok(assemble(input, survey, findings, steps, pins.into_values().cloned().collect()))
}

pub(super) fn step(action: Action, why: String, after: Vec<Gate>, undo: Undo, estimate: Span) -> Step {
    Step { id: StepId(0), action, why, before: Vec::new(), after, undo, estimate }
}

fn stage_step(input: &Input<'_>, survey: &Survey<'_>, size: crate::units::Bytes) -> Step {
    step(
        Action::Stage {
            version: input.cluster.version.clone(),
            members: survey.members.iter().map(|member| member.view.name.clone()).collect(),
            folder: layout::store(&input.cluster.runtime),
            programs: programs(input.releases),
        },
        "the binaries are on all hosts, checked, before anything is made of them".to_owned(),
        Vec::new(),
        Undo::NothingToUndo,
        estimate::transfer(size),
    )
}

/// A new member's host gets the tools as well: people work there.
pub fn programs(releases: &[ReleasePin]) -> Vec<String> {
    let all: BTreeSet<&String> = releases.iter().flat_map(|pin| pin.binaries.keys()).collect();
    all.into_iter().cloned().collect()
}

pub fn actions(input: &Input<'_>, survey: &Survey<'_>, findings: &mut Findings) -> Vec<CreateAction> {
    let features = input.knowledge.features(&input.cluster.version);
    let mut actions = Vec::new();
    for declared in &input.cluster.members {
        let surveyed = survey.members.iter().find(|member| member.view.name == declared.name);
        let arch = surveyed.and_then(|member| member.host()).map(|host| host.arch.clone()).unwrap_or_default();
        let needs_switch = features.has(Feature::NeedsUnsupportedArchSwitch) && arch != "amd64";
        let environment = needs_switch.then(|| ("ETCD_UNSUPPORTED_ARCH".to_owned(), arch)).into_iter().collect();
        let mut spec = create_spec(input.cluster, declared, environment);
        spec.unit_template = input.templates.own_unit();
        let unit_file = match &input.cluster.runtime {
            Runtime::Systemd(_) => render_unit(&spec).map(Some),
            Runtime::Process(_) => Ok(None),
        };
        match member_args(&spec).and_then(|args| Ok((args, unit_file?, spec.site()?))) {
            Ok((args, unit_file, site)) => actions.push(CreateAction {
                member: declared.name.clone(),
                version: input.cluster.version.clone(),
                binary_path: site.binary,
                staged_dir: layout::release_dir(&input.cluster.runtime, &input.cluster.version),
                user: match &input.cluster.runtime {
                    Runtime::Systemd(systemd) => Some(systemd.user.clone()),
                    Runtime::Process(_) => None,
                },
                data_dir: site.data_dir,
                args,
                unit_file,
                spec,
            }),
            Err(error) => findings.refuse(
                "member-can-be-made",
                surveyed.map(|member| member.view),
                Words {
                    seen: error.to_string(),
                    must: "arguments and unit of a new member can be written".to_owned(),
                    fix: "correct the spec".to_owned(),
                },
                None,
            ),
        }
    }
    actions
}

/// Where the data of a declared member goes when it is made.
pub fn data_home(cluster: &Cluster, name: &MemberName) -> Option<String> {
    let declared = cluster.members.iter().find(|member| member.name == *name)?;
    Some(create_spec(cluster, declared, BTreeMap::new()).site().ok()?.data_dir)
}

/// A new member is started with the declared options: the version has to know them.
fn settings_known(input: &Input<'_>, findings: &mut Findings) {
    let version = &input.cluster.version;
    for option in input.cluster.settings.keys() {
        if let FlagState::Absent { .. } | FlagState::Unknown = input.knowledge.flag_state(option, version) {
            findings.refuse(
                "option-removed",
                None,
                Words {
                    seen: format!("`settings` declares {option}"),
                    must: format!("{version} does not know this option: it would exit with code 2"),
                    fix: "correct its name, or take it out".to_owned(),
                },
                None,
            );
        }
    }
}

/// What a new member is made from.
fn create_spec(cluster: &Cluster, declared: &Member, environment: BTreeMap<String, String>) -> CreateSpec {
    let peers = cluster.members.iter().map(|member| (member.name.clone(), peer_url(cluster, member))).collect();
    let client = client_url(cluster, declared);
    let peer = peer_url(cluster, declared);
    // On a host of its own a member also listens on loopback, for those who look at it there.
    let mut listen_client = vec![bindable(&client)];
    if let Some((scheme, port)) = scheme_and_port(&client)
        && matches!(cluster.runtime, Runtime::Systemd(_))
        && !is_loopback(&client)
        && listen_client[0] == client
    {
        listen_client.push(format!("{scheme}://127.0.0.1:{port}"));
    }
    CreateSpec {
        name: declared.name.clone(),
        runtime: cluster.runtime.clone(),
        version: cluster.version.clone(),
        data_dir: declared.data_dir.clone(),
        listen_client_urls: listen_client,
        advertise_client_urls: vec![client],
        listen_peer_urls: vec![bindable(&peer)],
        advertise_peer_urls: vec![peer],
        initial_cluster: peers,
        token: format!("quorate-{}", cluster.name),
        settings: cluster.settings.clone(),
        environment,
        unit_template: None,
    }
}

pub(super) fn client_url(cluster: &Cluster, member: &Member) -> String {
    let scheme = if cluster.settings.contains_key("cert-file") { "https" } else { "http" };
    member.client_url.clone().unwrap_or_else(|| format!("{scheme}://{}:2379", bracketed(&member.address)))
}

pub fn peer_url(cluster: &Cluster, member: &Member) -> String {
    let scheme = if cluster.settings.contains_key("peer-cert-file") { "https" } else { "http" };
    member.peer_url.clone().unwrap_or_else(|| format!("{scheme}://{}:2380", bracketed(&member.address)))
}

/// IPv6 addresses stand in brackets in a URL.
fn bracketed(address: &str) -> String {
    if address.contains(':') && !address.starts_with('[') { format!("[{address}]") } else { address.to_owned() }
}

/// Where to listen for what is reached at a URL: on all addresses where the URL has a name, because etcd binds to
/// addresses only (3.2+ exits on a name).
fn bindable(url: &str) -> String {
    match (crate::plan::options::host_of(url), scheme_and_port(url)) {
        (Some(host), Some((scheme, port))) if host != "localhost" && host.parse::<std::net::IpAddr>().is_err() => {
            format!("{scheme}://0.0.0.0:{port}")
        }
        _ => url.to_owned(),
    }
}

pub(super) fn scheme_and_port(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (_, port) = rest.rsplit_once(':')?;
    Some((scheme, port.trim_end_matches('/')))
}

fn is_loopback(url: &str) -> bool {
    crate::plan::options::host_of(url)
        .is_some_and(|host| host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

pub(super) fn assemble(
    input: &Input<'_>,
    survey: &Survey<'_>,
    findings: Findings,
    mut steps: Vec<Step>,
    releases: Vec<ReleasePin>,
) -> Plan {
    for (number, step) in (1..).zip(&mut steps) {
        step.id = StepId(number);
    }
    let estimate = estimate::total(steps.iter());
    Plan {
        format: PLAN_FORMAT,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        kind: Kind::Create,
        cluster: input.cluster.name.clone(),
        state_dir: input.state_dir.to_owned(),
        modules_dir: input.modules_dir.map(std::path::Path::to_owned),
        declared: Cluster { client: input.cluster.client.sealed(), ..input.cluster.clone() },
        basis: basis::of(input.inventory),
        summary: Summary {
            from: None,
            to: input.cluster.version.clone(),
            members: survey.members.len(),
            leader: None,
            db_size: None,
            v2_keys: None,
            v3_keys: None,
            revision: None,
            estimate,
        },
        releases,
        rungs: vec![Rung {
            from: None,
            to: input.cluster.version.minor(),
            steps,
            no_return: None,
            clients: Vec::new(),
            advisories: Vec::new(),
        }],
        later: Vec::new(),
        checks: findings.checks,
        warnings: findings.warnings,
    }
}
