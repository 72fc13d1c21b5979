//! What quorate left behind that somebody may still need: which runs, and with them which backups, rollback points and
//! kept binaries. Pure: decided from what is known of the runs and what was found.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::model::{Kind, Plan};
use crate::runtime::{Leftover, LeftoverKind};
use crate::units::{MemberName, Version};

/// One run of one cluster, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    pub id: String,
    /// `None` where it cannot be read: then it is taken for one that changed the cluster.
    pub kind: Option<Kind>,
    /// The version before it.
    pub from: Option<Version>,
    /// The backup that it restores.
    pub restores: Option<String>,
    pub succeeded: bool,
}

impl PastRun {
    pub fn new(id: &str, plan: Option<&Plan>, succeeded: bool) -> Self {
        let from = plan.and_then(|plan| plan.summary.from.clone());
        let restores = plan.and_then(Plan::restored_from).map(|backup| backup.id.clone());
        Self { id: id.to_owned(), kind: plan.map(|plan| plan.kind), from, restores, succeeded }
    }

    /// Whether it changes the cluster: a backup alone does not.
    pub fn changes(&self) -> bool {
        !matches!(self.kind, Some(Kind::Backup | Kind::NothingToDo))
    }
}

/// Runs that may still be needed, by id, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NeededRuns {
    pub why: BTreeMap<String, String>,
    /// The versions before them: what a rollback swaps back to.
    pub versions: BTreeSet<Version>,
}

/// The runs of the last upgrade: the newest that succeeded, and those before it that did not and that it went on from; and
/// all that came after it and did not succeed, with the backups that these restore. `newest_first` may end once that is known: see [`NeededRuns::is_complete`].
pub fn needed_runs(newest_first: &[PastRun]) -> NeededRuns {
    let mut needed = NeededRuns::default();
    let mut last_success: Option<&PastRun> = None;
    for run in newest_first.iter().filter(|run| run.changes()) {
        let why = match (last_success, run.succeeded) {
            (Some(_), true) => break,
            (_, false) if run.kind.is_none() => {
                "its run cannot be read: it may be one that goes on from here".to_owned()
            }
            (None, true) => {
                last_success = Some(run);
                "the way back of the last run that changed the cluster".to_owned()
            }
            (Some(last), false) => format!("the way back of run {}, which finished what it began", last.id),
            (None, false) => "its run has not finished".to_owned(),
        };
        needed.why.insert(run.id.clone(), why);
        if let Some(backup) = run.restores.as_ref().filter(|_| last_success.is_none()) {
            needed.why.insert(backup.clone(), format!("run {} restores it, and has not finished", run.id));
        }
        needed.versions.extend(run.from.clone());
    }
    needed
}

/// Whether older runs cannot add to it.
pub fn is_complete(newest_first: &[PastRun]) -> bool {
    newest_first.iter().filter(|run| run.changes() && run.succeeded).count() > 1
}

/// How much is cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What nobody can need any more.
    Usual,
    /// Also what a rollback of the last upgrade would need.
    All,
}

/// What is known when leftovers are judged.
#[derive(Debug)]
pub struct Known<'a> {
    pub needed: &'a NeededRuns,
    /// What members run, and what is declared.
    pub versions: &'a BTreeSet<Version>,
    /// Members of which data is being replaced: what finishes that is needed, on all hosts.
    pub being_replaced: &'a BTreeSet<MemberName>,
    /// Members run different versions, or may: the way back stays, whatever is asked for.
    pub is_mixed: bool,
    /// Members on whose host another etcd lives that may use the same store.
    pub shared_store: &'a BTreeSet<MemberName>,
    pub extent: Extent,
}

