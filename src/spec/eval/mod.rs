//! Expressions to values. In comes the syntax tree with its places and a scope of names; out goes a value, or the
//! reports say what failed, at the very expression that failed. Work and memory are bounded; nothing here reads the
//! clock, the environment or the network.

mod operate;
mod scope;
mod template;
mod traverse;

use std::collections::BTreeMap;
use std::path::Path;

use hcl_edit::Span;
use hcl_edit::expr::{Array, Conditional, Expression, ForExpr, FuncCall, Object, ObjectKey};

pub use scope::{Each, Scope};

use super::diagnostic::{Failed, Reports};
use super::functions;
use super::rule::SpecRule;
use super::source::{FileId, Site, Sources};
use super::text;
use super::value::{MAX_DEPTH, Number, Value};

/// What all expressions of one spec may use together: about the bytes of all values made on the way.
const BUDGET: u64 = 64 * 1024 * 1024;
/// Reading a name or calling a function costs this much besides its value.
const STEP: u64 = 16;

pub type Outcome = Result<Value, Failed>;

/// Everything that evaluation needs, and where it reports.
pub struct Cx<'a> {
    /// The directory of the spec.
    pub dir: &'a Path,
    pub sources: &'a Sources,
    pub reports: Reports,
    pub scope: Scope,
    /// Texts that must not be shown anywhere.
    pub secrets: Vec<String>,
    /// Names of the variables that are declared sensitive.
    pub sensitive: Vec<String>,
    budget: u64,
}

impl<'a> Cx<'a> {
    pub fn new(dir: &'a Path, sources: &'a Sources, reports: Reports) -> Self {
        Self {
            dir,
            sources,
            reports,
            scope: Scope::default(),
            secrets: Vec::new(),
            sensitive: Vec::new(),
            budget: BUDGET,
        }
    }

    /// Evaluates an expression of a file.
    pub fn eval(&mut self, file: FileId, expression: &Expression) -> Outcome {
        let whole = self.sources.whole(file);
        Evaluator { cx: self, file, outer: whole }.eval(expression)
    }
}

/// The range of an expression, or a place around it.
pub fn site_of(file: FileId, node: &impl Span, otherwise: Site) -> Site {
    node.span().map_or(otherwise, |span| Site { file, start: span.start, end: span.end })
}

struct Evaluator<'e, 'a> {
    cx: &'e mut Cx<'a>,
    file: FileId,
    /// The place of the expression around the one in hand.
    outer: Site,
}

impl Evaluator<'_, '_> {
    fn site(&self, node: &impl Span) -> Site {
        site_of(self.file, node, self.outer)
    }

    fn error(&mut self, rule: SpecRule, site: Site, summary: impl Into<String>, detail: impl Into<String>) -> Failed {
        self.cx.reports.error(rule, site, summary, detail)
    }

    fn eval(&mut self, expression: &Expression) -> Outcome {
        let site = self.site(expression);
        let outer = std::mem::replace(&mut self.outer, site);
        let result = self.eval_inner(expression).and_then(|value| self.afford(site, value));
        self.outer = outer;
        result
    }

    fn eval_inner(&mut self, expression: &Expression) -> Outcome {
        match expression {
            Expression::Null(_) => Ok(Value::Null),
            Expression::Bool(value) => Ok(Value::Bool(*value.value())),
            Expression::Number(number) => self.number(number.value()),
            Expression::String(value) => Ok(Value::String(value.value().clone())),
            Expression::Array(array) => self.array(array),
            Expression::Object(object) => self.object(object),
            Expression::StringTemplate(template) => self.string_template(template),
            Expression::HeredocTemplate(heredoc) => self.template(&heredoc.template),
            Expression::Parenthesis(inner) => self.eval(inner.inner()),
            Expression::Variable(name) => self.bare_name(name.value().as_str()),
            Expression::Conditional(conditional) => self.conditional(conditional),
            Expression::FuncCall(call) => self.call(call),
            Expression::Traversal(traversal) => self.traversal(traversal),
            Expression::UnaryOp(operation) => self.unary(operation),
            Expression::BinaryOp(operation) => self.binary(operation),
            Expression::ForExpr(for_expr) => self.for_expr(for_expr),
        }
    }

    /// Takes what a value costs from the budget, and refuses values that are nested too deep.
    fn afford(&mut self, site: Site, value: Value) -> Outcome {
        let (weight, depth) = value.measure();
        if depth > MAX_DEPTH {
            return Err(self.error(
                SpecRule::Limits,
                site,
                "Nested too deep",
                format!("A value may hold lists and maps {MAX_DEPTH} deep, no deeper."),
            ));
        }
        self.spend(site, weight + STEP)?;
        Ok(value)
    }

    fn spend(&mut self, site: Site, cost: u64) -> Result<(), Failed> {
        if self.cx.budget == 0 {
            return Err(Failed);
        }
        self.cx.budget = self.cx.budget.saturating_sub(cost);
        if self.cx.budget == 0 {
            let detail = "Evaluating the spec needs more memory than any real one does; this expression was the last. \
                          Look for a list or text that is multiplied with itself.";
            return Err(self.error(SpecRule::Limits, site, "The spec takes too much to evaluate", detail));
        }
        Ok(())
    }

