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

    fn sift(&self, record: RawRecord) -> Sifted<LoadItem> {
        let of = StreamPartition { stream: record.stream, partition: record.position.partition };
        let offset = record.position.offset;
        if !self.sample.takes_key(record.key.as_deref()) {
            return Sifted::Item(LoadItem::Skipped { of, offset });
        }
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
    fn refuse(&self, item: Item, at: (StreamPartition, i64)) -> LoadItem {
        let Some(rejection) = self.refused.get(&at) else { return LoadItem::Item { item, forced: false } };
        let forced = !matches!(&item.content, Content::Rejected(now) if now.reason == rejection.reason);
        LoadItem::Item { item: Item { record: item.record, content: Content::Rejected(rejection.clone()) }, forced }
    }
}
