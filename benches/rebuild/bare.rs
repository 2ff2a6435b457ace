//! The bare loop: the least that landing the history takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foldback::codec::{Decode, Decoded, Decoder, Limits};
use foldback::config::Config;
use foldback::domain::change::HistoryEntry;
use foldback::domain::log::record::Stream;
use foldback::log::client::client_config;
use foldback::log::fetch::raw_record;
use foldback::registry::{Registry, RegistrySettings, Resolution};
use foldback::store::connect::Access;
use foldback::store::tables::copy::Rows;
use foldback::store::tables::history::{COLUMNS, encode};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;

use super::command::cpu_seconds;
use super::{Measured, Result, TABLE};

/// Of a transaction; as in the figures that the rebuild is measured against.
const ROWS_MAX: u64 = 20_000;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Those of foldback's own consumers.
const SETTINGS: [(&str, &str); 11] = [
    ("group.id", "foldback-bench"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("check.crcs", "true"),
    ("fetch.queue.backoff.ms", "5"),
    ("fetch.wait.max.ms", "100"),
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "20000"),
    ("socket.keepalive.enable", "true"),
];

/// As many workers as a rebuild has, from an empty table until every row of the orders topic is committed.
pub async fn measure(config: &Arc<Config>, access: &Access) -> Result<Measured> {
    let (started, cpu_before) = (Instant::now(), cpu_seconds("self")?);
    let registry = registry(config)?;
    let ends = tokio::task::spawn_blocking({
        let config = config.clone();
        move || ends(&config)
    });
    let ends = ends.await??;
    let mut workers = Vec::new();
    for worker in 0..config.rebuild.workers {
        let mine = ends.iter().copied().filter(|(partition, _)| *partition as usize % config.rebuild.workers == worker);
        let mut loop_ = Worker {
            consumer: consumer(config)?,
            conn: connect(access).await?,
            registry: registry.clone(),
            topic: config.kafka.orders_topic.clone(),
            rows: Rows::new(),
            handle: Handle::current(),
        };
        let mine: Vec<(i32, i64)> = mine.collect();
        workers.push(tokio::task::spawn_blocking(move || loop_.run(&mine)));
    }
    let mut rows = 0;
    for worker in workers {
        rows += worker.await??;
    }
    let (seconds, cpu_seconds) = (started.elapsed().as_secs_f64(), cpu_seconds("self")? - cpu_before);
    Ok(Measured { events: rows, seconds, cpu_seconds, peak_bytes: None })
}

fn registry(config: &Config) -> Result<(Decoder, Registry)> {
    let decoder = Decoder::new(Limits::default());
    let url = config.schema_registry.url.clone();
    let registry = Registry::new(&RegistrySettings { url, ..RegistrySettings::default() }, decoder.clone())?;
    Ok((decoder, registry))
}

async fn connect(access: &Access) -> Result<PgConnection> {
    let mut conn = access.connect().await?;
    // As in a rebuild, whose generation nobody reads yet.
    sqlx::query("set synchronous_commit = off").execute(&mut conn).await?;
    Ok(conn)
}

fn consumer(config: &Config) -> Result<BaseConsumer> {
    let mut settings = client_config(&config.kafka);
    for (name, value) in SETTINGS {
        settings.set(name, value);
    }
    Ok(settings.create()?)
}

/// Partitions that have records, and the offset behind the last one.
fn ends(config: &Config) -> Result<Vec<(i32, i64)>> {
    let (consumer, topic) = (consumer(config)?, &config.kafka.orders_topic);
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let mut ends = Vec::new();
    for partition in partitions {
        let (first, end) = consumer.fetch_watermarks(topic, partition.id(), TIMEOUT)?;
        if end > first {
            ends.push((partition.id(), end));
        }
    }
    Ok(ends)
}

struct Worker {
    consumer: BaseConsumer,
    conn: PgConnection,
    registry: (Decoder, Registry),
    topic: String,
    rows: Rows,
    handle: Handle,
}

impl Worker {
    /// How many rows were written.
    fn run(&mut self, partitions: &[(i32, i64)]) -> Result<u64> {
        let mut list = TopicPartitionList::new();
        for (partition, _) in partitions {
            list.add_partition_offset(&self.topic, *partition, Offset::Beginning)?;
        }
        self.consumer.assign(&list)?;
        let (mut open, mut written) = (partitions.to_vec(), 0);
        while !open.is_empty() {
            let Some(message) = self.consumer.poll(Duration::from_millis(100)) else { continue };
            let message = message?;
            if let Some(entry) = decode(&self.registry, &self.handle, &message) {
                encode((&entry).into(), &self.topic, &mut self.rows);
            }
            let (read, next) = (message.partition(), message.offset() + 1);
            drop(message);
            open.retain(|(partition, end)| *partition != read || next < *end);
            if self.rows.count() == ROWS_MAX || open.is_empty() {
                let rows = std::mem::replace(&mut self.rows, Rows::new());
                written += self.handle.block_on(rows.copy_into(&mut self.conn, TABLE, COLUMNS))?;
            }
        }
        Ok(written)
    }
}

/// `None` for a record that is refused.
fn decode(
    (decoder, registry): &(Decoder, Registry),
    handle: &Handle,
    message: &BorrowedMessage<'_>,
) -> Option<HistoryEntry> {
    let record = raw_record(Stream::Orders, message);
    loop {
        match decoder.decode(&record) {
            Decode::Event(Decoded::Order(event)) => {
                return Some(HistoryEntry {
                    event: *event,
                    position: record.position,
                    recorded_at: record.recorded_at,
                });
            }
            Decode::NeedsSchema(id) => match handle.block_on(registry.resolve(id)) {
                Resolution::Ready => {}
                Resolution::Refused(_) => return None,
            },
            _ => return None,
        }
    }
}
