//! The built program from outside: arguments, exit codes, streams.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

// The fixtures of the view's own tests name these rooms by `crate::`.
use quorate::{knowledge, observe, runtime, spec, units};

mod plan {
    pub(crate) use super::testing;
    pub use quorate::plan::*;
}

#[allow(dead_code)] // Nor every part that plans are made from.
#[path = "../src/plan/testing.rs"]
mod testing;

#[allow(dead_code)] // Not every plan is shown here.
#[path = "../src/view/fixtures.rs"]
mod fixtures;

#[path = "docs/validate.rs"]
mod validate;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn saved_plan(&self) -> PathBuf {
        let path = self.path().join("prod.plan");
        plan::file::save(&fixtures::upgrade(), &path).unwrap();
        path
    }
}

/// Quorate in a folder of its own, with an environment that says nothing.
fn quorate(folder: &Folder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.current_dir(folder.path()).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "QUORATE_LOG"] {
        command.env_remove(name);
    }
    command
}

fn run(folder: &Folder, args: &[&str]) -> Output {
    let output = quorate(folder).args(args).output().unwrap();
    if args.iter().any(|arg| arg.trim_start_matches('-') == "json") {
        hold_to_schemas(&output);
    }
    output
}

/// Every line of JSON is as docs/reference/schema says.
#[track_caller]
fn hold_to_schemas(output: &Output) {
    for line in stdout(output).lines() {
        let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(validate::fault(&value), None, "{line}");
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout: {}\nstderr: {}", stdout(output), stderr(output));
    assert!(!stderr(output).contains("panicked") && !stderr(output).contains("bug in quorate"), "{}", stderr(output));
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = Folder::new();
    let asks_for_help: [&[&str]; 8] = [
        &["--help"],
        &["-help"],
        &["-h"],
        &["help"],
        &["plan", "-h"],
        &["plan", "-help"],
        &["help", "plan"],
        &["help", "backup", "list"],
    ];
    for args in asks_for_help.into_iter().chain([&["-version"][..], &["version"]]) {
        let output = run(&folder, args);
        assert_code(&output, 0);
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{args:?}");
        // Options as the documents write them.
        assert!(!stdout(&output).contains(" --"), "{args:?}: {}", stdout(&output));
    }
    assert_eq!(stdout(&run(&folder, &["version"])), format!("quorate {}\n", env!("CARGO_PKG_VERSION")));
    let json: serde_json::Value = serde_json::from_slice(&run(&folder, &["version", "-json"]).stdout).unwrap();
    assert_eq!((&json["type"], &json["plan_format"]), (&"version".into(), &plan::model::PLAN_FORMAT.into()));
}

/// A member on this machine that is not there, in a spec that `fmt` would change.
const ABSENT: &str = r#"cluster "test" {
  version="3.2.32"

  connection "local" {}

  runtime "process" {
    dir = "members"
  }

  member "m1" { address = "127.0.0.1" }
}
"#;

/// Those of signals need a run; scripts of tests/real look at them (18-approval, 20-locks, 51-controller-faults).
#[test]
fn commands_end_with_the_codes_of_the_table() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("cluster.hcl"), ABSENT).unwrap();
    let mut seen = std::collections::BTreeSet::from([129, 130, 143]);
    for (args, code) in [
        (&["validate"][..], 0),
        (&["version"], 0),
        (&["no-such-command"], 1),
        (&["show", "no-such.plan"], 1),
        (&["explain", "no-such-name"], 1),
        (&["status"], 2),
        (&["drift"], 2),
        (&["fmt", "-check"], 3),
    ] {
        assert_code(&run(&folder, args), code);
        seen.insert(u8::try_from(code).unwrap());
    }
    let told = quorate::cli::MEANINGS.iter().flat_map(|row| row.codes).copied().collect();
    assert_eq!(seen, told);
}

