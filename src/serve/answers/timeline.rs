//! An event of an order's history.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::HistoryRow;

/// `payload` has the Avro schema's own field names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventAnswer {
    pub sequence: i64,
    event_id: Uuid,
    event_type: String,
    occurred_at: Timestamp,
    payload: Value,
    topic: String,
    partition: i32,
    offset: i64,
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
