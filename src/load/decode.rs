//! Decodes raw records for a load, on the reader's thread.

use std::sync::Arc;

use crate::codec::{Decode, Decoded};
use crate::domain::log::key_share::KeySample;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::position::Position;
use crate::domain::log::record::{RawRecord, RecordView, Stream};
use crate::domain::log::refused::RefusedRecords;
use crate::domain::log::rejection::Rejection;
use crate::domain::orders::event::OrderEvent;
use crate::domain::timestamp::Timestamp;
use crate::live::worker::decode::{EventDecoder, REFUSED_ELSEWHERE, decoded_bytes};
use crate::log::{DecodedRecord, RecordDecoder};
use crate::projection::{Content, Item};

/// Small, since a check by sample skips most of what it reads.
pub enum LoadItem {
    /// An accepted event of an order, without its record's bytes; they can be fetched from the log again.
    Event { event: Box<OrderEvent>, position: Position, recorded_at: Option<Timestamp> },
    /// A run or a rejected record. `forced`: rejected because another generation did, although it would be accepted.
    Other { item: Box<Item>, forced: bool },
    /// Outside the sample; only counted.
    Skipped { partition: StreamPartition, offset: i64 },
}

impl LoadItem {
    pub fn at(&self) -> (StreamPartition, i64) {
        match self {
            LoadItem::Event { position: Position { partition, offset }, .. } => {
                (StreamPartition { stream: Stream::Orders, index: *partition }, *offset)
            }
            LoadItem::Other { item, .. } => {
                (crate::live::worker::batch::partition_of(item), item.record.position.offset)
            }
            LoadItem::Skipped { partition, offset } => (*partition, *offset),
        }
    }
}

/// Estimated memory of a decoded event besides its strings, and of a skipped record.
const EVENT_BYTES: usize = 700;
const SKIPPED_BYTES: usize = 48;

/// Decodes records for a load on the reader's thread; records outside the sample are counted and dropped.
pub struct LoadDecoder {
    pub decoding: EventDecoder,
    pub sample: KeySample,
    pub refused: Arc<RefusedRecords>,
}

impl RecordDecoder for LoadDecoder {
    type Item = LoadItem;

    fn decode_borrowed(&self, record: RecordView<'_>) -> Option<(LoadItem, usize)> {
        let partition = StreamPartition { stream: record.stream, index: record.position.partition };
        let offset = record.position.offset;
        if !self.sample.takes_key(record.key) {
            return Some((LoadItem::Skipped { partition, offset }, SKIPPED_BYTES));
        }
        if record.stream == Stream::Runs || self.refused.reason(partition, offset).is_some() {
            return None;
        }
        let Decode::Event(Decoded::Order(event)) = self.decoding.decoder.decode_view(record) else { return None };
        let RecordView { position, recorded_at, value, .. } = record;
        let bytes = EVENT_BYTES + value.map_or(0, <[u8]>::len) + decoded_bytes(&event);
        Some((LoadItem::Event { event, position, recorded_at }, bytes))
    }

    /// Handles what `decode_borrowed` leaves, which includes an event whose schema arrives between the two calls.
    fn decode(&self, record: RawRecord) -> DecodedRecord<LoadItem> {
        match self.decoding.decode(record) {
            DecodedRecord::Wait(token) => DecodedRecord::Wait(token),
            DecodedRecord::Item(item) => DecodedRecord::Item(self.sort(item)),
        }
    }

    fn item_bytes(&self, item: &LoadItem, record_bytes: usize) -> usize {
        match item {
            LoadItem::Other { item, .. } => self.decoding.item_bytes(item, record_bytes),
            LoadItem::Event { .. } | LoadItem::Skipped { .. } => record_bytes,
        }
    }

    fn is_ready(&self, token: u32) -> bool {
        self.decoding.is_ready(token)
    }
}

impl LoadDecoder {
    /// A record that is rejected anyway keeps its own reason.
    fn sort(&self, Item { record, content }: Item) -> LoadItem {
        let RawRecord { stream, position, recorded_at, .. } = record;
        let partition = StreamPartition { stream, index: position.partition };
        let refused = self.refused.reason(partition, position.offset);
        let (content, forced) = match (content, refused) {
            (Content::Order(_) | Content::Run(_), Some(reason)) => {
                (Content::Rejected(Rejection::new(reason, REFUSED_ELSEWHERE)), true)
            }
            (Content::Order(event), None) => return LoadItem::Event { event, position, recorded_at },
            (content, _) => (content, false),
        };
        LoadItem::Other { item: Box::new(Item { record, content }), forced }
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