/// Why something stays; `None` when it may go.
pub fn why_kept(member: &MemberName, left: &Leftover, known: &Known<'_>) -> Option<String> {
    let usual = known.extent == Extent::Usual || known.is_mixed;
    let of_run = |run: &str| known.needed.why.get(run).filter(|_| usual).cloned();
    if let Some(first) = known.being_replaced.first()
        && !matches!(left.kind, LeftoverKind::Part | LeftoverKind::Note | LeftoverKind::Unknown)
    {
        return Some(format!("the data of {first} is being replaced: finish that first"));
    }
    match &left.kind {
        LeftoverKind::UsedRelease => Some("a member runs from it".to_owned()),
        LeftoverKind::Release { version } if known.versions.contains(version) => {
            Some("the version that runs, or is declared".to_owned())
        }
        LeftoverKind::Release { version } if known.needed.versions.contains(version) && usual => {
            Some("the way back: the version before the last upgrade".to_owned())
        }
        LeftoverKind::Release { .. } if known.shared_store.contains(member) && usual => {
            Some("another etcd on this host may need it".to_owned())
        }
        LeftoverKind::Release { .. } | LeftoverKind::Part => None,
        LeftoverKind::RollbackPoint { run, .. } | LeftoverKind::Replaced { run } | LeftoverKind::Incoming { run } => {
            of_run(run)
        }
        LeftoverKind::Note => Some("it says that data is being replaced".to_owned()),
        LeftoverKind::Unknown => Some("it bears quorate's name, but this quorate does not know what it is".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    fn run(id: &str, kind: Kind, succeeded: bool) -> PastRun {
        let from = Some("3.1.20".parse().unwrap());
        PastRun { id: id.to_owned(), kind: Some(kind), from, restores: None, succeeded }
    }

    fn ids(newest_first: &[PastRun]) -> Vec<String> {
        needed_runs(newest_first).why.into_keys().collect()
    }

    #[test]
    fn the_last_upgrade_with_all_its_attempts_is_needed() {
        use Kind::{Backup, Upgrade};
        let runs = [
            run("f", Backup, true),
            run("e", Upgrade, true),
            run("d", Upgrade, false),
            run("c", Backup, false),
            run("b", Upgrade, true),
            run("a", Upgrade, false),
        ];
        assert_eq!(ids(&runs), ["d", "e"]);
        assert!(is_complete(&runs[..5]) && !is_complete(&runs[..4]));
    }

    #[test]
    fn what_has_not_finished_is_needed_and_the_one_before_it_as_well() {
        use Kind::Upgrade;
        assert_eq!(ids(&[run("d", Upgrade, false), run("c", Upgrade, true), run("b", Upgrade, true)]), ["c", "d"]);
        assert_eq!(ids(&[run("b", Upgrade, false), run("a", Upgrade, false)]), ["a", "b"]);
        // One that cannot be read.
        let unreadable = PastRun { id: "x".to_owned(), kind: None, from: None, restores: None, succeeded: false };
        assert_eq!(ids(std::slice::from_ref(&unreadable)), ["x"]);
        let why = &needed_runs(&[unreadable, run("a", Upgrade, true)]).why["x"];
        assert_eq!(why, "its run cannot be read: it may be one that goes on from here");
        assert_eq!(ids(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_backup_is_needed_until_its_restore_has_finished() {
        let restore =
            |id: &str, succeeded| PastRun { restores: Some("old".to_owned()), ..run(id, Kind::Restore, succeeded) };
        let upgrade = run("b", Kind::Upgrade, true);
        assert_eq!(ids(&[restore("c", false), upgrade.clone()]), ["b", "c", "old"]);
        assert_eq!(ids(&[restore("d", true), restore("c", false), upgrade]), ["c", "d"]);
    }

    fn kept(kind: LeftoverKind, extent: Extent, is_mixed: bool) -> Option<String> {
        let needed = needed_runs(&[run("r1", Kind::Upgrade, true)]);
        let m1: MemberName = "m1".parse().unwrap();
        let versions = BTreeSet::from(["3.2.32".parse().unwrap()]);
        let none = BTreeSet::new();
        let known = Known {
            needed: &needed,
            versions: &versions,
            being_replaced: &none,
            is_mixed,
            shared_store: &none,
            extent,
        };
        why_kept(&m1, &Leftover { kind, size: Bytes(1), path: "/x".to_owned() }, &known)
    }

    #[test]
    fn a_way_back_stays_unless_all_is_asked_for() {
        let point = |id: &str| LeftoverKind::RollbackPoint { run: id.to_owned(), version: "3.1.20".parse().unwrap() };
        let release = |version: &str| LeftoverKind::Release { version: version.parse().unwrap() };
        for (kind, usual, all) in [
            (point("r1"), true, false),
            (point("r0"), false, false),
            (release("3.1.20"), true, false),
            (release("3.2.32"), true, true),
            (release("3.0.17"), false, false),
            (LeftoverKind::UsedRelease, true, true),
            (LeftoverKind::Part, false, false),
            (LeftoverKind::Note, true, true),
            (LeftoverKind::Unknown, true, true),
            (LeftoverKind::Replaced { run: "r1".to_owned() }, true, false),
            (LeftoverKind::Incoming { run: "r0".to_owned() }, false, false),
        ] {
            let kept = |extent, is_mixed| kept(kind.clone(), extent, is_mixed).is_some();
            assert_eq!(kept(Extent::Usual, false), usual, "{kind:?}");
            assert_eq!(kept(Extent::All, false), all, "{kind:?}, all");
            // In the middle of a rung the way back stays.
            assert_eq!(kept(Extent::All, true), usual, "{kind:?}, all, while versions are mixed");
        }
    }

    #[test]
    fn nothing_that_finishes_a_replacement_is_touched() {
        let m1: MemberName = "m1".parse().unwrap();
        let (none, m1s) = (BTreeSet::new(), BTreeSet::from([m1.clone()]));
        let (needed, versions) = (NeededRuns::default(), BTreeSet::new());
        let known = Known {
            needed: &needed,
            versions: &versions,
            being_replaced: &m1s,
            is_mixed: false,
            shared_store: &none,
            extent: Extent::All,
        };
        let left = |kind| Leftover { kind, size: Bytes(1), path: "/x".to_owned() };
        let m2: MemberName = "m2".parse().unwrap();
        for kind in [
            LeftoverKind::Incoming { run: "r".to_owned() },
            LeftoverKind::Replaced { run: "r".to_owned() },
            LeftoverKind::Release { version: "3.1.20".parse().unwrap() },
        ] {
            assert!(why_kept(&m1, &left(kind.clone()), &known).is_some());
            // What finishes it is needed on the other hosts as well.
            assert!(why_kept(&m2, &left(kind), &known).is_some());
        }
        assert_eq!(why_kept(&m1, &left(LeftoverKind::Part), &known), None);
        let shared = Known { being_replaced: &none, shared_store: &m1s, extent: Extent::Usual, ..known };
        let release = LeftoverKind::Release { version: "3.0.17".parse().unwrap() };
        assert!(why_kept(&m1, &left(release), &shared).is_some());
    }
}
