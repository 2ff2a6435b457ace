//! What goes into a fold: records in the order in which they were read.

use crate::domain::event::OrderEvent;
use crate::domain::record::RawRecord;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::run::Run;

/// A record and what it turned out to say. The raw record stays beside it, since it may yet become a dead letter.
#[derive(Debug, Clone)]
pub struct Item {
    pub record: RawRecord,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    Order(Box<OrderEvent>),
    Run(Box<Run>),
    Rejected(Rejection),
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    Duplicate,
    DeadLetter(Reason),
}
