//! Inputs to begin with that no person would write: made by what writes such things. `cargo test --lib fuzzing::seeds -- --ignored`
//! puts them into the folder that `QUORATE_FUZZ_SEEDS` names, one folder a target. What a fuzzer made of them is kept under
//! `tests/fuzz/corpus`.

use crate::execute::event::Event;
use crate::state::Holder;
use crate::units::Sha256;
use crate::view::{fixtures, runs};

use super::common::scratch;

type Seed = (&'static str, String, Vec<u8>);

fn plans() -> Vec<Seed> {
    let plans = [
        fixtures::upgrade(),
        fixtures::held_upgrade(),
        fixtures::upgrade_with_settle(),
        fixtures::mixed(),
        fixtures::creation(),
        fixtures::whole_rollback(),
        fixtures::nothing_to_do(),
    ];
    let path = scratch("seed").join("plan");
    let saved = |plan| {
        crate::plan::file::save(plan, &path).unwrap();
        std::fs::read(&path).unwrap()
    };
    plans.iter().enumerate().map(|(number, plan)| ("plan_file", format!("plan-{number}"), saved(plan))).collect()
}

fn journals() -> Vec<Seed> {
    let text = |events: Vec<Event>| {
        let lines = events.into_iter().filter_map(|event| match event {
            Event::Journal(line) => Some(serde_json::to_string(&line).unwrap() + "\n"),
            _ => None,
        });
        lines.collect::<String>().into_bytes()
    };
    let runs = [runs::good().0, runs::failed().0, runs::interrupted().0, runs::watched().0, runs::stalled().0];
    let whole = runs.into_iter().enumerate().map(|(number, run)| ("journal", format!("run-{number}"), text(run)));
    let mut seeds: Vec<Seed> = whole.collect();
    let torn = seeds[1].2[..700].to_vec();
    seeds.push(("journal", "torn".to_owned(), torn));
    seeds
}

fn records() -> Vec<Seed> {
    let holder = Holder::this_process("alice", "ops1", "apply", Some("r1")).line();
    let x = Sha256::of(b"x");
    let release = serde_json::json!({ "format": 1, "release": {
        "version": "3.5.33", "platform": { "os": "linux", "arch": "amd64" }, "dir": "", "source": "mirror",
        "binaries": { "etcd": { "path": "etcd", "sha256": x, "size": 1 } }, "archive_sha256": null, "checked": "sums" } });
    let sums = format!("{x}  other\r\n{x} *./etcd-v3.5.33-linux-amd64.tar.gz\n");
    let texts = [format!("0{holder}\n"), format!("2{release}"), format!("3{sums}")];
    let seed = |(number, text): (usize, String)| ("records", format!("record-{number}"), text.into_bytes());
    texts.into_iter().enumerate().map(seed).collect()
}

/// Entries of a tar, each a name, its kind and what it holds.
fn tar(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out
}

fn archives() -> Vec<Seed> {
    use tar::EntryType::{Directory, Regular, Symlink};
    let mut program = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0];
    program.resize(64, 1);
    let release = tar(&[
        ("etcd-v3.5.33-linux-amd64/", Directory, b""),
        ("etcd-v3.5.33-linux-amd64/README.md", Regular, b"read me"),
        ("etcd-v3.5.33-linux-amd64/docs", Symlink, b""),
        ("etcd-v3.5.33-linux-amd64/etcd", Regular, &program),
        ("etcd-v3.5.33-linux-amd64/etcdctl", Regular, &program),
        ("etcd-v3.5.33-linux-amd64/etcdutl", Regular, &program),
    ]);
    let escaping = tar(&[("../escape", Regular, b"x"), ("/etc/passwd", Regular, b"x")]);
    let backup = tar(&[
        ("member/", Directory, b""),
        ("member/wal/0000000000000000-0000000000000000.wal", Regular, b"wal"),
        ("member/snap/0000000000000002-0000000000002711.snap", Regular, b"snap"),
    ]);
    let packed = |content: &[u8]| super::files::gzip(&[content, &[0; 1024]].concat());
    let kinds = [
        (b'1', release.clone()),
        (b'0', packed(&release)),
        (b'1', escaping.clone()),
        (b'3', backup.clone()),
        (b'2', packed(&backup)),
        (b'3', escaping),
    ];
    let seed = |(number, (kind, content)): (usize, (u8, Vec<u8>))| {
        ("archives", format!("archive-{number}"), [&[kind][..], &content].concat())
    };
    kinds.into_iter().enumerate().map(seed).collect()
}

fn snapshots() -> Vec<Seed> {
    let mut content = vec![0; 2048];
    content[16..20].copy_from_slice(&0xED0C_DAEDu32.to_le_bytes());
    let whole = [&content[..], &super::files::digest(&content)].concat();
    let seed = |name: &str, kind: u8, content: &[u8]| ("snapshot", name.to_owned(), [&[kind], content].concat());
    vec![seed("content", b'1', &content), seed("whole", b'0', &whole), seed("cut", b'0', &whole[..2000])]
}

fn all() -> Vec<Seed> {
    let grpc = crate::etcd::fuzzing::seeds().into_iter().enumerate();
    let grpc = grpc.map(|(number, bytes)| ("connections", format!("grpc-{number}"), bytes));
    let host = ("probe", "systemd".to_owned(), [b"0", super::hosts::host(1).as_slice()].concat());
    [plans(), journals(), records(), archives(), snapshots(), grpc.collect(), vec![host]].concat()
}

#[test]
fn each_is_taken_by_its_target() {
    for (target, name, bytes) in all() {
        println!("{target} {name}");
        super::run(target, &bytes);
    }
}

#[test]
fn they_get_as_far_as_a_plan_and_an_answer() {
    let plan = super::hosts::planned(&[b"0", super::hosts::host(1).as_slice()].concat()).unwrap();
    assert_eq!(plan.members_changed(), 3);
    let refused = |bytes: &[u8]| bytes.starts_with(b"3");
    for bytes in crate::etcd::fuzzing::seeds() {
        // To read all keys it would have to say another page after the first.
        let circles = bytes[1] == b':';
        assert_eq!(
            super::etcd::answered(&bytes),
            !refused(&bytes) && !circles,
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn what_is_packed_among_them_comes_out() {
    let into = |bytes: &[u8]| {
        super::archives(bytes);
        super::common::all_below(&super::common::left("archive"))
    };
    let out: Vec<_> = archives().iter().map(|(_, _, bytes)| into(bytes).len()).collect();
    // `beside`, `into`, and three programs, or `member` with two folders and a file in each.
    assert_eq!(out, [5, 5, 2, 7, 7, 5]);
}

#[test]
#[ignore = "writes files"]
fn write() {
    let folder = std::path::PathBuf::from(std::env::var_os("QUORATE_FUZZ_SEEDS").unwrap());
    for (target, name, bytes) in all() {
        std::fs::create_dir_all(folder.join(target)).unwrap();
        std::fs::write(folder.join(target).join(name), bytes).unwrap();
    }
}
