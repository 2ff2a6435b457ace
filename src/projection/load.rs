//! The fold of a bulk load, which knows nothing of what is stored: states begin empty at each cut, and are joined
//! at the end.
//!
//! What an order's events since the last cut have come to is a partial state. Partial states of disjoint sets of
//! events join into the state of them all (`Order::join`). Where a sequence comes twice, the order is *tangled*: all
//! claims go to the history, and the order is folded again from them at the end, by the very fold that runs live.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::batch::{Content, Item};
use super::order::{name_provider, named_by};
use crate::domain::change::{HistoryEntry, NamedBy, PartialState, PartialStates};
use crate::domain::event::OrderEvent;
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::record::RawRecord;

/// About what a state takes in memory before its events, and beside each of them.
const ORDER_BYTES: usize = 1_800;
const EVENT_BYTES: usize = 300;

/// An order's events since the last cut.
#[derive(Debug)]
struct Partial {
    /// Boxed, so that the map stays small and a cut moves no more than pointers.
    state: Box<PartialState>,
    /// Which event stands at each sequence, to know its copies again.
    claims: Vec<(i64, Uuid, Position)>,
}

/// An event that goes to the history. Its record stays beside it, since Postgres may yet refuse it.
#[derive(Debug)]
pub struct LoadedEvent {
    pub entry: HistoryEntry,
    pub record: RawRecord,
}

/// What a batch adds to the tables.
#[derive(Debug, Default)]
pub struct LoadedBatch {
    pub events: Vec<LoadedEvent>,
    /// Runs and refused records, which need no state: `fold` them.
    pub others: Vec<Item>,
}

/// The partial states since the last cut.
#[derive(Debug, Default)]
pub struct Loading {
    orders: HashMap<Uuid, Partial>,
    names: BTreeMap<String, NamedBy>,
    bytes: usize,
}

impl Loading {
    /// Folds a batch in. Records must come in the order of their offsets within a partition.
    pub fn fold(&mut self, items: Vec<Item>) -> LoadedBatch {
        let mut batch = LoadedBatch::default();
        for item in items {
            let value_bytes = item.record.value.as_ref().map_or(0, |value| value.len());
            match item.content {
                Content::Order(event) => {
                    let (position, recorded_at) = (item.record.position, item.record.recorded_at);
                    if self.apply(&event, position, value_bytes) {
                        let entry = HistoryEntry { event: *event, position, recorded_at };
                        batch.events.push(LoadedEvent { entry, record: item.record });
                    }
                }
                content => batch.others.push(Item { record: item.record, content }),
            }
        }
        batch
    }

    /// Whether the event belongs in the history: not if it is a later copy of one that is there.
    fn apply(&mut self, event: &OrderEvent, position: Position, value_bytes: usize) -> bool {
        let partial = self.orders.entry(event.provider_order_id).or_insert_with(|| {
            self.bytes += ORDER_BYTES;
            let order = Order::new(event.provider_order_id);
            Partial { state: Box::new(PartialState { order, tangled: false }), claims: Vec::new() }
        });
        if !partial.state.order.apply(event.sequence, event.occurred_at, &event.payload) {
            let is_copy = |(sequence, event_id, at): &(i64, Uuid, Position)| {
                *sequence == event.sequence && *event_id == event.event_id && *at < position
            };
            if partial.claims.iter().any(is_copy) {
                return false;
            }
            partial.state.tangled = true;
        }
        self.bytes += EVENT_BYTES + value_bytes;
        partial.claims.push((event.sequence, event.event_id, position));
        if let Some((provider_id, named_by)) = named_by(event) {
            name_provider(&mut self.names, provider_id, named_by);
        }
        true
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes everything, and begins anew.
    pub fn cut(&mut self) -> (PartialStates, BTreeMap<String, NamedBy>) {
        self.bytes = 0;
        let orders = std::mem::take(&mut self.orders);
        (orders.into_values().map(|partial| partial.state).collect(), std::mem::take(&mut self.names))
    }
}
