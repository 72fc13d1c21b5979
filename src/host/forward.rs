//! Byte streams to what listens on a host, through the SSH connection that is open anyway.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use openssh::{ForwardType, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Mutex;

use super::connect_errors::Trouble;
use super::error::{not_again, shown};
use super::ssh::{SshLink, chain, read_log};
use super::{ByteStream, Host, HostError, Link};

/// Sockets of ours that lead to an address and port as the host sees them.
#[derive(Default)]
pub(super) struct Forwards(Mutex<HashMap<(String, u16), PathBuf>>);

impl Host {
    pub(super) async fn dial_within(
        &self,
        address: &str,
        port: u16,
        deadline: Duration,
    ) -> Result<Box<dyn ByteStream>, HostError> {
        // `[::1]` in a URL is `::1` to a socket.
        let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let dial_error = |reason: String| HostError::Dial {
            host: self.label().to_owned(),
            address: address.to_owned(),
            port,
            reason,
        };
        let dial = async {
            match self.link() {
                Link::Local => match TcpStream::connect((address, port)).await {
                    Ok(stream) => {
                        // Small requests that wait for their answer: held back, each would cost some 40 ms.
                        stream.set_nodelay(true).map_err(|error| dial_error(error.to_string()))?;
                        Ok(Box::new(stream) as Box<dyn ByteStream>)
                    }
                    Err(error) => Err(dial_error(error.to_string())),
                },
                Link::Ssh(ssh) => {
                    let link = ssh.current();
                    match self.dial_through(&link, address, port).await {
                        Err(HostError::Lost { host, command, reason }) => {
                            let gone = |trouble: Trouble| HostError::Lost {
                                host,
                                command,
                                reason: not_again(&reason, &trouble),
                            };
                            ssh.again(&link).await.map_err(gone)?;
                            self.dial_through(&ssh.current(), address, port).await
                        }
                        dialed => dialed,
                    }
                }
            }
        };
        tokio::time::timeout(deadline, dial)
            .await
            .unwrap_or_else(|_| Err(dial_error(format!("no answer within {deadline:?}"))))
    }

    async fn dial_through(&self, link: &SshLink, address: &str, port: u16) -> Result<Box<dyn ByteStream>, HostError> {
        let lost = |reason: String| HostError::Lost {
            host: self.label().to_owned(),
            command: format!("dial {address}:{port}"),
            reason,
        };
        let path = {
            let mut forwards = link.forwards().0.lock().await;
            let key = (address.to_owned(), port);
            match forwards.get(&key) {
                Some(path) => path.clone(),
                None => {
                    let path = link.dir().join(format!("f{}", forwards.len()));
                    let listen = Socket::UnixSocket { path: path.as_path().into() };
                    link.session()
                        .request_port_forward(ForwardType::Local, listen, Socket::new(address, port))
                        .await
                        .map_err(|error| match error {
                        openssh::Error::Disconnected => lost(link.why_lost()),
                        other => HostError::Dial {
                            host: self.label().to_owned(),
                            address: address.to_owned(),
                            port,
                            reason: format!("ssh makes no forward: {}", chain(&other)),
                        },
                    })?;
                    forwards.insert(key, path.clone());
                    path
                }
            }
        };
        let log = link.log();
        let log_from = read_log(&log).len();
        let stream = UnixStream::connect(&path).await.map_err(|_| lost(link.why_lost()))?;
        let target = format!("{address}:{port} on {}", self.label());
        Ok(Box::new(Forwarded { stream, answered: false, target, log, log_from }))
    }
}

/// A stream through ssh. ssh takes it before it knows whether anything listens at the far end, so that nothing does is
/// seen as an end before the first byte; here that becomes an error which says so.
struct Forwarded {
    stream: UnixStream,
    answered: bool,
    target: String,
    log: PathBuf,
    log_from: usize,
}

impl Forwarded {
    fn refused(&self) -> io::Error {
        let log = read_log(&self.log);
        let log = String::from_utf8_lossy(log.get(self.log_from..).unwrap_or_default()).into_owned();
        let reason = match log.lines().rev().find_map(|line| line.split_once("open failed: ")) {
            Some((_, why)) if why.contains("prohibited") => {
                format!(
                    "{}: sshd there does not allow forwards (AllowTcpForwarding, PermitOpen)",
                    shown(why.as_bytes())
                )
            }
            Some((_, why)) => shown(why.as_bytes()),
            None => "the connection was closed before the first byte".to_owned(),
        };
        io::Error::new(io::ErrorKind::ConnectionRefused, format!("{}: {reason}", self.target))
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining() > 0;
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.answered || !room {
            return polled;
        }
        match polled {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                self.answered = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => Poll::Ready(Err(self.refused())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(Err(_)) if !self.answered => Poll::Ready(Err(self.refused())),
            polled => polled,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
