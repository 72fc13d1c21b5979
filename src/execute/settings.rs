//! The files that set a member's options: ready before it is stopped, in place while it is down, and back.

use crate::execute::ExecuteError;
use crate::execute::effects::{Performer, done, skipped};
use crate::execute::journal::{Detail, EffectResult};
use crate::observe::settings::{FileEdit, KEPT_SETTINGS_FORMAT, KeptSettings, SettingsChange};
use crate::plan::model::{MemberAction, Plan};
use crate::plan::{kept_settings_name, layout};
use crate::runtime::{KeepSettings, SettingsState, place_settings, put_settings_back, ready_settings};
use crate::units::{MemberName, Version};

/// While the member runs: what would fail is found now.
pub async fn ready(
    performer: &Performer<'_>,
    member: &MemberName,
    from: &Version,
    change: &SettingsChange,
) -> Result<(), ExecuteError> {
    let host = &performer.world.member(member)?.host;
    for edit in &change.files {
        ready_settings(host, edit, &keep(performer, member, from, change, edit)?).await?;
    }
    Ok(())
}

/// While it is down.
pub async fn rewrite(performer: &Performer<'_>, action: &MemberAction) -> Result<EffectResult, ExecuteError> {
    match &action.settings {
        None => Ok(skipped("no file of it changes")),
        Some(change) => place(performer, &action.member, &action.from, change).await,
    }
}

/// All files of one member.
pub async fn place(
    performer: &Performer<'_>,
    member: &MemberName,
    from: &Version,
    change: &SettingsChange,
) -> Result<EffectResult, ExecuteError> {
    let host = &performer.world.member(member)?.host;
    let mut changed = Vec::new();
    for edit in &change.files {
        let keep = keep(performer, member, from, change, edit)?;
        if place_settings(host, edit, &keep).await? == SettingsState::Changed {
            changed.push(edit.path.clone());
        }
    }
    if changed.is_empty() {
        return Ok(skipped("its files are what they should be already"));
    }
    Ok(done(Detail::Rewritten { paths: changed }))
}

/// What its files were, wherever the attempt was cut off.
pub async fn put_back(performer: &Performer<'_>, action: &MemberAction) -> Result<(), ExecuteError> {
    let Some(change) = &action.settings else { return Ok(()) };
    let host = &performer.world.member(&action.member)?.host;
    for edit in change.reversed().files {
        // What it leads back to was kept under its own digest.
        let kept = kept_path(performer, &action.member, &action.from, &edit.reversed());
        put_settings_back(host, &edit, &kept).await?;
    }
    Ok(())
}

/// The arguments of a member once the plan has changed its settings, where it does.
pub fn args_after<'p>(plan: &'p Plan, member: &MemberName) -> Option<&'p Vec<String>> {
    use crate::plan::model::Action;
    plan.steps().find_map(|step| {
        let change = match &step.action {
            Action::Member(action) if action.member == *member => action.settings.as_ref(),
            Action::ReplaceData(action) if action.member == *member => action.replacement.settings.as_ref(),
            _ => None,
        };
        Some(&change?.args)
    })
}

fn kept_path(performer: &Performer<'_>, member: &MemberName, version: &Version, edit: &FileEdit) -> String {
    let folder = layout::release_dir(&performer.world.cluster.runtime, version);
    format!("{folder}/{}", kept_settings_name(member, edit))
}

fn keep(
    performer: &Performer<'_>,
    member: &MemberName,
    from: &Version,
    change: &SettingsChange,
    edit: &FileEdit,
) -> Result<KeepSettings, ExecuteError> {
    let note = KeptSettings {
        format: KEPT_SETTINGS_FORMAT,
        member: member.clone(),
        run: performer.run.to_owned(),
        version: from.clone(),
        edit: edit.clone(),
        args_before: change.args_before.clone(),
        args: change.args.clone(),
    };
    let note = serde_json::to_string(&note).map_err(|error| ExecuteError::Note { reason: error.to_string() })?;
    Ok(KeepSettings { path: kept_path(performer, member, from, edit), note })
}
