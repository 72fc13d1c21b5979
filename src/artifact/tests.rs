//! The room as a whole: a web server of the test's own, files, and the cache.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::unpack::tests::good_archive;
use super::*;
use crate::spec::model::UrlSource;

const VERSION: Version = Version::new(3, 5, 33);

fn bounds() -> Bounds {
    Bounds {
        connect: Duration::from_secs(5),
        stall: Duration::from_millis(300),
        total: Duration::from_secs(10),
        archive: Bytes::mebi(1),
        sums: Bytes(10_000),
        tries: 3,
        pause: Duration::from_millis(1),
    }
}

async fn get(cache: &Path, sources: &[ReleaseSource]) -> Result<Release, ArtifactError> {
    get_for(cache, sources, &Platform::linux("amd64")).await
}

async fn get_for(cache: &Path, sources: &[ReleaseSource], platform: &Platform) -> Result<Release, ArtifactError> {
    let bounds = bounds();
    let client = fetch::client(&bounds).no_proxy().build().unwrap();
    let search =
        Search { version: &VERSION, platform, cache, client: client.into(), bounds, limits: Limits::default() };
    search.run(sources, &|_| None, &|_| {}).await
}

fn source(url: &str) -> UrlSource {
    UrlSource { url: url.to_owned(), sha256: BTreeMap::new(), sha256sums: None }
}

fn pinned(url: &str, digest: Sha256) -> ReleaseSource {
    ReleaseSource::Url(UrlSource { sha256: [("3.5.33-amd64".to_owned(), digest)].into(), ..source(url) })
}

/// A web server that answers each path by one whole text, header and all; counts requests.
struct Server {
    base: String,
    requests: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Answer {
    Whole(Vec<u8>),
    /// Sends this, then keeps the connection open and says nothing.
    Silent(Vec<u8>),
    /// Closes in the middle for the first so many requests, then answers whole.
    CutFirst(usize, Vec<u8>),
}

fn ok(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).as_bytes(), body]
        .concat()
}

fn status(line: &str) -> Answer {
    Answer::Whole(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes())
}

fn redirect(to: &str) -> Answer {
    status(&format!("302 Found\r\nLocation: {to}"))
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = (&'static str, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let answers: Arc<BTreeMap<&str, Answer>> = Arc::new(answers.into_iter().collect());
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answers), number));
            }
        });
        Self { base, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<BTreeMap<&str, Answer>>, number: usize) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    match answers.get(path) {
        None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await,
        Some(Answer::Whole(bytes)) => stream.write_all(bytes).await,
        Some(Answer::CutFirst(times, bytes)) if number < *times => stream.write_all(&bytes[..bytes.len() / 2]).await,
        Some(Answer::CutFirst(_, bytes)) => stream.write_all(bytes).await,
        Some(Answer::Silent(bytes)) => {
            stream.write_all(bytes).await?;
            std::future::pending().await
        }
    }
}

