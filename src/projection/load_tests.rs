//! A load cut anywhere, by any number of workers, gives the views of the live fold. Memory stands in for Postgres.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::load::Loading;
use super::tests::{Memory, Views, cut, log};
use super::{Content, Item};
use crate::domain::change::HistoryEntry;
use crate::domain::order::Order;

/// Loads a log: each worker reads its partitions in the order of their offsets, cuts now and then, and all partial
/// states are joined at the end.
fn load(log: &[Item], workers: usize, cuts: &[usize]) -> Views {
    let mut memory = Memory::default();
    let (mut states, mut tangled, mut claims) = (Vec::<Order>::new(), BTreeSet::new(), Vec::<HistoryEntry>::new());
    let mut cuts = cuts.iter().cycle();
    for worker in 0..workers {
        let mut share: Vec<Item> =
            log.iter().filter(|item| item.record.position.partition as usize % workers == worker).cloned().collect();
        share.sort_by_key(|item| item.record.position);
        let mut loading = Loading::default();
        let mut rest = share.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at((*cuts.next().unwrap()).clamp(1, rest.len()));
            rest = after;
            let loaded = loading.fold(batch.to_vec());
            claims.extend(loaded.events.into_iter().map(|event| event.entry));
            memory.take(&loaded.others);
            if batch.len().is_multiple_of(2) {
                put(&mut loading, &mut states, &mut tangled);
            }
        }
        put(&mut loading, &mut states, &mut tangled);
    }
    let orders = join(states, &mut tangled);
    settle(&mut memory, orders, &claims, &tangled);
    memory.views()
}

fn put(loading: &mut Loading, states: &mut Vec<Order>, tangled: &mut BTreeSet<Uuid>) {
    for partial in loading.cut().0 {
        match partial.tangled {
            true => drop(tangled.insert(partial.order.provider_order_id)),
            false => {
                let bytes = postcard::to_allocvec(&partial.order).unwrap();
                states.push(postcard::from_bytes(&bytes).unwrap());
            }
        }
    }
}

fn join(states: Vec<Order>, tangled: &mut BTreeSet<Uuid>) -> HashMap<Uuid, Order> {
    let mut orders: HashMap<Uuid, Order> = HashMap::new();
    for state in states {
        match orders.entry(state.provider_order_id) {
            Entry::Vacant(entry) => drop(entry.insert(state)),
            Entry::Occupied(mut entry) => {
                if !entry.get_mut().join(state.clone()) {
                    tangled.insert(state.provider_order_id);
                }
            }
        }
    }
    orders.retain(|id, _| !tangled.contains(id));
    orders
}

/// What is whole as it is, and the claims of what is tangled by the live fold.
fn settle(memory: &mut Memory, orders: HashMap<Uuid, Order>, claims: &[HistoryEntry], tangled: &BTreeSet<Uuid>) {
    for mut order in orders.into_values() {
        order.version = 1;
        order.contribute(&mut memory.counts, 1);
        memory.orders.insert(order.provider_order_id, Arc::new(order));
    }
    let (again, whole): (Vec<_>, Vec<_>) =
        claims.iter().cloned().partition(|entry| tangled.contains(&entry.event.provider_order_id));
    for entry in whole {
        let twice = memory.history.insert((entry.event.provider_order_id, entry.event.sequence), entry);
        assert!(twice.is_none(), "a sequence of an order that is not tangled came twice");
    }
    let items: Vec<Item> = again.into_iter().map(item).collect();
    memory.take(&items);
    memory.names = super::tests::names_of(memory.history.values());
}

fn item(entry: HistoryEntry) -> Item {
    let record = crate::domain::record::RawRecord {
        stream: crate::domain::record::Stream::Orders,
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
    ) {
        let live = unversioned(cut(&log, &[3]));
        prop_assert_eq!(unversioned(load(&log, workers, &cuts)), live);
    }
}
