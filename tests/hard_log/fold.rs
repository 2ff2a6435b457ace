//! The shared log, and how foldback is run over it to its end.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::{PgConnection, Row};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::compare::assert_views;
use crate::compare_published::{assert_http, assert_redis};
use crate::generator::{PARTITIONS, VALUE_BYTES_MAX, hard_log};
use crate::meaning::Stored;
use crate::produce::{Topics, produce};
use crate::reference::Reference;
use crate::registry;
use crate::support::{Running, Stack};

const END_WITHIN: Duration = Duration::from_secs(180);
const WATERMARK_TIMEOUT: Duration = Duration::from_secs(20);
const SEED: u64 = 20_261_123;

/// dev/chaos sets other seeds.
fn seed() -> u64 {
    std::env::var("FOLDBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED)
}

/// The hard log in its topics: written once for all tests of this binary.
pub struct Log {
    /// Its topics hold the log; its database stays empty.
    home: Stack,
    pub stored: Vec<Stored>,
    /// (topic, partition, end offset)
    pub ends: Vec<(String, i32, i64)>,
}

static LOG: OnceCell<Log> = OnceCell::const_new();

pub async fn log() -> &'static Log {
    LOG.get_or_init(Log::write).await
}

impl Log {
    async fn write() -> Self {
        let home = Stack::new().await;
        let topics = Topics { orders: home.orders_topic.clone(), runs: home.runs_topic.clone() };
        let ids = registry::register(&home.servers.registry, &topics.orders, &topics.runs).await;
        let stored = produce(&home.servers.kafka, &topics, hard_log(seed(), &ids)).await;
        let ends = ends(&home.servers.kafka, &topics);
        Self { home, stored, ends }
    }

    /// A new database, group and prefix over this log.
    pub async fn stack(&self) -> Stack {
        let stack = Stack::new().await;
        stack.foldback(&["migrate"]).await.exits(0);
        stack
    }
}

/// The last stable offset of every partition.
fn ends(brokers: &str, topics: &Topics) -> Vec<(String, i32, i64)> {
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

/// What every run over the hard log is told.
pub fn settings(log: &'static Log, workers: &'static str) -> Vec<(&'static str, &'static str)> {
    const BYTES: &str = "200000";
    assert_eq!(BYTES, VALUE_BYTES_MAX.to_string());
    vec![
        // not the stack's own, which go when it goes
        ("FOLDBACK__KAFKA__ORDERS_TOPIC", &log.home.orders_topic),
        ("FOLDBACK__KAFKA__RUNS_TOPIC", &log.home.runs_topic),
        ("FOLDBACK__WORKERS__COUNT", workers),
        ("FOLDBACK__LIMITS__VALUE_BYTES_MAX", BYTES),
        ("FOLDBACK__SCHEMA_REGISTRY__UNKNOWN_AFTER_MS", "1000"),
        // small batches, so that there are many of them
        ("FOLDBACK__BATCH__RECORDS_MAX", "500"),
    ]
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
pub async fn wait_for_end(stack: &Stack, log: &Log, running: &[&Running]) {
    let mut postgres = stack.postgres().await;
    let end = Instant::now() + END_WITHIN;
    loop {
        let found = checkpoints(&mut postgres, &log.ends).await;
        if found == log.ends {
            return;
        }
        if Instant::now() >= end {
            let logs: String = running.iter().map(|running| tail(&running.log())).collect();
            panic!("not at the end after {END_WITHIN:?}:\n  found {found:?}\n  ends  {:?}\n{logs}", log.ends);
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Compares everything that readers see with the reference.
pub async fn assert_all(stack: &Stack, log: &Log, running: &Running) {
    let reference = Reference::of(&log.stored);
    assert_views(&mut stack.postgres().await, &reference).await;
    assert_redis(stack, &reference).await;
    assert_http(running, &reference).await;
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    format!("---- end of its log:\n{}\n", lines[lines.len().saturating_sub(30)..].join("\n"))
}
