//! The v2 API of one member, by HTTP.

use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::answers::{self, header_hex, header_number};
use super::client::Client;
use super::error::{EtcdError, shown};
use super::http::{Answer, Question, Streamed, unexpected_status};
use super::snapshot::Pace;
use super::v2tree::{self, ChunkReader, TREE_LIMIT, V2Tree};
use super::{Consistency, KeyDigest, MemberList, V2Status};
use crate::units::{ClusterId, RaftIndex, RaftTerm};

/// A key that nobody has: to ask for it costs etcd nothing, and its answer carries the same headers.
const NO_SUCH_KEY: &str = "/quorate-asks";
/// etcd's error code for a key that is not there.
const KEY_NOT_FOUND: u64 = 100;
/// Chunks of a tree between the connection and the parser.
const CHUNKS: usize = 16;

impl Client {
    pub async fn v2_members(&self) -> Result<MemberList, EtcdError> {
        let question = Question::get("/v2/members");
        let answer = self.ask_v2(&question).await?;
        let members = self.read(&question, &answer.body, answers::v2_members)?;
        let cluster_id = self.cluster_id(&question, &answer)?;
        let member_id = self.v2_self().await?.id;
        Ok(MemberList { cluster_id, member_id, members })
    }

    /// Who answers, whom it follows, and how far its raft log is.
    pub async fn v2_status(&self) -> Result<V2Status, EtcdError> {
        let stats = self.v2_self().await?;
        let question = Question { method: Method::HEAD, path: "/v2/keys/", form: None, json: None };
        let answer = self.ask_v2(&question).await?;
        let number = |name| {
            header_number(&answer.headers, name)
                .ok_or_else(|| self.malformed(&question, b"", "the headers X-Raft-Index and X-Raft-Term"))
        };
        Ok(V2Status {
            member_id: stats.id,
            cluster_id: self.cluster_id(&question, &answer)?,
            leader: stats.leader,
            raft_index: RaftIndex(number("X-Raft-Index")?),
            raft_term: RaftTerm(number("X-Raft-Term")?),
        })
    }

