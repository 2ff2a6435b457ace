//! A load spilled in any pieces, by any number of workers, gives the views of the live fold. Memory stands in for
//! Postgres.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::settle::SliceFold;
use super::spill::Spill;
use super::tests::{Memory, Views, cut, log};
use super::{Content, Item};
use crate::domain::change::HistoryEntry;
use crate::domain::log::position::Position;
use crate::domain::orders::order::Order;

/// Loads a log: each worker reads its partitions in the order of their offsets, cuts now and then, and each slice is
/// settled at the end, its pieces in the reverse order.
fn load(log: &[Item], workers: usize, cuts: &[usize], slices: i32) -> Views {
    let mut memory = Memory::default();
    let mut pieces: BTreeMap<i32, Vec<Vec<u8>>> = BTreeMap::new();
    let mut claims = Vec::<HistoryEntry>::new();
    let mut cuts = cuts.iter().cycle();
    for worker in 0..workers {
        let mut share: Vec<Item> =
            log.iter().filter(|item| item.record.position.partition as usize % workers == worker).cloned().collect();
        share.sort_by_key(|item| item.record.position);
        let mut spill = Spill::new(slices as usize);
        let mut rest = share.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at((*cuts.next().unwrap()).clamp(1, rest.len()));
            rest = after;
            let others = put_aside(&mut spill, batch, slices, &mut claims);
            memory.take(&others);
            if batch.len().is_multiple_of(2) || rest.is_empty() {
                for piece in spill.cut().0 {
                    pieces.entry(piece.slice).or_default().insert(0, piece.events);
                }
            }
        }
    }
    let (mut contested, mut copies) = (BTreeSet::new(), BTreeSet::new());
    for pieces in pieces.values() {
        let none = BTreeSet::new();
        let mut orders = SliceFold::new(pieces, &none).unwrap();
        while let Some(order) = orders.next_order().unwrap() {
            store(&mut memory, order);
        }
        contested.extend(orders.settled.contested);
        copies.extend(orders.settled.copies);
    }
    fold_contested(&mut memory, claims, &contested, &copies);
    memory.views()
}

/// Adds accepted events to the claims; what is none comes back.
fn put_aside(spill: &mut Spill, batch: &[Item], slices: i32, claims: &mut Vec<HistoryEntry>) -> Vec<Item> {
    let mut others = Vec::new();
    for item in batch {
        let Content::Order(event) = &item.content else {
            others.push(item.clone());
            continue;
        };
        let (position, recorded_at) = (item.record.position, item.record.recorded_at);
        let slice = event.provider_order_id.as_bytes().iter().map(|byte| i32::from(*byte)).sum::<i32>() % slices;
        spill.push(slice, event, position).unwrap();
        claims.push(HistoryEntry { event: event.as_ref().clone(), position, recorded_at });
    }
    others
}

fn store(memory: &mut Memory, order: Order) {
    order.contribute(&mut memory.counts, 1);
    memory.orders.insert(order.provider_order_id, Arc::new(order));
}

/// What is whole stays as it is, copies go, and the claims of what is contested are folded by the live fold.
fn fold_contested(
    memory: &mut Memory,
    claims: Vec<HistoryEntry>,
    contested: &BTreeSet<Uuid>,
    copies: &BTreeSet<Position>,
) {
    let (again, whole): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|entry| contested.contains(&entry.event.provider_order_id));
    for entry in whole.into_iter().filter(|entry| !copies.contains(&entry.position)) {
        let twice = memory.history.insert((entry.event.provider_order_id, entry.event.sequence), entry);
        assert!(twice.is_none(), "a sequence of an order that is not contested came twice");
    }
    let items: Vec<Item> = again.into_iter().map(item).collect();
    memory.take(&items);
    memory.names = super::tests::names_of(memory.history.values());
}

fn item(entry: HistoryEntry) -> Item {
    let record = crate::domain::log::record::RawRecord {
        stream: crate::domain::log::record::Stream::Orders,
        position: entry.position,
        key: None,
        value: None,
        headers: Vec::new(),
        recorded_at: entry.recorded_at,
    };
    Item { record, content: Content::Order(Box::new(entry.event)) }
}

/// Versions count writes, of which a load needs fewer.
fn unversioned(mut views: Views) -> Views {
    views.orders =
        views.orders.into_iter().map(|(id, order)| (id, Order { version: 0, ..order })).collect::<BTreeMap<_, _>>();
    views
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_load_in_any_cuts_by_any_workers_gives_the_views_of_the_live_fold(
        log in log(),
        workers in 1usize..4,
        cuts in prop::collection::vec(1usize..9, 1..6),
        slices in 1i32..4,
    ) {
        let live = unversioned(cut(&log, &[3]));
        prop_assert_eq!(unversioned(load(&log, workers, &cuts, slices)), live);
    }
}
