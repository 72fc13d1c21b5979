//! From files to files: what is edited says exactly what it should, and nothing else of the file changes.

use std::sync::LazyLock;

use proptest::prelude::*;

use crate::knowledge::{FlagState, Knowledge};
use crate::observe::config_file as yaml;
use crate::observe::inventory::{MemberFacts, OptionFact, OptionSource};
use crate::observe::options::Sources;
use crate::observe::settings::{SettingsFile, SettingsKind};
use crate::plan::testing::member_facts;
use crate::settings::{Rewrite, rewrite};
use crate::units::Version;

static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::embedded().unwrap());

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn file(path: &str, kind: SettingsKind, text: &str) -> SettingsFile {
    SettingsFile { path: path.to_owned(), kind, text: text.to_owned() }
}

/// As `observe` makes them of these files and arguments.
fn facts(args: &[&str], environment: &[(&str, &str)], files: Vec<SettingsFile>) -> MemberFacts {
    let sources = Sources {
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        environment: environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
    };
    let config = files.iter().find(|file| file.kind == SettingsKind::ConfigFile);
    let entries = config.map(|file| yaml::parse(&file.text).unwrap());
    MemberFacts {
        options: sources.options(entries.as_deref(), &KNOWLEDGE),
        config_file: config.map(|file| file.path.clone()),
        args: sources.args,
        files,
        ..member_facts(1, "3.4.23")
    }
}

fn process(text: &str) -> MemberFacts {
    let args: Vec<&str> = text.lines().collect();
    facts(&args, &[], vec![file("/srv/m1/args", SettingsKind::Arguments, text)])
}

fn config(text: &str) -> MemberFacts {
    let args = ["--config-file=/etc/etcd.yml"];
    let arguments = file("/srv/m1/args", SettingsKind::Arguments, "--config-file=/etc/etcd.yml\n");
    facts(&args, &[], vec![arguments, file("/etc/etcd.yml", SettingsKind::ConfigFile, text)])
}

fn unit(args: &[&str], text: &str) -> MemberFacts {
    facts(args, &[], vec![file("/etc/systemd/system/etcd.service", SettingsKind::Unit, text)])
}

fn from_to(facts: &MemberFacts, runs: &str, to: &str) -> Rewrite {
    rewrite(facts, Some(&version(runs)), &version(to), &KNOWLEDGE)
}

/// The text of the one file of this kind after it.
fn text(rewrite: &Rewrite, kind: SettingsKind) -> &str {
    &rewrite.after.files.iter().find(|file| file.kind == kind).unwrap().text
}

fn why(rewrite: &Rewrite) -> Vec<&str> {
    rewrite.unfit.iter().map(|unfit| unfit.why.as_str()).collect()
}

#[test]
fn a_renamed_option_keeps_its_value_and_its_form() {
    let before = "--name=m1\n--experimental-corrupt-check-time=5m\n-experimental-memory-mlock\n--experimental-downgrade-check-time\n7s\n";
    let done = from_to(&process(before), "3.6.14", "3.7.1");
    assert_eq!(
        text(&done, SettingsKind::Arguments),
        "--name=m1\n--corrupt-check-time=5m\n-memory-mlock\n--downgrade-check-time\n7s\n"
    );
    assert_eq!(done.unfit, []);
    assert_eq!(
        done.change.unwrap().args,
        ["--name=m1", "--corrupt-check-time=5m", "-memory-mlock", "--downgrade-check-time", "7s"]
    );
}

#[test]
fn options_that_became_gates_become_one_option() {
    let before = "--experimental-initial-corrupt-check\n--name=m1\n--experimental-enable-lease-checkpoint=false\n";
    let done = from_to(&process(before), "3.6.14", "3.7.1");
    assert_eq!(
        text(&done, SettingsKind::Arguments),
        "--feature-gates=InitialCorruptCheck=true,LeaseCheckpoint=false\n--name=m1\n"
    );
    let beside = "--experimental-initial-corrupt-check=true\n--feature-gates=CompactHashCheck=true\n";
    let done = from_to(&process(beside), "3.6.14", "3.7.1");
    assert_eq!(
        text(&done, SettingsKind::Arguments),
        "--feature-gates=CompactHashCheck=true,InitialCorruptCheck=true\n"
    );
}

