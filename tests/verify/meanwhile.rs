//! What comes to the log while a second fold reads it.

use rdkafka::admin::{AdminOptions, NewPartitions};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::support::events::{Event, executed, lives, placed};
use crate::support::log::Log;
use crate::support::views::{folded, migrated, number, readyz_says};
use crate::support::{Output, PATIENCE, Stack, admin, eventually};

/// Slow enough to be caught.
const VERIFY: [&str; 3] = ["verify", "--rate", "100"];

/// Verifies, and does something after its fold has begun and before it ends.
async fn verified_while(stack: &Stack, something: impl Future<Output = ()>) -> Output {
    let verifying = stack.start_with(&VERIFY, &[]);
    let shadow: String = eventually(PATIENCE, || async {
        let sql = "select nspname::text from pg_namespace where nspname like 'shadow%'";
        let found = sqlx::query_scalar(sql).fetch_optional(&mut stack.postgres().await).await.unwrap();
        found.ok_or("it has not begun")
    })
    .await;
    let mut holding = stack.postgres().await;
    let lock = format!("begin; lock table {shadow}.provider_order_events in share mode");
    holding.execute(AssertSqlSafe(lock)).await.unwrap();
    something.await;
    holding.execute("rollback").await.unwrap();
    verifying.wait(PATIENCE).await
}

/// Live has a smaller bound than `verify`, as an older binary may have.
#[tokio::test(flavor = "multi_thread")]
async fn what_live_refuses_meanwhile_is_no_difference() {
    let stack = migrated().await;
    let log = Log::of(&stack);
    log.write(&lives(50, 8), 4).await;
    let running = stack.run_with(&[("FOLDBACK__LIMITS__VALUE_BYTES_MAX", "1024")]).await;
    folded(&stack, 400).await;
    let output = verified_while(&stack, async {
        let (order, mut large) = (Uuid::now_v7(), executed(Uuid::now_v7()));
        large["response"] = json!("x".repeat(5_000));
        log.write_to(vec![(0, Event::new(order, 1, placed("p1"))), (0, Event::new(order, 2, large))]).await;
        folded(&stack, 402).await;
        assert_eq!(number(&stack, "select count(*) from foldback.dead_letters").await, 1);
    })
    .await;
    output.exits(0);
    running.terminate().await;
}

/// Live hears of new partitions when it asks for the topic's metadata again, which it doesn't here.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_live_has_not_claimed_is_not_waited_for() {
    let stack = migrated().await;
    let log = Log::of(&stack);
    log.write(&lives(50, 8), 4).await;
    let running =
        stack.run_with(&[("FOLDBACK__KAFKA__PROPERTIES__TOPIC_METADATA_REFRESH_INTERVAL_MS", "3600000")]).await;
    folded(&stack, 400).await;
    let more = [NewPartitions::new(&stack.orders_topic, 5)];
    for added in admin(&stack.servers.kafka).create_partitions(&more, &AdminOptions::new()).await.unwrap() {
        added.unwrap();
    }
    let output = verified_while(&stack, async {
        log.write(&lives(5, 4), 4).await;
        folded(&stack, 420).await;
    })
    .await;
    output.exits(0);
    assert_eq!(
        number(&stack, "select count(*) from gen_1.checkpoints where partition = 4").await,
        0,
        "live claimed it"
    );
    running.terminate().await;
}

/// Bad records lie between good ones, which a sample leaves out; then come enough of them in a row to stop live.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_was_allowed_stops_no_sample() {
    let stack = migrated().await;
    let bad = |_| (0, "no id".to_owned(), vec![7]);
    let good = |_| {
        let event = Event::new(Uuid::now_v7(), 1, placed("p1"));
        (0, event.order.to_string(), event.single_object())
    };
    let mixed = (0..4).flat_map(|n| [bad(n), good(n)]);
    let records: Vec<_> = mixed.chain((0..6).map(bad)).chain([good(0)]).collect();
    let count = records.len();
    Log::of(&stack).write_raw(records).await;
    let strict = [("FOLDBACK__LIMITS__REFUSALS_IN_A_ROW_MAX", "5"), ("FOLDBACK__RETRY__MAX_MS", "1000")];
    let running = stack.run_with(&strict).await;
    readyz_says(&running, PATIENCE, 503, &format!("dead-letters allow {} 0 12", stack.orders_topic)).await;
    stack.foldback(&["dead-letters", "allow", &stack.orders_topic, "0", "12"]).await.exits(0);
    folded(&stack, count).await;
    let rebuilt = stack.foldback_with(&["rebuild", "--yes", "--sample", "0.0001"], &strict).await.exits(0);
    assert!(rebuilt.stdout.contains("generation 2 is live"), "{}", rebuilt.stdout);
    running.terminate().await;
}
