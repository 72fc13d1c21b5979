//! Settings of members in a plan: what of them the new version does not accept becomes, where the spec allows it, and what
//! was changed by an earlier run goes back.

use crate::knowledge::Knowledge;
use crate::observe::inventory::MemberFacts;
use crate::observe::settings::{FileEdit, KeptSettings, SettingsChange};
use crate::plan::readd;
use crate::plan::survey::Surveyed;
use crate::plan::target::Way;
use crate::settings::{Rewrite, rewrite};
use crate::spec::model::{Cluster, SettingsPolicy};
use crate::units::{MemberName, Version};

/// A member as its next start finds it, where that is not what its process was started with.
pub fn at_start(facts: &MemberFacts) -> MemberFacts {
    let next = facts.next_start.as_ref();
    MemberFacts {
        options: next.map_or(&facts.options, |next| &next.options).clone(),
        args: next.map_or(&facts.args, |next| &next.args).clone(),
        ..facts.clone()
    }
}

/// What the settings of a member that is not done become for the way's end. `None` on the way down: there, what was written
/// for the newer version is refused; and where a member goes back only by joining its cluster again, which puts no file back.
pub fn proposed(way: &Way, member: &Surveyed<'_>, knowledge: &Knowledge) -> Option<Rewrite> {
    let goes_back = !readd::is_way_back(knowledge, way.live_minor(), way.to.minor());
    let facts = member.facts().filter(|_| !way.goes_down() && goes_back && way.left.contains(&member.view.name))?;
    let runs = member.etcd().map(|etcd| &etcd.server_version);
    Some(rewrite(&at_start(facts), runs, &way.to, knowledge))
}

/// The same, where the spec allows it and there is something to change.
pub fn change(cluster: &Cluster, way: &Way, member: &Surveyed<'_>, knowledge: &Knowledge) -> Option<SettingsChange> {
    match cluster.rollout.settings {
        SettingsPolicy::Keep => None,
        SettingsPolicy::Rewrite => proposed(way, member, knowledge)?.change,
    }
}

/// The way back to what a member had with an older version, as far as its files are what was written then. A file that
/// somebody has changed since is left alone: whether the older version accepts it, its own parser says.
pub fn back(member: &Surveyed<'_>, to: &Version) -> Option<SettingsChange> {
    let (facts, host) = (member.facts()?, member.host()?);
    let mut kept: Vec<&KeptSettings> =
        host.kept_settings.iter().filter(|kept| kept.member == member.view.name && kept.version == *to).collect();
    // The newest first: ids of runs sort by time.
    kept.sort_by(|one, other| other.run.cmp(&one.run));
    let of_file = |file: &crate::observe::settings::SettingsFile| {
        let sha256 = file.sha256();
        let fits = |kept: &&&KeptSettings| kept.edit.path == file.path && kept.edit.after == sha256;
        let kept = kept.iter().find(fits)?;
        // A note came from a host: what it says must lead from what was read to what it says.
        kept.edit.reversed().apply(&file.text)?;
        Some(*kept)
    };
    let found: Vec<&KeptSettings> = facts.files.iter().filter_map(of_file).collect();
    let files: Vec<FileEdit> = found.iter().map(|kept| kept.edit.reversed()).collect();
    let args = found.first()?.args_before.clone();
    Some(SettingsChange { files, args_before: at_start(facts).args, args })
}

/// `change`, and with it what an earlier run has written already: all of it goes back when the binary of `old` does.
pub fn with_written_before(
    member: &Surveyed<'_>,
    old: &Version,
    change: Option<SettingsChange>,
) -> Option<SettingsChange> {
    let Some(written) = back(member, old).map(|back| back.reversed()) else { return change };
    let Some(change) = change else { return Some(written) };
    let is_changed = |file: &FileEdit| change.files.iter().any(|other| other.path == file.path);
    let mut files: Vec<FileEdit> = written.files.into_iter().filter(|file| !is_changed(file)).collect();
    files.extend(change.files);
    Some(SettingsChange { files, args_before: written.args_before, args: change.args })
}

/// The name of a file that is kept, beside the binary that it belonged to.
pub fn kept_name(member: &MemberName, edit: &FileEdit) -> String {
    let digest: String = edit.before.to_string().chars().take(16).collect();
    format!("settings.{member}.{digest}")
}
