//! The facts of a host, put together from the probe's answer and the member found in it. Pure functions.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::knowledge::Knowledge;
use crate::observe::answer::{Answer, DataDir, Point, Process};
use crate::observe::certificates;
use crate::observe::inventory::{
    BinaryFacts, CertificateFacts, DataDirFacts, EtcdProcess, HostFacts, ManagedProcess, MemberFacts, NextStart,
    RollbackPointFacts, SnapFile,
};
use crate::observe::member::{
    AUTHORITIES, CERTIFICATES, Declared, Resolved, Setup, absolute, declared_data_dir, resolve, version_of,
};
use crate::observe::options::Sources;
use crate::observe::settings::{SettingsFile, SettingsKind, read_note};
use crate::observe::text;
use crate::spec::model::Runtime;
use crate::units::{Bytes, ClusterId, MemberName, RaftIndex, Sha256, Version};

/// Puts together what was seen of the host.
pub fn host_facts(answer: &Answer, setup: &Setup, declared: &Declared<'_>, now: OffsetDateTime) -> HostFacts {
    let mut notes = setup.notes.clone();
    let facts = match member_facts(answer, setup, declared.knowledge, now) {
        Some(Ok(facts)) => Some(facts),
        Some(Err(why)) => {
            notes.push(why);
            None
        }
        None => None,
    };
    let managed = answer.managed.as_ref().map(|managed| ManagedProcess {
        dir: managed.home.clone(),
        pid: setup.pid,
        args: Sources { args: managed.args.clone().unwrap_or_default(), environment: Vec::new() }.shown_args(),
    });
    let unit = match declared.runtime {
        Runtime::Systemd(_) => answer.unit.as_ref().map(|unit| unit.properties.facts(unit.sha256)),
        Runtime::Process(_) => None,
    };
    let left = declared_data_dir(declared.member, declared.runtime);
    HostFacts {
        hostname: answer.hostname.clone(),
        arch: arch(&answer.machine),
        os: answer.os.clone(),
        systemd: answer.systemd,
        processes: answer
            .processes
            .iter()
            .filter_map(|process| listed(answer, process, setup.pid, declared.knowledge))
            .collect(),
        unit,
        managed,
        data_without_member: match &facts {
            Some(_) => None,
            None => answer.data.get(&left).map(|data| data_dir_facts(answer, &left, data)),
        },
        member: facts,
        store_free: answer.store.as_ref().map(|space| space.free),
        store_device: answer.store.as_ref().and_then(|space| space.device),
        scratch_free: answer.scratch.as_ref().map(|space| space.free),
        scratch_device: answer.scratch.as_ref().and_then(|space| space.device),
        staged: staged(answer),
        kept_settings: answer.kept_settings.iter().filter_map(|(_, note)| read_note(note)).collect(),
        listening: answer.listening.clone(),
        notes,
    }
}

fn listed(answer: &Answer, process: &Process, member: Option<u32>, knowledge: &Knowledge) -> Option<EtcdProcess> {
    if !process.looks_like_etcd() {
        return None;
    }
    let sources = Sources {
        args: process.argv.iter().skip(1).cloned().collect(),
        environment: process.environment.clone().unwrap_or_default(),
    };
    let options = sources.options(None, knowledge);
    let value = |name: &str| {
        options.iter().find(|option| option.effective && option.name == name).map(|option| option.value.clone())
    };
    Some(EtcdProcess {
        pid: process.pid,
        started: process.started,
        exe: process.exe.clone(),
        exe_replaced: process.exe_replaced,
        exe_sha256: answer.digest(process.inode.as_ref()),
        unit: process.unit.clone(),
        user: process.user.clone(),
        data_dir: value("data-dir").map(|path| absolute(&path, &process.cwd)),
        name: value("name"),
        is_declared_member: Some(process.pid) == member,
    })
}

fn staged(answer: &Answer) -> BTreeMap<Version, Sha256> {
    let of = |(folder, inode): &(String, String)| Some((folder.parse().ok()?, answer.digest(Some(inode))?));
    answer.staged.iter().filter_map(of).collect()
}

