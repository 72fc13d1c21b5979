//! What a created member is started with: its arguments, and the text of its unit. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};

use crate::spec::model::{Runtime, Systemd};
use crate::units::{MemberName, Version};

use super::answer::clean;
use super::error::RuntimeError;
use super::site::{Site, check_path, check_unit};

const UNIT_TEMPLATE: &str = include_str!("../../modules/runtime/systemd/etcd.service.j2");

/// Where the template is below a folder of the user's own.
const UNIT_TEMPLATE_FILE: &str = "systemd/etcd.service.j2";

/// Largest template that is read.
const MOST_TEMPLATE: u64 = 1024 * 1024;

/// Where a systemd member's data goes unless the spec says otherwise.
const SYSTEMD_DATA: &str = "/var/lib/etcd";

/// Options that follow from who the member is: a spec's settings cannot change them.
const IDENTITY: &[&str] = &[
    "name",
    "data-dir",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
    "config-file",
    "version",
];

/// A member that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSpec {
    pub name: MemberName,
    pub runtime: Runtime,
    /// Which staged release it gets.
    pub version: Version,
    /// `/var/lib/etcd`, or `data` in the member's folder, unless said otherwise.
    pub data_dir: Option<String>,
    pub listen_client_urls: Vec<String>,
    pub advertise_client_urls: Vec<String>,
    pub listen_peer_urls: Vec<String>,
    pub advertise_peer_urls: Vec<String>,
    /// Every member of the new cluster with its peer URL.
    pub initial_cluster: Vec<(MemberName, String)>,
    pub token: String,
    /// Declared options, by flag name without dashes. Of the URL options, these win.
    pub settings: BTreeMap<String, String>,
    /// Environment that the release needs on this host, such as ETCD_UNSUPPORTED_ARCH.
    pub environment: BTreeMap<String, String>,
    /// The user's own template of the unit: what was planned is what is written. The built-in one where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_template: Option<UnitTemplate>,
}

/// The text of a template, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitTemplate {
    pub name: String,
    pub text: String,
}

impl CreateSpec {
    /// Where the member will live.
    pub fn site(&self) -> Result<Site, RuntimeError> {
        match &self.runtime {
            Runtime::Systemd(systemd) => {
                let binary = format!("{}/etcd", check_path("folder for binaries", &systemd.bin_dir)?);
                Site::systemd(systemd, &binary, self.data_dir.as_deref().unwrap_or(SYSTEMD_DATA), None)
            }
            Runtime::Process(process) => Site::process(process, &self.name, self.data_dir.as_deref()),
        }
    }

    /// Environment as `NAME=VALUE`, checked.
    pub(super) fn environment(&self) -> Result<Vec<String>, RuntimeError> {
        self.environment
            .iter()
            .map(|(name, value)| {
                let plain =
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
                if plain {
                    one_line(format!("{name}={value}"))
                } else {
                    Err(wrong("variable", name, "is not a plain name"))
                }
            })
            .collect()
    }
}

/// The arguments of a new member. Each is one word, `--flag=value`, so that no value is taken for a flag.
pub fn member_args(spec: &CreateSpec) -> Result<Vec<String>, RuntimeError> {
    let initial: Vec<String> = spec.initial_cluster.iter().map(|(name, url)| format!("{name}={url}")).collect();
    let mut options = vec![
        ("name", spec.name.to_string()),
        ("data-dir", spec.site()?.data_dir),
        ("listen-client-urls", spec.listen_client_urls.join(",")),
        ("advertise-client-urls", spec.advertise_client_urls.join(",")),
        ("listen-peer-urls", spec.listen_peer_urls.join(",")),
        ("initial-advertise-peer-urls", spec.advertise_peer_urls.join(",")),
        ("initial-cluster", initial.join(",")),
        ("initial-cluster-token", spec.token.clone()),
        ("initial-cluster-state", "new".to_owned()),
    ];
    options.retain(|(name, _)| !spec.settings.contains_key(*name) || IDENTITY.contains(name));
    for (name, value) in &spec.settings {
        if IDENTITY.contains(&name.as_str()) {
            return Err(wrong("setting", name, "follows from the member itself and cannot be set"));
        }
        let plain = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain {
            return Err(wrong("setting", name, "is not the name of a flag"));
        }
        options.push((name, value.clone()));
    }
    options.into_iter().map(|(name, value)| one_line(format!("--{name}={value}"))).collect()
}

