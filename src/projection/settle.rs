//! Folds orders from an empty state, when all of their events are at hand: a bulk load, slice by slice.
//!
//! Copies of one event count as one, at the smallest of their positions. If two events have the same sequence, the
//! order is *contested* (contested): it is left to the live fold.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::change::Settled;
use crate::domain::log::position::Position;
use crate::domain::orders::order::Order;
use crate::domain::orders::packed::{Packed, PackedError, Unpack};

/// `pieces`: `Piece::events`, all of one slice. `skip`: orders to leave out. `done` is called with each folded order,
/// one at a time, so that only events take memory, and an order is still in the CPU cache when it is written.
pub fn settle(pieces: &[Vec<u8>], skip: &BTreeSet<Uuid>, mut done: impl FnMut(&Order)) -> Result<Settled, PackedError> {
    let mut events = pieces.iter().flat_map(|piece| Unpack(piece)).collect::<Result<Vec<_>, _>>()?;
    events.sort_unstable_by_key(|event| event.head);
    let mut settled = Settled::default();
    for events in events.chunk_by(|one, next| one.head.provider_order_id == next.head.provider_order_id) {
        let Some(id) = events.first().map(|event| event.head.provider_order_id).filter(|id| !skip.contains(id)) else {
            continue;
        };
        match fold(id, events)? {
            Some((order, mut copies)) => {
                done(&order);
                settled.copies.append(&mut copies);
            }
            None => {
                settled.contested.insert(id);
            }
        }
    }
    Ok(settled)
}

/// Folds an order, and gives the positions of copies of its events; `None` if two events have the same sequence.
fn fold(id: Uuid, events: &[Packed<'_>]) -> Result<Option<(Order, Vec<Position>)>, PackedError> {
    let mut order = Order::new(id);
    let mut copies = Vec::new();
    for claims in events.chunk_by(|one, next| one.head.sequence == next.head.sequence) {
        let [first, others @ ..] = claims else { continue };
        let event = first.event()?;
        for copy in others {
            if copy.event()?.event_id != event.event_id {
                return Ok(None);
            }
            copies.push(copy.head.position);
        }
        order.apply(event.sequence, event.occurred_at, event.payload);
    }
    order.version = 1;
    Ok(Some((order, copies)))
}
