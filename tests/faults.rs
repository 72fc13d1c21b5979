//! The table of faults in docs/explanation/reliability.md holds what the tests say of themselves: every fault has a test that shows
//! its outcome, and every test that is named is there and runs.
//!
//! A test says which faults it shows: a line `// faults: N1 N4` above a Rust test, `# faults: N1 N4` in a script, above
//! the function that shows it. The last column of the table is made from these marks:
//!
//!     QUORATE_WRITE_FAULTS=1 cargo test --test faults
//!
//! writes it; without, the test fails where the table says something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The kinds of faults, and how many there are of each.
const FAULTS: [(char, u32); 4] = [('C', 8), ('N', 9), ('H', 10), ('E', 15)];

/// Those that no test shows yet, and why. Nothing else may be without one.
const OPEN: [(&str, &str); 0] = [];

/// Rust tests that need more than cargo gives them, and the script that runs them with it.
const RUN_BY: [(&str, &str); 6] = [
    ("src/etcd/real_tests.rs", "real/03-rooms.sh"),
    ("src/observe/real_tests.rs", "real/03-rooms.sh"),
    ("src/runtime/testing/real.rs", "real/03-rooms.sh"),
    ("src/backup/tests.rs", "real/03-rooms.sh"),
    ("src/backup/tests/", "real/03-rooms.sh"),
    ("src/runtime/testing/systemd.rs", "labtests/01-runtime.sh"),
];

const TABLE: &str = "docs/explanation/reliability.md";
const HEADER: &str = "| # | fault | outcome | tests |";
const WRITE: &str = "QUORATE_WRITE_FAULTS";

/// Where a test runs, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Sim,
    Rust,
    RealEtcd,
    Lab,
}

impl Place {
    fn of_script(name: &str) -> Self {
        if name.starts_with("labtests/") { Self::Lab } else { Self::RealEtcd }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Rust => "Rust",
            Self::RealEtcd => "real etcd",
            Self::Lab => "lab",
        }
    }
}

/// A test that says which faults it shows.
struct Marked {
    place: Place,
    name: String,
    faults: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files_below(dir: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, into);
        } else {
            into.push(path);
        }
    }
    into.sort();
}

fn all_faults() -> Vec<String> {
    FAULTS.iter().flat_map(|(kind, count)| (1..=*count).map(move |number| format!("{kind}{number}"))).collect()
}

/// The faults that a line names, if it is a mark.
fn mark<'t>(line: &'t str, comment: &str) -> Option<Vec<&'t str>> {
    let text = line.trim_start().strip_prefix(comment)?.trim_start().strip_prefix("faults:")?;
    Some(text.split_whitespace().collect())
}

/// Every marked test of a Rust file, with its path as `cargo test -- --list` has it, and what is wrong with marks.
fn rust_tests(path: &Path, problems: &mut Vec<String>) -> Vec<Marked> {
    let file = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let mut module: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    let is_lib = module.remove(0) == "src";
    if module.last() == Some(&"mod") {
        module.pop();
    }
    let text = read(path);
    let (mut inline, mut faults, mut is_test, mut ignored) = (None, None, false, false);
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = format!("{file}:{}", number + 1);
        let code = line.trim_start();
        if let Some(rest) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            inline = Some(rest.to_owned());
        }
        if let Some(named) = mark(line, "//") {
            faults = Some((at, named.into_iter().map(str::to_owned).collect::<Vec<_>>()));
        } else if code.starts_with("#[test]") || code.starts_with("#[tokio::test") {
            is_test = true;
        } else if code.starts_with("#[ignore") || code.starts_with("#[cfg") {
            ignored = true;
        } else if code.starts_with("#[") || code.starts_with("//") {
        } else {
            if let Some((at, named)) = faults.take() {
                let name =
                    code.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                match name {
                    Some(name) if is_test && !ignored => {
                        let mut whole: Vec<String> = module.iter().map(ToString::to_string).collect();
                        // Of a function that is not indented, the file is the module.
                        whole.extend(inline.clone().filter(|_| line.starts_with(' ')));
                        whole.push(name.to_owned());
                        found.push((whole.join("::"), named));
                    }
                    Some(name) => problems.push(format!("{at}: {name} is marked, and is no test that always runs")),
                    None => problems.push(format!("{at}: a mark stands above something that is no test")),
                }
            }
            is_test = false;
            ignored = false;
        }
    }
    let script = RUN_BY.iter().find(|(prefix, _)| file.starts_with(prefix)).map(|(_, script)| *script);
    let place = match script {
        Some(script) => Place::of_script(script),
        None if file.starts_with("src/sim/") => Place::Sim,
        None => Place::Rust,
    };
    let shown = |name: String| match script {
        Some(script) => format!("{name} ({script})"),
        None if is_lib => name,
        None => format!("tests/{name}"),
    };
    found.into_iter().map(|(name, faults)| Marked { place, name: shown(name), faults }).collect()
}

/// The marks of one script, which has to be one that tests/run runs.
fn script_test(path: &Path, problems: &mut Vec<String>) -> Option<Marked> {
    let name = path.strip_prefix(root().join("tests")).unwrap().to_str().unwrap().to_owned();
    let text = read(path);
    let faults: Vec<String> = text.lines().filter_map(|line| mark(line, "#")).flatten().map(str::to_owned).collect();
    if faults.is_empty() {
        return None;
    }
    if fs::metadata(path).unwrap().permissions().mode() & 0o111 == 0 {
        problems.push(format!("{name} is marked and not executable: tests/run passes it over"));
    }
    Some(Marked { place: Place::of_script(&name), name, faults })
}

