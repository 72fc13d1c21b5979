//! The names that an expression can use.

use std::collections::BTreeMap;

use super::super::value::Value;

/// What stands for `each` inside a block with `for_each`.
#[derive(Debug, Clone)]
pub struct Each {
    pub key: String,
    pub value: Value,
}

/// `var`, `local`, `each`, `path`, and names bound for a while by `for` or by a block.
#[derive(Debug, Default)]
pub struct Scope {
    /// `None` for one that failed: what uses it fails without a word, its own error is reported.
    pub variables: BTreeMap<String, Option<Value>>,
    pub locals: BTreeMap<String, Option<Value>>,
    pub each: Option<Each>,
    /// Where the spec is, as `path.module` gives it.
    pub module_path: String,
    bound: Vec<(String, Value)>,
}

impl Scope {
    /// Where to go back to with [`Self::unbind_to`].
    pub fn mark(&self) -> usize {
        self.bound.len()
    }

    pub fn bind(&mut self, name: impl Into<String>, value: Value) {
        self.bound.push((name.into(), value));
    }

    pub fn unbind_to(&mut self, mark: usize) {
        self.bound.truncate(mark);
    }

    pub fn lookup(&self, name: &str) -> Option<&Value> {
        self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, value)| value)
    }

    pub fn bound_names(&self) -> impl Iterator<Item = &str> {
        self.bound.iter().map(|(name, _)| name.as_str())
    }
}
