//! Partitions that are taken out while a worker's queue is full go on afterwards: librdkafka keeps a pause over the end
//! of an assignment.

use std::time::Duration;

use sqlx::{Connection, Executor};

use crate::support::PATIENCE;
use crate::support::events::{Event, lives};
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded, migrated, number};
use crate::support::{Running, Stack, eventually};

const PARTITIONS: i32 = 4;
const FIRST: usize = 100;
/// The smallest queue, and batches that are a small part of it.
const SETTINGS: [(&str, &str); 3] = [
    ("FOLDBACK__WORKERS__COUNT", "1"),
    ("FOLDBACK__WORKERS__QUEUE_BYTES_MAX", "1048576"),
    ("FOLDBACK__BATCH__RECORDS_MAX", "100"),
];
const HOLD: &str = "select from gen_1.checkpoints for update";
/// Longer than a full queue is waited for before partitions are paused.
const FILLING: Duration = Duration::from_secs(2);

/// Folds the first hundred events, so that every partition is being read.
async fn started(stack: &Stack, log: &Log, events: &[Event]) -> Running {
    log.write(&events[..FIRST], PARTITIONS).await;
    let running = stack.run_with(&SETTINGS).await;
    running.ready(PATIENCE).await;
    folded(stack, FIRST).await;
    running
}

async fn waiting_for_locks(stack: &Stack, sessions: i64) {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually(PATIENCE, || async {
        let waiting = number(stack, sql).await;
        if waiting >= sessions { Ok(()) } else { Err(format!("{waiting} of {sessions} sessions wait")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_were_lost_while_the_queue_was_full_are_read_on() {
    let stack = migrated().await;
    let events = lives(1_000, 20);
    let log = Log::of(&stack);
    let running = started(&stack, &log, &events).await;

    // A commit waits for these rows while the queue fills, and then finds that somebody else has claimed them.
    let mut postgres = stack.postgres().await;
    let mut transaction = postgres.begin().await.unwrap();
    transaction.execute(HOLD).await.unwrap();
    log.write(&events[FIRST..], PARTITIONS).await;
    waiting_for_locks(&stack, 1).await;
    tokio::time::sleep(FILLING).await;
    transaction.execute("update gen_1.checkpoints set owner_epoch = owner_epoch + 1").await.unwrap();
    transaction.commit().await.unwrap();

    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_over_while_the_queue_is_full_does_not_stop_the_fold() {
    let stack = migrated().await;
    let events = lives(1_000, 20);
    let (waiting, later) = events[FIRST..].split_at(19_000);
    let log = Log::of(&stack);
    let running = started(&stack, &log, &events).await;

    // A commit holds the live generation while the queue fills and a rebuild comes to its cut-over.
    let mut postgres = stack.postgres().await;
    let mut transaction = postgres.begin().await.unwrap();
    transaction.execute(HOLD).await.unwrap();
    log.write(waiting, PARTITIONS).await;
    waiting_for_locks(&stack, 1).await;
    let rebuild = stack.start_with(&["rebuild", "--yes"], &[]);
    waiting_for_locks(&stack, 2).await;
    transaction.commit().await.unwrap();
    rebuild.wait(PATIENCE).await.exits(0);

    log.write(later, PARTITIONS).await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    running.ready(PATIENCE).await;
    running.terminate().await;
}
