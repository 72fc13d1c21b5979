//! Input variables: what is declared, and what values come from the environment, from variable files and from the
//! command line, in that order: the later wins. On the command line that goes by place, among files and single values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hcl_edit::Ident;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Structure};

use super::diagnostic::{Failed, Reports};
use super::eval::{Cx, site_of};
use super::json;
use super::load::GivenOnLine;
use super::parse;
use super::rule::SpecRule;
use super::scan;
use super::section::{Known, Section, check_characters};
use super::source::{self, FileId, Shown, Site, Sources};
use super::text;
use super::types::Type;
use super::value::Value;

/// What a variable's name in the environment starts with.
const PREFIX: &str = "QUORATE_VAR_";

const KNOWN: Known =
    Known { attributes: &["type", "default", "description", "sensitive", "nullable"], blocks: &["validation"] };
const VALIDATION: Known = Known { attributes: &["condition", "error_message"], blocks: &[] };

/// One `variable` block.
pub struct Declaration<'a> {
    name: String,
    file: FileId,
    block: &'a Block,
    site: Site,
}

/// Where a value was given.
#[derive(Clone)]
enum Origin {
    Environment,
    CommandLine,
    File { site: Site },
}

/// A value before it is known which type it should have.
enum Raw {
    /// Text of the command line or environment.
    Text(String),
    /// An expression of a variable file.
    Expression(FileId, Box<Expression>),
    Value(Value),
}

struct Given {
    raw: Raw,
    origin: Origin,
}

/// Values by variable name; later ones replace earlier ones.
type Values = BTreeMap<String, Given>;

/// Where variable values come from: read before the declarations are evaluated, because reading adds sources.
#[derive(Default)]
pub struct Files {
    read: Vec<Source>,
}

/// One source of values, in the order in which they are taken.
enum Source {
    File(FileId, FileKind),
    Line { name: String, value: String },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Hcl,
    Json,
}

/// The names in a spec that are declared sensitive, by the letter: enough to know before anything is evaluated.
pub fn declares_secrets<'a>(blocks: impl Iterator<Item = &'a Block>) -> bool {
    blocks.into_iter().any(|block| block.body.has_attribute("sensitive"))
}

/// Reads all variable files: `*.auto.hclvars` of the directory, then what the command line gives, in its order.
pub fn read_files(
    auto: &[PathBuf],
    given: &[GivenOnLine],
    shown: Shown,
    sources: &mut Sources,
    reports: &mut Reports,
) -> Files {
    let mut files = Files::default();
    let mut read = |path: &Path| {
        let kind =
            if path.extension().is_some_and(|extension| extension == "json") { FileKind::Json } else { FileKind::Hcl };
        source::read(path, shown, sources, reports).map(|file| Source::File(file, kind))
    };
    files.read.extend(auto.iter().filter_map(|path| read(path)));
    files.read.extend(given.iter().filter_map(|given| match given {
        GivenOnLine::File(path) => read(path),
        GivenOnLine::Value { name, value } => Some(Source::Line { name: name.clone(), value: value.clone() }),
    }));
    files
}

/// Finds the `variable` blocks, reports doubles and bad names.
pub fn declarations<'a>(blocks: &[(FileId, &'a Block)], cx: &mut Cx) -> Vec<Declaration<'a>> {
    let mut found: Vec<Declaration> = Vec::new();
    for (file, block) in blocks {
        let section = Section::of_block(*file, block, "variable block", cx);
        section.expect(&KNOWN, cx);
        let [label] = block.labels.as_slice() else {
            cx.reports.error(
                SpecRule::Label,
                section.site,
                "Variable without a name",
                "Write variable \"name\" { … }.",
            );
            continue;
        };
        let name = label.as_str();
        if Ident::try_new(name).is_err() || name.contains(text::is_treacherous) {
            let detail =
                format!("{} is no name: letters, digits, _ and -, starting with a letter.", text::quoted(name));
            cx.reports.error(SpecRule::Name, section.site, "Bad variable name", detail);
        } else if let Some(first) = found.iter().find(|other| other.name == name) {
            let line = cx.sources.line_of(first.site.file, first.site.start);
            let detail = format!("Variable {} is declared on line {line} already.", text::quoted(name));
            cx.reports.error(SpecRule::Duplicate, section.site, "Variable declared twice", detail);
        } else {
            found.push(Declaration { name: name.to_owned(), file: *file, block, site: section.site });
        }
    }
    found
}

