//! Each gate of a wait has its own bound.

use std::time::Duration;

use crate::execute::gates::Judgement;
use crate::execute::wait::{Verdict, Wait};
use crate::plan::model::Gate;
use crate::units::{MemberName, Sha256, Span, Version};

const START: usize = 0;
const HEALTHY: usize = 1;

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A member that may take ten minutes to start, and eight seconds for everybody to be healthy then.
fn gates() -> [Gate; 3] {
    [
        Gate::RunsVersion {
            member: name("m1"),
            version: Version::new(3, 2, 32),
            sha256: Sha256::of(b"etcd"),
            within: Span::from_secs(600),
        },
        Gate::AllHealthy { within: Span::from_secs(8) },
        Gate::Soak { span: Span::from_secs(6) },
    ]
}

fn unmet(places: &[usize], culprit: &str) -> Judgement {
    Judgement {
        waiting: vec![format!("{culprit} is not as it must be")],
        culprits: [name(culprit)].into(),
        not_up: places.contains(&START),
        unmet: places.iter().copied().collect(),
        ..Judgement::default()
    }
}

fn soaking() -> Judgement {
    Judgement { waiting: vec!["soak".to_owned()], time_left: seconds(5), ..Judgement::default() }
}

fn has_failed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_))
}

#[test]
fn another_member_that_dies_during_the_soak_is_waited_for_as_long_as_its_gate_says() {
    let mut wait = Wait::new(&gates(), seconds(0));
    assert!(!has_failed(&wait.take(soaking(), true, seconds(1))));
    assert_eq!(wait.bound(), seconds(6));
    assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m3"), true, seconds(2))));
    assert_eq!(wait.bound(), seconds(10), "what is told is what is waited for");
    assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m3"), true, seconds(10))));
    assert!(has_failed(&wait.take(unmet(&[HEALTHY], "m3"), true, seconds(11))));
}

// faults: H5
#[test]
fn while_the_member_in_hand_starts_only_its_start_is_timed() {
    let mut wait = Wait::new(&gates(), seconds(0));
    for at in (0..600).step_by(20) {
        assert!(!has_failed(&wait.take(unmet(&[START, HEALTHY], "m1"), true, seconds(at))));
    }
    // It is up, and the rest has its own time from then on.
    assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(600))));
    assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(608))));
    assert!(has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(609))));
}

// faults: E2
#[test]
fn a_member_that_does_not_come_up_fails_at_its_own_bound() {
    let mut wait = Wait::new(&gates(), seconds(0));
    for at in (0..=600).step_by(20) {
        assert!(!has_failed(&wait.take(unmet(&[START], "m1"), true, seconds(at))));
    }
    assert!(has_failed(&wait.take(unmet(&[START], "m1"), true, seconds(601))));
}

// faults: C5
#[test]
fn what_was_seen_before_the_controller_stood_still_fails_no_wait() {
    let mut wait = Wait::new(&gates(), seconds(0));
    assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(1))));
    wait.asks_health(seconds(2));
    // The look began before, and has its answers after an hour.
    assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(3602))));
    // The bound goes on where it stood: 8 s, of which 2 are over.
    wait.asks_health(seconds(3603));
    assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(3608))));
    assert!(has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(3610))));
}

#[test]
fn a_controller_that_always_stands_still_does_not_wait_for_ever() {
    let mut wait = Wait::new(&gates(), seconds(0));
    let failed_at = (0..100).find(|turn| has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, seconds(turn * 60))));
    assert_eq!(failed_at, Some(9));
}

#[test]
fn a_gate_that_comes_and_goes_for_ever_is_given_up_too() {
    let mut wait = Wait::new(&gates(), seconds(0));
    let failed_at = (0..2000).step_by(2).find(|&at| {
        wait.take(soaking(), true, seconds(at));
        has_failed(&wait.take(unmet(&[HEALTHY], "m3"), true, seconds(at + 1)))
    });
    assert_eq!(failed_at, Some(614));
}

#[test]
fn health_is_asked_again_soon_and_then_ever_less_often() {
    let mut wait = Wait::new(&gates(), seconds(0));
    let mut asked = Vec::new();
    for at in (0..6000).step_by(10) {
        let now = Duration::from_millis(at);
        if wait.asks_health(now) {
            asked.push(at);
        }
        assert!(!has_failed(&wait.take(unmet(&[HEALTHY], "m1"), true, now)));
    }
    assert_eq!(asked, [0, 100, 300, 700, 1500, 2500, 3500, 4500, 5500]);
}
