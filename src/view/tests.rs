//! Everything that is rendered, as a person sees it.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use console::measure_text_width;
use insta::assert_snapshot;
use time::OffsetDateTime;

use super::*;
use crate::execute::event::{Event, MemberStrip};
use crate::execute::journal::Ending;
use crate::plan::model::Plan;
use crate::units::{Bytes, Revision};

const WIDTHS: [usize; 3] = [60, 100, 200];

/// One snapshot for all widths.
fn at_all_widths(render: impl Fn(Style) -> String) -> String {
    WIDTHS.map(|width| format!("{:=<width$}\n{}", format!("{width} columns "), render(Style::plain(width)))).join("\n")
}

fn all_plans() -> [Plan; 7] {
    use fixtures::{creation, held_upgrade, mixed, nothing_to_do, upgrade, upgrade_with_settle, whole_rollback};
    [upgrade(), held_upgrade(), upgrade_with_settle(), mixed(), creation(), whole_rollback(), nothing_to_do()]
}

#[test]
fn plan_of_an_upgrade() {
    assert_snapshot!(at_all_widths(|style| plan_text(&fixtures::upgrade(), style)));
}

#[test]
fn plan_held_before_the_point_of_no_return() {
    assert_snapshot!(plan_text(&fixtures::held_upgrade(), Style::plain(100)));
}

#[test]
fn plan_with_the_settle_rule() {
    assert_snapshot!(at_all_widths(|style| plan_text(&fixtures::upgrade_with_settle(), style)));
}

#[test]
fn plan_of_a_mixed_cluster() {
    assert_snapshot!(at_all_widths(|style| plan_text(&fixtures::mixed(), style)));
}

#[test]
fn plan_of_a_creation() {
    assert_snapshot!(at_all_widths(|style| plan_text(&fixtures::creation(), style)));
}

#[test]
fn plan_of_a_whole_rollback() {
    assert_snapshot!(at_all_widths(|style| plan_text(&fixtures::whole_rollback(), style)));
}

#[test]
fn plan_of_nothing() {
    assert_snapshot!(at_all_widths(|style| plan_text(&fixtures::nothing_to_do(), style)));
}

// faults: C3
#[test]
fn plan_on_forty_columns_in_colour() {
    assert_snapshot!(plan_text(&fixtures::upgrade(), Style { width: 40, color: Color::On }).replace('\u{1b}', "␛"));
}

// faults: C3
#[test]
fn no_line_is_wider_than_the_page() {
    // Arguments, unit files and long paths are left whole, so that they can be copied.
    let is_whole = |line: &str| {
        line.split(' ').any(|word| measure_text_width(word) > 25) || line.trim_start().starts_with("ExecStart")
    };
    for plan in all_plans() {
        for width in [40, 60, 100, 200] {
            for line in plan_text(&plan, Style::plain(width)).lines() {
                assert!(measure_text_width(line) <= width || is_whole(line), "{width}: {line}");
            }
        }
    }
}

#[test]
fn colour_says_nothing_that_is_not_said_in_words() {
    for plan in all_plans() {
        let colored = plan_text(&plan, Style { width: 100, color: Color::On });
        assert!(colored.contains('\u{1b}'));
        assert_eq!(console::strip_ansi_codes(&colored), plan_text(&plan, Style::plain(100)));
    }
}

#[test]
fn plan_as_json_holds_the_plan() {
    let plan = fixtures::upgrade();
    let json: serde_json::Value = serde_json::from_str(&json_line(&plan_json(&plan))).unwrap();
    assert_eq!(json["type"], "plan");
    assert_eq!(json["format"], JSON_FORMAT);
    assert_eq!(json["changes"], true);
    assert_eq!(json["members_changed"], 3);
    assert_eq!(json["sha256"], plan.digest().to_string());
    assert_eq!(serde_json::from_value::<Plan>(json["plan"].clone()).unwrap(), plan);
}

