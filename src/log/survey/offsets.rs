//! Finds a moment's offsets in the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{PartitionSurvey, SurveyError, all_bounds, asking_consumer, blocking, partition_error, unreachable};
use crate::config::kafka::Kafka;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::domain::timestamp::Timestamp;

const POLL_MAX: Duration = Duration::from_millis(20);

/// For each partition, the offset of its first record later than `time`, or the last stable offset if there is none:
/// everything before it is what the log held at `time`. Records' timestamps are whole milliseconds. Fails if the
/// brokers don't answer, or deliver nothing, for `timeout`.
pub async fn offsets_at(
    kafka: &Kafka,
    topics: &Topics,
    partitions: &[StreamPartition],
    time: Timestamp,
    timeout: Duration,
) -> Result<Vec<(StreamPartition, i64)>, SurveyError> {
    let (kafka, topics, partitions) = (kafka.clone(), topics.clone(), partitions.to_vec());
    blocking(move || {
        let consumer = asking_consumer(&kafka)?;
        let search = Search { topics: &topics, consumer: &consumer, millis: first_later_millis(time), timeout };
        let brokers_say = search.ask(&partitions, &kafka)?;
        let found = search.skip_what_is_no_record(brokers_say).map_err(|error| unreachable(&kafka, error))?;
        Ok(partitions.into_iter().filter_map(|partition| Some((partition, *found.get(&partition)?))).collect())
    })
    .await
}

/// The first whole millisecond after a moment, at least 0: negative timestamps have special meanings in Kafka's
/// protocol, and no record has one.
fn first_later_millis(time: Timestamp) -> i64 {
    (time.micros().div_euclid(1000) + 1).max(0)
}

struct Search<'a> {
    topics: &'a Topics,
    consumer: &'a BaseConsumer,
    /// Search for this timestamp or later.
    millis: i64,
    timeout: Duration,
}

/// The offset that the brokers found, and the partition's end.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    offset: i64,
    end: i64,
}

impl Search<'_> {
    fn ask(
        &self,
        partitions: &[StreamPartition],
        kafka: &Kafka,
    ) -> Result<BTreeMap<StreamPartition, Candidate>, SurveyError> {
        let deadline = Instant::now() + self.timeout;
        let asked = self
            .list(partitions.iter().map(|partition| (*partition, self.millis)))
            .map_err(|error| unreachable(kafka, error))?;
        let found = self.consumer.offsets_for_times(asked, self.timeout).map_err(|error| unreachable(kafka, error))?;
        let candidate = |PartitionSurvey { partition, end, .. }| {
            Ok((partition, Candidate { offset: self.offset_in(&found, partition)?.unwrap_or(end).min(end), end }))
        };
        all_bounds(self.consumer, self.topics, partitions, deadline)?.into_iter().map(candidate).collect()
    }

    /// `None`: nothing is that late.
    fn offset_in(&self, found: &TopicPartitionList, partition: StreamPartition) -> Result<Option<i64>, SurveyError> {
        let topic = self.topics.name(partition.stream);
        let Some(element) = found.find_partition(topic, partition.index) else { return Ok(None) };
        element.error().map_err(|error| partition_error(topic, partition.index, error))?;
        Ok(element.offset().to_raw().filter(|offset| *offset >= 0))
    }

    /// Brokers also consider transaction markers, which have the time of the commit, and aborted records. The records
    /// after those may be earlier, so the log is read from the brokers' answer on, until a record is late enough.
    fn skip_what_is_no_record(
        &self,
        mut open: BTreeMap<StreamPartition, Candidate>,
    ) -> KafkaResult<BTreeMap<StreamPartition, i64>> {
        let mut found: BTreeMap<StreamPartition, i64> =
            open.iter().map(|(partition, it)| (*partition, it.end)).collect();
        open.retain(|_, candidate| candidate.offset < candidate.end);
        self.consumer.incremental_assign(&self.list(open.iter().map(|(partition, it)| (*partition, it.offset)))?)?;
        let mut last_progress = Instant::now();
        while !open.is_empty() {
            if let Some(message) = self.consumer.poll(POLL_MAX) {
                last_progress = Instant::now();
                if let Some((partition, offset)) = self.late_enough(&message?) {
                    found.entry(partition).and_modify(|found| *found = offset.min(*found));
                    open.remove(&partition);
                    self.consumer.incremental_unassign(&self.list([(partition, offset)])?)?;
                }
            } else {
                self.drop_ended(&mut open)?;
            }
            if last_progress.elapsed() > self.timeout {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
        }
        Ok(found)
    }

    fn late_enough(&self, message: &BorrowedMessage<'_>) -> Option<(StreamPartition, i64)> {
        let stream = self.topics.stream(message.topic())?;
        let partition = StreamPartition { stream, index: message.partition() };
        (message.timestamp().to_millis()? >= self.millis).then_some((partition, message.offset()))
    }

    /// Partitions that were read to their end without finding one.
    fn drop_ended(&self, open: &mut BTreeMap<StreamPartition, Candidate>) -> KafkaResult<()> {
        for element in self.consumer.position()?.elements() {
            let Some(stream) = self.topics.stream(element.topic()) else { continue };
            let partition = StreamPartition { stream, index: element.partition() };
            let ended = |candidate: &Candidate| element.offset().to_raw().is_some_and(|at| at >= candidate.end);
            if open.get(&partition).is_some_and(ended) {
                open.remove(&partition);
            }
        }
        Ok(())
    }

    fn list(&self, offsets: impl IntoIterator<Item = (StreamPartition, i64)>) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(self.topics.name(partition.stream), partition.index, Offset::Offset(offset))?;
        }
        Ok(list)
    }
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
