//! Do all members hold the same data, where the version has no `HashKV`? Every key is read from every member: the v3 key
//! space at one revision, the v2 key space by the rules of [`v2_compare`], for a cluster that is written to meanwhile.

use futures_util::future::join_all;

use crate::backup::v2_compare;
use crate::etcd::{Client, Consistency, EtcdError, KeyDigest, V2Tree};
use crate::execute::ExecuteError;
use crate::execute::effects::{done, skipped};
use crate::execute::journal::{Detail, EffectResult, KeysCompared};
use crate::execute::world::World;
use crate::knowledge::Feature;
use crate::units::{MemberName, Version};

/// What one kind of keys came to.
enum Compared {
    /// This kind is not served.
    Nothing,
    Equal(KeysCompared),
    /// One sentence for each member that differs.
    Differs(Vec<String>),
}

/// Reads all keys of all members. `version` is the oldest that one of them runs.
pub async fn compare(world: &World, version: &Version) -> Result<EffectResult, ExecuteError> {
    let features = world.knowledge.features(version);
    let members: Vec<(&MemberName, &Client)> =
        world.members.iter().map(|(name, member)| (name, &member.client)).collect();
    let v3 = if features.has(Feature::V3Api) { v3(&members).await? } else { Compared::Nothing };
    let v2 = if features.has(Feature::V2Api) { v2(&members).await? } else { Compared::Nothing };
    let mut differences = Vec::new();
    let mut equal = |compared: Compared| match compared {
        Compared::Nothing => None,
        Compared::Equal(keys) => Some(keys),
        Compared::Differs(why) => {
            differences.extend(why);
            None
        }
    };
    let (v3, v2) = (equal(v3), equal(v2));
    if !differences.is_empty() {
        let reason = format!("members hold different data: {}", differences.join("; "));
        return Ok(EffectResult::Failed { reason, log: Vec::new(), todo: Vec::new() });
    }
    if v3.is_none() && v2.is_none() {
        return Ok(skipped("no kind of keys is served"));
    }
    let members = u32::try_from(members.len()).unwrap_or(u32::MAX);
    Ok(done(Detail::KeysEqual { members, v3, v2 }))
}

/// At a revision that all of them have: each was asked for a linearizable read since it was the newest.
async fn v3(members: &[(&MemberName, &Client)]) -> Result<Compared, ExecuteError> {
    let Some((_, first)) = members.first() else { return Ok(Compared::Nothing) };
    let revision = first.linearizable_read().await?;
    let each = members.iter().map(async |(name, client)| {
        client.linearizable_read().await?;
        Ok::<_, EtcdError>((*name, client.digest_at(Some(revision)).await?))
    });
    let mut digests: Vec<(&MemberName, KeyDigest)> = Vec::new();
    for digest in join_all(each).await {
        digests.push(digest?);
    }
    let Some((reference, first)) = digests.first() else { return Ok(Compared::Nothing) };
    let differences: Vec<String> = digests
        .iter()
        .filter(|(_, digest)| (digest.keys, digest.digest) != (first.keys, first.digest))
        .map(|(name, digest)| {
            format!(
                "v3 at revision {revision}: {name} holds {} keys (sha256 {}), {reference} {} (sha256 {})",
                digest.keys,
                digest.digest.short(),
                first.keys,
                first.digest.short()
            )
        })
        .collect();
    if !differences.is_empty() {
        return Ok(Compared::Differs(differences));
    }
    Ok(Compared::Equal(KeysCompared { keys: first.keys, digest: first.digest }))
}

/// The first member is read before the others and after them; what each of them holds must lie in between.
async fn v2(members: &[(&MemberName, &Client)]) -> Result<Compared, ExecuteError> {
    let Some(((reference, first), others)) = members.split_first() else { return Ok(Compared::Nothing) };
    let before = match first.v2_tree(Consistency::Linearizable).await {
        Err(EtcdError::V2NotServed { .. }) => return Ok(Compared::Nothing),
        tree => tree?,
    };
    let mut trees: Vec<(&MemberName, V2Tree)> = Vec::new();
    // One after the other: each is held in memory as a whole.
    for (name, client) in others {
        trees.push((name, client.v2_tree(Consistency::Linearizable).await?));
    }
    let after = first.v2_tree(Consistency::Linearizable).await?;
    let differences: Vec<String> = trees
        .iter()
        .filter_map(|(name, tree)| {
            let why = v2_compare::compare(&before, &after, tree).err()?;
            Some(format!("v2: {name} differs from {reference}: {why}"))
        })
        .collect();
    if !differences.is_empty() {
        return Ok(Compared::Differs(differences));
    }
    let digest = before.digest();
    Ok(Compared::Equal(KeysCompared { keys: digest.keys, digest: digest.digest }))
}
