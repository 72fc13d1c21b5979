//! What etcd answers by HTTP, read. Pure: bytes in, values or "expected this" out. Nothing here trusts its input.

use serde::Deserialize;
use serde_json::Value;

use super::{Health, VersionAnswer};
use crate::observe::inventory::ListedMember;
use crate::units::{MemberId, Version};

/// Most members of a list that are read. etcd clusters have at most a few dozen.
const MOST_MEMBERS: usize = 1000;
/// Longest text of an answer that is kept.
const LONGEST_TEXT: usize = 4096;

/// What was expected in place of what came.
pub(super) type Expected = &'static str;

pub(super) fn version(body: &[u8]) -> Result<VersionAnswer, Expected> {
    const JSON: Expected = "a version as JSON, such as {\"etcdserver\":\"3.2.32\",\"etcdcluster\":\"3.2.0\"}";
    let text = std::str::from_utf8(body).map_err(|_| JSON)?;
    // 2.0 answers in plain text and has no cluster version at all.
    if let Some(server) = text.trim().strip_prefix("etcd ") {
        let server = server.parse().map_err(|_| "\"etcd \" and a version")?;
        return Ok(VersionAnswer { server, cluster: None, storage: None });
    }
    #[derive(Deserialize)]
    struct Told {
        etcdserver: String,
        #[serde(default)]
        etcdcluster: String,
        #[serde(default)]
        storage: String,
    }
    let told: Told = serde_json::from_str(text).map_err(|_| JSON)?;
    let undecided = |text: &str| matches!(text, "" | "not_decided" | "unknown");
    let optional = |text: &str| -> Result<Option<Version>, Expected> {
        if undecided(text) { Ok(None) } else { text.parse().map(Some).map_err(|_| JSON) }
    };
    Ok(VersionAnswer {
        server: told.etcdserver.parse().map_err(|_| JSON)?,
        cluster: optional(&told.etcdcluster)?,
        storage: optional(&told.storage)?,
    })
}

/// The word may be a string (all releases) or a boolean (3.3's release candidates).
pub(super) fn health(body: &[u8]) -> Result<Health, Expected> {
    const EXPECTED: Expected = "a verdict as JSON, such as {\"health\":\"true\"}";
    #[derive(Deserialize)]
    struct Told {
        health: Value,
        #[serde(default)]
        reason: String,
    }
    let told: Told = serde_json::from_slice(body).map_err(|_| EXPECTED)?;
    let healthy = match &told.health {
        Value::Bool(healthy) => *healthy,
        Value::String(word) if word == "true" => true,
        Value::String(word) if word == "false" => false,
        _ => return Err(EXPECTED),
    };
    if healthy {
        return Ok(Health::Healthy);
    }
    let said = if told.reason.is_empty() {
        "unhealthy, without a reason".to_owned()
    } else {
        super::error::shown(told.reason.as_bytes())
    };
    Ok(Health::Unhealthy { said })
}

#[derive(Deserialize)]
struct V2Member {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "peerURLs")]
    peer_urls: Vec<String>,
    #[serde(default, rename = "clientURLs")]
    client_urls: Vec<String>,
}

impl V2Member {
    fn listed(self) -> Option<ListedMember> {
        let fits = |text: &String| text.len() <= LONGEST_TEXT;
        if !fits(&self.name) || !self.peer_urls.iter().all(fits) || !self.client_urls.iter().all(fits) {
            return None;
        }
        Some(ListedMember {
            id: self.id.parse().ok()?,
            name: self.name,
            peer_urls: self.peer_urls,
            client_urls: self.client_urls,
            is_learner: false,
        })
    }
}

pub(super) fn v2_members(body: &[u8]) -> Result<Vec<ListedMember>, Expected> {
    const EXPECTED: Expected = "a member list as JSON: {\"members\":[{\"id\":…,\"name\":…,\"peerURLs\":[…]}]}";
    #[derive(Deserialize)]
    struct Told {
        members: Vec<V2Member>,
    }
    let told: Told = serde_json::from_slice(body).map_err(|_| EXPECTED)?;
    if told.members.is_empty() || told.members.len() > MOST_MEMBERS {
        return Err(EXPECTED);
    }
    let mut members = told.members.into_iter().map(V2Member::listed).collect::<Option<Vec<_>>>().ok_or(EXPECTED)?;
    members.sort();
    Ok(members)
}

/// `/v2/stats/self`: who answers, and whom it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SelfStats {
    pub id: MemberId,
    pub leader: Option<MemberId>,
}

pub(super) fn self_stats(body: &[u8]) -> Result<SelfStats, Expected> {
    const EXPECTED: Expected = "the member's own figures as JSON: {\"id\":…,\"state\":…,\"leaderInfo\":{\"leader\":…}}";
    #[derive(Deserialize)]
    struct LeaderInfo {
        #[serde(default)]
        leader: String,
    }
    #[derive(Deserialize)]
    struct Told {
        id: String,
        #[serde(default, rename = "leaderInfo")]
        leader_info: Option<LeaderInfo>,
    }
    let told: Told = serde_json::from_slice(body).map_err(|_| EXPECTED)?;
    let id: MemberId = told.id.parse().map_err(|_| EXPECTED)?;
    let leader = match told.leader_info.map(|info| info.leader).unwrap_or_default().as_str() {
        "" => None,
        hex => Some(hex.parse::<MemberId>().map_err(|_| EXPECTED)?).filter(|leader| leader.0 != 0),
    };
    Ok(SelfStats { id, leader })
}

