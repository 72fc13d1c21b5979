//! Options among the words of a command line.

use crate::knowledge::Knowledge;
use crate::observe::options::flags;
use crate::settings::decide::{Fate, Setting};

/// What becomes of one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    Stays,
    /// Only the option's name in it changes.
    Renamed {
        old: String,
        new: String,
    },
    /// These words stand in its place.
    Becomes(Vec<String>),
}

/// The options of a command line. `hidden`: etcd takes nothing of it but the name of the config file.
pub fn settings(words: &[String], hidden: bool, knowledge: &Knowledge) -> Vec<Setting> {
    let flags = flags(words, knowledge);
    let later = |place: usize| flags[place + 1..].iter().any(|later| later.name == flags[place].name);
    flags
        .iter()
        .enumerate()
        .map(|(place, flag)| Setting {
            name: flag.name.clone(),
            value: flag.value.clone(),
            effective: !later(place) && (!hidden || flag.name == "config-file"),
        })
        .collect()
}

/// What becomes of each word, by what becomes of each option.
pub fn words(words: &[String], fates: &[Fate], knowledge: &Knowledge) -> Vec<Word> {
    let mut out = vec![Word::Stays; words.len()];
    for (flag, fate) in flags(words, knowledge).iter().zip(fates) {
        let Fate::Becomes(new) = fate else { continue };
        if let [(name, value)] = new.as_slice()
            && *value == flag.value
        {
            out[flag.at] = Word::Renamed { old: flag.name.clone(), new: name.clone() };
            continue;
        }
        let dashes = if words[flag.at].starts_with("--") { "--" } else { "-" };
        let whole = new.iter().map(|(name, value)| format!("{dashes}{name}={value}")).collect();
        out[flag.at] = Word::Becomes(whole);
        for word in &mut out[flag.at + 1..flag.at + flag.words] {
            *word = Word::Becomes(Vec::new());
        }
    }
    out
}

/// The command line after it.
pub fn applied(words: &[String], changes: &[Word]) -> Vec<String> {
    words
        .iter()
        .zip(changes)
        .flat_map(|(word, change)| match change {
            Word::Stays => vec![word.clone()],
            Word::Renamed { old, new } => vec![renamed(word, old, new)],
            Word::Becomes(new) => new.clone(),
        })
        .collect()
}

/// A word, or its raw text with quotes around it, under another option's name.
pub fn renamed(word: &str, old: &str, new: &str) -> String {
    word.replacen(old, new, 1)
}
