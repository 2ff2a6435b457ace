//! What a reader has to be told.

use std::time::Duration;

use crate::config::kafka::Kafka;
use crate::domain::partition::StreamPartition;
use crate::domain::record::Topics;

/// Who says which partitions a reader reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assignment {
    /// The consumer group, anew whenever its members change.
    Group,
    /// The caller, once and for all. The reader joins no group and commits nothing to one.
    Fixed(Vec<StreamPartition>),
}

#[derive(Debug, Clone)]
pub struct ReaderSettings {
    pub kafka: Kafka,
    pub topics: Topics,
    pub assignment: Assignment,
    pub linger: Duration,
    pub records_max: usize,
    pub bytes_max: usize,
    /// Records taken from Kafka and not yet committed to Postgres.
    pub queue_bytes_max: usize,
    /// What librdkafka may read ahead, in KiB over all partitions (`queued.max.messages.kbytes`), unless
    /// kafka.properties sets it. `None`: the default for a live reader.
    pub kafka_queue_kbytes: Option<usize>,
    /// How long partitions that are taken away may be waited for.
    pub drain_timeout: Duration,
}
