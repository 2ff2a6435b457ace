//! The harness itself: what other tests lean on must hold.

use std::time::Duration;

use crate::support::{CutProxy, Stack, eventually};
use sqlx::Row;

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
async fn cut_proxy_takes_a_server_away_and_gives_it_back() {
    let stack = Stack::new().await;
    let mut proxy = CutProxy::to(&stack.servers.redis).await;
    let client = redis::Client::open(proxy.url()).unwrap();
    let mut before = client.get_multiplexed_async_connection().await.unwrap();
    let _: String = redis::cmd("PING").query_async(&mut before).await.unwrap();

    proxy.cut().await;
    eventually(Duration::from_secs(5), || {
        let mut before = before.clone();
        async move { redis::cmd("PING").query_async::<String>(&mut before).await.map_or(Ok(()), Err) }
    })
    .await;
    assert!(client.get_multiplexed_async_connection().await.is_err(), "a cut proxy refuses new connections");

    proxy.mend().await;
    let mut after = client.get_multiplexed_async_connection().await.unwrap();
    let answer: String = redis::cmd("PING").query_async(&mut after).await.unwrap();
    assert_eq!(answer, "PONG");
}
