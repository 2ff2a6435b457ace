//! TCP options of connections to Postgres: without delay, and with an end to waiting for a peer that is gone.
//!
//! With Nagle's algorithm, the last short segment of a statement or of a COPY waits until the server acknowledges the
//! segment before, and the server delays that by about 40 ms. And without keepalive, a server whose machine, or the path
//! to it, vanished without a word is waited for for hours. sqlx 0.9.0 opens its sockets without either and doesn't
//! expose them, so they are found among the process's own descriptors. See docs/adr/0009-nodelay.md.

// The one unsafe call is the only way from a descriptor's number to its socket.
#![allow(unsafe_code)]

use std::fs::{read_dir, read_link};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io;
use rustix::net::{getpeername, sockopt};

use super::keepalive;

const DESCRIPTORS: &str = "/proc/self/fd";

/// Sets the options on every TCP connection of this process to a peer's port. What can't be inspected (a system
/// without /proc, a descriptor that has been closed) stays as it is: slower, but correct.
pub fn set_options(peer_port: u16) {
    for socket in sockets().filter(|socket| peer_port_of(socket) == Some(peer_port)) {
        // Fails on what is no TCP socket, which needs nothing.
        let _ = sockopt::set_tcp_nodelay(&socket, true);
        let _ = end_waiting(&socket);
    }
}

/// A silent peer is asked whether it is there; one that acknowledges nothing is given up.
fn end_waiting(socket: impl AsFd + Copy) -> io::Result<()> {
    sockopt::set_tcp_keepidle(socket, keepalive::IDLE)?;
    sockopt::set_tcp_keepintvl(socket, keepalive::INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, keepalive::PROBES)?;
    sockopt::set_socket_keepalive(socket, true)?;
    // Some 30,000 ms.
    sockopt::set_tcp_user_timeout(socket, keepalive::UNACKNOWLEDGED_MAX.as_millis() as u32)
}

/// Duplicated handles of the process's sockets, which can't be reused for another file while we inspect them.
fn sockets() -> impl Iterator<Item = OwnedFd> {
    let descriptors = read_dir(DESCRIPTORS).into_iter().flatten().flatten();
    descriptors.filter_map(|entry| {
        let is_socket = read_link(entry.path()).ok()?.to_string_lossy().starts_with("socket:");
        let number: RawFd = entry.file_name().to_str()?.parse().ok()?;
        if is_socket { handle(number) } else { None }
    })
}

fn handle(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: the number was listed a moment ago and is not -1. It is borrowed for the one call that duplicates it.
    // Should another thread close it just then, that call fails, or duplicates what has taken the number: all that is
    // done with a duplicate is to ask for its peer and, if that is Postgres's port, to set options that change no
    // data.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned().ok()
}

fn peer_port_of(socket: &OwnedFd) -> Option<u16> {
    let peer = getpeername(socket).ok()??;
    SocketAddr::try_from(peer).ok().map(|address| address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn connections_to_the_port_get_the_options_and_others_are_left_alone() {
        let (postgres, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = postgres.local_addr().unwrap().port();
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let bystander = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        assert!(!stream.nodelay().unwrap());
        set_options(port);
        assert!(stream.nodelay().unwrap());
        assert!(!bystander.nodelay().unwrap());
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), keepalive::IDLE);
        assert_eq!(u128::from(sockopt::tcp_user_timeout(&stream).unwrap()), keepalive::UNACKNOWLEDGED_MAX.as_millis());
        assert!(!sockopt::socket_keepalive(&bystander).unwrap());
    }
}
