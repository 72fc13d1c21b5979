//! `locals`: named expressions that may use each other, in any order, but not in a circle.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::structure::{Block, Structure};
use hcl_edit::visit::{Visit, visit_traversal};

use super::diagnostic::Failed;
use super::eval::{Cx, site_of};
use super::rule::SpecRule;
use super::source::{FileId, Site};
use super::text;

/// From how many locals circles are searched: each search goes through all of them.
const MOST_EXAMINED: usize = 200;

struct Local<'a> {
    file: FileId,
    expression: &'a Expression,
    site: Site,
    needs: BTreeSet<String>,
}

/// Finds what an expression needs: every `local.name` in it.
#[derive(Default)]
struct Needs(BTreeSet<String>);

impl Visit for Needs {
    fn visit_traversal(&mut self, node: &Traversal) {
        if let (Expression::Variable(root), Some(first)) = (&node.expr, node.operators.first())
            && root.as_str() == "local"
            && let TraversalOperator::GetAttr(name) = first.value()
        {
            self.0.insert(name.as_str().to_owned());
        }
        visit_traversal(self, node);
    }
}

/// Evaluates all locals, each after those it needs; one that needs itself is reported with the way round.
pub fn resolve(blocks: &[(FileId, &Block)], cx: &mut Cx) {
    let locals = collect(blocks, cx);
    let order = sort(&locals);
    // All names are known before the first is evaluated: what is in a circle fails without a second error.
    cx.scope.locals = locals.keys().map(|name| (name.clone(), None)).collect();
    report_circles(&locals, &order, cx);
    for name in order {
        if let Some(local) = locals.get(&name) {
            let value = cx.eval(local.file, local.expression).ok();
            cx.scope.locals.insert(name, value);
        }
    }
}

fn collect<'a>(blocks: &[(FileId, &'a Block)], cx: &mut Cx) -> BTreeMap<String, Local<'a>> {
    let mut locals: BTreeMap<String, Local> = BTreeMap::new();
    for (file, block) in blocks {
        let outer = site_of(*file, &block.ident, cx.sources.whole(*file));
        if !block.labels.is_empty() {
            cx.reports.error(
                SpecRule::Label,
                outer,
                "Label on locals",
                "A locals block has no label: locals { name = value }.",
            );
        }
        for structure in block.body.iter() {
            let attribute = match structure {
                Structure::Attribute(attribute) => attribute,
                Structure::Block(inner) => {
                    let site = site_of(*file, &inner.ident, outer);
                    cx.reports.error(
                        SpecRule::UnknownSetting,
                        site,
                        "Unknown block",
                        "A locals block holds lines such as name = value only.",
                    );
                    continue;
                }
            };
            let name = attribute.key.as_str().to_owned();
            let site = site_of(*file, &attribute.key, outer);
            if let Some(first) = locals.get(&name) {
                let line = cx.sources.line_of(first.site.file, first.site.start);
                let detail = format!("Local {} is set on line {line} already.", text::quoted(&name));
                cx.reports.error(SpecRule::Duplicate, site, "Local set twice", detail);
                continue;
            }
            let mut needs = Needs::default();
            needs.visit_expr(&attribute.value);
            locals.insert(name, Local { file: *file, expression: &attribute.value, site, needs: needs.0 });
        }
    }
    locals
}

/// The names in an order in which each comes after what it needs; those in circles, and what needs them, are left out.
fn sort(locals: &BTreeMap<String, Local>) -> Vec<String> {
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    let mut needed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, local) in locals {
        let needs = local.needs.iter().filter(|need| locals.contains_key(*need));
        waiting.insert(name, needs.clone().count());
        for need in needs {
            needed_by.entry(need).or_default().push(name);
        }
    }
    let mut ready: Vec<&str> = waiting.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut order = Vec::new();
    while let Some(name) = ready.pop() {
        order.push(name.to_owned());
        for next in needed_by.get(name).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    ready.push(next);
                }
            }
        }
    }
    order
}

fn report_circles(locals: &BTreeMap<String, Local>, order: &[String], cx: &mut Cx) {
    let done: BTreeSet<&String> = order.iter().collect();
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for (name, local) in locals.iter().filter(|(name, _)| !done.contains(name)).take(MOST_EXAMINED) {
        if reported.contains(name.as_str()) {
            continue;
        }
        let circle = circle_from(name, locals, &done);
        // Those that only lead into a circle are not wrong themselves.
        if circle.first() != circle.last() || circle.first() != Some(&name.as_str()) {
            continue;
        }
        if circle.iter().any(|member| reported.contains(member)) {
            continue;
        }
        reported.extend(&circle);
        let _: Failed = report_circle(local.site, &circle, cx);
    }
}

fn report_circle(site: Site, circle: &[&str], cx: &mut Cx) -> Failed {
    const MOST_SHOWN: usize = 10;
    let mut way: Vec<String> = circle.iter().take(MOST_SHOWN).map(|name| format!("local.{name}")).collect();
    if circle.len() > MOST_SHOWN {
        way.push(format!("… ({} in all)", circle.len() - 1));
    }
    let detail = format!("{}: no value can be found for any of them.", way.join(" needs "));
    cx.reports.error(SpecRule::Expression, site, "Locals in a circle", detail)
}

/// Follows needs from a name until one comes up again; from the name back to itself when it is in the circle.
fn circle_from<'a>(start: &'a str, locals: &'a BTreeMap<String, Local>, done: &BTreeSet<&String>) -> Vec<&'a str> {
    // Breadth first, so that the shortest way round is shown.
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(name) = queue.pop_front() {
        let Some(local) = locals.get(name) else { continue };
        for need in local.needs.iter().filter(|need| locals.contains_key(*need) && !done.contains(need)) {
            if need == start {
                let mut way = vec![start, name];
                let mut at = name;
                while at != start {
                    let Some(before) = came_from.get(at) else { break };
                    at = before;
                    way.push(at);
                }
                way.reverse();
                return way;
            }
            if !came_from.contains_key(need.as_str()) {
                came_from.insert(need, name);
                queue.push_back(need);
            }
        }
    }
    Vec::new()
}
