//! Hold: whether a run stops before the point of no return, or was held there already and goes on.

use crate::plan::model::{Action, GoesOn, Operation, Plan, Step, StepId};
use crate::plan::survey::Survey;
use crate::plan::target::Way;
use crate::units::{ClusterId, MemberName, Version};

/// The newest run of a cluster, where it ended at the hold. What it was held before has to be what is left now:
/// else somebody changed members since, and nobody said that a run may go on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub run: String,
    cluster_id: Option<ClusterId>,
    member: MemberName,
    from: Version,
    to: Version,
}

impl Held {
    /// Of a run that performed `plan` and was held before this step.
    pub fn of(run: &str, plan: &Plan, before: StepId) -> Option<Self> {
        let Action::Member(action) = &plan.step(before)?.action else {
            return None;
        };
        Some(Self {
            run: run.to_owned(),
            cluster_id: plan.basis.cluster_id,
            member: action.member.clone(),
            from: action.from.clone(),
            to: action.to.clone(),
        })
    }

    fn is_before_what_is_left(&self, survey: &Survey<'_>, way: &Way) -> bool {
        let same_cluster = survey.cluster_id() == self.cluster_id;
        let same_member = way.left.len() == 1 && way.left.contains(&self.member);
        same_cluster && same_member && way.from == self.from && way.to == self.to
    }
}

/// Why a run of these steps goes past the hold; `None`: it stops there.
pub fn goes_on(held: Option<&Held>, survey: &Survey<'_>, way: &Way, steps: &[Step]) -> Option<GoesOn> {
    if let Some(held) = held.filter(|held| held.is_before_what_is_left(survey, way)) {
        return Some(GoesOn::WasHeld { run: held.run.clone() });
    }
    let stops = |step: &Step| match &step.action {
        Action::Member(action) => action.operations.iter().any(|operation| matches!(operation, Operation::Stop { .. })),
        _ => false,
    };
    // Nobody is stopped any more: a member that is down waits for nobody's consent to be started.
    (!steps.iter().any(stops)).then_some(GoesOn::OnlyStarts)
}