/// Gives every declared variable its value, or reports why it has none.
pub fn resolve(declared: &[Declaration], files: &Files, environment: &[(String, String)], cx: &mut Cx) {
    let names: BTreeSet<String> = declared.iter().map(|declaration| declaration.name.clone()).collect();
    let mut values = Values::new();
    for (name, value) in environment {
        if let Some(name) = name.strip_prefix(PREFIX).filter(|name| names.contains(*name)) {
            let given = Given { raw: Raw::Text(value.clone()), origin: Origin::Environment };
            values.insert(name.to_owned(), given);
        }
    }
    for source in &files.read {
        match source {
            Source::File(file, kind) => from_file(*file, *kind, &names, &mut values, cx),
            Source::Line { name, value } if names.contains(name) => {
                values.insert(name.clone(), Given { raw: Raw::Text(value.clone()), origin: Origin::CommandLine });
            }
            Source::Line { name, .. } => {
                let summary = format!("-var sets {}, which is not declared", text::quoted(name));
                cx.reports.error_outside(SpecRule::VariableUndeclared, summary, near_variable(name, &names));
            }
        }
    }
    let mut resolved = BTreeMap::new();
    for declaration in declared {
        let value = value_of(declaration, values.remove(&declaration.name), cx);
        resolved.insert(declaration.name.clone(), value.ok());
    }
    cx.scope.variables = resolved;
    for declaration in declared {
        validate(declaration, cx);
    }
}

fn from_file(file: FileId, kind: FileKind, names: &BTreeSet<String>, values: &mut Values, cx: &mut Cx) {
    let found = if kind == FileKind::Json { json_values(file, cx) } else { hcl_values(file, cx) };
    for (name, given) in found {
        if names.contains(&name) {
            values.insert(name, given);
        } else if let Origin::File { site } = given.origin {
            let detail = format!("{}{}", near_variable(&name, names), " The value is not used.");
            cx.reports.warning(SpecRule::VariableUndeclared, Some(site), "Value for an undeclared variable", detail);
        }
    }
}

fn near_variable(name: &str, names: &BTreeSet<String>) -> String {
    match text::did_you_mean(name, names.iter().map(String::as_str)) {
        Some(near) => format!("No variable {} is declared. Did you mean {near}?", text::quoted(name)),
        None => format!("No variable {} is declared in this spec.", text::quoted(name)),
    }
}

fn value_of(declaration: &Declaration, given: Option<Given>, cx: &mut Cx) -> Result<Value, Failed> {
    let section = Section::of_block(declaration.file, declaration.block, "variable block", cx);
    let secret = is_sensitive(&section, cx);
    if secret {
        cx.sensitive.push(declaration.name.clone());
    }
    let kind = match section.expression("type") {
        Some(expression) => Some(Type::read(declaration.file, expression, section.site, cx)?),
        None => None,
    };
    let nullable = section.flag("nullable", cx).is_none_or(|flag| flag.value);
    let Some(given) = given else {
        return default_of(declaration, &section, kind.as_ref(), secret, cx);
    };
    let origin = given.origin.clone();
    let value = raw_value(declaration, given, kind.as_ref(), secret, cx)?;
    note_secrets(&value, secret, cx);
    let value = value.marked(secret);
    let converted = kind.unwrap_or(Type::Any).convert(value);
    let value = converted.map_err(|why| report_given(&declaration.name, &origin, &why, cx))?;
    note_secrets(&value, secret, cx);
    if value == Value::Null && !nullable {
        return default_of(declaration, &section, None, secret, cx);
    }
    Ok(value)
}

fn is_sensitive(section: &Section, cx: &mut Cx) -> bool {
    // When it cannot be evaluated, the careful answer is yes.
    section.has("sensitive") && section.flag("sensitive", cx).is_none_or(|flag| flag.value)
}

fn note_secrets(value: &Value, secret: bool, cx: &mut Cx) {
    if secret {
        value.collect_texts(&mut cx.secrets);
    }
}

