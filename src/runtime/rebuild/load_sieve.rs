//! From raw records to what a load folds, on the reader's thread.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::key_sample::KeySample;
use crate::domain::partition::StreamPartition;
use crate::domain::record::RawRecord;
use crate::domain::rejection::Rejection;
use crate::log::{Sieve, Sifted};
use crate::projection::{Content, Item};
use crate::runtime::sieve::DecodingSieve;

pub enum LoadItem {
    /// `forced`: refused as another generation refused it, though it would be accepted.
    Item { item: Item, forced: bool },
    /// Outside the sample; counted alone.
    Skipped { of: StreamPartition, offset: i64 },
}

impl LoadItem {
    pub fn at(&self) -> (StreamPartition, i64) {
        match self {
            LoadItem::Item { item, .. } => (super::partition_of(item), item.record.position.offset),
            LoadItem::Skipped { of, offset } => (*of, *offset),
        }
    }
}

pub struct LoadSieve {
    pub decoding: DecodingSieve,
    pub sample: KeySample,
    pub refused: Arc<HashMap<(StreamPartition, i64), Rejection>>,
}

impl Sieve for LoadSieve {
    type Item = LoadItem;

    fn pass_over(&self, of: StreamPartition, offset: i64, key: Option<&[u8]>) -> Option<LoadItem> {
        (!self.sample.takes_key(key)).then_some(LoadItem::Skipped { of, offset })
    }

    fn sift(&self, record: RawRecord) -> Sifted<LoadItem> {
        let of = StreamPartition { stream: record.stream, partition: record.position.partition };
        let offset = record.position.offset;
        match self.decoding.sift(record) {
            Sifted::Wait(token) => Sifted::Wait(token),
            Sifted::Item(item) => Sifted::Item(self.refuse(item, (of, offset))),
        }
    }

    fn is_ready(&self, token: u32) -> bool {
        self.decoding.is_ready(token)
    }
}

impl LoadSieve {
    /// A record that is refused anyway keeps its own reason.
    fn refuse(&self, item: Item, at: (StreamPartition, i64)) -> LoadItem {
        match self.refused.get(&at) {
            Some(rejection) if !matches!(item.content, Content::Rejected(_)) => {
                let content = Content::Rejected(rejection.clone());
                LoadItem::Item { item: Item { record: item.record, content }, forced: true }
            }
            _ => LoadItem::Item { item, forced: false },
        }
    }
}
