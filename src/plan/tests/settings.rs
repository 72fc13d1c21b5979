//! Options that the new version does not take, rewritten where the spec allows it, and back.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::options::Sources;
use crate::observe::settings::{KEPT_SETTINGS_FORMAT, KeptSettings, SettingsFile, SettingsKind};
use crate::plan::model::{Action, MemberAction, Operation, Plan, Step};
use crate::plan::tests::rollback::{back, completed, mixed};
use crate::spec::model::SettingsPolicy;

/// m1 is started with these arguments besides, which stand in its unit.
fn set_in_its_unit(situation: Situation, args: &str) -> Situation {
    situation.facts("m1", |facts| {
        facts.args.extend(args.split_whitespace().map(str::to_owned));
        let text = format!("[Service]\nExecStart=/usr/bin/etcd {}\nUser=etcd\n", facts.args.join(" "));
        let path = "/etc/systemd/system/etcd.service".to_owned();
        let sources = Sources { args: facts.args.clone(), environment: Vec::new() };
        facts.options = sources.options(None, &KNOWLEDGE);
        facts.files = vec![SettingsFile { path, kind: SettingsKind::Unit, text }];
    })
}

fn to_3_7() -> Situation {
    set_in_its_unit(
        healthy("3.6.14").to("3.7.1"),
        "--experimental-initial-corrupt-check --experimental-corrupt-check-time=5m",
    )
}

fn rewriting(situation: Situation) -> Situation {
    situation.declared(|cluster| cluster.rollout.settings = SettingsPolicy::Rewrite)
}

fn step_of<'p>(plan: &'p Plan, member: &str) -> &'p MemberAction {
    let action = |step: &'p Step| match &step.action {
        Action::Member(action) if action.member == name(member) => Some(action),
        _ => None,
    };
    plan.steps().find_map(action).unwrap()
}

#[test]
fn what_is_refused_comes_with_the_change_that_would_do() {
    assert_snapshot!(to_3_7().refused_by(&["option-removed", "option-removed"]));
}

#[test]
fn what_is_not_accepted_is_rewritten_in_the_members_step() {
    let plan = rewriting(to_3_7()).plan().unwrap();
    let step = step_of(&plan, "m1");
    assert!(matches!(
        step.operations[..],
        [.., Operation::SwapBinary, Operation::RewriteSettings, Operation::Start { .. }]
    ));
    let change = step.settings.as_ref().unwrap();
    assert!(change.args.iter().any(|arg| arg == "--feature-gates=InitialCorruptCheck=true"), "{:?}", change.args);
    assert_eq!(step_of(&plan, "m2").settings, None);
    assert_snapshot!(rewriting(to_3_7()).planned());
}

#[test]
fn a_file_that_was_changed_since_makes_the_plan_stale() {
    let plan = rewriting(to_3_7()).plan().unwrap();
    let later = to_3_7().facts("m1", |facts| facts.files[0].text.push_str("# me\n"));
    let differences = crate::plan::basis::differences(&plan.basis, &crate::plan::basis::of(&later.inventory));
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].starts_with("m1: files that set its options was"), "{differences:?}");
}

#[test]
fn what_cannot_be_rewritten_is_refused_with_the_reason() {
    let in_a_script = rewriting(to_3_7()).facts("m1", |facts| facts.files.clear());
    let refused = in_a_script.refused_by(&["option-removed", "option-removed"]);
    assert!(refused.contains("(by hand: the file that they are set in is not"), "{refused}");
}

#[test]
fn a_member_that_lacks_only_its_new_settings_gets_them_before_it_is_started() {
    // Cut off between the swap and the change of its unit.
    let cut_off = rewriting(to_3_7()).stopped_with_new_binary("m1").host("m1", |host| {
        host.staged.insert(version("3.6.14"), etcd_digest("3.6.14"));
    });
    let plan = cut_off.plan().unwrap();
    let first = step_of(&plan, "m1");
    assert!(matches!(first.operations[..], [Operation::RewriteSettings, Operation::Start { .. }]), "{first:?}");
    assert_eq!(first.from, version("3.6.14"));
}

