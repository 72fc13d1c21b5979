//! Both languages read back by small parsers that take nothing but what is written here.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use regex::Regex;

use super::*;
use crate::view::escape::is_hidden;
use crate::view::fixtures;
use crate::view::hostile::{HOSTILE, climb, hostile_everywhere};

/// What a graph holds, whatever its language.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    frames: Vec<String>,
    /// Id and label, in the order of the text.
    nodes: Vec<(String, String)>,
    arrows: Vec<(String, String)>,
    undos: Vec<(String, String, String)>,
}

fn caught(pattern: &str, line: &str) -> Option<Vec<String>> {
    let found = Regex::new(&format!("^{pattern}$")).unwrap().captures(line)?;
    Some(found.iter().skip(1).flatten().map(|part| part.as_str().to_owned()).collect())
}

/// A label as it is drawn, its lines joined by spaces.
fn drawn_mermaid(label: &str) -> String {
    let number = Regex::new("#([0-9]+);").unwrap();
    let text = label.replace("<br/>", " ");
    assert!(!text.contains(['<', '>', '"', '`', '*', '_', '&', '\\', ';', '{', '[', '|', '%']) || text.contains('#'));
    let without = number.replace_all(&text, "");
    assert!(without.chars().all(|c| c.is_alphanumeric() || " ,.:/()+=-".contains(c)), "{label}");
    let decoded = number.replace_all(&text, |found: &regex::Captures<'_>| {
        char::from_u32(found[1].parse().unwrap()).unwrap().to_string()
    });
    decoded.into_owned()
}

fn read_mermaid(text: &str) -> Read {
    let mut read = Read::default();
    let mut lines = text.lines();
    let label = "\"([^\"]*)\"";
    assert_eq!(lines.next(), Some("---"));
    assert!(caught(&format!("title: {label}"), lines.next().unwrap()).is_some());
    assert_eq!((lines.next(), lines.next()), (Some("---"), Some("flowchart TB")));
    let mut open = 0;
    for line in lines {
        let line = line.trim_start();
        let node = [r"\(\[X\]\)", r"\[X\]", r"\{\{X\}\}"]
            .iter()
            .find_map(|shape| caught(&format!("([a-z0-9_]+){}", shape.replace('X', label)), line));
        if let Some(frame) = caught(&format!(r"subgraph rung[0-9]+\[{label}\]"), line) {
            read.frames.push(drawn_mermaid(&frame[0]));
            open += 1;
        } else if let Some(node) = node {
            read.nodes.push((node[0].clone(), drawn_mermaid(&node[1])));
        } else if let Some(arrow) = caught("([a-z0-9_]+) --> ([a-z0-9_]+)", line) {
            read.arrows.push((arrow[0].clone(), arrow[1].clone()));
        } else if let Some(undo) = caught(&format!(r"([a-z0-9_]+) -\.->\|{label}\| ([a-z0-9_]+)"), line) {
            read.undos.push((undo[0].clone(), undo[2].clone(), drawn_mermaid(&undo[1])));
        } else if line == "end" {
            open -= 1;
        } else {
            let known = line == "direction TB" || line.starts_with("classDef noReturn fill:#");
            assert!(known || caught("class [a-z0-9_,]+ noReturn", line).is_some(), "{line}");
        }
    }
    assert_eq!(open, 0);
    read
}

fn drawn_dot(label: &str) -> String {
    let mut out = String::new();
    let mut chars = label.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('l' | 'n') => out.push(' '),
                Some(c @ ('\\' | '"')) => out.push(c),
                other => panic!("{label}: an escape {other:?}"),
            },
            '"' => panic!("{label}: a quote"),
            c => out.push(c),
        }
    }
    assert!(!out.replace("&amp;", "").contains('&'), "{label}");
    out.replace("&amp;", "&").trim_end().to_owned()
}