#[test]
fn refusals_come_all_at_once() {
    assert_snapshot!(at_all_widths(|style| refusals_text("prod", &refused::refusals(), style)));
    insta::assert_json_snapshot!(refusals_json("prod", &refused::refusals()));
}

#[test]
fn refusals_are_in_the_same_order_however_they_were_found() {
    let mut backwards = refused::refusals();
    backwards.reverse();
    let style = Style::plain(100);
    assert_eq!(refusals_text("prod", &backwards, style), refusals_text("prod", &refused::refusals(), style));
}

#[test]
fn a_stale_plan_lists_the_differences() {
    let differences = [
        "m2: runs 3.2.32, the plan was made for 3.1.20".to_owned(),
        "the member list has m4 (a1b20004) as well".to_owned(),
    ];
    assert_snapshot!(at_all_widths(|style| stale_text(&differences, style)));
}

#[test]
fn errors_say_what_to_do() {
    let todo = ["check that the folder is there".to_owned()];
    assert_snapshot!(error_text("./prod: no such folder\nthe spec was to be read from it", &todo, Style::plain(60)));
}

#[derive(Debug, thiserror::Error)]
#[error("the cluster has no version")]
struct NoVersion {
    code: miette::NamedSource<String>,
}

impl miette::Diagnostic for NoVersion {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new("spec-missing"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new("write the release that all members shall run: version = \"3.2.32\""))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(miette::LabeledSpan::new(Some("this cluster".to_owned()), 12, 14))))
    }
}

fn spec_error() -> NoVersion {
    let text = "# \u{1b}[31mred\n\ncluster \"prod\" {\n\tmember \"m\u{202e}1\" {}\n}\n";
    NoVersion { code: miette::NamedSource::new("ma\u{1b}in.hcl", text.to_owned()) }
}

#[test]
fn spec_errors_have_their_place_and_no_escape_codes_of_the_spec() {
    let error = spec_error();
    assert_snapshot!(diagnostics_text([&error as &dyn miette::Diagnostic, &error], Style::plain(60)));
    insta::assert_json_snapshot!(diagnostics_json([&error as &dyn miette::Diagnostic]));
    let colored = diagnostics_text([&error as &dyn miette::Diagnostic], Style { width: 60, color: Color::On });
    let plain = diagnostics_text([&error as &dyn miette::Diagnostic], Style::plain(60));
    assert_ne!(colored, plain);
    assert_eq!(console::strip_ansi_codes(&colored), plain);
}

#[test]
fn backups_are_listed_with_what_was_checked() {
    let backup = |checks: &[&str]| BackupSummary {
        id: "20260102T150421Z".to_owned(),
        cluster: "prod".parse().unwrap(),
        taken_at: "2026-01-02T15:04:21Z".to_owned(),
        member: crate::plan::testing::name("m2"),
        version: "3.1.20".parse().unwrap(),
        revision: Some(Revision(18_240)),
        size: Bytes::mebi(41),
        checks: checks.iter().map(|&check| check.to_owned()).collect(),
        dir: "/srv/prod/.quorate/backups/20260102T150421Z".to_owned(),
    };
    let backups = [backup(&["hash", "trial restore: 12,000 keys equal"]), backup(&[])];
    assert_snapshot!(backups_text(&backups, Style::plain(100)));
}

/// A stream that can be read back.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A clock that moves by one second each time somebody asks how long it has been.
fn steady_clock() -> Clock {
    let seconds = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&seconds);
    let start = OffsetDateTime::from_unix_timestamp(1_767_366_240).unwrap();
    Clock {
        now: Box::new(move || start + Duration::from_secs(seen.load(Ordering::SeqCst))),
        elapsed: Box::new(move || Duration::from_secs(seconds.fetch_add(1, Ordering::SeqCst))),
    }
}

