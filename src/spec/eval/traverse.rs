//! Names, attributes, indexes and splats: `var.x`, `each.value.address`, `list[0]`, `members[*].name`.

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::{Decorated, Span};

use super::super::diagnostic::Failed;
use super::super::rule::SpecRule;
use super::super::source::Site;
use super::super::text;
use super::super::value::Value;
use super::{Evaluator, Outcome};

/// Names that need a `.name` behind them.
const ROOTS: [&str; 4] = ["var", "local", "each", "path"];

impl Evaluator<'_, '_> {
    /// A name that nothing follows.
    pub(super) fn bare_name(&mut self, name: &str) -> Outcome {
        if let Some(value) = self.cx.scope.lookup(name) {
            return Ok(value.clone());
        }
        let site = self.outer;
        if ROOTS.contains(&name) {
            let detail = format!("{name} alone is no value: write {name}. and a name.");
            return Err(self.error(SpecRule::UnknownName, site, "Incomplete name", detail));
        }
        Err(self.unknown_name(site, name))
    }

    fn unknown_name(&mut self, site: Site, name: &str) -> Failed {
        let known: Vec<String> = self.cx.scope.bound_names().map(str::to_owned).collect();
        let mut detail = format!("Nothing is called {} here.", text::quoted(name));
        if self.cx.scope.variables.contains_key(name) {
            detail.push_str(&format!(" A variable is read as var.{name}."));
        } else if self.cx.scope.locals.contains_key(name) {
            detail.push_str(&format!(" A local is read as local.{name}."));
        } else if let Some(near) = text::did_you_mean(name, known.iter().map(String::as_str).chain(ROOTS)) {
            detail.push_str(&format!(" Did you mean {near}?"));
        } else {
            detail.push_str(&format!(" If it is meant as text, put it in quotes: \"{name}\"."));
        }
        self.error(SpecRule::UnknownName, site, "Unknown name", detail)
    }

    pub(super) fn traversal(&mut self, traversal: &Traversal) -> Outcome {
        let operators: Vec<&Decorated<TraversalOperator>> = traversal.operators.iter().collect();
        let (value, rest) = match &traversal.expr {
            Expression::Variable(name) if self.cx.scope.lookup(name.as_str()).is_none() => {
                let root_site = self.site(name);
                self.rooted(name.as_str(), root_site, &operators)?
            }
            other => (self.eval(other)?, operators.as_slice()),
        };
        self.walk(value, rest)
    }

