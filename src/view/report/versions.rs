//! What each member ran before a run and after it, by the plan and the journal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::execute::journal::{Detail, Effect, EffectResult, Entry, Line};
use crate::plan::model::{Action, Plan};
use crate::units::MemberName;

#[derive(Debug, Default, Clone)]
struct After {
    /// What it was seen to serve with.
    version: Option<String>,
    /// A binary that is in place, and was not seen to serve.
    in_place: Option<String>,
}

/// By member: name, before, after, and what to know of it.
pub fn versions(plan: &Plan, lines: &[Line]) -> Vec<Value> {
    let before: BTreeMap<&MemberName, Option<String>> = plan
        .declared
        .members
        .iter()
        .map(|member| &member.name)
        .chain(plan.basis.members.keys())
        .map(|name| {
            let seen = plan.basis.members.get(name).and_then(|member| member.server_version.as_ref());
            (name, seen.map(ToString::to_string))
        })
        .collect();
    let mut after: BTreeMap<&MemberName, After> =
        before.iter().map(|(name, version)| (*name, After { version: version.clone(), in_place: None })).collect();
    for line in lines {
        follow(plan, &line.entry, &mut after);
    }
    let each = before.into_iter().map(|(name, before)| {
        let after = after.get(name).cloned().unwrap_or_default();
        let note =
            after.in_place.map(|version| format!("the binary of {version} is in place; it was not seen to serve"));
        json!({
            "name": name,
            "changed": before != after.version,
            "before": before.unwrap_or_else(|| "not serving".to_owned()),
            "after": after.version.unwrap_or_else(|| "not known to serve".to_owned()),
            "note": note,
        })
    });
    each.collect()
}

fn follow<'a>(plan: &'a Plan, entry: &'a Entry, after: &mut BTreeMap<&'a MemberName, After>) {
    match entry {
        Entry::Outcome { effect, result: EffectResult::Done { detail }, .. } => match (effect, detail) {
            (Effect::Operate { member, .. } | Effect::ReplaceBinary { member }, Detail::Swapped { version, .. }) => {
                after.entry(member).or_default().in_place = Some(version.to_string());
            }
            (Effect::Operate { member, .. }, Detail::Stopped { .. }) => after.entry(member).or_default().version = None,
            (Effect::PutBack { member }, _) => {
                let old = plan.basis.members.get(member).and_then(|member| member.server_version.as_ref());
                *after.entry(member).or_default() = After { version: old.map(ToString::to_string), in_place: None };
            }
            (Effect::StopAll, _) => after.values_mut().for_each(|member| member.version = None),
            _ => {}
        },
        Entry::StepDone { step, .. } => {
            let Some(step) = plan.step(*step) else { return };
            let mut serves = |member: &'a MemberName, version: String| {
                *after.entry(member).or_default() = After { version: Some(version), in_place: None };
            };
            match &step.action {
                Action::Member(action) => serves(&action.member, action.to.to_string()),
                Action::StartTogether { members } => {
                    members.iter().for_each(|member| serves(member, plan.summary.to.to_string()));
                }
                _ => {}
            }
        }
        _ => {}
    }
}