fn told(run: (Vec<Event>, Ending), face: Face, color: Color) -> String {
    let out = Shared::default();
    let style = Style { width: 100, color };
    let plan = fixtures::upgrade();
    let reporter = Reporter::new(Some((&plan, Again::default())), face, style, Output::to(out.clone()), steady_clock());
    for event in &run.0 {
        reporter.event(event);
    }
    reporter.finish(&run.1);
    out.text()
}

#[test]
fn a_good_run_in_a_pipe() {
    assert_snapshot!(told(runs::good(), Face::Lines, Color::Off));
}

#[test]
fn a_failed_run_in_a_pipe() {
    assert_snapshot!(told(runs::failed(), Face::Lines, Color::Off));
}

/// Members in hand that do not answer are not told of, a stall that clients feel is.
#[test]
fn a_watched_run_in_a_pipe() {
    assert_snapshot!(told(runs::watched(), Face::Lines, Color::Off));
}

#[test]
fn a_run_in_which_clients_stalled_too_long_in_a_pipe() {
    assert_snapshot!(told(runs::stalled(), Face::Lines, Color::Off));
}

/// It is drawn on a terminal, and nowhere else.
#[test]
fn the_strip_is_no_line_and_no_json() {
    let member = MemberStrip {
        member: "m1".parse().unwrap(),
        letters: "..x".to_owned(),
        cell_ms: 500,
        took_ms: Some(3),
        silent_ms: Some(20),
    };
    let strip = Event::Strip { members: vec![member] };
    let (mut events, ending) = runs::watched();
    let without = [Face::Lines, Face::Json].map(|face| told((events.clone(), ending.clone()), face, Color::Off));
    events.insert(3, strip);
    let with = [Face::Lines, Face::Json].map(|face| told((events.clone(), ending.clone()), face, Color::Off));
    // Its time passes all the same.
    assert_eq!(with.map(|text| text.lines().count()), without.map(|text| text.lines().count()));
}

#[test]
fn an_interrupted_run_in_a_pipe() {
    assert_snapshot!(told(runs::interrupted(), Face::Lines, Color::Off));
}

// faults: C3
#[test]
fn every_line_in_a_pipe_is_whole_and_has_its_time() {
    let text = told(runs::failed(), Face::Lines, Color::Off);
    let (log, summary) = text.split_once("\n\n").unwrap();
    assert!(log.lines().all(|line| line.starts_with("2026-01-02T15:")), "{log}");
    assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)));
    assert!(text.contains("\\u{1b}[2J") && text.ends_with('\n'));
    assert!(summary.starts_with("Failed after"));
}

#[test]
fn a_run_as_json_is_one_object_a_line() {
    let (events, ending) = runs::failed();
    let text = told((events.clone(), ending), Face::Json, Color::On);
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), events.len() + 1);
    for (line, event) in lines.iter().zip(&events) {
        assert_eq!(line["type"], "event");
        assert_eq!(&serde_json::from_value::<Event>(line["event"].clone()).unwrap(), event);
    }
    let last = lines.last().unwrap();
    assert_eq!((&last["type"], &last["summary"]["ending"]["ending"]), (&"summary".into(), &"failed".into()));
    assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)));
}

#[test]
fn a_summary_lists_what_was_kept_and_where() {
    let mut summary = RunSummary::new(&fixtures::upgrade(), Again::default());
    let (events, ending) = runs::good();
    for event in &events {
        summary.add(event);
    }
    summary.end(&ending, Duration::from_millis(53_700));
    assert_snapshot!(at_all_widths(|style| summary_text(&summary, style)));
}

#[test]
fn a_held_run_says_how_to_go_on() {
    let mut summary = RunSummary::new(&fixtures::held_upgrade(), Again::default());
    summary.end(&Ending::Held { before: crate::plan::model::StepId(6) }, Duration::from_secs(40));
    assert_snapshot!(summary_text(&summary, Style::plain(100)));
}

