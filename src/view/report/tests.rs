//! The page as an HTML tokenizer reads it: whatever was put in comes out as text, and nothing of it as markup.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::execute::journal::{Detail, EffectResult, Entry, JOURNAL_FORMAT};
use crate::plan::model::StepId;
use crate::view::escape::is_hidden;
use crate::view::hostile::{HOSTILE, hostile_everywhere, put};
use crate::view::{fixtures, runs};

/// What our own template writes, and nothing else.
const TAGS: &str = "html head meta title style body main footer h1 h2 h3 p ol ul li dl dt dd pre code table thead tbody tr th td \
                    details summary div span i time strong";
const VOID: &str = "meta";
const ATTRIBUTES: &str = "lang charset http-equiv content name class style role aria-label title";

fn lines_of(run: &(Vec<Event>, Ending)) -> Vec<Line> {
    let journal = |event: &Event| match event {
        Event::Journal(line) => Some(line.clone()),
        _ => None,
    };
    run.0.iter().filter_map(journal).collect()
}

fn unexpected_of(run: &(Vec<Event>, Ending)) -> Vec<UnexpectedLines> {
    let log = |event: &Event| match event {
        Event::UnexpectedLog { member, lines, left_out } => {
            Some(UnexpectedLines { member: member.clone(), lines: lines.clone(), left_out: *left_out })
        }
        _ => None,
    };
    run.0.iter().filter_map(log).collect()
}

fn page_of(plan: Option<&Plan>, lines: &[Line], unexpected: Option<&[UnexpectedLines]>) -> String {
    let record = RunRecord::new("20260102T150405Z-7f3a", plan, lines, false);
    let of = ReportOf { record: &record, plan, lines, torn: false, backups: &[], unexpected, again: None };
    report_html(&of).unwrap()
}

fn page(run: &(Vec<Event>, Ending), plan: &Plan) -> String {
    page_of(Some(plan), &lines_of(run), Some(&unexpected_of(run)))
}

/// The text of the page, after a check of every tag and attribute: a strict tokenizer that knows no more of HTML than the
/// template needs, and refuses the rest.
fn text_of(html: &str) -> String {
    let known = |list: &str, word: &str| list.split_whitespace().any(|one| one == word);
    assert!(!html.chars().any(|c| c != '\n' && is_hidden(c)));
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap();
    let (mut open, mut text): (Vec<String>, String) = (Vec::new(), String::new());
    while let Some(place) = rest.find('<') {
        let before = &rest[..place];
        assert!(!before.contains('>') || open.last().is_some_and(|tag| tag == "style"), "a bare > in {before:?}");
        text.push_str(&decoded(before));
        let end = end_of_tag(&rest[place..]);
        let tag = &rest[place + 1..place + end];
        rest = &rest[place + end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "in {open:?}");
            text.push('\n');
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(known(TAGS, name), "<{tag}>");
        for (attribute, value) in attributes_of(attributes) {
            assert!(known(ATTRIBUTES, &attribute), "<{tag}>");
            if attribute == "style" {
                let numbers = value.strip_prefix("left:").and_then(|value| value.strip_suffix('%')).unwrap();
                let (left, width) = numbers.split_once("%;width:").unwrap();
                let (left, width): (f64, f64) = (left.parse().unwrap(), width.parse().unwrap());
                assert!(left >= 0.0 && width > 0.0 && left + width <= 100.02, "{value}");
            }
            if attribute == "title" {
                text.push_str(&value);
            }
        }
        if !known(VOID, name) {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    text
}

fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    for (place, c) in tag.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return place,
            '<' if place > 0 => panic!("a < in a tag: {tag:.80}"),
            _ => {}
        }
    }
    panic!("a tag that never ends: {tag:.80}")
}

fn attributes_of(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("attributes {text:?}"));
        let (value, after) = after.split_once('"').unwrap();
        found.push((name.to_owned(), decoded(value)));
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    found
}

fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(place) = rest.find('&') {
        out.push_str(&rest[..place]);
        let (entity, after) = rest[place + 1..].split_once(';').unwrap_or_else(|| panic!("a bare & in {text:?}"));
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#x27" => '\'',
            "#x2f" => '/',
            other => panic!("&{other};"),
        });
        rest = after;
    }
    out + rest
}

