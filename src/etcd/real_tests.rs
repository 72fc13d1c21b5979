//! The client against real etcd, from 2.1 to 3.7. Needs `QUORATE_TEST_ETCD`; skipped without it.

use std::time::Duration;

use super::snapshot::{SnapshotFileError, verify};
use super::testing::{RealMember, client, eventually, release};
use super::{AuthState, Client, Consistency, EtcdError, Health, TlsAccess};
use crate::units::{Bytes, MemberId, Revision, Version};

async fn put_v2(client: &Client, count: usize) {
    for number in 0..count {
        client.v2_put(&format!("/app/key-{number}"), &format!("value {number} & more")).await.unwrap();
    }
}

async fn speaks_v2(version: &str) {
    let Some(release) = release(version) else { return };
    let member = RealMember::start(&release, &[]).await;
    let client = member.client();
    assert_eq!(client.version().await.unwrap().server.to_string(), version);
    assert_eq!(client.health().await.unwrap(), Health::Healthy);
    assert_eq!(client.v2_count().await.unwrap(), 0);
    let before = client.v2_status().await.unwrap();
    put_v2(&client, 50).await;
    client.v2_barrier().await.unwrap();
    let after = client.v2_status().await.unwrap();
    assert!(after.raft_index.0 >= before.raft_index.0 + 52, "{before:?} {after:?}");
    assert_eq!(after.leader, Some(after.member_id));
    let listed = client.v2_members().await.unwrap();
    assert_eq!((listed.member_id, listed.cluster_id), (after.member_id, after.cluster_id));
    assert_eq!(listed.members[0].name, "m1");
    assert_eq!(listed.members[0].client_urls, [format!("http://127.0.0.1:{}", member.place.client_port)]);

    let tree = client.v2_tree(Consistency::Linearizable).await.unwrap();
    assert_eq!((tree.keys(), tree.directories()), (50, 1));
    let digest = client.v2_digest().await.unwrap();
    assert_eq!(client.v2_digest().await.unwrap(), digest);
    // A hidden key is not listed, so it changes nothing.
    client.v2_put("/_hidden", "x").await.unwrap();
    assert_eq!(client.v2_digest().await.unwrap(), digest);
    client.v2_put("/app/key-7", "other").await.unwrap();
    let changed = client.v2_digest().await.unwrap();
    assert_eq!(changed.keys, 50);
    assert_ne!(changed.digest, digest.digest);
    client.close().await;
    assert_eq!(client.v2_count().await.unwrap(), 50, "a closed client opens its connection again");
}

#[tokio::test]
async fn speaks_v2_to_2_1() {
    speaks_v2("2.1.1").await;
}

#[tokio::test]
async fn speaks_v2_to_2_2() {
    speaks_v2("2.2.5").await;
}

#[tokio::test]
async fn speaks_v2_to_2_3() {
    speaks_v2("2.3.8").await;
}

#[tokio::test]
async fn speaks_v2_to_3_1() {
    speaks_v2("3.1.20").await;
}

#[tokio::test]
async fn speaks_v2_to_3_2() {
    speaks_v2("3.2.32").await;
}

