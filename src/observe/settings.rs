//! Files that set a member's options, and exact changes to them. Plain data: what was read, and what becomes of it line by
//! line. Whole texts stay in memory: a plan and a note on a host hold only the lines that change.

use serde::{Deserialize, Serialize};

use crate::observe::options::is_secret;
use crate::units::{MemberName, Sha256, Version};

/// Format of the note beside a kept file. One that does not match is not acted on.
pub const KEPT_SETTINGS_FORMAT: u32 = 1;

/// Most files of one member that are changed, and most lines of one.
pub const MOST_FILES: usize = 4;
pub const MOST_LINES: usize = 400;

/// Most bytes in them: a change goes to its host as arguments of one script.
const MOST_BYTES: usize = 16 * 1024;

/// How a file sets options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingsKind {
    /// One argument a line: what the `process` runtime starts a member with.
    Arguments,
    /// A unit, or a drop-in of it.
    Unit,
    /// etcd's own, in YAML.
    ConfigFile,
}

/// A file that sets options of a member, as it was read at this look.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingsFile {
    pub path: String,
    pub kind: SettingsKind,
    pub text: String,
}

/// Not the text: it may hold what is nobody's business.
impl std::fmt::Debug for SettingsFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SettingsFile({:?}, {})", self.path, self.sha256().short())
    }
}

impl SettingsFile {
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.text.as_bytes())
    }
}

/// Some lines in the place of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// Of the first line that goes, or before which something is put; from 1.
    pub line: u32,
    pub old: Vec<String>,
    pub new: Vec<String>,
}

/// The change of one file: what it is before, what it is after, and what differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEdit {
    pub path: String,
    pub kind: SettingsKind,
    pub before: Sha256,
    pub after: Sha256,
    pub hunks: Vec<Hunk>,
}

/// What a member's files are changed to, and what its command line is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    pub files: Vec<FileEdit>,
    /// The member's arguments before and after, without the program; secrets are hidden.
    pub args_before: Vec<String>,
    pub args: Vec<String>,
}

/// A file as it was before quorate changed it, kept on the host beside the binary that it belonged to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSettings {
    pub format: u32,
    pub member: MemberName,
    /// The run that changed it: ids sort by time.
    pub run: String,
    /// What the member ran with it.
    pub version: Version,
    pub edit: FileEdit,
    pub args_before: Vec<String>,
    pub args: Vec<String>,
}

impl FileEdit {
    /// From a file to another text. `Err`: why it is not done, in words.
    pub fn of(file: &SettingsFile, text: &str) -> Result<Self, String> {
        let hunks = hunks(&file.text, text);
        let lines = || hunks.iter().flat_map(|hunk| hunk.old.iter().chain(&hunk.new));
        if lines().any(|line| is_secret(line)) {
            return Err(format!("a line of {} that would change holds a secret, which goes into no plan", file.path));
        }
        if lines().count() > MOST_LINES {
            return Err(format!("more than {MOST_LINES} lines of {} would change", file.path));
        }
        if lines().map(String::len).sum::<usize>() > MOST_BYTES {
            return Err(format!("the lines of {} that would change are too long", file.path));
        }
        Ok(Self {
            path: file.path.clone(),
            kind: file.kind,
            before: file.sha256(),
            after: Sha256::of(text.as_bytes()),
            hunks,
        })
    }

    /// The text after it. `None` where the file is another one than it was made for.
    pub fn apply(&self, text: &str) -> Option<String> {
        let mut rest: Vec<&str> = text.split('\n').collect();
        for hunk in self.hunks.iter().rev() {
            let first = (hunk.line as usize).checked_sub(1)?;
            let end = first.checked_add(hunk.old.len()).filter(|&end| end <= rest.len())?;
            (rest[first..end] == hunk.old[..]).then_some(())?;
            rest.splice(first..end, hunk.new.iter().map(String::as_str));
        }
        let after = rest.join("\n");
        (Sha256::of(after.as_bytes()) == self.after).then_some(after)
    }

    /// The way back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let mut moved = 0i64;
        let back = |hunk: &Hunk| {
            let line = u32::try_from(i64::from(hunk.line) + moved).unwrap_or(hunk.line);
            moved += hunk.new.len() as i64 - hunk.old.len() as i64;
            Hunk { line, old: hunk.new.clone(), new: hunk.old.clone() }
        };
        Self {
            hunks: self.hunks.iter().map(back).collect(),
            before: self.after,
            after: self.before,
            path: self.path.clone(),
            kind: self.kind,
        }
    }

    /// As `diff -u` shows it, without lines that stay.
    pub fn diff(&self) -> Vec<String> {
        let mut lines = vec![format!("--- {}", self.path), format!("+++ {}", self.path)];
        let mut moved = 0i64;
        for hunk in &self.hunks {
            lines.push(format!(
                "@@ -{},{} +{},{} @@",
                hunk.line,
                hunk.old.len(),
                i64::from(hunk.line) + moved,
                hunk.new.len()
            ));
            lines.extend(hunk.old.iter().map(|line| format!("-{line}")));
            lines.extend(hunk.new.iter().map(|line| format!("+{line}")));
            moved += hunk.new.len() as i64 - hunk.old.len() as i64;
        }
        lines
    }
}

