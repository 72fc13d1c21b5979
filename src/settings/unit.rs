//! Options on the command line of a unit: the one `ExecStart` that counts, in the unit's file or a drop-in, by the rules of
//! systemd.unit(5) as far as they are needed to change single words of it and to leave everything else as it is.

use std::ops::Range;

use crate::settings::command_line::{Word, renamed};

/// Folders whose units are an administrator's. What lies elsewhere belongs to a package, whose next update would write over it.
const ADMINISTRATORS: [&str; 1] = ["/etc/"];

/// A word of a command line in a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// As it stands there.
    pub raw: String,
    at: Range<usize>,
}

/// The command of the one `ExecStart` that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Which of the files it is in.
    pub file: usize,
    /// Without the program.
    pub words: Vec<Piece>,
}

impl Piece {
    /// Without quotes around it.
    pub fn plain(&self) -> String {
        let inner = |quote: char| self.raw.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        inner('"').or_else(|| inner('\'')).unwrap_or(&self.raw).to_owned()
    }

    /// A variable alone: systemd makes any number of words of it.
    pub fn is_variable(&self) -> bool {
        self.raw.starts_with('$') && !self.raw.starts_with("${") && !self.raw.starts_with("$$")
    }

    /// Nothing in it that systemd takes for something else than itself.
    fn is_plain(&self) -> bool {
        !self.raw.contains(['$', '%', '\\', '"', '\''])
    }
}

/// The file and its command: units in the order in which systemd reads them. `Err`: why there is none that can be edited.
pub fn find(files: &[(&str, &str)]) -> Result<Command, String> {
    let mut found: Vec<Command> = Vec::new();
    for (file, (_, text)) in files.iter().enumerate() {
        for words in exec_starts(text) {
            if words.is_empty() {
                // An empty ExecStart takes back those before it.
                found.clear();
            } else {
                found.push(Command { file, words });
            }
        }
    }
    let [mut command] = <[Command; 1]>::try_from(found)
        .map_err(|found| format!("the unit has {} ExecStart lines that count, not one", found.len()))?;
    let path = files[command.file].0;
    if !ADMINISTRATORS.iter().any(|folder| path.starts_with(folder)) {
        return Err(format!(
            "it is set in {path}, which belongs to a package: its next update would write over it. Put ExecStart into a \
             drop-in of the unit, in /etc/systemd/system"
        ));
    }
    let program = command.words.remove(0);
    if program.raw.trim_start_matches(['-', ':', '+', '!']).starts_with('@') {
        return Err("its ExecStart gives the program another name (@)".to_owned());
    }
    if command.words.iter().any(|word| word.raw == ";") {
        return Err("its ExecStart holds several commands".to_owned());
    }
    Ok(command)
}

/// The words of every `ExecStart=` of the section `Service`, in order; empty for one that takes back.
fn exec_starts(text: &str) -> Vec<Vec<Piece>> {
    let mut found = Vec::new();
    let mut in_service = false;
    let mut lines = lines(text).into_iter().peekable();
    while let Some(line) = lines.next() {
        let content = text[line.clone()].trim();
        if content.starts_with('[') {
            in_service = content == "[Service]";
            continue;
        }
        let is_comment = content.starts_with(['#', ';']);
        let mut parts = vec![line.clone()];
        let mut goes_on = !is_comment && text[line.clone()].ends_with('\\');
        while goes_on {
            let Some(next) = lines.next() else { break };
            // Comments between continued lines are skipped.
            if text[next.clone()].trim_start().starts_with(['#', ';']) {
                continue;
            }
            goes_on = text[next.clone()].ends_with('\\');
            parts.push(next);
        }
        if is_comment || !in_service {
            continue;
        }
        let Some((key, value)) = text[line.clone()].split_once('=') else { continue };
        if key.trim() == "ExecStart" {
            parts[0].start = line.end - value.len();
            found.push(parts.into_iter().flat_map(|part| words(text, part)).collect());
        }
    }
    found
}

/// Byte ranges of all lines, without their line breaks.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let line = |line: &str| {
        let range = at..at + line.len();
        at = range.end + 1;
        range
    };
    text.split('\n').map(line).collect()
}

/// Words of one line, without the backslash at its end. A quoted word does not go over the end of a line here: then what is
/// written is not what should be, and is not given out.
fn words(text: &str, line: Range<usize>) -> Vec<Piece> {
    let content = text[line.clone()].strip_suffix('\\').unwrap_or(&text[line.clone()]);
    let mut found = Vec::new();
    let mut began: Option<usize> = None;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (place, character) in content.char_indices() {
        let at = line.start + place;
        match (quote, character) {
            _ if escaped => escaped = false,
            (_, '\\') => {
                escaped = true;
                began.get_or_insert(at);
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                began.get_or_insert(at);
            }
            (None, _) if character.is_whitespace() => {
                found.extend(began.take().map(|began| Piece { raw: text[began..at].to_owned(), at: began..at }));
            }
            _ => {
                began.get_or_insert(at);
            }
        }
    }
    let end = line.start + content.len();
    found.extend(began.map(|began| Piece { raw: text[began..end].to_owned(), at: began..end }));
    found
}

/// The file after its words have become others.
pub fn edited(text: &str, command: &Command, changes: &[Word]) -> Result<String, String> {
    let mut out = text.to_owned();
    for (piece, change) in command.words.iter().zip(changes).rev() {
        match change {
            Word::Stays => {}
            Word::Renamed { old, new } => out.replace_range(piece.at.clone(), &renamed(&piece.raw, old, new)),
            Word::Becomes(_) if !piece.is_plain() => {
                return Err(format!(
                    "{} is written with quotes or variables: quorate only renames such a word",
                    piece.raw
                ));
            }
            Word::Becomes(new) if !new.iter().all(|word| is_safe(word)) => {
                return Err("what takes its place holds characters that would need quotes".to_owned());
            }
            Word::Becomes(new) if new.is_empty() => remove(&mut out, piece.at.clone()),
            Word::Becomes(new) => out.replace_range(piece.at.clone(), &new.join(" ")),
        }
    }
    let wanted = super::command_line::applied(&plain(command), changes);
    let is =
        exec_starts(&out).into_iter().any(|words| words.iter().skip(1).map(Piece::plain).eq(wanted.iter().cloned()));
    if is { Ok(out) } else { Err("its ExecStart is written in a way that quorate does not edit".to_owned()) }
}

pub fn plain(command: &Command) -> Vec<String> {
    command.words.iter().map(Piece::plain).collect()
}

fn is_safe(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.,:/=@+".contains(c))
}

/// A word with the space before it; and its line, where nothing else is on it.
fn remove(text: &mut String, word: Range<usize>) {
    let begin = text[..word.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[word.end..].find('\n').map_or(text.len(), |at| word.end + at);
    let before = &text[begin..word.start];
    let after = &text[word.end..end];
    let is_alone = before.trim().is_empty() && begin > 0;
    if !is_alone {
        let space = before.len() - before.trim_end_matches([' ', '\t']).len();
        text.replace_range(word.start - space..word.end, "");
    } else if after.trim() == "\\" {
        text.replace_range(begin..end + 1, "");
    } else if after.trim().is_empty() {
        // The last line of a command: the one before it does not go on any more.
        let previous = text[..begin - 1].trim_end_matches(['\\', ' ', '\t']).len();
        text.replace_range(previous..end, "");
    } else {
        let space = after.len() - after.trim_start_matches([' ', '\t']).len();
        text.replace_range(word.start..word.end + space, "");
    }
}
