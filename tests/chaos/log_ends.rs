//! Where the partitions of a trial end, and how far they are folded: asked of the servers themselves, not by way of the
//! proxies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::{Connection, PgConnection, Row};
use tokio::time::timeout;

/// The next offset of each partition, by topic and number.
pub type Offsets = BTreeMap<(String, i32), i64>;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct LogEnds {
    brokers: String,
    topics: [String; 2],
    consumer: Arc<Mutex<Option<BaseConsumer>>>,
}

impl LogEnds {
    pub fn new(brokers: &str, topics: [String; 2]) -> Self {
        Self { brokers: brokers.to_owned(), topics, consumer: Arc::default() }
    }

    /// None while the broker does not answer. Asks by a new client then: one may never get over what a broker was
    /// done to.
    pub async fn read(&self) -> Option<Offsets> {
        let ends = self.clone();
        let read = move || {
            let mut kept = ends.consumer.lock().unwrap();
            let found = read(kept.get_or_insert_with(|| client(&ends.brokers)), &ends.topics);
            if found.is_none() {
                *kept = None;
            }
            found
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }
}

fn client(brokers: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "not-used").set("isolation.level", "read_committed");
    config.set("reconnect.backoff.max.ms", "500").set("topic.metadata.refresh.interval.ms", "1000");
    config.create().unwrap()
}

fn read(consumer: &BaseConsumer, topics: &[String]) -> Option<Offsets> {
    let mut ends = Offsets::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER_TIMEOUT).ok()?;
        let topic_there = metadata.topics().first().filter(|topic| topic.error().is_none())?;
        for partition in topic_there.partitions() {
            let (_, end) = consumer.fetch_watermarks(topic, partition.id(), ANSWER_TIMEOUT).ok()?;
            ends.insert((topic.clone(), partition.id()), end);
        }
    }
    Some(ends)
}

/// Asks again and again over one connection, and over a new one once that fails.
pub struct Checkpoints {
    url: String,
    connection: Option<PgConnection>,
}

impl Checkpoints {
    pub fn of(url: &str) -> Self {
        Self { url: url.to_owned(), connection: None }
    }

    /// None while Postgres does not answer.
    pub async fn read(&mut self) -> Option<Offsets> {
        let read = timeout(ANSWER_TIMEOUT, self.ask()).await;
        let found = read.ok().and_then(Result::ok);
        if found.is_none() {
            self.connection = None;
        }
        found
    }

    async fn ask(&mut self) -> Result<Offsets, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(PgConnection::connect(&self.url).await?),
        };
        let query = "select topic, partition, next_offset from foldback.checkpoints";
        let rows = sqlx::query(query).fetch_all(connection).await?;
        Ok(rows.iter().map(|row| ((row.get(0), row.get(1)), row.get::<i64, _>(2))).collect())
    }
}
