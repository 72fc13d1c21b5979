//! Files that quorate wrote, or that somebody gave to it: saved plans, journals, records, archives.

use std::path::Path;

use serde_json::json;
use time::macros::datetime;

use crate::execute::engine::{Directive, Engine};
use crate::execute::journal::{Detail, EffectResult, Entry, GateStage, Line};
use crate::plan::file::{load, save};
use crate::plan::model::Plan;
use crate::state::{Holder, LockSeen, ReadBack, State, StateError};
use crate::units::Sha256;
use crate::view::{
    self, Again, RunRecord, Style, error_text, history_json, history_text, left_by_text, plan_json, plan_text,
    runs_json, runs_text, saved_text, unlock_json, unlock_text,
};

use super::common::{all_below, fit_as_json};
use super::{choose, fit_to_be_shown, scratch};

const STYLE: Style = Style::plain(80);
const AGAIN: Again = Again { words: Vec::new(), untold: Vec::new() };
const RUN: &str = "20261121T095732Z-fc0332c1";

/// A file that `apply FILE` or `show FILE` is given: as it is, and, where it holds a plan, with the digest that it should have.
pub fn plan_file(bytes: &[u8]) {
    let path = scratch("plan").join("saved");
    std::fs::write(&path, bytes).expect("a file can be written");
    match load(&path) {
        Ok(plan) => judge_plan(&plan, &path),
        Err(error) => fit_to_be_shown(&error_text(&error.to_string(), &[error.fix().to_owned()], STYLE)),
    }
    // No fuzzer makes a digest fit.
    let Ok(mut file) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let raw = file.get_mut("plan").map(serde_json::Value::take).unwrap_or(file);
    let Ok(plan) = serde_json::from_value::<Plan>(raw.clone()) else { return };
    let digest = plan.digest();
    let whole = json!({ "type": "quorate-plan", "format": plan.format, "sha256": digest, "plan": raw });
    std::fs::write(&path, whole.to_string()).expect("a file can be written");
    match load(&path) {
        Ok(plan) => judge_plan(&plan, &path),
        Err(error) => fit_to_be_shown(&error_text(&error.to_string(), &[], STYLE)),
    }
}

/// It is saved as it was read, shown without harm, and its steps come to an end.
fn judge_plan(plan: &Plan, path: &Path) {
    save(plan, path).expect("a plan that was read can be saved");
    let bytes = std::fs::read(path).expect("it was saved");
    let again = load(path).expect("what is saved is read back");
    assert_eq!(&again, plan);
    save(&again, path).expect("and saved again");
    assert_eq!(std::fs::read(path).expect("it was saved"), bytes);
    for width in [40, 120] {
        fit_to_be_shown(&plan_text(plan, Style::plain(width)));
    }
    fit_to_be_shown(&saved_text(plan, Some(path), &AGAIN, STYLE));
    fit_as_json(&plan_json(plan));
    assert_eq!(crate::plan::basis::differences(&plan.basis, &plan.basis), Vec::<String>::new());
    walk(plan);
}

/// Everything goes well, all the way.
fn walk(plan: &Plan) {
    let each = plan.steps().map(|step| 3 + crate::execute::engine::effects(step).len());
    // A member that leads may be put off a number of times.
    let most = 100 + 4 * each.sum::<usize>();
    let mut engine = Engine::new(plan);
    for _ in 0..most {
        let entry = match engine.directive() {
            Directive::End(_) => return,
            Directive::Await { step, stage, .. } => {
                let (step, leader) = (step.id, None);
                match stage {
                    GateStage::Before => Entry::ReadyFor { step, leader, at_target: Vec::new(), waited_ms: 0 },
                    GateStage::After => Entry::StepDone { step, leader, waited_ms: 0 },
                    GateStage::Undo => Entry::StepUndone { step, leader, waited_ms: 0 },
                }
            }
            Directive::Perform { step, effect } => {
                let result = EffectResult::Done { detail: Detail::Nothing };
                Entry::Outcome { step: step.id, effect, result, took_ms: 0 }
            }
        };
        engine.record(&entry);
    }
    panic!("more than {most} directives: it goes in circles");
}

/// The journal of a run, also one whose end is torn.
pub fn journal(bytes: &[u8]) {
    let dir = scratch("journal");
    let state = State::open(&dir).expect("a state folder can be made");
    let run = dir.join("runs").join(RUN);
    std::fs::create_dir_all(&run).expect("a folder can be made");
    let path = run.join("journal.jsonl");
    std::fs::write(&path, bytes).expect("a file can be written");
    let whole = crate::state::read_journal(&path);
    let (shown, _) = (read_run(&state), whole.as_ref().map(fold));
    let Ok(whole) = whole else { return };
    // A torn end is cut off, and nothing else.
    let torn = state.repair_journals().expect("a journal of ours can be repaired");
    assert_eq!(torn.is_empty(), !whole.torn);
    let kept = std::fs::read(&path).expect("it is there");
    assert!(bytes.starts_with(&kept) && (kept.is_empty() || kept.ends_with(b"\n")));
    let again = crate::state::read_journal(&path).expect("it was read before");
    assert_eq!(again, ReadBack { lines: whole.lines.clone(), torn: false });
    assert_eq!(read_run(&state), shown);
    for line in &whole.lines {
        let text = serde_json::to_string(line).expect("a line is written as JSON");
        assert!(!text.contains('\n'));
        assert_eq!(&serde_json::from_str::<Line>(&text).expect("and read back"), line);
    }
}

