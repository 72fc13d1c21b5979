//! The relay: this very program, started again inside the network of a restored copy, leads from a socket in the
//! copy's private folder to the port that the copy listens on. For releases that cannot listen on a socket.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Set for a relay alone: the address to lead to. The socket is made in the working folder.
pub(super) const ADDRESS: &str = "QUORATE_TRIAL_RELAY";
pub(super) const SOCKET: &str = "relay";
/// More connections at one time are turned away: the copy has one reader.
const CONNECTIONS: usize = 64;

/// What the program is given besides: nothing.
#[cfg(not(test))]
pub(super) const ARGUMENTS: &str = "";
/// In the unit tests the program is the tests' own; it is told to run the test that is a relay.
#[cfg(test)]
pub(super) const ARGUMENTS: &str = "--exact backup::relay::tests::is_the_relay_of_other_tests --nocapture";

/// The first thing that the program does: where it was started as a relay, it is one until it is killed.
pub fn relay_if_asked() -> Option<ExitCode> {
    let address = std::env::var_os(ADDRESS)?;
    let Some(address) = address.to_str().and_then(|text| text.parse().ok()) else {
        return Some(ExitCode::FAILURE);
    };
    // Its messages go to the copy's log, which is shown when the copy does not come up.
    match UnixListener::bind(SOCKET) {
        Ok(listener) => serve(&listener, address),
        Err(_) => return Some(ExitCode::FAILURE),
    }
    Some(ExitCode::SUCCESS)
}

fn serve(listener: &UnixListener, address: SocketAddr) {
    let open = Arc::new(AtomicUsize::new(0));
    while let Ok((from, _)) = listener.accept() {
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let open = open.clone();
        std::thread::spawn(move || {
            // A copy that does not listen yet: the caller sees a closed connection, and tries again.
            if let Ok(to) = TcpStream::connect(address) {
                lead(from, to);
            }
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn lead(from: UnixStream, to: TcpStream) {
    let (Ok(from_copy), Ok(to_copy), Ok(())) = (from.try_clone(), to.try_clone(), to.set_nodelay(true)) else {
        return;
    };
    let back = std::thread::spawn(move || {
        copy(to_copy, &from_copy);
        let _ = from_copy.shutdown(Shutdown::Write);
    });
    copy(from, &to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = back.join();
}

fn copy(mut from: impl Read, mut to: impl Write) {
    // A broken connection is what both ends see by themselves.
    let _ = std::io::copy(&mut from, &mut to);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does nothing unless another test starts it as a relay.
    #[test]
    fn is_the_relay_of_other_tests() {
        assert!(relay_if_asked().is_none_or(|code| code == ExitCode::SUCCESS));
    }
}
