//! The history of an order.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::log::position::Position;
use crate::domain::views::rows::HistoryRow;
use crate::store::error::StoreError;

use super::columns::{time, time_opt};
use super::snapshot::View;

#[derive(sqlx::FromRow)]
struct EventRow {
    sequence: i64,
    event_id: Uuid,
    event_type: String,
    occurred_at: DateTime<Utc>,
    payload: Json<Value>,
    topic: String,
    partition: i32,
    offset: i64,
    recorded_at: Option<DateTime<Utc>>,
}

impl View<'_> {
    /// At most `limit` events with sequences above `after` (0: from the first), ascending.
    pub async fn timeline(&mut self, id: Uuid, after: i64, limit: u32) -> Result<Vec<HistoryRow>, StoreError> {
        let sql = format!(
            "select sequence, event_id, event_type, occurred_at, payload, topic, partition, \"offset\", recorded_at
               from {}.provider_order_events where provider_order_id = $1 and sequence > $2
              order by sequence limit $3",
            self.generation.schema()
        );
        let rows: Vec<EventRow> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(id)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.provider_order_events.list"))
            .await?;
        Ok(rows.into_iter().map(HistoryRow::from).collect())
    }
}

impl From<EventRow> for HistoryRow {
    fn from(row: EventRow) -> HistoryRow {
        HistoryRow {
            sequence: row.sequence,
            event_id: row.event_id,
            event_type: row.event_type,
            occurred_at: time(row.occurred_at),
            payload: row.payload.0,
            topic: row.topic,
            position: Position { partition: row.partition, offset: row.offset },
            recorded_at: time_opt(row.recorded_at),
        }
    }
}