fn read_dot(text: &str) -> Read {
    let mut read = Read::default();
    let label = r#""((?:[^"\\]|\\.)*)""#;
    let mut open = 0;
    for line in text.lines() {
        let line = line.trim_start();
        let own = r##"shape=(?:box|hexagon)(?:, style=rounded|, color="#b35900", penwidth=3)?"##;
        if let Some(node) = caught(&format!(r"([a-z0-9_]+) \[{own}, label={label}\];"), line) {
            read.nodes.push((node[0].clone(), drawn_dot(&node[1])));
        } else if let Some(arrow) = caught("([a-z0-9_]+) -> ([a-z0-9_]+);", line) {
            read.arrows.push((arrow[0].clone(), arrow[1].clone()));
        } else if let Some(undo) =
            caught(&format!(r"([a-z0-9_]+) -> ([a-z0-9_]+) \[style=dashed, constraint=false, label={label}\];"), line)
        {
            read.undos.push((undo[0].clone(), undo[1].clone(), drawn_dot(&undo[2])));
        } else if line == "digraph plan {" || caught(r"subgraph cluster_[0-9]+ \{", line).is_some() {
            open += 1;
        } else if line == "}" {
            open -= 1;
        } else if let Some(title) = caught(&format!("label={label};"), line) {
            if open == 2 {
                read.frames.push(drawn_dot(&title[0]));
            }
        } else {
            let known =
                ["labelloc=t;", "rankdir=TB;", "node [fontname=\"sans-serif\"];", "edge [fontname=\"sans-serif\"];"];
            assert!(known.contains(&line), "{line}");
        }
    }
    assert_eq!(open, 0);
    read
}

/// Reads both, which must say the same, and checks what holds for every plan.
fn check(plan: &Plan) -> Read {
    let texts = [GraphKind::Mermaid, GraphKind::Dot].map(|kind| plan_graph(plan, kind));
    assert!(texts.iter().all(|text| !text.chars().any(|c| c != '\n' && is_hidden(c))));
    let read = read_mermaid(&texts[0]);
    assert_eq!(read, read_dot(&texts[1]));
    let ids: BTreeSet<&str> = read.nodes.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids.len(), read.nodes.len());
    // One way through all of them, in the order in which they stand.
    let order: Vec<(String, String)> =
        read.nodes.windows(2).map(|pair| (pair[0].0.clone(), pair[1].0.clone())).collect();
    assert_eq!(read.arrows, order);
    for (from, to, _) in &read.undos {
        let place = |id: &String| read.nodes.iter().position(|node| &node.0 == id).unwrap();
        assert!(place(to) < place(from), "{to} {from}");
    }
    read
}

#[test]
fn an_upgrade_as_mermaid() {
    assert_snapshot!(plan_graph(&fixtures::upgrade(), GraphKind::Mermaid));
}

#[test]
fn an_upgrade_as_dot() {
    assert_snapshot!(plan_graph(&fixtures::upgrade(), GraphKind::Dot));
}

#[test]
fn every_plan_is_a_graph_of_its_steps() {
    use fixtures::{creation, held_upgrade, mixed, nothing_to_do, upgrade, upgrade_with_settle, whole_rollback};
    for plan in
        [upgrade(), held_upgrade(), upgrade_with_settle(), mixed(), creation(), whole_rollback(), nothing_to_do()]
    {
        let read = check(&plan);
        let steps = plan.steps().count();
        let lines = plan.rungs.iter().filter(|rung| rung.no_return.is_some() && !rung.steps.is_empty()).count();
        assert_eq!(read.nodes.len(), steps + lines + 2);
        let undone = plan.steps().filter(|step| step.undo != Undo::NothingToUndo).count();
        assert_eq!(read.undos.len(), undone);
        for (step, (_, label)) in plan.steps().zip(read.nodes.iter().filter(|node| node.0.contains('s'))) {
            assert!(label.starts_with(&format!("{} {}", step.id.0, verb(&step.action))), "{label}");
        }
    }
}

#[test]
fn the_line_stands_right_before_the_step_that_completes() {
    let read = check(&fixtures::upgrade());
    let line = read.nodes.iter().position(|node| node.0 == "r1line").unwrap();
    assert!(read.nodes[line].1.starts_with("point of no return") && read.nodes[line + 1].1.starts_with("6 member"));
}

#[test]
fn rungs_that_follow_have_frames_of_their_own() {
    let read = check(&climb());
    assert_eq!(read.frames.len(), 2);
    assert!(read.frames[1].starts_with("then 3.2.32 -> 3.3.27, 2 of 2"), "{:?}", read.frames);
}

// faults: C3
#[test]
fn hostile_texts_stay_labels() {
    for hostile in HOSTILE {
        let read = check(&hostile_everywhere(hostile));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let wanted = words(&escape(hostile));
        let line = read.nodes.iter().find(|node| node.0 == "r1line").unwrap();
        assert!(words(&line.1).contains(&wanted), "{wanted}\nis not in\n{}", line.1);
    }
    assert_eq!(mermaid_label("1. x"), "1#46; x");
    assert_eq!(mermaid_label("- x"), "#45; x");
}
