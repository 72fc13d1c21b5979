//! Type constraints of variables: `string`, `list(number)`, `object({ port = optional(number, 2379) })`.

use std::collections::BTreeMap;
use std::fmt;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, FuncCall, Object};

use super::diagnostic::Failed;
use super::eval::{Cx, site_of};
use super::rule::SpecRule;
use super::source::{FileId, Site};
use super::text;
use super::value::Value;

#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    Any,
    String,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Tuple(Vec<Type>),
    Object(BTreeMap<String, Field>),
}

/// One attribute of an object type.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    kind: Type,
    /// `None` where it must be given; null where `optional()` names no default.
    default: Option<Value>,
}

const NAMES: [&str; 10] = ["string", "number", "bool", "any", "list", "set", "map", "object", "tuple", "optional"];

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Set(of) => write!(f, "set({of})"),
            Self::Map(of) => write!(f, "map({of})"),
            Self::Tuple(_) => f.write_str("tuple"),
            Self::Object(_) => f.write_str("object"),
        }
    }
}

impl Type {
    /// Reads the expression after `type =`.
    pub fn read(file: FileId, expression: &Expression, outer: Site, cx: &mut Cx) -> Result<Self, Failed> {
        let site = site_of(file, expression, outer);
        match expression {
            Expression::Variable(name) => match name.as_str() {
                "string" => Ok(Self::String),
                "number" => Ok(Self::Number),
                "bool" => Ok(Self::Bool),
                "any" => Ok(Self::Any),
                "list" | "set" | "map" => {
                    let detail = format!("Say of what: {}(string), for example.", name.as_str());
                    Err(cx.reports.error(SpecRule::VariableType, site, "Incomplete type", detail))
                }
                other => Err(unknown(site, other, cx)),
            },
            Expression::String(name) => {
                let detail = format!("Types are written without quotes: type = {}.", text::plain(name.as_str()));
                Err(cx.reports.error(SpecRule::VariableType, site, "Type in quotes", detail))
            }
            Expression::FuncCall(call) => Self::constructor(file, call, site, cx),
            Expression::Parenthesis(inner) => Self::read(file, inner.inner(), site, cx),
            _ => {
                let detail = "A type is string, number, bool, any, list(…), set(…), map(…), object({…}) or tuple([…]).";
                Err(cx.reports.error(SpecRule::VariableType, site, "Not a type", detail))
            }
        }
    }

    fn constructor(file: FileId, call: &FuncCall, site: Site, cx: &mut Cx) -> Result<Self, Failed> {
        let name = call.name.name.as_str();
        let arguments: Vec<&Expression> = call.args.iter().collect();
        match (name, arguments.as_slice()) {
            ("list", [of]) => Ok(Self::List(Box::new(Self::read(file, of, site, cx)?))),
            ("set", [of]) => Ok(Self::Set(Box::new(Self::read(file, of, site, cx)?))),
            ("map", [of]) => Ok(Self::Map(Box::new(Self::read(file, of, site, cx)?))),
            ("object", [Expression::Object(fields)]) => Self::object(file, fields, site, cx),
            ("tuple", [Expression::Array(items)]) => {
                let items: Vec<Result<Self, Failed>> =
                    items.iter().map(|item| Self::read(file, item, site, cx)).collect();
                Ok(Self::Tuple(items.into_iter().collect::<Result<_, _>>()?))
            }
            ("optional", _) => Err(cx.reports.error(
                SpecRule::VariableType,
                site,
                "Not a type",
                "optional() is for the attributes of object({…}) only.",
            )),
            (name, _) if NAMES.contains(&name) => {
                let detail = "Write list(T), set(T), map(T), object({ name = T }) or tuple([T, T]).";
                Err(cx.reports.error(SpecRule::VariableType, site, "Incomplete type", detail))
            }
            (other, _) => Err(unknown(site, other, cx)),
        }
    }

    fn object(file: FileId, fields: &Object, site: Site, cx: &mut Cx) -> Result<Self, Failed> {
        let mut read = BTreeMap::new();
        let mut failed = false;
        for (key, value) in fields {
            let Some(name) =
                key.as_ident().map(hcl_edit::Ident::as_str).or_else(|| key.as_expr().and_then(Expression::as_str))
            else {
                let site = key.span().map_or(site, |span| Site { file, start: span.start, end: span.end });
                cx.reports.error(
                    SpecRule::VariableType,
                    site,
                    "Not a type",
                    "The attributes of an object type have plain names.",
                );
                failed = true;
                continue;
            };
            match Field::read(file, value.expr(), site, cx) {
                Ok(field) => {
                    read.insert(name.to_owned(), field);
                }
                Err(Failed) => failed = true,
            }
        }
        if failed { Err(Failed) } else { Ok(Self::Object(read)) }
    }