/// A number in a header: `X-Raft-Index: 1234`.
pub(super) fn header_number(headers: &http::HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// A number in hexadecimal in a header: `X-Etcd-Cluster-Id: cdf818194e3a8c32`.
pub(super) fn header_hex(headers: &http::HeaderMap, name: &str) -> Option<u64> {
    u64::from_str_radix(headers.get(name)?.to_str().ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_form_of_version() {
        let old = version(b"etcd 2.0.13").unwrap();
        assert_eq!((old.server, old.cluster), (Version::new(2, 0, 13), None));
        let plain = version(br#"{"etcdserver":"3.1.7","etcdcluster":"3.1.0"}"#).unwrap();
        assert_eq!((plain.server, plain.cluster), (Version::new(3, 1, 7), Some(Version::new(3, 1, 0))));
        let new = version(br#"{"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0"}"#).unwrap();
        assert_eq!(new.storage, Some(Version::new(3, 6, 0)));
        let young = version(br#"{"etcdserver":"3.6.14","etcdcluster":"not_decided","storage":"unknown"}"#).unwrap();
        assert_eq!((young.cluster, young.storage), (None, None));
    }

    #[test]
    fn refuses_what_is_no_version() {
        for wrong in [
            &b""[..],
            b"<html><body>404</body></html>",
            b"etcd \x1b[31m",
            b"\xff\xfe",
            b"{}",
            b"[]",
            br#"{"etcdserver":3}"#,
            br#"{"etcdserver":"3.2.32","etcdcluster":"3.2.0\u001b[1m"}"#,
        ] {
            assert!(version(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn health_is_a_string_or_a_boolean() {
        for good in [r#"{"health": "true"}"#, r#"{"health":"true","reason":""}"#, r#"{"health":true}"#] {
            assert_eq!(health(good.as_bytes()), Ok(Health::Healthy), "{good}");
        }
        assert!(matches!(health(br#"{"health": "false"}"#), Ok(Health::Unhealthy { .. })));
        let told = health(br#"{"health":"false","reason":"ALARM \u001b[1mNOSPACE"}"#).unwrap();
        assert_eq!(told, Health::Unhealthy { said: r#""ALARM \u{1b}[1mNOSPACE""#.to_owned() });
        for wrong in ["", "true", r#"{"health":1}"#, r#"{"health":"maybe"}"#, "<html>"] {
            assert!(health(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reads_members_and_stats() {
        let body = br#"{"members":[{"id":"fd422379fda50e48","name":"b","peerURLs":["http://x:2380"],"clientURLs":[]},
            {"id":"8211f1d0f64f3269","name":"","peerURLs":["http://y:2380"],"clientURLs":["http://y:2379"]}]}"#;
        let members = v2_members(body).unwrap();
        assert_eq!(members[0].id, MemberId(0x8211_f1d0_f64f_3269));
        assert_eq!(members[1].name, "b");
        assert!(v2_members(br#"{"members":[]}"#).is_err());
        assert!(v2_members(br#"{"members":[{"id":"zz"}]}"#).is_err());
        let stats = br#"{"name":"a","id":"ce2a822cea30bfca","state":"StateFollower","leaderInfo":{"leader":"8211f1d0f64f3269","uptime":"1s"}}"#;
        assert_eq!(self_stats(stats).unwrap().leader, Some(MemberId(0x8211_f1d0_f64f_3269)));
        for leaderless in
            [r#"{"id":"1","leaderInfo":{"leader":"0"}}"#, r#"{"id":"1","leaderInfo":{}}"#, r#"{"id":"1"}"#]
        {
            assert_eq!(self_stats(leaderless.as_bytes()).unwrap().leader, None);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = (version(&body), health(&body), v2_members(&body), self_stats(&body));
        }

        #[test]
        fn arbitrary_texts_in_the_right_places_never_panic(text in ".{0,64}") {
            let quoted = serde_json::to_string(&text).unwrap();
            let _ = version(format!("etcd {text}").as_bytes());
            let _ = version(format!("{{\"etcdserver\":{quoted},\"etcdcluster\":{quoted}}}").as_bytes());
            let _ = health(format!("{{\"health\":{quoted},\"reason\":{quoted}}}").as_bytes());
            let _ = v2_members(format!("{{\"members\":[{{\"id\":{quoted},\"name\":{quoted}}}]}}").as_bytes());
            let _ = self_stats(format!("{{\"id\":{quoted},\"leaderInfo\":{{\"leader\":{quoted}}}}}").as_bytes());
        }
    }
}
