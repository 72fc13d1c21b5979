//! Why a command could not do what was asked, and how that is shown.

use super::context::{Format, Screen};
use super::exit::Exit;
use crate::plan::file::PlanFileError;
use crate::plan::model::Refusal;
use crate::session::CommandRule;
use crate::state::StateError;
use crate::view::{
    diagnostics_json, diagnostics_text, error_json, json_line, refusals_json, refusals_text, ruled_error_text,
    stale_json, stale_text,
};

pub enum Failure {
    /// Something is wrong with the spec: errors, and warnings found on the way.
    Spec(Vec<miette::Report>),
    /// There is no safe plan.
    Refused { cluster: String, refusals: Vec<Refusal> },
    /// A saved plan does not fit any more: each difference in a sentence.
    Stale(Vec<String>),
    /// Asked for in a way that cannot be answered.
    Usage(String),
    /// Anything else: what was seen, the rule that it is about, and what to do.
    Ruled { rule: CommandRule, message: String, todo: Vec<String> },
}

impl Failure {
    pub fn ruled(rule: CommandRule, message: impl Into<String>) -> Self {
        Self::Ruled { rule, message: message.into(), todo: Vec::new() }
    }

    /// Of an error that says in its last lines what to do.
    pub fn of_text(rule: CommandRule, text: &str) -> Self {
        let mut parts = text.split("\n  do: ");
        let message = parts.next().unwrap_or_default().to_owned();
        Self::Ruled { rule, message, todo: parts.map(str::to_owned).collect() }
    }

    /// In one sentence, where there is room for no more.
    pub fn in_words(&self) -> String {
        match self {
            Self::Spec(_) => "the spec is not valid; `quorate validate` says why".to_owned(),
            Self::Refused { cluster, .. } => format!("refused for cluster {cluster}"),
            Self::Stale(differences) => differences.join("; "),
            Self::Usage(message) | Self::Ruled { message, .. } => message.clone(),
        }
    }

    /// Shows it: JSON where JSON was asked for, on standard output like any result; else text on standard error.
    pub fn show(&self, screen: &Screen) -> Exit {
        match screen.format {
            Format::Json => screen.out.write(&json_line(&self.json())),
            Format::Human => screen.err.write(&self.text(screen)),
        }
        Exit::Error
    }

    fn text(&self, screen: &Screen) -> String {
        let style = screen.err_terminal.style;
        match self {
            Self::Spec(reports) => diagnostics_text(diagnostics(reports), style),
            Self::Refused { cluster, refusals } => refusals_text(cluster, refusals, style),
            Self::Stale(differences) => stale_text(differences, style),
            Self::Usage(message) => ruled_error_text(message, &[], CommandRule::CommandLine.name(), style),
            Self::Ruled { rule, message, todo } => ruled_error_text(message, todo, rule.name(), style),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Spec(reports) => diagnostics_json(diagnostics(reports)),
            Self::Refused { cluster, refusals } => refusals_json(cluster, refusals),
            Self::Stale(differences) => stale_json(differences),
            Self::Usage(message) => error_json(message, &[], Some(CommandRule::CommandLine.name())),
            Self::Ruled { rule, message, todo } => error_json(message, todo, Some(rule.name())),
        }
    }
}

pub fn diagnostics(reports: &[miette::Report]) -> impl Iterator<Item = &dyn miette::Diagnostic> {
    reports.iter().map(|report| -> &dyn miette::Diagnostic { &**report })
}

impl From<PlanFileError> for Failure {
    fn from(error: PlanFileError) -> Self {
        let rule = match &error {
            PlanFileError::Read { .. } | PlanFileError::Write { .. } | PlanFileError::NotAFile { .. } => {
                CommandRule::FileUsable
            }
            PlanFileError::Unsaveable { .. }
            | PlanFileError::Empty { .. }
            | PlanFileError::TooLarge { .. }
            | PlanFileError::CutShort { .. }
            | PlanFileError::NotJson { .. }
            | PlanFileError::NotAPlan { .. }
            | PlanFileError::OlderFormat { .. }
            | PlanFileError::NewerFormat { .. }
            | PlanFileError::Damaged { .. }
            | PlanFileError::Edited { .. } => CommandRule::SavedPlanWhole,
        };
        Self::Ruled { rule, message: error.to_string(), todo: vec![error.fix().to_owned()] }
    }
}

/// Of the state alone, where no session was opened.
impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        super::session::failure_of(error.into())
    }
}
