//! What the probe's records say, typed. Numbers that are none and records that are not known are left out: what is
//! missing is found missing later, where it is known what it means.

use std::collections::{BTreeMap, BTreeSet};

use crate::observe::inventory::Device;
use crate::observe::records::Record;
use crate::observe::systemd;
use crate::units::{Bytes, Sha256};

/// One look at a host, as its probe told it.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub os: String,
    pub machine: String,
    pub hostname: String,
    pub systemd: bool,
    /// Programs that the probe needs and that are not there.
    pub lacks: Vec<String>,
    /// Ports that somebody listens on; told only where the member does not run.
    pub listening: BTreeSet<u16>,
    /// There are more processes of that name than are looked at.
    pub more_processes: bool,
    pub unit: Option<Unit>,
    pub managed: Option<Managed>,
    pub processes: Vec<Process>,
    pub store: Option<Space>,
    /// Of `/var/tmp`.
    pub scratch: Option<Space>,
    /// Staged releases: the name of the folder, and the file's inode.
    pub staged: Vec<(String, String)>,
    /// Notes beside kept files that set options, by their paths.
    pub kept_settings: Vec<(String, Vec<u8>)>,
    pub data: BTreeMap<String, DataDir>,
    pub binaries: BTreeMap<String, Binary>,
    /// By kind (`config`, `cert`, `key`, `secret`, `env`) and path.
    pub files: BTreeMap<(String, String), File>,
    /// Device, inode, size and times of programs, by inode.
    pub prints: BTreeMap<String, String>,
    /// By inode.
    pub digests: BTreeMap<String, Sha256>,
    /// First line of `--version`, by inode.
    pub versions: BTreeMap<String, String>,
    /// Of everything below a folder.
    pub sizes: BTreeMap<String, Bytes>,
}

#[derive(Debug, Clone, Default)]
pub struct Unit {
    pub properties: systemd::Properties,
    pub exec: Option<systemd::Exec>,
    pub variables: Vec<(String, String)>,
    pub sha256: Option<Sha256>,
    /// Its file and its drop-ins, in the order in which systemd reads them: path and text. Not those that hold secrets.
    pub files: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, Clone, Default)]
pub struct Managed {
    pub home: String,
    pub args: Option<Vec<String>>,
    pub args_text: Vec<u8>,
    pub pid: Option<u32>,
}

#[derive(Debug, Clone, Default)]
pub struct Process {
    pub pid: u32,
    pub started: u64,
    pub user: String,
    pub inode: Option<String>,
    pub exe: String,
    pub exe_replaced: bool,
    pub cwd: String,
    /// Name of the unit in its cgroup path.
    pub unit: Option<String>,
    pub argv: Vec<String>,
    /// `None` where the account that looked may not read it.
    pub environment: Option<Vec<(String, String)>>,
}

