//! The engine on a plan of three members, driven by made-up outcomes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::execute::engine::{Directive, Engine};
use crate::execute::event::Event;
use crate::execute::journal::{Detail, Effect, EffectResult, Ending, Entry, GateStage, JOURNAL_FORMAT, Line};
use crate::plan::model::{Action, Gate, GoesOn, Operation, Plan, StepId};
use crate::spec::model::OnFailure;
use crate::units::MemberName;
use crate::view::fixtures::{held_upgrade, upgrade, way_down, whole_rollback};

/// No run of three members takes more directives than this; one that does goes in circles.
const MOST_DIRECTIVES: usize = 400;

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

fn done() -> EffectResult {
    EffectResult::Done { detail: Detail::Nothing }
}

fn failed(reason: &str) -> EffectResult {
    EffectResult::Failed { reason: reason.to_owned(), log: Vec::new(), todo: Vec::new() }
}

fn held(stage: GateStage, step: StepId, leader: &str) -> Entry {
    let leader = Some(name(leader));
    match stage {
        GateStage::Before => Entry::ReadyFor { step, leader, at_target: Vec::new(), waited_ms: 0 },
        GateStage::After => Entry::StepDone { step, leader, waited_ms: 0 },
        GateStage::Undo => Entry::StepUndone { step, leader, waited_ms: 0 },
    }
}

fn not_held(stage: GateStage, step: StepId, culprits: &[&str]) -> Entry {
    let culprits: Vec<_> = culprits.iter().map(|culprit| name(culprit)).collect();
    let reasons = vec!["it does not hold".to_owned()];
    Entry::GateFailed {
        step,
        stage,
        reasons,
        unwell: culprits.clone(),
        culprits,
        dead: Vec::new(),
        cluster_version: None,
        waited_ms: 0,
    }
}

/// As a line of the journal that `apply -json` writes.
fn fits_its_schema(entry: &Entry) {
    let line = Line { format: JOURNAL_FORMAT, seq: 1, at: String::new(), entry: entry.clone() };
    let event = serde_json::json!({ "type": "event", "format": 1, "at": "", "event": Event::Journal(line) });
    let _ = crate::view::json_line(&event);
}

/// Runs a plan to its end. `answer` makes an entry of each directive, `None` for what goes well.
fn run(plan: &Plan, leader: &str, mut answer: impl FnMut(&Directive<'_>) -> Option<Entry>) -> (Vec<Effect>, Ending) {
    let mut engine = Engine::new(plan);
    let mut effects = Vec::new();
    for _ in 0..MOST_DIRECTIVES {
        let directive = engine.directive();
        let answered = answer(&directive);
        let entry = match directive {
            Directive::End(ending) => return (effects, ending),
            Directive::Await { step, stage, .. } => answered.unwrap_or_else(|| held(stage, step.id, leader)),
            Directive::Perform { step, effect } => {
                effects.push(effect.clone());
                answered.unwrap_or(Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 })
            }
        };
        fits_its_schema(&entry);
        engine.record(&entry);
    }
    panic!("no end after {MOST_DIRECTIVES} directives");
}

fn stopped(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Operate { member, operation: Operation::Stop { .. } } => Some(member.to_string()),
            _ => None,
        })
        .collect()
}

fn is_start_of(directive: &Directive<'_>, member: &str) -> bool {
    matches!(directive, Directive::Perform { effect: Effect::Operate { member: on, operation: Operation::Start { .. } }, .. }
        if on.as_str() == member)
}

fn refuse(directive: &Directive<'_>) -> Option<Entry> {
    match directive {
        Directive::Perform { step, effect } => {
            let result = EffectResult::Refused { reason: "it runs 3.3.27".to_owned(), todo: Vec::new() };
            Some(Entry::Outcome { step: step.id, effect: effect.clone(), result, took_ms: 0 })
        }
        _ => None,
    }
}

fn fail(directive: &Directive<'_>) -> Option<Entry> {
    match directive {
        Directive::Perform { step, effect } => {
            Some(Entry::Outcome { step: step.id, effect: effect.clone(), result: failed("it died"), took_ms: 0 })
        }
        _ => None,
    }
}