#[test]
fn every_rung_of_a_climb_finds_what_the_one_before_has_left() {
    let climb = set_in_its_unit(healthy("3.4.45").to("3.6.14").by(&["3.5.33"]), "--debug --enable-v2=false");
    let plan = rewriting(climb).plan().unwrap();
    let later = plan.later.iter().flat_map(|later| &later.rung.steps);
    let changes: Vec<&MemberAction> = plan
        .steps()
        .chain(later)
        .filter_map(|step| match &step.action {
            Action::Member(action) if action.settings.is_some() => Some(action),
            _ => None,
        })
        .collect();
    let diffs: Vec<String> = changes.iter().map(|action| action.settings.as_ref().unwrap().diff().collect()).collect();
    assert_eq!(changes.len(), 2, "{diffs:?}");
    assert!(diffs[0].contains("--log-level=debug --enable-v2=false"), "{}", diffs[0]);
    assert!(
        diffs[1].contains("+ExecStart") && !diffs[1].split('+').next_back().unwrap().contains("enable-v2"),
        "{}",
        diffs[1]
    );
}

/// With what m1 has after it was rewritten, and the note about what it had.
fn rewritten(there: Situation) -> Situation {
    let before = to_3_7().inventory;
    let facts = before.members[0].host.known().unwrap().member.clone().unwrap();
    let change = step_of(&rewriting(to_3_7()).plan().unwrap(), "m1").settings.clone().unwrap();
    let text = change.files[0].apply(&facts.files[0].text).unwrap();
    let note = KeptSettings {
        format: KEPT_SETTINGS_FORMAT,
        member: name("m1"),
        run: "20260102T030405Z-0a0b0c0d".to_owned(),
        version: version("3.6.14"),
        edit: change.files[0].clone(),
        args_before: change.args_before.clone(),
        args: change.args.clone(),
    };
    there.host("m1", |host| {
        host.kept_settings.push(note);
        let member = host.member.as_mut().unwrap();
        member.args = change.args.clone();
        member.options = Sources { args: change.args, environment: Vec::new() }.options(None, &KNOWLEDGE);
        member.files = vec![SettingsFile { text, ..facts.files[0].clone() }];
    })
}

#[test]
fn what_was_rewritten_goes_back_with_the_binary() {
    let plan = back(rewritten(mixed("3.6.14", "3.7.1"))).plan();
    let step = step_of(&plan, "m1");
    assert!(matches!(
        step.operations[..],
        [.., Operation::RewriteSettings, Operation::SwapBinary, Operation::Start { .. }]
    ));
    let settings = step.settings.as_ref().unwrap();
    assert!(settings.args.iter().any(|arg| arg == "--experimental-initial-corrupt-check"), "{:?}", settings.args);
    let diff: Vec<String> = settings.diff().collect();
    assert!(diff.iter().any(|line| line.starts_with('+') && line.contains("--experimental-corrupt-check-time=5m")));
    assert_eq!(step_of(&plan, "m3").settings, None);
}

#[test]
fn what_somebody_has_changed_since_stays() {
    let there = rewritten(mixed("3.6.14", "3.7.1"));
    let there = there.facts("m1", |facts| facts.files[0].text.push_str("# me\n"));
    assert_eq!(step_of(&back(there).plan(), "m1").settings, None);
}

#[test]
fn what_was_rewritten_goes_back_with_the_rollback_point() {
    let plan = back(rewritten(completed("3.6.14", "3.7.1"))).by_points().plan();
    let replaced = plan.replacement().unwrap();
    let of = |member: &str| replaced.members[&name(member)].settings.as_ref();
    assert_eq!(of("m1").unwrap().files.len(), 1);
    assert_eq!(of("m2"), None);
}

#[test]
fn a_member_that_has_its_old_binary_again_gets_its_old_settings_before_it_is_started() {
    // The power went: of two renames one was kept.
    let there = rewriting(rewritten(healthy("3.6.14").to("3.7.1").down("m1")));
    let plan = there.plan().unwrap();
    let first = step_of(&plan, "m1");
    assert!(matches!(first.operations[..], [Operation::RewriteSettings, Operation::Start { .. }]), "{first:?}");
    assert!(first.settings.as_ref().unwrap().args.iter().any(|arg| arg == "--experimental-initial-corrupt-check"));
}

#[test]
fn what_an_earlier_run_has_rewritten_goes_back_where_the_new_binary_does_not_come_up() {
    // Cut off after the swap, or while the member was put back.
    let there = rewritten(healthy("3.6.14").to("3.7.1").stopped_with_new_binary("m1"));
    let there = rewriting(there).host("m1", |host| {
        host.staged.insert(version("3.6.14"), etcd_digest("3.6.14"));
    });
    let plan = there.plan().unwrap();
    let first = step_of(&plan, "m1");
    assert!(matches!(first.operations[..], [Operation::Start { .. }]), "{first:?}");
    let back = first.settings.as_ref().unwrap().reversed();
    assert!(back.args.iter().any(|arg| arg == "--experimental-initial-corrupt-check"), "{:?}", back.args);
    assert!(!there.planned().contains("+ExecStart"), "nothing changes before it is started");
}
