//! What a reader has to be told.

use std::time::Duration;

use crate::config::kafka::Kafka;
use crate::domain::record::Topics;

#[derive(Debug, Clone)]
pub struct ReaderSettings {
    pub kafka: Kafka,
    pub topics: Topics,
    pub linger: Duration,
    pub records_max: usize,
    pub bytes_max: usize,
    /// Records taken from Kafka and not yet committed to Postgres.
    pub queue_bytes_max: usize,
    /// How long partitions that are taken away may be waited for.
    pub drain_timeout: Duration,
}