fn one_line(word: String) -> Result<String, RuntimeError> {
    if word.chars().any(char::is_control) {
        return Err(wrong("value", &word, "holds a control character"));
    }
    Ok(word)
}

fn wrong(what: &'static str, value: &str, rule: &'static str) -> RuntimeError {
    RuntimeError::Value { what, value: clean(&value.chars().take(200).collect::<String>()), rule }
}

/// The templates: built in, or the user's own.
#[derive(Debug, Clone)]
pub struct Templates {
    name: String,
    unit: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self { name: format!("{UNIT_TEMPLATE_FILE} (built in)"), unit: UNIT_TEMPLATE.to_owned() }
    }
}

impl Templates {
    /// Takes what is in `dir` (laid out as `modules/runtime`), and for the rest what is built in.
    pub fn from_dir(dir: &Path) -> Result<Self, RuntimeError> {
        let file = dir.join(UNIT_TEMPLATE_FILE);
        let name = file.display().to_string();
        let failed = |reason: String| RuntimeError::Template { name: name.clone(), reason };
        match std::fs::metadata(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error.to_string())),
            Ok(facts) if facts.len() > MOST_TEMPLATE => return Err(failed("it is larger than 1 MB".to_owned())),
            Ok(_) => {}
        }
        let unit = std::fs::read_to_string(&file).map_err(|error| failed(error.to_string()))?;
        Ok(Self { name, unit })
    }

    /// The user's own template of a unit, if these have one.
    pub fn own_unit(&self) -> Option<UnitTemplate> {
        let is_own = self.unit != UNIT_TEMPLATE;
        is_own.then(|| UnitTemplate { name: self.name.clone(), text: self.unit.clone() })
    }

    /// The text of the unit file of a new member: by the template that came with it, else by these.
    pub fn render_unit(&self, spec: &CreateSpec) -> Result<String, RuntimeError> {
        let (template, text) = match &spec.unit_template {
            Some(own) => (own.name.as_str(), own.text.as_str()),
            None => (self.name.as_str(), self.unit.as_str()),
        };
        let Runtime::Systemd(systemd) = &spec.runtime else {
            return Err(wrong("member", spec.name.as_str(), "is a plain process: it has no unit"));
        };
        check_unit(&systemd.unit)?;
        let site = spec.site()?;
        let failed = |error: minijinja::Error| RuntimeError::Template {
            name: template.to_owned(),
            reason: match error.line() {
                Some(line) => format!("line {line}: {error}"),
                None => error.to_string(),
            },
        };
        let mut templates = Environment::new();
        templates.set_auto_escape_callback(|_| AutoEscape::None);
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_filter("systemd_word", |value: &str| systemd_quote(value, "%$"));
        templates.add_filter("systemd_variable", |value: &str| systemd_quote(value, "%"));
        templates.add_template("unit", text).map_err(failed)?;
        let values = context! {
            name => spec.name.as_str(),
            user => check_user(systemd)?,
            program => plain_program(&site.binary)?,
            args => member_args(spec)?,
            environment => spec.environment()?,
            data_dir => site.data_dir,
        };
        let text = templates.get_template("unit").and_then(|template| template.render(values)).map_err(failed)?;
        Ok(format!("{}\n", text.trim_end()))
    }
}

/// The text of the unit file of a new member, by its own template or the built-in one.
pub fn render_unit(spec: &CreateSpec) -> Result<String, RuntimeError> {
    Templates::default().render_unit(spec)
}

pub(super) fn check_user(systemd: &Systemd) -> Result<&str, RuntimeError> {
    let user = systemd.user.as_str();
    let good = user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && user.len() <= 31
        && user.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if good { Ok(user) } else { Err(wrong("user", user, "is not a plain account name")) }
}

/// In the program's own path, systemd does not undo `$$`: so there is no `$` in it.
fn plain_program(path: &str) -> Result<&str, RuntimeError> {
    let good = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.+".contains(&b));
    if good { Ok(path) } else { Err(wrong("binary", path, "has other characters than letters, digits and /-_.+")) }
}