fn member_facts(
    answer: &Answer,
    setup: &Setup,
    knowledge: &Knowledge,
    now: OffsetDateTime,
) -> Option<Result<MemberFacts, String>> {
    let sources = setup.sources.as_ref()?;
    let path = setup.binary.as_ref()?;
    let resolved = match resolve(answer, setup, sources, knowledge) {
        Ok(resolved) => resolved,
        Err(why) => return Some(Err(why)),
    };
    let data_dir = resolved.data_dir(&setup.base);
    let Some(data) = answer.data.get(&data_dir) else {
        return Some(Err(format!("the data directory {data_dir:?} could not be looked at")));
    };
    let mut data = data_dir_facts(answer, &data_dir, data);
    if let Some(wal) = resolved.value("wal-dir").map(|path| absolute(path, &setup.base)) {
        data.wal_size = answer.sizes.get(&wal).copied();
        find_wal_copies(&mut data, &wal, answer);
        data.wal_dir = Some(wal);
    }
    let files = settings_files(answer, setup, knowledge);
    let next_start = setup.next.as_ref().filter(|next| setup.pid.is_some() && !next.same_as(sources));
    Some(Ok(MemberFacts {
        binary: binary_facts(answer, path),
        options_sha256: sources.digest(resolved.config_text.as_deref()),
        args: sources.shown_args(),
        certificates: CERTIFICATES
            .into_iter()
            .filter_map(|pair| certificate(answer, setup, &resolved, pair, now))
            .chain(AUTHORITIES.into_iter().filter_map(|option| authorities(answer, setup, &resolved, option, now)))
            .collect(),
        next_start: next_start.map(|next| NextStart {
            args: next.shown_args(),
            options: resolve(answer, setup, next, knowledge).map(|resolved| resolved.options).unwrap_or_default(),
        }),
        options: resolved.options,
        config_file: resolved.config_file,
        data_dir: data,
        files,
    }))
}

/// What the next start reads its options from. A file that is no text sets none that could be changed.
fn settings_files(answer: &Answer, setup: &Setup, knowledge: &Knowledge) -> Vec<SettingsFile> {
    let file = |path: &str, kind: SettingsKind, bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?.to_owned();
        Some(SettingsFile { path: path.to_owned(), kind, text })
    };
    let mut files = Vec::new();
    if let Some(managed) = answer.managed.as_ref().filter(|managed| managed.args.is_some()) {
        files.extend(file(&format!("{}/args", managed.home), SettingsKind::Arguments, &managed.args_text));
    }
    if let Some(unit) = answer.unit.as_ref().filter(|_| setup.next.is_some()) {
        let units: Vec<Option<SettingsFile>> =
            unit.files.iter().map(|(path, bytes)| file(path, SettingsKind::Unit, bytes)).collect();
        // Which command counts is only known with all of them.
        if units.len() == unit.properties.unit_files().count() {
            files.extend(units.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default());
        }
    }
    let sources = setup.next.as_ref().or(setup.sources.as_ref());
    if let Some(resolved) = sources.and_then(|sources| resolve(answer, setup, sources, knowledge).ok())
        && let (Some(path), Some(text)) = (&resolved.config_file, &resolved.config_text)
    {
        files.extend(file(path, SettingsKind::ConfigFile, text));
    }
    files
}

/// A copy of the WAL directory has the same ending as that of the data directory.
fn find_wal_copies(data: &mut DataDirFacts, wal: &str, answer: &Answer) {
    let copies = answer.data.get(wal).map(|wal| wal.rollback_points.as_slice()).unwrap_or_default();
    for point in &mut data.rollback_points {
        let ending = point.path.rsplit_once(".quorate-").map(|(_, ending)| format!(".quorate-{ending}"));
        if let Some(copy) = ending.and_then(|ending| copies.iter().find(|copy| copy.path.ends_with(&ending))) {
            point.wal_path = Some(copy.path.clone());
            point.files += copy.files.unwrap_or_default();
        }
    }
}