    /// Resolves `var.x` and the like; what is left of the operators comes back.
    fn rooted<'o>(
        &mut self,
        root: &str,
        root_site: Site,
        operators: &'o [&'o Decorated<TraversalOperator>],
    ) -> Result<(Value, &'o [&'o Decorated<TraversalOperator>]), Failed> {
        if !ROOTS.contains(&root) {
            return Err(self.unknown_name(root_site, root));
        }
        let Some((first, rest)) = operators.split_first() else { return Err(self.unknown_name(root_site, root)) };
        let TraversalOperator::GetAttr(name) = first.value() else {
            let detail = format!("After {root} comes a dot and a name: {root}.name.");
            return Err(self.error(SpecRule::UnknownName, root_site, "Incomplete name", detail));
        };
        let name_site = self.site(name);
        let site = Site { end: name_site.end, ..root_site };
        let value = self.root_value(root, name.as_str(), site)?;
        Ok((value, rest))
    }

    fn root_value(&mut self, root: &str, name: &str, site: Site) -> Outcome {
        match root {
            "each" => self.each_value(name, site),
            "path" if name == "module" || name == "root" => Ok(Value::String(self.cx.scope.module_path.clone())),
            "path" => Err(self.error(
                SpecRule::UnknownName,
                site,
                "Unknown name",
                "There is path.module only: the directory of the spec.",
            )),
            _ => self.declared(root, name, site),
        }
    }

    fn declared(&mut self, root: &str, name: &str, site: Site) -> Outcome {
        let table = if root == "var" { &self.cx.scope.variables } else { &self.cx.scope.locals };
        match table.get(name) {
            Some(Some(value)) => Ok(value.clone()),
            Some(None) => Err(Failed),
            None => {
                let what = if root == "var" { "variable" } else { "local" };
                let hint = match text::did_you_mean(name, table.keys().map(String::as_str)) {
                    Some(near) => format!("Did you mean {root}.{near}?"),
                    None if root == "var" => format!("Declare it: variable \"{name}\" {{ }}."),
                    None => format!("Declare it: locals {{ {name} = … }}."),
                };
                let detail = format!("No {what} {} is declared. {hint}", text::quoted(name));
                Err(self.cx.reports.missing(SpecRule::UnknownName, site, format!("Undefined {what}"), detail))
            }
        }
    }

    fn each_value(&mut self, name: &str, site: Site) -> Outcome {
        match (&self.cx.scope.each, name) {
            (Some(each), "key") => Ok(Value::String(each.key.clone())),
            (Some(each), "value") => Ok(each.value.clone()),
            (Some(_), _) => {
                Err(self.error(SpecRule::UnknownName, site, "Unknown name", "There are each.key and each.value."))
            }
            (None, _) => Err(self.error(
                SpecRule::UnknownName,
                site,
                "No for_each",
                "each exists only in a member block that has for_each.",
            )),
        }
    }

    fn walk(&mut self, value: Value, operators: &[&Decorated<TraversalOperator>]) -> Outcome {
        let mut value = value;
        for (index, operator) in operators.iter().enumerate() {
            let site =
                operator.span().map_or(self.outer, |span| Site { file: self.file, start: span.start, end: span.end });
            let rest = &operators[index + 1..];
            value = match operator.value() {
                TraversalOperator::GetAttr(name) => self.attribute(site, value, name.as_str())?,
                TraversalOperator::LegacyIndex(number) => {
                    let number = *number.value();
                    self.element(site, value, &Value::Number(super::Number::Whole(i128::from(number))))?
                }
                TraversalOperator::Index(expression) => {
                    let key = self.eval(expression)?;
                    let secret = key.holds_secret();
                    let key_site = self.site(expression);
                    self.element(key_site, value, &key)?.marked(secret)
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => return self.splat(value, rest),
            };
        }
        Ok(value)
    }

    fn splat(&mut self, value: Value, rest: &[&Decorated<TraversalOperator>]) -> Outcome {
        let (value, secret) = value.open();
        let items = match value {
            Value::List(items) | Value::Set(items) => items,
            Value::Null => Vec::new(),
            single => vec![single],
        };
        let items: Result<Vec<Value>, Failed> =
            items.into_iter().map(|item| self.walk(item.marked(secret), rest)).collect();
        Ok(Value::List(items?))
    }

    fn attribute(&mut self, site: Site, value: Value, name: &str) -> Outcome {
        let (value, secret) = value.open();
        match value {
            Value::Map(mut items) => match items.remove(name) {
                Some(item) => Ok(item.marked(secret)),
                None => Err(self.no_such_key(site, name, items.keys().map(String::as_str), secret)),
            },
            other => {
                let shown = other.marked(secret).show();
                let detail = format!("Only a map has .{name}; this is {shown}.");
                Err(self.error(SpecRule::Type, site, "Wrong type", detail))
            }
        }
    }

    fn no_such_key<'k>(&mut self, site: Site, name: &str, keys: impl Iterator<Item = &'k str>, secret: bool) -> Failed {
        let keys: Vec<&str> = keys.take(20).collect();
        let hint = match text::did_you_mean(name, keys.iter().copied()) {
            _ if secret => String::new(),
            Some(near) => format!(" Did you mean {near}?"),
            None if keys.is_empty() => " It is empty.".to_owned(),
            None => format!(" It has {}.", text::listed(keys)),
        };
        self.error(SpecRule::UnknownName, site, "Unknown key", format!("The map has no {}.{hint}", text::quoted(name)))
    }

    fn element(&mut self, site: Site, value: Value, key: &Value) -> Outcome {
        let (value, secret) = value.open();
        match value {
            Value::List(mut items) => {
                let index = key.to_number().and_then(super::Number::as_whole);
                let found = index.and_then(|index| usize::try_from(index).ok()).filter(|index| *index < items.len());
                match found {
                    Some(index) => Ok(items.swap_remove(index).marked(secret)),
                    None => {
                        let detail = format!(
                            "The list has {} elements, counted from 0; there is none at {}.",
                            items.len(),
                            key.show()
                        );
                        Err(self.error(SpecRule::UnknownName, site, "No such element", detail))
                    }
                }
            }
            Value::Map(mut items) => {
                let name = self.key_text(site, key)?;
                match items.remove(&name) {
                    Some(item) => Ok(item.marked(secret)),
                    None => Err(self.no_such_key(site, &name, items.keys().map(String::as_str), secret)),
                }
            }
            other => {
                let detail = format!("Only a list or a map has elements; this is {}.", other.marked(secret).show());
                Err(self.error(SpecRule::Type, site, "Wrong type", detail))
            }
        }
    }
}