    /// Converts a value, as Terraform does: between strings, numbers and bools, lists and sets, maps and objects.
    /// The message says what was expected; it names the way to the part that is wrong, never a secret.
    pub fn convert(&self, value: Value) -> Result<Value, String> {
        if value == Value::Null {
            return Ok(value);
        }
        if let Value::Secret(inner) = value {
            return self.convert(*inner).map(Value::into_secret);
        }
        let shown = value.show();
        let refuse = || format!("a {self} is needed, and this is {shown}");
        match (self, value) {
            (Self::Any, value) => Ok(value),
            (Self::String, value) => value.to_text().map(Value::String).ok_or_else(refuse),
            (Self::Number, value) => value.to_number().map(Value::Number).ok_or_else(refuse),
            (Self::Bool, value) => value.to_bool().map(Value::Bool).ok_or_else(refuse),
            (Self::List(of), Value::List(items) | Value::Set(items)) => Ok(Value::List(convert_items(of, items)?)),
            (Self::Set(of), Value::List(items) | Value::Set(items)) => Ok(Value::set_of(convert_items(of, items)?)),
            (Self::Map(of), Value::Map(items)) => {
                let converted = items.into_iter().map(|(key, item)| {
                    let item = of.convert(item).map_err(|why| format!("at {}: {why}", text::quoted(&key)))?;
                    Ok((key, item))
                });
                Ok(Value::Map(converted.collect::<Result<_, String>>()?))
            }
            (Self::Tuple(types), Value::List(items)) if types.len() == items.len() => {
                let converted = types
                    .iter()
                    .zip(items)
                    .enumerate()
                    .map(|(index, (of, item))| of.convert(item).map_err(|why| format!("at [{index}]: {why}")));
                Ok(Value::List(converted.collect::<Result<_, String>>()?))
            }
            (Self::Object(fields), Value::Map(items)) => convert_object(fields, items),
            _ => Err(refuse()),
        }
    }
}

impl Field {
    fn read(file: FileId, expression: &Expression, outer: Site, cx: &mut Cx) -> Result<Self, Failed> {
        let site = site_of(file, expression, outer);
        let Expression::FuncCall(call) = expression else {
            return Ok(Self { kind: Type::read(file, expression, outer, cx)?, default: None });
        };
        if call.name.name.as_str() != "optional" {
            return Ok(Self { kind: Type::read(file, expression, outer, cx)?, default: None });
        }
        let arguments: Vec<&Expression> = call.args.iter().collect();
        let (kind, default) = match arguments.as_slice() {
            [kind] => (kind, Value::Null),
            [kind, default] => (kind, cx.eval(file, default)?),
            _ => {
                return Err(cx.reports.error(
                    SpecRule::VariableType,
                    site,
                    "Incomplete type",
                    "Write optional(T) or optional(T, default).",
                ));
            }
        };
        let kind = Type::read(file, kind, site, cx)?;
        let default = kind.convert(default).map_err(|why| {
            cx.reports.error(SpecRule::VariableValue, site, "Wrong type of default", format!("In optional(): {why}."))
        })?;
        Ok(Self { kind, default: Some(default) })
    }
}

fn convert_items(of: &Type, items: Vec<Value>) -> Result<Vec<Value>, String> {
    let converted = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| of.convert(item).map_err(|why| format!("at [{index}]: {why}")));
    converted.collect()
}

/// Attributes that the type does not name are dropped, as in Terraform.
fn convert_object(fields: &BTreeMap<String, Field>, mut items: BTreeMap<String, Value>) -> Result<Value, String> {
    let mut converted = BTreeMap::new();
    for (name, field) in fields {
        let given = items.remove(name).filter(|value| *value != Value::Null || field.default.is_none());
        let value = match (given, &field.default) {
            (Some(value), _) => field.kind.convert(value).map_err(|why| format!("at {}: {why}", text::quoted(name)))?,
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(format!("the attribute {} is missing", text::quoted(name))),
        };
        converted.insert(name.clone(), value);
    }
    Ok(Value::Map(converted))
}

fn unknown(site: Site, name: &str, cx: &mut Cx) -> Failed {
    let hint = match text::did_you_mean(name, NAMES) {
        Some(near) => format!("Did you mean {near}?"),
        None => "There are string, number, bool, any, list(…), set(…), map(…), object({…}) and tuple([…]).".to_owned(),
    };
    cx.reports.error(
        SpecRule::VariableType,
        site,
        "Unknown type",
        format!("There is no type {}. {hint}", text::quoted(name)),
    )
}
