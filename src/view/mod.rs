//! View: the only room that prints.
//!
//! In come data: plans, refusals, events of a run, diagnostics of a spec, errors. Out goes text for a terminal or a
//! log, or JSON for programs. Whatever came from a host, from etcd or from a spec is escaped on the way
//! ([`escape`]), once, where text is laid out ([`page`]). This room decides nothing about clusters, asks nobody, and
//! never stops the work: when nobody can read any more (a closed pipe, a lost terminal), it falls silent.

mod area;
mod availability;
mod backups;
mod canvas;
mod choices;
mod diagnostic;
mod drift;
mod drift_page;
mod escape;
mod explain;
mod graph;
mod history;
mod import;
mod json;
mod kept;
mod last_words;
mod live;
mod markdown;
mod metrics;
mod narrate;
mod notes;
mod notice;
mod output;
mod page;
mod phrases;
mod plan;
mod refusal;
mod report;
mod reporter;
mod restore;
mod status;
mod step;
mod summary;
mod words;

#[cfg(test)]
mod drift_tests;
#[cfg(any(test, feature = "fuzz"))]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod fixtures;
#[cfg(test)]
pub(crate) mod hostile;
#[cfg(test)]
mod refused;
#[cfg(test)]
pub(crate) mod runs;
#[cfg(test)]
mod strictness;
#[cfg(test)]
mod tests;

pub use backups::{BackupSummary, backups_text};
pub use choices::{choices_json, choices_text, nothing_json, nothing_text};
pub use diagnostic::{diagnostics_json, diagnostics_text};
pub use drift::{drift_json, drift_junit, drift_markdown, drift_text, look_text};
pub use drift_page::page_html;
pub use escape::{escape, escape_json, escape_lines, is_hidden};
pub use explain::{Explained, all_rules, explain_json, explain_text, names_json, names_text};
pub use graph::{GraphKind, plan_graph};
pub use history::{RunRecord, RunState, history_json, history_text, runs_json, runs_text};
pub use import::{import_json, import_text};
#[cfg(test)]
pub(crate) use json::validate;
pub use json::{JSON_FORMAT, error_json, json_line, plan_json, refusals_json, stale_json};
pub use kept::{
    CleanReport, KeptBackup, Left, PruneReport, Verified, backup_list_json, backup_list_text, clean_done_text,
    clean_json, clean_text, left_by_text, prune_json, prune_text, unlock_json, unlock_text, verified_json,
    verified_text,
};
pub use last_words::LastWords;
pub use markdown::plan_markdown;
pub use metrics::{Looked, drift_metrics, watch_metrics};
pub use notes::{
    Again, applying_text, backup_json, changed_file_text, diff_text, question_text, report_failed_text, report_json,
    report_text, saved_text, version_json, version_text,
};
pub use notice::{Alert, alerts_json, change_json};
pub use output::{Kind as TerminalKind, Output, Terminal};
pub use page::{Color, NARROWEST, Style, USUAL_WIDTH, WIDEST};
pub use plan::{last_line, plan_text};
pub use refusal::{error_text, more_about, refusals_text, ruled_error_text, stale_text};
pub use report::{ReportOf, report_html};
pub use reporter::{Clock, Face, Reporter};
pub use status::{status_json, status_text};
#[cfg(test)]
pub(crate) use strictness::let_through;
pub use summary::{RunSummary, UnexpectedLines, summary_text};
pub use words::whole_second;