#[test]
fn followers_come_first_and_the_leader_last() {
    let (effects, ending) = run(&upgrade(), "m2", |_| None);
    assert_eq!(stopped(&effects), ["m1", "m3", "m2"]);
    assert_eq!(ending, Ending::Succeeded);
}

// faults: H8
#[test]
fn a_member_for_whom_all_is_done_already_is_left_alone_and_judged_by_its_gates() {
    let plan = upgrade();
    let mut judged = 0;
    let (effects, ending) = run(&plan, "m3", |directive| match directive {
        Directive::Perform { step, effect: effect @ Effect::Operate { member, operation: Operation::Stop { .. } } }
            if member.as_str() == "m1" =>
        {
            let result = EffectResult::AlreadyDone { why: "a reboot has done it".to_owned() };
            Some(Entry::Outcome { step: step.id, effect: effect.clone(), result, took_ms: 0 })
        }
        Directive::Await { step, stage: GateStage::After, gates } => {
            let of_m1 = matches!(&step.action, Action::Member(action) if action.member.as_str() == "m1");
            judged += usize::from(of_m1 && !gates.is_empty());
            None
        }
        _ => None,
    });
    let on_m1 = |effect: &&Effect| matches!(effect, Effect::Operate { member, .. } if member.as_str() == "m1");
    let last = effects.iter().rfind(on_m1).unwrap();
    assert!(matches!(last, Effect::Operate { operation: Operation::Stop { .. }, .. }), "{last:?}");
    assert_eq!((judged, stopped(&effects).len(), ending), (1, 3, Ending::Succeeded));
}

// faults: E4
#[test]
fn a_member_that_has_become_leader_is_put_off() {
    // m2 led when the plan was made; m1 leads now.
    let (effects, ending) = run(&upgrade(), "m1", |_| None);
    assert_eq!(stopped(&effects), ["m3", "m2", "m1"]);
    assert_eq!(ending, Ending::Succeeded);
}

// faults: E4
/// Found by the simulation: the controller stood still after the first look, and leadership moved meanwhile.
#[test]
fn a_member_that_leads_at_the_second_look_before_its_stop_is_put_off() {
    let plan = upgrade();
    let mut engine = Engine::new(&plan);
    while !engine.is_before_a_stop() {
        match engine.directive() {
            Directive::Await { step, stage, .. } => engine.record(&held(stage, step.id, "m2")),
            Directive::Perform { step, effect } => {
                engine.record(&Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 });
            }
            Directive::End(ending) => panic!("{ending:?}"),
        }
    }
    let Directive::Perform { step, effect: Effect::Operate { member, .. } } = engine.directive() else { panic!() };
    engine.record(&held(GateStage::Before, step.id, member.as_str()));
    assert!(matches!(engine.directive(), Directive::Await { step: next, .. } if next.id != step.id));
}

// faults: E4
#[test]
fn leadership_that_always_follows_us_does_not_keep_the_run_from_ending() {
    let plan = upgrade();
    let (effects, ending) = run(&plan, "m1", |directive| match directive {
        Directive::Await { step, stage: GateStage::Before, .. } => match &step.action {
            Action::Member(action) => Some(held(GateStage::Before, step.id, action.member.as_str())),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(stopped(&effects).len(), 3);
    assert_eq!(ending, Ending::Succeeded);
}

// faults: E1
#[test]
fn a_member_that_does_not_come_up_is_put_back_and_the_run_halts() {
    let (effects, ending) =
        run(&upgrade(), "m2", |directive| is_start_of(directive, "m1").then(|| fail(directive)).flatten());
    assert_eq!(effects.last(), Some(&Effect::PutBack { member: name("m1") }));
    assert_eq!(stopped(&effects), ["m1"]);
    assert!(matches!(ending, Ending::Failed { rolled_back: Some(member), .. } if member == name("m1")));
}

#[test]
fn where_the_policy_is_to_halt_the_new_binary_stays_for_a_person_to_look_at() {
    let mut plan = upgrade();
    for step in plan.rungs.iter_mut().flat_map(|rung| &mut rung.steps) {
        if let Action::Member(action) = &mut step.action {
            action.on_failure = OnFailure::Halt;
        }
    }
    let (effects, ending) =
        run(&plan, "m2", |directive| is_start_of(directive, "m1").then(|| fail(directive)).flatten());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::PutBack { .. })));
    assert!(matches!(ending, Ending::Failed { rolled_back: None, todo, .. } if !todo.is_empty()));
}

