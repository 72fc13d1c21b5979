//! `settings`: options of etcd that are declared, as etcd reads them.

use std::collections::BTreeMap;

use super::super::eval::Cx;
use super::super::rule::SpecRule;
use super::super::section::{Placed, Section, check_characters};
use super::super::text;
use super::super::value::Value;

/// What the spec says elsewhere, or what must not be said: with which words to put it.
const ELSEWHERE: &[(&str, &str)] = &[
    ("name", "The name of a member block is the member's name."),
    ("data-dir", "Set data_dir in the member block."),
    ("listen-client-urls", "Set client_url in the member block."),
    ("advertise-client-urls", "Set client_url in the member block."),
    ("listen-peer-urls", "Set peer_url in the member block."),
    ("initial-advertise-peer-urls", "Set peer_url in the member block."),
    ("initial-cluster", "It follows from the member blocks."),
    ("initial-cluster-state", "Quorate knows whether a member is new."),
    ("initial-cluster-token", "Quorate makes one for each cluster that it creates."),
    ("config-file", "Declare the options themselves here; a member that is adopted keeps its file."),
    ("discovery", "The member blocks say who is in the cluster."),
    ("discovery-srv", "The member blocks say who is in the cluster."),
    ("force-new-cluster", "It makes a new cluster of one member out of an old one: never in a spec."),
    ("proxy", "Quorate manages members, not proxies."),
    ("version", "Set version in the cluster block."),
];
const LONGEST_VALUE: usize = 4096;

/// Whether an option of etcd is none that `settings` may hold: the spec says it elsewhere, or must not say it.
#[must_use]
pub fn is_said_elsewhere(option: &str) -> bool {
    ELSEWHERE.iter().any(|(name, _)| *name == option)
}

pub fn read(section: &Section, cx: &mut Cx) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for (key, Placed { value, site }) in section.map("settings", cx).unwrap_or_default() {
        if let Err((summary, why)) = check_key(&key) {
            cx.reports.error(SpecRule::Value, site, summary, why);
            continue;
        }
        match flag_text(&value) {
            Ok(None) => {}
            Ok(Some(text)) if text.len() > LONGEST_VALUE => {
                let detail = format!("{key} has {} bytes; {LONGEST_VALUE} are allowed.", text.len());
                cx.reports.error(SpecRule::Limits, site, "Value too long", detail);
            }
            Ok(Some(text)) => {
                if check_characters(site, &key, &text, cx).is_ok() {
                    settings.insert(key, text);
                }
            }
            Err(why) => {
                cx.reports.error(SpecRule::Type, site, "Wrong type", format!("{key}: {why}"));
            }
        }
    }
    settings
}

fn check_key(key: &str) -> Result<(), (&'static str, String)> {
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(name, _)| *name == key) {
        return Err(("Not a setting", format!("{key} is not declared in settings. {instead}")));
    }
    let plain = |key: &str| {
        key.starts_with(|c: char| c.is_ascii_lowercase())
            && key.len() <= 64
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if plain(key) {
        return Ok(());
    }
    let shown = text::quoted(key);
    let lower = key.to_ascii_lowercase().replace('_', "-");
    let without = lower.trim_start_matches('-').strip_prefix("etcd-").unwrap_or(lower.trim_start_matches('-'));
    let hint = if plain(without) { format!(" Write {}.", text::quoted(without)) } else { String::new() };
    Err(("Bad name of a setting", format!("{shown} is no option of etcd: lower case letters, digits and \"-\".{hint}")))
}

/// A value as etcd reads it; null for "not declared".
fn flag_text(value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::List(items) | Value::Set(items) => {
            let mut texts = Vec::new();
            for item in items {
                let text =
                    item.to_text().ok_or_else(|| format!("a list here holds strings; this is {}.", item.show()))?;
                if text.contains(',') {
                    return Err(format!(
                        "{} holds a comma, which separates the elements of a list.",
                        text::quoted(&text)
                    ));
                }
                texts.push(text);
            }
            Ok(Some(texts.join(",")))
        }
        other => other
            .to_text()
            .map(Some)
            .ok_or_else(|| format!("a string, number, bool or list is needed; this is {}.", other.show())),
    }
}
