//! What becomes of each option of one place (a command line, a config file) under another version: by knowledge alone.

use crate::knowledge::{FlagKind, FlagState, Knowledge, Replacement};
use crate::units::Version;

/// The option that switches features on and off by name.
const FEATURE_GATES: &str = "feature-gates";

/// One option as it is set in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
    /// False for one that a later one of the same place, or another place, hides.
    pub effective: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Stays,
    /// These stand in its place; none: it goes.
    Becomes(Vec<(String, String)>),
    /// The version does not know it, and it cannot be rewritten: why.
    Unfit(String),
}

/// What is asked of one place.
pub struct Question<'a> {
    pub knowledge: &'a Knowledge,
    pub to: &'a Version,
    /// Whether an option of this place is left alone: it has no effect today either.
    pub ignored_today: &'a dyn Fn(&str) -> bool,
    /// Where else an option is set, so that both together would be too many.
    pub elsewhere: &'a dyn Fn(&str) -> Option<String>,
}

pub fn decide(settings: &[Setting], question: &Question<'_>) -> Vec<Fate> {
    let mut gates = Vec::new();
    let mut fates: Vec<Fate> =
        settings.iter().enumerate().map(|(place, setting)| one(place, setting, question, &mut gates)).collect();
    merge_gates(settings, &gates, question, &mut fates);
    for place in 0..fates.len() {
        if let Err(why) = no_conflict(place, settings, question, &mut fates) {
            fates[place] = Fate::Unfit(why);
        }
    }
    fates
}

/// A gate that takes the place of an option.
struct Gate {
    place: usize,
    name: String,
    value: String,
}

fn one(place: usize, setting: &Setting, question: &Question<'_>, gates: &mut Vec<Gate>) -> Fate {
    let (knowledge, to) = (question.knowledge, question.to);
    let FlagState::Absent { comes_with, instead, .. } = knowledge.flag_state(&setting.name, to) else {
        return Fate::Stays;
    };
    if (question.ignored_today)(&setting.name) {
        return Fate::Stays;
    }
    if let Some(first) = comes_with {
        return Fate::Unfit(format!("{} comes with {first} only", setting.name));
    }
    let kind = knowledge.flag(&setting.name).map(|flag| flag.kind);
    let value = plain(&setting.value, kind);
    // An empty text is as good as none.
    if !setting.effective || value.is_empty() {
        return Fate::Becomes(Vec::new());
    }
    match instead {
        Some(Replacement::Renamed { to }) => Fate::Becomes(vec![(to.clone(), zero(setting, to, value, knowledge))]),
        Some(Replacement::FeatureGate { gate }) => {
            gates.push(Gate { place, name: gate.clone(), value });
            Fate::Becomes(Vec::new())
        }
        Some(Replacement::Options { set, when_value }) if when_value.as_ref().is_none_or(|when| *when == value) => {
            let set = set.iter().map(|(name, becomes)| (name.clone(), becomes.replace("{value}", &value)));
            // What keeps its value stands first: only its name changes then.
            let (mut kept, others): (Vec<_>, Vec<_>) = set.partition(|(_, becomes)| *becomes == value);
            kept.extend(others);
            Fate::Becomes(kept)
        }
        Some(Replacement::Options { .. } | Replacement::Remove) => Fate::Becomes(Vec::new()),
        None => Fate::Unfit(format!("nothing is known that takes the place of {}", setting.name)),
    }
}

/// A 0 that stood for something else stands for it under the new name too.
fn zero(setting: &Setting, to: &str, value: String, knowledge: &Knowledge) -> String {
    let meant = |name: &str| knowledge.flag(name).and_then(|flag| flag.zero_means.clone());
    match meant(&setting.name) {
        Some(meaning) if value.trim() == "0" && meant(to).as_ref() != Some(&meaning) => meaning,
        _ => value,
    }
}

/// As Go and YAML read switches.
fn plain(value: &str, kind: Option<FlagKind>) -> String {
    if kind != Some(FlagKind::Bool) {
        return value.to_owned();
    }
    match value.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "yes" | "on" => "true".to_owned(),
        "0" | "f" | "false" | "no" | "off" => "false".to_owned(),
        _ => value.to_owned(),
    }
}

/// All gates become one option: at the place of the one that is there, else of the first that becomes one.
fn merge_gates(settings: &[Setting], gates: &[Gate], question: &Question<'_>, fates: &mut [Fate]) {
    let Some(first) = gates.first() else { return };
    if let Some(other) = (question.elsewhere)(FEATURE_GATES) {
        for gate in gates {
            fates[gate.place] = Fate::Unfit(format!("{FEATURE_GATES} is set {other} already, and is set in one place"));
        }
        return;
    }
    let there = settings.iter().rposition(|setting| setting.effective && setting.name == FEATURE_GATES);
    let mut merged: Vec<(String, String)> = there
        .map(|place| settings[place].value.split(',').filter_map(|pair| pair.split_once('=')))
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let before = merged.len();
    for gate in gates {
        match merged.iter().find(|(name, _)| *name == gate.name) {
            None => merged.push((gate.name.clone(), gate.value.clone())),
            Some((_, value)) if plain(value, Some(FlagKind::Bool)) == gate.value => {}
            Some((_, value)) => {
                fates[gate.place] = Fate::Unfit(format!("{FEATURE_GATES} says {}={value} already", gate.name));
            }
        }
    }
    if merged.len() > before {
        let text: Vec<String> = merged.iter().map(|(name, value)| format!("{name}={value}")).collect();
        fates[there.unwrap_or(first.place)] = Fate::Becomes(vec![(FEATURE_GATES.to_owned(), text.join(","))]);
    }
}

/// Whether what takes the place of an option can stand beside what is there; the same said twice is said once.
fn no_conflict(place: usize, settings: &[Setting], question: &Question<'_>, fates: &mut [Fate]) -> Result<(), String> {
    let Fate::Becomes(new) = fates[place].clone() else { return Ok(()) };
    let mut kept = Vec::new();
    for (name, value) in new {
        let state = question.knowledge.flag_state(&name, question.to);
        if matches!(state, FlagState::Absent { .. } | FlagState::Unknown) {
            return Err(format!("{name}, which takes its place, is not known to {} either", question.to));
        }
        let others = settings.iter().zip(fates.iter()).enumerate().filter(|(other, _)| *other != place);
        let set_beside: Vec<String> = others
            .filter(|(_, (setting, _))| setting.effective)
            .flat_map(|(other, (setting, fate))| match fate {
                Fate::Stays | Fate::Unfit(_) if setting.name == name => vec![setting.value.clone()],
                // Of two that become the same, the first stands for both.
                Fate::Becomes(others) if other < place => {
                    others.iter().filter(|(other, _)| *other == name).map(|(_, value)| value.clone()).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        let kind = question.knowledge.flag(&name).map(|flag| flag.kind);
        if let Some(other) = set_beside.iter().find(|other| plain(other, kind) != value) {
            return Err(format!("{name} is set to \"{other}\" beside it"));
        }
        if let Some(other) = (question.elsewhere)(&name) {
            return Err(format!("{name}, which takes its place, is set {other} already"));
        }
        if set_beside.is_empty() {
            kept.push((name, value));
        }
    }
    fates[place] = Fate::Becomes(kept);
    Ok(())
}