#[test]
fn a_member_that_was_only_stopped_is_brought_up_whatever_the_policy() {
    let mut plan = upgrade();
    for step in plan.rungs.iter_mut().flat_map(|rung| &mut rung.steps) {
        if let Action::Member(action) = &mut step.action {
            action.on_failure = OnFailure::Halt;
        }
    }
    let copy = |directive: &Directive<'_>| {
        matches!(
            directive,
            Directive::Perform { effect: Effect::Operate { operation: Operation::CopyDataDir { .. }, .. }, .. }
        )
    };
    let (effects, ending) = run(&plan, "m2", |directive| copy(directive).then(|| fail(directive)).flatten());
    assert_eq!(effects.last(), Some(&Effect::PutBack { member: name("m1") }));
    assert!(matches!(ending, Ending::Failed { .. }));
}

// faults: E5
#[test]
fn another_member_that_dies_is_no_reason_to_stop_ours_again() {
    let (effects, ending) = run(&upgrade(), "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. } if matches!(step.action, Action::Member(_)) => {
            Some(not_held(GateStage::After, step.id, &["m3"]))
        }
        _ => None,
    });
    assert_eq!(stopped(&effects), ["m1"]);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::PutBack { .. })));
    assert!(matches!(ending, Ending::Failed { .. }));
}

// faults: E2
#[test]
fn a_member_that_never_gets_healthy_is_put_back() {
    let (effects, _) = run(&upgrade(), "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. } if matches!(step.action, Action::Member(_)) => {
            Some(not_held(GateStage::After, step.id, &["m1"]))
        }
        _ => None,
    });
    assert_eq!(effects.last(), Some(&Effect::PutBack { member: name("m1") }));
}

// faults: E3
/// Found by the simulation (seed 548 of its first days): an alarm on another member kept a member that had died down.
#[test]
fn a_member_whose_process_is_gone_is_put_back_whatever_else_is_wrong() {
    let (effects, _) = run(&upgrade(), "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. } if matches!(step.action, Action::Member(_)) => {
            let mut entry = not_held(GateStage::After, step.id, &["m1", "m3"]);
            if let Entry::GateFailed { dead, .. } = &mut entry {
                dead.push(name("m1"));
            }
            Some(entry)
        }
        _ => None,
    });
    assert_eq!(effects.last(), Some(&Effect::PutBack { member: name("m1") }));
}

/// Found by the simulation: the last member served, the cluster version moved, and a slow catch-up then put back a
/// binary that could not stay up any more.
#[test]
fn a_member_that_serves_and_lags_is_not_stopped_again() {
    let (effects, ending) = run(&upgrade(), "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. } if matches!(step.action, Action::Member(_)) => {
            let mut entry = not_held(GateStage::After, step.id, &["m1"]);
            if let Entry::GateFailed { unwell, .. } = &mut entry {
                unwell.clear();
            }
            Some(entry)
        }
        _ => None,
    });
    assert_eq!(stopped(&effects), ["m1"]);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::PutBack { .. })));
    let Ending::Failed { todo, .. } = ending else { panic!("{ending:?}") };
    assert!(todo[0].contains("why m1"), "{todo:?}");
}

/// Others may be down as well: what was not looked at is not known to be well.
#[test]
fn a_member_is_put_back_only_where_all_others_were_looked_at() {
    let mut plan = upgrade();
    for step in plan.rungs.iter_mut().flat_map(|rung| &mut rung.steps) {
        step.after.retain(|gate| matches!(gate, Gate::RunsVersion { .. } | Gate::CaughtUp { .. }));
    }
    let (effects, _) = run(&plan, "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. } if matches!(step.action, Action::Member(_)) => {
            Some(not_held(GateStage::After, step.id, &["m1"]))
        }
        _ => None,
    });
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::PutBack { .. })));
}

#[test]
fn once_the_cluster_version_has_moved_no_old_binary_is_put_back() {
    let plan = upgrade();
    let moved = plan.rungs.first().unwrap().to;
    let (effects, ending) = run(&plan, "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. } if matches!(step.action, Action::Member(_)) => {
            let mut entry = not_held(GateStage::After, step.id, &["m1"]);
            if let Entry::GateFailed { cluster_version, .. } = &mut entry {
                *cluster_version = Some(moved);
            }
            Some(entry)
        }
        _ => None,
    });
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::PutBack { .. })));
    assert!(matches!(ending, Ending::Failed { rolled_back: None, todo, .. } if !todo.is_empty()));
}

