//! A log that is not the one that was folded any more, or can't be read on: nothing of it is folded, nothing is skipped,
//! and everybody is told.

use std::time::Duration;

use uuid::Uuid;

use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::{history, metric, number, readyz_says};
use crate::support::{OwnKafka, PATIENCE, Running, Stack, eventually};

/// What is stopped is tried again often. One worker: a partition that moves to another one is told again there.
const SETTINGS: [(&str, &str); 2] = [("FOLDBACK__RETRY__MAX_MS", "500"), ("FOLDBACK__WORKERS__COUNT", "1")];
/// Records per batch of the log.
const CHUNK: usize = 10;

/// Orders of one event each, in batches of ten.
async fn write(stack: &Stack, partition: i32, chunks: usize) {
    let log = Log::of(stack);
    for _ in 0..chunks {
        log.write_to((0..CHUNK).map(|_| (partition, Event::new(Uuid::now_v7(), 1, placed("p1")))).collect()).await;
    }
}

async fn migrated_on(kafka: &OwnKafka) -> Stack {
    let stack = Stack::on(kafka.servers(), 2).await;
    stack.foldback(&["migrate"]).await.exits(0);
    stack
}

async fn folds(stack: &Stack, events: i64) {
    eventually(PATIENCE, || async {
        let there = history(stack).await;
        if there == events { Ok(()) } else { Err(there) }
    })
    .await;
}

async fn checkpoint(stack: &Stack, partition: i32) -> i64 {
    let sql = format!(
        "select next_offset from foldback.checkpoints where topic = '{}' and partition = {partition}",
        stack.orders_topic
    );
    number(stack, &sql).await
}

fn guard(stack: &Stack, partition: i32) -> String {
    format!("log_guard:{}/{partition}", stack.orders_topic)
}

