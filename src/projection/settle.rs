//! Folds orders from an empty state, when all of their events are at hand: a bulk load, slice by slice.
//!
//! Copies of one event count as one, at the smallest of their positions. If two events have the same sequence, the
//! order is *contested*: it is left to the live fold.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::change::Settled;
use crate::domain::log::position::Position;
use crate::domain::orders::order::Order;
use crate::domain::orders::packed::{Packed, PackedError, Unpack};

/// The orders of a slice, folded one at a time, so that only events take memory, and an order is still in the CPU cache when
/// it is written.
pub struct SliceFold<'p> {
    /// By order and sequence; those before `at` are done.
    events: Vec<Packed<'p>>,
    at: usize,
    skip: &'p BTreeSet<Uuid>,
    /// What is found on the way; complete once [`SliceFold::next_order`] gives none.
    pub settled: Settled,
}

impl<'p> SliceFold<'p> {
    /// `pieces`: `Piece::events`, all of one slice. `skip`: orders to leave out.
    pub fn new(pieces: &'p [Vec<u8>], skip: &'p BTreeSet<Uuid>) -> Result<SliceFold<'p>, PackedError> {
        let mut events = pieces.iter().flat_map(|piece| Unpack(piece)).collect::<Result<Vec<_>, _>>()?;
        events.sort_unstable_by_key(|event| event.head);
        Ok(SliceFold { events, at: 0, skip, settled: Settled::default() })
    }

    /// The next order that can be folded here.
    pub fn next_order(&mut self) -> Result<Option<Order>, PackedError> {
        while let Some(first) = self.events.get(self.at) {
            let id = first.head.provider_order_id;
            let from = self.at;
            self.at += self.events[from..].iter().take_while(|event| event.head.provider_order_id == id).count();
            if self.skip.contains(&id) {
                continue;
            }
            match fold(id, &self.events[from..self.at])? {
                Some((order, mut copies)) => {
                    self.settled.copies.append(&mut copies);
                    return Ok(Some(order));
                }
                None => {
                    self.settled.contested.insert(id);
                }
            }
        }
        Ok(None)
    }
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
