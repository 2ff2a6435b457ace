//! The history of an order.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::log::position::Position;
use crate::domain::views::page::Page;
use crate::domain::views::rows::HistoryRow;
use crate::store::error::StoreError;

use super::columns::{time, time_opt};
use super::page::PageLimits;
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
    more: bool,
}

impl View<'_> {
    /// Events with sequences above `after` (0: from the first), ascending.
    pub async fn timeline(&mut self, id: Uuid, after: i64, limits: PageLimits) -> Result<Page<HistoryRow>, StoreError> {
        let rows: Vec<EventRow> = sqlx::query_as(self.generation.sql(PAGE))
            .bind(id)
            .bind(after)
            .bind(i64::from(limits.rows_max))
            .bind(limits.bytes())
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.provider_order_events.list"))
            .await?;
        let more = rows.last().is_some_and(|row| row.more);
        Ok(Page { rows: rows.into_iter().map(HistoryRow::from).collect(), more })
    }
}

/// Walks from event to event, since a payload must be read to be measured, and stops one behind the page's last: whether
/// that one is there tells whether another page follows. The bounds keep a join from reading the rest of the order.
const PAGE: &str = "
    with recursive walk (number, sequence, bytes_before, bytes) as (
        select 0::bigint, $2::bigint, 0::bigint, 0::bigint
        union all
        select walk.number + 1, next.sequence, walk.bytes_before + walk.bytes, octet_length(next.payload::text)::bigint
          from walk
         cross join lateral (
            select sequence, payload from {schema}.provider_order_events
             where provider_order_id = $1 and sequence > walk.sequence order by sequence limit 1) next
         where walk.number <= $3 and walk.bytes_before < $4
    ), walked as (
        select *, lead(true, 1, false) over (order by number) as more from walk
    )
    select sequence, event_id, event_type, occurred_at, payload, topic, partition, \"offset\", recorded_at, more
      from walked join {schema}.provider_order_events events using (sequence)
     where events.provider_order_id = $1 and events.sequence > $2
       and events.sequence <= (select max(sequence) from walk)
       and number between 1 and $3 and bytes_before < $4
     order by sequence";

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