#[test]
fn every_kind_of_name_is_explained() {
    let folder = Folder::new();
    for (name, word) in [
        ("one-leader", "all members see one leader"),
        ("caught-up", "raft index"),
        ("3.1-3.2", "requirements"),
        ("enable-v2", "known to"),
        ("leader-last", "Followers"),
        ("certificate-lasts", "held to by drift"),
    ] {
        let output = run(&folder, &["explain", name]);
        assert_code(&output, 0);
        assert!(stdout(&output).to_lowercase().contains(&word.to_lowercase()), "{name}: {}", stdout(&output));
        let json: serde_json::Value =
            serde_json::from_slice(&run(&folder, &["explain", name, "-json"]).stdout).unwrap();
        assert_eq!((&json["type"], &json["name"]), (&"explanation".into(), &name.into()));
    }
    let all = stdout(&run(&folder, &["explain"]));
    assert!(all.contains("quorum-without-member") && all.contains("leftover-v2-entries-3.6"), "{all}");
    let json: serde_json::Value = serde_json::from_slice(&run(&folder, &["explain", "-json"]).stdout).unwrap();
    assert!(json["names"].as_array().unwrap().len() > 300);
}

#[test]
fn wrong_usage_ends_with_1_and_a_hint() {
    let folder = Folder::new();
    for (args, hint) in [
        (&[][..], "Usage"),
        (&["aply"], "apply"),
        (&["plan", "-detailed-exit-code"], "'-detailed-exitcode'"),
        (&["plan", "--no-such-thing"], "unexpected argument"),
        (&["show"], "FILE"),
        (&["plan", "-out"], "FILE"),
        (&["plan", "-json=yes"], "'-json'"),
        (&["apply", "a.plan", "-cluster=b"], "cannot be used with"),
        (&["apply", "a.plan", "-until=3.4"], "cannot be used with"),
        (&["apply", "-until=3.4.23"], "a minor is meant"),
        (&["plan", "-rollback", "-until=3.4"], "-until is of the way up"),
        (&["explain", "one-leder"], "did you mean one-leader?"),
        (&["explain", "binary-of-relase"], "did you mean binary-of-release?"),
        (&["drift", "-json", "-markdown"], "cannot be used with"),
        (&["drift", "-listen=127.0.0.1:1"], "-every"),
        (&["import"], "no host is named"),
        (&["import", "m1=-oProxyCommand=x"], "names no host"),
        (&["import", "-local", "10.0.0.11"], "cannot be used with"),
        (&["import", "-name=a b", "10.0.0.11"], "a b"),
        (&["drift", "-every=10ms"], "is the least"),
        (&["drift", "-every=1m", "-listen=:9799"], "an address and a port are meant"),
        (&["drift", "-every=1m", "-junit=x"], "cannot be used with"),
        (&["explain", "one-leader", "-modules=nowhere"], "nowhere"),
        (&["-chdir=nowhere", "plan"], "nowhere"),
        (&["fmt", "-", "x.hcl"], "standard input"),
        (&["validate", "-var", "secret"], "NAME=VALUE"),
    ] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        assert!(output.stdout.is_empty(), "{args:?}: {}", stdout(&output));
        assert!(stderr(&output).contains(hint), "{args:?}: {}", stderr(&output));
    }
}

/// A look that sees no host knows nothing: no drift is not what it may say, in any form.
#[test]
fn where_no_host_can_be_looked_at_status_and_drift_are_errors() {
    let folder = Folder::new();
    let spec = "cluster \"prod\" {\n  version = \"3.5.33\"\n  connection \"ssh\" { port = 1 }\n  \
                member \"m1\" { address = \"127.0.0.1\" }\n}\n";
    std::fs::write(folder.path().join("a.hcl"), spec).unwrap();
    for args in [&["status"][..], &["drift"], &["drift", "-markdown"], &["drift", "-junit=drift.xml"]] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        assert!(output.stdout.is_empty(), "{}", stdout(&output));
        let said = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("no host of cluster prod can be looked at: m1:") && said.contains("do:"), "{said}");
    }
    assert!(!folder.path().join("drift.xml").exists());
    let output = run(&folder, &["drift", "-json", "-prometheus=drift.prom"]);
    assert_code(&output, 1);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["type"], "error");
    let metrics = std::fs::read_to_string(folder.path().join("drift.prom")).unwrap();
    assert!(metrics.contains("quorate_drift_up{cluster=\"prod\"} 0\n") && !metrics.contains("findings"), "{metrics}");
    let output = run(&folder, &["drift", "-prometheus=/dev/null"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("no file"), "{}", stderr(&output));
}