// faults: E12
#[test]
fn what_cannot_be_put_back_is_left_with_words_for_a_person() {
    let (_, ending) = run(&upgrade(), "m2", |directive| match directive {
        Directive::Perform { effect: Effect::PutBack { .. }, .. } => fail(directive),
        _ if is_start_of(directive, "m1") => fail(directive),
        _ => None,
    });
    let Ending::Failed { reason, rolled_back: None, todo, .. } = ending else { panic!("{ending:?}") };
    assert!(reason.contains("could not be put back"), "{reason}");
    assert!(todo.iter().any(|line| line.contains("kept")), "{todo:?}");
}

// faults: E7
/// Somebody put another release in a member's place: it serves, so it is neither stopped nor "put back".
#[test]
fn a_member_that_runs_another_release_is_left_alone() {
    let is_stop_of_m3 = |directive: &Directive<'_>| {
        matches!(directive, Directive::Perform { effect: Effect::Operate { member, operation: Operation::Stop { .. } }, .. }
            if member.as_str() == "m3")
    };
    let (effects, ending) =
        run(&upgrade(), "m2", |directive| is_stop_of_m3(directive).then(|| refuse(directive)).flatten());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::PutBack { .. })), "{effects:?}");
    assert_eq!(stopped(&effects), ["m1", "m3"], "m2 is not begun; the stop of m3 is what was refused");
    let Ending::Failed { reason, rolled_back: None, todo, .. } = ending else { panic!("{ending:?}") };
    assert_eq!(reason, "it runs 3.3.27");
    assert!(todo.last().is_some_and(|todo| todo.contains("quorate apply")), "{todo:?}");
}

// faults: C2
#[test]
fn a_stop_is_honored_at_once_while_the_member_in_hand_still_runs() {
    let plan = upgrade();
    let mut engine = Engine::new(&plan);
    engine.record(&Entry::StopRequested { signal: "SIGINT".to_owned() });
    assert_eq!(engine.directive(), Directive::End(Ending::Interrupted { signal: "SIGINT".to_owned() }));
}

// faults: C2
#[test]
fn a_stop_brings_a_member_that_is_down_to_a_safe_end_without_waiting_for_time() {
    let plan = upgrade();
    let mut engine = Engine::new(&plan);
    let mut asked = false;
    for _ in 0..MOST_DIRECTIVES {
        match engine.directive() {
            Directive::End(ending) => {
                assert!(asked);
                assert_eq!(ending, Ending::Interrupted { signal: "SIGTERM".to_owned() });
                return;
            }
            Directive::Await { step, stage, gates } => {
                let waits = gates.iter().any(|gate| matches!(gate, Gate::Soak { .. } | Gate::V2Settle { .. }));
                assert!(!(asked && waits), "a stop does not wait for a soak");
                engine.record(&held(stage, step.id, "m2"));
            }
            Directive::Perform { step, effect } => {
                if matches!(effect, Effect::Operate { operation: Operation::CopyDataDir { .. }, .. }) {
                    engine.record(&Entry::StopRequested { signal: "SIGTERM".to_owned() });
                    asked = true;
                }
                engine.record(&Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 });
            }
        }
    }
    panic!("no end");
}

fn stall() -> Entry {
    Entry::StallTooLong { step: Some(StepId(4)), stalled_ms: 2_150, bound_ms: 2_000 }
}

// faults: E15
#[test]
fn a_stall_that_is_too_long_ends_the_run_at_once_while_the_member_in_hand_still_runs() {
    let plan = upgrade();
    let mut engine = Engine::new(&plan);
    fits_its_schema(&stall());
    engine.record(&stall());
    let Directive::End(Ending::Failed { step, reason, rolled_back: None, todo }) = engine.directive() else {
        panic!("{:?}", engine.directive())
    };
    assert_eq!(step, Some(StepId(4)));
    assert!(reason.contains("2150 ms") && reason.contains("2s") && reason.contains("max_stall"), "{reason}");
    for word in ["`quorate apply` goes on", "raise max_stall", "`quorate rollback`"] {
        assert!(todo.iter().any(|what| what.contains(word)), "{word}: {todo:?}");
    }
    assert!(todo.iter().all(|what| !what.contains("  ")), "holes in a line: {todo:?}");
}

