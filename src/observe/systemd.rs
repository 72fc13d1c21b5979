//! What systemd says of a unit, read from the texts of `systemctl show` and `busctl`: its facts, and the command line
//! and environment that it would start the member with. Pure functions.

use std::collections::BTreeMap;

use crate::observe::inventory::UnitFacts;
use crate::units::Sha256;

/// A command as a unit names it; variables are not filled in yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    pub path: String,
    /// Without the program's own name.
    pub args: Vec<String>,
}

/// `systemctl show`: one property a line; a property may come several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, Vec<String>>);

impl Properties {
    pub fn parse(text: &str) -> Self {
        let mut properties: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            properties.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Self(properties)
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn facts(&self, sha256: Option<Sha256>) -> UnitFacts {
        let text = |name: &str| self.get(name).to_owned();
        let path = |name: &str| Some(text(name)).filter(|path| !path.is_empty());
        UnitFacts {
            name: text("Id"),
            load_state: text("LoadState"),
            active_state: text("ActiveState"),
            sub_state: text("SubState"),
            file_state: text("UnitFileState"),
            main_pid: self.get("MainPID").parse().ok().filter(|&pid| pid != 0),
            need_daemon_reload: self.get("NeedDaemonReload") == "yes",
            kind: text("Type"),
            restart: text("Restart"),
            fragment_path: path("FragmentPath"),
            drop_ins: self.get("DropInPaths").split_whitespace().map(str::to_owned).collect(),
            timeout_stop_us: microseconds(self.get("TimeoutStopUSec")),
            sha256,
        }
    }

    /// The unit's file and its drop-ins, in the order in which they are read.
    pub fn unit_files(&self) -> impl Iterator<Item = &str> {
        let fragment = Some(self.get("FragmentPath")).filter(|path| !path.is_empty());
        fragment.into_iter().chain(self.get("DropInPaths").split_whitespace())
    }

    /// Environment files in the order in which they are read.
    pub fn environment_files(&self) -> Vec<String> {
        let without_flags = |value: &String| match value.rfind(" (ignore_errors=") {
            Some(at) => value[..at].to_owned(),
            None => value.clone(),
        };
        self.all("EnvironmentFiles").iter().map(without_flags).collect()
    }

    /// The command of `ExecStart`, where `busctl` could not be asked. Arguments that hold spaces cannot be told from
    /// several: such a text is only used where there is no better one.
    pub fn exec_start(&self) -> Option<Exec> {
        let last = self.all("ExecStart").last()?;
        let (path, argv) = last.split_once("path=")?.1.split_once(" ; argv[]=")?;
        let argv = argv.split(" ; ignore_errors=").next()?;
        Some(Exec { path: path.to_owned(), args: argv.split_whitespace().skip(1).map(str::to_owned).collect() })
    }
}

/// `1min 30s` as microseconds; `infinity` and what is not a span of time is `None`.
fn microseconds(text: &str) -> Option<u64> {
    let mut total = 0u64;
    for part in text.split_whitespace() {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = part[..digits].parse().ok()?;
        let unit = match &part[digits..] {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            "w" => 604_800_000_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
    }
    (!text.trim().is_empty()).then_some(total)
}

/// `busctl get-property … ExecStart`: `a(sasbttttuii) 1 "/bin/etcd" 3 "/bin/etcd" "--name" "m1" false 0 …`. The last
/// command is the one that stays. `None` where the text is not of this form.
pub fn exec_of_busctl(text: &str) -> Option<Exec> {
    let mut words = bus_words(text.lines().next()?)?.into_iter();
    if words.next()? != "a(sasbttttuii)" {
        return None;
    }
    let commands: usize = words.next()?.parse().ok()?;
    let mut last = None;
    for _ in 0..commands {
        let path = words.next()?;
        let count: usize = words.next()?.parse().ok()?;
        let argv: Vec<String> = words.by_ref().take(count).collect();
        if argv.len() != count || words.by_ref().take(8).count() != 8 {
            return None;
        }
        last = Some(Exec { path, args: argv.into_iter().skip(1).collect() });
    }
    last
}

/// Words of a `busctl` line: bare, or in double quotes with C escapes.
fn bus_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        if first != '"' {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            words.push(word.to_owned());
            rest = after.trim_start();
            continue;
        }
        let (word, after) = c_string(&rest[1..])?;
        words.push(word);
        rest = after.trim_start();
    }
    Some(words)
}

