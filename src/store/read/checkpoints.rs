//! How far each partition is folded.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use tracing::Instrument;

use crate::domain::log::rejection::Reason;
use crate::domain::views::rows::CheckpointRow;
use crate::store::error::StoreError;

use super::columns::{parsed, time};
use super::snapshot::View;

#[derive(sqlx::FromRow)]
struct Row {
    topic: String,
    partition: i32,
    next_offset: i64,
    updated_at: DateTime<Utc>,
    streak_reason: Option<String>,
    streak_count: i64,
}

impl View<'_> {
    pub async fn checkpoints(&mut self) -> Result<Vec<CheckpointRow>, StoreError> {
        let sql = format!(
            "select topic, partition, next_offset, updated_at, streak_reason, streak_count from {}.checkpoints
              order by topic, partition",
            self.generation.schema()
        );
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.checkpoints.list"))
            .await?;
        rows.into_iter().map(CheckpointRow::try_from).collect()
    }
}

impl TryFrom<Row> for CheckpointRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<CheckpointRow, StoreError> {
        let reason = row.streak_reason.map(|text| parsed("checkpoints", "streak_reason", &text, Reason::parse));
        Ok(CheckpointRow {
            topic: row.topic,
            partition: row.partition,
            next_offset: row.next_offset,
            updated_at: time(row.updated_at),
            streak: reason.transpose()?.map(|reason| (reason, row.streak_count)),
        })
    }
}
