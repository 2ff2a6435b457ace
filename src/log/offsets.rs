//! Where in the log a moment lies.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::survey::{SurveyError, asking_consumer, blocking, partition_error, unreachable, watermarks};
use crate::config::kafka::Kafka;
use crate::domain::partition::StreamPartition;
use crate::domain::record::Topics;
use crate::domain::timestamp::Timestamp;

/// Of each partition the offset of its first record that is later than `time`, or the last stable offset if none is:
/// everything before that offset is what the log held up to and at `time`. Records' timestamps are whole milliseconds.
pub async fn offsets_at(
    kafka: &Kafka,
    topics: &Topics,
    partitions: &[StreamPartition],
    time: Timestamp,
    timeout: Duration,
) -> Result<Vec<(StreamPartition, i64)>, SurveyError> {
    let (kafka, topics, partitions) = (kafka.clone(), topics.clone(), partitions.to_vec());
    blocking(move || ask(&kafka, &topics, &partitions, first_later_millis(time), timeout)).await
}

/// The first whole millisecond after a moment. Negative ones have meanings of their own in Kafka's protocol, and no
/// record has one.
fn first_later_millis(time: Timestamp) -> i64 {
    (time.micros().div_euclid(1000) + 1).max(0)
}

fn ask(
    kafka: &Kafka,
    topics: &Topics,
    partitions: &[StreamPartition],
    millis: i64,
    timeout: Duration,
) -> Result<Vec<(StreamPartition, i64)>, SurveyError> {
    let consumer = asking_consumer(kafka)?;
    let deadline = Instant::now() + timeout;
    let mut asked = TopicPartitionList::new();
    for of in partitions {
        let topic = topics.name(of.stream);
        asked
            .add_partition_offset(topic, of.partition, Offset::Offset(millis))
            .map_err(|error| partition_error(topic, of.partition, error))?;
    }
    let found = consumer.offsets_for_times(asked, timeout).map_err(|error| unreachable(kafka, error))?;
    let offset = |of: &StreamPartition| Ok((*of, found_offset(&consumer, topics, *of, &found, deadline)?));
    partitions.iter().map(offset).collect()
}

fn found_offset(
    consumer: &BaseConsumer,
    topics: &Topics,
    of: StreamPartition,
    found: &TopicPartitionList,
    deadline: Instant,
) -> Result<i64, SurveyError> {
    let topic = topics.name(of.stream);
    if let Some(element) = found.find_partition(topic, of.partition) {
        element.error().map_err(|error| partition_error(topic, of.partition, error))?;
        if let Offset::Offset(offset) = element.offset() {
            return Ok(offset);
        }
    }
    watermarks(consumer, topics, of, deadline).map(|(_, end)| end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_includes_the_records_of_its_own_millisecond() {
        let first_later = |micros| first_later_millis(Timestamp::from_micros(micros).unwrap());
        assert_eq!(first_later(1_700_000_000_123_000), 1_700_000_000_124);
        assert_eq!(first_later(1_700_000_000_123_999), 1_700_000_000_124);
        assert_eq!(first_later(-1), 0);
        assert_eq!(first_later(Timestamp::MIN.micros()), 0);
    }
}
