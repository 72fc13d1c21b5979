//! What can be written on the command line.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::context::VariableInput;
use super::examples;
use super::exit::{self, Exit};
use crate::import::Target;
use crate::session::CommandRule;
use crate::units::{ClusterName, Minor, Span, SpanError, Version};
use crate::view::{Output, Terminal, escape, escape_lines, more_about};

const ENVIRONMENT: &str = "\
Environment:
  QUORATE_VAR_name  a value for the variable \"name\"
  QUORATE_LOG       log to standard error, such as: debug
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM=dumb, COLUMNS

Options may be written with one dash or with two. `quorate COMMAND -h` tells of a command.";

/// Takes etcd clusters to the version and shape that is declared for them, member by member.
///
/// Reads the .hcl files of the current folder. `plan` shows what would be done, `apply` does it.
#[derive(Debug, Parser)]
#[command(name = "quorate", version)]
#[command(arg_required_else_help = true)]
struct Line {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
pub struct Global {
    /// Do everything as if quorate had been started in this folder.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub chdir: Option<PathBuf>,
    /// Write no colours.
    #[arg(long, global = true)]
    pub no_color: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what would be done, step by step; change nothing.
    Plan(PlanArgs),
    /// Do it: what is planned now, after asking, or a saved plan.
    Apply(ApplyArgs),
    /// Show the cluster as it is right now, member by member, and what is not well; change nothing.
    Status(StatusArgs),
    /// Look once, and show what is not as it is declared, or not well; change nothing.
    Drift(DriftArgs),
    /// Write the first spec of a cluster that is there, by a look at its hosts; change nothing on them.
    Import(ImportArgs),
    /// Go back to the version that was there before: a plan first, then, after asking, the deed.
    Rollback(RollbackArgs),
    /// Show a saved plan.
    Show(ShowArgs),
    /// Draw a plan: its steps in order, the point of no return, what undoes what.
    Graph(GraphArgs),
    /// Check the spec; talk to no host.
    Validate(ValidateArgs),
    /// Bring specs into the usual form.
    Fmt(FmtArgs),
    /// Take a backup now and verify it; or list, verify and prune those that are kept.
    Backup(BackupArgs),
    /// Restore the whole cluster from a backup: a plan first, then, after asking, the deed. Writes since are lost.
    Restore(RestoreArgs),
    /// List the runs that are kept, or tell one of them step by step.
    Runs(RunsArgs),
    /// Write the report of a run that is kept: one HTML file that needs nothing else.
    Report(ReportArgs),
    /// Remove what quorate left on the hosts and nobody needs any more.
    Clean(CleanArgs),
    /// Take away the lock record that a holder on another machine left.
    Unlock(UnlockArgs),
    /// Say what a name in a plan or a refusal stands for: a rule, a gate, a fact of etcd, an option, a rung.
    Explain(ExplainArgs),
    /// Write what a shell needs to complete the command lines of quorate.
    Completion(CompletionArgs),
    /// Show the manual page of a command, or write all pages into a folder.
    Man(ManArgs),
    /// Show the version of quorate.
    Version(VersionArgs),
}

/// What a command that reads the spec takes.
#[derive(Debug, Args)]
pub struct Declared {
    /// A value for a variable. May be given more than once; what stands last wins, -var or -var-file.
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// A file with values for variables. May be given more than once; what stands last wins, -var or -var-file.
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<PathBuf>,
    /// The cluster that is meant, where the spec has several.
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
}

#[derive(Debug, Args)]
pub struct Json {
    /// Write JSON, one object a line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Save the plan, to be applied exactly as it is: quorate apply FILE.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// End with 2 where there are changes, 0 where there are none.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Stop after the rung to this minor, such as 3.4, though more is declared.
    #[arg(long, value_name = "MINOR", value_parser = minor_line)]
    pub until: Option<Minor>,
    /// Plan the way back, as `rollback` would take it.
    #[arg(long)]
    pub rollback: bool,
    #[command(flatten)]
    pub back: BackTo,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A plan that `plan -out` saved. It is not asked about again.
    #[arg(value_name = "PLANFILE", conflicts_with = "cluster")]
    pub plan_file: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    /// Stop after the rung to this minor, such as 3.4, though more is declared.
    #[arg(long, value_name = "MINOR", value_parser = minor_line, conflicts_with = "plan_file")]
    pub until: Option<Minor>,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

/// How often to look: a host is not to be kept busy by it.
fn schedule(text: &str) -> Result<Span, String> {
    const SHORTEST: Span = Span::from_secs(1);
    let span: Span = text.parse().map_err(|error: SpanError| error.to_string())?;
    if span < SHORTEST { Err(format!("{SHORTEST} is the least")) } else { Ok(span) }
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port are meant, such as 127.0.0.1:9799 or [::]:9799".to_owned())
}

/// `3.4`, not `3.4.23`: which patch it is, the plan says.
fn minor_line(text: &str) -> Result<Minor, String> {
    let minor = text.parse::<Minor>().ok().filter(|minor| minor.to_string() == text);
    minor.ok_or_else(|| "a minor is meant, such as 3.4".to_owned())
}

/// Which way back.
#[derive(Debug, Args)]
pub struct BackTo {
    /// The version to go back to, where it is not clear by itself.
    #[arg(long, value_name = "VERSION")]
    pub to: Option<Version>,
    /// Put the rollback points of all members back: the writes since they were taken are lost.
    #[arg(long)]
    pub points: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct DriftArgs {
    /// Write Markdown, with declared and found side by side in a table.
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Go on looking, each time after this span, such as 15m, until SIGTERM.
    #[arg(long, value_name = "SPAN", value_parser = schedule, conflicts_with_all = ["markdown", "junit"])]
    pub every: Option<Span>,
    /// Serve /metrics, /healthz and a page on this address, such as 127.0.0.1:9799.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = socket, requires = "every")]
    pub listen: Option<SocketAddr>,
    /// Also write a JUnit report to this file, for CI.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Also write metrics to this file, for a node exporter's textfile folder. Its name ends in .prom there.
    #[arg(long, value_name = "FILE")]
    pub prometheus: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Hosts of the cluster, as ssh reaches them: NAME=USER@ADDRESS:PORT, of which only ADDRESS is needed. One is enough where the
    /// others are reached by the addresses of their peer URLs.
    #[arg(value_name = "HOST")]
    pub hosts: Vec<Target>,
    /// The file to write. One that is there is never written over.
    #[arg(long, value_name = "FILE", default_value = "cluster.hcl")]
    pub out: PathBuf,
    /// What to call the cluster.
    #[arg(long, value_name = "NAME", default_value = "etcd")]
    pub name: ClusterName,
    /// The systemd unit of the members. Where it is not there, the one that runs an etcd is found.
    #[arg(long, value_name = "UNIT", default_value = "etcd.service")]
    pub unit: String,
    /// The account that ssh logs in as, where a host does not say another.
    #[arg(long, value_name = "USER", conflicts_with = "local")]
    pub user: Option<String>,
    /// Commands on the hosts go through `sudo -n`.
    #[arg(long, conflicts_with = "local")]
    pub sudo: bool,
    /// Instead of ~/.ssh/config.
    #[arg(long, value_name = "FILE", conflicts_with = "local")]
    pub ssh_config: Option<PathBuf>,
    /// The key that ssh uses.
    #[arg(long, value_name = "FILE", conflicts_with = "local")]
    pub identity: Option<PathBuf>,
    /// Look at this machine, without ssh.
    #[arg(long, conflicts_with = "hosts")]
    pub local: bool,
    /// Look at members on this machine that quorate runs as plain processes, below this folder.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["hosts", "unit", "user", "sudo", "ssh_config", "identity"])]
    pub process: Option<PathBuf>,
    /// Where releases come from, written into the spec: a URL with ${version} and ${arch} in it.
    #[arg(long, value_name = "URL")]
    pub release: Option<String>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The id of a backup, or the path of its folder.
    #[arg(value_name = "BACKUP")]
    pub backup: String,
    /// Begin again from the start, whatever an earlier restore or rollback left. Its data is moved aside as well.
    #[arg(long)]
    pub anew: bool,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    pub back: BackTo,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A plan that `plan -out` saved.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write GitHub Markdown, for a pull request.
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct GraphArgs {
    /// A plan that `plan -out` saved. Without it: what would be planned now.
    #[arg(value_name = "FILE", conflicts_with_all = ["cluster", "var", "var_file"])]
    pub file: Option<PathBuf>,
    /// Write Graphviz DOT; Mermaid otherwise.
    #[arg(long)]
    pub dot: bool,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Write nothing; end with 3 where a file is not formatted.
    #[arg(long)]
    pub check: bool,
    /// Show what changes.
    #[arg(long)]
    pub diff: bool,
    /// Folders with all that is below them.
    #[arg(long)]
    pub recursive: bool,
    /// Files and folders; `-` is standard input. The current folder when none is named.
    #[arg(value_name = "FILE")]
    pub paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BackupArgs {
    #[command(subcommand)]
    pub what: Option<BackupCommand>,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// List the backups that are kept.
    List(RecordsArgs),
    /// Read the files of a backup again, and compare them with what was written.
    Verify(BackupVerifyArgs),
    /// Remove the oldest backups, as the spec says.
    Prune(BackupPruneArgs),
}

/// Of commands that look at what is kept.
#[derive(Debug, Args)]
pub struct RecordsArgs {
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct BackupVerifyArgs {
    /// The id of a backup, or `all`.
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct BackupPruneArgs {
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RunsArgs {
    #[command(subcommand)]
    pub what: Option<RunsCommand>,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// Tell one run, step by step.
    Show(RunsShowArgs),
}

#[derive(Debug, Args)]
pub struct RunsShowArgs {
    /// The id of a run.
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The id of a run; the newest when none is named.
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Where to; report.html in the folder of the run otherwise.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Also what a rollback of the last upgrade would need.
    #[arg(long)]
    pub all: bool,
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// Do not ask.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub json: Json,
    #[command(flatten)]
    pub declared: Declared,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Such as one-leader, leftover-v2-entries-3.6, enable-v2, or 3.5-3.6 for a rung. Without it: all names.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// A folder with knowledge of your own, as `modules` in a spec names it.
    #[arg(long, value_name = "FOLDER")]
    pub modules: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell that completes.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command, such as plan, or backup list. Without it: quorate itself.
    #[arg(value_name = "COMMAND", num_args = 0..=2, conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder, which is made where it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VersionArgs {
    #[command(flatten)]
    pub json: Json,
}

/// A command line that was understood.
pub struct Parsed {
    pub global: Global,
    pub command: Command,
    /// `-var` and `-var-file` in the order in which they were written.
    pub inputs: Vec<VariableInput>,
}

impl Parsed {
    pub fn wants_json(&self) -> bool {
        match &self.command {
            Command::Plan(args) => args.json.json,
            Command::Apply(args) => args.json.json,
            Command::Rollback(args) => args.json.json,
            Command::Restore(args) => args.json.json,
            Command::Status(args) => args.json.json,
            Command::Drift(args) => args.json.json,
            Command::Import(args) => args.json.json,
            Command::Show(args) => args.json.json,
            Command::Validate(args) => args.json.json,
            Command::Backup(args) => match &args.what {
                None => args.json.json,
                Some(BackupCommand::List(args)) => args.json.json,
                Some(BackupCommand::Verify(args)) => args.json.json,
                Some(BackupCommand::Prune(args)) => args.json.json,
            },
            Command::Runs(args) => match &args.what {
                None => args.json.json,
                Some(RunsCommand::Show(args)) => args.json.json,
            },
            Command::Report(args) => args.json.json,
            Command::Clean(args) => args.json.json,
            Command::Unlock(args) => args.json.json,
            Command::Explain(args) => args.json.json,
            Command::Version(args) => args.json.json,
            Command::Fmt(_) | Command::Graph(_) | Command::Completion(_) | Command::Man(_) => false,
        }
    }
}

/// The definition of the command line, with examples at the end of each command's help.
#[must_use]
pub fn command() -> clap::Command {
    with_examples(Line::command(), "")
}

fn with_examples(command: clap::Command, path: &str) -> clap::Command {
    let inner: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let examples = examples::text(examples::of(path));
    let mut command = command.after_help(match path {
        "" => format!("{}\n{ENVIRONMENT}\n\n{examples}", exit_codes()),
        _ => examples,
    });
    for name in inner {
        let path = format!("{path} {name}").trim_start().to_owned();
        command = command.mut_subcommand(name, |inner| with_examples(inner, &path));
    }
    command
}

fn exit_codes() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for row in exit::MEANINGS {
        let codes: Vec<String> = row.codes.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  {}\n      {}", codes.join(", "), row.meaning);
    }
    text
}

pub fn parse(argv: Vec<OsString>) -> Result<Parsed, clap::Error> {
    let matches = command().try_get_matches_from(argv)?;
    let line = Line::from_arg_matches(&matches)?;
    let mut innermost = &matches;
    while let Some((_, inner)) = innermost.subcommand() {
        innermost = inner;
    }
    let inputs = inputs_in_order(innermost);
    Ok(Parsed { global: line.global, command: line.command, inputs })
}

/// The later wins, so the order among the two options matters.
fn inputs_in_order(matches: &ArgMatches) -> Vec<VariableInput> {
    let mut inputs: Vec<(usize, VariableInput)> = Vec::new();
    collect(matches, "var", &mut inputs, |text: &String| VariableInput::Value(text.clone()));
    collect(matches, "var_file", &mut inputs, |path: &PathBuf| VariableInput::File(path.clone()));
    inputs.sort_by_key(|(place, _)| *place);
    inputs.into_iter().map(|(_, input)| input).collect()
}

fn collect<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    id: &str,
    inputs: &mut Vec<(usize, VariableInput)>,
    make: impl Fn(&T) -> VariableInput,
) {
    // Commands without variables do not know these options.
    if !matches!(matches.try_contains_id(id), Ok(true)) || matches.value_source(id) != Some(ValueSource::CommandLine) {
        return;
    }
    let values = matches.get_many::<T>(id).into_iter().flatten();
    inputs.extend(matches.indices_of(id).into_iter().flatten().zip(values.map(make)));
}

/// Help and the version go to standard output; everything else is an error. Clap's own code for it would be 2, which
/// means "changes" here.
pub fn show_error(error: clap::Error) -> Exit {
    use clap::error::ErrorKind;
    let kind = error.kind();
    let text = aligned(&escape_lines(&quoting_visibly(error).render().to_string()));
    match kind {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let out = Output::stdout();
            out.write(&text);
            match out.failure() {
                None => Exit::Success,
                Some(why) => {
                    Output::stderr().write(&format!("Error: standard output cannot be written: {why}\n"));
                    Exit::Error
                }
            }
        }
        // The command was given alone: its help is the answer.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Output::stderr().write(&text);
            Exit::Error
        }
        _ => {
            let more = more_about([CommandRule::CommandLine.name()], Terminal::of_stderr(None).style);
            Output::stderr().write(&(text + &more));
            Exit::Error
        }
    }
}

/// With one dash; what an option does stays in the column in which the lines below it go on.
fn aligned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let short = with_one_dash(line);
        let begins = short.len() - short.trim_start().len();
        let column =
            short[begins..].find("  ").filter(|_| short[begins..].starts_with('-') && short.len() < line.len());
        match column {
            Some(at) => {
                let (option, what) = short.split_at(begins + at);
                out.extend([option, " ", what]);
            }
            None => out.push_str(&short),
        }
    }
    out
}

/// Options as the documents write them; clap knows them with two dashes only.
fn with_one_dash(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let begins_option = character == '-' && !before.is_alphanumeric() && before != '-' && rest.peek() == Some(&'-');
        if begins_option {
            let mut ahead = rest.clone();
            ahead.next();
            if ahead.next().is_some_and(|letter| letter.is_ascii_alphabetic()) {
                rest.next();
            }
        }
        out.push(character);
        before = character;
    }
    out
}

/// What was typed is quoted in an error, and could hold escape codes. Clap leaves those out when it renders; then
/// nobody would see why a command is not known.
fn quoting_visibly(mut error: clap::Error) -> clap::Error {
    let quoted: Vec<(ContextKind, String)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, escape(text))),
            _ => None,
        })
        .collect();
    for (kind, text) in quoted {
        error.insert(kind, ContextValue::String(text));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::argv::with_double_dashes;

    fn parsed(line: &str) -> Result<Parsed, clap::Error> {
        parse(with_double_dashes(line.split(' ').map(OsString::from).collect()))
    }

    fn error(line: &str) -> String {
        match parsed(line) {
            Ok(_) => panic!("{line}: accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn variables_keep_their_order() {
        let line = parsed("quorate plan -var a=1 -var-file f.hclvars --var=b=2 -var-file=g -var c=").unwrap();
        let value = |text: &str| VariableInput::Value(text.to_owned());
        let file = |path: &str| VariableInput::File(path.into());
        assert_eq!(line.inputs, [value("a=1"), file("f.hclvars"), value("b=2"), file("g"), value("c=")]);
    }

    #[test]
    fn global_options_stand_before_and_after_the_command() {
        for line in ["quorate -chdir=prod -no-color plan", "quorate plan -no-color -chdir prod"] {
            let parsed = parsed(line).unwrap();
            assert_eq!(parsed.global.chdir, Some("prod".into()));
            assert!(parsed.global.no_color);
        }
    }

    #[test]
    fn what_is_unknown_gets_a_hint() {
        assert!(error("quorate aply").contains("apply"));
        assert!(error("quorate plan -detailed-exit-code").contains("--detailed-exitcode"));
        assert!(error("quorate apply -auto-aprove").contains("--auto-approve"));
    }

    #[test]
    fn options_are_called_as_they_are_documented() {
        let text = error("quorate plan -detailed-exit-code");
        assert!(with_one_dash(&text).contains("'-detailed-exitcode'"), "{}", with_one_dash(&text));
        assert_eq!(with_one_dash("a--b --- -- '--x' <--y>"), "a--b --- -- '-x' <-y>");
        let columns =
            "      --out <FILE>  Save the plan,\n                    and go on\n  -h, --help        Print help\n";
        let expected =
            "      -out <FILE>   Save the plan,\n                    and go on\n  -h, -help         Print help\n";
        assert_eq!(aligned(columns), expected);
    }

    #[test]
    fn a_saved_plan_has_its_cluster_already() {
        assert!(error("quorate apply plan.q -cluster=prod").contains("cannot be used with"));
        assert!(parsed("quorate apply plan.q -auto-approve").is_ok());
    }

    #[test]
    fn commands_of_commands_take_variables_as_well() {
        let line = parsed("quorate backup prune -dry-run -var a=1 -json").unwrap();
        assert_eq!(line.inputs, [VariableInput::Value("a=1".to_owned())]);
        assert!(line.wants_json());
        assert!(parsed("quorate runs show 20260101T000000Z-a -var-file x").unwrap().inputs.len() == 1);
        assert!(error("quorate backup verify").contains("<ID>"));
        assert!(error("quorate backup -json list").contains("cannot be used with"));
    }

    #[test]
    fn every_command_says_what_it_does() {
        let top = Line::command();
        let inner = top.get_subcommands().flat_map(clap::Command::get_subcommands);
        for command in top.get_subcommands().chain(inner) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }
}
