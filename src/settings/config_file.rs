//! Options in etcd's own config file: only keys and values of options that change are touched, so comments, order and
//! quoting stay. What is written is read again: where it does not say exactly what it should, it is not given out.

use crate::knowledge::{ConfigRuleKind, FlagKind, Knowledge, YamlType};
use crate::observe::config_file::{Entry, Place, parse, parse_placed};
use crate::settings::decide::{Fate, Setting};
use crate::units::Version;

/// Why a file is not edited.
const NOT_PLAIN: &str = "it is written in a way that quorate does not edit (one `key: value` on a line of its own)";

/// The options of a config file, in its order.
pub fn settings(entries: &[Entry]) -> Vec<Setting> {
    let later = |place: usize| entries[place + 1..].iter().any(|later| later.key == entries[place].key);
    let of = |(place, entry): (usize, &Entry)| Setting {
        name: entry.option(),
        value: entry.value.clone(),
        effective: !later(place),
    };
    entries.iter().enumerate().map(of).collect()
}

/// What some characters of the file become.
struct Change {
    from: usize,
    to: usize,
    text: String,
}

/// The file after it.
pub fn edited(text: &str, fates: &[Fate], to: &Version, knowledge: &Knowledge) -> Result<String, String> {
    let placed = parse_placed(text).map_err(|error| error.to_string())?;
    let mark = usize::from(text.starts_with('\u{feff}'));
    let characters: Vec<char> = text.chars().collect();
    let writer = Writer { characters: &characters, mark, to, knowledge };
    let mut changes = Vec::new();
    for ((entry, place), fate) in placed.iter().zip(fates) {
        if let Fate::Becomes(new) = fate {
            writer.change(entry, place, new, &mut changes)?;
        }
    }
    changes.sort_by_key(|change| change.from);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for change in &changes {
        if change.from < at {
            return Err(NOT_PLAIN.to_owned());
        }
        out.extend(&characters[at..change.from]);
        out.push_str(&change.text);
        at = change.to;
    }
    out.extend(&characters[at..]);
    says_what_it_should(&out, &placed, fates)?;
    Ok(out)
}

struct Writer<'a> {
    characters: &'a [char],
    mark: usize,
    to: &'a Version,
    knowledge: &'a Knowledge,
}

impl Writer<'_> {
    fn change(
        &self,
        entry: &Entry,
        place: &Place,
        new: &[(String, String)],
        changes: &mut Vec<Change>,
    ) -> Result<(), String> {
        let (key, value) = (self.moved(&place.key), self.moved(&place.value));
        let (begin, end) = self.line(key.0);
        let on_one_line = value.1 <= end && value.0 > key.1;
        let plain = self.characters[begin..key.0].iter().all(|&c| c == ' ');
        let Some(((name, becomes), more)) = new.split_first() else {
            let rest = &self.characters[value.1.min(end)..end];
            if !on_one_line || !plain || !rest_is_comment(rest) {
                return Err(NOT_PLAIN.to_owned());
            }
            // With the end of the line, so that no empty one is left.
            changes.push(Change { from: begin, to: (end + 1).min(self.characters.len()), text: String::new() });
            return Ok(());
        };
        let parent = parent(&entry.key);
        changes.push(Change { from: key.0, to: key.1, text: self.leaf(name, parent)? });
        if *becomes != entry.value {
            if !on_one_line {
                return Err(NOT_PLAIN.to_owned());
            }
            changes.push(Change { from: value.0, to: value.1, text: self.written(name, becomes)? });
        }
        if more.is_empty() {
            return Ok(());
        }
        if !on_one_line || !plain {
            return Err(NOT_PLAIN.to_owned());
        }
        let indent: String = self.characters[begin..key.0].iter().collect();
        let line_end = if end > begin && self.characters[end - 1] == '\r' { "\r\n" } else { "\n" };
        for (name, becomes) in more {
            let line = format!("{line_end}{indent}{}: {}", self.leaf(name, parent)?, self.written(name, becomes)?);
            let at = if line_end == "\r\n" { end - 1 } else { end };
            changes.push(Change { from: at, to: at, text: line });
        }
        Ok(())
    }

    fn moved(&self, range: &std::ops::Range<usize>) -> (usize, usize) {
        let most = self.characters.len();
        ((range.start + self.mark).min(most), (range.end + self.mark).min(most))
    }

    /// Begin of the line of a character, and its end: where its line break is, or the file ends.
    fn line(&self, at: usize) -> (usize, usize) {
        let begin = self.characters[..at].iter().rposition(|&c| c == '\n').map_or(0, |place| place + 1);
        let length = self.characters[at..].iter().position(|&c| c == '\n').unwrap_or(self.characters.len() - at);
        (begin, at + length)
    }

    /// The last part of an option's key, where that stands below the same key as the one whose place it takes.
    fn leaf(&self, name: &str, below: &str) -> Result<String, String> {
        let key = self.knowledge.flag(name).and_then(|flag| flag.config_key.as_deref()).unwrap_or(name);
        if parent(key) != below {
            return Err(format!("{key}, which takes its place, stands in another part of the file"));
        }
        Ok(key.rsplit('.').next().unwrap_or(key).to_owned())
    }

    /// A value of the type that the version reads.
    fn written(&self, name: &str, value: &str) -> Result<String, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:/=@+".contains(c);
        if !value.chars().all(plain) {
            return Err(format!("the value of {name} holds characters that quorate does not write"));
        }
        if self.is_list(name) {
            let items: Vec<String> = value.split(',').map(|item| format!("\"{item}\"")).collect();
            return Ok(format!("[{}]", items.join(", ")));
        }
        let bare = matches!(
            self.knowledge.flag(name).map(|flag| flag.kind),
            Some(
                FlagKind::Bool
                    | FlagKind::Int
                    | FlagKind::Int64
                    | FlagKind::Uint
                    | FlagKind::Uint64
                    | FlagKind::Duration
            )
        );
        Ok(if bare { value.to_owned() } else { format!("\"{value}\"") })
    }

    fn is_list(&self, name: &str) -> bool {
        self.knowledge.config_rules(self.to).any(|rule| {
            matches!(&rule.rule, ConfigRuleKind::ConfigKeyType { keys, yaml_type: YamlType::List } if keys.iter().any(|key| key == name))
        })
    }
}

fn parent(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn rest_is_comment(rest: &[char]) -> bool {
    let rest: String = rest.iter().collect();
    let rest = rest.trim();
    rest.is_empty() || rest.starts_with('#')
}

/// The same entries, with those that change in place of what they were.
fn says_what_it_should(text: &str, placed: &[(Entry, Place)], fates: &[Fate]) -> Result<(), String> {
    let wanted: Vec<(String, String)> = placed
        .iter()
        .zip(fates)
        .flat_map(|((entry, _), fate)| match fate {
            Fate::Becomes(new) => new.clone(),
            Fate::Stays | Fate::Unfit(_) => vec![(entry.option(), entry.value.clone())],
        })
        .collect();
    let entries = parse(text).map_err(|_| NOT_PLAIN.to_owned())?;
    let is: Vec<(String, String)> = entries.into_iter().map(|entry| (entry.option(), entry.value)).collect();
    if is == wanted { Ok(()) } else { Err(NOT_PLAIN.to_owned()) }
}
