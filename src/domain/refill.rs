//! A refill of an order: the last writer wins.

use uuid::Uuid;

use super::money::Money;
use super::timestamp::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    pub refill_id: Uuid,
    /// Sequence of the event that stands.
    pub sequence: i64,
    pub amount: Money,
    pub performed_at: Timestamp,
    pub response: Option<String>,
}
