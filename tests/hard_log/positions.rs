//! Where the partitions end, and how far foldback has come.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::{PgConnection, Row};
use tokio::time::{Instant, sleep};

use crate::hard_log::generator::PARTITIONS;
use crate::hard_log::produce::Topics;
use crate::support::{Running, Stack};

const END_WITHIN: Duration = Duration::from_secs(180);
const WATERMARK_TIMEOUT: Duration = Duration::from_secs(20);

/// The last stable offset of every partition, as (topic, partition, offset).
pub fn ends(brokers: &str, topics: &Topics) -> Vec<(String, i32, i64)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "not-used")
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let end = |topic: &str, partition| {
        let (_, end) = consumer.fetch_watermarks(topic, partition, WATERMARK_TIMEOUT).unwrap();
        (topic.to_owned(), partition, end)
    };
    let topics = [&topics.orders, &topics.runs];
    topics.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |partition| end(topic, partition))).collect()
}

/// The next offset of every partition, in the order of `ends`.
pub async fn checkpoints(postgres: &mut PgConnection, ends: &[(String, i32, i64)]) -> Vec<(String, i32, i64)> {
    let query = "select topic, partition, next_offset from foldback.checkpoints";
    let rows = sqlx::query(query).fetch_all(postgres).await.unwrap();
    let mut found: Vec<(String, i32, i64)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    found.sort_by_key(|(topic, partition, _)| ends.iter().position(|(t, p, _)| t == topic && p == partition));
    found
}

/// How many offsets are passed, of how many.
pub async fn progress(postgres: &mut PgConnection, ends: &[(String, i32, i64)]) -> (i64, i64) {
    let passed = checkpoints(postgres, ends).await.iter().map(|(_, _, offset)| offset.max(&0)).sum();
    (passed, ends.iter().map(|(_, _, end)| end).sum())
}

/// Waits until every checkpoint is at the end of its partition, and no further.
pub async fn wait_for_end(stack: &Stack, ends: &[(String, i32, i64)], running: &[&Running]) {
    let mut postgres = stack.postgres().await;
    let end = Instant::now() + END_WITHIN;
    loop {
        let found = checkpoints(&mut postgres, ends).await;
        if found == ends {
            return;
        }
        if Instant::now() >= end {
            let logs: String = running.iter().map(|running| tail(&running.log())).collect();
            panic!("not at the end after {END_WITHIN:?}:\n  found {found:?}\n  ends  {ends:?}\n{logs}");
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    format!("---- end of its log:\n{}\n", lines[lines.len().saturating_sub(30)..].join("\n"))
}
