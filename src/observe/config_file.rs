//! etcd's config file: YAML in, options out. Only what etcd reads is kept: one level of keys, and one more below the
//! two transport-security keys. Values keep whether they were quoted, since etcd's types depend on it.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// Most entries of a config file that are read.
const MOST_ENTRIES: usize = 2000;
/// Deepest nesting that is followed; etcd's own goes to two.
const DEEPEST: usize = 32;

/// One value of a config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Dots join the levels: `client-transport-security.cert-file`.
    pub key: String,
    pub value: String,
    /// `string`, `int`, `float`, `bool`, `null`, `list`, `map`.
    pub yaml_type: &'static str,
}

impl Entry {
    /// The command line's name for the same option.
    pub fn option(&self) -> String {
        let renamed = |section: &str, rest: &str| match (section, rest) {
            ("client", "crl-file") => "client-crl-file".to_owned(),
            ("client", name) if name.starts_with("allowed-") => format!("client-cert-{name}"),
            ("peer", name) if name.starts_with("allowed-") => format!("peer-cert-{name}"),
            ("client", name) => name.to_owned(),
            (_, name) => format!("peer-{name}"),
        };
        if let Some(rest) = self.key.strip_prefix("client-transport-security.") {
            renamed("client", rest)
        } else if let Some(rest) = self.key.strip_prefix("peer-transport-security.") {
            renamed("peer", rest)
        } else if self.key == "experimental-snapshot-catch-up-entries" {
            // The file spells it so, the command line otherwise.
            "experimental-snapshot-catchup-entries".to_owned()
        } else {
            self.key.clone()
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFileError {
    #[error("line {line}: {problem}")]
    Syntax { line: usize, problem: String },
    #[error("line {line}: {what} is not something that quorate reads in an etcd config file")]
    Unread { line: usize, what: &'static str },
    #[error("it does not hold `key: value` lines")]
    NotAMap,
    #[error("it holds more than {MOST_ENTRIES} values")]
    TooMany,
}

/// Where an entry stands: its key and its value, each from its first character up to the one after its last, counted from
/// the begin of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// A key that waits for its value, and where it stands.
type Key = (String, Range<usize>);

/// A container that is open while events come in.
enum Open {
    Map { key: Option<Key> },
    List { items: Vec<String>, began: usize },
}

/// Reads a config file.
pub fn parse(text: &str) -> Result<Vec<Entry>, ConfigFileError> {
    Ok(parse_placed(text)?.into_iter().map(|(entry, _)| entry).collect())
}

/// The same, with where each entry stands. A mark at the begin of the file, which some editors write, is not counted.
pub fn parse_placed(text: &str) -> Result<Vec<(Entry, Place)>, ConfigFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { open: Vec::new(), entries: Vec::new() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| ConfigFileError::Syntax {
            line: error.marker().line(),
            problem: super::text::shown(error.info().as_bytes()),
        })?;
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        reader.take(event, span.start.line(), span.start.index()..span.end.index())?;
    }
    Ok(reader.entries)
}

struct Reader {
    open: Vec<Open>,
    entries: Vec<(Entry, Place)>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize, at: Range<usize>) -> Result<(), ConfigFileError> {
        match event {
            Event::Alias(_) => return Err(ConfigFileError::Unread { line, what: "an alias (*name)" }),
            Event::Scalar(text, style, _, tag) => {
                let yaml_type = match (&tag, style) {
                    (Some(tag), _) if tag.suffix == "str" => "string",
                    (_, ScalarStyle::Plain) => plain_type(&text),
                    _ => "string",
                };
                self.scalar(text.into_owned(), yaml_type, at)?;
            }
            Event::MappingStart(..) => self.start(Open::Map { key: None }, line)?,
            Event::SequenceStart(..) => self.start(Open::List { items: Vec::new(), began: at.start }, line)?,
            Event::MappingEnd | Event::SequenceEnd => self.end(at.end)?,
            _ => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: String, yaml_type: &'static str, at: Range<usize>) -> Result<(), ConfigFileError> {
        match self.open.last_mut() {
            // An empty file is a document with one null in it.
            None if yaml_type == "null" => Ok(()),
            None => Err(ConfigFileError::NotAMap),
            Some(Open::List { items, .. }) => {
                items.push(text);
                Ok(())
            }
            Some(Open::Map { key: key @ None }) => {
                *key = Some((text, at));
                Ok(())
            }
            Some(Open::Map { key: Some(_) }) => self.add(text, yaml_type, at),
        }
    }

    fn start(&mut self, container: Open, line: usize) -> Result<(), ConfigFileError> {
        if self.open.len() == DEEPEST {
            return Err(ConfigFileError::Unread { line, what: "such deep nesting" });
        }
        match (self.open.last(), &container) {
            (None, Open::List { .. }) => return Err(ConfigFileError::NotAMap),
            (Some(Open::Map { key: None }), _) => {
                return Err(ConfigFileError::Unread { line, what: "a list or map as a key" });
            }
            _ => {}
        }
        self.open.push(container);
        Ok(())
    }

    fn end(&mut self, end: usize) -> Result<(), ConfigFileError> {
        let ended = self.open.pop();
        match (ended, self.open.last_mut()) {
            (Some(Open::List { items, began }), Some(Open::Map { key: Some(_) })) => {
                self.add(items.join(","), "list", began..end)
            }
            (Some(Open::Map { .. }), Some(Open::Map { key })) => {
                *key = None;
                Ok(())
            }
            // Lists and maps within lists: etcd reads none; what they hold is not an option.
            _ => Ok(()),
        }
    }

    fn add(&mut self, value: String, yaml_type: &'static str, at: Range<usize>) -> Result<(), ConfigFileError> {
        if self.entries.len() == MOST_ENTRIES {
            return Err(ConfigFileError::TooMany);
        }
        let keys: Vec<&str> = self
            .open
            .iter()
            .filter_map(|open| match open {
                Open::Map { key } => key.as_ref().map(|(name, _)| name.as_str()),
                Open::List { .. } => None,
            })
            .collect();
        let in_list = self.open.iter().any(|open| matches!(open, Open::List { .. }));
        let of_key = match self.open.last() {
            Some(Open::Map { key: Some((_, at)) }) => at.clone(),
            _ => 0..0,
        };
        if !in_list {
            let entry = Entry { key: keys.join("."), value, yaml_type };
            self.entries.push((entry, Place { key: of_key, value: at }));
        }
        if let Some(Open::Map { key }) = self.open.last_mut() {
            *key = None;
        }
        Ok(())
    }
}

/// The type of an unquoted value, by the rules of etcd's YAML library (YAML 1.1: `yes` and `on` are booleans).
fn plain_type(text: &str) -> &'static str {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |allowed: &dyn Fn(char) -> bool| !digits.is_empty() && digits.chars().all(allowed);
    match text {
        "" | "~" | "null" | "Null" | "NULL" => "null",
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" | "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on"
        | "On" | "ON" | "off" | "Off" | "OFF" => "bool",
        _ if all(&|c| c.is_ascii_digit() || c == '_') => "int",
        _ if digits.strip_prefix("0x").is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit())) => "int",
        _ if all(&|c| c.is_ascii_digit() || "._eE+-".contains(c)) && text.parse::<f64>().is_ok() => "float",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(key: &str, value: &str, yaml_type: &'static str) -> Entry {
        Entry { key: key.to_owned(), value: value.to_owned(), yaml_type }
    }

