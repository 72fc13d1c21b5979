//! What the runs that are kept say to the next one: whether the newest was held before the point of no return, and whether
//! the cluster's creation was cut off.

use crate::execute::journal::{Ending, Entry, Line};
use crate::observe::inventory::{Inventory, MemberView};
use crate::plan::model::{Action, Kind, Plan};
use crate::plan::{CutOffCreation, Held};
use crate::session::Session;

/// So many runs are looked through for the newest of a cluster: those of others, and backups, lie between.
const MOST_RUNS: usize = 200;

impl Session {
    /// Nothing that was done to the cluster has succeeded yet, its creation was tried, and nobody has seen it serve since.
    pub(super) fn creation(&self) -> CutOffCreation {
        match self.cut_off_creations() {
            Some(ids) if !ids.is_empty() => CutOffCreation::Remembered,
            Some(_) | None => CutOffCreation::NotKnown,
        }
    }

    /// A cluster whose creation was cut off is one that exists from the moment at which a member knows a leader: from then on it
    /// may hold what was acknowledged, and no member of it is started empty.
    pub(super) fn remember_that_it_serves(&self, inventory: &Inventory) {
        let serves = |member: &MemberView| member.etcd.known().is_some_and(|etcd| etcd.leader.is_some());
        if !inventory.members.iter().any(serves) {
            return;
        }
        for id in self.cut_off_creations().into_iter().flatten() {
            if let Err(error) = self.state.mark_served(&id) {
                tracing::warn!(%error, "that the cluster serves is not remembered");
            }
        }
    }

    /// The runs that tried to create the cluster, where that is all that is known of it; none where something is not known.
    fn cut_off_creations(&self) -> Option<Vec<String>> {
        let mut seen = Vec::new();
        let ids = self.state.run_ids().ok()?;
        for id in ids.iter().rev().take(MOST_RUNS) {
            let run = self.state.run(id).ok()?;
            let Ok(plan) = &run.plan else { return None };
            if plan.cluster != self.cluster.name || plan.kind == Kind::Backup {
                continue;
            }
            if let Some(Entry::RunEnded { ending: Ending::Succeeded }) =
                run.journal.lines.last().map(|line| &line.entry)
            {
                return None;
            }
            if plan.kind == Kind::Create {
                if run.served || has_started_all(plan, &run.journal.lines) {
                    return None;
                }
                seen.push(id.clone());
            }
        }
        Some(seen)
    }

    /// A run that cannot be read counts as one that was not held: the next one stops once more.
    pub(super) fn held(&self) -> Option<Held> {
        for id in self.state.run_ids().ok()?.iter().rev().take(MOST_RUNS) {
            let run = self.state.run(id).ok()?;
            let plan = run.plan.ok()?;
            if plan.cluster != self.cluster.name || plan.kind == Kind::Backup {
                continue;
            }
            return match &run.journal.lines.last()?.entry {
                Entry::RunEnded { ending: Ending::Held { before } } => Held::of(id, &plan, *before),
                _ => None,
            };
        }
        None
    }
}