#[test]
fn what_simply_goes_takes_its_value_with_it() {
    let done = from_to(&process("--enable-v2\n--proxy\noff\n--proxy-read-timeout=0\n--name=m1\n"), "3.5.33", "3.6.14");
    assert_eq!(text(&done, SettingsKind::Arguments), "--name=m1\n");
}

#[test]
fn a_value_decides_what_stands_instead() {
    let done =
        from_to(&process("--debug\n--log-package-levels=etcdserver=DEBUG\n--log-output=stdout\n"), "3.4.23", "3.5.33");
    assert_eq!(text(&done, SettingsKind::Arguments), "--log-level=debug\n--log-outputs=stdout\n");
    let done = from_to(&process("--debug=false\n--name=m1\n"), "3.4.23", "3.5.33");
    assert_eq!(text(&done, SettingsKind::Arguments), "--name=m1\n");
}

#[test]
fn an_option_that_guards_keeps_guarding() {
    let done = from_to(&process("--ca-file=/ca.crt\n--peer-ca-file\n/p.crt\n"), "3.3.27", "3.4.23");
    assert_eq!(
        text(&done, SettingsKind::Arguments),
        "--trusted-ca-file=/ca.crt\n--client-cert-auth=true\n--peer-trusted-ca-file=/p.crt\n--peer-client-cert-auth=true\n"
    );
}

#[test]
fn two_that_do_not_agree_are_left_to_a_person() {
    let done = from_to(&process("--debug\n--log-level=warn\n"), "3.4.23", "3.5.33");
    assert_eq!(why(&done), ["log-level is set to \"warn\" beside it"]);
    assert_eq!(done.change, None);
    let done = from_to(
        &process("--experimental-initial-corrupt-check\n--feature-gates=InitialCorruptCheck=false\n"),
        "3.6.14",
        "3.7.1",
    );
    assert_eq!(why(&done), ["feature-gates says InitialCorruptCheck=false already"]);
    let in_both = facts(
        &["--debug"],
        &[("ETCD_LOG_LEVEL", "info")],
        vec![file("/srv/m1/args", SettingsKind::Arguments, "--debug\n")],
    );
    assert_eq!(
        why(&from_to(&in_both, "3.4.23", "3.5.33")),
        ["log-level, which takes its place, is set in the environment already"]
    );
}

#[test]
fn the_environment_is_left_to_a_person() {
    let set = facts(
        &["--name=m1"],
        &[("ETCD_DEBUG", "true")],
        vec![file("/srv/m1/args", SettingsKind::Arguments, "--name=m1\n")],
    );
    let done = from_to(&set, "3.4.23", "3.5.33");
    assert_eq!(done.change, None);
    assert_eq!(done.unfit[0].option, "debug");
    assert_eq!(done.unfit[0].source, OptionSource::Environment);
}

#[test]
fn a_config_file_keeps_its_comments_order_and_quotes() {
    let before = "# made by hand\nname: 'm1'   # who\n\nexperimental-initial-corrupt-check: yes  # check\n\
                  experimental-watch-progress-notify-interval: \"10m\" # often\nquota-backend-bytes:   4294967296\n\
                  experimental-enable-lease-checkpoint: true\nexperimental-snapshot-catch-up-entries: 7000\n\
                  client-transport-security:\n    cert-file: /a.crt\n";
    let done = from_to(&config(before), "3.6.14", "3.7.1");
    assert_eq!(why(&done), Vec::<&str>::new());
    assert_eq!(
        text(&done, SettingsKind::ConfigFile),
        "# made by hand\nname: 'm1'   # who\n\nfeature-gates: \"InitialCorruptCheck=true,LeaseCheckpoint=true\"  # check\n\
         watch-progress-notify-interval: \"10m\" # often\nquota-backend-bytes:   4294967296\n\
         snapshot-catchup-entries: 7000\nclient-transport-security:\n    cert-file: /a.crt\n"
    );
}

