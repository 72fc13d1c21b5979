//! Whether a restored v2 backup holds what the live cluster held, for a cluster that is written to all the while.
//!
//! The live keys are read before the backup (through a quorum) and after it; the restored ones lie in between. The
//! index at which a key was last changed survives the restore: etcdctl up to 3.2 copies all entries of the log as
//! they are (seen on 2.1.1, 2.2.5, 3.1.20, 3.2.32). So, however busy the cluster:
//!
//! 1. a restored key that was last changed before the first look must be in the first look, the same;
//! 2. let the horizon be the newest change that is in the restored copy and still in the second look: every key of
//!    the second look that was last changed up to the horizon must be in the restored copy, the same.
//!
//! The first finds keys that should be gone and old values, the second finds keys that are missing, with no gap in
//! the order of writes. What stays open is what was changed more than once during the backup, and keys that expire
//! by themselves, which may be gone from the restored copy already. Hidden keys cannot be listed, so they are not
//! compared.

use std::collections::HashMap;

use crate::etcd::{V2Key, V2Tree, shown};

/// What was found equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Restored keys and directories that are also live, the same.
    pub equal: u64,
    /// Restored, and changed or removed on the live cluster since.
    pub changed_meanwhile: u64,
    /// Live with a time to live, and gone from the restored copy.
    pub expired: u64,
}

/// `Err` is a sentence that names the first key that is wrong.
pub fn compare(before: &V2Tree, after: &V2Tree, restored: &V2Tree) -> Result<Compared, String> {
    let (before_nodes, after_nodes, restored_nodes) = (by_path(before), by_path(after), by_path(restored));
    let mut compared = Compared { equal: 0, changed_meanwhile: 0, expired: 0 };
    let mut horizon = before.index;
    for key in &restored.nodes {
        if same(before_nodes.get(&*key.path).copied(), key) {
            compared.equal += 1;
        } else if key.modified <= before.index {
            return Err(stale(key, before_nodes.get(&*key.path).copied(), before.index));
        } else if same(after_nodes.get(&*key.path).copied(), key) {
            compared.equal += 1;
            horizon = horizon.max(key.modified);
        } else {
            compared.changed_meanwhile += 1;
        }
    }
    for key in after.nodes.iter().filter(|key| key.modified <= horizon) {
        let found = restored_nodes.get(&*key.path).copied();
        if same(found, key) {
            continue;
        }
        if found.is_none() && may_expire(key, &after_nodes) {
            compared.expired += 1;
            continue;
        }
        return Err(missing(key, found, horizon));
    }
    Ok(compared)
}

/// Whether a member holds what a restored copy held: clients may write to it already. `Err` names the first key that is
/// wrong. What was written since has an index above `restored`'s; what was removed since is gone without a trace, so
/// there may be no more of it than writes since.
pub fn holds(restored: &V2Tree, live: &V2Tree) -> Result<Held, String> {
    let (restored_nodes, live_nodes) = (by_path(restored), by_path(live));
    let mut held = Held::default();
    let mut removed = 0;
    for key in &restored.nodes {
        match live_nodes.get(&*key.path) {
            Some(found) if found.node == key.node && found.modified == key.modified => held.equal += 1,
            Some(found) if found.modified > restored.index => held.changed_since += 1,
            None if may_expire(key, &restored_nodes) => held.expired += 1,
            // A key that a client has removed leaves only the index behind.
            None if removed < live.index.saturating_sub(restored.index) => {
                held.changed_since += 1;
                // What was in a directory goes with it, by one write.
                removed += u64::from(above(&key.path).is_none_or(|directory| live_nodes.contains_key(directory)));
            }
            found => return Err(missing(key, found.copied(), restored.index)),
        }
    }
    for key in live.nodes.iter().filter(|key| key.modified <= restored.index) {
        if !restored_nodes.contains_key(&*key.path) {
            return Err(format!("{} is there, and is not in the backup", shown(key.path.as_bytes())));
        }
    }
    Ok(held)
}

