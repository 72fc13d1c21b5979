//! One block or file body, read attribute by attribute: what it may hold is declared once, unknown names are reported
//! with the nearest known one, and every reader reports at the expression it read.

use std::collections::BTreeMap;
use std::str::FromStr;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body, Structure};

use super::diagnostic::Failed;
use super::eval::{Cx, site_of};
use super::rule::SpecRule;
use super::source::{FileId, Site};
use super::text;
use super::value::{Number, Value};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    pub value: T,
    pub site: Site,
}

/// A block under reading.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    pub file: FileId,
    body: &'a Body,
    /// What it is called in messages: `member block`.
    what: &'a str,
    /// The block's own name, where something missing is reported.
    pub site: Site,
}

/// What a section may hold.
pub struct Known {
    pub attributes: &'static [&'static str],
    pub blocks: &'static [&'static str],
}

/// Whether a text is needed that must not be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Refused,
    Allowed,
}

impl<'a> Section<'a> {
    pub fn of_block(file: FileId, block: &'a Block, what: &'a str, cx: &Cx) -> Self {
        let otherwise = cx.sources.whole(file);
        let ident = site_of(file, &block.ident, otherwise);
        let end = block.labels.last().and_then(hcl_edit::Span::span).map_or(ident.end, |span| span.end);
        Self { file, body: &block.body, what, site: Site { end, ..ident } }
    }

    /// Reports everything in it that is not known.
    pub fn expect(&self, known: &Known, cx: &mut Cx) {
        for structure in self.body.iter() {
            match structure {
                Structure::Attribute(attribute) => {
                    let name = attribute.key.as_str();
                    if !known.attributes.contains(&name) {
                        let site = site_of(self.file, &attribute.key, self.site);
                        // Its value may be wrong as well.
                        let _ = cx.eval(self.file, &attribute.value);
                        let is_block = known.blocks.contains(&name);
                        let hint = if is_block {
                            format!("{name} is a block: write {name} {{ … }}, without \"=\".")
                        } else {
                            nearest(name, "an attribute", known.attributes, self.what)
                        };
                        cx.reports.error(
                            SpecRule::UnknownSetting,
                            site,
                            "Unknown attribute",
                            format!("{} is not known here. {hint}", text::quoted(name)),
                        );
                    }
                }
                Structure::Block(block) => {
                    let name = block.ident.as_str();
                    if !known.blocks.contains(&name) {
                        let site = site_of(self.file, &block.ident, self.site);
                        let hint = if known.attributes.contains(&name) {
                            format!("{name} is an attribute: write {name} = …")
                        } else {
                            nearest(name, "a block", known.blocks, self.what)
                        };
                        cx.reports.error(
                            SpecRule::UnknownSetting,
                            site,
                            "Unknown block",
                            format!("{} is not known here. {hint}", text::quoted(name)),
                        );
                    }
                }
            }
        }
    }