fn seen(error: ArtifactError) -> String {
    match error {
        ArtifactError::NoSource { mut attempts, .. } if attempts.len() == 1 => attempts.remove(0).seen,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_pinned_release_is_fetched_once_and_verified_each_time() {
    let archive = good_archive();
    let server = Server::start([("/etcd.tar.gz", Answer::Whole(ok(&archive)))]).await;
    let cache = tempfile::tempdir().unwrap();
    let sources = [pinned(&server.url("/etcd.tar.gz"), Sha256::of(&archive))];
    let release = get(cache.path(), &sources).await.unwrap();
    assert_eq!((release.checked, release.archive_sha256), (Checked::Pinned, Some(Sha256::of(&archive))));
    assert_eq!(release.dir, cache.path().canonicalize().unwrap().join("releases/3.5.33-linux-amd64"));
    for (name, binary) in &release.binaries {
        assert_eq!(binary.path, release.dir.join(name));
        assert_eq!(Sha256::of(&std::fs::read(&binary.path).unwrap()), binary.sha256);
        assert_eq!(binary.path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }
    assert_eq!(get(cache.path(), &sources).await.unwrap(), release);
    assert_eq!(server.requests(), 1);

    // A bit flips on the controller's disk.
    let etcd = &release.binaries["etcd"].path;
    let mut bytes = std::fs::read(etcd).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(etcd, &bytes).unwrap();
    assert_eq!(get(cache.path(), &sources).await.unwrap(), release);
    assert_eq!(server.requests(), 2);
    assert_eq!(Sha256::of(&std::fs::read(etcd).unwrap()), release.binaries["etcd"].sha256);
    // Nothing unfinished lies about.
    assert_eq!(std::fs::read_dir(cache.path().join("releases")).unwrap().count(), 1);
}

// faults: H9
#[tokio::test]
async fn a_flipped_bit_or_a_cut_is_refused_before_anything_is_unpacked() {
    let archive = good_archive();
    let mut flipped = archive.clone();
    flipped[archive.len() / 2] ^= 1;
    let cut = archive[..archive.len() / 2].to_vec();
    let server = Server::start([("/flipped", Answer::Whole(ok(&flipped))), ("/cut", Answer::Whole(ok(&cut)))]).await;
    let cache = tempfile::tempdir().unwrap();
    for path in ["/flipped", "/cut"] {
        let sources = [pinned(&server.url(path), Sha256::of(&archive)), pinned("http://127.0.0.1:1/", Sha256::of(b""))];
        let error = get(cache.path(), &sources).await.unwrap_err();
        assert!(matches!(error, ArtifactError::Refused { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&server.url(path)) && text.contains(&Sha256::of(&archive).to_string()), "{text}");
    }
    assert_eq!(std::fs::read_dir(cache.path().join("releases")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_first_source_that_has_it_serves_and_each_failure_is_listed() {
    let archive = good_archive();
    let digest = Sha256::of(&archive);
    let server = Server::start([
        ("/forbidden", status("403 Forbidden")),
        ("/broken", status("503 Service Unavailable")),
        ("/good", Answer::Whole(ok(&archive))),
    ])
    .await;
    let cache = tempfile::tempdir().unwrap();
    let bad: Vec<ReleaseSource> = ["/missing", "/forbidden", "/broken"]
        .map(|path| pinned(&server.url(path), digest))
        .into_iter()
        .chain([
            ReleaseSource::Url(source("http://mirror.example/etcd.tar.gz")),
            ReleaseSource::Url(source("file:///no/such/etcd.tar.gz")),
            ReleaseSource::Url(source("ftp://mirror.example/etcd.tar.gz")),
        ])
        .collect();
    let text = get(cache.path(), &bad).await.unwrap_err().to_string();
    for (at, said) in [
        ("/missing", "404 Not Found"),
        ("/forbidden", "403 Forbidden"),
        ("/broken", "503 Service Unavailable (tried 3 times)"),
        ("http://mirror.example/etcd.tar.gz", "pinned digest"),
        ("file:///no/such/etcd.tar.gz", "No such file"),
        ("ftp://mirror.example/etcd.tar.gz", "not understood"),
    ] {
        assert!(text.lines().any(|line| line.contains(at) && line.contains(said)), "{at} {said}: {text}");
    }
    // 404 and 403 are asked once, 503 three times.
    assert_eq!(server.requests(), 5);
    let mut sources = bad;
    sources.push(pinned(&server.url("/good"), digest));
    assert_eq!(get(cache.path(), &sources).await.unwrap().source, server.url("/good"));
    assert!(get(cache.path(), &[]).await.is_err());
}

#[tokio::test]
async fn silence_size_and_redirects_are_bounded() {
    let archive = good_archive();
    let digest = Sha256::of(&archive);
    let headers = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc".to_vec();
    let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec();
    let endless = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![7; 2_000_000]].concat();
    let server = Server::start([
        ("/silent", Answer::Silent(Vec::new())),
        ("/stalls", Answer::Silent(headers)),
        ("/huge", Answer::Whole(huge)),
        ("/endless", Answer::Whole(endless)),
        ("/loop", redirect("/loop")),
        ("/moved", redirect("/moved2")),
        ("/moved2", redirect("/good")),
        ("/good", Answer::Whole(ok(&archive))),
    ])
    .await;
    let cache = tempfile::tempdir().unwrap();
    for (path, expected) in [
        ("/silent", "nothing came for too long (tried 3 times)"),
        ("/stalls", "nothing came for too long (tried 3 times)"),
        ("/huge", "larger than 1.0 MB"),
        ("/endless", "larger than 1.0 MB"),
        ("/loop", "redirects too often"),
    ] {
        let started = Instant::now();
        let said = seen(get(cache.path(), &[pinned(&server.url(path), digest)]).await.unwrap_err());
        assert!(said.contains(expected), "{path}: {said}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    assert!(get(cache.path(), &[pinned(&server.url("/moved"), digest)]).await.is_ok());
}

#[tokio::test]
async fn a_cut_download_is_tried_again_from_its_start() {
    let archive = good_archive();
    let server = Server::start([("/etcd.tar.gz", Answer::CutFirst(2, ok(&archive)))]).await;
    let cache = tempfile::tempdir().unwrap();
    let release = get(cache.path(), &[pinned(&server.url("/etcd.tar.gz"), Sha256::of(&archive))]).await.unwrap();
    assert_eq!(release.archive_sha256, Some(Sha256::of(&archive)));
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn a_file_is_checked_by_sums_or_by_a_pin_or_marked_as_first_use() {
    let archive = good_archive();
    let digest = Sha256::of(&archive);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("etcd-v3.5.33-linux-amd64.tar.gz");
    std::fs::write(&path, &archive).unwrap();
    let sums = dir.path().join("SHA256SUMS");
    let url = format!("file://{}", path.display());
    let with_sums = ReleaseSource::Url(UrlSource {
        sha256sums: Some(format!("file://{}", sums.display())),
        ..source(&format!(
            "file://{}/etcd-v{}-linux-{}.tar.gz",
            dir.path().display(),
            UrlSource::placeholder("version"),
            UrlSource::placeholder("arch")
        ))
    });
    let fresh = || tempfile::tempdir_in(dir.path()).unwrap();

    let said = seen(get(fresh().path(), std::slice::from_ref(&with_sums)).await.unwrap_err());
    assert!(said.contains("SHA256SUMS") && said.contains("No such file"), "{said}");
    std::fs::write(&sums, format!("{digest}  another.tar.gz\n")).unwrap();
    let error = get(fresh().path(), std::slice::from_ref(&with_sums)).await.unwrap_err().to_string();
    assert!(error.contains("does not name"), "{error}");
    std::fs::write(&sums, format!("{}  etcd-v3.5.33-linux-amd64.tar.gz\n", Sha256::of(b"other"))).unwrap();
    let error = get(fresh().path(), std::slice::from_ref(&with_sums)).await.unwrap_err().to_string();
    assert!(error.contains("its SHA256SUMS says"), "{error}");
    std::fs::write(&sums, format!("{digest}  etcd-v3.5.33-linux-amd64.tar.gz\n")).unwrap();
    assert_eq!(get(fresh().path(), &[with_sums]).await.unwrap().checked, Checked::Sums);

    let cache = fresh();
    let unchecked = [ReleaseSource::Url(source(&url))];
    assert_eq!(get(cache.path(), &unchecked).await.unwrap().checked, Checked::FirstUse);
    // A pin that comes later and agrees is as good; one that does not agree asks the source again.
    assert_eq!(get(cache.path(), &[pinned(&url, digest)]).await.unwrap().checked, Checked::Pinned);
    let error = get(cache.path(), &[pinned(&url, Sha256::of(b"other"))]).await.unwrap_err();
    assert!(error.to_string().contains("the pinned digest says"), "{error}");

    // The file goes: the cache serves. It comes back as something else: it is looked at anew, and refused.
    std::fs::remove_file(&path).unwrap();
    assert!(get(cache.path(), &unchecked).await.is_ok());
    std::fs::write(&path, b"something else").unwrap();
    assert!(matches!(get(cache.path(), &unchecked).await, Err(ArtifactError::Refused { .. })));
}

#[tokio::test]
async fn a_folder_serves_and_a_change_in_it_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let folder = dir.path().join("my build");
    std::fs::create_dir(&folder).unwrap();
    let program = |fill: u8| [platform::tests::elf("amd64"), vec![fill; 1000]].concat();
    for name in ["etcd", "etcdctl"] {
        std::fs::write(folder.join(name), program(1)).unwrap();
    }
    let url = format!("file://{}/my%20build", dir.path().display());
    let sources = [ReleaseSource::Url(source(&url))];
    let release = get(&cache, &sources).await.unwrap();
    assert_eq!((release.binaries.len(), release.archive_sha256, release.checked), (2, None, Checked::FirstUse));
    assert_eq!(get(&cache, &sources).await.unwrap(), release);
    std::fs::write(folder.join("etcd"), program(2)).unwrap();
    let changed = get(&cache, &sources).await.unwrap();
    assert_eq!(changed.binaries["etcd"].sha256, Sha256::of(&program(2)));
    std::fs::write(folder.join("etcdutl"), program(3)).unwrap();
    assert_eq!(get(&cache, &sources).await.unwrap().binaries.len(), 3);

    let error = get(&dir.path().join("other"), &[pinned(&url, Sha256::of(b""))]).await.unwrap_err();
    assert!(error.to_string().contains("digest of an archive"), "{error}");
    let arm = Platform::linux("arm64");
    let error = get_for(&cache, &sources, &arm).await.unwrap_err().to_string();
    assert!(error.contains("etcd is a program for amd64, not for arm64"), "{error}");
    let error = get_for(&cache, &sources, &Platform::linux("vax")).await.unwrap_err();
    assert!(matches!(error, ArtifactError::UnknownPlatform(_)), "{error}");
}

#[tokio::test]
async fn many_at_once_end_with_one_good_release() {
    let archive = good_archive();
    let server = Server::start([("/etcd.tar.gz", Answer::Whole(ok(&archive)))]).await;
    let cache = tempfile::tempdir().unwrap();
    let sources = [pinned(&server.url("/etcd.tar.gz"), Sha256::of(&archive))];
    let all = futures_util::future::join_all((0..8).map(|_| get(cache.path(), &sources))).await;
    let first = all[0].as_ref().unwrap();
    assert!(all.iter().all(|release| release.as_ref().unwrap() == first));
    assert_eq!(std::fs::read_dir(cache.path().join("releases")).unwrap().count(), 1);
    assert_eq!(get(cache.path(), &sources).await.unwrap(), *first);
}

#[tokio::test]
async fn a_record_that_is_not_ours_is_not_believed() {
    let archive = good_archive();
    let server = Server::start([("/etcd.tar.gz", Answer::Whole(ok(&archive)))]).await;
    let cache = tempfile::tempdir().unwrap();
    let sources = [pinned(&server.url("/etcd.tar.gz"), Sha256::of(&archive))];
    let release = get(cache.path(), &sources).await.unwrap();
    let record = release.dir.join("release.json");
    let text = std::fs::read_to_string(&record).unwrap();
    for (number, wrong) in [
        text.replace("\"format\": 1", "\"format\": 2"),
        text.replace("\"etcdctl\": {", "\"../../etcdctl\": {"),
        text.replace("3.5.33", "3.5.32"),
        text[..text.len() / 2].to_owned(),
        "<html>".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        assert_ne!(wrong, &text);
        std::fs::write(&record, wrong).unwrap();
        assert_eq!(get(cache.path(), &sources).await.unwrap(), release);
        assert_eq!(server.requests(), number + 2, "fetched again");
    }
}

#[tokio::test]
async fn no_secret_of_a_url_is_shown_or_stored() {
    let archive = good_archive();
    let server = Server::start([("/etcd.tar.gz?token=hush", Answer::Whole(ok(&archive)))]).await;
    let cache = tempfile::tempdir().unwrap();
    let url = server.url("/etcd.tar.gz?token=hush").replace("http://", "http://user:hush@");
    let release = get(cache.path(), &[pinned(&url, Sha256::of(&archive))]).await.unwrap();
    assert_eq!(release.source, server.url("/etcd.tar.gz"));
    assert!(!std::fs::read_to_string(release.dir.join("release.json")).unwrap().contains("hush"));
    let nowhere = "http://user:hush@127.0.0.1:1/etcd.tar.gz?token=hush";
    let error = get(cache.path(), &[pinned(nowhere, Sha256::of(&archive))]).await.unwrap_err().to_string();
    assert!(!error.contains("hush") && error.contains("refused"), "{error}");
    let wrong = get(&cache.path().join("new"), &[pinned(&url, Sha256::of(b""))]).await.unwrap_err().to_string();
    assert!(!wrong.contains("hush"), "{wrong}");
}
