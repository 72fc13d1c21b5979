//! The runs so far, as the state folder keeps them: what a rollback learns from them is read by the product's own function.

use crate::execute::journal::{Entry, JOURNAL_FORMAT, Line};
use crate::plan::model::{Kind, Plan};
use crate::plan::rollback::LastRun;
use crate::session::last_of;
use crate::sim::beside::run_id;
use crate::units::ClusterName;

/// Numbers all runs; keeps those of upgrades, where somebody will ask.
#[derive(Debug, Default)]
pub struct PastRuns {
    number: u32,
    keeps: bool,
    runs: Vec<(String, Plan, Vec<Line>)>,
    writes_to: Option<usize>,
}

impl PastRuns {
    pub fn kept() -> Self {
        Self { keeps: true, ..Self::default() }
    }

    pub fn begin(&mut self, plan: &Plan) -> u32 {
        self.number += 1;
        self.writes_to = None;
        if self.keeps && matches!(plan.kind, Kind::Upgrade | Kind::Downgrade) {
            self.writes_to = Some(self.runs.len());
            self.runs.push((run_id(self.number), plan.clone(), Vec::new()));
        }
        self.number
    }

    pub fn write(&mut self, entry: &Entry) {
        let Some((_, _, lines)) = self.writes_to.and_then(|place| self.runs.get_mut(place)) else { return };
        let seq = lines.len() as u64 + 1;
        lines.push(Line { format: JOURNAL_FORMAT, seq, at: String::new(), entry: entry.clone() });
    }

    /// The last upgrade that changed a member's binary.
    pub fn last(&self, cluster: &ClusterName) -> Option<LastRun> {
        last_of(cluster, self.runs.iter().rev().map(|(id, plan, lines)| (id.clone(), plan, lines.as_slice())))
    }
}
