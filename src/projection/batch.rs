//! What goes into a fold, in the order in which it was read, and what comes out.

use crate::domain::change::ChangeSet;
use crate::domain::log::record::RawRecord;
use crate::domain::log::rejection::{Reason, Rejection};
use crate::domain::orders::event::OrderEvent;
use crate::domain::runs::run::Run;

/// A decoded record. The raw record is kept with it, since it may still become a dead letter.
#[derive(Debug, Clone)]
pub struct Item {
    pub record: RawRecord,
    pub content: Content,
}

/// A decoded record, or why it was rejected.
#[derive(Debug, Clone)]
pub enum Content {
    Order(Box<OrderEvent>),
    Run(Box<Run>),
    Rejected(Rejection),
}

/// Outcome of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    Duplicate,
    DeadLetter(Reason),
}

/// Result of folding a batch.
#[derive(Debug)]
pub struct Folded {
    pub changes: ChangeSet,
    /// Outcome of each record, in the batch's order.
    pub outcomes: Vec<Outcome>,
}
