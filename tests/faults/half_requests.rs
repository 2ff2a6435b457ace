//! Clients that send half a request and wait: they must not keep /livez from being answered, nor stay for ever.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded, migrated, readyz_says};
use crate::support::{PATIENCE, Proxy, eventually};

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

/// Another process's half requests, so that this one's own limit doesn't matter. Dropping it closes them.
struct HalfRequests(Child);

impl HalfRequests {
    fn send(address: &str, count: usize) -> HalfRequests {
        let (host, port) = address.rsplit_once(':').unwrap();
        let script = format!(
            "trap '' PIPE
            for ((i = 0; i < {count}; i++)); do
                exec {{fd}}<>/dev/tcp/{host}/{port} || exit 1
                printf 'GET /livez HTTP/1.1\\r\\nHost: foldback\\r\\nX-Sl' >&$fd
            done
            echo sent
            read"
        );
        let bash = Command::new("bash").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut bash = bash.expect("bash runs");
        let mut line = String::new();
        BufReader::new(bash.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "sent\n");
        HalfRequests(bash)
    }
}

impl Drop for HalfRequests {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// With the default of http.connections_max, and the limit of open files that most systems give a process.
#[tokio::test(flavor = "multi_thread")]
async fn half_requests_leave_descriptors_for_postgres() {
    let stack = migrated().await;
    let mut proxy = Proxy::to(&stack.postgres_url).await;
    let url = proxy.url().to_owned();
    let settings = [("FOLDBACK__POSTGRES__URL", url.as_str()), ("FOLDBACK__HTTP__HEADER_TIMEOUT_MS", "600000")];
    let running = stack.run_with_descriptors(1024, &settings).await;
    running.ready(PATIENCE).await;
    let events = lives(100, 20);
    let (before, after) = events.split_at(500);
    let log = Log::of(&stack);
    log.write(before, 4).await;
    folded(&stack, before.len()).await;

    // Two senders, since each has a limit as well.
    let halves: Vec<HalfRequests> = (0..2).map(|_| HalfRequests::send(&running.address, 550)).collect();
    proxy.cut().await;
    log.write(after, 4).await;
    readyz_says(&running, PATIENCE, 503, "postgres").await;
    proxy.mend().await;
    // The workers, the publisher and HTTP connect again while the half requests last.
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    eventually(PATIENCE, async || {
        let readiness = running.json("/readyz").await;
        (readiness["degraded"] == serde_json::json!([])).then_some(()).ok_or(readiness)
    })
    .await;
    running.json("/api/v1/fulfillment/providers/automation/backlog").await;
    let log = running.log();
    assert!(!log.contains("Too many open files") && !log.contains("can't be accepted"), "{log}");
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