// faults: E15
/// Wherever it is seen: the member in hand is brought up, nobody else is stopped, and no soak is waited for.
#[test]
fn a_stall_that_is_too_long_leaves_nobody_down() {
    let plan = upgrade();
    for at in 0..60 {
        let mut engine = Engine::new(&plan);
        let (mut down, mut seen) = (BTreeSet::new(), 0);
        let ending = loop {
            if seen == at {
                engine.record(&stall());
            }
            let directive = engine.directive();
            let told = seen >= at;
            seen += 1;
            match directive {
                Directive::End(ending) => break ending,
                Directive::Await { step, stage, gates } => {
                    let waits = gates.iter().any(|gate| matches!(gate, Gate::Soak { .. } | Gate::V2Settle { .. }));
                    assert!(!(told && waits), "no soak is waited for");
                    engine.record(&held(stage, step.id, "m2"));
                }
                Directive::Perform { step, effect } => {
                    if let Effect::Operate { member, operation } = &effect {
                        match operation {
                            Operation::Stop { .. } => {
                                assert!(!told, "{member} is stopped after the stall");
                                down.insert(member.clone());
                            }
                            Operation::Start { .. } => _ = down.remove(member),
                            _ => {}
                        }
                    }
                    engine.record(&Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 });
                }
            }
            assert!(seen < MOST_DIRECTIVES);
        };
        assert!(down.is_empty(), "{down:?} after a stall at {at}");
        assert!(matches!(ending, Ending::Failed { .. } | Ending::Succeeded), "{ending:?}");
        // When nothing was left to do, the run has done it.
        assert!(ending == Ending::Succeeded || seen > at);
    }
}

#[test]
fn a_hold_stops_before_the_last_member_and_the_next_apply_goes_on() {
    let plan = held_upgrade();
    let (effects, ending) = run(&plan, "m2", |_| None);
    assert_eq!(stopped(&effects), ["m1", "m3"]);
    assert!(matches!(ending, Ending::Held { .. }));
    // What is planned then: the last member alone, and that the run was held there.
    let mut rest = only_the_last(plan);
    for no_return in rest.rungs.iter_mut().filter_map(|rung| rung.no_return.as_mut()) {
        no_return.goes_on = Some(GoesOn::WasHeld { run: "20260102T150405Z-00000001".to_owned() });
    }
    let (effects, ending) = run(&rest, "m2", |_| None);
    assert_eq!(stopped(&effects), ["m2"]);
    assert_eq!(ending, Ending::Succeeded);
}

#[test]
fn a_plan_that_begins_with_the_last_member_holds_where_no_run_was_held_there() {
    let rest = only_the_last(held_upgrade());
    let (effects, ending) = run(&rest, "m2", |_| None);
    assert_eq!(stopped(&effects), [] as [&str; 0]);
    assert!(matches!(ending, Ending::Held { .. }));
}

/// Somebody replaced the leader's binary, and its host rebooted: it runs the new minor before its turn.
#[test]
fn a_hold_counts_members_that_run_the_new_minor_without_our_doing() {
    let plan = held_upgrade();
    let mut asked = false;
    let (effects, ending) = run(&plan, "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::Before, .. } if matches!(step.action, Action::Member(_)) => {
            let at_target = if asked { vec![name("m1"), name("m2")] } else { Vec::new() };
            asked = true;
            Some(Entry::ReadyFor { step: step.id, leader: Some(name("m2")), at_target, waited_ms: 0 })
        }
        _ => None,
    });
    assert_eq!(stopped(&effects).len(), 1);
    assert!(matches!(ending, Ending::Held { .. }));
}

/// Of a plan whose other members are done.
fn only_the_last(mut plan: Plan) -> Plan {
    for rung in &mut plan.rungs {
        rung.steps.retain(|step| !matches!(&step.action, Action::Member(action) if action.member != name("m2")));
    }
    plan
}

