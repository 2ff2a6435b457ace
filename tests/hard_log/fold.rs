//! The shared log, and how foldback is run over it to its end.

use tokio::sync::OnceCell;

use crate::hard_log::compare::assert_views;
use crate::hard_log::compare_published::{assert_http, assert_redis};
use crate::hard_log::generator::{VALUE_BYTES_MAX, hard_log, seed};
use crate::hard_log::meaning::Stored;
use crate::hard_log::positions::ends;
use crate::hard_log::produce::{Topics, produce};
use crate::hard_log::reference::Reference;
use crate::hard_log::registry;
use crate::support::{Running, Stack};

/// The hard log in its topics: written once for all tests.
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

/// Compares everything that readers see with the reference.
pub async fn assert_all(stack: &Stack, log: &Log, running: &Running) {
    let reference = Reference::of(&log.stored);
    assert!(!reference.gaps.is_empty(), "the log has gaps");
    assert_views(&mut stack.postgres().await, &reference).await;
    assert_redis(stack, &reference).await;
    assert_http(running, &reference).await;
}
