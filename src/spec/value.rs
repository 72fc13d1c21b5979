//! Values of expressions. A value that came from a sensitive variable knows it, and is never shown.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::diagnostic::REDACTED;
use super::text;

/// How deep lists and maps may be nested in a value.
pub const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Value>),
    /// Sorted, without doubles.
    Set(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// A value that must not be shown. Never directly inside another one.
    Secret(Box<Value>),
}

/// Whole numbers are exact; others are floating point, always finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Whole(i128),
    Real(f64),
}

/// Beyond this a floating point number does not stand for one whole number.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

impl Number {
    /// `None` for infinities and what is no number.
    pub fn from_f64(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        // Within the exact range the conversion loses nothing.
        #[allow(clippy::cast_possible_truncation)]
        Some(if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT {
            Self::Whole(number as i128)
        } else {
            Self::Real(number)
        })
    }

    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }

    pub fn as_whole(self) -> Option<i128> {
        match self {
            Self::Whole(number) => Some(number),
            Self::Real(_) => None,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(whole) = text.parse::<i128>() {
            return Some(Self::Whole(whole));
        }
        let plain = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        if plain { text.parse().ok().and_then(Self::from_f64) } else { None }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            _ => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl Value {
    pub fn whole(number: usize) -> Self {
        Self::Number(Number::Whole(number as i128))
    }

    /// Marks a value as one that must not be shown.
    #[must_use]
    pub fn into_secret(self) -> Self {
        match self {
            Self::Secret(_) => self,
            other => Self::Secret(Box::new(other.without_marks())),
        }
    }

    /// The value itself, and whether it or anything in it is secret.
    pub fn open(self) -> (Self, bool) {
        let secret = self.holds_secret();
        if secret { (self.without_marks(), true) } else { (self, false) }
    }

    pub fn marked(self, secret: bool) -> Self {
        if secret { self.into_secret() } else { self }
    }

    fn without_marks(self) -> Self {
        match self {
            Self::Secret(inner) => inner.without_marks(),
            Self::List(items) => Self::List(items.into_iter().map(Self::without_marks).collect()),
            Self::Set(items) => Self::Set(items.into_iter().map(Self::without_marks).collect()),
            Self::Map(items) => Self::Map(items.into_iter().map(|(key, item)| (key, item.without_marks())).collect()),
            plain => plain,
        }
    }

    pub fn holds_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::List(items) | Self::Set(items) => items.iter().any(Self::holds_secret),
            Self::Map(items) => items.values().any(Self::holds_secret),
            _ => false,
        }
    }

    /// The name of its type, as messages use it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Map(_) => "map",
            Self::Secret(inner) => inner.type_name(),
        }
    }

    /// `the string "x"`, cut short; never a secret.
    pub fn show(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => format!("the number {number}"),
            Self::String(value) => format!("the string {}", text::quoted(value)),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Set(items) => format!("a set of {}", items.len()),
            Self::Map(items) => format!("a map of {}", items.len()),
            Self::Secret(_) => REDACTED.to_owned(),
        }
    }

    /// As a string where HCL converts by itself: strings, numbers, bools.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::String(value) => Some(value.clone()),
            Self::Secret(inner) => inner.to_text(),
            _ => None,
        }
    }

    pub fn to_number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            Self::String(value) => Number::parse(value),
            Self::Secret(inner) => inner.to_number(),
            _ => None,
        }
    }

    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::String(value) if value == "true" => Some(true),
            Self::String(value) if value == "false" => Some(false),
            Self::Secret(inner) => inner.to_bool(),
            _ => None,
        }
    }

    /// About how many bytes it takes, and how deep it is.
    pub fn measure(&self) -> (u64, usize) {
        const HEAD: u64 = 32;
        let of = |items: &mut dyn Iterator<Item = (u64, &Self)>| {
            items.fold((HEAD, 0), |(weight, depth), (key, item)| {
                let (own_weight, own_depth) = item.measure();
                (weight + key + own_weight, depth.max(own_depth + 1))
            })
        };
        match self {
            Self::String(value) => (HEAD + value.len() as u64, 0),
            Self::List(items) | Self::Set(items) => of(&mut items.iter().map(|item| (0, item))),
            Self::Map(items) => of(&mut items.iter().map(|(key, item)| (key.len() as u64, item))),
            Self::Secret(inner) => inner.measure(),
            _ => (HEAD, 0),
        }
    }

    /// A set: sorted, without doubles.
    pub fn set_of(mut items: Vec<Self>) -> Self {
        items.sort_by(Self::order);
        items.dedup();
        Self::Set(items)
    }

    /// Some order over all values, strings among themselves by bytes and numbers by size.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::List(a) | Self::Set(a), Self::List(b) | Self::Set(b)) => a
                .iter()
                .zip(b)
                .map(|(a, b)| a.order(b))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len())),
            (Self::Map(a), Self::Map(b)) => a
                .iter()
                .zip(b)
                .map(|((a_key, a), (b_key, b))| a_key.cmp(b_key).then_with(|| a.order(b)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len())),
            (Self::Secret(a), b) => a.order(b),
            (a, Self::Secret(b)) => a.order(b),
            _ => self.type_name().cmp(other.type_name()),
        }
    }

    /// Every text in it that must not be shown, when the whole is secret.
    pub fn collect_texts(&self, into: &mut Vec<String>) {
        match self {
            Self::Null | Self::Bool(_) => {}
            Self::Number(number) => into.push(number.to_string()),
            Self::String(value) => into.push(value.clone()),
            Self::List(items) | Self::Set(items) => items.iter().for_each(|item| item.collect_texts(into)),
            Self::Map(items) => items.values().for_each(|item| item.collect_texts(into)),
            Self::Secret(inner) => inner.collect_texts(into),
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(Number::Whole(number)) => i64::try_from(*number)
                .map(serde_json::Value::from)
                .or_else(|_| u64::try_from(*number).map(serde_json::Value::from))
                .unwrap_or_else(|_| (*number as f64).into()),
            Self::Number(Number::Real(number)) => (*number).into(),
            Self::String(value) => value.as_str().into(),
            Self::List(items) | Self::Set(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(items) => items.iter().map(|(key, item)| (key.clone(), item.to_json())).collect(),
            Self::Secret(inner) => inner.to_json(),
        }
    }

    pub fn from_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => number
                .as_i128()
                .map(Number::Whole)
                .or_else(|| number.as_f64().and_then(Number::from_f64))
                .map_or(Self::Null, Self::Number),
            serde_json::Value::String(value) => Self::String(value.clone()),
            serde_json::Value::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(items) => {
                Self::Map(items.iter().map(|(key, item)| (key.clone(), Self::from_json(item))).collect())
            }
        }
    }
}
