//! Redis loses everything, goes away, or is written by others: keys are right again within five seconds.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::support::events::{Event, placed, scheduled};
use crate::support::log::Log;
use crate::support::views::{folded, key, metric, migrated, published, readyz, readyz_says};
use crate::support::{OwnRedis, PATIENCE, Proxy};

const MENDED: Duration = Duration::from_secs(5);

fn order_with_replay(due_ms: i64) -> [Event; 2] {
    let order = Uuid::now_v7();
    [Event::new(order, 1, placed("p1")), Event::new(order, 2, scheduled(Uuid::now_v7(), due_ms))]
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_back_whatever_is_done_to_redis() {
    let mut stack = migrated().await;
    // Its own: FLUSHALL would hit every test.
    let redis = OwnRedis::start().await;
    stack.servers.redis = redis.url();
    let running = stack.run().await;
    let log = Log::of(&stack);
    log.write(&order_with_replay(3_600_000), 4).await;
    published(&stack, PATIENCE, 1, 0).await;
    let backlog = format!("{}backlog", stack.redis_prefix);
    for harm in [
        &["FLUSHALL"][..],
        &["SET", &backlog, r#"{"scheduledBacklog":99}"#],
        &["SET", &backlog, r#"{"scheduledBacklog":99,"overdue":0,"meta":{"epoch":9,"version":900}}"#],
        &["SCRIPT", "FLUSH"],
    ] {
        redis.run(harm).await;
        published(&stack, MENDED, 1, 0).await;
    }
    // Scripts were forgotten just now: the next change is published all the same.
    log.write(&order_with_replay(3_600_000), 4).await;
    published(&stack, MENDED, 2, 0).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_away_stops_nothing_and_only_degrades() {
    only_degrades(async |proxy| proxy.cut().await).await;
}

/// No connection breaks: only the time-out of a command says that Redis is not there.
#[tokio::test(flavor = "multi_thread")]
async fn redis_that_hangs_stops_nothing_and_only_degrades() {
    only_degrades(async |proxy| proxy.freeze()).await;
}

async fn only_degrades(take_away: impl AsyncFnOnce(&mut Proxy)) {
    let stack = migrated().await;
    let mut proxy = Proxy::to(&stack.servers.redis).await;
    let url = proxy.url().to_owned();
    let running = stack.run_with(&[("FOLDBACK__REDIS__URL", &url)]).await;
    let log = Log::of(&stack);
    log.write(&order_with_replay(3_600_000), 4).await;
    published(&stack, PATIENCE, 1, 0).await;
    running.ready(PATIENCE).await;
    take_away(&mut proxy).await;
    log.write(&order_with_replay(3_600_000), 4).await;
    folded(&stack, 4).await;
    readyz_says(&running, MENDED, 200, "edis").await;
    let (status, body) = readyz(&running).await;
    assert_eq!((status, &body["ready"]), (200, &true.into()));
    assert_eq!(body["degraded"][0]["name"], "redis", "{body}");
    assert_eq!(metric(&running, "foldback_redis_up").await, Some(0.0));
    assert_eq!(key(&stack, "backlog").await["scheduledBacklog"], 1, "Redis itself was not reached");
    proxy.mend().await;
    published(&stack, MENDED, 2, 0).await;
    readyz_says(&running, MENDED, 200, r#""degraded":[]"#).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_falls_due_is_published_within_a_second() {
    let stack = migrated().await;
    let running = stack.run().await;
    running.ready(PATIENCE).await;
    let log = Log::of(&stack);
    let events = order_with_replay(8_000);
    let due = Instant::now() + Duration::from_secs(8);
    log.write(&events, 4).await;
    published(&stack, Duration::from_millis(7_500), 1, 0).await;
    sleep(due.saturating_duration_since(Instant::now())).await;
    // The promise is one second; the rest is for a busy machine.
    published(&stack, PATIENCE, 1, 1).await;
    running.terminate().await;
}