    #[test]
    fn types_are_those_that_etcd_sees() {
        let text = "# etcd\nname: m1\nquota-backend-bytes: 8589934592\nauto-compaction-retention: \"1\"\nenable-v2: yes\n\
                    log-outputs: [stderr, /var/log/etcd.log]\ninitial-cluster:\n\
                    client-transport-security:\n  cert-file: /a.crt\n  client-cert-auth: true\n\
                    peer-transport-security:\n  cert-file: '/p.crt'\n  allowed-cn: x\nelection-timeout: 1.5\n";
        assert_eq!(
            parse(text).unwrap(),
            [
                entry("name", "m1", "string"),
                entry("quota-backend-bytes", "8589934592", "int"),
                entry("auto-compaction-retention", "1", "string"),
                entry("enable-v2", "yes", "bool"),
                entry("log-outputs", "stderr,/var/log/etcd.log", "list"),
                entry("initial-cluster", "", "null"),
                entry("client-transport-security.cert-file", "/a.crt", "string"),
                entry("client-transport-security.client-cert-auth", "true", "bool"),
                entry("peer-transport-security.cert-file", "/p.crt", "string"),
                entry("peer-transport-security.allowed-cn", "x", "string"),
                entry("election-timeout", "1.5", "float"),
            ]
        );
    }

    #[test]
    fn keys_of_the_file_have_names_on_the_command_line() {
        let option = |key: &str| entry(key, "", "string").option();
        assert_eq!(option("client-transport-security.cert-file"), "cert-file");
        assert_eq!(option("peer-transport-security.cert-file"), "peer-cert-file");
        assert_eq!(option("peer-transport-security.client-cert-auth"), "peer-client-cert-auth");
        assert_eq!(option("peer-transport-security.allowed-cn"), "peer-cert-allowed-cn");
        assert_eq!(option("listen-client-urls"), "listen-client-urls");
    }

    #[test]
    fn refuses_what_it_would_misread() {
        assert!(matches!(parse("a: &x 1\nb: *x\n"), Err(ConfigFileError::Unread { line: 2, .. })));
        assert!(matches!(parse("just words"), Err(ConfigFileError::NotAMap)));
        assert!(matches!(parse("- a\n- b\n"), Err(ConfigFileError::NotAMap)));
        assert!(matches!(parse("a: [1, 2\n"), Err(ConfigFileError::Syntax { .. })));
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&"a: ".repeat(10_000)).is_err());
        assert!(parse(&"a: {b: [".repeat(100)).is_err());
        assert_eq!(parse("").unwrap(), []);
        assert_eq!(parse("# nothing set\n").unwrap(), []);
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(
            parse("{\"name\": \"m1\", \"data-dir\": \"/d\"}").unwrap(),
            [entry("name", "m1", "string"), entry("data-dir", "/d", "string")]
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,300}") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_on_what_looks_like_yaml(text in "([a-c]: |[-\\[\\]{},&*!\"'#|>\n ]|1){0,80}") {
            let _ = parse(&text);
        }
    }
}
