//! Connections to Postgres send at once, and neither side waits for long for one that is gone.

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
async fn connections_and_pools_send_at_once_and_notice_when_the_other_side_is_gone() {
    let second = Duration::from_secs(10);
    let access = Access::new(&Servers::from_env().postgres, second, second).unwrap();
    let mut conn = access.connect().await.unwrap();
    let mut lock = access.speaking(Duration::from_secs(10)).connect().await.unwrap();
    let mut load = access.unhurried().connect().await.unwrap();
    let pool = access.pool(2);
    let (mut one, mut two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    for conn in [&mut conn, &mut lock, &mut load, &mut *one, &mut *two] {
        let socket = socket_of(conn).await;
        assert!(sockopt::tcp_nodelay(&socket).unwrap());
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), second);
        assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 30_000);
        assert_eq!(setting(conn, "tcp_keepalives_idle").await, "10");
        assert_eq!(setting(conn, "tcp_user_timeout").await, "30000");
        assert_eq!(setting(conn, "lock_timeout").await, "0");
    }
    for conn in [&mut conn, &mut lock, &mut load, &mut *one] {
        assert_eq!(setting(conn, "idle_in_transaction_session_timeout").await, "1min");
    }
    assert_eq!(setting(&mut lock, "idle_session_timeout").await, "10s");
    assert_eq!(setting(&mut conn, "idle_session_timeout").await, "0");
    for conn in [&mut conn, &mut lock, &mut *one] {
        assert_eq!(setting(conn, "statement_timeout").await, "10s");
    }
    assert_eq!(setting(&mut load, "statement_timeout").await, "0");
}

async fn setting(conn: &mut PgConnection, name: &str) -> String {
    sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(conn).await.unwrap()
}

async fn socket_of(conn: &mut PgConnection) -> OwnedFd {
    let port: i32 = sqlx::query_scalar("select inet_client_port()").fetch_one(conn).await.unwrap();
    sockets().find(|socket| port_of(socket) == Some(port)).expect("the connection has a socket")
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