fn performs(directive: &Directive<'_>, wanted: &Effect) -> bool {
    matches!(directive, Directive::Perform { effect, .. } if effect == wanted)
}

#[test]
fn a_whole_cluster_is_brought_back_in_the_one_safe_order() {
    let (effects, ending) = run(&whole_rollback(), "m2", |_| None);
    let replaced =
        |member: &str| [Effect::ReplaceData { member: name(member) }, Effect::ReplaceBinary { member: name(member) }];
    let mut expected = vec![Effect::ReadyData, Effect::Prepare, Effect::StopAll, Effect::MarkReplacement];
    expected.extend(["m1", "m2", "m3"].into_iter().flat_map(replaced));
    expected.extend([Effect::MarkReplacement, Effect::StartTogether, Effect::MarkReplacement]);
    let timeout = crate::units::Span::from_secs(600);
    expected.push(Effect::Operate { member: name("m1"), operation: Operation::Start { timeout } });
    expected.extend([Effect::CompareData, Effect::EndReplacement]);
    assert_eq!(effects, expected);
    assert_eq!(ending, Ending::Succeeded);
}

#[test]
fn a_stop_ends_a_whole_rollback_before_the_members_are_stopped_or_when_all_are_back() {
    let plan = whole_rollback();
    let whole = run(&plan, "m2", |_| None).0;
    for moment in 0..=whole.len() {
        let mut engine = Engine::new(&plan);
        let mut effects = Vec::new();
        for _ in 0..MOST_DIRECTIVES {
            if effects.len() == moment {
                engine.record(&Entry::StopRequested { signal: "SIGINT".to_owned() });
            }
            match engine.directive() {
                Directive::End(_) => break,
                Directive::Await { step, stage, .. } => engine.record(&held(stage, step.id, "m2")),
                Directive::Perform { step, effect } => {
                    effects.push(effect.clone());
                    engine.record(&Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 });
                }
            }
        }
        let stopped = effects.contains(&Effect::StopAll);
        assert_eq!(stopped, effects == whole, "asked to stop at effect {moment}: {effects:?}");
    }
}

#[test]
fn a_failure_while_all_are_down_ends_with_words_and_starts_nobody() {
    let plan = whole_rollback();
    for broken in [
        Effect::MarkReplacement,
        Effect::ReplaceData { member: name("m2") },
        Effect::ReplaceBinary { member: name("m3") },
    ] {
        let (effects, ending) =
            run(&plan, "m2", |directive| performs(directive, &broken).then(|| fail(directive)).flatten());
        assert_eq!(effects.last(), Some(&broken));
        let Ending::Failed { todo, rolled_back: None, .. } = ending else { panic!("{ending:?}") };
        assert!(todo[0].contains("quorate rollback"), "{todo:?}");
        assert!(todo[1].contains("nothing was deleted"), "{todo:?}");
    }
    // Before that, all members run: nothing of the kind is said.
    let (_, ending) =
        run(&plan, "m2", |directive| performs(directive, &Effect::StopAll).then(|| fail(directive)).flatten());
    assert!(matches!(ending, Ending::Failed { todo, .. } if todo.iter().all(|what| !what.contains("deleted"))));
}

#[test]
fn a_quorum_that_does_not_come_up_is_not_stopped_again() {
    let (effects, ending) = run(&whole_rollback(), "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. }
            if matches!(step.action, Action::StartTogether { .. }) =>
        {
            Some(not_held(GateStage::After, step.id, &["m3"]))
        }
        _ => None,
    });
    assert_eq!(effects.last(), Some(&Effect::StartTogether));
    assert!(matches!(ending, Ending::Failed { todo, .. } if !todo.is_empty()));
}

/// What a member is, in the little world of the property below.
#[derive(Default)]
struct LittleWorld {
    down: BTreeSet<MemberName>,
}

impl LittleWorld {
    fn take(&mut self, effect: &Effect, worked: bool) {
        match effect {
            Effect::Operate { member, operation: Operation::Stop { .. } } if worked => {
                self.down.insert(member.clone());
            }
            Effect::Operate { member, operation: Operation::Start { .. } } | Effect::PutBack { member } if worked => {
                self.down.remove(member);
            }
            _ => {}
        }
    }
}

