//! The harness itself: what other tests lean on must hold.

use std::time::Duration;

use crate::support::{Proxy, Stack, eventually};
use sqlx::Row;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn stack_has_its_own_database_topics_and_redis() {
    let stack = Stack::new().await;
    let mut postgres = stack.postgres().await;
    let row = sqlx::query("select current_database()::text").fetch_one(&mut postgres).await.unwrap();
    assert_eq!(row.get::<String, _>(0), stack.name);
    let answer: String = redis::cmd("PING").query_async(&mut stack.redis().await).await.unwrap();
    assert_eq!(answer, "PONG");
}

#[tokio::test]
async fn a_proxy_cuts_a_server_off_and_gives_it_back() {
    let stack = Stack::new().await;
    let mut proxy = Proxy::to(&stack.servers.redis).await;
    let client = redis::Client::open(proxy.url()).unwrap();
    let mut before = client.get_multiplexed_async_connection().await.unwrap();
    let _: String = redis::cmd("PING").query_async(&mut before).await.unwrap();

    proxy.cut().await;
    eventually(Duration::from_secs(5), || {
        let mut before = before.clone();
        async move { redis::cmd("PING").query_async::<String>(&mut before).await.map_or(Ok(()), Err) }
    })
    .await;
    assert!(client.get_multiplexed_async_connection().await.is_err(), "new connections are refused");

    proxy.mend().await;
    let mut after = client.get_multiplexed_async_connection().await.unwrap();
    let answer: String = redis::cmd("PING").query_async(&mut after).await.unwrap();
    assert_eq!(answer, "PONG");
}

/// A connection to Redis by way of the proxy, without a client that has time-outs of its own.
struct Wire(TcpStream);

impl Wire {
    async fn to(proxy: &Proxy) -> Self {
        let address = proxy.url().trim_start_matches("redis://").trim_end_matches('/').to_owned();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// What comes back, empty where the connection is closed.
    async fn ping(mut self) -> (Self, String) {
        let mut answer = [0; 64];
        // A closed connection may refuse what is written, too.
        let _ = self.0.write_all(b"PING\r\n").await;
        let count = self.0.read(&mut answer).await.unwrap_or(0);
        (self, String::from_utf8_lossy(&answer[..count]).into_owned())
    }
}

const PONG: &str = "+PONG\r\n";
/// Long enough for an answer that must not come.
const SILENCE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_frozen_proxy_holds_every_byte_until_it_is_mended() {
    let stack = Stack::new().await;
    let mut proxy = Proxy::to(&stack.servers.redis).await;
    let (old, answer) = Wire::to(&proxy).await.ping().await;
    assert_eq!(answer, PONG);
    proxy.freeze();
    let waiting = [tokio::spawn(old.ping()), tokio::spawn(Wire::to(&proxy).await.ping())];
    sleep(SILENCE).await;
    assert!(waiting.iter().all(|ping| !ping.is_finished()), "no answer, no FIN and no RST, on old and new connections");
    proxy.mend().await;
    for ping in waiting {
        assert_eq!(ping.await.unwrap().1, PONG);
    }
}

#[tokio::test]
async fn a_half_open_connection_is_dead_without_a_word_and_new_ones_work() {
    let stack = Stack::new().await;
    let mut proxy = Proxy::to(&stack.servers.redis).await;
    let (old, _) = Wire::to(&proxy).await.ping().await;
    proxy.half_open();
    let dead = tokio::spawn(old.ping());
    assert_eq!(Wire::to(&proxy).await.ping().await.1, PONG);
    sleep(SILENCE).await;
    assert!(!dead.is_finished(), "no answer, no FIN and no RST");
    proxy.mend().await;
    assert_eq!(dead.await.unwrap().1, "", "mending closes it");
    assert_eq!(Wire::to(&proxy).await.ping().await.1, PONG);
}

#[tokio::test]
async fn a_slow_proxy_delays_both_ways() {
    let stack = Stack::new().await;
    let mut proxy = Proxy::to(&stack.servers.redis).await;
    proxy.slow(SILENCE);
    let asked = Instant::now();
    let (wire, answer) = Wire::to(&proxy).await.ping().await;
    assert_eq!(answer, PONG);
    assert!(asked.elapsed() >= 2 * SILENCE, "once there and once back, but {:?}", asked.elapsed());
    proxy.mend().await;
    assert_eq!(wire.ping().await.1, PONG);
}