impl Process {
    /// By its executable or by the name it was started under.
    pub fn looks_like_etcd(&self) -> bool {
        let base = |path: &str| path.rsplit('/').next() == Some("etcd");
        base(&self.exe) || self.argv.first().is_some_and(|first| base(first))
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Space {
    pub free: Bytes,
    pub device: Option<Device>,
    pub file_system: String,
}

#[derive(Debug, Clone, Default)]
pub struct DataDir {
    pub space: Option<Space>,
    pub mode: String,
    pub owner: String,
    pub has_member: bool,
    pub db: Option<Bytes>,
    pub newest_snap: Option<(Bytes, String)>,
    pub rollback_points: Vec<Point>,
    /// The note that lies beside it while data is replaced.
    pub replacing: Option<String>,
}

/// A folder beside a data directory that is named as a rollback point is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Point {
    pub path: String,
    pub note: Option<Vec<u8>>,
    pub changed: bool,
    /// Of log and snapshots.
    pub files: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct Binary {
    pub space: Option<Space>,
    pub inode: Option<String>,
    pub size: Option<Bytes>,
    pub mode: String,
    pub owner: String,
    pub link_target: Option<String>,
    /// Device, inode, size and times.
    pub print: Option<String>,
    /// A program, not a script.
    pub elf: bool,
}

#[derive(Debug, Clone, Default)]
pub struct File {
    pub missing: bool,
    /// By the account that looked.
    pub unreadable: bool,
    /// The account that the member runs as, where it cannot read the file.
    pub denied: Option<String>,
    pub mode: String,
    pub owner: String,
    /// Digest of the public key of a certificate, or of the one that belongs to a private key.
    pub public_key: Option<Sha256>,
    pub content: Vec<u8>,
}

/// What the records that follow belong to.
enum Subject {
    Host,
    Process,
    Store,
    Scratch,
    Data(String),
    Binary(String),
    File((String, String)),
}

impl Answer {
    pub fn read(records: &[Record]) -> Self {
        let mut answer = Self::default();
        let mut subject = Subject::Host;
        for record in records {
            if let Some(next) = answer.begin(record) {
                subject = next;
            } else if !answer.of_subject(&subject, record) {
                answer.of_host(record);
            }
        }
        answer
    }

    /// Adds what a second look has found.
    pub fn absorb(&mut self, other: Self) {
        self.data.extend(other.data);
        self.binaries.extend(other.binaries);
        self.files.extend(other.files);
        self.prints.extend(other.prints);
        self.digests.extend(other.digests);
        self.versions.extend(other.versions);
        self.sizes.extend(other.sizes);
    }

    pub fn file(&self, kind: &str, path: &str) -> Option<&File> {
        self.files.get(&(kind.to_owned(), path.to_owned()))
    }

    pub fn digest(&self, inode: Option<&String>) -> Option<Sha256> {
        self.digests.get(inode?).copied()
    }

    /// Begins what the next records are about.
    fn begin(&mut self, record: &Record) -> Option<Subject> {
        let path = record.text.clone();
        Some(match record.key.as_str() {
            "process" => {
                let mut words = record.words();
                self.processes.push(Process {
                    pid: words.next()?.parse().ok()?,
                    started: words.next()?.parse().ok()?,
                    user: account(words.next(), words.next()),
                    ..Process::default()
                });
                Subject::Process
            }
            "store" => Subject::Store,
            "scratch" => Subject::Scratch,
            "data" => {
                self.data.entry(path.clone()).or_default();
                Subject::Data(path)
            }
            "binary" => {
                self.binaries.entry(path.clone()).or_default();
                Subject::Binary(path)
            }
            kind @ ("config" | "cert" | "key" | "secret" | "env") => {
                let key = (kind.to_owned(), path);
                self.files.entry(key.clone()).or_default();
                Subject::File(key)
            }
            _ => return None,
        })
    }

    /// Takes a record that belongs to the subject; says whether it did.
    fn of_subject(&mut self, subject: &Subject, record: &Record) -> bool {
        match subject {
            Subject::Host => false,
            Subject::Process => self.processes.last_mut().is_some_and(|process| process.take(record)),
            Subject::Store => match record.key.as_str() {
                "space" => {
                    self.store = space(record);
                    true
                }
                _ => false,
            },
            Subject::Scratch => match record.key.as_str() {
                "space" => {
                    self.scratch = space(record);
                    true
                }
                _ => false,
            },
            Subject::Data(path) => self.data.get_mut(path).is_some_and(|data| data.take(record)),
            Subject::Binary(path) => self.binaries.get_mut(path).is_some_and(|binary| binary.take(record)),
            Subject::File(key) => self.files.get_mut(key).is_some_and(|file| file.take(record)),
        }
    }

    fn of_host(&mut self, record: &Record) {
        let text = || String::from_utf8_lossy(&record.blob).into_owned();
        let (first, rest) = record.split();
        match record.key.as_str() {
            "machine" => {
                self.os = first.to_ascii_lowercase();
                self.machine = rest.to_owned();
            }
            "hostname" => self.hostname = record.text.clone(),
            "systemd" => self.systemd = true,
            "lacks" => self.lacks.push(record.text.clone()),
            "listening" => {
                self.listening.extend(record.text.split(' ').filter_map(|port| u16::from_str_radix(port, 16).ok()));
            }
            "more-processes" => self.more_processes = true,
            "unit" => self.unit.get_or_insert_default().properties = systemd::Properties::parse(&text()),
            "exec" => self.unit.get_or_insert_default().exec = systemd::exec_of_busctl(&text()),
            "variables" => self.unit.get_or_insert_default().variables = systemd::variables(&text()),
            "unit-file" => {
                self.unit.get_or_insert_default().files.push((record.text.clone(), record.blob.clone()));
            }
            "kept-settings" => self.kept_settings.push((record.text.clone(), record.blob.clone())),
            "unit-sha256" => self.unit.get_or_insert_default().sha256 = record.text.parse().ok(),
            "managed" => self.managed.get_or_insert_default().home = record.text.clone(),
            "args" => {
                let managed = self.managed.get_or_insert_default();
                managed.args = Some(text().lines().map(str::to_owned).collect());
                managed.args_text.clone_from(&record.blob);
            }
            "pid-file" => self.managed.get_or_insert_default().pid = record.text.parse().ok(),
            "staged" => self.staged.push((rest.to_owned(), first.to_owned())),
            "print-of" => {
                self.prints.insert(first.to_owned(), rest.to_owned());
            }
            "sha256" => {
                if let Ok(digest) = rest.parse() {
                    self.digests.insert(first.to_owned(), digest);
                }
            }
            "version" => {
                self.versions.insert(first.to_owned(), rest.to_owned());
            }
            "size" => {
                if let Some(size) = kibi(first) {
                    self.sizes.insert(rest.to_owned(), size);
                }
            }
            _ => {}
        }
    }
}

impl Process {
    fn take(&mut self, record: &Record) -> bool {
        match record.key.as_str() {
            "exe" => {
                let (inode, exe) = record.split();
                self.inode = Some(inode.to_owned()).filter(|inode| inode != "-");
                self.exe_replaced = exe.ends_with(" (deleted)");
                self.exe = exe.strip_suffix(" (deleted)").unwrap_or(exe).to_owned();
            }
            "cwd" => self.cwd = record.text.clone(),
            // A service may have cgroups of its own below its unit's; the last unit on the path is the one.
            "cgroup" => {
                let unit = record.text.split('/').rfind(|part| part.ends_with(".service"));
                self.unit = unit.map(str::to_owned);
            }
            "cmdline" => self.argv = nul_separated(&record.blob),
            "environ" => {
                let variables = nul_separated(&record.blob);
                let pairs = variables.iter().filter_map(|variable| variable.split_once('='));
                self.environment = Some(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
            }
            "environ-is" => match record.text.as_str() {
                "denied" => self.environment = None,
                _ => {
                    self.environment.get_or_insert_default();
                }
            },
            _ => return false,
        }
        true
    }
}

impl DataDir {
    fn take(&mut self, record: &Record) -> bool {
        let (first, rest) = record.split();
        match record.key.as_str() {
            "space" => self.space = space(record),
            "folder" => {
                let mut words = record.words();
                self.mode = words.next().unwrap_or_default().to_owned();
                let id = words.next();
                self.owner = account(words.next(), id);
            }
            "has-member" => self.has_member = true,
            "db" => self.db = first.parse().ok().map(Bytes),
            "snap" => self.newest_snap = first.parse().ok().map(|size| (Bytes(size), rest.to_owned())),
            "point" => self.rollback_points.push(Point { path: record.text.clone(), ..Point::default() }),
            "point-note" => {
                if let Some(point) = self.rollback_points.last_mut() {
                    point.note = Some(record.blob.clone());
                }
            }
            "point-changed" => {
                if let Some(point) = self.rollback_points.last_mut() {
                    point.changed = true;
                }
            }
            "point-files" => {
                if let Some(point) = self.rollback_points.last_mut() {
                    point.files = first.parse().ok();
                }
            }
            "replacing" => self.replacing = Some(String::from_utf8_lossy(&record.blob).trim_end().to_owned()),
            _ => return false,
        }
        true
    }
}

impl Binary {
    fn take(&mut self, record: &Record) -> bool {
        match record.key.as_str() {
            "space" => self.space = space(record),
            "file" => {
                let mut words = record.words();
                self.inode = words.next().map(str::to_owned);
                self.size = words.next().and_then(|size| size.parse().ok()).map(Bytes);
                self.mode = words.next().unwrap_or_default().to_owned();
                let id = words.next();
                self.owner = account(words.next(), id);
            }
            "link" => self.link_target = Some(record.text.clone()),
            "print" => self.print = Some(record.text.clone()).filter(|print| !print.is_empty()),
            "elf" => self.elf = true,
            _ => return false,
        }
        true
    }
}

impl File {
    fn take(&mut self, record: &Record) -> bool {
        match record.key.as_str() {
            "missing" => self.missing = true,
            "unreadable" => self.unreadable = true,
            "denied" => self.denied = Some(record.text.clone()),
            "public-key" => self.public_key = record.text.parse().ok(),
            "content" => self.content.clone_from(&record.blob),
            "file" => {
                let mut words = record.words().skip(2);
                self.mode = words.next().unwrap_or_default().to_owned();
                let id = words.next();
                self.owner = account(words.next(), id);
            }
            _ => return false,
        }
        true
    }
}

/// `FREE-BLOCKS BLOCK-SIZE TYPE DEVICE`.
fn space(record: &Record) -> Option<Space> {
    let mut words = record.words();
    let blocks: u64 = words.next()?.parse().ok()?;
    let size: u64 = words.next()?.parse().ok()?;
    let file_system = words.next().unwrap_or("unknown").to_owned();
    let device = words.next().and_then(|number| number.parse().ok()).map(Device);
    Some(Space { free: Bytes(blocks.saturating_mul(size)), device, file_system })
}

fn kibi(text: &str) -> Option<Bytes> {
    text.parse::<u64>().ok().map(|kibi| Bytes(kibi.saturating_mul(1024)))
}

/// An account's name, or its number where it has none.
fn account(name: Option<&str>, id: Option<&str>) -> String {
    name.filter(|name| *name != "UNKNOWN").or(id).unwrap_or_default().to_owned()
}

fn nul_separated(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|&byte| byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(key: &str, text: &str, blob: &[u8]) -> Record {
        Record { key: key.to_owned(), text: text.to_owned(), blob: blob.to_vec() }
    }

    #[test]
    fn reads_a_process_whose_file_was_replaced() {
        let answer = Answer::read(&[
            record("machine", "Linux x86_64", b""),
            record("process", "7 100 etcd 999", b""),
            record("exe", "1:2 /usr/bin/etcd (deleted)", b""),
            record("cgroup", "/system.slice/etcd.service/payload", b""),
            record("cmdline", "", b"/usr/bin/etcd\0--name\0\0"),
            record("environ", "", b"ETCD_DEBUG=a=b\0"),
            record("environ-is", "read", b""),
        ]);
        let process = &answer.processes[0];
        assert_eq!((process.exe.as_str(), process.exe_replaced), ("/usr/bin/etcd", true));
        assert_eq!(process.unit.as_deref(), Some("etcd.service"));
        assert_eq!(process.argv, ["/usr/bin/etcd", "--name", ""]);
        assert_eq!(process.environment, Some(vec![("ETCD_DEBUG".to_owned(), "a=b".to_owned())]));
        assert!(process.looks_like_etcd());
        assert_eq!((answer.os.as_str(), answer.machine.as_str()), ("linux", "x86_64"));
    }

    #[test]
    fn an_account_without_a_name_has_its_number() {
        assert_eq!(account(Some("UNKNOWN"), Some("999")), "999");
        assert_eq!(account(Some("etcd"), Some("999")), "etcd");
    }

    proptest! {
        #[test]
        fn never_panics(
            records in proptest::collection::vec(
                ("(process|exe|store|scratch|space|data|snap|folder|binary|file|cert|size|sha256|print-of|unit|exec|args)", "\\PC{0,20}", proptest::collection::vec(any::<u8>(), 0..20)),
                0..20,
            )
        ) {
            let records: Vec<Record> = records.into_iter().map(|(key, text, blob)| Record { key, text, blob }).collect();
            let _ = Answer::read(&records);
        }
    }
}