proptest! {
    /// Whatever fails, in whatever order: never two members down, and none left down unless putting it back failed.
    #[test]
    fn no_chain_of_failures_leaves_a_member_down_or_stops_two(
        choices in proptest::collection::vec((0u8..12, 0u8..3), 0..MOST_DIRECTIVES),
    ) {
        let plan = upgrade();
        let mut world = LittleWorld::default();
        let mut choices = choices.into_iter();
        let mut put_back_failed = false;
        let (_, ending) = run(&plan, "m2", |directive| {
            let (choice, leader) = choices.next().unwrap_or((11, 1));
            let leader = ["m1", "m2", "m3"][usize::from(leader)];
            match directive {
                Directive::Perform { step, effect } => {
                    let worked = choice != 0;
                    world.take(effect, worked);
                    put_back_failed |= !worked && matches!(effect, Effect::PutBack { .. });
                    assert!(world.down.len() <= 1, "two members are down");
                    let result = if worked { done() } else { failed("by chance") };
                    Some(Entry::Outcome { step: step.id, effect: effect.clone(), result, took_ms: 0 })
                }
                Directive::Await { step, stage, .. } => Some(match choice {
                    0 => not_held(*stage, step.id, &[leader]),
                    _ => held(*stage, step.id, leader),
                }),
                Directive::End(_) => None,
            }
        });
        if let Ending::Failed { todo, .. } = &ending {
            prop_assert!(!todo.is_empty(), "nothing is said of what to do");
        }
        prop_assert!(world.down.is_empty() || put_back_failed, "{ending:?} leaves {:?} down", world.down);
    }

    // faults: C1
    /// A state rebuilt from the journal is the state that was: the next directive is the same.
    #[test]
    fn a_journal_gives_the_same_engine_again(length in 0usize..60) {
        let plan = upgrade();
        let mut engine = Engine::new(&plan);
        let mut journal = Vec::new();
        for _ in 0..length {
            let entry = match engine.directive() {
                Directive::End(_) => break,
                Directive::Await { step, stage, .. } => held(stage, step.id, "m2"),
                Directive::Perform { step, effect } => Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 },
            };
            engine.record(&entry);
            journal.push(entry);
        }
        let mut again = Engine::new(&plan);
        for entry in &journal {
            again.record(entry);
        }
        prop_assert_eq!(again.directive(), engine.directive());
    }
}

#[test]
fn what_an_error_says_to_do_reaches_the_person() {
    let advice = "free space there, then run it again";
    let (_, ending) = run(&upgrade(), "m2", |directive| match directive {
        Directive::Perform { step, effect: Effect::Stage } => Some(Entry::Outcome {
            step: step.id,
            effect: Effect::Stage,
            result: EffectResult::failed(&format!("m1: stage: no space left: /\n  do: {advice}"), Vec::new()),
            took_ms: 0,
        }),
        _ => None,
    });
    let Ending::Failed { reason, todo, .. } = ending else { panic!("{ending:?}") };
    assert_eq!(reason, "m1: stage: no space left: /");
    assert_eq!(todo[0], advice);
    assert!(todo[1].contains("quorate apply"), "{todo:?}");
}

// faults: C7
#[test]
fn a_lost_lock_ends_the_run_at_a_safe_place() {
    let lost = || Entry::LockLost { reason: "the lock on h1 is lost".to_owned() };
    for at in 0..60 {
        let plan = upgrade();
        let mut engine = Engine::new(&plan);
        let mut asked = 0;
        let mut down = None;
        let mut last_effect = 0;
        let ending = loop {
            asked += 1;
            assert!(asked < MOST_DIRECTIVES);
            if asked == at {
                engine.record(&lost());
            }
            match engine.directive() {
                Directive::End(ending) => break ending,
                Directive::Await { step, stage, .. } => engine.record(&held(stage, step.id, "m2")),
                Directive::Perform { step, effect } => {
                    last_effect = asked;
                    if let Effect::Operate { member, operation } = &effect {
                        match operation {
                            Operation::Stop { .. } => {
                                assert!(at == 0 || asked <= at, "{member} is stopped after the lock was lost");
                                down = Some(member.clone());
                            }
                            Operation::Start { .. } => down = None,
                            _ => {}
                        }
                    }
                    engine.record(&Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 });
                }
            }
            assert_eq!(engine.member_that_is_down(), down, "at directive {asked}, lost at {at}");
        };
        assert_eq!(down, None, "lost at {at}: a member is left down");
        match &ending {
            // Nothing but looks was left to do.
            Ending::Succeeded => assert!(at == 0 || last_effect < at, "lost at {at}, and all was done"),
            Ending::Failed { reason, .. } => assert_eq!(reason, "the lock on h1 is lost"),
            other => panic!("{other:?}"),
        }
    }
}