    /// Whether the v2 API is served at all; answered from this member's memory.
    pub async fn v2_is_served(&self) -> Result<bool, EtcdError> {
        match self.ask_v2(&Question { method: Method::HEAD, path: "/v2/keys/", form: None, json: None }).await {
            Ok(_) => Ok(true),
            Err(EtcdError::V2NotServed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn v2_self(&self) -> Result<answers::SelfStats, EtcdError> {
        let question = Question::get("/v2/stats/self");
        let answer = self.ask_v2(&question).await?;
        self.read(&question, &answer.body, answers::self_stats)
    }

    /// When it returns, this member has everything in its WAL that was acknowledged before the call, and knows that it
    /// is committed. That takes two quorum reads: the commit of the first is written along with the second.
    pub async fn v2_barrier(&self) -> Result<(), EtcdError> {
        for _ in 0..2 {
            self.v2_quorum_read(NO_SUCH_KEY).await?;
        }
        Ok(())
    }

    /// Reads one key by quorum; that there is none is an answer as well. `path` starts with `/` and is used as it is.
    pub async fn v2_quorum_read(&self, path: &str) -> Result<(), EtcdError> {
        let path = format!("/v2/keys{path}?quorum=true");
        let question = Question::get(&path);
        let answer = self.ask(&question).await.map_err(EtcdError::of_quorum_read)?;
        if is_there_or_not(&answer) { Ok(()) } else { Err(self.v2_refusal(&question, &answer)) }
    }

    /// Removes one key, if it is there. `path` as with [`Self::v2_put`].
    pub async fn v2_delete(&self, path: &str) -> Result<(), EtcdError> {
        let path = format!("/v2/keys{path}");
        let question = Question { method: Method::DELETE, path: &path, form: None, json: None };
        let answer = self.ask(&question).await?;
        if is_there_or_not(&answer) { Ok(()) } else { Err(self.v2_refusal(&question, &answer)) }
    }

    /// Every key and directory that can be listed. Takes an entry in the raft log when linearizable.
    pub async fn v2_tree(&self, consistency: Consistency) -> Result<V2Tree, EtcdError> {
        let path = match consistency {
            Consistency::Linearizable => "/v2/keys/?recursive=true&quorum=true",
            Consistency::Serializable => "/v2/keys/?recursive=true",
        };
        let question = Question::get(path);
        let streamed = match self.ask_for_stream(&question).await {
            Err(EtcdError::HttpStatus { endpoint, request, status: 404, .. }) => {
                return Err(EtcdError::V2NotServed { endpoint, request });
            }
            streamed => streamed?,
        };
        let index = header_number(&streamed.headers, "X-Etcd-Index")
            .ok_or_else(|| self.malformed(&question, b"", "the header X-Etcd-Index"))?;
        let (sender, receiver) = mpsc::channel(CHUNKS);
        let parser = tokio::task::spawn_blocking(move || v2tree::parse(ChunkReader::new(receiver)));
        let pumped = self.pump(&question, streamed, &sender).await;
        if pumped.is_err() {
            // Told to the parser as a broken read; the reason is ours. Where it has stopped reading, it knows already.
            let _ = sender.send(Err(())).await;
        }
        drop(sender);
        let parsed = parser.await;
        pumped?;
        match parsed {
            Ok(Ok(nodes)) => Ok(V2Tree { index, nodes }),
            Ok(Err(wrong)) => Err(self.malformed(&question, wrong.as_bytes(), "the whole v2 tree as JSON")),
            Err(_) => Err(self.malformed(&question, b"", "the whole v2 tree as JSON")),
        }
    }

    async fn pump(
        &self,
        question: &Question<'_>,
        mut streamed: Streamed,
        parser: &mpsc::Sender<Result<bytes::Bytes, ()>>,
    ) -> Result<(), EtcdError> {
        let endpoint = &self.inner.endpoint;
        let request = question.label();
        let mut pace = Pace::new(endpoint.deadline);
        let mut total = 0u64;
        while let Some(frame) = pace.bound(&endpoint.label, &request, streamed.body.frame()).await? {
            let frame = frame.map_err(|error| super::stream::broken(endpoint, &streamed.fault, &request, &error))?;
            let Ok(data) = frame.into_data() else { continue };
            pace.took(data.len());
            total += data.len() as u64;
            if total > TREE_LIMIT.0 {
                let endpoint = endpoint.label.clone();
                return Err(EtcdError::TooLarge { endpoint, request, most: TREE_LIMIT });
            }
            if parser.send(Ok(data)).await.is_err() {
                // The parser has seen enough; it says why.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Over path and value of every key that can be listed.
    pub async fn v2_digest(&self) -> Result<KeyDigest, EtcdError> {
        Ok(self.v2_tree(Consistency::Linearizable).await?.digest())
    }

    /// How many keys (not directories) can be listed, as this member knows it.
    pub async fn v2_count(&self) -> Result<u64, EtcdError> {
        Ok(self.v2_tree(Consistency::Serializable).await?.keys())
    }

    /// Sets one key. `path` starts with `/` and is used as it is.
    pub async fn v2_put(&self, path: &str, value: &str) -> Result<(), EtcdError> {
        let path = format!("/v2/keys{path}");
        let form = Some(format!("value={}", form_encoded(value)));
        let question = Question { method: Method::PUT, path: &path, form, json: None };
        let answer = self.ask(&question).await?;
        match answer.status {
            StatusCode::OK | StatusCode::CREATED => Ok(()),
            _ => Err(self.v2_refusal(&question, &answer)),
        }
    }

    async fn ask_v2(&self, question: &Question<'_>) -> Result<Answer, EtcdError> {
        let answer = self.ask(question).await?;
        if answer.status == StatusCode::OK { Ok(answer) } else { Err(self.v2_refusal(question, &answer)) }
    }

    pub(super) fn v2_refusal(&self, question: &Question<'_>, answer: &Answer) -> EtcdError {
        let (endpoint, request) = (self.inner.endpoint.label.clone(), question.label());
        match error_code(&answer.body) {
            // Its code is 110: what has to be said is said of the status.
            _ if answer.status == StatusCode::UNAUTHORIZED => {
                unexpected_status(&self.inner.endpoint, question, answer.status, &answer.body)
            }
            Some(code) => {
                let said = shown(&answer.body);
                EtcdError::Refused { endpoint, request, code: format!("v2 error {code}"), said }
            }
            None if answer.status == StatusCode::NOT_FOUND => EtcdError::V2NotServed { endpoint, request },
            None => unexpected_status(&self.inner.endpoint, question, answer.status, &answer.body),
        }
    }

    fn cluster_id(&self, question: &Question<'_>, answer: &Answer) -> Result<ClusterId, EtcdError> {
        cluster_id(&answer.headers)
            .ok_or_else(|| self.malformed(question, b"", "the header X-Etcd-Cluster-Id with a number in hexadecimal"))
    }
}

/// etcd has looked for the key.
fn is_there_or_not(answer: &Answer) -> bool {
    match answer.status {
        StatusCode::OK => true,
        StatusCode::NOT_FOUND => error_code(&answer.body) == Some(KEY_NOT_FOUND),
        _ => false,
    }
}

fn cluster_id(headers: &HeaderMap) -> Option<ClusterId> {
    header_hex(headers, "X-Etcd-Cluster-Id").map(ClusterId)
}

pub(super) fn error_code(body: &[u8]) -> Option<u64> {
    let told: serde_json::Value = serde_json::from_slice(body).ok()?;
    told.get("errorCode")?.as_u64()
}

fn form_encoded(value: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcds_own_404_is_told_from_a_missing_api() {
        assert_eq!(error_code(br#"{"errorCode":100,"message":"Key not found","cause":"/x","index":3}"#), Some(100));
        assert_eq!(error_code(b"404 page not found\n"), None);
        assert_eq!(error_code(br#"{"errorCode":"x"}"#), None);
    }

    #[test]
    fn values_survive_a_form() {
        assert_eq!(form_encoded("a b&c=d\u{e9}"), "a%20b%26c%3Dd%C3%A9");
    }
}
