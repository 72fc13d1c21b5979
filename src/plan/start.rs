//! Start: members that were made and are all down, started together; also the first time. Nothing empty is started beside data, or
//! where somebody listens.

use std::collections::BTreeSet;

use crate::knowledge::Knowledge;
use crate::plan::findings::{Findings, Words};
use crate::plan::model::{Action, Gate, Kind, Plan, Refusal, Step, Undo};
use crate::plan::survey::{Standing, Survey};
use crate::plan::{CutOffCreation, Input, create, estimate};
use crate::spec::model::Cluster;
use crate::units::{MemberName, Version};

/// The plan that starts what was made.
pub fn plan(input: &Input<'_>, survey: &Survey<'_>, mut findings: Findings) -> Result<Plan, Vec<Refusal>> {
    let absent: Vec<_> =
        survey.members.iter().filter(|member| matches!(member.standing, Standing::Absent { .. })).collect();
    let has_data = survey.members.iter().any(|member| member.facts().is_some_and(|facts| facts.data_dir.has_member));
    if !absent.is_empty() && has_data {
        for member in absent {
            findings.refuse(
                "member-found",
                Some(member.view),
                Words {
                    seen: "no folder, no process and no data directory of this member, while others have data"
                        .to_owned(),
                    must: "a member of a cluster that exists is never made anew, empty".to_owned(),
                    fix: "find its data; if it is lost for good, remove the member from the cluster and add a new one"
                        .to_owned(),
                },
                None,
            );
        }
        return Err(findings.refusals);
    }
    if has_data && input.creation == CutOffCreation::NotKnown {
        refuse_lost_data(survey, &mut findings);
    }
    let binaries: Vec<_> = survey
        .members
        .iter()
        .filter_map(|member| Some((member.view, member.facts()?.binary.version.as_ref()?)))
        .collect();
    let others: Vec<String> = binaries
        .iter()
        .filter(|(_, version)| **version != input.cluster.version)
        .map(|(view, version)| format!("the binary of {} is {version}", view.name))
        .collect();
    let lowest = if has_data { lowest_of_two_minors(survey, input.knowledge) } else { None };
    let above = if has_data { one_minor_above(survey, input) } else { None };
    if !others.is_empty() && lowest.is_none() && above.is_none() {
        findings.refuse(
            "cluster-answers",
            None,
            Words {
                seen: format!("no member serves, and {}; {} is declared", others.join(", "), input.cluster.version),
                must: "a cluster is upgraded while it serves: what it holds is checked before and after".to_owned(),
                fix: "declare the version that is there, apply (that starts it), then raise the version".to_owned(),
            },
            None,
        );
    }
    if !absent.is_empty() {
        return create::plan(input, survey, findings);
    }
    ports_free(input.cluster, survey, &mut findings);
    if !findings.refusals.is_empty() {
        return Err(findings.refusals);
    }
    findings.pass("members-made", "every member is there as declared; none serves");
    let version = lowest.as_ref().or(above.as_ref()).unwrap_or(&input.cluster.version);
    if let Some(above) = &above {
        findings.warn(
            "members-above",
            None,
            format!(
                "all members are on {above}, and {} is declared: they are started as they are, and then `quorate apply` \
                 goes down",
                input.cluster.version
            ),
            None,
        );
    }
    if lowest.is_some() {
        let each: Vec<_> = binaries.iter().map(|(view, version)| format!("{} is {version}", view.name)).collect();
        findings.warn(
            "members-of-two-minors",
            None,
            format!(
                "{}: a run between two minors was cut off; all are started as they are, and then `quorate apply` goes on, \
                 or `quorate rollback` goes back",
                each.join(", ")
            ),
            None,
        );
    }
    let mut steps = steps(input, survey, version);
    // Whether the cluster version has come down already only they can tell: it is not waited for.
    steps.retain(|step| above.is_none() || !matches!(step.action, Action::Finish { .. }));
    let mut plan = create::assemble(input, survey, findings, steps, Vec::new());
    plan.summary.to = version.clone();
    for rung in &mut plan.rungs {
        rung.to = version.minor();
    }
    Ok(if has_data { start_of_existing(plan) } else { plan })
}

fn start_of_existing(mut plan: Plan) -> Plan {
    plan.kind = Kind::Upgrade;
    plan.summary.from = Some(plan.summary.to.clone());
    for rung in &mut plan.rungs {
        rung.from = Some(rung.to);
        for step in &mut rung.steps {
            if let Action::StartTogether { .. } = step.action {
                step.why = "all members are down and have their data: they need each other to serve, so they are \
                            started at once"
                    .to_owned();
            }
        }
    }
    plan
}

