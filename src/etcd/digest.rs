//! One digest over all keys of the v3 key space at a revision, read page by page: the same on every member that holds
//! the same data, for versions that have no HashKV.

use std::time::Duration;

use sha2::Digest as _;

use super::client::Client;
use super::error::EtcdError;
use super::grpc::pb;
use super::v3::{FIRST_KEY, NO_END};
use super::{Consistency, KeyDigest};
use crate::units::{Bytes, Revision, Sha256};

/// Most bytes of one page. A single key with its value cannot be larger (etcd's own limit is 1.5 MB by default).
pub(super) const PAGE_LIMIT: Bytes = Bytes::mebi(16);
/// What a page should hold: large enough that the round trip does not matter, small enough for memory.
const PAGE_AIM: Bytes = Bytes::mebi(1);
/// How large the values are shows in the first page.
const FIRST_PAGE_KEYS: u64 = 16;
const MOST_PAGE_KEYS: u64 = 10_000;

/// The slowest line that a page is given time for, in bytes a second; beside it there is time for twice what a page should hold.
const SLOWEST: u64 = 32 * 1024;
const PAGE_TIME: Duration = Duration::from_secs(2 * PAGE_AIM.0 / SLOWEST);

const CALL: &str = "Range (digest)";

impl Client {
    /// Over key, value, create and mod revision, version and lease of each key, in key order. Without a revision: at
    /// the newest one, after a barrier.
    pub async fn digest_at(&self, revision: Option<Revision>) -> Result<KeyDigest, EtcdError> {
        let revision = match revision {
            Some(revision) => revision,
            None => self.linearizable_read().await?,
        };
        let mut digest = Digester::default();
        let mut next = FIRST_KEY.to_vec();
        let mut limit = FIRST_PAGE_KEYS;
        loop {
            let page = match self.page(revision, &next, limit).await {
                Err(error) if limit > 1 && (is_page_too_large(&error) || is_late(&error)) => {
                    limit = (limit / 8).max(1);
                    continue;
                }
                page => page?,
            };
            let bytes: usize = page.kvs.iter().map(|kv| kv.key.len() + kv.value.len() + 32).sum();
            for kv in &page.kvs {
                digest.take(kv);
            }
            let Some(last) = page.kvs.last() else { break };
            if !page.more {
                break;
            }
            // A server that goes in circles must not hold us for ever.
            if last.key.as_slice() < next.as_slice() {
                return Err(self.unexpected(CALL, "keys in rising order", "a key before the asked ones".to_owned()));
            }
            next = last.key.clone();
            next.push(0);
            limit = next_limit(page.kvs.len() as u64, bytes as u64);
        }
        Ok(digest.done(revision))
    }

    async fn page(&self, revision: Revision, from: &[u8], limit: u64) -> Result<pb::RangeResponse, EtcdError> {
        let request = pb::RangeRequest {
            key: from.to_vec(),
            range_end: NO_END.to_vec(),
            // At most MOST_PAGE_KEYS.
            limit: limit as i64,
            revision: self.signed(CALL, revision)?,
            serializable: true,
            ..pb::RangeRequest::default()
        };
        let page = self.range(CALL, request, self.inner.endpoint.deadline + PAGE_TIME).await;
        page.map_err(|error| error.about(revision))
    }

    /// How many keys there were at a revision that is not compacted yet.
    pub async fn count_keys_at(&self, revision: Revision) -> Result<u64, EtcdError> {
        let request = pb::RangeRequest {
            key: FIRST_KEY.to_vec(),
            range_end: NO_END.to_vec(),
            revision: self.signed(CALL, revision)?,
            count_only: true,
            serializable: true,
            ..pb::RangeRequest::default()
        };
        let told = self.range(CALL, request, self.inner.endpoint.deadline).await;
        let told = told.map_err(|error| error.about(revision))?;
        u64::try_from(told.count).map_err(|_| self.unexpected(CALL, "a count", told.count.to_string()))
    }

    /// Whether there is at least one key now.
    pub async fn has_keys(&self) -> Result<bool, EtcdError> {
        self.count_keys(Consistency::Serializable).await.map(|count| count > 0)
    }
}

fn is_page_too_large(error: &EtcdError) -> bool {
    matches!(error, EtcdError::Refused { said, .. } if said.contains("message length too large") || said.contains("larger than max"))
}

/// The line may be too slow for so much at once.
fn is_late(error: &EtcdError) -> bool {
    matches!(error, EtcdError::Deadline { .. })
}

/// How many keys the next page should have, after one of `keys` keys and `bytes` bytes.
fn next_limit(keys: u64, bytes: u64) -> u64 {
    let average = (bytes / keys.max(1)).max(1);
    (PAGE_AIM.0 / average).clamp(1, MOST_PAGE_KEYS)
}

#[derive(Default)]
struct Digester {
    hash: sha2::Sha256,
    keys: u64,
}

impl Digester {
    /// Lengths first: otherwise ("a", "bc") and ("ab", "c") were the same.
    fn take(&mut self, kv: &pb::KeyValue) {
        for part in [&kv.key, &kv.value] {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
        for number in [kv.create_revision, kv.mod_revision, kv.version, kv.lease] {
            self.hash.update(number.to_le_bytes());
        }
        self.keys += 1;
    }

    fn done(self, revision: Revision) -> KeyDigest {
        KeyDigest { revision: Some(revision), keys: self.keys, digest: Sha256(self.hash.finalize().into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(pairs: &[(&str, &str)]) -> Sha256 {
        let mut digester = Digester::default();
        for (key, value) in pairs {
            digester.take(&pb::KeyValue { key: (*key).into(), value: (*value).into(), ..pb::KeyValue::default() });
        }
        digester.done(Revision(1)).digest
    }

    #[test]
    fn the_border_between_key_and_value_counts() {
        assert_ne!(digest(&[("a", "bc")]), digest(&[("ab", "c")]));
        assert_ne!(digest(&[("a", "b"), ("c", "d")]), digest(&[("a", "b")]));
        assert_eq!(digest(&[]), digest(&[]));
    }

    #[test]
    fn pages_follow_the_size_of_what_they_hold() {
        assert_eq!(next_limit(256, 256 * 100), MOST_PAGE_KEYS);
        assert_eq!(next_limit(1, PAGE_LIMIT.0), 1);
        assert_eq!(next_limit(0, 0), MOST_PAGE_KEYS);
        assert!((200..=300).contains(&next_limit(10, 10 * 4096)));
    }
}
