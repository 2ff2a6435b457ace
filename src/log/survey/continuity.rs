//! Whether the log still is the one that was folded: the broker is asked where it ended for the leader epoch of the last
//! record before each position.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{SurveyError, blocking, partition_error, unreachable};
use crate::config::kafka::Kafka;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::LogPosition;
use crate::domain::log::record::Topics;
use crate::log::client::let_go;
use crate::log::epochs::{end_in, seek};
use crate::log::events::{Events, Polled, Trouble};
use crate::log::reader::consumer::consumer_config;

const POLL_MAX: Duration = Duration::from_millis(20);
/// No more than a sign of life is read.
const QUEUE_KBYTES: usize = 1024;

/// A partition whose log was cut off before the position, and has grown again since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    pub partition: StreamPartition,
    pub next_offset: i64,
    /// The first offset that was lost; `None` if librdkafka doesn't tell.
    pub from: Option<i64>,
}

/// The partitions of `positions` in which other records stand now than those that were read. Positions that are not in
/// the log at all may be among them. Positions without an epoch are not checked. Fails if that isn't known within
/// `timeout`.
pub async fn truncated(
    kafka: &Kafka,
    topics: &Topics,
    positions: &BTreeMap<StreamPartition, LogPosition>,
    timeout: Duration,
) -> Result<Vec<Truncated>, SurveyError> {
    let epoch = |(partition, position): (&StreamPartition, &LogPosition)| {
        let epoch = position.leader_epoch.filter(|_| position.next_offset > 0)?;
        Some((*partition, (position.next_offset, epoch)))
    };
    let open: BTreeMap<_, _> = positions.iter().filter_map(epoch).collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let (kafka, topics) = (kafka.clone(), topics.clone());
    blocking(move || {
        let mut config = consumer_config(&kafka, Some(QUEUE_KBYTES));
        // The sign of life of a partition without records behind the position.
        config.set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().map_err(|error| unreachable(&kafka, error))?;
        let check = Check { topics: &topics, consumer: &consumer, open, found: Vec::new() };
        let found = check.run(timeout);
        let_go(consumer);
        found
    })
    .await
}

struct Check<'a> {
    topics: &'a Topics,
    consumer: &'a BaseConsumer,
    /// Without an answer yet: next offset and epoch.
    open: BTreeMap<StreamPartition, (i64, i32)>,
    found: Vec<Truncated>,
}

impl Check<'_> {
    fn run(mut self, timeout: Duration) -> Result<Vec<Truncated>, SurveyError> {
        let deadline = Instant::now() + timeout;
        let events = Events::of(self.consumer).map_err(|error| self.failed(error))?;
        self.start().map_err(|error| self.failed(error))?;
        while !self.open.is_empty() {
            match events.poll(self.consumer, POLL_MAX) {
                Some(Ok(record)) => self.answered(&record),
                Some(Err(trouble)) => self.judge(trouble),
                None => {}
            }
            if Instant::now() >= deadline {
                return Err(self.failed(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)));
            }
        }
        self.found.sort_unstable_by_key(|truncated| truncated.partition);
        Ok(self.found)
    }

    fn start(&self) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        for (partition, (offset, _)) in &self.open {
            let topic = self.topics.name(partition.stream);
            list.add_partition_offset(topic, partition.index, Offset::Offset(*offset))?;
        }
        self.consumer.assign(&list)?;
        for (partition, position) in &self.open {
            seek(self.consumer, self.topics.name(partition.stream), partition.index, *position)?;
        }
        Ok(())
    }

    /// Records come only once the broker has confirmed the position; librdkafka drops what it fetched before the seek.
    fn answered(&mut self, record: &Polled<'_>) {
        let message = record.message();
        if let Some(partition) = self.partition(message.topic(), message.partition()) {
            self.open.remove(&partition);
        }
    }

    fn judge(&mut self, trouble: Trouble) {
        let Some(place) = trouble.place else { return };
        let Some(partition) = self.partition(&place.topic, place.partition) else { return };
        match trouble.error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                if let Some((next_offset, _)) = self.open.remove(&partition) {
                    self.found.push(Truncated { partition, next_offset, from: end_in(&trouble.reason) });
                }
            }
            // The end of the partition; or a record that can't be handed out, behind a position that was found right.
            Some(
                RDKafkaErrorCode::PartitionEOF
                | RDKafkaErrorCode::BadMessage
                | RDKafkaErrorCode::BadCompression
                | RDKafkaErrorCode::NotImplemented,
            ) => {
                self.open.remove(&partition);
            }
            // librdkafka tries again.
            _ => {}
        }
    }

    fn partition(&self, topic: &str, index: i32) -> Option<StreamPartition> {
        Some(StreamPartition { stream: self.topics.stream(topic)?, index })
    }

    fn failed(&self, error: KafkaError) -> SurveyError {
        let first = self.open.keys().next();
        let (topic, index) = first.map_or(("", 0), |partition| (self.topics.name(partition.stream), partition.index));
        partition_error(topic, index, error)
    }
}
