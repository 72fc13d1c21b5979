//! What the targets share: how an input is cut up, where files are put, what may be shown.

use std::path::{Path, PathBuf};

use crate::view;

/// Stands between the texts of one input.
const BETWEEN: &[u8] = b"\n=====\n";

thread_local! {
    /// One folder for a whole run: to make a new one for each input takes longer than most inputs.
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder can be made");
}

/// The texts of an input; at least one.
pub(crate) fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        found.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    found.push(rest);
    found
}

/// Which of `kinds` an input is, by its first byte, and the rest of it.
pub(crate) fn choose(bytes: &[u8], kinds: u8) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((first.wrapping_sub(b'0') % kinds, rest))
}

/// An empty folder of that name. What one input left in it is gone when the next one comes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = FOLDER.with(|folder| folder.path().join(name));
    match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{}: {error}", path.display()),
        _ => {}
    }
    std::fs::create_dir_all(&path).expect("a temporary folder can be made");
    path
}

/// What the last input left in the folder of that name.
#[cfg(test)]
pub(crate) fn left(name: &str) -> PathBuf {
    FOLDER.with(|folder| folder.path().join(name))
}

/// All that lies below a folder, files and folders, by path from there.
pub(crate) fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).expect("it is there").flatten() {
            found.push(entry.path().strip_prefix(folder).expect("it is below").to_owned());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// No terminal acts on it, and nothing in it hides: line breaks are all that is left of control.
pub(crate) fn fit_to_be_shown(text: &str) {
    let hidden = text.chars().find(|c| *c != '\n' && view::is_hidden(*c));
    assert_eq!(hidden, None, "shown: {text:?}");
}

/// What a room passes on for the view to escape: no control characters (but line breaks) and nothing that turns the
/// direction of text, so that a log or a file is safe to look at as well.
pub(crate) fn harmless(text: &str) {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hidden = text.chars().find(|c| *c != '\n' && (c.is_control() || turns(*c)));
    assert_eq!(hidden, None, "passed on: {text:?}");
}

/// As a page or a line of JSON: escaped by the view, whatever is in it.
pub(crate) fn fit_as_json(value: &serde_json::Value) {
    let line = view::json_line(value);
    fit_to_be_shown(&line);
    let back: serde_json::Value = serde_json::from_str(&line).expect("what is printed as JSON is JSON");
    assert_eq!(&back, value);
}