/// What `runs` and `runs show` make of it.
fn read_run(state: &State) -> Result<usize, ()> {
    let unlike = |error: StateError| fit_to_be_shown(&error_text(&error.to_string(), &[], STYLE));
    let run = state.run(RUN).map_err(unlike)?;
    let plan = view::fixtures::upgrade();
    let lines = &run.journal.lines;
    let record = RunRecord::new(RUN, Some(&plan), lines, false);
    fit_to_be_shown(&history_text(&record, Some(&plan), lines, run.journal.torn, STYLE));
    fit_as_json(&history_json(&record, Some(&plan), lines, run.journal.torn));
    let bare = RunRecord::new(RUN, None, lines, true);
    fit_to_be_shown(&history_text(&bare, None, lines, run.journal.torn, STYLE));
    fit_to_be_shown(&runs_text(&[record.clone(), bare.clone()], STYLE));
    fit_as_json(&runs_json(&[record, bare]));
    Ok(lines.len())
}

/// An engine that is made anew from it has something to do next, whatever it says.
fn fold(read: &ReadBack) {
    for plan in [view::fixtures::upgrade(), view::fixtures::whole_rollback()] {
        let mut engine = Engine::new(&plan);
        for line in &read.lines {
            engine.record(&line.entry);
            let _ = (engine.directive(), engine.member_that_is_down(), engine.is_before_a_stop());
        }
    }
}

/// Small records: 0 who holds a lock, 1 the manifest of a backup, 2 what is known of a release in the cache, 3 digests that
/// a mirror serves.
pub fn records(bytes: &[u8]) {
    match choose(bytes, 4) {
        Some((0, text)) => holder(text),
        Some((1, text)) => crate::backup::fuzzing::manifest(text),
        Some((2, text)) => crate::artifact::fuzzing::record(text),
        Some((_, text)) => crate::artifact::fuzzing::sums(text),
        None => {}
    }
}

fn holder(bytes: &[u8]) {
    let dir = scratch("lock");
    let state = State::open(&dir).expect("a state folder can be made");
    std::fs::write(dir.join("lock"), bytes).expect("a file can be written");
    let seen = state.look_at_lock().expect("a lock can be looked at");
    let now = datetime!(2026-11-21 12:00 UTC);
    fit_to_be_shown(&unlock_text(&seen, now, STYLE));
    fit_as_json(&unlock_json(&seen, false));
    if let LockSeen::Left(left) = &seen {
        if left.line().len() < 4000 {
            assert_eq!(Holder::read(&left.line()).as_ref(), Some(left), "a record is read back as it was written");
        }
        fit_to_be_shown(&left_by_text(left, STYLE));
        fit_to_be_shown(&error_text(&left.to_string(), &[], STYLE));
        let _ = (left.lives(), left.is_of_machine("ops1"));
        assert!(state.clear_lock(left).expect("who is gone can be cleared"));
    }
    // Whatever stood there: the lock can be had, and is in nobody's way after.
    let us = Holder::this_process("alice", "ops1", "apply", Some(RUN));
    match state.lock(us) {
        Ok(lock) => assert_eq!(lock.left_by, None),
        Err(error) => panic!("{error}"),
    }
}

/// Archives: 0 a release as it is, 1 one that is packed here, 2 a v2 backup as it is, 3 one that is packed here. Of the
/// packed ones the input is the tar, or what `tar()` makes of it.
pub fn archives(bytes: &[u8]) {
    let Some((kind, content)) = choose(bytes, 4) else { return };
    let around = scratch("archive");
    let into = around.join("into");
    std::fs::create_dir(&into).expect("a folder can be made");
    std::fs::write(around.join("beside"), b"beside").expect("a file can be written");
    let packed = if kind % 2 == 0 { content.to_vec() } else { gzip(&tar(content)) };
    if kind < 2 {
        crate::artifact::fuzzing::archive(&packed, &into);
    } else {
        crate::backup::fuzzing::archive(&packed, &into);
    }
    // Nothing was written but below the one folder.
    let outside: Vec<_> = all_below(&around).into_iter().filter(|path| !path.starts_with("into")).collect();
    assert_eq!(outside, [Path::new("beside")]);
    assert_eq!(std::fs::read(around.join("beside")).expect("it is there"), b"beside");
}

/// Entries with checksums that fit, which no fuzzer guesses: each block that has the mark of a header gets its own.
fn tar(content: &[u8]) -> Vec<u8> {
    let mut tar = content.to_vec();
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    for block in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).and_then(|()| packer.finish()).expect("memory takes it")
}

/// For targets that need a digest that fits.
pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::of(bytes).0
}
