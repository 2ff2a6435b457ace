//! Clients that send half a request and wait: they must not keep /livez from being answered, nor stay for ever.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::views::migrated;
use crate::support::{PATIENCE, eventually};

const LIMITS: [(&str, &str); 2] =
    [("FOLDBACK__HTTP__CONNECTIONS_MAX", "32"), ("FOLDBACK__HTTP__HEADER_TIMEOUT_MS", "60000")];

fn half_request(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: foldback\r\nX-Sl").unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Whether the server has ended the connection, in an orderly way or not.
fn is_ended(mut stream: &TcpStream) -> bool {
    stream.read(&mut [0; 256]).map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |bytes| bytes == 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn more_half_requests_than_connections_leave_livez_answered() {
    let stack = migrated().await;
    let running = stack.run_with(&LIMITS).await;
    let halves: Vec<TcpStream> = (0..100).map(|_| half_request(&running.address)).collect();
    for _ in 0..3 {
        // A kept connection of the test's own client may be the oldest: it then opens another one.
        eventually(PATIENCE, async || running.get("/livez").await.ok_or("no answer")).await;
    }
    // The oldest have made room for the newer ones.
    assert!(is_ended(&halves[0]));
    drop(halves);
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_not_waited_for_forever() {
    let stack = migrated().await;
    let running = stack.run_with(&[("FOLDBACK__HTTP__HEADER_TIMEOUT_MS", "300")]).await;
    let half = half_request(&running.address);
    half.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    eventually(PATIENCE, async || is_ended(&half).then_some(()).ok_or("still open")).await;
    running.terminate().await;
}
