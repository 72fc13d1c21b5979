//! What the runs that are kept say to the next one: whether the newest was held before the point of no return, and whether
//! the cluster's creation was cut off.

use crate::execute::journal::{Ending, Entry};
use crate::plan::model::Kind;
use crate::plan::{CutOffCreation, Held};
use crate::session::Session;

/// So many runs are looked through for the newest of a cluster: those of others, and backups, lie between.
const MOST_RUNS: usize = 200;

impl Session {
    /// Nothing that was done to the cluster has succeeded yet, and its creation was tried.
    pub(super) fn creation(&self) -> CutOffCreation {
        let mut seen = CutOffCreation::NotKnown;
        let Ok(ids) = self.state.run_ids() else { return seen };
        for id in ids.iter().rev().take(MOST_RUNS) {
            let Ok(run) = self.state.run(id) else { return CutOffCreation::NotKnown };
            let Ok(plan) = run.plan else { return CutOffCreation::NotKnown };
            if plan.cluster != self.cluster.name || plan.kind == Kind::Backup {
                continue;
            }
            if let Some(Entry::RunEnded { ending: Ending::Succeeded }) =
                run.journal.lines.last().map(|line| &line.entry)
            {
                return CutOffCreation::NotKnown;
            }
            if plan.kind == Kind::Create {
                seen = CutOffCreation::Remembered;
            }
        }
        seen
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::model::{Action, Plan};
    use crate::units::Sha256;
    use crate::view::fixtures::held_upgrade;

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