/// A C string up to its closing quote; the text after it.
fn c_string(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut at = text.char_indices();
    while let Some((place, character)) = at.next() {
        match character {
            '"' => return Some((String::from_utf8_lossy(&bytes).into_owned(), &text[place + 1..])),
            '\\' => match at.next()?.1 {
                'n' => bytes.push(b'\n'),
                't' => bytes.push(b'\t'),
                'r' => bytes.push(b'\r'),
                'a' => bytes.push(7),
                'b' => bytes.push(8),
                'f' => bytes.push(12),
                'v' => bytes.push(11),
                's' => bytes.push(b' '),
                'x' => {
                    let digits: String = [at.next()?.1, at.next()?.1].iter().collect();
                    bytes.push(u8::from_str_radix(&digits, 16).ok()?);
                }
                high @ '0'..='3' => {
                    let digits: String = [high, at.next()?.1, at.next()?.1].iter().collect();
                    bytes.push(u8::from_str_radix(&digits, 8).ok()?);
                }
                other => bytes.extend(other.to_string().as_bytes()),
            },
            other => bytes.extend(other.to_string().as_bytes()),
        }
    }
    None
}

/// `NAME=value` lines of `Environment=`, already unquoted by the probe.
pub fn variables(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// An `EnvironmentFile`, by systemd's rules: `NAME=value`, comments by `#` and `;`, quotes of both kinds, backslashes.
/// Only what the probe lets through comes here: `ETCD_…`, and what the unit puts on the command line.
pub fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with(['#', ';']) {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim();
        // A shell's `export` is not known to systemd: it ignores such a line.
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        variables.push((name.to_owned(), unquoted(value.trim())));
    }
    variables
}

fn unquoted(value: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            // In double quotes only these are escaped; elsewhere a backslash stays.
            (Some('"'), '\\') => match characters.next_if(|next| "\"\\`$".contains(*next)) {
                Some(next) => out.push(next),
                None => out.push('\\'),
            },
            (None, '\\') => out.extend(characters.next()),
            _ => out.push(character),
        }
    }
    out
}

/// Later settings of a variable win; the order of the first is kept.
pub fn merged(lists: impl IntoIterator<Item = Vec<(String, String)>>) -> Vec<(String, String)> {
    let mut merged: Vec<(String, String)> = Vec::new();
    for (name, value) in lists.into_iter().flatten() {
        match merged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => merged.push((name, value)),
        }
    }
    merged
}

