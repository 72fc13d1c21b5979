//! The texts a spec is made of, and places in them.

use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use super::diagnostic::{Place, Reports};
use super::rule::SpecRule;
use super::text;

/// The largest file that is read as spec or variable file.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// How much of one line is shown under an error.
const MAX_SNIPPET_CHARS: usize = 160;
/// How many lines of an expression are shown under an error.
const MAX_SNIPPET_LINES: usize = 3;

/// One text among the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(usize);

/// A range of bytes in one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    pub file: FileId,
    pub start: usize,
    pub end: usize,
}

/// Whether the lines of a source may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Yes,
    /// It holds, or may hold, values of sensitive variables: places are given, text is not.
    No,
}

#[derive(Debug)]
struct Source {
    name: String,
    text: String,
    shown: Shown,
}

/// All texts that were read, so that places can be shown when everything is over.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>, shown: Shown) -> FileId {
        self.files.push(Source { name: name.into(), text: text.into(), shown });
        FileId(self.files.len() - 1)
    }

    pub fn text(&self, file: FileId) -> &str {
        &self.files[file.0].text
    }

    /// The line, from 1, that a byte is on.
    pub fn line_of(&self, file: FileId, offset: usize) -> usize {
        let text = self.text(file).as_bytes();
        text[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub fn whole(&self, file: FileId) -> Site {
        Site { file, start: 0, end: 0 }
    }

    /// Turns a range of bytes into what a person reads: lines and columns from 1, columns in characters.
    pub fn place(&self, site: Site) -> Place {
        let source = &self.files[site.file.0];
        let text = source.text.as_str();
        let start = floor_boundary(text, site.start);
        let end = floor_boundary(text, site.end.max(start));
        let (line, column) = position(text, start);
        let (end_line, end_column) = position(text, end);
        let (snippet, window, label) = match source.shown {
            Shown::Yes => snippet(text, start..end),
            Shown::No => (String::new(), 0, 0..0),
        };
        Place { file: source.name.clone(), line, column, end_line, end_column, snippet, window, label }
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.bytes().filter(|byte| *byte == b'\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The lines of a range, cut to what fits a screen; the column the first line was cut at; the range in the snippet.
fn snippet(text: &str, range: Range<usize>) -> (String, usize, Range<usize>) {
    let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let before = text[line_start..range.start].chars().count();
    let skipped = before.saturating_sub(MAX_SNIPPET_CHARS / 2);
    let from = text[line_start..].char_indices().nth(skipped).map_or(line_start, |(at, _)| line_start + at);
    let mut shown = String::new();
    let mut label = None;
    let mut label_end = None;
    let mut at = from;
    for line in text[from..].split('\n').take(MAX_SNIPPET_LINES) {
        if !shown.is_empty() || at > from {
            shown.push('\n');
        }
        for (offset, c) in line.char_indices().take(MAX_SNIPPET_CHARS) {
            if at + offset == range.start {
                label = Some(shown.len());
            }
            if at + offset == range.end {
                label_end = Some(shown.len());
            }
            shown.push(if c != '\t' && text::is_treacherous(c) { '\u{fffd}' } else { c });
        }
        if at + line.len() == range.start && label.is_none() {
            label = Some(shown.len());
        }
        if at + line.len() == range.end {
            label_end = Some(shown.len());
        }
        at += line.len() + 1;
        if at > range.end {
            break;
        }
    }
    let start = label.unwrap_or(0);
    let end = label_end.unwrap_or(shown.len()).max(start);
    (shown, skipped, start..end)
}

/// The nearest offset at or before one that is between two characters.
pub fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Reads one text file into the sources: bounded, UTF-8, without a byte order mark, line ends as `\n`.
///
/// `None` when it could not be read; why is in the reports.
pub fn read(path: &Path, shown: Shown, sources: &mut Sources, reports: &mut Reports) -> Option<FileId> {
    let name = shown_path(path);
    let bytes = match read_bounded(path) {
        Ok(bytes) => bytes,
        Err(why) => {
            let file = sources.add(name.clone(), "", Shown::No);
            let summary = format!("Cannot read {name}");
            reports.error(SpecRule::Files, sources.whole(file), summary, why);
            return None;
        }
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map_or(bytes.as_slice(), |rest| rest);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(sources.add(name, text.replace("\r\n", "\n"), shown)),
        Err(error) => {
            let at = error.valid_up_to();
            let file = sources.add(name, String::from_utf8_lossy(bytes), shown);
            let site = Site { file, start: at, end: at + '\u{fffd}'.len_utf8() };
            let detail = format!("Byte 0x{:02x} is no part of a UTF-8 text. Save the file as UTF-8.", bytes[at]);
            reports.error(SpecRule::Files, site, "Not UTF-8", detail);
            None
        }
    }
}

/// Reads a regular file whole if it is not larger than [`MAX_FILE_BYTES`].
pub fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let describe = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "There is no such file.".to_owned(),
        std::io::ErrorKind::PermissionDenied => "This user may not read it.".to_owned(),
        _ => format!("{error}."),
    };
    // Asked before opening: opening a named pipe would wait for its writer.
    let about = std::fs::metadata(path).map_err(describe)?;
    if !about.is_file() {
        return Err("It is not a regular file.".to_owned());
    }
    let file = std::fs::File::open(path).map_err(describe)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(describe)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let limit = MAX_FILE_BYTES / 1024 / 1024;
        return Err(format!("It is larger than {limit} MB, the limit for one file; no spec needs that much."));
    }
    Ok(bytes)
}

/// A path as it is shown: without a leading `./`.
pub fn shown_path(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.display().to_string()
}