    fn number(&mut self, number: &hcl_edit::Number) -> Outcome {
        let value = number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .map(Number::Whole)
            .or_else(|| number.as_f64().and_then(Number::from_f64));
        value
            .map(Value::Number)
            .ok_or_else(|| self.error(SpecRule::Expression, self.outer, "Number out of range", "It is too large."))
    }

    fn array(&mut self, array: &Array) -> Outcome {
        let items: Vec<Outcome> = array.iter().map(|item| self.eval(item)).collect();
        // Collected in two steps, so that every failing element is reported, not only the first.
        Ok(Value::List(items.into_iter().collect::<Result<_, _>>()?))
    }

    fn object(&mut self, object: &Object) -> Outcome {
        let mut items = BTreeMap::new();
        let mut failed = false;
        for (key, value) in object {
            let key_text = self.object_key(key);
            let value = self.eval(value.expr());
            match (key_text, value) {
                (Ok(key_text), Ok(value)) => {
                    if items.insert(key_text.clone(), value).is_some() {
                        let site = self.site(key);
                        let detail = format!("{} was set before in this map. Keep one.", text::quoted(&key_text));
                        self.error(SpecRule::Duplicate, site, "Key set twice", detail);
                        failed = true;
                    }
                }
                _ => failed = true,
            }
        }
        if failed { Err(Failed) } else { Ok(Value::Map(items)) }
    }

    fn object_key(&mut self, key: &ObjectKey) -> Result<String, Failed> {
        match key {
            ObjectKey::Ident(name) => Ok(name.as_str().to_owned()),
            ObjectKey::Expression(expression) => {
                let value = self.eval(expression)?;
                let site = self.site(expression);
                self.key_text(site, &value)
            }
        }
    }

    /// A key is shown in messages and sorted by: it must be text and must not be secret.
    fn key_text(&mut self, site: Site, value: &Value) -> Result<String, Failed> {
        if value.holds_secret() {
            return Err(self.error(
                SpecRule::Secret,
                site,
                "Sensitive key",
                "A key of a map cannot be a sensitive value: keys are shown.",
            ));
        }
        let detail = || format!("This is {}; a key of a map is a string.", value.show());
        value.to_text().ok_or_else(|| self.error(SpecRule::Type, site, "Wrong type of key", detail()))
    }

    fn conditional(&mut self, conditional: &Conditional) -> Outcome {
        let condition = self.eval(&conditional.cond_expr)?;
        let secret = condition.holds_secret();
        let site = self.site(&conditional.cond_expr);
        let chosen = self.expect_bool(site, &condition, "The condition before ?")?;
        let branch = if chosen { &conditional.true_expr } else { &conditional.false_expr };
        Ok(self.eval(branch)?.marked(secret))
    }

    fn expect_bool(&mut self, site: Site, value: &Value, what: &str) -> Result<bool, Failed> {
        value.to_bool().ok_or_else(|| {
            self.error(
                SpecRule::Type,
                site,
                "Wrong type",
                format!("{what} must be true or false; this is {}.", value.show()),
            )
        })
    }

    fn call(&mut self, call: &FuncCall) -> Outcome {
        let name = call.name.name.as_str();
        let site = self.site(&call.name.name);
        if call.name.is_namespaced() {
            return Err(self.error(
                SpecRule::UnknownName,
                site,
                "Unknown function",
                "Quorate has no functions with a namespace (\"::\").",
            ));
        }
        match name {
            "try" => return self.try_each(call),
            "can" => return self.can(call),
            _ => {}
        }
        let Some(function) = functions::find(name) else {
            let hint = match text::did_you_mean(name, functions::names()) {
                Some(near) => format!(" Did you mean {near}()?"),
                None => String::new(),
            };
            // Its arguments may be wrong as well: say it now.
            for argument in call.args.iter() {
                let _ = self.eval(argument);
            }
            let detail = format!("There is no function {}.{hint}", text::quoted(name));
            return Err(self.error(SpecRule::UnknownName, site, "Unknown function", detail));
        };
        let (arguments, sites, secret) = self.arguments(call)?;
        let site = self.site(call);
        let result = functions::call(function, arguments, &sites, site, self.cx)?;
        Ok(result.marked(secret))
    }

    fn arguments(&mut self, call: &FuncCall) -> Result<(Vec<Value>, Vec<Site>, bool), Failed> {
        let mut values = Vec::new();
        let mut sites = Vec::new();
        let mut failed = false;
        let mut any_secret = false;
        let last = call.args.len().saturating_sub(1);
        for (index, argument) in call.args.iter().enumerate() {
            let site = self.site(argument);
            let Ok(value) = self.eval(argument) else {
                failed = true;
                continue;
            };
            let (value, secret) = value.open();
            any_secret |= secret;
            match value {
                Value::List(items) | Value::Set(items) if index == last && call.args.expand_final() => {
                    sites.extend(std::iter::repeat_n(site, items.len()));
                    values.extend(items);
                }
                other if index == last && call.args.expand_final() => {
                    let detail =
                        format!("Only a list can be spread with \"...\"; this is {}.", other.marked(secret).show());
                    self.error(SpecRule::Type, site, "Wrong type", detail);
                    failed = true;
                }
                value => {
                    sites.push(site);
                    values.push(value);
                }
            }
        }
        if failed { Err(Failed) } else { Ok((values, sites, any_secret)) }
    }

