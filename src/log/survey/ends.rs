//! Where partitions start and end: one request per broker for all of its partitions, however many they are.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;

/// Where a partition starts and ends, in offsets. `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionSurvey {
    pub partition: StreamPartition,
    /// The first existing offset; 0 if nothing was ever deleted.
    pub log_start: i64,
    /// The last stable offset: everything before it is decided, committed or aborted.
    pub end: i64,
}

/// The partition that has no offsets, and why.
pub type NoOffsets = (StreamPartition, KafkaError);

/// First offsets and last stable offsets, in the order of `partitions`: to a read_committed consumer, brokers report the
/// latter as the end.
pub(super) fn bounds<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
    partitions: &[StreamPartition],
    deadline: Instant,
) -> Result<Vec<PartitionSurvey>, NoOffsets> {
    let left = || deadline.saturating_duration_since(Instant::now());
    let all = || {
        let starts = offsets(consumer, topics, partitions, Offset::Beginning, left()).ok()?;
        let ends = offsets(consumer, topics, partitions, Offset::End, left()).ok()?;
        let bounds = |partition: &StreamPartition| {
            Some(PartitionSurvey {
                partition: *partition,
                log_start: *starts.get(partition)?,
                end: *ends.get(partition)?,
            })
        };
        partitions.iter().map(bounds).collect::<Option<Vec<_>>>()
    };
    // The common answer doesn't say which partition has no offsets, and why.
    all().map_or_else(|| partitions.iter().map(|partition| one(consumer, topics, *partition, left())).collect(), Ok)
}

fn one<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
    partition: StreamPartition,
    timeout: Duration,
) -> Result<PartitionSurvey, NoOffsets> {
    let topic = topics.name(partition.stream);
    let (log_start, end) =
        consumer.fetch_watermarks(topic, partition.index, timeout).map_err(|error| (partition, error))?;
    Ok(PartitionSurvey { partition, log_start, end })
}

/// The first or the last offset of each. librdkafka's numbers for the two are those of Kafka's protocol, in which they are
/// special times.
fn offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &Topics,
    partitions: &[StreamPartition],
    which: Offset,
    timeout: Duration,
) -> KafkaResult<HashMap<StreamPartition, i64>> {
    if partitions.is_empty() {
        return Ok(HashMap::new());
    }
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(topics.name(partition.stream), partition.index, which)?;
    }
    let found = consumer.offsets_for_times(list, timeout)?;
    let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        let partition = StreamPartition { stream: topics.stream(element.topic())?, index: element.partition() };
        match element.offset() {
            Offset::Offset(offset) => Some((partition, offset)),
            _ => None,
        }
    };
    Ok(found.elements().iter().filter_map(offset).collect())
}
