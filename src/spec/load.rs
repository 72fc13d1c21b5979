//! From a directory to a [`Spec`]: the order in which everything is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hcl_edit::structure::{Block, Body, Structure};

use super::blocks;
use super::diagnostic::{Diagnostic, Diagnostics, Reports, Severity};
use super::eval::{Cx, site_of};
use super::locals;
use super::model::Spec;
use super::parse;
use super::rule::SpecRule;
use super::source::{self, FileId, Shown, Sources};
use super::text;
use super::variables;

/// More files than this in one directory are not a spec.
const MAX_FILES: usize = 256;
const TOP_LEVEL: [&str; 4] = ["quorate", "variable", "locals", "cluster"];

/// Where the values of variables come from, besides the files of the directory.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// What the command line gives, in order: the later wins, whichever of the two it is.
    pub given: Vec<GivenOnLine>,
    /// The environment; only `QUORATE_VAR_…` is looked at.
    pub env: Vec<(String, String)>,
}

/// One option of the command line that gives values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenOnLine {
    /// `-var name=value`.
    Value { name: String, value: String },
    /// `-var-file`: HCL, or JSON where the name ends in `.json`.
    File(PathBuf),
}

/// A spec that holds, and what came up on the way.
#[derive(Debug)]
pub struct Loaded {
    pub spec: Spec,
    pub warnings: Vec<Diagnostic>,
    /// Values of sensitive variables and private keys: to be taken out of everything that is shown or stored.
    pub secrets: Vec<String>,
    /// Names of the variables that are declared sensitive.
    pub sensitive: Vec<String>,
}

/// Reads the spec in a directory.
pub fn load(dir: &Path, inputs: &Inputs) -> Result<Loaded, Diagnostics> {
    parse::with_stack(|| load_here(dir, inputs)).unwrap_or_else(|failure| Err(Diagnostics(vec![failure])))
}

fn load_here(dir: &Path, inputs: &Inputs) -> Result<Loaded, Diagnostics> {
    let mut sources = Sources::default();
    let mut reports = Reports::default();
    let Some(found) = find_files(dir, &mut reports) else {
        return Err(Diagnostics(reports.finish(&sources, &[])));
    };
    let mut bodies = Vec::new();
    for path in &found.spec {
        match source::read(path, Shown::Yes, &mut sources, &mut reports) {
            Some(file) => bodies.push((file, parse::parse(file, &sources, &mut reports))),
            None => reports.mark_incomplete(),
        }
    }
    let blocks = Blocks::sort(&bodies, &sources, &mut reports);
    // A file that cannot be parsed could declare anything: then, too, values are not shown.
    let shown = match variables::declares_secrets(blocks.of("variable").iter().map(|(_, block)| *block)) {
        false if !reports.has_errors() => Shown::Yes,
        _ => Shown::No,
    };
    let files = variables::read_files(&found.auto, &inputs.given, shown, &mut sources, &mut reports);
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let mut cx = Cx::new(&absolute, &sources, reports);
    let spec = evaluate(&blocks, &files, inputs, &found, &mut cx);
    let Cx { reports, mut secrets, sensitive, .. } = cx;
    secrets.retain(|secret| !secret.is_empty());
    // Longest first, so that no part of a secret is left where another one is a part of it.
    secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    secrets.dedup();
    let failed = reports.has_errors();
    let diagnostics = reports.finish(&sources, &secrets);
    match spec {
        Some(spec) if !failed => Ok(Loaded { spec, warnings: diagnostics, secrets, sensitive }),
        _ => Err(Diagnostics(not_empty(diagnostics))),
    }
}

/// A spec is missing only after an error was reported; should that ever not hold, say so rather than nothing.
fn not_empty(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if !diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        diagnostics.push(Diagnostic {
            severity: Severity::Error,
            rule: SpecRule::Internal,
            summary: "The spec could not be read".to_owned(),
            detail: "No reason was recorded. This is a mistake in quorate; please report it with the spec.".to_owned(),
            place: None,
        });
    }
    diagnostics
}

struct Found {
    spec: Vec<PathBuf>,
    auto: Vec<PathBuf>,
}

