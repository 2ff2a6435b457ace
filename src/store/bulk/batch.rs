//! History rows of a batch, encoded as soon as their events are folded: a row takes a fifth of what its event does.

use uuid::Uuid;

use crate::domain::position::Position;
use crate::store::copy::Rows;
use crate::store::history::{self, HistoryRow};

pub struct HistoryBatch {
    rows: Rows,
    events: Vec<BatchedEvent>,
}

/// About what a row takes.
const ROW_BYTES: usize = 400;

/// Whose row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchedEvent {
    pub provider_order_id: Uuid,
    pub position: Position,
    /// Where its row begins.
    start: usize,
}

impl HistoryBatch {
    /// With room for so many events.
    pub fn with_capacity(events: usize) -> HistoryBatch {
        HistoryBatch { rows: Rows::with_capacity(events * ROW_BYTES), events: Vec::with_capacity(events) }
    }

    /// `topic`: where the event lies in the log.
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
