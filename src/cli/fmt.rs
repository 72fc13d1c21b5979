//! `quorate fmt`: brings specs into the usual form.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::args::FmtArgs;
use super::context::Screen;
use super::exit::Exit;
use super::failure::Failure;
use super::specs;
use crate::session::CommandRule;
use crate::units::Bytes;
use crate::view::{changed_file_text, diff_text};

/// No spec is as large.
const LARGEST_FILE: Bytes = Bytes::mebi(16);
/// Folders deeper than this are not looked into.
const DEEPEST: usize = 32;
/// Endings of the files that are formatted in a folder.
const ENDINGS: [&str; 2] = ["hcl", "hclvars"];

pub fn run(args: &FmtArgs, screen: &Screen) -> Result<Exit, Failure> {
    if args.paths.iter().any(|path| path.as_os_str() == "-") {
        if args.paths.len() > 1 {
            return Err(Failure::Usage("fmt: `-` stands for standard input, and stands alone".to_owned()));
        }
        return format_input(args, screen);
    }
    let mut files = BTreeSet::new();
    let here = [PathBuf::from(".")];
    for path in if args.paths.is_empty() { &here[..] } else { &args.paths } {
        find(path, args, 0, &mut files)?;
    }
    let mut exit = Exit::Success;
    for file in files {
        // One file that cannot be read or parsed does not hide what is wrong with the others.
        match format_file(&file, args, screen) {
            Ok(Formatted::Already) => {}
            Ok(Formatted::Changed) if args.check && exit == Exit::Success => exit = Exit::Unformatted,
            Ok(Formatted::Changed) => {}
            Err(failure) => exit = failure.show(screen),
        }
    }
    Ok(exit)
}

enum Formatted {
    Already,
    Changed,
}

fn format_input(args: &FmtArgs, screen: &Screen) -> Result<Exit, Failure> {
    let text = read(std::io::stdin().lock(), Path::new("standard input"))?;
    let formatted = specs::format("standard input", &text)?;
    if args.diff {
        screen.out.write(&diff_text("standard input", &text, &formatted, screen.style()));
    }
    if !args.check && !args.diff {
        // Not escaped: it is for a file or an editor, byte for byte.
        screen.out.write(&formatted);
    }
    Ok(if args.check && formatted != text { Exit::Unformatted } else { Exit::Success })
}

fn format_file(path: &Path, args: &FmtArgs, screen: &Screen) -> Result<Formatted, Failure> {
    let name = path.strip_prefix(".").unwrap_or(path).display().to_string();
    let unreadable =
        |error: std::io::Error| Failure::ruled(CommandRule::FileUsable, format!("{name}: cannot be read: {error}"));
    // A pipe would be waited for, and a device put away for a file.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(Failure::ruled(
            CommandRule::FileUsable,
            format!("{name}: it is no file: only files are formatted (`-` is standard input)"),
        ));
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let text = read(file, path)?;
    let formatted = specs::format(&name, &text)?;
    if formatted == text {
        return Ok(Formatted::Already);
    }
    if !args.check {
        replace(path, &formatted)
            .map_err(|error| Failure::ruled(CommandRule::FileUsable, format!("{name}: cannot be written: {error}")))?;
    }
    screen.out.write(&changed_file_text(&name));
    if args.diff {
        screen.out.write(&diff_text(&name, &text, &formatted, screen.style()));
    }
    Ok(Formatted::Changed)
}

fn read(source: impl std::io::Read, path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let wrong = |what: String| Failure::ruled(CommandRule::FileUsable, format!("{}: {what}", path.display()));
    source
        .take(LARGEST_FILE.0 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > LARGEST_FILE.0 {
        return Err(wrong(format!("larger than {LARGEST_FILE}: not a spec")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        wrong(format!("not UTF-8 text: byte {at} is the first that is none"))
    })
}

/// As a whole or not at all; a link stays a link, the mode stays as it is.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".quorate-fmt-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(path.metadata()?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Files that are named are taken as they are; of folders, those with the endings of specs, not hidden ones.
fn find(path: &Path, args: &FmtArgs, depth: usize, files: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| {
        Failure::ruled(CommandRule::FileUsable, format!("{}: cannot be read: {error}", path.display()))
    };
    if !path.metadata().map_err(wrong)?.is_dir() {
        files.insert(path.to_owned());
        return Ok(());
    }
    for entry in path.read_dir().map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // Of the entry itself: links to folders are not followed, so there are no circles.
        let kind = entry.file_type().map_err(wrong)?;
        let below = entry.path();
        if is_hidden {
            continue;
        }
        if kind.is_dir() {
            if args.recursive && depth < DEEPEST {
                find(&below, args, depth + 1, files)?;
            }
        } else if below.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
            && below.is_file()
        {
            files.insert(below);
        }
    }
    Ok(())
}
