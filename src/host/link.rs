//! The two ways to a host, as one: words in, three streams and an ending out.

use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncWrite};

use super::reconnect::Reconnecting;

pub(super) enum Link {
    Local,
    Ssh(Box<Reconnecting>),
}

/// A process that runs on a host. Dropping it does not end it there.
pub(super) struct Running {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// To be waited for only when both streams are at their end: over SSH the end of the wait cuts them.
    pub ended: Pin<Box<dyn Future<Output = Result<Ended, LinkError>> + Send>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Code(i32),
    Signal,
}

#[derive(Debug)]
pub(super) enum LinkError {
    /// The connection is gone.
    Lost(String),
    /// The process could not be started.
    Start(String),
}

impl Link {
    pub(super) async fn spawn(&self, words: &[String]) -> Result<Running, LinkError> {
        match self {
            Self::Local => spawn_local(words),
            Self::Ssh(ssh) => ssh.current().spawn(words).await,
        }
    }
}

impl Link {
    /// For what stays: it is not counted among the sessions that commands take turns in.
    pub(super) async fn spawn_resident(&self, words: &[String]) -> Result<Running, LinkError> {
        match self {
            Self::Local => spawn_local(words),
            Self::Ssh(ssh) => ssh.current().spawn_resident(words).await,
        }
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, _) => Self::Signal,
        }
    }
}

pub(super) fn spawn_local(words: &[String]) -> Result<Running, LinkError> {
    let [program, args @ ..] = words else {
        return Err(LinkError::Start("there is no program to start".into()));
    };
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: Ctrl-C in the terminal is for quorate, which ends what it runs in good order.
        .process_group(0)
        .spawn()
        .map_err(|error| LinkError::Start(format!("{program}: {error}")))?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(LinkError::Start("its streams could not be opened".into()));
    };
    Ok(Running {
        stdin: Box::new(stdin),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        ended: Box::pin(async move {
            child.wait().await.map(Ended::from).map_err(|error| LinkError::Lost(format!("waiting for it: {error}")))
        }),
    })
}