/// One word in a unit file: quoted, with what systemd would expand there (`doubled`) doubled. In a command line that is
/// `%` and `$`, in `Environment=` only `%`.
pub(super) fn systemd_quote(value: &str, doubled: &str) -> String {
    let mut word = String::with_capacity(value.len() + 2);
    word.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                word.push('\\');
                word.push(c);
            }
            c if doubled.contains(c) => {
                word.push(c);
                word.push(c);
            }
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    word.push_str(&format!("\\x{byte:02x}"));
                }
            }
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::model::{Ownership, Process};

    fn spec() -> CreateSpec {
        let urls = |port: u16| vec![format!("http://10.0.0.11:{port}")];
        CreateSpec {
            name: "m1".parse().unwrap(),
            runtime: Runtime::Systemd(Systemd {
                unit: "etcd.service".into(),
                ownership: Ownership::Managed,
                bin_dir: "/usr/local/bin".into(),
                user: "etcd".into(),
            }),
            version: Version::new(3, 5, 33),
            data_dir: None,
            listen_client_urls: vec!["http://10.0.0.11:2379".into(), "http://127.0.0.1:2379".into()],
            advertise_client_urls: urls(2379),
            listen_peer_urls: urls(2380),
            advertise_peer_urls: urls(2380),
            initial_cluster: vec![
                ("m1".parse().unwrap(), "http://10.0.0.11:2380".into()),
                ("m2".parse().unwrap(), "http://10.0.0.12:2380".into()),
            ],
            token: "prod".into(),
            settings: BTreeMap::new(),
            environment: BTreeMap::new(),
            unit_template: None,
        }
    }

    #[test]
    fn a_plain_unit() {
        insta::assert_snapshot!(render_unit(&spec()).unwrap());
    }

    #[test]
    fn a_unit_with_hostile_values() {
        let mut spec = spec();
        spec.token = "a b\" \\ %h $HOME ; `id` ' #x".into();
        spec.settings.insert("experimental-x".into(), "-rm \u{e9} {{ name }}".into());
        spec.environment.insert("ETCD_UNSUPPORTED_ARCH".into(), "arm64 %n $x \"".into());
        insta::assert_snapshot!(render_unit(&spec).unwrap());
    }

    #[test]
    fn what_cannot_stand_on_one_line_is_refused() {
        let mut with_newline = spec();
        with_newline.token = "a\nExecStartPre=/bin/evil".into();
        assert!(matches!(render_unit(&with_newline), Err(RuntimeError::Value { .. })));
        let mut bad_variable = spec();
        bad_variable.environment.insert("A B".into(), "x".into());
        assert!(render_unit(&bad_variable).is_err());
        for user in ["", "root x", "-u", "a\nb", "$(id)", "Ähm"] {
            let mut bad_user = spec();
            let Runtime::Systemd(systemd) = &mut bad_user.runtime else { unreachable!() };
            systemd.user = user.into();
            assert!(render_unit(&bad_user).is_err(), "{user:?}");
        }
    }

    #[test]
    fn settings_win_over_urls_but_never_over_who_the_member_is() {
        let mut spec = spec();
        spec.settings.insert("listen-client-urls".into(), "http://0.0.0.0:2379".into());
        let args = member_args(&spec).unwrap();
        let listen: Vec<_> = args.iter().filter(|arg| arg.starts_with("--listen-client-urls")).collect();
        assert_eq!(listen, ["--listen-client-urls=http://0.0.0.0:2379"]);
        for name in ["data-dir", "initial-cluster", "--x", "a b", ""] {
            let mut bad = spec.clone();
            bad.settings.insert(name.into(), "x".into());
            assert!(member_args(&bad).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_plain_process_has_its_data_in_its_folder_and_no_unit() {
        let mut spec = spec();
        spec.runtime = Runtime::Process(Process { dir: "/srv/etcd".into() });
        assert!(member_args(&spec).unwrap().contains(&"--data-dir=/srv/etcd/m1/data".to_owned()));
        assert!(render_unit(&spec).is_err());
    }

    #[test]
    fn a_template_of_the_users_own_is_used_and_its_mistakes_are_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            Templates::from_dir(dir.path()).unwrap().render_unit(&spec()).unwrap(),
            render_unit(&spec()).unwrap()
        );
        std::fs::create_dir(dir.path().join("systemd")).unwrap();
        std::fs::write(dir.path().join(UNIT_TEMPLATE_FILE), "[Service]\nExecStart={{ program | systemd_word }}\n")
            .unwrap();
        let text = Templates::from_dir(dir.path()).unwrap().render_unit(&spec()).unwrap();
        assert_eq!(text, "[Service]\nExecStart=\"/usr/local/bin/etcd\"\n");
        std::fs::write(dir.path().join(UNIT_TEMPLATE_FILE), "[Service]\nExecStart={{ programm }}\n").unwrap();
        let error = Templates::from_dir(dir.path()).unwrap().render_unit(&spec()).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
