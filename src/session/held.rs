//! Whether the newest run of the cluster was held before the point of no return: the next one then goes on.

use crate::execute::journal::{Ending, Entry};
use crate::plan::Held;
use crate::plan::model::Kind;
use crate::session::Session;

/// So many runs are looked through for the newest of a cluster: those of others, and backups, lie between.
const MOST_RUNS: usize = 200;

impl Session {
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
