//! Settings of a reader.

use std::time::Duration;

use crate::config::kafka::Kafka;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;

/// Who assigns a reader's partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionSource {
    /// The consumer group, again whenever its members change.
    Group,
    /// The caller, once. The reader joins no group and commits nothing to one.
    Fixed(Vec<StreamPartition>),
}

/// Settings of one reader. Sizes are in bytes and hold for all its partitions together.
#[derive(Debug, Clone)]
pub struct ReaderSettings {
    pub kafka: Kafka,
    pub topics: Topics,
    pub source: PartitionSource,
    pub linger: Duration,
    pub records_max: usize,
    pub bytes_max: usize,
    /// Bytes of records read from Kafka and not yet committed to Postgres.
    pub queue_bytes_max: usize,
    /// How much librdkafka may prefetch, in KiB over all partitions (`queued.max.messages.kbytes`), unless
    /// kafka.properties sets it. `None`: the default for a live reader.
    pub kafka_queue_kbytes: Option<usize>,
    /// How long to wait for work in flight when partitions are revoked.
    pub drain_timeout: Duration,
}
