//! A record as read from the log, not decoded yet.

use bytes::Bytes;

use super::position::Position;
use crate::domain::timestamp::Timestamp;

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

impl Header {
    /// The value, where it is text.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.value.as_deref()?).ok()
    }
}

/// The trace that a record belongs to, by the header of the W3C's Trace Context.
pub fn traceparent(headers: &[Header]) -> Option<&str> {
    headers.iter().find(|header| header.key.eq_ignore_ascii_case("traceparent")).and_then(Header::text)
}

/// About what a header takes in memory beside its key and value.
const HEADER_OVERHEAD_BYTES: usize = 64;

/// A record as read from Kafka, owning its bytes; nothing is decoded yet. `None` for a null key or value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    pub stream: Stream,
    pub position: Position,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
    /// The record's timestamp; `None` if the log has none.
    pub recorded_at: Option<Timestamp>,
}

/// A record that borrows its bytes, without headers.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    pub stream: Stream,
    pub position: Position,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// As `RawRecord::recorded_at`.
    pub recorded_at: Option<Timestamp>,
}

impl RawRecord {
    /// Key, value and headers, in bytes.
    pub fn bytes(&self) -> usize {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers: usize =
            self.headers.iter().map(|header| HEADER_OVERHEAD_BYTES + header.key.len() + len(&header.value)).sum();
        len(&self.key) + len(&self.value) + headers
    }

    pub fn view(&self) -> RecordView<'_> {
        RecordView {
            stream: self.stream,
            position: self.position,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            recorded_at: self.recorded_at,
        }
    }
}

/// The names of the two topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    pub orders: String,
    pub runs: String,
}

impl Topics {
    pub fn name(&self, stream: Stream) -> &str {
        match stream {
            Stream::Orders => &self.orders,
            Stream::Runs => &self.runs,
        }
    }

    pub fn stream(&self, topic: &str) -> Option<Stream> {
        [Stream::Orders, Stream::Runs].into_iter().find(|stream| self.name(*stream) == topic)
    }
}
