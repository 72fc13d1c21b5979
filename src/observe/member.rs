//! Which of the things on a host is the declared member, and how it is set up. Pure functions of the probe's answer.
//!
//! The member is what its runtime says it is: the unit's process, or the process of the pid file. Another etcd on the
//! host is listed and never taken for it, whatever its name or address.

use crate::knowledge::Knowledge;
use crate::observe::answer::{Answer, Process};
use crate::observe::inventory::OptionFact;
use crate::observe::options::Sources;
use crate::observe::{config_file, systemd};
use crate::spec::model::{Member, Runtime};
use crate::units::Version;

/// Where a created member has its data under systemd when the spec does not say.
pub const DEFAULT_DATA_DIR: &str = "/var/lib/etcd";

/// Something that the host is asked to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Data,
    Binary,
    Config,
    Cert,
    Key,
    Env,
    /// A file whose whole text is wanted: for the connection to etcd, kept in memory only.
    Secret,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Binary => "binary",
            Self::Config => "config",
            Self::Cert => "cert",
            Self::Key => "key",
            Self::Env => "env",
            Self::Secret => "secret",
        }
    }
}

pub type Look = (Kind, String);

/// What is declared and known of a member before its host is looked at.
#[derive(Clone, Copy)]
pub struct Declared<'a> {
    pub member: &'a Member,
    pub runtime: &'a Runtime,
    pub knowledge: &'a Knowledge,
}

/// How the declared member is set up, as far as the answer tells.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Pid of the member's process.
    pub pid: Option<u32>,
    /// The file that is started.
    pub binary: Option<String>,
    /// What it runs with, or would run with while it is stopped.
    pub sources: Option<Sources>,
    /// What its unit or arguments file would start it with, where that is known.
    pub next: Option<Sources>,
    /// Folder that relative paths start at.
    pub base: String,
    /// The account that its unit starts it as, where that is not root.
    pub account: Option<Account>,
    /// Environment files of its unit.
    pub environment_files: Vec<String>,
    /// Things a person should know.
    pub notes: Vec<String>,
}

/// As a unit declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    /// Empty: the user's own.
    pub group: String,
    /// Further groups, with spaces between.
    pub groups: String,
}

/// Options together with the paths among them.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub options: Vec<OptionFact>,
    pub config_file: Option<String>,
    pub config_text: Option<Vec<u8>>,
}

impl Resolved {
    pub fn value(&self, name: &str) -> Option<&str> {
        let fact = self.options.iter().find(|option| option.effective && option.name == name)?;
        Some(fact.value.as_str()).filter(|value| !value.is_empty())
    }

    pub fn data_dir(&self, base: &str) -> String {
        match self.value("data-dir") {
            Some(path) => absolute(path, base),
            None => absolute(&format!("{}.etcd", self.value("name").unwrap_or("default")), base),
        }
    }
}

/// Finds the member in the answer.
pub fn find(answer: &Answer, declared: &Declared<'_>) -> Setup {
    let member = declared.member;
    let mut setup = match declared.runtime {
        Runtime::Systemd(_) => find_unit(answer),
        Runtime::Process(_) => find_managed(answer),
    };
    for lacking in &answer.lacks {
        setup.notes.push(format!("`{lacking}` is not installed: some facts cannot be seen"));
    }
    if answer.more_processes {
        setup.notes.push("more than 64 processes look like etcd; the others were not looked at".to_owned());
    }
    let name = setup.sources.as_ref().and_then(|sources| {
        let resolved = resolve(answer, &setup, sources, declared.knowledge).ok()?;
        Some(resolved.value("name").unwrap_or("default").to_owned())
    });
    if let Some(name) = name.filter(|name| name != member.name.as_str()) {
        setup.notes.push(format!("the member calls itself {name:?}; the spec calls it {:?}", member.name.as_str()));
    }
    setup
}

