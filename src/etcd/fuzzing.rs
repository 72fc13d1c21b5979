//! Doors for [`crate::fuzzing`]: bodies of answers, and a whole client whose member is a list of bytes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::v2::error_code;
use super::{Client, Consistency, Dialer, Endpoint, EtcdError, Health, Login, V2Tree, answers, v2tree};
use crate::fuzzing::harmless;
use crate::host::ByteStream;
use crate::units::{MemberId, Minor, Revision};

/// Far longer than any answer from memory takes.
const DEADLINE: Duration = Duration::from_secs(5);
/// What begins an HTTP/2 connection of a client.
const PREFACE: usize = 24;
/// Head of an HTTP/2 frame.
const HEAD: usize = 9;

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// One body; what was made of it is bounded, in order, and fit to be shown.
pub fn answer(kind: u8, body: &[u8]) {
    match kind {
        0 => {
            if let Ok(told) = answers::version(body) {
                for version in [Some(told.server), told.cluster, told.storage].into_iter().flatten() {
                    assert_eq!(version.to_string().parse(), Ok(version));
                }
            }
        }
        1 => {
            if let Ok(Health::Unhealthy { said }) = answers::health(body) {
                harmless(&said);
            }
        }
        2 => {
            if let Ok(members) = answers::v2_members(body) {
                assert!(members.is_sorted() && (1..=1000).contains(&members.len()));
            }
        }
        3 => {
            if let Ok(told) = answers::self_stats(body) {
                assert_ne!(told.leader, Some(MemberId(0)));
            }
        }
        _ => {
            let _ = error_code(body);
        }
    }
    harmless(&super::shown(body));
}

/// A v2 key space as it is told; `None` for what is none.
pub fn v2_tree(body: &[u8]) -> Option<V2Tree> {
    match v2tree::parse(body) {
        Ok(nodes) => {
            assert!(nodes.windows(2).all(|pair| pair[0].path < pair[1].path));
            let tree = V2Tree { index: 10, nodes };
            assert_eq!(tree.digest().keys + tree.directories(), tree.nodes.len() as u64);
            Some(tree)
        }
        Err(why) => {
            harmless(&super::shown(why.as_bytes()));
            None
        }
    }
}

/// When a scripted member begins to speak.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cue {
    /// When it is written to.
    Written,
    /// Once a request of HTTP/2 was written to its end: an answer before that would be none.
    Asked,
}

/// A connection to a member that says certain bytes, and hangs up.
struct Scripted {
    cue: Cue,
    says: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
    asked: bool,
    reader: Option<Waker>,
}

/// The first connection says the first text, and so on; the last one is said again and again.
fn dialer(cue: Cue, texts: Vec<Vec<u8>>) -> Dialer {
    let dialed = AtomicUsize::new(0);
    Arc::new(move || {
        let number = dialed.fetch_add(1, Ordering::Relaxed).min(texts.len().saturating_sub(1));
        let says = texts.get(number).cloned().unwrap_or_default();
        let stream = Scripted { cue, says, said: 0, heard: Vec::new(), asked: false, reader: None };
        Box::pin(async move { Ok(Box::new(stream) as Box<dyn ByteStream>) })
    })
}

/// Whether a client's side of an HTTP/2 connection holds the end of a request.
fn ends_a_request(written: &[u8]) -> bool {
    let mut rest = written.get(PREFACE..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        // DATA or HEADERS with END_STREAM.
        if head[3] <= 1 && head[4] & 1 != 0 {
            return true;
        }
        rest = after.get(length..).unwrap_or_default();
    }
    false
}

impl AsyncRead for Scripted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if !self.asked {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let rest = &self.says[self.said..];
        let length = into.remaining().min(rest.len());
        into.put_slice(&rest[..length]);
        self.said += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        if !self.asked {
            self.heard.extend_from_slice(bytes);
            self.asked = self.cue == Cue::Written || ends_a_request(&self.heard);
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn client(cue: Cue, texts: Vec<Vec<u8>>) -> Client {
    Client::new(Endpoint {
        label: "m1".to_owned(),
        dial: dialer(cue, texts),
        tls: None,
        // A denial makes it ask for a token, and once more.
        login: Some(Login { user: "root".to_owned(), password: "secret".to_owned() }),
        deadline: DEADLINE,
    })
}

/// Whether it was an answer.
fn judge<T>(result: Result<T, EtcdError>) -> bool {
    if let Err(error) = &result {
        harmless(&error.to_string());
        assert!(!matches!(error, EtcdError::Deadline { .. } | EtcdError::Stalled { .. }), "it waits for more: {error}");
    }
    result.is_ok()
}

/// Asks a member that speaks HTTP/1 and answers with these, one on each connection. Whether it was an answer.
pub fn ask_http(question: u8, answers: &[&[u8]]) -> bool {
    let texts = answers.iter().map(|answer| answer.to_vec()).collect();
    block_on(async {
        let client = client(Cue::Written, texts);
        let answered = match question % 8 {
            0 => judge(client.version().await),
            1 => judge(client.health().await),
            2 => judge(client.v2_members().await),
            3 => judge(client.v2_status().await),
            4 => judge(client.v2_tree(Consistency::Serializable).await),
            5 => judge(client.v2_is_served().await),
            6 => judge(client.v2_barrier().await),
            _ => judge(client.v2_put("/x", "y").await),
        };
        client.close().await;
        answered
    })
}

/// Asks a member that speaks HTTP/2 and answers with these bytes on each connection. Whether it was an answer.
pub fn ask_grpc(question: u8, says: Vec<u8>) -> bool {
    block_on(async {
        let client = client(Cue::Asked, vec![says]);
        let answered = match question % 13 {
            0 => judge(client.status().await),
            1 => judge(client.member_list().await),
            2 => judge(client.alarms().await),
            3 => judge(client.hash_kv(Revision(0)).await),
            4 => judge(client.count_keys(Consistency::Serializable).await),
            5 => judge(client.linearizable_read().await),
            6 => judge(client.get(b"k").await),
            7 => judge(client.auth_state().await),
            8 => judge(client.put(b"k", b"v").await),
            9 => judge(client.downgrade_validate(Minor::new(3, 5)).await),
            10 => judge(client.digest_at(Some(Revision(7))).await),
            11 => judge(client.snapshot(&mut tokio::io::sink(), &|_, _| {}).await),
            _ => judge(client.auth_state_by_login().await),
        };
        client.close().await;
        answered
    })
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u8, payload: &[u8]) {
    // Three bytes of length: no input is that long.
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags, 0, 0, 0, stream]);
    out.extend_from_slice(payload);
}

