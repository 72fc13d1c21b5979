//! Puts files on a host: never half a file under its final name, and nothing left of one that failed.

use std::path::Path;
use std::time::Duration;

use super::command::{Output, Privilege};
use super::error::last_line;
use super::perform::{Input, Job};
use super::{Host, HostError};
use crate::units::{Bytes, Sha256};

/// Is the file there already? Arguments: target, digest, mode.
const CHECK: &str = "t=$1; [ -L \"$t\" ] && exit 4; [ -d \"$t\" ] && exit 3; [ -f \"$t\" ] || exit 4; \
    s=$(openssl dgst -sha256 -r 2>/dev/null < \"$t\") || s=$(sha256sum < \"$t\") || exit 5; \
    [ \"${s%% *}\" = \"$2\" ] || exit 4; chmod \"$3\" \"$t\" || exit 11";

/// Takes the file from standard input. Arguments: target, part file, digest, mode. Input that ends early (a cut
/// connection) gives another digest, and the part file goes. At the end it says what the file is, for whoever wants to know
/// later whether that digest is still true. The file is not flushed: should the power go, what is left
/// of it has another digest, and whoever uses a file that was sent looks at that first.
const STORE: &str = "t=$1; p=$2; fail() { rm -f \"$p\"; exit \"$1\"; }; trap \"fail 9\" HUP INT TERM PIPE; \
    [ ! -d \"$t\" ] || [ -L \"$t\" ] || exit 3; d=${t%/*}/; [ -d \"$d\" ] || (umask 022; mkdir -p \"$d\") || exit 6; umask 077; cat > \"$p\" || fail 7; \
    s=$(openssl dgst -sha256 -r 2>/dev/null < \"$p\") || s=$(sha256sum < \"$p\") || fail 5; \
    [ \"${s%% *}\" = \"$3\" ] || fail 8; chmod \"$4\" \"$p\" || fail 11; \
    mv -f \"$p\" \"$t\" || fail 10; LC_ALL=C stat -c %d:%i:%s:%y:%z \"$t\" 2>/dev/null; exit 0";

/// The slowest line that a transfer is given time for, in bytes a second.
const SLOWEST: u64 = 32 * 1024;

/// What a transfer may take beyond moving its bytes: reading them back, waiting for the disk.
const OVERHEAD: Duration = Duration::from_secs(120);

/// A transfer that moves nothing for this long is given up. Reading back and syncing a big file moves nothing either.
const STALL: Duration = Duration::from_secs(120);

/// A file that was just stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub size: Bytes,
    /// What it was (device, inode, size, times) when its digest had been checked; empty where the host cannot say.
    pub print: String,
}

/// What it took to have a file on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All of it was sent.
    Whole(Bytes),
    /// It was there with that digest: nothing was sent.
    AlreadyThere,
}

impl Host {
    pub(super) async fn put(
        &self,
        local: &Path,
        remote: &str,
        mode: u32,
        digest: Sha256,
        progress: &(dyn Fn(Bytes) + Send + Sync),
    ) -> Result<Sent, HostError> {
        let (_, size) = self.open_local(local, remote).await?;
        let check = ["-c", CHECK, "sh", remote, &digest.to_string(), &format!("{mode:04o}")];
        let there = self.transfer_step("look for", &check, Input::Bytes(&[]), remote, deadline(size)).await?;
        match there.status {
            Some(0) => Ok(Sent::AlreadyThere),
            Some(4) => {
                let stored = self.put_anew(local, remote, mode, digest, progress).await?;
                Ok(Sent::Whole(stored.size))
            }
            _ => Err(self.transfer(remote, why_not_stored(&there))),
        }
    }

    pub(super) async fn put_anew(
        &self,
        local: &Path,
        remote: &str,
        mode: u32,
        digest: Sha256,
        progress: &(dyn Fn(Bytes) + Send + Sync),
    ) -> Result<Stored, HostError> {
        let (file, size) = self.open_local(local, remote).await?;
        let suffix = random_suffix().map_err(|error| self.transfer(remote, format!("no random numbers: {error}")))?;
        let part = format!("{remote}.part-{suffix}");
        let store = ["-c", STORE, "sh", remote, &part, &digest.to_string(), &format!("{mode:04o}")];
        let input = Input::File { file, progress };
        let stored = self.transfer_step("store", &store, input, remote, deadline(size)).await?;
        if !stored.success() {
            return Err(self.transfer(remote, why_not_stored(&stored)));
        }
        let print = String::from_utf8_lossy(&stored.stdout).trim().to_owned();
        Ok(Stored { size, print })
    }

    async fn open_local(&self, local: &Path, remote: &str) -> Result<(tokio::fs::File, Bytes), HostError> {
        if !remote.starts_with('/') || remote.ends_with('/') {
            return Err(self.transfer(remote, "a file on a host needs an absolute path"));
        }
        let unreadable = |error| self.transfer(remote, format!("{} cannot be read: {error}", local.display()));
        let file = tokio::fs::File::open(local).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        Ok((file, Bytes(size)))
    }

    async fn transfer_step(
        &self,
        verb: &str,
        args: &[&str],
        input: Input<'_>,
        remote: &str,
        deadline: Duration,
    ) -> Result<Output, HostError> {
        let job = Job {
            what: format!("{verb} {remote}"),
            program: "sh",
            args,
            privilege: Privilege::Elevated,
            input,
            deadline,
            stall: Some(STALL),
            most: Bytes(64 * 1024),
        };
        let mut stdout = Vec::new();
        let output = self.perform(job, &mut stdout).await?;
        Ok(Output { stdout, ..output })
    }
}

/// The exit codes of [`CHECK`] and [`STORE`], in words, with what the host said.
fn why_not_stored(output: &Output) -> String {
    let said = last_line(&output.stderr).map(|line| format!(" ({line})")).unwrap_or_default();
    let reason = match output.status {
        Some(3) => "there is a folder of that name",
        Some(5) => "its digest cannot be taken on the host",
        Some(6) => "its folder cannot be made",
        Some(7) => "it cannot be written",
        Some(8) => "what arrived has another digest than was promised; nothing of it was kept",
        Some(9) | None => "it was interrupted; nothing of it was kept",
        Some(10) => "it cannot be renamed to its final name",
        Some(11) => "its mode cannot be set",
        Some(_) => "it could not be stored",
    };
    format!("{reason}{said}")
}

fn deadline(size: Bytes) -> Duration {
    OVERHEAD + Duration::from_secs(size.0 / SLOWEST)
}

fn random_suffix() -> std::io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::encode(bytes))
}