fn todo_of(ending: Ending) -> Vec<String> {
    match ending {
        Ending::Failed { todo, .. } => todo,
        other => panic!("{other:?}"),
    }
}

#[test]
fn on_the_way_down_etcd_is_told_before_the_first_stop() {
    let (effects, ending) = run(&way_down(), "m2", |_| None);
    let place = |wanted: &dyn Fn(&Effect) -> bool| effects.iter().position(wanted).unwrap();
    let told = place(&|effect| *effect == Effect::EnableDowngrade);
    assert!(told < place(&|effect| matches!(effect, Effect::Operate { operation: Operation::Stop { .. }, .. })));
    assert_eq!((stopped(&effects), ending), (["m1", "m3", "m2"].map(str::to_owned).to_vec(), Ending::Succeeded));
}

// faults: E1
#[test]
fn a_member_whose_older_binary_does_not_come_up_is_put_back_and_the_end_says_that_etcd_is_still_told() {
    let (effects, ending) =
        run(&way_down(), "m2", |directive| is_start_of(directive, "m1").then(|| fail(directive)).flatten());
    assert_eq!(effects.last(), Some(&Effect::PutBack { member: name("m1") }));
    let todo = todo_of(ending).join("; ");
    for words in ["still enabled", "stays at 3.6", "declare version = \"3.7.1\"", "`quorate apply`"] {
        assert!(todo.contains(words), "{words} is not in: {todo}");
    }
}

/// The cluster version is below what members run: that is no reason to leave one down.
#[test]
fn on_the_way_down_a_lower_cluster_version_keeps_nobody_from_being_put_back() {
    let (effects, _) = run(&way_down(), "m2", |directive| match directive {
        Directive::Await { step, stage: GateStage::After, .. } if matches!(step.action, Action::Member(_)) => {
            let mut entry = not_held(GateStage::After, step.id, &["m1"]);
            if let Entry::GateFailed { cluster_version, .. } = &mut entry {
                *cluster_version = Some(crate::units::Minor::new(3, 6));
            }
            Some(entry)
        }
        _ => None,
    });
    assert_eq!(effects.last(), Some(&Effect::PutBack { member: name("m1") }));
}

#[test]
fn what_fails_before_etcd_is_told_says_nothing_of_a_way_down_that_was_begun() {
    let preflight = |directive: &Directive<'_>| {
        matches!(directive, Directive::Perform { effect: Effect::Preflight, .. }).then(|| fail(directive)).flatten()
    };
    let (_, ending) = run(&way_down(), "m2", preflight);
    assert!(!todo_of(ending).join("; ").contains("still enabled"));
    let told = |directive: &Directive<'_>| {
        matches!(directive, Directive::Perform { effect: Effect::EnableDowngrade, .. })
            .then(|| fail(directive))
            .flatten()
    };
    let (effects, ending) = run(&way_down(), "m2", told);
    assert!(stopped(&effects).is_empty());
    assert!(todo_of(ending).join("; ").contains("still enabled"));
}

/// An order that was carried out and whose outcome was lost is given again; to etcd that is nothing.
#[test]
fn etcd_is_told_again_after_a_crash() {
    let plan = way_down();
    let mut engine = Engine::new(&plan);
    loop {
        match engine.directive() {
            Directive::Await { step, stage, .. } => engine.record(&held(stage, step.id, "m2")),
            Directive::Perform { step, effect } if effect == Effect::EnableDowngrade => {
                engine.record(&Entry::Intent { step: step.id, effect });
                break;
            }
            Directive::Perform { step, effect } => {
                engine.record(&Entry::Outcome { step: step.id, effect, result: done(), took_ms: 0 });
            }
            Directive::End(ending) => panic!("{ending:?}"),
        }
    }
    assert!(matches!(engine.directive(), Directive::Perform { effect: Effect::EnableDowngrade, .. }));
}
