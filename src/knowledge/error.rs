//! What can be wrong with knowledge data: always a file, nearly always a block in it.

use std::fmt;
use std::path::PathBuf;

/// Why knowledge cannot be used. All problems are found in one go, so that one edit can mend them all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnowledgeError {
    #[error("the knowledge data in {from} has {} problem{}:{}", .problems.len(), plural(.problems), list(.problems))]
    Data { from: String, problems: Vec<Problem> },
    #[error("the folder of knowledge data {} cannot be read: {why}", .dir.display())]
    Folder { dir: PathBuf, why: String },
    #[error("the folder of knowledge data {} holds more than {limit} files: is it the right folder?", .dir.display())]
    TooManyFiles { dir: PathBuf, limit: usize },
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Relative to the data folder: `rungs/3.1-3.2.hcl`.
    pub file: String,
    /// The block, from the outside in: `rung "3.1" "3.2" > requirement "x"`; empty for the file as a whole.
    pub block: String,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if !self.block.is_empty() {
            write!(f, ": {}", self.block)?;
        }
        write!(f, ": {}", self.what)
    }
}

fn plural(problems: &[Problem]) -> &'static str {
    if problems.len() == 1 { "" } else { "s" }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
