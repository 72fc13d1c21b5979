//! Examples for the help and the manual page of each command.

use std::fmt::Write as _;

/// A line as it would be typed, and what it does.
pub struct Example {
    pub line: &'static str,
    pub what: &'static str,
}

const fn example(line: &'static str, what: &'static str) -> Example {
    Example { line, what }
}

/// By the path of the command: `backup list`; empty for quorate itself.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            example("quorate import -user=deploy -sudo 10.0.0.11", "write the first spec of a cluster that is there"),
            example("quorate plan", "see what would be done"),
            example("quorate apply", "see it, and do it after a yes"),
            example("quorate explain one-leader", "what a name in a plan or a refusal stands for"),
        ],
    ),
    (
        "plan",
        &[
            example("quorate plan", "see what would be done"),
            example("quorate plan -out=prod.plan", "save it, to be applied exactly as it is"),
            example("quorate plan -var etcd_version=3.5.33 -until=3.4", "another version, and no further than 3.4"),
            example("quorate plan -detailed-exitcode -json", "in CI: ends with 2 where there are changes"),
            example("quorate plan -rollback", "see the way back"),
        ],
    ),
    (
        "apply",
        &[
            example("quorate apply", "plan, ask, and do it; after an interruption, go on"),
            example("quorate apply prod.plan", "do what a saved plan says, without asking"),
            example("quorate apply -auto-approve -json", "in a pipeline: do not ask, one event a line"),
            example("quorate apply -until=3.4", "stop after the rung to 3.4"),
        ],
    ),
    (
        "status",
        &[
            example("quorate status", "what is there right now; ends with 2 where something is not well"),
            example("quorate status -json", "the same for a script"),
        ],
    ),
    (
        "drift",
        &[
            example("quorate drift", "look once; ends with 2 where something is not as declared"),
            example("quorate drift -markdown >> \"$GITHUB_STEP_SUMMARY\"", "a table for the page of a CI run"),
            example("quorate drift -every=15m -listen=127.0.0.1:9799", "go on looking, and serve /metrics"),
            example(
                "quorate drift -prometheus=/var/lib/node_exporter/quorate.prom",
                "metrics for a node exporter's textfile folder",
            ),
        ],
    ),
    (
        "import",
        &[
            example("quorate import -user=deploy -sudo 10.0.0.11", "one host is enough where peers are reached"),
            example("quorate import m1=10.0.0.11 m2=10.0.0.12 m3=admin@10.0.0.13:2222", "each host by itself"),
            example("quorate import -local -name=prod -out=prod.hcl", "the member on this machine"),
        ],
    ),
    (
        "rollback",
        &[
            example("quorate rollback", "go back to the version that was there before"),
            example("quorate rollback -points", "put all rollback points back; writes since are lost"),
        ],
    ),
    (
        "show",
        &[
            example("quorate show prod.plan", "read a saved plan again"),
            example("quorate show -markdown prod.plan", "the same for a pull request"),
        ],
    ),
    (
        "graph",
        &[
            example("quorate graph prod.plan", "a Mermaid diagram of a saved plan"),
            example("quorate graph -dot prod.plan | dot -Tsvg -o plan.svg", "a picture by Graphviz"),
        ],
    ),
    (
        "validate",
        &[
            example("quorate validate", "check the spec of the current folder"),
            example("quorate -chdir=prod validate -json", "another folder, for an editor or CI"),
        ],
    ),
    (
        "fmt",
        &[
            example("quorate fmt", "bring the specs of the current folder into form"),
            example("quorate fmt -check -diff -recursive", "in CI: ends with 3 where a file is not formatted"),
            example("quorate fmt -", "from standard input to standard output"),
        ],
    ),
    (
        "backup",
        &[
            example("quorate backup", "take one now, and verify it"),
            example("quorate backup verify all", "read all that are kept again, and compare"),
        ],
    ),
    ("backup list", &[example("quorate backup list", "what is kept, and why it stays")]),
    (
        "backup verify",
        &[
            example("quorate backup verify all", "read all again, and compare"),
            example("quorate backup verify 20260131T101500Z-1f0a -json", "one of them, for a script"),
        ],
    ),
    (
        "backup prune",
        &[
            example("quorate backup prune -dry-run", "what would be removed"),
            example("quorate backup prune", "remove the oldest, as the spec says"),
        ],
    ),
    (
        "restore",
        &[
            example("quorate restore 20260131T101500Z-1f0a", "by the id that `backup list` shows"),
            example("quorate restore /mnt/usb/20260131T101500Z-1f0a", "a backup that was copied here"),
        ],
    ),
    (
        "runs",
        &[
            example("quorate runs", "what was done, when, by whom"),
            example("quorate runs show 20260131T101500Z-1f0a", "one of them, step by step"),
        ],
    ),
    ("runs show", &[example("quorate runs show 20260131T101500Z-1f0a", "by the id that `runs` shows")]),
    (
        "report",
        &[
            example("quorate report", "of the newest run"),
            example("quorate report 20260131T101500Z-1f0a -out=upgrade.html", "of another, to a file of yours"),
        ],
    ),
    (
        "clean",
        &[
            example("quorate clean -dry-run", "what would be removed"),
            example("quorate clean", "ask, and remove what nobody needs"),
        ],
    ),
    ("unlock", &[example("quorate unlock", "see who held the lock, and take the record away after a yes")]),
    (
        "explain",
        &[
            example("quorate explain one-leader", "a rule"),
            example("quorate explain 3.5-3.6", "all that is known of a rung"),
            example("quorate explain enable-v2", "an option of etcd"),
            example("quorate explain", "all names"),
        ],
    ),
    (
        "completion",
        &[
            example("source <(quorate completion bash)", "for this bash"),
            example("quorate completion bash > /etc/bash_completion.d/quorate", "for every bash, as root"),
            example("quorate completion zsh > ~/.zfunc/_quorate", "where ~/.zfunc is in $fpath before compinit"),
            example("quorate completion fish > ~/.config/fish/completions/quorate.fish", "for fish"),
        ],
    ),
    (
        "man",
        &[
            example("quorate man plan | man -l -", "read one page"),
            example("quorate man -out=/usr/local/share/man/man1", "install all, as root"),
        ],
    ),
    ("version", &[example("quorate version -json", "for a script")]),
];