#[test]
fn a_good_run_tells_what_was_done_and_kept() {
    let run = runs::good();
    let html = page(&run, &fixtures::upgrade());
    assert_snapshot!(html);
    let text = text_of(&html);
    for word in [
        "cluster prod is at 3.2.32.",
        "quorate restore -cluster=prod",
        "20260102T150421Z",
        "apply entries took too long",
        "and 2 more",
        "Point of no return",
        "deploy@10.0.0.11",
        "all members",
        "quorate rollback -points -cluster=prod",
        "\"entry\":\"run-started\"",
    ] {
        assert!(text.contains(word), "{word}");
    }
    assert!(!text.contains("What to do next"));
}

#[test]
fn what_clients_met_is_a_strip_by_member_and_figures_by_step() {
    let html = page(&runs::watched(), &fixtures::upgrade());
    let begin = html.find("<h2>What clients met").unwrap();
    assert_snapshot!(&html[begin..begin + html[begin..].find("<h2>Versions").unwrap()]);
    let text = text_of(&html);
    for word in
        ["longest stall of the cluster 1.3 s, 31 s after the start, in step 6", "500 ms or more, from 3.5 s to 4 s"]
    {
        assert!(text.contains(word), "{word}");
    }
    assert!(!text_of(&page(&runs::good(), &fixtures::upgrade())).contains("What clients met"));
}

#[test]
fn a_strip_that_is_no_strip_of_ours_breaks_nothing() {
    let mut lines = lines_of(&runs::watched());
    for line in &mut lines {
        if let Entry::Availability { answers, .. } = &mut line.entry
            && let Some(strip) = &mut answers.strip
        {
            strip.cell_ms = u64::from(u32::MAX);
            strip.members.values_mut().for_each(|letters| letters.push_str("<b>?\u{1b}x"));
        }
    }
    text_of(&page_of(Some(&fixtures::upgrade()), &lines, None));
}

#[test]
fn a_failed_run_says_what_to_do_next() {
    let text = text_of(&page(&runs::failed(), &fixtures::upgrade()));
    for word in [
        "Failed after",
        "the new binary of m3 does not come up",
        "What to do next",
        "nothing for m3: it runs its old binary again",
        "take --v3demo out of /etc/default/etcd on deploy@10.0.0.13",
        "flag provided but not defined: -v3demo",
        "\\u{1b}[2J\\u{1b}[1;31mall is well\\u{202e}\\u{7}",
    ] {
        assert!(text.contains(word), "{word}");
    }
}

#[test]
fn versions_are_those_that_were_seen_to_serve() {
    let told = |run: (Vec<Event>, Ending), until: usize| {
        let mut lines = lines_of(&run);
        lines.truncate(until);
        let members = versions::versions(&fixtures::upgrade(), &lines);
        let told = members.iter().map(|member| format!("{} {}", member["name"], member["after"]).replace('"', ""));
        told.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(runs::good(), usize::MAX), "m1 3.2.32, m2 3.2.32, m3 3.2.32");
    assert_eq!(told(runs::failed(), usize::MAX), "m1 3.2.32, m2 3.1.20, m3 3.1.20");
    assert_eq!(told(runs::interrupted(), usize::MAX), "m1 3.2.32, m2 3.1.20, m3 3.1.20");
    // Killed while m1 is down.
    let lines = lines_of(&runs::good());
    let stopped = lines.iter().position(|line| {
        matches!(&line.entry, Entry::Outcome { result: EffectResult::Done { detail: Detail::Stopped { .. } }, .. })
    });
    assert_eq!(told(runs::good(), stopped.unwrap() + 1), "m1 not known to serve, m2 3.1.20, m3 3.1.20");
}

#[test]
fn a_run_that_died_and_one_without_a_plan_are_told_as_well() {
    let mut lines = lines_of(&runs::good());
    lines.truncate(lines.len() - 9);
    let text = text_of(&page_of(Some(&fixtures::upgrade()), &lines, None));
    assert!(text.contains("Ended without a word") && text.contains("They were not kept with this run."));
    let text = text_of(&page_of(None, &lines, None));
    assert!(text.contains("a run whose plan cannot be read") && text.contains("`quorate plan` shows what is left"));
    assert!(text_of(&page_of(None, &[], None)).contains("The journal tells of nothing that took time."));
}

#[test]
fn nothing_is_loaded_and_nothing_is_run() {
    let html = page(&runs::good(), &fixtures::upgrade());
    for word in ["<script", "<link", "<img", "<iframe", "<form", " href=", " src=", "url(", "@import", " onload"] {
        assert!(!html.contains(word), "{word}");
    }
    assert!(html.contains("default-src 'none'"));
}

