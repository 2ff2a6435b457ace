//! A record as it lies in the log, before anyone has looked inside.

use bytes::Bytes;

use super::position::Position;
use super::timestamp::Timestamp;

/// The topics that foldback folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    Orders,
    Runs,
}

/// A header of a record; Kafka allows a null value and repeated keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub key: String,
    pub value: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    pub stream: Stream,
    pub position: Position,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
    /// The record's own timestamp; `None` where the log has none.
    pub recorded_at: Option<Timestamp>,
}