/// How often a condition with these words began.
fn told(running: &Running, words: &str) -> usize {
    running.log().lines().filter(|line| line.contains("not ready: ") && line.contains(words)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_truncated_and_grew_again_stops_and_is_folded_as_a_new_one() {
    let mut kafka = OwnKafka::start().await;
    let stack = migrated_on(&kafka).await;
    write(&stack, 0, 6).await;
    write(&stack, 1, 1).await;
    let running = stack.run_with(&SETTINGS).await;
    folds(&stack, 70).await;
    running.terminate().await;

    kafka.stop();
    kafka.truncate(&stack.orders_topic, 0, 40);
    kafka.start_again().await;
    // Beyond where the former log was.
    write(&stack, 0, 4).await;
    write(&stack, 1, 1).await;
    let running = stack.run_with(&SETTINGS).await;
    let (truncated, lost) = ("truncated and has grown again", "offsets 40 to 59");
    readyz_says(&running, PATIENCE, 503, &guard(&stack, 0)).await;
    readyz_says(&running, PATIENCE, 503, truncated).await;
    readyz_says(&running, PATIENCE, 503, lost).await;
    // The other partition goes on.
    folds(&stack, 80).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((history(&stack).await, checkpoint(&stack, 0).await), (80, 60), "nothing of the other log is folded");
    let series = format!("foldback_partition_stopped{{topic=\"{}\",partition=\"0\"", stack.orders_topic);
    assert_eq!(metric(&running, &series).await, Some(1.0));
    assert_eq!(told(&running, truncated), 1, "once in the log, however often it is tried:\n{}", running.log());
    eventually(PATIENCE, || async {
        let status = stack.foldback(&["status"]).await.exits(0).stdout;
        if status.contains(lost) && status.contains("1, of which 1 not ready") { Ok(()) } else { Err(status) }
    })
    .await;
    for verb in [&["rebuild", "--yes"][..], &["rebuild", "--plan"], &["verify"]] {
        let refused = stack.foldback(verb).await.exits(4);
        assert!(refused.stderr.contains(lost), "{verb:?}: {}", refused.stderr);
    }

    let topic = stack.orders_topic.as_str();
    stack.foldback(&["rebuild", "--yes", "--new-log", topic]).await.exits(2);
    let rebuilt = stack.foldback(&["rebuild", "--yes", "--new-log", topic, "--confirm-new-log", topic]).await;
    rebuilt.exits(0);
    readyz_says(&running, PATIENCE, 200, "").await;
    write(&stack, 0, 1).await;
    folds(&stack, 110).await;
    assert_eq!(checkpoint(&stack, 0).await, 90);
    stack.foldback(&["verify"]).await.exits(0);
    let refused = stack.foldback(&["generations", "rollback"]).await.exits(4);
    assert!(refused.stderr.contains("another log of topic"), "{}", refused.stderr);
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_truncated_and_grows_again_under_a_running_foldback_stops() {
    let mut kafka = OwnKafka::start().await;
    let stack = migrated_on(&kafka).await;
    write(&stack, 0, 6).await;
    let running = stack.run_with(&SETTINGS).await;
    folds(&stack, 60).await;
    kafka.stop();
    kafka.truncate(&stack.orders_topic, 0, 40);
    kafka.start_again().await;
    write(&stack, 0, 6).await;
    readyz_says(&running, PATIENCE, 503, &guard(&stack, 0)).await;
    readyz_says(&running, PATIENCE, 503, "offsets 40 to 59").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((history(&stack).await, checkpoint(&stack, 0).await), (60, 60), "nothing of the other log is folded");
    // A restart of the broker without a loss stops nothing.
    write(&stack, 1, 1).await;
    folds(&stack, 70).await;
    kafka.stop();
    kafka.start_again().await;
    write(&stack, 1, 1).await;
    folds(&stack, 80).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_cannot_be_read_stop_their_partition_alone_and_nothing_is_skipped() {
    let mut kafka = OwnKafka::start().await;
    let stack = Stack::on(kafka.servers(), 3).await;
    stack.foldback(&["migrate"]).await.exits(0);
    for partition in 0..3 {
        write(&stack, partition, 3).await;
    }
    kafka.stop();
    kafka.flip_a_bit(&stack.orders_topic, 0, 10);
    kafka.compress_oddly(&stack.orders_topic, 1, 20);
    kafka.start_again().await;
    let running = stack.run_with(&SETTINGS).await;
    folds(&stack, 10 + 20 + 30).await;
    for (partition, offset) in [(0, 10), (1, 20)] {
        readyz_says(&running, PATIENCE, 503, &guard(&stack, partition)).await;
        readyz_says(&running, PATIENCE, 503, &format!("at offset {offset} can't be read")).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let at = [checkpoint(&stack, 0).await, checkpoint(&stack, 1).await, checkpoint(&stack, 2).await];
    assert_eq!((history(&stack).await, at), (60, [10, 20, 30]), "nothing is skipped");
    assert_eq!(told(&running, "can't be read"), 2, "each once in the log:\n{}", running.log());

    kafka.stop();
    kafka.restore(&stack.orders_topic, 0);
    kafka.restore(&stack.orders_topic, 1);
    kafka.start_again().await;
    folds(&stack, 90).await;
    readyz_says(&running, PATIENCE, 200, "").await;
    running.terminate().await;
}

/// Topics keep their ids, and the leader's epochs are given out a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_restored_from_a_snapshot_and_grew_again_stops() {
    let mut kafka = OwnKafka::start().await;
    let stack = migrated_on(&kafka).await;
    write(&stack, 0, 4).await;
    write(&stack, 1, 2).await;
    kafka.stop();
    kafka.snapshot();
    kafka.start_again().await;
    write(&stack, 0, 2).await;
    let running = stack.run_with(&SETTINGS).await;
    folds(&stack, 80).await;
    running.terminate().await;

    kafka.stop();
    kafka.restore_snapshot();
    kafka.start_again().await;
    write(&stack, 0, 4).await;
    write(&stack, 1, 1).await;
    let running = stack.run_with(&SETTINGS).await;
    readyz_says(&running, PATIENCE, 503, &guard(&stack, 0)).await;
    readyz_says(&running, PATIENCE, 503, "some of the offsets before 60").await;
    // What was folded of the other partition is in the snapshot.
    folds(&stack, 90).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((history(&stack).await, checkpoint(&stack, 0).await), (90, 60), "nothing of the other log is folded");
    assert_eq!(told(&running, "truncated and has grown again"), 1, "once in the log:\n{}", running.log());
    let refused = stack.foldback(&["rebuild", "--yes"]).await.exits(4);
    assert!(refused.stderr.contains("some of the offsets before 60"), "{}", refused.stderr);
    running.terminate().await;
}