// faults: C3
#[test]
fn a_reader_that_goes_away_does_not_stop_the_work() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let plan = fixtures::upgrade();
    let output = Output::to(Gone);
    let reporter =
        Reporter::new(Some((&plan, Again::default())), Face::Lines, Style::plain(100), output.clone(), steady_clock());
    let (events, ending) = runs::good();
    for event in &events {
        reporter.event(event);
    }
    let summary = reporter.finish(&ending).unwrap();
    assert!(output.is_closed());
    assert!(summary.steps.iter().all(|step| step.done));
}

/// The lines of a run's journal.
fn lines_of(run: (Vec<Event>, Ending)) -> Vec<crate::execute::journal::Line> {
    let lines = run.0.into_iter().filter_map(|event| match event {
        Event::Journal(line) => Some(line),
        _ => None,
    });
    lines.collect()
}

#[test]
fn runs_are_listed_with_how_they_ended() {
    let plan = fixtures::upgrade();
    let (good, failed, interrupted) = (lines_of(runs::good()), lines_of(runs::failed()), lines_of(runs::interrupted()));
    let records = [
        RunRecord::new("20260102T150405Z-0a", Some(&plan), &good, false),
        RunRecord::new("20260102T150405Z-0b", Some(&plan), &failed, false),
        RunRecord::new("20260102T150405Z-0c", Some(&plan), &interrupted, false),
        // Killed in the middle of an effect, between two, before the first line; one that goes on.
        RunRecord::new("20260102T150405Z-0d", Some(&plan), &good[..16], false),
        RunRecord::new("20260102T150405Z-0e", None, &good[..15], false),
        RunRecord::new("20260102T150405Z-0f", None, &[], false),
        RunRecord::new("20260102T150405Z-10", Some(&plan), &good[..20], true),
        RunRecord::unreadable("20260102T150405Z-11", "journal.jsonl:3: not a line of a journal: \u{1b}[2J"),
    ];
    assert_snapshot!(runs_text(&records, Style::plain(100)));
    assert_snapshot!(json_line(&runs_json(&records[3..])));
    assert_snapshot!(runs_text(&[], Style::plain(100)));
}

#[test]
fn a_run_is_told_step_by_step() {
    let plan = fixtures::upgrade();
    let lines = lines_of(runs::failed());
    let record = RunRecord::new("20260102T150405Z-7f3a", Some(&plan), &lines, false);
    assert_snapshot!(history_text(&record, Some(&plan), &lines, false, Style::plain(100)));
}

#[test]
fn a_run_that_never_ended_is_told_as_that() {
    let plan = fixtures::upgrade();
    let lines = lines_of(runs::good());
    let record = RunRecord::new("20260102T150405Z-7f3a", Some(&plan), &lines[..16], false);
    assert_snapshot!(history_text(&record, Some(&plan), &lines[..16], true, Style::plain(100)));
    // Without its plan, with what the journal has.
    let text =
        history_text(&RunRecord::new("x", None, &lines[..16], false), None, &lines[..16], false, Style::plain(60));
    assert!(text.contains("Ended without a word") && !text.contains("not done"), "{text}");
    let json = history_json(&record, Some(&plan), &lines[..16], true);
    assert_eq!(
        (&json["run"]["state"], &json["torn"], &json["journal"][0]["seq"]),
        (&"died".into(), &true.into(), &1.into())
    );
}

fn kept_backup(id: &str, needed: Option<&str>) -> KeptBackup {
    let backup = BackupSummary {
        id: id.to_owned(),
        cluster: "prod".parse().unwrap(),
        taken_at: "2026-01-02T15:04:21Z".to_owned(),
        member: crate::plan::testing::name("m2"),
        version: "3.1.20".parse().unwrap(),
        revision: Some(Revision(18_240)),
        size: Bytes::mebi(41),
        checks: vec!["hash: as sent".to_owned()],
        dir: format!("/srv/prod/.quorate/backups/{id}"),
    };
    KeptBackup { backup, needed: needed.map(str::to_owned) }
}