#[test]
fn what_stands_below_another_key_stays_there() {
    let before = "client-transport-security:\r\n  ca-file: /ca.crt\r\n  cert-file: /a.crt\r\npeer-transport-security:\r\n  ca-file: '/p.crt'";
    let done = from_to(&config(before), "3.3.27", "3.4.23");
    assert_eq!(
        text(&done, SettingsKind::ConfigFile),
        "client-transport-security:\r\n  trusted-ca-file: /ca.crt\r\n  client-cert-auth: true\r\n  cert-file: /a.crt\r\n\
         peer-transport-security:\r\n  trusted-ca-file: '/p.crt'\n  client-cert-auth: true"
    );
}

#[test]
fn a_list_stays_a_list() {
    let done = from_to(&config("log-output: [stderr, /var/log/etcd.log]\ndebug: true\nname: m1\n"), "3.4.23", "3.5.33");
    assert_eq!(
        text(&done, SettingsKind::ConfigFile),
        "log-outputs: [stderr, /var/log/etcd.log]\nlog-level: \"debug\"\nname: m1\n"
    );
}

#[test]
fn a_config_file_in_one_line_is_left_to_a_person() {
    let done = from_to(&config("{\"name\": \"m1\", \"enable-v2\": true}\n"), "3.5.33", "3.6.14");
    assert_eq!(done.change, None);
    assert!(why(&done)[0].contains("in a way that quorate does not edit"), "{:?}", done.unfit);
}

const UNIT: &str = "[Unit]\nDescription=etcd\n\n[Service]\nType=notify\nExecStart=-/usr/bin/etcd --name %H \\\n  --enable-v2=true \\\n  # why not\n  \
                    \"--listen-client-urls=http://0.0.0.0:2379\" --proxy off \\\n\t--experimental-corrupt-check-time=${EVERY} $MORE\n\n[Install]\nWantedBy=multi-user.target\n";

#[test]
fn a_unit_keeps_all_but_the_words_that_change() {
    let args = [
        "--name",
        "h1",
        "--enable-v2=true",
        "--listen-client-urls=http://0.0.0.0:2379",
        "--proxy",
        "off",
        "--experimental-corrupt-check-time=5m",
        "--logger=zap",
    ];
    let done = from_to(&unit(&args, UNIT), "3.5.33", "3.6.14");
    assert_eq!(why(&done), Vec::<&str>::new());
    assert_eq!(
        text(&done, SettingsKind::Unit),
        UNIT.replace("  --enable-v2=true \\\n", "").replace(" --proxy off", "")
    );
    assert_eq!(
        done.after.args,
        [
            "--name",
            "h1",
            "--listen-client-urls=http://0.0.0.0:2379",
            "--experimental-corrupt-check-time=5m",
            "--logger=zap"
        ]
    );
    let done = from_to(
        &unit(&args[3..4], "[Service]\nExecStart=/e \"--listen-client-urls=http://0.0.0.0:2379\"\n"),
        "3.5.33",
        "3.6.14",
    );
    assert_eq!(done.change, None);
    let renamed = from_to(
        &unit(
            &["--experimental-corrupt-check-time=5m"],
            "[Service]\nExecStart=/e \"--experimental-corrupt-check-time=5m\"",
        ),
        "3.6.14",
        "3.7.1",
    );
    assert_eq!(text(&renamed, SettingsKind::Unit), "[Service]\nExecStart=/e \"--corrupt-check-time=5m\"");
}

#[test]
fn the_last_word_of_a_command_takes_its_line_along() {
    let done = from_to(
        &unit(&["--name=m1", "--enable-v2"], "[Service]\nExecStart=/e --name=m1 \\\n   --enable-v2\nRestart=always\n"),
        "3.5.33",
        "3.6.14",
    );
    assert_eq!(text(&done, SettingsKind::Unit), "[Service]\nExecStart=/e --name=m1\nRestart=always\n");
}

