//! A plan as a graph: rungs as frames, steps as boxes in their order, the point of no return where it stands, and a dashed
//! arrow from each step that changes something to where its undo leads.
//!
//! First the graph as data, then one of two languages. Texts become labels and nothing else: see `mermaid_label` and
//! `dot_label`.

use super::escape::escape;
use super::phrases::{gate, undo, verb};
use super::plan::{
    FORESEEN, alone, last_line, later_title, line_stands_before, no_return_rows, no_return_title, rung_title, title,
    what_completes,
};
use super::step::{headline, subject};
use super::words::count;
use crate::plan::model::{Gate, NoReturn, Plan, Rung, Step, Undo};

/// Characters of a line of a label; longer ones are broken, at a space where there is one.
const LABEL_COLUMNS: usize = 60;

/// The language of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphKind {
    Mermaid,
    /// Graphviz.
    Dot,
}

/// The whole plan.
#[must_use]
pub fn plan_graph(plan: &Plan, kind: GraphKind) -> String {
    let graph = Graph::of(plan);
    match kind {
        GraphKind::Mermaid => graph.mermaid(),
        GraphKind::Dot => graph.dot(),
    }
}

struct Graph {
    title: String,
    begin: Node,
    frames: Vec<Frame>,
    end: Node,
    undos: Vec<Edge>,
}

struct Frame {
    title: String,
    nodes: Vec<Node>,
}

struct Node {
    id: String,
    shape: Shape,
    lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Where it begins and where it ends.
    Round,
    Step,
    NoReturn,
}

/// An undo.
struct Edge {
    from: String,
    to: String,
    label: String,
}

impl Graph {
    fn of(plan: &Plan) -> Self {
        let node = |id: &str, line: String| Node { id: id.to_owned(), shape: Shape::Round, lines: vec![line] };
        let from = plan.summary.from.as_ref().map_or_else(|| "nothing yet".to_owned(), ToString::to_string);
        let members = count(plan.summary.members, "member", "members");
        let mut graph = Self {
            title: title(plan),
            begin: node("begin", format!("cluster {}: {from}, {members}", plan.cluster)),
            frames: Vec::new(),
            end: node("goal", if plan.is_empty() { last_line(plan) } else { format!("at {}", plan.goal()) }),
            undos: Vec::new(),
        };
        for rung in &plan.rungs {
            graph.add(plan, rung, rung_title(rung));
        }
        for (place, later) in plan.later.iter().enumerate() {
            let title = format!("{}: {FORESEEN}", later_title(plan, place, later));
            graph.add(&alone(plan, later), &later.rung, title);
        }
        graph
    }

    fn add(&mut self, plan: &Plan, rung: &Rung, title: String) {
        if rung.steps.is_empty() {
            return;
        }
        let frame = self.frames.len() + 1;
        let last = self.frames.last().and_then(|frame| frame.nodes.last());
        let mut undone_to = last.map_or_else(|| self.begin.id.clone(), |node| node.id.clone());
        let line_before = rung.no_return.as_ref().and_then(|no_return| line_stands_before(rung, no_return));
        let mut nodes = Vec::new();
        for step in &rung.steps {
            if let Some(no_return) = rung.no_return.as_ref().filter(|_| line_before == Some(step.id)) {
                nodes.push(line(frame, rung, no_return));
            }
            let id = format!("r{frame}s{}", step.id.0);
            if step.undo != Undo::NothingToUndo {
                let label = format!("undo: {}", undo(step));
                self.undos.push(Edge { from: id.clone(), to: undone_to, label });
            }
            nodes.push(Node { id: id.clone(), shape: Shape::Step, lines: lines(plan, step) });
            undone_to = id;
        }
        if let Some(no_return) = rung.no_return.as_ref().filter(|_| line_before.is_none()) {
            nodes.push(line(frame, rung, no_return));
        }
        self.frames.push(Frame { title, nodes });
    }

    fn order(&self) -> Vec<&Node> {
        let steps = self.frames.iter().flat_map(|frame| &frame.nodes);
        std::iter::once(&self.begin).chain(steps).chain([&self.end]).collect()
    }

