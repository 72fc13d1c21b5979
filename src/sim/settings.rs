//! The file that sets a member's options, in the model: what `execute/settings.rs` does to it, and what a binary makes of it.

use crate::execute::journal::{Detail, EffectResult};
use crate::knowledge::{FlagKind, FlagState, Replacement};
use crate::observe::inventory::OptionFact;
use crate::observe::options::Sources;
use crate::observe::settings::{KEPT_SETTINGS_FORMAT, KeptSettings, SettingsChange, SettingsFile, SettingsKind};
use crate::sim::controller::Sim;
use crate::sim::effects::{Tried, done, skipped, tried};
use crate::sim::rng::Rng;
use crate::sim::scenario::KNOWLEDGE;
use crate::sim::world::{MemberNo, Release, ReleaseNo, World};
use crate::units::Version;

/// On every host.
const FILE: &str = "/etc/etcd/args";

/// Other numbers than those that the rest of a seed is drawn by.
const SALT: u64 = 0x5e77_1465;

/// What lies on a member's host.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// One argument a line.
    pub text: String,
    pub kept: Vec<KeptSettings>,
}

impl Settings {
    pub fn files(&self) -> Vec<SettingsFile> {
        if self.text.is_empty() {
            return Vec::new();
        }
        vec![SettingsFile { path: FILE.to_owned(), kind: SettingsKind::Arguments, text: self.text.clone() }]
    }

    pub fn args(&self) -> Vec<String> {
        self.text.lines().map(str::to_owned).collect()
    }

    pub fn options(&self) -> Vec<OptionFact> {
        Sources { args: self.args(), environment: Vec::new() }.options(None, &KNOWLEDGE)
    }

    /// An option that a version does not know.
    pub fn unknown_to(&self, version: &Version) -> Option<String> {
        let is_absent = |name: &str| matches!(KNOWLEDGE.flag_state(name, version), FlagState::Absent { .. });
        self.options().into_iter().map(|option| option.name).find(|name| is_absent(name))
    }
}

/// Some options that the first release knows and a later one does not; often none.
pub fn draw(seed: u64, releases: &[Release]) -> String {
    let mut rng = Rng::new(seed ^ SALT);
    let Some(first) = releases.first().filter(|_| rng.percent(60)) else { return String::new() };
    let is_known =
        |name: &str, version: &Version| !matches!(KNOWLEDGE.flag_state(name, version), FlagState::Absent { .. });
    let gone: Vec<String> = KNOWLEDGE
        .flags()
        .iter()
        .filter(|flag| matches!(flag.replacement, Some(Replacement::Renamed { .. } | Replacement::FeatureGate { .. })))
        .filter(|flag| is_known(&flag.name, &first.version))
        .filter(|flag| releases.iter().any(|release| !is_known(&flag.name, &release.version)))
        .map(|flag| match flag.kind {
            FlagKind::Bool => format!("--{}=true\n", flag.name),
            FlagKind::Duration => format!("--{}=5s\n", flag.name),
            _ => format!("--{}=7\n", flag.name),
        })
        .collect();
    let mut text = String::new();
    for _ in 0..rng.between(1, 3) {
        if !gone.is_empty() {
            let line = &gone[rng.index(gone.len())];
            if !text.contains(line.as_str()) {
                text.push_str(line);
            }
        }
    }
    text
}

impl Sim {
    pub(super) fn rewrite_settings(
        &mut self,
        no: MemberNo,
        from: &Version,
        change: Option<&SettingsChange>,
    ) -> Tried<EffectResult> {
        let Some(change) = change else { return Ok(Ok(skipped("no file of it changes"))) };
        let changed = tried!(self.command(no, |world| world.lay_settings(no, from, change)));
        Ok(Ok(if changed { done(Detail::Nothing) } else { skipped("they are so already") }))
    }
}

impl World {
    fn lay_settings(&mut self, no: MemberNo, from: &Version, change: &SettingsChange) -> Result<bool, String> {
        let full = self.disk_is_full(no);
        let member = &mut self.members[no];
        let mut changed = false;
        for edit in &change.files {
            let Some(file) = member.settings.files().into_iter().find(|file| file.path == edit.path) else {
                return Err(format!("{} is not there", edit.path));
            };
            if file.sha256() == edit.after {
                continue;
            }
            let after = edit.apply(&file.text).ok_or_else(|| format!("{} is another file by now", edit.path))?;
            if full {
                return Err("no space left on device".to_owned());
            }
            member.settings.kept.push(KeptSettings {
                format: KEPT_SETTINGS_FORMAT,
                member: member.name.clone(),
                run: format!("{:012}", self.now),
                version: from.clone(),
                edit: edit.clone(),
                args_before: change.args_before.clone(),
                args: change.args.clone(),
            });
            member.settings.text = after;
            changed = true;
        }
        Ok(changed)
    }

    /// A controller starts a member: its binary knows every option that its files set.
    pub(super) fn check_settings_belong(&mut self, no: MemberNo) {
        let member = &self.members[no];
        let Some(release) = member.binary.filter(|_| !self.promises.by_hand[no]) else { return };
        let version = &self.releases[release].version;
        if let Some(option) = member.settings.unknown_to(version) {
            let what = format!("{} is started on {version}, which does not know {option}", member.name);
            self.break_promise("settings-belong", what);
        }
    }

    /// What a server does with an option that it does not know.
    pub(super) fn ends_on_its_options(&self, no: MemberNo, release: ReleaseNo) -> bool {
        self.members[no].settings.unknown_to(&self.releases[release].version).is_some()
    }
}
