//! `quorate __candidates WORD...`: what the scripts of `completion` ask for while somebody types an id or a name.
//!
//! In come the words of the command line before the cursor, as they were typed; out go the ids or names that may stand
//! next, one a line. They are read as the command line itself would be: what is no beginning of a command line has
//! nothing to be offered. Nothing is written, no host is asked, and whatever is wrong, nothing is said: it would stand
//! in the middle of somebody's line. It is for scripts: no help names it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use crate::cli::args::{self, BackupCommand, Command, Declared, Parsed, RunsCommand};
use crate::cli::argv::with_double_dashes;
use crate::cli::backup::ALL;
use crate::cli::context::{VariableInput, environment};
use crate::cli::{explain, specs};
use crate::session::Shelves;

/// The word that stands where a command would.
pub const WORD: &str = "__candidates";
/// Most names that are offered: of ids the newest.
const MOST: usize = 1000;
/// Longest name that is offered, in bytes.
const LONGEST: usize = 100;
/// More words than this are no line that somebody types.
const MOST_WORDS: usize = 1000;

/// The words of the line, where this is what quorate was called for.
pub fn asked(argv: &[OsString]) -> Option<&[OsString]> {
    let [_, word, line @ ..] = argv else { return None };
    (word == WORD).then_some(line)
}

/// One name a line, each fit to stand on a command line.
pub fn text(line: &[OsString]) -> String {
    let Ok(here) = std::env::current_dir() else { return String::new() };
    offered(line, &here).into_iter().map(|name| name + "\n").collect()
}

fn offered(line: &[OsString], here: &Path) -> Vec<String> {
    let home = std::env::var_os("HOME");
    let mut argv = vec![OsString::from("quorate")];
    argv.extend(whole_words(line, home.as_deref()));
    // Stands for what is to be completed: without it, the line would lack what the command needs.
    argv.push("x".into());
    let Ok(parsed) = args::parse(with_double_dashes(argv)) else { return Vec::new() };
    let mut names = names_for(&parsed, here).unwrap_or_default();
    names.retain(|name| is_harmless(name));
    names.truncate(MOST);
    names
}

/// Of the commands that take an id or a name, what they take.
fn names_for(parsed: &Parsed, here: &Path) -> Option<Vec<String>> {
    let dir = parsed.global.chdir.as_ref().map_or_else(|| here.to_owned(), |chdir| here.join(chdir));
    let shelves = |declared: &Declared| shelves(declared, parsed, &dir);
    match &parsed.command {
        Command::Runs(runs) => match &runs.what {
            Some(RunsCommand::Show(args)) => Some(shelves(&args.declared)?.run_ids()),
            None => None,
        },
        Command::Report(args) => Some(shelves(&args.declared)?.run_ids()),
        Command::Restore(args) => Some(shelves(&args.declared)?.backup_ids()),
        Command::Backup(backup) => match &backup.what {
            Some(BackupCommand::Verify(args)) => {
                let ids = shelves(&args.declared)?.backup_ids();
                Some(std::iter::once(ALL.to_owned()).chain(ids).collect())
            }
            Some(BackupCommand::List(_) | BackupCommand::Prune(_)) | None => None,
        },
        Command::Explain(args) => explain::names(args.modules.as_ref().map(|folder| dir.join(folder)).as_deref()).ok(),
        Command::Plan(_)
        | Command::Apply(_)
        | Command::Status(_)
        | Command::Drift(_)
        | Command::Import(_)
        | Command::Rollback(_)
        | Command::Show(_)
        | Command::Graph(_)
        | Command::Validate(_)
        | Command::Fmt(_)
        | Command::Clean(_)
        | Command::Unlock(_)
        | Command::Completion(_)
        | Command::Man(_)
        | Command::Version(_) => None,
    }
}

fn shelves(declared: &Declared, parsed: &Parsed, dir: &Path) -> Option<Shelves> {
    let given = parsed.inputs.iter().map(|input| match input {
        VariableInput::File(path) => VariableInput::File(dir.join(path)),
        VariableInput::Value(text) => VariableInput::Value(text.clone()),
    });
    let inputs = specs::inputs_of(&given.collect::<Vec<_>>(), environment()).ok()?;
    Some(Shelves::of_spec(dir, &inputs, declared.cluster.as_deref()))
}

