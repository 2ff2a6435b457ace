//! Backlog by provider. The cost grows with providers and overdue replays, not with orders.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use tracing::Instrument;

use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::{Backlog, ProviderBacklog};
use crate::store::error::StoreError;

use super::columns::{bind_time, time_opt};
use super::snapshot::View;

#[derive(sqlx::FromRow)]
struct BacklogRow {
    provider_id: Option<String>,
    scheduled_backlog: i64,
    next_scheduled_at: Option<DateTime<Utc>>,
}

impl View<'_> {
    /// Every provider that has a scheduled replay, the unknown one last; `overdue` as of `now`.
    pub async fn backlog(&mut self, now: Timestamp) -> Result<Vec<ProviderBacklog>, StoreError> {
        let overdue = self.overdue(now).await?;
        let sql = format!(
            "select provider_id, scheduled_backlog, next_scheduled_at from {}.backlog
              order by provider_id collate \"C\" nulls last",
            self.generation.schema()
        );
        let rows: Vec<BacklogRow> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.backlog.list"))
            .await?;
        Ok(rows.into_iter().map(|row| provider_backlog(row, &overdue)).collect())
    }

    /// Number of overdue replays by provider.
    async fn overdue(&mut self, now: Timestamp) -> Result<HashMap<Option<String>, i64>, StoreError> {
        // Two ranges of the index on due times; written with `or`, Postgres may read the whole table.
        let sql = format!(
            "select provider_id, count(*) from (
                 select provider_id from {0}.replays where status = 'scheduled' and scheduled_for is null
                 union all
                 select provider_id from {0}.replays where status = 'scheduled' and scheduled_for <= $1) due
              group by provider_id",
            self.generation.schema()
        );
        let rows: Vec<(Option<String>, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(now.to_datetime())
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.replays.count_overdue"))
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// When the next scheduled replay after `now` falls due.
    pub async fn next_due_after(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let sql = format!(
            "select min(scheduled_for) from {}.replays where status = 'scheduled' and scheduled_for > $1",
            self.generation.schema()
        );
        let (next,): (Option<DateTime<Utc>>,) = sqlx::query_as(AssertSqlSafe(sql))
            .bind(bind_time(Some(now)))
            .fetch_one(&mut *self.conn)
            .instrument(tracing::debug_span!("db.replays.next_due"))
            .await?;
        Ok(time_opt(next))
    }
}

fn provider_backlog(row: BacklogRow, overdue: &HashMap<Option<String>, i64>) -> ProviderBacklog {
    let backlog = Backlog {
        scheduled_backlog: row.scheduled_backlog,
        next_scheduled_at: time_opt(row.next_scheduled_at),
        overdue: overdue.get(&row.provider_id).copied().unwrap_or(0),
    };
    ProviderBacklog { provider_id: row.provider_id, backlog }
}