    fn mermaid(&self) -> String {
        // A text in JSON is one in YAML.
        let title = serde_json::Value::from(escape(&self.title));
        let mut out = format!("---\ntitle: {title}\n---\nflowchart TB\n");
        let node = |node: &Node| {
            let label = joined(&node.lines, mermaid_label, "<br/>");
            let (open, close) = match node.shape {
                Shape::Round => ("([", "])"),
                Shape::Step => ("[", "]"),
                Shape::NoReturn => ("{{", "}}"),
            };
            format!("{}{open}\"{label}\"{close}", node.id)
        };
        out.push_str(&format!("  {}\n", node(&self.begin)));
        for (number, frame) in self.frames.iter().enumerate() {
            let title = joined(std::slice::from_ref(&frame.title), mermaid_label, "<br/>");
            out.push_str(&format!("  subgraph rung{}[\"{title}\"]\n    direction TB\n", number + 1));
            for one in &frame.nodes {
                out.push_str(&format!("    {}\n", node(one)));
            }
            out.push_str("  end\n");
        }
        out.push_str(&format!("  {}\n", node(&self.end)));
        for pair in self.order().windows(2) {
            out.push_str(&format!("  {} --> {}\n", pair[0].id, pair[1].id));
        }
        for Edge { from, to, label } in &self.undos {
            let label = joined(std::slice::from_ref(label), mermaid_label, "<br/>");
            out.push_str(&format!("  {from} -.->|\"{label}\"| {to}\n"));
        }
        let lines: Vec<&str> =
            self.order().iter().filter(|node| node.shape == Shape::NoReturn).map(|node| node.id.as_str()).collect();
        if !lines.is_empty() {
            out.push_str("  classDef noReturn fill:#fff3cd,stroke:#b35900,stroke-width:3px,color:#000\n");
            out.push_str(&format!("  class {} noReturn\n", lines.join(",")));
        }
        out
    }

    fn dot(&self) -> String {
        let mut out = format!(
            "digraph plan {{\n  label=\"{}\";\n  labelloc=t;\n  rankdir=TB;\n  node [fontname=\"sans-serif\"];\n  \
             edge [fontname=\"sans-serif\"];\n",
            dot_label(&self.title)
        );
        let node = |node: &Node| {
            // What is centred stays within a hexagon.
            let (shape, line_break) = match node.shape {
                Shape::Round => ("shape=box, style=rounded", "\\l"),
                Shape::Step => ("shape=box", "\\l"),
                Shape::NoReturn => ("shape=hexagon, color=\"#b35900\", penwidth=3", "\\n"),
            };
            let label = joined(&node.lines, dot_label, line_break);
            format!("{} [{shape}, label=\"{label}{line_break}\"];\n", node.id)
        };
        out.push_str(&format!("  {}", node(&self.begin)));
        for (number, frame) in self.frames.iter().enumerate() {
            let title = joined(std::slice::from_ref(&frame.title), dot_label, "\\n");
            out.push_str(&format!("  subgraph cluster_{} {{\n    label=\"{title}\";\n", number + 1));
            for one in &frame.nodes {
                out.push_str(&format!("    {}", node(one)));
            }
            out.push_str("  }\n");
        }
        out.push_str(&format!("  {}", node(&self.end)));
        for pair in self.order().windows(2) {
            out.push_str(&format!("  {} -> {};\n", pair[0].id, pair[1].id));
        }
        for Edge { from, to, label } in &self.undos {
            let label = joined(std::slice::from_ref(label), dot_label, "\\n");
            out.push_str(&format!("  {from} -> {to} [style=dashed, constraint=false, label=\"{label}\"];\n"));
        }
        out.push_str("}\n");
        out
    }
}

fn lines(plan: &Plan, step: &Step) -> Vec<String> {
    let subject = subject(&step.action);
    let mut lines = vec![format!("{} {}", step.id.0, verb(&step.action)), headline(plan, &step.action)];
    let mut gates = |when: &str, gates: &[Gate]| {
        lines.extend(gates.iter().map(|one| format!("{when}: {}", gate(one, subject))));
    };
    gates("before", &step.before);
    gates("after", &step.after);
    lines
}

fn line(frame: usize, rung: &Rung, no_return: &NoReturn) -> Node {
    let mut lines = vec![no_return_title(rung).to_owned(), what_completes(rung, no_return)];
    lines.extend(no_return_rows(no_return).map(|(label, text)| format!("{label}: {text}")));
    Node { id: format!("r{frame}line"), shape: Shape::NoReturn, lines }
}

/// Lines broken to a width, each made harmless, with what breaks a line between.
fn joined(lines: &[String], label: fn(&str) -> String, line_break: &str) -> String {
    let broken = lines.iter().flat_map(|line| broken(&escape(line)));
    broken.map(|line| label(&line)).collect::<Vec<_>>().join(line_break)
}

fn broken(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        // There is always one.
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > LABEL_COLUMNS {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// For between quotes: whatever could mean something to Mermaid, to the Markdown in it or to HTML is written by its number.
fn mermaid_label(text: &str) -> String {
    let mut out = String::new();
    for c in escape(text).chars() {
        match c {
            c if c.is_alphanumeric() || " ,.:/()+=-".contains(c) => out.push(c),
            c => out.push_str(&format!("#{};", u32::from(c))),
        }
    }
    // "1. x" and "- x" would begin a list.
    match out.split_once(' ') {
        Some((first, rest)) if first.ends_with(['.', '-', '+', ')']) => {
            let (kept, last) = first.split_at(first.len() - 1);
            let last = last.chars().next().map_or(0, u32::from);
            format!("{kept}#{last}; {rest}")
        }
        _ => out,
    }
}

/// For between quotes. Graphviz reads escapes and HTML entities there.
fn dot_label(text: &str) -> String {
    escape(text).replace('&', "&amp;").replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
