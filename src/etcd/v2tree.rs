//! The whole v2 key space, read as it streams in. Values are kept as digests, so that a tree takes a fraction of the
//! memory of its JSON. Hidden keys (a name that starts with `_`) are never listed by etcd, so they are not in it.

use std::io::Read;

use bytes::Bytes as Chunk;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sha2::Digest as _;
use tokio::sync::mpsc;

use super::KeyDigest;
use crate::units::{Bytes, Sha256};

/// Most bytes of JSON that are read of one tree.
pub(super) const TREE_LIMIT: Bytes = Bytes::mebi(1024);

/// One node of the v2 tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V2Key {
    pub path: Box<str>,
    pub node: V2Node,
    /// The store's index when it was last changed. Moves by some after a restore, its order does not.
    pub modified: u64,
    /// It has a time to live, so it may be gone by itself.
    pub expires: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum V2Node {
    Directory,
    /// Half the SHA-256 of the value.
    Value([u8; 16]),
}

/// A v2 key space at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V2Tree {
    /// `X-Etcd-Index`: the store's index at that moment.
    pub index: u64,
    /// Sorted by path.
    pub nodes: Vec<V2Key>,
}

impl V2Tree {
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.nodes.iter().filter(|key| key.node != V2Node::Directory).count() as u64
    }

    #[must_use]
    pub fn directories(&self) -> u64 {
        self.nodes.len() as u64 - self.keys()
    }

    /// Over path and value of every node. Indexes stay out: they are not the same after a restore.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        let mut hash = sha2::Sha256::new();
        for key in &self.nodes {
            hash.update((key.path.len() as u64).to_le_bytes());
            hash.update(key.path.as_bytes());
            match key.node {
                V2Node::Directory => hash.update([0]),
                V2Node::Value(digest) => {
                    hash.update([1]);
                    hash.update(digest);
                }
            }
        }
        KeyDigest { revision: None, keys: self.keys(), digest: Sha256(hash.finalize().into()) }
    }
}

/// Reads what comes through a bounded channel, so that a blocking parser can follow an async body.
pub(super) struct ChunkReader {
    chunks: mpsc::Receiver<Result<Chunk, ()>>,
    current: Chunk,
}

impl ChunkReader {
    pub(super) fn new(chunks: mpsc::Receiver<Result<Chunk, ()>>) -> Self {
        Self { chunks, current: Chunk::new() }
    }
}

impl Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(())) => return Err(std::io::ErrorKind::BrokenPipe.into()),
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.current.len());
        into[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

/// Parses the answer to a recursive `GET /v2/keys/`. The error is a sentence about what is wrong with it.
pub(super) fn parse(body: impl Read) -> Result<Vec<V2Key>, String> {
    let mut nodes = Vec::new();
    let mut json = serde_json::Deserializer::from_reader(std::io::BufReader::new(body));
    Top { nodes: &mut nodes }.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| error.to_string())?;
    nodes.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    if let Some(twice) = nodes.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return Err(format!("the key {} twice", super::error::shown(twice[0].path.as_bytes())));
    }
    Ok(nodes)
}

struct Top<'a> {
    nodes: &'a mut Vec<V2Key>,
}

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an answer of the v2 API with a \"node\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == "node" && !seen {
                map.next_value_seed(Node { nodes: self.nodes })?;
                seen = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if seen { Ok(()) } else { Err(A::Error::missing_field("node")) }
    }
}

