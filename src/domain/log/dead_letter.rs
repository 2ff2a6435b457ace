//! A rejected record, kept in full with the reason.

use uuid::Uuid;

use super::record::RawRecord;
use super::rejection::Rejection;

/// A record that was rejected, with its raw bytes and the reason. Stored in the transaction that moves the checkpoint
/// past it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub record: RawRecord,
    pub rejection: Rejection,
    /// For a `sequence_conflict`: the event that lost.
    pub conflict: Option<ConflictKey>,
}

/// One of the events that contend for a sequence of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConflictKey {
    pub provider_order_id: Uuid,
    pub sequence: i64,
    pub event_id: Uuid,
}
