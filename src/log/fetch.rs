//! One record again, by its position.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::consumer::consumer_config;
use super::settings::ReaderSettings;
use crate::domain::partition::StreamPartition;
use crate::domain::position::Position;
use crate::domain::record::{Header, RawRecord, Stream};
use crate::domain::timestamp::Timestamp;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("Kafka failed: {0}")]
    Kafka(#[from] KafkaError),
    #[error("topic {topic}, partition {partition}, offset {offset} could not be read within {seconds} s")]
    TimedOut { topic: String, partition: i32, offset: i64, seconds: u64 },
}

/// Reads the record at a position with a consumer of its own. Blocks.
pub fn fetch_record(
    settings: &ReaderSettings,
    of: StreamPartition,
    offset: i64,
    timeout: Duration,
) -> Result<RawRecord, FetchError> {
    let consumer: BaseConsumer = consumer_config(&settings.kafka, settings.kafka_queue_kbytes).create()?;
    let topic = settings.topics.name(of.stream);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, of.partition, Offset::Offset(offset))?;
    consumer.assign(&list)?;
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) if message.offset() == offset => return Ok(raw_record(of.stream, &message)),
            Some(Err(error)) => return Err(error.into()),
            _ => {}
        }
    }
    let seconds = timeout.as_secs();
    Err(FetchError::TimedOut { topic: topic.to_owned(), partition: of.partition, offset, seconds })
}

/// Copies a message out of librdkafka's buffers.
pub fn raw_record(stream: Stream, message: &BorrowedMessage<'_>) -> RawRecord {
    let copy = |bytes: &[u8]| bytes::Bytes::copy_from_slice(bytes);
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| Header { key: header.key.to_owned(), value: header.value.map(copy) }).collect()
    });
    RawRecord {
        stream,
        position: Position { partition: message.partition(), offset: message.offset() },
        key: message.key().map(copy),
        value: message.payload().map(copy),
        headers: headers.unwrap_or_default(),
        recorded_at: message
            .timestamp()
            .to_millis()
            .and_then(|millis| millis.checked_mul(1000))
            .and_then(Timestamp::from_micros),
    }
}
