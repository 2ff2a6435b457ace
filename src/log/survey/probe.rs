//! Samples a topic within bounds, to estimate its total size.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{PartitionSurvey, SurveyError, TopicSurvey, unreachable};
use crate::config::kafka::Kafka;
use crate::domain::log::record::RawRecord;
use crate::log::fetch::raw_record;
use crate::log::reader::RECORD_OVERHEAD_BYTES;
use crate::log::reader::consumer::consumer_config;

/// Each partition is sampled at this many evenly spread places: today's records may be larger than those of years ago.
const PLACES: u32 = 4;
const POLL_MAX: Duration = Duration::from_millis(10);
/// One place needs no more prefetching than this.
const QUEUE_KBYTES: usize = 1024;

/// When a sample is large enough: whichever bound is reached first.
#[derive(Debug, Clone, Copy)]
pub struct SampleBounds {
    pub records_max: u64,
    pub bytes_max: u64,
    pub time_max: Duration,
}

impl Default for SampleBounds {
    fn default() -> SampleBounds {
        SampleBounds { records_max: 2_000, bytes_max: 4 * 1024 * 1024, time_max: Duration::from_secs(2) }
    }
}

/// A topic's sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogSample {
    pub records: u64,
    /// Bytes of keys, values and per-record overhead.
    pub bytes: u64,
    /// Number of offsets that the records span: more than the records, if transactions left markers or aborted records.
    pub offsets: u64,
}

impl LogSample {
    /// Estimated records in this many offsets. `None`: the sample is empty.
    pub fn records_in(&self, offsets: u64) -> Option<u64> {
        scaled(offsets, self.records, self.offsets)
    }

    /// Estimated bytes of this many records. `None`: the sample is empty.
    pub fn bytes_of(&self, records: u64) -> Option<u64> {
        scaled(records, self.bytes, self.records)
    }
}

/// `count * of / per`, saturating.
fn scaled(count: u64, partition: u64, per: u64) -> Option<u64> {
    let scaled = (u128::from(count) * u128::from(partition)).checked_div(u128::from(per))?;
    Some(u64::try_from(scaled).unwrap_or(u64::MAX))
}

/// Reads some records of a topic from several places of each partition, and passes each to `each`. Blocks for
/// `bounds.time_max`, plus the time to connect. A topic that can't be read in that time gives an empty sample.
pub fn sample(
    kafka: &Kafka,
    survey: &TopicSurvey,
    bounds: SampleBounds,
    mut each: impl FnMut(RawRecord),
) -> Result<LogSample, SurveyError> {
    let consumer: BaseConsumer =
        consumer_config(kafka, Some(QUEUE_KBYTES)).create().map_err(|error| unreachable(kafka, error))?;
    let mut whole = LogSample::default();
    let deadline = Instant::now() + bounds.time_max;
    for place in 0..PLACES {
        // What one place doesn't use of the bounds goes to the next ones.
        let left = PLACES - place;
        let bounds = SampleBounds {
            records_max: bounds.records_max.saturating_sub(whole.records) / u64::from(left),
            bytes_max: bounds.bytes_max.saturating_sub(whole.bytes) / u64::from(left),
            time_max: deadline.saturating_duration_since(Instant::now()) / left,
        };
        let stretches = stretches(survey, place, bounds.records_max);
        let look =
            Look { consumer: &consumer, survey, bounds, stretches, stale: BTreeMap::new(), seen: LogSample::default() };
        let seen = look.run(&mut each).map_err(|error| unreachable(kafka, error))?;
        whole.records += seen.records;
        whole.bytes += seen.bytes;
        whole.offsets += seen.offsets;
    }
    Ok(whole)
}

/// The part of a partition to sample: a number of records from `start`, or all before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    start: i64,
    end: i64,
    /// After the last record seen, or marker passed.
    next: i64,
    records_left: u64,
}

/// The stretches of all partitions at one place; empty ones are left out.
fn stretches(survey: &TopicSurvey, place: u32, records_max: u64) -> BTreeMap<i32, Stretch> {
    let mut stretches: BTreeMap<i32, Stretch> =
        survey.partitions.iter().filter_map(|partition| stretch(partition, place)).collect();
    let records_left = (records_max / stretches.len().max(1) as u64).max(1);
    stretches.values_mut().for_each(|stretch| stretch.records_left = records_left);
    stretches
}

fn stretch(partition: &PartitionSurvey, place: u32) -> Option<(i32, Stretch)> {
    let share = (partition.end - partition.log_start) / i64::from(PLACES);
    let start = partition.log_start + share * i64::from(place);
    let end = if place + 1 == PLACES { partition.end } else { start + share };
    (start < end).then_some((partition.partition.index, Stretch { start, end, next: start, records_left: 0 }))
}