#[test]
fn a_text_that_could_not_be_written_is_no_success() {
    let folder = Folder::new();
    let file = folder.saved_plan().display().to_string();
    std::fs::write(folder.path().join("a.hcl"), "a=1\n").unwrap();
    for args in [&["show", &file][..], &["show", "-json", &file], &["version"], &["-h"], &["fmt", "-check", "-diff"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = quorate(&folder).args(args).stdout(full).output().unwrap();
        assert_code(&output, 1);
        assert!(
            stderr(&output).contains("standard output cannot be written: No space left"),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    // Who reads no further wants no more.
    let mut child =
        quorate(&folder).args(["show", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
}

#[test]
fn only_files_are_formatted() {
    let folder = Folder::new();
    let link = folder.path().join("full.hcl");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    let output = run(&folder, &["fmt", "full.hcl"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("it is no file"), "{}", stderr(&output));
    assert!(link.is_symlink());
}

#[test]
fn a_saved_plan_takes_no_variables() {
    let folder = Folder::new();
    let file = folder.saved_plan().display().to_string();
    let output = run(&folder, &["apply", &file, "-var", "x=1"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("a saved plan holds the values of its variables"), "{}", stderr(&output));
}

#[test]
fn what_was_typed_is_quoted_without_its_escape_codes() {
    let folder = Folder::new();
    for args in [&["\u{1b}[2Jplan"][..], &["plan", "--\u{202e}x"], &["show", "\u{1b}]0;title\u{7}"]] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        let text = stderr(&output);
        assert!(text.contains("\\u{") && !text.chars().any(|c| c != '\n' && quorate::view::is_hidden(c)), "{text:?}");
    }
}

#[test]
fn arguments_that_are_not_text_are_refused_or_used_but_never_a_panic() {
    let folder = Folder::new();
    for odd in [&b"-var=\xff"[..], b"\xff", b"-out=\xff"] {
        let output = quorate(&folder).arg("plan").arg(OsStr::from_bytes(odd)).output().unwrap();
        assert_code(&output, 1);
    }
}

#[test]
fn a_folder_without_a_spec_has_no_plan() {
    let folder = Folder::new();
    for args in
        [&["plan"][..], &["plan", "-detailed-exitcode"], &["validate"], &["apply", "-auto-approve"], &["backup"]]
    {
        let output = run(&folder, args);
        assert_code(&output, 1);
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let folder = Folder::new();
    for args in [&["plan", "-json"][..], &["validate", "-json"], &["show", "none.plan", "-json"], &["apply", "-json"]] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        assert!(output.stderr.is_empty(), "{args:?}: {}", stderr(&output));
        for line in stdout(&output).lines() {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(json["type"].is_string() && json["format"].is_number(), "{line}");
        }
    }
}

#[test]
fn apply_asks_nobody_where_nobody_is() {
    let folder = Folder::new();
    let output = run(&folder, &["apply"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("not a terminal") && stderr(&output).contains("-auto-approve"));
}

#[test]
fn a_saved_plan_is_shown() {
    let folder = Folder::new();
    folder.saved_plan();
    let output = run(&folder, &["show", "prod.plan"]);
    assert_code(&output, 0);
    let style = quorate::view::Style::plain(quorate::view::USUAL_WIDTH);
    assert_eq!(stdout(&output), quorate::view::plan_text(&fixtures::upgrade(), style));

    let output = run(&folder, &["show", "-json", "prod.plan"]);
    assert_code(&output, 0);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(serde_json::from_value::<plan::model::Plan>(json["plan"].clone()).unwrap(), fixtures::upgrade());
}

#[test]
fn a_saved_plan_is_written_for_a_pull_request_and_drawn() {
    let folder = Folder::new();
    folder.saved_plan();
    let plan = fixtures::upgrade();
    for (args, expected) in [
        (&["show", "prod.plan", "-markdown"][..], quorate::view::plan_markdown(&plan)),
        (&["graph", "prod.plan"], quorate::view::plan_graph(&plan, quorate::view::GraphKind::Mermaid)),
        (&["graph", "-dot", "prod.plan"], quorate::view::plan_graph(&plan, quorate::view::GraphKind::Dot)),
    ] {
        let output = run(&folder, args);
        assert_code(&output, 0);
        assert_eq!(stdout(&output), expected);
        assert_eq!(stderr(&output), "");
    }
    for args in [&["show", "prod.plan", "-markdown", "-json"][..], &["graph", "prod.plan", "-var", "a=b"]] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        assert!(stderr(&output).contains("cannot be used with"), "{}", stderr(&output));
    }
    // Without a file it plans, and there is no spec.
    let output = run(&folder, &["graph"]);
    assert_code(&output, 1);
    assert!(stdout(&output).is_empty() && stderr(&output).contains(".hcl"), "{}", stderr(&output));
}

#[test]
fn chdir_moves_everything_there() {
    let folder = Folder::new();
    folder.saved_plan();
    let above = Folder::new();
    for args in [
        [format!("-chdir={}", folder.path().display()), "show".to_owned()],
        ["show".to_owned(), format!("--chdir={}", folder.path().display())],
    ] {
        let output = quorate(&above).args(args).arg("prod.plan").output().unwrap();
        assert_code(&output, 0);
    }
}

// faults: C3
#[test]
fn the_environment_says_how_it_looks() {
    let folder = Folder::new();
    folder.saved_plan();
    let show = |name: &str, value: &str, args: &[&str]| {
        let output = quorate(&folder).env(name, value).args(["show", "prod.plan"]).args(args).output().unwrap();
        assert_code(&output, 0);
        stdout(&output)
    };
    assert!(show("CLICOLOR_FORCE", "1", &[]).contains('\u{1b}'));
    assert!(!show("CLICOLOR_FORCE", "1", &["-no-color"]).contains('\u{1b}'));
    assert!(!show("CLICOLOR_FORCE", "0", &[]).contains('\u{1b}'));
    let narrow = show("COLUMNS", "40", &[]);
    let wide = show("COLUMNS", "200", &[]);
    assert!(narrow.lines().count() > wide.lines().count());
    let words = |text: &str| text.split_whitespace().filter(|word| !word.contains('─')).collect::<Vec<_>>().join(" ");
    assert_eq!(words(&narrow), words(&wide));
}

// faults: C3
#[test]
fn a_reader_that_is_gone_is_no_error() {
    let folder = Folder::new();
    folder.saved_plan();
    for args in [&["show", "prod.plan"][..], &["show", "prod.plan", "-json"], &["--help"], &["version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = quorate(&folder).args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_code(&output, 0);
        assert!(output.stderr.is_empty(), "{args:?}: {}", stderr(&output));
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = quorate(&folder).args(["show", "none"]).stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn what_is_not_a_saved_plan_is_told_apart() {
    let folder = Folder::new();
    let good = std::fs::read_to_string(folder.saved_plan()).unwrap();
    for (text, told) in [
        (String::new(), "the file is empty"),
        (good[..good.len() / 2].to_owned(), "cut short"),
        ("cluster \"prod\" {}\n".to_owned(), "not JSON"),
        ("{\"type\":\"plan\"}".to_owned(), "not a saved plan"),
        (good.replacen("\"format\":1", "\"format\":99", 1), "newer"),
        (good.replacen("\"format\":1", "\"format\":0", 1), "older"),
        (good.replacen("/usr/bin/etcd", "/usr/bin/evil", 1), "edited"),
    ] {
        std::fs::write(folder.path().join("odd.plan"), text).unwrap();
        for command in ["show", "apply"] {
            let output = run(&folder, &[command, "odd.plan"]);
            assert_code(&output, 1);
            let text = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(told) && text.contains("do:"), "{told}: {text}");
            assert!(text.ends_with("quorate explain saved-plan-whole"), "{text}");
        }
    }
}

#[test]
fn a_log_level_that_is_none_is_refused() {
    let folder = Folder::new();
    let output = quorate(&folder).env("QUORATE_LOG", "a=b=c").arg("version").output().unwrap();
    assert_code(&output, 1);
    assert!(stderr(&output).contains("QUORATE_LOG"));
    let output = quorate(&folder).env("QUORATE_LOG", "debug").arg("version").output().unwrap();
    assert_code(&output, 0);
}

const SPEC: &str = r#"
variable "etcd_version" {
  type = string
}

cluster "prod" {
  version = var.etcd_version

  member "m1" {
    address = "10.0.0.11"
  }
}
"#;

#[test]
fn a_spec_is_validated_with_its_variables() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("main.hcl"), SPEC).unwrap();
    let output = run(&folder, &["validate", "-var", "etcd_version=3.2.32"]);
    assert_code(&output, 0);
    assert_eq!(stdout(&output), "The spec is valid.\n");
    let output =
        quorate(&folder).env("QUORATE_VAR_etcd_version", "3.2.32").args(["validate", "-json"]).output().unwrap();
    assert_code(&output, 0);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["type"], &json["valid"]), (&"diagnostics".into(), &true.into()));

    for args in [&["validate"][..], &["validate", "-var=etcd_version=latest"], &["validate", "-var", "nonsense"]] {
        assert_code(&run(&folder, args), 1);
    }
    let output = run(&folder, &["validate", "-json", "-var=etcd_version=latest"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["valid"], &json["error_count"]), (&false.into(), &1.into()));
    assert_eq!(json["diagnostics"][0]["labels"][0]["file"], "main.hcl");
    assert_eq!(json["diagnostics"][0]["rule"], "spec-value");
    let said = stderr(&run(&folder, &["validate", "-var=etcd_version=latest"]));
    assert!(said.ends_with("More about it: quorate explain spec-value\n"), "{said}");
}

/// Whatever a command ends with, it says where to read on, and there is something to read.
#[test]
fn every_error_names_a_rule_that_explain_knows() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("main.hcl"), LOCAL_SPEC).unwrap();
    std::fs::write(folder.path().join("odd.plan"), "{}").unwrap();
    for (args, rule) in [
        (&["plan", "-no-such-option"][..], "command-line"),
        (&["validate", "-var=nonsense"], "command-line"),
        (&["explain", "nothing"], "command-line"),
        (&["validate", "-var=x=1"], "variable-undeclared"),
        (&["-chdir=/var/empty/nowhere", "validate"], "command-line"),
        (&["plan", "-cluster=other"], "cluster-chosen"),
        (&["show", "odd.plan"], "saved-plan-whole"),
        (&["show", "none.plan"], "file-usable"),
        (&["runs", "show", "nothing"], "id-known"),
        (&["report"], "id-known"),
        (&["backup", "verify", "nothing"], "id-known"),
        (&["clean"], "approved"),
        (&["fmt", "none.hcl"], "file-usable"),
    ] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        let said = stderr(&output);
        assert!(said.ends_with(&format!("More about it: quorate explain {rule}\n")), "{args:?}: {said}");
        assert_code(&run(&folder, &["explain", rule]), 0);
    }
}

#[test]
fn a_spec_with_escape_codes_is_quoted_without_them() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("main.hcl"), "cluster \"pr\u{1b}[2Jod\u{202e}\" {\n  versoin = 1\n}\n").unwrap();
    for args in [&["validate"][..], &["validate", "-json"], &["fmt", "-check"]] {
        let output = run(&folder, args);
        let text = stdout(&output) + &stderr(&output);
        assert!(!text.chars().any(|c| c != '\n' && quorate::view::is_hidden(c)), "{text:?}");
    }
    assert_code(&run(&folder, &["validate"]), 1);
}

