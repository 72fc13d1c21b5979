//! The network that a restored copy sees. A v2 copy remembers its old peers and dials them for a moment as it starts,
//! before `--force-new-cluster` has removed them: it gets a network of its own, in which nobody is.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use super::{TrialListens, relay};
use crate::etcd::shown;

/// For a command that only tries whether a network of its own can be had.
const TRY: Duration = Duration::from_secs(10);
/// As root, and as anybody where user namespaces are allowed.
const WAYS: [&[&str]; 2] = [&["-n"], &["-r", "-n"]];
/// A network of its own has a loopback that is down; a copy that listens on TCP needs it.
const LOOPBACK_UP: &str = "ip link set lo up 2>/dev/null || ifconfig lo up";

/// Where a copy runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Network {
    /// In a network of its own; a `relay` in it leads from a socket to the port of a copy that cannot listen on one.
    Own { unshare: &'static [&'static str], relay: Option<PathBuf> },
    /// In the network of this machine.
    Shared { why: String },
}

impl Network {
    /// What this machine can give to a copy that would dial its old peers.
    pub(super) async fn apart(listens_on: TrialListens) -> Self {
        let (script, relay) = match listens_on {
            TrialListens::UnixSocket => (":", None),
            TrialListens::Loopback => match std::env::current_exe() {
                Ok(program) if program.is_file() => (LOOPBACK_UP, Some(program)),
                _ => return Self::Shared { why: "the program that runs is not on disk any more".to_owned() },
            },
        };
        let mut why = String::new();
        for way in WAYS {
            match try_it(way, script).await {
                Ok(()) => return Self::Own { unshare: way, relay },
                Err(reason) => why = reason,
            }
        }
        Self::Shared { why }
    }

    /// How the check of a restored copy says it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Own { .. } => "in a network of its own".to_owned(),
            Self::Shared { why } => format!(
                "in the network of this machine, since it can have none of its own ({why}): members that listen on \
                 this machine's loopback may have been dialed for a moment as it started, and refused it"
            ),
        }
    }

    /// What stands before the command of the keeper.
    pub(super) fn prefix(&self) -> Vec<&'static str> {
        match self {
            Self::Own { unshare, .. } => std::iter::once("unshare").chain(unshare.iter().copied()).collect(),
            Self::Shared { .. } => Vec::new(),
        }
    }

    /// The first lines of the keeper: `$beside` is what ends with etcd.
    pub(super) fn preparation(&self) -> String {
        match self {
            Self::Own { relay: Some(_), .. } => {
                format!("{LOOPBACK_UP} || exit 69\n\"$relay\" {} 3<&- &\nbeside=$!\n", relay::ARGUMENTS)
            }
            _ => "beside=\n".to_owned(),
        }
    }

    pub(super) fn relay(&self) -> Option<&std::path::Path> {
        match self {
            Self::Own { relay, .. } => relay.as_deref(),
            Self::Shared { .. } => None,
        }
    }
}

async fn try_it(way: &[&str], script: &str) -> Result<(), String> {
    let mut command = Command::new("unshare");
    command.env_clear().env("PATH", super::trial::PATH).args(way).args(["sh", "-c", script]);
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(TRY, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = shown(&output.stderr[..output.stderr.len().min(200)]);
            Err(if said.trim().is_empty() { format!("unshare: {}", output.status) } else { said.trim().to_owned() })
        }
        Ok(Err(error)) => Err(format!("unshare does not run: {error}")),
        Err(_) => Err(format!("unshare: no end within {TRY:?}")),
    }
}
