//! An event of an order's history.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::HistoryRow;

/// An event of an order's history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub struct EventAnswer {
    /// The event's place among those of its order, from 1.
    #[schema(minimum = 1, examples(9))]
    sequence: i64,
    /// The event's own id.
    #[schema(examples("7c9e6679-7425-40de-944b-e07fc1f90009"))]
    event_id: Uuid,
    /// The name of the payload's record in snake_case.
    #[schema(examples("order_cancelled"))]
    event_type: String,
    /// When it happened, as its publisher says.
    #[schema(examples("2026-11-23T10:00:00.000000+00:00"))]
    occurred_at: Timestamp,
    /// Every field of the payload, under its name in the Avro schema. Times are ISO 8601, decimals text with four
    /// digits behind the point.
    #[schema(value_type = Object, examples(json!({"reason": "refunded"})))]
    payload: Value,
    /// The topic of the log that it was read from.
    #[schema(examples("provider-orders"))]
    topic: String,
    /// The partition of that topic.
    #[schema(minimum = 0, examples(3))]
    partition: i32,
    /// The offset in that partition.
    #[schema(minimum = 0, examples(48213))]
    offset: i64,
    /// The record's timestamp in the log; null if it has none.
    #[schema(examples("2026-11-23T10:00:00.112000+00:00"))]
    recorded_at: Option<Timestamp>,
}

impl From<HistoryRow> for EventAnswer {
    fn from(row: HistoryRow) -> EventAnswer {
        EventAnswer {
            sequence: row.sequence,
            event_id: row.event_id,
            event_type: row.event_type,
            occurred_at: row.occurred_at,
            payload: row.payload,
            topic: row.topic,
            partition: row.position.partition,
            offset: row.position.offset,
            recorded_at: row.recorded_at,
        }
    }
}
