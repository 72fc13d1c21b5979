//! What goes wrong between quorate and a host. Every message names the host and what was tried.

use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("{host}: cannot connect: {reason}\n  do: {fix}")]
    Connect { host: String, reason: String, fix: String },
    #[error("{host}: the connection was lost during `{command}`: {reason}; whether it took effect is not known")]
    Lost { host: String, command: String, reason: String },
    #[error("{host}: `{command}` did not end within {deadline:?}")]
    Deadline { host: String, command: String, deadline: Duration },
    #[error("{host}: `{command}` printed more than is accepted")]
    TooMuchOutput { host: String, command: String },
    #[error("{host}: cannot start `{command}`: {reason}")]
    Start { host: String, command: String, reason: String },
    #[error("{host}: nothing answers on {address}:{port}: {reason}")]
    Dial { host: String, address: String, port: u16, reason: String },
    #[error("{host}: {path}: {reason}")]
    Transfer { host: String, path: String, reason: String },
}