#[test]
fn specs_are_formatted_in_place_or_checked() {
    let folder = Folder::new();
    let (odd, neat) = (SPEC.replace("  version = ", "      version=   "), SPEC.trim_start());
    let path = folder.path().join("main.hcl");
    let below = folder.path().join("modules");
    std::fs::create_dir(&below).unwrap();
    for file in [path.clone(), below.join("more.hcl"), folder.path().join("notes.txt")] {
        std::fs::write(file, odd.trim_start()).unwrap();
    }

    let output = run(&folder, &["fmt", "-check", "-diff"]);
    assert_code(&output, 3);
    assert!(stdout(&output).starts_with("main.hcl\n--- main.hcl\n"), "{}", stdout(&output));
    assert!(stdout(&output).contains("+  version = var.etcd_version"), "{}", stdout(&output));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), odd.trim_start());

    let output = run(&folder, &["fmt"]);
    assert_code(&output, 0);
    assert_eq!(stdout(&output), "main.hcl\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), neat);
    assert_code(&run(&folder, &["fmt", "-check"]), 0);
    assert_code(&run(&folder, &["fmt", "-check", "-recursive"]), 3);
    assert_eq!(stdout(&run(&folder, &["fmt", "-recursive", "."])), "modules/more.hcl\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("notes.txt")).unwrap(), odd.trim_start());
}

#[test]
fn a_file_that_cannot_be_formatted_does_not_hide_the_others() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("a.hcl"), "cluster {").unwrap();
    std::fs::write(folder.path().join("b.hcl"), b"x = \"\xff\"").unwrap();
    std::fs::write(folder.path().join("c.hcl"), "a={}").unwrap();
    let output = run(&folder, &["fmt"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("a.hcl") && stderr(&output).contains("b.hcl"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "c.hcl\n");
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    use std::io::Write as _;
    let folder = Folder::new();
    let mut child = quorate(&folder).args(["fmt", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a=1\n").unwrap();
    assert_eq!(stdout(&child.wait_with_output().unwrap()), "a = 1\n");
}

#[test]
fn of_two_clusters_one_must_be_named() {
    let folder = Folder::new();
    let member = "member \"m1\" {\n    address = \"10.0.0.11\"\n  }";
    let cluster = |name: &str| format!("cluster \"{name}\" {{\n  version = \"3.2.32\"\n  {member}\n}}\n");
    std::fs::write(folder.path().join("main.hcl"), cluster("prod") + &cluster("staging")).unwrap();
    for (args, told) in [
        (&["plan"][..], "prod, staging"),
        (&["backup"], "prod, staging"),
        (&["apply", "-auto-approve"], "prod, staging"),
        (&["plan", "-cluster=stagin"], "did you mean \"staging\"?"),
    ] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        let text = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(told), "{args:?}: {text}");
    }
}

/// What users copy from is right, and laid out as `fmt` does.
#[test]
fn every_example_is_a_valid_spec_in_the_usual_form() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folder = Folder::new();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&examples).unwrap() {
        let entry = entry.unwrap();
        let chdir = format!("-chdir={}", entry.path().display());
        let output = run(&folder, &[&chdir, "validate"]);
        assert_code(&output, 0);
        assert_eq!(stdout(&output), "The spec is valid.\n", "{chdir}");
        assert!(stderr(&output).is_empty(), "{chdir}: {}", stderr(&output));
        let output = run(&folder, &[&chdir, "fmt", "-check", "-diff"]);
        assert_code(&output, 0);
        names.push(entry.file_name());
    }
    names.sort();
    assert_eq!(names, ["adopt-ssh", "create-systemd", "drift", "quickstart", "tls"]);
}

