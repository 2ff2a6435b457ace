//! What goes between the thread that reads Kafka and the task that writes Postgres.

use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::domain::partition::StreamPartition;
use crate::domain::record::{RawRecord, RecordView};

/// Turns a raw record into what the batch carries. Must not block.
pub trait Sieve: Send + 'static {
    type Item: Send + 'static;

    /// What the batch carries for a record of whose bytes nothing has to be kept, and about how much memory that takes.
    /// `None`: it is sifted.
    fn glance(&self, _record: RecordView<'_>) -> Option<(Self::Item, usize)> {
        None
    }

    fn sift(&self, record: RawRecord) -> Sifted<Self::Item>;

    /// About how much memory an item takes that was sifted from a record of so many bytes.
    fn item_bytes(&self, _item: &Self::Item, record_bytes: usize) -> usize {
        record_bytes
    }

    /// Whether what `Sifted::Wait` waited for is there.
    fn is_ready(&self, token: u32) -> bool;
}

pub enum Sifted<T> {
    Item(T),
    /// The record can't be read yet: its partition waits, the others go on.
    Wait(u32),
}

/// The part of a partition that a batch covers: everything from `from` up to but not including `to`, records or
/// not (transaction markers and aborted records have offsets too).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub of: StreamPartition,
    /// Which lease of the partition it was read under; a span of an older lease is void.
    pub lease: u64,
    pub from: i64,
    pub to: i64,
}

#[derive(Debug)]
pub struct Batch<T> {
    pub items: Vec<T>,
    /// At most one of each partition.
    pub spans: Vec<Span>,
    /// About what its items take in memory.
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
    /// A partition has been assigned: claim its checkpoint, which starts at `log_start` if there is none.
    Claim {
        of: StreamPartition,
        lease: u64,
        log_start: i64,
        /// Which topic of that name it is; `None` where the cluster doesn't tell.
        topic_id: Option<String>,
    },
    /// Partitions are going away: everything before this has been written when it is answered.
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
    /// The partition is claimed and goes on from here.
    Granted {
        of: StreamPartition,
        lease: u64,
        next_offset: i64,
    },
    /// The lease is void: claim again after a pause, if the partition is still assigned.
    Lost {
        of: StreamPartition,
        lease: u64,
        pause: Duration,
    },
    /// So far is committed.
    Committed(Vec<(StreamPartition, i64)>),
    Stop,
}
