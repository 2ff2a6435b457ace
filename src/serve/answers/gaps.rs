//! Orders that miss events.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::timestamp::Timestamp;
use crate::domain::views::gaps::{GapPage, MissingRange, OrderGaps};

/// Sequences that an order misses, both ends included.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MissingRange)]
pub struct MissingRangeAnswer {
    /// The first missing sequence.
    #[schema(minimum = 1, examples(3))]
    first: i64,
    /// The last missing sequence before one that has come.
    #[schema(minimum = 1, examples(4))]
    last: i64,
}

/// An order that misses events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderGaps)]
pub struct GapsAnswer {
    /// The order's id.
    #[schema(examples("c56a4180-65aa-42ec-a945-5fd21dec0538"))]
    provider_order_id: Uuid,
    /// Since when the log shows that an event is missing: the earliest timestamp of the records behind the first missing
    /// sequence. Null: those records have no timestamp.
    #[schema(examples("2026-11-23T10:05:30.250000+00:00"))]
    since: Option<Timestamp>,
    /// The order's highest sequence.
    #[schema(minimum = 1, examples(7))]
    last_sequence: i64,
    /// How many of the sequences up to it are missing.
    #[schema(minimum = 1, examples(2))]
    missing_events: i64,
    /// By sequence, at most 100.
    missing: Vec<MissingRangeAnswer>,
    /// How many ranges there are, listed or not.
    #[schema(minimum = 1, examples(1))]
    missing_ranges: i64,
}

/// One page of the orders that miss events, by id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GapPage)]
pub struct GapPageAnswer {
    /// May be empty although another page follows: with `sinceBefore`, only so many orders are looked at for one page.
    items: Vec<GapsAnswer>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    next_cursor: Option<String>,
}

impl GapPageAnswer {
    pub fn new(page: GapPage, cursor: impl Fn(Uuid) -> Option<String>) -> GapPageAnswer {
        let next_cursor = page.next_after.and_then(cursor);
        GapPageAnswer { items: page.rows.into_iter().map(GapsAnswer::from).collect(), next_cursor }
    }
}

impl From<OrderGaps> for GapsAnswer {
    fn from(gaps: OrderGaps) -> GapsAnswer {
        let range = |MissingRange { first, last }| MissingRangeAnswer { first, last };
        GapsAnswer {
            provider_order_id: gaps.provider_order_id,
            since: gaps.since,
            last_sequence: gaps.last_sequence,
            missing_events: gaps.missing_events,
            missing: gaps.missing.into_iter().map(range).collect(),
            missing_ranges: gaps.missing_ranges,
        }
    }
}
