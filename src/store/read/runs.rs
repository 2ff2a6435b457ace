//! Automation runs, newest first by (ran_at, run_id).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use sqlx::types::Json;
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::RunFilter;
use crate::store::error::StoreError;

use super::columns::{bind_time, parsed, time, time_opt};
use super::snapshot::View;

const TABLE: &str = "automation_runs";

#[derive(sqlx::FromRow)]
struct RunRow {
    event_id: Uuid,
    run_id: Uuid,
    revision: i32,
    run_type: String,
    status: String,
    started_at: Option<DateTime<Utc>>,
    ran_at: DateTime<Utc>,
    summary: Json<Map<String, Value>>,
    metadata: Json<Map<String, Value>>,
    backlog_total: Option<i64>,
    next_scheduled_at: Option<DateTime<Utc>>,
    alerts_sent: Option<i32>,
}

impl View<'_> {
    /// The newest run of a type.
    pub async fn latest_run(&mut self, run_type: RunType) -> Result<Option<Run>, StoreError> {
        Ok(self.run_history(run_type, 1).await?.pop())
    }

    /// The newest runs of a type.
    pub async fn run_history(&mut self, run_type: RunType, limit: u32) -> Result<Vec<Run>, StoreError> {
        self.runs(RunFilter { run_type: Some(run_type), ..RunFilter::default() }, None, limit).await
    }

    /// At most `limit` runs after (that is, older than) the run at `after`.
    pub async fn runs(
        &mut self,
        filter: RunFilter,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Run>, StoreError> {
        let types = filter.run_type.map_or(vec![RunType::Replay, RunType::Alert], |run_type| vec![run_type]);
        let types: Vec<&str> = types.into_iter().map(RunType::as_str).collect();
        let rows: Vec<RunRow> = sqlx::query_as(AssertSqlSafe(page_sql(&self.generation.schema())))
            .bind(types)
            .bind(bind_time(after.map(|(ran_at, _)| ran_at)))
            .bind(after.map(|(_, run_id)| run_id))
            .bind(bind_time(filter.from))
            .bind(bind_time(filter.to))
            .bind(i64::from(limit))
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.automation_runs.list"))
            .await?;
        rows.into_iter().map(Run::try_from).collect()
    }
}

/// Each type is read by its own range of the index (run_type, ran_at, run_id), then merged. The bounds are coalesced
/// rather than compared with null, so that they remain bounds of that range.
fn page_sql(schema: &str) -> String {
    format!(
        "select page.* from unnest($1::text[]) as types (run_type)
          cross join lateral (
             select event_id, run_id, revision, run_type, status, started_at, ran_at, summary, metadata, backlog_total,
                    next_scheduled_at, alerts_sent
               from {schema}.automation_runs runs
              where runs.run_type = types.run_type
                and (ran_at, run_id) < (coalesce($2, 'infinity'::timestamptz),
                                        coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
                and ran_at >= coalesce($4, '-infinity'::timestamptz)
                and ran_at < coalesce($5, 'infinity'::timestamptz)
              order by ran_at desc, run_id desc limit $6) page
          order by ran_at desc, run_id desc limit $6"
    )
}

impl TryFrom<RunRow> for Run {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Run, StoreError> {
        Ok(Run {
            event_id: row.event_id,
            run_id: row.run_id,
            revision: row.revision,
            run_type: parsed(TABLE, "run_type", &row.run_type, RunType::parse)?,
            status: parsed(TABLE, "status", &row.status, RunStatus::parse)?,
            started_at: time_opt(row.started_at),
            ran_at: time(row.ran_at),
            summary: row.summary.0,
            metadata: row.metadata.0,
            backlog_total: row.backlog_total,
            next_scheduled_at: time_opt(row.next_scheduled_at),
            alerts_sent: row.alerts_sent,
        })
    }
}