#[tokio::test]
async fn a_2_x_member_has_no_v3() {
    let Some(release) = release("2.1.1") else { return };
    let member = RealMember::start(&release, &[]).await;
    let error = member.client().status().await.unwrap_err();
    assert!(matches!(&error, EtcdError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn from_3_4_on_v2_is_off() {
    let Some(release) = release("3.4.23") else { return };
    let client_of = RealMember::start(&release, &[]).await;
    let client = client_of.client();
    for error in [
        client.v2_members().await.unwrap_err(),
        client.v2_count().await.unwrap_err(),
        client.v2_barrier().await.unwrap_err(),
        client.v2_status().await.unwrap_err(),
    ] {
        assert!(matches!(&error, EtcdError::V2NotServed { .. }), "{error}");
    }
}

/// What changed with the versions, as the API tells it.
struct Has {
    hash_kv: bool,
    applied_index: bool,
    downgrade: bool,
}

async fn speaks_v3(version: &str, has: Has) {
    let Some(release) = release(version) else { return };
    let member = RealMember::start(&release, &[]).await;
    let client = member.client();
    let version: Version = version.parse().unwrap();
    let told = client.version().await.unwrap();
    assert_eq!(told.server, version);
    let cluster = eventually("cluster version", Duration::from_secs(30), || async {
        client.version().await.unwrap().cluster.filter(|told| told.minor() == version.minor()).ok_or("not decided")
    })
    .await;
    assert_eq!(cluster.minor(), version.minor());

    for number in 0..100 {
        client.put(format!("key-{number}").as_bytes(), &vec![b'x'; number * 120]).await.unwrap();
    }
    client.delete(b"key-5").await.unwrap();
    let revision = client.linearizable_read().await.unwrap();
    assert_eq!(revision, Revision(102));
    let status = client.status().await.unwrap();
    assert_eq!((status.revision, status.version.as_str()), (revision, version.to_string().as_str()));
    assert_eq!(status.leader, Some(status.member_id));
    assert_eq!(status.raft_applied_index.is_some(), has.applied_index);
    assert!(status.db_size > Bytes(0) && status.raft_index.0 > 100);

    let listed = client.member_list().await.unwrap();
    assert_eq!((listed.cluster_id, listed.member_id), (status.cluster_id, status.member_id));
    assert_eq!(listed.members[0].name, "m1");
    assert_eq!(listed.members[0].peer_urls, [format!("http://127.0.0.1:{}", member.place.peer_port)]);
    assert_eq!(client.alarms().await.unwrap(), []);
    let index = client.status().await.unwrap().raft_index;
    client.raft_noop().await.unwrap();
    let after = client.status().await.unwrap();
    assert!(after.raft_index > index && after.revision == revision);

    assert_eq!(client.count_keys(Consistency::Linearizable).await.unwrap(), 99);
    assert_eq!(client.count_keys(Consistency::Serializable).await.unwrap(), 99);
    assert_eq!(client.get(b"key-5").await.unwrap(), None);
    assert_eq!(client.get(b"key-6").await.unwrap().unwrap().value, vec![b'x'; 720]);
    match client.hash_kv(revision).await {
        Ok(hash) if has.hash_kv => {
            assert_eq!(hash.revision, revision);
            let newest = client.hash_kv(Revision(0)).await.unwrap();
            assert_eq!((newest.hash, newest.compact_revision), (hash.hash, hash.compact_revision));
        }
        Err(error) if !has.hash_kv => assert!(error.is_unsupported(), "{error}"),
        other => panic!("{other:?}"),
    }
    // To nobody: 3.3 waits for it to the deadline, from 3.4 on it is refused.
    if !has.hash_kv {
        assert!(client.move_leader(MemberId(12345)).await.unwrap_err().is_unsupported());
    } else if has.applied_index {
        let error = client.move_leader(MemberId(12345)).await.unwrap_err();
        assert!(matches!(&error, EtcdError::Refused { .. }), "{error}");
    }
    assert_eq!(client.auth_state().await.unwrap(), AuthState::Off);
    let downgrade = client.downgrade_validate(version.minor()).await.unwrap_err();
    assert_eq!(downgrade.is_unsupported(), !has.downgrade, "{downgrade}");
    digests(&client, revision).await;
    snapshots(&client).await;
    client.close().await;
    assert!(client.linearizable_read().await.unwrap() > revision, "a closed client opens its connection again");
}

async fn digests(client: &Client, revision: Revision) {
    let digest = client.digest_at(None).await.unwrap();
    assert_eq!((digest.keys, digest.revision), (99, Some(revision)));
    client.put(b"key-6", b"other").await.unwrap();
    client.put(b"zzz", b"new").await.unwrap();
    assert_eq!(client.digest_at(Some(revision)).await.unwrap(), digest, "history does not change");
    assert_eq!(client.count_keys_at(revision).await.unwrap(), 99);
    assert_ne!(client.digest_at(None).await.unwrap().digest, digest.digest);
    client.delete(b"zzz").await.unwrap();
    client.put(b"key-6", &[b'x'; 720]).await.unwrap();
    let same_values = client.digest_at(None).await.unwrap();
    assert_ne!(same_values.digest, digest.digest, "the history of a key is part of the digest");
    client.compact(Revision(revision.0 + 4)).await.unwrap();
    let error = client.digest_at(Some(revision)).await.unwrap_err();
    assert!(matches!(&error, EtcdError::Compacted { .. }), "{error}");
    let error = client.hash_kv(revision).await.unwrap_err();
    assert!(error.is_unsupported() || matches!(&error, EtcdError::Compacted { .. }), "{error}");
}

async fn snapshots(client: &Client) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot.db");
    let mut file = tokio::fs::File::create(&path).await.unwrap();
    let last = std::sync::Mutex::new((Bytes(0), Bytes(0)));
    let facts = client.snapshot(&mut file, &|so_far, of| *last.lock().unwrap() = (so_far, of)).await.unwrap();
    assert_eq!(*last.lock().unwrap(), (facts.size, facts.size));
    assert_eq!(verify(&path, Some(facts.sha256)).await.unwrap(), facts);
    let mut content = std::fs::read(&path).unwrap();
    content[9000] ^= 1;
    std::fs::write(&path, &content).unwrap();
    assert!(matches!(verify(&path, None).await, Err(SnapshotFileError::Damaged { .. })));
}

#[tokio::test]
async fn speaks_v3_to_3_0() {
    speaks_v3("3.0.17", Has { hash_kv: false, applied_index: false, downgrade: false }).await;
}

#[tokio::test]
async fn speaks_v3_to_3_1() {
    speaks_v3("3.1.20", Has { hash_kv: false, applied_index: false, downgrade: false }).await;
}

#[tokio::test]
async fn speaks_v3_to_3_2() {
    speaks_v3("3.2.32", Has { hash_kv: false, applied_index: false, downgrade: false }).await;
}

#[tokio::test]
async fn speaks_v3_to_3_3() {
    speaks_v3("3.3.27", Has { hash_kv: true, applied_index: false, downgrade: false }).await;
}

#[tokio::test]
async fn speaks_v3_to_3_4() {
    speaks_v3("3.4.23", Has { hash_kv: true, applied_index: true, downgrade: false }).await;
}

#[tokio::test]
async fn speaks_v3_to_3_5() {
    speaks_v3("3.5.33", Has { hash_kv: true, applied_index: true, downgrade: true }).await;
}

#[tokio::test]
async fn speaks_v3_to_3_6() {
    speaks_v3("3.6.14", Has { hash_kv: true, applied_index: true, downgrade: true }).await;
}

#[tokio::test]
async fn speaks_v3_to_3_7() {
    speaks_v3("3.7.1", Has { hash_kv: true, applied_index: true, downgrade: true }).await;
}

#[tokio::test]
async fn a_digest_is_read_in_pages_that_fit() {
    let Some(release) = release("3.2.32") else { return };
    let member = RealMember::start(&release, &[]).await;
    let client = member.client();
    // The first page of 256 keys would be over 16 MB.
    for number in 0..40 {
        client.put(format!("key-{number}").as_bytes(), &vec![b'x'; 1_000_000]).await.unwrap();
    }
    assert_eq!(client.digest_at(None).await.unwrap().keys, 40);
}

#[tokio::test]
async fn a_member_that_dies_and_comes_back_is_found_again() {
    let Some(release) = release("3.2.32") else { return };
    let mut member = RealMember::start(&release, &[]).await;
    let client = member.client();
    client.put(b"a", b"1").await.unwrap();
    client.version().await.unwrap();
    member.kill();
    let down = client.status().await.unwrap_err();
    assert!(down.is_unreachable(), "{down}");
    assert!(client.version().await.unwrap_err().is_unreachable());
    member.start_again().await;
    assert_eq!(client.get(b"a").await.unwrap().unwrap().value, b"1");
    client.version().await.unwrap();
}

/// The whole way: client certificate, gRPC by ALPN, HTTP beside it.
async fn speaks_tls(version: &str, has_v3: bool) {
    let Some(release) = release(version) else { return };
    let file = |name: &str| format!("{}/src/etcd/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let (cert, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let options =
        ["--cert-file", &cert, "--key-file", &key, "--trusted-ca-file", &ca, "--client-cert-auth"].map(String::from);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let member = RealMember::launch(&release, "https", &options);
    let text = |name: &str| Some(std::fs::read_to_string(file(name)).unwrap());
    let access = TlsAccess {
        ca_pem: text("ca.pem"),
        cert_pem: text("client.pem"),
        key_pem: text("client.key"),
        server_name: "127.0.0.1".to_owned(),
    };
    let with = |tls| client(member.place.client_port, Some(tls), Duration::from_secs(5));
    let good = with(access.clone());
    eventually("healthy", Duration::from_secs(60), || async {
        let health = good.health().await.map_err(|error| error.to_string())?;
        if health == Health::Healthy { Ok(()) } else { Err(format!("{health:?}")) }
    })
    .await;
    assert_eq!(good.version().await.unwrap().server.to_string(), version);
    if has_v3 {
        good.put(b"a", b"1").await.unwrap();
        assert_eq!(good.get(b"a").await.unwrap().unwrap().value, b"1");
    }
    let anonymous = with(TlsAccess { cert_pem: None, key_pem: None, ..access.clone() });
    for error in [anonymous.version().await.unwrap_err(), anonymous.status().await.unwrap_err()] {
        assert!(error.to_string().contains("no client certificate was sent"), "{error}");
    }
    let plain = client(member.place.client_port, None, Duration::from_secs(5));
    assert!(plain.version().await.is_err());
}

#[tokio::test]
async fn speaks_tls_to_2_1() {
    speaks_tls("2.1.1", false).await;
}

#[tokio::test]
async fn speaks_tls_to_3_1() {
    speaks_tls("3.1.20", true).await;
}

#[tokio::test]
async fn speaks_tls_to_3_2() {
    speaks_tls("3.2.32", true).await;
}

#[tokio::test]
async fn speaks_tls_to_3_6() {
    speaks_tls("3.6.14", true).await;
}
