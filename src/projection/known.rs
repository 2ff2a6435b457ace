//! The stored state that a fold needs, and how to find out which.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::batch::{Content, Item};
use crate::domain::change::HistoryEntry;
use crate::domain::log::dead_letter::ConflictKey;
use crate::domain::log::position::Position;
use crate::domain::orders::event::OrderEvent;
use crate::domain::orders::order::Order;

/// The event that the history has at a sequence of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incumbent {
    pub event_id: Uuid,
    pub position: Position,
}

/// The stored report of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRun {
    pub event_id: Uuid,
    pub revision: i32,
    pub position: Position,
}

/// The stored state that a batch touches. Load `orders` and `runs` first, then what `contested` asks for, then what
/// `to_fold_again` asks for.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Every stored order of the batch; an absent one is new.
    pub orders: HashMap<Uuid, Arc<Order>>,
    pub runs: HashMap<Uuid, StoredRun>,
    /// For the contested sequences: the current winner, and the events that have already lost.
    pub standing: HashMap<(Uuid, i64), Incumbent>,
    pub lost: HashMap<(Uuid, i64), Vec<Incumbent>>,
    /// Complete histories of the orders that have to be refolded.
    pub histories: HashMap<Uuid, Vec<HistoryEntry>>,
}

impl Known {
    pub fn add_lost(&mut self, conflict: ConflictKey, position: Position) {
        let lost = self.lost.entry((conflict.provider_order_id, conflict.sequence)).or_default();
        lost.push(Incumbent { event_id: conflict.event_id, position });
    }

    /// The (order, sequence) pairs of the batch that the history already has: duplicates or conflicts.
    pub fn contested(&self, items: &[Item]) -> Vec<(Uuid, i64)> {
        let pairs: BTreeSet<(Uuid, i64)> = order_events(items)
            .filter(|(event, _)| {
                let order = self.orders.get(&event.provider_order_id);
                order.is_some_and(|order| order.seen.contains(event.sequence))
            })
            .map(|(event, _)| (event.provider_order_id, event.sequence))
            .collect();
        pairs.into_iter().collect()
    }

    /// The orders in which an event of the batch comes before the current winner of its sequence.
    pub fn to_fold_again(&self, items: &[Item]) -> Vec<Uuid> {
        let orders: BTreeSet<Uuid> = order_events(items)
            .filter(|(event, position)| {
                let standing = self.standing.get(&(event.provider_order_id, event.sequence));
                standing.is_some_and(|standing| *position < standing.position)
            })
            .map(|(event, _)| event.provider_order_id)
            .collect();
        orders.into_iter().collect()
    }
}

/// The orders that a batch touches.
pub fn order_ids(items: &[Item]) -> Vec<Uuid> {
    let ids: BTreeSet<Uuid> = order_events(items).map(|(event, _)| event.provider_order_id).collect();
    ids.into_iter().collect()
}

/// The runs that a batch touches.
pub fn run_ids(items: &[Item]) -> Vec<Uuid> {
    let run_id = |item: &Item| match &item.content {
        Content::Run(run) => Some(run.run_id),
        _ => None,
    };
    let ids: BTreeSet<Uuid> = items.iter().filter_map(run_id).collect();
    ids.into_iter().collect()
}

fn order_events(items: &[Item]) -> impl Iterator<Item = (&OrderEvent, Position)> {
    items.iter().filter_map(|item| match &item.content {
        Content::Order(event) => Some((event.as_ref(), item.record.position)),
        _ => None,
    })
}