/// A spec of one member that is not there, with a folder of the user's own.
fn with_modules(folder: &Folder, modules: &str) -> Output {
    let spec = format!(
        "quorate {{\n  modules = \"{modules}\"\n}}\ncluster \"c\" {{\n  version = \"3.2.32\"\n  connection \"local\" {{}}\n  \
         runtime \"process\" {{ dir = \"members\" }}\n  release {{ url = \"file:///nowhere/${{version}}\" }}\n  member \"m1\" {{\n    \
         address = \"127.0.0.1\"\n  }}\n}}\n"
    );
    std::fs::write(folder.path().join("main.hcl"), spec).unwrap();
    run(folder, &["plan"])
}

#[test]
fn knowledge_of_the_users_own_is_what_plans_are_made_from() {
    let folder = Folder::new();
    let etcd = folder.path().join("own/etcd");
    std::fs::create_dir_all(&etcd).unwrap();
    let built_in = include_str!("../modules/etcd/releases.hcl");
    let defect = "minor \"3.2\" {\n  defect \"found-by-us\" {\n    in = \"3.2.32\"\n    use_instead = \"3.2.31\"\n    weight = \"refuse\"\n    what = \"It ate our \
                  homework.\"\n    sources = [\"observed 3.2.32\"]\n  }\n";
    assert!(built_in.contains("minor \"3.2\" {\n"));
    std::fs::write(etcd.join("releases.hcl"), built_in.replacen("minor \"3.2\" {\n", defect, 1)).unwrap();
    let output = with_modules(&folder, "./own");
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("release-known") && said.contains("It ate our homework"), "{said}");

    // Without it, the same spec has only the release to find.
    std::fs::remove_file(etcd.join("releases.hcl")).unwrap();
    let output = with_modules(&folder, "./own");
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("release-available") && !said.contains("release-known"), "{said}");
}

