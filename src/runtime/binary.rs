//! The binary of a member: the old one is kept, the new one put in place by one rename, and back.

use std::time::Duration;

use crate::host::Host;
use crate::units::{Sha256, Version};

use super::answer::{ask, clean};
use super::error::RuntimeError;
use super::scripts;
use super::site::check_path;

/// To copy, flush and read 50 MB on a slow disk.
const COPY_DEADLINE: Duration = Duration::from_secs(300);

/// For what is done while the member is down: a rename, and digests where something is not as it was.
const RENAME_DEADLINE: Duration = Duration::from_secs(60);

/// A binary that was kept for the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub path: String,
    /// False when it was there already.
    pub copied: bool,
}

/// One binary in place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// The member's binary: a file, or a symbolic link.
    pub path: String,
    /// Where a file gets its new content from.
    pub source: String,
    /// What a symbolic link is made to lead to.
    pub link: String,
    pub old: Sha256,
    pub new: Sha256,
    /// What PATH and SOURCE were when their digests were taken, or empty: a file that is still that is not read again.
    pub old_print: String,
    pub source_print: String,
}

impl Swap {
    /// From the old binary to a staged one.
    #[must_use]
    pub fn to_staged(path: &str, staged: &str, old: Sha256, new: Sha256) -> Self {
        Self {
            path: path.to_owned(),
            source: staged.to_owned(),
            link: staged.to_owned(),
            old,
            new,
            old_print: String::new(),
            source_print: String::new(),
        }
    }

    /// With what the two files were when their digests were taken.
    #[must_use]
    pub fn knowing(self, old_print: Option<&str>, source_print: Option<&str>) -> Self {
        let owned = |print: Option<&str>| print.unwrap_or_default().to_owned();
        Self { old_print: owned(old_print), source_print: owned(source_print), ..self }
    }
}

/// Where an old binary is kept for the way back: `STORE/VERSION/etcd`.
#[derive(Debug, Clone, Copy)]
pub struct Keep<'a> {
    pub store: &'a str,
    pub version: &'a Version,
}

/// What the member's binary is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwapTarget {
    File,
    /// The text of the link, as it was before the swap.
    Link {
        old_target: String,
    },
}

/// A swap that needs one rename only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedSwap {
    swap: Swap,
    pub target: SwapTarget,
    /// The package that the file belongs to: its next update would put its own binary there.
    pub package: Option<String>,
    /// Where the old binary is kept, when that was asked for.
    pub kept: Option<String>,
    /// The new binary is in place already; a commit does nothing.
    pub already: bool,
    old_print: String,
    new_print: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapState {
    Swapped,
    /// The new binary was in place already.
    Already,
}

/// What the way back is for a swapped binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapBack {
    pub path: String,
    /// The kept old binary.
    pub kept: String,
    /// For a link: what it led to. `None` when that is not known; then it leads to the kept binary.
    pub old_target: Option<String>,
    pub old: Sha256,
    pub new: Sha256,
}

/// Copies the binary at `source` to the store, for the way back. `/proc/PID/exe` is a source too: what really runs.
pub async fn keep_binary(
    host: &Host,
    source: &str,
    digest: Sha256,
    store: &str,
    version: &Version,
) -> Result<Kept, RuntimeError> {
    let source = check_path("binary", source)?;
    let args = [source.as_str(), &digest.to_string(), store, &version.to_string()];
    let answer = ask(host, scripts::KEEP, &args, COPY_DEADLINE).await?;
    Ok(Kept { path: answer.need("path")?.to_owned(), copied: answer.need("copied")? == "yes" })
}

/// Where a binary of this digest is kept, if it is.
pub async fn find_kept(
    host: &Host,
    digest: Sha256,
    store: &str,
    version: &Version,
) -> Result<Option<String>, RuntimeError> {
    let args = [&digest.to_string(), store, &version.to_string()];
    let answer = ask(host, scripts::FIND_KEPT, &args, COPY_DEADLINE).await?;
    Ok(answer.get("path").map(str::to_owned))
}

/// Does all of a swap that can be done while the member runs: the new file lies beside the old one, with its owner, mode
/// and label, flushed and its digest checked; the old one is kept before that, where asked for. Run again, it starts over.
pub async fn prepare_swap(host: &Host, swap: &Swap, keep: Option<&Keep<'_>>) -> Result<PreparedSwap, RuntimeError> {
    let path = check_path("binary", &swap.path)?;
    let source = check_path("binary", &swap.source)?;
    let (store, version) = keep.map_or_else(Default::default, |keep| (keep.store, keep.version.to_string()));
    let (old, new) = (swap.old.to_string(), swap.new.to_string());
    let prints = [swap.old_print.as_str(), &swap.source_print];
    let args = [path.as_str(), &source, &swap.link, &old, &new, store, &version, prints[0], prints[1]];
    let answer = ask(host, scripts::PREPARE_SWAP, &args, COPY_DEADLINE).await?;
    let target = match answer.get("target") {
        Some(target) => SwapTarget::Link { old_target: target.to_owned() },
        None => SwapTarget::File,
    };
    Ok(PreparedSwap {
        swap: Swap { path, source, ..swap.clone() },
        target,
        package: answer.get("package").filter(|name| !name.is_empty()).map(clean),
        kept: answer.get("kept").map(str::to_owned),
        already: answer.need("state")? == "already",
        old_print: answer.need("old-print")?.to_owned(),
        new_print: answer.get("new-print").unwrap_or_default().to_owned(),
    })
}

/// Puts a prepared binary in place: one rename. Refuses when the file is neither the old nor the new one.
pub async fn commit_swap(host: &Host, prepared: &PreparedSwap) -> Result<SwapState, RuntimeError> {
    let Swap { path, old, new, .. } = &prepared.swap;
    let args = [path.as_str(), &prepared.old_print, &prepared.new_print, &old.to_string(), &new.to_string()];
    if prepared.already {
        return Ok(SwapState::Already);
    }
    let answer = ask(host, scripts::COMMIT_SWAP, &args, RENAME_DEADLINE).await?;
    Ok(if answer.need("state")? == "already" { SwapState::Already } else { SwapState::Swapped })
}

/// Takes away what was prepared for a member whose turn did not come.
pub async fn discard_swap(host: &Host, path: &str) -> Result<(), RuntimeError> {
    let path = check_path("binary", path)?;
    ask(host, scripts::DISCARD_SWAP, &[&path], RENAME_DEADLINE).await.map(drop)
}

/// Both halves at once, where nobody waits.
pub async fn swap_binary(host: &Host, swap: &Swap) -> Result<(SwapState, PreparedSwap), RuntimeError> {
    let prepared = prepare_swap(host, swap, None).await?;
    let state = commit_swap(host, &prepared).await?;
    Ok((state, prepared))
}

/// The old binary again, with as little as can be: neither the file that it replaces has to be there, nor room on the disk
/// where the kept one is on the same file system. A link leads where it led, if that is still the old binary; else to the
/// kept one.
pub async fn swap_back(host: &Host, back: &SwapBack) -> Result<SwapState, RuntimeError> {
    let path = check_path("binary", &back.path)?;
    let kept = check_path("binary", &back.kept)?;
    let target = back.old_target.as_deref().unwrap_or_default();
    let args = [path.as_str(), &kept, target, &back.old.to_string(), &back.new.to_string()];
    let answer = ask(host, scripts::PUT_BACK, &args, COPY_DEADLINE).await?;
    Ok(if answer.need("state")? == "already" { SwapState::Already } else { SwapState::Swapped })
}
