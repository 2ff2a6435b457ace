//! Records at which an operator lets a streak of rejections pass the flood guard.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::new_log::IS_OF_AN_OLDER_LOG;
use crate::domain::log::position::Position;
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// The allowed records of a partition, from an offset on, as far as the generation is of the log that they were said of.
pub async fn allowances(
    conn: &mut PgConnection,
    generation: Generation,
    topic: &str,
    partition: i32,
    from_offset: i64,
) -> Result<HashSet<i64>, StoreError> {
    let older = IS_OF_AN_OLDER_LOG.replace("{decided_at}", "decided.allowed_at");
    let sql = format!(
        "select \"offset\" from foldback.flood_allowances decided
          where topic = $1 and partition = $2 and \"offset\" >= $3 and not {older}"
    );
    let offsets: Vec<i64> =
        sqlx::query_scalar(generation.sql(&sql)).bind(topic).bind(partition).bind(from_offset).fetch_all(conn).await?;
    Ok(offsets.into_iter().collect())
}

/// Lets the streak pass at this record, in every generation. Returns `false` if it was already allowed.
pub async fn allow(conn: &mut PgConnection, topic: &str, partition: i32, offset: i64) -> Result<bool, StoreError> {
    let sql = "insert into foldback.flood_allowances (topic, partition, \"offset\") values ($1, $2, $3)
               on conflict do nothing";
    let done = sqlx::query(sql).bind(topic).bind(partition).bind(offset).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Takes an allowance back. Returns `false` if there is none.
pub async fn disallow(conn: &mut PgConnection, topic: &str, partition: i32, offset: i64) -> Result<bool, StoreError> {
    let sql = "delete from foldback.flood_allowances where topic = $1 and partition = $2 and \"offset\" = $3";
    let done = sqlx::query(sql).bind(topic).bind(partition).bind(offset).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// A record at which a streak may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    pub topic: String,
    pub position: Position,
    pub allowed_at: Timestamp,
}

/// All of them, by topic, partition and offset.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<Allowance>, StoreError> {
    let sql = "select topic, partition, \"offset\", allowed_at from foldback.flood_allowances
                order by topic, partition, \"offset\"";
    let rows: Vec<(String, i32, i64, DateTime<Utc>)> = sqlx::query_as(sql).fetch_all(conn).await?;
    let allowance = |(topic, partition, offset, allowed_at)| Allowance {
        topic,
        position: Position { partition, offset },
        allowed_at: Timestamp::from_datetime(allowed_at),
    };
    Ok(rows.into_iter().map(allowance).collect())
}

/// How far a generation has folded a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedTo {
    pub generation: i32,
    pub is_live: bool,
    pub next_offset: i64,
}

/// Of every generation that has begun with the partition, the oldest first: an allowance counts for those that are not
/// past its record.
pub async fn folded_to(conn: &mut PgConnection, topic: &str, partition: i32) -> Result<Vec<FoldedTo>, StoreError> {
    let sql = "select generation, state = 'live' from foldback.generations where generation > 0 order by generation";
    let generations: Vec<(i32, bool)> = sqlx::query_as(sql).fetch_all(&mut *conn).await?;
    let sql = "select next_offset from {schema}.checkpoints where topic = $1 and partition = $2";
    let mut found = Vec::new();
    for (generation, is_live) in generations {
        let at = sqlx::query_scalar(Generation(generation).sql(sql)).bind(topic).bind(partition);
        let at = at.fetch_optional(&mut *conn).await?;
        found.extend(at.map(|next_offset| FoldedTo { generation, is_live, next_offset }));
    }
    Ok(found)
}
