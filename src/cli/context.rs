//! What every command needs to know: where the spec is, what was given to it, and where to write.

use std::path::PathBuf;

use super::args::{Declared, Parsed};
use super::failure::Failure;
use crate::session::CommandRule;
use crate::view::{Clock, Color, Face, Output, Reporter, Style, Terminal, TerminalKind};

/// A variable value of the command line, not looked into yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableInput {
    /// `NAME=VALUE`, as written.
    Value(String),
    File(PathBuf),
}

/// What was asked for, for commands that read the spec.
#[derive(Clone)]
pub struct Context {
    /// Where the spec is. Absolute.
    pub dir: PathBuf,
    /// `-var` and `-var-file`, in order: the later wins.
    pub inputs: Vec<VariableInput>,
    /// The environment, for `QUORATE_VAR_name`.
    pub environment: Vec<(String, String)>,
    /// `-cluster`.
    pub cluster: Option<String>,
    /// `-chdir`, as written.
    pub chdir: Option<PathBuf>,
    pub screen: Screen,
}

impl Context {
    pub fn new(declared: &Declared, parsed: &Parsed, screen: Screen) -> Result<Self, Failure> {
        let dir = std::env::current_dir().map_err(|error| {
            Failure::ruled(CommandRule::FileUsable, format!("the current folder cannot be read: {error}"))
        })?;
        let (inputs, chdir) = (parsed.inputs.clone(), parsed.global.chdir.clone());
        Ok(Self { dir, inputs, environment: environment(), cluster: declared.cluster.clone(), chdir, screen })
    }
}

/// Of this process. A name or value that is not text cannot be a variable's.
pub fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Human,
    Json,
}

/// Where a command writes, and what can be shown there.
#[derive(Clone)]
pub struct Screen {
    pub out: Output,
    pub terminal: Terminal,
    pub err: Output,
    pub err_terminal: Terminal,
    pub format: Format,
}

impl Screen {
    pub fn of_process(parsed: &Parsed) -> Self {
        let color = parsed.global.no_color.then_some(Color::Off);
        Self {
            out: Output::stdout(),
            terminal: Terminal::of_stdout(color),
            err: Output::stderr(),
            err_terminal: Terminal::of_stderr(color),
            format: if parsed.wants_json() { Format::Json } else { Format::Human },
        }
    }

    pub fn style(&self) -> Style {
        self.terminal.style
    }

    /// What tells of a run, or of a task without a plan.
    pub fn reporter(&self, plan: Option<(&crate::plan::model::Plan, crate::view::Again)>) -> Reporter {
        // Log lines between lines that are drawn over would tear both.
        let is_logging = std::env::var_os(super::logging::VARIABLE).is_some_and(|value| !value.is_empty());
        let face = match (self.format, self.terminal.kind) {
            (Format::Json, _) => Face::Json,
            (Format::Human, TerminalKind::Live) if !is_logging => Face::Live,
            (Format::Human, _) => Face::Lines,
        };
        Reporter::new(plan, face, self.style(), self.out.clone(), Clock::system())
    }
}
