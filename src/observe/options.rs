//! Which options a member has, and where each is set: pure functions from arguments, environment and config file to
//! the options as etcd itself decides on them.

use sha2::Digest as _;

use crate::knowledge::{Feature, FlagKind, Knowledge};
use crate::observe::config_file;
use crate::observe::inventory::{OptionFact, OptionSource};
use crate::units::{Sha256, Version};

/// What stands in the place of a value that is a secret.
const HIDDEN: &str = "(hidden)";

/// What a member is started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Without the program.
    pub args: Vec<String>,
    /// `ETCD_…` variables.
    pub environment: Vec<(String, String)>,
}

/// One option of a command line; where it stands among the arguments, and how many of them it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub name: String,
    pub value: String,
    pub at: usize,
    pub words: usize,
}

/// Reads a command line as Go's `flag` package does: `-x` and `--x` are the same, a value follows `=` or is the next
/// argument, a boolean needs none, and the first word that is not an option ends the options.
pub fn flags(args: &[String], knowledge: &Knowledge) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut rest = args.iter().peekable();
    while let Some(arg) = rest.next() {
        let left = rest.len();
        let Some(name) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else { break };
        if name.is_empty() {
            break;
        }
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None if is_boolean(name, knowledge) => (name, "true".to_owned()),
            // Of an option that is not known to be a boolean, what follows is the value, unless it is an option.
            None => match rest.next_if(|next| !next.starts_with("--") && !looks_like_option(next)) {
                Some(value) => (name, value.clone()),
                None => (name, "true".to_owned()),
            },
        };
        let words = 1 + left - rest.len();
        flags.push(Flag { name: name.to_owned(), value, at: args.len() - left - 1, words });
    }
    flags
}

fn looks_like_option(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// Options that take no value. A name has never changed its kind from version to version.
fn is_boolean(name: &str, knowledge: &Knowledge) -> bool {
    matches!(name, "help" | "h") || knowledge.flag(name).is_some_and(|flag| flag.kind == FlagKind::Bool)
}

/// Names of variables and options whose values are nobody's business.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("password") || name.contains("secret")
}

/// `ETCD_LISTEN_CLIENT_URLS` is `listen-client-urls`.
fn option_of_variable(name: &str) -> Option<String> {
    let rest = name.strip_prefix("ETCD_").filter(|rest| !rest.is_empty())?;
    Some(rest.to_ascii_lowercase().replace('_', "-"))
}

impl Sources {
    /// The config file that is read, by the rules of the version: not every one reads the variable. Of an unknown
    /// version it is taken to count: better a file looked at in vain than one overlooked.
    pub fn config_file(&self, version: Option<&Version>, knowledge: &Knowledge) -> Option<String> {
        let flags = flags(&self.args, knowledge);
        let of_flag = flags.into_iter().rev().find(|flag| flag.name == "config-file").map(|flag| flag.value);
        let of_variable = || {
            let counts = |version| knowledge.features(version).has(Feature::ConfigFileFromEnvironment);
            version.is_none_or(counts).then_some(())?;
            let variable = self.environment.iter().rev().find(|(name, _)| name == "ETCD_CONFIG_FILE");
            variable.map(|(_, value)| value.clone())
        };
        of_flag.filter(|path| !path.is_empty()).or_else(of_variable).filter(|path| !path.is_empty())
    }

    /// All options with their sources. Within a source the last one counts; between sources: a config file hides
    /// everything else, an argument hides a variable.
    pub fn options(&self, config: Option<&[config_file::Entry]>, knowledge: &Knowledge) -> Vec<OptionFact> {
        let mut facts = Vec::new();
        let flags = flags(&self.args, knowledge);
        for (place, flag) in flags.iter().enumerate() {
            let repeated = flags[place + 1..].iter().any(|later| later.name == flag.name);
            let effective = !repeated && (config.is_none() || flag.name == "config-file");
            facts.push(fact(flag.name.clone(), &flag.value, OptionSource::Argument, effective));
        }
        for (name, value) in &self.environment {
            let Some(option) = option_of_variable(name) else { continue };
            // etcd takes an empty variable for none.
            let hidden = value.is_empty() || config.is_some() || flags.iter().any(|flag| flag.name == option);
            facts.push(fact(option, value, OptionSource::Environment, !hidden));
        }
        for entry in config.unwrap_or_default() {
            let source = OptionSource::ConfigFile { key: entry.key.clone(), yaml_type: entry.yaml_type.to_owned() };
            facts.push(fact(entry.option(), &entry.value, source, true));
        }
        facts
    }

    /// Whether both set the same; variables count in any order.
    pub fn same_as(&self, other: &Self) -> bool {
        self.digest(None) == other.digest(None)
    }

    /// The arguments, fit to be stored: what is secret in them is hidden.
    pub fn shown_args(&self) -> Vec<String> {
        let mut shown = Vec::with_capacity(self.args.len());
        let mut hide_next = false;
        for arg in &self.args {
            let name = arg.trim_start_matches('-').split('=').next().unwrap_or_default();
            if hide_next {
                shown.push(HIDDEN.to_owned());
                hide_next = false;
            } else if arg.starts_with('-') && is_secret(name) {
                match arg.split_once('=') {
                    Some((option, _)) => shown.push(format!("{option}={HIDDEN}")),
                    None => {
                        shown.push(arg.clone());
                        hide_next = true;
                    }
                }
            } else {
                shown.push(arg.clone());
            }
        }
        shown
    }

