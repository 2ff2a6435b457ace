//! Leader epochs: a log whose end was cut off gets another epoch from there on, so that an offset and the epoch of the
//! record before it tell the log that was read from one that has grown again since. The unsafe code is needed because the
//! rdkafka crate knows no epochs.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::message::known_epoch;

/// How long a seek may take; it is answered by a thread of this process.
const SEEK_MAX: Duration = Duration::from_millis(200);
/// A fetch that was just assigned can't be moved until it has started.
const SEEK_TRIES: u32 = 20;
const SEEK_PAUSE: Duration = Duration::from_millis(5);

/// A consumer's position in one partition: after the last record, or transaction marker, that it returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerPosition {
    pub topic: String,
    pub partition: i32,
    /// `None` until something was returned.
    pub offset: Option<i64>,
    /// Of what was returned last.
    pub leader_epoch: Option<i32>,
}

/// Positions of all assigned partitions.
pub fn positions<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> KafkaResult<Vec<ConsumerPosition>> {
    let list = consumer.position()?;
    let position = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        let (topic, partition) = (element.topic().to_owned(), element.partition());
        let offset = match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        let leader_epoch = find(&list, &topic, partition).and_then(epoch);
        ConsumerPosition { topic, partition, offset, leader_epoch }
    };
    Ok(list.elements().iter().map(position).collect())
}

/// Moves a partition that is assigned already to a position, of which librdkafka first asks the broker whether the log
/// still is the one in which `leader_epoch` was read (KIP-320). If it isn't, an error event follows, and no record.
pub fn seek<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
    (offset, leader_epoch): (i64, i32),
) -> KafkaResult<()> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    if let Some(element) = find(&list, topic, partition) {
        // SAFETY: the element belongs to the list, which is alive and ours alone.
        unsafe { sys::rd_kafka_topic_partition_set_leader_epoch(element, leader_epoch) };
    }
    let mut tries = 1;
    loop {
        match seek_once(consumer, &list) {
            // Not started yet, or still stopping.
            Err(KafkaError::MessageConsumption(RDKafkaErrorCode::State | RDKafkaErrorCode::PreviousInProgress))
                if tries < SEEK_TRIES =>
            {
                tries += 1;
                std::thread::sleep(SEEK_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

fn seek_once<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) -> KafkaResult<()> {
    let millis = i32::try_from(SEEK_MAX.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: client and list are alive; the error, where it isn't null, is ours to destroy.
    let code = unsafe {
        let error = sys::rd_kafka_seek_partitions(consumer.client().native_ptr(), list.ptr(), millis);
        let code = sys::rd_kafka_error_code(error);
        if !error.is_null() {
            sys::rd_kafka_error_destroy(error);
        }
        code
    };
    if code.is_error() {
        return Err(KafkaError::MessageConsumption(code.into()));
    }
    match list.elements().iter().find_map(|element| element.error().err()) {
        None => Ok(()),
        Some(error) => {
            Err(KafkaError::MessageConsumption(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)))
        }
    }
}

fn find(list: &TopicPartitionList, topic: &str, partition: i32) -> Option<*mut sys::rd_kafka_topic_partition_t> {
    let topic = CString::new(topic).ok()?;
    // SAFETY: the list is alive, and the name NUL-terminated. What is found belongs to the list.
    let found = unsafe { sys::rd_kafka_topic_partition_list_find(list.ptr(), topic.as_ptr(), partition) };
    (!found.is_null()).then_some(found)
}

fn epoch(element: *mut sys::rd_kafka_topic_partition_t) -> Option<i32> {
    // SAFETY: `find` has found it in a list that the caller holds.
    known_epoch(unsafe { sys::rd_kafka_topic_partition_get_leader_epoch(element) })
}

/// Where the log ended for the epoch that was asked for. librdkafka tells this in words alone; without the number, less
/// is said.
pub fn end_in(reason: &str) -> Option<i64> {
    let (_, after) = reason.split_once("broker end offset is ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_from_the_words_of_librdkafka() {
        let words = "Partition log truncation detected at offset 100 (leader epoch 3): broker end offset is 60 (offset \
                     leader epoch 3). Reset to INVALID.: Local: Partition log truncation detected (broker 1)";
        assert_eq!(end_in(words), Some(60));
        assert_eq!(end_in("No epoch found less or equal to offset 1: broker end offset is -1 (offset leader"), None);
        assert_eq!(end_in("something else"), None);
    }
}