impl SettingsChange {
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            files: self.files.iter().rev().map(FileEdit::reversed).collect(),
            args_before: self.args.clone(),
            args: self.args_before.clone(),
        }
    }

    pub fn changes_unit(&self) -> bool {
        self.files.iter().any(|file| file.kind == SettingsKind::Unit)
    }

    pub fn diff(&self) -> impl Iterator<Item = String> {
        self.files.iter().flat_map(FileEdit::diff)
    }
}

fn hunks(old: &str, new: &str) -> Vec<Hunk> {
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    let owned = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
    let ops = similar::capture_diff_slices(similar::Algorithm::Myers, &old, &new);
    let same = ops.iter().filter(|op| op.tag() == similar::DiffTag::Equal).map(|op| (op.old_range(), op.new_range()));
    let end = (old.len()..old.len(), new.len()..new.len());
    let mut hunks = Vec::new();
    let mut at = (0, 0);
    // What is between two stretches that are the same is one change, however it was found.
    for (old_same, new_same) in same.chain([end]) {
        let (gone, come) = (&old[at.0..old_same.start], &new[at.1..new_same.start]);
        if !gone.is_empty() || !come.is_empty() {
            let line = u32::try_from(at.0).unwrap_or(u32::MAX).saturating_add(1);
            hunks.push(Hunk { line, old: owned(gone), new: owned(come) });
        }
        at = (old_same.end, new_same.end);
    }
    hunks
}

/// A note as it lies on a host; `None` for what is none, or of another form.
pub fn read_note(bytes: &[u8]) -> Option<KeptSettings> {
    let note: KeptSettings = serde_json::from_slice(bytes).ok()?;
    let plain = |edit: &FileEdit| edit.path.starts_with('/') && edit.hunks.len() <= MOST_LINES;
    (note.format == KEPT_SETTINGS_FORMAT && plain(&note.edit)).then_some(note)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> SettingsFile {
        SettingsFile { path: "/etc/etcd.yml".to_owned(), kind: SettingsKind::ConfigFile, text: text.to_owned() }
    }

    #[test]
    fn only_lines_that_change_are_in_an_edit() {
        let edit =
            FileEdit::of(&file("name: m1\ndebug: true\n# end\n"), "name: m1\nlog-level: debug\n# end\n").unwrap();
        assert_eq!(edit.diff()[2..], ["@@ -2,1 +2,1 @@", "-debug: true", "+log-level: debug"].map(str::to_owned));
        assert_eq!(edit.apply("name: m1\ndebug: true\n# end\n").unwrap(), "name: m1\nlog-level: debug\n# end\n");
    }

    #[test]
    fn another_file_is_not_edited() {
        let edit = FileEdit::of(&file("a\nb\n"), "a\nc\n").unwrap();
        for other in ["a\nb", "a\nx\n", "b\n", "", "x\nb\n"] {
            assert_eq!(edit.apply(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_line_that_holds_a_secret_goes_into_no_plan() {
        let secret = file("--debug --discovery-password=x\n--name=a\n");
        assert!(FileEdit::of(&secret, "--discovery-password=x\n--name=a\n").is_err());
        assert!(FileEdit::of(&secret, "--debug --discovery-password=x\n--name=b\n").is_ok());
    }

    #[test]
    fn a_note_that_is_none_is_nothing() {
        let edit = FileEdit::of(&file("a\n"), "b\n").unwrap();
        let note = KeptSettings {
            format: KEPT_SETTINGS_FORMAT,
            member: "m1".parse().unwrap(),
            run: "r".to_owned(),
            version: Version::new(3, 6, 14),
            edit,
            args_before: Vec::new(),
            args: Vec::new(),
        };
        let text = serde_json::to_string(&note).unwrap();
        assert_eq!(read_note(text.as_bytes()), Some(note));
        for text in ["", "{}", &text[..30], &text.replace("\"format\":1", "\"format\":9"), &text.replace("/etc", "etc")]
        {
            assert_eq!(read_note(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_edit_leads_there_and_back(
            old in proptest::collection::vec("[a-c]{0,2}", 0..12),
            new in proptest::collection::vec("[a-c]{0,2}", 0..12),
        ) {
            let (old, new) = (old.join("\n"), new.join("\n"));
            let edit = FileEdit::of(&file(&old), &new).unwrap();
            prop_assert_eq!(edit.apply(&old), Some(new.clone()));
            prop_assert_eq!(edit.reversed().apply(&new), Some(old));
            prop_assert_eq!(edit.reversed().reversed(), edit);
        }
    }
}
