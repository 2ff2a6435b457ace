//! Reads records again, by their positions.
//!
//! A record is gone where the log goes on behind it, or no longer begins before it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::events::{Events, Trouble};
use super::message::Message;
use super::reader::consumer::consumer_config;
use super::reader::settings::ReaderSettings;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, RecordView, Stream, Topics};
use crate::domain::timestamp::Timestamp;

/// Gaps up to this many offsets are read rather than skipped: restarting the fetch costs about as much.
const GAP_OFFSETS: i64 = 5_000;
const POLL_MAX: Duration = Duration::from_millis(100);
const WATERMARKS_MAX: Duration = Duration::from_secs(5);

/// Why a record that was folded earlier could not be read again.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("Kafka failed: {0}")]
    Kafka(#[from] KafkaError),
    #[error("topic {topic}, partition {partition}, offset {offset} could not be read within {seconds} s")]
    TimedOut { topic: String, partition: i32, offset: i64, seconds: u64 },
    #[error(
        "topic {topic}, partition {partition} has no record at offset {offset}: it was deleted from the log, or never \
         committed; restore the topic, or rebuild the views"
    )]
    Gone { topic: String, partition: i32, offset: i64 },
    #[error(
        "topic {topic}, partition {partition} can't be read at offset {offset} ({reason}); restore the log there, such as \
         from another replica"
    )]
    Unreadable { topic: String, partition: i32, offset: i64, reason: String },
}

/// Reads the records at these positions, with one consumer of its own, within `timeout` in total. Returns each once,
/// sorted by partition and offset; fails if one of them is gone. Blocks.
pub fn fetch_records(
    settings: &ReaderSettings,
    wanted: &[(StreamPartition, i64)],
    timeout: Duration,
) -> Result<Vec<RawRecord>, FetchError> {
    let fetcher = Fetcher::connect(settings)?;
    none_gone(settings, Fetch::start(&fetcher, wanted)?.run(usize::MAX, timeout, true)?)
}

/// The first of these records of one partition, in the order of their offsets: at least one, and more up to `bytes_max` of
/// them or until `timeout`. Fails if one of them is gone, or if the first can't be read in time. Blocks.
pub fn fetch_first(
    settings: &ReaderSettings,
    partition: StreamPartition,
    offsets: &[i64],
    bytes_max: usize,
    timeout: Duration,
) -> Result<Vec<RawRecord>, FetchError> {
    let wanted: Vec<_> = offsets.iter().map(|offset| (partition, *offset)).collect();
    let fetcher = Fetcher::connect(settings)?;
    none_gone(settings, Fetch::start(&fetcher, &wanted)?.run(bytes_max, timeout, false)?)
}

fn none_gone(settings: &ReaderSettings, fetch: Fetch<'_>) -> Result<Vec<RawRecord>, FetchError> {
    match fetch.gone.first() {
        None => Ok(fetch.records),
        Some((partition, offset)) => Err(FetchError::Gone {
            topic: settings.topics.name(partition.stream).to_owned(),
            partition: partition.index,
            offset: *offset,
        }),
    }
}

/// A consumer that reads records again. It takes half a second to get to the brokers: whoever needs it often keeps it.
pub struct Fetcher {
    topics: Topics,
    events: Events,
    /// After `events`, which are dropped first.
    consumer: BaseConsumer,
}

impl Fetcher {
    pub fn connect(settings: &ReaderSettings) -> KafkaResult<Fetcher> {
        let consumer: BaseConsumer = consumer_config(&settings.kafka, settings.kafka_queue_kbytes).create()?;
        Ok(Fetcher { topics: settings.topics.clone(), events: Events::of(&consumer)?, consumer })
    }

    /// As [`fetch_records`], without those that are gone. After an error it is of no more use. Blocks.
    pub fn fetch_present(
        &self,
        wanted: &[(StreamPartition, i64)],
        timeout: Duration,
    ) -> Result<Vec<RawRecord>, FetchError> {
        let records = Fetch::start(self, wanted)?.run(usize::MAX, timeout, true)?.records;
        self.consumer.unassign()?;
        Ok(records)
    }
}

