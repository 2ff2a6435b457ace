//! From raw records to what a load folds, on the reader's thread.

use std::collections::HashMap;
use std::sync::Arc;

use crate::codec::{Decode, Decoded};
use crate::domain::event::OrderEvent;
use crate::domain::key_sample::KeySample;
use crate::domain::partition::StreamPartition;
use crate::domain::position::Position;
use crate::domain::record::{RawRecord, RecordView, Stream};
use crate::domain::rejection::Rejection;
use crate::domain::timestamp::Timestamp;
use crate::log::{Sieve, Sifted};
use crate::projection::{Content, Item};
use crate::runtime::sieve::DecodingSieve;

/// Small, since most of what a check by sample reads is skipped.
pub enum LoadItem {
    /// An accepted event of an order. Its record's bytes stay in the log: who needs them again fetches them.
    Event { event: Box<OrderEvent>, position: Position, recorded_at: Option<Timestamp> },
    /// A run or a refused record. `forced`: refused as another generation refused it, though it would be accepted.
    Other { item: Box<Item>, forced: bool },
    /// Outside the sample; counted alone.
    Skipped { of: StreamPartition, offset: i64 },
}

impl LoadItem {
    pub fn at(&self) -> (StreamPartition, i64) {
        match self {
            LoadItem::Event { position: Position { partition, offset }, .. } => {
                (StreamPartition { stream: Stream::Orders, partition: *partition }, *offset)
            }
            LoadItem::Other { item, .. } => (super::partition_of(item), item.record.position.offset),
            LoadItem::Skipped { of, offset } => (*of, *offset),
        }
    }
}

/// About what a decoded event takes in memory beside its strings, and what a skipped record does.
const EVENT_BYTES: usize = 700;
const SKIPPED_BYTES: usize = 48;

pub struct LoadSieve {
    pub decoding: DecodingSieve,
    pub sample: KeySample,
    pub refused: Arc<HashMap<(StreamPartition, i64), Rejection>>,
}

impl Sieve for LoadSieve {
    type Item = LoadItem;

    fn glance(&self, record: RecordView<'_>) -> Option<(LoadItem, usize)> {
        let of = StreamPartition { stream: record.stream, partition: record.position.partition };
        let offset = record.position.offset;
        if !self.sample.takes_key(record.key) {
            return Some((LoadItem::Skipped { of, offset }, SKIPPED_BYTES));
        }
        if record.stream == Stream::Runs || self.refused.contains_key(&(of, offset)) {
            return None;
        }
        let Decode::Event(Decoded::Order(event)) = self.decoding.decoder.decode_view(record) else { return None };
        let RecordView { position, recorded_at, value, .. } = record;
        Some((LoadItem::Event { event, position, recorded_at }, EVENT_BYTES + value.map_or(0, <[u8]>::len)))
    }

    /// What `glance` leaves: runs, and what is refused.
    fn sift(&self, record: RawRecord) -> Sifted<LoadItem> {
        let at =
            (StreamPartition { stream: record.stream, partition: record.position.partition }, record.position.offset);
        match self.decoding.sift(record) {
            Sifted::Wait(token) => Sifted::Wait(token),
            Sifted::Item(item) => Sifted::Item(self.refuse(item, at)),
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

impl LoadSieve {
    /// A record that is refused anyway keeps its own reason.
    fn refuse(&self, mut item: Item, at: (StreamPartition, i64)) -> LoadItem {
        let mut forced = false;
        if let Some(rejection) = self.refused.get(&at).filter(|_| !matches!(item.content, Content::Rejected(_))) {
            item.content = Content::Rejected(rejection.clone());
            forced = true;
        }
        LoadItem::Other { item: Box::new(item), forced }
    }
}