fn default_of(
    declaration: &Declaration,
    section: &Section,
    kind: Option<&Type>,
    secret: bool,
    cx: &mut Cx,
) -> Result<Value, Failed> {
    let name = &declaration.name;
    let Some(expression) = section.expression("default") else {
        let detail = format!(
            "It has no default. Set it: -var '{name}=…', {PREFIX}{name}=… in the environment, or {name} = … in a file \
             that ends in .auto.hclvars or is named with -var-file."
        );
        return Err(cx.reports.missing(
            SpecRule::VariableNotSet,
            declaration.site,
            format!("Variable {} is not set", text::quoted(name)),
            detail,
        ));
    };
    let site = site_of(declaration.file, expression, section.site);
    let value = written_out(expression, site, cx)?;
    note_secrets(&value, secret, cx);
    let value = value.marked(secret);
    kind.unwrap_or(&Type::Any).convert(value).map_err(|why| {
        cx.reports.error(
            SpecRule::VariableValue,
            site,
            "Wrong type of default",
            format!("For variable {}: {why}.", text::quoted(name)),
        )
    })
}

/// Text of the command line is a string where one is wanted, and an expression where anything else is.
fn raw_value(
    declaration: &Declaration,
    given: Given,
    kind: Option<&Type>,
    secret: bool,
    cx: &mut Cx,
) -> Result<Value, Failed> {
    let text = match given.raw {
        Raw::Value(value) => return Ok(value),
        Raw::Expression(file, expression) => {
            let site = site_of(file, expression.as_ref(), cx.sources.whole(file));
            return written_out(&expression, site, cx);
        }
        Raw::Text(text) => text,
    };
    if secret {
        cx.secrets.push(text.clone());
    }
    if matches!(kind, None | Some(Type::String)) {
        return Ok(Value::String(text));
    }
    // Numbers and bools convert from text; lists and maps are written as in a spec.
    if matches!(kind, Some(Type::Number | Type::Bool)) {
        return Ok(Value::String(text.trim().to_owned()));
    }
    let parsed = if scan::scan(&text).faults.is_empty() { hcl_edit::parser::parse_expr(&text).ok() } else { None };
    match parsed {
        Some(expression) => {
            let value = constant(&expression);
            value.ok_or_else(|| {
                let why = "a value written as in a spec is needed, without names and functions";
                report_given(&declaration.name, &given.origin, why, cx)
            })
        }
        None if matches!(kind, Some(Type::Any)) => Ok(Value::String(text)),
        None => {
            let why =
                "it cannot be read as a value; write it as in a spec, such as [\"a\", \"b\"] or { key = \"value\" }";
            Err(report_given(&declaration.name, &given.origin, why, cx))
        }
    }
}

/// A value without names and functions, as in Terraform: what could fail could also show a part of a secret.
fn written_out(expression: &Expression, site: Site, cx: &mut Cx) -> Result<Value, Failed> {
    constant(expression).ok_or_else(|| {
        let detail = "A value of a variable is written out: no names, functions or operators. Use locals for those.";
        cx.reports.error(SpecRule::VariableValue, site, "Not a plain value", detail)
    })
}

/// The value of an expression that is written out, and so cannot fail.
fn constant(expression: &Expression) -> Option<Value> {
    match expression {
        Expression::Null(_) => Some(Value::Null),
        Expression::Bool(value) => Some(Value::Bool(*value.value())),
        Expression::Number(number) => super::value::Number::parse(&number.value().to_string()).map(Value::Number),
        Expression::String(value) => Some(Value::String(value.value().clone())),
        Expression::Parenthesis(inner) => constant(inner.inner()),
        Expression::HeredocTemplate(heredoc) => {
            let literals = heredoc.template.iter().map(|element| element.as_literal().map(|text| text.as_str()));
            literals.collect::<Option<String>>().map(Value::String)
        }
        Expression::Array(items) => items.iter().map(constant).collect::<Option<Vec<_>>>().map(Value::List),
        Expression::Object(items) => {
            let items = items.iter().map(|(key, value)| {
                let key = key.as_ident().map(Ident::as_str).or_else(|| key.as_expr().and_then(Expression::as_str))?;
                Some((key.to_owned(), constant(value.expr())?))
            });
            items.collect::<Option<BTreeMap<_, _>>>().map(Value::Map)
        }
        _ => None,
    }
}