#[test]
fn the_drop_in_that_counts_is_the_one_that_changes() {
    let unit_file =
        file("/lib/systemd/system/etcd.service", SettingsKind::Unit, "[Service]\nExecStart=/usr/bin/etcd --debug\n");
    let drop_in = file(
        "/etc/systemd/system/etcd.service.d/x.conf",
        SettingsKind::Unit,
        "[Service]\nExecStart=\nExecStart=/usr/bin/etcd --debug\n",
    );
    let done = from_to(&facts(&["--debug"], &[], vec![unit_file.clone(), drop_in]), "3.4.23", "3.5.33");
    assert_eq!(done.after.files[0], unit_file);
    assert_eq!(done.after.files[1].text, "[Service]\nExecStart=\nExecStart=/usr/bin/etcd --log-level=debug\n");
    let alone = from_to(&facts(&["--debug"], &[], vec![unit_file]), "3.4.23", "3.5.33");
    assert!(why(&alone)[0].contains("belongs to a package"), "{:?}", alone.unfit);
    assert_eq!(alone.change, None);
}

#[test]
fn what_a_unit_does_not_show_is_left_to_a_person() {
    let by = |line: &str, part: &str| {
        let set = unit(&["--debug", "--ca-file=/x"], &format!("[Service]\nExecStart={line}\n"));
        let done = from_to(&set, "3.3.27", "3.5.33");
        assert!(why(&done).iter().any(|why| why.contains(part)), "{line}: {:?}", done.unfit);
        assert_eq!(done.change, None, "{line}");
    };
    by("/usr/bin/etcd $OPTIONS", "set by a variable");
    by("/usr/bin/etcd --debug --ca-file $CA", "the variable $CA");
    by("@/usr/bin/etcd etcd --debug --ca-file=/x", "another name");
    by("/usr/bin/etcd --debug --ca-file=/x ; /bin/true", "several commands");
    by("/usr/bin/etcd --debug \"--ca-file=/x\"", "only renames");
    let nothing = facts(&["--debug"], &[], Vec::new());
    assert!(why(&from_to(&nothing, "3.4.23", "3.5.33"))[0].contains("is not known"));
}

/// Each option that some version takes away or takes for nothing, with what stands instead.
fn removed_somewhere() -> Vec<(&'static str, Version, Version)> {
    let minors = KNOWLEDGE.minors();
    let pairs = minors.windows(2).filter_map(|pair| Some((KNOWLEDGE.latest(pair[0])?, KNOWLEDGE.latest(pair[1])?)));
    pairs
        .flat_map(|(from, to)| {
            KNOWLEDGE
                .flags()
                .iter()
                .filter(|flag| {
                    !matches!(flag.state(from), FlagState::Absent { .. })
                        && matches!(flag.state(to), FlagState::Absent { gone_after: Some(_), .. })
                        && flag.replacement.is_some()
                })
                .map(|flag| (flag.name.as_str(), from.clone(), to.clone()))
        })
        .collect()
}

fn absent(options: &[OptionFact], to: &Version) -> Vec<String> {
    let gone = |option: &&OptionFact| matches!(KNOWLEDGE.flag_state(&option.name, to), FlagState::Absent { .. });
    options.iter().filter(gone).map(|option| option.name.clone()).collect()
}

#[test]
fn every_option_that_some_version_takes_away_is_rewritten() {
    let removed = removed_somewhere();
    assert!(removed.len() > 30, "{}", removed.len());
    for (name, from, to) in removed {
        for line in [format!("--name=m1\n--{name}=1\n"), format!("--{name}=true\n--name=m1\n")] {
            let done = from_to(&process(&line), &from.to_string(), &to.to_string());
            assert_eq!(done.unfit, [], "{name} {from} -> {to}");
            assert_eq!(absent(&done.after.options, &to), Vec::<String>::new());
            assert!(done.change.is_some());
        }
    }
}

prop_compose! {
    /// Options in any order, some of them gone in the newer version, each on a line of a config file or command line.
    fn some_options()(
        picked in proptest::collection::vec((0usize..64, "[a-z0-9]{1,4}", any::<bool>()), 1..7)
    ) -> (Version, Version, Vec<(String, String, bool)>) {
        let removed = removed_somewhere();
        let (_, from, to) = removed[picked[0].0 % removed.len()].clone();
        let of_rung: Vec<&str> =
            removed.iter().filter(|(_, other, _)| *other == from).map(|(name, _, _)| *name).collect();
        let stay = ["name", "data-dir", "snapshot-count", "initial-cluster-token"];
        let mut options: Vec<(String, String, bool)> = Vec::new();
        for (number, value, form) in picked {
            let all: Vec<&str> = of_rung.iter().chain(&stay).copied().collect();
            let name = all[number % all.len()];
            if options.iter().all(|(other, _, _)| other != name) {
                let kind = KNOWLEDGE.flag(name).unwrap().kind;
                let value = if kind == crate::knowledge::FlagKind::Bool { form.to_string() } else { value };
                options.push((name.to_owned(), value, form));
            }
        }
        (from, to, options)
    }
}