pub fn steps(input: &Input<'_>, survey: &Survey<'_>, version: &Version) -> Vec<Step> {
    let rollout = &input.cluster.rollout;
    let names: Vec<MemberName> = input.cluster.members.iter().map(|member| member.name.clone()).collect();
    let within = rollout.ready_timeout;
    let well = [
        Gate::AllHealthy { within },
        Gate::OneLeader { within },
        Gate::DeclaredMembers { names: names.clone(), within },
    ];
    let start = create::step(
        Action::StartTogether { members: names.clone() },
        "members of a new cluster wait for each other: they are started at once".to_owned(),
        runs_its_binary(input, survey).chain(well).collect(),
        Undo::StopAgain,
        estimate::START,
    );
    let minor = version.minor();
    let finish = create::step(
        Action::Finish { version: version.clone(), minor },
        "the cluster version is decided, on every member".to_owned(),
        vec![Gate::ClusterVersion { minor, within: rollout.version_timeout }],
        Undo::NothingToUndo,
        estimate::VERSION_MOVES,
    );
    vec![start, finish]
}

/// One whose process has ended is told at once, and not waited for.
fn runs_its_binary<'a>(input: &'a Input<'_>, survey: &'a Survey<'_>) -> impl Iterator<Item = Gate> + 'a {
    survey.members.iter().filter_map(move |member| {
        let (version, sha256) = match member.facts() {
            Some(facts) => (facts.binary.version.clone()?, facts.binary.sha256?),
            None => {
                let (version, arch) = (&input.cluster.version, &member.host()?.arch);
                let pin = input.releases.iter().find(|pin| pin.version == *version && pin.arch == *arch)?;
                (version.clone(), pin.binaries.get("etcd")?.sha256)
            }
        };
        let within = input.cluster.rollout.ready_timeout;
        Some(Gate::RunsVersion { member: member.view.name.clone(), version, sha256, within })
    })
}

/// Of members that are all down, on releases of one minor and the next: what a run between the two leaves behind when their
/// hosts go. The cluster is at the lower one.
fn lowest_of_two_minors(survey: &Survey<'_>, knowledge: &Knowledge) -> Option<Version> {
    let versions: BTreeSet<&Version> =
        survey.members.iter().filter_map(|member| member.facts()?.binary.version.as_ref()).collect();
    let (lowest, highest) = (versions.first()?, versions.last()?);
    let is_next = knowledge.next_minor(lowest.minor()) == Some(highest.minor());
    is_next.then(|| (*lowest).clone())
}

/// Of members that are all down and all on one release, that release, where it is of the minor above the declared one and etcd has
/// a way down: before it was begun, or in its middle, the hosts went.
fn one_minor_above(survey: &Survey<'_>, input: &Input<'_>) -> Option<Version> {
    let mut versions = survey.members.iter().map(|member| member.facts()?.binary.version.as_ref());
    let first = versions.next()??;
    let rung = input.knowledge.rung_down_from(first.minor())?;
    let is_one = versions.all(|version| version == Some(first));
    (is_one && rung.from == input.cluster.version.minor()).then(|| first.clone())
}

/// Nothing is created where members have data: a cluster that is down as a whole is started.
/// Members that are there and hold nothing, beside others that hold data: only in a creation that was cut off were they never
/// started. Else they have lost theirs: started empty, with the votes of others like them, they would be a new cluster.
fn refuse_lost_data(survey: &Survey<'_>, findings: &mut Findings) {
    for member in &survey.members {
        let Standing::NeverStarted { facts } = member.standing else { continue };
        findings.refuse(
            "member-found",
            Some(member.view),
            Words {
                seen: format!(
                    "its data directory {} holds nothing, while others have data, no member serves, and no creation of the \
                     cluster that was cut off is known here",
                    facts.data_dir.path
                ),
                must: "a member of a cluster that exists is never started empty".to_owned(),
                fix: "find its data; where that is lost on a minority, start the others by hand, then remove the member \
                      from the cluster and add a new one; else `quorate restore BACKUP`"
                    .to_owned(),
            },
            None,
        );
    }
}

/// Who is started for the first time finds its ports free. What listens there may be the very cluster that is meant, under
/// another folder or unit than the spec names: beside it, or in its place, there would be a new, empty one.
pub fn ports_free(cluster: &Cluster, survey: &Survey<'_>, findings: &mut Findings) {
    for member in &survey.members {
        let is_new = matches!(member.standing, Standing::Absent { .. } | Standing::NeverStarted { .. });
        let declared = cluster.members.iter().find(|declared| declared.name == member.view.name);
        let (Some(host), Some(declared), true) = (member.host(), declared, is_new) else { continue };
        for (what, url) in
            [("client", create::client_url(cluster, declared)), ("peer", create::peer_url(cluster, declared))]
        {
            let port = create::scheme_and_port(&url).and_then(|(_, port)| port.parse::<u16>().ok());
            let Some(port) = port.filter(|port| host.listening.contains(port)) else { continue };
            findings.refuse(
                "ports-free",
                Some(member.view),
                Words {
                    seen: format!("somebody listens on port {port}, where its {what} URL is to be ({url})"),
                    must: "the ports of a member that is started for the first time are free".to_owned(),
                    fix: format!(
                        "see who it is (`ss -ltnp sport = :{port}` there): if it is the cluster that is meant, name its \
                         folder or unit in the `runtime` block; else give the member other URLs"
                    ),
                },
                None,
            );
        }
    }
}
