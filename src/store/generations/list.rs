//! Lists the generations.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

use super::generation::Generation;
use crate::domain::generations::generation::{GenerationInfo, GenerationState, Progress};
use crate::domain::generations::verification::{Verification, VerifyResult};
use crate::domain::log::key_share::KeySample;
use crate::domain::log::positions::{LogPosition, TopicPositions};
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;
use crate::store::tables::checkpoints::record_mark;

/// A builder without a heartbeat for this long counts as gone.
pub(super) const ALIVE_SECONDS: i32 = 10;

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
    verified_at: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    verification: VerificationRow,
}

/// The newest verification of a generation; all null where there was none.
#[derive(sqlx::FromRow)]
struct VerificationRow {
    verify_started_at: Option<DateTime<Utc>>,
    verify_finished_at: Option<DateTime<Utc>>,
    verify_result: Option<String>,
    verify_per_million: Option<i32>,
    verify_differences: Option<i64>,
    verify_started_by: Option<String>,
    verify_projection_version: Option<i32>,
    verify_binary_version: Option<String>,
    verify_checkpoints: Option<Value>,
    verify_failure: Option<String>,
}

const SELECT: &str = "select listed.generation, state, listed.projection_version, created_at, created_by, promoted_at,
           listed.binary_version, origin, targets, until, listed.failure, progress,
           coalesce(seen_at > now() - make_interval(secs => $1), false) as builder_alive,
           (select max(finished_at) from foldback.verifications as proof
             where proof.generation = listed.generation and result = 'equal' and per_million = 1000000) as verified_at,
           newest.started_at as verify_started_at, newest.finished_at as verify_finished_at,
           newest.result as verify_result, newest.per_million as verify_per_million,
           newest.differences as verify_differences, newest.started_by as verify_started_by,
           newest.projection_version as verify_projection_version, newest.binary_version as verify_binary_version,
           newest.checkpoints as verify_checkpoints, newest.failure as verify_failure
      from foldback.generations as listed
      left join lateral (select * from foldback.verifications as each where each.generation = listed.generation
                          order by id desc limit 1) as newest on true";

/// All generations except shadows, oldest first.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<GenerationInfo>, StoreError> {
    let sql = format!("{SELECT} where listed.generation > 0 order by listed.generation");
    let rows: Vec<Row> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(f64::from(ALIVE_SECONDS)).fetch_all(conn).await?;
    rows.into_iter().map(|row| info(row).map(|(info, _)| info)).collect()
}

/// One generation, and where its load ends.
pub async fn find(
    conn: &mut PgConnection,
    generation: Generation,
) -> Result<Option<(GenerationInfo, Option<Value>)>, StoreError> {
    let sql = format!("{SELECT} where listed.generation = $2");
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
        verified_at: row.verified_at.map(Timestamp::from_datetime),
        last_verification: row.verification.verification(),
    };
    Ok((info, row.targets))
}

impl VerificationRow {
    fn verification(self) -> Option<Verification> {
        let sample = KeySample { per_million: u32::try_from(self.verify_per_million?).unwrap_or(0) };
        Some(Verification {
            started_at: Timestamp::from_datetime(self.verify_started_at?),
            finished_at: self.verify_finished_at.map(Timestamp::from_datetime),
            // The table takes no other texts.
            result: self.verify_result.as_deref().and_then(VerifyResult::parse),
            percent: Verification::percent_of(sample),
            differences: self.verify_differences,
            started_by: self.verify_started_by?,
            projection_version: self.verify_projection_version?,
            binary_version: self.verify_binary_version?,
            checkpoints: self.verify_checkpoints,
            failure: self.verify_failure,
        })
    }
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