/// Samples one place of all partitions.
struct Look<'a> {
    consumer: &'a BaseConsumer,
    survey: &'a TopicSurvey,
    bounds: SampleBounds,
    /// Unfinished partitions.
    stretches: BTreeMap<i32, Stretch>,
    /// Positions left over from the previous place; they are stale until the first record of this one.
    stale: BTreeMap<i32, Offset>,
    seen: LogSample,
}

impl Look<'_> {
    fn run(mut self, each: &mut impl FnMut(RawRecord)) -> KafkaResult<LogSample> {
        let deadline = Instant::now() + self.bounds.time_max;
        self.consumer.assign(&self.list()?)?;
        self.stale = positions(self.consumer)?;
        while !self.stretches.is_empty() && !self.is_full() && Instant::now() < deadline {
            match self.consumer.poll(POLL_MAX).transpose() {
                Ok(Some(message)) => self.see(&message, each),
                Ok(None) => self.pass_markers()?,
                // librdkafka reconnects a broken connection while there is time.
                Err(KafkaError::MessageConsumption(_)) => {}
                Err(error) => return Err(error),
            }
        }
        for stretch in self.stretches.values() {
            self.seen.offsets += offsets(stretch);
        }
        Ok(self.seen)
    }

    fn is_full(&self) -> bool {
        self.seen.records >= self.bounds.records_max || self.seen.bytes >= self.bounds.bytes_max
    }

    fn list(&self) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, stretch) in &self.stretches {
            list.add_partition_offset(&self.survey.topic, *partition, Offset::Offset(stretch.start))?;
        }
        Ok(list)
    }

    fn see(&mut self, message: &BorrowedMessage<'_>, each: &mut impl FnMut(RawRecord)) {
        let (partition, offset) = (message.partition(), message.offset());
        // From an earlier place, or of a finished stretch.
        let Some(stretch) = self.stretches.get_mut(&partition).filter(|stretch| offset >= stretch.next) else { return };
        if offset >= stretch.end {
            stretch.next = stretch.end;
            return self.finish(partition);
        }
        stretch.next = offset + 1;
        stretch.records_left -= 1;
        let done = stretch.records_left == 0 || stretch.next == stretch.end;
        self.seen.records += 1;
        self.seen.bytes += (RECORD_OVERHEAD_BYTES + message.key_len() + message.payload_len()) as u64;
        each(raw_record(self.survey.stream, message));
        if done {
            self.finish(partition);
        }
    }

    /// A stretch that ends in markers has no last record, so the consumer's position decides.
    fn pass_markers(&mut self) -> KafkaResult<()> {
        for (partition, position) in positions(self.consumer)? {
            let Offset::Offset(next) = position else { continue };
            let Some(stretch) = self.stretches.get_mut(&partition) else { continue };
            if self.stale.get(&partition) == Some(&position) {
                continue;
            }
            stretch.next = next.clamp(stretch.next, stretch.end);
            if stretch.next == stretch.end {
                self.finish(partition);
            }
        }
        Ok(())
    }

    fn finish(&mut self, partition: i32) {
        if let Some(stretch) = self.stretches.remove(&partition) {
            self.seen.offsets += offsets(&stretch);
        }
    }
}

fn positions(consumer: &BaseConsumer) -> KafkaResult<BTreeMap<i32, Offset>> {
    let positions = consumer.position()?;
    Ok(positions.elements().iter().map(|element| (element.partition(), element.offset())).collect())
}

fn offsets(stretch: &Stretch) -> u64 {
    u64::try_from(stretch.next - stretch.start).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::partition::StreamPartition;
    use crate::domain::log::record::Stream;

    #[test]
    fn places_share_a_partition_without_overlap_or_gap() {
        let partition = StreamPartition { stream: Stream::Orders, index: 0 };
        for (log_start, end) in [(0, 0), (5, 6), (0, 3), (7, 1_000)] {
            let survey = TopicSurvey {
                topic: "orders".into(),
                stream: Stream::Orders,
                topic_id: None,
                cleanup_policy: None,
                partitions: vec![PartitionSurvey { partition, log_start, end }],
            };
            let mut next = log_start;
            for stretch in (0..PLACES).filter_map(|place| stretches(&survey, place, 10).remove(&0)) {
                assert_eq!(stretch.start, next);
                next = stretch.end;
            }
            assert_eq!(next, end);
        }
    }

    #[test]
    fn a_sample_stands_for_the_whole() {
        let sample = LogSample { records: 100, bytes: 40_000, offsets: 150 };
        assert_eq!((sample.records_in(3_000), sample.bytes_of(2_000)), (Some(2_000), Some(800_000)));
        assert_eq!((sample.records_in(u64::MAX), LogSample::default().records_in(1)), (Some(u64::MAX / 3 * 2), None));
    }
}
