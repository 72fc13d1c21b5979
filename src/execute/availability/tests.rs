//! The books, on made-up tries.

use std::time::Duration;

use proptest::prelude::*;

use crate::execute::availability::histogram::Histogram;
use crate::execute::availability::record::Outcome;
use crate::execute::availability::strip::{MOST_CELLS, Recent, Whole};
use crate::execute::availability::{Answers, Cause, Mark, Quiet, Record};
use crate::plan::model::StepId;
use crate::spec::model::Probe;
use crate::units::MemberName;

fn name(number: usize) -> MemberName {
    format!("m{number}").parse().unwrap()
}

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn record(bound: Option<u64>) -> Record {
    Record::new(Probe::Read, (1..=3).map(name), bound.map(ms))
}

/// The clock goes on, noted as often as the probe does.
fn pass(record: &mut Record, from: u64, to: u64) {
    for now in (from..=to).step_by(50) {
        record.tick(ms(now));
    }
}

fn answered(record: &mut Record, member: usize, now: u64) {
    record.tried(&name(member), Outcome::Answered, ms(2), ms(now));
}

fn failed(record: &mut Record, member: usize, now: u64) {
    record.tried(&name(member), Outcome::Failed(Cause::Unreachable), ms(1), ms(now));
}

fn whole(record: &Record) -> Answers {
    record.whole().unwrap()
}

#[test]
fn a_stall_of_the_cluster_is_the_time_in_which_no_member_answered() {
    let mut record = record(None);
    answered(&mut record, 1, 100);
    answered(&mut record, 2, 300);
    failed(&mut record, 1, 500);
    pass(&mut record, 500, 900);
    answered(&mut record, 3, 950);
    answered(&mut record, 1, 1000);
    let seen = whole(&record);
    assert_eq!((seen.cluster.stall_ms, seen.cluster.stalled_at_ms), (650, Some(300)));
    assert_eq!((seen.cluster.tries, seen.cluster.errors), (5, 1));
    assert_eq!(seen.members[&name(1)].stall_ms, 900);
    assert_eq!(seen.members[&name(1)].causes.unreachable, 1);
}

#[test]
fn what_is_before_the_first_answer_is_no_stall() {
    let mut record = record(Some(1000));
    for now in (0..5000).step_by(200) {
        failed(&mut record, 1, now);
    }
    assert_eq!(record.stalled(), None);
    answered(&mut record, 1, 5000);
    assert_eq!(whole(&record).cluster.stall_ms, 0);
}

#[test]
fn a_stall_that_goes_on_is_seen_before_it_ends() {
    let mut record = record(Some(1000));
    record.turn_to(StepId(4));
    answered(&mut record, 1, 100);
    pass(&mut record, 100, 1100);
    assert_eq!(record.stalled(), None);
    pass(&mut record, 1150, 1200);
    let stalled = record.stalled().unwrap();
    assert_eq!((stalled.step, stalled.began), (Some(StepId(4)), ms(100)));
    assert_eq!(record.longest_stall(), ms(1100));
}

// faults: C5
/// A controller that was suspended asked nobody meanwhile.
#[test]
fn time_in_which_the_controller_stood_still_does_not_count() {
    let mut record = record(Some(2000));
    answered(&mut record, 1, 100);
    pass(&mut record, 100, 300);
    answered(&mut record, 2, 60_300);
    assert_eq!(record.stalled(), None);
    assert_eq!(whole(&record).cluster.stall_ms, 200);
}

#[test]
fn each_step_has_its_own_figures_and_the_run_has_all() {
    let mut record = record(None);
    record.turn_to(StepId(1));
    answered(&mut record, 1, 100);
    answered(&mut record, 2, 200);
    let first = record.end_step(StepId(1)).unwrap();
    record.turn_to(StepId(2));
    failed(&mut record, 3, 300);
    answered(&mut record, 1, 900);
    let second = record.end_step(StepId(2)).unwrap();
    assert_eq!((first.cluster.tries, first.cluster.errors, first.cluster.stall_ms), (2, 0, 100));
    assert_eq!((second.cluster.tries, second.cluster.errors, second.cluster.stall_ms), (2, 1, 700));
    assert_eq!((second.strip, record.end_step(StepId(2)), record.open_steps().len()), (None, None, 0));
    assert_eq!(whole(&record).cluster.tries, 4);
}

#[test]
fn a_run_in_which_nobody_was_asked_says_nothing() {
    let mut record = record(Some(1000));
    record.turn_to(StepId(1));
    pass(&mut record, 0, 3000);
    assert_eq!((record.whole(), record.end_step(StepId(1)), record.stalled()), (None, None, None));
}

