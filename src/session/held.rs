//! Whether the newest run of the cluster was held before the point of no return: the next one then goes on.

use crate::execute::journal::{Ending, Entry};
use crate::plan::Held;
use crate::plan::model::Kind;
use crate::session::Session;

impl Session {
    /// What is left of a run that cannot be read counts as a run that was not held: the next one stops once more.
    pub(super) fn held(&self) -> Option<Held> {
        let changes = |plan: &crate::plan::model::Plan| plan.cluster == self.cluster.name && plan.kind != Kind::Backup;
        let newest = self.state.newest_run(changes)?;
        match &newest.lines.last()?.entry {
            Entry::RunEnded { ending: Ending::Held { before } } => Held::of(&newest.id, &newest.plan, *before),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::model::{Action, Plan};
    use crate::view::fixtures::held_upgrade;

    fn after_a_run_that(ends: impl Fn(&Plan) -> Option<Ending>) -> Option<Held> {
        let dir = tempfile::tempdir().unwrap();
        let plan = held_upgrade();
        let session = Session::of_saved(plan.declared.clone(), dir.path()).unwrap();
        let run = session.state.begin_run(&plan).unwrap();
        let mut journal = run.journal().unwrap();
        journal.append(Entry::StopRequested { signal: "SIGINT".to_owned() }).unwrap();
        if let Some(ending) = ends(&plan) {
            journal.append(Entry::RunEnded { ending }).unwrap();
        }
        session.held()
    }

    fn held(plan: &Plan) -> Option<Ending> {
        let last = plan.steps().filter(|step| matches!(step.action, Action::Member(_))).last()?;
        Some(Ending::Held { before: last.id })
    }

    #[test]
    fn only_a_run_that_ended_held_lets_the_next_one_pass() {
        assert!(after_a_run_that(held).is_some());
        assert!(after_a_run_that(|_| Some(Ending::Interrupted { signal: "SIGINT".to_owned() })).is_none());
        assert!(after_a_run_that(|_| Some(Ending::Succeeded)).is_none());
        // It was killed.
        assert!(after_a_run_that(|_| None).is_none());
    }
}