// faults: C3
#[test]
fn hostile_texts_stay_texts() {
    let honest = text_of(&page(&runs::failed(), &fixtures::upgrade())).matches('\n').count();
    for hostile in HOSTILE {
        let mut lines = serde_json::to_value(lines_of(&runs::failed())).unwrap();
        put(&mut lines, false, hostile);
        let lines: Vec<Line> = serde_json::from_value(lines).unwrap();
        let unexpected =
            [UnexpectedLines { member: "m1".parse().unwrap(), lines: vec![(*hostile).to_owned()], left_out: 0 }];
        let text = text_of(&page_of(Some(&hostile_everywhere(hostile)), &lines, Some(&unexpected)));
        assert!(text.matches(&escape(hostile)).count() > 20, "{hostile}");
        // As many elements, but for the log lines that are there now.
        assert!(text.matches('\n').count() < honest + 40, "{hostile}");
    }
}

/// Seven members, six rungs in one plan, with its whole journal.
fn large() -> (Plan, Vec<Line>) {
    let names: Vec<String> = (1..=7).map(|n| format!("member-{n}.etcd.example.org")).collect();
    let mut plan = fixtures::upgrade();
    let quiet: Vec<_> = plan.rungs[0].steps.iter().filter(|step| step.id.0 < 4 || step.id.0 > 6).cloned().collect();
    let of_member = plan.rungs[0].steps[3].clone();
    let basis = plan.basis.members.values().next().unwrap().clone();
    plan.basis.members = names.iter().map(|name| (name.parse().unwrap(), basis.clone())).collect();
    let one = plan.rungs[0].clone();
    plan.rungs.clear();
    let (mut lines, mut id) = (Vec::new(), 0);
    let sample = lines_of(&runs::good());
    for _ in 0..6 {
        let mut rung = one.clone();
        rung.steps = quiet[..3].to_vec();
        for name in &names {
            let step = serde_json::to_string(&of_member).unwrap().replace("\"m1\"", &format!("{name:?}"));
            rung.steps.push(serde_json::from_str(&step).unwrap());
        }
        rung.steps.push(quiet[3].clone());
        for (place, step) in rung.steps.iter_mut().enumerate() {
            id += 1;
            step.id = StepId(id);
            let like = match place {
                0..3 => place + 1,
                3..10 => 4,
                _ => 7,
            };
            let name = names.get(place.wrapping_sub(3)).map_or("m1", String::as_str);
            for line in &sample {
                let mut line = serde_json::to_value(line).unwrap();
                if line["step"] == json!(like) {
                    line["step"] = json!(id);
                    line["seq"] = json!(lines.len() + 1);
                    line["at"] = json!(format!("2026-01-02T{:02}:{:02}:00Z", lines.len() / 60, lines.len() % 60));
                    let line = line.to_string().replace("\"m1\"", &format!("{name:?}"));
                    lines.push(serde_json::from_str(&line).unwrap());
                }
            }
        }
        plan.rungs.push(rung);
    }
    (plan, lines)
}

#[test]
fn seven_members_and_six_rungs_are_below_one_megabyte() {
    let (plan, lines) = large();
    assert_eq!(plan.steps().count(), 6 * 11);
    assert!(lines.len() > 500, "{}", lines.len());
    let html = page_of(Some(&plan), &lines, None);
    let text = text_of(&html);
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    let lanes: BTreeSet<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("member-")).collect();
    assert!(lanes.len() >= 7, "{lanes:?}");
}

#[test]
fn a_long_journal_is_cut_and_says_so() {
    let mut lines = lines_of(&runs::good());
    let filler = lines[1].clone();
    while lines.len() < 20_000 {
        let seq = lines.len() as u64 + 1;
        lines.push(Line { format: JOURNAL_FORMAT, seq, ..filler.clone() });
    }
    let html = page_of(Some(&fixtures::upgrade()), &lines, None);
    let text = text_of(&html);
    assert!(
        html.len() < 3_000_000 && text.contains("more lines are in journal.jsonl.") && text.contains("more entries")
    );
}

#[test]
fn a_clock_that_jumps_leaves_every_bar_in_its_lane() {
    let mut lines = lines_of(&runs::good());
    let last = lines.len() - 3;
    lines[4].at = "1999-01-01T00:00:00Z".to_owned();
    lines[last].at = "2031-01-01T00:00:00Z".to_owned();
    lines[7].at = "yesterday".to_owned();
    text_of(&page_of(Some(&fixtures::upgrade()), &lines, None));
}
