//! Pages of lists.

use uuid::Uuid;

use super::rows::ReplayRow;
use crate::domain::orders::order::Order;
use crate::domain::orders::refill::Refill;

/// A part of a list. It has at least one row, unless the list has none behind the place where it was to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Rows follow.
    pub more: bool,
}

/// Where the lists of an order's page begin: behind the rows with these ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderPlace {
    pub replay_id: Option<Uuid>,
    pub refill_id: Option<Uuid>,
}

/// An order with a page of its replays and one of its refills, both by id.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderPage {
    /// Without any replay or refill.
    pub order: Order,
    pub replays: Page<ReplayRow>,
    pub refills: Page<Refill>,
}