    /// `try(a, b, …)`: the first that does not fail.
    fn try_each(&mut self, call: &FuncCall) -> Outcome {
        let before = self.cx.reports.count();
        for argument in call.args.iter() {
            let result = self.eval(argument);
            if result.is_ok() {
                return result;
            }
            if self.cx.budget > 0 {
                self.cx.reports.forget_after(before);
            }
        }
        let site = self.site(call);
        Err(self.error(
            SpecRule::Expression,
            site,
            "try() failed",
            "Every one of its expressions fails. Give it a last one that cannot.",
        ))
    }

    fn can(&mut self, call: &FuncCall) -> Outcome {
        let arguments: Vec<&Expression> = call.args.iter().collect();
        let [argument] = arguments.as_slice() else {
            let site = self.site(call);
            return Err(self.error(
                SpecRule::Expression,
                site,
                "Wrong number of arguments",
                "can() takes one expression.",
            ));
        };
        let before = self.cx.reports.count();
        let fine = self.eval(argument).is_ok();
        if self.cx.budget > 0 {
            self.cx.reports.forget_after(before);
        }
        Ok(Value::Bool(fine))
    }

    fn for_expr(&mut self, expression: &ForExpr) -> Outcome {
        let intro = &expression.intro;
        let collection_site = self.site(&intro.collection_expr);
        let collection = self.eval(&intro.collection_expr)?;
        let secret = collection.holds_secret();
        let pairs = self.pairs_of(collection_site, collection)?;
        let key_name = intro.key_var.as_ref().map(|name| name.as_str().to_owned());
        let value_name = intro.value_var.as_str().to_owned();
        let mut rows = Vec::new();
        for (key, value) in pairs {
            let mark = self.cx.scope.mark();
            if let Some(name) = &key_name {
                self.cx.scope.bind(name.clone(), key.marked(secret));
            }
            self.cx.scope.bind(value_name.clone(), value.marked(secret));
            let row = self.for_row(expression);
            self.cx.scope.unbind_to(mark);
            // The first failing turn tells enough: the others fail in the same way.
            rows.extend(row?);
        }
        let whole_secret = secret && expression.key_expr.is_some();
        Ok(self.for_result(expression, rows)?.marked(whole_secret))
    }

    fn for_row(&mut self, expression: &ForExpr) -> Result<Option<(Value, Value)>, Failed> {
        if let Some(condition) = &expression.cond {
            let site = self.site(&condition.expr);
            let wanted = self.eval(&condition.expr)?;
            if !self.expect_bool(site, &wanted, "The condition after if")? {
                return Ok(None);
            }
        }
        let key = match &expression.key_expr {
            Some(key) => self.eval(key)?,
            None => Value::Null,
        };
        Ok(Some((key, self.eval(&expression.value_expr)?)))
    }

    fn for_result(&mut self, expression: &ForExpr, rows: Vec<(Value, Value)>) -> Outcome {
        let Some(key_expr) = &expression.key_expr else {
            return Ok(Value::List(rows.into_iter().map(|(_, value)| value).collect()));
        };
        let site = self.site(key_expr);
        let mut grouped: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (key, value) in rows {
            let key = self.key_text(site, &key)?;
            let group = grouped.entry(key.clone()).or_default();
            if !group.is_empty() && !expression.grouping {
                let detail = format!(
                    "Two elements give the key {}. Write \"...\" after the value to group them.",
                    text::quoted(&key)
                );
                return Err(self.error(SpecRule::Duplicate, site, "Key set twice", detail));
            }
            group.push(value);
        }
        let items = grouped.into_iter().map(|(key, mut group)| match group.pop() {
            Some(only) if !expression.grouping => (key, only),
            last => {
                group.extend(last);
                (key, Value::List(group))
            }
        });
        Ok(Value::Map(items.collect()))
    }

    /// The keys and values that `for` goes through.
    fn pairs_of(&mut self, site: Site, collection: Value) -> Result<Vec<(Value, Value)>, Failed> {
        let shown = collection.show();
        match collection.open().0 {
            Value::List(items) => {
                Ok(items.into_iter().enumerate().map(|(at, item)| (Value::whole(at), item)).collect())
            }
            Value::Set(items) => Ok(items.into_iter().map(|item| (item.clone(), item)).collect()),
            Value::Map(items) => Ok(items.into_iter().map(|(key, item)| (Value::String(key), item)).collect()),
            _ => {
                let detail = format!("\"for\" goes through a list, set or map; this is {shown}.");
                Err(self.error(SpecRule::Type, site, "Wrong type", detail))
            }
        }
    }
}