#[test]
fn backups_are_listed_verified_and_pruned() {
    let backups = [
        kept_backup("20260101T000000Z-aa", Some("its run has not finished")),
        kept_backup("20260102T000000Z-bb", None),
    ];
    let broken = ["/srv/prod/.quorate/backups/x/manifest.json: not a manifest".to_owned()];
    assert_snapshot!(backup_list_text(&backups, &broken, Style::plain(100)));
    let problem = Some("snapshot.db: damaged".to_owned());
    let verified = [
        Verified { id: "aa".to_owned(), size: Bytes::mebi(41), problem: None },
        Verified { id: "bb".to_owned(), size: Bytes::mebi(41), problem },
    ];
    assert_snapshot!(verified_text(&verified, Style::plain(100)));
    assert_snapshot!(verified_text(&verified[..1], Style::plain(100)));
    let report = |dry_run| PruneReport {
        dry_run,
        removed: vec![kept_backup("20260101T000000Z-aa", None).backup],
        kept: vec![kept_backup("20260102T000000Z-bb", Some("one of the newest 7"))],
    };
    assert_snapshot!([report(true), report(false)].map(|report| prune_text(&report, Style::plain(100))).join("\n"));
}

#[test]
fn what_goes_is_shown_before_it_goes() {
    let left = |place: &str, path: &str, kept: Option<&str>| Left {
        place: place.to_owned(),
        path: path.to_owned(),
        size: Bytes::mebi(41),
        kind: "rollback point".to_owned(),
        kept: kept.map(str::to_owned),
    };
    let report = CleanReport {
        dry_run: false,
        found: vec![
            left("this machine", "/srv/prod/.quorate/scratch/x", None),
            left("m1 on deploy@10.0.0.11", "/var/lib/etcd.quorate-r1-v3.1.20", None),
            left("m1 on deploy@10.0.0.11", "/var/lib/etcd.quorate-r2-v3.2.32", Some("the way back of the last run")),
        ],
        unseen: vec!["m3: no answer".to_owned()],
        removed: vec!["this machine: /srv/prod/.quorate/scratch/x".to_owned()],
        freed: Bytes::mebi(41),
        failed: vec!["m1: /var/lib/etcd.quorate-r1-v3.1.20 (process 7 has it open)".to_owned()],
    };
    assert_snapshot!(format!(
        "{}\n{}",
        clean_text(&report, Style::plain(100)),
        clean_done_text(&report, Style::plain(100))
    ));
    let nothing = CleanReport { found: Vec::new(), unseen: Vec::new(), ..report };
    assert_eq!(clean_text(&nothing, Style::plain(100)), "Nothing to remove.\n");
}

#[test]
fn the_holder_of_a_lock_is_shown_and_can_move_no_cursor() {
    use crate::state::{Holder, LockSeen};
    let holder = Holder {
        format: 1,
        who: "alice\u{1b}[2J".to_owned(),
        controller: "ops1".to_owned(),
        machine: None,
        pid: 4711,
        started: 1,
        command: "apply".to_owned(),
        since: "2026-01-02T15:04:05.000Z".to_owned(),
        run: Some("20260102T150405Z-7f3a".to_owned()),
    };
    let now = OffsetDateTime::parse("2026-01-02T15:07:05Z", &time::format_description::well_known::Rfc3339).unwrap();
    let seen = LockSeen::Left(holder.clone());
    assert_snapshot!(format!(
        "{}\n{}",
        unlock_text(&seen, now, Style::plain(100)),
        left_by_text(&holder, Style::plain(100))
    ));
    assert_eq!(unlock_json(&LockSeen::Free, false)["state"], "free");
    assert_eq!(unlock_json(&seen, true)["holder"]["pid"], 4711);
}