/// The directory that a key is in; `None` for one at the top.
fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(directory, _)| directory).filter(|directory| !directory.is_empty())
}

/// How a member's keys stand to what was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    pub equal: u64,
    pub changed_since: u64,
    pub expired: u64,
}

fn by_path(tree: &V2Tree) -> HashMap<&str, &V2Key> {
    tree.nodes.iter().map(|key| (&*key.path, key)).collect()
}

fn same(one: Option<&V2Key>, other: &V2Key) -> bool {
    one.is_some_and(|one| one.node == other.node && one.modified == other.modified)
}

/// It, or a directory above it, has a time to live.
fn may_expire(key: &V2Key, nodes: &HashMap<&str, &V2Key>) -> bool {
    let mut path: &str = &key.path;
    if key.expires {
        return true;
    }
    while let Some((above, _)) = path.rsplit_once('/') {
        if nodes.get(above).is_some_and(|directory| directory.expires) {
            return true;
        }
        path = above;
    }
    false
}

fn stale(key: &V2Key, live: Option<&V2Key>, index: u64) -> String {
    let path = shown(key.path.as_bytes());
    match live {
        None => {
            format!("{path} of index {} is restored, and was gone from the live cluster at index {index}", key.modified)
        }
        Some(live) => {
            format!(
                "{path} is restored as of index {}, live it was as of index {} at index {index}",
                key.modified, live.modified
            )
        }
    }
}

