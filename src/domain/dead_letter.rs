//! A record that was refused: kept whole, with the reason.

use uuid::Uuid;

use super::record::RawRecord;
use super::rejection::Rejection;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub record: RawRecord,
    pub rejection: Rejection,
    /// Of a `sequence_conflict`: the event that lost.
    pub conflict: Option<ConflictKey>,
}

/// An event among those that claim one sequence of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConflictKey {
    pub provider_order_id: Uuid,
    pub sequence: i64,
    pub event_id: Uuid,
}
