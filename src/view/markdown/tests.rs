//! Read back by a Markdown parser: what is shown is what was written, and nothing else is made of it.

use insta::assert_snapshot;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::*;
use crate::view::escape::is_hidden;
use crate::view::fixtures;
use crate::view::hostile::{HOSTILE, climb, hostile_everywhere};

fn parsed(markdown: &str) -> Vec<Event<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_MATH
        | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(markdown, options).collect()
}

/// What a reader sees of it, and that nothing but text was made of it.
fn shown(markdown: &str) -> String {
    let mut shown = String::new();
    for event in parsed(markdown) {
        match event {
            Event::Text(text) => shown.push_str(&text),
            Event::InlineHtml(html) if &*html == "<!-- -->" => {}
            Event::Start(Tag::Paragraph) | Event::End(_) => {}
            other => panic!("{markdown:?} becomes {other:?}"),
        }
    }
    shown
}

/// The tags of the page, its tables' rows and widths, and what a reader sees.
fn check(markdown: &str) -> String {
    let (mut open, mut width, mut cells, mut shown) = (Vec::new(), 0, 0, String::new());
    for event in parsed(markdown) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => match html.trim() {
                "<details>" => open.push("details"),
                "</details>" => assert_eq!(open.pop(), Some("details")),
                "<!-- -->" => {}
                line => assert!(line.starts_with("<summary>") && line.ends_with("</summary>"), "{line}"),
            },
            Event::Start(Tag::Table(columns)) => width = columns.len(),
            Event::Start(Tag::TableRow | Tag::TableHead) => cells = 0,
            Event::Start(Tag::TableCell) => cells += 1,
            Event::End(pulldown_cmark::TagEnd::TableRow) => assert_eq!(cells, width),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => panic!("a link to {dest_url}"),
            Event::Start(Tag::Strikethrough | Tag::Emphasis) | Event::InlineMath(_) | Event::DisplayMath(_) => {
                panic!("decoration that is not ours")
            }
            Event::Text(text) | Event::Code(text) => shown.push_str(&text),
            Event::End(_) => shown.push('\n'),
            _ => {}
        }
    }
    assert!(open.is_empty());
    assert!(!markdown.chars().any(|c| c != '\n' && is_hidden(c)));
    // A row that lost a cell, or won one, in the text itself.
    for line in markdown.lines().filter(|line| line.starts_with("| ")) {
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert!([4, 6].contains(&bars), "{line}");
    }
    shown
}

#[test]
fn an_upgrade_for_a_pull_request() {
    assert_snapshot!(plan_markdown(&fixtures::upgrade()));
}

#[test]
fn a_creation_for_a_pull_request() {
    assert_snapshot!(plan_markdown(&fixtures::creation()));
}

#[test]
fn the_way_back_for_a_pull_request() {
    assert_snapshot!(plan_markdown(&fixtures::whole_rollback()));
}

#[test]
fn nothing_to_do_for_a_pull_request() {
    assert_snapshot!(plan_markdown(&fixtures::nothing_to_do()));
}

#[test]
fn every_plan_is_well_formed_and_tells_its_steps_in_order() {
    use fixtures::{creation, held_upgrade, mixed, upgrade, upgrade_with_settle, whole_rollback};
    for plan in [upgrade(), held_upgrade(), upgrade_with_settle(), mixed(), creation(), whole_rollback()] {
        let shown = check(&plan_markdown(&plan));
        let mut rest = shown.as_str();
        for step in plan.steps() {
            let head = headline(&plan, &step.action);
            let (_, after) = rest.split_once(&head).unwrap_or_else(|| panic!("{head}\nis not in\n{rest}"));
            rest = after;
        }
        for check in &plan.checks {
            assert!(shown.contains(&check.text), "{}", check.text);
        }
        for rung in &plan.rungs {
            assert!(rung.advisories.iter().all(|note| shown.contains(&note.text)));
            if let Some(no_return) = &rung.no_return {
                assert!(shown.contains("Point of no return:") && shown.contains(&no_return.after));
            }
        }
    }
}

#[test]
fn rungs_that_follow_are_told_as_foreseen() {
    let shown = check(&plan_markdown(&climb()));
    assert!(shown.contains("then 3.2.32 -> 3.3.27, 2 of 2") && shown.contains(FORESEEN), "{shown}");
}

// faults: C3
#[test]
fn hostile_texts_stay_texts() {
    for hostile in HOSTILE {
        let shown = shown(&text(hostile));
        assert_eq!(shown, escape(hostile).trim(), "{}", text(hostile));
        let page = plan_markdown(&hostile_everywhere(hostile));
        assert!(check(&page).contains(escape(hostile).trim()), "{page}");
    }
}

#[test]
fn nobody_is_called_and_nothing_is_linked() {
    assert_eq!(text("@acme/all: see #12, GH-1 and a@b.c"), "@<!-- -->acme/all: see #<!-- -->12, GH-1 and a@b.c");
    assert_eq!(text("hold_before, _x_ 1. a"), "hold_before, \\_x\\_ 1. a");
}

#[test]
fn a_unit_file_cannot_end_its_fence() {
    let mut page = Markdown::default();
    page.verbatim("[Unit]\n````\n</details>\n");
    assert_eq!(page.out, "`````text\n[Unit]\n````\n</details>\n`````\n\n");
}

proptest! {
    #[test]
    fn any_text_is_shown_as_it_is(any in "[ -~\\t\\n\u{1b}\u{202e}é]{0,40}") {
        let visible = escape(&any).trim().to_owned();
        // A row of blanks is one blank to a reader.
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&shown(&text(&any))), words(&visible));
        let row = format!("| a | b |\n| --- | --- |\n| {} | x |\n", text(&any));
        let cells = parsed(&row).iter().filter(|event| matches!(event, Event::Start(Tag::TableCell))).count();
        prop_assert_eq!(cells, 4);
    }
}