proptest! {
    #[test]
    fn what_is_edited_has_nothing_left_to_edit((from, to, options) in some_options()) {
        let line = |(name, value, two): &(String, String, bool)| {
            let bool = KNOWLEDGE.flag(name).unwrap().kind == crate::knowledge::FlagKind::Bool;
            if *two && !bool { format!("--{name}\n{value}\n") } else { format!("--{name}={value}\n") }
        };
        let args: String = options.iter().map(line).collect();
        let key = |name: &str| KNOWLEDGE.flag(name).unwrap().config_key.clone().unwrap_or_else(|| name.to_owned());
        let entries = options.iter().filter(|(name, _, _)| !key(name).contains('.'));
        let yaml: String = entries.map(|(name, value, _)| format!("{}: \"{value}\" # {name}\n", key(name))).collect();
        let words = args.replace('\n', " ");
        let unit_text = format!("[Service]\nUser=etcd\nExecStart=/usr/bin/etcd {words}\nRestart=always\n");
        let as_unit: Vec<&str> = args.lines().collect();
        for before in [process(&args), config(&format!("# all\n{yaml}")), unit(&as_unit, &unit_text)] {
            let done = from_to(&before, &from.to_string(), &to.to_string());
            let left: Vec<String> = done.unfit.iter().map(|unfit| unfit.option.clone()).collect();
            for name in absent(&done.after.options, &to) {
                prop_assert!(left.contains(&name), "{} is still there: {:?}", name, done);
            }
            // What was there beside is there still, in its order.
            let stays = |facts: &MemberFacts| -> Vec<(String, String)> {
                let others = facts.options.iter().filter(|option| options.iter().any(|(name, _, _)| *name == option.name));
                let known = others.filter(|option| !matches!(KNOWLEDGE.flag_state(&option.name, &to), FlagState::Absent { .. }));
                known.map(|option| (option.name.clone(), option.value.clone())).collect()
            };
            prop_assert_eq!(stays(&done.after), stays(&before));
            let again = from_to(&done.after, &from.to_string(), &to.to_string());
            prop_assert_eq!(&again.change, &None);
            if let Some(change) = &done.change {
                for (edit, old) in change.files.iter().map(|edit| (edit, before.files.iter().find(|file| file.path == edit.path).unwrap())) {
                    let new = &done.after.files.iter().find(|file| file.path == edit.path).unwrap().text;
                    let there = edit.apply(&old.text);
                    prop_assert_eq!(there.as_ref(), Some(new));
                    let back = edit.reversed().apply(new);
                    prop_assert_eq!(back.as_ref(), Some(&old.text));
                }
            }
        }
    }

    #[test]
    fn nothing_that_is_read_makes_it_panic(
        text in "(\\[Service\\]\n|ExecStart=|/usr/bin/etcd|--debug|--enable-v2|=true|[ \t\n\\\\\"'$%;#@:-]|debug: |\\PC){0,40}"
    ) {
        for kind in [SettingsKind::Unit, SettingsKind::Arguments, SettingsKind::ConfigFile] {
            let set = MemberFacts {
                options: Vec::new(),
                args: vec!["--debug".to_owned(), "--enable-v2=true".to_owned()],
                files: vec![file("/etc/x", kind, &text)],
                ..member_facts(1, "3.4.23")
            };
            for to in ["3.5.33", "3.6.14"] {
                let done = from_to(&set, "3.4.23", to);
                for edit in done.change.iter().flat_map(|change| &change.files) {
                    prop_assert!(edit.apply(&text).is_some());
                }
            }
        }
    }
}
