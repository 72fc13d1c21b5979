//! What was left on a host: found by its name, removed when it is ours and nobody uses it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Bench, program};
use crate::runtime::*;

const POINT: &str = "quorate-20260101T000000Z-aa-v3.1.20";

/// A member whose data and WAL are in folders with odd names, and a store.
fn odd_site(bench: &Bench) -> (Site, String) {
    let store = bench.text("my store");
    let binary = bench.path("bin/etcd");
    program(&binary, "");
    for folder in ["my data", "my wal [1]"] {
        fs::create_dir_all(bench.path(folder)).unwrap();
    }
    fs::create_dir_all(&store).unwrap();
    let site = Site {
        service: Service::Process { dir: bench.text("bin") },
        binary: binary.display().to_string(),
        data_dir: bench.text("my data"),
        wal_dir: Some(bench.text("my wal [1]")),
    };
    (site, store)
}

fn folder(bench: &Bench, name: &str) -> String {
    fs::create_dir_all(bench.path(name)).unwrap();
    fs::write(bench.path(name).join("x"), vec![7; 100_000]).unwrap();
    bench.text(name)
}

async fn found(bench: &Bench, site: &Site, store: &str) -> Vec<(String, LeftoverKind)> {
    let here = bench.path("").display().to_string();
    let all = leftovers(&bench.host, site, store).await.unwrap();
    let mut all: Vec<_> = all
        .into_iter()
        // Backups of others that run on this machine.
        .filter_map(|left| Some((left.path.strip_prefix(&here)?.to_owned(), left.kind)))
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

#[tokio::test]
async fn everything_of_ours_is_found_and_nothing_else() {
    let bench = Bench::new().await;
    let (site, store) = odd_site(&bench);
    let version: crate::units::Version = "3.1.20".parse().unwrap();
    let point = LeftoverKind::RollbackPoint { run: "20260101T000000Z-aa".to_owned(), version: version.clone() };
    for name in [
        &format!("my data.{POINT}"),
        &format!("my wal [1].{POINT}"),
        &format!("my data.part.{POINT}"),
        "my store/3.1.20",
        "my data.quorate-replaced-r2",
        // Of somebody else.
        "my data.bak",
        "my data 2.quorate-x",
        "my store/notes",
        "my store/.hidden",
        "my wal 1.quorate-x",
        "my data.quorate-two words",
    ] {
        folder(&bench, name);
    }
    let note = format!("my data.{POINT}.json");
    for file in [&note, "my data.quorate-r0-v1.0.0.json", "my store/3.1.20/etcd.part-01", "bin/.etcd.quorate-new"] {
        fs::write(bench.path(file), "{}").unwrap();
    }
    symlink(bench.path("my data.bak"), bench.path("my data.quorate-r9-v3.1.20")).unwrap();
    symlink(bench.path("my data.bak"), bench.path("my store/3.9.9")).unwrap();
    let part = LeftoverKind::Part;
    assert_eq!(
        found(&bench, &site, &store).await,
        [
            ("bin/.etcd.quorate-new".to_owned(), part.clone()),
            (format!("my data.part.{POINT}"), part.clone()),
            (format!("my data.{POINT}"), point.clone()),
            ("my data.quorate-r0-v1.0.0.json".to_owned(), part.clone()),
            ("my data.quorate-replaced-r2".to_owned(), LeftoverKind::Replaced { run: "r2".to_owned() }),
            ("my store/3.1.20".to_owned(), LeftoverKind::Release { version }),
            ("my store/3.1.20/etcd.part-01".to_owned(), part),
            (format!("my wal [1].{POINT}"), point),
        ]
    );
    let paths: Vec<String> =
        found(&bench, &site, &store).await.into_iter().map(|(path, _)| bench.text(&path)).collect();
    let removed = remove_leftovers(&bench.host, &site, &store, &paths).await.unwrap();
    assert_eq!((removed.gone.len(), removed.kept), (8, Vec::new()));
    assert!(found(&bench, &site, &store).await.is_empty());
    assert!(!bench.path(&note).exists(), "the note goes with what it is of");
    for stays in [
        "my data.bak/x",
        "my data 2.quorate-x/x",
        "my store/notes/x",
        "my data.quorate-two words/x",
        "my wal 1.quorate-x/x",
    ] {
        assert!(bench.path(stays).exists(), "{stays}");
    }
}

#[tokio::test]
async fn only_what_is_ours_and_unused_is_removed_whatever_is_asked_for() {
    let bench = Bench::new().await;
    let (site, store) = odd_site(&bench);
    let others = [
        folder(&bench, "my data"),
        folder(&bench, "my data.bak"),
        folder(&bench, "my store/notes"),
        format!("{store}/3.1.20/../notes"),
        format!("{}.quorate-x/../../etc", site.data_dir),
        bench.text(""),
        store.clone(),
        "/var/tmp".to_owned(),
        "/".to_owned(),
    ];
    let removed = remove_leftovers(&bench.host, &site, &store, &others).await.unwrap();
    assert!(removed.gone.iter().all(|path| !Path::new(path).exists()), "{removed:?}");
    for path in &others[..3] {
        assert!(Path::new(path).join("x").exists(), "{path}");
    }
    // In use: a release that the member's binary leads into, a copy that a process has open.
    let kept_binary = bench.path("my store/3.2.32/etcd");
    program(&kept_binary, "new");
    fs::remove_file(&site.binary).unwrap();
    symlink(&kept_binary, &site.binary).unwrap();
    let point = folder(&bench, &format!("my data.{POINT}"));
    let open = fs::File::open(Path::new(&point).join("x")).unwrap();
    let release = bench.text("my store/3.2.32");
    assert!(found(&bench, &site, &store).await.contains(&("my store/3.2.32".to_owned(), LeftoverKind::UsedRelease)));
    let removed = remove_leftovers(&bench.host, &site, &store, &[release, point.clone()]).await.unwrap();
    assert_eq!((removed.gone.len(), removed.kept.len()), (0, 2), "{removed:?}");
    assert!(removed.kept[1].contains("has it open"), "{removed:?}");
    assert!(kept_binary.exists() && Path::new(&point).exists());
    drop(open);
    // While data is being replaced, nothing beside it goes.
    fs::write(bench.path("my data.quorate-replacing"), "{}").unwrap();
    let removed = remove_leftovers(&bench.host, &site, &store, std::slice::from_ref(&point)).await.unwrap();
    assert_eq!(removed.gone, Vec::<String>::new());
    fs::remove_file(bench.path("my data.quorate-replacing")).unwrap();
    let removed = remove_leftovers(&bench.host, &site, &store, std::slice::from_ref(&point)).await.unwrap();
    assert_eq!(removed.gone, [point]);
}