#[test]
fn a_folder_of_modules_that_is_wrong_is_named_with_what_to_do() {
    let folder = Folder::new();
    let output = with_modules(&folder, "./nowhere");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("nowhere") && said.contains("do: "), "{said}");

    std::fs::create_dir_all(folder.path().join("own/etcd")).unwrap();
    std::fs::write(folder.path().join("own/etcd/mine.hcl"), "flag \"x\" {\n}\n").unwrap();
    let said = stderr(&with_modules(&folder, "own"));
    assert!(said.contains("mine.hcl") && said.contains("do: "), "{said}");
}

#[test]
fn what_is_kept_can_be_looked_at_without_a_host_or_a_lock() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("main.hcl"), LOCAL_SPEC).unwrap();
    let json = |args: &[&str]| -> serde_json::Value {
        let output = run(&folder, args);
        assert_code(&output, 0);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(json(&["runs", "-json"])["count"], 0);
    assert_eq!(json(&["backup", "list", "-json"])["count"], 0);
    assert_eq!(json(&["backup", "verify", "all", "-json"])["bad"], 0);
    assert_eq!(json(&["backup", "prune", "-dry-run", "-json"])["prune"]["removed"], serde_json::json!([]));
    assert_eq!(json(&["unlock", "-json"])["state"], "free");
    for (args, hint) in [
        (&["runs", "show", "nothing"][..], "quorate runs"),
        (&["runs", "show", "../x"], "there is no run"),
        (&["backup", "verify", "nothing"], "quorate backup list"),
        (&["clean"], "quorate clean -auto-approve"),
        (&["runs", "-cluster=other"], "no such cluster"),
    ] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        let words = stderr(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(hint), "{args:?}: {words}");
    }
}

