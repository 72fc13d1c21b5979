//! What a command can come to other than what it was asked for.

use crate::execute::ExecuteError;
use crate::knowledge::KnowledgeError;
use crate::plan::model::Refusal;
use crate::spec::Diagnostics;
use crate::state::StateError;

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("the spec is not valid")]
    Spec(Diagnostics),
    #[error("the plan is refused")]
    Refused(Vec<Refusal>),
    /// A saved plan is no longer for the cluster that is there.
    #[error("the plan was made for another state of the cluster: {}", .0.join("; "))]
    Stale(Vec<String>),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A run that was to give something did not come to it.
    #[error("{reason}")]
    Ended { reason: String, todo: Vec<String> },
    #[error("{0}")]
    Other(String),
}
