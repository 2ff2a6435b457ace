//! A refill of an order: the last writer wins.

use uuid::Uuid;

use super::money::Money;
use crate::domain::timestamp::Timestamp;

/// Current state of a refill of an order, unique by `refill_id` within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    pub refill_id: Uuid,
    /// Sequence of the winning event.
    pub sequence: i64,
    pub amount: Money,
    pub performed_at: Timestamp,
    pub response: Option<String>,
}
