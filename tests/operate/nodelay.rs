//! Connections to Postgres send at once.

// The only way from a descriptor's number to its socket.
#![allow(unsafe_code)]

use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use foldback::store::connect::Access;
use rustix::net::{getsockname, sockopt};
use sqlx::PgConnection;

use crate::support::Servers;

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_pools_send_at_once() {
    let second = Duration::from_secs(10);
    let access = Access::new(&Servers::from_env().postgres, second, second).unwrap();
    let mut conn = access.connect().await.unwrap();
    let pool = access.pool(2);
    let (mut one, mut two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    for conn in [&mut conn, &mut *one, &mut *two] {
        assert!(sends_at_once(conn).await);
    }
}

async fn sends_at_once(conn: &mut PgConnection) -> bool {
    let port: i32 = sqlx::query_scalar("select inet_client_port()").fetch_one(conn).await.unwrap();
    let socket = sockets().find(|socket| port_of(socket) == Some(port)).expect("the connection has a socket");
    sockopt::tcp_nodelay(&socket).unwrap()
}

fn sockets() -> impl Iterator<Item = OwnedFd> {
    let names = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    names.filter_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        // SAFETY: duplicating a number that was closed meanwhile fails, and one that was taken anew is only looked at.
        unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned().ok()
    })
}

fn port_of(socket: &OwnedFd) -> Option<i32> {
    SocketAddr::try_from(getsockname(socket).ok()?).ok().map(|address| i32::from(address.port()))
}