fn find_unit(answer: &Answer) -> Setup {
    let mut setup = Setup { base: "/".to_owned(), ..Setup::default() };
    let Some(unit) = &answer.unit else {
        setup.notes.push("systemd does not answer on this host".to_owned());
        return setup;
    };
    let properties = &unit.properties;
    setup.environment_files = properties.environment_files();
    setup.account = Some(properties.get("User")).filter(|user| !user.is_empty()).map(|user| Account {
        user: user.to_owned(),
        group: properties.get("Group").to_owned(),
        groups: properties.get("SupplementaryGroups").to_owned(),
    });
    if let Some(dir) = Some(properties.get("WorkingDirectory")).filter(|dir| dir.starts_with('/')) {
        setup.base = dir.to_owned();
    }
    let files = setup.environment_files.iter().filter_map(|path| answer.file("env", path));
    let files = files.map(|file| systemd::environment_file(&String::from_utf8_lossy(&file.content)));
    let environment = systemd::merged(std::iter::once(unit.variables.clone()).chain(files));

    let main_pid: Option<u32> = properties.get("MainPID").parse().ok().filter(|&pid| pid != 0);
    let process = process_of_unit(answer, main_pid, properties.get("Id"), &mut setup.notes);
    let exec = unit.exec.clone().or_else(|| properties.exec_start());
    let exec = exec.filter(|exec| is_etcd(answer, &exec.path, process));
    setup.next = exec.as_ref().map(|exec| Sources {
        args: systemd::expanded(&exec.args, &environment),
        environment: environment.iter().filter(|(name, _)| name.starts_with("ETCD_")).cloned().collect(),
    });
    setup.binary = exec.map(|exec| exec.path).or_else(|| process.map(|process| process.exe.clone()));
    if let Some(process) = process {
        run_by(&mut setup, process);
    } else {
        if setup.next.is_none() && properties.get("LoadState") == "loaded" {
            let unit = properties.get("Id");
            setup.notes.push(format!(
                "{unit} does not start etcd itself: while it is stopped, the member's options cannot be seen; if it is the \
                 member's, start it (systemctl start {unit}) and plan again"
            ));
        }
        setup.sources = setup.next.clone();
    }
    setup
}

/// The unit's main process, or, where that is a script around it, the one etcd in the unit's cgroup.
fn process_of_unit<'a>(
    answer: &'a Answer,
    main_pid: Option<u32>,
    unit: &str,
    notes: &mut Vec<String>,
) -> Option<&'a Process> {
    let candidates = || answer.processes.iter().filter(|process| process.looks_like_etcd());
    if let Some(main) = candidates().find(|process| Some(process.pid) == main_pid) {
        return Some(main);
    }
    let in_unit: Vec<&Process> =
        candidates().filter(|process| !unit.is_empty() && process.unit.as_deref() == Some(unit)).collect();
    match in_unit.as_slice() {
        [one] => Some(one),
        [] => None,
        several => {
            notes.push(format!(
                "{} processes of {unit} look like etcd: which is the member cannot be told",
                several.len()
            ));
            None
        }
    }
}

/// Whether the file of `ExecStart` is etcd itself, not a script or shell around it.
fn is_etcd(answer: &Answer, path: &str, process: Option<&Process>) -> bool {
    let Some(binary) = answer.binaries.get(path) else {
        return path.rsplit('/').next() == Some("etcd");
    };
    if process.is_some_and(|process| process.inode.is_some() && process.inode == binary.inode) {
        return true;
    }
    let says_so = binary
        .inode
        .as_ref()
        .and_then(|inode| answer.versions.get(inode))
        .is_some_and(|line| etcd_version(line).is_some());
    // A file of that name that is not there or does not run is still what would be started.
    says_so || (path.rsplit('/').next() == Some("etcd") && (binary.elf || binary.inode.is_none()))
}

fn find_managed(answer: &Answer) -> Setup {
    let mut setup = Setup::default();
    let Some(managed) = &answer.managed else { return setup };
    setup.base = managed.home.clone();
    let binary = format!("{}/etcd", managed.home);
    setup.next = managed.args.clone().map(|args| Sources { args, environment: Vec::new() });
    let process = managed_process(answer);
    if setup.next.is_some() || process.is_some() {
        setup.binary = Some(binary);
    }
    match process {
        Some(process) => run_by(&mut setup, process),
        None => setup.sources = setup.next.clone(),
    }
    setup
}

/// The process of the pid file, when it runs from the member's folder: a pid may have gone to somebody else. Else who
/// runs the member's own binary: it may have been started by hand.
fn managed_process(answer: &Answer) -> Option<&Process> {
    let managed = answer.managed.as_ref()?;
    let within = |path: &str| path.strip_prefix(&managed.home).is_some_and(|rest| rest.starts_with('/'));
    let runs_here = |process: &Process| within(&process.exe) || process.argv.first().is_some_and(|first| within(first));
    let of_file = answer.processes.iter().find(|process| Some(process.pid) == managed.pid);
    of_file.filter(|process| runs_here(process)).or_else(|| {
        let binary = format!("{}/etcd", managed.home);
        let runs_it =
            |process: &&Process| process.exe == binary || process.argv.first().is_some_and(|first| *first == binary);
        answer.processes.iter().find(runs_it)
    })
}

fn run_by(setup: &mut Setup, process: &Process) {
    setup.pid = Some(process.pid);
    if process.cwd.starts_with('/') {
        setup.base.clone_from(&process.cwd);
    }
    if process.environment.is_none() {
        setup.notes.push(format!(
            "the environment of process {} cannot be read by the account that quorate uses: what its unit says is taken",
            process.pid
        ));
    }
    let of_unit = || setup.next.as_ref().map(|next| next.environment.clone()).unwrap_or_default();
    let environment = process.environment.clone().unwrap_or_else(of_unit);
    setup.sources = Some(Sources { args: process.argv.iter().skip(1).cloned().collect(), environment });
}

