//! Automation runs: the winning report of each.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::copy::Rows;
use super::upsert::Table;
use crate::domain::change::RunEntry;
use crate::domain::log::position::Position;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

pub const RUNS: Table = Table {
    name: "automation_runs",
    columns: &[
        "run_id",
        "run_type",
        "status",
        "started_at",
        "ran_at",
        "summary",
        "metadata",
        "backlog_total",
        "next_scheduled_at",
        "alerts_sent",
        "revision",
        "drift",
        "event_id",
        "topic",
        "partition",
        "\"offset\"",
    ],
    key: &["run_id"],
    arbiter: None,
    // Like domain::run::stands_over, against a report that another instance may have written since.
    guard: "excluded.revision > stored.revision or excluded.revision = stored.revision
            and (excluded.partition, excluded.\"offset\") < (stored.partition, stored.\"offset\")",
};

/// Sorts the winning report of a run first: domain::run::stands_over, as SQL.
pub const STANDING_FIRST: &str = "revision desc, partition, \"offset\"";

pub fn encode(entry: &RunEntry, topic: &str, rows: &mut Rows) {
    let run = &entry.run;
    rows.row(RUNS.columns.len());
    rows.uuid(run.run_id);
    rows.text(run.run_type.as_str());
    rows.text(run.status.as_str());
    rows.optional(run.started_at, Rows::timestamptz);
    rows.timestamptz(run.ran_at);
    encode_json(&run.summary, rows);
    encode_json(&run.metadata, rows);
    rows.optional(run.backlog_total, Rows::int8);
    rows.optional(run.next_scheduled_at, Rows::timestamptz);
    rows.optional(run.alerts_sent, Rows::int4);
    rows.int4(run.revision);
    encode_json(&entry.drift, rows);
    rows.uuid(run.event_id);
    rows.text(topic);
    rows.int4(entry.position.partition);
    rows.int8(entry.position.offset);
}

fn encode_json(value: &impl serde::Serialize, rows: &mut Rows) {
    rows.jsonb(|out| {
        let written = serde_json::to_writer(out, value);
        // JSON that was parsed before, into memory: this can't fail.
        debug_assert!(written.is_ok());
    });
}

/// The stored report of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingReport {
    pub event_id: Uuid,
    pub revision: i32,
    pub position: Position,
}

/// The stored reports of some runs.
pub async fn standing(
    conn: &mut PgConnection,
    generation: Generation,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, StandingReport>, StoreError> {
    let sql = "select run_id, event_id, revision, partition, \"offset\" from {schema}.automation_runs
                where run_id = any($1)";
    let rows = sqlx::query(generation.sql(sql)).bind(ids).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let position = Position { partition: row.try_get("partition")?, offset: row.try_get("offset")? };
            let report =
                StandingReport { event_id: row.try_get("event_id")?, revision: row.try_get("revision")?, position };
            Ok((row.try_get("run_id")?, report))
        })
        .collect()
}