fn certificate(
    answer: &Answer,
    setup: &Setup,
    resolved: &Resolved,
    (option, key): (&str, &str),
    now: OffsetDateTime,
) -> Option<CertificateFacts> {
    let path = absolute(resolved.value(option)?, &setup.base);
    let file = answer.file("cert", &path);
    let mut facts = certificates::facts(option, &path, file, now);
    if let Some(key_path) = resolved.value(key).map(|path| absolute(path, &setup.base)) {
        certificates::with_key(&mut facts, &key_path, file, answer.file("key", &key_path));
    }
    Some(facts)
}

fn authorities(
    answer: &Answer,
    setup: &Setup,
    resolved: &Resolved,
    option: &str,
    now: OffsetDateTime,
) -> Option<CertificateFacts> {
    let path = absolute(resolved.value(option)?, &setup.base);
    Some(certificates::authorities(option, &path, answer.file("cert", &path), now))
}

fn binary_facts(answer: &Answer, path: &str) -> BinaryFacts {
    let binary = answer.binaries.get(path).cloned().unwrap_or_default();
    BinaryFacts {
        path: path.to_owned(),
        version: version_of(answer, path),
        sha256: answer.digest(binary.inode.as_ref()),
        print: binary.print.clone(),
        size: binary.size,
        owner: binary.owner,
        mode: binary.mode,
        free: binary.space.as_ref().map(|space| space.free),
        device: binary.space.and_then(|space| space.device),
        link_target: binary.link_target,
    }
}

fn data_dir_facts(answer: &Answer, path: &str, data: &DataDir) -> DataDirFacts {
    DataDirFacts {
        path: path.to_owned(),
        has_member: data.has_member,
        owner: data.owner.clone(),
        mode: data.mode.clone(),
        size: answer.sizes.get(path).copied().unwrap_or_default(),
        db_size: data.db,
        newest_snap: data.newest_snap.as_ref().and_then(|(size, name)| snap_file(*size, name)),
        wal_dir: None,
        wal_size: None,
        free: data.space.as_ref().map(|space| space.free).unwrap_or_default(),
        device: data.space.as_ref().and_then(|space| space.device),
        file_system: data.space.as_ref().map_or_else(|| "unknown".to_owned(), |space| space.file_system.clone()),
        rollback_points: data.rollback_points.iter().filter_map(rollback_point).collect(),
        replacing: data.replacing.clone(),
    }
}

/// The note beside a rollback point, as far as it matters here.
#[derive(serde::Deserialize)]
struct PointNote {
    format: u32,
    member: MemberName,
    run: String,
    version: Version,
    taken_at: String,
    raft_index: Option<RaftIndex>,
    cluster_id: Option<ClusterId>,
    /// Of log and snapshots, both folders together.
    files: Option<u64>,
}

const POINT_FORMAT: u32 = 1;

/// A folder without a note that can be read is no point: what it is a copy of is not known.
fn rollback_point(point: &Point) -> Option<RollbackPointFacts> {
    let note: PointNote = serde_json::from_slice(point.note.as_ref()?).ok()?;
    (note.format == POINT_FORMAT).then(|| RollbackPointFacts {
        path: point.path.clone(),
        wal_path: None,
        member: note.member,
        run: text::shown(note.run.as_bytes()),
        version: note.version,
        taken_at: text::shown(note.taken_at.as_bytes()),
        raft_index: note.raft_index,
        cluster_id: note.cluster_id,
        changed_since: point.changed,
        files: point.files.unwrap_or_default(),
        files_then: note.files,
    })
}

/// `0000000000000002-000000000000abcd.snap`: term and index.
fn snap_file(size: Bytes, name: &str) -> Option<SnapFile> {
    Some(SnapFile { size, index: RaftIndex::of_snap_file(name)? })
}

/// As releases name architectures.
fn arch(machine: &str) -> String {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "i386" | "i486" | "i586" | "i686" => "386",
        other => other,
    }
    .to_owned()
}
