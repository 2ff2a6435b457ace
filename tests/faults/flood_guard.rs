//! Too many refusals in a row stop a partition, until an operator lets them pass.

use std::time::Duration;

use uuid::Uuid;

use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::{dead_letters, folded, history, metric, migrated, number, readyz_says};
use crate::support::{PATIENCE, Running, Stack, eventually};

const SETTINGS: [(&str, &str); 3] = [
    ("FOLDBACK__LIMITS__REFUSALS_IN_A_ROW_MAX", "20"),
    ("FOLDBACK__BATCH__RECORDS_MAX", "10"),
    ("FOLDBACK__RETRY__MAX_MS", "2000"),
];
const NEXT_OFFSET: &str = "select next_offset from foldback.checkpoints where topic like '%-orders' and partition = 0";
const STREAK: &str = "select streak_count from gen_1.checkpoints where topic like '%-orders' and partition = 0";

async fn stopped(running: &Running, stack: &Stack) {
    let sentence = format!("dead-letters allow {} 0 19", stack.orders_topic);
    readyz_says(running, PATIENCE, 503, &sentence).await;
    let series =
        format!(r#"foldback_partition_stopped{{topic="{}",partition="0",reason="malformed"}}"#, stack.orders_topic);
    assert_eq!(metric(running, &series).await, Some(1.0), "{}", running.metrics().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_stops_its_partition_until_it_is_allowed() {
    let stack = migrated().await;
    let log = Log::of(&stack);
    let malformed = (0..25).map(|number| (0, Uuid::now_v7().to_string(), vec![7, number])).collect();
    log.write_raw(malformed).await;
    let running = stack.run_with(&SETTINGS).await;
    stopped(&running, &stack).await;
    // Other partitions go on.
    let event = Event::new(Uuid::now_v7(), 1, placed("p1"));
    log.write_to(vec![(1, event)]).await;
    eventually(PATIENCE, || async { if history(&stack).await == 1 { Ok(()) } else { Err("partition 1 stands") } })
        .await;
    let at = number(&stack, NEXT_OFFSET).await;
    assert!(at < 20, "the batch that reached the limit is not committed, but the position is {at}");
    assert_eq!(dead_letters(&stack).await, at);
    assert_eq!(number(&stack, STREAK).await, at);
    running.terminate().await;

    let running = stack.run_with(&SETTINGS).await;
    stopped(&running, &stack).await;
    // A batch that is read again may end elsewhere, but never reaches the limit.
    let again = number(&stack, NEXT_OFFSET).await;
    assert!((at..20).contains(&again), "a restart does not reset the streak, but the position is {again} after {at}");

    stack.foldback(&["dead-letters", "allow", &stack.orders_topic, "0", "19"]).await.exits(0);
    folded(&stack, 26).await;
    // The pause between two tries is two seconds here.
    running.ready(Duration::from_secs(5)).await;
    assert_eq!(dead_letters(&stack).await, 25);
    let distinct = "select count(distinct \"offset\") from foldback.dead_letters where reason = 'malformed'";
    assert_eq!(number(&stack, distinct).await, 25, "each exactly once");
    assert_eq!(metric(&running, "foldback_partition_stopped{").await, None);
    running.terminate().await;
}
