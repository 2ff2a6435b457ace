//! The log's leader epoch beside a checkpoint, where binaries of an older schema version write too.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::{folded, migrated, number, readyz_says};
use crate::support::{PATIENCE, Stack};

async fn write(stack: &Stack) {
    Log::of(stack).write_to((0..5).map(|_| (0, Event::new(Uuid::now_v7(), 1, placed("p1")))).collect()).await;
}

async fn execute(stack: &Stack, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut stack.postgres().await).await.unwrap();
}

/// An older binary moves the offset alone, and makes generations without the columns.
#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_counts_for_the_offset_that_it_was_stored_with() {
    let stack = migrated().await;
    write(&stack).await;
    let running = stack.run().await;
    folded(&stack, 5).await;
    running.terminate().await;
    let known = "select count(*) from gen_1.checkpoints where leader_epoch >= 0 and leader_epoch_offset = next_offset";
    assert_eq!(number(&stack, known).await, 1, "of the partition with records");

    // No leader had this epoch.
    execute(&stack, "update gen_1.checkpoints set leader_epoch = 99, leader_epoch_offset = 4 where next_offset = 5")
        .await;
    write(&stack).await;
    let running = stack.run().await;
    folded(&stack, 10).await;
    running.terminate().await;

    execute(&stack, "alter table gen_1.checkpoints drop column leader_epoch, drop column leader_epoch_offset").await;
    write(&stack).await;
    let running = stack.run().await;
    folded(&stack, 15).await;
    running.terminate().await;

    execute(&stack, "update gen_1.checkpoints set leader_epoch = 99, leader_epoch_offset = 15 where next_offset = 15")
        .await;
    let running = stack.run().await;
    readyz_says(&running, PATIENCE, 503, "some of the offsets before 15").await;
    let refused = stack.foldback(&["rebuild", "--yes"]).await.exits(4);
    assert!(refused.stderr.contains("some of the offsets before 15"), "{}", refused.stderr);
    running.terminate().await;
}