/// Whether the gates after the start of all members held: they served.
fn has_started_all(plan: &Plan, lines: &[Line]) -> bool {
    let starts: Vec<_> = plan.steps().filter(|step| matches!(step.action, Action::StartTogether { .. })).collect();
    lines.iter().any(|line| match &line.entry {
        Entry::StepDone { step, .. } => starts.iter().any(|start| start.id == *step),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::builders::healthy;
    use crate::units::Sha256;
    use crate::view::fixtures::{creation, held_upgrade};

    struct Runs {
        dir: tempfile::TempDir,
        plan: Plan,
    }

    impl Runs {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap(), plan: held_upgrade() }
        }

        fn session(&self) -> Session {
            Session::of_saved(&Plan { state_dir: self.dir.path().to_owned(), ..self.plan.clone() }).unwrap()
        }

        fn run(&self, id: &str, plan: &Plan, ending: Option<Ending>) {
            let run = self.session().state.begin_run_as(id, plan).unwrap();
            let mut journal = run.journal().unwrap();
            let cluster = plan.cluster.to_string();
            let (who, controller) = (String::new(), String::new());
            let plan = Sha256([0; 32]);
            journal.append(Entry::RunStarted { run: id.to_owned(), cluster, plan, who, controller, pid: 1 }).unwrap();
            if let Some(ending) = ending {
                journal.append(Entry::RunEnded { ending }).unwrap();
            }
        }

        fn held(&self) -> Ending {
            let last = self.plan.steps().filter(|step| matches!(step.action, Action::Member(_))).last().unwrap();
            Ending::Held { before: last.id }
        }
    }

    #[test]
    fn only_a_run_that_ended_held_lets_the_next_one_pass() {
        let runs = Runs::new();
        assert!(runs.session().held().is_none());
        runs.run("20260101T000000Z-a", &runs.plan, Some(runs.held()));
        assert!(runs.session().held().is_some());
        let endings = [Some(Ending::Interrupted { signal: "SIGINT".to_owned() }), Some(Ending::Succeeded), None];
        for (day, ending) in (2..).zip(endings) {
            runs.run(&format!("2026010{day}T000000Z-a"), &runs.plan, ending);
            assert!(runs.session().held().is_none());
        }
        runs.run("20260109T000000Z-a", &runs.plan, Some(runs.held()));
        assert!(runs.session().held().is_some());
    }

    #[test]
    fn a_creation_was_cut_off_until_some_run_has_succeeded() {
        let runs = Runs::new();
        let of = |kind| Plan { kind, ..runs.plan.clone() };
        let creation = || runs.session().creation();
        assert_eq!(creation(), CutOffCreation::NotKnown);
        runs.run("20260101T000000Z-a", &of(Kind::Create), None);
        assert_eq!(creation(), CutOffCreation::Remembered);
        let failed = || Ending::Interrupted { signal: "SIGINT".to_owned() };
        runs.run("20260102T000000Z-a", &of(Kind::Upgrade), Some(failed()));
        runs.run("20260103T000000Z-a", &of(Kind::Backup), Some(Ending::Succeeded));
        assert_eq!(creation(), CutOffCreation::Remembered);
        runs.run("20260104T000000Z-a", &of(Kind::Upgrade), Some(Ending::Succeeded));
        runs.run("20260105T000000Z-a", &of(Kind::Upgrade), Some(failed()));
        assert_eq!(creation(), CutOffCreation::NotKnown);
    }

    #[test]
    fn a_creation_is_cut_off_no_longer_once_the_cluster_was_seen_to_serve() {
        let runs = Runs::new();
        let create = Plan { kind: Kind::Create, ..runs.plan.clone() };
        runs.run("20260101T000000Z-a", &create, None);
        runs.run("20260102T000000Z-a", &create, None);
        let serving = healthy("3.1.20").inventory;
        let mut down = serving.clone();
        for member in &mut down.members {
            member.etcd = crate::observe::inventory::Seen::Unknown { why: "it does not run".to_owned() };
        }
        runs.session().remember_that_it_serves(&down);
        assert_eq!(runs.session().creation(), CutOffCreation::Remembered);
        runs.session().remember_that_it_serves(&serving);
        assert_eq!(runs.session().creation(), CutOffCreation::NotKnown);
    }

    #[test]
    fn a_creation_whose_members_have_served_together_is_not_cut_off() {
        let runs = Runs::new();
        let create = Plan { cluster: runs.plan.cluster.clone(), ..creation() };
        let starts = create.steps().find(|step| matches!(step.action, Action::StartTogether { .. })).unwrap().id;
        runs.run("20260101T000000Z-a", &create, None);
        assert_eq!(runs.session().creation(), CutOffCreation::Remembered);
        let run = runs.session().state.begin_run_as("20260102T000000Z-a", &create).unwrap();
        let mut journal = run.journal().unwrap();
        let (id, cluster) = ("20260102T000000Z-a".to_owned(), create.cluster.to_string());
        let (who, controller, plan) = (String::new(), String::new(), Sha256([0; 32]));
        journal.append(Entry::RunStarted { run: id, cluster, plan, who, controller, pid: 1 }).unwrap();
        journal.append(Entry::StepDone { step: starts, leader: None, waited_ms: 1 }).unwrap();
        assert_eq!(runs.session().creation(), CutOffCreation::NotKnown);
    }

    #[test]
    fn runs_of_other_clusters_and_backups_lie_between_and_do_not_count() {
        let runs = Runs::new();
        runs.run("20260101T000000Z-a", &runs.plan, Some(runs.held()));
        let other = Plan { cluster: "other".parse().unwrap(), ..runs.plan.clone() };
        let backup = Plan { kind: Kind::Backup, ..runs.plan.clone() };
        runs.run("20260102T000000Z-a", &other, Some(Ending::Succeeded));
        runs.run("20260103T000000Z-a", &backup, Some(Ending::Succeeded));
        assert!(runs.session().held().is_some());
        // What a newer run did is not known: nothing older speaks for it.
        std::fs::write(runs.dir.path().join("runs/20260103T000000Z-a/plan.json"), "{").unwrap();
        assert!(runs.session().held().is_none());
    }
}