const LOCAL_SPEC: &str = r#"
cluster "test" {
  version = "3.2.32"
  connection "local" {}
  runtime "process" {
    dir = "members"
  }
  member "m1" {
    address = "127.0.0.1"
  }
}
"#;

#[test]
fn the_report_of_a_run_is_one_private_file() {
    use quorate::execute::journal::{Ending, Entry};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    fs::write(
        folder.path().join("a.hcl"),
        r#"
        cluster "prod" {
          version = "3.2.32"
          connection "local" {}
          runtime "process" { dir = "/srv/etcd" }
          member "m1" { address = "127.0.0.1" }
        }
        "#,
    )
    .unwrap();
    let output = run(&folder, &["report"]);
    assert_code(&output, 1);
    assert!(stderr(&output).contains("there is no run yet"), "{}", stderr(&output));

    let state = quorate::state::State::open(&folder.path().join(".quorate")).unwrap();
    let plan = fixtures::upgrade();
    let kept = state.begin_run_as("20260102T150405Z-7f3a", &plan).unwrap();
    let mut journal = kept.journal().unwrap();
    let (run_id, cluster) = (kept.id.clone(), "prod".to_owned());
    let (who, controller) = ("alice".to_owned(), "ops1".to_owned());
    journal.append(Entry::RunStarted { run: run_id, cluster, plan: plan.digest(), who, controller, pid: 1 }).unwrap();
    journal.append(Entry::RunEnded { ending: Ending::Succeeded }).unwrap();
    for args in [&["report"][..], &["report", "20260102T150405Z-7f3a"]] {
        let output = run(&folder, args);
        assert_code(&output, 0);
        let path = kept.dir.join("report.html");
        assert!(stdout(&output).contains("report.html"), "{}", stdout(&output));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let html = fs::read_to_string(&path).unwrap();
        assert!(html.starts_with("<!DOCTYPE html>") && html.contains("cluster prod is at 3.2.32"));
        fs::remove_file(path).unwrap();
    }
    let output = run(&folder, &["report", "-out", "r.html", "-json"]);
    assert_code(&output, 0);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let size = fs::metadata(folder.path().join("r.html")).unwrap().len();
    assert_eq!((&json["type"], &json["path"], &json["bytes"]), (&"report".into(), &"r.html".into(), &size.into()));
    assert!(!kept.dir.join("report.html").exists());
    for (args, word) in [(&["report", "nothing"][..], "there is no run"), (&["report", "-out=."], "a folder")] {
        let output = run(&folder, args);
        assert_code(&output, 1);
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
}
