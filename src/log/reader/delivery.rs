//! Messages between the thread that reads Kafka and the task that writes Postgres.

use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{LogPosition, RecordMark};
use crate::domain::log::record::{RawRecord, RecordView};

/// Decodes a raw record into a batch's item. Must not block.
pub trait RecordDecoder: Send + 'static {
    type Item: Send + 'static;

    /// Fast path without copying the record: its item and an estimate of the item's bytes, if none of the record's
    /// bytes need to be kept. `None`: use `decode`.
    fn decode_borrowed(&self, _record: RecordView<'_>) -> Option<(Self::Item, usize)> {
        None
    }

    fn decode(&self, record: RawRecord) -> DecodedRecord<Self::Item>;

    /// Estimated memory of an item that was decoded from a record of `record_bytes`.
    fn item_bytes(&self, _item: &Self::Item, record_bytes: usize) -> usize {
        record_bytes
    }

    /// Whether what `DecodedRecord::Wait` waits for has arrived.
    fn is_ready(&self, token: u32) -> bool;
}

/// What a decoder makes of a record.
pub enum DecodedRecord<T> {
    Item(T),
    /// The record can't be decoded yet: its partition waits, the others continue.
    Wait(u32),
}

/// The offset range of a partition that a batch covers: from `from` up to, but not including, `to`. Not every offset
/// has a record (transaction markers and aborted records have offsets too).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub partition: StreamPartition,
    /// The assignment of the partition that it was read under; a span of an older assignment is void.
    pub assignment: u64,
    pub from: i64,
    pub to: i64,
    /// Of the last record, or transaction marker, of the range.
    pub leader_epoch: Option<i32>,
    /// The last record before `to`.
    pub last_record: Option<RecordMark>,
}

/// Decoded records, in the order they were read, and the offset ranges that they cover. Sent by the reader's thread to
/// the writer, which commits records and ranges in one transaction.
#[derive(Debug)]
pub struct Batch<T> {
    pub items: Vec<T>,
    /// At most one per partition.
    pub spans: Vec<Span>,
    /// Estimated memory of its items.
    pub bytes: usize,
}

impl<T> Default for Batch<T> {
    fn default() -> Batch<T> {
        Batch { items: Vec::new(), spans: Vec::new(), bytes: 0 }
    }
}

/// From the reader to the writer, in order.
pub enum Delivery<T> {
    Batch(Batch<T>),
    /// A partition has been assigned: claim its checkpoint, or start one at `log_start`.
    Claim {
        partition: StreamPartition,
        assignment: u64,
        log_start: i64,
        /// The topic's id; `None` if the cluster doesn't report it.
        topic_id: Option<String>,
    },
    /// Partitions are being revoked: answer once everything before this has been written.
    Release {
        partitions: Vec<StreamPartition>,
        done: Sender<()>,
    },
    /// Nothing follows.
    End,
}

/// From the writer to the reader.
#[derive(Debug)]
pub enum Control {
    /// The partition is claimed and continues at `position`.
    Granted {
        partition: StreamPartition,
        assignment: u64,
        position: LogPosition,
    },
    /// The assignment is void: claim again after a pause, if the partition is still assigned.
    Lost {
        partition: StreamPartition,
        assignment: u64,
        pause: Duration,
    },
    /// Committed next offsets.
    Committed(Vec<(StreamPartition, i64)>),
    Stop,
}