fn marked_tests(problems: &mut Vec<String>) -> Vec<Marked> {
    let mut files = Vec::new();
    files_below(&root().join("src"), &mut files);
    files_below(&root().join("tests/real"), &mut files);
    files_below(&root().join("tests/labtests"), &mut files);
    files.push(root().join("tests/cli.rs"));
    let mut marked = Vec::new();
    for file in &files {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => marked.extend(rust_tests(file, problems)),
            Some("sh") if !file.starts_with(root().join("src")) => marked.extend(script_test(file, problems)),
            _ => {}
        }
    }
    marked
}

/// What the last column says of each fault.
fn cells(marked: &[Marked], problems: &mut Vec<String>) -> BTreeMap<String, String> {
    let faults = all_faults();
    let mut tests: BTreeMap<&str, BTreeSet<(Place, &str)>> = BTreeMap::new();
    for test in marked {
        for fault in &test.faults {
            if !faults.contains(fault) {
                problems.push(format!("{} is marked with {fault}: there is no such fault", test.name));
            }
            tests.entry(fault).or_default().insert((test.place, &test.name));
        }
    }
    let mut cells = BTreeMap::new();
    for fault in faults {
        let open = OPEN.iter().find(|(open, _)| *open == fault);
        let cell = match (tests.get(fault.as_str()), open) {
            (Some(tests), None) => cell(tests),
            (None, Some((_, why))) => format!("open: {why}"),
            (Some(_), Some(_)) => {
                problems.push(format!("{fault} has a test: take it out of OPEN in tests/faults.rs"));
                continue;
            }
            (None, None) => {
                problems.push(format!("no test shows {fault}"));
                continue;
            }
        };
        cells.insert(fault, cell);
    }
    cells
}

fn cell(tests: &BTreeSet<(Place, &str)>) -> String {
    let mut text = String::new();
    let mut last = None;
    for (place, name) in tests {
        if last == Some(place) {
            text.push_str(", ");
        } else {
            let between = if text.is_empty() { "" } else { "; " };
            write!(text, "{between}{}: ", place.name()).unwrap();
        }
        write!(text, "`{name}`").unwrap();
        last = Some(place);
    }
    text
}

/// The table's rows: number of the line, and its four cells.
fn rows(text: &str) -> Vec<(usize, Vec<&str>)> {
    let lines = text.lines().enumerate().skip_while(|(_, line)| *line != HEADER).skip(2);
    let rows = lines.take_while(|(_, line)| line.starts_with('|'));
    rows.map(|(number, line)| (number, line.trim_matches('|').splitn(4, '|').map(str::trim).collect())).collect()
}

#[test]
fn every_fault_has_its_tests_and_the_table_says_which() {
    let mut problems = Vec::new();
    let marked = marked_tests(&mut problems);
    let cells = cells(&marked, &mut problems);
    let path = root().join(TABLE);
    let text = read(&path);
    let rows = rows(&text);
    let numbers: Vec<&str> = rows.iter().map(|(_, row)| row[0]).collect();
    assert_eq!(numbers, all_faults(), "the rows of {TABLE}");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut differ = Vec::new();
    for (number, row) in rows {
        let &[fault, what, outcome, tests] = row.as_slice() else { panic!("{TABLE}:{}: not four cells", number + 1) };
        assert!(!what.is_empty() && !outcome.is_empty(), "{TABLE}:{}: an empty cell", number + 1);
        let Some(cell) = cells.get(fault) else { continue };
        if cell != tests {
            differ.push(format!(
                "{TABLE}:{}: {fault} is shown by\n    {cell}\n  and the table says\n    {tests}",
                number + 1
            ));
            lines[number] = format!("| {fault} | {what} | {outcome} | {cell} |");
        }
    }
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    } else {
        problems.extend(differ);
    }
    assert!(problems.is_empty(), "{}\n\n{WRITE}=1 cargo test --test faults writes the table", problems.join("\n"));
}

#[test]
fn the_scripts_that_run_rust_tests_do_so() {
    for (file, script) in RUN_BY {
        let text = read(&root().join("tests").join(script));
        let module = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches('/').replace('/', "::");
        let filter = |word: &str| word.contains("::") && module.starts_with(word.trim_end_matches("::"));
        assert!(text.split_whitespace().any(filter), "{script} does not run {module}");
        assert!(root().join(file).exists(), "{file} is gone");
    }
}

#[test]
fn a_mark_that_marks_nothing_is_found() {
    let dir = root().join("target/faults-test");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("marks.rs");
    let text = "// faults: C1\n#[test]\n#[ignore = \"slow\"]\nfn ignored() {}\n// faults: C2\nconst X: u8 = 1;\n\
                // faults: C3\n/// Words.\n#[tokio::test]\nasync fn runs() {}\nmod tests {\n    // faults: C4 C5\n    #[test]\n    fn inner() {}\n}\n";
    fs::write(&file, text).unwrap();
    let mut problems = Vec::new();
    let found = rust_tests(&file, &mut problems);
    fs::remove_file(&file).unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    let found: Vec<_> = found.iter().map(|test| (test.name.as_str(), test.faults.join(" "))).collect();
    let module = "tests/faults-test::marks";
    assert_eq!(
        found,
        [
            (format!("{module}::runs").as_str(), "C3".to_owned()),
            (format!("{module}::tests::inner").as_str(), "C4 C5".to_owned())
        ]
    );
}
