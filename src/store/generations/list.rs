//! Lists the generations.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::generation::Generation;
use crate::domain::generations::generation::{GenerationInfo, GenerationState, Progress};
use crate::domain::log::positions::{LogPosition, TopicPositions};
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;
use crate::store::tables::checkpoints::record_mark;

/// A builder without a heartbeat for this long counts as gone.
const ALIVE_SECONDS: i32 = 10;

#[derive(sqlx::FromRow)]
struct Row {
    generation: i32,
    state: String,
    projection_version: i32,
    created_at: DateTime<Utc>,
    created_by: String,
    promoted_at: Option<DateTime<Utc>>,
    binary_version: String,
    origin: Value,
    targets: Option<Value>,
    until: Option<Value>,
    failure: Option<String>,
    progress: Option<Json<Progress>>,
    builder_alive: bool,
}

const SELECT: &str =
    "select generation, state, projection_version, created_at, created_by, promoted_at, binary_version,
           origin, targets, until, failure, progress,
           coalesce(seen_at > now() - make_interval(secs => $1), false) as builder_alive
      from foldback.generations";

/// All generations except shadows, oldest first.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<GenerationInfo>, StoreError> {
    let sql = format!("{SELECT} where generation > 0 order by generation");
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(f64::from(ALIVE_SECONDS)).fetch_all(conn).await?;
    rows.into_iter().map(|row| info(row).map(|(info, _)| info)).collect()
}

/// One generation, and where its load ends.
pub async fn find(
    conn: &mut PgConnection,
    generation: Generation,
) -> Result<Option<(GenerationInfo, Option<Value>)>, StoreError> {
    let sql = format!("{SELECT} where generation = $2");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(f64::from(ALIVE_SECONDS))
        .bind(generation.0)
        .fetch_optional(conn)
        .await?;
    row.map(info).transpose()
}

fn info(row: Row) -> Result<(GenerationInfo, Option<Value>), StoreError> {
    let state = GenerationState::parse(&row.state).ok_or_else(|| StoreError::Corrupt {
        table: "generations",
        detail: format!("state `{}` of generation {}", row.state, row.generation),
    })?;
    let info = GenerationInfo {
        generation: row.generation,
        state,
        projection_version: row.projection_version,
        created_at: Timestamp::from_datetime(row.created_at),
        created_by: row.created_by,
        promoted_at: row.promoted_at.map(Timestamp::from_datetime),
        binary_version: row.binary_version,
        origin: row.origin,
        until: row.until,
        failure: row.failure,
        progress: row.progress.map(|json| json.0),
        builder_alive: row.builder_alive,
    };
    Ok((info, row.targets))
}

/// Progress of the rebuild whose process is alive; the furthest, if there are several. Shadows don't count.
pub async fn running(conn: &mut PgConnection) -> Result<Option<Progress>, StoreError> {
    let generations = list(conn).await?.into_iter();
    let running = generations.filter(|info| info.state == GenerationState::Building && info.builder_alive);
    Ok(running.filter_map(|info| info.progress).max_by(|one, other| one.ratio.total_cmp(&other.ratio)))
}

/// The live generation and its projection version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    pub generation: Generation,
    pub projection_version: i32,
}

pub async fn live_projection(conn: &mut PgConnection) -> Result<Live, StoreError> {
    let sql = "select generation, projection_version from foldback.generations where state = 'live'";
    let (generation, projection_version) =
        sqlx::query_as(sql).fetch_optional(conn).await?.ok_or(StoreError::NotMigrated)?;
    Ok(Live { generation: Generation(generation), projection_version })
}

/// A generation's checkpoints: next offset by topic and partition.
pub async fn checkpoints(conn: &mut PgConnection, generation: Generation) -> Result<TopicPositions, StoreError> {
    let sql = "select topic, partition, next_offset from {schema}.checkpoints";
    let rows: Vec<(String, i32, i64)> = sqlx::query_as(generation.sql(sql)).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(topic, partition, offset)| ((topic, partition), offset)).collect())
}

#[derive(sqlx::FromRow)]
struct PositionRow {
    topic: String,
    partition: i32,
    next_offset: i64,
    leader_epoch: Option<i32>,
    last_record_offset: Option<i64>,
    last_record_millis: Option<i64>,
}

/// The same with what is known of the log there.
pub async fn log_positions(
    conn: &mut PgConnection,
    generation: Generation,
) -> Result<BTreeMap<(String, i32), LogPosition>, StoreError> {
    let sql = "select topic, partition, next_offset,
                      case when leader_epoch_offset = next_offset then leader_epoch end as leader_epoch,
                      case when leader_epoch_offset = next_offset then last_record_offset end as last_record_offset,
                      last_record_millis
                 from {schema}.checkpoints";
    let rows: Vec<PositionRow> = sqlx::query_as(generation.sql(sql)).fetch_all(conn).await?;
    let position = |row: PositionRow| {
        let last_record = record_mark(row.last_record_offset, row.last_record_millis);
        let position = LogPosition { next_offset: row.next_offset, leader_epoch: row.leader_epoch, last_record };
        ((row.topic, row.partition), position)
    };
    Ok(rows.into_iter().map(position).collect())
}