/// The options that some sources come to, with the config file that they name.
pub fn resolve(answer: &Answer, setup: &Setup, sources: &Sources, knowledge: &Knowledge) -> Result<Resolved, String> {
    let version = setup.binary.as_ref().and_then(|path| version_of(answer, path));
    let config_file = sources.config_file(version.as_ref(), knowledge).map(|path| absolute(&path, &setup.base));
    let Some(path) = config_file else {
        return Ok(Resolved { options: sources.options(None, knowledge), config_file: None, config_text: None });
    };
    let file = answer.file("config", &path).filter(|file| !file.missing && !file.unreadable);
    let file =
        file.ok_or_else(|| format!("the config file {path} cannot be read: the member's options are not known"))?;
    let text = std::str::from_utf8(&file.content).map_err(|_| format!("the config file {path} is not UTF-8"))?;
    let entries = config_file::parse(text).map_err(|error| format!("the config file {path}: {error}"))?;
    Ok(Resolved {
        options: sources.options(Some(&entries), knowledge),
        config_text: Some(file.content.clone()),
        config_file: Some(path),
    })
}

/// What the answer does not hold and the facts need.
pub fn missing(answer: &Answer, setup: &Setup, declared: &Declared<'_>) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    let mut need = |kind: Kind, path: String| {
        let there = match kind {
            Kind::Data => answer.data.contains_key(&path),
            Kind::Binary => answer.binaries.contains_key(&path),
            _ => answer.file(kind.word(), &path).is_some(),
        };
        // A path with a line break cannot be asked for.
        if !there && path.starts_with('/') && !path.contains('\n') && !looks.contains(&(kind, path.clone())) {
            looks.push((kind, path));
        }
    };
    for path in &setup.environment_files {
        need(Kind::Env, path.clone());
    }
    if let Some(path) = &setup.binary {
        need(Kind::Binary, path.clone());
    }
    let Some(sources) = &setup.sources else {
        need(Kind::Data, declared_data_dir(declared.member, declared.runtime));
        return looks;
    };
    match resolve(answer, setup, sources, declared.knowledge) {
        Ok(resolved) => {
            need(Kind::Data, resolved.data_dir(&setup.base));
            if let Some(wal) = resolved.value("wal-dir") {
                need(Kind::Data, absolute(wal, &setup.base));
            }
            for (option, key) in CERTIFICATES {
                for (kind, name) in [(Kind::Cert, option), (Kind::Key, key)] {
                    if let Some(path) = resolved.value(name) {
                        need(kind, absolute(path, &setup.base));
                    }
                }
            }
            for option in AUTHORITIES {
                if let Some(path) = resolved.value(option) {
                    need(Kind::Cert, absolute(path, &setup.base));
                }
            }
        }
        Err(_) => {
            if let Some(path) = sources.config_file(None, declared.knowledge) {
                need(Kind::Config, absolute(&path, &setup.base));
            }
        }
    }
    looks
}

/// Options that name a member's own certificates, and those that name their keys.
pub const CERTIFICATES: [(&str, &str); 2] = [("cert-file", "key-file"), ("peer-cert-file", "peer-key-file")];

/// Options that name certificates to check others by.
pub const AUTHORITIES: [&str; 2] = ["trusted-ca-file", "peer-trusted-ca-file"];

/// Where the member's data is expected before there is a member.
pub fn declared_data_dir(member: &Member, runtime: &Runtime) -> String {
    match (&member.data_dir, runtime) {
        (Some(path), _) => absolute(path, "/"),
        (None, Runtime::Process(process)) => format!("{}/{}/data", process.dir.trim_end_matches('/'), member.name),
        (None, Runtime::Systemd(_)) => DEFAULT_DATA_DIR.to_owned(),
    }
}

pub fn version_of(answer: &Answer, path: &str) -> Option<Version> {
    etcd_version(answer.versions.get(answer.binaries.get(path)?.inode.as_ref()?)?)
}

/// `etcd Version: 3.2.32`; 2.0 wrote `etcd version 2.0.13`.
pub fn etcd_version(line: &str) -> Option<Version> {
    let mut words = line.split_ascii_whitespace();
    let named = words.next()?.eq_ignore_ascii_case("etcd");
    let version = words.next()?.trim_end_matches(':').eq_ignore_ascii_case("version");
    (named && version).then(|| words.next()?.parse().ok()).flatten()
}

/// A path without trailing slashes, from the folder it starts at.
pub fn absolute(path: &str, base: &str) -> String {
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches("./")),
    };
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}