/// Of a command; none of one that has none.
#[must_use]
pub fn of(path: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(known, _)| *known == path).map_or(&[], |(_, examples)| examples)
}

/// As the help shows them: the line, and below it what it does.
pub fn text(examples: &[Example]) -> String {
    let mut text = "Examples:\n".to_owned();
    for example in examples {
        let _ = writeln!(text, "  {}\n      {}", example.line, example.what);
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{command, parse};
    use crate::cli::argv::with_double_dashes;

    /// The words of quorate's part of a line: without what stands in front of it, and what a shell does with the result.
    fn words(line: &str) -> Vec<std::ffi::OsString> {
        let from = line.find("quorate").unwrap_or_else(|| panic!("no quorate in: {line}"));
        let words = line[from..].split_whitespace().take_while(|word| !["|", ">", ">>"].contains(word));
        words.map(|word| word.trim_end_matches(')').into()).collect()
    }

    #[test]
    fn every_command_has_examples_that_it_understands() {
        fn check(command: &clap::Command, path: &str, seen: &mut usize) {
            assert!(!of(path).is_empty(), "quorate {path}: no examples");
            for example in of(path) {
                let words = words(example.line);
                assert!(parse(with_double_dashes(words)).is_ok(), "{}", example.line);
                let expected = format!("quorate {path}").trim_end().to_owned();
                assert!(path.is_empty() || path == "validate" || example.line.contains(&expected), "{}", example.line);
            }
            *seen += 1;
            for inner in command.get_subcommands() {
                check(inner, format!("{path} {}", inner.get_name()).trim_start(), seen);
            }
        }
        let mut seen = 0;
        check(&command(), "", &mut seen);
        assert_eq!(seen, EXAMPLES.len(), "examples of a command that is not there");
    }

    #[test]
    fn the_help_of_a_command_ends_with_its_examples() {
        let error = parse(["quorate", "backup", "prune", "--help"].map(Into::into).to_vec()).err().unwrap();
        let help = error.to_string();
        assert!(help.trim_end().ends_with(&text(of("backup prune"))), "{help}");
    }
}
