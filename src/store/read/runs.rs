//! Automation runs, newest first by (ran_at, run_id).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use tracing::Instrument;
use uuid::Uuid;

use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::RunFilter;
use crate::store::error::StoreError;

use super::columns::{bind_time, parsed, time, time_opt};
use super::page::PageLimits;
use super::snapshot::View;

const TABLE: &str = "automation_runs";

/// At most as many runs as were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    pub runs: Vec<Run>,
    /// It ends because of its bytes: more runs may follow.
    pub is_cut: bool,
}

#[derive(sqlx::FromRow)]
struct RunRow {
    event_id: Uuid,
    run_id: Uuid,
    revision: i32,
    run_type: String,
    status: String,
    started_at: Option<DateTime<Utc>>,
    ran_at: DateTime<Utc>,
    summary: String,
    metadata: String,
    backlog_total: Option<i64>,
    next_scheduled_at: Option<DateTime<Utc>>,
    alerts_sent: Option<i32>,
    /// JSON of the page up to and with this run.
    page_bytes: i64,
}

impl View<'_> {
    /// The newest run of a type.
    pub async fn latest_run(&mut self, run_type: RunType) -> Result<Option<Run>, StoreError> {
        Ok(self.run_history(run_type, PageLimits { rows_max: 1, bytes_max: u64::MAX }).await?.runs.pop())
    }

    /// The newest runs of a type.
    pub async fn run_history(&mut self, run_type: RunType, limits: PageLimits) -> Result<RunPage, StoreError> {
        self.runs(RunFilter { run_type: Some(run_type), ..RunFilter::default() }, None, limits).await
    }

    /// The page after (that is, older than) the run at `after`.
    pub async fn runs(
        &mut self,
        filter: RunFilter,
        after: Option<(Timestamp, Uuid)>,
        limits: PageLimits,
    ) -> Result<RunPage, StoreError> {
        let types = filter.run_type.map_or(vec![RunType::Replay, RunType::Alert], |run_type| vec![run_type]);
        let types: Vec<&str> = types.into_iter().map(RunType::as_str).collect();
        let bytes_max = limits.bytes();
        let rows: Vec<RunRow> = sqlx::query_as(AssertSqlSafe(page_sql(&self.generation.schema())))
            .bind(types)
            .bind(bind_time(after.map(|(ran_at, _)| ran_at)))
            .bind(after.map(|(_, run_id)| run_id))
            .bind(bind_time(filter.from))
            .bind(bind_time(filter.to))
            .bind(i64::from(limits.rows_max))
            .bind(bytes_max)
            .fetch_all(&mut *self.conn)
            .instrument(tracing::debug_span!("db.automation_runs.list"))
            .await?;
        let is_cut =
            rows.len() < limits.rows_max as usize && rows.last().is_some_and(|row| row.page_bytes >= bytes_max);
        let runs = rows.into_iter().map(Run::try_from).collect::<Result<_, _>>()?;
        Ok(RunPage { runs, is_cut })
    }
}

/// Walks from run to run, and stops as soon as there are enough rows or bytes. Each step looks into the range of each type
/// of the index (run_type, ran_at, run_id). The bounds are coalesced rather than compared with null, so that they remain
/// bounds of that range.
fn page_sql(schema: &str) -> String {
    format!(
        "with recursive walk (number, ran_at, run_id, page_bytes) as (
             select 0::bigint, coalesce($2, 'infinity'::timestamptz),
                    coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid), 0::bigint
             union all
             select walk.number + 1, next.ran_at, next.run_id,
                    walk.page_bytes + octet_length(next.summary::text) + octet_length(next.metadata::text)
               from walk
              cross join lateral (
                 select newest.* from unnest($1::text[]) as types (run_type)
                  cross join lateral (
                     select ran_at, run_id, summary, metadata from {schema}.automation_runs runs
                      where runs.run_type = types.run_type
                        and (ran_at, run_id) < (walk.ran_at, walk.run_id)
                        and ran_at >= coalesce($4, '-infinity'::timestamptz)
                        and ran_at < coalesce($5, 'infinity'::timestamptz)
                      order by ran_at desc, run_id desc limit 1) newest
                  order by ran_at desc, run_id desc limit 1) next
              where walk.number < $6 and walk.page_bytes < $7)
         select event_id, run_id, revision, run_type, status, started_at, runs.ran_at, summary::text as summary,
                metadata::text as metadata, backlog_total, next_scheduled_at, alerts_sent, page_bytes
           from walk join {schema}.automation_runs runs using (run_id)
          where walk.number > 0 order by walk.number"
    )
}

impl TryFrom<RunRow> for Run {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Run, StoreError> {
        let mut unreadable = None;
        let summary = object("summary", &row.summary, &mut unreadable);
        let metadata = object("metadata", &row.metadata, &mut unreadable);
        Ok(Run {
            event_id: row.event_id,
            run_id: row.run_id,
            revision: row.revision,
            run_type: parsed(TABLE, "run_type", &row.run_type, RunType::parse)?,
            status: parsed(TABLE, "status", &row.status, RunStatus::parse)?,
            started_at: time_opt(row.started_at),
            ran_at: time(row.ran_at),
            summary,
            metadata,
            backlog_total: row.backlog_total,
            next_scheduled_at: time_opt(row.next_scheduled_at),
            alerts_sent: row.alerts_sent,
            unreadable,
        })
    }
}

/// Nothing, and why, if it can't be read: an older version may have accepted what this one doesn't, and one run must not
/// hide all others.
fn object(column: &str, text: &str, unreadable: &mut Option<String>) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_else(|error| {
        unreadable.get_or_insert_with(|| format!("the stored {column} of this run can't be read: {error}"));
        Map::new()
    })
}