    pub fn blocks(&self, name: &str) -> Vec<&'a Block> {
        self.body.blocks().filter(|block| block.has_ident(name)).collect()
    }

    /// The only block of a name; a second one is reported.
    pub fn block(&self, name: &str, cx: &mut Cx) -> Option<&'a Block> {
        let blocks = self.blocks(name);
        for double in blocks.iter().skip(1) {
            let site = site_of(self.file, &double.ident, self.site);
            let detail = format!("A {} has one {name} block. Put both together.", self.what);
            cx.reports.error(SpecRule::Duplicate, site, "Block given twice", detail);
        }
        blocks.first().copied()
    }

    pub fn has(&self, name: &str) -> bool {
        self.body.has_attribute(name)
    }

    pub fn expression(&self, name: &str) -> Option<&'a Expression> {
        self.body.get_attribute(name).map(|attribute| &attribute.value)
    }

    pub fn site_of_attribute(&self, name: &str) -> Site {
        self.expression(name).map_or(self.site, |expression| site_of(self.file, expression, self.site))
    }

    /// The value of an attribute; null counts as not given.
    pub fn value(&self, name: &str, cx: &mut Cx) -> Option<Placed<Value>> {
        let expression = self.expression(name)?;
        let site = site_of(self.file, expression, self.site);
        let value = cx.eval(self.file, expression).ok()?;
        (value != Value::Null).then_some(Placed { value, site })
    }

    /// Says that an attribute must be given, unless it is.
    pub fn require(&self, name: &str, example: &str, cx: &mut Cx) {
        let Some(expression) = self.expression(name) else {
            let detail = format!("A {} needs {name}, such as: {example}", self.what);
            cx.reports.missing(SpecRule::Missing, self.site, "Missing attribute", detail);
            return;
        };
        if cx.eval(self.file, expression) == Ok(Value::Null) {
            let detail = format!("{name} is null. A {} needs it, such as: {example}", self.what);
            cx.reports.error(SpecRule::Missing, self.site_of_attribute(name), "Missing value", detail);
        }
    }

    pub fn text(&self, name: &str, cx: &mut Cx) -> Option<Placed<String>> {
        self.text_with(name, Secrecy::Refused, cx)
    }

    /// A text that may be secret: what reads it never shows or stores it.
    pub fn secret_text(&self, name: &str, cx: &mut Cx) -> Option<Placed<String>> {
        self.text_with(name, Secrecy::Allowed, cx)
    }

    fn text_with(&self, name: &str, secrecy: Secrecy, cx: &mut Cx) -> Option<Placed<String>> {
        let Placed { value, site } = self.value(name, cx)?;
        if value.holds_secret() {
            value.collect_texts(&mut cx.secrets);
            if secrecy == Secrecy::Refused {
                refuse_secret(site, name, cx);
                return None;
            }
        }
        let Some(text) = text_of(&value) else {
            wrong_type(site, name, "a string", &value, cx);
            return None;
        };
        if secrecy == Secrecy::Refused {
            check_characters(site, name, &text, cx).ok()?;
        }
        Some(Placed { value: text, site })
    }

    /// A text that is read into a type of its own; its error is the detail.
    pub fn parsed<T>(&self, name: &str, rule: SpecRule, summary: &str, cx: &mut Cx) -> Option<Placed<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let Placed { value, site } = self.text(name, cx)?;
        match value.parse() {
            Ok(value) => Some(Placed { value, site }),
            Err(error) => {
                cx.reports.error(rule, site, summary, sentence(&T::Err::to_string(&error)));
                None
            }
        }
    }

    pub fn flag(&self, name: &str, cx: &mut Cx) -> Option<Placed<bool>> {
        let Placed { value, site } = self.plain_value(name, cx)?;
        match value.to_bool() {
            Some(value) => Some(Placed { value, site }),
            None => {
                wrong_type(site, name, "true or false", &value, cx);
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn whole(&self, name: &str, range: std::ops::RangeInclusive<u64>, cx: &mut Cx) -> Option<Placed<u64>> {
        let Placed { value, site } = self.plain_value(name, cx)?;
        let number = value.to_number().and_then(Number::as_whole).and_then(|number| u64::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(value) => Some(Placed { value, site }),
            None => {
                let wanted = format!("a whole number from {} to {}", range.start(), range.end());
                wrong_type(site, name, &wanted, &value, cx);
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&'static str, T)], cx: &mut Cx) -> Option<T> {
        let Placed { value, site } = self.text(name, cx)?;
        if let Some((_, chosen)) = choices.iter().find(|(word, _)| *word == value) {
            return Some(*chosen);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let hint = text::did_you_mean(&value, words.iter().copied()).map_or_else(
            || {
                format!(
                    "{name} is {}.",
                    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
                )
            },
            |near| format!("Did you mean \"{near}\"?"),
        );
        cx.reports.error(
            SpecRule::Value,
            site,
            "Unknown value",
            format!("{} is not one of the words for {name}. {hint}", text::quoted(&value)),
        );
        None
    }

    /// A value that is shown in plans: a secret is refused.
    pub fn plain_value(&self, name: &str, cx: &mut Cx) -> Option<Placed<Value>> {
        let placed = self.value(name, cx)?;
        if placed.value.holds_secret() {
            placed.value.collect_texts(&mut cx.secrets);
            refuse_secret(placed.site, name, cx);
            return None;
        }
        Some(placed)
    }

    /// A map, with the place of each of its values where it is written out.
    pub fn map(&self, name: &str, cx: &mut Cx) -> Option<BTreeMap<String, Placed<Value>>> {
        let Placed { value, site } = self.plain_value(name, cx)?;
        let Value::Map(items) = value else {
            wrong_type(site, name, "a map: { key = value }", &value, cx);
            return None;
        };
        let places = self.places_of_items(name);
        let placed = items.into_iter().map(|(key, value)| {
            let site = places.get(&key).copied().unwrap_or(site);
            (key, Placed { value, site })
        });
        Some(placed.collect())
    }

    /// Where each item of a map stands, from key to value, as far as its keys are plain.
    fn places_of_items(&self, name: &str) -> BTreeMap<String, Site> {
        let mut expression = self.expression(name);
        while let Some(Expression::Parenthesis(inner)) = expression {
            expression = Some(inner.inner());
        }
        let Some(Expression::Object(object)) = expression else { return BTreeMap::new() };
        let items = object.iter().filter_map(|(key, value)| {
            let key_text =
                key.as_ident().map(hcl_edit::Ident::as_str).or_else(|| key.as_expr().and_then(Expression::as_str))?;
            let start = key.span()?.start;
            let end = value.expr().span()?.end;
            Some((key_text.to_owned(), Site { file: self.file, start, end }))
        });
        items.collect()
    }
}

/// Strings, and numbers and bools as HCL converts them.
fn text_of(value: &Value) -> Option<String> {
    value.to_text()
}

pub fn wrong_type(site: Site, name: &str, wanted: &str, value: &Value, cx: &mut Cx) -> Failed {
    cx.reports.error(SpecRule::Type, site, "Wrong type", format!("{name} must be {wanted}; this is {}.", value.show()))
}

fn refuse_secret(site: Site, name: &str, cx: &mut Cx) -> Failed {
    let detail = format!(
        "{name} is written into plans and journals, and secrets are kept out of those. Sensitive values may stand in a \
         client block only, as certificates, key and password."
    );
    cx.reports.error(SpecRule::Secret, site, "Sensitive value", detail)
}

/// No text of a spec holds characters that a terminal acts on or that deceive the reader.
pub fn check_characters(site: Site, name: &str, text: &str, cx: &mut Cx) -> Result<(), Failed> {
    match text.chars().find(|c| text::is_treacherous(*c)) {
        None => Ok(()),
        Some(c) => {
            let kind = if text::is_bidi(c) {
                "changes the direction of text"
            } else if text::is_control(c) {
                "is a control character"
            } else {
                "cannot be seen"
            };
            let detail = format!("{name} holds {}, which {kind}. Take it out.", c.escape_unicode());
            Err(cx.reports.error(SpecRule::Characters, site, "Unsafe character", detail))
        }
    }
}

fn nearest(name: &str, what: &str, known: &[&'static str], section: &str) -> String {
    match text::did_you_mean(name, known.iter().copied()) {
        Some(near) => format!("Did you mean {near}?"),
        None if known.is_empty() => format!("A {section} has none."),
        None => format!("As {what}, a {section} may have {}.", text::listed(known.iter().copied())),
    }
}

/// A message as a sentence of its own.
pub fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let start: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let end = if message.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{start}{}{end}", chars.as_str())
}
