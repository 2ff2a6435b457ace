//! Redis answers, and refuses what a publication needs.

use std::time::Duration;

use uuid::Uuid;

use crate::support::events::{Event, placed, scheduled};
use crate::support::log::Log;
use crate::support::views::{folded, key, migrated, number, published, readyz, readyz_says};
use crate::support::{OwnRedis, PATIENCE, Running, Stack};

const VERSION: &str = "select version from foldback.publication";

pub(super) fn order_with_replay() -> [Event; 2] {
    let order = Uuid::now_v7();
    [Event::new(order, 1, placed("p1")), Event::new(order, 2, scheduled(Uuid::now_v7(), 3_600_000))]
}

async fn with_own_redis() -> (Stack, OwnRedis, Running) {
    let mut stack = migrated().await;
    let redis = OwnRedis::start().await;
    stack.servers.redis = redis.url();
    let running = stack.run().await;
    Log::of(&stack).write(&order_with_replay(), 4).await;
    published(&stack, PATIENCE, 1, 0).await;
    (stack, redis, running)
}

fn refusals(running: &Running) -> usize {
    running.log().lines().filter(|line| line.contains("WARN") && line.contains("Redis accepts no publications")).count()
}

/// One reason, one moment since when, one line, and no version used up, for as long as it lasts.
async fn is_refused(refuse: &[&str], allow: &[&str], words: &str) {
    let (stack, redis, running) = with_own_redis().await;
    redis.run(refuse).await;
    // Noticed while nothing changes.
    readyz_says(&running, PATIENCE, 200, words).await;
    let since = readyz(&running).await.1["degraded"][0]["since"].clone();
    let version = number(&stack, VERSION).await;
    Log::of(&stack).write(&order_with_replay(), 4).await;
    folded(&stack, 4).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let degraded = readyz(&running).await.1["degraded"].clone();
    assert_eq!((&degraded[0]["name"], &degraded[0]["since"]), (&"redis".into(), &since), "{degraded}");
    assert_eq!(number(&stack, VERSION).await, version, "a version was used up");
    assert_eq!(refusals(&running), 1, "{}", running.log());
    redis.run(allow).await;
    published(&stack, PATIENCE, 2, 0).await;
    readyz_says(&running, PATIENCE, 200, r#""degraded":[]"#).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_no_publication() {
    is_refused(&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"], "must name the primary").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_takes_no_publication() {
    is_refused(&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"], "maxmemory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_its_replicas_takes_no_publication() {
    let set = |replicas| ["CONFIG", "SET", "min-replicas-to-write", replicas];
    is_refused(&set("1"), &set("0"), "min-replicas-to-write").await;
}

/// The default of Redis 7 for a new user.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_channels_publishes_the_keys() {
    let mut stack = migrated().await;
    let redis = OwnRedis::start().await;
    let keys = format!("~{}*", stack.redis_prefix);
    redis.run(&["ACL", "SETUSER", "publisher", "on", ">pass", &keys, "+@all", "-@dangerous"]).await;
    stack.servers.redis = redis.url().replacen("redis://", "redis://publisher:pass@", 1);
    let running = stack.run().await;
    Log::of(&stack).write(&order_with_replay(), 4).await;
    published(&stack, PATIENCE, 1, 0).await;
    readyz_says(&running, PATIENCE, 200, "redis_channel").await;
    let version = number(&stack, VERSION).await;
    assert_eq!(key(&stack, "backlog").await["meta"]["version"], version, "what is written is not written again");
    // INFO is dangerous, and not needed.
    let doctor = stack.foldback(&["doctor"]).await.exits(0).stdout;
    assert!(doctor.contains("INFO") && doctor.contains("redis writes: accepted"), "{doctor}");
    assert!(doctor.contains(&format!("this user lacks &{}changed", stack.redis_prefix)), "{doctor}");
    let channels = format!("&{}*", stack.redis_prefix);
    redis.run(&["ACL", "SETUSER", "publisher", &channels]).await;
    Log::of(&stack).write(&order_with_replay(), 4).await;
    published(&stack, PATIENCE, 2, 0).await;
    readyz_says(&running, PATIENCE, 200, r#""degraded":[]"#).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named() {
    let mut stack = migrated().await;
    let redis = OwnRedis::start().await;
    let pattern = format!("{}*", stack.redis_prefix);
    let (keys, channels) = (format!("~{pattern}"), format!("&{pattern}"));
    redis.run(&["ACL", "SETUSER", "publisher", "on", ">pass", &keys, &channels, "+@all", "-hset"]).await;
    stack.servers.redis = redis.url().replacen("redis://", "redis://publisher:pass@", 1);
    let running = stack.run().await;
    Log::of(&stack).write(&order_with_replay(), 4).await;
    readyz_says(&running, PATIENCE, 200, "lacks these rights: +hset").await;
    let doctor = stack.foldback(&["doctor"]).await.exits(0).stdout;
    assert!(doctor.contains("this user lacks +hset"), "{doctor}");
    assert_eq!(key(&stack, "backlog").await["meta"]["version"], 1, "asking for rights writes nothing");
    redis.run(&["ACL", "SETUSER", "publisher", "+hset"]).await;
    published(&stack, PATIENCE, 1, 0).await;
    let doctor = stack.foldback(&["doctor"]).await.exits(0).stdout;
    assert!(doctor.contains("redis rights: all that publishing needs"), "{doctor}");
    running.terminate().await;
}