/// Puts variables into a command line as systemd does: `${X}` anywhere in a word stays one word; `$X` as a word of
/// its own is split at spaces and may vanish; `$$` is a dollar sign. What is not set is empty.
pub fn expanded(args: &[String], environment: &[(String, String)]) -> Vec<String> {
    let value =
        |name: &str| environment.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let mut out = Vec::new();
    for word in args {
        let alone = word.strip_prefix('$').filter(|name| is_variable(name));
        match alone {
            Some(name) => out.extend(split_words(value(name))),
            _ => out.push(expanded_word(word, &value)),
        }
    }
    out
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn expanded_word<'a>(word: &str, value: &dyn Fn(&str) -> &'a str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced =
            after.strip_prefix('{').and_then(|inner| inner.split_once('}')).filter(|(name, _)| is_variable(name));
        if let Some((name, tail)) = braced {
            out.push_str(value(name));
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Splits a variable's value at spaces, with quotes honoured.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == character => quote = None,
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// The D-Bus path of a unit: letters and digits stay, the rest is `_` and two hexadecimal digits.
pub fn object_path(unit: &str) -> String {
    let mut path = String::from("/org/freedesktop/systemd1/unit/");
    for (place, byte) in unit.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (byte.is_ascii_digit() && place > 0) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("_{byte:02x}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As systemd 252 of Debian 12 prints it.
    const SHOW: &str = "Type=notify\nRestart=on-failure\nTimeoutStopUSec=1min 30s\nMainPID=312\n\
        ExecStart={ path=/usr/bin/etcd ; argv[]=/usr/bin/etcd --name m1 $ETCD_OPTS ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n\
        EnvironmentFiles=/etc/default/etcd (ignore_errors=yes)\nEnvironmentFiles=/etc/etcd/more (ignore_errors=no)\n\
        User=etcd\nId=etcd.service\nLoadState=loaded\nActiveState=active\nSubState=running\n\
        FragmentPath=/lib/systemd/system/etcd.service\nDropInPaths=/etc/systemd/system/etcd.service.d/a.conf /etc/systemd/system/etcd.service.d/b.conf\n\
        UnitFileState=enabled\nNeedDaemonReload=no\n";

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn reads_the_facts_of_a_unit() {
        let properties = Properties::parse(SHOW);
        let facts = properties.facts(None);
        assert_eq!((facts.name.as_str(), facts.main_pid), ("etcd.service", Some(312)));
        assert_eq!(facts.timeout_stop_us, Some(90_000_000));
        assert_eq!(facts.drop_ins.len(), 2);
        assert!(!facts.need_daemon_reload);
        assert_eq!(properties.environment_files(), ["/etc/default/etcd", "/etc/etcd/more"]);
        let exec = properties.exec_start().unwrap();
        assert_eq!(exec, Exec { path: "/usr/bin/etcd".to_owned(), args: strings(&["--name", "m1", "$ETCD_OPTS"]) });
    }

    #[test]
    fn a_unit_that_is_not_there_has_facts_too() {
        let facts = Properties::parse("Id=etcd.service\nLoadState=not-found\nMainPID=0\nTimeoutStopUSec=infinity\n")
            .facts(None);
        assert_eq!((facts.load_state.as_str(), facts.main_pid, facts.timeout_stop_us), ("not-found", None, None));
    }

    #[test]
    fn reads_exact_arguments_from_the_bus() {
        let text = r#"a(sasbttttuii) 1 "/usr/bin/etcd" 4 "/usr/bin/etcd" "--name=a b" "say \"hi\"" "tab\there\303\244" false 1700000000000000 17 0 0 312 0 0"#;
        assert_eq!(exec_of_busctl(text).unwrap().args, ["--name=a b", "say \"hi\"", "tab\thereä"]);
        assert_eq!(exec_of_busctl("a(sasbttttuii) 0"), None);
        for wrong in ["", "s \"x\"", "a(sasbttttuii) 1 \"/x\" 9 \"a\"", "a(sasbttttuii) 1 \"open"] {
            assert_eq!(exec_of_busctl(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reads_an_environment_file_as_systemd_does() {
        let text = "# comment\n; too\nETCD_NAME=m1\n ETCD_DATA_DIR=\"/var/lib/etcd\"\nETCD_A='x y'\nETCD_B=\"a\\\"b\"\nETCD_C=a\\ b\n\
                    export ETCD_D=1\nETCD_NAME=m2\n";
        let variables = merged([environment_file(text)]);
        let expected = [
            ("ETCD_NAME", "m2"),
            ("ETCD_DATA_DIR", "/var/lib/etcd"),
            ("ETCD_A", "x y"),
            ("ETCD_B", "a\"b"),
            ("ETCD_C", "a b"),
        ];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn puts_variables_into_a_command_as_systemd_does() {
        let environment = [("OPTS", "--a=1 '--b=x y'"), ("NAME", "m 1"), ("EMPTY", "")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let argv = strings(&["--name=${NAME}", "$OPTS", "$EMPTY", "${EMPTY}", "a$$b", "x$NAME", "${1}"]);
        assert_eq!(expanded(&argv, &environment), ["--name=m 1", "--a=1", "--b=x y", "", "a$b", "x$NAME", "${1}"]);
    }

    #[test]
    fn a_unit_has_a_path_on_the_bus() {
        assert_eq!(object_path("etcd@m-1.service"), "/org/freedesktop/systemd1/unit/etcd_40m_2d1_2eservice");
        assert_eq!(object_path("3.service"), "/org/freedesktop/systemd1/unit/_33_2eservice");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\PC\n\"\\\\$ =]{0,200}") {
            let properties = Properties::parse(&text);
            let _ = (properties.facts(None), properties.exec_start(), properties.environment_files());
            let _ = exec_of_busctl(&format!("a(sasbttttuii) 1 {text}"));
            let variables = merged([environment_file(&text), variables(&text)]);
            let _ = expanded(&[text.clone(), text], &variables);
        }
    }
}
