//! Backups that are refused: nothing of them is left.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::*;
use super::{Api, Scene, write};
use crate::etcd::testing::{dialer, release};
use crate::etcd::{Client, Dialer, Endpoint, EtcdError};
use crate::host::ByteStream;

#[tokio::test]
async fn what_cannot_be_is_refused_and_leaves_nothing() {
    let (Some(live), Some(tools)) = (release("3.1.20"), release("3.2.32")) else { return };
    let mut scene = Scene::new(&live, &tools, &[]).await;
    write(&scene.client, Api::V3, "key", 1).await;
    let newer = V3Part { not_older_than: Some(Revision(1000)), compare: V3Compare::Digest };
    let error = scene.take("b1", |request| request.v3 = Some(newer)).await.unwrap_err();
    assert!(error.to_string().contains("at revision 2, the backup must hold revision 1000"), "{error}");

    let error = scene.take("b1", |request| request.source.cluster_id = ClusterId(7)).await.unwrap_err();
    assert!(matches!(&error, BackupError::AnotherCluster { expected: ClusterId(7), .. }), "{error}");

    let nowhere = V2Part { data_dir: "/nowhere", wal_dir: None };
    let error = scene.take("b1", |request| request.v2 = Some(nowhere)).await.unwrap_err();
    assert!(matches!(&error, BackupError::Tool { command, .. } if command == "etcdctl backup"), "{error}");
    let error = scene
        .take("b1", |request| {
            request.v2 = Some(nowhere);
            request.tools.host_etcdctl = None;
        })
        .await
        .unwrap_err();
    assert!(matches!(&error, BackupError::NoHostTool { .. }), "{error}");

    let fake = scene.root.path().join("fake");
    std::fs::create_dir(&fake).unwrap();
    std::fs::write(fake.join("etcd"), [0x7f, b'E', b'L', b'F', 9, 9, 9]).unwrap();
    std::fs::set_permissions(fake.join("etcd"), std::fs::Permissions::from_mode(0o755)).unwrap();
    scene.release_dir = fake;
    let error = scene.take("b1", |_| {}).await.unwrap_err();
    assert!(matches!(&error, BackupError::CannotRun { .. }), "{error}");
    assert!(error.to_string().contains("verify = \"hash\""), "{error}");
    scene.release_dir = live;
    let error = scene.take("b1", |_| {}).await.unwrap_err();
    assert!(matches!(&error, BackupError::WrongRelease { .. }), "{error}");
    scene.nothing_is_left();
}

/// A release whose `etcdctl` restores something else than it is told to.
fn release_that_restores(scene: &Scene, other: &Path) -> PathBuf {
    let dir = scene.root.path().join("crooked");
    std::fs::create_dir(&dir).unwrap();
    std::os::unix::fs::symlink(scene.release_dir.join("etcd"), dir.join("etcd")).unwrap();
    let real = scene.release_dir.join("etcdctl");
    let script =
        format!("#!/bin/sh\nshift 3\nexec '{}' snapshot restore '{}' \"$@\"\n", real.display(), other.display());
    std::fs::write(dir.join("etcdctl"), script).unwrap();
    std::fs::set_permissions(dir.join("etcdctl"), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

// faults: E11
#[tokio::test]
async fn a_copy_that_differs_is_refused_with_both_values() {
    let (Some(live), Some(tools)) = (release("3.1.20"), release("3.2.32")) else { return };
    // Another cluster with as many revisions and keys, but one other value.
    let other = Scene::new(&live, &tools, &[]).await;
    let mut scene = Scene::new(&live, &tools, &[]).await;
    for number in 0..10 {
        write(&scene.client, Api::V3, "key", number).await;
        write(&other.client, Api::V3, "key", number + u64::from(number == 9)).await;
    }
    let stolen = other.take("other", |request| request.verify = Verify::Hash).await.unwrap();
    scene.release_dir = release_that_restores(&scene, &stolen.path.join("snapshot.db"));
    let error = scene.take("b1", |_| {}).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(&error, BackupError::Differs { what: "keys", .. }), "{text}");
    assert!(text.contains("restored 10 keys, digest") && text.contains("live 10 keys, digest"), "{text}");
    scene.nothing_is_left();
    // One that is merely older.
    write(&scene.client, Api::V3, "key", 11).await;
    let error = scene.take("b1", |_| {}).await.unwrap_err();
    assert!(matches!(&error, BackupError::Differs { what: "revision", .. }), "{error}");
    scene.nothing_is_left();
}

/// What happens to the bytes that a member sends, once so many have come.
#[derive(Clone, Copy)]
enum Mischief {
    Flip,
    Cut,
}

struct Mangled {
    stream: Box<dyn ByteStream>,
    seen: usize,
    at: usize,
    mischief: Mischief,
}

impl AsyncRead for Mangled {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let came = into.filled().len() - before;
        let at = self.at.wrapping_sub(self.seen);
        match self.mischief {
            Mischief::Flip if at < came => into.filled_mut()[before + at] ^= 0x10,
            Mischief::Cut if self.seen + came > self.at => into.set_filled(before),
            _ => {}
        }
        self.seen += came;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Mangled {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn mangling(port: u16, at: usize, mischief: Mischief) -> Client {
    let straight = dialer(port);
    let dial: Dialer = Arc::new(move || {
        let dialing = straight();
        Box::pin(async move {
            let stream = dialing.await?;
            Ok(Box::new(Mangled { stream, seen: 0, at, mischief }) as Box<dyn ByteStream>)
        })
    });
    Client::new(Endpoint {
        label: "m1 (mangled)".to_owned(),
        dial,
        tls: None,
        login: None,
        deadline: Duration::from_secs(5),
    })
}

// faults: E11
#[tokio::test]
async fn a_flipped_byte_and_a_cut_stream_are_refused() {
    let (Some(live), Some(tools)) = (release("3.1.20"), release("3.2.32")) else { return };
    let mut scene = Scene::new(&live, &tools, &[]).await;
    let value = vec![b'x'; 200_000];
    scene.client.put(b"key", &value).await.unwrap();
    let port = scene.member.place.client_port;
    // In the middle of the value, which is most of the file; long after everything that comes before the snapshot.
    scene.client = mangling(port, 100_000, Mischief::Flip);
    let error = scene.take("b1", |_| {}).await.unwrap_err();
    assert!(matches!(&error, BackupError::Etcd(EtcdError::Snapshot { .. })), "{error}");
    assert!(error.to_string().contains("the digest that etcd sent is"), "{error}");
    scene.nothing_is_left();
    scene.client = mangling(port, 100_000, Mischief::Cut);
    let error = scene.take("b1", |_| {}).await.unwrap_err();
    assert!(matches!(&error, BackupError::Etcd(EtcdError::Broken { .. })), "{error}");
    scene.nothing_is_left();
}
