//! What a bulk load spills while it reads the log: packed events, partitioned by slice, for `settle`.
//!
//! A slice (a hash partition, as in a Grace hash join) has few enough orders to be folded in memory. It is filled piece
//! by piece, so that memory grows with the number of slices and not with the log.

use std::collections::BTreeMap;
use std::mem::take;

use super::order::{name_provider, named_by};
use crate::domain::change::NamedBy;
use crate::domain::log::position::Position;
use crate::domain::orders::event::OrderEvent;
use crate::domain::orders::packed::{PackedError, Piece, pack};

/// Maximum size of a piece: two of them, as rows, fill a page of Postgres. Each slice has one open piece, which is the
/// part of a load's memory that grows with the log.
const PIECE_BYTES: usize = 4_000;

/// Estimated memory of a provider's name besides its texts.
const NAME_BYTES: usize = 160;

/// Events of one worker since the last cut that have not been handed on.
#[derive(Debug)]
pub struct Spill {
    /// One per slice.
    open: Vec<Vec<u8>>,
    open_bytes: usize,
    /// Estimated memory of the names.
    names_bytes: usize,
    full: Vec<Piece>,
    names: BTreeMap<String, NamedBy>,
    event: Vec<u8>,
}

impl Spill {
    pub fn new(slices: usize) -> Spill {
        Spill {
            open: vec![Vec::new(); slices],
            open_bytes: 0,
            names_bytes: 0,
            full: Vec::new(),
            names: BTreeMap::new(),
            event: Vec::new(),
        }
    }

    /// `slice`: the slice of the event's order, below the number of slices.
    pub fn push(&mut self, slice: i32, event: &OrderEvent, position: Position) -> Result<(), PackedError> {
        self.event.clear();
        pack(event, position, &mut self.event)?;
        // The caller guarantees that it exists.
        let open = &mut self.open[slice as usize];
        if !open.is_empty() && open.len() + self.event.len() > PIECE_BYTES {
            self.open_bytes -= open.len();
            self.full.push(Piece { slice, events: take(open) });
        }
        open.extend_from_slice(&self.event);
        self.open_bytes += self.event.len();
        if let Some((provider_id, named_by)) = named_by(event) {
            let (named, bytes) = (self.names.len(), NAME_BYTES + provider_id.len() + named_by.name.len());
            name_provider(&mut self.names, provider_id, named_by);
            if self.names.len() > named {
                self.names_bytes += bytes;
            }
        }
        Ok(())
    }

    /// What is kept until the next cut, in bytes: pieces that are not full, and names.
    pub fn kept_bytes(&self) -> usize {
        self.open_bytes + self.names_bytes
    }

    /// The full pieces, if there are at least this many.
    pub fn take_full(&mut self, at_least: usize) -> Vec<Piece> {
        if self.full.len() >= at_least { take(&mut self.full) } else { Vec::new() }
    }

    /// Takes everything, and starts over.
    pub fn cut(&mut self) -> (Vec<Piece>, BTreeMap<String, NamedBy>) {
        (self.open_bytes, self.names_bytes) = (0, 0);
        let mut pieces = take(&mut self.full);
        let open = (0..).zip(&mut self.open).filter(|(_, events)| !events.is_empty());
        pieces.extend(open.map(|(slice, events)| Piece { slice, events: take(events) }));
        (pieces, take(&mut self.names))
    }
}
