//! The fold of orders all of whose events are there at once, from an empty state: a bulk load, slice by slice.
//!
//! Where a sequence comes twice, the copies of one event are one event, at the smallest of their positions. Where two
//! events claim it the order is *tangled*: it is left to the very fold that runs live.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::domain::change::Settled;
use crate::domain::event::OrderEvent;
use crate::domain::order::Order;
use crate::domain::packed::{PackedError, Unpack};
use crate::domain::position::Position;

/// `pieces`: `Piece::events`, all of one slice. `skip`: orders that are not to be looked at.
pub fn settle(pieces: &[Vec<u8>], skip: &BTreeSet<Uuid>) -> Result<Settled, PackedError> {
    let mut orders: HashMap<Uuid, Order> = HashMap::new();
    let mut contested: HashMap<Uuid, Claims> = HashMap::new();
    for event in events(pieces) {
        let (event, _) = event?;
        let id = event.provider_order_id;
        let order = match orders.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if skip.contains(&id) => continue,
            Entry::Vacant(entry) => entry.insert(Order::new(id)),
        };
        if !order.apply(event.sequence, event.occurred_at, &event.payload) {
            contested.entry(id).or_default();
        }
    }
    orders.retain(|id, _| !contested.contains_key(id));
    let mut settled = Settled { orders: orders.into_values().collect(), ..Settled::default() };
    if !contested.is_empty() {
        for event in events(pieces) {
            let (event, position) = event?;
            if let Some(claims) = contested.get_mut(&event.provider_order_id) {
                claims.entry(event.sequence).or_default().push((event, position));
            }
        }
        contested.into_iter().for_each(|(id, claims)| settle_contested(id, claims, &mut settled));
    }
    settled.orders.iter_mut().for_each(|order| order.version = 1);
    Ok(settled)
}

/// By sequence.
type Claims = BTreeMap<i64, Vec<(OrderEvent, Position)>>;

fn events(pieces: &[Vec<u8>]) -> impl Iterator<Item = Result<(OrderEvent, Position), PackedError>> {
    pieces.iter().flat_map(|piece| Unpack(piece))
}

fn settle_contested(id: Uuid, claims: Claims, settled: &mut Settled) {
    let is_of_one_event =
        |claims: &Vec<(OrderEvent, Position)>| claims.windows(2).all(|pair| pair[0].0.event_id == pair[1].0.event_id);
    if !claims.values().all(is_of_one_event) {
        settled.tangled.insert(id);
        return;
    }
    let mut order = Order::new(id);
    for mut copies in claims.into_values() {
        copies.sort_by_key(|(_, position)| *position);
        let mut copies = copies.into_iter();
        if let Some((first, _)) = copies.next() {
            order.apply(first.sequence, first.occurred_at, &first.payload);
        }
        settled.copies.extend(copies.map(|(_, position)| position));
    }
    settled.orders.push(order);
}