/// Whether every shell takes it for one word that means itself: bash expands what it is given to choose from. One that
/// begins with a dash would be an option.
fn is_harmless(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    name.len() <= LONGEST && name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(is_plain)
}

/// The words as quorate would get them: put together again where bash breaks them at `=`, and without quotes.
fn whole_words(line: &[OsString], home: Option<&OsStr>) -> Vec<OsString> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut goes_on = false;
    for word in line.iter().take(MOST_WORDS).map(|word| word.as_bytes()) {
        match words.last_mut() {
            Some(last) if goes_on || word == b"=" => last.extend_from_slice(word),
            _ => words.push(word.to_owned()),
        }
        goes_on = word == b"=";
    }
    words.iter().map(|word| OsString::from_vec(unquoted(word, home.map(OsStr::as_bytes)))).collect()
}

/// A word as a shell reads it, as far as that changes nothing but its quotes and a `~/` at its begin: no variable is
/// put in, and nothing is run.
fn unquoted(word: &[u8], home: Option<&[u8]>) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let rest = match (word, home) {
        ([b'~'] | [b'~', b'/', ..], Some(home)) => {
            plain.extend_from_slice(home);
            &word[1..]
        }
        _ => word,
    };
    let mut quote = None;
    let mut bytes = rest.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None | Some(b'"'), b'\\') => plain.extend(bytes.next()),
            (_, byte) => plain.push(byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with a spec, runs and backups, oldest first: r1 to r3, b1 to b3.
    struct Place(tempfile::TempDir);

    impl Place {
        fn new(spec: &str) -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            fs::write(place.path().join("prod.hcl"), spec).unwrap();
            place
        }

        fn path(&self) -> &Path {
            self.0.path()
        }

        fn with(self, state: &str) -> Self {
            for (folder, id) in [("runs", "r"), ("backups", "b")] {
                for number in 1..=3 {
                    let dir = self.path().join(state).join(folder).join(format!("{id}{number}"));
                    fs::create_dir_all(&dir).unwrap();
                    fs::write(dir.join("manifest.json"), "{}").unwrap();
                }
            }
            self
        }

        #[track_caller]
        fn offers(&self, line: &str) -> String {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            offered(&words, self.path()).join(" ")
        }
    }

    fn usual() -> Place {
        Place::new(&spec("")).with(".quorate")
    }

    fn spec(more: &str) -> String {
        format!(
            "{more}\ncluster \"prod\" {{\n  version = \"3.5.33\"\n  runtime \"process\" {{\n    dir = \"/srv/e\"\n  }}\n  \
             connection \"local\" {{}}\n  member \"m1\" {{\n    address = \"127.0.0.1\"\n  }}\n}}\n"
        )
    }

    #[test]
    fn each_command_is_offered_what_it_takes() {
        let place = usual();
        for (line, ids) in [
            ("runs show", "r3 r2 r1"),
            ("report -out=x.html", "r3 r2 r1"),
            ("backup verify -json", "all b3 b2 b1"),
            ("restore -auto-approve", "b3 b2 b1"),
            ("--no-color runs show --", "r3 r2 r1"),
        ] {
            assert_eq!(place.offers(line), ids, "{line}");
        }
    }

    #[test]
    fn where_nothing_can_stand_nothing_is_offered() {
        let place = usual();
        for line in
            ["", "plan", "runs", "runs show r1", "backup", "backup list", "runs show -no-such", "-chdir", "nonsense"]
        {
            assert_eq!(place.offers(line), "", "{line}");
        }
    }

    #[test]
    fn chdir_leads_to_another_folder_however_it_is_written() {
        let place = usual();
        let there = place.path().join("my place");
        fs::create_dir(&there).unwrap();
        fs::rename(place.path().join("prod.hcl"), there.join("prod.hcl")).unwrap();
        fs::rename(place.path().join(".quorate"), there.join(".quorate")).unwrap();
        assert_eq!(place.offers("runs show"), "");
        let offers = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            offered(&words, place.path()).join(" ")
        };
        for words in [
            &["-chdir=my place", "runs", "show"][..],
            &["-chdir", "'my place'", "runs", "show"],
            &["--chdir", "=", "\"my place\"", "runs", "show"],
            &["runs", "show", "-chdir", "=", "my\\ place"],
        ] {
            assert_eq!(offers(words), "r3 r2 r1", "{words:?}");
        }
    }

    #[test]
    fn the_spec_says_where_they_are_kept() {
        let text = "variable \"kept\" {}\nquorate {\n  state \"local\" {\n    path = var.kept\n  }\n}";
        let place = Place::new(&spec(text)).with("elsewhere");
        assert_eq!(place.offers("runs show"), "", "nobody says where");
        assert_eq!(place.offers("runs show -var kept=./elsewhere"), "r3 r2 r1");
        assert_eq!(place.offers("restore -var = kept = ./elsewhere"), "b3 b2 b1");
        fs::write(place.path().join("kept.hclvars"), "kept = \"./elsewhere\"").unwrap();
        assert_eq!(place.offers("report -var-file=kept.hclvars"), "r3 r2 r1");
        assert_eq!(place.offers("restore -cluster=other -var kept=./elsewhere"), "");
    }

    /// Somebody who mends the spec can look at the runs all the same.
    #[test]
    fn a_spec_that_does_not_hold_has_its_state_in_the_usual_place() {
        let place = Place::new("cluster {").with(".quorate");
        assert_eq!(place.offers("runs show"), "r3 r2 r1");
        assert_eq!(place.offers("backup verify"), "all b3 b2 b1");
    }

    #[test]
    fn nothing_is_made_where_nothing_is_kept() {
        let place = Place::new(&spec(""));
        assert_eq!(place.offers("runs show"), "");
        assert_eq!(place.offers("restore"), "");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_means_something_to_a_shell_is_not_offered() {
        let place = usual();
        for name in ["$(touch x)", "-all", "a b", "a;b", "`id`", "\u{1b}[2J", "\u{202e}r", "~", "*", &"9".repeat(101)] {
            for folder in ["runs", "backups"] {
                let dir = place.path().join(".quorate").join(folder).join(name);
                fs::create_dir(&dir).unwrap();
                fs::write(dir.join("manifest.json"), "{}").unwrap();
            }
            assert!(!is_harmless(name), "{name}");
        }
        assert_eq!(place.offers("runs show"), "r3 r2 r1");
        assert_eq!(place.offers("restore"), "b3 b2 b1");
    }

    #[test]
    fn of_too_many_the_newest_are_offered() {
        let place = usual();
        for number in 0..1100 {
            fs::create_dir(place.path().join(format!(".quorate/runs/s{number:04}"))).unwrap();
        }
        let offered = place.offers("runs show");
        assert_eq!((offered.split(' ').count(), &offered[..11]), (MOST, "s1099 s1098"));
    }

    #[test]
    fn what_is_no_folder_of_a_backup_is_none() {
        let place = usual();
        fs::remove_file(place.path().join(".quorate/backups/b2/manifest.json")).unwrap();
        fs::write(place.path().join(".quorate/runs/r9"), "").unwrap();
        assert_eq!(place.offers("restore"), "b3 b1");
        assert_eq!(place.offers("runs show"), "r3 r2 r1");
    }

    #[test]
    fn all_names_that_explain_knows_are_offered() {
        let names = explain::names(None).ok().unwrap();
        let offered = offered(&["explain".into()], Path::new("/"));
        assert!(names.len() > 300 && offered.contains(&"one-leader".to_owned()));
        assert_eq!(offered, names, "a name that no shell could be given, or too many");
    }

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        let home = Some(&b"/home/a"[..]);
        for (typed, read) in [
            ("plain", "plain"),
            ("'a b'", "a b"),
            ("\"a 'b\"", "a 'b"),
            ("a\\ b\\'c", "a b'c"),
            ("'a\\b'", "a\\b"),
            ("~/x", "/home/a/x"),
            ("~", "/home/a"),
            ("'~/x'", "~/x"),
            ("~bob/x", "~bob/x"),
            ("$(id)", "$(id)"),
            ("'open", "open"),
            ("end\\", "end"),
        ] {
            assert_eq!(String::from_utf8(unquoted(typed.as_bytes(), home)).unwrap(), read, "{typed}");
        }
    }

    #[test]
    fn only_the_first_word_asks_for_candidates() {
        let argv = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(asked(&argv("quorate __candidates runs show")), Some(&argv("runs show")[..]));
        assert_eq!(asked(&argv("quorate explain __candidates")), None);
        assert_eq!(asked(&argv("quorate")), None);
    }
}