fn find_files(dir: &Path, reports: &mut Reports) -> Option<Found> {
    let shown = dir.display().to_string();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "There is no such directory.".to_owned(),
                std::io::ErrorKind::NotADirectory => "It is a file. Name the directory that the spec is in.".to_owned(),
                _ => format!("{error}."),
            };
            reports.error_outside(SpecRule::Files, format!("Cannot read directory {shown}"), why);
            return None;
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let is_hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| !is_hidden(path));
    let is_spec = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "hcl") && !path.is_dir();
    let spec: Vec<PathBuf> = paths.iter().filter(is_spec).cloned().collect();
    let auto = paths.iter().filter(|path| variables::is_auto_file(path)).cloned().collect();
    if spec.is_empty() {
        let detail = "A spec is one or more files that end in .hcl. Name its directory with -chdir, or write one.";
        reports.error_outside(SpecRule::Files, format!("No spec in {shown}"), detail);
        return None;
    }
    if spec.len() > MAX_FILES {
        let detail = format!("It holds {} files that end in .hcl; {MAX_FILES} are read at most.", spec.len());
        reports.error_outside(SpecRule::Files, format!("Too many files in {shown}"), detail);
        return None;
    }
    Some(Found { spec, auto })
}

/// The blocks of all files, by kind, in the order of files and lines.
#[derive(Default)]
struct Blocks<'a> {
    by_kind: BTreeMap<&'a str, Vec<(FileId, &'a Block)>>,
}

impl<'a> Blocks<'a> {
    fn of(&self, kind: &str) -> &[(FileId, &'a Block)] {
        self.by_kind.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Sorts blocks by kind and reports what does not belong at the top of a file.
    fn sort(bodies: &'a [(FileId, Body)], sources: &Sources, reports: &mut Reports) -> Self {
        let mut blocks = Self::default();
        for (file, structure) in bodies.iter().flat_map(|(file, body)| body.iter().map(|item| (*file, item))) {
            match structure {
                Structure::Block(block) if TOP_LEVEL.contains(&block.ident.as_str()) => {
                    blocks.by_kind.entry(block.ident.as_str()).or_default().push((file, block));
                }
                Structure::Block(block) => {
                    let site = site_of(file, &block.ident, sources.whole(file));
                    reports.error(
                        SpecRule::UnknownSetting,
                        site,
                        "Unknown block",
                        describe_unknown(block.ident.as_str()),
                    );
                }
                Structure::Attribute(attribute) => {
                    let site = site_of(file, &attribute.key, sources.whole(file));
                    let detail = format!(
                        "{} stands outside of any block. In a spec it belongs in locals {{ … }} or another block; a file \
                         of variable values is named *.auto.hclvars, or anything but *.hcl with -var-file.",
                        text::quoted(attribute.key.as_str())
                    );
                    reports.error(SpecRule::UnknownSetting, site, "Attribute outside of a block", detail);
                }
            }
        }
        blocks
    }
}

fn describe_unknown(name: &str) -> String {
    if name == "module" {
        return "Modules are not supported yet. Put the blocks into this directory.".to_owned();
    }
    let shown = text::quoted(name);
    match text::did_you_mean(name, TOP_LEVEL) {
        Some(near) => format!("{shown} is not known here. Did you mean {near}?"),
        None => format!("{shown} is not known here. A spec has {} blocks.", text::listed(TOP_LEVEL)),
    }
}

fn evaluate(blocks: &Blocks, files: &variables::Files, inputs: &Inputs, found: &Found, cx: &mut Cx) -> Option<Spec> {
    cx.scope.module_path = cx.dir.display().to_string();
    let declared = variables::declarations(blocks.of("variable"), cx);
    variables::resolve(&declared, files, &inputs.env, cx);
    locals::resolve(blocks.of("locals"), cx);
    let settings = blocks::read_tool_settings(blocks.of("quorate"), cx);
    let (mut clusters, mut drift) = (Vec::new(), BTreeMap::new());
    let mut names = BTreeMap::new();
    for (file, block) in blocks.of("cluster") {
        let read = blocks::read_cluster(*file, block, &settings.state_dir, cx);
        if let Some(name) = read.name
            && let Some(first) = names.insert(name.clone(), read.site)
        {
            let line = cx.sources.line_of(first.file, first.start);
            let detail = format!("Another cluster is called \"{name}\" (line {line}). Names are unique in a spec.");
            cx.reports.error(SpecRule::Duplicate, read.site, "Cluster declared twice", detail);
        }
        drift.extend(read.cluster.as_ref().map(|cluster| (cluster.name.clone(), read.drift)));
        clusters.extend(read.cluster);
    }
    if blocks.of("cluster").is_empty() {
        let files: Vec<String> = found.spec.iter().map(|path| source::shown_path(path)).collect();
        let detail = format!(
            "Nothing in {} declares one: cluster \"prod\" {{ … }}.",
            text::listed(files.iter().map(String::as_str).take(5))
        );
        if !cx.reports.has_errors() {
            cx.reports.error_outside(SpecRule::Missing, "No cluster", detail);
        }
    }
    (!clusters.is_empty()).then(|| Spec { dir: cx.dir.to_owned(), settings, clusters, drift })
}