struct Fetch<'a> {
    fetcher: &'a Fetcher,
    /// Pending offsets, ascending. A partition without any is no longer fetched.
    missing: BTreeMap<StreamPartition, VecDeque<i64>>,
    records: Vec<RawRecord>,
    /// Of the records.
    bytes: usize,
    /// What the log doesn't hold.
    gone: Vec<(StreamPartition, i64)>,
}

impl<'a> Fetch<'a> {
    /// Until nothing is missing, the records have so many bytes, or, unless all are wanted, there are some at the deadline.
    fn run(mut self, bytes_max: usize, timeout: Duration, all: bool) -> Result<Fetch<'a>, FetchError> {
        let deadline = Instant::now() + timeout;
        while let Some((partition, offset)) = self.first_missing().filter(|_| self.bytes < bytes_max) {
            if Instant::now() >= deadline {
                if !all && !self.records.is_empty() {
                    break;
                }
                return Err(timed_out(&self.fetcher.topics, partition, offset, timeout));
            }
            match self.poll() {
                Err(error @ FetchError::Gone { .. }) if !self.skip_deleted()? => return Err(error),
                Err(FetchError::Gone { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        self.records.sort_by_key(|record| (record.stream, record.position));
        Ok(self)
    }

    fn start(fetcher: &'a Fetcher, wanted: &[(StreamPartition, i64)]) -> KafkaResult<Fetch<'a>> {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut missing: BTreeMap<StreamPartition, VecDeque<i64>> = BTreeMap::new();
        for (partition, offset) in wanted {
            missing.entry(partition).or_default().push_back(offset);
        }
        let fetch = Fetch { fetcher, missing, records: Vec::new(), bytes: 0, gone: Vec::new() };
        for (partition, offset) in
            fetch.missing.iter().filter_map(|(partition, offsets)| Some((*partition, *offsets.front()?)))
        {
            fetch.fetch_from(partition, offset)?;
        }
        Ok(fetch)
    }

    fn first_missing(&self) -> Option<(StreamPartition, i64)> {
        self.missing.iter().find_map(|(partition, offsets)| Some((*partition, *offsets.front()?)))
    }

    fn poll(&mut self) -> Result<(), FetchError> {
        let Some(polled) = self.fetcher.events.poll(&self.fetcher.consumer, POLL_MAX) else { return Ok(()) };
        let polled = polled.map_err(|trouble| self.failed(trouble))?;
        let message = polled.message();
        let Some(stream) = self.fetcher.topics.stream(message.topic()) else { return Ok(()) };
        let partition = StreamPartition { stream, index: message.partition() };
        let at = message.offset();
        // Records of a fetch that was stopped may still arrive: they come before the missing one.
        let is_due = |offsets: &&VecDeque<i64>| offsets.front().is_some_and(|first| *first <= at);
        let Some(offsets) = self.missing.get(&partition).filter(is_due) else { return Ok(()) };
        if offsets.contains(&at) {
            let record = raw_record(stream, message);
            self.bytes += record.bytes();
            self.records.push(record);
        }
        drop(polled);
        Ok(self.go_on(partition, at)?)
    }

    /// Skips what the log no longer holds, and continues with the next record that it has. `false`: it holds everything.
    fn skip_deleted(&mut self) -> Result<bool, FetchError> {
        let before_all = self.gone.len();
        let partitions: Vec<StreamPartition> = self.missing.keys().copied().collect();
        for partition in partitions {
            let topic = self.fetcher.topics.name(partition.stream);
            let (start, end) = self.fetcher.consumer.fetch_watermarks(topic, partition.index, WATERMARKS_MAX)?;
            let before = self.gone.len();
            self.give_up(partition, |offset| offset < start || offset >= end);
            if self.gone.len() > before {
                self.fetcher.consumer.incremental_unassign(&self.list(partition, Offset::Invalid)?)?;
                if let Some(next) = self.missing.get(&partition).and_then(|offsets| offsets.front().copied()) {
                    self.fetch_from(partition, next)?;
                }
            }
        }
        Ok(self.gone.len() > before_all)
    }

    fn give_up(&mut self, partition: StreamPartition, is_gone: impl Fn(i64) -> bool) {
        let Some(offsets) = self.missing.get_mut(&partition) else { return };
        self.gone.extend(offsets.iter().filter(|offset| is_gone(**offset)).map(|offset| (partition, *offset)));
        offsets.retain(|offset| !is_gone(*offset));
    }

    /// Errors that concern no partition with missing records are librdkafka's to cure.
    fn failed(&self, Trouble { error, place, reason }: Trouble) -> FetchError {
        let missing = place.and_then(|place| {
            let partition =
                StreamPartition { stream: self.fetcher.topics.stream(&place.topic)?, index: place.partition };
            Some((place, *self.missing.get(&partition)?.front()?))
        });
        let Some((place, offset)) = missing else { return error.into() };
        let (topic, partition) = (place.topic, place.partition);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                FetchError::Gone { topic, partition, offset }
            }
            Some(
                RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::BadCompression | RDKafkaErrorCode::NotImplemented,
            ) => FetchError::Unreadable { topic, partition, offset, reason },
            _ => error.into(),
        }
    }

    /// Moves on to the partition's next record, after the one at `offset` has been read. What is missing before it is
    /// gone.
    fn go_on(&mut self, partition: StreamPartition, offset: i64) -> KafkaResult<()> {
        self.give_up(partition, |missing| missing < offset);
        let Some(offsets) = self.missing.get_mut(&partition) else { return Ok(()) };
        offsets.pop_front_if(|missing| *missing == offset);
        match offsets.front().copied() {
            None => self.fetcher.consumer.incremental_unassign(&self.list(partition, Offset::Invalid)?),
            Some(next) if next - offset > GAP_OFFSETS => {
                self.fetcher.consumer.incremental_unassign(&self.list(partition, Offset::Invalid)?)?;
                self.fetch_from(partition, next)
            }
            Some(_) => Ok(()),
        }
    }

    fn fetch_from(&self, partition: StreamPartition, offset: i64) -> KafkaResult<()> {
        self.fetcher.consumer.incremental_assign(&self.list(partition, Offset::Offset(offset))?)
    }

    fn list(&self, partition: StreamPartition, offset: Offset) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.fetcher.topics.name(partition.stream), partition.index, offset)?;
        Ok(list)
    }
}

fn timed_out(topics: &Topics, partition: StreamPartition, offset: i64, timeout: Duration) -> FetchError {
    let (topic, seconds) = (topics.name(partition.stream).to_owned(), timeout.as_secs());
    FetchError::TimedOut { topic, partition: partition.index, offset, seconds }
}

/// A message in librdkafka's buffers.
pub fn record_view(stream: Stream, message: Message<'_>) -> RecordView<'_> {
    RecordView {
        stream,
        position: Position { partition: message.partition(), offset: message.offset() },
        key: message.key(),
        value: message.value(),
        recorded_at: message.millis().and_then(|millis| millis.checked_mul(1000)).and_then(Timestamp::from_micros),
    }
}

/// Copies a message out of librdkafka's buffers.
pub fn raw_record<'m>(stream: Stream, message: impl Into<Message<'m>>) -> RawRecord {
    let message = message.into();
    let copy = |bytes: &[u8]| bytes::Bytes::copy_from_slice(bytes);
    let RecordView { position, key, value, recorded_at, .. } = record_view(stream, message);
    RawRecord { stream, position, key: key.map(copy), value: value.map(copy), headers: message.headers(), recorded_at }
}