#[test]
fn the_strip_of_a_run_shows_the_worst_of_each_span() {
    let mut record = record(None);
    answered(&mut record, 1, 100);
    failed(&mut record, 1, 600);
    answered(&mut record, 1, 700);
    record.tried(&name(2), Outcome::Answered, ms(700), ms(1600));
    let strip = whole(&record).strip.unwrap();
    assert_eq!(
        (strip.cell_ms, strip.members[&name(1)].as_str(), strip.members[&name(2)].as_str()),
        (500, ".x", "-OOO")
    );
    assert_eq!(strip.members[&name(3)], "");
    let last: Vec<String> = record.recent(ms(2000)).into_iter().map(|one| one.letters).collect();
    assert_eq!(last, [".x--", "-OOO", "----"]);
}

#[test]
fn letters_and_marks_belong_together() {
    for mark in Mark::ALL {
        assert_eq!(Mark::of_letter(mark.letter()), Some(mark));
    }
    assert_eq!(Mark::of_letter('?'), None);
}

#[tokio::test]
async fn whoever_stops_a_member_keeps_the_probe_away_for_as_long() {
    let quiet = Quiet::default();
    let client = crate::etcd::Client::new(crate::etcd::Endpoint {
        label: "m1".to_owned(),
        dial: crate::etcd::testing::dialer(1),
        tls: None,
        login: None,
        deadline: ms(100),
    });
    let is_away = quiet.begin(&client);
    let away = quiet.keep_away().await;
    assert!(*is_away.borrow());
    drop(away);
    assert!(!*is_away.borrow());
}

proptest! {
    #[test]
    fn a_quantile_is_right_to_a_sixteenth(mut times in prop::collection::vec(0u64..5_000_000, 1..200), percent in 1u64..=100) {
        let mut histogram = Histogram::default();
        times.iter().for_each(|us| histogram.add(Duration::from_micros(*us)));
        times.sort_unstable();
        let exact = times[(times.len() as u64 * percent).div_ceil(100).max(1) as usize - 1];
        let told = u64::try_from(histogram.quantile(percent).unwrap().as_micros()).unwrap();
        prop_assert!(told >= exact && told <= exact + exact / 16 + 1, "{told} for {exact}");
    }

    #[test]
    fn no_time_is_too_long_for_it(us in any::<u64>()) {
        let mut histogram = Histogram::default();
        histogram.add(Duration::from_micros(us));
        prop_assert!(histogram.quantile(99).is_some());
    }

    /// By members alone it is never shorter than by all of them together.
    #[test]
    fn figures_agree_with_each_other(tries in prop::collection::vec((1usize..=3, any::<bool>(), 1u64..900), 1..300)) {
        let mut record = record(None);
        let (mut now, mut answers, mut last, mut longest) = (0, 0, None, 0);
        for (member, is_answer, later) in &tries {
            pass(&mut record, now, now + later);
            now += later;
            if *is_answer {
                longest = longest.max(last.map_or(0, |last| now - last));
                (last, answers) = (Some(now), answers + 1);
                answered(&mut record, *member, now);
            } else {
                failed(&mut record, *member, now);
            }
        }
        longest = longest.max(last.map_or(0, |last| now - last));
        let seen = whole(&record);
        prop_assert_eq!(seen.cluster.stall_ms, longest);
        prop_assert_eq!(seen.cluster.tries - seen.cluster.errors, answers);
        prop_assert_eq!(seen.members.values().map(|one| one.tries).sum::<u64>(), tries.len() as u64);
        for (number, one) in &seen.members {
            let ever = one.tries > one.errors;
            prop_assert!(!ever || number == &name(0) || one.stall_ms <= now);
        }
        let strip = seen.strip.unwrap();
        prop_assert!(strip.members.values().all(|letters| letters.len() <= MOST_CELLS));
    }

    #[test]
    fn a_strip_is_bounded_and_forgets_no_failure(spans in prop::collection::vec((0u64..20_000, 0u64..5_000), 1..400)) {
        let (mut whole, mut recent, mut now) = (Whole::default(), Recent::default(), 0);
        for (pause, took) in spans {
            now += pause;
            whole.note(Mark::Failed, ms(now), ms(now + took));
            recent.note(Mark::Failed, ms(now), ms(now + took));
            now += took;
        }
        let letters = whole.letters(whole.cell());
        prop_assert!(letters.len() <= MOST_CELLS && letters.ends_with('x'), "{letters}");
        prop_assert_eq!(whole.letters(whole.cell() * 4).len(), letters.len().div_ceil(4));
        prop_assert!(recent.letters(ms(now)).len() < 60);
    }
}