/// Literal header fields without indexing, short as they are.
fn fields(out: &mut Vec<u8>, fields: &[(&str, &[u8])]) {
    for (name, value) in fields {
        let value = &value[..value.len().min(120)];
        out.extend_from_slice(&[0, name.len() as u8]);
        out.extend_from_slice(name.as_bytes());
        out.push(value.len() as u8);
        out.extend_from_slice(value);
    }
}

/// The frames of a gRPC answer: SETTINGS, a head, each message in a frame, and the status.
pub fn messages(messages: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, 4, 0, 0, &[]);
    let mut head = vec![0x88];
    fields(&mut head, &[("content-type", b"application/grpc")]);
    frame(&mut out, 1, 4, 1, &head);
    for message in messages {
        let mut data = vec![0];
        data.extend_from_slice(&(message.len() as u32).to_be_bytes());
        data.extend_from_slice(message);
        for piece in data.chunks(16 * 1024) {
            frame(&mut out, 0, 0, 1, piece);
        }
    }
    let mut end = Vec::new();
    fields(&mut end, &[("grpc-status", b"0")]);
    frame(&mut out, 1, 5, 1, &end);
    out
}

/// The frames of a gRPC answer that is a status and nothing else: its code, a space, and what it says.
pub fn status(text: &[u8]) -> Vec<u8> {
    let at = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (code, said) = (&text[..at], text.get(at + 1..).unwrap_or_default());
    let mut out = Vec::new();
    frame(&mut out, 4, 0, 0, &[]);
    let mut head = vec![0x88];
    fields(&mut head, &[("content-type", b"application/grpc"), ("grpc-status", code), ("grpc-message", said)]);
    frame(&mut out, 1, 5, 1, &head);
    out
}

/// Answers to begin with, as inputs of the target `connections`.
#[cfg(test)]
pub fn seeds() -> Vec<Vec<u8>> {
    use super::grpc::pb;
    use prost::Message as _;
    let header = || Some(pb::ResponseHeader { cluster_id: 0xc1, member_id: 0xa1, revision: 7, raft_term: 2 });
    let member = pb::Member {
        id: 0xa1,
        name: "m1".to_owned(),
        peer_ur_ls: vec!["http://a:2380".to_owned()],
        client_ur_ls: vec!["http://a:2379".to_owned()],
        is_learner: false,
    };
    let kv = pb::KeyValue { key: b"k".to_vec(), value: b"v".to_vec(), mod_revision: 7, ..pb::KeyValue::default() };
    let status = pb::StatusResponse {
        header: header(),
        version: "3.2.32".to_owned(),
        db_size: 4096,
        leader: 0xa1,
        raft_index: 9,
        raft_term: 2,
        errors: vec!["etcdserver: no leader".to_owned()],
        ..pb::StatusResponse::default()
    };
    let alarms = vec![pb::AlarmMember { member_id: 0xa1, alarm: 1 }];
    let range = pb::RangeResponse { header: header(), kvs: vec![kv], count: 1, more: true };
    let mut content = vec![0; 2048];
    content[16..20].copy_from_slice(&0xED0C_DAEDu32.to_le_bytes());
    content.extend_from_slice(&crate::units::Sha256::of(&content).0);
    let piece = |blob: &[u8], remaining_bytes: u64| {
        pb::SnapshotResponse { header: header(), remaining_bytes, blob: blob.to_vec(), ..Default::default() }
            .encode_to_vec()
    };
    let answers = [
        (b'0', status.encode_to_vec()),
        (b'1', pb::MemberListResponse { header: header(), members: vec![member] }.encode_to_vec()),
        (b'2', pb::AlarmResponse { header: header(), alarms }.encode_to_vec()),
        (
            b'3',
            pb::HashKvResponse { header: header(), hash: 5, compact_revision: -1, ..Default::default() }
                .encode_to_vec(),
        ),
        (b'4', range.encode_to_vec()),
        (b'5', range.encode_to_vec()),
        (b'6', range.encode_to_vec()),
        (b':', range.encode_to_vec()),
        (b'8', pb::PutResponse { header: header() }.encode_to_vec()),
        (b';', [piece(&content[..1000], 1048), b"\n=====\n".to_vec(), piece(&content[1000..], 0)].concat()),
    ];
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for (question, message) in answers {
        seeds.push([&[b'2', question], message.as_slice()].concat());
        seeds.push([&[b'1', question], messages(&crate::fuzzing::parts(&message)).as_slice()].concat());
    }
    seeds.push(b"306 etcdserver: user name is empty".to_vec());
    seeds.push(b"3011 etcdserver: mvcc: required revision has been compacted".to_vec());
    seeds
}