fn missing(key: &V2Key, found: Option<&V2Key>, horizon: u64) -> String {
    let path = shown(key.path.as_bytes());
    match found {
        None => {
            format!("{path} of index {} is missing from the restored copy, which goes to index {horizon}", key.modified)
        }
        Some(found) if found.modified == key.modified => {
            format!("{path} of index {} has another value in the restored copy", key.modified)
        }
        Some(found) => format!(
            "{path} is as of index {} in the restored copy, live as of index {}; the copy goes to index {horizon}",
            found.modified, key.modified
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::etcd::V2Node;

    fn key(path: &str, value: u8, modified: u64) -> V2Key {
        V2Key { path: path.into(), node: V2Node::Value([value; 16]), modified, expires: false }
    }

    fn tree(index: u64, nodes: &[V2Key]) -> V2Tree {
        V2Tree { index, nodes: nodes.to_vec() }
    }

    #[test]
    fn a_quiet_cluster_must_be_equal() {
        let live = tree(9, &[key("/a", 1, 5), key("/b", 2, 9)]);
        let good = compare(&live, &live, &live).unwrap();
        assert_eq!(good, Compared { equal: 2, changed_meanwhile: 0, expired: 0 });
        let without_last = tree(11, &[key("/a", 1, 5)]);
        assert!(compare(&live, &live, &without_last).unwrap_err().contains("\"/b\" of index 9 is missing"));
        let other_value = tree(11, &[key("/a", 3, 5), key("/b", 2, 9)]);
        assert!(compare(&live, &live, &other_value).is_err());
        let one_too_many = tree(11, &[key("/a", 1, 5), key("/b", 2, 9), key("/c", 1, 3)]);
        assert!(compare(&live, &live, &one_too_many).unwrap_err().contains("was gone"));
        let empty = tree(3, &[]);
        assert!(compare(&live, &live, &empty).is_err());
        assert!(compare(&empty, &empty, &empty).is_ok());
    }

    #[test]
    fn a_restored_cluster_holds_what_was_restored_while_clients_write() {
        let restored = tree(9, &[key("/a", 1, 5), key("/b", 2, 9)]);
        assert_eq!(holds(&restored, &restored).unwrap(), Held { equal: 2, ..Held::default() });
        let written = tree(11, &[key("/a", 3, 10), key("/b", 2, 9), key("/c", 1, 11)]);
        assert_eq!(holds(&restored, &written).unwrap(), Held { equal: 1, changed_since: 1, expired: 0 });
        let removed = tree(10, &[key("/b", 2, 9)]);
        assert_eq!(holds(&restored, &removed).unwrap().changed_since, 1);
        let all_gone = tree(10, &[]);
        assert!(holds(&restored, &all_gone).unwrap_err().contains("\"/b\""), "one write cannot remove two keys");
        assert!(holds(&restored, &tree(9, &[key("/a", 1, 5)])).is_err());
        assert!(holds(&restored, &tree(9, &[key("/a", 7, 5), key("/b", 2, 9)])).is_err());
        let too_many = tree(9, &[key("/a", 1, 5), key("/b", 2, 9), key("/z", 1, 3)]);
        assert!(holds(&restored, &too_many).unwrap_err().contains("not in the backup"));
    }

    #[test]
    fn a_gap_in_what_was_written_meanwhile_is_found() {
        let before = tree(5, &[key("/a", 1, 5)]);
        let after = tree(8, &[key("/a", 1, 5), key("/b", 1, 6), key("/c", 1, 7), key("/d", 1, 8)]);
        let whole = tree(9, &[key("/a", 1, 5), key("/b", 1, 6), key("/c", 1, 7)]);
        assert_eq!(compare(&before, &after, &whole).unwrap().equal, 3);
        let gap = tree(9, &[key("/a", 1, 5), key("/c", 1, 7)]);
        assert!(compare(&before, &after, &gap).unwrap_err().contains("\"/b\""));
    }

    #[test]
    fn what_expires_may_be_gone() {
        let expiring = V2Key { expires: true, ..key("/a", 1, 5) };
        let directory = V2Key { expires: true, node: V2Node::Directory, ..key("/d", 0, 3) };
        let live = tree(6, &[expiring, directory, key("/d/x", 1, 4), key("/e", 1, 6)]);
        let restored = tree(7, &[key("/e", 1, 6)]);
        assert_eq!(compare(&live, &live, &restored).unwrap(), Compared { equal: 1, changed_meanwhile: 0, expired: 3 });
    }

    /// The store after each of some writes, keyed by index. `None` removes.
    fn history(writes: &[(u8, Option<u8>)]) -> Vec<V2Tree> {
        let mut store = BTreeMap::new();
        let mut states = vec![tree(0, &[])];
        for (number, (path, value)) in writes.iter().enumerate() {
            let index = number as u64 + 1;
            let path = format!("/{path}");
            match value {
                Some(value) => store.insert(path.clone(), key(&path, *value, index)),
                None => store.remove(&path),
            };
            states.push(V2Tree { index, nodes: store.values().cloned().collect() });
        }
        states
    }

    fn a_writer() -> impl Strategy<Value = (Vec<(u8, Option<u8>)>, usize, usize, usize)> {
        prop::collection::vec((0u8..6, prop::option::weighted(0.8, any::<u8>())), 1..40).prop_flat_map(|writes| {
            let length = writes.len();
            (Just(writes), 0..=length, 0..=length, 0..=length)
        })
    }

    proptest! {
        #[test]
        fn what_lies_between_the_two_looks_is_always_accepted((writes, a, b, c) in a_writer()) {
            let states = history(&writes);
            let mut at = [a, b, c];
            at.sort_unstable();
            let verdict = compare(&states[at[0]], &states[at[2]], &states[at[1]]);
            prop_assert!(verdict.is_ok(), "{verdict:?}");
        }

        #[test]
        fn a_lost_write_before_the_first_look_is_always_found((writes, a, b, lost) in a_writer()) {
            let states = history(&writes);
            let (before, after) = (&states[a.min(b)], &states[a.max(b)]);
            // A key that no later write touches is taken out of the restored copy.
            let kept: Vec<_> = before.nodes.iter().filter(|key| after.nodes.contains(key)).collect();
            prop_assume!(!kept.is_empty());
            let gone = kept[lost % kept.len()].path.clone();
            let mut restored = after.clone();
            restored.nodes.retain(|key| key.path != gone);
            prop_assert!(compare(before, after, &restored).is_err());
        }
    }
}