struct Node<'a> {
    nodes: &'a mut Vec<V2Key>,
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Field {
    #[serde(rename = "key")]
    Key,
    #[serde(rename = "dir")]
    Dir,
    #[serde(rename = "value")]
    Value,
    #[serde(rename = "nodes")]
    Nodes,
    #[serde(rename = "modifiedIndex")]
    ModifiedIndex,
    #[serde(rename = "expiration")]
    Expiration,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a node of the v2 tree")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut path, mut value, mut directory, mut modified, mut expires) = (None, None, false, 0, false);
        while let Some(field) = map.next_key::<Field>()? {
            match field {
                Field::Key => path = Some(map.next_value::<String>()?),
                Field::Dir => directory = map.next_value()?,
                Field::Value => value = map.next_value::<Option<String>>()?.map(|text| half_digest(&text)),
                Field::Nodes => map.next_value_seed(Nodes { nodes: &mut *self.nodes })?,
                Field::ModifiedIndex => modified = map.next_value()?,
                Field::Expiration => {
                    map.next_value::<IgnoredAny>()?;
                    expires = true;
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // The root is told without a key, or as "/".
        let Some(path) = path.filter(|path| path != "/") else { return Ok(()) };
        let node = match (directory, value) {
            (true, None) => V2Node::Directory,
            (false, Some(digest)) => V2Node::Value(digest),
            (true, Some(_)) => return Err(A::Error::custom("a directory with a value")),
            (false, None) => return Err(A::Error::missing_field("value")),
        };
        self.nodes.push(V2Key { path: path.into_boxed_str(), node, modified, expires });
        Ok(())
    }
}

struct Nodes<'a> {
    nodes: &'a mut Vec<V2Key>,
}

impl<'de> DeserializeSeed<'de> for Nodes<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Nodes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of nodes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Node { nodes: &mut *self.nodes })?.is_some() {}
        Ok(())
    }
}

fn half_digest(value: &str) -> [u8; 16] {
    let whole: [u8; 32] = sha2::Sha256::digest(value.as_bytes()).into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TREE: &str = r#"{"action":"get","node":{"dir":true,"nodes":[
        {"key":"/b","value":"2","modifiedIndex":9,"createdIndex":9},
        {"key":"/a","dir":true,"nodes":[{"key":"/a/x","value":"1","expiration":"2026-01-01T00:00:00Z","ttl":5,
            "modifiedIndex":7,"createdIndex":6}],"modifiedIndex":5,"createdIndex":5}]}}"#;

    #[test]
    fn reads_a_tree_in_order_of_paths() {
        let nodes = parse(TREE.as_bytes()).unwrap();
        let paths: Vec<_> = nodes.iter().map(|key| (&*key.path, key.modified, key.expires)).collect();
        assert_eq!(paths, [("/a", 5, false), ("/a/x", 7, true), ("/b", 9, false)]);
        let tree = V2Tree { index: 9, nodes };
        assert_eq!((tree.keys(), tree.directories()), (2, 1));
    }

    #[test]
    fn the_digest_is_of_paths_and_values_only() {
        let digest = |text: &str| V2Tree { index: 0, nodes: parse(text.as_bytes()).unwrap() }.digest().digest;
        assert_eq!(digest(TREE), digest(&TREE.replace(":9", ":11")));
        assert_ne!(digest(TREE), digest(&TREE.replace("\"2\"", "\"3\"")));
        assert_ne!(digest(TREE), digest(&TREE.replace("/b", "/c")));
    }

    #[test]
    fn an_empty_store_is_an_empty_tree() {
        assert_eq!(parse(&br#"{"action":"get","node":{"dir":true}}"#[..]).unwrap(), []);
        assert_eq!(parse(&br#"{"action":"get","node":{"key":"/","dir":true}}"#[..]).unwrap(), []);
    }

    #[test]
    fn refuses_what_is_no_tree() {
        let deep = format!("{{\"node\":{}{}}}", "{\"dir\":true,\"nodes\":[".repeat(10_000), "]}".repeat(10_000));
        for wrong in [
            "",
            "<html>",
            "{}",
            r#"{"node":[]}"#,
            r#"{"node":{"key":"/a"}}"#,
            r#"{"node":{"key":"/a","value":"1"}} trailing"#,
            r#"{"node":{"dir":true,"nodes":[{"key":"/a","value":"1"},{"key":"/a","value":"1"}]}}"#,
            &deep,
            &TREE[..100],
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{}", wrong.chars().take(80).collect::<String>());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = parse(body.as_slice());
        }

        #[test]
        fn any_cut_of_a_tree_is_refused(at in 0usize..TREE.len() - 1) {
            prop_assert!(parse(&TREE.as_bytes()[..at]).is_err());
        }
    }
}