    /// One digest over everything that decides how the member runs. Variables count in any order.
    pub fn digest(&self, config_text: Option<&[u8]>) -> Sha256 {
        let mut hash = sha2::Sha256::new();
        let mut part = |tag: u8, bytes: &[u8]| {
            hash.update([tag]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for arg in &self.args {
            part(b'a', arg.as_bytes());
        }
        let mut environment = self.environment.clone();
        environment.sort();
        for (name, value) in &environment {
            part(b'n', name.as_bytes());
            part(b'v', value.as_bytes());
        }
        if let Some(text) = config_text {
            part(b'f', text);
        }
        Sha256(hash.finalize().into())
    }
}

fn fact(name: String, value: &str, source: OptionSource, effective: bool) -> OptionFact {
    let value = if is_secret(&name) { HIDDEN.to_owned() } else { value.to_owned() };
    OptionFact { name, value, source, effective }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known() -> Knowledge {
        Knowledge::embedded().unwrap()
    }

    fn sources(args: &[&str], environment: &[(&str, &str)]) -> Sources {
        Sources {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            environment: environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    fn effective(facts: &[OptionFact]) -> Vec<(&str, &str)> {
        facts.iter().filter(|fact| fact.effective).map(|fact| (fact.name.as_str(), fact.value.as_str())).collect()
    }

    #[test]
    fn reads_a_command_line_as_go_does() {
        let args = ["-name", "m1", "--data-dir=/d", "--debug", "--listen-client-urls", "http://a:1,http://b:2"];
        let facts = sources(&args, &[]).options(None, &known());
        assert_eq!(
            effective(&facts),
            [("name", "m1"), ("data-dir", "/d"), ("debug", "true"), ("listen-client-urls", "http://a:1,http://b:2")]
        );
        let facts = sources(&["--name", "m1", "word", "--data-dir=/d"], &[]).options(None, &known());
        assert_eq!(effective(&facts), [("name", "m1")]);
        let facts = sources(&["--quota-backend-bytes", "-1", "--unknown", "--name=a=b"], &[]).options(None, &known());
        assert_eq!(effective(&facts), [("quota-backend-bytes", "-1"), ("unknown", "true"), ("name", "a=b")]);
    }

    #[test]
    fn the_last_of_two_arguments_counts() {
        let facts = sources(&["--name=a", "--name=b"], &[]).options(None, &known());
        assert_eq!(facts.len(), 2);
        assert_eq!(effective(&facts), [("name", "b")]);
    }

    #[test]
    fn an_argument_hides_a_variable_and_a_config_file_hides_both() {
        let both = sources(&["--name=flag"], &[("ETCD_NAME", "variable"), ("ETCD_DATA_DIR", "/e"), ("ETCD_DEBUG", "")]);
        assert_eq!(effective(&both.options(None, &known())), [("name", "flag"), ("data-dir", "/e")]);
        let config = config_file::parse("name: file\n").unwrap();
        let facts = both.options(Some(&config), &known());
        assert_eq!(effective(&facts), [("name", "file")]);
        assert_eq!(facts.len(), 5);
    }

    #[test]
    fn the_variable_that_names_a_config_file_counts_from_3_4_on() {
        let by_variable = sources(&[], &[("ETCD_CONFIG_FILE", "/c")]);
        assert_eq!(by_variable.config_file(Some(&Version::new(3, 3, 0)), &known()), None);
        assert_eq!(by_variable.config_file(Some(&Version::new(3, 4, 0)), &known()).as_deref(), Some("/c"));
        assert_eq!(by_variable.config_file(None, &known()).as_deref(), Some("/c"));
        let by_flag = sources(&["--config-file", "/f"], &[("ETCD_CONFIG_FILE", "/c")]);
        assert_eq!(by_flag.config_file(Some(&Version::new(3, 2, 0)), &known()).as_deref(), Some("/f"));
    }

    #[test]
    fn secrets_are_hidden_but_count_in_the_digest() {
        let one =
            sources(&["--discovery-password=p1", "--discovery-password", "p2"], &[("ETCD_DISCOVERY_PASSWORD", "p3")]);
        let other =
            sources(&["--discovery-password=p1", "--discovery-password", "p9"], &[("ETCD_DISCOVERY_PASSWORD", "p3")]);
        let shown = format!("{:?}{:?}", one.options(None, &known()), one.shown_args());
        assert!(!shown.contains("p1") && !shown.contains("p2") && !shown.contains("p3"), "{shown}");
        assert_ne!(one.digest(None), other.digest(None));
    }

    #[test]
    fn the_digest_tells_every_source_apart() {
        let digest = |args: &[&str], env: &[(&str, &str)], file: Option<&[u8]>| sources(args, env).digest(file);
        assert_ne!(digest(&["ab"], &[], None), digest(&["a", "b"], &[], None));
        assert_ne!(digest(&[], &[], None), digest(&[], &[], Some(b"")));
        assert_eq!(digest(&[], &[("A", "1"), ("B", "2")], None), digest(&[], &[("B", "2"), ("A", "1")], None));
    }

    static KNOWN: std::sync::OnceLock<Knowledge> = std::sync::OnceLock::new();

    proptest! {
        #[test]
        fn never_panics(args in proptest::collection::vec("\\PC{0,12}|-{1,3}[a-c=]{0,4}", 0..8)) {
            let sources = Sources { args, environment: Vec::new() };
            let knowledge = KNOWN.get_or_init(known);
            let facts = sources.options(None, knowledge);
            prop_assert!(facts.len() <= sources.args.len());
            let _ = sources.shown_args();
        }
    }
}