fn report_given(name: &str, origin: &Origin, why: &str, cx: &mut Cx) -> Failed {
    let name = text::quoted(name);
    match origin {
        Origin::Environment => cx.reports.error_outside(
            SpecRule::VariableValue,
            format!("The environment sets variable {name} to a wrong value"),
            format!("For {PREFIX}{}: {why}.", name.trim_matches('"')),
        ),
        Origin::CommandLine => cx.reports.error_outside(
            SpecRule::VariableValue,
            format!("-var sets variable {name} to a wrong value"),
            format!("For variable {name}: {why}."),
        ),
        Origin::File { site } => cx.reports.error(
            SpecRule::VariableValue,
            *site,
            "Wrong type of value",
            format!("For variable {name}: {why}."),
        ),
    }
}

fn hcl_values(file: FileId, cx: &mut Cx) -> Vec<(String, Given)> {
    let body = parse::parse(file, cx.sources, &mut cx.reports);
    let mut values = Vec::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let site = site_of(file, &attribute.value, cx.sources.whole(file));
                let name = attribute.key.as_str().to_owned();
                let raw = Raw::Expression(file, Box::new(attribute.value));
                values.push((name, Given { raw, origin: Origin::File { site } }));
            }
            Structure::Block(block) => {
                let site = site_of(file, &block.ident, cx.sources.whole(file));
                let detail = "A variable file holds lines such as name = value. Blocks belong in the spec.";
                cx.reports.error(SpecRule::VariableFile, site, "Block in a variable file", detail);
            }
        }
    }
    values
}

fn json_values(file: FileId, cx: &mut Cx) -> Vec<(String, Given)> {
    let text = cx.sources.text(file);
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(items)) => {
            let places = json::values_of_object(text);
            let whole = cx.sources.whole(file);
            let given = |name: &str, value| {
                let place = places.get(name).map(|place| Site { file, start: place.start, end: place.end });
                let origin = Origin::File { site: place.unwrap_or(whole) };
                Given { raw: Raw::Value(Value::from_json(value)), origin }
            };
            items.iter().map(|(name, value)| (name.clone(), given(name, value))).collect()
        }
        Ok(_) => {
            let detail = "A variable file in JSON is one object: { \"name\": value }.";
            cx.reports.error(SpecRule::VariableFile, cx.sources.whole(file), "Not an object", detail);
            Vec::new()
        }
        Err(error) => {
            let start = offset_of(text, error.line(), error.column());
            let site = Site { file, start, end: start };
            let what = match error.classify() {
                serde_json::error::Category::Eof => "The file ends too early.",
                _ => "The text does not follow the rules of JSON here.",
            };
            cx.reports.error(SpecRule::VariableFile, site, "Not JSON", what);
            Vec::new()
        }
    }
}

/// The byte at a line and column, both from 1, column in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

fn validate(declaration: &Declaration, cx: &mut Cx) {
    let whole = Section::of_block(declaration.file, declaration.block, "variable block", cx);
    let _ = whole.text("description", cx);
    for block in whole.blocks("validation") {
        let section = Section::of_block(declaration.file, block, "validation block", cx);
        section.expect(&VALIDATION, cx);
        section.require("condition", &format!("condition = length(var.{}) > 0", declaration.name), cx);
        section.require("error_message", "error_message = \"It must not be empty.\"", cx);
        if !matches!(cx.scope.variables.get(&declaration.name), Some(Some(_))) {
            continue;
        }
        let message = section.value("error_message", cx).and_then(|message| {
            let shown = message.value.to_text().filter(|_| !message.value.holds_secret());
            shown.filter(|shown| check_characters(message.site, "error_message", shown, cx).is_ok())
        });
        let Some(condition) = section.value("condition", cx) else { continue };
        match condition.value.to_bool() {
            Some(true) => {}
            Some(false) => {
                let summary = format!("Variable {} has a value that is not allowed", text::quoted(&declaration.name));
                cx.reports.error(SpecRule::VariableCondition, condition.site, summary, message.unwrap_or_default());
            }
            None => {
                super::section::wrong_type(condition.site, "condition", "true or false", &condition.value, cx);
            }
        }
    }
}

/// Whether a file of the directory holds variable values that are read without being asked for.
pub fn is_auto_file(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(".auto.hclvars"))
}
