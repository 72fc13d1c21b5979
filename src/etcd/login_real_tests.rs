//! Logging in to real etcd, from 3.0 to 3.7: who is let in, who is not, and that a restart is survived. Needs
//! `QUORATE_TEST_ETCD`; skipped without it.

use std::time::Duration;

use super::testing::{RealMember, eventually, release};
use super::{AuthState, Client, Consistency, Denial, Endpoint, EtcdError, Login};

/// `etcdctl` of that release, with `stdin`.
fn etcdctl(release: &std::path::Path, port: u16, args: &[&str], stdin: &str) {
    use std::io::Write as _;
    let mut child = std::process::Command::new(release.join("etcdctl"))
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", &format!("http://127.0.0.1:{port}")])
        .args(args)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
}

/// Everything that takes the role root; the snapshot first, which nothing has logged in for.
async fn may_do_all(client: &Client, hash_kv: bool) {
    client.may_take_snapshots().await.unwrap();
    client.snapshot(&mut tokio::io::sink(), &|_, _| {}).await.unwrap();
    let revision = client.linearizable_read().await.unwrap();
    client.status().await.unwrap();
    client.member_list().await.unwrap();
    assert_eq!(client.alarms().await.unwrap(), []);
    assert_eq!(client.count_keys(Consistency::Serializable).await.unwrap(), 1);
    assert_eq!(client.digest_at(None).await.unwrap().keys, 1);
    match client.hash_kv(revision).await {
        Ok(_) => assert!(hash_kv),
        Err(error) => assert!(!hash_kv && error.is_unsupported(), "{error}"),
    }
}

/// Whom a version gives a snapshot to where authentication is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Snapshots {
    ToRoot,
    ToEverybody,
}

async fn logs_in(version: &str, hash_kv: bool, snapshots: Snapshots) {
    let Some(release) = release(version) else { return };
    let mut member = RealMember::start(&release, &[]).await;
    let port = member.place.client_port;
    let as_user = |user: &str, password: &str| {
        let login = Login { user: user.to_owned(), password: password.to_owned() };
        let (dial, deadline) = (super::testing::dialer(port), Duration::from_secs(10));
        Client::new(Endpoint { label: "m1".to_owned(), dial, tls: None, login: Some(login), deadline })
    };
    let root = as_user("root", "the-password");
    root.put(b"a", b"1").await.unwrap();
    assert_eq!(root.auth_state().await.unwrap(), AuthState::Off);
    for (args, stdin) in [
        (&["user", "add", "root", "--interactive=false"][..], "the-password\n"),
        (&["user", "add", "ann", "--interactive=false"], "the-password\n"),
        (&["role", "add", "root"], ""),
        (&["user", "grant-role", "root", "root"], ""),
        (&["auth", "enable"], ""),
    ] {
        etcdctl(&release, port, args, stdin);
    }
    // This one has asked before, when it needed no user.
    assert_eq!(root.get(b"a").await.unwrap().unwrap().value, b"1");
    may_do_all(&as_user("root", "the-password"), hash_kv).await;

    let nobody = member.client();
    assert_eq!(nobody.auth_state().await.unwrap(), AuthState::On);
    let denial = |error: EtcdError| match error {
        EtcdError::Denied { denial, .. } => denial,
        other => panic!("{other}"),
    };
    let denied = denial(nobody.count_keys(Consistency::Serializable).await.unwrap_err());
    match snapshots {
        Snapshots::ToRoot => {
            assert_eq!(denied, Denial::NoUser);
            assert_eq!(denial(nobody.may_take_snapshots().await.unwrap_err()), Denial::NoUser);
        }
        Snapshots::ToEverybody => assert_eq!(denied, Denial::NotPermitted),
    }
    for wrong in [as_user("root", "another"), as_user("nobody", "the-password")] {
        assert_eq!(denial(wrong.count_keys(Consistency::Serializable).await.unwrap_err()), Denial::WrongLogin);
    }
    let ann = as_user("ann", "the-password");
    assert_eq!(denial(ann.count_keys(Consistency::Serializable).await.unwrap_err()), Denial::NotPermitted);
    if snapshots == Snapshots::ToRoot {
        assert_eq!(denial(ann.may_take_snapshots().await.unwrap_err()), Denial::NotPermitted);
    }

    // The member forgets all tokens.
    member.kill();
    member.start_again().await;
    eventually("the same client again", Duration::from_secs(30), || root.get(b"a")).await;
}

#[tokio::test]
async fn logs_in_to_3_1() {
    logs_in("3.1.20", false, Snapshots::ToRoot).await;
}

#[tokio::test]
async fn logs_in_to_3_2() {
    logs_in("3.2.32", false, Snapshots::ToRoot).await;
}

#[tokio::test]
async fn logs_in_to_3_3() {
    logs_in("3.3.27", true, Snapshots::ToRoot).await;
}

#[tokio::test]
async fn logs_in_to_3_4() {
    logs_in("3.4.23", true, Snapshots::ToRoot).await;
}

#[tokio::test]
async fn logs_in_to_3_5() {
    logs_in("3.5.33", true, Snapshots::ToRoot).await;
}

#[tokio::test]
async fn logs_in_to_3_6() {
    logs_in("3.6.14", true, Snapshots::ToRoot).await;
}

#[tokio::test]
async fn logs_in_to_3_7() {
    logs_in("3.7.1", true, Snapshots::ToRoot).await;
}

/// 3.0 says of a client without a user what it says of one without the right, and gives out snapshots and states to all.
#[tokio::test]
async fn logs_in_to_3_0() {
    logs_in("3.0.17", false, Snapshots::ToEverybody).await;
}
