//! History rows of a batch, encoded as soon as their events are folded: a row takes a fifth of its event's memory.

use uuid::Uuid;

use crate::domain::log::position::Position;
use crate::store::tables::copy::Rows;
use crate::store::tables::history::{self, HistoryRow};

/// Encoded history rows of one batch, with each row's order and log position.
pub struct HistoryBatch {
    rows: Rows,
    events: Vec<BatchedEvent>,
}

/// Estimated size of a row.
const ROW_BYTES: usize = 400;

/// The event that a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchedEvent {
    pub provider_order_id: Uuid,
    pub position: Position,
    /// Where its row starts.
    start: usize,
}

impl HistoryBatch {
    /// With room for this many events.
    pub fn with_capacity(events: usize) -> HistoryBatch {
        HistoryBatch { rows: Rows::with_capacity(events * ROW_BYTES), events: Vec::with_capacity(events) }
    }

    /// `topic`: the event's topic.
    pub fn push(&mut self, row: HistoryRow<'_>, topic: &str) {
        let (provider_order_id, position) = (row.event.provider_order_id, row.position);
        self.events.push(BatchedEvent { provider_order_id, position, start: self.rows.end() });
        history::encode(row, topic, &mut self.rows);
    }

    pub fn events(&self) -> &[BatchedEvent] {
        &self.events
    }

    /// The rows of the events from one index up to, but not including, another.
    pub fn rows(&self, from: usize, to: usize) -> &[u8] {
        let start = |index: usize| self.events.get(index).map_or(self.rows.end(), |event| event.start);
        self.rows.part(start(from), start(to))
    }
}
