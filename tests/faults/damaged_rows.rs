//! Rows that foldback can't have written, or can no longer read: told by name, and nobody else suffers.

use uuid::Uuid;

use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::{folded, history, migrated, published, readyz_says};
use crate::support::{PATIENCE, Stack};

async fn execute(stack: &Stack, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&mut stack.postgres().await).await.unwrap();
}

/// Folding the order from what is left would lose its second event without a word.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_history_lost_a_row_is_not_folded_from_the_rest() {
    let stack = migrated().await;
    let running = stack.run().await;
    running.ready(PATIENCE).await;
    let (log, order) = (Log::of(&stack), Uuid::now_v7());
    let event = |sequence| (1, Event::new(order, sequence, placed("p1")));
    log.write_to(vec![event(1), event(2), event(3)]).await;
    folded(&stack, 3).await;
    execute(&stack, "delete from gen_1.provider_order_events where sequence = 2").await;
    // It comes first in the log, so the order has to be folded again.
    log.write_to(vec![(0, Event::new(order, 1, placed("p2")))]).await;
    readyz_says(&running, PATIENCE, 503, "1 of 3 events of order").await;
    assert_eq!(history(&stack).await, 2, "nothing was written");
    running.terminate().await;
}

/// As an older version could store it.
const DEEP_RUN: &str = "insert into gen_1.automation_runs values (gen_random_uuid(), 'replay', 'success', null,
    '9999-01-01', (repeat('{\"a\":', 200) || '1' || repeat('}', 200))::jsonb, '{}', 5, null, null, 1, '[]',
    gen_random_uuid(), 't', 0, 0)";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_is_shown_as_such_everywhere() {
    let stack = migrated().await;
    execute(&stack, DEEP_RUN).await;
    let running = stack.run().await;
    running.ready(PATIENCE).await;
    Log::of(&stack).write(&[Event::new(Uuid::now_v7(), 1, placed("p1"))], 4).await;
    folded(&stack, 1).await;
    published(&stack, PATIENCE, 0, 0).await;
    let status = stack.foldback(&["status"]).await.exits(0).stdout;
    assert!(status.contains("summary of this run can't be read"), "{status}");
    let status = stack.foldback(&["status", "--json"]).await.exits(0).json();
    assert!(status["replay"]["unreadable"].is_string(), "{status}");
    // No record stands behind the run, and that is the only difference.
    let verified = stack.foldback(&["verify", "--json"]).await.exits(3).json();
    let differences = verified["differences"].as_array().unwrap().iter();
    let views: Vec<&str> = differences.map(|difference| difference["view"].as_str().unwrap()).collect();
    assert_eq!(views, ["redis:status:replay", "automation_runs"], "{verified}");
    assert!(running.log().contains("the newest replay run is shown without it"), "{}", running.log());
    running.terminate().await;
}
