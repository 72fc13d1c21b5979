//! Ground: what each member runs, or would be started with, and the old binary that is kept for it.

use std::collections::BTreeSet;

use crate::plan::findings::{Findings, Words};
use crate::plan::layout;
use crate::plan::model::BinaryChange;
use crate::plan::rollback::RollbackInput;
use crate::plan::survey::{Standing, Survey, Surveyed};
use crate::units::{Sha256, Version};

/// What is known of all members' versions.
pub struct Ground {
    pub newest: Version,
    pub oldest: Version,
    /// How many different ones.
    pub different: usize,
    /// All members answer, and run the newest.
    pub all_serve_newest: bool,
    /// All members answer.
    pub all_serve: bool,
    /// `m1 runs 3.2.32, m2 is down on 3.2.32`.
    pub each: String,
}

impl Ground {
    /// `None`: a host or a binary could not be seen, or there are other refusals already; they say which.
    pub fn of(survey: &Survey<'_>, findings: &mut Findings) -> Option<Self> {
        let mut versions = BTreeSet::new();
        let mut each = Vec::new();
        for member in &survey.members {
            match (member.facts(), version(member)) {
                (Some(_), Some(version)) => {
                    let how = if member.etcd().is_some() { "runs" } else { "does not answer, its binary is" };
                    each.push(format!("{} {how} {version}", member.view.name));
                    versions.insert(version.clone());
                }
                _ => refuse_unseen(member, findings),
            }
        }
        if !findings.refusals.is_empty() {
            return None;
        }
        let (newest, oldest) = (versions.last()?.clone(), versions.first()?.clone());
        let all_serve = survey.members.iter().all(|member| member.etcd().is_some());
        Some(Self {
            different: versions.len(),
            all_serve_newest: all_serve && oldest.minor() == newest.minor(),
            all_serve,
            newest,
            oldest,
            each: each.join(", "),
        })
    }

    pub fn all_run(&self, version: &Version) -> bool {
        self.different == 1 && self.newest == *version
    }
}

/// What a member runs, or, if it does not answer, what its file is.
pub fn version<'a>(member: &Surveyed<'a>) -> Option<&'a Version> {
    member.etcd().map(|etcd| &etcd.server_version).or_else(|| member.facts()?.binary.version.as_ref())
}

fn refuse_unseen(member: &Surveyed<'_>, findings: &mut Findings) {
    let (rule, seen, fix) = match member.standing {
        Standing::HostUnknown { why } => {
            ("host-reachable", why.to_owned(), "make the host reachable by `ssh` as the spec says, then run it again")
        }
        Standing::Absent { .. } => (
            "member-found",
            "no unit, no process and no data directory of this member".to_owned(),
            "check the member's address, and the `runtime` block (unit name, folder)",
        ),
        _ => (
            "member-binary",
            format!("{} does not answer, and its binary is not there or does not say its version", member.view.name),
            "put the release there that the other members run, then run it again",
        ),
    };
    findings.refuse(
        rule,
        Some(member.view),
        Words {
            seen,
            must: "of every member it is known what it runs: going back is for all of them".to_owned(),
            fix: fix.to_owned(),
        },
        None,
    );
}

/// Whether the member's binary is to be changed: neither what runs nor its file is the old one yet.
pub fn is_on(member: &Surveyed<'_>, to: &Version) -> bool {
    let file = member.facts().and_then(|facts| facts.binary.version.as_ref());
    version(member) == Some(to) && (file == Some(to) || file.is_none())
}

/// The change of one member's binary back to the kept one. Refused where none is kept.
pub fn back(
    from: &RollbackInput<'_>,
    member: &Surveyed<'_>,
    to: &Version,
    findings: &mut Findings,
) -> Option<BinaryChange> {
    let (facts, host) = (member.facts()?, member.host()?);
    let runtime = &from.input.cluster.runtime;
    let staged = layout::staged(runtime, to, "etcd");
    let remembered = from.last.filter(|last| last.from == *to).and_then(|last| last.binaries.get(&member.view.name));
    let here = host.staged.get(to);
    let (new_sha256, source) = match (remembered, here) {
        (Some(old), Some(here)) if old == here => (*old, staged),
        // Another build of that version lies at the usual place: then it was kept beside that, under its own digest.
        (Some(old), Some(_)) => (*old, format!("{staged}.{}", digest_ending(*old))),
        (None, Some(here)) => (*here, staged),
        (_, None) => {
            refuse_not_kept(member, to, &staged, findings);
            return None;
        }
    };
    let runs = version(member)?;
    Some(BinaryChange {
        path: facts.binary.path.clone(),
        old_sha256: member.running_sha256().or(facts.binary.sha256).filter(|now| *now != new_sha256),
        new_sha256,
        staged: source,
        kept: layout::staged(runtime, runs, "etcd"),
    })
}

/// As the script that keeps a second build of one version names it.
fn digest_ending(digest: Sha256) -> String {
    digest.to_string().chars().take(8).collect()
}

fn refuse_not_kept(member: &Surveyed<'_>, to: &Version, staged: &str, findings: &mut Findings) {
    findings.refuse(
        "old-binary-kept",
        Some(member.view),
        Words {
            seen: format!("no etcd {to} is kept on {}", member.view.host_label),
            must: format!("the binary that {} had before is there, at {staged}", member.view.name),
            fix: format!("put the etcd of {to} there (mode 0755), or say which version to go back to: -to VERSION"),
        },
        None,
    );
}
